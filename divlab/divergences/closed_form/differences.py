"""Differences of elementary functions that lose no digits where their arguments nearly agree.

The divergences of an exponential family are differences of its log-normaliser A, which is convex:
KL is what A at Q exceeds its tangent at P by, Rényi's divergences are sums of two such excesses.
Taken term by term, and each term as an excess of its own, they are sums of non-negative parts.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import digamma, gammaln

from divlab.divergences.series import expm1_plus

# Stirling's series of log Γ(x) - (x - ½) log x + x - ½ log 2π: the coefficients of x^-1, x^-3, ...
_STIRLING = np.array([1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156])
_POWERS = np.arange(1.0, 14.0, 2.0)
_LARGE = 8  # from where on it is exact to rounding


def log_ratio(a, b, gap=None):
    """log(a/b), to full precision near a = b; `gap` is a - b where it is known better than that."""
    gap = a - b if gap is None else gap
    near = jnp.abs(gap) < 0.5 * b
    return jnp.where(near, jnp.log1p(jnp.where(near, gap / b, 0.0)), jnp.log(a) - jnp.log(b))


def mean_decay(z):
    """(1 - e^-z) / z, the mean of e^-x over [0, z]; 1 at 0."""
    safe = jnp.where(z == 0, 1.0, z)
    return jnp.where(z == 0, 1.0, -jnp.expm1(-safe) / safe)


def mean_loss(z):
    """1 - (1 - e^-z) / z; about z/2 near 0."""
    safe = jnp.where(z == 0, 1.0, z)
    return jnp.where(z == 0, z / 2, expm1_plus(safe) / safe)


def safe_root(square):
    """√square, with gradient 0 at 0."""
    return jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1.0)), 0.0)


def excess_of_minus_log(point, base, gap):
    """What -log at `point` exceeds its tangent at `base` by; gap = point - base."""
    return expm1_plus(-log_ratio(point, base, gap))


def excess_of_gamma_remainder(point, base, gap):
    """What k(x) = log Γ(x) - x log x + x at `point` exceeds its tangent at `base` by.

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
    below = excess_of_minus_log(
        point[..., None] + upwards, base[..., None] + upwards, gap[..., None]
    )
    steps = jnp.sum(below, axis=-1)
    steps = steps + (point + up) * expm1_plus(t_up) - point * expm1_plus(t)
    close = 0.5 * main + series + jnp.where(small, steps, 0.0)
    return jnp.where(near, close, apart)


def _stirling(dtype):
    """The powers of 1/x in Stirling's series, and its coefficients."""
    return jnp.asarray(_POWERS, dtype), jnp.asarray(_STIRLING, dtype)


def _gamma_remainder(x):
    large = x >= _LARGE
    big, small = jnp.where(large, x, float(_LARGE)), jnp.where(large, 1.0, x)
    powers, coefficients = _stirling(big.dtype)
    series = jnp.sum(coefficients * big[..., None] ** -powers, axis=-1)
    series = 0.5 * jnp.log(2 * np.pi / big) + series
    return jnp.where(large, series, gammaln(small) - small * jnp.log(small) + small)


def _gamma_remainder_slope(x):
    large = x >= _LARGE
    big, small = jnp.where(large, x, float(_LARGE)), jnp.where(large, 1.0, x)
    powers, coefficients = _stirling(big.dtype)
    series = jnp.sum(powers * coefficients * big[..., None] ** (-powers - 1), axis=-1)
    return jnp.where(large, -0.5 / big - series, digamma(small) - jnp.log(small))


def renyi_of_family(excess, p, q, gap, alpha):
    """The Rényi divergence of an exponential family whose natural parameters must be positive.

    With m = α p + (1 - α) q and E(x, b) what A at x exceeds its tangent at b by, it is
    α E(p, m) / (1 - α) + E(q, m) for α < 1 and E(q, p) + E(m, p) / (α - 1) for α > 1: nothing
    cancels, not even as α tends to 1, where it is KL, E(q, p). It is `inf` where a parameter of m
    is not positive, because the integral of p^α q^(1-α) has no bound then.

    Args:
        excess: E(point, base, point - base), from arrays to a scalar.
        p: the parameters of P, a scalar or a 1-D array; linear in the natural parameters.
        q: those of Q.
        gap: q - p, to full precision.
        alpha: the order, positive and finite.
    """
    rest, share = jnp.abs(one_less(alpha)), jnp.minimum(alpha, 1.0)
    middle = between(p, q, gap, alpha)
    unbounded = middle <= 0
    middle = jnp.where(unbounded, p, middle)
    base, other = jnp.where(alpha < 1, middle, p), jnp.where(alpha < 1, p, middle)
    points, gaps = jnp.stack([other, q]), jnp.stack([-rest * gap, share * gap])
    first, second = jax.vmap(excess)(points, jnp.stack([base, base]), gaps)
    return jnp.where(jnp.any(unbounded), jnp.inf, share * first / rest + second)


def between(p, q, gap, alpha):
    """α p + (1 - α) q; gap = q - p."""
    return jnp.where(alpha < 1, alpha * p + (1 - alpha) * q, p + (1 - alpha) * gap)


def one_less(alpha):
    """1 - α, or, to be divided by where α is 1, a number too small to change any result."""
    return 1 - alpha - jnp.where(alpha == 1, 1e-12, 0.0)
