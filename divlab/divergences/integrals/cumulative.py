"""The line on which distributions are compared, and their masses to either side of every node.

Masses are summed from both ends, so that those far out in either tail keep their digits.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from divlab.divergences.integrals.arrays import (
    Array,
    fixed,
    is_known,
    namespace,
    on_host,
    scatter,
)
from divlab.divergences.integrals.known import log_densities
from divlab.divergences.integrals.outlines import outline, support_ends
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.integrals.panels import (
    LEFT_TAIL,
    Panels,
    attach,
    cut_line,
    own_ends,
)
from divlab.divergences.integrals.polynomials import fall, rise, total
from divlab.divergences.integrals.refinement import (
    KRONROD,
    Pieces,
    limits,
    look_by,
    nodes,
    of_limit,
    refine,
    remainder,
    remainder_share,
    start,
)

# How far a tail goes on, in nats: to all digits of a distribution function, and farther.
_REACH = 60.0
# How near to an end other than 0, in shares of it. What is moved far away from there must be seen,
# and of the density no more is asked than that it goes like a power.
_CLOSEST = 2.0**-38
_CHUNK = 1 << 12  # pieces integrated over at a time, which bounds the memory


class Line(NamedTuple):
    """The pieces on which distributions are resolved, each seen from left to right."""

    panels: Panels
    pieces: Pieces
    order: Array  # pieces from left to right
    ascending: Array  # whether t runs the way of x
    x: Array
    slope: Array  # dx/ds, where s runs from 0 to 1 over the piece
    edges: tuple[Array, Array]
    outer: Array  # the edge at which the panel starts
    middle: Array  # a point amid the mass

    @property
    def is_tail(self) -> Array:
        """Which pieces belong to a panel that goes on to infinity."""
        return self.panels.kind[self.pieces.panel] >= LEFT_TAIL

    @property
    def touching(self) -> Array:
        """Of each panel at a limit, the piece at which it begins there."""
        panel, start = self.pieces.panel, self.pieces.start
        begins = (panel == self.panels.at_limits[:, None]) & (start == 0)
        return begins.argmax(axis=1)


class Cumulative(NamedTuple):
    """Masses of a distribution over the pieces of a line, tails exact to relative precision.

    `below` and `above` are the masses to the left and right of each piece, `mass` that on it,
    `density` the values of p dx/ds at the nodes, `rest` the mass that lies between each piece and
    the end or the infinity its panel begins at.
    """

    below: Array
    above: Array
    mass: Array
    density: Array
    rest: Array

    @property
    def cdf(self) -> Array:
        """The mass to the left of each node."""
        return self.below[:, None] + rise(self.density)

    @property
    def survival(self) -> Array:
        """The mass to the right of each node."""
        return self.above[:, None] + fall(self.density)

    @property
    def total(self) -> Array:
        """All mass, which is 1 where the nodes resolve the distribution."""
        return self.mass.sum() + self.rest.sum()


def densities(*distributions: Packed) -> Callable[[Array], tuple[Array, ...]]:
    """The function x -> (p(x), q(x), …), with x of any shape."""
    logs = log_densities(*distributions)

    def at(x: Array) -> tuple[Array, ...]:
        return tuple(namespace(log).exp(log) for log in logs(x))

    return at


def draw_line(
    *distributions: Packed,
    cuts: Array | None = None,
    integrands: Callable[..., tuple[Any, ...]] | None = None,
    order: Any = None,
    reach: float = _REACH,
) -> Line:
    """The line cut for all distributions, and at more `cuts`, refined where their mass is.

    `integrands`, of their log densities, are further functions for which it is refined. With an
    `order`, tails are resolved in relation to the little mass that is farther out, as far as it
    matters for what it costs to move that mass: its distance to the power `order`. Tails and ends
    are followed for `reach` nats.
    """
    outlines = [outline(packed) for packed in distributions]
    panels = cut_line(outlines, cuts, reach, _CLOSEST)
    xp, logs = namespace(panels.anchor), log_densities(*distributions)
    spread = xp.max(xp.abs(panels.width))
    middle = fixed(xp.median(xp.concatenate([a for o in outlines for a in (o.landmarks, o.ends)])))

    def resolved(x: Array) -> Any:
        found = logs(x)
        nats = xp.log1p(xp.abs(x - middle) / spread)  # a transport weighs mass by how far it goes
        masses = sum(xp.exp(log + nats) for log in found)
        tails = [sum(_tail(log, nats, order) for log in found)] if order is not None else []
        further = () if integrands is None else integrands(*found)
        return masses, *tails, *further

    pieces = refine(*start(panels), look_by(panels, resolved)).pieces
    if not is_known(distributions):
        panels = attach(panels, support_ends(*(d.distribution for d in distributions)))
    is_tail = panels.kind >= LEFT_TAIL
    ascending = xp.where(is_tail, panels.width < 0, panels.width > 0)[pieces.panel]
    x, slope = (left_to_right(a, ascending) for a in nodes(panels, pieces))
    order = xp.argsort(fixed(x[:, 7]))
    length = (pieces.stop - pieces.start)[:, None]
    at_start, at_stop = (panels.locate(pieces.panel, t[:, None])[0][:, 0] for t in pieces[1:])
    # The first piece next to the end of a support reaches as far as the end itself.
    touches = (pieces.start == 0) & (panels.kind[pieces.panel] < LEFT_TAIL)
    at_start = xp.where(touches, panels.anchor[pieces.panel], at_start)
    edges = xp.where(ascending, at_start, at_stop), xp.where(ascending, at_stop, at_start)
    slope = xp.where(length > 0, slope * length, 0.0)
    return Line(panels, pieces, order, ascending, x, slope, edges, at_start, middle)


def _tail(log: Array, nats: Array, order: Array) -> Array:
    """The fourth root of the cost of mass, per nat of distance: of little mass it leaves more."""
    lowest = namespace(log).maximum(log, -1e30)
    return namespace(log).exp((lowest + (order + 1) * nats) / 4 - nats)


def moved(line: Line, distributions: tuple[Packed, ...], index: int) -> tuple[Array, Array, Panels]:
    """The nodes, their weights in an integral, and the panels, moving with ends of supports.

    Of ends in one place it is that of distribution `index` which they follow.
    """
    own = own_ends(*distributions)[index]
    anchor, far = (own[follows] for follows in line.panels[-2:])
    panels = line.panels._replace(anchor_follows=anchor, far_follows=far)
    panels = attach(panels, support_ends(*(d.distribution for d in distributions)))
    x, slope = (left_to_right(a, line.ascending) for a in nodes(panels, line.pieces))
    length = (line.pieces.stop - line.pieces.start)[:, None]
    rule = jnp.asarray(KRONROD, slope.dtype)
    return x, jnp.where(length > 0, rule * slope * length, 0.0), panels


def left_to_right(values: Array, ascending: Array) -> Array:
    """The nodes of each piece in the order of x; done twice, in that of t again."""
    return namespace(values).where(ascending[:, None], values, values[:, ::-1])


def evaluate(
    line: Line, functions: Callable[[Array], tuple[Any, ...]]
) -> tuple[Array, Array, Array]:
    """Of each function: its values times dx/ds at the nodes, and what lies beyond each piece.

    Args:
        line: the line.
        functions: of x, point by point; called once, since what it holds is slow to compile.

    Returns:
        (functions, pieces, 15) values, 0 on pieces of no width; (functions, pieces) what lies
        between each piece and the end or the infinity its panel begins at; the same over the value
        at the first point of that limit.
    """
    xp, at = namespace(line.x), limits(line.panels)
    nodes = line.x.size
    found = xp.stack(functions(xp.concatenate([line.x.ravel(), at.x.ravel()])))
    values = found[:, :nodes].reshape(-1, *line.x.shape)
    values = xp.where((line.slope > 0) & (values != 0), values * line.slope, 0.0)
    near = found[:, nodes:].reshape(-1, *at.x.shape)
    shares = remainder_share(at, near) if xp is np else jax.vmap(partial(remainder_share, at))(near)
    rest = of_limit(shares, near[..., 0])
    return values, _beyond(line, rest), _beyond(line, shares)


def remainders(line: Line, function: Callable[[Array], Array]) -> Array:
    """What lies between each piece and the end or the infinity its panel begins at."""
    at = limits(line.panels)
    return _beyond(line, remainder(at, function(at.x.ravel()).reshape(at.x.shape)))


def _beyond(line: Line, rest: Array) -> Array:
    return scatter(rest, line.touching, line.outer)


def accumulate(line: Line, values: Array, rest: Array) -> list[Cumulative]:
    """The masses from either side of densities, or of differences, that `evaluate` has found."""
    xp, mass = namespace(values), total(values)
    below = sums_before(mass + rest, line.order)
    above = sums_before(mass + rest, line.order[::-1])
    below = below + xp.where(line.ascending, rest, 0.0)
    above = above + xp.where(line.ascending, 0.0, rest)
    return [Cumulative(*of_one) for of_one in zip(below, above, mass, values, rest, strict=True)]


def masses(line: Line, *distributions: Packed) -> list[Cumulative]:
    """The masses of each distribution from either side."""
    return accumulate(line, *evaluate(line, densities(*distributions))[:2])


def sums_before(masses: Array, order: Array) -> Array:
    """For each piece, the sum over those that come before it in `order`."""
    sums = namespace(masses).cumsum(masses[:, order], axis=-1)[..., :-1]
    return scatter(sums, order[1:], order)


def antiderivative(line: Line, slope: Array) -> Array:
    """At the nodes, the function with that slope in x which is 0 amid the mass."""
    change = slope * line.slope
    return from_middle(line, rise(change), fall(change), total(change))[1]


def from_middle(line: Line, along: Array, back: Array, whole: Array) -> tuple[Array, Array, Array]:
    """A function that is 0 amid the mass: where each piece begins, at its nodes, where it ends.

    It is summed from the middle outwards: from far out, digits would be lost.

    Args:
        line: the line.
        along: how much it rises from where a piece begins to each node.
        back: how much it rises from each node to where the piece ends.
        whole: how much it rises over each piece.
    """
    xp, is_right = namespace(whole), fixed(line.x[:, 7] >= line.middle)
    ordered, outwards = whole[line.order], is_right[line.order]
    from_left = xp.cumsum(xp.where(outwards, ordered, 0.0))
    from_right = xp.cumsum(xp.where(outwards, 0.0, ordered)[::-1])[::-1]
    none = xp.zeros(1, whole.dtype)
    edges = xp.concatenate([none, from_left]) - xp.concatenate([from_right, none])
    rank = xp.argsort(line.order)
    start, stop = edges[:-1][rank], edges[1:][rank]
    is_right = is_right[:, None]
    return start, xp.where(is_right, start[:, None] + along, stop[:, None] - back), stop


def place(line: Line, x: Array) -> tuple[Array, Array]:
    """The piece that x lies on and its coordinate t there; past the outermost, where they stop."""
    xp = namespace(x)
    low = fixed(line.edges[0][line.order])
    found = xp.searchsorted(low, fixed(x), side="right") - 1
    part = line.order[xp.clip(found, 0, None)]
    return part, _along(line, part, x)


def _along(line: Line, part: Array, x: Array) -> Array:
    """The coordinate t of x on the pieces `part`, or that of whichever end it is beyond.

    An edge far from 0 is rounded. Read back from x, its t would leave a gap to the next piece.
    """
    xp = namespace(x)
    panel, start, stop = (a[part] for a in line.pieces)
    low, high = (fixed(edge[part]) for edge in line.edges)
    ascending = line.ascending[part]
    t = xp.clip(line.panels.coordinate(panel, x), start, stop)
    exact = xp.where(x <= low, xp.where(ascending, start, stop), t)
    exact = xp.where(x >= high, xp.where(ascending, stop, start), exact)
    return t + fixed(exact - t)


def split(line: Line, points: Array) -> tuple[Pieces, Array]:
    """The pieces of the line cut at `points` as well, and which piece each of them is a part of.

    The points lie along the last axis; each row of them cuts the line anew. The pieces come from
    left to right. Points beyond the outermost pieces add pieces of no width.
    """
    xp = namespace(points)
    low, high = (edge[line.order] for edge in line.edges)
    rows = points.shape[:-1]
    low, last = xp.broadcast_to(low, (*rows, low.size)), xp.broadcast_to(high[-1], (*rows, 1))
    starts = xp.sort(xp.concatenate([low, points.astype(low.dtype)], axis=-1), axis=-1)
    stops = xp.concatenate([starts[..., 1:], last], axis=-1)
    part, begin = place(line, starts)
    end = _along(line, part, stops)
    pieces = Pieces(line.pieces.panel[part], xp.minimum(begin, end), xp.maximum(begin, end))
    return pieces, part


def locate(line: Line, pieces: Pieces, s: Array) -> tuple[Array, Array]:
    """The values of x and dx/ds at s, from 0 to 1 along t, on given pieces of the same panels."""
    length = (pieces.stop - pieces.start)[..., None]
    x, slope = line.panels.locate(pieces.panel, pieces.start[..., None] + length * s)
    return x, namespace(x).where(length > 0, slope * length, 0.0)


def at_share(line: Line, index: Array, s: Array) -> Array:
    """The x at the share s of the way, from left to right, along the pieces `index`."""
    along = namespace(s).where(line.ascending[index], s, 1 - s)
    pieces = Pieces(*(a[index] for a in line.pieces))
    return locate(line, pieces, along[..., None])[0][..., 0]


def in_chunks(function: Callable[..., Any], *arrays: Any, size: int = _CHUNK) -> Any:
    """What `function` returns for each row, some rows at a time, its gradients computed anew."""
    leaves = jax.tree.leaves(arrays)
    rows = leaves[0].shape[0]
    if rows <= size:
        return function(*arrays)
    if on_host(leaves[0]):
        parts = [slice(i, i + size) for i in range(0, rows, size)]
        found = [function(*jax.tree.map(lambda a, p=part: a[p], arrays)) for part in parts]
        return np.concatenate(found)
    chunks = -(-rows // size)

    def in_rows(a: Array) -> Array:
        filled = jnp.concatenate([a, jnp.repeat(a[:1], chunks * size - rows, axis=0)])
        return filled.reshape(chunks, size, *a.shape[1:])

    found = lax.map(jax.checkpoint(lambda some: function(*some)), jax.tree.map(in_rows, arrays))
    return found.reshape(-1, *found.shape[2:])[:rows]
