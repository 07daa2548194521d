"""What happens along trainings, and how long they take."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from numpyro.distributions import Distribution

from divlab.checks import Count, Numbers, Seeds
from divlab.divergences.inputs import read_number
from divlab.models import Run, Runs, fit_many, training_cost
from divlab.models.protocol import ModelLike, check_exact
from divlab.sweeps import divergences_to


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
        >>> models = {"vae": divlab.VAE(hidden=(8,))}
        >>> target = divlab.targets.two_gaussians(1.0)
        >>> options = {"seeds": 3, "steps": 5, "batch_size": 32}
        >>> found = divlab.evidence.steps_to_reach(models, target, 9.0, **options)
        >>> found["steps"].values.tolist()
        [[0.0, 0.0, 0.0]]
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
        >>> run = divlab.fit(divlab.VAE(hidden=(8,)), target, steps=4, record_every=2)
        >>> divlab.evidence.along_training(run)["js"].dims
        ('step',)
    """
    if not isinstance(run, Run):
        raise TypeError(f"run must be a divlab.Run or divlab.Runs, got {run!r}.")
    check_exact("the model of `run`", run.model)
    axes = ("seed", "step") if isinstance(run, Runs) else ("step",)
    alone = run if isinstance(run, Runs) else [run]
    laws = (one.law_at(int(step)) for one in alone for step in one.steps)
    found = divergences_to(run.target, laws)
    table = {name: (axes, values.reshape(run.steps.shape)) for name, values in found.items()}
    table |= {name: (axes, values) for name, values in run.history.items()}
    return xr.Dataset(table, coords={"step": np.atleast_2d(run.steps)[0]})
