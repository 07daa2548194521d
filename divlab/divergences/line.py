"""The line on which distributions are compared, and their masses to either side of every node.

Masses are summed from both ends, so that those far out in either tail keep their digits.
"""

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


def draw_line(*distributions: Distribution, extra: jax.Array | None = None) -> Line:
    """The line cut for all distributions, and at `extra` points, refined where their mass is."""
    panels = quadrature.cut_line(*distributions, extra=extra)
    spread = lax.stop_gradient(jnp.max(jnp.abs(panels.width)))
    middle = lax.stop_gradient(jnp.mean(panels.anchor))

    def resolved(x):  # with the distance, since a transport cost weighs mass by how far it goes
        masses = sum(density(d, x) for d in distributions)
        return masses * (1 + jnp.abs(x - middle) / spread)

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


def accumulate(line: Line, function) -> Cumulative:
    """The masses from either side of a density, or of a difference of two."""
    values, rest = on_line(line, function), remainders(line, function)
    mass = total(values)
    sums = _sum_from_left(line, mass + rest), _sum_from_left(line, mass + rest, reverse=True)
    below = sums[0] + jnp.where(line.ascending, rest, 0.0)
    above = sums[1] + jnp.where(line.ascending, 0.0, rest)
    return Cumulative(below, above, mass, values, rest)


def _sum_from_left(line: Line, masses: jax.Array, *, reverse: bool = False) -> jax.Array:
    """The sum over the pieces to the left (or right) of each, added up from that end."""
    order = line.order[::-1] if reverse else line.order
    in_order = jnp.cumsum(masses[order])[:-1]
    return jnp.zeros_like(masses).at[order[1:]].set(in_order)


def on_line(line: Line, integrand) -> jax.Array:
    """integrand(x) dx/ds at the nodes, pieces of no width left out."""
    value = integrand(line.x)
    return jnp.where((line.slope > 0) & (value != 0), value * line.slope, 0.0)


def remainders(line: Line, integrand) -> jax.Array:
    """What lies between each piece and the end or the infinity its panel begins at."""
    rest = quadrature.remainders(line.panels, integrand)
    return jnp.zeros_like(line.outer).at[line.panels.at_limits].set(rest)


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
