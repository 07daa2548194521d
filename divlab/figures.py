"""Pictures: one style, figures that live as long as an explorer, and their PNG bytes.

Nothing here computes anything but pixels; what is drawn is passed as plain arrays.
"""

import io
import struct
import zlib
from typing import Any, cast

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Okabe & Ito (2008), distinct to colour-blind readers; each goes with a line style of its own.
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
    columns: int = 2, *, rows: int = 1, height: float = 3.7, **gridspec
) -> tuple[Figure, np.ndarray]:
    """A figure of panels, twice as dense as a plain screen, and its axes, row after row."""
    with rc_context(STYLE):
        figure = Picture(figsize=(9.2, height), dpi=150, layout="constrained")
        FigureCanvasAgg(figure)
        # Panels stay where they are while numbers beside an axis grow longer.
        cast(Any, figure.get_layout_engine()).set(w_pad=0.1)
        axes = figure.subplots(rows, columns, squeeze=False, **gridspec).ravel()
    return figure, axes


def png(figure: Figure) -> bytes:
    """The figure as PNG."""
    with rc_context(STYLE):
        figure.canvas.draw()
    return _encode(figure)


def _encode(figure: Figure) -> bytes:
    """PNG of what is on the canvas, in half the time that a general encoder takes.

    Every row is stored as its difference from the one above, which is mostly 0 in a chart; the
    general encoder tries all five filters of the format on every row.
    """
    canvas = cast(FigureCanvasAgg, figure.canvas)
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    height, width, _ = pixels.shape
    rows = np.ascontiguousarray(pixels).reshape(height, 3 * width)
    filtered = np.empty((height, 1 + 3 * width), np.uint8)
    filtered[:, 0] = 2  # the filter "up"
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = {b"IHDR": header, b"IDAT": zlib.compress(filtered.tobytes(), 1), b"IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks.items()
    )


def save(figure: Figure, kind: str) -> bytes:
    """The figure as a file of that kind, "png" or "svg"."""
    buffer = io.BytesIO()
    with rc_context(STYLE):
        figure.savefig(buffer, format=kind)
    return buffer.getvalue()


class Screen:
    """Draws what moves in a figure over a stored picture of what stands still.

    Ticks, labels and legends take most of the time of drawing, and change only with the limits of
    an axis. Lines, bars, areas and texts inside the panels are drawn anew every time.
    """

    def __init__(self, figure: Figure):
        self._figure = figure
        self._frame: list[tuple] | None = None
        self._background: Any = None

    def png(self) -> bytes:
        canvas = cast(FigureCanvasAgg, self._figure.canvas)
        frame = [_frame(axes) for axes in self._figure.axes]
        with rc_context(STYLE):
            if frame != self._frame:
                for artist in self._moving():
                    artist.set_animated(True)
                canvas.draw()
                # Laying panels out takes longer than drawing them; once is enough.
                self._figure.set_layout_engine("none")
                self._frame, self._background = frame, canvas.copy_from_bbox(self._figure.bbox)
            else:
                canvas.restore_region(self._background)
            for artist in sorted(self._moving(), key=lambda artist: artist.get_zorder()):
                artist.axes.draw_artist(artist)
        return _encode(self._figure)

    def _moving(self):
        for axes in self._figure.axes:
            yield from (*axes.collections, *axes.patches, *axes.lines, *axes.texts)


def _frame(axes: Axes) -> tuple:
    """What the unmoving part of a panel depends on; ticks follow the limits."""
    legend = axes.get_legend()
    names = tuple(text.get_text() for text in legend.get_texts()) if legend else ()
    labels = axes.get_title(loc="left"), axes.get_xlabel(), axes.get_ylabel()
    return (*axes.get_xlim(), *axes.get_ylim(), *labels, *names)


def ceiling(value: float) -> float:
    """The next round number that leaves room above `value`: 1, 1.5, 2, 3, 4, 5 or 7 × 10ᵏ.

    An axis that ends there keeps its ticks while a slider moves a little.
    """
    if not (np.isfinite(value) and value > 0):
        return 1.0
    unit = 10.0 ** np.floor(np.log10(value))
    return float(
        next(m for m in (1, 1.5, 2, 3, 4, 5, 7, 10) if m * unit >= value * 0.999999) * unit
    )


def label(axes: Axes, *, title: str, x: str, y: str) -> None:
    """Title and axis labels in the common style."""
    axes.set_title(title, loc="left")
    axes.set_xlabel(x)
    axes.set_ylabel(y)


def legend(axes: Axes, handles=None, **options) -> None:
    """A legend above nothing: in the emptiest corner unless told otherwise."""
    with rc_context(STYLE):
        axes.legend(handles=handles, **{"loc": "best", **options})


def draw_rates(axes: Axes, x, rates, lows, highs, *, name: str, color: str, marker: str) -> None:
    """Rates in per cent against x, with their intervals as error bars."""
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
    "Screen",
    "ceiling",
    "draw_rates",
    "label",
    "legend",
    "new_figure",
    "png",
    "save",
]
