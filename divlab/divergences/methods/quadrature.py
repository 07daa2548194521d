"""The method "quadrature": integration over the line of any two densities."""

import numpy as np
from jaxtyping import Array, Float

from divlab.divergences.families import Family, integrand
from divlab.divergences.integrals.crossings import crossings
from divlab.divergences.integrals.integral import integral
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.methods.base import OfDistributions
from divlab.divergences.results import clipped, resolved
from divlab.pytrees import pytree


@pytree
class Quadrature(OfDistributions):
    """Integration over the line for any two distributions, near rounding error.

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> method = divlab.methods.Quadrature()
        >>> round(float(divlab.kl(Normal(0, 1), Normal(1, 2), method=method)), 4)
        0.4431
    """

    name = "quadrature"

    def f_divergence(
        self, family: Family, p: Packed, q: Packed, names: tuple[str, str]
    ) -> Float[Array, ""]:
        cuts = crossings(p, q) if family.has_kink else np.zeros(0)
        value, *masses = integral(integrand, (p, q), family, cuts=cuts)
        return resolved(clipped(value, family.limit), *zip(names, masses, strict=True))
