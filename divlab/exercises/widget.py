"""An exercise as a widget: question, input, and the buttons Check, Hint and Solution."""

from typing import Any

import ipywidgets as widgets

from divlab import explore, languages
from divlab.exercises.answers import Choice, Exercise, Verdict
from divlab.languages import phrase

_RIGHT, _WRONG = "#00704A", "#9A5B00"


class ExerciseWidget(widgets.VBox):
    """A question that can be answered here, or by `check` from Python.

    Args:
        name: of the exercise, as "03.2".
        exercise: its question and what the answer is.

    Attributes:
        name: of the exercise.
        question: as HTML, with mathematics between dollar signs.
    """

    def __init__(self, name: str, exercise: Exercise) -> None:
        self._tell = tell = languages.present().tell
        self.name, self.question, self._exercise = name, tell(exercise.question), exercise
        self._input = self._make_input()
        self._message = widgets.HTMLMath()
        self._shown = widgets.VBox()
        self._opened: Any = None
        self._buttons = {
            "Check": self._on_check,
            "Hint": self._on_hint,
            "Solution": self._on_solution,
        }
        row = [self._input]
        for text, action in self._buttons.items():
            button = widgets.Button(description=tell(text), layout=widgets.Layout(width="auto"))
            button.on_click(action)
            row.append(button)
        title = tell(phrase("Exercise {name}.", name=name))
        asked = widgets.HTMLMath(f"<b>{title}</b> {self.question}")
        wrapping = widgets.Layout(flex_flow="row wrap", align_items="center")
        super().__init__([asked, widgets.HBox(row, layout=wrapping), self._message, self._shown])
        self.add_class("divlab-exercise")

    def _make_input(self) -> Any:
        answer, tell = self._exercise.answer, self._tell
        if isinstance(answer, Choice):
            options = [(tell("choose"), None), *((tell(one), one) for one in answer.options)]
            return widgets.Dropdown(options=options, value=None, layout={"width": "auto"})
        shown = phrase("a number, or log(2)/2")
        if answer.at:
            shown = phrase("a formula in {names}", names=", ".join(answer.at))
        if answer.unit:
            shown = phrase("{kind}, in {unit}", kind=shown, unit=phrase(answer.unit))
        layout = {"width": "20em", "max_width": "100%"}
        return widgets.Text(placeholder=tell(shown), layout=layout)

    def check(self, answer: Any) -> Verdict:
        """Judges an answer.

        Args:
            answer: a number, a formula as a string, or an option, in English or as it is shown.

        Returns:
            A `Verdict(correct, message)`.

        Raises:
            TypeError, ValueError: the answer is not of the kind that is asked for.
        """
        right = self._exercise.answer
        if isinstance(right, Choice) and answer not in right.options:
            answer = {self._tell(one): one for one in right.options}.get(answer, answer)
        verdict = right.judge(answer)
        return verdict._replace(message=self._tell(verdict.message))

    @property
    def solution(self) -> str:
        """The explanation, as HTML, with its numbers computed now."""
        return self._tell(self._exercise.solution())

    def _on_check(self, _: Any) -> None:
        try:
            verdict = self.check(self._input.value)
        except (TypeError, ValueError) as error:
            verdict = Verdict(False, self._tell(error.args[0]))
        self._say(verdict.message, _RIGHT if verdict.correct else _WRONG)

    def _on_hint(self, _: Any) -> None:
        self._say(self._tell(self._exercise.hint), "inherit")

    def _on_solution(self, _: Any) -> None:
        self._say(self.solution, "inherit")
        if self._opened is None:
            self._opened = getattr(explore, self._exercise.explorer)()
            for control, value in self._exercise.state.items():
                self._opened.controls[control].value = value
            self._shown.children = [self._opened]

    def _say(self, text: str, color: str) -> None:
        self._message.value = f'<span style="color: {color}">{text}</span>'

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """The widget, and for places without widgets the question."""
        found: Any = super()._repr_mimebundle_(**options)
        shown = {"text/plain": repr(self), "text/markdown": f"**{self.name}** {self.question}"}
        return found | shown if isinstance(found, dict) else (found[0] | shown, found[1])

    def __repr__(self) -> str:
        return f"<exercise {self.name}>"
