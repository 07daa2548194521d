"""Derivatives, where the parameters are known, of integrals that were found on the host.

An integral is a sum over points with weights. Only the values at the points, and where the points
are, depend on what is differentiated: the densities, by one program for each type, and the ends of
the supports. Nothing is compiled for a pair of types.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from divlab.compiling import QUICKLY, jit_alone, jit_with
from divlab.divergences.integrals.arrays import (
    Array,
    compiled,
    fill,
    filled_size,
    integrating_on_host,
)
from divlab.divergences.integrals.densities import log_density
from divlab.divergences.integrals.known import TYPES, density_program
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


class Continued(NamedTuple):
    """Places beyond what floating point reaches, where log densities go on as lines.

    They are lines in the logarithm of the distance, through the first two points of a limit. At
    place i the log density is that of the first point of limit `limit[i]`, and `factor[i]` times
    what it exceeds that of the second by.
    """

    limit: np.ndarray
    factor: np.ndarray
    weight: np.ndarray


class WeightedSums(NamedTuple):
    """Sums over (points,) with weights (functions, points), and how both move.

    `rises` is the slope of a weight in the place of its point, besides the stretching of panels.
    The weights of places that are `Continued` come last; `first` and `second` are the numbers of
    the points that they continue. `own` are the `own_ends` of the sums that belong to one
    distribution each.
    """

    points: np.ndarray
    weights: np.ndarray
    rises: np.ndarray
    motion: Motion
    first: np.ndarray
    second: np.ndarray
    factor: np.ndarray
    own: np.ndarray | None


def weighted_sums(
    panels: Panels,
    pieces: Pieces,
    x: np.ndarray,
    at: Limits,
    weights: np.ndarray,
    rises: np.ndarray | None = None,
    continued: Continued | None = None,
    own: np.ndarray | None = None,
) -> WeightedSums:
    """The sums over the nodes x of all pieces, the first point of each limit, and what goes on.

    All are filled up to one of the few lengths that programs are compiled for.
    """
    if continued is None:
        continued = Continued(np.zeros(0, int), np.zeros(0), np.zeros(0))
    limits, count = at.x.shape[0], x.size
    points = np.concatenate([x.ravel(), at.x[:, 0], at.x[:, 1]])
    panel = np.concatenate([np.repeat(pieces.panel, 15), panels.at_limits, panels.at_limits])
    width = panels.width[panel]
    motion = Motion(
        _filled_numbers(panels.anchor_follows[panel], NO_END),
        _filled_numbers(panels.far_follows[panel], NO_END),
        fill((points - panels.anchor[panel]) / width, 0.0),
        fill(1 / width, 0.0),
    )
    rises = np.zeros_like(weights) if rises is None else rises
    further = np.tile(fill(continued.weight, 0.0), (len(weights), 1))
    return WeightedSums(
        fill(points, points[0]),
        np.concatenate([_rows(weights), further], axis=1),
        _rows(rises),
        motion,
        _filled_numbers(count + continued.limit, 0),
        _filled_numbers(count + limits + continued.limit, 0),
        fill(continued.factor, 0.0),
        own,
    )


def _filled_numbers(numbers: np.ndarray, rest: int) -> np.ndarray:
    filled = np.full(filled_size(numbers.size), rest, np.int32)
    filled[: numbers.size] = numbers
    return filled


def _rows(numbers: np.ndarray) -> np.ndarray:
    return np.stack([fill(row, 0.0) for row in numbers])


def change_of_sums(
    values_of: Callable[..., list[jax.Array]],
    static: tuple[Any, ...],
    primals: tuple[Any, ...],
    tangents: tuple[Any, ...],
    sums: WeightedSums,
    count: int,
) -> list[jax.Array]:
    """How each of the first `count` sums changes, to first order, with distributions and options.

    Args:
        values_of: (*static, options, log densities at the points) -> the values of each function.
        static: arguments of it that are no numbers.
        primals: the distributions and the options, which are known.
        tangents: their changes, which may be traced.
        sums: the sums.
        count: how many of the functions are differentiated.
    """
    distributions, options = primals
    with integrating_on_host():
        flat = [packed.numbers_and_structure() for packed in distributions]
        programs = [density_program(structure) for _, structure in flat]
        logs = [of(n, sums.points) for of, (n, _) in zip(programs, flat, strict=True)]
        found = _slopes(values_of, static, options, logs, sums, count)
        gradients = [
            _pulled(distributions, flat, sums, i, *of_one) for i, of_one in enumerate(found)
        ]
    changes = jax.tree.leaves(tangents[0]) + jax.tree.leaves(tangents[1])
    return [_product(gradient, changes) for gradient in gradients]


@jax.custom_jvp
def differentiable_once(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same arguments, for a first derivative that cannot be differentiated again.

    It is a sum with weights, and pieces that end at kinks, which are held. As they depend on the
    arguments too, its derivative would be a wrong but plausible number: 0 for W₂ in a mean.
    """
    return arguments


