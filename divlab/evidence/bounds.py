"""What a VAE minimises, taken apart: the bound, the likelihood under it, and the gap between them.

With a latent of one dimension nothing is drawn: expectations are sums over nodes of z and of x.
"""

from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax.scipy.stats import norm
from jaxtyping import Array, Float
from numpyro.distributions import Distribution

from divlab.checks import Count, KeyLike, Numbers, Seeds, check_count, read_key
from divlab.compiling import WITHOUT_FUSION, jit_with
from divlab.divergences import entropy, kl
from divlab.divergences.diagnosis import quietly
from divlab.divergences.inputs import Samples, read_exact
from divlab.divergences.integrals.arrays import matmul
from divlab.divergences.integrals.known import Known
from divlab.divergences.integrals.packed import Packed
from divlab.metrics import coverage
from divlab.models import VAE, Run, Runs, fit_many
from divlab.models.data import draws_from, read_target, standardised
from divlab.models.objectives import BetaELBO
from divlab.models.protocol import check_exact
from divlab.peaks import Peaks
from divlab.sweeps import divergences_to
from divlab.targets import exact_modes

_DATA = 257  # even nodes of the integral over the data, whose density is smooth
# Even grids of N(0, 1), exact where the network is smooth: one fast enough for a slider, one fine.
_NODES, _GRID = np.linspace(-7.2, 7.2, 97), np.linspace(-8.0, 8.0, 321)
_WEIGHTS, _MASSES = (np.exp(-(z**2) / 2) / np.exp(-(z**2) / 2).sum() for z in (_NODES, _GRID))
_FAR = 1000.0  # log weights down to minus this are summed evenly
_BATCH = 1000  # draws of which `sampled_loss` takes one mean


@jit_with(WITHOUT_FUSION)
def parts_at(
    model: Any, params: Any, x: Float[Array, " n"]
) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    """The two parts of the bound -ELBO at points, with z integrated.

    Args:
        model: the VAE.
        params: its parameters.
        x: the points, (n,), as the model sees them.

    Returns:
        E_q[-log p(x|z)] and KL(q(z|x)‖p(z)) in nats, (n,) each.
    """
    mean, log_scale = (a[:, 0] for a in model.encode(params, x))
    z = mean[:, None] + jnp.exp(log_scale)[:, None] * jnp.asarray(_NODES, float)
    loc, log_noise = (a.reshape(z.shape) for a in model.decode(params, z.reshape(-1, 1)))
    log_likelihood = matmul(norm.logpdf(x[:, None], loc, jnp.exp(log_noise)), _WEIGHTS)
    log_prior: Float[Array, " n"] = matmul(model.prior(params).log_prob(z[..., None]), _WEIGHTS)
    return -log_likelihood, -log_prior - log_scale - (1 + np.log(2 * np.pi)) / 2


@jit_with(WITHOUT_FUSION)
def _log_ratios(model: Any, params: Any, x: Any) -> Any:
    mean, log_scale = (a[:, 0] for a in model.encode(params, x))
    grid = jnp.asarray(_GRID, float)
    z = mean[:, None] + jnp.exp(log_scale)[:, None] * grid
    loc, log_noise = (a.reshape(z.shape) for a in model.decode(params, z.reshape(-1, 1)))
    log_joint = norm.logpdf(x[:, None], loc, jnp.exp(log_noise))
    log_joint += model.prior(params).log_prob(z[..., None])
    return log_joint - norm.logpdf(grid) + log_scale[:, None]


