"""Divergences between samples, from distances to nearest neighbours.

In one dimension the neighbours of a point are its neighbours in sorted order, so everything is a
sort, a binary search and sums: n log n, and the same program for any values.

KL and what grows without bound with a density ratio compare distances: the k-th neighbour of x in
its own sample is about k / (2 n p(x)) away, that in the other about k / (2 m q(x)). Divergences
with a bound compare counts in the same ball, so that q is seen to be 0 where it is.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import digamma, gammaln, polygamma
from numpyro.distributions import Distribution

from divlab.divergences import families
from divlab.divergences.arguments import is_concrete
from divlab.divergences.densities import log_density
from divlab.divergences.dispatch import least_count, sorted_samples

NEAR = 5  # neighbours whose distance is compared, by default
MANY = 1.5  # neighbours whose number is compared, by default, over the root of the sample size


def ordered(*samples) -> list:
    """Sorted samples in which no two are equal.

    Equal values come from rounding to a grid; a density has no ties. Each of them is taken for
    what it stands for, a value anywhere within the cell of those nearer to it than to any other
    value. A fixed draw says where: an even spread would be more regular than samples are, and
    neighbours too far away.
    """
    parts = sorted_samples(*samples)
    known = is_concrete(parts)
    xp, hold = (np, np.asarray) if known else (jnp, lax.stop_gradient)
    both = hold(xp.concatenate(parts))
    order = xp.argsort(both, stable=True)
    if known:  # only those that are tied, and what is next to them
        pool = both[order]
        tied = np.flatnonzero(pool[1:] == pool[:-1])
        if tied.size == 0:
            return parts
        near = np.zeros(len(pool) + 3, bool)
        for offset in range(4):
            near[tied + offset] = True
        order = order[near[1:-2]]
    shift = _shift(xp, both[order], order)
    if known:
        both[order] += shift
    else:
        both = jnp.concatenate(parts).at[order].add(shift)
    return [xp.sort(x) for x in xp.split(both, np.cumsum([len(x) for x in parts])[:-1])]


def _shift(xp, pool, order):
    """By how much to move each of the sorted values, 0 for those that are not tied."""
    gaps, unknown = xp.diff(pool), xp.full_like(pool[:1], xp.inf)
    below, above = xp.concatenate([unknown, gaps]), xp.concatenate([gaps, unknown])
    index = xp.arange(len(pool))
    first = xp.maximum.accumulate(xp.where(below > 0, index, 0))
    last = xp.minimum.accumulate(xp.where(above > 0, index, len(pool) - 1)[::-1])[::-1]
    cell = xp.minimum(below[first], above[last])
    return xp.where(first < last, _draws(xp, order) * cell, 0).astype(pool.dtype)


def _draws(xp, index):
    """Numbers in [-½, ½) without visible order, one for each index: a fixed integer hash."""
    bits = index.astype(xp.uint32) + xp.uint32(1)
    for multiplier in (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D):  # odd, their bits well mixed
        bits = bits * xp.uint32(multiplier)
        bits = bits ^ (bits >> xp.uint32(15))
    return (bits >> xp.uint32(8)).astype(xp.float32) / np.float32(2**24) - np.float32(0.5)


_FEW = 8  # neighbours that are looked at one by one


def neighbour_distance(x: jax.Array, y: jax.Array, k: int, *, same: bool) -> jax.Array:
    """Distance from each x to its k-th nearest y; both sorted; `same`: y is x, itself excluded.

    Of the k nearest some number is below x and the others are above it.
    """
    size = x.shape[0]
    padded = jnp.concatenate([jnp.full(k, -jnp.inf, y.dtype), y, jnp.full(k, jnp.inf, y.dtype)])
    at = k + (jnp.arange(size) if same else jnp.searchsorted(y, x))

    def neighbour(steps):  # so many to the right
        return padded[k + steps : k + steps + size] if same else padded[at + steps]

    if k <= _FEW:
        distance = jnp.full_like(x, jnp.inf)
        for lower in range(k + 1):
            below = x - neighbour(-lower) if lower else 0.0
            above = neighbour(k - lower - (not same)) - x if lower < k else 0.0
            distance = jnp.minimum(distance, jnp.maximum(below, above))
    else:
        # By bisection, the least number such that the next one below is no nearer than the last
        # one above.
        fixed, here = lax.stop_gradient((padded, x))

        def halve(_, bounds):
            lower, upper = bounds
            middle = (lower + upper) // 2
            below = here - fixed[jnp.maximum(at - middle - 1, 0)]
            above = fixed[at + k - middle - (not same)] - here
            enough = (below >= above) | (middle == k)
            return jnp.where(enough, lower, middle + 1), jnp.where(enough, middle, upper)

        lower, _ = lax.fori_loop(
            0, k.bit_length(), halve, (jnp.zeros_like(at), jnp.full_like(at, k))
        )
        below = jnp.where(lower > 0, x - padded[at - lower], 0.0)
        above = jnp.where(lower < k, padded[at + k - lower - (not same)] - x, 0.0)
        distance = jnp.maximum(below, above)
    # Never nearer than rounding can tell: two values of one float have no distance.
    kind = jnp.finfo(x.dtype)
    floor = jnp.maximum(0.5 * kind.eps * jnp.abs(lax.stop_gradient(x)), kind.tiny)
    return jnp.maximum(distance, floor)


def _near(method, *sizes: int) -> int:
    """The k where distances are compared; by default no more than there are neighbours."""
    return method.k or min(NEAR, min(sizes) - 1)


def check_order(label: str, family: families.Family, x, y, method) -> None:
    """Refuses a k for which powers of the ratio of distances have no mean."""
    power = getattr(family, "alpha", 2.0) - 1
    kinds = families.Pearson | families.Neyman | families.Alpha
    if method.name != "nearest_neighbours" or not (
        isinstance(family, kinds) and is_concrete(power)
    ):
        return
    k = _near(method, x.shape[0], y.shape[0])
    if k <= power:
        raise ValueError(
            f"{label} by nearest_neighbours needs k above {float(power):g}, got k = {k}; use "
            f"NearestNeighbours(k={int(power) + 1}) or more, and more samples than that."
        )


def _log_ratio(x: jax.Array, y: jax.Array, k: int) -> jax.Array:
    """An estimate of log(p/q) at each x: log p/q plus the log ratio of two Gamma(k) variables."""
    own = neighbour_distance(x, x, k, same=True)
    other = neighbour_distance(x, y, k, same=False)
    return jnp.log(other) - jnp.log(own) + jnp.log(y.shape[0] / (x.shape[0] - 1))


def entropy(x: jax.Array, method) -> jax.Array:
    """Kozachenko & Leonenko (1987): ψ(n) - ψ(k) + log 2 + mean log distance."""
    k = _near(method, x.shape[0])
    distance = neighbour_distance(x, x, k, same=True)
    return digamma(float(x.shape[0])) - digamma(float(k)) + jnp.mean(jnp.log(2 * distance))


def kl_to_distribution(samples: jax.Array, x: jax.Array, q: Distribution, method) -> jax.Array:
    """The expected NLL under Q of the samples less the entropy of x, the samples ordered."""
    return jnp.maximum(-jnp.mean(log_density(q, samples)) - entropy(x, method), 0.0)


def f_divergence(family: families.Family, x: jax.Array, y: jax.Array, method) -> jax.Array:
    """The divergence of a family between two samples, both of them `ordered`."""
    estimate = _BY_DISTANCE.get(type(family), _by_counts)
    return estimate(family, x, y, method)


def _kl(family, x, y, method):
    """Wang, Kulkarni & Verdú (2009): mean log(ν_k / ρ_k) + log(m / (n - 1))."""
    return jnp.mean(_log_ratio(x, y, _near(method, x.shape[0], y.shape[0])))


def _reverse_kl(family, x, y, method):
    return _kl(family, y, x, method)


def _jeffreys(family, x, y, method):
    both = _kl(family, x, y, method), _kl(family, y, x, method)
    return jnp.maximum(both[0], 0.0) + jnp.maximum(both[1], 0.0)


def _power_mean(x, y, power, method):
    """(E_P[(p/q)^power] - 1) / power by Póczos & Schneider (2011), for |power| < k.

    (p/q)^power is estimated with a factor whose mean is known, Γ(k + power) Γ(k - power) / Γ(k)².
    """
    k = _near(method, x.shape[0], y.shape[0])
    small = jnp.abs(power) < 1e-2
    safe = jnp.where(small, 1e-2, power)
    known = 2 * gammaln(float(k)) - gammaln(k - safe) - gammaln(k + safe)
    log_ratio = _log_ratio(x, y, k)
    # expm1(z) / power, where z / power has a limit.
    slope = log_ratio + jnp.where(small, -power * polygamma(1, float(k)), known / safe)
    z = power * slope
    flat = jnp.abs(z) < 1e-4
    relative = jnp.where(flat, 1 + z / 2, jnp.expm1(z) / jnp.where(flat, 1.0, z))
    return jnp.where(jnp.abs(power) < k, jnp.mean(relative * slope), jnp.nan)


def _pearson(family, x, y, method):
    return _power_mean(x, y, jnp.ones((), x.dtype), method)


def _neyman(family, x, y, method):
    return _pearson(family, y, x, method)


def _alpha(family, x, y, method):
    """By distances for α ≥ 1, by counts for α ≤ ½, in between by the one and the other.

    Nearer to 1 the value of mass that only one sample has grows without bound, and so does the
    noise of counts; distances overlook that mass where it has one.
    """
    alpha = jnp.asarray(family.alpha, x.dtype)
    counted = jnp.clip(2 - 2 * alpha, 0.0, 1.0)
    bounded = families.Alpha(jnp.minimum(alpha, 1 - 1e-6))
    by_counts = _by_counts(bounded, x, y, method)
    by_distance = _power_mean(x, y, alpha - 1, method) / alpha
    return counted * by_counts + (1 - counted) * by_distance


def _by_counts(family, x, y, method):
    """½ E_P[g] + ½ E_Q[g], where g = q f(p/q) / ½(p + q), from counts around each sample.

    Where a ball holds none of the other sample, that density is 0, and half a sample if f is
    infinite there. The k given, or 1.5 √n, is that of the smaller sample; of the larger one
    it takes as many more as there are.
    """
    smaller = min(x.shape[0], y.shape[0])
    k = method.k or max(NEAR, round(MANY * smaller**0.5))

    def mean_at(a, b, least, integrand):
        wide = min(max(1, round(k * a.shape[0] / smaller)), a.shape[0] - 1)
        count = jnp.maximum(_count(a, b, wide), least)
        ratio = count / b.shape[0] * ((a.shape[0] - 1) / wide)
        seen = ratio > 0
        log_ratio = jnp.where(seen, jnp.log(jnp.where(seen, ratio, 1.0)), -jnp.inf)
        return jnp.mean(integrand(jnp.zeros_like(ratio), log_ratio) / (1 + ratio))

    at_x = mean_at(
        x, y, least_count(family.at_infinity), lambda a, b: families.integrand(family, a, b)
    )
    at_y = mean_at(y, x, least_count(family.at_zero), lambda a, b: families.integrand(family, b, a))
    return at_x + at_y


def _count(x: jax.Array, y: jax.Array, k: int) -> jax.Array:
    """How many y are nearer to each x than its k-th neighbour in its own sample.

    Each y is spread evenly over the cell of what is nearest to it, so that the count is continuous
    in every sample and has a gradient.
    """
    radius = neighbour_distance(x, x, k, same=True)
    middles = 0.5 * (y[1:] + y[:-1])
    edges = jnp.concatenate([2 * y[:1] - middles[:1], middles, 2 * y[-1:] - middles[-1:]])
    index = jnp.arange(y.shape[0] + 1, dtype=y.dtype)
    below, above = jnp.interp(jnp.stack([x - radius, x + radius]), edges, index)
    return above - below


# The families without a bound; any other is counted.
_BY_DISTANCE = {
    families.KL: _kl,
    families.ReverseKL: _reverse_kl,
    families.Jeffreys: _jeffreys,
    families.Pearson: _pearson,
    families.Neyman: _neyman,
    families.Alpha: _alpha,
}
