"""What a model learns from: a target, batches of it, and the units in which networks see it."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from numpyro.distributions import Distribution

from divlab.checks import Numbers
from divlab.divergences.inputs import Samples, read
from divlab.divergences.integrals.packed import Packed


class Units(NamedTuple):
    """The location and the scale in which networks see x: measurements are standardised.

    A model keeps those of its `Data` among its parameters, where they do not count as learned.
    """

    loc: Float[Array, ""]
    scale: Float[Array, ""]

    def standardise(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """From x to what networks see."""
        return (x - self.loc) / self.scale

    def restore(self, y: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """From what networks see to x."""
        return self.loc + self.scale * y


class Data(NamedTuple):
    """What a model learns from.

    Attributes:
        target: the target itself, a numpyro distribution or (N,) measurements.
        units: the units in which networks see x.
        batch_size: n, how many points a batch has.
        draw: from a key to a batch of the target, (n,) or (n, data_dim).
    """

    target: Distribution | Float[Array, " N"]
    units: Units
    batch_size: int
    draw: Callable[[Key[Array, ""]], Float[Array, " n *dim"]]


def read_target(target: Distribution | Numbers) -> Packed | Samples:
    """A target that a model can learn, packed for jit.

    Raises:
        TypeError, ValueError: as in `divlab.kl`; measurements that are infinite or all equal.
    """
    argument = read("target", target)
    if isinstance(argument, Samples):
        values = np.asarray(argument.values)
        if not np.all(np.isfinite(values)):
            raise ValueError("target holds infinite values; there is nothing to learn from them.")
        if np.all(values == values[0]):
            raise ValueError(
                f"target holds {len(values)} value(s), all {values[0]:g}; two different ones or "
                "more are needed to learn a distribution."
            )
    return argument


def draws_from(target: Packed | Samples, batch_size: int) -> Data:
    """Data whose batches are draws from a target; measurements are drawn with replacement."""
    if isinstance(target, Packed):
        distribution = target.distribution
        as_it_is = Units(jnp.zeros(()), jnp.ones(()))
        return Data(
            distribution, as_it_is, batch_size, lambda key: distribution.sample(key, (batch_size,))
        )
    values = jnp.asarray(target.values)

    def draw(key: Key[Array, ""]) -> Float[Array, " n"]:
        return values[jax.random.randint(key, (batch_size,), 0, values.shape[0])]

    return Data(values, Units(jnp.mean(values), jnp.std(values)), batch_size, draw)


def repeated(target: Packed, batch: Float[Array, " n *dim"]) -> Data:
    """Data whose every batch is the same one."""
    units = Units(jnp.zeros(()), jnp.ones(()))
    return Data(target.distribution, units, batch.shape[0], lambda key: batch)
