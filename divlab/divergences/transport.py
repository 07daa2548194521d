"""Wasserstein distances: from sorted samples, and from the CDFs of two distributions.

In one dimension the best way to move P to Q keeps the order of the points, so that
W_p^p = ∫ |F^-1(u) - G^-1(u)|^p du and W_1 = ∫ |F(x) - G(x)| dx (Villani 2003, section 2.2).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from numpy.polynomial import legendre
from numpyro.distributions import Distribution

from divlab.divergences import quadrature
from divlab.divergences.densities import log_density, support_bounds

# Polynomials on [0, 1] through the 15 nodes, as coefficients of Legendre polynomials P_k(2s - 1):
# the coefficients from the values, and the integrals from 0 to s of each P_k.
_COEFFICIENTS = np.linalg.inv(legendre.legvander(2 * quadrature.NODES - 1, 14))
_INTEGRALS = np.stack([legendre.legint(row, lbnd=-1) / 2 for row in np.eye(15)])  # (15, 16)
_TO_NODES = legendre.legvander(2 * quadrature.NODES - 1, 15) @ _INTEGRALS.T @ _COEFFICIENTS


class Cumulative(NamedTuple):
    """Masses of a distribution over the pieces of a line, tails exact to relative precision.

    `below` and `above` are the masses to the left and right of each piece, `rising` and `falling`
    what is to be added at each node inside it, `density` the values of p dx/ds at the nodes,
    `rest` the most mass that lies beyond the first piece of any panel.
    """

    below: jax.Array
    above: jax.Array
    rising: jax.Array
    falling: jax.Array
    density: jax.Array
    rest: jax.Array

    @property
    def cdf(self):
        """The mass to the left of each node."""
        return self.below[:, None] + self.rising

    @property
    def survival(self):
        """The mass to the right of each node."""
        return self.above[:, None] + self.falling


class Line(NamedTuple):
    """The pieces on which two distributions are resolved, each seen from left to right."""

    panels: quadrature.Panels
    pieces: quadrature.Pieces
    order: jax.Array  # pieces from left to right
    ascending: jax.Array  # whether t runs the way of x
    x: jax.Array
    slope: jax.Array  # dx/ds, where s runs from 0 to 1 over the piece
    edges: tuple[jax.Array, jax.Array]
    outer: jax.Array  # the edge at which the panel starts


def _left_to_right(values, ascending):
    return jnp.where(ascending[:, None], values, values[:, ::-1])


def draw_line(p: Distribution, q: Distribution, extra: jax.Array | None = None) -> Line:
    """The line cut for both distributions, and at `extra` points, refined where their mass is."""
    panels = quadrature.cut_line(p, q, extra=extra)
    spread = lax.stop_gradient(jnp.max(jnp.abs(panels.width)))
    middle = lax.stop_gradient(jnp.mean(panels.anchor))

    def resolved(x):  # with the distance, since a transport cost weighs mass by how far it goes
        masses = jnp.exp(log_density(p, x)) + jnp.exp(log_density(q, x))
        return masses * (1 + jnp.abs(x - middle) / spread)

    pieces = quadrature.refine(panels, resolved)
    is_tail = panels.kind >= quadrature.LEFT_TAIL
    ascending = jnp.where(is_tail, panels.width < 0, panels.width > 0)[pieces.panel]
    x, slope = quadrature.nodes(panels, pieces)
    x, slope = _left_to_right(x, ascending), _left_to_right(slope, ascending)
    order = jnp.argsort(lax.stop_gradient(x[:, 7]))
    length = (pieces.stop - pieces.start)[:, None]
    at_start, at_stop = (panels.locate(pieces.panel, t[:, None])[0][:, 0] for t in pieces[1:])
    # The first piece next to the end of a support reaches as far as the end itself.
    touches = (pieces.start == panels.start[pieces.panel]) & (
        panels.kind[pieces.panel] < quadrature.LEFT_TAIL
    )
    at_start = jnp.where(touches, panels.anchor[pieces.panel], at_start)
    edges = jnp.where(ascending, at_start, at_stop), jnp.where(ascending, at_stop, at_start)
    slope = jnp.where(length > 0, slope * length, 0.0)
    return Line(panels, pieces, order, ascending, x, slope, edges, at_start)


def accumulate(p: Distribution, line: Line) -> Cumulative:
    """The masses of `p` from either side at every node of the line."""

    def density_of(x):
        return jnp.exp(log_density(p, x))

    density, rest = on_line(line, density_of), _remainders(line, density_of)
    mass = density @ jnp.asarray(quadrature.KRONROD, density.dtype) + rest
    below = _sum_below(line, mass) + jnp.where(line.ascending, rest, 0.0)
    above = _sum_above(line, mass) + jnp.where(line.ascending, 0.0, rest)
    rising = density @ jnp.asarray(_TO_NODES, density.dtype).T
    falling = density @ jnp.asarray(quadrature.KRONROD - _TO_NODES, density.dtype).T
    return Cumulative(below, above, rising, falling, density, jnp.max(rest))


def on_line(line: Line, integrand) -> jax.Array:
    """integrand(x) dx/ds at the nodes, pieces of no width left out."""
    value = integrand(line.x)
    return jnp.where((line.slope > 0) & (value != 0), value * line.slope, 0.0)


def _remainders(line: Line, integrand) -> jax.Array:
    """What lies between each piece and the end or the infinity its panel begins at."""
    rest = quadrature.remainders(line.panels, integrand)
    return jnp.zeros_like(line.outer).at[: rest.shape[0]].set(rest)


def _sum_below(line: Line, masses: jax.Array) -> jax.Array:
    """The sum over the pieces to the left of each, added up from the left."""
    in_order = jnp.cumsum(masses[line.order])[:-1]
    return jnp.concatenate([jnp.zeros_like(masses[:1]), in_order])[jnp.argsort(line.order)]


def _sum_above(line: Line, masses: jax.Array) -> jax.Array:
    in_order = jnp.cumsum(masses[line.order][::-1])[:-1][::-1]
    return jnp.concatenate([in_order, jnp.zeros_like(masses[:1])])[jnp.argsort(line.order)]


def _integral_series(values: jax.Array) -> jax.Array:
    """Legendre coefficients (..., 16) of ∫_0^s of the polynomials through `values` (..., 15)."""
    return values @ jnp.asarray(_COEFFICIENTS.T @ _INTEGRALS, values.dtype)


def _sum_series(coefficients: jax.Array, s: jax.Array) -> jax.Array:
    """Σ c_k P_k(2s - 1) by Clenshaw's recurrence."""
    t = 2 * s - 1
    later, latest = jnp.zeros_like(s), jnp.zeros_like(s)
    for k in range(coefficients.shape[-1] - 1, 0, -1):
        step = (2 * k + 1) / (k + 1) * t * later - (k + 1) / (k + 2) * latest
        later, latest = coefficients[..., k] + step, later
    return coefficients[..., 0] + t * later - 0.5 * latest


