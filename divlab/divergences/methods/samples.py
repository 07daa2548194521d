"""What the methods for samples share: sorting, a common origin, and values that are equal."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Float, Integer

from divlab.divergences.inputs import AnyArray
from divlab.divergences.integrals import arrays
from divlab.divergences.integrals.arrays import fixed, is_known, namespace


def sorted_samples(*samples: Float[AnyArray, " _"]) -> list[Float[AnyArray, " _"]]:
    """Each of the samples sorted, all of them measured from the place in their range nearest 0.

    No f-divergence depends on the origin, and near it floating point has the most room between
    values. Known values stay on the host and keep 64 bits; sorting them there is many times faster
    than by XLA on a CPU. Under `jit`, samples that the methods' `check` would refuse become NaN.
    """
    if is_known(samples):
        known = [np.sort(np.asarray(x, np.float64)) for x in samples]
        origin = np.clip(0.0, min(x[0] for x in known), max(x[-1] for x in known))
        return [x - origin for x in known] if origin else known
    traced = [jnp.sort(x) for x in samples]
    traced = [jnp.where(jnp.isfinite(x[-1] - x[0]) & (x[0] < x[-1]), x, jnp.nan) for x in traced]
    low = jnp.min(jnp.stack([x[0] for x in traced]))
    high = jnp.max(jnp.stack([x[-1] for x in traced]))
    # It has no gradient, because to move all samples alike changes nothing.
    return [x - lax.stop_gradient(jnp.clip(0.0, low, high)) for x in traced]


def ordered(
    *samples: Float[AnyArray, " _"], look: Callable[..., None] | None = None
) -> list[Float[AnyArray, " _"]]:
    """Sorted samples in which no two are equal.

    `look` is called with the sorted samples as they are, ties included, if they are known.

    A density has no ties. Equal values of one sample come from rounding to a grid, or from rows
    that were drawn again, as in a bootstrap. On a grid each of them stands for a value somewhere in
    its cell, which is what lies nearer to it than to any other value of its sample. It is moved to
    a place in that cell that a fixed draw chooses. An even spread would be more regular than
    samples are, and would put neighbours too far away. Off a grid a row that comes again tells
    nothing new, and is counted once; traced samples, whose number is fixed, are spread there too.

    Values of P that are equal to one of Q are moved in the cell between those of both.

    Raises:
        ValueError: many samples are one and the same number, although the others are on no grid.
    """
    known = is_known(samples)
    parts = sorted_samples(*samples)
    if known and look is not None:
        look(*parts)
    if known:
        pairs = zip(parts, samples, strict=True)
        parts = [_known_apart(x, number, given) for number, (x, given) in enumerate(pairs)]
    else:
        parts = [_traced_apart(x, number) for number, x in enumerate(parts)]
    xp = np if known else jnp
    both = fixed(xp.concatenate(parts))
    order = xp.argsort(both, stable=True)
    if known:  # it is enough to look at those that are tied, and at their neighbours
        order = _tied(both[order], order)
        if order.size == 0:
            return parts
    shift = _shift(xp, both[order], order)
    if known:
        both[order] += shift
    else:
        both = jnp.concatenate(parts).at[order].add(shift)
    return [xp.sort(x) for x in xp.split(both, np.cumsum([len(x) for x in parts])[:-1])]


def _tied(pool: Float[np.ndarray, " n"], order: Integer[np.ndarray, " n"]) -> Any:
    """Of sorted values, the places of those that are equal to another, and of their neighbours."""
    tied = np.flatnonzero(pool[1:] == pool[:-1])
    near = np.zeros(len(pool) + 3, bool)
    for offset in range(4):
        near[tied + offset] = True
    return order[near[1:-2]] if tied.size else order[:0]


_ATOM = 0.05  # the share of one number that is no accident


_SEED = 0x9E37  # times the number of a sample, so that each has other draws


def _traced_apart(x: Float[jax.Array, " n"], number: int) -> Float[jax.Array, " n"]:
    """Sorted values of one sample in which no two are equal."""
    return jnp.sort(x + _shift(jnp, fixed(x), _SEED * (number + 1) + jnp.arange(len(x))))


def _known_apart(
    x: Float[np.ndarray, " n"], number: int, given: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " m"]:
    """The same, but that rows which come again are counted once.

    `given` are the samples before they were measured from an origin.
    """
    distinct, counts = np.unique(x, return_counts=True)
    if len(distinct) in (1, len(x)):
        return x
    if not _on_a_grid(distinct, _rounding(given)):
        most = int(np.argmax(counts))
        if counts[most] > max(10, _ATOM * len(x)):
            raise ValueError(
                f"{counts[most]} of {len(x)} samples are one number, and the others lie on no "
                "grid: such a distribution has no density there. Leave these samples out, or "
                "compare distribution functions (wasserstein, cramer, energy, ks)."
            )
        return distinct
    order = _tied(x, np.arange(len(x)))
    moved = x.copy()
    moved[order] += _shift(np, x[order], _SEED * (number + 1) + order)
    return np.sort(moved)


def _rounding(given: Float[np.ndarray, " n"]) -> float:
    """How far rounding to floats may have moved samples, by the largest of them.

    It goes by the values: a column of 64 bits may have been made from one of 32.
    """
    given = np.asarray(given, np.float64)
    with np.errstate(over="ignore"):
        is_single = bool(np.all(given.astype(np.float32) == given))
    kind = np.finfo(np.float32 if is_single else np.float64)
    return float(kind.eps * np.abs(given).max())


_DIGITS = 6  # of the range of samples, to which people round
_COARSE = 10  # with fewer floats from one value to the next, many are equal by rounding alone


def _on_a_grid(distinct: Float[np.ndarray, " n"], rounding: float) -> bool:
    """Whether all of them are whole numbers of steps apart, as far as `rounding` lets it be told.

    The step is the least between two of them, or a power of ten: thirds of a minute, written with
    three digits, are on a grid too. So are floats themselves, where they are as far apart as the
    values, such as times of today in seconds with 32 bits.
    """
    apart = distinct - distinct[0]
    least = np.diff(distinct).min()
    tens = 10.0 ** (np.floor(np.log10(apart[-1])) - np.arange(_DIGITS + 1))
    steps = np.append(tens, least)
    shares = apart[:, None] / steps
    off = np.abs(shares - np.round(shares))
    if apart[-1] <= _COARSE * least * (len(distinct) - 1) and np.all(off[:, -1] == 0):
        return True
    resolved = 4 * rounding < 0.1 * steps
    return bool(np.any(resolved & np.all(off <= 1e-3 + 4 * rounding / steps, axis=0)))


def _shift(
    xp: Any, pool: Float[AnyArray, " n"], order: Integer[AnyArray, " n"]
) -> Float[AnyArray, " n"]:
    """By how much to move each of the sorted values, 0 for those that are not tied."""
    gaps, unknown = xp.diff(pool), xp.full_like(pool[:1], xp.inf)
    below, above = xp.concatenate([unknown, gaps]), xp.concatenate([gaps, unknown])
    index = xp.arange(len(pool))
    first = xp.maximum.accumulate(xp.where(below > 0, index, 0))
    last = xp.minimum.accumulate(xp.where(above > 0, index, len(pool) - 1)[::-1])[::-1]
    cell = xp.minimum(below[first], above[last])
    return xp.where(first < last, _draws(xp, order) * cell, 0).astype(pool.dtype)


def _draws(xp: Any, index: Integer[AnyArray, " n"]) -> Float[AnyArray, " n"]:
    """Numbers in [-½, ½) without visible order, one for each index, by a fixed integer hash."""
    bits = index.astype(xp.uint32) + xp.uint32(1)
    for multiplier in (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D):  # odd, their bits well mixed
        bits = bits * xp.uint32(multiplier)
        bits = bits ^ (bits >> xp.uint32(15))
    return (bits >> xp.uint32(8)).astype(xp.float32) / np.float32(2**24) - np.float32(0.5)


def least_count(limit: Any) -> arrays.Array:
    """How many samples an empty place counts for, where f tends to `limit`.

    It is 0 where f has a bound of the order of 1, and half a sample where it has none. In between
    it makes the estimate continuous in an order that leads from the one case to the other.
    """
    return 0.5 * namespace(limit).maximum(0.0, 1 - 2 / limit)
