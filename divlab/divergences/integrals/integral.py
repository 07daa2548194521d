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
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from divlab.divergences.integrals.arrays import (
    Array,
    compiled,
    computing_on_host,
    fill,
    fixed,
    is_known,
    precision,
)
from divlab.divergences.integrals.densities import log_density
from divlab.divergences.integrals.derivatives import (
    WeightedSums,
    change_of_sums,
    weighted_sums,
)
from divlab.divergences.integrals.known import Known
from divlab.divergences.integrals.outlines import outline, support_ends
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.integrals.panels import Panels, attach, cut_line
from divlab.divergences.integrals.refinement import (
    KRONROD,
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
        with computing_on_host():
            outlines = [outline(d) for d in distributions]
            values_at = _values_on_host(integrand, distributions, options)
            totals = _refined(values_at, cut_line(outlines, cuts)).totals()
        return tuple(totals)
    return _traced(integrand, distributions, options, fixed(jnp.asarray(cuts, float)))


def _values(
    integrand: Callable[..., Any], options: tuple[Any, ...], logs: Sequence[jax.Array]
) -> list[jax.Array]:
    """The values of the integrand and of the densities at points with these log densities."""
    return [*jax.tree.leaves(integrand(*options, *logs)), *(jnp.exp(log) for log in logs)]


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _traced(
    integrand: Callable[..., Any],
    distributions: Distributions,
    options: tuple[Any, ...],
    cuts: jax.Array,
) -> tuple[jax.Array, ...]:
    found: tuple[jax.Array, ...] = _program(integrand, distributions, options, cuts)
    return found


@compiled(0)
def _program(
    integrand: Callable[..., Any],
    distributions: Distributions,
    options: tuple[Any, ...],
    cuts: jax.Array,
) -> tuple[jax.Array, ...]:
    panels = _traced_panels(distributions, cuts)
    functions = _traced_functions(integrand, distributions, options)
    return tuple(refine(panels, look_by(panels, functions)).totals())


def _traced_panels(distributions: Distributions, cuts: jax.Array) -> Panels:
    return cut_line([outline(d) for d in distributions], cuts)


def _traced_functions(
    integrand: Callable[..., Any], distributions: Distributions, options: tuple[Any, ...]
) -> Callable[[jax.Array], list[jax.Array]]:
    def functions(x: jax.Array) -> list[jax.Array]:
        # Behind the barrier each density is computed once, not once for each function of it.
        logs = tuple(log_density(d.distribution, x) for d in distributions)
        return _values(integrand, options, lax.optimization_barrier(logs))

    return functions


@_traced.defjvp
def _traced_jvp(
    integrand: Callable[..., Any], primals: tuple[Any, ...], tangents: tuple[Any, ...]
) -> tuple[Any, Any]:
    """Where the line is halved carries no gradient: it is that of the sum over the last pieces."""
    if is_known(primals):
        return _jvp_on_host(integrand, primals, tangents)
    found: tuple[Any, Any] = _jvp_program(integrand, primals, tangents)
    return found


@compiled(0)
def _jvp_program(
    integrand: Callable[..., Any], primals: tuple[Any, ...], tangents: tuple[Any, ...]
) -> tuple[Any, Any]:
    held, options = lax.stop_gradient(primals[:2])
    panels = _traced_panels(held, primals[2])
    held_functions = _traced_functions(integrand, held, options)
    pieces = refine(panels, look_by(panels, held_functions)).pieces

    def over_pieces(
        distributions: Distributions, options: tuple[Any, ...], _: Any
    ) -> tuple[jax.Array, ...]:
        moved = attach(panels, support_ends(*(d.distribution for d in distributions)))
        functions = _traced_functions(integrand, distributions, options)
        return _sum(look_by(moved, functions)(pieces, limits(moved)))

    return jax.jvp(over_pieces, primals, tangents)


def _sum(look: Look) -> tuple[jax.Array, ...]:
    return tuple(look.values.sum(axis=0) + look.rest.sum(axis=0))


def _refined(values_at: Callable[[np.ndarray], list[jax.Array]], panels: Panels) -> Refined:
    """The pieces of known panels with the integrals over them.

    `values_at` takes points in a row, as many as `filled_size` says.
    """

    def look(pieces: Pieces, at: Limits | None) -> Look:
        x, slope = nodes(panels, pieces)
        points = x.ravel() if at is None else np.concatenate([x.ravel(), at.x.ravel()])
        values = np.stack(values_at(fill(points, points[0])))
        inside = values[:, : x.size].reshape(-1, *x.shape)
        near: Array = [] if at is None else values[:, x.size : points.size].reshape(-1, *at.x.shape)
        return weigh(times(inside, slope), near, pieces.stop - pieces.start, at)

    return refine(panels, look)


def _values_on_host(
    integrand: Callable[..., Any], distributions: Distributions, options: tuple[Any, ...]
) -> Callable[[Any], list[jax.Array]]:
    densities = [Known(d).on_device for d in distributions]
    return lambda points: _values_program(integrand, options, [of(points) for of in densities])


@partial(jax.jit, static_argnums=0)
def _values_program(
    integrand: Callable[..., Any], options: tuple[Any, ...], logs: list[jax.Array]
) -> list[jax.Array]:
    return _values(integrand, options, logs)


def _jvp_on_host(
    integrand: Callable[..., Any], primals: tuple[Any, ...], tangents: tuple[Any, ...]
) -> tuple[Any, Any]:
    distributions, options, cuts = primals
    with computing_on_host():
        panels = cut_line([outline(d) for d in distributions], np.asarray(cuts))
        refined = _refined(_values_on_host(integrand, distributions, options), panels)
        sums = _weighted_sums(panels, refined)
    changes = change_of_sums(_values, (integrand,), (distributions, options), tangents[:2], sums)
    values = refined.totals().astype(precision())
    return tuple(jnp.asarray(v, c.dtype) for v, c in zip(values, changes, strict=True)), changes


def _weighted_sums(panels: Panels, refined: Refined) -> WeightedSums:
    """The integrals as sums over points."""
    pieces, at = refined.pieces, limits(panels)
    x, slope = nodes(panels, pieces)
    inside = (KRONROD * slope * (pieces.stop - pieces.start)[:, None]).ravel()
    # A remainder is so many times the value at the first point of a limit.
    beyond = np.where(np.isfinite(refined.shares), refined.shares, 0.0).T
    weights = np.concatenate([np.tile(inside, (len(beyond), 1)), beyond], axis=1)
    return weighted_sums(panels, pieces, x, at, weights)
