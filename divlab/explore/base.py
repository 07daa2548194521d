"""What every explorer shares: controls -> compute -> draw, one persistent figure, one picture."""

import asyncio
import base64
import contextlib
import html
import json
import math
import threading
import time
from typing import Any

import ipywidgets as widgets
from IPython.core.getipython import get_ipython
from IPython.display import display
from matplotlib.figure import Figure
from traitlets import TraitError

from divlab import figures

_LABEL = {"description_width": "9em"}
WIDTH = widgets.Layout(width="min(100%, 27em)")
# The first event after a rest is drawn at once. Those that follow are read before the picture
# follows them: so many seconds after each, so many at most.
_REST, _QUIET, _PATIENCE = 0.1, 0.003, 0.25
# A kernel may handle messages about widgets in other threads than cells. Figures, and matplotlib's
# settings, are for one at a time.
ALONE = threading.RLock()


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
        layout=WIDTH,
    )


def menu(description: str, options, value=None):
    """A menu of names."""
    options = list(options)
    return widgets.Dropdown(
        options=options,
        value=value if value is not None else options[0],
        description=description,
        tooltip=f"{description}: {len(options)} to choose from",
        style=_LABEL,
        layout=WIDTH,
    )


def button(description: str, icon: str, tooltip: str, *, style: str = ""):
    """A button that says what it does."""
    layout = widgets.Layout(width="auto", min_width="7em")
    return widgets.Button(
        description=description, icon=icon, tooltip=tooltip, button_style=style, layout=layout
    )


def row(children) -> widgets.Box:
    """Widgets side by side, in as many lines as they need."""
    layout = widgets.Layout(display="flex", flex_flow="row wrap", width="100%")
    return widgets.Box(list(children), layout=layout)


