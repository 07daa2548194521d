"""A distribution whose parameters are known: its density as a function of NumPy arrays.

What must be compiled depends on the distribution's type alone, and serves every divergence and
every partner.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import jax
import numpy as np
from jax import lax
from jaxtyping import Float

from divlab.compiling import AT_POINTS, jit_alone
from divlab.divergences.integrals.arrays import (
    Array,
    at_points,
    fixed,
    integrating_on_host,
    is_known,
    namespace,
    on_host,
    precision,
)
from divlab.divergences.integrals.densities import log_density
from divlab.divergences.integrals.outlines import outline
from divlab.divergences.integrals.packed import Packed

TYPES = 128  # whose programs are kept: each takes some of the memory maps that a process may have


@lru_cache(maxsize=TYPES)
def density_program(structure: Any) -> Callable[..., jax.Array]:
    """The log density of all distributions of one type, as a program of their numbers and of x."""

    def of_numbers(numbers: list[Any], x: jax.Array) -> jax.Array:
        return log_density(jax.tree.unflatten(structure, numbers).distribution, x)

    return jit_alone(of_numbers, AT_POINTS)


@lru_cache(maxsize=TYPES)
def _cdf_program(structure: Any) -> Callable[..., jax.Array]:
    def of_numbers(numbers: list[Any], x: jax.Array) -> jax.Array:
        found: jax.Array = jax.tree.unflatten(structure, numbers).distribution.cdf(x)
        return found

    return jit_alone(of_numbers, AT_POINTS)


def distribution_function(packed: Packed) -> Callable[[Array], Array]:
    """The cdf of a distribution, on the host if its numbers are known."""
    if not is_known(packed):
        cdf: Callable[[Array], Array] = packed.distribution.cdf
        return cdf
    numbers, structure = packed.exact_numbers_and_structure()

    def at(x: Array) -> Array:
        with integrating_on_host():
            return at_points(partial(_cdf_program(structure), numbers), x)

    return at


class Known:
    """The log density of a distribution whose parameters are known.

    Args:
        packed: the distribution.

    Attributes:
        on_device: the program itself, of points in a row that are as many as `filled_size` says.
    """

    def __init__(self, packed: Packed):
        numbers, structure = packed.exact_numbers_and_structure()
        self.on_device = partial(density_program(structure), numbers)

    def __call__(self, x: Float[np.ndarray, "*points"]) -> Float[np.ndarray, "*points"]:
        """Log p(x) with 64 bits, of the shape of x, and -inf outside the support."""
        with integrating_on_host():
            return at_points(self.on_device, x)


def log_densities(*distributions: Packed) -> Callable[[Array], tuple[Array, ...]]:
    """The function x -> (log p(x), log q(x), …), on the host if the numbers of all are known."""
    if is_known(distributions):
        programs = [Known(packed).on_device for packed in distributions]

        def known(x: Array) -> tuple[Array, ...]:
            # All programs are started before any is waited for.
            with integrating_on_host():
                return tuple(at_points(lambda x: np.stack([of(x) for of in programs]), x))

        return known

    def traced(x: Array) -> tuple[Array, ...]:
        logs = tuple(log_density(packed.distribution, x) for packed in distributions)
        # Behind the barrier each density is computed once, not once for each function of it.
        found: tuple[Array, ...] = lax.optimization_barrier(logs)
        return found

    return traced


def log_density_of_samples(packed: Packed) -> Callable[[Array], Array]:
    """The log density at samples, which may lie on an end of the support.

    There it is the limit from inside, as it is for the zeros among waiting times: -inf or inf where
    the density vanishes or is infinite at the end.
    """
    logs, ends = log_densities(packed), fixed(outline(packed).ends)

    def at(x: Array) -> Array:
        (found,), xp = logs(x), namespace(x)
        is_end = (x[:, None] == ends).any(axis=1) & (found == -np.inf)
        if on_host(x) and not is_end.any():
            return found
        kind = np.finfo(precision())
        step = xp.maximum(8 * kind.eps * xp.abs(x), 64 * kind.tiny)
        beside = (xp.concatenate([x - d, x + d]) for d in (step, np.exp(2.0) * step))
        near, far = (logs(points)[0].reshape(2, -1) for points in beside)
        rise = xp.where(near > -np.inf, near - far, 0.0)  # towards the end
        limit = xp.where(rise > 1e-3, np.inf, xp.where(rise < -1e-3, -np.inf, near))
        return xp.where(is_end, limit.max(axis=0), found)

    return at
