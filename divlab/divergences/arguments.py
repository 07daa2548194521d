"""Reads what a user passes as P and Q, and refuses, by name, what cannot be right."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpyro.distributions import Distribution

from divlab.divergences.densities import Packed


class Samples(NamedTuple):
    """1-D samples of a floating dtype, and weights that sum to 1 or None for equal ones."""

    values: jax.Array | np.ndarray
    weights: jax.Array | np.ndarray | None = None


def is_concrete(*trees) -> bool:
    """Whether all values are known, so that they can be looked at."""
    leaves = jax.tree.leaves(trees)
    return not any(isinstance(leaf, jax.core.Tracer) for leaf in leaves)


def read(name: str, value, weights=None) -> Packed | Samples:
    """A distribution packed for jit, or checked samples; raises where `value` is neither."""
    if isinstance(value, Packed):
        return value
    if isinstance(value, Distribution):
        if weights is not None:
            raise ValueError(f"{name}_weights goes with samples, but {name} is a distribution.")
        return read_distribution(name, value)
    if isinstance(value, type) and issubclass(value, Distribution):
        raise TypeError(f"{name} is the class {value.__name__}; pass an instance of it.")
    return Samples(read_samples(name, value), read_weights(name, weights, value))


def read_distribution(name: str, value: Distribution) -> Packed:
    """A univariate continuous distribution, packed."""
    kind = type(value).__name__
    if value.event_shape != ():
        raise ValueError(
            f"{name} must be univariate, got {kind} with event_shape {value.event_shape}."
        )
    if value.batch_shape != ():
        raise ValueError(
            f"{name} must be one distribution, got {kind} with batch_shape {value.batch_shape}; "
            "use jax.vmap for a batch, or MixtureSameFamily for a mixture."
        )
    if value.is_discrete or kind == "Delta":
        raise ValueError(f"{name} must be continuous (have a density), got {kind}.")
    if is_concrete(value):
        for parameter, entry in value.__dict__.items():
            if isinstance(entry, (float, np.ndarray, jax.Array)) and np.any(np.isnan(entry)):
                raise ValueError(f"{name} has NaN in its parameter {parameter.lstrip('_')}.")
    return Packed(value)


def read_samples(name: str, value) -> jax.Array:
    """A 1-D floating array without NaN."""
    if isinstance(value, (str, bytes)) or value is None:
        raise TypeError(
            f"{name} must be a numpyro distribution or a 1-D array of numbers, "
            f"got {type(value).__name__} {value!r}."
        )
    array = value if isinstance(value, (jax.Array, jax.core.Tracer)) else _as_numpy(name, value)
    if np.issubdtype(array.dtype, np.complexfloating):
        raise TypeError(f"{name} must be real, got complex numbers ({array.dtype}).")
    if not (jnp.issubdtype(array.dtype, jnp.number) or array.dtype == bool):
        raise TypeError(f"{name} must be numbers, got dtype {array.dtype}.")
    if array.ndim != 1:
        raise ValueError(f"{name} must be 1-D, got shape {array.shape}; np.ravel flattens it.")
    if array.shape[0] == 0:
        raise ValueError(f"{name} must not be empty, got shape (0,).")
    floating = jnp.promote_types(jnp.float32, jax.dtypes.canonicalize_dtype(array.dtype))
    if not jnp.issubdtype(array.dtype, jnp.floating):
        floating = jnp.zeros(0).dtype
    if is_concrete(array):
        host = np.asarray(array)
        if np.issubdtype(host.dtype, np.floating) or host.dtype.itemsize == 2:
            host = (
                host.astype(np.promote_types(np.float32, floating))
                if host.dtype.itemsize == 2
                else host
            )
            if np.any(np.isnan(host)):
                where = int(np.argmax(np.isnan(host)))
                raise ValueError(f"{name} must not contain NaN, got NaN at index {where}.")
            finite = host[np.isfinite(host)]
            if finite.size and np.max(np.abs(finite)) > np.finfo(floating).max:
                raise ValueError(
                    f"{name} holds {np.max(np.abs(finite)):g}, beyond {np.dtype(floating).name}; "
                    "rescale it, or enable 64 bits with jax.config.update('jax_enable_x64', True)."
                )
    return jnp.asarray(array, floating)


def _as_numpy(name: str, value) -> np.ndarray | jax.Array:
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise TypeError(f"{name} must be a 1-D array of numbers: {error}") from None
    if array.dtype == object:
        if jax.tree.leaves(value) and not is_concrete(value):
            return jnp.asarray(value)
        raise TypeError(
            f"{name} must be a numpyro distribution or a 1-D array of numbers, "
            f"got {type(value).__name__}."
        )
    return array


def read_weights(name: str, weights, samples) -> jax.Array | None:
    """Weights normalised to sum to 1."""
    if weights is None:
        return None
    label = f"{name}_weights"
    array, length = read_samples(label, weights), len(samples)
    if array.shape[0] != length:
        raise ValueError(
            f"{label} must have one entry for each sample, got {array.shape[0]} for {length}."
        )
    if is_concrete(array):
        host = np.asarray(array)
        if np.any(host < 0) or not np.all(np.isfinite(host)):
            raise ValueError(f"{label} must be finite and not negative, got {host.min():g}.")
        if host.sum() <= 0:
            raise ValueError(f"{label} must not all be zero.")
    return array / jnp.sum(array)


def read_number(name: str, value, *, low: float, high: float, closed: bool, need: str):
    """A real number between `low` and `high`; a traced one is taken on trust."""
    if not is_concrete(value):
        return value
    if isinstance(value, (str, bytes, bool)) or np.ndim(value) != 0 or np.iscomplexobj(value):
        raise TypeError(f"{name} must be a number ({need}), got {value!r}.")
    inside = low <= value <= high if closed else low < value < high
    if not inside:
        raise ValueError(f"{name} must be {need}, got {value}.")
    return value
