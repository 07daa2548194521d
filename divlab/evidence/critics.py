"""What critics say along a training, and how far from the truth it is."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import lax
from jaxtyping import Array, Float
from numpy.typing import NDArray
from numpyro.distributions import Distribution
from scipy.special import ndtri

from divlab.checks import Count, Seeds
from divlab.compiling import WITHOUT_FUSION, jit_with
from divlab.divergences.integrals.known import Known, distribution_function
from divlab.divergences.integrals.packed import Packed
from divlab.evidence.training import along_training
from divlab.models import GAN, Run, fit_many
from divlab.models.objectives import Adversarial, Batch, Cramer
from divlab.targets import modes

Scores: TypeAlias = Callable[[Float[Array, " n"]], Float[Array, "n outputs"]]

_CELLS = 4000  # of the grid on which a critic is compared with distribution functions
_POINTS = 512  # generated points, at equal steps of probability of the latent
_SEEN = 1e-3  # the share of mass at either end where a critic's slope is not looked at


def critics_along(
    models: Mapping[str, GAN],
    target: Distribution,
    *,
    seeds: Seeds = 16,
    steps: Count = 2000,
    record_every: Count = 100,
) -> xr.Dataset:
    """What the critics of GANs say along their trainings, beside the exact divergences.

    A critic f has scores, of which the mean difference E_p f - E_{p_G} f is computed from the exact
    distribution functions. That of a Cramér GAN is f(a) = E|h(a) - h(G)| - |h(a)| of its features.

    Args:
        models: dict of label to GAN, with latent_dim=1. Their critics are one network each.
        target: a distribution, p.
        seeds, steps, record_every: as in `divlab.fit_many`.

    Returns:
        A Dataset over model, seed and step: `kl`, `reverse_kl`, `js`, `wasserstein` and the two
        losses as in `along_training`; `difference`, E_p f - E_{p_G} f; `steepest`, the largest
        slope |f'| where the target or the model has mass (per unit of x); and `signal`, the mean
        over generated points of the slope of the generator's loss at the point (per unit of x).
        By Kantorovich and Rubinstein difference / steepest is at most W₁.

    Raises:
        TypeError, ValueError: as in `divlab.fit_many`; a model is not a GAN, or has a critic of
            several networks.

    Example:
        >>> import divlab
        >>> models = {"WGAN-GP": divlab.GAN("wgan_gp")}
        >>> target = divlab.targets.two_gaussians()
        >>> found = divlab.evidence.critics_along(models, target)  # doctest: +SKIP
        >>> divlab.evidence.stored("critics")["steepest"].dims  # eight models of it
        ('model', 'seed', 'step')
    """
    for label, model in models.items():
        if not isinstance(model, GAN):
            raise TypeError(f"models[{label!r}] must be a divlab.GAN, got {model!r}.")
        _check_critic(f"models[{label!r}]", model.objective)
    tables: list[xr.Dataset] = []
    for model in models.values():
        runs = fit_many(model, target, seeds=seeds, steps=steps, record_every=record_every)
        looked = [_look(run, target) for run in runs]
        more = {
            name: (("seed", "step"), np.stack([one[name] for one in looked])) for name in _LOOKS
        }
        tables.append(along_training(runs).assign(more))
    table = xr.concat(tables, xr.Variable("model", list(models)))
    count = table.sizes["seed"]
    return table.assign_coords(seed=np.arange(count)).assign_attrs(seeds=count)


_LOOKS = ("difference", "steepest", "signal")


def _check_critic(name: str, objective: Adversarial) -> None:
    """Refuses critics of several networks, whose scores are not functions of one point."""
    if set(objective.critic_networks(1, 1, ())) != {"critic"} or objective.generator_networks(
        1, 1, ()
    ):
        raise ValueError(
            f"{name} has the objective {type(objective).__name__}, whose critic is not one network."
        )


def _look(run: Run, target: Distribution) -> dict[str, NDArray[Any]]:
    """Name -> (R,) values of one run."""
    locs, scales, _ = (np.asarray(a, float) for a in modes(target))
    low, high = (locs - 6 * scales).min(), (locs + 6 * scales).max()
    latents = jnp.asarray(ndtri((np.arange(_POINTS) + 0.5) / _POINTS), float)[:, None]
    of_data = Packed(target)
    mass_of_data = distribution_function(of_data)
    found = []
    for step in run.steps.tolist():
        params = run.params_at(step)
        fakes = np.asarray(_generate(run.model, params, latents), float)
        x = np.linspace(min(low, fakes.min()), max(high, fakes.max()), _CELLS + 1)
        at = jnp.asarray(x, float)
        masses = mass_of_data(x), np.asarray(run.cdf(at, step), float)
        values = np.asarray(_critic(run.model, params, at, jnp.asarray(fakes, float)), float)
        rises = np.diff(values)
        gap = masses[0] - masses[1]
        difference = -np.sum(rises * (gap[1:] + gap[:-1]) / 2)  # by parts
        inside = [(mass > _SEEN) & (mass < 1 - _SEEN) for mass in masses]
        seen = inside[0] | inside[1]
        slopes = np.abs(rises / np.diff(x))
        steepest = slopes[seen[1:] | seen[:-1]].max()
        signal = _signal_of(run.model, params, of_data, jnp.asarray(fakes, float))
        found.append((difference, steepest, float(signal)))
    return dict(zip(_LOOKS, np.array(found).T, strict=True))


@jit_with(WITHOUT_FUSION)
def _generate(model: GAN, params: Any, z: Float[Array, "n latent"]) -> Float[Array, " n"]:
    return model.generate(params, z)


@jit_with(WITHOUT_FUSION)
def _critic(
    model: GAN, params: Any, x: Float[Array, " n"], fakes: Float[Array, " m"]
) -> Float[Array, " n"]:
    """The critic's function at x."""
    scores: Array = model.critic(params, x)
    if not isinstance(model.objective, Cramer):
        return scores
    of_fakes: Array = model.critic(params, fakes)
    to_fakes: Array = lax.map(lambda h: jnp.mean(jnp.linalg.norm(h - of_fakes, axis=1)), scores)
    found: Array = to_fakes - jnp.linalg.norm(scores, axis=1)
    return found


