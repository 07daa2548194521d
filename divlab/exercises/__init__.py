"""Exercises of the notebooks: predict, then check.

Each notebook's exercises are one file, `notebook_03.py` for 03, with a tuple `EXERCISES`; exercise
"03.2" is its second. Right answers are computed when they are checked, and are stored nowhere.
"""

import importlib
from typing import TYPE_CHECKING

from divlab.exercises.answers import Exercise

if TYPE_CHECKING:
    from divlab.exercises.widget import ExerciseWidget

NOTEBOOKS = tuple(f"{number:02d}" for number in range(13))


def of_notebook(notebook: str) -> tuple[Exercise, ...]:
    """The exercises of a notebook.

    Args:
        notebook: its number, as "03".

    Returns:
        The exercises in their order.
    """
    module = importlib.import_module(f"divlab.exercises.notebook_{notebook}")
    exercises: tuple[Exercise, ...] = module.EXERCISES
    return exercises


class Exercises:
    """`divlab.exercise`: called with a name it returns that exercise; `names` lists them.

    Example:
        >>> import divlab
        >>> divlab.exercise("00.1").check(0.5)
        Verdict(correct=True, message='Right.')
    """

    def names(self) -> list[str]:
        """The names of all exercises, in the order of the notebooks.

        Returns:
            The names, as "03.2" for the second one of notebook 03.

        Example:
            >>> import divlab
            >>> divlab.exercise.names()[0]
            '00.1'
        """
        return [
            f"{notebook}.{number}"
            for notebook in NOTEBOOKS
            for number in range(1, 1 + len(of_notebook(notebook)))
        ]

    def __call__(self, name: str) -> "ExerciseWidget":
        """One exercise, as a widget: a question, an input, Check, Hint and Solution.

        Args:
            name: of the exercise, as "03.2".

        Returns:
            The widget. Its `check(answer)` judges an answer from Python, `question` and `solution`
            are its texts.

        Raises:
            TypeError, ValueError: there is no exercise of that name.

        Example:
            >>> import divlab
            >>> divlab.exercise("00.1").check(0.0).correct
            False
        """
        if not isinstance(name, str):
            raise TypeError(f"name must be a string such as '03.2', got {name!r}.")
        if name not in self.names():
            known = ", ".join(self.names())
            raise ValueError(f"name {name!r} is not an exercise; there are {known}.")
        notebook, number = name.split(".")
        widget = importlib.import_module("divlab.exercises.widget").ExerciseWidget
        found: ExerciseWidget = widget(name, of_notebook(notebook)[int(number) - 1])
        return found


exercise = Exercises()

__all__ = ["exercise"]
