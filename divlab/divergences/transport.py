"""Wasserstein distances of distributions, and of samples to a distribution.

In one dimension the best way to move P to Q keeps the order of the points, so that
W_p^p = ∫ |F^-1(u) - G^-1(u)|^p du (Villani 2003, section 2.2). At order 1 two distributions have
∫ |F - G| dx, which `cdf_distances` computes.
"""

import jax
import jax.numpy as jnp
from jax import lax
from numpyro.distributions import Distribution

from divlab.divergences import line as lines
from divlab.divergences.arguments import Samples
from divlab.divergences.densities import support_bounds
from divlab.divergences.empirical import power, traced_levels
from divlab.divergences.line import Cumulative, Line, density
from divlab.divergences.quadrature import NODES


def _quantile(g: Cumulative, line: Line, cdf: jax.Array, survival: jax.Array, *, q) -> jax.Array:
    """The x with that much mass of `q` to its left and to its right, from the nearer tail."""
    known = lax.stop_gradient((g, cdf, survival))
    fixed, fixed_cdf, fixed_survival = known
    from_left = fixed_cdf < fixed_survival
    order, rightwards = line.order, line.order[::-1]
    by_left = jnp.searchsorted(fixed.below[order], fixed_cdf, side="right") - 1
    by_right = jnp.searchsorted(fixed.above[rightwards], fixed_survival, side="right") - 1
    index = jnp.where(from_left, order[jnp.clip(by_left, 0)], rightwards[jnp.clip(by_right, 0)])

    def excess(g, s, cdf, survival):
        rising = lines.sum_series(lines.integral_series(g.density)[index], s)
        above = g.above[index] + g.mass[index] - rising
        return jnp.where(from_left, g.below[index] + rising - cdf, survival - above)

    s = lines.bisect(lambda s: excess(fixed, s, fixed_cdf, fixed_survival), fixed_cdf)
    along = jnp.where(line.ascending[index], s, 1 - s)
    pieces = jax.tree.map(lambda a: a[index], line.pieces)
    x, _ = lines.locate(line, pieces, along[..., None])
    # One Newton step carries the gradient of the level: dx = (dF - dG) / g.
    x, there = x[..., 0], lax.stop_gradient(density(q, x[..., 0]))
    off = excess(g, s, cdf, survival)
    off = off - lax.stop_gradient(off)
    return x - jnp.where(there > 0, off / jnp.where(there > 0, there, 1.0), 0.0)


def _transport(source: Cumulative, target: Cumulative, q: Distribution, line: Line) -> jax.Array:
    """T(x) = G^-1(F(x)) at the nodes."""
    return _quantile(target, line, source.cdf, source.survival, q=q)


def wasserstein_p(p: Distribution, q: Distribution, order: jax.Array) -> tuple[jax.Array, ...]:
    """(∫ p(x) |x - T(x)|^order dx)^(1/order), T the map that keeps the order of points.

    With it the masses of P and Q that the nodes have seen.
    """
    coarse = lines.draw_line(p, q)
    # T bends where x arrives at an edge of a piece of Q; the line is cut there as well.
    target, source = lines.masses(coarse, p, q)
    back = _transport(source, target, p, coarse)
    back = jnp.where(_known(source, target), back, coarse.panels.anchor[0])
    line = lines.draw_line(p, q, cuts=lax.stop_gradient(back[:, ::7].ravel()))
    source, target = lines.masses(line, p, q)
    distance = jnp.abs(line.x - _transport(source, target, q, line))
    # Where T is not known it does not matter either, unless a tail is so heavy that even so
    # little mass far out weighs: then the answer is NaN.
    eps = jnp.finfo(distance.dtype).eps
    known = _known(source, target)
    cost = lines.total(jnp.where(known, source.density * power(distance, order), 0.0)).sum()
    ignored = jnp.where(known, 0.0, source.density * power(jnp.abs(line.x), order))
    heavy = lines.total(ignored).sum() > eps**0.5 * (cost + eps**0.5)
    value = jnp.where(heavy, jnp.nan, _root(cost, order))
    return value, source.total, target.total


def _known(source: Cumulative, target: Cumulative) -> jax.Array:
    """Where more mass is left to either side than what the pieces of either one leave out."""
    left_out = jnp.maximum(jnp.max(source.rest), jnp.max(target.rest))
    left_out = 4 * left_out + 64 * jnp.finfo(left_out.dtype).tiny
    return lax.stop_gradient(jnp.minimum(source.cdf, source.survival) > left_out)


def wasserstein_inf(p: Distribution, q: Distribution) -> jax.Array:
    """The supremum of |F^-1 - G^-1| of two distributions with bounded supports."""
    line = lines.draw_line(p, q)
    source, target = lines.masses(line, p, q)
    distance = jnp.abs(line.x - _transport(source, target, q, line))
    at_ends = [jnp.abs(a - b) for a, b in zip(hull(p), hull(q), strict=True)]
    inside = jnp.max(jnp.where(source.density > 0, distance, 0.0))
    return jnp.maximum(inside, jnp.maximum(*at_ends))


def hull(p: Distribution):
    """The ends of the support as arrays, infinite ones included."""
    low, high = support_bounds(p)
    return jnp.asarray(low, float), jnp.asarray(high, float)


def samples_to_distribution(
    x: Samples, q: Distribution, order: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """W_order between sorted samples and a distribution: each x_i takes a slice of Q's mass.

    With it the mass of Q that the nodes have seen.
    """
    line = lines.draw_line(q)
    (g,) = lines.masses(line, q)
    levels = traced_levels(x)[:-1]

    def quantile(level):
        return _quantile(g, line, level, 1 - level, q=q)

    # The line is cut where Q has used up each slice, so that on a piece one sample is matched,
    # and at the samples, where the distance has a kink.
    cuts = lines.in_chunks(quantile, levels) if levels.shape[0] else levels
    kinks = lax.stop_gradient(x.values)
    pieces, _ = lines.split(line, jnp.concatenate([cuts, kinks]))
    fixed_cuts = lax.stop_gradient(cuts)

    def matched(point):
        return x.values[jnp.searchsorted(fixed_cuts, lax.stop_gradient(point))]

    def cost(piece):
        t, slope = lines.locate(line, piece, jnp.asarray(NODES, kinks.dtype))
        moved = power(jnp.abs(t - matched(t[7])), order)
        return lines.total(density(q, t) * moved * slope)

    inside = jnp.sum(lines.in_chunks(cost, pieces))
    rest = lines.remainders(line, lambda t: density(q, t) * power(jnp.abs(t - matched(t)), order))
    return _root(inside + jnp.sum(rest), order), g.total


def _root(cost: jax.Array, order: jax.Array) -> jax.Array:
    """cost^(1/order); NaN for a traced order that no integral gives."""
    return jnp.where((order >= 1) & (order < jnp.inf), power(cost, 1 / order), jnp.nan)
