"""Pictures: one style, figures that live as long as an explorer, and their PNG bytes.

Nothing here computes anything but pixels: what is drawn is passed as plain arrays.
"""

import io
import struct
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, cast
from zlib import crc32

import numpy as np
from isal import isal_zlib
from jaxtyping import Float, Num
from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D

# From Okabe & Ito (2008): colour-blind readers tell these apart. Each has its own line style.
DATA, MODEL, OTHER, THIRD = "#000000", "#0072B2", "#D55E00", "#009E73"
FOURTH, FIFTH = "#CC79A7", "#E69F00"
LOST = "#B00020"  # a mode that is not covered
COLORS = (MODEL, OTHER, THIRD, FOURTH, FIFTH)
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
STYLE: dict[Any, Any] = {
    "font.size": 10.5,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E6E6E6",
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "lines.linewidth": 2.0,
    "mathtext.fontset": "cm",
}


class Picture(Figure):
    """A figure that a notebook shows as it is, without pyplot's global state."""

    def _repr_png_(self) -> bytes:
        return png(self)

    def __repr__(self) -> str:
        return f"<figure with {len(self.axes)} panel(s)>"


def new_figure(
    columns: int = 2, *, rows: int = 1, height: float = 3.7, **options: Any
) -> tuple[Figure, Any]:
    """A figure of panels, with twice as many pixels as it is shown with on a plain screen.

    Args:
        columns: how many panels stand side by side.
        rows: how many rows of them there are.
        height: the height of the figure in inches; it is 9.2 inches wide.
        **options: further arguments of `Figure.subplots`.

    Returns:
        The figure, and an array of its axes, row after row.
    """
    with rc_context(STYLE):
        figure = Picture(figsize=(9.2, height), dpi=150, layout="constrained")
        FigureCanvasAgg(figure)
        # With this padding, panels stay where they are while numbers beside an axis grow longer.
        cast(Any, figure.get_layout_engine()).set(w_pad=0.1)
        axes = figure.subplots(rows, columns, squeeze=False, **options).ravel()
    return figure, axes


def png(figure: Figure) -> bytes:
    """Draws a figure.

    Args:
        figure: the figure.

    Returns:
        The bytes of a PNG file.
    """
    with rc_context(STYLE):
        figure.canvas.draw()
    return _encode(figure)


def _encode(figure: Figure) -> bytes:
    """The pixels on the canvas as a PNG file, in a fraction of a general encoder's time.

    A row of a chart is mostly equal to the row above it. So every row is stored as its difference
    from that one. A general encoder would try all five filters of the format on every row.
    """
    canvas: Any = figure.canvas  # an Agg canvas, whose methods have no types
    pixels = np.asarray(canvas.buffer_rgba())
    height, width, channels = pixels.shape
    rows = pixels.reshape(height, channels * width)
    filtered = np.empty((height, 1 + channels * width), np.uint8)
    filtered[:, 0] = 2  # the filter "up"
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)  # 8 bits each of red to alpha
    data = isal_zlib.compress(filtered, level=1)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc32(kind + content))
        for kind, content in ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    )


def save(figure: Figure, kind: str) -> bytes:
    """Draws a figure for a file.

    Args:
        figure: the figure.
        kind: the format of the file, "png" or "svg".

    Returns:
        The content of the file.
    """
    buffer = io.BytesIO()
    with rc_context(STYLE):
        figure.savefig(buffer, format=kind)
    return buffer.getvalue()


class Screen:
    """Draws what moves in a figure over a stored picture of what stands still.

    Ticks, labels, legends and texts take most of the time of drawing, but change rarely. They are
    drawn again only when one of them changes, or the limits of an axis. Lines, bars, areas and
    `Numbers` are drawn every time.

    Args:
        figure: the figure.
    """

    def __init__(self, figure: Figure) -> None:
        self._figure = figure
        self._frame: list[tuple[Any, ...]] | None = None
        self._background: Any = None

    def png(self) -> bytes:
        """Draws the figure as it is now.

        Returns:
            The bytes of a PNG file.
        """
        canvas: Any = self._figure.canvas  # an Agg canvas, whose methods have no types
        frame = [_frame(axes) for axes in self._figure.axes]
        if frame != self._frame:
            for artist in self._moving():
                artist.set_animated(True)
            with rc_context(STYLE):
                canvas.draw()
            # To lay panels out takes longer than to draw them, and once is enough.
            self._figure.set_layout_engine("none")
            self._frame, self._background = frame, canvas.copy_from_bbox(self._figure.bbox)
        else:
            canvas.restore_region(self._background)
        for artist in sorted(self._moving(), key=lambda artist: artist.get_zorder()):
            cast(Axes, artist.axes).draw_artist(artist)
        return _encode(self._figure)

    def _moving(self) -> Iterator[Artist]:
        for axes in self._figure.axes:
            yield from (*axes.collections, *axes.patches, *axes.lines)


