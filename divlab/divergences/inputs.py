"""Reads what a user passes as P and Q, and refuses, by name, what cannot be right."""

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpyro.distributions import Distribution, TransformedDistribution, constraints

from divlab.checks import Numbers
from divlab.divergences.columns import near_common_origin, numbers_of_objects
from divlab.divergences.integrals.arrays import computing_on_host, is_known
from divlab.divergences.integrals.densities import is_infinite, support_bounds
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.scipy_distributions import from_scipy
from divlab.pytrees import Number

# An array of NumPy where its numbers are known, else of JAX. A type checker cannot tell which of
# the two a formula for both returns; the tests check it at run time.
if TYPE_CHECKING:
    AnyArray: TypeAlias = Any
else:
    AnyArray = np.ndarray | jax.Array


class Samples(NamedTuple):
    """1-D samples of a floating dtype, and weights that sum to 1 or None for equal ones."""

    values: Float[AnyArray, " n"]
    weights: Float[AnyArray, " n"] | None = None


# Types of what a user passes: P and Q, a real number and a whole number that are options of a
# divergence or of a method. At run time they are open, as in `divlab.checks`: the readers of
# arguments refuse what does not fit, and say what would do.
if TYPE_CHECKING:
    Argument: TypeAlias = Distribution | Numbers | Packed | Samples
    Real: TypeAlias = Number
    Whole: TypeAlias = int
else:
    Argument = Real = Whole = Any

# How messages call what P and Q are.
DISTRIBUTIONS, SAMPLES, MIXED = "two distributions", "two samples", "samples and a distribution"


def read(name: str, value: Argument, weights: Numbers | None = None) -> Packed | Samples:
    """A distribution packed for jit, or checked samples as arrays of JAX.

    Raises:
        TypeError, ValueError: `value` is neither a distribution nor samples that divlab can use, or
            the weights do not fit the samples.
    """
    argument = read_exact(name, value, weights)
    if isinstance(argument, Packed):
        return argument
    weights_of_it = None if argument.weights is None else _on_device(argument.weights)
    return Samples(_on_device(argument.values), weights_of_it)


def read_exact(name: str, value: Argument, weights: Numbers | None = None) -> Packed | Samples:
    """As `read`, but samples whose values are known stay in NumPy and lose no digits."""
    if isinstance(value, Packed | Samples):
        return value
    if not isinstance(value, Distribution):
        value = from_scipy(name, value) or value
    if isinstance(value, Distribution):
        if weights is not None:
            raise ValueError(f"{name}_weights goes with samples, but {name} is a distribution.")
        return read_distribution(name, value)
    if isinstance(value, type) and issubclass(value, Distribution):
        raise TypeError(f"{name} is the class {value.__name__}; pass an instance of it.")
    value, weights = _unmasked(name, value, weights)
    values = _check_samples(name, value)
    return Samples(values, _check_weights(name, weights, values.shape[0]))


def read_both(
    p: Argument,
    q: Argument,
    names: tuple[str, str] = ("p", "q"),
    weights: tuple[Numbers | None, Numbers | None] = (None, None),
) -> tuple[Packed | Samples, Packed | Samples]:
    """P and Q as `read_exact` reads them; two samples of whole numbers keep their differences."""
    if not isinstance(p, Distribution | Packed):
        p, q = near_common_origin(p, q)
    return read_exact(names[0], p, weights[0]), read_exact(names[1], q, weights[1])


def read_distribution(name: str, value: Distribution) -> Packed:
    """A univariate continuous distribution, packed.

    Raises:
        ValueError: it is multivariate, batched or discrete, or its parameters make no distribution.
    """
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
        numbers, _ = packed.exact_numbers_and_structure()
        if not all(np.isfinite(number).all() for number in numbers):
            _refuse_numbers(name, value)
        if may_be_empty(value):  # numpyro itself has checked the parameters one by one
            _check_support(name, value)
    return packed


def may_be_empty(distribution: Distribution) -> bool:
    """Whether the support depends on the parameters, so that some of them leave nothing of it."""
    support = distribution.support
    # numpyro says of a transformed distribution that it has the whole line, where it need not.
    is_whole = isinstance(support, type(constraints.real))
    if is_whole and not isinstance(distribution, TransformedDistribution):
        return False
    return support is not getattr(type(distribution), "support", None)


