"""What the divergences share: choosing a method, running a formula, refusing a doubtful result."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from divlab import methods
from divlab.divergences import closed_form
from divlab.divergences.arguments import Samples, is_concrete
from divlab.divergences.densities import is_possible
from divlab.pytrees import as_arrays

DISTRIBUTIONS, SAMPLES, MIXED = "two distributions", "two samples", "samples and a distribution"


def choose(quantity, method, known, of):
    """The method object; by default the first of those known."""
    if method is None:
        return methods.METHODS[known[0]]()
    if isinstance(method, str) and method in methods.METHODS:
        method = methods.METHODS[method]()
    name = getattr(method, "name", method)
    if isinstance(method, str) or name not in known:
        raise ValueError(
            f"method {name!r} does not exist for {quantity} of {of}; those that do: "
            f"{', '.join(known)}."
        )
    return method


# The fewest samples an estimate can be made of, where the method does not ask for more itself.
_FEWEST = {"nearest_neighbours": 2, "histogram": 2, "kde": 2, "variational": 4}


def check_samples(method, **arguments: Samples) -> None:
    """Refuses, by the name of the argument, samples that have no density to estimate."""
    for name, argument in arguments.items():
        size = argument.values.shape[0]
        need = max(_FEWEST[method.name], (getattr(method, "k", None) or 0) + 1)
        if size < need:
            raise ValueError(
                f"{name} has {size} samples, too few for {method.name}; {need} or more are needed."
            )
        if is_concrete(argument.values):
            values = np.asarray(argument.values)
            low, high = float(values.min()), float(values.max())
            if not (np.isfinite(low) and np.isfinite(high)):
                raise ValueError(f"{name} holds infinite samples, which {method.name} cannot take.")
            if low == high:
                raise ValueError(
                    f"{name} holds {size} samples that are all {low:g}: they have no density to "
                    "estimate."
                )
            limits = jnp.finfo(jax.dtypes.canonicalize_dtype(values.dtype))
            if not float(limits.tiny) <= high - low <= float(limits.max):
                raise ValueError(
                    f"{name} spans {high - low:g}, more or less than the differences that "
                    f"{limits.dtype} can hold; rescale p and q by one factor."
                )


def sorted_samples(*samples) -> list:
    """Each of the samples sorted, all of them measured from the place in their range nearest 0.

    No f-divergence depends on the origin, and near it floating point has the most room between
    values. Known values are sorted by NumPy, many times faster than by XLA on a CPU, and rounded
    to JAX's precision only then. Under `jit`, NaN for what `check_samples` would refuse.
    """
    if is_concrete(samples):
        known = [np.sort(x) for x in samples]
        dtype = jax.dtypes.canonicalize_dtype(np.result_type(*known))
        origin = np.clip(0.0, min(x[0] for x in known), max(x[-1] for x in known))
        return [(x - origin).astype(dtype) if origin else x.astype(dtype) for x in known]
    traced = [jnp.sort(x) for x in samples]
    traced = [jnp.where(jnp.isfinite(x[-1] - x[0]) & (x[0] < x[-1]), x, jnp.nan) for x in traced]
    low = jnp.min(jnp.stack([x[0] for x in traced]))
    high = jnp.max(jnp.stack([x[-1] for x in traced]))
    # No gradient: moving all samples alike changes nothing.
    return [x - lax.stop_gradient(jnp.clip(0.0, low, high)) for x in traced]


def least_count(limit) -> jax.Array:
    """What counts for an empty place where f tends to `limit`: nothing, or up to half a sample.

    Nothing where f has a bound of the order of 1, half a sample where it has none, and in between
    what makes the estimate continuous in an order that leads from the one to the other.
    """
    return 0.5 * jnp.maximum(0.0, 1 - 2 / jnp.asarray(limit, float))


def trusted(value: jax.Array, *masses) -> jax.Array:
    """`value`, if the nodes have seen all the mass of each argument; else an error, or NaN."""
    tolerance = 5e-3
    for name, mass in masses:
        if not is_concrete(mass):
            value = jnp.where(jnp.abs(mass - 1) <= tolerance, value, jnp.nan)
        elif not abs(float(mass) - 1) <= tolerance:
            raise ValueError(
                f"{name} could not be resolved: its density integrates to {float(mass):.6g} "
                "instead of 1. Is its log_prob normalised?"
            )
    return value


def unless_nan(value: jax.Array, *arguments) -> jax.Array:
    """NaN where any number of the arguments is: sorting and counting would pass over it."""
    bad = [jnp.any(jnp.isnan(leaf)) for leaf in jax.tree.leaves(arguments)]
    return jnp.where(jnp.any(jnp.stack(bad)), jnp.nan, value)


@partial(jax.jit, static_argnames="quantity")
def _closed_form_jit(quantity, arguments, options):
    distributions = [a.distribution for a in arguments]
    formula = closed_form.find(quantity, *distributions)
    value = unless_nan(jnp.asarray(formula(*distributions, **options), float), arguments, options)
    for distribution in distributions:  # a formula would not notice
        value = jnp.where(is_possible(distribution), value, jnp.nan)
    return value


def run_formula(quantity, *arguments, **options):
    """The formula of the table for these types; numbers in `options` are not compiled in."""
    return _closed_form_jit(quantity, arguments, as_arrays(options))
