"""The controls of explorers: sliders, menus and buttons of one look."""

import html
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import ipywidgets as widgets

from divlab.languages import phrase, tell

LABEL = {"description_width": "6.5em"}
WIDTH = {"width": "100%"}


class Slider(widgets.FloatSlider):
    """A slider that does not take its own start value back from the browser.

    A browser that first shows a slider moves its value to the nearest position, 1.5 to
    1.5000000000000002, and reports that as a change. By then a cell may have set another value.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._start: float | None = self.value

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Takes what the browser reports, but for the first report if it is the start value.

        Args:
            sync_data: name of a trait -> its value.
        """
        start, self._start = self._start, None
        given = sync_data.get("value")
        if isinstance(given, float):  # a browser says 1.2999999999999998 for 1.3
            given = round(given, 10)
            sync_data = {**sync_data, "value": given}
        if start is not None and given is not None and math.isclose(given, start, rel_tol=1e-9):
            sync_data = {name: value for name, value in sync_data.items() if name != "value"}
        super().set_state(sync_data)


def slider(
    description: str, value: float, low: float, high: float, step: float, unit: str = ""
) -> widgets.FloatSlider:
    """A slider for a number; its tooltip says what it means and how far it goes.

    Args:
        description: the label, in English.
        value: where the slider starts.
        low: its lower end.
        high: its upper end.
        step: the distance between two positions.
        unit: the unit of the number, for the tooltip.

    Returns:
        The slider.
    """
    label, unit = tell(description), tell(unit)
    meant = tell("{label} in {unit}", label=label, unit=unit) if unit else label
    return Slider(
        value=value,
        min=low,
        max=high,
        step=step,
        description=label,
        readout_format=".2f",
        tooltip=tell("{label}: {low:g} to {high:g}", label=meant, low=low, high=high),
        style=LABEL,
        layout=WIDTH,
    )


def menu(
    description: str, options: Iterable[Any], value: Any = None, *, words: bool = False
) -> widgets.Dropdown:
    """A menu of names.

    Args:
        description: the label, in English.
        options: what can be chosen.
        value: what is chosen at first; None for the first option.
        words: whether the options are words that are shown in other languages, and not names of
            divlab's own. The value is the English one in every language.

    Returns:
        The menu.
    """
    options, label = list(options), tell(description)
    shown = [tell(one) if words else one for one in options]
    return widgets.Dropdown(
        options=options if shown == options else list(zip(shown, options, strict=True)),
        value=value if value is not None else options[0],
        description=label,
        tooltip=tell("{label}: {count} to choose from", label=label, count=len(options)),
        style=LABEL,
        layout=WIDTH,
    )


def sizes(options: Iterable[int], value: int) -> widgets.SelectionSlider:
    """A slider over numbers of samples, `n`.

    Args:
        options: the numbers, increasing.
        value: where the slider starts.

    Returns:
        The slider.
    """
    options = list(options)
    return widgets.SelectionSlider(
        options=options,
        value=value,
        description=tell("Samples n"),
        tooltip=tell(
            "How many samples of P, and of Q: {least} to {most}",
            least=options[0],
            most=options[-1],
        ),
        style=LABEL,
        layout=WIDTH,
    )


def seed_slider() -> widgets.FloatSlider:
    """A slider over the seeds of samples."""
    control = slider("Seed", 0.0, 0.0, 50.0, 1.0)
    control.readout_format = "d"
    return control


def button(description: str, icon: str, tooltip: str, *, style: str = "") -> widgets.Button:
    """A button that is as wide as its label.

    Args:
        description: the label, in English.
        icon: the name of a Font Awesome icon.
        tooltip: a sentence that says what pressing the button does, in English.
        style: "primary" for the button that a user is likely to want first.

    Returns:
        The button.
    """
    layout = widgets.Layout(width="auto", min_width="5em")
    return widgets.Button(
        description=tell(description),
        icon=icon,
        tooltip=tell(tooltip),
        button_style=style,
        layout=layout,
    )


def of_target() -> dict[str, widgets.Widget]:
    """The sliders of a target of two Gaussians."""
    return {
        "separation": slider("Separation", 4.0, 0.0, 8.0, 0.1),
        "scale": slider("Scale", 0.5, 0.1, 1.5, 0.05),
    }


