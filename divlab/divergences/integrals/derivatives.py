"""Derivatives, where the parameters are known, of integrals that were found on the host.

An integral is a sum over points with weights. Only the values at the points, and where the points
are, depend on what is differentiated: the densities, by one program for each type, and the ends of
the supports. Nothing is compiled for a pair of types.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from divlab.divergences.integrals.arrays import Array, compiled, fill, filled_size, precision
from divlab.divergences.integrals.known import density_program
from divlab.divergences.integrals.outlines import support_ends
from divlab.divergences.integrals.panels import NO_END, Panels
from divlab.divergences.integrals.refinement import Limits, Pieces


class Motion(NamedTuple):
    """How points move with the ends of supports: which ones their panels begin and end at.

    `along` is where in its panel a point is, 0 at the anchor and 1 at the other edge; `per_width`
    is 1 over the width of the panel.
    """

    near: np.ndarray
    far: np.ndarray
    along: np.ndarray
    per_width: np.ndarray


class WeightedSums(NamedTuple):
    """Sums over (points,) with weights (functions, points), and how both move.

    `rises` is the slope of a weight in the place of its point, besides the stretching of panels.
    """

    points: np.ndarray
    weights: np.ndarray
    rises: np.ndarray
    motion: Motion


def weighted_sums(
    panels: Panels,
    pieces: Pieces,
    x: np.ndarray,
    at: Limits,
    weights: np.ndarray,
    rises: np.ndarray | None = None,
) -> WeightedSums:
    """The sums over the nodes x of all pieces, then the first point of each limit.

    All are filled up to one of the few lengths that programs are compiled for.
    """
    points = np.concatenate([x.ravel(), at.x[:, 0]])
    panel = np.concatenate([np.repeat(pieces.panel, 15), panels.at_limits])
    width = panels.width[panel]
    motion = Motion(
        _filled_numbers(panels.anchor_follows[panel]),
        _filled_numbers(panels.far_follows[panel]),
        fill((points - panels.anchor[panel]) / width, 0.0),
        fill(1 / width, 0.0),
    )
    rises = np.zeros_like(weights) if rises is None else rises
    return WeightedSums(fill(points, points[0]), _rows(weights), _rows(rises), motion)


def _filled_numbers(numbers: np.ndarray) -> np.ndarray:
    filled = np.full(filled_size(numbers.size), NO_END, np.int32)
    filled[: numbers.size] = numbers
    return filled


def _rows(numbers: np.ndarray) -> np.ndarray:
    largest = np.finfo(precision()).max
    return np.stack([fill(np.clip(row, -largest, largest), 0.0) for row in numbers])


def change_of_sums(
    values_of: Callable[..., list[jax.Array]],
    static: tuple[Any, ...],
    primals: tuple[Any, ...],
    tangents: tuple[Any, ...],
    sums: WeightedSums,
) -> tuple[jax.Array, ...]:
    """How each sum changes, to first order, with the distributions and with the options.

    Args:
        values_of: (*static, options, log densities at the points) -> the values of each function.
        static: arguments of it that are no numbers.
        primals: the distributions and the options.
        tangents: their changes.
        sums: the sums.
    """
    distributions, options = primals
    moves = any(support_ends(d.distribution).shape[0] for d in distributions)

    def at_points(distributions: tuple[Any, ...]) -> tuple[list[jax.Array], jax.Array | None]:
        x, w = _moved(distributions, sums) if moves else (sums.points, None)
        flat = [jax.tree.flatten(packed) for packed in distributions]
        return [density_program(structure)(numbers, x) for numbers, structure in flat], w

    (logs, _), (dlogs, dweights) = jax.jvp(at_points, (distributions,), (tangents[0],))
    slopes = _slopes(values_of, static, options, logs, sums.weights)
    changes: tuple[jax.Array, ...] = _changes(slopes, (tangents[1], dlogs), dweights)
    return changes


@compiled()
def _moved(distributions: tuple[Any, ...], sums: WeightedSums) -> tuple[Array, Array]:
    """The points and their weights with the gradients of the ends of the supports."""
    motion, ends = sums.motion, support_ends(*(d.distribution for d in distributions))
    shift = jnp.concatenate([ends - lax.stop_gradient(ends), jnp.zeros(1)])  # NO_END is the last
    stretch = shift[motion.far] - shift[motion.near]
    moves = shift[motion.near] + stretch * motion.along
    weights = sums.weights * (1 + stretch * motion.per_width) + sums.rises * moves
    return sums.points + moves, weights


class _Slopes(NamedTuple):
    """Of each function, the slopes of its sum in options and logs, and its values at points."""

    of_arguments: list[Any]
    values: list[jax.Array]


# A thousand points need no fast program: half the time to compile.
@partial(jax.jit, static_argnums=(0, 1), compiler_options={"xla_backend_optimization_level": 0})
def _slopes(
    values_of: Callable[..., Any],
    static: tuple[Any, ...],
    options: tuple[Any, ...],
    logs: list[jax.Array],
    weights: jax.Array,
) -> _Slopes:
    def sums(
        options: tuple[Any, ...], logs: list[jax.Array]
    ) -> tuple[list[jax.Array], list[jax.Array]]:
        values = values_of(*static, options, logs)
        pairs = zip(values, weights, strict=True)
        return [jnp.sum(jnp.where((w != 0) & (v != 0), v * w, 0.0)) for v, w in pairs], values

    totals, pull, values = jax.vjp(sums, options, logs, has_aux=True)
    units = np.eye(len(totals), dtype=weights.dtype)
    return _Slopes([pull(list(unit)) for unit in units], values)


@jax.jit
def _changes(
    slopes: _Slopes, changes: tuple[Any, ...], dweights: jax.Array | None
) -> tuple[jax.Array, ...]:
    found = []
    for i, of_one in enumerate(slopes.of_arguments):
        products = jax.tree.map(lambda a, b: jnp.sum(a * b), of_one, changes)
        change = sum(jax.tree.leaves(products), jnp.zeros(()))
        if dweights is not None:
            value = slopes.values[i]
            change += jnp.sum(jnp.where(jnp.isfinite(value), value, 0.0) * dweights[i])
        found.append(change)
    return tuple(found)
