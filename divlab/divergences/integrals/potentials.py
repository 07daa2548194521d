"""How measures of F - G change with the densities: the potential that weighs p - q."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from divlab.divergences.integrals import cumulative as lines
from divlab.divergences.integrals import polynomials
from divlab.divergences.integrals.arrays import Array, integrating_on_host
from divlab.divergences.integrals.cdf_distances import (
    Gap,
    area,
    candidates,
    largest,
    square,
    turns,
)
from divlab.divergences.integrals.cumulative import Line
from divlab.divergences.integrals.derivatives import (
    change_by_potentials,
    weighted_sums,
)
from divlab.divergences.integrals.panels import own_ends
from divlab.divergences.integrals.refinement import KRONROD, limits


class _Potential(NamedTuple):
    """The function φ of x for which a measure of F - G changes by ∫ φ (dp - dq) dx.

    For ∫ |F - G| it is Kantorovich's. It is given where each piece begins, at its nodes and where
    it ends, with its slope at the nodes; `beyond` (3, pieces) says how the part of the integral
    beyond a piece changes with `rest`, `moment` and `half_moment`.
    """

    at_low: np.ndarray
    at_nodes: np.ndarray
    at_high: np.ndarray
    slope: np.ndarray
    beyond: np.ndarray


def _potential_of_area(gap: Gap) -> _Potential:
    line, (low, high) = gap.line, gap.line.edges
    first, *shares = turns(gap)
    once, twice = (high.copy()[:, None] for _ in shares)
    for crossing, share in zip((once, twice), shares, strict=True):
        found = np.flatnonzero(share < 1)
        crossing[found, 0] = lines.at_share(line, found, share[found])
    edge, x, sign = low[:, None], line.x, -first[:, None]
    near, far = np.minimum(x, once), np.maximum(x, twice)
    middle = np.clip(x, once, twice)
    along = sign * ((near - edge) - (middle - once) + (far - twice))
    back = sign * ((once - near) - (twice - middle) + (high[:, None] - far))
    whole = (sign * ((once - edge) - (twice - once) + (high[:, None] - twice)))[:, 0]
    slope = np.where((x < once) | (x >= twice), sign, -sign)
    low_values, at_nodes, high_values = lines.from_middle(line, along, back, whole)
    for share, turn in zip(shares, (-2 * sign, 2 * sign), strict=True):
        bent = np.flatnonzero(share < 1)
        of_values, of_slopes = _weighed_kink(line, bent, share[bent])
        at_nodes[bent] += turn[bent] * of_values
        slope[bent] += turn[bent] * of_slopes
    distance = np.abs(line.outer - line.middle)
    sign = np.sign(gap.moment - distance * gap.rest)
    beyond = np.stack([-sign * distance, sign, 0 * sign])
    return _potential(line, (low_values, at_nodes, high_values), slope, beyond)


def _weighed_kink(line: Line, piece: np.ndarray, share: np.ndarray) -> tuple[Array, Array]:
    """What to add at the nodes to max(x - c, 0), and to its slope, where c lies within the piece.

    With it the sums over the nodes are the integrals of these functions times the densities, which
    are smooth. Without it the kink would cost four digits.
    """
    s, weights = polynomials.rule_from(share)
    x, c = lines.at_share(line, piece[:, None], s), lines.at_share(line, piece, share)[:, None]
    rises = line.x[piece] - c
    values = ((x - c)[..., None] * weights).sum(axis=1) / KRONROD
    return values - np.maximum(rises, 0.0), weights.sum(axis=1) / KRONROD - (rises >= 0)


def _potential_of_square(gap: Gap) -> _Potential:
    line, slope = gap.line, -2 * gap.at_nodes
    change = slope * line.slope
    rise, fall, whole = (
        polynomials.rise(change),
        polynomials.fall(change),
        polynomials.total(change),
    )
    distance = np.abs(line.outer - line.middle)
    by_rest = np.sqrt(distance) * np.abs(gap.half_moment) - 2 * distance * np.abs(gap.rest)
    by_half = np.sqrt(distance) * np.abs(gap.rest)
    beyond = [np.sign(gap.rest) * by_rest, 0 * by_rest, np.sign(gap.half_moment) * by_half]
    return _potential(line, lines.from_middle(line, rise, fall, whole), slope, np.stack(beyond))


def _potential_of_largest(gap: Gap) -> _Potential:
    """A step: 1 up to where |F - G| is largest, if F is the larger one there, or -1."""
    values, shares = candidates(gap)
    which, piece = np.unravel_index(np.argmax(np.abs(values)), values.shape)
    sign = np.sign(values[which, piece])
    rank = np.argsort(gap.line.order)
    before, until = sign * (rank < rank[piece]), sign * (rank <= rank[piece])
    at_nodes = np.tile(before[:, None], (1, 15))
    _, weights = polynomials.rule_from(shares[which, piece, None])
    at_nodes[piece] = sign * (1 - weights[0].sum(axis=0) / KRONROD)
    # Where p = q, the step may move along with the nodes.
    none = np.zeros_like(at_nodes)
    return _Potential(until, at_nodes, before, none, np.zeros((3, rank.size)))


def _potential(
    line: Line, values: tuple[Array, Array, Array], slope: np.ndarray, beyond: np.ndarray
) -> _Potential:
    return _Potential(*values, slope, np.where(line.is_tail, beyond, 0.0))


POTENTIALS: dict[Any, Callable[[Gap], _Potential]] = {
    area: _potential_of_area,
    square: _potential_of_square,
    largest: _potential_of_largest,
}


def change_on_host(
    measure: Callable[[Gap], Array], gap: Gap, primals: tuple[Any, ...], tangents: tuple[Any, ...]
) -> jax.Array:
    """The change of a measure of a known gap with the distributions (P, Q)."""
    with integrating_on_host():
        potential = POTENTIALS[measure](gap)
        line, at = gap.line, limits(gap.line.panels)
        piece = line.touching
        distance = np.abs(at.x[:, 0] - line.middle)
        factors = np.stack([np.ones_like(distance), distance, np.sqrt(distance)])
        shares = np.where(np.isfinite(gap.shares), gap.shares, 0.0)[:, piece] * factors
        outer = np.where(line.ascending, potential.at_low, potential.at_high)[piece]
        beyond = outer * shares[0] + (potential.beyond[:, piece] * shares).sum(axis=0)
        mass = KRONROD * line.slope
        weights = np.concatenate([(mass * potential.at_nodes).ravel(), beyond, 0 * beyond])
        rises = np.concatenate([(mass * potential.slope).ravel(), 0 * beyond, 0 * beyond])
        weights, rises = (np.stack([row, -row]) for row in (weights, rises))
        own = own_ends(*primals)
        sums = weighted_sums(line.panels, line.pieces, line.x, at, weights, rises, own=own)
    return change_by_potentials(primals, tangents, sums)