def _check_support(name: str, value: Distribution) -> None:
    with computing_on_host():  # it may be called inside a function that is traced
        low, high = support_bounds(value)
    if is_infinite(low) or is_infinite(high):
        return
    if np.any(np.asarray(low) >= np.asarray(high)):
        raise ValueError(
            f"{name} is a {type(value).__name__} whose support is empty: [{low}, {high}]."
        )


def _refuse_numbers(name: str, value: Distribution) -> None:
    """Says which parameter is NaN, or is infinite where that makes no distribution."""
    for parameter, entry in value.__dict__.items():
        if not isinstance(entry, (float, np.ndarray, jax.Array)):
            continue
        if np.any(np.isnan(entry)):
            raise ValueError(f"{name} has NaN in its parameter {parameter.lstrip('_')}.")
        if parameter in ("loc", "scale") and np.any(np.isinf(entry)):
            raise ValueError(f"{name} has an infinite {parameter}: there is no such distribution.")
    _check_support(name, value)


def read_samples(name: str, value: Numbers) -> Float[Array, " n"]:
    """A 1-D floating array without NaN.

    Raises:
        TypeError, ValueError: `value` is no such array, nor anything that can become one.
    """
    values, _ = _unmasked(name, value, None)
    return _on_device(_check_samples(name, values))


def _unmasked(name: str, value: Any, weights: Any) -> tuple[Any, Any]:
    """Samples and weights without the entries that a masked array of NumPy marks as missing.

    A sample whose weight is masked is left out with it.
    """
    masked = np.ma.MaskedArray
    if not (isinstance(value, masked) or isinstance(weights, masked)):
        return value, weights
    if np.ndim(value) != 1 or (weights is not None and np.ndim(weights) != 1):
        return _filled(value), _filled(weights)  # whose shapes are refused later
    if weights is not None:
        _check_length(name, np.shape(weights)[0], np.shape(value)[0])
    missing = np.ma.getmaskarray(value) | np.ma.getmaskarray(weights)
    if missing.size and missing.all():
        masks = [isinstance(value, masked), isinstance(weights, masked)]
        label = " and ".join(np.array([name, f"{name}_weights"])[masks])
        raise ValueError(f"{name} has no samples left: all {missing.size} are masked by {label}.")
    kept = ~missing
    return _filled(value)[kept], None if weights is None else _filled(weights)[kept]


def _filled(array: Any) -> Any:
    if isinstance(array, np.ma.MaskedArray):
        return array.data
    return array if array is None or isinstance(array, jax.Array) else np.asarray(array)


def _on_device(array: Float[AnyArray, " n"]) -> Float[Array, " n"]:
    return jnp.asarray(array, _floating(array.dtype))


def _floating(dtype: Any) -> np.dtype[Any]:
    """The dtype that JAX computes numbers of `dtype` in, of 32 bits at least."""
    if not jnp.issubdtype(dtype, jnp.floating):
        return np.dtype(jax.dtypes.canonicalize_dtype(float))
    return np.dtype(jnp.promote_types(np.float32, jax.dtypes.canonicalize_dtype(dtype)))


def _check_samples(name: str, value: Any) -> Float[AnyArray, " n"]:
    """A 1-D floating array without NaN; in NumPy, with all its digits, unless it is traced."""
    if isinstance(value, (str, bytes)) or value is None:
        raise TypeError(
            f"{name} must be a numpyro distribution or a 1-D array of numbers, "
            f"got {type(value).__name__} {value!r}."
        )
    if isinstance(value, jax.Array) and not isinstance(value, jax.core.Tracer):
        value = np.asarray(value)
    array = value if isinstance(value, np.ndarray | jax.Array) else _as_array(name, value)
    if array.dtype.kind == "O":
        array = numbers_of_objects(name, array)
    dtype = array.dtype
    if dtype.kind in "mM":
        raise TypeError(
            f"{name} holds {'dates' if dtype.kind == 'M' else 'durations'} ({dtype}); make numbers "
            f"of them, as in (x - x.min()) / np.timedelta64(1, 's') for seconds."
        )
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
    if dtype.kind in "iub" or dtype.itemsize > 8:
        array = array.astype(np.float64)
    if dtype.itemsize < 4 and dtype.kind not in "iub":
        array = array.astype(np.float32)
    # Either of these is NaN if any of the samples is.
    low, high = array.min(), array.max()
    if not low <= high:
        where = int(np.argmax(np.isnan(array)))
        raise ValueError(f"{name} must not contain NaN, got NaN at index {where}.")
    if array.dtype.itemsize > 4:
        _check_range(name, array, low, high)
    return array


