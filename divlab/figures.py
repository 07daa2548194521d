"""Pictures: one style, figures that live as long as an explorer, and their PNG bytes.

Nothing here computes anything but pixels; what is drawn is passed as plain arrays.
"""

import io
from typing import Any, cast

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

# Okabe & Ito (2008), distinct to colour-blind readers; each goes with a line style of its own.
DATA, MODEL, OTHER, THIRD = "#000000", "#0072B2", "#D55E00", "#009E73"
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


def new_figure(columns: int = 2, *, height: float = 3.7) -> tuple[Figure, np.ndarray]:
    """A figure of panels side by side, twice as dense as a plain screen, and its axes."""
    with rc_context(STYLE):
        figure = Picture(figsize=(9.2, height), dpi=150, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(1, columns, squeeze=False)[0]
    return figure, axes


def png(figure: Figure) -> bytes:
    """The figure as PNG, compressed lightly: it is sent at every move of a slider."""
    with rc_context(STYLE):
        figure.canvas.draw()
    buffer = io.BytesIO()
    canvas = cast(FigureCanvasAgg, figure.canvas)
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    Image.fromarray(pixels).save(buffer, format="png", compress_level=1)
    return buffer.getvalue()


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
    "DATA",
    "MODEL",
    "OTHER",
    "STYLE",
    "THIRD",
    "draw_rates",
    "label",
    "legend",
    "new_figure",
    "png",
]
