"""How the line is cut for an integral: panels, each with a coordinate of its own.

The line is cut at the ends of the supports and where either distribution has mass. Where it is cut
carries no gradient, but the ends of the supports do: a cut at an end moves with it, so that the
derivative with respect to, say, the end of a uniform distribution is exact.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from divlab.divergences.integrals.arrays import fixed, has_32_bits, namespace, on_host
from divlab.divergences.integrals.outlines import Outline

INTERIOR, LEFT_END, RIGHT_END, LEFT_TAIL, RIGHT_TAIL = range(5)
NO_END = -1  # what a cut follows that does not move

Array = Any  # of NumPy or of JAX; see `arrays`


class Panels(NamedTuple):
    """Stretches of the line, each with its own coordinate t from `start` to 1.

    x = anchor + width * t inside, anchor + width * t^4 next to the end of a support (a density
    like x^(-1/2) becomes smooth in t), anchor + width * t^-4 in a tail (so does one like x^-2).
    What lies between t = 0 and `start` is too near an end, or too far out, for floating point;
    there the integrand is continued as a power of t. Only the panels `at_limits` may have that.

    `anchor_follows` and `far_follows` say which end of a support, by its number, the anchor and
    the other edge of a panel move with; see `attach`.
    """

    anchor: Array
    width: Array
    kind: Array
    start: Array
    at_limits: Array
    anchor_follows: Array
    far_follows: Array

    def locate(self, index: Array, t: Array) -> tuple[Array, Array]:
        """X and dx/dt at coordinate t of panel `index`; `t` has one more axis than `index`."""
        xp = namespace(self.anchor)
        anchor, width, kind = (a[index][..., None] for a in self[:3])
        square = t * t
        fourth = square * square
        in_tail, at_end = kind >= LEFT_TAIL, (kind == LEFT_END) | (kind == RIGHT_END)
        x = anchor + width * xp.where(in_tail, 1 / fourth, xp.where(at_end, fourth, t))
        slope = xp.where(in_tail, 4 / (fourth * t), xp.where(at_end, 4 * square * t, 1.0))
        return x, xp.abs(width) * slope

    def coordinate(self, index: Array, x: Array) -> Array:
        """The t at which panel `index` comes to x: the inverse of `locate`."""
        xp = namespace(self.anchor)
        anchor, width, kind = (a[index] for a in self[:3])
        u = (x - anchor) / xp.where(width == 0, 1.0, width)
        inside = u > 0
        u = xp.where(inside, u, 1.0)
        root = xp.where(kind >= LEFT_TAIL, u**-0.25, u**0.25)
        return xp.where(inside, xp.where(kind == INTERIOR, u, root), 0.0)


def cut_line(outlines: Sequence[Outline], extra: Array | None = None) -> Panels:
    """Panels for all distributions together, cut at `extra` points too; without gradients."""
    xp = namespace(outlines[0].landmarks)
    landmarks = [o.landmarks for o in outlines]
    inside = fixed(xp.concatenate(landmarks if extra is None else [*landmarks, extra]))
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
    return Panels(anchor, width, kind, _starts(anchor, width, kind), at_limits, *moves)


def attach(panels: Panels, ends: jax.Array) -> Panels:
    """The same panels, with the gradients of the ends of the supports that they follow."""
    if not ends.shape[0]:
        return panels
    shift = ends - fixed(ends)

    def moved(follows: Array) -> Array:
        return namespace(shift).where(follows == NO_END, 0.0, shift[follows])

    anchor, far = moved(panels.anchor_follows), moved(panels.far_follows)
    return panels._replace(anchor=panels.anchor + anchor, width=panels.width + (far - anchor))


def _beside(ends: Array, inside: Array) -> list[Array]:
    """For each end a cut on either side, halfway to the next, so that no stretch has two ends."""
    xp = namespace(ends)
    gap = xp.concatenate([inside, ends])[None, :] - ends[:, None]
    after = xp.min(xp.where(gap > 0, gap, np.inf), axis=1)
    before = xp.min(xp.where(gap < 0, -gap, np.inf), axis=1)
    sides = (1, after), (-1, before)
    return [ends + xp.where(xp.isfinite(gap), sign * gap / 2, 0.0) for sign, gap in sides]


def _starts(anchor: Array, width: Array, kind: Array) -> Array:
    xp = namespace(anchor)
    eps, far = (2.0**-23, 1e-6) if has_32_bits() else (2.0**-52, 1e-12)
    unresolved = 16 * eps * xp.abs(anchor) / xp.where(width == 0, 1.0, xp.abs(width))
    near_end = xp.clip(unresolved, eps, 0.05) ** 0.25
    return xp.where(kind == INTERIOR, 0.0, xp.where(kind >= LEFT_TAIL, far**0.25, near_end))
