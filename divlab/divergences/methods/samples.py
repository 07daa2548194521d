"""What the methods for samples share: sorting, a common origin, and values that are equal."""

from typing import Any

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


def ordered(*samples: Float[AnyArray, " _"]) -> list[Float[AnyArray, " _"]]:
    """Sorted samples in which no two are equal.

    A density has no ties, so equal values come from rounding to a grid. Each of them stands for a
    value somewhere in its cell, which is what lies nearer to it than to any other value. It is
    moved to a place in that cell that a fixed draw chooses. An even spread would be more regular
    than samples are, and would put neighbours too far away.
    """
    parts = sorted_samples(*samples)
    known = is_known(parts)
    xp = np if known else jnp
    both = fixed(xp.concatenate(parts))
    order = xp.argsort(both, stable=True)
    if known:  # it is enough to look at those that are tied, and at their neighbours
        pool = both[order]
        tied = np.flatnonzero(pool[1:] == pool[:-1])
        if tied.size == 0:
            return parts
        near = np.zeros(len(pool) + 3, bool)
        for offset in range(4):
            near[tied + offset] = True
        order = order[near[1:-2]]
    shift = _shift(xp, both[order], order)
    if known:
        both[order] += shift
    else:
        both = jnp.concatenate(parts).at[order].add(shift)
    return [xp.sort(x) for x in xp.split(both, np.cumsum([len(x) for x in parts])[:-1])]


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
