"""What lies between two distribution functions F and G: ∫ |F - G|, ∫ (F - G)² and sup |F - G|."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from numpyro.distributions import Distribution

from divlab.divergences import line as lines
from divlab.divergences.arguments import Samples
from divlab.divergences.densities import landmarks, log_density
from divlab.divergences.empirical import traced_levels
from divlab.divergences.line import Line, density
from divlab.divergences.quadrature import NODES


class Gap(NamedTuple):
    """F - G on a line: at the edges of its pieces, and at the nodes.

    It is the mass P has in excess so far, summed from whichever end has the smaller masses.
    `excess` is (p - q) dx/ds at the nodes. Beyond each piece p - q amounts to `rest`, and times
    |x - m| to `moment`, times |x - m|^½ to `half_moment`, m being the middle of the line.
    """

    line: Line
    at_low: jax.Array
    at_high: jax.Array
    at_nodes: jax.Array
    excess: jax.Array
    rest: jax.Array
    moment: jax.Array
    half_moment: jax.Array


def between(
    p: Distribution, q: Distribution, integrands: Callable[..., tuple] | None = None
) -> tuple[Gap, jax.Array, jax.Array, list[jax.Array]]:
    """F - G, the masses of P and Q that the nodes have seen, and integrals of further functions.

    Those are functions of log p and log q.
    """
    line = lines.draw_line(p, q, integrands=integrands)

    def functions(x):
        log_p, log_q = lax.optimization_barrier((log_density(p, x), log_density(q, x)))
        of_p, of_q = jnp.exp(log_p), jnp.exp(log_q)
        excess = of_p - of_q
        # Never 0, where a root has no slope.
        distance = jnp.maximum(jnp.abs(x - line.middle), jnp.finfo(x.dtype).tiny)
        further = integrands(log_p, log_q) if integrands else ()
        return of_p, of_q, excess, distance * excess, jnp.sqrt(distance) * excess, *further

    values, rest = lines.evaluate(line, functions)
    *masses, excess = lines.accumulate(line, values[:3], rest[:3])
    below, above = (sum(m) for m in zip(*((m.below, m.above) for m in masses), strict=True))
    from_left = below < above
    at_low = jnp.where(from_left, excess.below, -excess.above - excess.mass)
    at_high = jnp.where(from_left, excess.below + excess.mass, -excess.above)
    at_nodes = jnp.where(
        from_left[:, None],
        at_low[:, None] + lines.rise(excess.density),
        at_high[:, None] - lines.fall(excess.density),
    )
    gap = Gap(line, at_low, at_high, at_nodes, excess.density, *rest[2:5])
    integrals = jnp.sum(lines.total(values[5:]), axis=-1) + jnp.sum(rest[5:], axis=-1)
    return gap, masses[0].total, masses[1].total, list(integrals)


def area(gap: Gap) -> jax.Array:
    """∫ |F - G| dx."""
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
    beyond = gap.moment - jnp.abs(line.outer - line.middle) * gap.rest
    return jnp.sum(inside) + jnp.sum(jnp.where(line.is_tail, jnp.abs(beyond), 0.0))


def square(gap: Gap) -> jax.Array:
    """∫ (F - G)² dx.

    Its tails go like a power of x: finite for Cauchy distributions, whose mean is not.
    """
    inside = jnp.sum(lines.total(gap.at_nodes**2 * gap.line.slope))
    return inside + _square_beyond(gap.line, gap.rest, gap.half_moment)


def _square_beyond(line: Line, rest: jax.Array, half_moment: jax.Array) -> jax.Array:
    """∫ (F - G)² beyond the outermost pieces.

    If F - G = rest (x/r)^-a there, the integral is rest² r / (2a - 1), infinite for a <= 1/2. As
    the integral of |x|^½ |p - q| is rest r^½ a / (a - ½), no more than that is needed.
    """
    root = jnp.sqrt(jnp.abs(line.outer - line.middle))
    beyond = jnp.abs(rest) * root * (jnp.abs(half_moment) - jnp.abs(rest) * root)
    return jnp.sum(jnp.where(line.is_tail & (rest != 0), beyond, 0.0))


def largest(gap: Gap) -> jax.Array:
    """The largest |F - G|."""
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
    return jnp.clip(jnp.max(jnp.maximum(widest, at_edges)), 0.0, 1.0)


def samples_square(x: Samples, q: Distribution) -> tuple[jax.Array, jax.Array]:
    """∫ (F - G)² dx of sorted samples and a distribution, and the mass the nodes have seen."""
    values = jnp.asarray(x.values)
    fixed = lax.stop_gradient(values)
    line = lines.draw_line(q, cuts=lax.stop_gradient(_ladders(fixed, q)))
    cdf = _Cdf(q, line)
    levels = jnp.concatenate([jnp.zeros(1, values.dtype), traced_levels(x)])

    def cost(piece, part):
        nodes = jnp.asarray(NODES, levels.dtype)
        points, slope = lines.locate(line, piece, nodes)
        level = levels[jnp.searchsorted(fixed, points[7], side="right")]
        along = piece.start + (piece.stop - piece.start) * nodes
        return lines.total(cdf.below_level(part, along, level) ** 2 * slope)

    inside = jnp.sum(lines.in_chunks(cost, *lines.split(line, values)))
    half = lines.remainders(line, lambda t: density(q, t) * jnp.sqrt(jnp.abs(t - line.middle)))
    return inside + _square_beyond(line, cdf.g.rest, half), cdf.g.total


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
        self.line, (self.g,) = line, lines.masses(line, q)
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
