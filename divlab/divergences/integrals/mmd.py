"""Maximum mean discrepancy under a Gaussian kernel, in units of its bandwidth.

MMD² = ∫∫ (p - q)(x) k(x - y) (p - q)(y) dx dy. As p - q integrates to 0, k - 1 serves as well as
k, and where the kernel is nearly flat it loses no digits.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Float

from divlab.divergences.integrals import cumulative as lines
from divlab.divergences.integrals import polynomials, weighing
from divlab.divergences.integrals.arrays import (
    Array,
    compiled,
    compiled_if_traced,
    fixed,
    integrating_on_host,
    is_known,
    namespace,
    on_host,
)
from divlab.divergences.integrals.cumulative import Cumulative, Line
from divlab.divergences.integrals.derivatives import differentiable_once
from divlab.divergences.integrals.outlines import support_ends
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.integrals.refinement import NODES
from divlab.divergences.integrals.weighing import Weights

# A kernel is 0 to 64 bits beyond this many bandwidths, and its transform beyond as many in 1/x.
_REACH = 9.0
# In bandwidths, where a panel under a kernel ends.
_STEPS = np.array([-9.0, -6.0, -4.0, -2.5, -1.2, 0.0, 1.2, 2.5, 4.0, 6.0, 9.0])
_ROWS = 128
_POINTS = 64  # at a time whose kernels are integrated; each cuts the line anew


def _kernel_less_1(difference: Array) -> Array:
    return namespace(difference).expm1(-0.5 * difference**2)


class _Plan(NamedTuple):
    """P and Q on a line, with the witness function (Gretton et al. 2012, section 2.3).

    That is ∫ (p - q)(y) (k(x, y) - 1) dy, at the nodes and then where each piece begins. It comes
    alone, (pieces, 16, 1), or with its slopes in x and in the bandwidth, (pieces, 16, 3).
    """

    line: Line
    p: Cumulative
    q: Cumulative
    shares: Array  # (2, pieces) what lies beyond over the density at the first point of a limit
    witness: Array


def _plan(
    p: Packed, q: Packed, bandwidth: Array, kernels: Callable[[Array, Array], list[Array]]
) -> _Plan:
    line = _line((p, q), bandwidth)
    of_both = lines.densities(p, q)
    values, rest, shares = lines.evaluate(line, of_both)
    of_p, of_q = lines.accumulate(line, values, rest)

    def difference(y: Array) -> Array:
        at_p, at_q = of_both(y)
        return at_p - at_q

    smooth = _smooth(line, difference, rest[0] - rest[1], bandwidth, kernels)
    points = namespace(line.x).concatenate([line.x, line.outer[:, None]], axis=1)
    return _Plan(line, of_p, of_q, shares, smooth(points.ravel()).reshape(*points.shape, -1))


def _mean(plan: _Plan, which: int) -> Array:
    """∫ (p - q) times the witness, or one of its slopes."""
    function, of_p, of_q = plan.witness[..., which], plan.p, plan.q
    inside = polynomials.total((of_p.density - of_q.density) * function[:, :-1]).sum()
    return inside + ((of_p.rest - of_q.rest) * function[:, -1]).sum()


@compiled_if_traced()
def _squared(p: Packed, q: Packed, bandwidth: Array) -> tuple[Any, ...]:
    return _values(_plan(p, q, bandwidth, _alone), bandwidth)


def _values(plan: _Plan, bandwidth: Array) -> tuple[Array, ...]:
    return _above_0(_mean(plan, 0), bandwidth), plan.p.total, plan.q.total


def squared(p: Packed, q: Packed, bandwidth: Array) -> tuple[Array, ...]:
    """MMD² of two distributions, and the masses of P and Q that the nodes have seen."""
    known = is_known(p, q, bandwidth)
    found: tuple[Array, ...] = (_squared if known else _differentiable)(p, q, bandwidth)
    return found


@jax.custom_jvp
def _differentiable(p: Packed, q: Packed, bandwidth: Array) -> tuple[Array, ...]:
    found: tuple[Array, ...] = _squared(p, q, bandwidth)
    return found


@_differentiable.defjvp
def _differentiable_jvp(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
    """MMD² changes by twice the integral of the witness times the change of p - q."""
    if is_known(primals):
        with integrating_on_host():
            p, q, bandwidth = primals[0], primals[1], np.asarray(primals[2], float)
            plan = _plan(p, q, bandwidth, _with_slopes)
            values, by_bandwidth = _values(plan, bandwidth), _mean(plan, 2)
            weights = _weights(plan)
        found = [jnp.asarray(value, float) for value in values]
        change = weighing.change_on_host(plan.line, weights, primals[:2], tangents[:2])
        change += jnp.asarray(by_bandwidth, float) * tangents[2]
    else:
        *found, change = _traced_change(differentiable_once(primals), tangents)
    # The masses that the nodes have seen are a check, not a result, and have no gradient.
    return tuple(found), (change, *(jnp.zeros_like(mass) for mass in found[1:]))


def _weights(plan: _Plan) -> list[Weights]:
    """Twice the witness, which p is weighed by, and q with the other sign."""
    witness = 2 * plan.witness
    shares = namespace(witness).where(plan.shares < np.inf, plan.shares, 0.0)
    at_limits = (shares * witness[:, -1, 0])[:, plan.line.touching]
    inside = witness[:, :-1, 0], witness[:, :-1, 1]
    of_p, of_q = (Weights(*inside, of_one) for of_one in at_limits)
    return [of_p, of_q.opposite()]


@compiled()
def _traced_change(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Array, ...]:
    p, q, bandwidth = fixed(primals)
    plan = fixed(_plan(p, q, bandwidth, _with_slopes))
    (change,) = weighing.traced_changes(plan.line, [_weights(plan)], primals[:2], tangents[:2])
    return *_values(plan, bandwidth), change + _mean(plan, 2) * tangents[2]


@compiled_if_traced()
def of_samples_and_distribution(values: Array, q: Packed, bandwidth: Array) -> tuple[Array, Array]:
    """MMD² of samples and a distribution, and the mass of Q that the nodes have seen."""
    xp, size = namespace(values), values.shape[0]
    line = _line((q,), bandwidth)
    (mass,), of_q = lines.masses(line, q), lines.densities(q)
    witness = _smooth(line, lambda y: of_q(y)[0], mass.rest, bandwidth, _alone)

    def smooth(x: Array) -> Array:
        return witness(x)[:, 0]

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
    there = smooth(line.x.ravel()).reshape(line.x.shape)
    inside = polynomials.total(mass.density * there).sum()
    value = own - 2 * across + inside + (mass.rest * smooth(line.outer)).sum()
    return _above_0(value, bandwidth), mass.total


def _line(distributions: tuple[Packed, ...], bandwidth: Array) -> Line:
    """The line of some distributions, cut more finely around the ends of their supports.

    Near a jump of a density, what the kernel makes of it changes over a bandwidth.
    """
    ends: Array = support_ends(*(d.distribution for d in distributions))
    if is_known(ends, bandwidth):
        ends = np.asarray(ends, float)
    cuts = fixed((ends[:, None] + _around(bandwidth)).ravel())
    return lines.draw_line(*distributions, cuts=cuts)


def _around(bandwidth: Array) -> Array:
    return bandwidth * namespace(bandwidth).asarray(_STEPS, dtype=bandwidth.dtype)


def _smooth(
    line: Line,
    density: Callable[[Array], Array],
    rest: Array,
    bandwidth: Array,
    kernels: Callable[[Array, Array], list[Array]],
) -> Callable[[Array], Array]:
    """X -> ∫ density(y) kernel(x - y) dy of some kernels, (points, kernels) for points in a row."""
    xp = namespace(line.x)

    def some(x: Array) -> Array:
        pieces, _ = lines.split(line, fixed(x[:, None] + _around(bandwidth)))
        y, slope = lines.locate(line, pieces, xp.asarray(NODES, dtype=x.dtype))
        mass = density(y) * slope
        inside = kernels((x[:, None, None] - y) / bandwidth, bandwidth)
        beyond = kernels((x[:, None] - line.outer) / bandwidth, bandwidth)
        smoothed = [
            polynomials.total(mass * kernel).sum(axis=-1) + (rest * far).sum(axis=-1)
            for kernel, far in zip(inside, beyond, strict=True)
        ]
        return xp.stack(smoothed, axis=-1)

    return lambda x: lines.in_chunks(some, x, size=_POINTS)


def _alone(difference: Array, bandwidth: Array) -> list[Array]:
    return [_kernel_less_1(difference)]


def _with_slopes(difference: Array, bandwidth: Array) -> list[Array]:
    """The kernel less 1, and its slopes in x and in the bandwidth."""
    less_1 = _kernel_less_1(difference)
    per_width = (1 + less_1) * difference / bandwidth
    return [less_1, -per_width, per_width * difference]


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
