"""What nearest neighbours miss: density ratios beyond the outermost samples.

For a sample of P far out, the k-th neighbour among those of Q is one of Q's outermost samples, how
far out it ever lies. So q comes out too high there, and KL too low wherever P has the heavier
tails. Counts of neighbours are smoothed in a similar way. Here both densities fall exponentially
beyond the √n outermost samples at either end, at the rate that the mean of these tells.
"""

import math

import numpy as np
from jaxtyping import Float

from divlab.divergences.integrals import arrays
from divlab.divergences.methods.nearest_neighbours import Ratios, neighbour_distance

_FEWEST = 8  # samples that a rate is taken from

Row = Float[np.ndarray, " _"]


class RatiosWithTails(Ratios):
    """As `Ratios`, but that both densities have exponential tails. The samples must be known."""

    def reversed(self) -> "RatiosWithTails":
        """The ratio q/p at the samples of Q."""
        return RatiosWithTails(self.y, self.x, self.method)

    def _logs(self) -> Row:
        x, y, k = self.x, self.y, self._k
        own = neighbour_distance(x, x, k, same=True)
        other = neighbour_distance(x, y, k, same=False)
        log_p = np.log(k / (2 * (x.size - 1))) - np.log(own)
        log_q = np.log(k / (2 * y.size)) - np.log(other)
        logs: Row = _with_tails(log_p, x, x) - _with_tails(log_q, x, y)
        return logs

    def _log_ratio_of_counts(self, a: Row, b: Row, least: arrays.Array) -> Row:
        counted = super()._log_ratio_of_counts(a, b, least)
        is_far = np.zeros(a.size, bool)
        for low, high in (_edges(a), _edges(b)):
            is_far |= (a < low) | (a > high)
        return np.where(is_far, -RatiosWithTails(a, b, self.method)._logs(), counted)


def _in_tail(sample: Row) -> int:
    """How many samples are the tail at either end."""
    return min(max(_FEWEST, round(math.sqrt(sample.size))), (sample.size - 1) // 2)


def _edges(sample: Row) -> tuple[float, float]:
    """Where the tails of sorted samples begin."""
    count = _in_tail(sample)
    return float(sample[count]), float(sample[-count - 1])


def _with_tails(log_density: Row, at: Row, sample: Row) -> Row:
    """Estimates of a log density at some points, with the tails of its sorted samples."""
    count, (low, high) = _in_tail(sample), _edges(sample)
    for beyond, over in ((at - high, sample[-count:] - high), (low - at, low - sample[:count])):
        rate = 1 / over.mean()
        tail = np.log(count / sample.size * rate) - beyond * rate
        log_density = np.where(beyond > 0, tail, log_density)
    return log_density
