"""Divergences between two samples from Gaussian kernel density estimates.

Every sample carries a kernel of its own width, wider where samples are rare. With one width for
all, the log of an estimate falls like a square beyond the outermost samples, and KL is several
times what it should be wherever P has the longer tails.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import logsumexp

from divlab.divergences import families
from divlab.divergences.neighbours import neighbour_distance

POINTS = 1024  # of each sample, at which the densities are compared
_AT_ONCE = 2**22  # kernels in memory


def silverman(x: jax.Array) -> jax.Array:
    """0.9 min(standard deviation, interquartile range / 1.34) n^(-1/5), x sorted.

    Source: Silverman (1986), equation 3.31.
    """
    low, high = jnp.interp(jnp.array([0.25, 0.75]) * (x.shape[0] - 1), jnp.arange(x.shape[0]), x)
    spread, robust = jnp.std(x), (high - low) / 1.34
    return 0.9 * jnp.where(robust > 0, jnp.minimum(spread, robust), spread) * x.shape[0] ** -0.2


def log_widths(x: jax.Array, bandwidth: float | jax.Array | None) -> jax.Array:
    """The log of each kernel's standard deviation, `bandwidth` in the geometric mean.

    It goes as the root of the density (Abramson 1982), which for this is taken to be the inverse
    of the distance to the neighbour whose number is the root of the sample size.
    """
    middle = silverman(x) if bandwidth is None else jnp.asarray(bandwidth, x.dtype)
    k = min(max(round(x.shape[0] ** 0.5), 2), x.shape[0] - 1)
    log_distance = jnp.log(neighbour_distance(x, x, k, same=True))
    return jnp.log(middle) + 0.5 * (log_distance - jnp.mean(log_distance))


def log_estimate(samples: jax.Array, log_width: jax.Array, x: jax.Array) -> jax.Array:
    """The log of the mean kernel around `samples`, at each x."""

    def at(point):
        z = (point - samples) * jnp.exp(-log_width)
        return logsumexp(-0.5 * z * z - log_width)

    log_sum = lax.map(at, x, batch_size=max(1, _AT_ONCE // samples.shape[0]))
    return log_sum - np.log(samples.shape[0] * np.sqrt(2 * np.pi))


def f_divergence(family: families.Family, x: jax.Array, y: jax.Array, method) -> jax.Array:
    """½ E_P[g] + ½ E_Q[g] with g = q f(p/q) / ½(p + q), both densities estimated; x, y sorted.

    The expectations are means over the samples, or over as many order statistics as POINTS.
    """
    kernels = [(sample, log_widths(sample, method.bandwidth)) for sample in (x, y)]

    def mean_at(sample):
        count = min(POINTS, sample.shape[0])
        middle = (2 * np.arange(count) + 1) * sample.shape[0] // (2 * count)
        log_p, log_q = (log_estimate(*kernel, sample[middle]) for kernel in kernels)
        # In units of (p + q), so that no density is too small for its dtype.
        log_sum = jnp.logaddexp(log_p, log_q)
        return jnp.mean(families.integrand(family, log_p - log_sum, log_q - log_sum))

    return mean_at(x) + mean_at(y)
