"""The method "nearest_neighbours": distances to, and counts of, neighbours in sorted order.

In one dimension the neighbours of a point are its neighbours in sorted order. So everything is a
sort, a binary search and sums, in time n log n.

KL, and whatever grows without bound with a density ratio, compares distances: the k-th neighbour of
x in its own sample is about k / (2 n p(x)) away, and the one in the other sample about
k / (2 m q(x)). Divergences with a bound compare counts in the same ball, which show where q is 0.
"""

from functools import partial
from typing import Any

import jax.scipy.special
import numpy as np
from jaxtyping import Array, Float, Integer
from scipy.special import digamma, gammaln, polygamma

from divlab.checks import check_count
from divlab.divergences import diagnosis
from divlab.divergences.families import Family, integrand
from divlab.divergences.inputs import AnyArray, Samples, Whole
from divlab.divergences.integrals import arrays
from divlab.divergences.integrals.arrays import (
    compiled_if_traced,
    fixed,
    is_known,
    namespace,
    on_device,
    unless_nan,
)
from divlab.divergences.integrals.known import log_density_of_samples
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.methods.base import OfSamples
from divlab.divergences.methods.samples import least_count, ordered
from divlab.pytrees import pytree, setting

_NEAR = 5  # neighbours whose distance is compared, by default
_MANY = 1.5  # neighbours whose number is compared, by default, over the root of the sample size


@pytree
class NearestNeighbours(OfSamples):
    """Estimates from two samples by distances to, or counts of, the nearest neighbours.

    Attributes:
        k: which neighbour; a larger one makes the estimate smoother. None takes 5 where distances
            are compared: for entropies, KL, χ² and whatever else has no bound. It takes 1.5 √n, at
            least 5, where neighbours are counted: for JS, total variation and Hellinger, n being
            the size of the smaller sample. The noise of a gradient in the samples goes as √n / k,
            so to differentiate KL a k of about n^(2/3) is better.

    Example:
        >>> import numpy as np
        >>> import divlab
        >>> x, y = np.random.default_rng(0).normal([[0.0], [1.0]], [[1.0], [2.0]], (2, 1000))
        >>> method = divlab.methods.NearestNeighbours(k=20)
        >>> 0.3 < float(divlab.kl(x, y, method=method)) < 0.6
        True
    """

    k: Whole | None = setting(None)
    name = "nearest_neighbours"

    def __post_init__(self) -> None:
        """Refuses a k that is not a positive integer."""
        if self.k is not None:
            check_count("k", self.k)

    def f_divergence(
        self, family: Family, x: Float[AnyArray, " n"], y: Float[AnyArray, " m"]
    ) -> arrays.Array:
        return sum(self.terms(family, x, y))

    def terms(
        self, family: Family, x: Float[AnyArray, " n"], y: Float[AnyArray, " m"]
    ) -> tuple[arrays.Array, ...]:
        return family.from_ratios(Ratios(x, y, self))

    def of_samples_and_distribution(
        self, family: Family, p: Samples, q: Packed
    ) -> Float[Array, ""]:
        """An estimate of D_f(P‖Q), of a row that has `from_entropies`."""
        x = ordered(p.values, look=partial(self.look, None, ("p",)))
        return on_device(_from_entropies(family, p.values, *x, q, self))

    def entropy(self, p: Samples) -> Float[Array, ""]:
        """An estimate of the entropy of P."""
        x = ordered(p.values, look=partial(self.look, None, ("p",)))
        return on_device(_entropy(*x, self))

    def look(
        self, family: Family | None, names: tuple[str, ...], *samples: Float[np.ndarray, " _"]
    ) -> None:
        diagnosis.warn(family, names, *samples)

    def needs(self) -> int:
        return max(self.fewest, (self.k or 0) + 1)

    def check(self, label: str, family: Family | None, **arguments: Samples) -> None:
        super().check(label, family, **arguments)
        power = family.ratio_power if family is not None else None
        if power is None or not is_known(power):
            return
        # Powers of the ratio of distances have no mean for a smaller k.
        k = self.near(*(argument.values.shape[0] for argument in arguments.values()))
        if k <= power:
            raise ValueError(
                f"{label} by nearest_neighbours needs k above {float(power):g}, got k = {k}; use "
                f"NearestNeighbours(k={int(power) + 1}) or more, and more samples than that."
            )

    def near(self, *sizes: int) -> int:
        """The k where distances are compared; by default no more than there are neighbours."""
        return self.k or min(_NEAR, min(sizes) - 1)

    def many(self, size: int) -> int:
        """The k where neighbours are counted."""
        return self.k or max(_NEAR, round(_MANY * size**0.5))


