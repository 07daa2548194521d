"""The method "histogram": shares of two samples in common bins."""

from typing import NoReturn

import jax
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from divlab.checks import check_count
from divlab.divergences.families import Family, integrand
from divlab.divergences.inputs import AnyArray, Whole
from divlab.divergences.integrals import arrays
from divlab.divergences.integrals.arrays import namespace, on_host
from divlab.divergences.methods.base import OfSamples
from divlab.divergences.methods.samples import least_count
from divlab.pytrees import pytree, setting


@pytree
class Histogram(OfSamples):
    """Shares of two samples in common bins that hold equally many of the pooled samples.

    It has no gradient: to differentiate it is an error. Where a divergence has no bound, half a
    sample is added to every bin, so that an empty bin does not make the value infinite.

    Attributes:
        bins: how many bins; None takes 2 n^(1/3), where n is the size of the smaller sample.

    Example:
        >>> import numpy as np
        >>> import divlab
        >>> x, y = np.random.default_rng(0).normal([[0.0], [1.0]], [[1.0], [2.0]], (2, 1000))
        >>> method = divlab.methods.Histogram(bins=30)
        >>> 0.3 < float(divlab.kl(x, y, method=method)) < 0.6
        True
    """

    bins: Whole | None = setting(None)
    name = "histogram"

    def __post_init__(self) -> None:
        """Refuses fewer than two bins."""
        if self.bins is not None:
            check_count("bins", self.bins, 2)

    def f_divergence(
        self, family: Family, x: Float[AnyArray, " n"], y: Float[AnyArray, " m"]
    ) -> arrays.Array:
        """Σ Q_b f(P_b/Q_b) over bins that hold equally many of the pooled samples.

        Merging points into bins can only lower an f-divergence, and the shares' own noise raises
        it, by (b - 1)/2 · f''(1) · (1/n + 1/m) when P = Q and n, m samples fall into b bins. An
        empty bin counts as 0, and where f is infinite there half a sample is added to every bin.
        Source: Wang, Kulkarni & Verdú (2005) for bins of equal mass; Krichevsky & Trofimov (1981)
        for the half.
        """
        bins = self.bins or max(2, round(2 * min(x.shape[0], y.shape[0]) ** (1 / 3)))
        xp, x, y = namespace(x), _counted(x), _counted(y)
        pooled = xp.sort(xp.concatenate([x, y]))
        at = (xp.arange(1, bins) * pooled.shape[0]) // bins
        cuts = pooled[at - 1]  # the last sample of each bin

        def log_shares(
            sample: Float[AnyArray, " size"], least: arrays.Array
        ) -> Float[AnyArray, " bins"]:
            below = xp.searchsorted(sample, cuts, side="right")
            counts = xp.diff(below, prepend=0, append=sample.shape[0]) + least
            shares = counts / (sample.shape[0] + bins * least)
            return xp.where(counts > 0, xp.log(xp.where(counts > 0, shares, 1.0)), -np.inf)

        log_p = log_shares(x, least_count(family.at_zero))
        log_q = log_shares(y, least_count(family.at_infinity))
        return integrand(family, log_p, log_q).sum()


def _counted(x: Float[AnyArray, " n"]) -> Float[AnyArray, " n"]:
    """The values of x. It refuses to be differentiated: counts have the gradient 0 or none."""
    return x if on_host(x) else _counted_if_traced(x)


@jax.custom_jvp
def _counted_if_traced(x: Float[Array, " n"]) -> Float[Array, " n"]:
    held: Array = lax.stop_gradient(x)
    return held


@_counted_if_traced.defjvp
def _refuse(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> NoReturn:
    raise ValueError(
        "method 'histogram' has no gradient: counts of samples are constant between jumps. Use "
        "'nearest_neighbours', 'kde' or 'variational', or hold the samples fixed by "
        "jax.lax.stop_gradient."
    )
