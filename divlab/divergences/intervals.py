"""From samples to an interval: from parts of them, permutations, and what lies beyond them."""

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np
from jaxtyping import Array, Float, Key

from divlab.divergences import diagnosis
from divlab.divergences.inputs import Samples
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.methods.nearest_neighbours import NearestNeighbours, Ratios
from divlab.divergences.methods.samples import ordered
from divlab.divergences.methods.tails import RatiosWithTails
from divlab.divergences.quantities import Quantity
from divlab.divergences.resampling import is_beyond_permutations, resample, sizes_of_parts
from divlab.pytrees import as_arrays

# Smoothing falls like n to the minus this, if not faster; noise as the divergence itself says.
_RATE_OF_SMOOTHING = 0.5
# Permutations are of all samples, not of parts. Above this number there are none: they would take
# long, and the bias that they are for is small.
_MOST_PERMUTED = 4_000


def error_and_interval(
    quantity: Quantity,
    arguments: tuple[Packed | Samples, ...],
    options: dict[str, Any],
    value: float,
    used: str,
    *,
    confidence: float,
    resamples: int,
    key: Key[Array, ""],
) -> tuple[float, tuple[float, float], list[str]]:
    """The standard error and the interval of `estimate`, and why not to trust them.

    Args:
        quantity: the divergence.
        arguments: its distributions and samples.
        options: its further arguments, by name.
        value: its value.
        used: the name of the method.
        confidence: that of the interval.
        resamples: how many parts to draw.
        key: what the draws depend on.
    """
    method = options.get("method")
    bounds = quantity.range(options)
    warnings = diagnosis.of_samples(arguments, used, options.get("order"))
    if not math.isfinite(value):
        warnings.append(f"The value is {value}, about which resampling can say nothing.")
        return math.nan, bounds, warnings
    is_costly = quantity.of_samples == "pairs" or getattr(method, "is_costly", False)
    parts, ratio = sizes_of_parts(arguments, method, is_costly=is_costly)
    function: Callable[..., Float[Array, ""]] = quantity.function
    pair = tuple(a for a in arguments if isinstance(a, Samples))
    is_pair = len(pair) == 2
    # Before it is cut to its range, which would hide how far below 0 it is.
    whole = far = value
    if is_pair and used == NearestNeighbours.name and all(np.ptp(a.values) > 0 for a in pair):
        function = _by_neighbours(quantity, Ratios)
        whole = float(function(*pair, **options))
        far = float(_by_neighbours(quantity, RatiosWithTails)(*pair, **options))
    with diagnosis.quietly():
        values = resample(function, arguments, options, key, resamples, parts)
    finite = np.isfinite(values)
    if not np.all(finite):
        share = 1 - np.mean(finite)
        warnings.append(
            f"{share:.0%} of the resampled values are not finite, so no finite interval exists."
        )
        return math.inf, bounds, warnings

    error = float(np.std(values, ddof=1)) / math.sqrt(ratio - 1)
    # If the bias falls like n^-rate, the smaller parts are off by a multiple of it.
    growth = float(np.mean(values)) - whole
    rate = quantity.rate_of_bias(options) if growth > 0 else _RATE_OF_SMOOTHING
    bias = growth / (ratio**rate - 1)
    width = NormalDist().inv_cdf(0.5 + confidence / 2)
    low = value - width * math.hypot(error, max(bias, 0.0))
    high = max(value + width * math.hypot(error, min(bias, 0.0)), far + width * error)
    low, high = max(low, bounds[0]), min(high, bounds[1])
    may_be_permuted = is_pair and not is_costly and all(a.weights is None for a in pair)
    few = sum(a.values.size for a in pair) <= _MOST_PERMUTED
    if low > bounds[0] == 0 and may_be_permuted and few:
        permutations = min(math.ceil(2 / (1 - confidence)) - 1, resamples)
        with diagnosis.quietly():
            if not is_beyond_permutations(whole, function, pair, options, key, permutations):
                low = 0.0
    found = _doubts(quantity, arguments, options, value, far - whole, error)
    warnings += [sentence for sentence, _ in found]
    high = bounds[1] if any(is_open for _, is_open in found) else high
    warnings += diagnosis.of_resamples(error, bias, values, (low, high), bounds)
    return error, (low, high), warnings


def _by_neighbours(quantity: Quantity, ratios: type[Ratios]) -> Callable[..., Any]:
    """The divergence of two samples by nearest neighbours, not cut to its range."""

    def function(*pair: Samples, **options: Any) -> Any:
        method = options.get("method") or NearestNeighbours()
        x, y = ordered(*(a.values for a in (pair[::-1] if quantity.is_reversed else pair)))
        row = as_arrays(quantity.row(options))
        assert row is not None
        with np.errstate(all="ignore"):  # what the tails tell of a mean of ratios may be infinite
            return quantity.finish(sum(row.from_ratios(ratios(x, y, method))), options)

    return function


def _doubts(
    quantity: Quantity,
    arguments: tuple[Packed | Samples, ...],
    options: dict[str, Any],
    value: float,
    missing: float,
    error: float,
) -> list[diagnosis.Doubt]:
    """Why the value may be far too low."""
    if quantity.needs_moment is not None:
        return diagnosis.heavy_tails(arguments, quantity.needs_moment(options))
    row = quantity.row(options)
    pair = [a for a in arguments if isinstance(a, Samples)]
    if row is None or len(pair) < 2 or math.isfinite(quantity.range(options)[1]):
        return []
    turn = -1 if quantity.is_reversed else 1
    p, q = (np.sort(a.values) for a in pair[::turn])
    names = ("p", "q") if turn == 1 else ("q", "p")
    return [
        *diagnosis.lack_of_overlap(p, q, row, names),
        *diagnosis.beyond_samples(missing, value, error),
    ]
