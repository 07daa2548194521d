"""Why an estimate from samples may be wrong in ways that resampling does not show."""

import contextlib
import inspect
import warnings
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float

from divlab.divergences.families import Family
from divlab.divergences.inputs import Samples
from divlab.divergences.integrals.arrays import is_known
from divlab.divergences.integrals.packed import Packed

# With fewer samples than this, 95 % intervals of JS held the truth in only 75 to 88 % of draws.
FEW = 50
# A warning is given where more than this share of the samples are equal to another one.
TIED = 0.1
# Shares of the samples of one that lie where the other has none nearby. Above the smaller share a
# warning is given; above the larger one the interval loses its upper end too.
UNSEEN, FEW_UNSEEN = 0.05, 0.005
# The tail index must be this many times the order of the moment that the divergence needs.
HEAVY = 1.5
# What lies beyond the samples is reported if it is more standard errors than this.
FAR = 1.0
# A bias of more standard errors than this is reported.
BIASED = 1.5
# The standard deviation of the resamples, over the estimate of it from their median deviation. The
# ratio is 1 for normal values, and larger than this where a few resamples decide.
WILD = 1.5

Doubt: TypeAlias = tuple[str, bool]  # a warning, and whether the interval then has no upper end


def of_samples(arguments: tuple[Packed | Samples, ...], method: str, order: Any) -> list[str]:
    """Warnings that the samples themselves give: there are too few, or too many are equal.

    Args:
        arguments: distributions or samples; the former give no warning.
        method: the name of the method.
        order: the option `order` of the divergence, or None.
    """
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
            found += _ties(name, np.sort(values))
    if order is not None and np.isinf(order):
        found.append("order=inf is decided by the most extreme samples: no interval is reliable.")
    return found


def _ties(name: str, ordered: Float[np.ndarray, " n"]) -> list[str]:
    same = ordered[1:] == ordered[:-1]
    tied = np.mean(np.append(same, False) | np.append(False, same))
    if tied <= TIED:
        return []
    return [
        f"{tied:.0%} of {name} are tied. A density has no ties, so they are taken for rounding. Is "
        f"{name} discrete, or are rows repeated?"
    ]


_is_quiet: ContextVar[bool] = ContextVar("is_quiet", default=False)


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Functions of samples do not warn: what calls them says so itself, or shows no numbers."""
    before = _is_quiet.set(True)
    try:
        yield
    finally:
        _is_quiet.reset(before)


def warn(family: Family | None, names: tuple[str, ...], *ordered: Float[np.ndarray, " _"]) -> None:
    """Warns that an estimate by nearest neighbours may be far off, for the reasons of `estimate`.

    Args:
        family: the row of the divergence; None for an entropy.
        names: what the user calls the samples.
        ordered: the samples, sorted.
    """
    if _is_quiet.get():
        return
    found = [text for name, x in zip(names, ordered, strict=True) for text in _ties(name, x)]
    if family is not None and is_known(family.limit) and np.isinf(family.limit):
        doubts = lack_of_overlap(ordered[0], ordered[1], family, (names[0], names[1]))
        found += [text for text, _ in doubts]
    for text in found:
        warnings.warn(f"{text} {_ADVICE}", SamplesWarning, stacklevel=_calls_from_outside())


class SamplesWarning(UserWarning):
    """An estimate from these samples may be far off."""


_ADVICE = (
    "divlab.estimate gives an interval; wasserstein, cramer, energy and ks compare distribution "
    "functions and need no density."
)


def _calls_from_outside() -> int:
    """How many calls of divlab lie between a user's and the one that warns."""
    frame, calls = inspect.currentframe(), 0
    while frame is not None and str(frame.f_globals.get("__name__")).startswith("divlab."):
        frame, calls = frame.f_back, calls + 1
    return calls