def of_training(record_every: int) -> dict[str, widgets.Widget]:
    """The controls of a training: its seed, its buttons, and a slider over its recorded steps.

    Args:
        record_every: how many steps lie between two records.

    Returns:
        The controls, by name. The slider has step 0 only, until something is recorded.
    """
    return {
        "seed": widgets.BoundedIntText(
            0,
            min=0,
            max=2**31 - 1,
            description=tell("Seed"),
            tooltip=tell("The same seed gives the same training"),
            style=LABEL,
            layout=WIDTH,
        ),
        "train": button("Train", "play", "Train on from here, or pause", style="primary"),
        "one_step": button(
            "One record", "step-forward", phrase("Train {steps} steps on", steps=record_every)
        ),
        "rewind": button("Rewind", "undo", "Back to the same untrained models"),
        "step": widgets.SelectionSlider(
            options=[0],
            description=tell("Step"),
            tooltip=tell("Move through the recorded training, both ways"),
            continuous_update=True,
            style=LABEL,
            layout=WIDTH,
        ),
    }


def of_progress() -> tuple[widgets.Play, widgets.IntProgress]:
    """What plays a recorded training, and a bar that says how far it has gone."""
    play = widgets.Play(
        interval=100,
        tooltip=tell("Play the recorded training"),
        layout=widgets.Layout(width="auto"),
    )
    bar = widgets.IntProgress(
        0, 0, 1, description=tell("Training"), bar_style="info", style=LABEL, layout=WIDTH
    )
    return play, bar


def settings(controls: Mapping[str, widgets.Widget]) -> dict[str, widgets.Widget]:
    """The controls that have a value, by name."""
    return {name: one for name, one in controls.items() if not isinstance(one, widgets.Button)}


def options_of(control: widgets.Widget) -> list[Any]:
    """The values that can be chosen from a menu, in whichever language it shows them."""
    return [one[1] if isinstance(one, tuple) else one for one in control.options]


def positions(controls: Mapping[str, widgets.Widget]) -> dict[str, dict[str, Any]]:
    """Which values each control takes, for the handles of a picture.

    Args:
        controls: the controls, by name.

    Returns:
        By the name of a control: its `label`, and its `options`, or the ends and the step of its
        range: `low`, `high` and `step`.
    """
    found = {}
    for name, control in settings(controls).items():
        if hasattr(control, "options"):
            found[name] = {"label": control.description, "options": options_of(control)}
        else:
            low, high, step = float(control.min), float(control.max), getattr(control, "step", 1)
            found[name] = {"label": control.description, "low": low, "high": high, "step": step}
    return found


def head(title: str, question: str) -> widgets.HTML:
    """The title of an explorer, and the question that it answers."""
    asked = f"<p>{html.escape(question)}</p>" if question else ""
    shown = widgets.HTML(f"<h2>{html.escape(title)}</h2>{asked}")
    shown.add_class("divlab-head")
    return shown


def group(title: str, children: Iterable[widgets.Widget]) -> widgets.VBox:
    """Controls that belong together, under a small title; buttons stand side by side."""
    name = widgets.HTML(html.escape(title))
    name.add_class("divlab-group-title")
    shown: list[widgets.Widget] = []
    for are_buttons, together in itertools.groupby(children, _is_button):
        some = list(together)
        shown += [row(some)] if are_buttons else some
    box = widgets.VBox([name, *shown])
    box.add_class("divlab-group")
    return box


def _is_button(widget: widgets.Widget) -> bool:
    return isinstance(widget, widgets.Button)


def body(groups: Iterable[widgets.Widget], shown: Iterable[widgets.Widget]) -> widgets.Box:
    """Groups of controls beside what they change; above it where the page is narrow."""
    controls, picture = widgets.VBox(list(groups)), widgets.VBox(list(shown))
    controls.add_class("divlab-controls")
    picture.add_class("divlab-stage")
    box = widgets.Box([controls, picture])
    box.add_class("divlab-body")
    return box


def offer(slider: widgets.SelectionSlider, options: list[int]) -> None:
    """Gives a slider other options, and goes to the last one.

    The page hears of the first option, then of the options, then of the last one. If it still
    stood beyond the end of fewer options, it would move to their end and report that as a change;
    if it heard of the last one first, it would stay where it was.
    """
    if list(slider.options) != options:
        slider.index = 0
        slider.options = options
    slider.value = options[-1]


def row(children: Iterable[widgets.Widget]) -> widgets.Box:
    """Widgets side by side; they wrap to further lines where the page is too narrow."""
    layout = widgets.Layout(display="flex", flex_flow="row wrap", width="100%")
    return widgets.Box(list(children), layout=layout)


def describe_range(control: widgets.Widget) -> str:
    """Says in words which values a control accepts, for an error message."""
    if hasattr(control, "options"):
        return phrase("one of {options}", options=options_of(control))
    return phrase("a number from {low:g} to {high:g}", low=control.min, high=control.max)


def descendants(widget: widgets.Widget) -> Iterator[widgets.Widget]:
    """The widgets that a widget consists of, without itself: children, layouts, styles."""
    for name in widget.keys:
        value = getattr(widget, name)
        for part in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(part, widgets.Widget):
                yield part
                yield from descendants(part)
