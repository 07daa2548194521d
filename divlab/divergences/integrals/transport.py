"""Wasserstein distances of distributions, and of samples to a distribution.

In one dimension the best way to move P to Q keeps the order of the points, so that
W_p^p = ∫ |F^-1(u) - G^-1(u)|^p du (Villani 2003, section 2.2). At order 1 two distributions have
∫ |F - G| dx, which `cdf_distances` computes.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from divlab.divergences.integrals import cumulative as lines
from divlab.divergences.integrals import polynomials
from divlab.divergences.integrals.arrays import (
    Array,
    compiled,
    compiled_if_traced,
    fixed,
    has_32_bits,
    integrating_on_host,
    is_known,
    namespace,
    on_host,
    power,
    precision,
)
from divlab.divergences.integrals.cumulative import Cumulative, Line
from divlab.divergences.integrals.densities import components, support_bounds
from divlab.divergences.integrals.derivatives import (
    WeightedSums,
    change_by_potentials,
    differentiable_once,
    weighted_sums,
)
from divlab.divergences.integrals.outlines import reaches
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.integrals.panels import own_ends
from divlab.divergences.integrals.refinement import (
    KRONROD,
    NODES,
    Pieces,
    limits,
    remainder_share,
)
from divlab.divergences.integrals.roots import root

_TURNS = 4  # how often at most the line is cut where P is not moved, if its shape is fixed
_RUNGS = np.array([-1, -1 / 8, -1 / 64, 0, 1 / 64, 1 / 8, 1])


def _quantile(
    g: Cumulative, line: Line, cdf: Array, survival: Array, *, q: Packed | None = None
) -> Array:
    """The x with so much mass to its left and right; traced, with a gradient if `q` is given."""
    xp = namespace(line.x)
    held, held_cdf, held_survival = fixed((g, cdf, survival))
    from_left = held_cdf < held_survival
    order, rightwards = line.order, line.order[::-1]
    by_left = xp.searchsorted(held.below[order], held_cdf, side="right") - 1
    by_right = xp.searchsorted(held.above[rightwards], held_survival, side="right") - 1
    by_left, by_right = (xp.clip(found, 0, None) for found in (by_left, by_right))
    index = xp.where(from_left, order[by_left], rightwards[by_right])

    def excess(g: Cumulative, s: Array, cdf: Array, survival: Array) -> Array:
        rising = polynomials.sum_series(polynomials.integral_series(g.density)[index], s)
        above = g.above[index] + g.mass[index] - rising
        return xp.where(from_left, g.below[index] + rising - cdf, survival - above)

    s = root(lambda s: excess(held, s, held_cdf, held_survival), held_cdf)
    x = lines.at_share(line, index, s)
    if xp is np or q is None:
        return x
    # One Newton step carries the gradient of the level: dx = (dF - dG) / g.
    there = fixed(lines.densities(q)(x)[0])
    off = excess(g, s, cdf, survival)
    off = off - fixed(off)
    return x - xp.where(there > 0, off / xp.where(there > 0, there, 1.0), 0.0)


def _transport(source: Cumulative, target: Cumulative, line: Line) -> Array:
    """T(x) = G^-1(F(x)) at the nodes, without a gradient."""
    return _quantile(target, line, source.cdf, source.survival)


class _Plan(NamedTuple):
    """How P is moved to Q: at the nodes of a line, T of P to Q and its inverse of Q to P.

    `known` and `known_back` say where these are resolved, `is_endless` whether mass must come from
    infinity.
    """

    line: Line
    source: Cumulative
    target: Cumulative
    moved: Array
    back: Array
    known: Array
    known_back: Array
    is_endless: Array


def _plan(p: Packed, q: Packed, order: Array) -> _Plan:
    coarse = lines.draw_line(p, q, order=fixed(order))
    xp = namespace(coarse.x)
    # T bends where x arrives at an edge of a piece of Q; the line is cut there as well.
    target, source = lines.masses(coarse, p, q)
    back = _transport(source, target, coarse)
    known = _resolved(coarse, source, target)
    turns = _turns(coarse, xp.where(known, coarse.x - back, 0.0))
    bends = xp.where(known, back, coarse.panels.anchor[0])[:, ::7].ravel()
    line = lines.draw_line(p, q, cuts=fixed(xp.concatenate([bends, turns])), order=fixed(order))
    source, target = lines.masses(line, p, q)
    moved, back = _transport(source, target, line), _transport(target, source, line)
    known, known_back = _resolved(line, source, target), _resolved(line, target, source)
    is_endless = fixed(_is_endless(line, p, q, order))
    return _Plan(line, source, target, moved, back, known, known_back, is_endless)


def _turns(line: Line, way: Array) -> Array:
    """Where x = T(x), and places ever nearer to it, from `way`, x - T(x) at the nodes.

    There the cost |x - T(x)|^order and its slope have a kink, or a root of x.
    """
    xp = namespace(way)
    x, way = line.x[line.order].ravel(), way[line.order].ravel()
    gap = x[1:] - x[:-1]
    least = np.finfo(precision()).eps ** 0.5 * gap  # less is no more than rounding
    turns = (way[:-1] * way[1:] < 0) & (xp.minimum(xp.abs(way[:-1]), xp.abs(way[1:])) > least)
    found = np.flatnonzero(turns) if on_host(turns) else xp.argsort(~turns)[:_TURNS]
    before, after = way[found], way[found + 1]
    crossing = x[found] + gap[found] * before / (before - after)
    rungs = crossing + gap[found] * xp.asarray(_RUNGS, dtype=x.dtype)[:, None]
    return xp.where(turns[found], rungs, line.panels.anchor[0]).ravel()


def _is_endless(line: Line, p: Packed, q: Packed, order: Array) -> Array:
    """Whether in some tail the mean of |x|^order has no bound under one of P and Q alone.

    With no bound under either the quantiles of both may still be near each other.
    """
    xp, at = namespace(line.x), limits(line.panels)
    cost = power(xp.abs(at.x - line.middle), order)
    shares = (
        remainder_share(at, density.reshape(at.x.shape) * cost)
        for density in lines.densities(p, q)(at.x.ravel())
    )
    of_p, of_q = (xp.isinf(share) for share in shares)
    return xp.any(of_p != of_q)


@compiled_if_traced()
def _of_plan(p: Packed, q: Packed, order: Array) -> tuple[Array, ...]:
    plan = _plan(p, q, order)
    return _root(_cost(plan, order), order), plan.source.total, plan.target.total


def _cost(plan: _Plan, order: Array) -> Array:
    """∫ p(x) |x - T(x)|^order dx.

    Where T is not known it does not matter either, unless a tail is so heavy that even so little
    mass far out weighs: then the answer is NaN.
    """
    line, density, xp = plan.line, plan.source.density, namespace(plan.line.x)
    eps = 2.0**-23 if has_32_bits() else 2.0**-52
    distance = xp.abs(line.x - plan.moved)
    cost = polynomials.total(xp.where(plan.known, density * power(distance, order), 0.0)).sum()
    ignored = xp.where(plan.known, 0.0, density * power(xp.abs(line.x), order))
    heavy = polynomials.total(ignored).sum() > eps**0.5 * (cost + eps**0.5)
    return xp.where(plan.is_endless, np.inf, xp.where(heavy, np.nan, cost))


def wasserstein_p(p: Packed, q: Packed, order: Array) -> tuple[Array, ...]:
    """W_order, and the masses of P and Q that the nodes have seen.

    Whichever reaches to more infinities is moved: its nodes are where the mass that goes far is.
    """
    of_p, of_q = (sum(reaches(packed.distribution)) for packed in (p, q))
    step = 1 if of_p >= of_q else -1
    value, *masses = _of_moved(*(p, q)[::step], order)
    return value, *masses[::step]


@jax.custom_jvp
def _of_moved(p: Packed, q: Packed, order: Array) -> tuple[Array, ...]:
    """(∫ p(x) |x - T(x)|^order dx)^(1/order), T the map that keeps the order of points.

    With it the masses of P and Q that the nodes have seen. The derivative of its power is that of
    ∫ φ dp + ∫ ψ dq with the potentials of Kantorovich, whose slopes are order |x - T(x)|^(order-1)
    away from T(x), and the same of the way back (Villani 2003, section 2.1).
    """
    found: tuple[Array, ...] = _of_plan(p, q, order)
    return found


@_of_moved.defjvp
def _of_moved_jvp(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
    if is_known(primals):
        with integrating_on_host():
            p, q, order = primals[0], primals[1], np.asarray(primals[2], float)
            plan = _plan(p, q, order)
            values = _root(_cost(plan, order), order), plan.source.total, plan.target.total
            rows, by_order = _slopes(plan, order)
            sums = _sums(plan, rows, own_ends(p, q))
        found = [jnp.asarray(value, float) for value in values]
        change = change_by_potentials(primals[:2], tangents[:2], sums)
        change += jnp.asarray(by_order, float) * tangents[2]
    else:
        *found, change = _traced_change(differentiable_once(primals), tangents)
    return tuple(found), (change, *(jnp.zeros_like(mass) for mass in found[1:]))


def _slopes(plan: _Plan, order: Array) -> tuple[tuple[Array, ...], Array]:
    """The potentials of P and of Q at the nodes, their slopes, and the slope in the order."""
    xp, x = namespace(plan.line.x), plan.line.x
    cost = _cost(plan, order)
    some = cost > 0
    outer = xp.where(some, _root(cost, order) / (order * xp.where(some, cost, 1.0)), 0 * cost)

    def slope(moved: Array, known: Array) -> Array:
        way = xp.where(known, x - moved, 0.0)
        return outer * order * xp.sign(way) * power(xp.abs(way), order - 1)

    slopes = slope(plan.moved, plan.known), slope(plan.back, plan.known_back)
    potentials = tuple(lines.antiderivative(plan.line, of_one) for of_one in slopes)
    distance = xp.where(plan.known, xp.abs(x - plan.moved), 0.0)
    logs = xp.log(xp.where(distance > 0, distance, 1.0))
    mean_log = polynomials.total(plan.source.density * power(distance, order) * logs).sum()
    by_order = outer * (
        mean_log - xp.where(some, cost * xp.log(xp.where(some, cost, 1.0)), 0.0) / order
    )
    return (*potentials, *slopes), by_order


def _sums(plan: _Plan, rows: tuple[Array, ...], own: Array) -> WeightedSums:
    line, at = plan.line, limits(plan.line.panels)
    none = np.zeros(2 * at.x.shape[0])
    mass = KRONROD * line.slope
    weights, rises = (
        np.stack([np.concatenate([(mass * row).ravel(), none]) for row in pair])
        for pair in (rows[:2], rows[2:])
    )
    return weighted_sums(line.panels, line.pieces, line.x, at, weights, rises, own=own)


@compiled()
def _traced_change(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Array, ...]:
    p, q, order = lax.stop_gradient(primals)
    plan = lax.stop_gradient(_plan(p, q, order))
    value = _root(_cost(plan, order), order)
    rows, by_order = _slopes(plan, order)

    def action(*distributions: Packed) -> Array:
        total = jnp.zeros(())
        for index, (potential, rise) in enumerate(zip(rows[:2], rows[2:], strict=True)):
            x, mass, _ = lines.moved(plan.line, distributions, index)
            (density,) = lines.densities(distributions[index])(x)
            total += jnp.sum(mass * density * (potential + rise * (x - fixed(x))))
        return total

    change = jax.jvp(action, (p, q), tangents[:2])[1] + by_order * tangents[2]
    return value, plan.source.total, plan.target.total, change


def _resolved(line: Line, source: Cumulative, target: Cumulative) -> Array:
    """Where more mass is left to either side than what pieces there leave out.

    Of the target only tails count: what its pieces leave out next to an end is moved to that end.
    """
    xp, ascending, rest = namespace(source.mass), line.ascending, source.rest
    in_tails = xp.where(line.is_tail, target.rest, 0.0)
    ways = line.order, line.order[::-1]
    below, above = (lines.sums_before(rest[None], order)[0] for order in ways)
    below = below + xp.where(ascending, rest, 0.0) + xp.max(xp.where(ascending, in_tails, 0.0))
    above = above + xp.where(ascending, 0.0, rest) + xp.max(xp.where(ascending, 0.0, in_tails))
    tiny = 64 * float(np.finfo(precision()).tiny)
    is_below = source.cdf > 4 * below[:, None] + tiny
    return fixed(is_below & (source.survival > 4 * above[:, None] + tiny))


def wasserstein_inf(p: Packed, q: Packed) -> Array:
    """The supremum of |F^-1 - G^-1| of two distributions with bounded supports."""
    line = lines.draw_line(p, q)
    xp = namespace(line.x)
    source, target = lines.masses(line, p, q)
    moved = _quantile(target, line, source.cdf, source.survival, q=q)
    distance = xp.abs(line.x - moved)
    at_ends = [xp.abs(a - b) for a, b in zip(hull(p, xp), hull(q, xp), strict=True)]
    inside = xp.max(xp.where(source.density > 0, distance, 0.0))
    # Next to the edges of pieces, where one of the two may jump over a gap of its support.
    rising, every = polynomials.integral_series(source.density), xp.arange(line.x.shape[0])
    for share in (1e-7, 1 - 1e-7):
        s = xp.full(every.shape, share, line.x.dtype)
        mass = polynomials.sum_series(rising, s)
        cdf, survival = source.below + mass, source.above + source.mass - mass
        moved = xp.abs(lines.at_share(line, every, s) - _quantile(target, line, cdf, survival, q=q))
        matters = source.mass > 1e-9
        inside = xp.maximum(inside, xp.max(xp.where(matters, moved, 0.0)))
    return xp.maximum(inside, xp.maximum(*at_ends))


def hull(p: Packed, xp: Any = np) -> tuple[Array, Array]:
    """The ends of the support as arrays, infinite ones included."""
    bounds = [support_bounds(part) for part in components(p.distribution)]
    lows, highs = (
        xp.stack([xp.asarray(b, dtype=float) for b in side]) for side in zip(*bounds, strict=True)
    )
    return xp.min(lows), xp.max(highs)


def samples_to_distribution(
    values: Array, levels: Array, q: Packed, order: Array
) -> tuple[Array, Array]:
    """W_order between sorted samples and a distribution: each x_i takes a slice of Q's mass.

    With it the mass of Q that the nodes have seen. Arguments as in `samples_square`.
    """
    line = lines.draw_line(q, order=fixed(order))
    xp, density = namespace(line.x), lines.densities(q)
    (g,) = lines.masses(line, q)
    levels = levels[:-1]

    def quantile(level: Array) -> Array:
        return _quantile(g, line, level, 1 - level, q=q)

    # The line is cut where Q has used up each slice, so that on a piece one sample is matched,
    # and at the samples, where the distance has a kink.
    cuts = lines.in_chunks(quantile, levels) if levels.shape[0] else levels
    kinks, held = fixed(values), fixed(cuts)
    pieces, _ = lines.split(line, xp.concatenate([cuts, kinks]))

    def matched(points: Array) -> Array:
        return values[xp.searchsorted(held, fixed(points))]

    def cost(pieces: Pieces) -> Array:
        t, slope = lines.locate(line, pieces, xp.asarray(NODES, dtype=line.x.dtype))
        moved = power(xp.abs(t - matched(t[:, 7:8])), order)
        return polynomials.total(density(t)[0] * moved * slope)

    inside = lines.in_chunks(cost, pieces).sum()
    rest = lines.remainders(line, lambda t: density(t)[0] * power(xp.abs(t - matched(t)), order))
    return _root(inside + rest.sum(), order), g.total


def _root(cost: Array, order: Array) -> Array:
    """cost^(1/order); NaN for a traced order that no integral gives."""
    xp = namespace(cost)
    return xp.where((order >= 1) & (order < np.inf), power(cost, 1 / order), np.nan)
