"""A scene: what a picture shows, as plain numbers and words, before anyone paints it.

An explorer makes a scene from its numbers by a pure function. Two painters show the same scene: the
browser (`divlab/explore/painter.js`) and matplotlib (`divlab/figures/painter.py`). A scene knows no
colors, only roles; `ROLES` says what a role looks like.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Real
from matplotlib.ticker import MaxNLocator

Numbers = Real[np.ndarray, " _"]
BEYOND = 4.0  # how far outside of a panel a point may lie, in widths of the panel


class Role(NamedTuple):
    """How everything that plays one role looks, in every explorer.

    Attributes:
        color: on a light page. From Okabe & Ito (2008): color-blind readers tell them apart.
        on_dark: the color on a dark page.
        dashes: lengths of dash and gap of a line, in its widths; empty for a full line.
    """

    color: str
    on_dark: str
    dashes: tuple[float, ...] = ()


ROLES: dict[str, Role] = {
    "data": Role("#000000", "#EDEDED"),
    "model": Role("#0072B2", "#5DB7EE", (3.7, 1.6)),
    "other": Role("#C4500A", "#FF9350", (6.4, 1.6, 1.0, 1.6)),
    "third": Role("#00805E", "#2FCB9E", (1.0, 1.65)),
    "fourth": Role("#A8467E", "#E79AC8", (5.0, 1.0, 1.0, 1.0, 1.0, 1.0)),
    "fifth": Role("#8A6100", "#F0B840", (8.0, 2.0)),
    "lost": Role("#B00020", "#FF7088", (1.0, 1.65)),
    "muted": Role("#6B6B6B", "#A6A6A6"),
}


@dataclass(frozen=True)
class Axis:
    """One axis of a panel.

    Attributes:
        label: what it is, with its unit. `_{…}` lowers and `^{…}` raises a part of any text.
        low: where the axis begins, at the left or below.
        high: where it ends; less than `low` where it runs the other way.
        scale: "linear" or "log".
        ticks: value -> its text; None for round numbers.
    """

    label: str
    low: float
    high: float
    scale: Literal["linear", "log"] = "linear"
    ticks: Mapping[float, str] | None = None

    def place(self, values: Any) -> Any:
        """Where values lie: 0 at `low`, 1 at `high`; NaN stays, what is far outside is cut off."""
        with np.errstate(all="ignore"):
            low, high, at = (
                (np.log(np.asarray(a, float)) if self.scale == "log" else np.asarray(a, float))
                for a in (self.low, self.high, values)
            )
            placed = np.clip((at - low) / (high - low), -BEYOND, 1 + BEYOND)
        return placed

    def shown_ticks(self) -> dict[float, str]:
        """The ticks inside the axis, and their texts."""
        low, high = sorted((self.low, self.high))
        if self.ticks is not None:
            return {at: text for at, text in self.ticks.items() if low <= at <= high}
        if self.scale == "log":
            first, last = math.ceil(math.log10(low)), math.floor(math.log10(high))
            every = max(1, (last - first + 1) // 4)
            return {10.0**n: f"10^{{{n}}}".replace("-", "−") for n in range(first, last + 1, every)}
        found = MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
        margin = 1e-9 * (high - low)
        inside = [at for at in found if low - margin <= at <= high + margin]
        return dict(zip(inside, _texts(inside), strict=True))


def _texts(ticks: list[float]) -> list[str]:
    """The texts of round numbers, all with as many decimals as they need to differ."""
    step = min(np.diff(ticks)) if len(ticks) > 1 else 1.0
    largest = max((abs(at) for at in ticks), default=0.0)
    if largest >= 1e5 or (0 < largest < 1e-3):
        return [f"{at:.6g}" for at in ticks]
    decimals = next(n for n in range(9) if abs(step * 10**n - round(step * 10**n)) < 1e-6 or n == 8)
    return [f"{at + 0.0:.{decimals}f}".replace("-", "−") for at in ticks]


@dataclass(frozen=True)
class Mark:
    """What a panel shows. A mark with a label is in the panel's legend, in the order of marks.

    Attributes:
        role: a name in `ROLES`.
        label: its name in the legend and under the pointer; empty for none.
    """

    role: str = field(default="data", kw_only=True)
    label: str = field(default="", kw_only=True)


@dataclass(frozen=True)
class Line(Mark):
    """A curve through points. NaN interrupts it.

    Attributes:
        x: (n,).
        y: (n,).
        width: of the line, in pixels.
        dots: whether to mark the points as well.
        on_right: whether y belongs to the panel's axis at the right.
    """

    x: Numbers
    y: Numbers
    width: float = 2.0
    dots: bool = False
    on_right: bool = False


@dataclass(frozen=True)
class Area(Mark):
    """What lies between two curves, in a light shade.

    Attributes:
        x: (n,).
        low: the lower curve, (n,).
        high: the upper curve, (n,).
        hatch: "" for none, "/" or ".", for areas that are stacked.
    """

    x: Numbers
    low: Numbers
    high: Numbers
    hatch: Literal["", "/", "."] = ""


@dataclass(frozen=True)
class Rug(Mark):
    """Samples, as short upright ticks in the color of the role.

    Attributes:
        x: the samples, (n,).
        y: the height of their middle.
    """

    x: Numbers
    y: float


@dataclass(frozen=True)
class Bars(Mark):
    """Bars from `start` to `end`.

    Attributes:
        at: where the middle of each bar stands on the other axis, (n,).
        start: (n,).
        end: (n,).
        thickness: in units of the other axis.
        along: "x" for bars that lie, "y" for bars that stand.
    """

    at: Numbers
    start: Numbers
    end: Numbers
    thickness: float
    along: Literal["x", "y"] = "x"


@dataclass(frozen=True)
class Points(Mark):
    """Separate points.

    Attributes:
        x: (n,).
        y: (n,).
        shape: "circle", "square" or "plus".
        size: in pixels.
        on_right: whether y belongs to the panel's axis at the right.
    """

    x: Numbers
    y: Numbers
    shape: Literal["circle", "square", "plus"] = "circle"
    size: float = 7.0
    on_right: bool = False


@dataclass(frozen=True)
class Arrows(Mark):
    """Arrows from (x, y) to (x + dx, y + dy).

    Attributes:
        x: (n,).
        y: (n,).
        dx: (n,).
        dy: (n,).
    """

    x: Numbers
    y: Numbers
    dx: Numbers
    dy: Numbers


@dataclass(frozen=True)
class Rule(Mark):
    """A thin straight line across the panel.

    Attributes:
        at: where.
        along: "y" for an upright line at x = `at`, "x" for a level one at y = `at`.
    """

    at: float
    along: Literal["x", "y"] = "y"


@dataclass(frozen=True)
class Texts(Mark):
    """Short texts inside a panel, in the color of all text.

    Attributes:
        x: (n,).
        y: (n,).
        texts: the n texts.
        anchor: which part of each text stands at its point.
        of_panel: whether x and y are shares of the panel, 0 to 1, and no values.
    """

    x: Numbers
    y: Numbers
    texts: tuple[str, ...]
    anchor: Literal["start", "middle", "end"] = "start"
    of_panel: bool = False


class Drag(NamedTuple):
    """How far a control moves when a handle is dragged along one axis.

    Attributes:
        control: the name of the control.
        slope: by how much its value changes for one unit of the axis.
    """

    control: str
    slope: float = 1.0


@dataclass(frozen=True)
class Handle:
    """A point that can be dragged, and moves a control.

    Attributes:
        x: where it is.
        y: where it is.
        across: what a drag along x does.
        up: what a drag along y does.
        label: what it is, for a tooltip and a screen reader.
        role: a name in `ROLES`.
        on: the label of a line of the panel that can be grabbed in place of the point.
    """

    x: float
    y: float
    across: Drag | None = None
    up: Drag | None = None
    label: str = ""
    role: str = "data"
    on: str = ""


@dataclass(frozen=True)
class Panel:
    """One pair of axes and what it shows.

    Attributes:
        title: what the panel is.
        x: the horizontal axis.
        y: the vertical axis.
        marks: what is shown, from back to front.
        right: a second vertical axis, at the right; None for none.
        handles: what can be dragged.
        equal: whether a unit is as long on both axes.
        click: the controls that take x and y where the panel is clicked; None for none.
        can_draw: whether a target can be drawn here by hand.
    """

    title: str
    x: Axis
    y: Axis
    marks: tuple[Any, ...] = ()
    right: Axis | None = None
    handles: tuple[Handle, ...] = ()
    equal: bool = False
    click: tuple[str, str] | None = None
    can_draw: bool = False


@dataclass(frozen=True)
class Scene:
    """A picture: panels in rows.

    Attributes:
        panels: from left to right, row after row.
        columns: how many panels stand side by side.
        widths: of the columns, relative to each other; empty for equal ones.
        heights: of the rows, relative to each other; empty for equal ones.
        height: of the whole picture, as a share of its width.
    """

    panels: tuple[Panel, ...]
    columns: int
    widths: tuple[float, ...] = ()
    heights: tuple[float, ...] = ()
    height: float = 0.42


def ceiling(value: float | np.floating[Any]) -> float:
    """The next round number above a value: 1, 1.5, 2, 3, 4, 5 or 7 times a power of ten.

    An axis that ends there keeps its ticks while a slider moves a little.

    Args:
        value: the value.

    Returns:
        The round number; 1 for a value that is not a positive finite number.

    Example:
        >>> from divlab import figures
        >>> figures.ceiling(0.37)
        0.4
    """
    if not (np.isfinite(value) and value > 0):
        return 1.0
    unit = 10.0 ** np.floor(np.log10(value))
    factor = next(m for m in (1, 1.5, 2, 3, 4, 5, 7, 10) if m * unit >= value * 0.999999)
    return float(factor * unit)
