"""Maximum mean discrepancy under a Gaussian kernel, in units of its bandwidth.

MMD² = ∫∫ (p - q)(x) k(x - y) (p - q)(y) dx dy. As p - q integrates to 0, k - 1 serves as well as
k, and where the kernel is nearly flat it loses no digits.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Float

from divlab.divergences.integrals import cumulative as lines
from divlab.divergences.integrals import polynomials
from divlab.divergences.integrals.arrays import (
    Array,
    compiled_if_traced,
    fixed,
    is_known,
    namespace,
    on_host,
)
from divlab.divergences.integrals.cumulative import Cumulative, Line
from divlab.divergences.integrals.outlines import support_ends
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.integrals.refinement import NODES

# A kernel is 0 to 64 bits beyond this many bandwidths, and its transform beyond as many in 1/x.
_REACH = 9.0
# In bandwidths, where a panel under a kernel ends.
_STEPS = np.array([-9.0, -6.0, -4.0, -2.5, -1.2, 0.0, 1.2, 2.5, 4.0, 6.0, 9.0])
_ROWS = 128
_POINTS = 64  # at a time whose kernels are integrated; each cuts the line anew


def _kernel_less_1(difference: Array) -> Array:
    return namespace(difference).expm1(-0.5 * difference**2)


@compiled_if_traced()
def squared(p: Packed, q: Packed, bandwidth: Array) -> tuple[Array, ...]:
    """MMD² of two distributions, and the masses of P and Q that the nodes have seen."""
    line, masses = _line((p, q), bandwidth)
    excess = masses[0].density - masses[1].density
    rest = masses[0].rest - masses[1].rest
    of_both = lines.densities(p, q)

    def difference(y: Array) -> Array:
        of_p, of_q = of_both(y)
        return of_p - of_q

    value = _mean_of(_smooth(line, difference, rest, bandwidth), line, excess, rest)
    return _above_0(value, bandwidth), masses[0].total, masses[1].total


@compiled_if_traced()
def of_samples_and_distribution(values: Array, q: Packed, bandwidth: Array) -> tuple[Array, Array]:
    """MMD² of samples and a distribution, and the mass of Q that the nodes have seen."""
    xp, size = namespace(values), values.shape[0]
    line, (mass,) = _line((q,), bandwidth)
    of_q = lines.densities(q)
    smooth = _smooth(line, lambda y: of_q(y)[0], mass.rest, bandwidth)
    amid = fixed(xp.median(values))  # a far one would take digits from all others
    if on_host(values):
        cells, held = held_by_cells((values - amid) / bandwidth, np.full(size, 1 / size))
        places = amid + bandwidth * (cells[:, None] + PLACES)
        across = np.sum(held * smooth(places.ravel()).reshape(held.shape))
        own: Array = pairs_of_cells(cells, held)
    else:
        across = xp.mean(smooth(values))
        weights = jnp.full(size, 1 / size, values.dtype)
        own = _traced_pairs((values - amid) / bandwidth, weights)
    value = own - 2 * across + _mean_of(smooth, line, mass.density, mass.rest)
    return _above_0(value, bandwidth), mass.total


def _line(distributions: tuple[Packed, ...], bandwidth: Array) -> tuple[Line, list[Cumulative]]:
    """The line of some distributions and the masses on it.

    Near a jump of a density, what the kernel makes of it changes over a bandwidth.
    """
    ends: Array = support_ends(*(d.distribution for d in distributions))
    if is_known(ends, bandwidth):
        ends = np.asarray(ends, float)
    cuts = fixed((ends[:, None] + _around(bandwidth)).ravel())
    line = lines.draw_line(*distributions, cuts=cuts)
    return line, lines.masses(line, *distributions)


def _around(bandwidth: Array) -> Array:
    return bandwidth * namespace(bandwidth).asarray(_STEPS, dtype=bandwidth.dtype)


def _smooth(
    line: Line, density: Callable[[Array], Array], rest: Array, bandwidth: Array
) -> Callable[[Array], Array]:
    """X -> ∫ density(y) (k((x - y) / bandwidth) - 1) dy, for points x in a row."""
    xp = namespace(line.x)

    def some(x: Array) -> Array:
        pieces, _ = lines.split(line, fixed(x[:, None] + _around(bandwidth)))
        y, slope = lines.locate(line, pieces, xp.asarray(NODES, dtype=x.dtype))
        kernel = _kernel_less_1((x[:, None, None] - y) / bandwidth)
        beyond = rest * _kernel_less_1((x[:, None] - line.outer) / bandwidth)
        return polynomials.total(density(y) * slope * kernel).sum(axis=-1) + beyond.sum(axis=-1)

    return lambda x: lines.in_chunks(some, x, size=_POINTS)


def _mean_of(smooth: Callable[[Array], Array], line: Line, density: Array, rest: Array) -> Array:
    """∫ density · smooth dx; what lies beyond the pieces counts where they begin."""
    points = namespace(line.x).concatenate([line.x, line.outer[:, None]], axis=1)
    smoothed = smooth(points.ravel()).reshape(points.shape)
    return polynomials.total(density * smoothed[:, :-1]).sum() + (rest * smoothed[:, -1]).sum()


def _above_0(value: Array, bandwidth: Array) -> Array:
    xp = namespace(value)
    return xp.where(bandwidth > 0, xp.maximum(value, 0.0), np.nan)


def traced_squared(
    x: Float[jax.Array, " n"], y: Float[jax.Array, " m"], bandwidth: jax.Array
) -> Float[jax.Array, ""]:
    """MMD² of two samples, every pair of them looked at."""
    n, m = x.shape[0], y.shape[0]
    # Differences come first: units of the bandwidth would round samples far from 0 apart. They
    # are those from amid the points: one that is far away would take digits from all others.
    both = jnp.concatenate([x, y])
    weights = jnp.concatenate([jnp.full(n, 1 / n), jnp.full(m, -1 / m)]).astype(both.dtype)
    return jnp.maximum(_traced_pairs((both - fixed(jnp.median(both))) / bandwidth, weights), 0.0)


def _traced_pairs(points: jax.Array, weights: jax.Array) -> jax.Array:
    def row(point: jax.Array) -> jax.Array:
        return jnp.sum(weights * _kernel_less_1(point - points))

    return jnp.sum(weights * lax.map(jax.checkpoint(row), points, batch_size=_ROWS))


def known_squared(
    x: Float[np.ndarray, " n"], y: Float[np.ndarray, " m"], bandwidth: float
) -> float:
    """MMD² of two samples whose values are known, with 64 bits, in a time that grows like a sort.

    Over a cell of one bandwidth the kernel is the polynomial through `_PLACES` points in each of
    its arguments, to 64 bits. So what a cell holds counts as that many weighted points, and only
    cells within `_REACH` of each other matter (Fong & Darve 2009).
    """
    both = np.concatenate([x, y]).astype(np.float64)
    weights = np.concatenate([np.full(x.size, 1 / x.size), np.full(y.size, -1 / y.size)])
    halves = both / 2  # whose differences do not overflow
    cells, held = held_by_cells((halves - np.median(halves)) / (bandwidth / 2), weights)
    return max(pairs_of_cells(cells, held), 0.0)


def held_by_cells(
    points: Float[np.ndarray, " n"], weights: Float[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, " cells"], Float[np.ndarray, "cells places"]]:
    """The cells of width 1 that hold points, from left to right, and the weights at their places.

    A cell is named by its left edge, a whole number.
    """
    order = np.argsort(points)
    points, weights = points[order], weights[order]
    cell = np.floor(points)
    first = np.flatnonzero(np.diff(cell, prepend=-np.inf))
    held = np.empty((first.size, PLACES.size))
    inside = points - cell
    for place in range(PLACES.size):
        others = np.delete(PLACES, place)
        share = weights.copy()
        for other in others:
            share *= (inside - other) / (PLACES[place] - other)
        held[:, place] = np.add.reduceat(share, first)
    return cell[first], held


def pairs_of_cells(
    cells: Float[np.ndarray, " cells"], held: Float[np.ndarray, "cells places"]
) -> float:
    """The sum over all pairs of points of their weights times the kernel less 1."""
    # Where some are far apart the kernel is summed, since it is 0 for these.
    is_near = cells[-1] - cells[0] <= _REACH
    of_difference = _kernel_less_1 if is_near else (lambda d: np.exp(-0.5 * d**2))
    apart = PLACES[:, None] - PLACES
    total = float(np.sum(held @ of_difference(apart) * held))
    for steps in range(1, int(_REACH) + 2):
        at = np.searchsorted(cells, cells + steps)
        at[at == cells.size] = 0
        pairs = cells[at] == cells + steps
        there = held[at[pairs]]
        total += 2 * float(np.sum(held[pairs] @ of_difference(apart - steps) * there))
    return total if is_near else total - float(held.sum()) ** 2


# In a cell of width 1, where the kernel is looked at: as many as give it to 64 bits.
PLACES = (1 - np.cos(np.pi * (np.arange(14) + 0.5) / 14)) / 2