def lack_of_overlap(
    p: Float[np.ndarray, " n"],
    q: Float[np.ndarray, " m"],
    family: Family,
    names: tuple[str, str] = ("p", "q"),
) -> list[Doubt]:
    """If samples of one lie where the other has none. They are sorted."""
    of_p = _unseen(p, q), names[0], names[1]
    of_q = _unseen(q, p), names[1], names[0]
    by_powers = family.ratio_power is not None
    if by_powers and family.ratio_power < 0:
        # Its logarithm depends on where they overlap, so the better covered of the two decides.
        share, name, other = min(of_p, of_q)
        by_powers = False
    else:
        limits = (of_p, family.at_infinity), (of_q, family.at_zero)
        counted = [found for found, limit in limits if np.isinf(limit)]
        share, name, other = max(counted, default=(0.0, "", ""))
    size = min(p.size, q.size)
    if share <= max(FEW_UNSEEN, 5 / size):
        return []
    lies = f"{share:.1%} of {name} lie where {other} has no samples nearby"
    if share <= UNSEEN and not by_powers:
        return [(f"Little overlap: {lies}. The value may be too low.", False)]
    sentence = (
        f"Too little overlap: {lies}. The truth may be far larger: {size} samples can show log "
        f"ratios up to about log({size}) = {np.log(size):.1f} nats, so the interval has no upper "
        "end."
    )
    return [(sentence, True)]


def beyond_samples(missing: float, value: float, error: float) -> list[Doubt]:
    """If the tails seem to hold more of the divergence than chance would explain.

    Args:
        missing: what the value lacks if tails fall exponentially beyond the outermost samples.
        value: the divergence.
        error: its standard error.
    """
    if not missing > FAR * error:
        return []
    lies = f"Tails: beyond the outermost samples may lie {missing:.2g} more, or far more"
    if missing > value:
        return [(f"{lies}. The interval has no upper end, because that exceeds the value.", True)]
    return [(f"{lies}; the interval allows for {missing:.2g}.", False)]


def heavy_tails(arguments: tuple[Packed | Samples, ...], order: Any) -> list[Doubt]:
    """If a moment of this order may be infinite, by Hill's (1975) tail index."""
    for name, argument in zip("pq", arguments, strict=True):
        if not isinstance(argument, Samples) or argument.values.shape[0] < FEW:
            continue
        away = np.sort(np.abs(argument.values - np.median(argument.values)))
        last = round(len(away) ** 0.5)
        index = 1 / max(np.mean(np.log(away[-last:] / away[-last - 1])), 1e-9)
        if index < HEAVY * order:
            sentence = (
                f"Heavy tails: {name} falls off like |x|^-{index + 1:.1f}. The truth may be "
                "infinite, so the interval has no upper end."
            )
            return [(sentence, True)]
    return []


_LOOKED_AT = 4000  # samples, at most, to find the share of those that are far from others


def _unseen(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " m"]) -> float:
    """The share of the x that have no y among their √n nearest in rank; both are sorted."""
    reach = max(1, round(x.size**0.5 / 2))
    index = np.arange(0, x.size, -(-x.size // _LOOKED_AT))
    low = x[np.maximum(index - reach, 0)]
    high = x[np.minimum(index + reach, x.size - 1)]
    there = np.searchsorted(y, high, side="right") - np.searchsorted(y, low)
    return float(np.mean(there == 0))


def of_resamples(
    error: float,
    bias: float,
    values: Float[np.ndarray, " resamples"],
    interval: tuple[float, float],
    bounds: tuple[float, float],
) -> list[str]:
    """Warnings that the resampled values give.

    Args:
        error: the standard error.
        bias: the estimate of the bias.
        values: the divergence of each part of the samples.
        interval: the confidence interval.
        bounds: the range of the divergence.
    """
    found = []
    center = np.median(values)
    usual = 1.4826 * np.median(np.abs(values - center))
    # Values that are cut off at an end of the range have no spread to compare.
    cut = np.mean(np.isin(values, bounds)) > 0.05
    if not cut and np.std(values) > WILD * usual:
        found.append(
            "The resamples disagree wildly, as with heavy tails: a few samples decide the value, "
            "and the standard error may be far too small."
        )
    if abs(bias) > BIASED * error:
        found.append(
            f"A bias of about {bias:+.2g} is likely, {abs(bias) / error if error else np.inf:.1f} "
            "standard errors; the interval allows for it."
        )
    for end, bound in zip(interval, bounds, strict=True):
        if np.isfinite(bound) and end == bound:
            end_of_range = f"The interval reaches {bound:.4g}, the end of the range"
            found.append(f"{end_of_range}: it is one-sided.")
    return found
