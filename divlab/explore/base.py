"""What every explorer shares: controls -> compute -> scene, shown by the browser or as a file."""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import numpy as np
from matplotlib.figure import Figure
from traitlets import TraitError

from divlab import figures
from divlab.explore.address import as_address
from divlab.explore.controls import describe_range, positions, settings
from divlab.explore.drawn import Drawing
from divlab.explore.events import ALONE
from divlab.explore.live import LivePage
from divlab.explore.own_data import OwnData, TwoColumns
from divlab.explore.sharing import as_line, read_state
from divlab.explore.wording import told
from divlab.figures.scene import Scene
from divlab.languages import phrase


class Explorer(LivePage):
    """Controls, one picture, its numbers, and one sentence that states what it shows.

    A subclass defines `compute`, which turns the values of the controls into numbers and arrays,
    `scene`, which turns these into a description of the picture, and `numbers`, `caption` and
    `python`. None of them changes anything.

    Args:
        groups: the controls by name, in groups by the title of each: Target, Model, Training, View.
        more: further widgets, by the title of the group that they stand in.
        data: one of them, where a user gives measurements: `OwnData` or `TwoColumns`.
        drawing: one of them, where a target that is drawn by hand is kept.

    Attributes:
        given: what a state holds besides the values of the controls, by its name there.
    """

    def __init__(
        self,
        groups: Mapping[str, Mapping[str, widgets.Widget]],
        *,
        more: Mapping[str, Iterable[widgets.Widget]] | None = None,
        data: OwnData | TwoColumns | None = None,
        drawing: Drawing | None = None,
    ) -> None:
        self._measurements = data
        self.given = {n: one for n, one in (("data", data), ("drawn", drawing)) if one is not None}
        super().__init__(groups, more or {})

    # What a subclass defines. `*_` is there for mypy alone: with it a subclass may name its
    # controls as arguments.

    def compute(self, *_: Any, **values: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Computes what the picture shows.

        Args:
            **values: the value of each control, by its name.

        Returns:
            The numbers for `result`, and the arrays that `scene` needs besides them.
        """
        raise TypeError(f"{type(self).__name__} does not define compute.")

    def scene(
        self, values: dict[str, Any], result: dict[str, Any], arrays: dict[str, Any]
    ) -> Scene:
        """Describes the picture.

        Args:
            values: the values of the controls.
            result: the numbers that `compute` returned.
            arrays: the arrays that `compute` returned.

        Returns:
            The scene.
        """
        raise TypeError(f"{type(self).__name__} does not define scene.")

    def numbers(self, values: dict[str, Any], result: dict[str, Any]) -> dict[str, str]:
        """The few numbers that matter, above the picture.

        Args:
            values: the values of the controls.
            result: the numbers that `compute` returned.

        Returns:
            The text of each number, by its label.
        """
        return {}

    def caption(self, values: dict[str, Any], result: dict[str, Any]) -> str:
        """One sentence that states what the picture shows, with its numbers.

        Args:
            values: the values of the controls.
            result: the numbers that `compute` returned.

        Returns:
            The sentence, as plain text.
        """
        raise TypeError(f"{type(self).__name__} does not define caption.")

    def python(self, values: dict[str, Any]) -> str:
        """Python that computes and prints the numbers in `result` with divlab's public functions.

        Args:
            values: the values of the controls.

        Returns:
            The code. It prints one line for each number: its name, as in the CSV file of `result`
            (`gan.kl`), a space, and the number with all its digits.
        """
        raise TypeError(f"{type(self).__name__} does not define python.")

    # What a user reads.

    @property
    def result(self) -> dict[str, Any]:
        """The numbers on display now, by name."""
        self.catch_up()
        return self._result

    @property
    def current_scene(self) -> Scene:
        """The description of what is shown now."""
        self.catch_up()
        if self._scene is None:
            raise ValueError("there is no picture yet, because its numbers cannot be computed.")
        return self._scene

    @property
    def figure(self) -> Figure:
        """The matplotlib figure of what is shown now."""
        return figures.paint(self.current_scene)

    def code(self) -> str:
        """A Python snippet that prints the numbers in `result` for the present state.

        Returns:
            The snippet, which needs nothing but divlab and what divlab is built on.
        """
        self.catch_up()
        return self.python(self.values())

    def export(
        self, path: str | Path, *, over: Mapping[str, Any] | None = None, title: str | None = None
    ) -> None:
        """Writes one HTML file that works without a kernel, a server or a network.

        Args:
            path: where to write it.
            over: name of a control -> how many positions it has in the file, spread over its range,
                or these positions. One position is the present one. The other controls stay as
                they are now. Where a control changes what is trained, as `seed` does, each of its
                positions is trained to the end, and the recorded steps move as well. None for the
                first control, or for the recorded steps of a training.
            title: of the page; None for the explorer's own.

        Raises:
            ValueError: a name or a position is none of a control, or the file would have more than
                30 MB; the message says what would fit.
        """
        from divlab.explore.export import write_page  # it imports what it records, this class

        write_page(self, path, over, title)

    def look_at(self, values: dict[str, Any]) -> tuple[dict[str, Any], Scene, dict[str, Any]]:
        """Computes and describes what is to be shown with these values of the controls.

        Args:
            values: the values of the controls.

        Returns:
            The numbers for `result`, the scene, and what the page shows with it.

        Raises:
            ValueError: a value is not a finite number, or nothing can be computed from it.
        """
        for name, value in values.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(
                    phrase(
                        "{name} must be a finite number, got {value}.",
                        name=name,
                        value=value,
                    )
                )
        result, arrays = self.compute(**values)
        values = self.values()  # a training may have started anew, at step 0
        tell, numbers = self.language.tell, self.numbers(values, result)
        more = {
            "title": self.title,
            "question": self.question,
            "numbers": [[tell(label), tell(text)] for label, text in numbers.items()],
            "caption": tell(self.caption(values, result)),
            "controls": positions(self.controls),
            "values": values,
            "state": as_line(self),
            "address": as_address(self.name, self.state()) if self.name else "",
        }
        return result, told(self.scene(values, result, arrays), tell), more

    def state(self) -> dict[str, Any]:
        """The values of the controls, and a user's data or drawing, for `json.dumps` and `load`."""
        state: dict[str, Any] = json.loads(json.dumps(self.values()))
        given = {name: one.state() for name, one in self.given.items()}
        return state | {name: one for name, one in given.items() if one is not None}

    def count_of_measurements(self) -> int:
        """How many numbers of a user's own the state holds."""
        samples = () if self._measurements is None else self._measurements.samples
        return sum(sample.size for sample in samples)

    def load(self, state: dict[str, Any] | str) -> None:
        """Sets the controls to a state.

        Args:
            state: what `state` returned, or the JSON of it.

        Raises:
            ValueError: the text is not JSON, a name belongs to no control of this explorer, a
                control cannot take its value, the data are no measurements, or what was drawn is
                no density. Nothing has changed then.
        """
        state = dict(read_state(state))
        mine = settings(self.controls)
        given = {name: state.pop(name, None) for name in self.given}
        unknown = sorted(set(state) - set(mine))
        if unknown:
            raise ValueError(
                phrase(
                    "state has {unknown}, which this explorer lacks; it has {known}.",
                    unknown=unknown,
                    known=sorted(mine),
                )
            )
        with ALONE:
            with self.paused():
                bring_back = self.keep()
                try:
                    for name, one in self.given.items():
                        one.load(given[name])
                    self._set(state)
                except ValueError:
                    bring_back()
                    raise
            self.refresh()

    def keep(self) -> Callable[[], None]:
        """Keeps the values of the controls, and what a user gave, to come back to them.

        Returns:
            A function that brings them back. It does not refresh the picture.
        """
        values, given = self.values(), [one.keep() for one in self.given.values()]

        def back() -> None:
            with self.paused():
                for one in given:
                    one()
                self._set(values)

        return back

    def draw_target(self, x: Any, heights: Any) -> None:
        """Takes a density that was drawn by hand as the target.

        Args:
            x: the ends of the axis, (2,).
            heights: the density at even steps between them, (n,).

        Raises:
            ValueError: it is no density, or this explorer has no target.
        """
        if "drawn" not in self.given:
            raise ValueError(phrase("this explorer has no target that can be drawn by hand."))
        # In steps of a thousandth of the peak, so that a link can hold it; it is scaled anyway.
        heights = np.asarray(heights, float)
        if heights.size and np.all(np.isfinite(heights)) and heights.max() > 0:
            heights = np.round(1000 * heights / heights.max())
        self.given["drawn"].load({"x": x, "heights": heights.tolist()})

    def _set(self, state: dict[str, Any]) -> None:
        """Sets all controls, or none of them if one cannot take its value."""
        mine, before = settings(self.controls), self.values()
        for name, value in state.items():
            try:
                mine[name].value = value
                # A control clips a number beyond its range and raises no error.
                is_taken = mine[name].value == value
            except TraitError:
                is_taken = False
            if not is_taken:
                for other, former in before.items():
                    mine[other].value = former
                why = phrase(
                    "state has {name} = {value}, but this control takes {range}.",
                    name=name,
                    value=repr(value),
                    range=describe_range(mine[name]),
                )
                raise ValueError(why)


def number(value: float, digits: int = 3) -> str:
    """Writes a number for a sentence.

    Args:
        value: the number.
        digits: how many digits after the decimal point.

    Returns:
        The number; "infinite" or "undefined" where it is infinite or NaN.
    """
    if math.isnan(value):
        return phrase("undefined")
    if math.isinf(value):
        return phrase("infinite")
    return f"{value:.{digits}f}"
