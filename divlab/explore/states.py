"""The states that a page records: which there are, how to get there, and the way back."""

import contextlib
import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

import ipywidgets as widgets
import numpy as np

from divlab.explore import trainer
from divlab.explore.controls import describe_range, options_of, settings
from divlab.explore.events import ALONE
from divlab.explore.trainer import Trainer

MOST = 41  # positions of the one slider of a page for which nothing is asked


class States:
    """All combinations of some positions of some controls.

    Args:
        explorer: the explorer.
        over: name of a control -> how many positions, or these positions; None for the first
            slider, or for the recorded steps of a training.

    Raises:
        ValueError: a control or a position does not exist, or a training is needed.

    Attributes:
        positions: the positions of each control, in the order of the explorer's controls. The
            last control moves fastest.
        retrain: the names of those controls whose every position needs a training of its own.
    """

    def __init__(self, explorer: Any, over: Mapping[str, Any] | None) -> None:
        self._explorer = explorer
        is_trainer = isinstance(explorer, Trainer)
        if over is None:
            over = _first(explorer)
        if not isinstance(over, Mapping) or not over:
            raise ValueError(
                f"over must be a dict such as {dict(_first(explorer))}: the name of a control, and "
                f"how many positions or which ones; got {over!r}."
            )
        free = {n: c for n, c in settings(explorer.controls).items() if not c.disabled}
        unknown = [name for name in over if name not in free]
        if unknown:
            raise ValueError(
                f"over has {unknown}, which cannot be moved in a page; it can have "
                f"{', '.join(free)}."
            )
        fixed = explorer.looks if is_trainer else tuple(free)
        self.retrain = [name for name in free if name in over and name not in fixed]
        steps = [*range(0, trainer.STEPS, trainer.RECORD_EVERY), trainer.STEPS]
        if self.retrain:
            over = {"step": len(steps), **over}
        elif is_trainer and "step" in over and len(explorer.controls["step"].options) == 1:
            raise ValueError(
                "over has step, but nothing is trained yet. Press “Train”, or call "
                'explorer.controls["train"].click(), or name the seeds to train, as in '
                'over={"seed": 3}.'
            )
        self.positions = {
            name: _positions(
                name, control, over[name], steps if self.retrain and name == "step" else None
            )
            for name, control in free.items()
            if name in over
        }

    def __len__(self) -> int:
        return math.prod(map(len, self.positions.values()))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The states in order, as name -> value of each control that moves."""
        for values in itertools.product(*self.positions.values()):
            yield dict(zip(self.positions, values, strict=True))

    def first(self) -> dict[str, Any]:
        """A state that needs a training which is still to be done, or the first one."""
        first, last = ({n: p[i] for n, p in self.positions.items()} for i in (0, -1))
        present = self._explorer.values()
        is_there = all(first[name] == present[name] for name in self.retrain)
        return last if is_there and self.retrain and self._explorer.is_trained else first

    def at(self, places: Mapping[str, int]) -> dict[str, Any]:
        """The positions of some controls, by the place of each among all positions."""
        return {name: self.positions[name][place] for name, place in places.items()}

    @property
    def trainings(self) -> int:
        """How many trainings the states need."""
        if not self.retrain:
            return 0
        return math.prod(len(self.positions[name]) for name in self.retrain)

    def go_to(self, state: Mapping[str, Any]) -> None:
        """Sets the controls, and trains to the end if the state needs another training.

        A run that has diverged has fewer records: its last one stands for all later steps.

        Args:
            state: one of these states.
        """
        explorer, mine = self._explorer, settings(self._explorer.controls)
        with explorer.paused():
            for name in self.positions:
                if name != "step":
                    mine[name].value = state[name]
            if self.retrain and not explorer.is_trained:
                session = explorer.restart()
                while session.advance():
                    pass
                explorer.take_records()
            if "step" in self.positions:
                recorded = mine["step"].options
                mine["step"].value = max(at for at in recorded if at <= max(state["step"], 0))

    @contextlib.contextmanager
    def visit(self) -> Iterator[None]:
        """A context after which the explorer is as it was: its controls and its training."""
        explorer = self._explorer
        bring_back = explorer.keep()
        with ALONE, contextlib.ExitStack() as quiet:
            quiet.enter_context(explorer.paused())
            for control in settings(explorer.controls).values():
                quiet.enter_context(control.hold_sync())  # a browser sees no slider move
            try:
                yield
            finally:
                bring_back()


def _first(explorer: Any) -> dict[str, Any]:
    """What moves where nothing is asked for."""
    if isinstance(explorer, Trainer):
        return {"step": len(explorer.controls["step"].options)}
    free = {n: c for n, c in settings(explorer.controls).items() if not c.disabled}
    kinds = widgets.FloatSlider, widgets.SelectionSlider
    sliders = [name for name, control in free.items() if isinstance(control, kinds)]
    return {(sliders or list(free))[0]: MOST}


def _positions(name: str, control: Any, asked: Any, all_of_them: list[Any] | None) -> list[Any]:
    """The positions of one control.

    Args:
        name: of the control.
        control: the widget.
        asked: how many positions, or a sequence of them.
        all_of_them: the positions there are; None to ask the control.

    Returns:
        The positions: numbers of a slider from left to right.
    """
    what = f"over has {name} = {asked!r}, but this control takes"
    if isinstance(asked, (int, np.integer)) and not isinstance(asked, bool):
        if asked < 1:
            raise ValueError(f"{what} 1 position or more.")
        return _spread(control, int(asked), all_of_them)
    if isinstance(asked, (str, bytes)) or not hasattr(asked, "__iter__"):
        raise ValueError(f"{what} a number of positions or a list of them.")
    found = [one.item() if isinstance(one, np.generic) else one for one in asked]
    if not found:
        raise ValueError(f"{what} 1 position or more.")
    range_of = describe_range(control) if all_of_them is None else f"one of {all_of_them}"
    for one in found:
        if not (_takes(control, one) if all_of_them is None else one in all_of_them):
            raise ValueError(f"{what} {range_of}, and not {one!r}.")
    found = list(dict.fromkeys(found))
    return found if any(isinstance(one, str) for one in found) else sorted(found)


def _spread(control: Any, count: int, all_of_them: list[Any] | None) -> list[Any]:
    """So many positions, evenly spread over those that the control has; one is the present one."""
    if count == 1:
        return [control.value]
    if isinstance(control, widgets.BoundedIntText):  # a seed; the range has no meaning
        return list(range(control.min, min(control.min + count, control.max + 1)))
    if all_of_them is None and hasattr(control, "options"):
        all_of_them = options_of(control)
    if all_of_them is not None:
        return [all_of_them[i] for i in _even(len(all_of_them), count)]
    steps = round((control.max - control.min) / control.step)
    found = [round(control.min + int(i) * control.step, 10) for i in _even(steps + 1, count)]
    return [type(control.value)(one) for one in found]


def _even(length: int, count: int) -> list[int]:
    """So many places in a list of this length, evenly spread; all of them if it has no more."""
    return sorted(set(np.rint(np.linspace(0, length - 1, min(count, length))).astype(int).tolist()))


def _takes(control: Any, value: Any) -> bool:
    """Whether a control has this position."""
    if hasattr(control, "options"):
        return value in options_of(control)
    if isinstance(value, (bool, str)) or not isinstance(value, (int, float)):
        return False
    is_whole = isinstance(control.value, int)
    return control.min <= value <= control.max and not (is_whole and value != int(value))
