"""Divergences between two samples from their shares in common bins."""

import jax
import jax.numpy as jnp
from jax import lax

from divlab.divergences import families
from divlab.divergences.dispatch import least_count


def f_divergence(family: families.Family, x: jax.Array, y: jax.Array, method) -> jax.Array:
    """Σ Q_b f(P_b/Q_b) over bins that hold equally many of the pooled samples; x, y sorted.

    Merging points into bins can only lower an f-divergence, and the shares' own noise raises it,
    by (b - 1)/2 · f''(1) · (1/n + 1/m) when P = Q and n, m samples fall into b bins. An empty bin
    counts as 0, and where f is infinite there half a sample is added to every bin. Source: Wang,
    Kulkarni & Verdú (2005) for bins of equal mass; Krichevsky & Trofimov (1981) for the half.
    """
    bins = method.bins or max(2, round(2 * min(x.shape[0], y.shape[0]) ** (1 / 3)))
    x, y = _counted(x), _counted(y)
    pooled = jnp.sort(jnp.concatenate([x, y]))
    at = (jnp.arange(1, bins) * pooled.shape[0]) // bins
    cuts = pooled[at - 1]  # the last sample of each bin

    def log_shares(sample, least):
        below = jnp.searchsorted(sample, cuts, side="right")
        counts = jnp.diff(below, prepend=0, append=sample.shape[0]) + least
        shares = counts / (sample.shape[0] + bins * least)
        return jnp.where(counts > 0, jnp.log(jnp.where(counts > 0, shares, 1.0)), -jnp.inf)

    log_p = log_shares(x, least_count(family.at_zero))
    log_q = log_shares(y, least_count(family.at_infinity))
    return jnp.sum(families.integrand(family, log_p, log_q))


@jax.custom_jvp
def _counted(x: jax.Array) -> jax.Array:
    """The value of x; refuses to be differentiated, for counts have the gradient 0 or none."""
    return lax.stop_gradient(x)


@_counted.defjvp
def _refuse(primals, tangents):
    raise ValueError(
        "method 'histogram' has no gradient: counts of samples are constant between jumps. Use "
        "'nearest_neighbours', 'kde' or 'variational', or hold the samples fixed by "
        "jax.lax.stop_gradient."
    )
