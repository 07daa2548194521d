"""Integrals over the line of functions of log densities, to near rounding error.

The result is the same whether the parameters are known or traced; the way there is not. Known ones
are integrated on the host: what is compiled is each type's density and each integrand, so a pair of
types that is new to a session costs what its two densities cost. Traced ones, under `jit` and
`vmap`, are integrated by one program, which serves every value of the parameters. `jax.grad` alone
has known parameters to differentiate at, and so does without that program too.

What falls short: traced with 32 bits, a density that is infinite at an end of a support other than
0, where x cannot come close enough to the end, costs digits: a Beta with a parameter below 1.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from divlab.compiling import AT_POINTS, jit_alone
from divlab.divergences.integrals.arrays import (
    Array,
    compiled,
    fill,
    fixed,
    has_32_bits,
    in_blocks,
    integrating_on_host,
    is_known,
)
from divlab.divergences.integrals.derivatives import (
    Continued,
    WeightedSums,
    change_of_sums,
    differentiable_once,
    weighted_sums,
)
from divlab.divergences.integrals.first_nodes import FirstNodes, first_nodes
from divlab.divergences.integrals.known import Known, log_densities
from divlab.divergences.integrals.outlines import outline, support_ends
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.integrals.panels import Panels, attach, cut_line, follow_most
from divlab.divergences.integrals.refinement import (
    KRONROD,
    NODES,
    Limits,
    Look,
    Pieces,
    Refined,
    limits,
    look_by,
    nodes,
    of_limit,
    refine,
    remainder_share,
    start,
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
        with integrating_on_host():
            first = first_nodes(np.asarray(cuts), *distributions)
            refined, _ = _refined(_Values(integrand, distributions, options), first)
        return tuple(refined.totals())
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
    def values(
        distributions: Distributions, options: tuple[Any, ...], cuts: jax.Array
    ) -> tuple[jax.Array, ...]:
        panels = _traced_panels(distributions, cuts)
        functions = _traced_functions(integrand, distributions, options)
        refined = refine(*start(panels), look_by(panels, functions))
        return _if_told(refined.totals(), refined.rest, len(distributions))

    found: tuple[jax.Array, ...] = in_blocks(values, distributions, options, cuts)
    return found


def _if_told(totals: jax.Array, rest: jax.Array, count: int) -> tuple[jax.Array, ...]:
    """The integrals, then the `count` masses; NaN where too much of one lies beyond the limits.

    There a power of the distance stands for the function. For p log(p/q), say, it is not quite one.
    """
    share = 5e-3 if has_32_bits() else 1e-4
    with_mass = jnp.where(jnp.isfinite(totals), jnp.abs(totals), jnp.inf)
    told = jnp.abs(rest).sum(axis=0) <= share * jnp.where(totals == 0, jnp.inf, with_mass)
    masses = jnp.abs(rest[:, rest.shape[1] - count :]).sum(axis=0)
    told = (told | ~jnp.isfinite(totals)) & jnp.all(masses <= share)
    values = jnp.where(told, totals, jnp.nan)
    return (*values[: len(totals) - count], *totals[len(totals) - count :])


def _traced_panels(distributions: Distributions, cuts: jax.Array) -> Panels:
    return cut_line([outline(d) for d in distributions], cuts)


def _traced_functions(
    integrand: Callable[..., Any], distributions: Distributions, options: tuple[Any, ...]
) -> Callable[[jax.Array], list[jax.Array]]:
    logs = log_densities(*distributions)
    return lambda x: _values(integrand, options, logs(x))


@_traced.defjvp
def _traced_jvp(
    integrand: Callable[..., Any], primals: tuple[Any, ...], tangents: tuple[Any, ...]
) -> tuple[Any, Any]:
    """Where the line is cut carries no gradient: it is that of the sum over the last pieces."""
    if is_known(primals):
        return _jvp_on_host(integrand, primals, tangents)
    if any(getattr(option, "has_kink", False) for option in primals[1]):
        primals = differentiable_once(primals)  # the kink moves, and the pieces do not
    found: tuple[Any, Any] = _jvp_program(integrand, primals, tangents)
    return found


@compiled(0)
def _jvp_program(
    integrand: Callable[..., Any], primals: tuple[Any, ...], tangents: tuple[Any, ...]
) -> tuple[Any, Any]:
    held, options = lax.stop_gradient(primals[:2])
    panels = _traced_panels(held, primals[2])
    held_functions = _traced_functions(integrand, held, options)
    refined = refine(*start(panels), look_by(panels, held_functions))
    pieces, masses = refined.pieces, refined.rest[:, -len(held) :]
    panels = follow_most(panels, masses, *held)

    def over_pieces(
        distributions: Distributions, options: tuple[Any, ...], _: Any
    ) -> tuple[jax.Array, ...]:
        moved = attach(panels, support_ends(*(d.distribution for d in distributions)))
        functions = _traced_functions(integrand, distributions, options)
        look = look_by(moved, functions)(pieces, limits(moved))
        totals = look.values.sum(axis=0) + look.rest.sum(axis=0)
        return _if_told(totals, look.rest, len(distributions))

    return jax.jvp(over_pieces, primals, tangents)


def _refined(values_at: "_Values", first: FirstNodes) -> tuple[Refined, Continued | None]:
    """The pieces of known panels with the integrals over them, and what lies beyond them."""

    def look(pieces: Pieces, at: Limits | None) -> Look:
        if at is None:
            x, slope = nodes(first.panels, pieces)
            values = values_at(fill(x.ravel(), x[0, 0]))
        else:
            x, slope = first.x, first.slope
            values = np.asarray(values_at.of_logs(first.logs))
        inside = values[:, : x.size].reshape(-1, *x.shape)
        near: Array = []
        if at is not None:
            near = values[:, x.size : x.size + at.x.size].reshape(-1, *at.x.shape)
        return weigh(times(inside, slope), near, pieces.stop - pieces.start, at)

    refined = refine(first.pieces, first.at, look)
    if first.untold.any():
        _check_told(refined, first.untold)
    masses = refined.rest[:, -len(values_at.densities) :]
    if not np.any(masses > _LITTLE):
        return refined, None
    return _continued(values_at, refined, first.at, masses)


def _check_told(refined: Refined, untold: np.ndarray) -> None:
    """Raises if what lies beyond limits of which too little is known is more than rounding."""
    counts = np.abs(refined.rest) > _LITTLE * np.abs(refined.values.sum(axis=0))
    if counts[untold].any():
        raise ValueError(
            "the integral could not be found: far out, the log density of one distribution "
            "overflows before its product with the other density becomes negligible. The result "
            "may be infinite. A slightly different scale of p or q will show it."
        )


# Mass beyond the limits of floating point, below which a power of x will do for its integrals, and
# how far it is followed, in nats: not so far that an exponential overflows.
_LITTLE = 1e-12
_NATS = np.array([0.0, 2.0, 5.0, 12.0, 30.0, 80.0, 180.0, 340.0])
_FARTHEST = np.array([340.0, 300.0, 260.0, 220.0])  # from where a power of the distance goes on
_LIGHT = -1e4  # a log density below this does not go like a power


def _continued(
    values_at: "_Values", refined: Refined, at: Limits, masses: np.ndarray
) -> tuple[Refined, Continued | None]:
    """Beyond a limit, where all densities go like powers of the distance, so does each by itself.

    A function of several of them, such as p log(p/q), is no power; it is integrated on the lines
    that are the log densities there.
    """
    points = fill(at.x.ravel(), at.x[0, 0])
    logs = np.stack([np.asarray(of(points)) for of in values_at.densities])
    logs = logs[:, : at.x.size].reshape(-1, *at.x.shape)
    of_power = np.all((logs > _LIGHT) | (logs == -np.inf), axis=(0, 2)) & at.used
    chosen = np.flatnonzero(of_power & np.any(masses > _LITTLE, axis=1))
    if not chosen.size:
        return refined, None
    log_distance = np.log(at.distance[chosen, :3])
    outwards = log_distance[:, 0] - log_distance[:, 1]
    nats = np.diff(_NATS)[:, None]
    u = (_NATS[:-1, None] + nats * NODES).ravel()
    weight = np.append(np.abs(nats * KRONROD).ravel(), np.zeros(4))
    u = np.append(u, _FARTHEST)
    distance = np.exp(log_distance[:, :1] + np.sign(outwards)[:, None] * u)
    weight = weight * distance
    factor = u / np.abs(outwards)[:, None]
    continued = Continued(np.repeat(chosen, u.size), factor.ravel(), weight.ravel())
    first, second, third = (logs[:, continued.limit, point] for point in range(3))
    with_mass = (first > -np.inf) & (second > -np.inf) & (third > -np.inf)
    # Of powers of the distance times a smooth function, the next term of its series.
    near = np.exp(np.sign(outwards)[:, None] * (log_distance[:, :1] - log_distance))[
        np.repeat(np.arange(chosen.size), u.size)
    ].T
    bend = (second - first) - (third - second)
    bend = np.where(with_mass, bend / (2 * near[1] - near[0] - near[2]), 0.0)
    slope = first - second - bend * (near[0] - near[1])
    lines = first - bend * near[0]
    lines = lines + np.where(with_mass, continued.factor * slope, 0.0)
    rows = [fill(line, line[0]) for line in lines]
    values = np.asarray(values_at.of_logs(rows))[:, : continued.factor.size]
    products = np.where((values != 0) & (continued.weight > 0), values * continued.weight, 0.0)
    rest, shares = refined.rest.copy(), refined.shares.copy()
    rest[chosen] = products.reshape(len(values), chosen.size, -1).sum(axis=-1).T
    far = distance[:, -4:]
    last = values.reshape(len(values), chosen.size, -1)[..., -4:]
    share = remainder_share(Limits(far, far, np.ones(chosen.size, bool)), last)
    rest[chosen] += of_limit(share, last[..., 0]).T
    shares[chosen] = 0.0
    return refined._replace(rest=rest, shares=shares), continued


class _Values:
    """The values of an integrand and of densities at points in a row, filled up, on the host."""

    def __init__(
        self, integrand: Callable[..., Any], distributions: Distributions, options: tuple[Any, ...]
    ):
        self.densities = [Known(d).on_device for d in distributions]
        self.of_logs = partial(_values_program(integrand), options)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        return np.asarray(self.of_logs([of(points) for of in self.densities]))


@lru_cache
def _values_program(integrand: Callable[..., Any]) -> Callable[..., jax.Array]:
    def values(options: tuple[Any, ...], logs: list[jax.Array]) -> jax.Array:
        return jnp.stack(_values(integrand, options, logs))

    return jit_alone(values, AT_POINTS)


def _jvp_on_host(
    integrand: Callable[..., Any], primals: tuple[Any, ...], tangents: tuple[Any, ...]
) -> tuple[Any, Any]:
    distributions, options, cuts = primals
    with integrating_on_host():
        first = first_nodes(np.asarray(cuts), *distributions)
        refined, continued = _refined(_Values(integrand, distributions, options), first)
        masses = refined.rest[:, -len(distributions) :]
        panels = follow_most(first.panels, masses, *distributions)
        sums = _weighted_sums(first._replace(panels=panels), refined, continued)
    found = [jnp.asarray(value, float) for value in refined.totals()]
    # The masses are a check, not a result, and have no gradient.
    count = len(found) - len(distributions)
    arguments = (_values, (integrand,), (distributions, options), tangents[:2], sums, count)
    changes = change_of_sums(*arguments) if count else []
    return tuple(found), (*changes, *(jnp.zeros_like(mass) for mass in found[count:]))


def _weighted_sums(
    first: FirstNodes, refined: Refined, continued: Continued | None
) -> WeightedSums:
    """The integrals as sums over points."""
    panels, pieces, at = first.panels, refined.pieces, first.at
    x, slope = nodes(panels, pieces)
    inside = (KRONROD * slope * (pieces.stop - pieces.start)[:, None]).ravel()
    # A remainder is so many times the value at the first point of a limit.
    beyond = np.where(np.isfinite(refined.shares), refined.shares, 0.0).T
    rows = [np.tile(inside, (len(beyond), 1)), beyond, 0 * beyond]
    weights = np.concatenate(rows, axis=1)
    return weighted_sums(panels, pieces, x, at, weights, continued=continued)