def _bisect(increasing, like: jax.Array) -> jax.Array:
    """The s in [0, 1] at which the function `increasing` turns positive."""

    def halve(bounds, _):
        low, high = bounds
        middle = (low + high) / 2
        is_high = increasing(middle) > 0
        return (jnp.where(is_high, low, middle), jnp.where(is_high, middle, high)), None

    bounds = (jnp.zeros_like(like), jnp.ones_like(like))
    digits = min(jnp.finfo(like.dtype).nmant + 2, 40)
    (low, high), _ = lax.scan(halve, bounds, length=digits)
    return lax.stop_gradient((low + high) / 2)


def wasserstein_1(p: Distribution, q: Distribution) -> jax.Array:
    """∫ |F - G| dx."""
    line = draw_line(p, q)

    def excess_of(x):
        return jnp.exp(log_density(p, x)) - jnp.exp(log_density(q, x))

    def both_of(x):
        return jnp.exp(log_density(p, x)) + jnp.exp(log_density(q, x))

    weights = jnp.asarray(quadrature.KRONROD, line.x.dtype)
    excess, both = on_line(line, excess_of), on_line(line, both_of) @ weights
    from_left = _sum_below(line, both) < _sum_above(line, both)

    # F - G is the mass P has in excess so far, summed from whichever end has the smaller masses,
    # and over a piece its integral is that of the excess times the distance to an edge.
    low, high = line.edges
    rest = _remainders(line, excess_of)
    inside = excess @ weights
    left_value = _sum_below(line, inside + rest) + jnp.where(line.ascending, rest, 0.0)
    right_value = -_sum_above(line, inside + rest) - jnp.where(line.ascending, 0.0, rest)
    at_low = jnp.where(from_left, left_value, right_value - inside)
    at_high = jnp.where(from_left, left_value + inside, right_value)
    area = jnp.where(
        from_left,
        at_low * (high - low) + ((high[:, None] - line.x) * excess) @ weights,
        at_high * (high - low) - ((line.x - low[:, None]) * excess) @ weights,
    )
    # Where F - G changes sign inside a piece, each side of the crossing is integrated by itself.
    difference = at_low[:, None] + excess @ jnp.asarray(_TO_NODES, excess.dtype).T
    fixed = lax.stop_gradient(difference * jnp.sign(at_high)[:, None])
    fixed = fixed @ jnp.asarray(_COEFFICIENTS.T, fixed.dtype)
    crossing = _bisect(lambda s: _sum_series(fixed, s), at_low)
    before = _sum_series(_integral_series(difference * line.slope), crossing)
    after = (difference * line.slope) @ weights - before
    area = jnp.where(at_low * at_high < 0, jnp.abs(before) + jnp.abs(after), jnp.abs(area))
    area = jnp.where(high > low, area, 0.0)

    # Beyond the outermost pieces: ∫ |x - outer| |p - q|, infinite if the tails are too heavy.
    middle = lax.stop_gradient(jnp.mean(line.panels.anchor))
    moment = _remainders(line, lambda x: excess_of(x) * jnp.abs(x - middle))
    beyond = moment - jnp.abs(line.outer - middle) * rest
    is_tail = line.panels.kind[line.pieces.panel] >= quadrature.LEFT_TAIL
    return jnp.sum(area) + jnp.sum(jnp.where(is_tail, jnp.abs(beyond), 0.0))


