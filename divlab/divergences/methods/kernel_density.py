"""The method "kde": Gaussian kernel density estimates of two samples.

Every sample carries a kernel of its own width, wider where samples are rare. With one width for
all, the log of an estimate falls like a square beyond the outermost samples, and KL is several
times what it should be wherever P has the longer tails.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import logsumexp
from jaxtyping import Array, Float

from divlab.divergences.families import Family, integrand
from divlab.divergences.inputs import AnyArray, Real
from divlab.divergences.integrals import arrays
from divlab.divergences.integrals.arrays import (
    at_points,
    fill,
    namespace,
    on_host,
    standard_deviation,
)
from divlab.divergences.methods.base import OfSamples, need_positive
from divlab.divergences.methods.nearest_neighbours import neighbour_distance
from divlab.pytrees import pytree

_POINTS = 1024  # of each sample, at which the densities are compared
_AT_ONCE = 2**22  # kernels in memory


@pytree
class KDE(OfSamples):
    """Gaussian kernel density estimates of two samples, the kernels wider where samples are rare.

    Beyond the outermost samples an estimate falls as a Gaussian does, whatever P and Q: for
    heavier tails, KL and χ² come out far too large.

    Attributes:
        bandwidth: the geometric mean of the kernels' standard deviations, in units of x; None
            takes Silverman's rule for each sample.

    Example:
        >>> import numpy as np
        >>> import divlab
        >>> x, y = np.random.default_rng(0).normal([[0.0], [1.0]], [[1.0], [2.0]], (2, 1000))
        >>> method = divlab.methods.KDE(bandwidth=0.3)
        >>> 0.3 < float(divlab.kl(x, y, method=method)) < 0.6
        True
    """

    bandwidth: Real | None = None
    name = "kde"
    is_costly = True

    def __post_init__(self) -> None:
        """Refuses a bandwidth that is not positive."""
        if self.bandwidth is not None:
            need_positive("bandwidth", self.bandwidth)

    def f_divergence(
        self, family: Family, x: Float[AnyArray, " n"], y: Float[AnyArray, " m"]
    ) -> arrays.Array:
        """½ E_P[g] + ½ E_Q[g] with g = q f(p/q) / ½(p + q), both densities estimated.

        The expectations are means over the samples, or over _POINTS of their order statistics.
        """
        xp = namespace(x)
        kernels = [(sample, _log_widths(sample, self.bandwidth)) for sample in (x, y)]

        def mean_at(sample: Float[AnyArray, " size"]) -> arrays.Array:
            count = min(_POINTS, sample.shape[0])
            middle = (2 * np.arange(count) + 1) * sample.shape[0] // (2 * count)
            log_p, log_q = (_log_estimate(*kernel, sample[middle]) for kernel in kernels)
            # In units of (p + q), so that no density is too small for its dtype.
            log_sum = xp.logaddexp(log_p, log_q)
            return integrand(family, log_p - log_sum, log_q - log_sum).mean()

        return mean_at(x) + mean_at(y)


def _silverman(x: Float[AnyArray, " n"]) -> arrays.Array:
    """0.9 min(standard deviation, interquartile range / 1.34) n^(-1/5), x sorted.

    Source: Silverman (1986), equation 3.31.
    """
    xp, last = namespace(x), x.shape[0] - 1
    low, high = xp.interp(xp.array([0.25, 0.75]) * last, xp.arange(last + 1), x)
    spread, robust = standard_deviation(x), (high - low) / 1.34
    return 0.9 * xp.where(robust > 0, xp.minimum(spread, robust), spread) * x.shape[0] ** -0.2


def _log_widths(x: Float[AnyArray, " n"], bandwidth: Any) -> Float[AnyArray, " n"]:
    """The log of each kernel's standard deviation, `bandwidth` in the geometric mean.

    A width is inversely proportional to the root of the density (Abramson 1982). For this purpose
    the density is the inverse of the distance to the k-th neighbour, k being the root of the sample
    size.
    """
    xp = namespace(x)
    middle = _silverman(x) if bandwidth is None else bandwidth
    k = min(max(round(x.shape[0] ** 0.5), 2), x.shape[0] - 1)
    log_distance = xp.log(neighbour_distance(x, x, k, same=True))
    return namespace(middle).log(middle) + 0.5 * (log_distance - log_distance.mean())


def _log_estimate(
    samples: Float[AnyArray, " n"], log_width: Float[AnyArray, " n"], x: Float[AnyArray, " points"]
) -> Float[AnyArray, " points"]:
    """The log of the mean kernel around `samples`, at each x."""
    log_sum: arrays.Array
    if on_host(samples):  # a sample at infinity, of width 1, adds nothing
        samples_and_widths = fill(samples, np.inf), fill(log_width, 0.0)
        log_sum = at_points(partial(_log_sum_program, *samples_and_widths), x)
    else:
        log_sum = _log_sum(samples, log_width, x)
    return log_sum - np.log(samples.shape[0] * np.sqrt(2 * np.pi))


def _log_sum(
    samples: Float[Array, " n"], log_width: Float[Array, " n"], x: Float[Array, " points"]
) -> Float[Array, " points"]:
    def at(point: Float[Array, ""]) -> Float[Array, ""]:
        z = (point - samples) * jnp.exp(-log_width)
        return logsumexp(-0.5 * z * z - log_width)

    value: Array = lax.map(at, x, batch_size=max(1, _AT_ONCE // samples.shape[0]))
    return value


_log_sum_program = jax.jit(_log_sum)
