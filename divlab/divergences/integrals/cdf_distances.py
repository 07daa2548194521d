"""What lies between two distribution functions F and G: ∫ |F - G|, ∫ (F - G)² and sup |F - G|."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from divlab.divergences.integrals import cumulative as lines
from divlab.divergences.integrals import polynomials
from divlab.divergences.integrals.arrays import (
    Array,
    fixed,
    has_32_bits,
    is_known,
    namespace,
    on_host,
)
from divlab.divergences.integrals.cumulative import Line
from divlab.divergences.integrals.known import log_densities
from divlab.divergences.integrals.outlines import outline
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.integrals.refinement import NODES, Pieces
from divlab.divergences.integrals.remembered import remembered
from divlab.divergences.integrals.roots import root

# How far tails are followed, in nats: that of LogNormal(0, 8) costs most 64 nats out.
_SHORT, _LONG = 60.0, 200.0
_LITTLE = 1e-12  # the share of ∫ |F - G| below which the sign of F - G on a piece does not matter


class Gap(NamedTuple):
    """F - G on a line: at the edges of its pieces, and at the nodes.

    It is the mass P has in excess so far, summed from whichever end has the smaller masses.
    `excess` is (p - q) dx/ds at the nodes. Beyond each piece p - q amounts to `rest`, and times
    |x - m| to `moment`, times |x - m|^½ to `half_moment`, m being the middle of the line. `shares`
    (3, pieces) are these three over the values at the first point of a limit.
    """

    line: Line
    at_low: Array
    at_high: Array
    at_nodes: Array
    excess: Array
    rest: Array
    moment: Array
    half_moment: Array
    shares: Array


def between(
    p: Packed, q: Packed, integrands: Callable[..., tuple[Any, ...]] | None = None
) -> tuple[Gap, Array, Array, list[Array]]:
    """F - G, the masses of P and Q that the nodes have seen, and integrals of further functions.

    Those are functions of log p and log q.
    """
    if integrands is None and is_known(p, q):
        return _remembered(p, q)
    return _between(p, q, integrands)


@remembered
def _remembered(p: Packed, q: Packed) -> tuple[Gap, Array, Array, list[Array]]:
    return _between(p, q, None)


def _between(
    p: Packed, q: Packed, integrands: Callable[..., tuple[Any, ...]] | None
) -> tuple[Gap, Array, Array, list[Array]]:
    reach = _SHORT if has_32_bits() else _LONG
    line = lines.draw_line(p, q, integrands=integrands, order=1, reach=reach)
    xp, logs = namespace(line.x), log_densities(p, q)

    def functions(x: Array) -> tuple[Array, ...]:
        log_p, log_q = logs(x)
        of_p, of_q = xp.exp(log_p), xp.exp(log_q)
        excess = of_p - of_q
        # Never 0, where a root has no slope.
        distance = xp.maximum(xp.abs(x - line.middle), np.finfo(x.dtype).tiny)
        further = integrands(log_p, log_q) if integrands else ()
        root = xp.sqrt(distance)
        weighted = (weight * of for weight in (distance, root) for of in (of_p, of_q))
        return of_p, of_q, excess, distance * excess, root * excess, *weighted, *further

    values, rest, shares = lines.evaluate(line, functions)
    # Where p and q go like different powers, p - q goes like none.
    beyond = [_less(rest[i], rest[i + 1], rest[own]) for i, own in ((0, 2), (5, 3), (7, 4))]
    rest = xp.concatenate([rest[:2], xp.stack(beyond), rest[5:]])
    *masses, excess = lines.accumulate(line, values[:3], rest[:3])
    below, above = (sum(m) for m in zip(*((m.below, m.above) for m in masses), strict=True))
    from_left = below < above
    at_low = xp.where(from_left, excess.below, -excess.above - excess.mass)
    at_high = xp.where(from_left, excess.below + excess.mass, -excess.above)
    at_nodes = xp.where(
        from_left[:, None],
        at_low[:, None] + polynomials.rise(excess.density),
        at_high[:, None] - polynomials.fall(excess.density),
    )
    gap = Gap(
        line, at_low, at_high, at_nodes, excess.density, rest[2], rest[3], rest[4], shares[2:5]
    )
    integrals = polynomials.total(values[9:]).sum(axis=-1) + rest[9:].sum(axis=-1)
    return gap, masses[0].total, masses[1].total, list(integrals)


def _less(of_p: Array, of_q: Array, of_excess: Array) -> Array:
    """What lies beyond of p less that of q; that of p - q itself where the former have no bound."""
    xp = namespace(of_p)
    bound = xp.isfinite(of_p) & xp.isfinite(of_q)
    return xp.where(bound, xp.where(bound, of_p, 0.0) - xp.where(bound, of_q, 0.0), of_excess)


def area(gap: Gap) -> Array:
    """∫ |F - G| dx."""
    line, (low, high) = gap.line, gap.line.edges
    xp = namespace(low)
    inside = xp.abs(_over_pieces(gap))
    _, once, twice = turns(gap)
    turned, values = once < 1, gap.at_nodes * line.slope
    if not on_host(low):
        inside = xp.where(turned, _by_parts(values, once, twice), inside)
    elif turned.any():
        inside[turned] = _by_parts(values[turned], once[turned], twice[turned])
    inside = xp.where(high > low, inside, 0.0)
    # Beyond the outermost pieces: ∫ |x - outer| |p - q|, infinite if the tails are too heavy.
    beyond = gap.moment - xp.abs(line.outer - line.middle) * gap.rest
    inside, beyond = inside.sum(), xp.where(line.is_tail, xp.abs(beyond), 0.0).sum()
    if on_host(inside):
        return inside + beyond
    # With 32 bits a tail ends early; beyond it a power of x is no more than a guess.
    told = (beyond <= 1e-4 * inside) | jnp.isinf(beyond)
    return jnp.where(told, inside + beyond, jnp.nan)


def _by_parts(values: Array, once: Array, twice: Array) -> Array:
    """∫ |F - G| dx over pieces, from ∫ (F - G) dx up to each share where the sign changes."""
    xp, rising = namespace(values), polynomials.integral_series(values)
    at_once, at_twice = (polynomials.sum_series(rising, s) for s in (once, twice))
    at_end = polynomials.total(values)
    return xp.abs(at_once) + xp.abs(at_twice - at_once) + xp.abs(at_end - at_twice)


def _over_pieces(gap: Gap) -> Array:
    """∫ (F - G) dx over each piece: of the excess times the distance to an edge."""
    line, (low, high) = gap.line, gap.line.edges
    xp = namespace(low)
    from_low = gap.at_low * (high - low) + polynomials.total((high[:, None] - line.x) * gap.excess)
    from_high = gap.at_high * (high - low) - polynomials.total((line.x - low[:, None]) * gap.excess)
    return xp.where(xp.abs(gap.at_low) < xp.abs(gap.at_high), from_low, from_high)


def turns(gap: Gap) -> tuple[Array, Array, Array]:
    """The sign of F - G where each piece begins, and at which share of the way it changes, twice.

    A share is 1 where the sign does not change. More than two changes within a piece are not seen.
    """
    xp = namespace(gap.at_low)
    first = xp.sign(xp.where(gap.at_low == 0, gap.at_nodes[:, 7], gap.at_low))
    # At the nodes and where the piece ends; positive where the sign is another one.
    other = -first[:, None] * xp.concatenate([gap.at_nodes, gap.at_high[:, None]], axis=1)
    # In a far tail F - G falls by many orders, and a polynomial through its values turns where it
    # does not. There its integral is not that of F - G.
    values = gap.at_nodes * gap.line.slope
    sizes = polynomials.total(xp.abs(values))
    off = xp.abs(polynomials.total(values) - _over_pieces(gap))
    is_right = off <= np.finfo(other.dtype).eps ** 0.25 * sizes
    is_other = (gap.at_low * gap.at_high < 0) | (xp.any(other > 0, axis=1) & is_right)
    is_other &= sizes > _LITTLE * sizes.sum()
    once, twice = xp.ones_like(first), xp.ones_like(first)
    if on_host(is_other) and not is_other.any():
        return first, once, twice
    rows = np.flatnonzero(is_other) if on_host(is_other) else slice(None)
    other = other[rows]
    back = is_other[rows] & (other[:, -1] < 0)
    # It is found between two neighbours: the first with the other sign, and the first after that
    # without it.
    there = xp.argmax(other > 0, axis=1)
    again = xp.argmax((other < 0) & (xp.arange(other.shape[1]) > there[:, None]), axis=1)
    stop = xp.stack([there, again])
    points = xp.asarray([0.0, *NODES, 1.0], dtype=other.dtype)
    start, way = points[stop], points[stop + 1] - points[stop]
    sign = np.array([[1.0], [-1.0]], other.dtype)
    upwards = fixed(other[:, :-1])
    there, again = start + way * root(
        lambda s: sign * polynomials.value_at(upwards, start + way * s), way
    )
    again = xp.where(back, again, 1.0)
    if not on_host(is_other):
        return first, xp.where(is_other, there, once), again
    once[rows], twice[rows] = there, again
    return first, once, twice


def square(gap: Gap) -> Array:
    """∫ (F - G)² dx.

    Its tails go like a power of x: finite for Cauchy distributions, whose mean is not.
    """
    inside = polynomials.total(gap.at_nodes**2 * gap.line.slope).sum()
    return inside + _square_beyond(gap.line, gap.rest, gap.half_moment)


def _square_beyond(line: Line, rest: Array, half_moment: Array) -> Array:
    """∫ (F - G)² beyond the outermost pieces.

    If F - G = rest (x/r)^-a there, the integral is rest² r / (2a - 1), infinite for a <= 1/2. As
    the integral of |x|^½ |p - q| is rest r^½ a / (a - ½), no more than that is needed.
    """
    xp = namespace(rest)
    distance = xp.sqrt(xp.abs(line.outer - line.middle))
    beyond = xp.abs(rest) * distance * (xp.abs(half_moment) - xp.abs(rest) * distance)
    return xp.where(line.is_tail & (rest != 0), beyond, 0.0).sum()


def largest(gap: Gap) -> Array:
    """The largest |F - G|."""
    xp = namespace(gap.at_nodes)
    return xp.clip(xp.max(xp.abs(candidates(gap)[0])), 0.0, 1.0)


def candidates(gap: Gap) -> tuple[Array, Array]:
    """F - G where each piece begins, where it is widest within, and where it ends: (3, pieces).

    With it, at which shares of the way these are.
    """
    xp = namespace(gap.at_nodes)
    # On each piece from the best node on, the way the gap widens, to where p = q.
    nodes = xp.asarray(NODES, dtype=gap.at_nodes.dtype)
    best = xp.argmax(xp.abs(gap.at_nodes), axis=1)[:, None]
    there, slope = (xp.take_along_axis(a, best, 1)[:, 0] for a in (gap.at_nodes, gap.excess))
    sign = xp.where(there < 0, -1.0, 1.0)
    widens = slope * sign > 0
    bounds = xp.concatenate([xp.zeros(1, nodes.dtype), nodes, xp.ones(1, nodes.dtype)])
    best = best[:, 0] + 1
    near, far = bounds[best], bounds[xp.where(widens, best + 1, best - 1)]
    towards = fixed(gap.excess * sign[:, None])

    def narrows(s: Array) -> Array:  # on the way from near to far
        change = polynomials.value_at(towards, near + s * (far - near))
        return xp.where(widens, -change, change)

    s = near + root(narrows, near) * (far - near)
    widest = gap.at_low + polynomials.sum_series(polynomials.integral_series(gap.excess), s)
    shares = xp.stack([xp.zeros_like(s), s, xp.ones_like(s)])
    return xp.stack([gap.at_low, widest, gap.at_high]), shares


def samples_square(values: Array, levels: Array, q: Packed) -> tuple[Array, Array]:
    """∫ (F - G)² dx of sorted samples and a distribution, and the mass the nodes have seen.

    Args:
        values: (n,) sorted samples.
        levels: (n,) the mass up to and with each of them.
        q: the distribution.
    """
    held = fixed(values)
    xp = namespace(values)
    line = lines.draw_line(q, cuts=fixed(_ladders(held, q)))
    cdf = _Cdf(q, line)
    steps = xp.concatenate([xp.zeros(1, levels.dtype), levels])

    def cost(pieces: Pieces, part: Array) -> Array:
        nodes = xp.asarray(NODES, dtype=line.x.dtype)
        points, slope = lines.locate(line, pieces, nodes)
        level = steps[xp.searchsorted(held, points[:, 7], side="right")]
        along = pieces.start[:, None] + (pieces.stop - pieces.start)[:, None] * nodes
        return polynomials.total(cdf.below_level(part, along, level) ** 2 * slope)

    inside = lines.in_chunks(cost, *lines.split(line, values)).sum()
    half = lines.remainders(line, lambda t: cdf.density(t)[0] * xp.sqrt(xp.abs(t - line.middle)))
    return inside + _square_beyond(line, cdf.g.rest, half), cdf.g.total


def samples_largest(values: Array, levels: Array, q: Packed) -> tuple[Array, Array]:
    """The largest |F - G| of sorted samples and a distribution, and the mass the nodes have seen.

    It is found at a sample, where F has its steps. Arguments as in `samples_square`.
    """
    cdf, xp = _Cdf(q, lines.draw_line(q)), namespace(values)

    def wider(x: Array, before: Array, at: Array) -> Array:
        part, t = lines.place(cdf.line, x)
        gaps = (cdf.below_level(part, t[:, None], level)[:, 0] for level in (before, at))
        return xp.maximum(*(xp.abs(gap) for gap in gaps))

    before = xp.concatenate([xp.zeros(1, levels.dtype), levels[:-1]])
    return xp.max(lines.in_chunks(wider, values, before, levels)), cdf.g.total


class _Cdf:
    """G of a distribution, anywhere on a line."""

    def __init__(self, q: Packed, line: Line):
        self.line, self.density = line, lines.densities(q)
        (self.g,) = lines.masses(line, q)
        self.rising = polynomials.integral_series(self.g.density)

    def below_level(self, part: Array, t: Array, level: Array) -> Array:
        """`level` - G at coordinates t (n, m) of the pieces `part` (n,), from the nearer tail."""
        xp = namespace(t)
        start, stop = (a[part][:, None] for a in (self.line.pieces.start, self.line.pieces.stop))
        s = (t - start) / xp.where(stop > start, stop - start, 1.0)
        s = xp.where(self.line.ascending[part][:, None], s, 1 - s)
        rising = polynomials.sum_series(self.rising[part][:, None], s)
        g = self.g
        cdf = g.below[part][:, None] + rising
        survival = (g.above[part] + g.mass[part])[:, None] - rising
        level = level[:, None]
        return xp.where(cdf < survival, level - cdf, survival - (1 - level))


def _ladders(values: Array, q: Packed) -> Array:
    """Points from where Q has its mass to past the outermost samples, ever farther apart."""
    xp, known = namespace(values), outline(q).landmarks
    low, high = xp.min(known), xp.max(known)
    steps = xp.linspace(0.0, 1.0, 13)[1:]

    def ladder(distance: Array) -> Array:
        ratio = 1.01 * xp.maximum(distance, 0.0) / (high - low)
        return (high - low) * ratio**steps

    return xp.concatenate([low - ladder(low - values[0]), high + ladder(values[-1] - high)])
