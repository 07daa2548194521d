"""Why an estimate from samples may be wrong in ways that resampling does not show."""

import numpy as np

from divlab.divergences.arguments import Samples
from divlab.divergences.families import Family

FEW = 30  # samples
TIED = 0.1  # share of samples
UNSEEN = 0.05  # share of samples
WILD = 1.5  # standard deviation over the same from the median deviation; 1 for normal values


def of_samples(arguments, method: str, order) -> list[str]:
    """What the samples themselves show: too few of them, or equal ones where none should be."""
    found = []
    for name, argument in zip("pq", arguments, strict=False):
        if not isinstance(argument, Samples):
            continue
        values, weights = argument
        size = values.size if weights is None else 1 / np.sum(weights**2)
        if size < FEW:
            kind = "samples" if weights is None else "samples' worth of weight"
            found.append(f"{name} has only {size:.0f} {kind}: the interval may be too narrow.")
        if method == "nearest_neighbours":
            _, counts = np.unique(values, return_counts=True)
            tied = np.sum(counts[counts > 1]) / values.size
            if tied > TIED:
                found.append(
                    f"{tied:.0%} of {name} are tied: a density has no ties, and they are taken for "
                    "rounding; is it discrete, or are rows repeated?"
                )
    if order is not None and np.isinf(order):
        found.append("order=inf is decided by the most extreme samples: no interval is reliable.")
    return found


def lack_of_overlap(p: Samples, q: Samples, family: Family, swapped: bool, either: bool):
    """A sentence if samples of one lie where the other has none and that decides the value."""
    if swapped:
        p, q = q, p
    names = ("q", "p") if swapped else ("p", "q")
    shares = []
    if np.isinf(family.at_infinity) or either:
        shares.append((_unseen(p.values, q.values), *names))
    if np.isinf(family.at_zero) or (either and not shares):
        shares.append((_unseen(q.values, p.values), *names[::-1]))
    share, name, other = max(shares, default=(0.0, "", ""))
    if share <= UNSEEN:
        return None
    size = min(p.values.size, q.values.size)
    return (
        f"Too little overlap: {share:.0%} of {name} lie where {other} has no samples nearby. The "
        f"truth may be far larger; from {size} samples no more than about log({size}) = "
        f"{np.log(size):.1f} nats of a log ratio can be told, so the interval has no upper end."
    )


def _unseen(x: np.ndarray, y: np.ndarray) -> float:
    """The share of x around which, among its √n nearest in rank, there is no y."""
    x, y = np.sort(x), np.sort(y)
    reach = max(1, round(x.size**0.5 / 2))
    index = np.arange(x.size)
    low = x[np.maximum(index - reach, 0)]
    high = x[np.minimum(index + reach, x.size - 1)]
    there = np.searchsorted(y, high, side="right") - np.searchsorted(y, low)
    return float(np.mean(there == 0))


def of_resamples(value, error, bias, values, interval, bounds) -> list[str]:
    """What the resampled values show."""
    found = []
    center = np.median(values)
    usual = 1.4826 * np.median(np.abs(values - center))
    if usual > 0 and np.std(values) > WILD * usual:
        found.append(
            "The resamples disagree wildly, as with heavy tails: a few samples decide the value, "
            "and the standard error may be far too small."
        )
    if abs(bias) > error:
        found.append(
            f"A bias of about {bias:+.2g} is likely, more than the standard error; the interval "
            "allows for it."
        )
    for end, bound in zip(interval, bounds, strict=True):
        if np.isfinite(bound) and end == bound:
            found.append(f"The interval reaches {bound:.4g}, the end of the range: it is one-sided.")
    return found
