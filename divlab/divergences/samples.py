"""Divergences between samples, from distances to nearest neighbours.

In one dimension the neighbours of a point are its neighbours in sorted order, so everything is a
sort, a binary search and sums: n log n, and the same program for any values.
"""

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.special import digamma
from numpyro.distributions import Distribution

from divlab.divergences.densities import log_density


def spread_ties(x: jax.Array, pool: jax.Array, resolution: jax.Array, seed: int) -> jax.Array:
    """Sorted samples, those that occur more than once in `pool` spread over one `resolution`.

    Equal values come from rounding to a grid; a density has no ties. Each of them is taken for
    what it stands for, a value anywhere within one step of the grid. A fixed draw says where: an
    even spread would be more regular than samples are, and neighbours too far away.
    """
    size = jnp.searchsorted(pool, x, side="right") - jnp.searchsorted(pool, x, side="left")
    within = jax.random.uniform(jax.random.key(seed), x.shape, x.dtype) - 0.5
    return jnp.sort(x + lax.stop_gradient(jnp.where(size > 1, within * resolution, 0.0)))


def resolution(sorted_samples: jax.Array) -> jax.Array:
    """The median gap between different values: the grid, if samples were rounded to one.

    Not the smallest, which is far too small where rounding was done in two units, such as
    seconds given as minutes with three decimals.
    """
    gaps = jnp.diff(sorted_samples)
    return jnp.nanmedian(jnp.where(gaps > 0, gaps, jnp.nan))


def _untie(*samples: jax.Array) -> list[jax.Array]:
    ordered = [jnp.sort(x) for x in samples]
    pool = lax.stop_gradient(jnp.sort(jnp.concatenate(ordered)))
    return [spread_ties(x, pool, resolution(pool), seed) for seed, x in enumerate(ordered)]


def _neighbour_distance(x: jax.Array, y: jax.Array, k: int, *, same: bool) -> jax.Array:
    """Distance from each x to its k-th nearest y; both sorted; `same`: y is x, itself excluded."""
    padded = jnp.concatenate([jnp.full(k, -jnp.inf, y.dtype), y, jnp.full(k, jnp.inf, y.dtype)])
    at = jnp.arange(x.shape[0]) if same else jnp.searchsorted(y, x)
    distances = []
    for left in range(k + 1):  # `left` neighbours below x and k - left above it
        right = k - left
        low = padded[at + k - left] if left else x
        high = padded[at + k + right - (0 if same else 1)] if right else x
        distances.append(jnp.maximum(x - low, high - x))
    return jnp.min(jnp.stack(distances), axis=0)


def entropy(x: jax.Array, k: int) -> jax.Array:
    """Kozachenko & Leonenko (1987): ψ(n) - ψ(k) + log 2 + mean log distance."""
    (x,) = _untie(x)
    distance = _neighbour_distance(x, x, k, same=True)
    return digamma(float(x.shape[0])) - digamma(float(k)) + jnp.mean(jnp.log(2 * distance))


def kl(x: jax.Array, y: jax.Array, k: int) -> jax.Array:
    """Wang, Kulkarni & Verdú (2009): mean log(ν_k / ρ_k) + log(m / (n - 1))."""
    x, y = _untie(x, y)
    own = _neighbour_distance(x, x, k, same=True)
    other = _neighbour_distance(x, y, k, same=False)
    n, m = x.shape[0], y.shape[0]
    value = jnp.mean(jnp.log(other) - jnp.log(own)) + jnp.log(m / (n - 1))
    return jnp.maximum(value, 0.0)


def kl_to_distribution(x: jax.Array, q: Distribution, k: int) -> jax.Array:
    """The expected NLL under Q less the entropy of the samples."""
    return jnp.maximum(-jnp.mean(log_density(q, x)) - entropy(x, k), 0.0)


def _density_ratio(x: jax.Array, y: jax.Array, k: int) -> tuple[jax.Array, jax.Array]:
    """q/p at each x, counted inside the distance to its k-th neighbour, and its variance."""
    radius = _neighbour_distance(x, x, k, same=True)
    count = jnp.searchsorted(y, x + radius, side="right") - jnp.searchsorted(y, x - radius)
    n, m = x.shape[0] - 1, y.shape[0]
    ratio = count / m * (n / k)
    return ratio, ratio * (ratio + n / m) / k


def js(x: jax.Array, y: jax.Array, k: int, weight: jax.Array) -> jax.Array:
    """Counted ratios in w E_P[log p/m] + (1 - w) E_Q[log q/m], corrected for their variance.

    The counts near x follow a negative binomial law, so the first bias of a smooth function of
    their ratio is half its second derivative times a variance that is known.
    """

    def towards_mixture(ratio, variance, own_weight):
        mixture = own_weight + (1 - own_weight) * ratio
        return jnp.mean(-jnp.log(mixture) - 0.5 * ((1 - own_weight) / mixture) ** 2 * variance)

    x, y = _untie(x, y)
    value = weight * towards_mixture(*_density_ratio(x, y, k), weight) + (
        1 - weight
    ) * towards_mixture(*_density_ratio(y, x, k), 1 - weight)
    most = -weight * jnp.log(weight) - (1 - weight) * jnp.log1p(-weight)
    return jnp.clip(value, 0.0, most)


def tv(x: jax.Array, y: jax.Array, k: int) -> jax.Array:
    """The mean of E_P[(1 - q/p)+] and E_Q[(1 - p/q)+] with counted ratios."""
    x, y = _untie(x, y)
    parts = [jnp.mean(jnp.maximum(1 - _density_ratio(a, b, k)[0], 0)) for a, b in ((x, y), (y, x))]
    return 0.5 * (parts[0] + parts[1])
