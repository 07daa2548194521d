"""Wasserstein distances between samples and a distribution."""

from divlab.divergences.integrals import cumulative as lines
from divlab.divergences.integrals import polynomials
from divlab.divergences.integrals.arrays import Array, fixed, namespace, power
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.integrals.quantiles import excess, quantile
from divlab.divergences.integrals.refinement import NODES, Pieces
from divlab.divergences.integrals.transport import distance_of


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

    def cut(level: Array) -> Array:
        x, piece, share = quantile(g, line, level, 1 - level)
        # One Newton step carries the gradient of the level: dx = (dF - dG) / g.
        there = fixed(density(x)[0])
        off = excess(g, piece, share, level, 1 - level)
        off = off - fixed(off)
        return x - xp.where(there > 0, off / xp.where(there > 0, there, 1.0), 0.0)

    # The line is cut where Q has used up each slice, so that on a piece one sample is matched,
    # and at the samples, where the distance has a kink.
    cuts = lines.in_chunks(cut, levels) if levels.shape[0] else levels
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
    return distance_of(inside + rest.sum(), order), g.total
