"""Every exercise takes its right answer, recognises its typical mistakes, and shows its solution.

The docstring of each test says what could go wrong without it.
"""

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from speech import lacking

import divlab
from divlab import languages
from divlab.exercises import NOTEBOOKS, of_notebook
from divlab.exercises.answers import Choice, Formula, Mistake, evaluate

NAMES = divlab.exercise.names()
FOLDER = Path(__file__).parents[1] / "notebooks"


def exercise_of(name: str) -> Any:
    notebook, number = name.split(".")
    return of_notebook(notebook)[int(number) - 1]


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_each_notebook_shows_its_exercises(notebook: str) -> None:
    """An exercise could be written and never shown, or a notebook ask for one that is not there."""
    path = next(FOLDER.glob(f"{notebook}_*.ipynb"))
    cells = nbformat.read(path, as_version=4).cells
    (source,) = [c.source for c in cells if "display(divlab.exercise(" in c.source]
    numbers = re.findall(r"\d", source.split(" in ")[1].split(":")[0])
    assert 3 <= len(of_notebook(notebook)) <= 5
    assert [int(number) for number in numbers] == list(range(1, 1 + len(of_notebook(notebook))))


@pytest.mark.parametrize("name", NAMES)
def test_the_right_answer_and_each_mistake(name: str) -> None:
    """A mistake could be taken for the right answer, or for another mistake."""
    found, answer = divlab.exercise(name), exercise_of(name).answer
    verdict = found.check(answer.right())
    assert verdict == (True, "Right.")
    assert answer.mistakes, "no wrong answer is recognised"
    for mistake in [m for m in answer.mistakes if m.answer != answer.right()]:
        is_formula = isinstance(mistake.answer, str)
        given = mistake.answer if is_formula else float(mistake.answer())
        assert found.check(given) == (False, mistake.message)
    if isinstance(answer, Choice):
        assert {m.answer for m in answer.mistakes} >= set(answer.options) - {answer.right()}


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_one_fiftieth_off_is_wrong(name: str) -> None:
    """A check that takes any number would teach nothing."""
    answer = exercise_of(name).answer
    if isinstance(answer, Formula) and not answer.at and float(answer.right()) not in (0.0, 1e400):
        assert not divlab.exercise(name).check(1.02 * float(answer.right()) + 1e-4).correct


@pytest.mark.parametrize("name", NAMES)
def test_hint_and_solution(name: str) -> None:
    """A solution could have no number in it, or set a control that does not take the value.

    Or a part of it could be told in English where the rest is not.
    """
    exercise = exercise_of(name)
    assert exercise.hint
    solution = exercise.solution()
    assert re.search(r"\d", solution)
    for language in map(languages.language, languages.names()[1:]):
        assert not list(lacking(solution, language))
        assert language.tell(solution) != solution
    explorer = getattr(divlab.explore, exercise.explorer)()
    for control, value in exercise.state.items():
        taken = explorer.controls[control]
        if hasattr(taken, "options"):
            values = [o[1] if isinstance(o, tuple) else o for o in taken.options]
            assert value in values, control
        else:
            assert taken.min <= value <= taken.max, control


def test_the_buttons_hint_and_solution() -> None:
    """The hint could give the solution, or the explorer keep its own state."""
    found, exercise = divlab.exercise("00.1"), exercise_of("00.1")
    buttons = {button.description: button for button in found.children[1].children[1:]}
    buttons["Hint"].click()
    assert exercise.hint in found.children[2].value
    buttons["Solution"].click()
    assert found.solution in found.children[2].value
    (explorer,) = found.children[3].children
    for control, value in exercise.state.items():
        assert explorer.controls[control].value == pytest.approx(value)


def test_the_widget_says_what_the_function_says() -> None:
    """The buttons could be wired to nothing."""
    found = divlab.exercise("00.1")
    entry, check = found.children[1].children[:2]
    for given, correct in ((str(exercise_of("00.1").answer.right()), True), ("17", False)):
        entry.value = given
        check.click()
        assert found.check(given).message in found.children[2].value
        assert found.check(given).correct == correct
    entry.value = "delta^2"
    check.click()
    assert "'delta^2' could not be worked out" in found.children[2].value  # as it was typed


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0,5", 0.5),
        ("log(0,5)", -0.69314718),
        ("log(2)/2", 0.34657359),
        ("−3^2", -9.0),
        ("2·π", 6.2831853),
        ("inf", 1e400),
    ],
)
def test_formulas_as_people_type_them(text: str, value: float) -> None:
    """A right answer could be refused because of how it was typed."""
    assert evaluate(text, {}) == pytest.approx(value)


@pytest.mark.parametrize("text", ["268337", "268,337", "268.337", "268337,3"])
def test_a_mark_between_thousands_is_no_decimal_mark(text: str) -> None:
    """A right answer could be refused because it was typed as 268,337."""
    assert divlab.exercise("05.1").check(text).correct
    assert not divlab.exercise("05.1").check("268,3").correct


def test_a_logarithm_takes_one_number() -> None:
    """A decimal comma could be taken for the base of the logarithm."""
    with pytest.raises(ValueError, match="could not be worked out"):
        evaluate("log(8, 2)", {})


@pytest.mark.parametrize("text", ["", "foo", "1/0", "log(0)", "__import__('os')", "9**9**9**9"])
def test_what_is_no_number_is_refused(text: str) -> None:
    """An error of the parser could reach a student, or a formula run code."""
    with pytest.raises(ValueError, match=r"could not be worked out|must not be empty"):
        Formula(lambda: 1.0, mistakes=(Mistake(lambda: 2.0, "twice"),)).judge(text)


@pytest.mark.parametrize("name", [3, None, "3.2", "03.9", ""])
def test_unknown_exercises_are_refused(name: Any) -> None:
    """A mistyped name could show another exercise."""
    with pytest.raises((TypeError, ValueError), match="name"):
        divlab.exercise(name)
