"""Panels that several explorers of trained models share."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes

from divlab import figures
from divlab.explore.learned import View


class DensityPanel:
    """A target's density, a learned one over it, and samples as ticks below.

    Args:
        axes: where to draw.
        title: the title of the panel.
        color: the color of what was learned.
        name: the label of what was learned.

    Attributes:
        axes: where it is drawn.
        target: the line of the target's density.
        model: the line of the learned density.
    """

    def __init__(self, axes: Axes, title: str, color: str, *, name: str = "learned") -> None:
        figures.label(axes, title=title, x="$x$", y="density")
        self.axes = axes
        (self.target,) = axes.plot([], [], color=figures.DATA, label="target")
        (self.model,) = axes.plot([], [], "--", color=color, label=name)
        (self._ticks,) = axes.plot([], [], "|", color=color, alpha=0.5, markersize=9)

    def show(
        self,
        x: Float[np.ndarray, " n"],
        target: Float[np.ndarray, " n"],
        learned: View,
    ) -> None:
        """Updates the panel.

        Args:
            x: points, (n,).
            target: the target's density there, (n,).
            learned: what the model has learned, at the same points.
        """
        top = 1.9 * target.max()
        self.target.set_data(x, target)
        self.model.set_data(x, learned.density)
        self._ticks.set_data(learned.samples, np.full(learned.samples.shape, -0.05 * top))
        self.axes.set_xlim(x[0], x[-1])
        self.axes.set_ylim(-0.1 * top, top)


class LinesPanel:
    """Curves against the step of training, with a mark at the step that is shown.

    Args:
        axes: where to draw.
        title: the title of the panel.
        y: the label of the vertical axis.
        names: the label of each curve, by its name.
        steps: the last step of a training.

    Attributes:
        axes: where it is drawn.
    """

    def __init__(
        self, axes: Axes, title: str, y: str, names: Mapping[str, str], steps: int
    ) -> None:
        figures.label(axes, title=title, x="step", y=y)
        self.axes = axes
        self._lines = {
            name: axes.plot([], [], dashes, color=color, label=text, linewidth=1.6)[0]
            for (name, text), color, dashes in zip(
                names.items(), figures.COLORS, figures.DASHES, strict=False
            )
        }
        self._mark = axes.axvline(0, color=figures.DATA, linewidth=1)
        axes.set_xlim(0, steps)
        axes.set_xticks(np.linspace(0, steps, 5)[:: 1 if axes.get_position().width > 0.3 else 2])
        figures.legend(axes, loc="upper right")

    def show(
        self, curves: Mapping[str, tuple[Any, Any]], step: int, *, low: float | None = None
    ) -> None:
        """Updates the panel.

        Args:
            curves: steps and values of each curve, by its name. A curve that is missing is not
                drawn: an untrained model has no losses yet.
            step: the step that is shown.
            low: the lower end of the vertical axis; None to choose it by the curves.
        """
        shown: list[np.ndarray] = [np.zeros(0)]
        for name, line in self._lines.items():
            steps, values = curves.get(name, ([], []))
            line.set_data(steps, values)
            shown.append(np.asarray(values, float)[np.isfinite(values)])
        finite = np.concatenate(shown)
        top = figures.ceiling(1.4 * float(finite.max())) if finite.size else 1.0
        below = float(finite.min()) if finite.size else 0.0
        bottom = low if low is not None else (-figures.ceiling(-below) if below < 0 else 0.0)
        self.axes.set_ylim(bottom, top)
        self._mark.set_xdata([step, step])
