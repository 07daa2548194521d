"""What training shows, as tables: rates with intervals, costs, divergences along the way.

Each function returns an `xarray.Dataset`, so that a notebook prints or plots it as it is.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpyro.distributions import Distribution

from divlab.checks import Count, Numbers, Seeds, check_count
from divlab.divergences.inputs import read_number
from divlab.divergences.quantities import QUANTITIES
from divlab.metrics import wilson
from divlab.models import (
    GAN,
    GAN_OBJECTIVES,
    MinimumDivergence,
    Run,
    Runs,
    fit_many,
    training_cost,
)
from divlab.models.architecture import choose_objective
from divlab.models.dirac import phase_plane, why_no_plane
from divlab.models.objectives import Adversarial
from divlab.models.protocol import ModelLike, check_exact
from divlab.pytrees import as_arrays
from divlab.sweeps import divergences_to, sweep
from divlab.targets import two_gaussians


def coverage_rates(
    models: Mapping[str, ModelLike],
    separations: Iterable[float] = (1.0, 2.0, 4.0, 8.0),
    *,
    scale: float = 0.5,
    seeds: Seeds = 32,
    confidence: float = 0.95,
    **options: Any,
) -> xr.Dataset:
    """How often a model covers both of two Gaussians, against how far apart they are.

    Args:
        models: dict of label to model, as in `divlab.sweep`.
        separations: distances between the two modes, in units of x.
        scale: of each mode.
        seeds: as in `divlab.sweep`.
        confidence: of the intervals.
        options: `steps`, `batch_size`, `store` and `progress`, as in `divlab.sweep`.

    Returns:
        A Dataset over model and separation: `covered`, the number of seeds that cover both modes,
        `rate`, their share, and `low` and `high`, the ends of Wilson's interval for it. Attribute
        `seeds` says of how many.

    Raises:
        TypeError, ValueError: as in `divlab.sweep` and `divlab.targets.two_gaussians`.

    Example:
        >>> import divlab
        >>> models = {"vae": divlab.VAE(hidden=(4,))}
        >>> rates = divlab.evidence.coverage_rates(
        ...     models, [1.0], seeds=2, steps=5, progress=False
        ... )
        >>> rates["covered"].dims
        ('model', 'separation')
    """
    targets = {f"{separation:g}": two_gaussians(separation, scale) for separation in separations}
    found = sweep(models, targets, seeds=seeds, **options)
    covered = (found["modes_covered"] == 2).sum("seed").rename(target="separation")
    count = found.sizes["seed"]
    ends = np.array([wilson(int(n), count, confidence) for n in covered.values.ravel()])
    low, high = (covered.copy(data=end.reshape(covered.shape)) for end in ends.T)
    table = xr.Dataset({"covered": covered, "rate": covered / count, "low": low, "high": high})
    table = table.assign_coords(separation=np.asarray(separations, float))
    return table.assign_attrs(found.attrs, seeds=count, scale=scale, confidence=confidence)


def steps_to_reach(
    models: Mapping[str, ModelLike],
    target: Distribution | Numbers,
    bar: float,
    *,
    seeds: Seeds = 32,
    steps: Count = 2000,
    record_every: Count = 50,
    batch_size: Count = 256,
) -> xr.Dataset:
    """How many steps, and operations, it takes until W₁ to the target is below a bar.

    Args:
        models: dict of label to model, with latent_dim=1.
        target: as in `divlab.fit`.
        bar: in units of x, above 0.
        seeds, steps, record_every, batch_size: as in `divlab.fit_many`. Only recorded steps are
            looked at, so the step that is found may be late by up to `record_every`.

    Returns:
        A Dataset over model and seed: `steps`, NaN where the bar was not reached; `flops`, the
        operations of so many steps by `divlab.training_cost`; and `wasserstein`, W₁ at the end.

    Raises:
        TypeError, ValueError: as in `divlab.fit_many`; `bar` is not above 0.

    Example:
        >>> import divlab
        >>> models = {"vae": divlab.VAE(hidden=(4,))}
        >>> target = divlab.targets.two_gaussians(1.0)
        >>> found = divlab.evidence.steps_to_reach(models, target, 9.0, seeds=2, steps=5)
        >>> found["steps"].values.tolist()
        [[0.0, 0.0]]
    """
    read_number("bar", bar, low=0.0, high=np.inf, closed=False, need="above 0")
    rows = []
    for model in models.values():
        runs = fit_many(
            model,
            target,
            seeds=seeds,
            steps=steps,
            record_every=record_every,
            batch_size=batch_size,
        )
        distances = along_training(runs)["wasserstein"].values
        below = distances < bar
        first = np.where(below.any(axis=1), runs.steps[0][below.argmax(axis=1)], np.nan)
        cost = training_cost(model, batch_size).flops
        rows.append({"steps": first, "flops": first * cost, "wasserstein": distances[:, -1]})
    table = {name: (("model", "seed"), np.stack([row[name] for row in rows])) for name in rows[0]}
    return xr.Dataset(table, coords={"model": list(models)}, attrs={"bar": bar})


# Divergence -> the objective of a GAN that stands for it.
GAMES = {
    "kl": "f_gan_kl",
    "reverse_kl": "f_gan_reverse_kl",
    "js": "f_gan_js",
    "chi2": "f_gan_pearson",
    "hellinger": "f_gan_hellinger",
    "wasserstein": "wgan_gp",
    "mmd": "mmd",
    "cramer": "cramer",
}
PLAYERS = ("exact", "adversarial")


def divergence_or_game(
    divergences: Iterable[str] = tuple(GAMES),
    separations: Iterable[float] = (2.0, 4.0, 6.0, 8.0),
    *,
    scale: float = 0.5,
    seeds: Seeds = 64,
    steps: Count = 1000,
    hidden: tuple[int, ...] = (32, 32),
    bar: float = 0.2,
    confidence: float = 0.95,
    **options: Any,
) -> xr.Dataset:
    """Does a GAN lose modes because of its divergence, or because of the game?

    Two Gaussians are learned by each divergence in two ways: by `divlab.MinimumDivergence`, which
    descends the divergence itself, and by the GAN whose critic approximates it. Where the
    divergence can move a generator (Wasserstein, MMD, Cramér) both have the same generator. An
    f-divergence needs a density, so there the exact way has the VAE's decoder.

    Args:
        divergences: names in `divlab.evidence.GAMES`.
        separations: distances between the two modes, in units of x.
        scale: of each mode.
        seeds: as in `divlab.sweep`.
        steps: training steps of each model.
        hidden: widths of the hidden layers of every network.
        bar: the distance W₁ below which a training counts as having arrived.
        confidence: of the intervals.
        options: `batch_size` of the GANs, `store` and `progress`, as in `divlab.sweep`.

    Returns:
        A Dataset over divergence, player ("exact" or "adversarial") and separation. `lost`, the
        number of seeds that cover fewer than two modes, `rate`, their share, and `low` and `high`,
        the ends of Wilson's interval for it. The medians over seeds of `bridge`, `sharpness`,
        `kl`, `reverse_kl`, `js` (nats) and `wasserstein` (units of x). `arrived`, the share of
        seeds that came below the bar, and `steps_to_bar`, the median number of steps of those.

    Raises:
        TypeError, ValueError: as in `divlab.sweep`; a divergence is not in `GAMES`.

    Example:
        >>> import divlab
        >>> found = divlab.evidence.divergence_or_game(
        ...     ["wasserstein"], [2.0], seeds=2, steps=5, hidden=(4,), progress=False
        ... )
        >>> found["rate"].dims
        ('divergence', 'player', 'separation')
    """
    names, apart = list(divergences), [float(separation) for separation in separations]
    unknown = [name for name in names if name not in GAMES]
    if unknown:
        raise ValueError(
            f"divergences must be among {', '.join(GAMES)}, which have a game too; got "
            f"{unknown[0]!r}."
        )
    models: dict[str, ModelLike] = {}
    for name in names:
        density = "generator" if QUANTITIES[name].moves_points else "decoder"
        models[f"{name} exact"] = MinimumDivergence(name, density=density, hidden=hidden)
        models[f"{name} adversarial"] = GAN(GAMES[name], hidden=hidden)
    targets = {f"{separation:g}": two_gaussians(separation, scale) for separation in apart}
    found = sweep(models, targets, seeds=seeds, steps=steps, bar=bar, **options)
    count = found.sizes["seed"]
    lost = (found["modes_covered"] < 2).sum("seed")
    ends = np.array([wilson(int(n), count, confidence) for n in lost.values.ravel()])
    low, high = (lost.copy(data=end.reshape(lost.shape)) for end in ends.T)
    table = {"lost": lost, "rate": lost / count, "low": low, "high": high}
    shown = ("bridge", "sharpness", "kl", "reverse_kl", "js", "wasserstein", "steps_to_bar")
    table |= {name: found[name].median("seed") for name in shown}
    table["arrived"] = found["steps_to_bar"].notnull().mean("seed")
    dims = ("divergence", "player", "separation")
    shape = len(names), len(PLAYERS), len(apart)
    whole = xr.Dataset(
        {name: (dims, values.values.reshape(shape)) for name, values in table.items()},
        coords={"divergence": names, "player": list(PLAYERS), "separation": apart},
    )
    return whole.assign_attrs(found.attrs, seeds=count, scale=scale, confidence=confidence, bar=bar)


def along_training(run: Run) -> xr.Dataset:
    """The exact divergences from the target at every record of a training, and its losses.

    Args:
        run: a `Run` or `Runs` of a model with latent_dim=1.

    Returns:
        A Dataset over step, of `Runs` over seed and step: `kl`, `reverse_kl` and `js` in nats and
        `wasserstein` in units of x, as in `divlab.sweep`, and the losses of `run.history`.

    Raises:
        TypeError: `run` is neither a `Run` nor `Runs`.
        ValueError: the latent of its model has more than one dimension.

    Example:
        >>> import divlab
        >>> target = divlab.targets.two_gaussians()
        >>> run = divlab.fit(divlab.VAE(hidden=(4,)), target, steps=4, record_every=2)
        >>> divlab.evidence.along_training(run)["js"].dims
        ('step',)
    """
    if not isinstance(run, Run):
        raise TypeError(f"run must be a divlab.Run or divlab.Runs, got {run!r}.")
    check_exact("the model of `run`", run.model)
    axes = ("seed", "step") if isinstance(run, Runs) else ("step",)
    alone = run if isinstance(run, Runs) else [run]
    laws = (one.distribution(int(step)) for one in alone for step in one.steps)
    found = divergences_to(run.target, laws)
    table = {name: (axes, values.reshape(run.steps.shape)) for name, values in found.items()}
    table |= {name: (axes, values) for name, values in run.history.items()}
    return xr.Dataset(table, coords={"step": np.atleast_2d(run.steps)[0]})


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


__all__ = [
    "GAMES",
    "along_training",
    "coverage_rates",
    "dirac_gan",
    "divergence_or_game",
    "steps_to_reach",
]