class Explorer(widgets.VBox):
    """A widget of controls, one picture and one sentence that states what the picture shows.

    A subclass gives `compute`, from the values of the controls to numbers and arrays, and `draw`,
    from those to the artists of `figure`. Setting a control from Python runs both at once; of the
    events that a browser sends faster than they are drawn, the latest wins. What the controls run
    is compiled when the explorer opens: when it is first displayed, or asked for its `result`.

    Attributes:
        controls: name to control; setting `.value` from Python is the same as a drag.
        figure: the matplotlib figure, whose artists are updated, never made anew.
    """

    def __init__(self, controls: dict[str, widgets.Widget], figure: Figure, *, below=()):
        self.controls, self.figure = controls, figure
        self._result: dict[str, Any] = {}
        self._screen = figures.Screen(figure)
        self._picture = widgets.Image(
            format="png", layout=widgets.Layout(width="100%", max_width="960px")
        )
        self._caption = widgets.HTML()
        self._error = widgets.HTML("<i>Compiling …</i>")
        self._share = _Share(self)
        super().__init__(
            [
                row(controls.values()),
                *below,
                self._picture,
                self._caption,
                self._error,
                self._share,
            ]
        )
        self.add_class("divlab-explorer")
        self._is_started = self._is_paused = False
        self._compiled: set = set()
        self._due: asyncio.TimerHandle | None = None
        self._waiting_since = self._drawn_at = 0.0
        for control in self._settings().values():
            control.observe(self._on_change, "value")
        with contextlib.suppress(RuntimeError):  # no loop: a plain script, which asks for results
            asyncio.get_running_loop().call_soon(self.start)

    def compute(self, *_: Any, **values: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The numbers for `result`, and the arrays that `draw` needs besides."""
        raise TypeError(f"{type(self).__name__} does not define compute.")

    def draw(self, values: dict, result: dict, arrays: dict) -> None:
        """Updates the artists."""
        raise TypeError(f"{type(self).__name__} does not define draw.")

    def caption(self, values: dict, result: dict) -> str:
        """One sentence that states what the picture shows, with its numbers."""
        raise TypeError(f"{type(self).__name__} does not define caption.")

    @property
    def result(self) -> dict[str, Any]:
        """Name to the numbers on display now."""
        self.catch_up()
        return self._result

    def start(self) -> None:
        """Compiles what the controls run and shows the first picture, unless that was done."""
        with ALONE:
            if not self._is_started:
                self.refresh()

    def catch_up(self) -> None:
        """Draws at once what is still to be drawn: the first picture, or one after late events."""
        with ALONE:
            self.start()
            if self._due is not None:
                self.refresh()

    def _settings(self) -> dict[str, widgets.Widget]:
        return {name: c for name, c in self.controls.items() if not isinstance(c, widgets.Button)}

    def values(self) -> dict[str, Any]:
        """The controls' values."""
        return {name: control.value for name, control in self._settings().items()}

    def _on_change(self, _) -> None:
        with ALONE:
            if self._is_paused:
                return
        now = time.monotonic()
        is_first = self._due is None and now - self._drawn_at > _REST
        if is_first or not from_browser():
            self.refresh()
            return
        loop = asyncio.get_running_loop()
        if self._due is None:
            self._waiting_since = now
        elif now - self._waiting_since < _PATIENCE:
            self._due.cancel()
        else:
            return
        self._due = loop.call_later(_QUIET, self.refresh)

    def refresh(self) -> None:
        """Computes and draws from the present values; an error is shown in words."""
        with ALONE:
            self._refresh()

    def _refresh(self) -> None:
        if self._due is not None:
            self._due.cancel()
        self._is_started, self._due = True, None
        values = self.values()
        # Numbers never compile anything; another choice from a menu may.
        choices = tuple(v for v in values.values() if isinstance(v, str))
        if choices not in self._compiled:
            self._error.value = "<i>Compiling …</i>"
        try:
            for name, value in values.items():
                if isinstance(value, float) and not math.isfinite(value):
                    raise ValueError(f"{name} must be a finite number, got {value}.")
            result, arrays = self.compute(**values)
            self.draw(values, result, arrays)
            self._result = result
            self._picture.value = self._screen.png()  # first: the eye is on it
            self._caption.value = html.escape(self.caption(values, result))
            self._compiled.add(choices)
            self._error.value = ""
        except Exception as error:  # a callback's traceback would vanish; the user must see it
            self.show_error(error)
        self._share.update()
        self._drawn_at = time.monotonic()

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
        return json.loads(json.dumps(self.values()))

    def load(self, state: dict[str, Any] | str) -> None:
        """Sets the controls to what `state` returned, given as a dict or as its JSON.

        Raises:
            ValueError: text that is no JSON; a name that is no control of this explorer, or a
                value that its control cannot take. Nothing has changed then.
        """
        state = read_state(state)
        settings = self._settings()
        unknown = sorted(set(state) - set(settings))
        if unknown:
            raise ValueError(
                f"state has {unknown}, which this explorer lacks; it has {sorted(settings)}."
            )
        with ALONE:
            with self.paused():
                self._set(state)
            self.refresh()

    def _set(self, state: dict[str, Any]) -> None:
        """Sets all controls, or none of them if one cannot take its value."""
        settings, before = self._settings(), self.values()
        for name, value in state.items():
            try:
                settings[name].value = value
                is_taken = settings[name].value == value  # one out of range would be clipped
            except TraitError:
                is_taken = False
            if not is_taken:
                for other, former in before.items():
                    settings[other].value = former
                raise ValueError(
                    f"state has {name} = {value!r}, which its control cannot take; "
                    f"it takes {_what_it_takes(settings[name])}."
                )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} explorer>"

    def _repr_mimebundle_(self, **options):
        # Where there is no kernel (a rendered notebook, a pull request) the picture stands in.
        self.start()
        data, metadata = self._view(**options)
        data["image/png"] = base64.b64encode(self._picture.value).decode()
        metadata["image/png"] = {"width": 960}
        return data, metadata

    def _view(self, **options):
        bundle = super()._repr_mimebundle_(**options)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**data, "text/plain": repr(self)}, metadata

    def _ipython_display_(self):
        if self._is_started:
            data, metadata = self._repr_mimebundle_()
            display(data, metadata=metadata, raw=True)
            return
        # The controls are there at once, and say that the rest is being compiled.
        data, metadata = self._view()
        shown = display(data, metadata=metadata, raw=True, display_id=True)
        data, metadata = self._repr_mimebundle_()
        if shown is not None:
            shown.update(data, metadata=metadata, raw=True)