_FEW = 8  # neighbours that are looked at one by one


def neighbour_distance(
    x: Float[AnyArray, " n"], y: Float[AnyArray, " m"], k: int, *, same: bool
) -> Float[AnyArray, " n"]:
    """The distance from each x to its k-th nearest y.

    Of the k nearest some number is below x and the others are above it.

    Args:
        x: sorted samples.
        y: sorted samples.
        k: which neighbour.
        same: whether y is x. Then no sample is its own neighbour.
    """
    xp, size = namespace(x), x.shape[0]
    endless = xp.full(k, np.inf, y.dtype)
    padded = xp.concatenate([-endless, y, endless])
    if k <= _FEW:
        at = k if same else k + xp.searchsorted(y, x)
        distance = xp.full_like(x, np.inf)
        for lower in range(k + 1):
            below = x - _taken(padded, at - lower, size) if lower else 0.0
            last = at + k - lower - (not same)
            above = _taken(padded, last, size) - x if lower < k else 0.0
            distance = xp.minimum(distance, xp.maximum(below, above))
    else:
        at = k + (xp.arange(size) if same else xp.searchsorted(y, x))
        # Bisection finds the least number below such that the next one below is no nearer than the
        # last one above.
        held, here = fixed((padded, x))
        lower, upper = xp.zeros_like(at), xp.full_like(at, k)
        for _ in range(k.bit_length()):
            middle = (lower + upper) // 2
            below = here - held[xp.maximum(at - middle - 1, 0)]
            above = held[at + k - middle - (not same)] - here
            enough = (below >= above) | (middle == k)
            lower = xp.where(enough, lower, middle + 1)
            upper = xp.where(enough, middle, upper)
        below = xp.where(lower > 0, x - padded[at - lower], 0.0)
        above = xp.where(lower < k, padded[at + k - lower - (not same)] - x, 0.0)
        distance = xp.maximum(below, above)
    # Never less than rounding can tell, because two values of one float have no distance.
    kind = np.finfo(x.dtype)
    return xp.maximum(distance, xp.maximum(0.5 * kind.eps * xp.abs(fixed(x)), kind.tiny))


def _taken(
    values: Float[AnyArray, " m"], at: int | Integer[AnyArray, " n"], size: int
) -> Float[AnyArray, " n"]:
    """So many values from the place `at` on, or the values at the places `at`."""
    return values[at : at + size] if isinstance(at, int) else values[at]


