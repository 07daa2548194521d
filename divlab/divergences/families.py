"""Integrands of divergences, as functions of the two log densities at a point.

Each is written so that it is non-negative at every point and loses no digits where p and q are
nearly equal: what is summed is p log(p/q) - p + q, never p log(p/q), whose positive and negative
parts cancel. Nothing is added to a density to keep a logarithm finite: where p has mass and q
has none the integrand of KL is infinite, as it must be.
"""

import jax
import jax.numpy as jnp
import numpy as np

_SERIES = [(-1.0) ** n / float(np.prod(np.arange(1, n + 1))) for n in range(2, 12)]


def expm1_plus(r: jax.Array) -> jax.Array:
    """e^-r - 1 + r, to full relative precision near r = 0."""
    small = jnp.abs(r) < 0.25
    near = jnp.where(small, r, 0.0)
    series = jnp.zeros_like(r)
    for coefficient in _SERIES[::-1]:
        series = series * near + coefficient
    far = jnp.where(small, 1.0, r)
    return jnp.where(small, near * near * series, jnp.expm1(-far) + far)


def _relative_entropy(log_p: jax.Array, log_q: jax.Array, r: jax.Array) -> jax.Array:
    """The integrand p log(p/q) - p + q for finite log densities, given r = log(p/q)."""
    p_leads = r > -1.0
    upper = jnp.where(p_leads, r, 0.0)
    lower = jnp.where(p_leads, -1.0, jnp.maximum(r, -700.0))
    return jnp.where(
        p_leads,
        jnp.exp(log_p) * expm1_plus(upper),
        jnp.exp(log_q) * (1.0 + (lower - 1.0) * jnp.exp(lower)),
    )


def _finite(log_p: jax.Array, log_q: jax.Array) -> tuple[jax.Array, ...]:
    """Whether p and q have mass here, and stand-ins of log p and log q that are never infinite."""
    has_p, has_q = log_p > -jnp.inf, log_q > -jnp.inf
    log_p = jnp.where(has_p, log_p, jnp.where(has_q, log_q, 0.0))
    log_q = jnp.where(has_q, log_q, log_p)
    return has_p, has_q, log_p, log_q


def _lacks(log_p: jax.Array, log_q: jax.Array) -> jax.Array:
    """Where P has mass that Q does not have.

    Outside Q's support any mass of P counts, however small. Inside it a log density at the
    dtype's limit is an underflow, and counts only where p itself has not underflowed.
    """
    lowest = jnp.finfo(log_q.dtype).min
    outside = (log_q == -jnp.inf) & (log_p > -jnp.inf)
    return outside | ((log_q <= lowest / 2) & (jnp.exp(log_p) > 0))


def kl(log_p: jax.Array, log_q: jax.Array) -> jax.Array:
    """The integrand p log(p/q) - p + q."""
    has_p, has_q, finite_p, finite_q = _finite(log_p, log_q)
    both = _relative_entropy(finite_p, finite_q, finite_p - finite_q)
    value = jnp.where(has_p, both, jnp.where(has_q, jnp.exp(finite_q), 0.0))
    return jnp.where(_lacks(log_p, log_q), jnp.inf, value)


def reverse_kl(log_p: jax.Array, log_q: jax.Array) -> jax.Array:
    """The integrand q log(q/p) - q + p."""
    return kl(log_q, log_p)


def js(log_p: jax.Array, log_q: jax.Array, weight: jax.Array) -> jax.Array:
    """The integrand w p log(p/m) + (1 - w) q log(q/m) with m = w p + (1 - w) q."""
    has_p, has_q, finite_p, finite_q = _finite(log_p, log_q)
    limit = np.log(np.finfo(log_p.dtype).max) / 2
    r = jnp.clip(finite_p - finite_q, -limit, limit)
    from_p, from_q = -jnp.log1p((1 - weight) * jnp.expm1(-r)), -jnp.log1p(weight * jnp.expm1(r))
    # r is clipped, so the mixture is known only from the larger of the two.
    log_m = jnp.where(r > 0, finite_p - from_p, finite_q - from_q)
    both = weight * _relative_entropy(finite_p, log_m, from_p) + (1 - weight) * _relative_entropy(
        finite_q, log_m, from_q
    )
    only_p = -weight * jnp.log(weight) * jnp.exp(finite_p)
    only_q = -(1 - weight) * jnp.log1p(-weight) * jnp.exp(finite_q)
    value = jnp.where(has_p, jnp.where(has_q, both, only_p), only_q)
    return jnp.where(has_p | has_q, value, 0.0)


def tv(log_p: jax.Array, log_q: jax.Array) -> jax.Array:
    """|p - q| / 2."""
    has_p, has_q, finite_p, finite_q = _finite(log_p, log_q)
    larger = jnp.exp(jnp.maximum(finite_p, finite_q))
    one_sided = jnp.where(has_p | has_q, larger, 0.0)
    both = -larger * jnp.expm1(-jnp.abs(finite_p - finite_q))
    return 0.5 * jnp.where(has_p & has_q, both, one_sided)


def surprise(log_p: jax.Array, log_q: jax.Array) -> jax.Array:
    """-p log q, the integrand of the cross-entropy."""
    has_p = log_p > -jnp.inf
    p = jnp.where(has_p, jnp.exp(jnp.where(has_p, log_p, 0.0)), 0.0)
    value = -p * jnp.where(log_q > -jnp.inf, log_q, 0.0)
    return jnp.where(_lacks(log_p, log_q), jnp.inf, jnp.where(p > 0, value, 0.0))
