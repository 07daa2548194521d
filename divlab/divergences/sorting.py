"""Distances between two samples that need no more than sorting.

Samples that are known are sorted and added up on the host, by NumPy and with 64 bits. That is
faster than a compiled sort on a CPU, and sums do not drift however long they are. The formulas
for traced samples, which carry gradients, come last.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Integer

from divlab.divergences.inputs import Samples
from divlab.divergences.integrals.arrays import compiled, on_host, power, unless_nan
from divlab.pytrees import Number

Row: TypeAlias = Float[np.ndarray, " _"]
Moves: TypeAlias = Iterable[tuple[Row, Row | float]]  # distances, and the mass moved over each

_BLOCK = 1 << 14  # steps added up at a time, so that they stay in the CPU's cache
_BLOCK_OF_GAPS = 64  # samples between those that are looked at first


def is_exact(x: Samples) -> bool:
    """Whether values and weights are known, and therefore arrays of NumPy."""
    return on_host(x.values) and not isinstance(x.weights, jax.Array)


def sort(argument: Samples) -> Samples:
    """Sorted samples. On the host, where they are known, those of no weight are dropped."""
    values, weights = argument
    if not is_exact(argument):
        values = jnp.asarray(values)  # known ones may come with traced weights
        if weights is None:
            return Samples(jnp.sort(values))
        at = jnp.argsort(values)
        return Samples(values[at], weights[at] if on_host(at) else jnp.asarray(weights)[at])
    if weights is None:
        return Samples(np.sort(values))
    order = np.argsort(values, kind="stable")
    order = order[weights[order] > 0]
    return Samples(values[order], weights[order])


def levels(x: Samples) -> Float[np.ndarray, " edges"]:
    """The mass up to each place between the sorted samples, from 0 to 1, shape (n + 1,)."""
    size = x.values.shape[0]
    if x.weights is None:
        sums = np.arange(size + 1.0)
    else:
        sums = np.concatenate([[0.0], np.cumsum(x.weights, dtype=np.float64)])
    shares: np.ndarray = sums / sums[-1]
    return shares


def steps(
    a: Row, b: Row
) -> Iterator[tuple[Row, Integer[np.ndarray, " _"], Integer[np.ndarray, " _"]]]:
    """Goes through two sorted arrays as one, in blocks.

    For each place in the merged array: how far it is to the next one, and how many entries of `a`
    and of `b` there are up to it. Where entries are equal the distance is 0.
    """
    both = np.concatenate([a, b])
    order = np.argsort(both, kind="stable")  # of two sorted runs, so this merely merges them
    seen = 0
    for start in range(0, order.size - 1, _BLOCK):
        part = order[start : start + _BLOCK + 1]
        width = np.diff(both[part])
        of_a = seen + np.cumsum(part[:-1] < a.size)
        seen = of_a[-1]
        yield width, of_a, np.arange(start + 1, start + part.size) - of_a


def has_infinite(x: Samples) -> bool:
    """Whether an outermost of the sorted samples is known, and infinite."""
    return is_exact(x) and not (math.isfinite(x.values[0]) and math.isfinite(x.values[-1]))


def comes_from_infinity(x: Samples, y: Samples) -> bool:
    """Whether mass must move infinitely far between known, sorted samples.

    Raises:
        ValueError: P and Q have the same mass at infinity.
    """
    if not (has_infinite(x) or has_infinite(y)):
        return False
    of_x, of_y = masses_at_infinity(x), masses_at_infinity(y)
    if np.allclose(of_x, of_y, rtol=1e-12, atol=1e-12):
        raise ValueError(
            "p and q have the same share of infinite samples: how far apart these are is not "
            "defined. Leave them out."
        )
    return True


def masses_at_infinity(x: Samples) -> Float[np.ndarray, "2"]:
    """The shares of sorted samples that are -inf and inf."""
    masses = levels(x)
    low = np.searchsorted(x.values, -np.inf, side="right")
    high = np.searchsorted(x.values, np.inf)
    return np.array([masses[low], 1 - masses[high]])


def area(x: Samples, y: Samples, exponent: int) -> float:
    """∫ |F - G|^exponent dx of sorted, finite samples."""
    f, g = levels(x), levels(y)
    total = 0.0
    for width, of_x, of_y in steps(np.asarray(x.values), np.asarray(y.values)):
        gap = f[of_x] - g[of_y]
        total += np.sum(width * (gap * gap if exponent == 2 else np.abs(gap)))
    return total


def largest_gap(x: Samples, y: Samples) -> float:
    """The largest |F - G| of sorted samples, infinite ones included.

    F - G grows only at samples of x, so it is enough to look just before and at each of them. First
    it is looked at in one sample of each block. A block is searched only if the masses at its two
    ends leave room for a larger gap than any seen so far.
    """
    f, g, size = levels(x), levels(y), x.values.shape[0]
    first = np.arange(0, size, _BLOCK_OF_GAPS)

    def gaps(at: Integer[np.ndarray, " _"]) -> tuple[Row, Row, Row]:
        values = x.values[at]
        before = np.searchsorted(y.values, values)
        there = np.searchsorted(y.values, values, side="right")
        return g[before] - f[at], f[at + 1] - g[there], g[before]

    *at_first, g_first = gaps(first)
    largest = max(a.max() for a in at_first)
    f_last, g_last = np.append(f[first[1:]], 1.0), np.append(g_first[1:], 1.0)
    open_blocks = first[np.maximum(f_last - g_first, g_last - f[first]) > largest]
    inside = (open_blocks[:, None] + np.arange(_BLOCK_OF_GAPS)).ravel()
    before, there, _ = gaps(inside[inside < size])
    value: float = max(largest, before.max(initial=0), there.max(initial=0))
    return value


def moves(x: Samples, y: Samples) -> Iterator[tuple[Row, Row]]:
    """How far mass moves if it keeps its order, and how much of it moves so far, in blocks."""
    last_x, last_y = x.values.shape[0] - 1, y.values.shape[0] - 1
    for mass, of_x, of_y in steps(levels(x), levels(y)):
        i, j = np.minimum(of_x - 1, last_x), np.minimum(of_y - 1, last_y)
        yield np.abs(x.values[i] - y.values[j]), mass


def wasserstein(x: Samples, y: Samples, order: float) -> float:
    """W_order of sorted, finite samples."""
    if x.weights is None and y.weights is None and x.values.shape == y.values.shape:
        distance = np.subtract(x.values, y.values)
        np.abs(distance, out=distance)
        if order == 1:
            return float(np.add.reduce(distance) / distance.size)
        return _power_mean(lambda: [(distance, 1 / distance.size)], order)
    if order == 1:
        return area(x, y, 1)
    # Where weights add up to levels that differ by rounding alone, no mass is there to move.
    size = 0 if x.weights is y.weights is None else x.values.shape[0] + y.values.shape[0]
    return _power_mean(lambda: moves(x, y), order, size * np.finfo(float).eps)


def _power_mean(parts: Callable[[], Moves], order: float, negligible: float = 0.0) -> float:
    """(Σ mass distance^order)^(1/order), relative to the farthest so that no power overflows.

    Mass that is no more than `negligible` does not decide what the farthest is.
    """
    farthest = max(np.max(d, where=mass > negligible, initial=0) for d, mass in parts())
    if farthest == 0 or np.isinf(order):
        return float(farthest)
    total = sum(np.sum(mass * np.minimum(d / farthest, 1) ** order) for d, mass in parts())
    return float(farthest * total ** (1 / order))


def traced_levels(x: Samples) -> Float[Array, " n"]:
    """The mass up to and with each of the sorted samples, shape (n,), ending in 1."""
    values, weights = x
    if weights is None:
        found: Array = jnp.arange(1, values.shape[0] + 1, dtype=values.dtype) / values.shape[0]
    else:
        found = jnp.cumsum(weights, dtype=values.dtype).at[-1].set(1.0)
    return found


@compiled()
def traced_wasserstein(x: Samples, y: Samples, order: Number) -> Float[Array, ""]:
    """W_order of sorted samples; NaN where the order is below 1."""
    if x.weights is None and y.weights is None and x.values.shape == y.values.shape:
        distance = jnp.abs(x.values - y.values)
        mass = jnp.full(distance.shape, 1 / distance.shape[0], distance.dtype)
    else:
        of_x, of_y = traced_levels(x), traced_levels(y)
        merged = jnp.sort(jnp.concatenate([of_x, of_y]))
        mass = jnp.diff(merged, prepend=0.0)
        i = jnp.clip(jnp.searchsorted(of_x, merged), 0, of_x.shape[0] - 1)
        j = jnp.clip(jnp.searchsorted(of_y, merged), 0, of_y.shape[0] - 1)
        distance = jnp.abs(x.values[i] - y.values[j])
    # Levels that differ by rounding alone hold no mass worth moving.
    sizes = 4 / x.values.shape[0] + 4 / y.values.shape[0]
    if not (x.weights is y.weights is None):
        sizes = x.values.shape[0] + y.values.shape[0]  # so often is a sum of weights rounded
    matters = mass > sizes * np.finfo(mass.dtype).eps
    farthest = jnp.max(jnp.where(matters, distance, 0.0))
    # Relative to the farthest move, so that no power overflows.
    scale = lax.stop_gradient(jnp.where((farthest > 0) & jnp.isfinite(farthest), farthest, 1.0))
    finite_order = jnp.where(jnp.isinf(order), 1.0, order)
    moved = jnp.where(mass > 0, mass * power(distance / scale, finite_order), 0.0)
    mean = scale * power(jnp.sum(moved), 1 / finite_order)
    value = jnp.where(jnp.isinf(order), farthest, mean)
    result: Array = unless_nan(jnp.where(order >= 1, value, jnp.nan), x, y)
    return result


@compiled()
def traced_square(x: Samples, y: Samples) -> Float[Array, ""]:
    """∫ (F - G)² dx of samples in any order."""
    gap, width = _traced_steps(x, y)
    value: Array = unless_nan(jnp.sum(gap**2 * width), x, y)
    return value


@compiled()
def traced_largest(x: Samples, y: Samples) -> Float[Array, ""]:
    """The largest |F - G| of samples in any order."""
    gap, width = _traced_steps(x, y)
    value: Array = unless_nan(jnp.max(jnp.where(width > 0, jnp.abs(gap), 0.0)), x, y)
    return value


def _traced_steps(x: Samples, y: Samples) -> tuple[Float[Array, " steps"], Float[Array, " steps"]]:
    """F - G from each place of the merged samples to the next, and how far that is."""
    both = jnp.concatenate([x.values, y.values])
    order = jnp.argsort(both)
    n, m = x.values.shape[0], y.values.shape[0]
    if x.weights is None and y.weights is None:
        of_x = jnp.cumsum(order < n)[:-1]
        of_y = jnp.arange(1, n + m) - of_x
        # Whole numbers cancel exactly. The difference of two quotients would not, because a
        # compiler may round only one of them.
        common = math.lcm(n, m)
        if common < 2**31:
            gap = (of_x * (common // n) - of_y * (common // m)) / common
        else:
            gap = of_x / n - of_y / m
        gap = gap.astype(both.dtype)
    else:
        masses = [jnp.full(n, 1 / n) if x.weights is None else x.weights]
        masses.append(-jnp.full(m, 1 / m) if y.weights is None else -y.weights)
        gap = jnp.cumsum(jnp.concatenate(masses).astype(both.dtype)[order])[:-1]
    return gap, jnp.diff(both[order])
