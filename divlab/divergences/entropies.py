"""Entropy and cross-entropy."""

import jax
import jax.numpy as jnp

from divlab.divergences import closed_form, families, neighbours, quadrature
from divlab.divergences.arguments import Samples, read, read_exact
from divlab.divergences.densities import log_density
from divlab.divergences.dispatch import (
    DISTRIBUTIONS,
    check_samples,
    choose,
    run_formula,
    trusted,
    unless_nan,
)


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
        check_samples(method, p=p)
        return _entropy_of_samples(*neighbours.ordered(p.values), method)
    exact = closed_form.find("entropy", p.distribution)
    names = ["closed_form", "quadrature"] if exact else ["quadrature"]
    method = choose("entropy", method, names, "a distribution")
    if method.name == "closed_form":
        return run_formula("entropy", p)
    value, mass = _entropy_by_quadrature(p)
    return trusted(value, ("p", mass))


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
    p, q = read("p", p), read("q", q)
    if isinstance(q, Samples):
        raise ValueError("cross_entropy needs a density of q, so q must be a distribution.")
    if isinstance(p, Samples):
        if method is not None:
            raise ValueError("cross_entropy of samples is a mean; it takes no method.")
        return _mean_surprise(p.values, q)
    exact = closed_form.find("cross_entropy", p.distribution, q.distribution)
    names = ["closed_form", "quadrature"] if exact else ["quadrature"]
    method = choose("cross_entropy", method, names, DISTRIBUTIONS)
    if method.name == "closed_form":
        return run_formula("cross_entropy", p, q)
    value, p_mass, q_mass = _cross_entropy_by_quadrature(p, q)
    return trusted(value, ("p", p_mass), ("q", q_mass))


@jax.jit
def _cross_entropy_by_quadrature(p, q):
    return quadrature.integral(families.surprise, p, q)


@jax.jit
def _entropy_by_quadrature(p):
    return quadrature.entropy(p)


@jax.jit
def _entropy_of_samples(x, method):
    return unless_nan(neighbours.entropy(x, method), x)


@jax.jit
def _mean_surprise(x, q):
    return -jnp.mean(log_density(q.distribution, x))
