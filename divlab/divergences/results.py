"""From what a method has found to what a user gets: a checked scalar array of JAX."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from divlab.divergences.inputs import Samples
from divlab.divergences.integrals import arrays
from divlab.divergences.integrals.arrays import (
    identity,
    is_known,
    on_device,
    on_host,
    precision,
)

# Mass that the nodes may miss: where it is known with 32 and 64 bits, and where it is traced.
_UNSEEN = {32: 1e-3, 64: 1e-6}
_UNSEEN_TRACED = 5e-3


def clipped(value: arrays.Array, limit: arrays.Array) -> arrays.Array:
    """The value, cut to the range from 0 to `limit` that rounding may have left."""
    if on_host(value) and on_host(limit):
        return np.clip(value, 0.0, limit)
    return _clipped(value, limit)


@jax.jit
def _clipped(value: Float[Array, ""], limit: Float[Array, ""]) -> Float[Array, ""]:
    return jnp.clip(value, 0.0, limit)


def resolved(value: arrays.Array, *masses: tuple[str, arrays.Array]) -> Float[Array, ""]:
    """The value, if the nodes of an integral have seen all the mass of each argument.

    Args:
        value: the integral.
        masses: the name of each argument, and how much of its mass the nodes have seen.

    Raises:
        ValueError: a known mass is not 1. Where it is traced, the value is NaN instead.
    """
    for name, mass in masses:
        if not is_known(mass):
            value = _unless_unseen(value, mass)
        elif not abs(float(mass) - 1) <= _UNSEEN[8 * precision().itemsize]:
            raise ValueError(
                f"{name} could not be resolved: its density integrates to {float(mass):.8g} "
                "instead of 1. Is its log_prob normalised?"
            )
    return on_device(value)


@jax.jit
def _unless_unseen(value: Float[Array, ""], mass: Float[Array, ""]) -> Float[Array, ""]:
    return jnp.where(jnp.abs(mass - 1) <= _UNSEEN_TRACED, value, jnp.nan)


def at_precision_of(value: float, x: Samples, y: Samples) -> Float[Array, ""]:
    """A number found on the host, in the precision that JAX gives to these samples.

    Raises:
        ValueError: that precision cannot hold it.
    """
    dtype = jax.dtypes.canonicalize_dtype(np.result_type(x.values, y.values))
    limits = np.finfo(dtype)
    if value != 0 and np.isfinite(value) and not limits.tiny <= abs(value) <= limits.max:
        raise ValueError(
            f"the result is {value:g}, which {dtype.name} cannot hold; rescale p and q by one "
            "factor, or enable 64 bits with jax.config.update('jax_enable_x64', True)."
        )
    found: Array = identity(np.asarray(value, dtype))
    return found


@jax.jit
def root(square: Float[Array, "*some"]) -> Float[Array, "*some"]:
    """The square root of numbers of 0 or more, with the gradient 0 at 0."""
    none = square <= 0
    return jnp.where(none, 0.0, jnp.sqrt(jnp.where(none, 1.0, square)))
