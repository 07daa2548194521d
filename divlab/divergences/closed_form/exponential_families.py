"""Exponential families: Normal, Exponential, Gamma and Beta, two distributions of one type.

The divergences of an exponential family are differences of its log-normaliser A, which is convex.
KL is the excess of A at Q over its tangent at P, and a Rényi divergence is the sum of two such
excesses. Each is taken term by term, and each term as an excess of its own. The parts of such a sum
are never negative, so no digits cancel where P and Q are nearly equal.
"""

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import digamma, gammaln
from jaxtyping import Array, Float
from numpyro.distributions import Distribution

Numbers: TypeAlias = float | Float[Array, "..."]

# The coefficients of e^-r - 1 + r. For |r| < 1 these terms reach rounding, in 32 bits and in 64.
_SERIES = [(-1.0) ** n / math.factorial(n) for n in range(2, 20)]
_TERMS_OF_32_BITS = 11

# Stirling's series of log Γ(x) - (x - ½) log x + x - ½ log 2π: the coefficients of x^-1, x^-3, ...
_STIRLING = np.array([1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156])
_POWERS = np.arange(1.0, 14.0, 2.0)
_LARGE = 8  # from here on the series is exact to rounding


def decay_excess_series(r: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """e^-r - 1 + r for |r| < 1, to full relative precision."""
    terms = _SERIES if r.dtype.itemsize > 4 else _SERIES[:_TERMS_OF_32_BITS]
    total = jnp.zeros_like(r)
    for coefficient in terms[::-1]:
        total = total * r + coefficient
    return r * r * total


def expm1_plus(r: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """e^-r - 1 + r, to full relative precision near r = 0."""
    small = jnp.abs(r) < 1
    return jnp.where(small, decay_excess_series(jnp.where(small, r, 0.0)), jnp.exp(-r) - 1 + r)


def log_ratio(a: Numbers, b: Numbers, gap: Numbers | None = None) -> Float[Array, "..."]:
    """log(a/b), to full precision near a = b.

    Args:
        a: positive numbers.
        b: positive numbers.
        gap: a - b, where it is known with more digits than a and b have.
    """
    gap = a - b if gap is None else gap
    near = jnp.abs(gap) < 0.5 * b
    return jnp.where(near, jnp.log1p(jnp.where(near, gap / b, 0.0)), jnp.log(a) - jnp.log(b))


def kl_normal(p: Distribution, q: Distribution) -> Float[Array, ""]:
    t = log_ratio(p.scale, q.scale)
    value: Array = 0.5 * (expm1_plus(-2 * t) + ((p.loc - q.loc) / q.scale) ** 2)
    return value


def renyi_normal(p: Distribution, q: Distribution, alpha: Float[Array, ""]) -> Float[Array, ""]:
    # The precisions, in units of P's.
    ratio = (p.scale / q.scale) ** 2
    gap = (p.scale - q.scale) / q.scale * ((p.scale + q.scale) / q.scale)
    spread = 0.5 * renyi_of_family(excess_of_minus_log, 1.0, ratio, gap, alpha)
    middle = blend(1.0, ratio, gap, alpha)
    middle = jnp.where(middle > 0, middle, 1.0)
    value: Array = spread + 0.5 * alpha * ((p.loc - q.loc) / q.scale) ** 2 / middle
    return value


def kl_exponential(p: Distribution, q: Distribution) -> Float[Array, ""]:
    return expm1_plus(-log_ratio(q.rate, p.rate))


def renyi_exponential(
    p: Distribution, q: Distribution, alpha: Float[Array, ""]
) -> Float[Array, ""]:
    return renyi_of_family(excess_of_minus_log, p.rate, q.rate, q.rate - p.rate, alpha)


def _gamma_parameters(d: Distribution) -> Float[Array, "2"]:
    return jnp.stack([d.concentration, d.rate])


def _excess_gamma(
    point: Float[Array, "2"], base: Float[Array, "2"], gap: Float[Array, "2"]
) -> Float[Array, ""]:
    # A = k(a) + a log(a/b) - a; the last two terms are jointly convex.
    t = log_ratio(point, base, gap)
    remainder = excess_of_gamma_remainder(point[0], base[0], gap[0])
    return remainder + point[0] * expm1_plus(t[0] - t[1])


def kl_gamma(p: Distribution, q: Distribution) -> Float[Array, ""]:
    of_p, of_q = _gamma_parameters(p), _gamma_parameters(q)
    return _excess_gamma(of_q, of_p, of_q - of_p)


def renyi_gamma(p: Distribution, q: Distribution, alpha: Float[Array, ""]) -> Float[Array, ""]:
    of_p, of_q = _gamma_parameters(p), _gamma_parameters(q)
    return renyi_of_family(_excess_gamma, of_p, of_q, of_q - of_p, alpha)


def entropy_gamma(p: Distribution) -> Float[Array, ""]:
    # Of all distributions with this mean the exponential one has the largest entropy.
    a = p.concentration
    return 1 + jnp.log(a / p.rate) - excess_of_gamma_remainder(1.0, a, 1 - a)


def _beta_parameters(d: Distribution) -> Float[Array, "2"]:
    return jnp.stack([d.concentration1, d.concentration0])


def _excess_beta(
    point: Float[Array, "2"], base: Float[Array, "2"], gap: Float[Array, "2"]
) -> Float[Array, ""]:
    # A = k(a) + k(b) - k(a + b) + a log(a / (a + b)) + b log(b / (a + b)).
    point, base, gap = (jnp.append(x, jnp.sum(x)) for x in (point, base, gap))
    t = log_ratio(point, base, gap)
    remainders = excess_of_gamma_remainder(point, base, gap)
    shares = point[:2] * expm1_plus(t[:2] - t[2])
    return remainders[0] + remainders[1] - remainders[2] + shares[0] + shares[1]


def kl_beta(p: Distribution, q: Distribution) -> Float[Array, ""]:
    of_p, of_q = _beta_parameters(p), _beta_parameters(q)
    return _excess_beta(of_q, of_p, of_q - of_p)


def renyi_beta(p: Distribution, q: Distribution, alpha: Float[Array, ""]) -> Float[Array, ""]:
    of_p, of_q = _beta_parameters(p), _beta_parameters(q)
    return renyi_of_family(_excess_beta, of_p, of_q, of_q - of_p, alpha)


def entropy_beta(p: Distribution) -> Float[Array, ""]:
    of_p = _beta_parameters(p)
    return -_excess_beta(jnp.ones_like(of_p), of_p, 1 - of_p)


def renyi_of_family(
    excess: Callable[[Any, Any, Any], jax.Array],
    p: Numbers,
    q: Numbers,
    gap: Numbers,
    alpha: Float[Array, ""],
) -> Float[Array, ""]:
    """The Rényi divergence of an exponential family whose natural parameters must be positive.

    Let m = α p + (1 - α) q, and let E(x, b) be the excess of A at x over its tangent at b. The
    divergence is α E(p, m) / (1 - α) + E(q, m) for α < 1, and E(q, p) + E(m, p) / (α - 1) for
    α > 1. Nothing cancels, not even as α tends to 1, where it is KL, E(q, p). It is `inf` where a
    parameter of m is not positive, because the integral of p^α q^(1-α) has no bound there.

    Args:
        excess: E(point, base, point - base), from arrays to a scalar.
        p: the parameters of P, a scalar or a 1-D array; linear in the natural parameters.
        q: the parameters of Q.
        gap: q - p, to full precision.
        alpha: the order, positive and finite.
    """
    rest, share = jnp.abs(one_less(alpha)), jnp.minimum(alpha, 1.0)
    middle = blend(p, q, gap, alpha)
    unbounded = middle <= 0
    middle = jnp.where(unbounded, p, middle)
    base, other = jnp.where(alpha < 1, middle, p), jnp.where(alpha < 1, p, middle)
    points, gaps = jnp.stack([other, jnp.asarray(q)]), jnp.stack([-rest * gap, share * gap])
    first, second = jax.vmap(excess)(points, jnp.stack([base, base]), gaps)
    return jnp.where(jnp.any(unbounded), jnp.inf, share * first / rest + second)


def blend(p: Numbers, q: Numbers, gap: Numbers, alpha: Float[Array, ""]) -> Float[Array, "..."]:
    """α p + (1 - α) q, given gap = q - p."""
    return jnp.where(alpha < 1, alpha * p + (1 - alpha) * q, p + (1 - alpha) * gap)


def one_less(alpha: Float[Array, ""]) -> Float[Array, ""]:
    """1 - α, to divide by. Where α is 1 it is a number too small to change any result."""
    return 1 - alpha - jnp.where(alpha == 1, 1e-12, 0.0)


def excess_of_minus_log(
    point: Float[Array, "*n"], base: Float[Array, "*n"], gap: Float[Array, "*n"]
) -> Float[Array, "*n"]:
    """The excess of -log at `point` over its tangent at `base`, given gap = point - base."""
    return expm1_plus(-log_ratio(point, base, gap))


def excess_of_gamma_remainder(point: Numbers, base: Numbers, gap: Numbers) -> Float[Array, "..."]:
    """The excess of k(x) = log Γ(x) - x log x + x at `point` over its tangent at `base`.

    k is convex and grows only like -½ log x; gap = point - base.
    """
    t = log_ratio(point, base, gap)
    near = jnp.abs(t) < 1
    apart = _gamma_remainder(point) - _gamma_remainder(base) - _gamma_remainder_slope(base) * gap
    point, gap, t = jnp.where(near, point, base), jnp.where(near, gap, 0.0), jnp.where(near, t, 0.0)
    # Stirling's series, for small arguments that of Γ(x + 8) = x (x + 1) ... (x + 7) Γ(x).
    small = jnp.minimum(point, base) < _LARGE
    up = jnp.where(small, float(_LARGE), 0.0)
    t_up = log_ratio(point + up, base + up, gap)
    main, (powers, coefficients) = expm1_plus(-t_up), _stirling(t_up.dtype)
    terms = expm1_plus(powers * t_up[..., None]) + powers * main[..., None]
    series = jnp.sum(coefficients * (base + up)[..., None] ** -powers * terms, axis=-1)
    upwards = jnp.arange(_LARGE, dtype=t_up.dtype)
    points, bases = point[..., None] + upwards, jnp.asarray(base)[..., None] + upwards
    below = expm1_plus(-log_ratio(points, bases, gap[..., None]))
    steps = jnp.sum(below, axis=-1)
    steps = steps + (point + up) * expm1_plus(t_up) - point * expm1_plus(t)
    close = 0.5 * main + series + jnp.where(small, steps, 0.0)
    return jnp.where(near, close, apart)


def _stirling(dtype: Any) -> tuple[Float[Array, " terms"], Float[Array, " terms"]]:
    """The powers of 1/x in Stirling's series, and its coefficients."""
    return jnp.asarray(_POWERS, dtype), jnp.asarray(_STIRLING, dtype)


def _gamma_remainder(x: Numbers) -> Float[Array, "..."]:
    large = x >= _LARGE
    big, small = jnp.where(large, x, float(_LARGE)), jnp.where(large, 1.0, x)
    powers, coefficients = _stirling(big.dtype)
    series = jnp.sum(coefficients * big[..., None] ** -powers, axis=-1)
    series = 0.5 * jnp.log(2 * np.pi / big) + series
    return jnp.where(large, series, gammaln(small) - small * jnp.log(small) + small)


def _gamma_remainder_slope(x: Numbers) -> Float[Array, "..."]:
    large = x >= _LARGE
    big, small = jnp.where(large, x, float(_LARGE)), jnp.where(large, 1.0, x)
    powers, coefficients = _stirling(big.dtype)
    series = jnp.sum(powers * coefficients * big[..., None] ** (-powers - 1), axis=-1)
    return jnp.where(large, -0.5 / big - series, digamma(small) - jnp.log(small))
