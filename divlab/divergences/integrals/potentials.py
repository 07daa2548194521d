"""How measures of F - G change with the densities: the potential that weighs p - q."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from divlab.divergences.integrals import cdf_distances, polynomials, weighing
from divlab.divergences.integrals import cumulative as lines
from divlab.divergences.integrals.arrays import (
    Array,
    compiled,
    fixed,
    integrating_on_host,
    namespace,
    on_host,
    set_rows,
)
from divlab.divergences.integrals.cdf_distances import (
    Gap,
    area,
    candidates,
    largest,
    square,
    turns,
)
from divlab.divergences.integrals.cumulative import Line
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.integrals.refinement import limits
from divlab.divergences.integrals.weighing import Weights

Measures = tuple[Callable[[Gap], Array], ...]


class _Potential(NamedTuple):
    """The function φ of x for which a measure of F - G changes by ∫ φ (dp - dq) dx.

    For ∫ |F - G| it is Kantorovich's. It is given where each piece begins, at its nodes and where
    it ends, with its slope at the nodes; `beyond` (3, pieces) says how the part of the integral
    beyond a piece changes with `rest`, `moment` and `half_moment`.
    """

    at_low: Array
    at_nodes: Array
    at_high: Array
    slope: Array
    beyond: Array


def _potential_of_area(gap: Gap) -> _Potential:
    line, (low, high) = gap.line, gap.line.edges
    xp, pieces = namespace(low), np.arange(low.shape[0])
    first, *shares = turns(gap)
    once, twice = (
        xp.where(share < 1, lines.at_share(line, pieces, share), high)[:, None] for share in shares
    )
    edge, x, sign = low[:, None], line.x, -first[:, None]
    near, far = xp.minimum(x, once), xp.maximum(x, twice)
    middle = xp.clip(x, once, twice)
    along = sign * ((near - edge) - (middle - once) + (far - twice))
    back = sign * ((once - near) - (twice - middle) + (high[:, None] - far))
    whole = (sign * ((once - edge) - (twice - once) + (high[:, None] - twice)))[:, 0]
    slope = xp.where((x < once) | (x >= twice), sign, -sign)
    low_values, at_nodes, high_values = lines.from_middle(line, along, back, whole)
    for share, turn in zip(shares, (-2 * sign, 2 * sign), strict=True):
        bent = np.flatnonzero(share < 1) if on_host(share) else pieces
        turned = xp.where(share[bent, None] < 1, turn[bent], 0.0)
        of_values, of_slopes = _weighed_kink(line, bent, share[bent])
        at_nodes = set_rows(at_nodes, bent, at_nodes[bent] + turned * of_values)
        slope = set_rows(slope, bent, slope[bent] + turned * of_slopes)
    distance = xp.abs(line.outer - line.middle)
    sign = xp.sign(gap.moment - distance * gap.rest)
    beyond = xp.stack([-sign * distance, sign, 0 * sign])
    return _potential(line, (low_values, at_nodes, high_values), slope, beyond)


def _weighed_kink(line: Line, piece: np.ndarray, share: Array) -> tuple[Array, Array]:
    """What to add at the nodes to max(x - c, 0), and to its slope, where c lies within the piece.

    With it the sums over the nodes are the integrals of these functions times the densities, which
    are smooth. Without it the kink would cost four digits.
    """
    s, weights = polynomials.rule_from(share)
    x, c = lines.at_share(line, piece[:, None], s), lines.at_share(line, piece, share)[:, None]
    rises = line.x[piece] - c
    values = ((x - c)[..., None] * weights).sum(axis=1)
    return values - namespace(rises).maximum(rises, 0.0), weights.sum(axis=1) - (rises >= 0)


def _potential_of_square(gap: Gap) -> _Potential:
    line, slope, xp = gap.line, -2 * gap.at_nodes, namespace(gap.at_nodes)
    change = slope * line.slope
    rise, fall, whole = (
        polynomials.rise(change),
        polynomials.fall(change),
        polynomials.total(change),
    )
    distance = xp.abs(line.outer - line.middle)
    by_rest = xp.sqrt(distance) * xp.abs(gap.half_moment) - 2 * distance * xp.abs(gap.rest)
    by_half = xp.sqrt(distance) * xp.abs(gap.rest)
    beyond = [xp.sign(gap.rest) * by_rest, 0 * by_rest, xp.sign(gap.half_moment) * by_half]
    return _potential(line, lines.from_middle(line, rise, fall, whole), slope, xp.stack(beyond))


def _potential_of_largest(gap: Gap) -> _Potential:
    """A step: 1 up to where |F - G| is largest, if F is the larger one there, or -1."""
    values, shares = candidates(gap)
    xp = namespace(values)
    which, piece = xp.unravel_index(xp.argmax(xp.abs(values)), values.shape)
    sign = xp.sign(values[which, piece])
    rank = xp.argsort(gap.line.order)
    before, until = sign * (rank < rank[piece]), sign * (rank <= rank[piece])
    at_nodes = xp.tile(before[:, None], (1, 15))
    _, weights = polynomials.rule_from(shares[which, piece, None])
    at_nodes = set_rows(at_nodes, piece, sign * (1 - weights[0].sum(axis=0)))
    # Where p = q, the step may move along with the nodes.
    none = xp.zeros_like(at_nodes)
    return _Potential(until, at_nodes, before, none, xp.zeros((3, rank.shape[0])))


def _potential(
    line: Line, values: tuple[Array, Array, Array], slope: Array, beyond: Array
) -> _Potential:
    beyond = namespace(beyond).where(line.is_tail, beyond, 0.0)
    return _Potential(*values, slope, beyond)


POTENTIALS: dict[Any, Callable[[Gap], _Potential]] = {
    area: _potential_of_area,
    square: _potential_of_square,
    largest: _potential_of_largest,
}


def _weights(measure: Callable[[Gap], Array], gap: Gap) -> tuple[Weights, Weights]:
    """What p and q are weighed by: the potential, and the same with the other sign."""
    potential, line = POTENTIALS[measure](gap), gap.line
    xp, piece = namespace(line.x), line.touching
    distance = xp.abs(limits(line.panels).x[:, 0] - line.middle)
    factors = xp.stack([xp.ones_like(distance), distance, xp.sqrt(distance)])
    shares = xp.where(xp.isfinite(gap.shares), gap.shares, 0.0)[:, piece] * factors
    outer = xp.where(line.ascending, potential.at_low, potential.at_high)[piece]
    beyond = outer * shares[0] + (potential.beyond[:, piece] * shares).sum(axis=0)
    of_p = Weights(potential.at_nodes, potential.slope, beyond)
    return of_p, of_p.opposite()


def change_on_host(
    measure: Callable[[Gap], Array], gap: Gap, primals: tuple[Any, ...], tangents: tuple[Any, ...]
) -> jax.Array:
    """The change of a measure of a known gap with the distributions (P, Q)."""
    with integrating_on_host():
        found = _weights(measure, gap)
    return weighing.change_on_host(gap.line, found, primals, tangents)


@compiled(0)
def traced_change(
    measures: Measures, primals: tuple[Packed, Packed], tangents: tuple[Any, Any]
) -> tuple[list[Array], list[Array], list[Array]]:
    """Measures of a traced gap, the masses of P and Q, and how the measures change with both."""
    gap, *masses, _ = fixed(cdf_distances.between(*fixed(primals)))
    values = [measure(gap) for measure in measures]
    found = [_weights(measure, gap) for measure in measures]
    changes = weighing.traced_changes(gap.line, found, primals, tangents)
    # Where a value was not found, neither was its slope.
    known = [jnp.where(jnp.isnan(value), jnp.nan, 1.0) for value in values]
    return values, masses, [k * change for k, change in zip(known, changes, strict=True)]
