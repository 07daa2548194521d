"""Panels for notebooks: each takes a table or distributions, and `show` puts them side by side."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from divlab.figures.drawing import (
    COLORS,
    DASHES,
    DATA,
    LOST,
    MARKERS,
    MODEL,
    label,
    legend,
    new_figure,
)


@runtime_checkable
class Panel(Protocol):
    """What `show` needs of a panel.

    Example:
        >>> from divlab import figures
        >>> class Note:
        ...     def draw(self, axes):
        ...         axes.set_title("A panel of one's own")
        >>> figures.show(Note())
        <figure with 1 panel(s)>
    """

    def draw(self, axes: Axes) -> None:
        """Draws the panel.

        Args:
            axes: where.
        """


def show(*panels: Panel, columns: int | None = None, height: float = 3.7) -> Figure:
    """A figure of panels, as the last line of a cell shows it.

    Args:
        panels: what to draw, from left to right.
        columns: how many stand side by side; None for all.
        height: of each row, in inches.

    Returns:
        The figure.

    Example:
        >>> from divlab import figures
        >>> figures.show(figures.Lines([0, 1, 2], {"square": [0, 1, 4]}, title="A curve"))
        <figure with 1 panel(s)>
    """
    columns = columns or len(panels)
    rows = -(-len(panels) // columns)
    figure, places = new_figure(columns, rows=rows, height=height * rows)
    for axes in places[len(panels) :]:
        axes.set_visible(False)
    for axes, panel in zip(places, panels, strict=False):
        panel.draw(axes)
    return figure


@dataclass(frozen=True)
class Lines:
    """Curves over one axis.

    Attributes:
        x: the points, (n,).
        curves: label -> the values there, (n,).
        title: of the panel.
        x_label: what x is.
        y_label: what the curves are, with its unit.
        log: the axes with a logarithmic scale: "", "x", "y" or "xy".
        markers: whether to mark the points.
        marks: label -> a value of y at which a thin line runs across.
        y_range: the least and the largest y that is shown; None for all.
        spread: label -> how far to either side of its curve a shaded band goes, (n,).

    Example:
        >>> from divlab import figures
        >>> panel = figures.Lines([0, 1, 2], {"KL": [0.0, 0.5, 2.0]}, title="KL")
        >>> figures.show(panel)
        <figure with 1 panel(s)>
    """

    x: Any
    curves: Mapping[str, Any]
    title: str = ""
    x_label: str = "$x$"
    y_label: str = ""
    log: str = ""
    markers: bool = False
    marks: Mapping[str, float] = field(default_factory=dict)
    y_range: tuple[float, float] | None = None
    spread: Mapping[str, Any] = field(default_factory=dict)

    def draw(self, axes: Axes) -> None:
        """Draws the panel.

        Args:
            axes: where.
        """
        label(axes, title=self.title, x=self.x_label, y=self.y_label)
        for index, (name, values) in enumerate(self.curves.items()):
            if name in self.spread:
                middle, half = np.asarray(values, float), np.asarray(self.spread[name], float)
                axes.fill_between(
                    np.asarray(self.x, float), middle - half, middle + half,
                    color=COLORS[index % len(COLORS)], alpha=0.15, linewidth=0,
                )  # fmt: skip
            axes.plot(
                np.asarray(self.x, float), np.asarray(values, float), label=name,
                color=COLORS[index % len(COLORS)], linestyle=DASHES[index % len(DASHES)],
                marker=MARKERS[index % len(MARKERS)] if self.markers else None, markersize=5,
            )  # fmt: skip
        for name, value in self.marks.items():
            axes.axhline(value, color=DATA, linewidth=1, label=name)
        if "x" in self.log:
            axes.set_xscale("log")
            if self.markers:  # each marked point gets its own number, and not a power of ten
                axes.set_xticks(np.asarray(self.x, float), [f"{x:g}" for x in np.asarray(self.x)])
                axes.minorticks_off()
        if "y" in self.log:
            axes.set_yscale("log")
        if self.y_range is not None:
            axes.set_ylim(*self.y_range)
        if len(self.curves) + len(self.marks) > 1:
            legend(axes)


@dataclass(frozen=True)
class Estimates:
    """Mean estimates against the number of samples, with one standard deviation to each side.

    Attributes:
        table: of one pair and one divergence, as `divlab.evidence.estimator_errors` returns it.
        title: of the panel.
        y_label: what is estimated, with its unit.
        y_range: the least and the largest y that is shown; None for all.

    Example:
        >>> import divlab
        >>> from divlab import figures
        >>> table = divlab.evidence.stored("estimators")
        >>> figures.show(figures.Estimates(table.sel(pair="near", divergence="kl")))
        <figure with 1 panel(s)>
    """

    table: Any
    title: str = ""
    y_label: str = "nats"
    y_range: tuple[float, float] | None = None

    def draw(self, axes: Axes) -> None:
        """Draws the panel.

        Args:
            axes: where.
        """
        rows = self.table.dropna("estimator", how="all", subset=["mean"])
        names = {str(name): rows.sel(estimator=name) for name in rows["estimator"].values}
        Lines(
            rows["n"],
            {name.replace("_", " "): row["mean"] for name, row in names.items()},
            title=self.title, x_label="samples $n$ of each", y_label=self.y_label,
            log="x", markers=True, marks={"exact": float(rows["truth"])}, y_range=self.y_range,
            spread={n.replace("_", " "): row["standard_deviation"] for n, row in names.items()},
        ).draw(axes)  # fmt: skip


@dataclass(frozen=True)
class Densities:
    """A target and what was learned of it.

    Attributes:
        target: a distribution, or samples, which are drawn as a histogram.
        learned: label -> a distribution.
        title: of the panel.
        x_label: what x is, with its unit.
        x_range: the ends of the axis; None for where the target has its mass.
        y_range: the ends of the other axis; None for all.

    Example:
        >>> import divlab
        >>> from divlab import figures
        >>> target = divlab.targets.two_gaussians()
        >>> figures.show(figures.Densities(target, title="the target"))
        <figure with 1 panel(s)>
    """

    target: Any
    learned: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""
    x_label: str = "$x$"
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None

    def draw(self, axes: Axes) -> None:
        """Draws the panel.

        Args:
            axes: where.
        """
        label(axes, title=self.title, x=self.x_label, y="density")
        known = hasattr(self.target, "log_prob")
        low, high = self.x_range or self._ends(known)
        x = np.linspace(low, high, 801)
        if known:
            axes.plot(x, np.exp(self.target.log_prob(x)), color=DATA, label="data")
        else:
            axes.hist(np.asarray(self.target), bins=30, density=True, color="#CCCCCC", label="data")
        for index, (name, distribution) in enumerate(self.learned.items()):
            axes.plot(
                x, np.exp(distribution.log_prob(x)), color=COLORS[index % len(COLORS)],
                linestyle=DASHES[1 + index % (len(DASHES) - 1)], label=name,
            )  # fmt: skip
        if self.y_range is not None:
            axes.set_ylim(*self.y_range)
        legend(axes)

    def _ends(self, known: bool) -> tuple[float, float]:
        if known:
            mean, spread = float(self.target.mean), float(np.sqrt(self.target.variance))
        else:
            mean, spread = float(np.mean(self.target)), float(np.std(self.target))
        return mean - 3 * spread, mean + 3 * spread


@dataclass(frozen=True)
class Bars:
    """One horizontal bar for each of several labels.

    Attributes:
        values: label -> the length of its bar.
        title: of the panel.
        x_label: what the lengths are, with their unit.
        marks: a value at which a thin line runs down; None for none.

    Example:
        >>> from divlab import figures
        >>> figures.show(figures.Bars({"KL": 0.44, "JS": 0.1}, title="of one pair"))
        <figure with 1 panel(s)>
    """

    values: Mapping[str, float]
    title: str = ""
    x_label: str = ""
    marks: float | None = None

    def draw(self, axes: Axes) -> None:
        """Draws the panel.

        Args:
            axes: where.
        """
        label(axes, title=self.title, x=self.x_label, y="")
        axes.barh(
            list(self.values), [float(value) for value in self.values.values()], 0.6, color=MODEL
        )
        axes.invert_yaxis()
        axes.grid(False, axis="y")
        if self.marks is not None:
            axes.axvline(self.marks, color=DATA, linewidth=1)


@dataclass(frozen=True)
class Plane:
    """The field of `divlab.evidence.dirac_gan`, and paths in it.

    Attributes:
        paths: label -> a table of `divlab.evidence.dirac_gan`; the first one's field is drawn.
        title: of the panel.

    Example:
        >>> import divlab
        >>> from divlab import figures
        >>> found = divlab.evidence.dirac_gan("minimax", steps=20)
        >>> figures.show(figures.Plane({"minimax": found}))
        <figure with 1 panel(s)>
    """

    paths: Mapping[str, Any]
    title: str = ""

    def draw(self, axes: Axes) -> None:
        """Draws the panel.

        Args:
            axes: where.
        """
        label(axes, title=self.title, x=r"generated point $\theta$", y=r"critic's slope $\psi$")
        first = next(iter(self.paths.values()))
        velocity = [first[name].transpose("psi", "theta") for name in _VELOCITIES]
        axes.quiver(first["theta"], first["psi"], *velocity, color="#AAAAAA", angles="xy")
        for index, (name, plane) in enumerate(self.paths.items()):
            color = COLORS[index % len(COLORS)]
            axes.plot(plane["theta_path"], plane["psi_path"], color=color, label=name)
            axes.plot(plane["theta_path"][0], plane["psi_path"][0], "o", color=color)
        axes.plot(0, 0, "*", color=LOST, markersize=11, label="rest")
        reach = float(np.max(np.abs(first["theta"])))
        axes.set_xlim(-reach, reach)
        axes.set_ylim(-reach, reach)
        axes.set_aspect("equal")
        # Below the axis, because a spiral leaves no room inside.
        legend(axes, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2, columnspacing=1.0)


_VELOCITIES = ("theta_velocity", "psi_velocity")
