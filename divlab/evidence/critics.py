"""What critics say, and where they push: along a training, and against points that stay."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import lax
from jax.scipy.stats import norm
from jaxtyping import Array, Float, Key
from numpy.typing import NDArray
from numpyro.distributions import Distribution

from divlab.checks import Count, Seeds, check_count, read_seeds
from divlab.divergences.inputs import read_number
from divlab.evidence.training import along_training
from divlab.models import GAN, Run, fit_many
from divlab.models.architecture import choose_objective
from divlab.models.objectives import GAN_OBJECTIVES, Adversarial, Batch, Cramer
from divlab.networks import mlp
from divlab.pytrees import as_arrays
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
    latents = norm.ppf((jnp.arange(_POINTS) + 0.5) / _POINTS)[:, None]
    real = target.sample(jax.random.key(0), (_POINTS,))
    found = []
    for step in run.steps.tolist():
        params = run.params_at(step)
        fakes = np.asarray(run.model.generate(params, latents), float)
        x = np.linspace(min(low, fakes.min()), max(high, fakes.max()), _CELLS + 1)
        at = jnp.asarray(x, float)
        masses = np.asarray(target.cdf(at), float), np.asarray(run.cdf(at, step), float)
        values = np.asarray(_critic(run.model, params, at, jnp.asarray(fakes, float)), float)
        rises = np.diff(values)
        gap = masses[0] - masses[1]
        difference = -np.sum(rises * (gap[1:] + gap[:-1]) / 2)  # by parts
        inside = [(mass > _SEEN) & (mass < 1 - _SEEN) for mass in masses]
        seen = inside[0] | inside[1]
        slopes = np.abs(rises / np.diff(x))
        steepest = slopes[seen[1:] | seen[:-1]].max()
        signal = _signal_of(run.model, params, real, jnp.asarray(fakes, float))
        found.append((difference, steepest, float(signal)))
    return dict(zip(_LOOKS, np.array(found).T, strict=True))


@jax.jit
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


@jax.jit
def _signal_of(
    model: GAN, params: Any, real: Float[Array, " n"], fakes: Float[Array, " n"]
) -> Float[Array, ""]:
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
    with jax.enable_x64(True):
        of_p, of_q = (np.asarray(d.cdf(jnp.asarray(x)), float) for d in (p, q))
        densities = [np.exp(np.asarray(d.log_prob(jnp.asarray(x)), float)) for d in (p, q)]
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


def critic_signals(
    objectives: Iterable[str] = ("minimax", "non_saturating", "wgan", "wgan_gp"),
    distances: Iterable[float] = (1.0, 2.0, 4.0, 8.0),
    *,
    seeds: Seeds = 8,
    steps: Count = 2000,
    hidden: tuple[int, ...] = (32, 32),
    batch_size: Count = 256,
) -> xr.Dataset:
    """How strongly a trained critic pushes generated points that are far from the data.

    The data are N(0, 1), the generated points N(δ, 1), and only the critic is trained.

    Args:
        objectives: names in `divlab.GAN_OBJECTIVES`, of classical GANs or of Wasserstein GANs.
        distances: the δ, in units of x, above 0.
        seeds: as in `divlab.fit_many`.
        steps: updates of the critic.
        hidden: widths of its hidden layers.
        batch_size: points of the data, and generated ones, in an update.

    Returns:
        A Dataset over objective, distance and seed of `signal`, the mean over generated points of
        the slope of the generator's loss at the point, per unit of x. `best`, over objective and
        distance, is the same of the best critic: log p - log p_G, or -x where its slope is
        bounded by 1.

    Raises:
        TypeError, ValueError: as in `divlab.fit_many`; an objective has another best critic.

    Example:
        >>> import divlab
        >>> found = divlab.evidence.critic_signals(["wgan_gp"], [2.0], seeds=1, steps=1)
        >>> found["best"].values.tolist()
        [[1.0]]
    """
    names, apart = list(objectives), [float(distance) for distance in distances]
    for name in names:
        if name not in _BEST:
            raise ValueError(f"objectives must be among {', '.join(_BEST)}; got {name!r}.")
    for distance in apart:
        read_number("distances", distance, low=0.0, high=np.inf, closed=False, need="above 0")
    keys = read_seeds(seeds)
    settings = {"steps": check_count("steps", steps), "size": check_count("batch_size", batch_size)}
    rows, best = [], []
    for name in names:
        chosen = choose_objective(name, GAN_OBJECTIVES, Adversarial)
        train = partial(_signals_at_rest, as_arrays(chosen), hidden=hidden, **settings)
        rows.append([np.asarray(train(jnp.asarray(d), keys), float) for d in apart])
        best.append([float(_best_signal(chosen, jnp.asarray(d), _BEST[name])) for d in apart])
    return xr.Dataset(
        {
            "signal": (("objective", "distance", "seed"), np.array(rows)),
            "best": (("objective", "distance"), np.array(best)),
        },
        coords={"objective": names, "distance": apart},
        attrs={"seeds": len(keys), "steps": settings["steps"]},
    )


_BEST = {"minimax": "ratio", "non_saturating": "ratio", "wgan": "slope", "wgan_gp": "slope"}


def _generated(distance: Float[Array, ""]) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    """Nodes of an integral over N(distance, 1), and weights of mean 1.

    Points at equal steps of probability would not do: far from the data only their tail has a
    signal.
    """
    z = jnp.linspace(-_REACH, _REACH, _POINTS)
    weights = norm.pdf(z)
    return distance + z, weights / jnp.mean(weights)


_REACH = 10.0  # standard deviations


@partial(jax.jit, static_argnames="kind")
def _best_signal(objective: Adversarial, distance: Float[Array, ""], kind: str) -> Float[Array, ""]:
    def scores(x: Float[Array, " n"]) -> Float[Array, "n 1"]:
        ratio = norm.logpdf(x) - norm.logpdf(x, distance)
        return (ratio if kind == "ratio" else -x)[:, None]

    fakes, weights = _generated(distance)
    return mean_signal(objective, scores, fakes, fakes, weights)


@partial(jax.jit, static_argnames=("hidden", "steps", "size"))
def _signals_at_rest(
    objective: Adversarial,
    distance: Float[Array, ""],
    keys: Key[Array, " seeds"],
    *,
    hidden: tuple[int, ...],
    steps: int,
    size: int,
) -> Float[Array, " seeds"]:
    """The signal of critics trained against points that stay, one for each key."""
    network = mlp(objective.critic_networks(1, 1, hidden)["critic"], "leaky_relu")
    optimizer = objective.optimizer()
    fakes, weights = _generated(distance)

    def scores_of(params: Any) -> Scores:
        return lambda x: network.apply(params, x[:, None])

    def update(state: tuple[Any, Any], key: Key[Array, ""]) -> tuple[tuple[Any, Any], None]:
        keys = jax.random.split(key, 3)
        real = jax.random.normal(keys[0], (size,))
        fake = distance + jax.random.normal(keys[1], (size,))
        batch = Batch(real, fake, fake[:, None], keys[2])
        slope = jax.grad(lambda params: objective.critic_loss({"critic": scores_of(params)}, batch))
        moves, kept = optimizer.update(slope(state[0]), state[1], state[0])
        params = jax.tree.map(lax.add, state[0], moves)
        return (objective.constrain({"critic": params})["critic"], kept), None

    def train(key: Key[Array, ""]) -> Float[Array, ""]:
        init_key, key = jax.random.split(key)
        params = network.init(init_key)
        state, _ = lax.scan(update, (params, optimizer.init(params)), jax.random.split(key, steps))
        return mean_signal(objective, scores_of(state[0]), fakes, fakes, weights)

    signals: Array = jax.vmap(train)(keys)
    return signals
