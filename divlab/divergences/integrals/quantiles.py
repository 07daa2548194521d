"""Quantiles: the place on a line that has given masses to either side."""

from divlab.divergences.integrals import cumulative as lines
from divlab.divergences.integrals import polynomials
from divlab.divergences.integrals.arrays import Array, fixed, namespace
from divlab.divergences.integrals.cumulative import Cumulative, Line
from divlab.divergences.integrals.roots import root


def quantile(g: Cumulative, line: Line, cdf: Array, survival: Array) -> tuple[Array, Array, Array]:
    """The x with so much mass to its left and right, without a gradient.

    With it the piece that x is on, and the share of the way along it, from left to right.
    """
    xp = namespace(line.x)
    g, cdf, survival = fixed((g, cdf, survival))
    from_left = cdf < survival
    order, rightwards = line.order, line.order[::-1]
    by_left = xp.searchsorted(g.below[order], cdf, side="right") - 1
    by_right = xp.searchsorted(g.above[rightwards], survival, side="right") - 1
    by_left, by_right = (xp.clip(found, 0, None) for found in (by_left, by_right))
    piece = xp.where(from_left, order[by_left], rightwards[by_right])
    share = root(lambda s: excess(g, piece, s, cdf, survival), cdf)
    return lines.at_share(line, piece, share), piece, share


def excess(g: Cumulative, piece: Array, share: Array, cdf: Array, survival: Array) -> Array:
    """By how much the mass left of a place exceeds `cdf`, from whichever side has less mass."""
    rising = polynomials.sum_series(polynomials.integral_series(g.density)[piece], share)
    above = g.above[piece] + g.mass[piece] - rising
    is_left = fixed(cdf) < fixed(survival)
    return namespace(share).where(is_left, g.below[piece] + rising - cdf, survival - above)
