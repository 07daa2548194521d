"""What lies between two distribution functions F and G: ∫ |F - G|, ∫ (F - G)² and sup |F - G|."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from numpyro.distributions import Distribution

from divlab.divergences import line as lines
from divlab.divergences.arguments import Samples
from divlab.divergences.densities import landmarks
from divlab.divergences.empirical import traced_levels
from divlab.divergences.line import Line, density
from divlab.divergences.quadrature import NODES


class Gap(NamedTuple):
    """F - G on a line: at the edges of its pieces, and at the nodes.

    It is the mass P has in excess so far, summed from whichever end has the smaller masses.
    `excess` is (p - q) dx/ds at the nodes, `rest` what p - q amounts to beyond each piece.
    """

    line: Line
    at_low: jax.Array
    at_high: jax.Array
    at_nodes: jax.Array
    excess: jax.Array
    rest: jax.Array


def between(p: Distribution, q: Distribution) -> tuple[Gap, jax.Array, jax.Array]:
    """F - G, and the masses of P and Q that the nodes have seen."""
    line = lines.draw_line(p, q)
    masses = [lines.accumulate(line, lambda x, d=d: density(d, x)) for d in (p, q)]
    excess = lines.accumulate(line, lambda x: density(p, x) - density(q, x))
    below, above = (sum(m) for m in zip(*((m.below, m.above) for m in masses), strict=True))
    from_left = below < above
    at_low = jnp.where(from_left, excess.below, -excess.above - excess.mass)
    at_high = jnp.where(from_left, excess.below + excess.mass, -excess.above)
    at_nodes = jnp.where(
        from_left[:, None],
        at_low[:, None] + lines.rise(excess.density),
        at_high[:, None] - lines.fall(excess.density),
    )
    gap = Gap(line, at_low, at_high, at_nodes, excess.density, excess.rest)
    return gap, masses[0].total, masses[1].total


def area(p: Distribution, q: Distribution) -> tuple[jax.Array, ...]:
    """∫ |F - G| dx, and the masses of P and Q that the nodes have seen."""
    gap, *masses = between(p, q)
    line, (low, high) = gap.line, gap.line.edges
    # Over a piece the integral of F - G is that of the excess times the distance to an edge.
    from_low = gap.at_low * (high - low) + lines.total((high[:, None] - line.x) * gap.excess)
    from_high = gap.at_high * (high - low) - lines.total((line.x - low[:, None]) * gap.excess)
    inside = jnp.where(jnp.abs(gap.at_low) < jnp.abs(gap.at_high), from_low, from_high)
    # Where F - G changes sign inside a piece, each side of the crossing is integrated by itself.
    upwards = lax.stop_gradient(gap.at_nodes * jnp.sign(gap.at_high)[:, None])
    upwards = lines.series(upwards)
    crossing = lines.bisect(lambda s: lines.sum_series(upwards, s), gap.at_low)
    values = gap.at_nodes * line.slope
    before = lines.sum_series(lines.integral_series(values), crossing)
    after = lines.total(values) - before
    crosses = gap.at_low * gap.at_high < 0
    inside = jnp.where(crosses, jnp.abs(before) + jnp.abs(after), jnp.abs(inside))
    inside = jnp.where(high > low, inside, 0.0)

    # Beyond the outermost pieces: ∫ |x - outer| |p - q|, infinite if the tails are too heavy.
    def moment(x):
        return (density(p, x) - density(q, x)) * jnp.abs(x - line.middle)

    beyond = lines.remainders(line, moment) - jnp.abs(line.outer - line.middle) * gap.rest
    return jnp.sum(inside) + jnp.sum(jnp.where(line.is_tail, jnp.abs(beyond), 0.0)), *masses


def square(p: Distribution, q: Distribution) -> tuple[jax.Array, ...]:
    """∫ (F - G)² dx, and the masses of P and Q that the nodes have seen.

    Its tails go like a power of x: finite for Cauchy distributions, whose mean is not.
    """
    gap, *masses = between(p, q)
    inside = jnp.sum(lines.total(gap.at_nodes**2 * gap.line.slope))
    beyond = _square_beyond(gap.line, lambda x: density(p, x) - density(q, x), gap.rest)
    return inside + beyond, *masses


def _square_beyond(line: Line, function, rest: jax.Array) -> jax.Array:
    """∫ (F - G)² beyond the outermost pieces, where `function` is p - q and `rest` its integral.

    If F - G = rest (x/r)^-a there, the integral is rest² r / (2a - 1), infinite for a <= 1/2. As
    the integral of |x|^½ |p - q| is rest r^½ a / (a - ½), no more than that is needed.
    """
    root = jnp.sqrt(jnp.abs(line.outer - line.middle))
    half = lines.remainders(line, lambda x: function(x) * jnp.sqrt(jnp.abs(x - line.middle)))
    beyond = jnp.abs(rest) * root * (jnp.abs(half) - jnp.abs(rest) * root)
    return jnp.sum(jnp.where(line.is_tail & (rest != 0), beyond, 0.0))


def largest(p: Distribution, q: Distribution) -> tuple[jax.Array, ...]:
    """The largest |F - G|, and the masses of P and Q that the nodes have seen."""
    gap, *masses = between(p, q)
    # On each piece from the best node on, the way the gap widens, to where p = q.
    nodes = jnp.asarray(NODES, gap.at_nodes.dtype)
    best = jnp.argmax(jnp.abs(gap.at_nodes), axis=1)[:, None]
    there, slope = (jnp.take_along_axis(a, best, 1)[:, 0] for a in (gap.at_nodes, gap.excess))
    sign = jnp.where(there < 0, -1.0, 1.0)
    widens = slope * sign > 0
    bounds = jnp.concatenate([jnp.zeros(1, nodes.dtype), nodes, jnp.ones(1, nodes.dtype)])
    best = best[:, 0] + 1
    near, far = bounds[best], bounds[jnp.where(widens, best + 1, best - 1)]
    towards = lines.series(lax.stop_gradient(gap.excess * sign[:, None]))

    def narrows(s):  # on the way from near to far
        change = lines.sum_series(towards, near + s * (far - near))
        return jnp.where(widens, -change, change)

    s = near + lines.bisect(narrows, near) * (far - near)
    widest = jnp.abs(gap.at_low + lines.sum_series(lines.integral_series(gap.excess), s))
    at_edges = jnp.maximum(jnp.abs(gap.at_low), jnp.abs(gap.at_high))
    return jnp.clip(jnp.max(jnp.maximum(widest, at_edges)), 0.0, 1.0), *masses


def samples_square(x: Samples, q: Distribution) -> tuple[jax.Array, jax.Array]:
    """∫ (F - G)² dx of sorted samples and a distribution, and the mass the nodes have seen."""
    values = jnp.asarray(x.values)
    fixed = lax.stop_gradient(values)
    line = lines.draw_line(q, extra=lax.stop_gradient(_ladders(fixed, q)))
    cdf = _Cdf(q, line)
    levels = jnp.concatenate([jnp.zeros(1, values.dtype), traced_levels(x)])

    def cost(piece, part):
        nodes = jnp.asarray(NODES, levels.dtype)
        points, slope = lines.locate(line, piece, nodes)
        level = levels[jnp.searchsorted(fixed, points[7], side="right")]
        along = piece.start + (piece.stop - piece.start) * nodes
        return lines.total(cdf.below_level(part, along, level) ** 2 * slope)

    inside = jnp.sum(lines.in_chunks(cost, *lines.split(line, values)))
    return inside + _square_beyond(line, lambda t: density(q, t), cdf.g.rest), cdf.g.total


def samples_largest(x: Samples, q: Distribution) -> tuple[jax.Array, jax.Array]:
    """The largest |F - G| of sorted samples and a distribution, and the mass the nodes have seen.

    It is found at a sample, where F has its steps.
    """
    cdf = _Cdf(q, lines.draw_line(q))
    levels = traced_levels(x)

    def wider(x, before, at):
        part, t = lines.place(cdf.line, x)
        return jnp.maximum(*(jnp.abs(cdf.below_level(part, t, level)) for level in (before, at)))

    before = jnp.concatenate([jnp.zeros(1, levels.dtype), levels[:-1]])
    return jnp.max(lines.in_chunks(wider, x.values, before, levels)), cdf.g.total


class _Cdf:
    """G of a distribution, anywhere on a line."""

    def __init__(self, q: Distribution, line: Line):
        self.line, self.g = line, lines.accumulate(line, lambda t: density(q, t))
        self.rising = lines.integral_series(self.g.density)

    def below_level(self, part, t, level):
        """`level` - G at coordinate t of piece `part`, G taken from the nearer tail."""
        start, stop = self.line.pieces.start[part], self.line.pieces.stop[part]
        s = (t - start) / jnp.where(stop > start, stop - start, 1.0)
        s = jnp.where(self.line.ascending[part], s, 1 - s)
        rising = lines.sum_series(self.rising[part], s)
        cdf, survival = (
            self.g.below[part] + rising,
            self.g.above[part] + self.g.mass[part] - rising,
        )
        return jnp.where(cdf < survival, level - cdf, survival - (1 - level))


def _ladders(values: jax.Array, q: Distribution) -> jax.Array:
    """Points from where Q has its mass to past the outermost samples, ever farther apart."""
    known = landmarks(q)
    low, high = jnp.min(known), jnp.max(known)
    steps = jnp.linspace(0.0, 1.0, 13)[1:]

    def ladder(distance):
        ratio = 1.01 * jnp.maximum(distance, 0.0) / (high - low)
        return (high - low) * ratio**steps

    return jnp.concatenate([low - ladder(low - values[0]), high + ladder(values[-1] - high)])
