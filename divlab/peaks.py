"""The peaks of a density, and of the density that samples came from."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from divlab.divergences.inputs import AnyArray
from divlab.divergences.integrals.arrays import namespace

REACH = 3.0  # in scales: how far a mode extends
CUT = 0.9865782  # the standard deviation of a Gaussian cut at 3 scales
_STEPS = 16  # of the grid in a bandwidth
_KERNEL = np.exp(-0.5 * (np.arange(-4 * _STEPS, 4 * _STEPS + 1) / _STEPS) ** 2)
_SQUARE = 0.5**0.5  # the integral of the kernel's square over that of the kernel
_SHARE, _SHARE_IS = 0.4, 1.0488  # of the mass of a Gaussian, in so many standard deviations
_EMPTY = 8.0  # bandwidths without a sample, over which no kernel reaches
_NOISE = 2.8  # standard errors that a peak must stand above the valleys beside it
_LEAST = 0.01  # of the mass, in a mode
_MINOR = 0.5  # of the heaviest part's mass: what is lighter must not be noise


class Peaks(NamedTuple):
    """Modes from left to right, each array (K,).

    Attributes:
        locs: means of what belongs to each.
        scales: standard deviations of it.
        weights: shares of the mass, which sum to 1.
        inner_scales: standard deviations of the mass within 3 scales.
    """

    locs: Float[AnyArray, " K"]
    scales: Float[AnyArray, " K"]
    weights: Float[AnyArray, " K"]
    inner_scales: Float[AnyArray, " K"]


def extents(
    locs: Float[AnyArray, " K"], scales: Float[AnyArray, " K"]
) -> tuple[Float[AnyArray, " K+1"], Float[AnyArray, " K"], Float[AnyArray, " K"]]:
    """Borders half-way between neighbouring modes, and where each mode begins and ends."""
    xp, endless = namespace(locs), np.array([np.inf])
    borders = xp.concatenate([-endless, (locs[1:] + locs[:-1]) / 2, endless])
    low = xp.maximum(locs - REACH * scales, borders[:-1])
    return borders, low, xp.minimum(locs + REACH * scales, borders[1:])


def of_samples(x: Float[np.ndarray, " n"]) -> Peaks:
    """The modes of the density that samples came from, which must not all be equal."""
    x = np.sort(x)
    bandwidth = _bandwidth(x)
    masses = np.full(x.size, 1 / x.size)
    parts: list[slice] = []
    heights: list[float] = []
    ends = np.flatnonzero(np.diff(x) > _EMPTY * bandwidth) + 1
    for start, stop in zip([0, *ends], [*ends, x.size], strict=True):
        valleys, tops = _split(x[start:stop], bandwidth)
        cuts = start + np.searchsorted(x[start:stop], valleys)
        parts += [slice(*pair) for pair in zip([start, *cuts], [*cuts, stop], strict=True)]
        heights += tops
    counts = np.array([part.stop - part.start for part in parts])
    is_noise = np.sqrt(np.array(heights) / _SQUARE) < _NOISE
    kept = (counts >= _LEAST * x.size) & ~(is_noise & (counts < _MINOR * counts.max()))
    return _moments(
        [(x[part], masses[part]) for part, keep in zip(parts, kept, strict=True) if keep]
    )


def _bandwidth(x: Float[np.ndarray, " n"]) -> float:
    """Silverman's, by the least of three spreads that a Gaussian has in common.

    The shortest interval that holds 40 % of the samples lies in one mode where there are two. If
    most samples share their value with others they were rounded, or count something: then it is no
    less than the step between values, so that a value is no mode for being possible.
    """
    low, high = np.quantile(x, [0.25, 0.75])
    few = max(2, int(np.ceil(_SHARE * x.size)))
    shortest = np.min(x[few - 1 :] - x[: x.size - few + 1])
    away = x - x[0]
    spreads = [s for s in (away.std(ddof=1), (high - low) / 1.34, shortest / _SHARE_IS) if s > 0]
    bandwidth = 0.9 * min(spreads) * x.size**-0.2
    distinct = np.unique(x)
    step = np.median(np.diff(distinct))
    is_rounded = 2 * distinct.size <= x.size and step < away.std()
    return float(max(bandwidth, step) if is_rounded else bandwidth)


def _split(x: Float[np.ndarray, " n"], bandwidth: float) -> tuple[list[float], list[float]]:
    """The valleys between peaks that noise does not explain, and the heights of these peaks.

    A height is a sum of kernels of height 1 over the samples; its variance is `_SQUARE` times it.
    """
    step = bandwidth / _STEPS
    at = (x - x[0]) / step
    cell = np.floor(at).astype(int)
    size = cell[-1] + 2
    shares = np.bincount(cell, 1 - (at - cell), size) + np.bincount(cell + 1, at - cell, size)
    density = np.convolve(shares, _KERNEL)
    rises = np.diff(density) > 0
    tops = np.flatnonzero(np.concatenate([[True], rises]) & ~np.concatenate([rises, [False]]))
    valleys = np.flatnonzero(~rises[:-1] & rises[1:]) + 1
    peaks, lows = list(density[tops]), list(density[valleys])
    places = [float(x[0] + (v - (_KERNEL.size - 1) // 2) * step) for v in valleys]
    while lows:
        smaller = np.minimum(peaks[:-1], peaks[1:])
        clear = (smaller - lows) / np.sqrt(_SQUARE * smaller)
        least = int(np.argmin(clear))
        if clear[least] >= _NOISE:
            break
        peaks[least : least + 2] = [max(peaks[least : least + 2])]
        del lows[least], places[least]
    return places, [float(peak) for peak in peaks]


def of_density(grid: Float[np.ndarray, " cells"], density: Float[np.ndarray, " cells"]) -> Peaks:
    """The modes of a density that is known on an even grid."""
    rises = np.diff(density) > 0
    valleys = grid[1:-1][~rises[:-1] & rises[1:]]
    masses, part = density / density.sum(), np.searchsorted(valleys, grid)
    parts = [(grid[part == k], masses[part == k]) for k in range(len(valleys) + 1)]
    return _moments([(x, mass) for x, mass in parts if mass.sum() >= _LEAST])


def _moments(parts: list[tuple[Float[np.ndarray, " _"], Float[np.ndarray, " _"]]]) -> Peaks:
    """The moments of points and masses, of which each pair is a mode."""
    locs, scales = (np.array(a) for a in zip(*(_mean_and_scale(*p) for p in parts), strict=True))
    weights = np.array([mass.sum() for _, mass in parts])
    _, low, high = extents(locs, scales)
    inner = []
    for (x, mass), start, end in zip(parts, low, high, strict=True):
        inside = (x >= start) & (x <= end)
        inner.append(_mean_and_scale(x[inside], mass[inside])[1])
    return Peaks(locs, scales, weights / weights.sum(), np.array(inner))


def _mean_and_scale(
    x: Float[np.ndarray, " n"], masses: Float[np.ndarray, " n"]
) -> tuple[float, float]:
    """From the first point, so that equal ones have their own value as mean, and no spread."""
    away = x - x[0]
    mean = np.average(away, weights=masses)
    return float(x[0] + mean), float(np.sqrt(np.average((away - mean) ** 2, weights=masses)))
