"""Wasserstein distances of two distributions of the same type."""

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import erf, gammaln
from jaxtyping import Array, Float
from numpyro.distributions import Distribution

from divlab.divergences.closed_form.elementary import mean_decay, safe_root


def folded_mean(shift: Float[Array, ""], scale: Float[Array, ""]) -> Float[Array, ""]:
    """E|shift + scale Z| for a standard normal Z."""
    shift = jnp.abs(shift)
    z = shift / jnp.where(scale > 0, scale, 1.0)
    bell = np.sqrt(2 / np.pi) * scale * jnp.exp(-0.5 * z * z)
    return jnp.where(scale > 0, shift * erf(z / np.sqrt(2)) + bell, shift)


def w1_normal(p: Distribution, q: Distribution) -> Float[Array, ""]:
    return folded_mean(p.loc - q.loc, jnp.abs(p.scale - q.scale))


def w2_normal(p: Distribution, q: Distribution) -> Float[Array, ""]:
    return safe_root((p.loc - q.loc) ** 2 + (p.scale - q.scale) ** 2)


def w2_laplace(p: Distribution, q: Distribution) -> Float[Array, ""]:
    return safe_root((p.loc - q.loc) ** 2 + 2 * (p.scale - q.scale) ** 2)


def shift_or_inf(p: Distribution, q: Distribution) -> Float[Array, ""]:
    return jnp.where(p.scale == q.scale, jnp.abs(p.loc - q.loc), jnp.inf)


def farthest_uniform(p: Distribution, q: Distribution) -> Float[Array, ""]:
    return jnp.maximum(jnp.abs(p.low - q.low), jnp.abs(p.high - q.high))


def w_uniform(p: Distribution, q: Distribution, order: Float[Array, ""]) -> Float[Array, ""]:
    # The transport is affine: the signed distance runs evenly from a to b, the ends' own.
    a, b = p.low - q.low, p.high - q.high
    largest = farthest_uniform(p, q)
    unit = jnp.where(largest > 0, largest, 1.0)
    lesser, gap = jnp.minimum(jnp.abs(a), jnp.abs(b)) / unit, jnp.abs(a - b) / unit
    # The mean of u^k from `lesser` to 1, and from -`lesser` to 1.
    log_lesser = jnp.log1p(-jnp.minimum(gap, 1 - np.finfo(gap.dtype).eps))
    same = mean_decay(-(order + 1) * log_lesser) / mean_decay(-log_lesser)
    opposite = (1 + lesser ** (order + 1)) / ((order + 1) * (1 + lesser))
    mean = jnp.where(a * b >= 0, same, opposite)
    return jnp.where(largest > 0, largest * mean ** (1 / order), 0.0)


def w_exponential(p: Distribution, q: Distribution, order: Float[Array, ""]) -> Float[Array, ""]:
    gap = jnp.abs(p.rate - q.rate) / (p.rate * q.rate)
    value: Array = gap * jnp.exp(gammaln(order + 1.0) / order)
    return value


def same_or_inf(p: Distribution, q: Distribution) -> Float[Array, ""]:
    return jnp.where(p.rate == q.rate, 0.0, jnp.inf)
