"""What every explorer shares: controls -> compute -> draw, one persistent figure, one picture."""

import base64
import contextlib
import html
import json
import math
from typing import Any

import ipywidgets as widgets
from matplotlib.figure import Figure

from divlab import figures

_LABEL = {"description_width": "9em"}


def slider(description: str, value: float, low: float, high: float, step: float, unit: str = ""):
    """A slider for a number, labelled with its meaning and range."""
    return widgets.FloatSlider(
        value=value,
        min=low,
        max=high,
        step=step,
        description=description,
        readout_format=".2f",
        tooltip=f"{description}{unit and f' in {unit}'}: {low:g} to {high:g}",
        style=_LABEL,
        layout=widgets.Layout(width="min(100%, 27em)"),
    )


class Explorer(widgets.VBox):
    """A widget of controls, one picture and one sentence that states what the picture shows.

    A subclass gives `compute`, from the values of the controls to numbers and arrays, and `draw`,
    from those to the artists of `figure`. Every change of a control runs both at once.

    Attributes:
        controls: name to control; setting `.value` from Python is the same as a drag.
        result: name to the numbers on display now.
        figure: the matplotlib figure, whose artists are updated, never made anew.
    """

    def __init__(self, controls: dict[str, widgets.Widget], figure: Figure, *, below=()):
        self.controls, self.figure = controls, figure
        self.result: dict[str, Any] = {}
        self._picture = widgets.Image(
            format="png", layout=widgets.Layout(width="100%", max_width="960px")
        )
        self._caption = widgets.HTML()
        self._error = widgets.HTML()
        row = widgets.Layout(display="flex", flex_flow="row wrap", width="100%")
        above = [control for control in controls.values() if control not in below]
        super().__init__(
            [
                widgets.Box(above, layout=row),
                self._picture,
                self._caption,
                self._error,
                *([widgets.Box(list(below), layout=row)] if below else []),
            ]
        )
        self._is_paused = False
        for control in self._settings().values():
            control.observe(lambda _: self.refresh(), "value")
        self.refresh()

    def compute(self, *_: Any, **values: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The numbers for `result`, and the arrays that `draw` needs besides."""
        raise TypeError(f"{type(self).__name__} does not define compute.")

    def draw(self, values: dict, result: dict, arrays: dict) -> None:
        """Updates the artists."""
        raise TypeError(f"{type(self).__name__} does not define draw.")

    def caption(self, values: dict, result: dict) -> str:
        """One sentence that states what the picture shows, with its numbers."""
        raise TypeError(f"{type(self).__name__} does not define caption.")

    def _settings(self) -> dict[str, widgets.Widget]:
        return {name: c for name, c in self.controls.items() if not isinstance(c, widgets.Button)}

    def refresh(self) -> None:
        """Computes and draws from the present values; an error is shown in words."""
        if self._is_paused:
            return
        values = {name: control.value for name, control in self._settings().items()}
        try:
            result, arrays = self.compute(**values)
            self.draw(values, result, arrays)
            self.result = result
            self._caption.value = html.escape(self.caption(values, result))
            self._picture.value = figures.png(self.figure)
            # Laying panels out takes longer than drawing them; once is enough.
            self.figure.set_layout_engine("none")
            self._error.value = ""
        except Exception as error:  # a callback's traceback would vanish; the user must see it
            self.show_error(error)

    @contextlib.contextmanager
    def paused(self):
        """Controls set in this context do not refresh the picture."""
        was, self._is_paused = self._is_paused, True
        try:
            yield
        finally:
            self._is_paused = was

    def show_error(self, error: Exception) -> None:
        text = html.escape(f"{type(error).__name__}: {error}")
        self._error.value = f'<b style="color:#B00020">This did not work. {text}</b>'

    def state(self) -> dict[str, Any]:
        """The controls' values, as a dict that `json.dumps` takes and `load` restores."""
        state = {name: control.value for name, control in self._settings().items()}
        return json.loads(json.dumps(state))

    def load(self, state: dict[str, Any]) -> None:
        """Sets the controls to what `state` returned.

        Raises:
            ValueError: a name that is no control of this explorer.
        """
        settings = self._settings()
        unknown = sorted(set(state) - set(settings))
        if unknown:
            raise ValueError(
                f"state has {unknown}, which this explorer lacks; it has {sorted(settings)}."
            )
        with self.paused():
            for name, value in state.items():
                settings[name].value = value
        self.refresh()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} explorer>"

    def _repr_mimebundle_(self, **options):
        # Where there is no kernel (a rendered notebook, a pull request) the picture stands in.
        bundle = super()._repr_mimebundle_(**options)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        data["text/plain"] = repr(self)
        data["image/png"] = base64.b64encode(self._picture.value).decode()
        metadata["image/png"] = {"width": 960}
        return data, metadata


def number(value: float, digits: int = 3) -> str:
    """A number for a sentence; infinity and the absence of a value in words."""
    if math.isnan(value):
        return "undefined"
    if math.isinf(value):
        return "infinite"
    return f"{value:.{digits}f}"
