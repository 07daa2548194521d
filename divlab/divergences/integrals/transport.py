"""Wasserstein distances of two distributions.

In one dimension the best way to move P to Q keeps the order of the points, so that
W_p^p = ∫ |F^-1(u) - G^-1(u)|^p du (Villani 2003, section 2.2). At order 1 two distributions have
∫ |F - G| dx, which `cdf_distances` computes, and at order inf what `farthest` does.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from divlab.divergences.integrals import cumulative as lines
from divlab.divergences.integrals import weighing
from divlab.divergences.integrals.arrays import (
    Array,
    compiled,
    compiled_if_traced,
    fixed,
    integrating_on_host,
    is_known,
    matmul,
    namespace,
    on_host,
    power,
    precision,
)
from divlab.divergences.integrals.cumulative import Cumulative, Line
from divlab.divergences.integrals.derivatives import differentiable_once
from divlab.divergences.integrals.known import log_densities
from divlab.divergences.integrals.outlines import reaches
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.integrals.quantiles import quantile
from divlab.divergences.integrals.refinement import GAUSS, KRONROD
from divlab.divergences.integrals.transport_cuts import steps, turns
from divlab.divergences.integrals.weighing import Weights

_UNSURE = 1e-2  # the share of the cost that rounding and coarse pieces may leave open


class _Seen(NamedTuple):
    """P or Q on a line: its masses, and for each piece what lies beyond.

    `beyond` is what it costs to move that to the middle of the line, infinite where the moment is.
    `shares` is its mass over the density at the first point of the limit.
    """

    masses: Cumulative
    beyond: Array
    shares: Array

    def at_nodes(self, line: Line) -> Array:
        """The mass that each node stands for, with that between the outermost ones and an end."""
        return self.masses.density * namespace(line.x).asarray(KRONROD, dtype=line.x.dtype) + (
            _at_outer(line, self.masses.rest)
        )


def _at_outer(line: Line, of_pieces: Array) -> Array:
    """(pieces, 15) zeros, with the value of each piece at the node next to its panel's anchor."""
    xp, node = namespace(of_pieces), np.arange(15)
    return xp.where(node == xp.where(line.ascending, 0, 14)[:, None], of_pieces[:, None], 0.0)


class _Plan(NamedTuple):
    """How one of P and Q, the source, is moved to the other, the target: T at the nodes.

    `known` says where T is resolved.
    """

    line: Line
    source: _Seen
    target: _Seen
    moved: Array
    known: Array
    moves_p: Array  # whether P is the source


def _in_turn(is_first: Array, one: Any, other: Any) -> tuple[Any, Any]:
    """(one, other) where `is_first` holds, and else (other, one)."""
    if on_host(is_first):
        return (one, other) if is_first else (other, one)

    def chosen(a: Any, b: Any) -> Any:
        return jax.tree.map(lambda x, y: jnp.where(is_first, x, y), a, b)

    return chosen(one, other), chosen(other, one)


def _plan(p: Packed, q: Packed, order: Array) -> _Plan:
    """Whichever of P and Q reaches farther is moved: far out its nodes are close enough.

    If both reach about as far, it is the one with less mass that no node sees, next to its ends.
    """
    coarse = lines.draw_line(p, q, order=fixed(order))
    xp, seen = namespace(coarse.x), _look(coarse, p, q, order)
    (far_p, unseen_p), (far_q, unseen_q) = (_reach(coarse, of_one.masses) for of_one in seen)
    alike = xp.maximum(far_p, far_q) < 2 * xp.minimum(far_p, far_q)
    moves_p = xp.where(alike, unseen_p <= unseen_q, far_p > far_q)
    source, target = _in_turn(moves_p, *seen)
    # T bends where x arrives at an edge of a piece of the target; the line is cut there as well.
    back = _map(coarse, target, source)
    known = _resolved(coarse, target, source)
    way = xp.where(known, coarse.x - back, 0.0)
    crossings = turns(coarse, way, *(of_one.masses for of_one in seen))
    bends = xp.where(known, back, coarse.panels.anchor[0])[:, ::7].ravel()
    falls = [
        fall
        for of_one, packed in zip(seen, (p, q), strict=True)
        for fall in steps(coarse, of_one.masses, reaches(packed.distribution))
    ]
    cuts = xp.concatenate([bends, crossings, *falls])
    line = lines.draw_line(p, q, cuts=fixed(cuts), order=fixed(order))
    source, target = _in_turn(moves_p, *_look(line, p, q, order))
    known = _resolved(line, source, target)
    return _Plan(line, source, target, _map(line, source, target), known, moves_p)


