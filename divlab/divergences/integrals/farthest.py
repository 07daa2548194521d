"""W_inf: the farthest distance that any mass is moved, and how it changes."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

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
    precision,
    set_rows,
)
from divlab.divergences.integrals.cumulative import Cumulative, Line
from divlab.divergences.integrals.densities import components, support_bounds
from divlab.divergences.integrals.derivatives import differentiable_once
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.integrals.quantiles import quantile
from divlab.divergences.integrals.refinement import KRONROD, NODES
from divlab.divergences.integrals.weighing import Weights

_ZOOMS = 8  # each leaves a fifth of the way, and of what a maximum is missed by a twentieth
_MOST = 16  # pieces that are looked at, if their shape is fixed
_MARGIN = 1e-7  # of a piece, at least, which is left out at either edge
_NEAR, _FAR = 6, 8  # two nodes amid a piece


class _Place(NamedTuple):
    """A place on a line: x, its piece, and the share of the way along that from left to right."""

    x: Array
    piece: Array
    share: Array


class _Pairs(NamedTuple):
    """Places of P and of Q with equally much mass to their left.

    `per_mass` is how much x - y grows with G(y) - F(x), where x is P's place and y is Q's: 1 over
    the density at the one that is found by its mass, and 0 at the ends of both supports.
    """

    of_p: _Place
    of_q: _Place
    per_mass: Array

    @property
    def way(self) -> Array:
        """How far P's place is to the right of Q's."""
        return self.of_p.x - self.of_q.x


class _Plan(NamedTuple):
    """P and Q on a line, and the pair of places that are farthest apart."""

    line: Line
    masses: list[Cumulative]
    shares: Array  # (2, pieces) what lies beyond over the density at the first point of a limit
    pair: _Pairs


def _plan(p: Packed, q: Packed) -> _Plan:
    line = lines.draw_line(p, q)
    values, rest, shares = lines.evaluate(line, lines.densities(p, q))
    of_p, of_q = masses = lines.accumulate(line, values, rest)
    xp = namespace(line.x)
    from_p, from_q = _of_pieces(line, of_p, of_q), _of_pieces(line, of_q, of_p)
    from_q = from_q._replace(of_p=from_q.of_q, of_q=from_q.of_p)
    at_ends = _Pairs(_ends(line, of_p, p), _ends(line, of_q, q), xp.zeros(2, line.x.dtype))
    pairs = jax.tree.map(lambda *parts: xp.concatenate(parts), from_p, from_q, at_ends)
    best = xp.argmax(xp.abs(pairs.way))
    return _Plan(line, masses, shares, jax.tree.map(lambda a: a[best], pairs))


def _of_pieces(line: Line, source: Cumulative, target: Cumulative) -> _Pairs:
    """The places on some pieces that are moved farthest, and where to: one of them is the farthest.

    Of the 15 nodes of a stretch the best is taken, and its two neighbours are the next stretch. It
    ends where p(x) = q(T(x)), or at an edge of the piece, where one of both may jump over a gap of
    its support. Next to an edge, rounding would decide on which side of the gap x is moved to.
    """
    xp, nodes = namespace(line.x), namespace(line.x).asarray(NODES, dtype=line.x.dtype)
    rising = polynomials.integral_series(source.density)

    def moved(pieces: Array, share: Array) -> tuple[Array, tuple[Array, Array, Array]]:
        mass = polynomials.sum_series(rising[pieces][:, None], share)
        cdf = source.below[pieces, None] + mass
        survival = source.above[pieces, None] + (source.mass[pieces, None] - mass)
        x = lines.at_share(line, pieces[:, None], share)
        return x, quantile(target, line, cdf, survival)

    def points(stretch: tuple[Array, Array]) -> Array:
        low, high = stretch
        return xp.concatenate([low, low + (high - low) * nodes, high], axis=1)

    def zoom(pieces: Array, stretch: tuple[Array, Array]) -> tuple[Array, Array]:
        shares = points(stretch)
        x, (to, *_) = moved(pieces, shares[:, 1:-1])
        best = xp.argmax(xp.abs(x - to), axis=1)[:, None]
        low, high = (xp.take_along_axis(shares, best + n, axis=1) for n in (0, 2))
        return low, high

    every, has_mass = np.arange(line.x.shape[0]), source.mass > 0
    margin = 8 * float(np.finfo(precision()).eps) / xp.where(has_mass, source.mass, 1.0)
    margin = xp.clip(margin, _MARGIN, 0.5)[:, None]
    # Between two points x and T(x) both rise, so that they come no farther apart than this.
    x, (to, *_) = moved(every, points((margin, 1 - margin)))
    most = xp.maximum(x[:, 1:] - to[:, :-1], to[:, 1:] - x[:, :-1]).max(axis=1)
    most = xp.where(has_mass, most, -np.inf)
    if on_host(most):
        pieces: Array = np.flatnonzero(most >= xp.abs(x - to)[has_mass].max())
        stretch = margin[pieces], 1 - margin[pieces]
        for _ in range(_ZOOMS):
            stretch = zoom(pieces, stretch)
    else:
        pieces = lax.top_k(most, min(_MOST, every.size))[1]
        stretch = margin[pieces], 1 - margin[pieces]
        stretch = lax.fori_loop(0, _ZOOMS, lambda _, found: zoom(pieces, found), stretch)
    share = (stretch[0] + stretch[1]) / 2
    x, found = moved(pieces, share)
    x, share, to, piece, to_share = (a[:, 0] for a in (x, share, *found))
    density = polynomials.value_at(target.density[piece], to_share)
    slope = polynomials.value_at(line.slope[piece], to_share)
    per_mass = xp.where(density > 0, slope / xp.where(density > 0, density, 1.0), 0.0)
    to = xp.where(has_mass[pieces], to, x)  # a place without mass is not moved
    return _Pairs(_Place(x, pieces, share), _Place(to, piece, to_share), per_mass)


def _ends(line: Line, masses: Cumulative, distribution: Packed) -> _Place:
    """Both ends of the support, and the outermost pieces that have mass."""
    xp = namespace(line.x)
    pieces = [way[xp.argmax(masses.mass[way] > 0)] for way in (line.order, line.order[::-1])]
    shares = xp.asarray(np.array([0.0, 1.0]), dtype=line.x.dtype)
    return _Place(xp.stack(fixed(hull(distribution, xp))), xp.stack(pieces), shares)


def hull(p: Packed, xp: Any = np) -> tuple[Array, Array]:
    """The ends of the support as arrays, infinite ones included."""
    bounds = [support_bounds(part) for part in components(p.distribution)]
    lows, highs = (
        xp.stack([xp.asarray(b, dtype=float) for b in side]) for side in zip(*bounds, strict=True)
    )
    return xp.min(lows), xp.max(highs)


@compiled_if_traced()
def _of_plan(p: Packed, q: Packed) -> tuple[Array, ...]:
    return _values(_plan(p, q))


def _values(plan: _Plan) -> tuple[Array, ...]:
    of_p, of_q = plan.masses
    return namespace(plan.line.x).abs(plan.pair.way), of_p.total, of_q.total


def wasserstein_inf(p: Packed, q: Packed) -> tuple[Array, ...]:
    """The supremum of |F^-1 - G^-1| of two distributions with bounded supports.

    With it the masses of P and Q that the nodes have seen.
    """
    found: tuple[Array, ...] = (_of_plan if is_known(p, q) else _differentiable)(p, q)
    return found


@jax.custom_jvp
def _differentiable(p: Packed, q: Packed) -> tuple[Array, ...]:
    found: tuple[Array, ...] = _of_plan(p, q)
    return found


@_differentiable.defjvp
def _differentiable_jvp(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
    if is_known(primals):
        with integrating_on_host():
            plan = _plan(*primals)
            weights = _weights(plan)
        found = [jnp.asarray(value, float) for value in _values(plan)]
        change = weighing.change_on_host(plan.line, weights, primals, tangents)
    else:
        *found, change = _traced_change(differentiable_once(primals), tangents)
    return tuple(found), (change, *(jnp.zeros_like(mass) for mass in found[1:]))


@compiled()
def _traced_change(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Array, ...]:
    plan = fixed(_plan(*fixed(primals)))
    (change,) = weighing.traced_changes(plan.line, [_weights(plan)], primals, tangents)
    return *_values(plan), change


def _weights(plan: _Plan) -> list[Weights]:
    """What p and q are weighed by: x - y changes by dx - dy - (dF(x) - dG(y)) per_mass.

    F(x) and G(y) are the masses to the left of the two places. At a maximum inside p = q, and it
    does not matter which of both is found by its mass.
    """
    xp, pair = namespace(plan.line.x), plan.pair
    sign = xp.sign(pair.way)
    places = zip(plan.masses, plan.shares, (pair.of_p, pair.of_q), (sign, -sign), strict=True)
    return [_weights_of(plan.line, *of_one, pair.per_mass) for of_one in places]


def _weights_of(
    line: Line, masses: Cumulative, shares: Array, place: _Place, sign: Array, per_mass: Array
) -> Weights:
    xp, piece = namespace(line.x), place.piece
    rank = xp.argsort(line.order)
    before, until = rank < rank[piece], rank <= rank[piece]
    _, rule = polynomials.rule_from(place.share[None])
    is_left = before[:, None] * xp.ones_like(line.x)
    is_left = set_rows(is_left, piece, 1 - rule[0].sum(axis=0))
    at_outer = xp.where(line.ascending, until, before) * shares
    # Nodes move along a line with the ends of their panel, so two of them say how a place moves.
    x, mass = line.x[piece], masses.density[piece] * xp.asarray(KRONROD, dtype=line.x.dtype)
    along = (place.x - x[_NEAR]) / (x[_FAR] - x[_NEAR])
    nodes = np.arange(15)
    moves = xp.where(nodes == _NEAR, 1 - along, xp.where(nodes == _FAR, along, 0.0))
    moves = xp.where(mass > 0, moves / xp.where(mass > 0, mass, 1.0), 0.0)
    slope = set_rows(xp.zeros_like(line.x), piece, sign * moves)
    weight = -sign * per_mass
    return Weights(weight * is_left, slope, weight * at_outer[line.touching])
