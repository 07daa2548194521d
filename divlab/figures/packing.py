"""A scene as the browser takes it: a dict for JSON, and arrays of positions."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from divlab.figures.scene import Arrows, Axis, Bars, Numbers, Panel, Rug, Rule, Scene, Texts

# Which axis the numbers of a mark belong to, by the name of its field.
_AXES = {"x": "x", "y": "y", "low": "y", "high": "y"}


def packed(scene: Scene) -> tuple[dict[str, Any], list[Numbers]]:
    """A scene as the browser takes it: a dict for JSON, and arrays of positions.

    Positions are shares of the panel, 0 to 1 from left to right and from bottom to top, so that
    32 bits are enough wherever the axes begin. In the dict an array is its number in the list;
    equal arrays are the same one.

    Args:
        scene: the scene.

    Returns:
        The dict and the arrays.
    """
    arrays: list[Numbers] = []
    known: dict[bytes, int] = {}

    def keep(values: Any) -> int:
        array = np.asarray(values, np.float32)
        content = array.tobytes()
        if content not in known:
            known[content] = len(arrays)
            arrays.append(array)
        return known[content]

    panels = []
    for panel in scene.panels:
        axes = {"x": panel.x, "y": panel.y, "right": panel.right}
        one: dict[str, Any] = {
            "title": panel.title,
            "axes": {n: _axis(axis) for n, axis in axes.items() if axis is not None},
            "marks": [_mark(mark, panel, keep) for mark in panel.marks],
            "handles": [
                dataclasses.asdict(handle)
                | {"x": float(panel.x.place(handle.x)), "y": float(panel.y.place(handle.y))}
                for handle in panel.handles
            ],
            "equal": panel.equal,
            "click": panel.click,
            "can_draw": panel.can_draw,
        }
        panels.append(one)
    shape = {n: getattr(scene, n) for n in ("columns", "widths", "heights", "height")}
    return {"panels": panels, **shape}, arrays


def _axis(axis: Axis) -> dict[str, Any]:
    ticks = axis.shown_ticks()
    return {
        "label": axis.label,
        "low": float(axis.low),
        "high": float(axis.high),
        "scale": axis.scale,
        "ticks": [[float(axis.place(at)), text] for at, text in ticks.items()],
    }


def _mark(mark: Any, panel: Panel, keep: Callable[[Any], int]) -> dict[str, Any]:
    """A mark with its numbers as shares of the panel."""
    y = panel.right if getattr(mark, "on_right", False) and panel.right else panel.y
    axes = {"x": panel.x, "y": y}
    found: dict[str, Any] = {"kind": type(mark).__name__.lower()}
    for name in (one.name for one in dataclasses.fields(mark)):
        value = getattr(mark, name)
        if isinstance(mark, Bars) and name in ("at", "start", "end"):
            across = "y" if mark.along == "x" else "x"
            found[name] = keep(axes[across if name == "at" else mark.along].place(value))
        elif isinstance(mark, Bars) and name == "thickness":
            axis = axes["y" if mark.along == "x" else "x"]
            found[name] = float(abs(value / (axis.high - axis.low)))
        elif isinstance(mark, Arrows) and name in ("dx", "dy"):
            start = getattr(mark, name[1])
            found[name] = keep(axes[name[1]].place(start + value) - axes[name[1]].place(start))
        elif isinstance(mark, Rule) and name == "at":
            found[name] = float(axes["x" if mark.along == "y" else "y"].place(value))
        elif isinstance(mark, Texts) and name in _AXES:
            found[name] = keep(value if mark.of_panel else axes[_AXES[name]].place(value))
        elif isinstance(mark, Rug) and name == "y":
            found[name] = float(y.place(value))
        elif name in _AXES:
            found[name] = keep(axes[_AXES[name]].place(value))
        else:
            found[name] = value
    return found
