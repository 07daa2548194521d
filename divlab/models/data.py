"""What a model learns from: a target in standard units, and batches of it."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from numpyro.distributions import Distribution

from divlab.checks import Numbers
from divlab.divergences.inputs import AnyArray, Samples, read_exact
from divlab.divergences.integrals.packed import Packed
from divlab.models.units import AS_IT_IS, Units, units_of


class Data(NamedTuple):
    """What a model learns from. Measurements are standardised, distributions are as they are.

    Attributes:
        target: the target itself, a numpyro distribution or (N,) standardised measurements.
        units: what these units are, for losses that are told in units of x.
        batch_size: n, how many points a batch has.
        draw: from a key to a batch of the target, (n,) or (n, data_dim).
    """

    target: Distribution | Float[Array, " N"]
    units: Units
    batch_size: int
    draw: Callable[[Key[Array, ""]], Float[Array, " n *dim"]]


class Measurements(NamedTuple):
    """Measurements with a mean of 0 and a standard deviation of 1, and their units."""

    values: Float[AnyArray, " N"]
    units: Units


def read_target(target: Distribution | Numbers) -> Packed | Samples:
    """A target that a model can learn: a distribution, or measurements with all their digits.

    Raises:
        TypeError, ValueError: as in `divlab.kl`; measurements that are infinite or all equal.
    """
    argument = read_exact("target", target)
    if isinstance(argument, Samples):
        values = np.asarray(argument.values)
        if not np.all(np.isfinite(values)):
            raise ValueError("target holds infinite values; there is nothing to learn from them.")
        if np.all(values == values[0]):
            raise ValueError(
                f"target holds {len(values)} value(s), all {values[0]:g}; two different ones or "
                "more are needed to learn a distribution."
            )
        return Samples(values)
    return argument


def standardised(argument: Packed | Samples) -> Packed | Measurements:
    """What a training sees of a target that `read_target` has read.

    Raises:
        ValueError: floats cannot tell the measurements apart, as `units_of` says.
    """
    if isinstance(argument, Packed):
        return argument
    units = units_of(argument.values)
    return Measurements(units.standardise(argument.values), units)


def draws_from(target: Packed | Measurements, batch_size: int) -> Data:
    """Data whose batches are draws from a target; measurements are drawn with replacement."""
    if isinstance(target, Packed):
        distribution = target.distribution
        return Data(
            distribution, AS_IT_IS, batch_size, lambda key: distribution.sample(key, (batch_size,))
        )
    values = jnp.asarray(target.values)

    def draw(key: Key[Array, ""]) -> Float[Array, " n"]:
        return values[jax.random.randint(key, (batch_size,), 0, values.shape[0])]

    return Data(values, target.units, batch_size, draw)


def repeated(target: Packed, batch: Float[Array, " n *dim"]) -> Data:
    """Data whose every batch is the same one."""
    return Data(target.distribution, AS_IT_IS, batch.shape[0], lambda key: batch)
