"""Pictures: one style, panels for notebooks, and what explorers draw with.

Nothing here computes anything but pixels: what is drawn is passed in.
"""

from divlab.figures.drawing import (
    COLORS,
    DASHES,
    DATA,
    FIFTH,
    FOURTH,
    LOST,
    MODEL,
    OTHER,
    STYLE,
    THIRD,
    label,
    legend,
    new_figure,
    png,
    save,
)
from divlab.figures.painter import paint
from divlab.figures.panels import (
    Bars,
    Densities,
    Estimates,
    Lines,
    Panel,
    Plane,
    show,
)
from divlab.figures.rates import Rates, draw_rates
from divlab.figures.scene import ceiling

__all__ = [
    "COLORS",
    "DASHES",
    "DATA",
    "FIFTH",
    "FOURTH",
    "LOST",
    "MODEL",
    "OTHER",
    "STYLE",
    "THIRD",
    "Bars",
    "Densities",
    "Estimates",
    "Lines",
    "Panel",
    "Plane",
    "Rates",
    "ceiling",
    "draw_rates",
    "label",
    "legend",
    "new_figure",
    "paint",
    "png",
    "save",
    "show",
]
