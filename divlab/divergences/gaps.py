"""Measures of the gap F - G between a distribution function and another one, or that of samples."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from divlab.divergences import sorting
from divlab.divergences.inputs import AnyArray, Samples
from divlab.divergences.integrals import arrays, cdf_distances, potentials
from divlab.divergences.integrals.arrays import (
    compiled_if_traced,
    integrating_on_host,
    is_known,
    unless_nan,
)
from divlab.divergences.integrals.derivatives import differentiable_once
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.integrals.potentials import Measures
from divlab.divergences.results import at_precision_of, resolved


def of_samples_and_distribution(
    measure: Callable[..., Any], p: Packed | Samples, q: Packed | Samples, *options: Any
) -> Float[Array, ""]:
    """A measure of sorted samples and a distribution, whichever of `p` and `q` they are.

    Args:
        measure: (values, levels, distribution, *options) -> the measure, and the mass of the
            distribution that the nodes have seen.
        p: samples or a distribution.
        q: the other one.
        options: further arguments of `measure`.
    """
    if isinstance(p, Samples) and isinstance(q, Packed):
        samples, distribution, name = p, q, "q"
    elif isinstance(q, Samples) and isinstance(p, Packed):
        samples, distribution, name = q, p, "p"
    else:
        raise TypeError("pass samples and a distribution.")
    x = sorting.sort(samples)
    is_exact = sorting.is_exact(x) and is_known(distribution, options)
    if measure is not cdf_distances.samples_largest and sorting.has_infinite(x):
        return at_precision_of(np.inf, x, x)
    levels = sorting.levels(x)[1:] if is_exact else sorting.traced_levels(x)
    values = np.asarray(x.values, float) if is_exact else jnp.asarray(x.values)
    unit: Any = 1.0
    if is_exact and hasattr(distribution.distribution, "own_units"):
        # Far from 0 differences come first: there 64 bits do not resolve the nodes of an integral.
        base, loc, unit = distribution.distribution.own_units()
        values, distribution = (values - loc) / unit, Packed(base)
    value, mass = _of_sorted(measure, values, levels, distribution, options)
    is_length = measure is not cdf_distances.samples_largest
    return resolved(value * unit if is_length else value, (name, mass))


@compiled_if_traced(0)
def _of_sorted(
    measure: Callable[..., Any],
    values: Float[AnyArray, " n"],
    levels: Float[AnyArray, " n"],
    distribution: Packed,
    options: tuple[Any, ...],
) -> tuple[arrays.Array, arrays.Array]:
    value, mass = measure(values, levels, distribution, *options)
    return unless_nan(value, values), mass


def of_distributions(measures: Measures, p: Packed, q: Packed) -> tuple[arrays.Array, ...]:
    """Measures of F - G, then the masses of P and Q that the nodes have seen."""
    return _measured(measures, p, q) if is_known(p, q) else _differentiable(measures, p, q)


@compiled_if_traced(0)
def _measured(measures: Measures, p: Packed, q: Packed) -> tuple[arrays.Array, ...]:
    gap, *masses, _ = cdf_distances.between(p, q)
    return *(measure(gap) for measure in measures), *masses


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _differentiable(measures: Measures, p: Packed, q: Packed) -> tuple[arrays.Array, ...]:
    values: tuple[Any, ...] = _measured(measures, p, q)
    return values


@_differentiable.defjvp
def _differentiable_jvp(
    measures: Measures, primals: tuple[Any, ...], tangents: tuple[Any, ...]
) -> tuple[Any, Any]:
    if is_known(primals):
        with integrating_on_host():
            gap, *masses, _ = cdf_distances.between(*primals)
            values = [measure(gap) for measure in measures]
        values, masses = ([jnp.asarray(a, float) for a in found] for found in (values, masses))
        changes = [potentials.change_on_host(m, gap, primals, tangents) for m in measures]
    else:
        once = differentiable_once(primals)
        values, masses, changes = potentials.traced_change(measures, once, tangents)
    # The masses that the nodes have seen are a check, not a result, and have no gradient.
    return (*values, *masses), (*changes, *(jnp.zeros_like(mass) for mass in masses))
