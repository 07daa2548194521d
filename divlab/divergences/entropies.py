"""The entropy, the cross-entropy, and the relative entropy of any order: Rényi's divergence."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from divlab.divergences import closed_form, families
from divlab.divergences.closed_form import Formula
from divlab.divergences.f_divergences import divergence_of_row
from divlab.divergences.inputs import (
    DISTRIBUTIONS,
    AnyArray,
    Argument,
    Samples,
    read_exact,
    read_number,
)
from divlab.divergences.integrals import arrays
from divlab.divergences.integrals import renyi as renyi_integrals
from divlab.divergences.integrals.arrays import compiled_if_traced, is_known, on_device
from divlab.divergences.integrals.integral import integral
from divlab.divergences.integrals.known import log_density_of_samples
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.methods import choose
from divlab.divergences.methods.closed_form import find, run
from divlab.divergences.results import resolved
from divlab.pytrees import as_arrays


def entropy(p: Argument, *, method: Any = None) -> Float[Array, ""]:
    """Differential entropy H(P) = -∫ p log p dx.

    Args:
        p: a distribution or samples, as in `kl`.
        method: as in `kl`.

    Returns:
        A scalar array in nats. It is any real number: a density above 1 makes it negative.

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
        result: Array = method.entropy(p)
        return result
    formula = find(closed_form.ENTROPY, p)
    method = choose("entropy", method, _known_methods(formula), "a distribution")
    if formula and method.name == "closed_form":
        return run(formula, p)
    value, mass = integral(_own_surprise, (p,))
    return resolved(value, ("p", mass))


def cross_entropy(p: Argument, q: Argument, *, method: Any = None) -> Float[Array, ""]:
    """Cross-entropy E_P[-log q] = -∫ p log q dx, the expected negative log-likelihood of Q.

    It is `entropy(p) + kl(p, q)`, so as a function of Q it differs from KL(P‖Q) by a constant.

    Args:
        p: a distribution, or samples; of samples the result is the mean of -log q over them.
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
            raise ValueError("cross_entropy of samples is a mean, so it takes no method.")
        return on_device(_mean_surprise(p.values, q))
    formula = find(closed_form.CROSS_ENTROPY, p, q)
    method = choose("cross_entropy", method, _known_methods(formula), DISTRIBUTIONS)
    if formula and method.name == "closed_form":
        return run(formula, p, q)
    value, *masses = integral(families.surprise, (p, q))
    return resolved(value, *zip("pq", masses, strict=True))


def renyi(p: Argument, q: Argument, *, alpha: Any, method: Any = None) -> Float[Array, ""]:
    """Rényi divergence log(∫ p^α q^(1-α) dx) / (α - 1).

    It grows with alpha: at 1 it is KL, and at `inf` the log of the largest density ratio.

    Args:
        p: a distribution or samples, as in `kl`.
        q: a distribution or samples, whichever `p` is.
        alpha: the order α, above 0. It may be `inf` for distributions, by quadrature only and not
            under `jit`, where the result is NaN.
        method: as in `kl`.

    Returns:
        A scalar array in nats, in [0, inf].

    Raises:
        TypeError, ValueError: as in `kl`, and for an alpha of 0 or less.

    Source: Rényi (1961); van Erven & Harremoës (2014); for samples Póczos & Schneider (2011).

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> round(float(divlab.renyi(Normal(0, 1), Normal(1, 2), alpha=0.5)), 6)
        0.323144
    """
    need = "above 0 (inf is allowed)"
    read_number("alpha", alpha, low=0.0, high=np.inf, closed=True, need=need)
    if is_known(alpha):
        if alpha == 0:
            raise ValueError(f"alpha must be {need}, got {alpha}.")
        if alpha == 1:
            return divergence_of_row(families.kl, p, q, method, label="renyi")
        if np.isinf(alpha):
            return _renyi_of_order_inf(p, q, method)
    else:
        alpha = jnp.where((alpha > 0) & (alpha < jnp.inf), alpha, jnp.nan)
    p, q, order = read_exact("p", p), read_exact("q", q), as_arrays(alpha)
    if isinstance(p, Packed) and isinstance(q, Packed):
        formula = find(closed_form.RENYI, p, q)
        known = _known_methods(formula, "monte_carlo")
        method = choose("renyi", method, known, DISTRIBUTIONS)
        if formula and method.name == "closed_form":
            return run(formula, p, q, alpha=order)
        if method.name == "quadrature":
            value, *masses = renyi_integrals.finite_order(p, q, order)
            return resolved(value, *zip("pq", masses, strict=True))
    divergence = divergence_of_row(families.Alpha(order), p, q, method, label="renyi")
    result: Array = _to_renyi(divergence, order)
    return result


_to_renyi = jax.jit(renyi_integrals.from_alpha_divergence)


def _renyi_of_order_inf(p: Argument, q: Argument, method: Any) -> Float[Array, ""]:
    p, q = read_exact("p", p), read_exact("q", q)
    if not (isinstance(p, Packed) and isinstance(q, Packed)):
        raise ValueError("alpha=inf needs the largest density ratio: pass two distributions.")
    choose("renyi of order inf", method, ["quadrature"], DISTRIBUTIONS)
    value, *masses = renyi_integrals.infinite_order(p, q)
    return resolved(value, *zip("pq", masses, strict=True))


def _known_methods(formula: Formula | None, *further: str) -> list[str]:
    return [*(["closed_form"] if formula else []), "quadrature", *further]


def _own_surprise(log_p: Float[AnyArray, "*n"]) -> Float[AnyArray, "*n"]:
    return families.surprise(log_p, log_p)


@compiled_if_traced()
def _mean_surprise(x: Float[AnyArray, " n"], q: Packed) -> arrays.Array:
    return 0.0 - log_density_of_samples(q)(x).mean()
