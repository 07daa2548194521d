"""Tails that end before floating point does, where p log q counts but is no number.

It counts as long as the product does. But p may be 0 for a computer where log q is not yet too
large for it, and the other way round: of Laplace(0, 1) and Gumbel(0, 1), p |log q| is ½ all the way
to -inf, while p is 0 from -708 on, and log q a number only as far as -709.
"""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from divlab.divergences.integrals.arrays import Array
from divlab.divergences.integrals.known import log_densities
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.integrals.panels import LEFT_TAIL, Panels

_POINTS = 1000  # among which the end of a tail is looked for at a time
_NEXT_TO_NOTHING = 2 * np.log(2.0**-52)  # the log of what does not count
_FALL = 1e-6  # in nats, that is rounding


def has_overflowed(log_q: Array) -> Bool[Any, "*n"]:
    """Whether a log density is not -inf, but too negative for its dtype."""
    return (log_q <= np.finfo(log_q.dtype).min / 2) & (log_q > -np.inf)


def ended_by_overflow(panels: Panels, *distributions: Packed) -> tuple[Panels, list[int]]:
    """Known panels, with tails that end where p |log q| is no number any more but still counts.

    With them, of these tails those in which it falls: too little is known of what lies beyond. In
    the others it does not fall, and so has no integral; the points before the end tell that.
    """
    logs, reach, falling = log_densities(*distributions), panels.reach.copy(), []
    for index in np.flatnonzero(panels.kind >= LEFT_TAIL).tolist():

        def at(t: np.ndarray, index: int = index) -> Float[np.ndarray, "distributions points"]:
            return np.stack(logs(panels.locate(index, t)[0]))

        inner, outer = 1.0, 0.0  # two neighbours, between which the first log density overflows
        for _ in range(2):
            t = np.linspace(inner, outer, _POINTS)
            begin = int(np.argmax(has_overflowed(at(t)).any(axis=0)))
            inner, outer = t[max(begin - 1, 0)], t[begin]
        there = at(np.array([outer]))[:, 0]
        t = np.linspace(outer, min(outer + np.log(2) / reach[index], 1.0), _POINTS)
        rows, least = at(t), np.log(np.finfo(float).tiny)
        # Where P has mass farther out than that, its integral with log q is infinite anyway.
        for log_p, log_q in (
            (rows[p], rows[q])
            for p in np.flatnonzero(there < _NEXT_TO_NOTHING)
            for q in np.flatnonzero(has_overflowed(there))
        ):
            is_number = ~has_overflowed(log_q) & (log_p > least)
            end, log_product = int(np.argmax(is_number)), log_p + np.log(np.abs(log_q))
            if not is_number.any() or log_product[end] < _NEXT_TO_NOTHING:
                continue
            reach[index] = min(reach[index], panels.reach[index] * (1 - t[end]))
            if log_product[end] < log_product[-1] - _FALL:
                falling.append(index)
    return panels._replace(reach=reach), falling
