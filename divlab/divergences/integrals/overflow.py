"""Tails that end before floating point does, where a log density overflows.

p log q counts as long as the product does. But p may be 0 for a computer where log q is not yet
too large for it, and the other way round: of Laplace(0, 1) and Gumbel(0, 1), p |log q| is ½ all the
way to -inf, while p is 0 from -708 on, and log q a number only as far as -709.
"""

import numpy as np
from jaxtyping import Float

from divlab.divergences.integrals.arrays import Array
from divlab.divergences.integrals.known import log_densities
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.integrals.panels import LEFT_TAIL, Panels

_POINTS = 1000  # among which the end of a tail is looked for at a time
_FALL = 1e-6  # in nats, that is rounding


def has_overflowed(log_q: Array) -> Array:
    """Whether a log density is not -inf, but too negative for its dtype."""
    return (log_q <= np.finfo(log_q.dtype).min / 2) & (log_q > -np.inf)


def has_underflowed(log_p: Array) -> Array:
    """Whether a density is 0, or will be."""
    return log_p < np.log(np.finfo(log_p.dtype).tiny)


def is_lost(log_p: Array, log_q: Array) -> Array:
    """Where p |log q| is not known, and may count: log q has overflowed, and p is 0."""
    return _counts(log_p, log_q) & has_underflowed(log_p)


def _counts(log_p: Array, log_q: Array) -> Array:
    kind = np.finfo(log_q.dtype)
    return has_overflowed(log_q) & (log_p > np.log(kind.eps) - np.log(kind.max))


def without_lost_tails(panels: Panels, *distributions: Packed) -> Panels:
    """Known panels whose tails end before p |log q| is lost, where it does not fall until there.

    The integral has no bound then, which what is seen before that end tells. Where the product
    falls, nothing is changed: an integrand is NaN there, because what is lost cannot be known.
    Nor is it where P has mass farther out: there the integrand is infinite.
    """
    logs, reach = log_densities(*distributions), panels.reach.copy()
    for index in np.flatnonzero(panels.kind >= LEFT_TAIL).tolist():

        def at(t: np.ndarray, index: int = index) -> Float[np.ndarray, "distributions points"]:
            return np.stack(logs(panels.locate(index, t)[0]))

        inner, outer = 1.0, 0.0  # two neighbours, between which the first log density overflows
        for _ in range(2):
            t = np.linspace(inner, outer, _POINTS)
            begin = int(np.argmax(has_overflowed(at(t)).any(axis=0)))
            inner, outer = t[max(begin - 1, 0)], t[begin]
        there = at(np.array([outer]))
        is_light = there < 2 * np.log(np.finfo(there.dtype).eps)  # its tail may be left out
        for p, q in np.argwhere(_counts(there, there[:, 0]) & is_light):
            t = np.linspace(outer, min(outer + np.log(2) / panels.reach[index], 1.0), _POINTS)
            log_p, log_q = at(t)[[p, q]]
            is_number = ~has_overflowed(log_q) & ~has_underflowed(log_p)
            end, log_product = int(np.argmax(is_number)), log_p + np.log(-log_q)
            if is_number.any() and log_product[end] >= log_product[-1] - _FALL:
                reach[index] = min(reach[index], panels.reach[index] * (1 - t[end]))
    return panels._replace(reach=reach)
