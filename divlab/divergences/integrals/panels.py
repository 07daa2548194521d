"""How the line is cut for an integral: panels, each with a coordinate of its own.

The line is cut at the ends of the supports and where either distribution has mass. Where it is cut
carries no gradient, but the ends of the supports do: a cut at an end moves with it, so that the
derivative with respect to, say, the end of a uniform distribution is exact.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from divlab.divergences.integrals.arrays import fixed, has_32_bits, namespace, on_host
from divlab.divergences.integrals.outlines import Outline, outline, support_ends
from divlab.divergences.integrals.packed import Packed

INTERIOR, LEFT_END, RIGHT_END, LEFT_TAIL, RIGHT_TAIL = range(5)
NO_END = -1  # what a cut follows that does not move

Array = Any  # of NumPy or of JAX; see `arrays`


class Panels(NamedTuple):
    """Stretches of the line, each with its own coordinate t from 0 to 1.

    x = anchor + width * t inside. Next to the end of a support, and in a tail, t counts the
    logarithm of the distance from the anchor, over `reach` nats: x = anchor + width * exp(-u) and
    anchor + width * exp(u), with u = reach * (1 - t). At t = 0 floating point ends: what lies
    nearer to the end, or farther out, is continued. Only the panels `at_limits` may have that.

    `anchor_follows` and `far_follows` say which end of a support, by its number, the anchor and
    the other edge of a panel move with; see `attach`.
    """

    anchor: Array
    width: Array
    kind: Array
    reach: Array
    at_limits: Array
    anchor_follows: Array
    far_follows: Array

    def locate(self, index: Array, t: Array) -> tuple[Array, Array]:
        """X and dx/dt at coordinate t of panel `index`; `t` has one more axis than `index`."""
        xp = namespace(self.anchor)
        anchor, width, kind, reach = (a[index][..., None] for a in self[:4])
        inside = kind == INTERIOR
        sign = xp.where(kind >= LEFT_TAIL, reach, -reach)
        along = xp.exp(xp.where(inside, 0.0, sign * (1 - t)))
        x = anchor + width * xp.where(inside, t, along)
        # Of the distance as it is rounded, at which the density is evaluated too.
        return x, xp.where(inside, xp.abs(width), reach * xp.abs(x - anchor))

    def coordinate(self, index: Array, x: Array) -> Array:
        """The t at which panel `index` comes to x: the inverse of `locate`."""
        xp = namespace(self.anchor)
        anchor, width, kind, reach = (a[index] for a in self[:4])
        u = (x - anchor) / xp.where(width == 0, 1.0, width)
        beyond = u <= 0
        u = xp.where(beyond, 1.0, u)
        nats = xp.log(u) / reach
        t = xp.where(kind == INTERIOR, u, xp.where(kind >= LEFT_TAIL, 1 - nats, 1 + nats))
        return xp.where(beyond, 0.0, t)

    def pieces(self) -> tuple[Array, Array, Array]:
        """Panel, start and stop of the pieces to begin with: those at limits are in several."""
        xp, at = namespace(self.anchor), self.at_limits
        count = self.anchor.shape[0]
        edges = _NATS[:_FEW] if has_32_bits() else _NATS
        nats = xp.asarray(np.append(edges, np.inf), dtype=self.reach.dtype)
        cuts = xp.clip(1 - nats / self.reach[at][:, None], 0.0, 1.0)
        is_limit = (self.kind[at] != INTERIOR)[:, None]
        cuts = xp.where(is_limit, cuts, xp.where(nats == 0.0, 1.0, 0.0))
        start, stop = cuts[:, 1:], cuts[:, :-1]
        if on_host(self.anchor):
            others = np.delete(np.arange(count), at)
            some = stop > start
            panel = np.concatenate([others, np.repeat(at, some.sum(axis=1))])
            start, stop = start[some], stop[some]
            zeros, ones = np.zeros(others.size), np.ones(others.size)
        else:
            first = count - at.shape[0]  # the panels at limits are the last ones
            panel = xp.concatenate([xp.arange(first), xp.repeat(at, start.shape[1])])
            start, stop = start.ravel(), stop.ravel()
            zeros, ones = xp.zeros(first, start.dtype), xp.ones(first, start.dtype)
        return panel, xp.concatenate([zeros, start]), xp.concatenate([ones, stop])


# Where the pieces of a panel at a limit end, in nats from its wide edge: most functions are done
# after a few, and a power of x, however near to the one that has no integral, after many.
_NATS = np.array([0.0, 2.0, 5.0, 12.0, 24.0, 40.0, 64.0, 100.0, 150.0, 240.0])
# With 32 bits a tail of width 1 ends after 28 nats, and one at 0 comes no closer than 41.
_FEW = 5


def cut_line(
    outlines: Sequence[Outline],
    extra: Array | None = None,
    longest: float = np.inf,
    closest: float = 2.0**-30,
) -> Panels:
    """Panels for all distributions together, cut at `extra` points too; without gradients.

    Next to a limit they go on for as many nats as floating point allows, at most `longest`. Next to
    an end other than 0 points are rounded, so with 64 bits they come no closer than the share
    `closest` of it: with 2^-30, points are there known to 1e-7 of their distance.
    """
    xp = namespace(outlines[0].landmarks)
    landmarks = [o.landmarks for o in outlines]
    inside = fixed(xp.concatenate(landmarks if extra is None else [*landmarks, extra]))
    if on_host(inside):
        ways = any(o.reaches_left for o in outlines), any(o.reaches_right for o in outlines)
        inside = np.concatenate([inside, *_ladders(np.unique(inside), *ways)])
    ends = fixed(xp.concatenate([o.ends for o in outlines]))
    count = ends.shape[0]
    if count:  # a cut that falls on an end moves with it
        same = inside[:, None] == ends[None, :]
        follows = xp.where(xp.any(same, axis=1), xp.argmax(same, axis=1), NO_END)
        number = xp.arange(count)
        beside = _beside(ends, inside)
        cuts = xp.concatenate([inside, ends, *beside])
        follows = xp.concatenate([follows, number, number, number])
        order = xp.argsort(cuts)
        cuts, follows = cuts[order], follows[order]
        is_end = xp.any(cuts[:, None] == ends[None, :], axis=1)
    else:
        cuts = xp.sort(inside)
        follows = xp.full(cuts.shape, NO_END)
        is_end = xp.zeros(cuts.shape, bool)

    # A stretch is one panel, seen from the end of a support if it touches one.
    low, high, from_right = cuts[:-1], cuts[1:], is_end[1:]
    anchors = [xp.where(from_right, high, low)]
    widths = [xp.where(from_right, low - high, high - low)]
    kinds = [xp.where(from_right, RIGHT_END, xp.where(is_end[:-1], LEFT_END, INTERIOR))]
    anchor_follows = [xp.where(from_right, follows[1:], follows[:-1])]
    far_follows = [xp.where(from_right, follows[:-1], follows[1:])]
    reach = (cuts[-1:] - cuts[:1]) / 2
    if any(o.reaches_left for o in outlines):
        anchors, widths = [*anchors, cuts[:1] + reach], [*widths, -reach]
        kinds.append(xp.array([LEFT_TAIL]))
        anchor_follows, far_follows = [*anchor_follows, follows[:1]], [*far_follows, follows[:1]]
    if any(o.reaches_right for o in outlines):
        anchors, widths = [*anchors, cuts[-1:] - reach], [*widths, reach]
        kinds.append(xp.array([RIGHT_TAIL]))
        anchor_follows, far_follows = [*anchor_follows, follows[-1:]], [*far_follows, follows[-1:]]
    anchor, width, kind = (xp.concatenate(a) for a in (anchors, widths, kinds))
    moves = xp.concatenate(anchor_follows), xp.concatenate(far_follows)
    first = 0 if count else cuts.shape[0] - 1  # of those that may touch an end, or are tails
    if on_host(width):
        wide = np.flatnonzero(width != 0)
        anchor, width, kind = anchor[wide], width[wide], kind[wide]
        moves = moves[0][wide], moves[1][wide]
        at_limits = np.flatnonzero(kind != INTERIOR)
    else:
        at_limits = xp.arange(first, anchor.shape[0])
    reach = xp.minimum(_reach(anchor, width, kind, closest), longest)
    return Panels(anchor, width, kind, reach, at_limits, *moves)


def attach(panels: Panels, ends: jax.Array) -> Panels:
    """The same panels, with the gradients of the ends of the supports that they follow."""
    if not ends.shape[0]:
        return panels
    shift = ends - fixed(ends)

    def moved(follows: Array) -> Array:
        return namespace(shift).where(follows == NO_END, 0.0, shift[follows])

    anchor, far = moved(panels.anchor_follows), moved(panels.far_follows)
    return panels._replace(anchor=panels.anchor + anchor, width=panels.width + (far - anchor))


def follow_most(panels: Panels, beyond: Array, *distributions: Packed) -> Panels:
    """Panels whose cuts, where ends of several distributions lie in one place, follow one of them.

    It is that of the distribution with most mass there: where one density jumps and another begins
    at 0, an integral changes at first order with the end of the first alone. Where two jump there
    is a kink, and the derivative is found as if the smaller jump moved along with the larger.

    Args:
        panels: the panels.
        beyond: (limits, distributions) the masses between each limit and the end it belongs to.
        distributions: those that the panels were cut for.
    """
    sizes = [support_ends(packed.distribution).shape[0] for packed in distributions]
    if sum(size > 0 for size in sizes) < 2:
        return panels
    ends_of = [fixed(outline(packed).ends) for packed in distributions]
    xp, at = namespace(*ends_of), panels.at_limits
    ends, owner = xp.concatenate(ends_of), np.repeat(np.arange(len(sizes)), sizes)
    is_here = (panels.anchor[at][:, None] == ends) & (panels.kind[at] != INTERIOR)[:, None]
    masses = xp.where(is_here, beyond[:, owner], 0.0).max(axis=0)
    leader = xp.argmax(xp.where(ends[:, None] == ends, masses, -1.0), axis=1)
    leader = xp.append(leader, NO_END)
    near, far = (leader[follows] for follows in panels[-2:])
    return panels._replace(anchor_follows=near, far_follows=far)


def own_ends(*distributions: Packed) -> Array:
    """For each of some distributions, which end of a support to follow in place of each: (n, ends).

    Where ends of two lie in one place, panels follow one of them. What belongs to the other
    distribution alone must follow its own. The last column stands for cuts that do not move.
    """
    ends_of = [fixed(outline(packed).ends) for packed in distributions]
    xp = namespace(*ends_of)
    every, first, rows = xp.concatenate(ends_of), 0, []
    for own in ends_of:
        row = xp.arange(every.shape[0])
        if own.shape[0]:
            same = every[:, None] == own
            row = xp.where(xp.any(same, axis=1), first + xp.argmax(same, axis=1), row)
        rows.append(xp.append(row, NO_END))
        first += own.shape[0]
    return xp.stack(rows)


_WIDE, _RUNG = 64.0, 4.0


def _ladders(cuts: np.ndarray, to_left: bool, to_right: bool) -> list[np.ndarray]:
    """Further cuts, ever farther apart, into stretches that are far wider than those beside them.

    There a tail of one distribution runs towards the mass of the other, or away from it, and a rule
    over the whole stretch would see nothing of it.
    """
    width = np.diff(cuts)
    if not width.size:
        return []
    # Where each ladder starts, its first step, and how far it goes.
    ladders = [(cuts[0], -width[0], (cuts[-1] - cuts[0]) / 2)] if to_left else []
    ladders += [(cuts[-1], width[-1], (cuts[-1] - cuts[0]) / 2)] if to_right else []
    for i in np.flatnonzero(width[1:] > _WIDE * width[:-1]) + 1:
        ladders.append((cuts[i], width[i - 1], width[i] / 2))
    for i in np.flatnonzero(width[:-1] > _WIDE * width[1:]):
        ladders.append((cuts[i + 1], -width[i + 1], width[i] / 2))
    found = []
    for edge, step, length in ladders:
        if length > _WIDE / 2 * abs(step):
            rungs = math.ceil(math.log(length / abs(step), _RUNG))
            found.append(edge + step * _RUNG ** np.arange(rungs))
    return found


def _beside(ends: Array, inside: Array) -> list[Array]:
    """For each end a cut on either side, a third of the way to the next.

    So no stretch has two ends, nor do the cuts of two neighbours fall together: what opens between
    them as they move would be lost.
    """
    xp = namespace(ends)
    gap = xp.concatenate([inside, ends])[None, :] - ends[:, None]
    after = xp.min(xp.where(gap > 0, gap, np.inf), axis=1)
    before = xp.min(xp.where(gap < 0, -gap, np.inf), axis=1)
    sides = (1, after), (-1, before)
    return [ends + xp.where(xp.isfinite(gap), sign * gap / 3, 0.0) for sign, gap in sides]


def _reach(anchor: Array, width: Array, kind: Array, closest: float) -> Array:
    """How many nats from its wide edge a panel goes on.

    With 32 bits it stops where the rounding of points near an end other than 0 is a few percent of
    their distance. Near an end at 0 it stops where the square of x is still a number, and a tail
    where a density has room to fall like the cube of x.
    """
    xp = namespace(anchor)
    nearest, farthest = 1e-150, 1e100
    if has_32_bits():
        closest, nearest, farthest = 2.0**-19, 1e-18, 1e12
    size = xp.where(width == 0, 1.0, xp.abs(width))
    to_end = xp.log(size) - xp.log(xp.maximum(closest * xp.abs(anchor), nearest))
    outwards = np.log(farthest) - xp.log(size)
    return xp.maximum(xp.where(kind >= LEFT_TAIL, outwards, to_end), 1.0)
