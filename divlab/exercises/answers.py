"""What an exercise asks for: a number, a formula or a choice, and how an answer is judged."""

import itertools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, runtime_checkable

from simpleeval import DEFAULT_OPERATORS, InvalidExpression, simple_eval

from divlab.languages import phrase


def _log(value: float) -> float:
    return math.log(value)


# Each takes one number, so that a comma between digits can be nothing but a decimal comma.
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: getattr(math, name) for name in ("exp", "sqrt", "erf", "log2")
}
_FUNCTIONS |= {"log": _log, "ln": _log, "abs": abs}
_CONSTANTS = {"pi": math.pi, "e": math.e, "inf": math.inf}
# Greek letters as people type them in words, and signs as they are typeset.
_SPELLINGS = {"−": "-", "·": "*", "×": "*", "^": "**", "²": "**2", "√": "sqrt", "∞": "inf"}
_SPELLINGS |= {"δ": "delta", "σ": "sigma", "μ": "mu", "θ": "theta", "π": "pi", "β": "beta"}


class Verdict(NamedTuple):
    """What `check` found.

    Attributes:
        correct: whether the answer is right.
        message: a sentence or two about it.
    """

    correct: bool
    message: str


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that people typically give.

    Attributes:
        answer: what it is: the option of a choice, or a function that computes it, with the
            arguments of the right one.
        message: what went wrong.
    """

    answer: Any
    message: str


@runtime_checkable
class Answer(Protocol):
    """A kind of answer."""

    mistakes: Sequence[Mistake]

    def judge(self, given: Any) -> Verdict:
        """Whether an answer is right.

        Args:
            given: the answer, as typed or as a number.
        """

    def right(self) -> Any:
        """The right answer, computed now."""


def evaluate(text: str, names: Mapping[str, float]) -> float:
    """The value of a formula that a reader typed, without Python's own `eval`.

    Args:
        text: the formula: numbers, + - * / ^, parentheses, exp, log, sqrt, erf and `names`.
        names: the variables, with their values.

    Returns:
        The value.

    Raises:
        ValueError: it is no formula, or has no value there.
    """
    typed = text
    for sign, spelled in _SPELLINGS.items():
        text = text.replace(sign, spelled)
    text = re.sub(r"(?<=\d),(?=\d)", ".", text)  # a decimal comma
    known = _CONSTANTS | dict(names)
    try:
        value = simple_eval(text, names=known, functions=_FUNCTIONS, operators=DEFAULT_OPERATORS)
        return float(value)
    except (InvalidExpression, SyntaxError, ArithmeticError, TypeError, ValueError) as error:
        allowed = ", ".join([*names, *_CONSTANTS, *_FUNCTIONS])
        raise ValueError(
            phrase(
                "{text} could not be worked out. Write a number or a formula such as log(2)/2 or "
                "3^2; known names are {allowed}.",
                text=repr(typed),
                allowed=allowed,
            )
        ) from error


def _readings(given: Any) -> list[Any]:
    """What was typed; also without the mark between thousands, where 12,345 may have one."""
    if not (isinstance(given, str) and re.fullmatch(r"[1-9]\d{0,2}([.,]\d{3})+", given.strip())):
        return [given]
    marks, whole = len(re.findall("[.,]", given)), re.sub("[.,]", "", given)
    return [given, whole] if marks == 1 else [whole]


@dataclass(frozen=True)
class Formula:
    """A formula in some variables, or a number if there are none.

    Attributes:
        value: computes the right value, from a value of each variable.
        at: variable -> the values at which formulas are compared.
        written: of a formula in variables, one right way to write it.
        unit: of the value.
        tolerance: how far off an answer may be, as a share of the right one.
        mistakes: wrong answers that are recognised, each a function like `value`, or a formula.
    """

    value: Callable[..., Any]
    at: Mapping[str, Sequence[float]] = field(default_factory=dict)
    written: str = ""
    unit: str = ""
    tolerance: float = 0.01
    mistakes: Sequence[Mistake] = ()

    def right(self) -> str | float:
        """The right number, computed now; of a formula, one right way to write it."""
        return self.written or float(self.value())

    def judge(self, given: Any) -> Verdict:
        """Compares the answer with the right value wherever the variables are."""
        if isinstance(given, bool) or not (isinstance(given, str) or hasattr(given, "__float__")):
            raise TypeError(f"answer must be a number or a string, got {given!r}.")
        points = [
            dict(zip(self.at, values, strict=True))
            for values in itertools.product(*self.at.values())
        ]
        if isinstance(given, str) and not given.strip():
            raise ValueError(phrase("answer must not be empty."))
        readings = [self._values(reading, points) for reading in _readings(given)]
        right = self._values(self.value, points)
        if any(self._agree(found, right) for found in readings):
            return Verdict(True, "Right.")
        for mistake in self.mistakes:
            wrong = self._values(mistake.answer, points)
            if any(self._agree(found, wrong) for found in readings):
                return Verdict(False, mistake.message)
        if not self.unit:
            return Verdict(False, phrase("{given} is not it. The hint may help.", given=given))
        far = "{given} is not it (the answer is in {unit}). The hint may help."
        return Verdict(False, phrase(far, given=given, unit=phrase(self.unit)))

    def _values(self, given: Any, points: Sequence[dict[str, float]]) -> list[float]:
        if isinstance(given, str):
            return [evaluate(given, point) for point in points]
        return [float(given(**point) if callable(given) else given) for point in points]

    def _agree(self, found: Sequence[float], wanted: Sequence[float]) -> bool:
        return all(
            value == right or abs(value - right) <= self.tolerance * max(abs(right), 1e-3)
            for value, right in zip(found, wanted, strict=True)
        )


@dataclass(frozen=True)
class Choice:
    """One of several options.

    Attributes:
        options: what one may choose from.
        value: computes which one is right.
        mistakes: for each wrong option, what is wrong with it.
    """

    options: Sequence[str]
    value: Callable[[], str]
    mistakes: Sequence[Mistake] = ()

    def right(self) -> str:
        """The right option."""
        return self.value()

    def judge(self, given: Any) -> Verdict:
        """Whether it is the right option."""
        if given is None:  # what a menu holds before one chooses
            raise ValueError(phrase("answer must not be empty."))
        if given not in self.options:
            options = ", ".join(self.options)
            raise ValueError(f"answer must be one of {options}; got {given!r}.")
        if given == self.value():
            return Verdict(True, "Right.")
        found = [mistake.message for mistake in self.mistakes if mistake.answer == given]
        return Verdict(False, found[0] if found else "That is not it. The hint may help.")


@dataclass(frozen=True)
class Exercise:
    """A question, what the right answer is, and what to show along with it.

    Attributes:
        question: as HTML, with mathematics between dollar signs.
        answer: the kind of answer.
        hint: a sentence that helps.
        solution: computes the explanation, as HTML, with the numbers that belong to it.
        explorer: the name of an explorer that shows it.
        state: control of that explorer -> its value.
    """

    question: str
    answer: Formula | Choice
    hint: str
    solution: Callable[[], str]
    explorer: str
    state: Mapping[str, Any] = field(default_factory=dict)
