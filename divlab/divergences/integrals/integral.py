"""Integrals over the line of functions of log densities, to near rounding error.

The result is the same whether the parameters are known or traced; the way there is not. Known ones
are integrated on the host: what is compiled is each type's density and each integrand, so a pair of
types that is new to a session costs what its two densities cost. Traced ones, under `jit` and
`vmap`, are integrated by one program, which serves every value of the parameters. `jax.grad` alone
has known parameters to differentiate at, and so does without that program too.

What falls short: next to an end of a support other than 0, where x cannot come close enough to the
end, a density that is infinite there (a Beta with a parameter below 1) costs digits: up to 5e-3 of
the value in 32 bits, 1e-7 in 64.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from divlab.divergences.integrals.arrays import (
    Array,
    computing_on_host,
    fill,
    filled_size,
    fixed,
    is_known,
    precision,
)
from divlab.divergences.integrals.densities import log_density
from divlab.divergences.integrals.known import Known, density_program
from divlab.divergences.integrals.outlines import outline, support_ends
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.integrals.panels import NO_END, Panels, attach, cut_line
from divlab.divergences.integrals.refinement import (
    Limits,
    Look,
    Pieces,
    Refined,
    limits,
    look_by,
    nodes,
    refine,
    times,
    weigh,
)

Distributions = tuple[Packed, ...]
_NONE = np.zeros(0)


def integral(
    integrand: Callable[..., Any],
    distributions: Distributions,
    *options: Any,
    cuts: Array = _NONE,
) -> tuple[Array, ...]:
    """∫ integrand(*options, log p(x), log q(x), …) dx, ∫ p dx, ∫ q dx, ….

    The line is cut where the distributions have their mass, and at the points `cuts`.

    The integrand may return a tuple of several values. It must do with arrays of NumPy and of JAX,
    and depend on no traced number other than its arguments. The masses that follow are 1 where the
    nodes resolve the distributions: the self-check behind every quadrature. An integral is `inf` or
    `-inf` where it has no bound.
    """
    if is_known(distributions, options, cuts):
        return tuple(_on_host(integrand, distributions, options, cuts)[0].totals())
    return _traced(integrand, distributions, options, fixed(jnp.asarray(cuts, float)))


def _values(integrand: Callable, options: tuple, logs: Sequence[jax.Array]) -> list[jax.Array]:
    """The values of the integrand and of the densities at points with these log densities."""
    return [*jax.tree.leaves(integrand(*options, *logs)), *(jnp.exp(log) for log in logs)]


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _traced(
    integrand: Callable, distributions: Distributions, options: tuple, cuts: jax.Array
) -> tuple[jax.Array, ...]:
    return _program(integrand, distributions, options, cuts)


@partial(jax.jit, static_argnums=0)
def _program(
    integrand: Callable, distributions: Distributions, options: tuple, cuts: jax.Array
) -> tuple[jax.Array, ...]:
    panels = _traced_panels(distributions, cuts)
    functions = _traced_functions(integrand, distributions, options)
    return tuple(refine(panels, look_by(panels, functions)).totals())


def _traced_panels(distributions: Distributions, cuts: jax.Array) -> Panels:
    return cut_line([outline(d) for d in distributions], cuts)


def _traced_functions(
    integrand: Callable, distributions: Distributions, options: tuple
) -> Callable[[jax.Array], list[jax.Array]]:
    def functions(x: jax.Array) -> list[jax.Array]:
        # Behind the barrier each density is computed once, not once for each function of it.
        logs = tuple(log_density(d.distribution, x) for d in distributions)
        return _values(integrand, options, lax.optimization_barrier(logs))

    return functions


@_traced.defjvp
def _traced_jvp(integrand: Callable, primals: tuple, tangents: tuple) -> tuple[Any, Any]:
    """Where the line is halved carries no gradient: it is that of the sum over the last pieces."""
    if is_known(primals):
        return _jvp_on_host(integrand, primals, tangents)
    return _jvp_program(integrand, primals, tangents)


@partial(jax.jit, static_argnums=0)
def _jvp_program(integrand: Callable, primals: tuple, tangents: tuple) -> tuple[Any, Any]:
    held, options = lax.stop_gradient(primals[:2])
    panels = _traced_panels(held, primals[2])
    held_functions = _traced_functions(integrand, held, options)
    pieces = refine(panels, look_by(panels, held_functions)).pieces

    def over_pieces(distributions: Distributions, options: tuple, _: Any) -> tuple[jax.Array, ...]:
        moved = attach(panels, support_ends(*(d.distribution for d in distributions)))
        functions = _traced_functions(integrand, distributions, options)
        return _sum(look_by(moved, functions)(pieces, limits(moved)))

    return jax.jvp(over_pieces, primals, tangents)


def _sum(look: Look) -> tuple[jax.Array, ...]:
    return tuple(look.values.sum(axis=0) + look.rest.sum(axis=0))


# The same on the host, in three steps, each of them a program that depends on as little as can be:
# where the nodes are on the supports, a density on its type, the sums on the integrand.

_LIMITS = 32  # panels at a limit, of which a program takes so many or a multiple


def _on_host(
    integrand: Callable, distributions: Distributions, options: tuple, cuts: np.ndarray
) -> tuple[Refined, Panels]:
    """The pieces with their integrals, and the panels that they are parts of."""
    densities = [Known(d).on_device for d in distributions]
    with computing_on_host():
        panels = cut_line([outline(d) for d in distributions], cuts)

        def look(pieces: Pieces, at: Limits | None) -> Look:
            x, slope = nodes(panels, pieces)
            points = x.ravel() if at is None else np.concatenate([x.ravel(), at.x.ravel()])
            filled = fill(points, points[0])
            logs = [density(filled) for density in densities]
            values = np.stack(_values_program(integrand, options, logs))
            inside = values[:, : x.size].reshape(-1, *x.shape)
            near = [] if at is None else values[:, x.size : points.size].reshape(-1, *at.x.shape)
            return weigh(times(inside, slope), near, pieces.stop - pieces.start, at)

        return refine(panels, look), panels


@partial(jax.jit, static_argnums=0)
def _values_program(integrand: Callable, options: tuple, logs: list[jax.Array]) -> list[jax.Array]:
    return _values(integrand, options, logs)


@partial(jax.jit, static_argnums=0)
def _look(
    integrand: Callable,
    options: tuple,
    logs: list[jax.Array],
    slope: jax.Array,
    length: jax.Array,
    at: Limits,
) -> Look:
    values = _values(integrand, options, logs)
    inside = [times(v[: slope.size].reshape(slope.shape), slope) for v in values]
    near = [v[slope.size : slope.size + at.x.size].reshape(at.x.shape) for v in values]
    return weigh(inside, near, length, at)


def _filled(
    x: np.ndarray, slope: np.ndarray, pieces: Pieces, at: Limits | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, Limits]:
    """Points in a row and all that goes with them, as many as the few programs take.

    The nodes of the pieces come first, then the points of the limits. What is added has no width.
    """
    count, dtype = slope.shape[0], precision()
    limit_count = 0 if at is None else at.start.size
    room = _LIMITS * max(1, -(-limit_count // _LIMITS))
    size = filled_size(15 * count + 2 * room)
    rows = (size - 2 * room) // 15
    points = np.full(size, x[0, 0], dtype)
    points[: x.size] = x.ravel()
    slopes, lengths = np.zeros((rows, 15), dtype), np.zeros(rows, dtype)
    slopes[:count], lengths[:count] = slope, pieces.stop - pieces.start
    limit = Limits(
        np.full((room, 2), x[0, 0], dtype),
        np.zeros((room, 2), dtype),
        np.full(room, 0.5, dtype),
        np.zeros(room, bool),
    )
    if at is not None:
        for empty, known in zip(limit, at, strict=True):
            empty[:limit_count] = known
    points[15 * rows : 15 * rows + 2 * room] = limit.x.ravel()
    return points, slopes, lengths, limit


def _jvp_on_host(integrand: Callable, primals: tuple, tangents: tuple) -> tuple[Any, Any]:
    distributions, options, cuts = primals
    refined, panels = _on_host(integrand, distributions, options, np.asarray(cuts))
    pieces, at = refined.pieces, limits(panels)
    x, slope, length, limit = _filled(*nodes(panels, pieces), pieces, at)
    motion = _motion(panels, pieces, at, x, slope.shape[0])

    def over_pieces(distributions: Distributions, options: tuple, _: Any) -> tuple[jax.Array, ...]:
        points, slopes, beyond = _moved(distributions, x, slope, limit, motion)
        logs = []
        for packed in distributions:
            numbers, structure = jax.tree.flatten(packed)
            logs.append(density_program(structure)(numbers, points))
        return _sum(_look(integrand, options, logs, slopes, length, beyond))

    _, slopes = jax.jvp(over_pieces, primals, tangents)
    values = refined.totals()
    return tuple(jnp.asarray(v, s.dtype) for v, s in zip(values, slopes, strict=True)), slopes


class _Motion(NamedTuple):
    """How points move with the ends of supports: which ones their panels begin and end at.

    `along` is where in its panel a point is, 0 at the anchor and 1 at the other edge; `per_width`
    is 1 over the width of the panel.
    """

    near: np.ndarray
    far: np.ndarray
    along: np.ndarray
    per_width: np.ndarray


def _motion(panels: Panels, pieces: Pieces, at: Limits, points: np.ndarray, rows: int) -> _Motion:
    """That of each of the filled points."""
    size, count = points.size, 15 * pieces.panel.size
    panel = np.full(size, -1)
    panel[:count] = np.repeat(pieces.panel, 15)
    first = 15 * rows
    panel[first : first + 2 * at.start.size] = np.repeat(panels.at_limits, 2)
    of_one, dtype = panel >= 0, precision()
    width = np.where(of_one, panels.width[panel], 1.0)
    return _Motion(
        np.where(of_one, panels.anchor_follows[panel], NO_END),
        np.where(of_one, panels.far_follows[panel], NO_END),
        np.where(of_one, (points - panels.anchor[panel]) / width, 0.0).astype(dtype),
        (1 / width).astype(dtype),
    )


@jax.jit
def _moved(
    distributions: Distributions,
    points: jax.Array,
    slope: jax.Array,
    limit: Limits,
    motion: _Motion,
) -> tuple[jax.Array, jax.Array, Limits]:
    """The points and dx/dt with the gradients of the ends of the supports."""
    ends = support_ends(*(d.distribution for d in distributions))
    shift = jnp.concatenate([ends - lax.stop_gradient(ends), jnp.zeros(1)])  # NO_END is the last
    stretch = shift[motion.far] - shift[motion.near]
    points = points + shift[motion.near] + stretch * motion.along
    wider = 1 + stretch * motion.per_width
    inside, outside = wider[: slope.size], wider[slope.size : slope.size + limit.slope.size]
    beyond = limit._replace(slope=limit.slope * outside.reshape(limit.slope.shape))
    return points, slope * inside.reshape(slope.shape), beyond
