"""KL(P‖Q) of two distributions of different types.

No formula needs care near zero: these types have no distribution in common, except for Beta and
Uniform, where the formula is that of two Betas.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpyro.distributions import Beta, Distribution

from divlab.divergences.closed_form.elementary import mean_loss
from divlab.divergences.closed_form.exponential_families import kl_beta, log_ratio
from divlab.divergences.closed_form.wasserstein import folded_mean

_LOG_ROOT_TAU = 0.5 * np.log(2 * np.pi)  # log √(2π)


def kl_normal_laplace(p: Distribution, q: Distribution) -> Float[Array, ""]:
    distance = folded_mean(p.loc - q.loc, p.scale) / q.scale
    value: Array = log_ratio(q.scale, p.scale) + distance + (np.log(2) - 0.5 - _LOG_ROOT_TAU)
    return value


def kl_laplace_normal(p: Distribution, q: Distribution) -> Float[Array, ""]:
    square = 2 * (p.scale / q.scale) ** 2 + ((p.loc - q.loc) / q.scale) ** 2
    value: Array = log_ratio(q.scale, p.scale) + 0.5 * square + (_LOG_ROOT_TAU - 1 - np.log(2))
    return value


def kl_uniform_normal(p: Distribution, q: Distribution) -> Float[Array, ""]:
    width, centre = p.high - p.low, 0.5 * (p.low + p.high)
    square = (width / q.scale) ** 2 / 12 + ((centre - q.loc) / q.scale) ** 2
    value: Array = log_ratio(q.scale, width) + 0.5 * square + _LOG_ROOT_TAU
    return value


def kl_uniform_laplace(p: Distribution, q: Distribution) -> Float[Array, ""]:
    width, half = p.high - p.low, 0.5 * (p.high - p.low)
    shift = jnp.abs(0.5 * (p.low + p.high) - q.loc)
    # E|x - loc| where loc is inside, and outside, the interval
    distance = jnp.where(shift < half, 0.5 * (half + shift * (shift / half)), shift)
    value: Array = log_ratio(q.scale, width) + distance / q.scale + np.log(2)
    return value


def kl_uniform_exponential(p: Distribution, q: Distribution) -> Float[Array, ""]:
    mean = 0.5 * (p.low + p.high)
    value = mean * q.rate - jnp.log(q.rate * (p.high - p.low))
    return jnp.where(p.low < 0, jnp.inf, value)


def kl_exponential_normal(p: Distribution, q: Distribution) -> Float[Array, ""]:
    mean = 1 / p.rate
    square = (mean / q.scale) ** 2 + ((mean - q.loc) / q.scale) ** 2
    value: Array = jnp.log(p.rate * q.scale) + 0.5 * square + (_LOG_ROOT_TAU - 1)
    return value


def kl_exponential_laplace(p: Distribution, q: Distribution) -> Float[Array, ""]:
    inside = jnp.maximum(q.loc, 0.0)  # the part of |x - loc| that lies left of loc counts twice
    distance = 1 / p.rate - q.loc + 2 * inside * mean_loss(p.rate * inside)
    value: Array = jnp.log(p.rate * q.scale) + distance / q.scale + (np.log(2) - 1)
    return value


def kl_beta_uniform(p: Distribution, q: Distribution) -> Float[Array, ""]:
    value = kl_beta(p, Beta(1.0, 1.0)) + jnp.log(q.high - q.low)
    return jnp.where((q.low > 0) | (q.high < 1), jnp.inf, value)