def _frame(axes: Axes) -> tuple[Any, ...]:
    """What the part of a panel that stands still depends on; ticks follow from the limits."""
    legend = axes.get_legend()
    texts = [*axes.texts, *(legend.get_texts() if legend else ())]
    labels = axes.get_title(loc="left"), axes.get_xlabel(), axes.get_ylabel()
    shown = tuple(text.get_text() for text in texts if text.get_visible())
    return (*axes.get_xlim(), *axes.get_ylim(), *labels, *shown)


class Numbers(PathCollection):
    """Short texts to the right of points in a panel, for numbers that change at every event.

    A text of matplotlib's takes a millisecond to draw. Here the outline of each character is made
    once and used again.

    Args:
        axes: the panel.
        size: the size of the font in points.
    """

    def __init__(self, axes: Axes, size: float = 9.0) -> None:
        points = Affine2D().scale(1 / 72) + cast(Figure, axes.figure).dpi_scale_trans
        super().__init__([], facecolors=DATA, linewidths=0, offset_transform=axes.transData)
        self.set_transform(points)
        axes.add_collection(self, autolim=False)
        self._size = size

    def show(
        self, x: Float[np.ndarray, " n"], y: Num[np.ndarray, " n"], texts: Sequence[str]
    ) -> None:
        """Shows other texts, at other points.

        Args:
            x: where each text begins, (n,).
            y: where its middle is, (n,).
            texts: the n texts.
        """
        self.set_paths([self._outline(text) for text in texts])
        self.set_offsets(np.stack([x, y], axis=1))

    def _outline(self, text: str) -> Path:
        at, parts = 0.0, []
        for character in text:
            outline, width = _glyph(character, self._size)
            parts.append(Path(np.add(outline.vertices, (at, 0.0)), outline.codes))
            at += width
        return Path.make_compound_path(*parts)


@lru_cache
def _glyph(character: str, size: float) -> tuple[Path, float]:
    """The outline of a character, centred on 0 as a digit is, and the way to the next character."""
    end, after, digit = (
        TextPath((0, 0), text, size=size).get_extents() for text in ("|", f"{character}|", "0")
    )
    outline = TextPath((0, -digit.height / 2), character, size=size)
    return Path(outline.vertices, outline.codes), after.x1 - end.x1


def ceiling(value: float | np.floating[Any]) -> float:
    """The next round number above a value: 1, 1.5, 2, 3, 4, 5 or 7 times a power of ten.

    An axis that ends there keeps its ticks while a slider moves a little.

    Args:
        value: the value.

    Returns:
        The round number; 1 for a value that is not a positive finite number.
    """
    if not (np.isfinite(value) and value > 0):
        return 1.0
    unit = 10.0 ** np.floor(np.log10(value))
    return float(
        next(m for m in (1, 1.5, 2, 3, 4, 5, 7, 10) if m * unit >= value * 0.999999) * unit
    )


def label(axes: Axes, *, title: str, x: str, y: str) -> None:
    """Gives a panel its title and the labels of its axes.

    Args:
        axes: the panel.
        title: the title.
        x: the label of the horizontal axis.
        y: the label of the vertical axis.
    """
    axes.set_title(title, loc="left")
    axes.set_xlabel(x)
    axes.set_ylabel(y)


def legend(axes: Axes, handles: Any = None, **options: Any) -> None:
    """Adds a legend to a panel.

    Args:
        axes: the panel.
        handles: the artists that it names; None for all that have a label.
        **options: further arguments of `Axes.legend`. Without `loc` it stands where it hides least.
    """
    with rc_context(STYLE):
        axes.legend(handles=handles, **{"loc": "best", **options})


def draw_rates(
    axes: Axes, x: Any, rates: Any, lows: Any, highs: Any, *, name: str, color: str, marker: str
) -> None:
    """Draws rates in per cent against x, with their intervals as error bars.

    Args:
        axes: the panel.
        x: where each rate stands, (n,).
        rates: the rates, between 0 and 1, (n,).
        lows: the lower end of the interval of each, (n,).
        highs: the upper end, (n,).
        name: the label of the series.
        color: its color.
        marker: its marker.
    """
    x, rates, lows, highs = (np.asarray(a, float) for a in (x, rates, lows, highs))
    below, above = np.maximum(rates - lows, 0), np.maximum(highs - rates, 0)
    axes.errorbar(
        x, 100 * rates, yerr=100 * np.stack([below, above]), color=color, marker=marker,
        capsize=4, linewidth=1.5, label=name,
    )  # fmt: skip
    axes.set_ylim(-14, 104)


__all__ = [
    "COLORS",
    "DATA",
    "MODEL",
    "OTHER",
    "STYLE",
    "THIRD",
    "Numbers",
    "Screen",
    "ceiling",
    "draw_rates",
    "label",
    "legend",
    "new_figure",
    "png",
    "save",
]
