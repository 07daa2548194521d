"""Checks of the counts, keys and seeds that a user passes."""

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Key
from numpy.typing import NDArray

# Types of what a user passes. The readers of arguments refuse what does not fit, and say what would
# do. The tests check annotations at run time; there these types are open, or the checker would
# refuse such an argument first and no test would see our own words.
if TYPE_CHECKING:
    Count: TypeAlias = SupportsIndex
    KeyLike: TypeAlias = int | np.integer[Any] | NDArray[Any] | Array
    Seeds: TypeAlias = int | np.integer[Any] | NDArray[Any] | Array | Sequence[KeyLike]
    Numbers: TypeAlias = ArrayLike | Sequence[float]
else:
    Count = KeyLike = Seeds = Numbers = Any


def check_count(name: str, value: Count, low: int = 1) -> int:
    """The whole number that `value` is, if it is at least `low`.

    Raises:
        TypeError, ValueError: `value` is not a whole number, or is below `low`.
    """
    try:
        count = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, got {value!r}.") from None
    if isinstance(value, bool) or count < low:
        raise ValueError(f"{name} must be at least {low}, got {value!r}.")
    return count


def read_key(name: str, key: KeyLike) -> Key[Array, ""]:
    """A typed key from an int, a typed key or an old-style key of two numbers.

    Raises:
        TypeError: `key` is none of these.
    """
    if isinstance(key, (jax.Array, np.ndarray, np.integer)):
        array: Array = jnp.asarray(key)
        if jnp.issubdtype(array.dtype, jax.dtypes.prng_key) and array.ndim == 0:
            return array
        if array.dtype == jnp.uint32 and array.shape == (2,):
            wrapped: Array = jax.random.wrap_key_data(array)
            return wrapped
        if jnp.issubdtype(array.dtype, jnp.integer) and array.ndim == 0:
            return jax.random.key(array)
    elif isinstance(key, int) and not isinstance(key, bool):
        return jax.random.key(key)
    raise TypeError(f"{name} must be an int or a JAX key, got {key!r}.")


def read_seeds(seeds: Seeds) -> Key[Array, " seeds"]:
    """An array of keys, from a number of seeds, from ints or from keys.

    Raises:
        TypeError, ValueError: `seeds` is none of these, or holds no seed.
    """
    if isinstance(seeds, (int, np.integer)) and not isinstance(seeds, bool):
        keys: Array = _keys(np.arange(check_count("seeds", seeds)))
        return keys
    if isinstance(seeds, (list, tuple, range)) and len(seeds) > 0:
        return jnp.stack([read_key("seeds", seed) for seed in seeds])
    if isinstance(seeds, (jax.Array, np.ndarray)) and np.shape(seeds)[:1] not in ((), (0,)):
        return jnp.stack([read_key("seeds", seed) for seed in jnp.asarray(seeds)])
    raise TypeError(f"seeds must be a number of at least 1 or an array of keys, got {seeds!r}.")


_keys = jax.jit(jax.vmap(jax.random.key))