class Ratios:
    """What neighbours tell of the density ratio p/q, from sorted samples x of P and y of Q."""

    def __init__(
        self, x: Float[AnyArray, " n"], y: Float[AnyArray, " m"], method: NearestNeighbours
    ):
        self.x, self.y, self.method = x, y, method
        self._k = method.near(x.shape[0], y.shape[0])

    def reversed(self) -> "Ratios":
        """The ratio q/p at the samples of Q."""
        return Ratios(self.y, self.x, self.method)

    def _logs(self) -> Float[AnyArray, " n"]:
        """log(p/q) at each x, from the distances to the k-th neighbour in either sample."""
        x, y, k, xp = self.x, self.y, self._k, namespace(self.x)
        own = neighbour_distance(x, x, k, same=True)
        other = neighbour_distance(x, y, k, same=False)
        return xp.log(other) - xp.log(own) + np.log(y.shape[0] / (x.shape[0] - 1))

    def mean_log(self) -> arrays.Array:
        """E_P[log(p/q)]; Wang, Kulkarni & Verdú (2009)."""
        return self._logs().mean()

    def mean_power(self, power: Any) -> arrays.Array:
        """(E_P[(p/q)^power] - 1) / power, for |power| < k.

        (p/q)^power is estimated with a factor whose mean is known,
        Γ(k + power) Γ(k - power) / Γ(k)²; Póczos & Schneider (2011).
        """
        k, xp = float(self._k), namespace(power)
        small = xp.abs(power) < 1e-2
        safe = xp.where(small, 1e-2, power)
        log_gamma = gammaln if xp is np else jax.scipy.special.gammaln
        known = 2 * gammaln(k) - log_gamma(k - safe) - log_gamma(k + safe)
        logs = self._logs()
        xp = namespace(logs, power)
        # expm1(z) / power, where z / power has a limit.
        slope = logs + xp.where(small, -power * float(polygamma(1, k)), known / safe)
        z = power * slope
        flat = xp.abs(z) < 1e-4
        relative = xp.where(flat, 1 + z / 2, xp.expm1(z) / xp.where(flat, 1.0, z))
        return xp.where(xp.abs(power) < k, (relative * slope).mean(), np.nan)

    def by_counts(self, family: Family) -> arrays.Array:
        """½ E_P[g] + ½ E_Q[g], where g = q f(p/q) / ½(p + q), from counts around each sample.

        Where a ball holds none of the other sample, that density counts as 0, or as that of half a
        sample if f is infinite there. The k given, or 1.5 √n, is that of the smaller sample. In the
        larger sample k is larger by the ratio of their sizes.
        """
        xp, x, y = namespace(self.x), self.x, self.y
        at_x = self._log_ratio_of_counts(x, y, least_count(family.at_infinity))  # log(q/p)
        at_y = self._log_ratio_of_counts(y, x, least_count(family.at_zero))  # log(p/q)
        log_p = xp.concatenate([xp.zeros_like(at_x), at_y])
        log_q = xp.concatenate([at_x, xp.zeros_like(at_y)])
        values = integrand(family, log_p, log_q) / (1 + xp.exp(log_p + log_q))
        return values[: x.shape[0]].mean() + values[x.shape[0] :].mean()

    def _log_ratio_of_counts(
        self, a: Float[AnyArray, " n"], b: Float[AnyArray, " m"], least: arrays.Array
    ) -> Float[AnyArray, " n"]:
        """The log of the density of b over that of a, at each a; -inf where no b is near."""
        xp, smaller = namespace(a), min(a.shape[0], b.shape[0])
        k = self.method.many(smaller)
        wide = min(max(1, round(k * a.shape[0] / smaller)), a.shape[0] - 1)
        count = xp.maximum(_count(a, b, wide), least)
        ratio = count / b.shape[0] * ((a.shape[0] - 1) / wide)
        seen = ratio > 0
        return xp.where(seen, xp.log(xp.where(seen, ratio, 1.0)), -np.inf)


def _count(x: Float[AnyArray, " n"], y: Float[AnyArray, " m"], k: int) -> Float[AnyArray, " n"]:
    """How many y are nearer to each x than its k-th neighbour in its own sample.

    Each y is spread evenly over the cell of what is nearest to it, so that the count is continuous
    in every sample and has a gradient.
    """
    xp, radius = namespace(x), neighbour_distance(x, x, k, same=True)
    middles = 0.5 * (y[1:] + y[:-1])
    edges = xp.concatenate([2 * y[:1] - middles[:1], middles, 2 * y[-1:] - middles[-1:]])
    # Not `interp`: that of JAX takes gaps below 1.4e-14 for none, in whatever units they are.
    ends = xp.stack([x - radius, x + radius])
    cell = xp.clip(xp.searchsorted(edges, ends, side="right") - 1, 0, y.shape[0] - 1)
    width = edges[cell + 1] - edges[cell]
    share = (ends - edges[cell]) / xp.where(width > 0, width, 1.0)
    below, above = cell + xp.clip(share, 0.0, 1.0)
    return above - below


def _entropy_of_sorted(x: Float[AnyArray, " n"], method: NearestNeighbours) -> arrays.Array:
    """ψ(n) - ψ(k) + log 2 + the mean log distance; Kozachenko & Leonenko (1987)."""
    size, k = x.shape[0], method.near(x.shape[0])
    distance = neighbour_distance(x, x, k, same=True)
    return float(digamma(size) - digamma(k)) + namespace(x).log(2 * distance).mean()


@compiled_if_traced()
def _entropy(x: Float[AnyArray, " n"], method: NearestNeighbours) -> arrays.Array:
    return unless_nan(_entropy_of_sorted(x, method), x)


@compiled_if_traced()
def _from_entropies(
    family: Family,
    values: Float[AnyArray, " n"],
    x: Float[AnyArray, " m"],
    q: Packed,
    method: NearestNeighbours,
) -> arrays.Array:
    """From the surprise of the samples under Q, and their entropy; x are the samples in order."""
    cross_entropy = -log_density_of_samples(q)(values).mean()
    return unless_nan(family.from_entropies(cross_entropy, _entropy_of_sorted(x, method)), x)
