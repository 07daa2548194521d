"""The phase plane of the simplest GAN."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from divlab.checks import Count, check_count
from divlab.divergences.inputs import read_number
from divlab.models import GAN_OBJECTIVES
from divlab.models.architecture import choose_objective
from divlab.models.dirac import phase_plane, why_no_plane
from divlab.models.objectives import Adversarial
from divlab.pytrees import as_arrays


def dirac_gan(
    objective: str | Adversarial,
    *,
    start: tuple[float, float] = (1.0, 1.0),
    rate: float = 0.1,
    steps: Count = 500,
    extent: float = 2.0,
    points: Count = 21,
    alternating: bool = False,
) -> xr.Dataset:
    """The phase plane of the simplest GAN: data at 0, one generated point θ, the critic ψ·x.

    The game is at rest at the origin only. Each parameter moves down the gradient of its own loss.

    Args:
        objective: a name in `divlab.GAN_OBJECTIVES`, or an objective, with one critic of scores.
        start: θ and ψ at first.
        rate: step size of the path.
        steps: of the path.
        extent: the field is shown for θ and ψ within ± this.
        points: along each axis of the field.
        alternating: False to move both parameters at once; True to move ψ first, and then θ
            against the new ψ, as trainings of GANs do.

    Returns:
        A Dataset: `theta_velocity` and `psi_velocity` over theta and psi; `theta_path` and
        `psi_path` over step, from the start on.

    Raises:
        TypeError, ValueError: an objective that is not known, that compares more than the scores
            of single points, or that looks ahead; a number that is out of its range.

    Source: Mescheder, Geiger & Nowozin (2018), Which Training Methods for GANs do actually
    Converge?, section 2.

    Example:
        >>> import divlab
        >>> penalised = divlab.objectives.R1(penalty=1.0)
        >>> plane = divlab.evidence.dirac_gan(penalised, rate=0.02, steps=5000)
        >>> bool(abs(plane["theta_path"][-1]) < 0.01)
        True
    """
    chosen = choose_objective(objective, GAN_OBJECTIVES, Adversarial)
    if why := why_no_plane(chosen):
        raise ValueError(f"objective {type(chosen).__name__} {why}.")
    length, count = check_count("steps", steps), check_count("points", points, 2)
    for name, value in (("rate", rate), ("extent", extent)):
        read_number(name, value, low=0.0, high=np.inf, closed=False, need="above 0")
    axis = np.linspace(-extent, extent, count)
    field, path = phase_plane(as_arrays(chosen), axis, start, rate, length, alternating=alternating)
    return xr.Dataset(
        {
            "theta_velocity": (("theta", "psi"), field[0]),
            "psi_velocity": (("theta", "psi"), field[1]),
            "theta_path": ("step", path[0]),
            "psi_path": ("step", path[1]),
        },
        coords={"theta": axis, "psi": axis, "step": np.arange(length + 1)},
    )


def dirac_ends(
    objectives: Mapping[str, str | Adversarial],
    *,
    start: tuple[float, float] = (1.0, 1.0),
    rate: float = 0.1,
    steps: Count = 500,
) -> xr.Dataset:
    """How far from rest the simplest GAN ends, for several objectives and both ways of stepping.

    Args:
        objectives: dict of label to objective, each as in `dirac_gan`.
        start, rate, steps: as in `dirac_gan`.

    Returns:
        A Dataset over game and way ("at once", "in turn") of `distance`, √(θ² + ψ²) at the end.

    Raises:
        TypeError, ValueError: as in `dirac_gan`.

    Example:
        >>> import divlab
        >>> found = divlab.evidence.dirac_ends({"R1": "r1"}, steps=1000)
        >>> bool((found["distance"] < 0.2).all())
        True
    """
    ways = {"at once": False, "in turn": True}
    rows = []
    for objective in objectives.values():
        planes = [
            dirac_gan(objective, start=start, rate=rate, steps=steps, points=2, alternating=in_turn)
            for in_turn in ways.values()
        ]
        rows.append(
            [np.hypot(*(p[f"{n}_path"].values[-1] for n in ("theta", "psi"))) for p in planes]
        )
    return xr.Dataset(
        {"distance": (("game", "way"), np.array(rows, float))},
        coords={"game": list(objectives), "way": list(ways)},
    )
