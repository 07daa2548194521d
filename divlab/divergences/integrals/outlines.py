"""Where a distribution has its mass, and where its support ends."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from numpyro.distributions import Distribution

from divlab.compiling import AT_POINTS, jit_with
from divlab.divergences.integrals.arrays import Array, fixed, is_known
from divlab.divergences.integrals.densities import (
    components,
    has_loc_and_scale,
    is_infinite,
    middle_and_spreads,
    spreads_of_draws,
    spreads_of_moments,
    spreads_of_quantiles,
    support_bounds,
)
from divlab.divergences.integrals.packed import Packed

# In units of a component's spread to either side: where a panel ends. A bell of that scale is
# smooth over each step, and beyond the last one a Gaussian holds 3e-12 of its mass.
_STEPS = np.array([-12.0, -4.7, -2.9, -1.4, 0.0, 1.4, 2.9, 4.7, 12.0])
_LEFT = _STEPS < 0


class Outline(NamedTuple):
    """What an integral must know of a distribution besides its density.

    Attributes:
        landmarks: points that cut the line finely where the distribution has mass, in no order.
        ends: all finite ends of the supports of all its components.
        reaches_left: whether mass can reach -inf.
        reaches_right: whether mass can reach inf.
    """

    landmarks: Array
    ends: Array
    reaches_left: bool
    reaches_right: bool


def outline(packed: Packed) -> Outline:
    """The outline of a distribution: in NumPy where its parameters are known.

    A distribution that knows better where its mass is says so by a method `landmarks() -> (n,)`.
    Else landmarks are taken from `loc` and `scale` where the family has them, else from quantiles,
    from a mean and a standard deviation or from the quantiles of a fixed draw, so that any
    distribution with `log_prob` and `sample` will do.
    """
    known = is_known(packed)
    xp = np if known else jnp
    parts = components(packed.distribution)
    points, ends, bounds = [], [], [support_bounds(part) for part in parts]
    for part, (low, high) in zip(parts, bounds, strict=True):
        ends += [xp.ravel(xp.asarray(b, float)) for b in (low, high) if not is_infinite(b)]
        if hasattr(part, "landmarks"):
            own = _own_landmarks(Packed(part)) if known else part.landmarks()
            points.append(xp.asarray(own, float))
            continue
        spreads = _known_spreads(part) if known else middle_and_spreads(part)
        middle, left, right = (xp.asarray(a, float)[..., None] for a in spreads)
        cuts = middle + xp.where(_LEFT, left, right) * _STEPS.astype(middle.dtype)
        if ends:
            low, high = (xp.asarray(bound, float)[..., None] for bound in (low, high))
            cuts = xp.clip(cuts, low, high)
        points.append(xp.ravel(cuts))
    inside = xp.concatenate(points)
    return Outline(
        inside if known else fixed(inside),
        xp.concatenate(ends) if ends else xp.zeros(0),
        *_reaches(bounds),
    )


def reaches(distribution: Distribution) -> tuple[bool, bool]:
    """Whether mass can reach -inf, and inf, whatever the parameters."""
    return _reaches([support_bounds(part) for part in components(distribution)])


def _reaches(bounds: list[tuple[Any, ...]]) -> tuple[bool, bool]:
    lows, highs = zip(*bounds, strict=True)
    return any(map(is_infinite, lows)), any(map(is_infinite, highs))


def support_ends(*distributions: Distribution) -> Float[jax.Array, " ends"]:
    """All finite ends of all components' supports, with their gradients; 0 for an infinite one."""
    parts = [part for d in distributions for part in components(d)]
    bounds = [bound for part in parts for bound in support_bounds(part) if not is_infinite(bound)]
    if not bounds:
        return jnp.zeros(0)
    ends = jnp.concatenate([jnp.ravel(jnp.asarray(bound, float)) for bound in bounds])
    return jnp.where(jnp.isinf(ends), 0.0, ends)


@jit_with(AT_POINTS)
def _own_landmarks(packed: Packed) -> jax.Array:
    points: jax.Array = packed.distribution.landmarks()
    return points


def _compiled(spreads: Callable[..., tuple[jax.Array, ...]]) -> Callable[..., tuple[Any, ...]]:
    return jit_with(AT_POINTS)(lambda packed: spreads(packed.distribution))


_WAYS = [_compiled(way) for way in (spreads_of_quantiles, spreads_of_moments, spreads_of_draws)]
_WAYS_OF: dict[
    type, list[Callable[..., Any]]
] = {}  # those that a type has, learned when it is first seen


def _known_spreads(part: Distribution) -> tuple[Array, ...]:
    """A middle and the spread to either side, by the quickest way that gives finite numbers."""
    if has_loc_and_scale(part):
        return part.loc, part.scale, part.scale
    packed, kind = Packed(part), type(part)
    if kind not in _WAYS_OF:
        _WAYS_OF[kind] = [way for way in _WAYS if _exists(way, packed)]
    if not _WAYS_OF[kind]:
        raise ValueError(
            f"{kind.__name__} has no quantiles, moments or samples, so nothing tells where its "
            "mass is; divergences need a distribution whose density integrates to 1."
        )
    for way in _WAYS_OF[kind]:
        found = [np.asarray(number) for number in way(packed)]
        if np.all(np.isfinite(found)):
            break
    return tuple(found)


def _exists(way: Callable[..., Any], packed: Packed) -> bool:
    try:
        jax.eval_shape(way, packed)
    except (NotImplementedError, ImportError):  # some of numpyro's need TensorFlow Probability
        return False
    return True
