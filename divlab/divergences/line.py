"""The line on which distributions are compared, and their masses to either side of every node.

Masses are summed from both ends, so that those far out in either tail keep their digits.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from numpy.polynomial import legendre
from numpyro.distributions import Distribution

from divlab.divergences import quadrature
from divlab.divergences.densities import log_density

# Polynomials on [0, 1] through the 15 nodes, as coefficients of Legendre polynomials P_k(2s - 1):
# the coefficients from the values, and the integrals from 0 to s of each P_k.
_COEFFICIENTS = np.linalg.inv(legendre.legvander(2 * quadrature.NODES - 1, 14))
_INTEGRALS = np.stack([legendre.legint(row, lbnd=-1) / 2 for row in np.eye(15)])  # (15, 16)
_TO_NODES = legendre.legvander(2 * quadrature.NODES - 1, 15) @ _INTEGRALS.T @ _COEFFICIENTS
_CHUNK = 1 << 12  # pieces integrated over at a time, which bounds the memory


class Line(NamedTuple):
    """The pieces on which distributions are resolved, each seen from left to right."""

    panels: quadrature.Panels
    pieces: quadrature.Pieces
    order: jax.Array  # pieces from left to right
    ascending: jax.Array  # whether t runs the way of x
    x: jax.Array
    slope: jax.Array  # dx/ds, where s runs from 0 to 1 over the piece
    edges: tuple[jax.Array, jax.Array]
    outer: jax.Array  # the edge at which the panel starts

    @property
    def is_tail(self) -> jax.Array:
        """Which pieces belong to a panel that goes on to infinity."""
        return self.panels.kind[self.pieces.panel] >= quadrature.LEFT_TAIL

    @property
    def middle(self) -> jax.Array:
        """A point amid the mass."""
        return lax.stop_gradient(jnp.mean(self.panels.anchor))


class Cumulative(NamedTuple):
    """Masses of a distribution over the pieces of a line, tails exact to relative precision.

    `below` and `above` are the masses to the left and right of each piece, `mass` that on it,
    `density` the values of p dx/ds at the nodes, `rest` the mass that lies between each piece and
    the end or the infinity its panel begins at.
    """

    below: jax.Array
    above: jax.Array
    mass: jax.Array
    density: jax.Array
    rest: jax.Array

    @property
    def cdf(self) -> jax.Array:
        """The mass to the left of each node."""
        return self.below[:, None] + rise(self.density)

    @property
    def survival(self) -> jax.Array:
        """The mass to the right of each node."""
        return self.above[:, None] + fall(self.density)

    @property
    def total(self) -> jax.Array:
        """All mass, which is 1 where the nodes resolve the distribution."""
        return jnp.sum(self.mass) + jnp.sum(self.rest)


def density(distribution: Distribution, x: jax.Array) -> jax.Array:
    """The value of p(x)."""
    return jnp.exp(log_density(distribution, x))


def draw_line(
    *distributions: Distribution,
    cuts: jax.Array | None = None,
    integrands: Callable[..., tuple] | None = None,
) -> Line:
    """The line cut for all distributions, and at more `cuts`, refined where their mass is.

    `integrands`, of their log densities, are further functions for which it is refined.
    """
    panels = quadrature.cut_line(*distributions, extra=cuts)
    spread = lax.stop_gradient(jnp.max(jnp.abs(panels.width)))
    middle = lax.stop_gradient(jnp.mean(panels.anchor))

    def resolved(x):  # with the distance, since a transport cost weighs mass by how far it goes
        logs = lax.optimization_barrier(tuple(log_density(d, x) for d in distributions))
        masses = sum(jnp.exp(log) for log in logs) * (1 + jnp.abs(x - middle) / spread)
        return masses if integrands is None else (masses, *integrands(*logs))

    pieces = quadrature.refine(panels, resolved).pieces
    is_tail = panels.kind >= quadrature.LEFT_TAIL
    ascending = jnp.where(is_tail, panels.width < 0, panels.width > 0)[pieces.panel]
    x, slope = (_left_to_right(a, ascending) for a in quadrature.nodes(panels, pieces))
    order = jnp.argsort(lax.stop_gradient(x[:, 7]))
    length = (pieces.stop - pieces.start)[:, None]
    at_start, at_stop = (panels.locate(pieces.panel, t[:, None])[0][:, 0] for t in pieces[1:])
    # The first piece next to the end of a support reaches as far as the end itself.
    touches = (pieces.start == panels.start[pieces.panel]) & (
        panels.kind[pieces.panel] < quadrature.LEFT_TAIL
    )
    at_start = jnp.where(touches, panels.anchor[pieces.panel], at_start)
    edges = jnp.where(ascending, at_start, at_stop), jnp.where(ascending, at_stop, at_start)
    slope = jnp.where(length > 0, slope * length, 0.0)
    return Line(panels, pieces, order, ascending, x, slope, edges, at_start)


def _left_to_right(values, ascending):
    return jnp.where(ascending[:, None], values, values[:, ::-1])


def evaluate(line: Line, functions: Callable[..., tuple]) -> tuple[jax.Array, jax.Array]:
    """Of each function: its values times dx/ds at the nodes, and what lies beyond each piece.

    Args:
        line: the line.
        functions: of x, point by point; called once, since what it holds is slow to compile.

    Returns:
        (functions, pieces, 15) values, 0 on pieces of no width; (functions, pieces) what lies
        between each piece and the end or the infinity its panel begins at.
    """
    at = quadrature.limits(line.panels)
    nodes = line.x.size
    found = jnp.stack(functions(jnp.concatenate([line.x.ravel(), at.x.ravel()])))
    values = found[:, :nodes].reshape(-1, *line.x.shape)
    values = jnp.where((line.slope > 0) & (values != 0), values * line.slope, 0.0)
    near = found[:, nodes:].reshape(-1, *at.x.shape)
    return values, _beyond(line, jax.vmap(partial(quadrature.remainder, at))(near))


def remainders(line: Line, function) -> jax.Array:
    """What lies between each piece and the end or the infinity its panel begins at."""
    return _beyond(line, quadrature.remainders(line.panels, function))


def _beyond(line: Line, rest: jax.Array) -> jax.Array:
    zeros = jnp.zeros((*rest.shape[:-1], *line.outer.shape), rest.dtype)
    return zeros.at[..., line.panels.at_limits].set(rest)


def accumulate(line: Line, values: jax.Array, rest: jax.Array) -> list[Cumulative]:
    """The masses from either side of densities, or of differences, that `evaluate` has found."""
    mass = total(values)
    below, above = _sums_from_both_ends(line, mass + rest)
    below = below + jnp.where(line.ascending, rest, 0.0)
    above = above + jnp.where(line.ascending, 0.0, rest)
    return [Cumulative(*of_one) for of_one in zip(below, above, mass, values, rest, strict=True)]


def masses(line: Line, *distributions: Distribution) -> list[Cumulative]:
    """The masses of each distribution from either side."""
    found = evaluate(line, lambda x: tuple(density(d, x) for d in distributions))
    return accumulate(line, *found)


def _sums_from_both_ends(line: Line, masses: jax.Array) -> jax.Array:
    """Sums over the pieces to the left of each, and to the right, each added up from its end."""
    orders = jnp.stack([line.order, line.order[::-1]])
    sums = jnp.cumsum(masses[:, orders], axis=-1)[..., :-1]
    ends = jnp.zeros((*masses.shape[:1], *orders.shape), masses.dtype)
    return ends.at[:, jnp.arange(2)[:, None], orders[:, 1:]].set(sums).swapaxes(0, 1)


def total(values: jax.Array) -> jax.Array:
    """∫_0^1 of the polynomials through `values` (..., 15) at the nodes."""
    return values @ jnp.asarray(quadrature.KRONROD, values.dtype)


def rise(values: jax.Array) -> jax.Array:
    """∫_0^s for s at every node, of the polynomials through `values` (..., 15)."""
    return values @ jnp.asarray(_TO_NODES, values.dtype).T


def fall(values: jax.Array) -> jax.Array:
    """∫_s^1 likewise."""
    return values @ jnp.asarray(quadrature.KRONROD - _TO_NODES, values.dtype).T


def series(values: jax.Array) -> jax.Array:
    """Legendre coefficients (..., 15) of the polynomials through `values` (..., 15)."""
    return values @ jnp.asarray(_COEFFICIENTS.T, values.dtype)


def integral_series(values: jax.Array) -> jax.Array:
    """Legendre coefficients (..., 16) of ∫_0^s of the polynomials through `values` (..., 15)."""
    return values @ jnp.asarray(_COEFFICIENTS.T @ _INTEGRALS, values.dtype)


def sum_series(coefficients: jax.Array, s: jax.Array) -> jax.Array:
    """Σ c_k P_k(2s - 1) by Clenshaw's recurrence."""
    t = 2 * s - 1
    later, latest = jnp.zeros_like(s), jnp.zeros_like(s)
    for k in range(coefficients.shape[-1] - 1, 0, -1):
        step = (2 * k + 1) / (k + 1) * t * later - (k + 1) / (k + 2) * latest
        later, latest = coefficients[..., k] + step, later
    return coefficients[..., 0] + t * later - 0.5 * latest


