"""Rates with their intervals, as a panel for notebooks."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from divlab.figures.drawing import COLORS, MARKERS, label, legend


@dataclass(frozen=True)
class Rates:
    """Rates in per cent with their intervals, one series for each row of a table.

    Attributes:
        table: with `rate`, `low` and `high` over two dimensions, as `divlab.evidence` returns.
        x: the dimension along the axis.
        series: the dimension of which each label is one series.
        title: of the panel.
        x_label: what x is, with its unit.
        y_label: what the rates are of.

    Example:
        >>> import divlab
        >>> from divlab import figures
        >>> table = divlab.evidence.stored("collapse_rates")
        >>> figures.show(figures.Rates(table))
        <figure with 1 panel(s)>
    """

    table: Any
    x: str = "separation"
    series: str = "model"
    title: str = ""
    x_label: str = "separation of the modes"
    y_label: str = "per cent of seeds"

    def draw(self, axes: Axes) -> None:
        """Draws the panel.

        Args:
            axes: where.
        """
        label(axes, title=self.title, x=self.x_label, y=self.y_label)
        labels = self.table[self.series].values
        x = np.asarray(self.table[self.x].values, float)
        step = np.min(np.diff(x)) if len(x) > 1 else 1.0
        for index, name in enumerate(labels):
            row = self.table.sel({self.series: name})
            # Side by side, so that intervals around the same rate can be told apart.
            aside = 0.04 * step * (index - (len(labels) - 1) / 2)
            draw_rates(
                axes, x + aside, *(row[part].values for part in ("rate", "low", "high")),
                name=str(name), color=COLORS[index % len(COLORS)],
                marker=MARKERS[index % len(MARKERS)],
            )  # fmt: skip
        axes.set_xticks(x)
        legend(axes)


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

    Example:
        >>> from divlab import figures
        >>> figure, (axes,) = figures.new_figure(1)
        >>> style = {"name": "GAN", "color": figures.MODEL, "marker": "o"}
        >>> figures.draw_rates(axes, [2.0, 4.0], [0.9, 0.5], [0.8, 0.4], [1.0, 0.6], **style)
        >>> len(axes.containers)
        1
    """
    x, rates, lows, highs = (np.asarray(a, float) for a in (x, rates, lows, highs))
    below, above = np.maximum(rates - lows, 0), np.maximum(highs - rates, 0)
    axes.errorbar(
        x, 100 * rates, yerr=100 * np.stack([below, above]), color=color, marker=marker,
        capsize=4, linewidth=1.5, label=name,
    )  # fmt: skip
    axes.set_ylim(-14, 104)
