"""The method "variational": lower bounds on f-divergences between two samples, by a trained critic.

For every function r, E_P[f'(e^r)] - E_Q[f*(f'(e^r))] ≤ D_f(P‖Q), with equality at r = log(p/q)
(Nguyen, Wainwright & Jordan 2010; Nowozin, Cseke & Tomioka 2016). For KL, E_P[r] - log E_Q[e^r] is
tighter for the same r (Donsker & Varadhan 1983).

The critic r is trained by the logistic loss to tell the two samples apart. The best r of that loss
is the same log ratio, and its gradients are bounded. Maximising the bounds themselves reaches the
same values for KL, but does not converge where f' or f* grows fast, or is constant, as for total
variation. A critic can raise the value on its own training samples without limit, so the value is
no bound there. What is reported comes from samples that the critic has not seen, once, at the end
of training.
"""

import numbers
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Key, PyTree

from divlab.checks import check_count, read_key
from divlab.compiling import LONG_RUNNING
from divlab.divergences.families import Family
from divlab.divergences.inputs import AnyArray, Real, Whole
from divlab.divergences.integrals import arrays
from divlab.divergences.integrals.arrays import (
    asked_precision,
    compiled,
    on_host,
    precision,
    standard_deviation,
)
from divlab.divergences.methods.base import OfSamples, need_positive
from divlab.networks import mlp
from divlab.pytrees import as_arrays, pytree, setting

_BOUNDS = ("donsker_varadhan", "nwj", "f_gan")
_WEIGHT_DECAY = 0.3  # against overfitting a hundred samples; a thousand do not notice it


@pytree
class Variational(OfSamples):
    """A lower bound by a critic trained to tell the samples apart, reported on held-out samples.

    The bound holds on average: an estimate from few held-out samples may lie above the truth. The
    critic cannot see density ratios larger than the number of its training samples, and the bound
    falls short where such ratios matter.

    Attributes:
        bound: "f_gan" for the bound of the row's own conjugate, "nwj" for that of KL (Nguyen,
            Wainwright & Jordan), "donsker_varadhan" for the tighter one that KL has. None takes
            "donsker_varadhan" for KL and "f_gan" for every other divergence.
        hidden: widths of the critic's hidden layers.
        steps: training steps of Adam.
        batch_size: how many samples of P, and of Q, a step sees; all of them if there are fewer.
        learning_rate: the learning rate of Adam, which decays to 0 along a cosine.
        held_out: the share of each sample that a critic is not trained on, at most a half. There
            are 1 / held_out critics, so that every sample is held out once.
        key: an int or a JAX key, for the split and the initial weights.

    Example:
        >>> import numpy as np
        >>> import divlab
        >>> x, y = np.random.default_rng(0).normal([[0.0], [1.0]], [[1.0], [2.0]], (2, 1000))
        >>> method = divlab.methods.Variational(hidden=(16,), steps=200, learning_rate=3e-2)
        >>> 0.3 < float(divlab.kl(x, y, method=method)) < 0.6
        True
    """

    bound: Any = setting(None)
    hidden: Any = setting((32, 32))
    steps: Whole = setting(1000)
    batch_size: Whole = setting(256)
    learning_rate: Real = 3e-3
    held_out: Any = setting(0.5)
    key: Any = 0
    name = "variational"
    fewest = 4
    is_costly = True

    def __post_init__(self) -> None:
        """Refuses unknown bounds, empty networks and impossible splits."""
        if self.bound is not None and self.bound not in _BOUNDS:
            raise ValueError(
                f"bound must be None or one of {', '.join(_BOUNDS)}, got {self.bound!r}."
            )
        if not isinstance(self.hidden, tuple | list):
            raise TypeError(f"hidden must be a tuple of widths, got {self.hidden!r}.")
        object.__setattr__(self, "hidden", tuple(check_count("hidden", w) for w in self.hidden))
        check_count("steps", self.steps)
        check_count("batch_size", self.batch_size)
        need_positive("learning_rate", self.learning_rate)
        if not isinstance(self.held_out, numbers.Real) or isinstance(self.held_out, bool):
            raise TypeError(f"held_out must be a number, got {self.held_out!r}.")
        if not 0 < float(self.held_out) <= 0.5:
            raise ValueError(f"held_out must be above 0 and at most 0.5, got {self.held_out!r}.")
        object.__setattr__(self, "key", read_key("key", self.key))

    def f_divergence(
        self, family: Family, x: Float[AnyArray, " n"], y: Float[AnyArray, " m"]
    ) -> arrays.Array:
        _bound(family, self.bound)  # refuses a bound that does not exist before anything is trained
        if not on_host(x):
            return _held_out_bound(family, x, y, self)
        # Critics are trained with as many bits as a traced call would.
        with jax.enable_x64(asked_precision().itemsize == 8):
            x, y = (sample.astype(precision()) for sample in (x, y))
            return np.asarray(_held_out_bound(as_arrays(family), x, y, self))


