"""Where trained critics push points that are far from the data and stay there."""

from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import lax
from jax.scipy.stats import norm
from jaxtyping import Array, Float, Key

from divlab.checks import Count, Seeds, check_count, read_seeds
from divlab.compiling import LONG_RUNNING, QUICKLY, jit_with
from divlab.divergences.inputs import read_number
from divlab.evidence.critics import Scores, mean_signal
from divlab.models.architecture import choose_objective
from divlab.models.objectives import GAN_OBJECTIVES, Adversarial, Batch
from divlab.networks import Network, mlp
from divlab.pytrees import as_arrays

_POINTS = 512  # nodes of an integral over the generated points


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
        >>> found = divlab.evidence.critic_signals(
        ...     ["wgan_gp"], [2.0], seeds=2, steps=1, hidden=(8,)
        ... )
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
        objective = as_arrays(choose_objective(name, GAN_OBJECTIVES, Adversarial))
        begun = _untrained(objective, keys, hidden=hidden)
        for at in (jnp.asarray(distance) for distance in apart):
            critics = _trained(objective, at, *begun, hidden=hidden, **settings)
            rows.append(np.asarray(_signals(objective, at, critics, hidden=hidden), float))
            best.append(float(_best_signal(objective, at, _BEST[name])))
    shape = len(names), len(apart)
    return xr.Dataset(
        {
            "signal": (("objective", "distance", "seed"), np.reshape(rows, (*shape, len(keys)))),
            "best": (("objective", "distance"), np.reshape(best, shape)),
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


@jit_with(QUICKLY, static_argnames="kind")
def _best_signal(objective: Adversarial, distance: Float[Array, ""], kind: str) -> Float[Array, ""]:
    def scores(x: Float[Array, " n"]) -> Float[Array, "n 1"]:
        ratio = norm.logpdf(x) - norm.logpdf(x, distance)
        return (ratio if kind == "ratio" else -x)[:, None]

    fakes, weights = _generated(distance)
    return mean_signal(objective, scores, fakes, fakes, weights)


def _scores(objective: Adversarial, hidden: tuple[int, ...], params: Any) -> Scores:
    network = _network(objective, hidden)
    return lambda x: network.apply(params, x[:, None])


def _network(objective: Adversarial, hidden: tuple[int, ...]) -> Network:
    return mlp(objective.critic_networks(1, 1, hidden)["critic"], "leaky_relu")


@jit_with(QUICKLY, static_argnames="hidden")
def _untrained(
    objective: Adversarial, keys: Key[Array, " seeds"], *, hidden: tuple[int, ...]
) -> tuple[Any, Key[Array, " seeds"]]:
    """Parameters of one critic for each key, and the keys of their trainings."""
    init_keys, keys = jax.vmap(jax.random.split, out_axes=1)(keys)
    return jax.vmap(_network(objective, hidden).init)(init_keys), keys


@jit_with(LONG_RUNNING, static_argnames=("hidden", "steps", "size"))
def _trained(
    objective: Adversarial,
    distance: Float[Array, ""],
    params: Any,
    keys: Key[Array, " seeds"],
    *,
    hidden: tuple[int, ...],
    steps: int,
    size: int,
) -> Any:
    """The parameters of critics that were trained against points that stay."""
    optimizer = objective.optimizer()

    def update(state: tuple[Any, Any], key: Key[Array, ""]) -> tuple[tuple[Any, Any], None]:
        keys = jax.random.split(key, 3)
        real = jax.random.normal(keys[0], (size,))
        fake = distance + jax.random.normal(keys[1], (size,))
        batch = Batch(real, fake, fake[:, None], keys[2])

        def loss(params: Any) -> Float[Array, ""]:
            return objective.critic_loss({"critic": _scores(objective, hidden, params)}, batch)

        moves, kept = optimizer.update(jax.grad(loss)(state[0]), state[1], state[0])
        params = jax.tree.map(lax.add, state[0], moves)
        return (objective.constrain({"critic": params})["critic"], kept), None

    def train(params: Any, key: Key[Array, ""]) -> Any:
        keys = jax.random.split(key, steps)
        return lax.scan(update, (params, optimizer.init(params)), keys)[0][0]

    return jax.vmap(train)(params, keys)


@jit_with(QUICKLY, static_argnames="hidden")
def _signals(
    objective: Adversarial, distance: Float[Array, ""], params: Any, *, hidden: tuple[int, ...]
) -> Float[Array, " seeds"]:
    fakes, weights = _generated(distance)

    def of_one(params: Any) -> Float[Array, ""]:
        return mean_signal(objective, _scores(objective, hidden, params), fakes, fakes, weights)

    signals: Array = jax.vmap(of_one)(params)
    return signals