@differentiable_once.defjvp
def _refuse(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> Any:
    raise NotImplementedError(
        "tv, wasserstein, cramer, energy, ks and mmd of two distributions have a first derivative "
        "only, and so have rows with a kink; for the second, take differences of `jax.grad`."
    )


def change_by_potentials(
    distributions: tuple[Any, ...], tangents: tuple[Any, ...], sums: WeightedSums
) -> jax.Array:
    """How a distance changes, where sum i weighs the density of distribution i by its potential."""
    primals, changes, count = (distributions, ()), (tangents, ()), len(distributions)
    found = change_of_sums(_exponentials, (), primals, changes, sums, count)
    return sum(found, jnp.zeros(()))


def _exponentials(options: tuple[Any, ...], logs: list[jax.Array]) -> list[jax.Array]:
    return [jnp.exp(log) for log in logs]


def _product(gradient: list[Any], changes: list[Any]) -> jax.Array:
    """The sum of the products, in the precision of the changes."""
    pairs = [(g, c) for g, c in zip(gradient, changes, strict=True) if c.dtype != jax.dtypes.float0]
    with np.errstate(over="ignore"):  # too large for the changes is infinite
        products = [jnp.sum(np.asarray(g, c.dtype) * c) for g, c in pairs]
    return sum(products, jnp.zeros((), float))


def _pulled(
    distributions: tuple[Any, ...],
    flat: list[Any],
    sums: WeightedSums,
    index: int,
    of_options: Any,
    of_logs: list[jax.Array],
    values: jax.Array,
) -> list[Any]:
    """The gradient of a sum in all numbers of the distributions, then in those of the options."""
    pulled: list[Any] = [
        _pull_density(structure)(numbers, sums.points, of_log)
        if np.asarray(of_log).any()
        else ([np.zeros_like(number) for number in numbers], np.zeros_like(sums.points))
        for (numbers, structure), of_log in zip(flat, of_logs, strict=True)
    ]
    gradient = [g for of_numbers, _ in pulled for g in of_numbers]
    if any(support_ends(d.distribution).shape[0] for d in distributions):
        of_points = sum(np.asarray(of_x) for _, of_x in pulled)
        weights, rises = sums.weights[index], sums.rises[index]
        motion = sums.motion
        if sums.own is not None:
            own = sums.own[index]
            motion = motion._replace(near=own[motion.near], far=own[motion.far])
        by_ends = _pull_points(distributions, motion, of_points, values, weights, rises)
        also = jax.tree.leaves(by_ends)
        gradient = [np.asarray(a) + np.asarray(b) for a, b in zip(gradient, also, strict=True)]
    return [*gradient, *jax.tree.leaves(of_options)]


@lru_cache(maxsize=TYPES)
def _pull_density(structure: Any) -> Callable[..., Any]:
    """From a gradient in log densities to one in the numbers of a distribution and in the points.

    A thousand points need no fast program: it is compiled in half the time.
    """

    def pull(numbers: list[Any], x: jax.Array, of_logs: jax.Array) -> Any:
        def log_densities(numbers: list[Any], x: jax.Array) -> jax.Array:
            return log_density(jax.tree.unflatten(structure, numbers).distribution, x)

        of_numbers, of_points = jax.vjp(log_densities, numbers, x)[1](of_logs)
        # What is infinite, such as the end of a support, has no slope and does not move.
        moving = [jnp.where(jnp.isinf(n), 0.0, g) for n, g in zip(numbers, of_numbers, strict=True)]
        return moving, of_points

    return jit_alone(pull, QUICKLY)


@compiled(options=QUICKLY)
def _pull_points(
    distributions: tuple[Any, ...],
    motion: Motion,
    of_points: Array,
    values: Array,
    weights: Array,
    rises: Array,
) -> Any:
    """The gradient by way of the ends of the supports, with which points and weights move."""
    size = of_points.shape[0]

    def change(distributions: tuple[Any, ...]) -> Array:
        ends = support_ends(*(d.distribution for d in distributions))
        shift = jnp.concatenate([ends - lax.stop_gradient(ends), jnp.zeros(1)])  # NO_END is last
        stretch = shift[motion.far] - shift[motion.near]
        moves = shift[motion.near] + stretch * motion.along
        of_weights = weights[:size] * stretch * motion.per_width + rises * moves
        return jnp.sum(of_points * moves) + jnp.sum(values[:size] * of_weights)

    return jax.grad(change)(distributions)


# A thousand points need no fast program: half the time to compile.
@jit_with(QUICKLY, static_argnums=(0, 1, 5))
def _slopes(
    values_of: Callable[..., Any],
    static: tuple[Any, ...],
    options: tuple[Any, ...],
    logs: list[jax.Array],
    sums: WeightedSums,
    count: int,
) -> list[tuple[Any, list[jax.Array], jax.Array]]:
    """Of each function, the gradients of its sum in options, logs and weights."""

    def totals(
        options: tuple[Any, ...], logs: list[jax.Array]
    ) -> tuple[list[jax.Array], list[jax.Array]]:
        values = values_of(*static, options, [_continue(log, sums) for log in logs])[:count]
        pairs = list(zip(values, sums.weights, strict=False))
        return [jnp.sum(jnp.where((w != 0) & (v != 0), v * w, 0.0)) for v, w in pairs], values

    found, pull, values = jax.vjp(totals, options, logs, has_aux=True)
    units = np.eye(len(found))
    slopes = []
    for unit, value in zip(units, values, strict=True):
        of_options, of_logs = pull(
            [jnp.asarray(u, f.dtype) for u, f in zip(unit, found, strict=True)]
        )
        slopes.append((of_options, of_logs, jnp.where(jnp.isfinite(value), value, 0.0)))
    return slopes


def _continue(log: jax.Array, sums: WeightedSums) -> jax.Array:
    """The log densities at the points, then at the places that are continued."""
    first, second = log[sums.first], log[sums.second]
    rise = jnp.where((first > -jnp.inf) & (second > -jnp.inf), first - second, 0.0)
    return jnp.concatenate([log, first + sums.factor * rise])
