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
    # The transport is affine: the signed distance runs evenly from a to b, the ends' own. In units
    # of the larger of the two it runs from `near` to 1.
    a, b = p.low - q.low, p.high - q.high
    near, far = jnp.where(jnp.abs(a) < jnp.abs(b), a, b), jnp.where(jnp.abs(a) < jnp.abs(b), b, a)
    unit = jnp.where(far == 0, 1.0, jnp.abs(far))
    near, gap = jnp.sign(far) * near / unit, jnp.abs(a - b) / unit
    # The mean of |u|^order from there to 1, where `near` is above 0 and where it is not.
    log_near = jnp.log1p(-jnp.minimum(gap, 1 - np.finfo(gap.dtype).eps))
    same = mean_decay(-(order + 1) * log_near) / mean_decay(-log_near)
    below = jnp.where(near > 0, 0.0, -near)
    opposite = (1 + below ** (order + 1)) / ((order + 1) * (1 + below))
    mean = jnp.where(near > 0, same, opposite)
    return jnp.where(far == 0, 0.0, jnp.abs(far) * mean ** (1 / order))


def w_exponential(p: Distribution, q: Distribution, order: Float[Array, ""]) -> Float[Array, ""]:
    gap = jnp.abs(p.rate - q.rate) / (p.rate * q.rate)
    value: Array = gap * jnp.exp(gammaln(order + 1.0) / order)
    return value


def same_or_inf(p: Distribution, q: Distribution) -> Float[Array, ""]:
    return jnp.where(p.rate == q.rate, 0.0, jnp.inf)