@compiled(options=LONG_RUNNING)
def _held_out_bound(
    family: Family, x: Float[AnyArray, " n"], y: Float[AnyArray, " m"], method: Variational
) -> Float[Array, ""]:
    """The mean bound on held-out samples, which on average is below the divergence.

    Every sample is held out once, from one of 1 / held_out critics. With a single split of sorted
    samples, the key would decide which ranks are held out, and would do so alike for all data of
    that size.

    |r| is kept below the log of the number of training samples, because beyond the last of them it
    would grow without reason. The bound is still a bound then. It falls short where much of the
    divergence comes from larger ratios, as any bound that holds with confidence must (McAllester &
    Stratos 2020).

    Under differentiation the critics are held fixed, because at a maximum their change does not
    matter.
    """
    bound = _bound(family, method.bound)
    folds = round(1 / method.held_out)
    split_key, init_key = jax.random.split(method.key)
    # What the critic sees has mean 0 and standard deviation 1; no f-divergence depends on units.
    pooled = lax.stop_gradient(jnp.concatenate([x, y]))
    mean, spread = jnp.mean(pooled), standard_deviation(pooled)
    parts = []
    for sample, key in zip((x, y), jax.random.split(split_key), strict=True):
        size = sample.shape[0] // folds
        if size == 0:
            raise ValueError(
                f"held_out={method.held_out:g} holds out none of {sample.shape[0]} samples."
            )
        shuffled = ((sample - mean) / spread)[jax.random.permutation(key, sample.shape[0])]
        blocks = shuffled[: folds * size].reshape(folds, size)
        parts.append(jnp.stack([jnp.roll(blocks, fold, axis=0) for fold in range(folds)]))
    train = [lax.stop_gradient(part[:, 1:].reshape(folds, -1)) for part in parts]
    limit = np.log1p(min(sample.shape[1] for sample in train))
    critic = mlp((1, *method.hidden, 1), "silu")

    def log_ratio(
        params: PyTree, a: Float[Array, " a"], b: Float[Array, " b"]
    ) -> list[Float[Array, " _"]]:
        values = critic.apply(params, jnp.concatenate([a, b])[:, None])[:, 0]
        return jnp.split(limit * jnp.tanh(values / limit), [a.shape[0]])

    def loss(params: PyTree, a: Float[Array, " a"], b: Float[Array, " b"]) -> Float[Array, ""]:
        at_p, at_q = log_ratio(params, a, b)
        return jnp.mean(jax.nn.softplus(-at_p)) + jnp.mean(jax.nn.softplus(at_q))

    def on_fold(
        key: Key[Array, ""], train: list[Float[Array, " _"]], test: list[Float[Array, " _"]]
    ) -> Float[Array, ""]:
        params = _train(loss, critic.init(key), train, method)
        return bound(*log_ratio(lax.stop_gradient(params), *test))

    test = [part[:, 0] for part in parts]
    return jnp.mean(jax.vmap(on_fold)(jax.random.split(init_key, folds), train, test))


def _train(
    loss: Callable[..., Float[Array, ""]],
    params: PyTree,
    samples: list[Float[Array, " _"]],
    method: Variational,
) -> PyTree:
    """The critic's weights after Adam has gone round the shuffled samples in batches."""
    import optax  # slow to import, and needed by no other method

    optimiser = optax.adamw(
        optax.cosine_decay_schedule(method.learning_rate, method.steps), weight_decay=_WEIGHT_DECAY
    )
    sizes = [min(method.batch_size, len(sample)) for sample in samples]
    rounds = [jnp.concatenate([s, s[:size]]) for s, size in zip(samples, sizes, strict=True)]

    def step(carry: tuple[PyTree, PyTree], number: Any) -> tuple[tuple[PyTree, PyTree], None]:
        params, state = carry
        batches = [
            lax.dynamic_slice(ring, (number * size % (len(ring) - size),), (size,))
            for ring, size in zip(rounds, sizes, strict=True)
        ]
        update, state = optimiser.update(jax.grad(loss)(params, *batches), state, params)
        return (optax.apply_updates(params, update), state), None

    start = (params, optimiser.init(params))
    (params, _), _ = lax.scan(step, start, jnp.arange(method.steps))
    return params


def _bound(family: Family, name: str | None) -> Callable[..., Float[Array, ""]]:
    """(log ratio at P's samples, log ratio at Q's samples) -> the bound of that name."""

    def f_gan(at_p: Float[Array, " a"], at_q: Float[Array, " b"]) -> Float[Array, ""]:
        return jnp.mean(_slopes(family, at_p)[0]) + jnp.mean(_slopes(family, at_q)[1])

    has_tighter = family.tighter_bound(jnp.zeros(1), jnp.zeros(1)) is not None
    known = {"donsker_varadhan": family.tighter_bound, "nwj": f_gan} if has_tighter else {}
    known["f_gan"] = f_gan
    name = name or next(iter(known))
    if name not in known:
        raise ValueError(
            f"bound {name!r} does not exist for {family.name}; those that do: {', '.join(known)}."
        )
    return known[name]


def _slopes(family: Family, r: Float[Array, " n"]) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    """T = f'(e^r) and -f*(T): the derivatives of q f(p/q) in p and in q where p/q = e^r."""
    log_p, log_q = jnp.minimum(r, 0.0), jnp.minimum(-r, 0.0)
    _, pull = jax.vjp(family.perspective, log_p, log_q)
    of_p, of_q = pull(jnp.ones_like(r))
    return of_p * jnp.exp(-log_p), of_q * jnp.exp(-log_q)
