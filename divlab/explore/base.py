"""What every explorer shares: controls -> compute -> draw, one figure, one picture."""

import asyncio
import base64
import contextlib
import html
import json
import math
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import ipywidgets as widgets
from IPython.display import display
from matplotlib.figure import Figure
from traitlets import TraitError

from divlab import figures
from divlab.explore.controls import descendants, describe_range, row
from divlab.explore.events import ALONE, PATIENCE, QUIET, REST, from_browser
from divlab.explore.memory import give_back
from divlab.explore.own_data import OwnData, TwoColumns
from divlab.explore.sharing import Share, read_state


class Explorer(widgets.VBox):
    """A widget of controls, one picture and one sentence that states what the picture shows.

    A subclass defines `compute`, which turns the values of the controls into numbers and arrays,
    `draw`, which shows these on the figure, and `caption`. Setting a control from Python computes
    and draws before the next line runs. A browser may send events faster than they are drawn;
    the latest one is then drawn and those before it are skipped. The programs that the controls
    need are compiled when the explorer opens, that is when it is first displayed or when its
    `result` is first asked for.

    Args:
        controls: the controls by name, in the order in which they are shown.
        figure: the figure, with its artists.
        below: further widgets, between the controls and the picture.
        data: one of them, where a user gives measurements: `OwnData` or `TwoColumns`.

    Attributes:
        controls: the controls by name; setting `.value` from Python is the same as a drag.
        figure: the matplotlib figure; its artists are updated and never made anew.
    """

    def __init__(
        self,
        controls: Mapping[str, widgets.Widget],
        figure: Figure,
        *,
        below: Iterable[widgets.Widget] = (),
        data: OwnData | TwoColumns | None = None,
    ) -> None:
        self.controls, self.figure, self._measurements = dict(controls), figure, data
        self._is_paused = False
        self._result: dict[str, Any] = {}
        self._screen = figures.Screen(figure)
        self._picture = widgets.Image(
            format="png", layout=widgets.Layout(width="100%", max_width="960px")
        )
        self._caption, self._error = widgets.HTML(), widgets.HTML()
        self.show_compiling()
        self._share = Share(self)
        above = [row(controls.values()), *below]
        super().__init__([*above, self._picture, self._caption, self._error, self._share])
        self.add_class("divlab-explorer")
        self._is_started = False
        self._compiled: set[tuple[str, ...]] = set()
        self._due: asyncio.TimerHandle | None = None
        self._waiting_since = self._drawn_at = 0.0
        for control in self._settings().values():
            control.observe(self._on_change, "value")
        with contextlib.suppress(RuntimeError):  # a plain script has no event loop
            asyncio.get_running_loop().call_soon(self.start)

    # `*_` is there for mypy alone: with it a subclass may name its controls as arguments.
    def compute(self, *_: Any, **values: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Computes what the picture shows.

        Args:
            **values: the value of each control, by its name.

        Returns:
            The numbers for `result`, and the arrays that `draw` needs besides them.
        """
        raise TypeError(f"{type(self).__name__} does not define compute.")

    def draw(self, values: dict[str, Any], result: dict[str, Any], arrays: dict[str, Any]) -> None:
        """Updates the artists.

        Args:
            values: the values of the controls.
            result: the numbers that `compute` returned.
            arrays: the arrays that `compute` returned.
        """
        raise TypeError(f"{type(self).__name__} does not define draw.")

    def caption(self, values: dict[str, Any], result: dict[str, Any]) -> str:
        """One sentence that states what the picture shows, with its numbers.

        Args:
            values: the values of the controls.
            result: the numbers that `compute` returned.

        Returns:
            The sentence, as plain text.
        """
        raise TypeError(f"{type(self).__name__} does not define caption.")

    @property
    def result(self) -> dict[str, Any]:
        """The numbers on display now, by name."""
        self.catch_up()
        return self._result

    def start(self) -> None:
        """Shows the first picture, which compiles what the controls run; once only."""
        with ALONE:
            if not self._is_started:
                self.refresh()

    def catch_up(self) -> None:
        """Draws at once what waits to be drawn: the first picture, or that of late events."""
        with ALONE:
            self.start()
            if self._due is not None:
                self.refresh()

    def _settings(self) -> dict[str, widgets.Widget]:
        """The controls that have a value."""
        return {name: c for name, c in self.controls.items() if not isinstance(c, widgets.Button)}

    def values(self) -> dict[str, Any]:
        """The values of the controls, by name."""
        return {name: control.value for name, control in self._settings().items()}

    def _on_change(self, _: Any) -> None:
        with ALONE:
            if self._is_paused:
                return
        now = time.monotonic()
        is_first = self._due is None and now - self._drawn_at > REST
        if is_first or not from_browser():
            self.refresh()
            return
        loop = asyncio.get_running_loop()
        if self._due is None:
            self._waiting_since = now
        elif now - self._waiting_since < PATIENCE:
            self._due.cancel()
        else:
            return
        self._due = loop.call_later(QUIET, self.refresh)

    def refresh(self) -> None:
        """Computes and draws from the present values; shows an error in words.

        It does nothing while refreshing is paused.
        """
        with ALONE:
            if not self._is_paused:
                self._refresh()

    def _refresh(self) -> None:
        if self._due is not None:
            self._due.cancel()
        self._is_started, self._due = True, None
        values = self.values()
        # A new number never compiles anything. A new choice from a menu may.
        choices = tuple(v for v in values.values() if isinstance(v, str))
        if choices not in self._compiled:
            self.show_compiling()
        try:
            for name, value in values.items():
                if isinstance(value, float) and not math.isfinite(value):
                    raise ValueError(f"{name} must be a finite number, got {value}.")
            result, arrays = self.compute(**values)
            self.draw(values, result, arrays)
            self._result = result
            self._picture.value = self._screen.png()  # first, because the eye is on it
            self._caption.value = html.escape(self.caption(values, result))
            self._compiled.add(choices)
            self._error.value = ""
        except Exception as error:  # the user would not see the traceback of a callback
            self.show_error(error)
        self._share.update()
        self._drawn_at = time.monotonic()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """A context in which setting a control does not refresh the picture."""
        was, self._is_paused = self._is_paused, True
        try:
            yield
        finally:
            self._is_paused = was

    def show_error(self, error: Exception) -> None:
        """Shows an error below the picture, in words.

        Args:
            error: the error; its message is shown.
        """
        text = html.escape(f"{type(error).__name__}: {error}")
        self._error.value = f'<b style="color:#B00020">This did not work. {text}</b>'

    def show_compiling(self, what: str = "") -> None:
        """Shows that something is being compiled, until the next picture.

        Args:
            what: the name of it, with its article.
        """
        self._error.value = f"<i>Compiling {what} …</i>" if what else "<i>Compiling …</i>"

    def state(self) -> dict[str, Any]:
        """The values of the controls, and a user's data, for `json.dumps` and for `load`."""
        state: dict[str, Any] = json.loads(json.dumps(self.values()))
        data = self._measurements.state() if self._measurements is not None else None
        return state if data is None else {**state, "data": data}

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
                control cannot take its value, or the data are no measurements. Nothing has
                changed then.
        """
        state = dict(read_state(state))
        settings = self._settings()
        data = state.pop("data", None) if self._measurements is not None else None
        unknown = sorted(set(state) - set(settings))
        if unknown:
            raise ValueError(
                f"state has {unknown}, which this explorer lacks; it has {sorted(settings)}."
            )
        with ALONE:
            with self.paused():
                bring_back = (
                    self._measurements.keep() if self._measurements is not None else lambda: None
                )
                if self._measurements is not None:
                    self._measurements.load(data)
                try:
                    self._set(state)
                except ValueError:
                    bring_back()
                    raise
            self.refresh()

    def _set(self, state: dict[str, Any]) -> None:
        """Sets all controls, or none of them if one cannot take its value."""
        settings, before = self._settings(), self.values()
        for name, value in state.items():
            try:
                settings[name].value = value
                # A control clips a number beyond its range and raises no error.
                is_taken = settings[name].value == value
            except TraitError:
                is_taken = False
            if not is_taken:
                for other, former in before.items():
                    settings[other].value = former
                raise ValueError(
                    f"state has {name} = {value!r}, but this control takes "
                    f"{describe_range(settings[name])}."
                )

    def close(self) -> None:
        """Takes the explorer off every page, and frees what it holds.

        All widgets that it consists of are closed, and the pixels of its figure are given up. Its
        last `result` and its `figure` stay; what was trained does not. A control that is set from
        Python still computes, but nothing shows the picture.
        """
        # ipywidgets calls this from `__del__` too: once more, and when Python ends.
        if self.comm is None or sys.is_finalizing():
            return
        with ALONE:
            self._free()
            for part in list(descendants(self)):
                part.close()
            super().close()
            give_back()

    def _free(self) -> None:
        """Gives up what is large, and what is to be drawn later."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        self._screen.forget()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} explorer>"

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        # The picture is shown where there is no kernel, as in a notebook on a code host.
        self.start()
        data, metadata = self._view(**options)
        data["image/png"] = base64.b64encode(self._picture.value).decode()
        metadata["image/png"] = {"width": 960}
        return data, metadata

    def _view(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """What displays the widget in a notebook, without a picture."""
        bundle = super()._repr_mimebundle_(**options)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**data, "text/plain": repr(self)}, metadata

    def _ipython_display_(self) -> None:
        if self.comm is None:
            print(f"{self!r} is closed; a new one can be displayed.")
            return
        if self._is_started:
            data, metadata = self._repr_mimebundle_()
            display(data, metadata=metadata, raw=True)
            return
        # The controls appear at once, with the words that the rest is being compiled.
        data, metadata = self._view()
        shown = display(data, metadata=metadata, raw=True, display_id=True)
        data, metadata = self._repr_mimebundle_()
        if shown is not None:
            shown.update(data, metadata=metadata, raw=True)


def number(value: float, digits: int = 3) -> str:
    """Writes a number for a sentence.

    Args:
        value: the number.
        digits: how many digits after the decimal point.

    Returns:
        The number; "infinite" or "undefined" where it is infinite or NaN.
    """
    if math.isnan(value):
        return "undefined"
    if math.isinf(value):
        return "infinite"
    return f"{value:.{digits}f}"
