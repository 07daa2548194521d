"""Reads what a user passes as P and Q, and refuses, by name, what cannot be right."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpyro.distributions import Distribution

from divlab.divergences.integrals.arrays import is_known
from divlab.divergences.integrals.densities import is_infinite, support_bounds
from divlab.divergences.integrals.packed import Packed


class Samples(NamedTuple):
    """1-D samples of a floating dtype, and weights that sum to 1 or None for equal ones."""

    values: jax.Array | np.ndarray
    weights: jax.Array | np.ndarray | None = None


def read(name: str, value, weights=None) -> Packed | Samples:
    """A distribution packed for jit, or checked samples; raises where `value` is neither."""
    value = read_exact(name, value, weights)
    return value if isinstance(value, Packed) else Samples(*map(_on_device, value))


def read_exact(name: str, value, weights=None) -> Packed | Samples:
    """As `read`, but samples whose values are known stay in NumPy and lose no digits."""
    if isinstance(value, Packed | Samples):
        return value
    if isinstance(value, Distribution):
        if weights is not None:
            raise ValueError(f"{name}_weights goes with samples, but {name} is a distribution.")
        return read_distribution(name, value)
    if isinstance(value, type) and issubclass(value, Distribution):
        raise TypeError(f"{name} is the class {value.__name__}; pass an instance of it.")
    values = _check_samples(name, value)
    return Samples(values, _check_weights(name, weights, values.shape[0]))


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
    packed = Packed(value)
    if is_known(packed):
        numbers = jax.tree.leaves(packed)
        if not all(np.isfinite(number).all() for number in numbers):
            _refuse_numbers(name, value)
        low, high = support_bounds(value)  # the rest numpyro has checked
        if not is_infinite(low) and not is_infinite(high):
            if np.any(np.asarray(low) >= np.asarray(high)):
                raise ValueError(f"{name} is a {kind} whose support is empty: [{low}, {high}].")
    return packed


def _refuse_numbers(name: str, value: Distribution) -> None:
    """Says which parameter is NaN, or is infinite where that makes no distribution."""
    for parameter, entry in value.__dict__.items():
        if not isinstance(entry, (float, np.ndarray, jax.Array)):
            continue
        if np.any(np.isnan(entry)):
            raise ValueError(f"{name} has NaN in its parameter {parameter.lstrip('_')}.")
        if parameter in ("loc", "scale") and np.any(np.isinf(entry)):
            raise ValueError(f"{name} has an infinite {parameter}: it is no distribution.")
    low, high = support_bounds(value)
    if np.any(np.asarray(low) >= np.asarray(high)):
        raise ValueError(
            f"{name} is a {type(value).__name__} whose support is empty: [{low}, {high}]."
        )


def read_samples(name: str, value) -> jax.Array:
    """A 1-D floating array without NaN."""
    return _on_device(_check_samples(name, value))


def _on_device(array):
    return None if array is None else jnp.asarray(array, _floating(array.dtype))


def _floating(dtype) -> np.dtype:
    """The dtype that JAX computes numbers of `dtype` in, of 32 bits at least."""
    if not jnp.issubdtype(dtype, jnp.floating):
        return jax.dtypes.canonicalize_dtype(float)
    return jnp.promote_types(np.float32, jax.dtypes.canonicalize_dtype(dtype))


def _check_samples(name: str, value) -> np.ndarray | jax.Array:
    """A 1-D floating array without NaN; in NumPy, with all its digits, unless it is traced."""
    if isinstance(value, (str, bytes)) or value is None:
        raise TypeError(
            f"{name} must be a numpyro distribution or a 1-D array of numbers, "
            f"got {type(value).__name__} {value!r}."
        )
    if isinstance(value, jax.Array) and not isinstance(value, jax.core.Tracer):
        value = np.asarray(value)
    array = value if isinstance(value, np.ndarray | jax.Array) else _as_numpy(name, value)
    dtype = array.dtype
    if dtype.kind == "c":
        raise TypeError(f"{name} must be real, got complex numbers ({dtype}).")
    if dtype.kind not in "fiub" and not jnp.issubdtype(dtype, jnp.floating):
        raise TypeError(f"{name} must be numbers, got dtype {dtype}.")
    if array.ndim != 1:
        raise ValueError(f"{name} must be 1-D, got shape {array.shape}; np.ravel flattens it.")
    if array.shape[0] == 0:
        raise ValueError(f"{name} must not be empty, got shape (0,).")
    if isinstance(array, jax.Array):
        return array.astype(_floating(dtype))
    if dtype.kind in "iub":
        return array.astype(np.float64)
    if dtype.itemsize < 4:
        array = array.astype(np.float32)
    # Either of these is NaN if any of the samples is.
    low, high = array.min(), array.max()
    if not low <= high:
        where = int(np.argmax(np.isnan(array)))
        raise ValueError(f"{name} must not contain NaN, got NaN at index {where}.")
    if array.dtype.itemsize > 4:
        _check_range(name, array, low, high)
    return array


def _check_range(name: str, array: np.ndarray, low, high) -> None:
    floating = _floating(array.dtype)
    limit = np.finfo(floating).max
    if -limit <= low and high <= limit:
        return
    finite = np.abs(array[np.isfinite(array)])
    if np.any(finite > limit):
        raise ValueError(
            f"{name} holds {np.max(finite):g}, beyond {np.dtype(floating).name}; "
            "rescale it, or enable 64 bits with jax.config.update('jax_enable_x64', True)."
        )


def _as_numpy(name: str, value) -> np.ndarray | jax.Array:
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise TypeError(f"{name} must be a 1-D array of numbers: {error}") from None
    if array.dtype == object:
        if jax.tree.leaves(value) and not is_known(value):
            return jnp.asarray(value)
        raise TypeError(
            f"{name} must be a numpyro distribution or a 1-D array of numbers, "
            f"got {type(value).__name__}."
        )
    return array


def read_weights(name: str, weights, samples) -> jax.Array | None:
    """Weights normalised to sum to 1."""
    return _on_device(_check_weights(name, weights, len(samples)))


def _check_weights(name: str, weights, length: int) -> np.ndarray | jax.Array | None:
    """Weights normalised to sum to 1; in NumPy with 64 bits, unless they are traced."""
    if weights is None:
        return None
    label = f"{name}_weights"
    array = _check_samples(label, weights)
    if array.shape[0] != length:
        raise ValueError(
            f"{label} must have one entry for each sample, got {array.shape[0]} for {length}."
        )
    if isinstance(array, jax.Array):
        return jnp.where(jnp.all(array >= 0), array / jnp.sum(array), jnp.nan)
    low, high = array.min(), array.max()
    if low < 0 or np.isinf(high):
        raise ValueError(
            f"{label} must be finite and not negative, got {low if low < 0 else high:g}."
        )
    if high == 0:
        raise ValueError(f"{label} must not all be zero.")
    array = array / np.float64(high)  # so that no sum overflows
    array /= array.sum()
    return array


def read_number(name: str, value, *, low: float, high: float, closed: bool, need: str):
    """A real number between `low` and `high`; a traced one is taken on trust."""
    if type(value) not in (int, float):
        if not is_known(value):
            return value
        if isinstance(value, (str, bytes, bool)) or np.ndim(value) != 0 or np.iscomplexobj(value):
            raise TypeError(f"{name} must be a number ({need}), got {value!r}.")
    inside = low <= value <= high if closed else low < value < high
    if not inside:
        raise ValueError(f"{name} must be {need}, got {value}.")
    return value
