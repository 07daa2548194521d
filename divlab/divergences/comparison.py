"""Several divergences of two distributions at once, by the same nodes.

Densities take most of the time to compile. Here one program evaluates them in three places, where
a program for each divergence would have three or more each.
"""

from functools import partial

import jax
import jax.numpy as jnp

from divlab.divergences import cdf_distances, families, quadrature
from divlab.divergences.arguments import read
from divlab.divergences.dispatch import trusted

_FAMILIES = {
    "kl": families.kl,
    "reverse_kl": families.reverse_kl,
    "jeffreys": families.jeffreys,
    "js": families.js,
    "tv": families.tv,
    "hellinger": families.hellinger,
    "chi2": families.pearson,
}
# Integrands of log p and log q, and functions of what lies between two distribution functions.
_OF_LOGS = {name: partial(families.integrand, family) for name, family in _FAMILIES.items()} | {
    "entropy": lambda log_p, _: families.surprise(log_p, log_p),
    "cross_entropy": families.surprise,
}
_OF_GAP = {
    "wasserstein": cdf_distances.area,
    "cramer": lambda gap: jnp.sqrt(cdf_distances.square(gap)),
    "energy": lambda gap: jnp.sqrt(2 * cdf_distances.square(gap)),
    "ks": cdf_distances.largest,
}


def compare(p, q, *names: str) -> dict[str, jax.Array]:
    """Several divergences of two distributions by one quadrature.

    Args:
        p: a distribution.
        q: likewise.
        names: of the functions of `divlab`: kl, reverse_kl, jeffreys, js, tv, hellinger, chi2,
            entropy (of p), cross_entropy, wasserstein, cramer, energy, ks.

    Returns:
        Name to scalar, in the order of `names`.
    """
    found, p_mass, q_mass = _compare(read("p", p), read("q", q), names)
    return {name: trusted(found[name], ("p", p_mass), ("q", q_mass)) for name in names}


@partial(jax.jit, static_argnames="names")
def _compare(p, q, names):
    of_logs = [name for name in names if name in _OF_LOGS]

    def integrands(log_p, log_q):
        return tuple(_OF_LOGS[name](log_p, log_q) for name in of_logs)

    if len(of_logs) == len(names):
        *integrals, p_mass, q_mass = quadrature.integral(integrands, p, q)
        found = {}
    else:
        gap, p_mass, q_mass, integrals = cdf_distances.between(
            p.distribution, q.distribution, integrands
        )
        found = {name: _OF_GAP[name](gap) for name in names if name in _OF_GAP}
    for name, integral in zip(of_logs, integrals, strict=True):
        found[name] = integral
        if name in _FAMILIES:
            found[name] = jnp.clip(integral, 0.0, _FAMILIES[name].limit)
    if "hellinger" in found:  # the family is its square
        found["hellinger"] = jnp.sqrt(found["hellinger"])
    return found, p_mass, q_mass


__all__ = ["compare"]
