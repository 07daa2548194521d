"""The simplest GAN, one generated point against a critic of one slope, in its phase plane."""

import dataclasses
from typing import Any

import numpy as np

from divlab.explore.base import Explorer, number
from divlab.explore.controls import menu, slider
from divlab.figures.scene import Arrows, Axis, Drag, Handle, Line, Panel, Points, Scene
from divlab.languages import phrase
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
# The label and the role of each way to take steps.
_WAYS = {"simultaneous": ("both at once", "other"), "alternating": ("ψ, then θ", "model")}


class DiracGan(Explorer):
    """Data at 0, one generated point θ, and the critic ψ·x: a GAN of two numbers.

    The left panel shows the plane of θ and ψ. Arrows show where the two losses push, the game is
    at rest at the middle, and two paths of 500 steps lead from the start: in one both players move
    at once, in the other the critic moves first. The right panel shows how far each path is from
    rest. A click on the plane starts there, and the start can be dragged.

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
        of_model = {
            "objective": menu("Objective", _PLAYABLE),
            "penalty": slider("Penalty", 0.5, 0.0, 2.0, 0.05),
        }
        of_training = {
            "rate": slider("Step size", 0.1, 0.01, 0.5, 0.01),
            "theta": slider("Start θ", 1.5, -2.0, 2.0, 0.05),
            "psi": slider("Start ψ", 0.5, -2.0, 2.0, 0.05),
        }
        super().__init__({"Model": of_model, "Training": of_training})

    def compute(
        self, objective: str, penalty: float, rate: float, theta: float, psi: float
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        game = as_arrays(_with_penalty(GAN_OBJECTIVES[objective], penalty))
        result: dict[str, Any] = {"start": float(np.hypot(theta, psi))}
        paths = {}
        for name in _WAYS:
            field, path = phase_plane(
                game, _AXIS, (theta, psi), rate, _STEPS, alternating=name == "alternating"
            )
            paths[name] = path
            at, slope = float(path[0][-1]), float(path[1][-1])
            result[name] = {"theta": at, "psi": slope, "distance": float(np.hypot(at, slope))}
        return result, {"field": field, "paths": paths}

    def scene(
        self, values: dict[str, Any], result: dict[str, Any], arrays: dict[str, Any]
    ) -> Scene:
        theta, psi, at_rest = values["theta"], values["psi"], np.zeros(1)
        paths = {n: [np.asarray(a, float) for a in path] for n, path in arrays["paths"].items()}
        plane = Panel(
            "The game: click to start there",
            Axis("generated point θ", -_EXTENT, _EXTENT),
            Axis("slope ψ", -_EXTENT, _EXTENT),
            (
                _arrows(*arrays["field"]),
                *(
                    Line(paths[name][0], paths[name][1], width=1.3, role=role, label=label)
                    for name, (label, role) in _WAYS.items()
                ),
                Points(at_rest, at_rest, shape="plus", size=12.0, label="rest"),
                Points(np.array([theta]), np.array([psi])),
            ),
            handles=(Handle(theta, psi, Drag("theta"), Drag("psi"), label="the start"),),
            equal=True,
            click=("theta", "psi"),
        )
        distances = Panel(
            "Distance from rest",
            Axis("step", 0, _STEPS),
            Axis("distance", 1e-4, 10, "log"),
            tuple(
                Line(np.arange(_STEPS + 1.0), np.hypot(*paths[name]), role=role, label=label)
                for name, (label, role) in _WAYS.items()
            ),
        )
        return Scene((plane, distances), columns=2, height=0.48)

    def numbers(self, values: dict[str, Any], result: dict[str, Any]) -> dict[str, str]:
        found: dict[str, float] = {"distance at first": result["start"]}
        for name, (text, _) in _WAYS.items():
            found[phrase("end, {way}", way=phrase(text))] = result[name]["distance"]
        return {text: number(distance, 4) for text, distance in found.items()}

    def python(self, values: dict[str, Any]) -> str:
        name, theta, psi = values["objective"], values["theta"], values["psi"]
        game, imports = f'"{name}"', "import divlab"
        if _has_penalty(GAN_OBJECTIVES[name]):
            game = (
                f"dataclasses.replace(divlab.GAN_OBJECTIVES[{game}], penalty={values['penalty']})"
            )
            imports = "import dataclasses\n\nimport divlab"
        return f"""\
{imports}
import numpy as np

game = {game}
print("start", np.hypot({theta}, {psi}))
for name, alternating in (("simultaneous", False), ("alternating", True)):
    plane = divlab.evidence.dirac_gan(
        game, start=({theta}, {psi}), rate={values["rate"]}, steps={_STEPS}, alternating=alternating
    )
    theta, psi = (float(plane[path][-1]) for path in ("theta_path", "psi_path"))
    print(f"{{name}}.theta", theta)
    print(f"{{name}}.psi", psi)
    print(f"{{name}}.distance", np.hypot(theta, psi))
"""

    def caption(self, values: dict[str, Any], result: dict[str, Any]) -> str:
        penalised = phrase("{objective} with penalty {penalty:.2f}", **values)
        free = phrase("{objective}, no penalty", **values)
        return phrase(
            "{game}: after {steps} steps of size {rate:.2f} the distance from rest, {start} at "
            "first, is {together} where both move at once and {in_turn} where the critic moves "
            "first.",
            game=penalised if _has_penalty(GAN_OBJECTIVES[values["objective"]]) else free,
            steps=_STEPS,
            rate=values["rate"],
            start=number(result["start"]),
            together=_distance(result["simultaneous"]["distance"]),
            in_turn=_distance(result["alternating"]["distance"]),
        )


def _arrows(across: Any, up: Any) -> Arrows:
    """Arrows of nearly one length: where the pull is weak, its direction still shows."""
    across, up = (np.asarray(a, float) for a in (across, up))
    length = np.hypot(across, up)
    shown = length**0.3 / np.maximum(length, 1e-9) / 7
    dx, dy = (across * shown).ravel(), (up * shown).ravel()
    theta, psi = (a.ravel() for a in np.meshgrid(_AXIS, _AXIS, indexing="ij"))
    return Arrows(theta - dx / 2, psi - dy / 2, dx, dy, role="muted")


def _distance(value: float) -> str:
    return phrase("below 0.001") if value < 0.001 else number(value)


def _has_penalty(objective: Adversarial) -> bool:
    return "penalty" in {field.name for field in dataclasses.fields(objective)}


def _with_penalty(objective: Adversarial, penalty: float) -> Adversarial:
    if not _has_penalty(objective):
        return objective
    changed: Any = {"penalty": penalty}
    return dataclasses.replace(objective, **changed)
