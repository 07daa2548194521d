"""The method "monte_carlo": random draws from two distributions whose densities are known."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from divlab.checks import check_count, read_key
from divlab.compiling import LONG_RUNNING
from divlab.divergences.families import Family, integrand
from divlab.divergences.inputs import Whole
from divlab.divergences.integrals.arrays import compiled, is_known, unless_nan
from divlab.divergences.integrals.densities import log_density
from divlab.divergences.integrals.outlines import support_ends
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.methods.base import OfDistributions
from divlab.pytrees import as_arrays, pytree, setting


@pytree
class MonteCarlo(OfDistributions):
    """The mean over draws from the even mixture of both distributions, by their exact densities.

    Attributes:
        samples: how many draws; half come from each distribution.
        key: an int or a JAX key.

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> method = divlab.methods.MonteCarlo(samples=10_000)
        >>> 0.4 < float(divlab.kl(Normal(0, 1), Normal(1, 2), method=method)) < 0.5
        True
    """

    samples: Whole = setting(100_000)
    key: Any = 0
    name = "monte_carlo"

    def __post_init__(self) -> None:
        """Refuses too few samples to have a standard error."""
        check_count("samples", self.samples, 4)
        object.__setattr__(self, "key", read_key("key", self.key))

    def f_divergence(
        self, family: Family, p: Packed, q: Packed, names: tuple[str, str]
    ) -> Float[Array, ""]:
        value: Array = mean_and_error(as_arrays(family), p, q, self)[0]
        if is_known(value) and np.isnan(value):
            raise ValueError(
                f"the draws of {names[0]} or {names[1]} do not follow its density. Is its "
                "log_prob normalised?"
            )
        return value


@compiled(options=LONG_RUNNING)
def mean_and_error(
    family: Family, p: Packed, q: Packed, method: MonteCarlo
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """The mean of q f(p/q) / m over draws from m = ½ (p + q), and its standard error.

    Half of the draws come from each distribution. No term is negative, and none exceeds
    f(0) + lim f(u)/u. Where that limit is finite, so is the variance of the mean. Where it is
    infinite, a term grows like the density ratio to the power by which f grows. The value is `inf`
    where a draw has no density under the other distribution. An integral that is infinite because
    of heavy tails is not recognised.

    Under differentiation the draws move with the ends of the supports between which they lie and
    are held fixed otherwise. That leaves the gradient in all parameters unbiased, also for
    distributions whose draws cannot be differentiated, such as mixtures.

    Both are NaN where the draws contradict the densities: the mean of p/m or of q/m is not 1.
    """
    half = method.samples // 2
    draws = [
        d.distribution.sample(key, (half,))
        for d, key in zip((p, q), jax.random.split(method.key), strict=True)
    ]
    x, stretch = _follow_ends(lax.stop_gradient(jnp.stack(draws)), p, q)
    log_p, log_q = (log_density(d.distribution, x) for d in (p, q))
    log_m = lax.stop_gradient(jnp.logaddexp(log_p, log_q) - jnp.log(2.0))
    # A draw that was rounded onto the end of its support has no density.
    log_m = jnp.where(log_m > -jnp.inf, log_m, 0.0)
    # In units of m, so that no density is too small for its dtype.
    terms = integrand(family, log_p - log_m, log_q - log_m) * stretch
    value = jnp.clip(jnp.mean(terms), 0.0, family.limit)
    error = jnp.where(jnp.isinf(value), 0.0, _standard_error(terms))
    consistent = jnp.array(True)
    for log in (log_p, log_q):
        ratio = lax.stop_gradient(jnp.exp(log - log_m))
        consistent &= jnp.abs(jnp.mean(ratio) - 1) <= 6 * _standard_error(ratio) + 1e-3
    value, error = (jnp.where(consistent, number, jnp.nan) for number in (value, error))
    return unless_nan(value, p, q), unless_nan(error, p, q)


def _standard_error(terms: Float[Array, "2 draws"]) -> Float[Array, ""]:
    """That of the mean of two rows, each of independent draws from its own distribution."""
    return jnp.sqrt(jnp.mean(jnp.var(terms, axis=1, ddof=1)) / terms.size)


def _follow_ends(
    x: Float[Array, "2 draws"], p: Packed, q: Packed
) -> tuple[Float[Array, "2 draws"], Float[Array, "2 draws"]]:
    """The points x and as many ones, with the derivatives of a map that moves with the ends.

    Where an end of a support moves, the map stretches what lies between two ends and shifts what
    lies outside. The ones are its slope. An integral over fixed points would miss what an end
    passes.
    """
    ends = support_ends(p.distribution, q.distribution)
    if not ends.size:
        return x, jnp.ones_like(x)
    ends = jnp.sort(ends)
    right = jnp.searchsorted(lax.stop_gradient(ends), x)
    low, high = ends[jnp.maximum(right - 1, 0)], ends[jnp.minimum(right, ends.size - 1)]
    width = high - low
    stretch = jnp.where(width > 0, width / lax.stop_gradient(jnp.where(width > 0, width, 1)), 1.0)
    moved = low + (x - lax.stop_gradient(low)) * stretch
    return x + (moved - lax.stop_gradient(moved)), stretch