def _transport(source: Cumulative, target: Cumulative, q: Distribution, line: Line) -> jax.Array:
    """T(x) = G^-1(F(x)) at the nodes, found from the nearer tail."""
    cdf, survival = lax.stop_gradient((source.cdf, source.survival))
    from_left = cdf < survival
    order, fixed = line.order, lax.stop_gradient(target)
    by_left = jnp.searchsorted(fixed.below[order], cdf, side="right") - 1
    rightwards = order[::-1]
    by_right = jnp.searchsorted(fixed.above[rightwards], survival, side="right") - 1
    last = order.shape[0] - 1
    index = jnp.where(
        from_left,
        order[jnp.clip(by_left, 0, last)],
        rightwards[jnp.clip(by_right, 0, last)],
    )
    all_masses = target.density @ jnp.asarray(quadrature.KRONROD, target.density.dtype)
    pieces = target.below, target.above, all_masses, _integral_series(target.density)
    at_target = [a[index] for a in pieces]

    def excess(s, cdf, survival, below, above, mass, series):
        rising = _sum_series(series, s)
        return jnp.where(from_left, below + rising - cdf, survival - (above + mass - rising))

    known = lax.stop_gradient((source.cdf, source.survival, *at_target))
    s = _bisect(lambda s: excess(s, *known), cdf)
    ascending = line.ascending[index]
    start, stop = line.pieces.start[index], line.pieces.stop[index]
    t = start + jnp.where(ascending, s, 1 - s) * (stop - start)
    x, _ = line.panels.locate(line.pieces.panel[index], t[..., None])
    x = lax.stop_gradient(x[..., 0])
    # One Newton step carries the gradient: dT = (dF - dG) / g.
    density_there = lax.stop_gradient(jnp.exp(log_density(q, x)))
    off = excess(s, source.cdf, source.survival, *at_target)
    off = off - lax.stop_gradient(off)
    return x - jnp.where(density_there > 0, off / jnp.where(density_there > 0, density_there, 1), 0)


def wasserstein_p(p: Distribution, q: Distribution, order: jax.Array) -> jax.Array:
    """(∫ p(x) |x - T(x)|^order dx)^(1/order), T the map that keeps the order of points."""
    coarse = draw_line(p, q)
    # T bends where x arrives at an edge of a piece of Q; the line is cut there as well.
    source, target = accumulate(q, coarse), accumulate(p, coarse)
    back = _transport(source, target, p, coarse)
    back = jnp.where(_known(source, target), back, coarse.panels.anchor[0])
    line = draw_line(p, q, extra=lax.stop_gradient(back[:, ::7].ravel()))
    source, target = accumulate(p, line), accumulate(q, line)
    distance = jnp.abs(line.x - _transport(source, target, q, line))
    # Where T is not known it does not matter either, unless a tail is so heavy that even so
    # little mass far out weighs: then the answer is NaN.
    eps = jnp.finfo(distance.dtype).eps
    known = _known(source, target)
    weights = jnp.asarray(quadrature.KRONROD, distance.dtype)
    cost = jnp.sum(jnp.where(known, source.density * _power(distance, order), 0.0) @ weights)
    ignored = jnp.where(known, 0.0, source.density * _power(jnp.abs(line.x), order))
    heavy = jnp.sum(ignored @ weights) > eps**0.5 * (cost + eps**0.5)
    return jnp.where(heavy, jnp.nan, _power(cost, 1 / order))


def _known(source: Cumulative, target: Cumulative) -> jax.Array:
    """Where more mass is left to either side than what the pieces of either one leave out."""
    left_out = jnp.maximum(source.rest, target.rest)
    left_out = 4 * left_out + 64 * jnp.finfo(left_out.dtype).tiny
    return lax.stop_gradient(jnp.minimum(source.cdf, source.survival) > left_out)


