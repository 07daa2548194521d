"""Panels that several explorers share, as pure functions."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float

from divlab.explore.learned import View
from divlab.figures.scene import (
    Arrows,
    Axis,
    Drag,
    Handle,
    Line,
    Panel,
    Rug,
    Rule,
    Texts,
    ceiling,
)

# The roles of curves side by side.
ROLES = ("model", "other", "third", "fourth", "fifth")
_ACROSS = 8  # small densities in a row
_EVERY = 4  # point of a small density is drawn
SHOULDER = float(np.exp(-0.5))  # of a Gaussian's peak, one scale away from it


def learned_panel(
    title: str,
    x: Float[np.ndarray, " n"],
    target: Float[np.ndarray, " n"],
    learned: View,
    *,
    role: str,
    name: str = "learned",
    more: tuple[Any, ...] = (),
    right: Axis | None = None,
    handles: tuple[Handle, ...] = (),
) -> Panel:
    """A target's density, a learned one over it, and samples as ticks below.

    Args:
        title: of the panel.
        x: points, (n,).
        target: the target's density there, (n,).
        learned: what the model has learned, at the same points.
        role: of what was learned.
        name: of what was learned, in the legend.
        more: further marks, above the others.
        right: an axis at the right; None for none.
        handles: what can be dragged.

    Returns:
        The panel. A target can be drawn in it by hand.
    """
    top = top_of(target)
    marks = (
        Line(x, target, label="target"),
        Line(x, learned.density, role=role, label=name),
        Rug(learned.samples, -0.05 * top, role=role),
        *more,
    )
    axes = Axis("x", float(x[0]), float(x[-1])), Axis("density", -0.1 * top, top)
    return Panel(title, *axes, marks, right=right, handles=handles, can_draw=True)


def arrows_along(
    x: Float[np.ndarray, " n"],
    target: Float[np.ndarray, " n"],
    at: Float[np.ndarray, " m"],
    push: Float[np.ndarray, " m"],
    *,
    least: float = 1e-9,
) -> Arrows:
    """Arrows at points of a model, near the axis; their lengths compare with the median push.

    Args:
        x: points of the panel, (n,).
        target: the target's density there, (n,).
        at: where the arrows start, (m,).
        push: how strongly mass is pushed there, and which way, (m,).
        least: a median below this counts as this.

    Returns:
        The arrows.
    """
    usual = max(float(np.median(np.abs(push))), least)
    length = 0.11 * (x[-1] - x[0]) * np.clip(push / usual / 2, -1, 1)
    height = np.full(at.shape, 0.05 * top_of(target))
    return Arrows(at, height, length, 0 * length, role="third")


def top_of(target: Float[np.ndarray, " n"]) -> float:
    """Where the axis of a density ends that a model is to learn: a model may have higher peaks."""
    return 1.5 * float(target.max())


def target_handles(
    values: Mapping[str, Any], target: Float[np.ndarray, " n"], on: str = "target"
) -> tuple[Handle, ...]:
    """Handles on two Gaussians at ±separation/2: the right mode, and its shoulder.

    Args:
        values: the values of the controls; there are no handles without `separation`.
        target: the target's density, (n,); its highest value is where the handle is.
        on: the label of its line.

    Returns:
        The handles.
    """
    if "separation" not in values:
        return ()
    at, scale, peak = values["separation"] / 2, values["scale"], float(target.max())
    return (
        Handle(at, peak, Drag("separation", 2.0), label="the right mode", on=on),
        Handle(at + scale, SHOULDER * peak, Drag("scale"), label="the width of a mode"),
    )


def training_panel(
    title: str,
    label: str,
    names: Mapping[str, str],
    curves: Mapping[str, tuple[Any, Any]],
    step: int,
    steps: int,
    *,
    roles: tuple[str, ...] = ROLES,
    y_range: tuple[float, float] | None = None,
) -> Panel:
    """Curves against the step of training, with a mark at the step that is shown.

    Args:
        title: of the panel.
        label: of the vertical axis.
        names: the label of each curve, by its name.
        curves: steps and values of each curve, by its name. A curve that is missing is not drawn:
            an untrained model has no losses yet.
        step: the step that is shown.
        steps: the last step of a training.
        roles: of the curves, in their order.
        y_range: the ends of the vertical axis; None to choose them by the curves.

    Returns:
        The panel, with a handle on the mark.
    """
    nothing = np.zeros(0)
    lines = []
    for (name, text), role in zip(names.items(), roles, strict=False):
        at, values = (np.asarray(a, float) for a in curves.get(name, (nothing, nothing)))
        lines.append(Line(at, values, width=1.6, role=role, label=text))
    finite = np.concatenate([line.y[np.isfinite(line.y)] for line in lines])
    lowest, highest = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    low = -ceiling(-lowest) if lowest < 0 else 0.0
    low, high = y_range or (low, ceiling(1.05 * highest))
    return Panel(
        title,
        Axis("step", 0, steps, ticks={at: f"{at:g}" for at in np.linspace(0, steps, 5)}),
        Axis(label, low, high),
        (*lines, Rule(step)),
        handles=(Handle(step, high, Drag("step"), label="the step that is shown"),),
    )


def note(text: str, x: float, y: float, anchor: Literal["start", "end"] = "start") -> Texts:
    """A remark inside a panel.

    Args:
        text: the remark.
        x: where it begins, or ends, as a share of the panel's width.
        y: how high it stands, as a share of the panel's height.
        anchor: which of its ends stands at x.

    Returns:
        The remark, as a mark.
    """
    return Texts(np.array([x]), np.array([y]), (text,), anchor=anchor, of_panel=True)


def rows_axis(names: Iterable[str]) -> Axis:
    """An axis of rows, the first one at the top.

    Args:
        names: what each row is called.

    Returns:
        The axis; the middle of the first row is at 0, of the second one at 1, and so on.
    """
    ticks: dict[float, str] = dict(enumerate(names))
    return Axis("", len(ticks) - 0.5, -0.5, ticks=ticks)


def handles_on_q(
    values: Mapping[str, Any], x: Float[np.ndarray, " n"], q: Float[np.ndarray, " n"]
) -> tuple[Handle, ...]:
    """Handles on the density of Q, whose location is `separation`: there, and at its left shoulder.

    Args:
        values: the values of the controls, with `separation` and `scale`.
        x: even steps along the axis, (n,).
        q: the density of Q at x, (n,).

    Returns:
        The handles. The shoulder is the left one, which is inside the panel wherever Q is, and one
        step short of the scale, where a Uniform still has its height.
    """
    at = values["separation"]
    left = at - values["scale"] + (x[1] - x[0])
    heights = np.interp([at, left], x, q).tolist()
    return (
        Handle(
            at, heights[0], Drag("separation"), label="the separation of Q", role="model", on="Q"
        ),
        Handle(left, heights[1], Drag("scale", -1.0), label="the scale of Q", role="model"),
    )


def seeds_panel(
    title: str,
    count: int,
    target: Float[np.ndarray, " n"],
    found: tuple[Float[np.ndarray, "seeds n"], Bool[np.ndarray, " seeds"]] | None,
    *,
    role: str,
    hint: str,
) -> Panel:
    """What many seeds have learned, as small densities in rows.

    Args:
        title: of the panel.
        count: how many seeds there are.
        target: the target's density at the points of the others, (n,).
        found: the densities, and whether each covers every mode; None before they are trained.
        role: of those that do; the others are lost.
        hint: what stands in the panel before.

    Returns:
        The panel, of two lines, which NaN cuts into densities.
    """
    rows = -(-count // _ACROSS)
    axes = Axis("", 0, _ACROSS, ticks={}), Axis("", 0, rows, ticks={})
    if found is None:
        half = np.array([0.5])
        return Panel(title, *axes, (Texts(half, half, (hint,), anchor="middle", of_panel=True),))
    shares, whole = np.minimum(found[0][:, ::_EVERY] / top_of(target), 1.0), found[1]
    seed = np.arange(len(whole))[:, None]
    # Each has a cell of width and height 1, the first one at the upper left.
    x = np.linspace(0.05, 0.95, shares.shape[1]) + seed % _ACROSS
    y = 0.85 * shares + rows - 1 - seed // _ACROSS
    x, y = (np.pad(a, ((0, 0), (0, 1)), constant_values=np.nan) for a in (x, y))
    lines = (
        Line(x[some].ravel(), y[some].ravel(), role=role, label=label, width=1.0)
        for some, role, label in ((whole, role, "all modes"), (~whole, "lost", "a mode is lost"))
    )
    return Panel(title, *axes, tuple(lines))
