"""What a training leaves behind: losses, parameters along the way, and what was learned."""

import dataclasses
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from divlab.checks import check_count, read_key
from divlab.divergences.arguments import Samples
from divlab.divergences.densities import Packed
from divlab.pytrees import as_arrays


class Status(str):
    """How a training ended: "completed", "interrupted" or "diverged".

    Attributes:
        step: the last recorded step, or, of a run that diverged, the first whose loss was not
            finite.
    """

    step: int

    def __new__(cls, name: str, step: int):
        self = super().__new__(cls, name)
        self.step = step
        return self

    def __reduce__(self):
        return Status, (str(self), self.step)


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """One trained model and how it got there.

    Attributes:
        model: the `GAN` or `VAE`.
        target: what it was trained on, as `divlab.fit` got it.
        steps: (R,) recorded steps, from 0 to the last.
        history: name of a loss to its (R,) values, each the mean since the record before.
        snapshots: the parameters, every array with a leading axis of R.
        status: how the training ended, a string with the attribute `step`.
    """

    model: Any
    target: Any
    steps: np.ndarray
    history: dict[str, np.ndarray]
    snapshots: Any
    status: Any

    def __post_init__(self):
        if isinstance(self.target, Packed):
            object.__setattr__(self, "target", self.target.distribution)
        elif isinstance(self.target, Samples):
            object.__setattr__(self, "target", self.target.values)

    def __repr__(self):
        return (
            f"{type(self).__name__}({type(self.model).__name__}, "
            f"{type(self.model.objective).__name__}, {self.status}, {self.steps[-1]} steps)"
        )

    @property
    def params(self):
        """The parameters at the last record."""
        return self.params_at(None)

    def params_at(self, step: int | None):
        """The parameters at a recorded step; None for the last."""
        return jax.tree.map(lambda a: a[self._record(step)], self.snapshots)

    def _record(self, step: int | None) -> int:
        steps = self.steps
        if step is None:
            return len(steps) - 1
        found = np.flatnonzero(steps == step)
        if found.size == 0:
            nearest = int(steps[np.argmin(np.abs(steps - step))])
            raise ValueError(
                f"step must be a recorded one (see run.steps); {step} is not, the nearest is "
                f"{nearest}."
            )
        return int(found[0])

    def sample(self, key, n: int, step: int | None = None) -> jax.Array:
        """Draws n points from the model, (n,); `key` is an int or a JAX key."""
        n, key = check_count("n", n), read_key("key", key)
        return _sample(self.model, self.params_at(step), key, n)

    def log_prob(self, x, step: int | None = None) -> jax.Array:
        """The log density of the model at points x, of the shape of x, in nats per unit of x.

        Exact to the error of a quadrature over the latent, which must have one dimension.
        """
        self._check_exact()
        return _log_prob(self.model, self.params_at(step), jnp.asarray(x, float))

    def cdf(self, x, step: int | None = None) -> jax.Array:
        """The probability of values up to x under the model, of the shape of x."""
        self._check_exact()
        return _cdf(self.model, self.params_at(step), jnp.asarray(x, float))

    def distribution(self, step: int | None = None):
        """The learned distribution as a numpyro distribution, to be passed to any divergence."""
        self._check_exact()
        return _learned(self.model, self.params_at(step)).distribution

    def _check_exact(self):
        if self.model.latent_dim != 1:
            raise ValueError(
                "the learned density is exact for latent_dim=1 only; this model has "
                f"latent_dim={self.model.latent_dim}. Use run.sample and nearest neighbours."
            )


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Runs(Run):
    """Runs of one model from many seeds; every array of `Run` has a leading axis of seeds.

    `runs[i]` is one `Run`, `runs[i:j]` fewer `Runs`; `len(runs)` is the number of seeds.
    """

    def __len__(self):
        return len(self.status)

    def __getitem__(self, index) -> "Run | Runs":
        kind = Run if isinstance(index, (int, np.integer)) else Runs
        history = {name: values[index] for name, values in self.history.items()}
        snapshots = jax.tree.map(lambda a: a[index], self.snapshots)
        picked = self.steps[index], history, snapshots, self.status[index]
        return kind(self.model, self.target, *picked)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __repr__(self):
        return (
            f"Runs({len(self)} × {type(self.model).__name__}, "
            f"{type(self.model.objective).__name__}, {self.steps[0, -1]} steps)"
        )

    def params_at(self, step: int | None):
        """The parameters of all seeds at a recorded step; None for the last."""
        return jax.tree.map(lambda a: a[:, self._record(step)], self.snapshots)

    def _record(self, step: int | None) -> int:
        return self[0]._record(step)

    def sample(self, key, n: int, step: int | None = None) -> jax.Array:
        """Draws n points from each model, (seeds, n)."""
        n, keys = check_count("n", n), jax.random.split(read_key("key", key), len(self))
        params = self.params_at(step)
        return jax.vmap(_sample, (None, 0, 0, None))(self.model, params, keys, n)

    def log_prob(self, x, step: int | None = None) -> jax.Array:
        """The log densities of all models at points x, (seeds, *x.shape)."""
        self._check_exact()
        return _log_probs(self.model, self.params_at(step), jnp.asarray(x, float))

    def cdf(self, x, step: int | None = None) -> jax.Array:
        """The probabilities of values up to x under all models, (seeds, *x.shape)."""
        self._check_exact()
        return _cdfs(self.model, self.params_at(step), jnp.asarray(x, float))

    def distribution(self, step: int | None = None):
        raise ValueError(
            "runs hold one distribution for each seed; use runs[i].distribution(), or iterate."
        )


@partial(jax.jit, static_argnames="n")
def _sample(model, params, key, n):
    return model.sample(params, key, n)


@jax.jit
def _log_prob(model, params, x):
    return model.learned(params).log_prob(x)


@jax.jit
def _cdf(model, params, x):
    return model.learned(params).cdf(x)


@jax.jit
def _learned(model, params):
    return Packed(model.learned(as_arrays(params)))


@jax.jit
def _log_probs(model, params, x):
    # One seed after the other: all at once would hold seeds × points × cells numbers.
    return jax.lax.map(lambda one: model.learned(one).log_prob(x), params)


@jax.jit
def _cdfs(model, params, x):
    return jax.lax.map(lambda one: model.learned(one).cdf(x), params)
