"""The simplest GAN, one generated point against a critic of one slope, in its phase plane."""

import dataclasses
from typing import Any

import numpy as np
from ipyevents import Event
from matplotlib.axes import Axes

from divlab import figures
from divlab.explore.base import Explorer, number
from divlab.explore.controls import menu, slider
from divlab.models.dirac import phase_plane, why_no_plane
from divlab.models.objectives import GAN_OBJECTIVES, Adversarial
from divlab.pytrees import as_arrays

_EXTENT = 2.2
_AXIS = np.linspace(-_EXTENT, _EXTENT, 19)
_STEPS = 500
# The one that comes to rest is first; the others are in the order of their table.
_PLAYABLE = sorted(
    (name for name, objective in GAN_OBJECTIVES.items() if not why_no_plane(objective)),
    key=lambda name: name != "r1",
)
# The name, the color and the dashes of each way to take steps.
_STYLES = {
    "simultaneous": ("both at once", figures.OTHER, "--"),
    "alternating": (r"$\psi$, then $\theta$", figures.MODEL, "-"),
}


class DiracGan(Explorer):
    """Data at 0, one generated point θ, and the critic ψ·x: a GAN of two numbers.

    The left panel shows the plane of θ and ψ. Arrows show where the two losses push, the game is
    at rest at the middle, and two paths of 500 steps lead from the start: in one both players move
    at once, in the other the critic moves first. The right panel shows how far each path is from
    rest. A click on the plane starts there.

    `controls`: `objective`; `penalty`, the weight of its gradient penalty where it has one;
    `theta` and `psi`, the start; `rate`, the step size. `result`: `simultaneous` and
    `alternating`, each with `theta` and `psi` at the end of the path, and `distance`, which is
    √(θ² + ψ²) there; and `start`, the distance at first.

    Source: Mescheder, Geiger & Nowozin (2018), Which Training Methods for GANs do actually
    Converge?

    Example:
        >>> import divlab
        >>> found = divlab.explore.dirac_gan().result
        >>> found["alternating"]["distance"] < 0.01 < found["start"]
        True
    """

    def __init__(self) -> None:
        figure, (left, right) = figures.new_figure(2, height=4.4)
        figures.label(
            left,
            title="The game: click to start there",
            x=r"generated point $\theta$",
            y=r"slope $\psi$",
        )
        self._arrows = left.quiver(
            _AXIS, _AXIS, *np.ones((2, _AXIS.size, _AXIS.size)), color="#9A9A9A", pivot="mid",
            angles="xy", scale_units="xy", scale=7.0, width=0.003,
        )  # fmt: skip
        figures.label(right, title="Distance from rest", x="step", y="distance")
        self._paths, self._distances = {}, {}
        for name, (text, color, dashes) in _STYLES.items():
            (self._paths[name],) = left.plot([], [], dashes, color=color, linewidth=1.3)
            (self._distances[name],) = right.plot([], [], dashes, color=color, label=text)
        left.plot([0], [0], "+", color=figures.DATA, markersize=12, markeredgewidth=2)
        (self._start,) = left.plot([], [], "o", color=figures.DATA, markersize=6)
        left.set_xlim(-_EXTENT, _EXTENT)
        left.set_ylim(-_EXTENT, _EXTENT)
        left.set_aspect("equal")
        right.set_xlim(0, _STEPS)
        right.set_yscale("log")
        right.set_ylim(1e-4, 10)
        figures.legend(right, loc="upper right", ncols=2)
        self._plane: Axes = left
        controls = {
            "objective": menu("Objective", _PLAYABLE),
            "penalty": slider("Penalty", 0.5, 0.0, 2.0, 0.05),
            "rate": slider("Step size", 0.1, 0.01, 0.5, 0.01),
            "theta": slider("Start θ", 1.5, -2.0, 2.0, 0.05),
            "psi": slider("Start ψ", 0.5, -2.0, 2.0, 0.05),
        }
        super().__init__(controls, figure)
        self._clicks = Event(source=self._picture, watched_events=["click"])
        self._clicks.on_dom_event(lambda event: self.click(event["dataX"], event["dataY"]))

    def _free(self) -> None:
        super()._free()
        self._clicks.close()

    def click(self, column: float, row: float) -> None:
        """Starts where the picture was clicked, if that is on the plane.

        Args:
            column: pixels of the picture from its left edge.
            row: pixels of the picture from its upper edge.
        """
        at = (column, self.figure.bbox.height - row)
        if not self._plane.bbox.contains(*at):
            return
        theta, psi = self._plane.transData.inverted().transform(at)
        with self.paused():
            self.controls["theta"].value = float(np.round(20 * theta)) / 20
            self.controls["psi"].value = float(np.round(20 * psi)) / 20
        self.refresh()

    def compute(
        self, objective: str, penalty: float, rate: float, theta: float, psi: float
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        game = as_arrays(_with_penalty(GAN_OBJECTIVES[objective], penalty))
        result: dict[str, Any] = {"start": float(np.hypot(theta, psi))}
        paths = {}
        for name in _STYLES:
            field, path = phase_plane(
                game, _AXIS, (theta, psi), rate, _STEPS, alternating=name == "alternating"
            )
            paths[name] = path
            at, slope = float(path[0][-1]), float(path[1][-1])
            result[name] = {"theta": at, "psi": slope, "distance": float(np.hypot(at, slope))}
        return result, {"field": field, "paths": paths}

    def draw(self, values: dict[str, Any], result: dict[str, Any], arrays: dict[str, Any]) -> None:
        across, up = (np.asarray(a, float).T for a in arrays["field"])
        # Arrows of nearly one length: where the pull is weak, its direction still shows.
        length = np.hypot(across, up)
        shown = length**0.3 / np.maximum(length, 1e-9)
        self._arrows.set_UVC(across * shown, up * shown)
        for name, (theta, psi) in arrays["paths"].items():
            self._paths[name].set_data(theta, psi)
            distance = np.hypot(theta, psi)
            self._distances[name].set_data(np.arange(len(distance)), distance)
        self._start.set_data([values["theta"]], [values["psi"]])

    def caption(self, values: dict[str, Any], result: dict[str, Any]) -> str:
        chosen = GAN_OBJECTIVES[values["objective"]]
        name = values["objective"]
        name += f" with penalty {values['penalty']:.2f}" if _has_penalty(chosen) else ", no penalty"
        ends = " and ".join(
            f"{_distance(result[way]['distance'])} where {words}"
            for way, words in (
                ("simultaneous", "both move at once"),
                ("alternating", "the critic moves first"),
            )
        )
        return (
            f"{name}: after {_STEPS} steps of size {values['rate']:.2f} the distance from rest, "
            f"{number(result['start'])} at first, is {ends}."
        )


def _distance(value: float) -> str:
    return "below 0.001" if value < 0.001 else number(value)


def _has_penalty(objective: Adversarial) -> bool:
    return "penalty" in {field.name for field in dataclasses.fields(objective)}


def _with_penalty(objective: Adversarial, penalty: float) -> Adversarial:
    if not _has_penalty(objective):
        return objective
    changed: Any = {"penalty": penalty}
    return dataclasses.replace(objective, **changed)