def data_nodes(
    target: Packed | Samples, found: Peaks
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Points and weights whose weighted mean is the expectation over the data.

    Args:
        target: the data, as divlab's functions read them.
        found: its modes.

    Returns:
        The points and the weights, which sum to 1, (n,) each. For measurements these are the
        measurements themselves, of equal weight.
    """
    if isinstance(target, Samples):
        values = np.asarray(target.values, float)
        return values, np.full(values.shape, 1 / len(values))
    reach = 7 * found.scales
    x = np.linspace((found.locs - reach).min(), (found.locs + reach).max(), _DATA)
    weights = np.exp(Known(target)(x))
    return x, weights / weights.sum()


def bound_and_nll(
    run: Run, step: int | None, x: Float[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, "2 n"], Float[np.ndarray, " n"]]:
    """What the bound of a VAE is made of at points, and what it bounds.

    Args:
        run: the run of the VAE.
        step: a recorded step; None for the last.
        x: the points, (n,).

    Returns:
        The two parts of -ELBO, as `parts_at` returns them, (2, n), and -log p(x), (n,), in nats.
    """
    parts = parts_at(run.model, run.params_at(step), run.units.standardise(x))
    log_unit = np.array([[np.log(run.units.scale)], [0.0]])
    return np.asarray(parts, float) + log_unit, -Known(Packed(run.law_at(step)))(x)


def elbo_parts(run: Run) -> xr.Dataset:
    """-ELBO of a VAE at every record: KL(data‖model) + the gap of the bound + entropy of the data.

    Each is an average over the data and computed by itself, so that the sum is a check: -ELBO over
    a grid of z, KL and the entropy by `divlab.kl` and `divlab.entropy`, and the gap
    KL(q(z|x)‖p(z|x)) over a finer grid of z.

    Args:
        run: a `Run` or `Runs` of a VAE with latent_dim=1, of any objective.

    Returns:
        A Dataset over step, of `Runs` over seed and step, in nats: `negative_elbo`, `nll`, `kl`,
        `gap` and `entropy`, with negative_elbo = nll + gap and nll = kl + entropy; and the parts
        of which the bound is made, `reconstruction` E_q[-log p(x|z)] and `kl_to_prior`
        KL(q(z|x)‖p(z)). For measurements the entropy is an estimate by nearest neighbours, and
        `kl` is the NLL less that estimate.

    Raises:
        TypeError: `run` is no `Run` or `Runs`, or its model is no VAE.
        ValueError: the latent of its model has more than one dimension.

    Source: Kingma & Welling (2014), Auto-Encoding Variational Bayes, equations 1 to 3.

    Example:
        >>> import divlab
        >>> target = divlab.targets.two_gaussians()
        >>> run = divlab.fit(divlab.VAE(hidden=(8,)), target, steps=4, record_every=2)
        >>> last = divlab.evidence.elbo_parts(run).isel(step=-1)
        >>> sum_of_parts = last["kl"] + last["gap"] + last["entropy"]
        >>> bool(abs(last["negative_elbo"] / sum_of_parts - 1) < 1e-3)
        True
    """
    _check(run)
    axes = ("seed", "step") if isinstance(run, Runs) else ("step",)
    alone = run if isinstance(run, Runs) else [run]
    target = read_exact("target", run.target)
    x, weights = data_nodes(target, exact_modes(target))
    with quietly():
        of_data = float(entropy(run.target))
    rows = []
    for one, step in ((each, int(record)) for each in alone for record in each.steps):
        (reconstruction, to_prior), nlls = bound_and_nll(one, step, x)
        gaps = -(_ratios(one, step, x) + nlls[:, None]) @ _MASSES
        nll = float(weights @ nlls)
        if isinstance(target, Samples):
            from_data = nll - of_data
        else:
            from_data = float(kl(run.target, one.distribution(step)))
        rows.append(
            {
                "negative_elbo": weights @ (reconstruction + to_prior),
                "nll": nll,
                "kl": from_data,
                "gap": weights @ gaps,
                "entropy": of_data,
                "reconstruction": weights @ reconstruction,
                "kl_to_prior": weights @ to_prior,
            }
        )
    table = {
        name: (axes, np.array([row[name] for row in rows]).reshape(run.steps.shape))
        for name in rows[0]
    }
    return xr.Dataset(table, coords={"step": np.atleast_2d(run.steps)[0]})


def _ratios(run: Run, step: int | None, x: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n z"]:
    """Log p(x, z) / q(z|x) at the points x and, for each, at an even grid of z under q."""
    found = _log_ratios(run.model, run.params_at(step), run.units.standardise(x))
    return np.asarray(found, float) - float(np.log(run.units.scale))


def beta_bounds(
    betas: Iterable[float],
    target: Distribution | Numbers,
    *,
    seeds: Seeds = 16,
    steps: Count = 2000,
    record_every: Count = 200,
) -> xr.Dataset:
    """The parts of the bound along trainings of β-VAEs, and what they learn.

    Args:
        betas: the weights of KL(q(z|x)‖p(z)) in the loss; 1 is the ELBO.
        target: as in `divlab.fit`.
        seeds, steps, record_every: as in `divlab.fit_many`.

    Returns:
        A Dataset over beta, seed and step: the variables of `elbo_parts`, and `loss`, which is
        reconstruction + beta · kl_to_prior, in nats; and over beta and seed, at the end,
        `wasserstein` in units of x and `modes_covered`.

    Raises:
        TypeError, ValueError: as in `divlab.fit_many`.

    Source: Higgins et al. (2017), beta-VAE, equation 4.

    Example:
        >>> import divlab
        >>> target = divlab.targets.two_gaussians()
        >>> table = divlab.evidence.beta_bounds((4.0,), target, seeds=2, steps=2)
        >>> dict(table.sizes)
        {'beta': 1, 'seed': 2, 'step': 2}
    """
    rows, values = [], [float(beta) for beta in betas]
    for beta in values:
        runs = fit_many(
            VAE(BetaELBO(beta=beta)), target, seeds=seeds, steps=steps, record_every=record_every
        )
        row = elbo_parts(runs)
        row["loss"] = row["reconstruction"] + beta * row["kl_to_prior"]
        distances = divergences_to(target, (run.law_at() for run in runs))
        row["wasserstein"] = "seed", distances["wasserstein"]
        row["modes_covered"] = "seed", np.asarray(coverage(runs, target).modes_covered)
        rows.append(row)
    return xr.concat(rows, "beta").assign_coords(beta=values)


def importance_bounds(
    run: Run, latents: Iterable[Count] = (1, 2, 5, 10, 50), *, step: int | None = None
) -> xr.Dataset:
    """The bound of an IWAE with K latents, without drawing any, and its distance from the NLL.

    With w = p(x, z) / (q(z|x) p(x)) and the mean W of K independent copies of it, the gap is
    -E log W. Because log W = ∫ (e^-s - e^-sW) ds/s over s > 0, it is an integral of φ(s/K)^K,
    where φ(s) = E_q[e^-sw] is an integral over the latent.

    Args:
        run: the `Run` of a VAE with latent_dim=1, of any objective.
        latents: the numbers K of latents.
        step: a recorded step; None for the last.

    Returns:
        A Dataset over latents, in nats: `bound`, the mean over the data of
        -E log (1/K) Σ p(x, z_i) / q(z_i|x); `nll`, which it bounds; and `gap`, the difference.

    Raises:
        TypeError: `run` is no `Run`, or its model is no VAE; `latents` are no whole numbers.
        ValueError: the latent of its model has more than one dimension; `latents` below 1, or none.

    Source: Burda, Grosse & Salakhutdinov (2016), Importance Weighted Autoencoders, equation 8.

    Example:
        >>> import divlab
        >>> target = divlab.targets.two_gaussians()
        >>> run = divlab.fit(divlab.VAE(hidden=(8,)), target, steps=2)
        >>> gaps = divlab.evidence.importance_bounds(run, (1, 10))["gap"]
        >>> bool(0 < gaps.sel(latents=10) < gaps.sel(latents=1))
        True
    """
    _check(run)
    if isinstance(run, Runs):
        raise TypeError("run must be one divlab.Run, got Runs; take one of them, such as run[0].")
    counts = np.array([check_count("latents", count) for count in latents])
    if counts.size == 0:
        raise ValueError("latents must name at least one number of latents, got none.")
    target = read_exact("target", run.target)
    x, weights = data_nodes(target, exact_modes(target))
    nlls = -Known(Packed(run.distribution(step)))(x)
    ratios = _ratios(run, step, x)
    held = weights > 1e-13 * weights.max()  # where there are data
    gaps = np.stack([_gaps(of_point, counts) for of_point in (ratios + nlls[:, None])[held]])
    nll, gap = float(weights @ nlls), weights[held] @ gaps
    table = {"bound": ("latents", nll + gap), "nll": nll, "gap": ("latents", gap)}
    return xr.Dataset(table, coords={"latents": counts})


def _gaps(log_w: Float[np.ndarray, " nodes"], counts: Any) -> Float[np.ndarray, " K"]:
    """-E log of the mean of K weights, for each K.

    In u = log(s/K) the integrand is smooth on the scale of 1. It vanishes doubly exponentially
    where every weight counts and like e^u where none does, so a sum over an even grid is exact.
    """
    low, high = -log_w.max() - 25.0, -log_w.min() + 5.0
    u = np.arange(low, min(high, _FAR), 0.5)
    if high > _FAR:  # of a q far wider than the posterior, whose weights span many scales
        u = np.concatenate([u, np.geomspace(_FAR, high, 500)])
    scale = np.exp(np.minimum(u, 700.0))
    phi = np.exp(-np.exp(np.minimum(u[:, None] + log_w, 700.0))) @ _MASSES
    powers = np.exp(counts * np.log(np.maximum(phi, np.finfo(float).tiny))[:, None])
    rest = powers - np.exp(-counts * scale[:, None])
    return np.asarray(np.trapezoid(rest, u, axis=0))


def sampled_loss(
    run: Run, *, draws: Count = 100_000, key: KeyLike = 0, step: int | None = None
) -> xr.Dataset:
    """The loss of a VAE as its training computes it, on many fresh draws of the data.

    Args:
        run: the `Run` of a VAE.
        draws: how many points, in batches of 1000; at least 2000.
        key: an int or a JAX key.
        step: a recorded step; None for the last.

    Returns:
        A Dataset over batch, in nats: the `loss` of the model's objective, and what the objective
        says of its parts. The standard error of the mean is `std(ddof=1)` over √batches.

    Raises:
        TypeError: `run` is no `Run`, or its model is no VAE.
        ValueError: `draws` is below 2000.

    Example:
        >>> import divlab
        >>> target = divlab.targets.two_gaussians()
        >>> run = divlab.fit(divlab.VAE(hidden=(8,)), target, steps=2)
        >>> divlab.evidence.sampled_loss(run, draws=2000).sizes["batch"]
        2
    """
    _check(run)
    count = check_count("draws", draws, 2 * _BATCH) // _BATCH
    keys = jax.random.split(read_key("key", key), count)
    found = _losses(run.model, run.params_at(step), standardised(read_target(run.target)), keys)
    return xr.Dataset({name: ("batch", np.asarray(a, float)) for name, a in found.items()})


@jit_with(WITHOUT_FUSION)
def _losses(model: Any, params: Any, target: Any, keys: Any) -> Any:
    data = draws_from(target, _BATCH)
    coder = model.autoencoder(params, data)

    def of_batch(key: Any) -> Any:
        draw_key, loss_key = jax.random.split(key)
        loss, found = model.objective.loss(coder, data.draw(draw_key), loss_key)
        return {"loss": loss, **found}

    return jax.lax.map(of_batch, keys)


def _check(run: Any) -> None:
    if not isinstance(run, Run):
        raise TypeError(f"run must be a divlab.Run or divlab.Runs, got {run!r}.")
    if not isinstance(run.model, VAE):
        raise TypeError(f"run must be of a divlab.VAE, got one of {run.model!r}.")
    check_exact("the model of `run`", run.model)
