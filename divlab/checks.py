"""Checks of counts and keys that a user passes."""

import operator

import jax
import jax.numpy as jnp
import numpy as np


def check_count(name: str, value, low: int = 1) -> int:
    """A whole number of at least `low`."""
    try:
        count = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, got {value!r}.") from None
    if isinstance(value, bool) or count < low:
        raise ValueError(f"{name} must be at least {low}, got {value!r}.")
    return count


def read_key(name: str, key) -> jax.Array:
    """A typed key from an int, a typed key or an old-style one."""
    if isinstance(key, (jax.Array, np.ndarray, np.integer)):
        key = jnp.asarray(key)
        if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) and key.ndim == 0:
            return key
        if key.dtype == jnp.uint32 and key.shape == (2,):
            return jax.random.wrap_key_data(key)
        if jnp.issubdtype(key.dtype, jnp.integer) and key.ndim == 0:
            return jax.random.key(key)
    elif isinstance(key, int) and not isinstance(key, bool):
        return jax.random.key(key)
    raise TypeError(f"{name} must be an int or a JAX key, got {key!r}.")
