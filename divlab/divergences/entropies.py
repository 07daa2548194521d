"""Entropy and cross-entropy."""

import jax

from divlab.divergences import closed_form, families
from divlab.divergences.f_divergences import DISTRIBUTIONS
from divlab.divergences.inputs import Samples, read_exact
from divlab.divergences.integrals.arrays import Array, compiled_if_traced, unless_nan
from divlab.divergences.integrals.integral import integral
from divlab.divergences.integrals.known import log_densities
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.methods import choose, nearest_neighbours
from divlab.divergences.methods.nearest_neighbours import NearestNeighbours
from divlab.divergences.methods.quadrature import on_device, resolved
from divlab.divergences.methods.samples import ordered


def entropy(p, *, method=None) -> jax.Array:
    """Differential entropy H(P) = -∫ p log p dx.

    Args:
        p: a distribution or samples, as in `kl`.
        method: as in `kl`.

    Returns:
        A scalar array in nats; any real number: it is negative for a density above 1.

    Raises:
        TypeError, ValueError: as in `kl`.

    Source: for samples Kozachenko & Leonenko (1987).

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> round(float(divlab.entropy(Normal(0, 1))), 6)
        1.418939
    """
    p = read_exact("p", p)
    if isinstance(p, Samples):
        method = choose("entropy", method, ["nearest_neighbours"], "samples")
        method.check("entropy", None, p=p)
        return on_device(_entropy_of_samples(*ordered(p.values), method))
    formula = closed_form.find(closed_form.ENTROPY, p.distribution)
    known = ["closed_form", "quadrature"] if formula else ["quadrature"]
    method = choose("entropy", method, known, "a distribution")
    if method.name == "closed_form":
        return closed_form.run(formula, p)
    value, mass = integral(_own_surprise, (p,))
    return resolved(value, ("p", mass))


def cross_entropy(p, q, *, method=None) -> jax.Array:
    """Cross-entropy E_P[-log q] = -∫ p log q dx, the expected negative log-likelihood of Q.

    It is `entropy(p) + kl(p, q)`: in Q it differs from KL(P‖Q) by a constant alone.

    Args:
        p: a distribution, or samples: then the mean of -log q over them.
        q: a distribution.
        method: None, "closed_form" or "quadrature".

    Returns:
        A scalar array in nats, in (-inf, inf]; `inf` where P has mass outside Q's support.

    Raises:
        TypeError, ValueError: as in `kl`.

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> round(float(divlab.cross_entropy(Normal(0, 1), Normal(1, 2))), 6)
        1.862086
    """
    p, q = read_exact("p", p), read_exact("q", q)
    if isinstance(q, Samples):
        raise ValueError("cross_entropy needs a density of q, so q must be a distribution.")
    if isinstance(p, Samples):
        if method is not None:
            raise ValueError("cross_entropy of samples is a mean; it takes no method.")
        return on_device(_mean_surprise(p.values, q))
    formula = closed_form.find(closed_form.CROSS_ENTROPY, p.distribution, q.distribution)
    known = ["closed_form", "quadrature"] if formula else ["quadrature"]
    method = choose("cross_entropy", method, known, DISTRIBUTIONS)
    if method.name == "closed_form":
        return closed_form.run(formula, p, q)
    value, *masses = integral(families.surprise, (p, q))
    return resolved(value, *zip("pq", masses, strict=True))


def _own_surprise(log_p: Array) -> Array:
    return families.surprise(log_p, log_p)


@compiled_if_traced()
def _entropy_of_samples(x: Array, method: NearestNeighbours) -> Array:
    return unless_nan(nearest_neighbours.entropy(x, method), x)


@compiled_if_traced()
def _mean_surprise(x: Array, q: Packed) -> Array:
    (log_q,) = log_densities(q)
    return -log_q(x).mean()