def bisect(increasing, like: jax.Array) -> jax.Array:
    """The s in [0, 1] at which the function `increasing` turns positive."""

    def halve(bounds, _):
        low, high = bounds
        middle = (low + high) / 2
        is_high = increasing(middle) > 0
        return (jnp.where(is_high, low, middle), jnp.where(is_high, middle, high)), None

    bounds = (jnp.zeros_like(like), jnp.ones_like(like))
    digits = min(jnp.finfo(like.dtype).nmant + 2, 40)
    (low, high), _ = lax.scan(halve, bounds, length=digits)
    return lax.stop_gradient((low + high) / 2)


def place(line: Line, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The piece that x lies on and its coordinate t there; past the outermost, where they stop."""
    low = lax.stop_gradient(line.edges[0][line.order])
    found = jnp.searchsorted(low, lax.stop_gradient(x), side="right") - 1
    part = line.order[jnp.clip(found, 0)]
    panel, start, stop = (a[part] for a in line.pieces)
    return part, jnp.clip(_coordinate(line.panels, panel, x), start, stop)


def _coordinate(panels: quadrature.Panels, panel: jax.Array, x: jax.Array) -> jax.Array:
    """The t at which panel `panel` comes to x, the inverse of `Panels.locate`."""
    anchor, width, kind = (a[panel] for a in panels[:3])
    u = (x - anchor) / jnp.where(width == 0, 1.0, width)
    inside = u > 0
    u = jnp.where(inside, u, 1.0)
    root = jnp.where(kind >= quadrature.LEFT_TAIL, u**-0.25, u**0.25)
    return jnp.where(inside, jnp.where(kind == quadrature.INTERIOR, u, root), 0.0)


def split(line: Line, points: jax.Array) -> tuple[quadrature.Pieces, jax.Array]:
    """The pieces of the line cut at `points` as well, and which piece each of them is a part of.

    They come from left to right. Points beyond the outermost pieces add pieces of no width.
    """
    low, high = (edge[line.order] for edge in line.edges)
    starts = jnp.sort(jnp.concatenate([low, points.astype(low.dtype)]))
    stops = jnp.append(starts[1:], high[-1])
    part, begin = place(line, starts)
    panel, start, stop = (a[part] for a in line.pieces)
    end = jnp.clip(_coordinate(line.panels, panel, stops), start, stop)
    return quadrature.Pieces(panel, jnp.minimum(begin, end), jnp.maximum(begin, end)), part


def locate(line: Line, pieces: quadrature.Pieces, s: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The values of x and dx/ds at s, from 0 to 1 along t, on given pieces of the same panels."""
    length = (pieces.stop - pieces.start)[..., None]
    x, slope = line.panels.locate(pieces.panel, pieces.start[..., None] + length * s)
    return x, jnp.where(length > 0, slope * length, 0.0)


def in_chunks(function, *arrays):
    """`function` of each row of the arrays, some rows at a time, its gradients computed anew."""
    if jax.tree.leaves(arrays)[0].shape[0] <= _CHUNK:
        return jax.vmap(function)(*arrays)
    rows = jax.checkpoint(lambda row: function(*row))
    return lax.map(rows, arrays, batch_size=_CHUNK)