def _look(line: Line, p: Packed, q: Packed, order: Array) -> list[_Seen]:
    logs = log_densities(p, q)

    def functions(x: Array) -> tuple[Array, ...]:
        found, xp = logs(x), namespace(x)
        nats = order * xp.log(xp.maximum(xp.abs(x - line.middle), np.finfo(x.dtype).tiny))
        most = np.log(np.finfo(x.dtype).max) / 2  # beyond it is endless, and stays a number
        costs = (xp.exp(xp.minimum(log + nats, most)) for log in found)
        return *(xp.exp(log) for log in found), *costs

    values, rest, shares = lines.evaluate(line, functions)
    masses = lines.accumulate(line, values[:2], rest[:2])
    return [_Seen(masses[i], rest[2 + i], shares[i]) for i in range(2)]


def _reach(line: Line, masses: Cumulative) -> tuple[Array, Array]:
    """How far from the middle nearly all mass goes, and how much of it is next to ends, unseen."""
    xp, least = namespace(line.x), np.finfo(precision()).eps ** 4
    some = (masses.cdf > least) & (masses.survival > least)
    far = xp.max(xp.where(some, xp.abs(line.x - line.middle), 0.0))
    return far, xp.where(line.is_tail, 0.0, masses.rest).sum()


def _costs(mass: Array, distance: Array, order: Array) -> Array:
    """Mass * distance^order, and 0 where there is no mass."""
    return namespace(mass).where(mass > 0, mass * power(distance, order), 0.0)


def _map(line: Line, source: _Seen, target: _Seen) -> Array:
    """T(x) = G^-1(F(x)) at the nodes."""
    return quantile(target.masses, line, source.masses.cdf, source.masses.survival)[0]


def _resolved(line: Line, source: _Seen, target: _Seen) -> Array:
    """Where more mass is left to either side than lies beyond the pieces of a tail.

    What lies between a piece and the end of a support is moved from there and to there. Beyond the
    first place, seen from the median, for which T is not known, it is known for none.
    """
    xp, (cdf, survival) = namespace(line.x), (source.masses.cdf, source.masses.survival)
    rest = xp.where(line.is_tail, source.masses.rest + target.masses.rest, 0.0)
    known = xp.ones_like(line.x, bool)
    sides = (cdf, survival, line.ascending, -line.x), (survival, cdf, ~line.ascending, line.x)
    for mass, other, is_here, place in sides:
        least = 4 * xp.where(is_here, rest, 0.0).sum() + 64 * np.finfo(precision()).tiny
        lost = xp.where((mass <= least) & (mass < other), place, np.inf)
        known &= place < xp.min(lost)
    return fixed(known)


@compiled_if_traced()
def _of_plan(p: Packed, q: Packed, order: Array) -> tuple[Array, ...]:
    plan = _plan(p, q, order)
    return _values(plan, _cost(plan, order), order)


def _values(plan: _Plan, cost: Array, order: Array) -> tuple[Array, ...]:
    totals = _in_turn(plan.moves_p, plan.source.masses.total, plan.target.masses.total)
    return distance_of(cost, order), *totals


def _cost(plan: _Plan, order: Array) -> Array:
    """∫ p(x) |x - T(x)|^order dx, if P is moved.

    It is infinite where the moment of P or that of Q is. Where both are, the quantiles may still be
    near each other. It is NaN where the nodes cannot tell: where mass of which T is not known may
    weigh, or distances are rounding, or pieces are too coarse.
    """
    line, known, source, xp = plan.line, plan.known, plan.source, namespace(plan.line.x)
    mass, distance = source.at_nodes(line), xp.where(known, xp.abs(line.x - plan.moved), 0.0)
    inside, eps = _costs(mass, distance, order), float(np.finfo(precision()).eps)
    rounding = _costs(mass, distance + 4 * eps * xp.abs(line.x), order) - inside
    unknown = _costs(xp.where(known, 0.0, mass), xp.abs(line.x - line.middle), order)
    values = _costs(source.masses.density, distance, order)
    coarse = xp.abs(matmul(values, KRONROD - GAUSS))
    (left, left_off), (right, right_off) = (_outside(plan, order, sign) for sign in (-1, 1))
    cost = inside.sum() + left + right
    # Of what is nearer than that to 0, no digit is known.
    least = eps**0.5 * power(_spread(plan), order)
    doubt = (xp.where(known, rounding, 0.0) + unknown).sum() + coarse.sum()
    is_told = doubt <= _UNSURE * (cost + least)
    is_told &= left_off + right_off <= eps**0.5 * (cost + least)
    is_endless = xp.any(xp.isinf(source.beyond) != xp.isinf(plan.target.beyond))
    return xp.where(is_endless, np.inf, xp.where(is_told, cost, np.nan))


