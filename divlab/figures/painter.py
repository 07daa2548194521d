"""Matplotlib's painter of scenes: for files, printed pages and stored notebooks."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple, cast

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.transforms import ScaledTranslation

from divlab.figures.drawing import DPI, STYLE, WIDTH, Picture
from divlab.figures.scene import (
    BEYOND,
    ROLES,
    Area,
    Arrows,
    Axis,
    Bars,
    Line,
    Panel,
    Points,
    Rug,
    Rule,
    Scene,
    Texts,
)

_TITLE, _LABEL, _SMALL = 11.0, 10.5, 9.5  # sizes of fonts, in points
_STYLE = {
    **STYLE,
    "mathtext.fontset": "dejavusans",  # what is lowered or raised is in the letters of all text
    "xtick.labelsize": _SMALL,
    "ytick.labelsize": _SMALL,
}
_PIXEL = 0.75  # a pixel of a page, in points
_SWATCH, _BESIDE, _BETWEEN = 22.0, 5.0, 14.0  # widths in a legend, in points
_GAP, _LINE = 6.0, 13.5  # below a title, and from line to line of a legend, in points
_MARKERS = {"circle": "o", "square": "s", "plus": "+"}
# What a text may lower or raise. All else that looks like markup is shown as it is.
_MARKUP = re.compile(r"([_^])\{([^{}\\^~$#\"`]+)\}")
_SPACE = re.compile(r" (?![^{}]*\})")  # where a line may break: not inside of markup


class _Place(NamedTuple):
    """A panel, its axes, those at its right, and what its legend names."""

    axes: Axes
    right: Axes | None
    panel: Panel
    names: list[tuple[Any, str]]


def paint(scene: Scene, title: str = "", *, width: float = WIDTH) -> Figure:
    """Draws a scene with matplotlib. Handles are for the browser and are left out.

    Args:
        scene: the scene.
        title: stands above the whole picture.
        width: of the picture, in inches.

    Returns:
        The figure. Its first axes are those of the panels, in their order; those
        at the right of a panel come after them.

    Example:
        >>> import numpy as np
        >>> from divlab import figures
        >>> from divlab.figures.scene import Axis, Line, Panel, Scene
        >>> curve = Line(np.array([0.0, 1.0]), np.array([0.0, 2.0]), label="p_{θ}")
        >>> panel = Panel("A line", Axis("x", 0, 1), Axis("density", 0, 2), marks=(curve,))
        >>> figures.paint(Scene((panel,), columns=1))
        <figure with 1 panel(s)>
    """
    rows = -(-len(scene.panels) // scene.columns)
    with rc_context(_STYLE):
        figure = Picture(figsize=(width, width * scene.height), dpi=DPI, layout="constrained")
        FigureCanvasAgg(figure)
        if title:
            figure.suptitle(mathtext(title), x=0.01, ha="left", fontsize=13, wrap=True)
        places = figure.subplots(
            rows, scene.columns, squeeze=False,
            width_ratios=scene.widths or None, height_ratios=scene.heights or None,
        ).ravel()  # fmt: skip
        for axes in places[len(scene.panels) :]:
            axes.remove()
        drawn = [_paint_panel(*pair) for pair in zip(places, scene.panels, strict=False)]
        layout: Any = figure.get_layout_engine()
        layout.set(w_pad=0.1)
        layout.execute(figure)
        # Texts must know how long they may be, but their lines make the panels smaller.
        firsts, texts = range(0, len(drawn), scene.columns), None
        for _ in range(4):
            before, texts = texts, [_write_row(drawn[i : i + scene.columns]) for i in firsts]
            if texts == before:
                break
            layout.execute(figure)
        figure.set_layout_engine("none")
    return figure


def mathtext(text: str) -> str:
    r"""A text of a scene as matplotlib takes it: with formulas for what is lowered or raised.

    Args:
        text: plain text, in which `_{…}` lowers and `^{…}` raises a part.

    Returns:
        The text for matplotlib.

    Example:
        >>> print(mathtext("p_{θ} for $5"))
        p$_{\mathregular{θ}}$ for \$5
    """
    return _MARKUP.sub(_formula, text.replace("$", r"\$"))


def _formula(match: re.Match[str]) -> str:
    inner = re.sub(r"([ %_])", r"\\\1", match[2])
    return f"${match[1]}{{\\mathregular{{{inner}}}}}$"


def _paint_panel(axes: Axes, panel: Panel) -> _Place:
    """Draws all of a panel but the texts around it."""
    _paint_axis(axes, "x", panel.x)
    _paint_axis(axes, "y", panel.y)
    if panel.equal:
        axes.set_aspect("equal", adjustable="box", anchor="NW")
    right = None
    if panel.right is not None:
        right = axes.twinx()
        right.grid(False)
        right.spines["right"].set_visible(True)
        _paint_axis(right, "y", panel.right)
    names = []
    for depth, mark in enumerate(panel.marks):
        if getattr(mark, "on_right", False) and right is not None and panel.right is not None:
            artist = _paint_mark(right, mark, panel.x, panel.right)
        else:
            artist = _paint_mark(axes, mark, panel.x, panel.y)
        for one in artist if isinstance(mark, Bars | Texts) else [artist]:
            one.set_zorder(2 + depth / 1000)  # matplotlib's own order goes by the kind of mark
        if mark.label:
            names.append((artist, mark.label))
    return _Place(axes, right, panel, names)


def _paint_axis(axes: Axes, name: str, axis: Axis) -> None:
    axes.set(**{f"{name}scale": axis.scale})
    ticks = axis.shown_ticks()
    drawn = getattr(axes, f"{name}axis")
    drawn.set_ticks(list(ticks), [mathtext(text) for text in ticks.values()])
    drawn.set_ticks([], minor=True)
    # After the ticks, because matplotlib widens an axis for ticks at its ends.
    axes.set(**{f"{name}lim": (axis.low, axis.high)})


def _paint_mark(axes: Axes, mark: Any, x: Axis, y: Axis) -> Any:
    """Draws a mark; returns its artist, or the artists of its bars or texts."""
    role = ROLES[mark.role]
    color: Any = role.color
    dashes: Any = (0, role.dashes) if role.dashes else "-"
    match mark:
        case Line():
            (artist,) = axes.plot(
                _near(mark.x, x), _near(mark.y, y), color=color, linestyle=dashes,
                linewidth=_PIXEL * mark.width, marker="o" if mark.dots else "", markersize=4,
            )  # fmt: skip
        case Points():
            (artist,) = axes.plot(
                _near(mark.x, x), _near(mark.y, y), _MARKERS[mark.shape], color=color,
                markersize=_PIXEL * mark.size, markeredgewidth=1.8 if mark.shape == "plus" else 0,
            )  # fmt: skip
        case Rug():
            at = _near(mark.x, x)
            (artist,) = axes.plot(
                at, np.full_like(at, mark.y), "|", color=color, markersize=9, markeredgewidth=0.8
            )
        case Area():
            return axes.fill_between(
                _near(mark.x, x), _near(mark.low, y), _near(mark.high, y), alpha=0.15,
                facecolor=color, edgecolor=color, linewidth=0, hatch=2 * mark.hatch,
            )  # fmt: skip
        case Bars() if mark.along == "x":
            start, end = _near(mark.start, x), _near(mark.end, x)
            axes.grid(False, axis="y")
            return axes.barh(_near(mark.at, y), end - start, mark.thickness, start, color=color)
        case Bars():
            start, end = _near(mark.start, y), _near(mark.end, y)
            axes.grid(False, axis="x")
            return axes.bar(_near(mark.at, x), end - start, mark.thickness, start, color=color)
        case Arrows():
            return axes.quiver(
                mark.x, mark.y, mark.dx, mark.dy, color=color, width=0.003,
                angles="xy", scale_units="xy", scale=1,
            )  # fmt: skip
        case Rule():
            across = axes.axvline if mark.along == "y" else axes.axhline
            return across(mark.at, color=color, linestyle=dashes, linewidth=1)
        case Texts():
            side = {"start": "left", "middle": "center", "end": "right"}[mark.anchor]
            return [
                axes.text(
                    x_at, y_at, mathtext(text), ha=side, va="center", fontsize=_SMALL, clip_on=True,
                    transform=axes.transAxes if mark.of_panel else axes.transData,
                )
                for x_at, y_at, text in zip(mark.x, mark.y, mark.texts, strict=True)
            ]  # fmt: skip
        case _:
            raise TypeError(f"a panel shows the marks of divlab.figures.scene, not a {mark!r}")
    return artist


def _near(values: Any, axis: Axis) -> Any:
    """Values, but those far outside of the axis are moved to where the browser draws them."""
    low, high = np.log([axis.low, axis.high]) if axis.scale == "log" else (axis.low, axis.high)
    ends = np.array([low, high]) + BEYOND * (high - low) * np.array([-1, 1])
    return np.clip(values, *sorted(np.exp(ends) if axis.scale == "log" else ends))


def _write_row(row: Sequence[_Place]) -> list[Any]:
    """Writes what stands around the panels of one row, no text longer than its side of a panel.

    Returns:
        All that it has written.
    """
    legends = [_legend_rows(place) for place in row]
    # The titles of a row of panels stand side by side, above the highest of its legends.
    written: list[Any] = []
    top = _GAP + _LINE * max(sum(lines for _, lines in legend) for legend in legends)
    for (axes, right, panel, _), legend in zip(row, legends, strict=True):
        width, height = _size(axes)
        title = _wrapped(panel.title, _TITLE, width) or " "  # which keeps room for the legend
        below = _wrapped(panel.x.label, _LABEL, width)
        beside = _wrapped(panel.y.label, _LABEL, height)
        axes.set_title(title, loc="left", fontsize=_TITLE, pad=top)
        axes.set_xlabel(below, fontsize=_LABEL)
        axes.set_ylabel(beside, fontsize=_LABEL)
        at_right = None
        if right is not None and panel.right is not None:
            at_right = _wrapped(panel.right.label, _LABEL, height)
            right.set_ylabel(at_right, fontsize=_LABEL)
        ticks = _thin_out(axes, panel.x, width)
        _write_legend(axes, legend, top - _GAP)
        written += [title, below, beside, at_right, ticks, legend]
    return written


def _legend_rows(place: _Place) -> list[tuple[list[tuple[Any, str]], int]]:
    """The rows of a panel's legend, as many names in each as its width allows, and their lines."""
    width, _ = _size(place.axes)
    rows: list[list[tuple[Any, str]]] = []
    left = 0.0  # in the last row
    for artist, name in place.names:
        text = _wrapped(name, _SMALL, width - _SWATCH - _BESIDE)
        length = _SWATCH + _BESIDE + _length(text, _SMALL)
        if not rows or length > left:
            rows.append([])
            left = width
        rows[-1].append((artist, text))
        left -= length + _BETWEEN
    return [(row, 1 + max(text.count("\n") for _, text in row)) for row in rows]