def wasserstein_inf(p: Distribution, q: Distribution) -> jax.Array:
    """The supremum of |F^-1 - G^-1| of two distributions with bounded supports."""
    line = draw_line(p, q)
    source, target = accumulate(p, line), accumulate(q, line)
    distance = jnp.abs(line.x - _transport(source, target, q, line))
    at_ends = [jnp.abs(a - b) for a, b in zip(hull(p), hull(q), strict=True)]
    inside = jnp.max(jnp.where(source.density > 0, distance, 0.0))
    return jnp.maximum(inside, jnp.maximum(*at_ends))


def hull(p: Distribution):
    """The ends of the support as arrays, infinite ones included."""
    low, high = support_bounds(p)
    return jnp.asarray(low, float), jnp.asarray(high, float)


def _power(base: jax.Array, exponent: jax.Array) -> jax.Array:
    """base^exponent for base >= 0, with gradient 0 at base = 0."""
    positive = base > 0
    return jnp.where(positive, jnp.where(positive, base, 1.0) ** exponent, 0.0)


def samples_wasserstein(x, y, x_weights, y_weights, order) -> jax.Array:
    """W_order of two sorted samples; weights sum to 1, or None for equal ones."""
    if x_weights is None and y_weights is None and x.shape == y.shape:
        distance, mass = jnp.abs(x - y), jnp.full(x.shape, 1 / x.shape[0], x.dtype)
    else:
        x_levels, y_levels = _levels(x, x_weights), _levels(y, y_weights)
        levels = jnp.sort(jnp.concatenate([x_levels, y_levels]))
        mass = jnp.diff(levels, prepend=0.0)
        i = jnp.clip(jnp.searchsorted(x_levels, levels), 0, x.shape[0] - 1)
        j = jnp.clip(jnp.searchsorted(y_levels, levels), 0, y.shape[0] - 1)
        distance = jnp.abs(x[i] - y[j])
    # Levels that differ by rounding alone hold no mass worth moving.
    matters = mass > 4 * jnp.finfo(x.dtype).eps * (1 / x.shape[0] + 1 / y.shape[0])
    farthest = jnp.max(jnp.where(matters, distance, 0.0))
    # Relative to the farthest move, so that no power overflows.
    scale = lax.stop_gradient(jnp.where((farthest > 0) & jnp.isfinite(farthest), farthest, 1.0))
    finite_order = jnp.where(jnp.isinf(order), 1.0, order)
    moved = jnp.where(mass > 0, mass * _power(distance / scale, finite_order), 0.0)
    mean = scale * _power(jnp.sum(moved), 1 / finite_order)
    return jnp.where(jnp.isinf(order), farthest, mean)


def _levels(x: jax.Array, weights: jax.Array | None) -> jax.Array:
    """The cumulative weights of sorted samples, ending in 1."""
    if weights is None:
        return jnp.arange(1, x.shape[0] + 1, dtype=x.dtype) / x.shape[0]
    return jnp.cumsum(weights).at[-1].set(1.0)


def samples_to_distribution(x, weights, q: Distribution, order) -> jax.Array:
    """W_order between sorted samples and a distribution: each x_i takes a slice of Q's mass."""
    levels = jnp.concatenate([jnp.zeros(1, x.dtype), _levels(x, weights)])
    line = draw_line(q, q, extra=lax.stop_gradient(x))
    g = accumulate(q, line)
    # The line is cut where Q has used up each slice, so that on a piece one sample is matched.
    edges = _quantiles(g, line, lax.stop_gradient(levels[1:-1]))
    line = draw_line(q, q, extra=jnp.concatenate([edges, lax.stop_gradient(x)]))
    g = accumulate(q, line)
    middle = g.cdf[:, 7:8]
    index = jnp.clip(jnp.searchsorted(levels, middle, side="right") - 1, 0, x.shape[0] - 1)
    values = g.density * _power(jnp.abs(line.x - x[index]), order)
    beyond = _remainders(line, lambda t: jnp.exp(log_density(q, t)) * _power(jnp.abs(t), order))
    cost = jnp.sum(values @ jnp.asarray(quadrature.KRONROD, values.dtype))
    return _power(cost + jnp.sum(beyond), 1 / order)


def _quantiles(g: Cumulative, line: Line, levels: jax.Array) -> jax.Array:
    order = line.order
    position = jnp.searchsorted(g.below[order], levels, side="right") - 1
    index = order[jnp.clip(position, 0, order.shape[0] - 1)]
    series = _integral_series(g.density)[index]
    s = _bisect(lambda s: g.below[index] + _sum_series(series, s) - levels, levels)
    start, stop = line.pieces.start[index], line.pieces.stop[index]
    t = start + jnp.where(line.ascending[index], s, 1 - s) * (stop - start)
    return lax.stop_gradient(line.panels.locate(line.pieces.panel[index], t[:, None])[0][:, 0])
