"""Where the line is cut for a transport: at its turns, and in the tails."""

import numpy as np

from divlab.divergences.integrals import cumulative as lines
from divlab.divergences.integrals import polynomials
from divlab.divergences.integrals.arrays import Array, fixed, namespace, on_host, precision
from divlab.divergences.integrals.cumulative import Cumulative, Line
from divlab.divergences.integrals.refinement import NODES
from divlab.divergences.integrals.roots import root

_TURNS = 4  # how often at most the line is cut where P is not moved, if its shape is fixed
_RUNGS = np.array([0.0, *(sign * 8.0**-n for n in range(6) for sign in (-1, 1))])
_STEPS = 20  # how often a tail is cut


def turns(line: Line, way: Array, of_p: Cumulative, of_q: Cumulative) -> Array:
    """Where x = T(x), and places ever nearer to it, from `way`, x - T(x) at the nodes.

    There the cost |x - T(x)|^order and its slope have a kink, or a root of x. The distribution
    functions are equal there, so that it is found without T.
    """
    xp = namespace(way)
    x, way = line.x[line.order].ravel(), way[line.order].ravel()
    gap = x[1:] - x[:-1]
    least = np.finfo(precision()).eps ** 0.5 * gap  # less is no more than rounding
    crosses = (way[:-1] * way[1:] < 0) & (xp.minimum(xp.abs(way[:-1]), xp.abs(way[1:])) > least)
    found = np.flatnonzero(crosses) if on_host(crosses) else xp.argsort(~crosses)[:_TURNS]
    before, after = way[found], way[found + 1]
    crossing = x[found] + gap[found] * before / (before - after)
    # Between two nodes of one piece it is a root of F - G.
    piece, node = line.order[found // 15], xp.clip(found % 15, 0, 13)
    excess = xp.where(of_p.cdf < of_p.survival, of_p.cdf - of_q.cdf, of_q.survival - of_p.survival)
    places = xp.asarray(NODES, dtype=x.dtype)
    start, stop = places[node], places[node + 1]
    values = fixed(excess)[piece]
    low, high = (xp.take_along_axis(values, (node + n)[:, None], axis=1)[:, 0] for n in (0, 1))
    share = root(
        lambda s: xp.sign(high) * polynomials.value_at(values, start + (stop - start) * s), start
    )
    is_root = (found % 15 < 14) & (low * high < 0)
    exact = lines.at_share(line, piece, start + (stop - start) * share)
    crossing = xp.where(is_root, exact, crossing)
    rungs = crossing + gap[found] * xp.asarray(_RUNGS, dtype=x.dtype)[:, None]
    return xp.where(crosses[found], rungs, line.panels.anchor[0]).ravel()


def steps(line: Line, masses: Cumulative, reaches: tuple[bool, bool]) -> list[Array]:
    """Places in the tails from one to the next of which a density falls by a quarter of its digits.

    Over longer pieces a polynomial does not follow it, and the masses beyond are not known.

    Args:
        line: the line.
        masses: those of the distribution.
        reaches: whether it reaches to -inf, and to inf.
    """
    xp = namespace(line.x)
    levels = np.log(np.finfo(precision()).eps) / 4 * np.arange(1, _STEPS + 1)
    mass = masses.density * xp.abs(line.x - line.middle)  # per nat of distance
    mass = mass / xp.where(line.slope > 0, line.slope, 1.0)
    least = np.log(np.finfo(line.x.dtype).tiny)
    nats = xp.where(mass > 0, xp.log(xp.where(mass > 0, mass, 1.0)), least)
    found = []
    from_left = line.x[line.order].ravel(), nats[line.order].ravel()
    from_right = (a[::-1] for a in from_left)
    for (x, falling), reaches_so in zip((from_right, from_left), reaches, strict=True):
        if not reaches_so:
            continue
        is_more = falling >= xp.asarray(levels, dtype=nats.dtype)[:, None]
        last = xp.where(is_more[:, :-1], np.arange(x.size - 1), 0).max(axis=1)
        fall = falling[last] - falling[last + 1]
        share = (falling[last] - levels) / xp.where(fall > 0, fall, 1.0)
        found.append(x[last] + xp.clip(share, 0.0, 1.0) * (x[last + 1] - x[last]))
    return found