@jit_with(WITHOUT_FUSION)
def _signal_of(
    model: GAN, params: Any, of_data: Packed, fakes: Float[Array, " n"]
) -> Float[Array, ""]:
    real = of_data.distribution.sample(jax.random.key(0), fakes.shape)

    def scores(x: Float[Array, " n"]) -> Float[Array, "n outputs"]:
        found: Array = model.critic(params, x)
        return found.reshape(x.shape[0], -1)

    return mean_signal(model.objective, scores, real, fakes)


def mean_signal(
    objective: Adversarial,
    scores: Scores,
    real: Float[Array, " n"],
    fakes: Float[Array, " n"],
    weights: Float[Array, " n"] | float = 1.0,
) -> Float[Array, ""]:
    """The mean over generated points of |slope| of the generator's loss at the point.

    Args:
        objective: whose generator's loss it is, a mean over the points.
        scores: the critic.
        real: points of the data, (n,).
        fakes: generated points, (n,).
        weights: of the generated points, with mean 1; 1 where each stands for as much mass.
    """
    order = jax.random.permutation(jax.random.key(1), fakes.shape[0])  # independent of one another

    def loss(fakes: Float[Array, " n"]) -> Float[Array, ""]:
        batch = Batch(real, fakes, jnp.zeros((fakes.shape[0], 1)), jax.random.key(2))
        return objective.generator_loss({"critic": scores}, batch)

    weights = jnp.broadcast_to(jnp.asarray(weights), fakes.shape)
    return jnp.sum(weights[order] * jnp.abs(jax.grad(loss)(fakes[order])))