def _write_legend(axes: Axes, rows: list[tuple[list[tuple[Any, str]], int]], top: float) -> None:
    """Writes the rows of a legend one below the other, the first one `top` points above a panel."""
    for before in axes.findobj(Legend):
        before.remove()
    inches = cast(Figure, axes.get_figure(root=True)).dpi_scale_trans
    for row, lines in rows:
        legend = Legend(
            axes, *zip(*row, strict=True), ncols=len(row), fontsize=_SMALL, loc="upper left",
            bbox_to_anchor=(0, 1), borderaxespad=0, borderpad=0,
            bbox_transform=axes.transAxes + ScaledTranslation(0, top / 72, inches),
            handlelength=_SWATCH / _SMALL, handletextpad=_BESIDE / _SMALL,
            columnspacing=_BETWEEN / _SMALL,
        )  # fmt: skip
        legend.set_in_layout(False)  # the title has the room for it
        axes.add_artist(legend)
        top -= lines * _LINE


def _thin_out(axes: Axes, axis: Axis, width: float) -> list[str]:
    """Gives only every second or third tick its text where they would run into each other.

    Returns:
        The texts of the ticks.
    """
    ticks = axis.shown_ticks()
    texts = [mathtext(text) for text in ticks.values()]
    middles = width * axis.place(list(ticks))
    halves = np.array([_length(text, _SMALL) / 2 for text in texts])

    def fits(step: int) -> bool:
        gaps = np.abs(np.diff(middles[::step])) - halves[::step][1:] - halves[::step][:-1]
        return bool(np.all(gaps >= _BESIDE))

    step = next(n for n in range(1, len(texts) + 2) if fits(n))
    shown = [text if i % step == 0 else "" for i, text in enumerate(texts)]
    axes.xaxis.set_ticklabels(shown)
    return shown


def _wrapped(text: str, size: float, room: float) -> str:
    """A text for matplotlib, in as many lines as it takes to stay within a length in points."""
    lines = [""]
    for word in _SPACE.split(text):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if lines[-1] and _length(mathtext(longer), size) > room:
            lines.append(word)
        else:
            lines[-1] = longer
    return "\n".join(map(mathtext, lines))


@lru_cache(maxsize=4096)
def _length(text: str, size: float) -> float:
    """How long a text is, in points."""
    paper = Figure(dpi=DPI)
    FigureCanvasAgg(paper)
    return float(72 * paper.text(0, 0, text, fontsize=size).get_window_extent().width / DPI)


def _size(axes: Axes) -> tuple[float, float]:
    """The width and height of the room for a panel, in points."""
    figure = cast(Figure, axes.get_figure(root=True))
    width, height = figure.get_size_inches()
    place = axes.get_position(original=True)
    return 72 * width * place.width, 72 * height * place.height