def _check_range(name: str, array: Float[np.ndarray, " n"], low: float, high: float) -> None:
    floating = _floating(array.dtype)
    limit = np.finfo(floating).max
    if -limit <= low and high <= limit:
        return
    finite = np.abs(array[np.isfinite(array)])
    if np.any(finite > limit):
        raise ValueError(
            f"{name} holds {np.max(finite):g}, beyond {floating.name}; "
            "rescale it, or enable 64 bits with jax.config.update('jax_enable_x64', True)."
        )


def _as_array(name: str, value: Any) -> AnyArray:
    try:
        # A list may hold traced numbers, of which NumPy cannot make an array.
        is_traced_list = isinstance(value, list | tuple) and not is_known(value)
        array = jnp.asarray(value) if is_traced_list else np.asarray(value)
    except (ValueError, TypeError) as error:
        raise TypeError(f"{name} must be a 1-D array of numbers: {error}") from None
    if array.dtype != object:
        return array
    if jax.tree.leaves(value) and not is_known(value):
        return jnp.asarray(value)
    if array.ndim == 0:
        raise TypeError(
            f"{name} must be a numpyro distribution or a 1-D array of numbers, "
            f"got {type(value).__name__}."
        )
    return array


def read_weights(
    name: str, weights: Numbers | None, samples: Float[AnyArray, " n"]
) -> Float[Array, " n"] | None:
    """Weights normalised to sum to 1, or None.

    Raises:
        TypeError, ValueError: they are not numbers of 0 or more, one for each sample, with a sum
            above 0.
    """
    array = _check_weights(name, weights, samples.shape[0])
    return None if array is None else _on_device(array)


def _check_weights(name: str, weights: Any, length: int) -> Float[AnyArray, " n"] | None:
    """Weights normalised to sum to 1; in NumPy with 64 bits, unless they are traced."""
    if weights is None:
        return None
    label = f"{name}_weights"
    array = _check_samples(label, weights)
    _check_length(name, array.shape[0], length)
    if isinstance(array, jax.Array):
        return jnp.where(jnp.all(array >= 0), array / jnp.sum(array), jnp.nan)
    return shares_of(label, array)


def shares_of(label: str, numbers: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Known numbers divided by their sum, with 64 bits.

    Raises:
        ValueError: one of them is negative or infinite, or all are 0.
    """
    low, high = numbers.min(), numbers.max()
    if low < 0 or np.isinf(high):
        raise ValueError(
            f"{label} must be finite and not negative, got {low if low < 0 else high:g}."
        )
    if high == 0:
        raise ValueError(f"{label} must not all be zero.")
    shares: np.ndarray = numbers / np.float64(high)  # so that no sum overflows
    shares /= shares.sum()
    return shares


def _check_length(name: str, got: int, length: int) -> None:
    if got != length:
        raise ValueError(
            f"{name}_weights must have one entry for each sample, got {got} for {length}."
        )


def read_number(name: str, value: Any, *, low: float, high: float, closed: bool, need: str) -> Any:
    """A real number between `low` and `high`, as it was passed; a traced one is taken on trust.

    Args:
        name: of the argument, for messages.
        value: what was passed.
        low: the lower end.
        high: the upper end.
        closed: whether the ends themselves are allowed.
        need: what the number must be, in words, for messages.

    Raises:
        TypeError: it is no number.
        ValueError: it is not between the ends.
    """
    if type(value) not in (int, float):
        if not is_known(value):
            return value
        if isinstance(value, (str, bytes, bool)) or np.ndim(value) != 0 or np.iscomplexobj(value):
            raise TypeError(f"{name} must be a number ({need}), got {value!r}.")
    inside = low <= value <= high if closed else low < value < high
    if not inside:
        raise ValueError(f"{name} must be {need}, got {value}.")
    return value
