"""Elementary functions that lose no digits where their terms nearly cancel."""

import math

import jax
import jax.numpy as jnp

# Of e^-r - 1 + r: for |r| < 1 these terms reach rounding, in 32 bits and in 64.
_SERIES = [(-1.0) ** n / math.factorial(n) for n in range(2, 20)]
_TERMS_OF_32_BITS = 11


def decay_excess_series(r: jax.Array) -> jax.Array:
    """e^-r - 1 + r for |r| < 1, to full relative precision."""
    terms = _SERIES if jnp.finfo(r.dtype).eps < 1e-10 else _SERIES[:_TERMS_OF_32_BITS]
    total = jnp.zeros_like(r)
    for coefficient in terms[::-1]:
        total = total * r + coefficient
    return r * r * total


def expm1_plus(r: jax.Array) -> jax.Array:
    """e^-r - 1 + r, to full relative precision near r = 0."""
    small = jnp.abs(r) < 1
    return jnp.where(small, decay_excess_series(jnp.where(small, r, 0.0)), jnp.exp(-r) - 1 + r)