def _outside(plan: _Plan, order: Array, sign: int) -> tuple[Array, Array]:
    """What the mass beyond the last place x costs for which T is known, and what that is off by.

    It is taken to go as far as x goes. By the triangle inequality (Minkowski's), the root of the
    cost is off by no more than that of moving it to x, and that of moving what of the target lies
    beyond T(x) to T(x).
    """
    line, xp = plan.line, namespace(plan.line.x)
    x, moved = sign * line.x, sign * plan.moved
    last, to = (xp.max(xp.where(plan.known, place, -np.inf)) for place in (x, moved))
    is_here = line.is_tail & (line.ascending if sign < 0 else ~line.ascending)
    # Next to the end of a support, mass stands at the last node itself.
    here = xp.where(x == last, _at_outer(line, plan.source.masses.rest), 0.0).sum()
    further = xp.where(x > last, plan.source.at_nodes(line), 0.0)

    def spread(mass: Array, place: Array, beyond: Array) -> Array:
        costs = _costs(mass, xp.maximum(x - place, 0.0), order).sum()
        return power(costs + xp.where(is_here, beyond, 0.0).sum(), 1 / order)

    off = spread(further, last, plan.source.beyond)
    off = off + spread(plan.target.at_nodes(line), to, plan.target.beyond)
    way, mass = xp.abs(last - to), further.sum()
    whole = power(way, order) * (mass + here)
    return power(way, order) * mass, power(power(whole, 1 / order) + off, order) - whole


def _spread(plan: _Plan) -> Array:
    """How far the eight middle tenths of the source reach."""
    xp, cdf, x = namespace(plan.line.x), plan.source.masses.cdf, plan.line.x
    is_amid = (cdf > 0.1) & (cdf < 0.9)
    high, low = (xp.max(xp.where(is_amid, place, -np.inf)) for place in (x, -x))
    return xp.maximum(high + low, 0.0)


def wasserstein_p(p: Packed, q: Packed, order: Array) -> tuple[Array, ...]:
    """W_order, and the masses of P and Q that the nodes have seen."""
    found: tuple[Array, ...] = (_of_plan if is_known(p, q, order) else _differentiable)(p, q, order)
    return found


@jax.custom_jvp
def _differentiable(p: Packed, q: Packed, order: Array) -> tuple[Array, ...]:
    """(∫ p(x) |x - T(x)|^order dx)^(1/order), T the map that keeps the order of points.

    The derivative of its power is that of ∫ φ dp + ∫ ψ dq with the potentials of Kantorovich, whose
    slopes are order |x - T(x)|^(order-1) away from T(x), and the same of the way back (Villani
    2003, section 2.1).
    """
    found: tuple[Array, ...] = _of_plan(p, q, order)
    return found


@_differentiable.defjvp
def _differentiable_jvp(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
    if is_known(primals):
        with integrating_on_host():
            p, q, order = primals[0], primals[1], np.asarray(primals[2], float)
            plan = _plan(p, q, order)
            cost = _cost(plan, order)
            values = _values(plan, cost, order)
            weights, by_order = _slopes(plan, cost, order)
        found = [jnp.asarray(value, float) for value in values]
        change = weighing.change_on_host(plan.line, weights, primals[:2], tangents[:2])
        change += jnp.asarray(by_order, float) * tangents[2]
    else:
        *found, change = _traced_change(differentiable_once(primals), tangents)
    return tuple(found), (change, *(jnp.zeros_like(mass) for mass in found[1:]))


@compiled()
def _traced_change(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Array, ...]:
    p, q, order = fixed(primals)
    plan = fixed(_plan(p, q, order))
    cost = _cost(plan, order)
    weights, by_order = _slopes(plan, cost, order)
    (change,) = weighing.traced_changes(plan.line, [weights], primals[:2], tangents[:2])
    return *_values(plan, cost, order), change + by_order * tangents[2]


def _slopes(plan: _Plan, cost: Array, order: Array) -> tuple[tuple[Weights, Weights], Array]:
    """The potentials that P and Q are weighed by, and the slope in the order."""
    line, source, target = plan.line, plan.source, plan.target
    xp, x, some = namespace(line.x), line.x, cost > 0
    outer = xp.where(some, distance_of(cost, order) / (order * xp.where(some, cost, 1.0)), 0 * cost)

    def weights(seen: _Seen, moved: Array, known: Array) -> Weights:
        way = xp.where(known, x - moved, 0.0)
        slope = outer * order * xp.sign(way) * power(xp.abs(way), order - 1)
        potential = lines.antiderivative(line, slope)
        at_outer = xp.where(line.ascending, potential[:, 0], potential[:, -1])
        shares = xp.where(line.is_tail, 0.0, seen.shares)
        return Weights(potential, slope, (at_outer * shares)[line.touching])

    of_source = weights(source, plan.moved, plan.known)
    of_target = weights(target, _map(line, target, source), _resolved(line, target, source))
    distance = xp.where(plan.known, xp.abs(x - plan.moved), 0.0)
    logs = xp.log(xp.where(distance > 0, distance, 1.0))
    mean_log = (_costs(source.at_nodes(line), distance, order) * logs).sum()
    by_order = outer * (
        mean_log - xp.where(some, cost * xp.log(xp.where(some, cost, 1.0)), 0.0) / order
    )
    return _in_turn(plan.moves_p, of_source, of_target), by_order


def distance_of(cost: Array, order: Array) -> Array:
    """cost^(1/order); NaN for a traced order that no integral gives."""
    xp = namespace(cost)
    return xp.where((order >= 1) & (order < np.inf), power(cost, 1 / order), np.nan)