def kantorovich(p: Distribution, q: Distribution) -> xr.Dataset:
    """W₁ as an area and as what the best critic finds, for two distributions on the line.

    Args:
        p: a distribution with a finite mean and spread.
        q: another.

    Returns:
        A Dataset over x: the distribution functions `p_cdf` and `q_cdf`, and `critic`, the best
        1-Lipschitz f, of slope 1 or -1, which is 0 in the middle. Its numbers in units of x are
        `area`, ∫|F - G| dx, and `found`, E_p f - E_q f, an integral of f times the densities.

    Source: Kantorovich & Rubinstein (1958); Villani (2009), Optimal Transport, remark 6.5.

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> table = divlab.evidence.kantorovich(Normal(0.0, 1.0), Normal(2.0, 1.0))
        >>> round(float(table["found"]), 4)
        2.0
    """
    reach = [(float(d.mean), float(np.sqrt(d.variance))) for d in (p, q)]
    low, high = min(m - 8 * s for m, s in reach), max(m + 8 * s for m, s in reach)
    x = np.linspace(low, high, 4 * _CELLS + 1)
    of_p, of_q = (distribution_function(Packed(d))(x) for d in (p, q))
    densities = [np.exp(Known(Packed(d))(x)) for d in (p, q)]
    slope = np.sign(of_q - of_p)
    critic = np.append(0.0, np.cumsum((slope[1:] + slope[:-1]) / 2 * np.diff(x)))
    critic -= critic[x.size // 2]
    return xr.Dataset(
        {
            "p_cdf": ("x", of_p),
            "q_cdf": ("x", of_q),
            "critic": ("x", critic),
            "area": np.trapezoid(np.abs(of_p - of_q), x),
            "found": np.trapezoid(critic * (densities[0] - densities[1]), x),
        },
        coords={"x": x},
    )


def critic_summary(table: xr.Dataset, *, after: int = 400) -> xr.Dataset:
    """Sums up `critics_along` over seeds and steps.

    Args:
        table: as `critics_along` returns it.
        after: the step from which a training counts as late.

    Returns:
        A Dataset over model. Medians over seeds: `correlation` of minus the critic's loss with
        W₁ along the training, `correlation_late` from `after` on, `correlation_found` of the
        critic's difference from then on, and W₁ at the end, `wasserstein`, with its 90th
        percentile `wasserstein_worst`. Medians over seeds and late
        records: `proved`, the lower bound difference / steepest as a share of W₁, `steepest` and
        `signal`. Shares of the intervals between neighbouring records, over seeds, in which
        a divergence rose: `js_rose`, `kl_rose` and `wasserstein_rose`; and `kl_infinite`, the
        share of records at which KL is infinite.

    Raises:
        ValueError: fewer than two records are late.

    Example:
        >>> import divlab
        >>> found = divlab.evidence.critic_summary(divlab.evidence.stored("critics"))
        >>> bool(found["js_rose"].sel(model="non_saturating") > 0.2)
        True
    """
    late = table.sel(step=slice(after, None))
    if late.sizes["step"] < 2:
        raise ValueError(f"after must leave two records, got {after!r}.")
    ends = table["wasserstein"].isel(step=-1)
    found = {
        name: xr.corr(-part["critic_loss"], part["wasserstein"], "step").median("seed")
        for name, part in (("correlation", table), ("correlation_late", late))
    }
    of_difference = xr.corr(late["difference"], late["wasserstein"], "step")
    found["correlation_found"] = of_difference.median("seed")
    found["wasserstein"] = ends.median("seed")
    found["wasserstein_worst"] = ends.quantile(0.9, "seed").drop_vars("quantile")
    late = late.assign(proved=late["difference"] / late["steepest"] / late["wasserstein"])
    for name in ("proved", "steepest", "signal"):
        found[name] = late[name].median(["seed", "step"])
    for name in ("js", "kl", "wasserstein"):
        values = table[name].transpose("model", "seed", "step").values
        rose = (values[..., 1:] > values[..., :-1]).mean(axis=(1, 2))  # no inf - inf
        found[f"{name}_rose"] = xr.DataArray(rose, dims="model")
    found["kl_infinite"] = (table["kl"] == np.inf).mean(["seed", "step"])
    return xr.Dataset(
        {name: values.drop_vars("step", errors="ignore") for name, values in found.items()}
    )
