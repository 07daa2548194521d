"""What a training leaves behind: losses, parameters along the way, and what was learned."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float, Key
from numpy.typing import NDArray
from numpyro.distributions import Distribution

from divlab.checks import Count, KeyLike, Numbers, check_count, read_key
from divlab.compiling import AT_POINTS, LONG_RUNNING, jit_with
from divlab.divergences.inputs import AnyArray, Samples
from divlab.divergences.integrals.arrays import computing_on_host
from divlab.divergences.integrals.packed import Packed
from divlab.models.protocol import Model, check_exact
from divlab.models.units import AS_IT_IS, Units, told_in_x
from divlab.pytrees import as_arrays


class Status(str):
    """How a training ended: "completed", "interrupted" or "diverged".

    Attributes:
        step: the last recorded step, or, of a run that diverged, the first whose loss was not
            finite.
    """

    step: int

    def __new__(cls, name: str, step: int) -> "Status":
        self = super().__new__(cls, name)
        self.step = step
        return self

    def __reduce__(self) -> tuple[type["Status"], tuple[str, int]]:
        return Status, (str(self), self.step)


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """One trained model and how it got there.

    Attributes:
        model: the model, as `divlab.fit` got it.
        target: what it was trained on, as `divlab.fit` got it; measurements as an array of NumPy.
        steps: (R,) recorded steps, from 0 to the last.
        history: name of a loss to its (R,) values, each the mean since the record before.
        snapshots: the parameters, every array with a leading axis of R.
        status: how the training ended, a string with the attribute `step`.
        units: those in which the model sees x; the parameters, and all that `model` itself says of
            x, are in them. What the run says is in units of x.

    Example:
        >>> import divlab
        >>> target = divlab.targets.two_gaussians()
        >>> run = divlab.fit(divlab.VAE(hidden=(8,)), target, steps=5)
        >>> run.status, round(float(run.cdf(100.0)), 4)
        ('completed', 1.0)
    """

    model: Any  # a `Model`, of which a user may ask more, such as the critic of a GAN
    target: Any
    steps: NDArray[Any]
    history: dict[str, NDArray[Any]]
    snapshots: Any
    status: Any
    units: Units = AS_IT_IS

    def __post_init__(self) -> None:
        if isinstance(self.target, Packed):
            object.__setattr__(self, "target", self.target.distribution)
        elif isinstance(self.target, Samples):
            object.__setattr__(self, "target", self.target.values)

    def __repr__(self) -> str:
        return f"Run({self.model.summary}, {self.status}, {self.steps[-1]} steps)"

    @property
    def params(self) -> Any:
        """The parameters at the last record."""
        return self.params_at(None)

    def params_at(self, step: int | None) -> Any:
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

    def has_diverged(self, step: int | None = None) -> bool:
        """Whether the training had diverged at a recorded step; None for the last."""
        reached = self.steps[self._record(step)]
        return bool(self.status == "diverged" and reached >= self.status.step)

    def _sound_params(self, step: int | None) -> Any:
        """The parameters at a recorded step.

        Raises:
            ValueError: the run had diverged by then, so that they are those of no distribution.
        """
        if self.has_diverged(step):
            last = self.steps[self.steps < self.status.step][-1]
            raise ValueError(
                f"the run diverged at step {self.status.step}; `distribution(step=...)` with a "
                f"recorded step up to {last} has what came before."
            )
        return self.params_at(step)

    def sample(self, key: KeyLike, n: Count, step: int | None = None) -> Float[AnyArray, "..."]:
        """Draws n points from the model, (n,); `key` is an int or a JAX key.

        They are an array of JAX; of NumPy with 64 bits, where JAX's precision would round draws
        together because the target's spread is small beside its distance from 0.
        """
        read, count = read_key("key", key), check_count("n", n)
        drawn: Array = _sample(self.model, self._sound_params(step), read, count)
        return self.units.restore(drawn)

    def log_prob(self, x: Numbers, step: int | None = None) -> Float[Array, "..."]:
        """The log density of the model at points x, of the shape of x, in nats.

        It is exact to the error of a quadrature over the latent, which must have one dimension.
        """
        params = self._sound_params(step)
        of_y = _log_prob(self._exact_model(), params, self.units.standardise(x))
        values: Array = of_y - np.log(self.units.scale)
        return values

    def cdf(self, x: Numbers, step: int | None = None) -> Float[Array, "..."]:
        """The probability of values up to x under the model, of the shape of x."""
        params = self._sound_params(step)
        values: Array = _cdf(self._exact_model(), params, self.units.standardise(x))
        return values

    def distribution(self, step: int | None = None) -> Distribution:
        """The learned distribution as a numpyro distribution, to be passed to any divergence.

        Raises:
            ValueError: the run had diverged at that step, as also in `sample`, `log_prob` and
                `cdf`; its latent has more than one dimension.
        """
        self._sound_params(step)
        return self.law_at(step)

    def law_at(self, step: int | None = None) -> Distribution:
        """The same, whose parameters may be NaN where the run has diverged."""
        model, params = self._exact_model(), self.params_at(step)
        with computing_on_host():
            found: Distribution = model.learned(as_arrays(params))
        return told_in_x(found, self.units)

    def _exact_model(self) -> Model:
        """The model, if its density is known exactly."""
        model: Model = self.model
        check_exact("the model", model)
        return model


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Runs(Run):
    """Runs of one model from many seeds; every array of `Run` has a leading axis of seeds.

    `runs[i]` is one `Run`, `runs[i:j]` fewer `Runs`; `len(runs)` is the number of seeds. Of a seed
    that diverged, `sample`, `log_prob` and `cdf` may hold NaN.

    Example:
        >>> import divlab
        >>> target = divlab.targets.two_gaussians()
        >>> runs = divlab.fit_many(divlab.VAE(hidden=(8,)), target, seeds=3, steps=5, batch_size=32)
        >>> len(runs), runs[1].status
        (3, 'completed')
    """

    def __len__(self) -> int:
        return len(self.status)

    def __getitem__(self, index: Any) -> Any:
        kind = Run if isinstance(index, (int, np.integer)) else Runs
        history = {name: values[index] for name, values in self.history.items()}
        snapshots = jax.tree.map(lambda a: a[index], self.snapshots)
        picked = self.steps[index], history, snapshots, self.status[index]
        return kind(self.model, self.target, *picked, self.units)

    def __iter__(self) -> Iterator[Run]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"Runs({len(self)} × {self.model.summary}, {self.steps[0, -1]} steps)"

    def params_at(self, step: int | None) -> Any:
        """The parameters of all seeds at a recorded step; None for the last."""
        return jax.tree.map(lambda a: a[:, self._record(step)], self.snapshots)

    def _record(self, step: int | None) -> int:
        return int(self[0]._record(step))

    def sample(self, key: KeyLike, n: Count, step: int | None = None) -> Float[AnyArray, "..."]:
        """Draws n points from each model, (seeds, n)."""
        keys, count = jax.random.split(read_key("key", key), len(self)), check_count("n", n)
        params = self.params_at(step)
        drawn: Array = jax.vmap(_sample, (None, 0, 0, None))(self.model, params, keys, count)
        return self.units.restore(drawn)

    def log_prob(self, x: Numbers, step: int | None = None) -> Float[Array, "..."]:
        """The log densities of all models at points x, (seeds, *x.shape), in nats."""
        y = self.units.standardise(x)
        of_y = _log_probs(self._exact_model(), self.params_at(step), y)
        values: Array = of_y - np.log(self.units.scale)
        return values

    def cdf(self, x: Numbers, step: int | None = None) -> Float[Array, "..."]:
        """The probabilities of values up to x under all models, (seeds, *x.shape)."""
        y = self.units.standardise(x)
        values: Array = _cdfs(self._exact_model(), self.params_at(step), y)
        return values

    def distribution(self, step: int | None = None) -> Distribution:
        raise ValueError(
            "runs hold one distribution for each seed; use runs[i].distribution(), or iterate."
        )


@jit_with(LONG_RUNNING, static_argnames="n")
def _sample(model: Model, params: Any, key: Key[Array, ""], n: int) -> Float[Array, " n"]:
    return model.sample(params, key, n)


@jit_with(AT_POINTS)
def _log_prob(model: Model, params: Any, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    values: Array = model.learned(params).log_prob(x)
    return values


@jit_with(AT_POINTS)
def _cdf(model: Model, params: Any, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    values: Array = model.learned(params).cdf(x)
    return values


@jit_with(LONG_RUNNING)
def _log_probs(
    model: Model, params: Any, x: Float[Array, "*shape"]
) -> Float[Array, " seeds *shape"]:
    # One seed after the other: all at once would hold seeds × points × cells numbers.
    values: Array = jax.lax.map(lambda one: model.learned(one).log_prob(x), params)
    return values


@jit_with(LONG_RUNNING)
def _cdfs(model: Model, params: Any, x: Float[Array, "*shape"]) -> Float[Array, " seeds *shape"]:
    values: Array = jax.lax.map(lambda one: model.learned(one).cdf(x), params)
    return values
