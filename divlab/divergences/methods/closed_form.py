"""The method "closed_form": a formula for these very types of distributions."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float
from numpyro.distributions import Distribution

from divlab.divergences.closed_form import Formula, Formulas
from divlab.divergences.families import Family
from divlab.divergences.inputs import may_be_empty
from divlab.divergences.integrals.arrays import (
    integrating_on_host,
    is_known,
    on_device,
    unless_nan,
)
from divlab.divergences.integrals.densities import support_bounds
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.methods.base import OfDistributions
from divlab.pytrees import Number, pytree


@pytree
class ClosedForm(OfDistributions):
    """A formula for these types of distributions, exact to rounding.

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> method = divlab.methods.ClosedForm()
        >>> round(float(divlab.kl(Normal(0, 1), Normal(1, 2), method=method)), 4)
        0.4431
    """

    name = "closed_form"

    @classmethod
    def exists(cls, family: Family, p: Packed, q: Packed) -> bool:
        return find(family.formulas, p, q) is not None

    def f_divergence(
        self, family: Family, p: Packed, q: Packed, names: tuple[str, str]
    ) -> Float[Array, ""]:
        formula = find(family.formulas, p, q)
        assert formula is not None, "`exists` says whether there is one"
        return run(formula, p, q, **vars(family))


def find(formulas: Formulas, *distributions: Packed) -> Formula | None:
    """The formula for these very types, or None: a subclass of a type has a density of its own."""
    return formulas.get(tuple(type(packed.distribution) for packed in distributions))


def run(formula: Formula, *distributions: Packed, **numbers: Number) -> Float[Array, ""]:
    """The value of a formula, with 64 bits if all numbers are known; new values compile nothing."""
    value: Array
    if is_known(distributions, tuple(numbers.values())):
        with integrating_on_host():
            value = _run(formula, distributions, numbers)
        return on_device(np.asarray(value))
    value = _run(formula, distributions, numbers)
    return value


@partial(jax.jit, static_argnums=0)
def _run(
    formula: Formula, packed: tuple[Packed, ...], numbers: dict[str, Number]
) -> Float[Array, ""]:
    distributions = [one.distribution for one in packed]
    value: Array = unless_nan(
        jnp.asarray(formula(*distributions, **numbers), float), packed, numbers
    )
    for distribution in distributions:
        value = jnp.where(_is_possible(distribution), value, jnp.nan)
    return value


def _is_possible(distribution: Distribution) -> Bool[Array, ""]:
    """Whether there is such a distribution. A formula would not notice that there is none."""
    possible = jnp.array(True)
    for name, constraint in distribution.arg_constraints.items():
        try:
            possible &= jnp.all(constraint(getattr(distribution, name)))
        except ValueError:  # the constraint depends on other parameters
            continue
    if may_be_empty(distribution):
        low, high = support_bounds(distribution)
        possible &= jnp.all(jnp.asarray(low) < jnp.asarray(high))
    return possible