class _Share(widgets.VBox):
    """The state as a line of JSON to copy or to paste, and the figure and numbers as files."""

    def __init__(self, explorer: Explorer):
        self._explorer = explorer
        self.text = widgets.Text(
            description="State",
            continuous_update=False,
            tooltip="Copy this line to share what you see; paste one and press Enter to go there",
            style=_LABEL,
            layout=widgets.Layout(width="min(100%, 40em)"),
        )
        self.save = button("Save figure", "download", "Make files of the picture and its numbers")
        self._links = widgets.HTML()
        self._is_updating = False
        self.text.observe(self._on_text, "value")
        self.save.on_click(lambda _: self.offer_files())
        super().__init__([row([self.text, self.save, self._links])])

    def update(self) -> None:
        self._is_updating = True
        self.text.value = json.dumps(self._explorer.state(), ensure_ascii=False)
        self._links.value = ""
        self._is_updating = False

    def _on_text(self, change) -> None:
        if self._is_updating:
            return
        try:
            self._explorer.load(change["new"])
        except Exception as error:
            self._explorer.show_error(error)

    def offer_files(self) -> None:
        explorer = self._explorer
        explorer.catch_up()
        name = type(explorer).__name__
        files = {
            "PNG": ("image/png", "png", figures.save(explorer.figure, "png")),
            "SVG": ("image/svg+xml", "svg", figures.save(explorer.figure, "svg")),
            "CSV": ("text/csv", "csv", as_csv(explorer.result).encode()),
        }
        self._links.value = " ".join(
            f'<a download="{name}.{ending}" style="padding:0 .4em; text-decoration:underline" '
            f'href="data:{kind};base64,{base64.b64encode(content).decode()}">{label}</a>'
            for label, (kind, ending, content) in files.items()
        )


def from_browser() -> bool:
    """Whether the present change came from a browser, as a message about a widget."""
    kernel = getattr(get_ipython(), "kernel", None)
    if kernel is None:
        return False
    message = kernel.get_parent() or {}
    return message.get("header", {}).get("msg_type") == "comm_msg"


def _what_it_takes(control: widgets.Widget) -> str:
    if hasattr(control, "options"):
        return f"one of {list(control.options)}"
    return f"numbers from {control.min:g} to {control.max:g}"


def read_state(state) -> dict[str, Any]:
    """A state from a dict or from its JSON."""
    if isinstance(state, str):
        try:
            state = json.loads(state)
        except json.JSONDecodeError as error:
            raise ValueError(f"state is no JSON: {error}") from None
    if not isinstance(state, dict):
        raise ValueError(f"state must be what `state()` returned, got {state!r}.")
    return state


def as_csv(result: dict, prefix: str = "") -> str:
    """Lines of name, value; of nested dicts and sequences one line for each number."""
    lines = [] if prefix else ["name,value"]
    for name, value in result.items():
        if isinstance(value, dict):
            lines.append(as_csv(value, f"{prefix}{name}."))
        elif isinstance(value, (list, tuple)):
            lines.append(as_csv(dict(enumerate(value)), f"{prefix}{name}."))
        else:
            lines.append(f"{prefix}{name},{value!r}")
    return "\n".join(lines)


def number(value: float, digits: int = 3) -> str:
    """A number for a sentence; infinity and the absence of a value in words."""
    if math.isnan(value):
        return "undefined"
    if math.isinf(value):
        return "infinite"
    return f"{value:.{digits}f}"
