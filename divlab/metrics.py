"""Whether a model covers the modes of its target, and how sharp it is inside them."""

from collections.abc import Callable
from statistics import NormalDist
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from numpyro.distributions import Distribution

from divlab.checks import Numbers
from divlab.divergences.inputs import AnyArray, Samples, read_exact
from divlab.divergences.integrals.arrays import is_known, namespace
from divlab.divergences.integrals.known import distribution_function
from divlab.divergences.integrals.packed import Packed
from divlab.models.run import Run, Runs
from divlab.peaks import Peaks, extents
from divlab.targets import exact_modes

_DUE = 0.05  # the share of a mode's due mass that counts as covering it
_CELLS = 256  # for the moments inside a mode


class Coverage(NamedTuple):
    """How a model's mass is spread over the modes of a target; of `Runs`, one row for each seed.

    Attributes:
        mode_fractions: (K,) share of the mass nearest each mode, from left to right; sums to 1.
        modes_covered: how many modes hold, within 3 of their scales, at least 5 % of the mass
            that is due to them (their weight).
        high_quality: share of the mass within 3 scales of a mode.
        bridge: share of the mass in no mode, 1 - high_quality.
        sharpness: standard deviation of the mass inside modes about its mean there, over that of
            the target's own mass inside the same modes (of a mixture of Normals: of each Normal cut
            at 3 scales, 0.98658 of its scale): 1 is as sharp as the target, above is blurred, below
            too narrow. Where all values of a mode are equal only that value is inside, which counts
            as 1. NaN if no mass is in any mode.

    Example:
        >>> import divlab
        >>> target = divlab.targets.two_gaussians()
        >>> found = divlab.coverage([-2.0, -1.9, 1.9, 2.0], target)
        >>> int(found.modes_covered), found.mode_fractions.tolist()
        (2, [0.5, 0.5])
    """

    mode_fractions: Float[Array, "*seeds K"]
    modes_covered: Int[Array, "*seeds"]
    high_quality: Float[Array, "*seeds"]
    bridge: Float[Array, "*seeds"]
    sharpness: Float[Array, "*seeds"]


def coverage(
    run_or_samples: Run | Distribution | Numbers, target: Distribution | Numbers
) -> Coverage:
    """Which modes of `target` a model covers, and how well.

    Args:
        run_or_samples: a `Run`, `Runs` or a distribution, measured exactly through its CDF, or
            1-D samples.
        target: a distribution or samples, whose modes are `divlab.targets.modes(target)`.

    Returns:
        A `Coverage`; its docstring has the exact rules.

    Raises:
        TypeError, ValueError: as in `divlab.kl` and `divlab.targets.modes`.

    Example:
        >>> import divlab
        >>> target = divlab.targets.two_gaussians(4.0, 0.5)
        >>> found = divlab.coverage([-2.0, -1.9, 2.1, 0.0], target)
        >>> found.mode_fractions.tolist(), int(found.modes_covered), float(found.bridge)
        ([0.5, 0.5], 2, 0.25)
    """
    found = exact_modes(read_exact("target", target))
    if isinstance(run_or_samples, Run):
        return coverage_by(run_or_samples.cdf, found)
    argument = read_exact("run_or_samples", run_or_samples)
    if isinstance(argument, Packed):
        return coverage_by(distribution_function(argument), found)
    x = argument.values
    if is_known(x):
        x = np.asarray(x, np.float64)
    xp = namespace(x, *found)
    borders, low, high = extents(found.locs, found.scales)
    nearest = (x >= borders[:-1, None]) & (x < borders[1:, None])
    fractions = xp.mean(nearest.astype(x.dtype), axis=-1)
    masses = ((x >= low[:, None]) & (x <= high[:, None])).astype(x.dtype) / x.shape[0]
    return _summary(fractions, masses, xp.broadcast_to(x, masses.shape), found)


def coverage_by(
    cdf: Callable[[Float[AnyArray, " n"]], Float[AnyArray, "*seeds n"]], found: Peaks
) -> Coverage:
    """The `Coverage` of what has this cdf, for the modes that `divlab.targets` found."""
    xp = namespace(*found)
    borders, low, high = extents(found.locs, found.scales)
    edges = low[:, None] + (high - low)[:, None] * np.linspace(0.0, 1.0, _CELLS + 1)
    finite = borders[1:-1]
    values = cdf(xp.concatenate([finite, edges.ravel()]))
    if is_known(values):
        values = np.asarray(values)
    xp = namespace(values)
    at_borders, at_edges = values[..., : finite.shape[0]], values[..., finite.shape[0] :]
    at_edges = at_edges.reshape(*at_edges.shape[:-1], *edges.shape)
    ends = xp.zeros((*at_borders.shape[:-1], 1))
    fractions = xp.diff(xp.concatenate([ends, at_borders, ends + 1], axis=-1), axis=-1)
    points = (edges[:, 1:] + edges[:, :-1]) / 2
    return _summary(fractions, xp.diff(at_edges, axis=-1), points, found)


def _summary(
    fractions: Float[AnyArray, "*seeds K"],
    masses: Float[AnyArray, "*seeds K cells"],
    points: Float[AnyArray, "K cells"],
    found: Peaks,
) -> Coverage:
    """The `Coverage`, from the masses at points inside each mode."""
    xp = namespace(masses)
    held = xp.sum(masses, axis=-1)
    safe = xp.where(held > 0, held, 1.0)
    # About the middle of each mode, and in units of the widest, so that no digits and no squares
    # are lost where these are small beside the middle, or beside 1.
    unit = xp.max(found.inner_scales)
    unit = xp.where(unit > 0, unit, 1.0)
    away = (points - found.locs[:, None]) / unit
    mean = xp.sum(masses * away, axis=-1) / safe
    squares = xp.sum(xp.sum(masses * (away - mean[..., None]) ** 2, axis=-1), axis=-1)
    true_squares = xp.sum(held * (found.inner_scales / unit) ** 2, axis=-1)
    inside = xp.sum(held, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):  # of no mass
        sharpness = xp.where(true_squares > 0, xp.sqrt(squares / true_squares), 1.0)
    return Coverage(
        mode_fractions=jnp.asarray(fractions, float),
        modes_covered=jnp.asarray(xp.sum(held >= _DUE * found.weights, axis=-1), int),
        high_quality=jnp.asarray(inside, float),
        bridge=jnp.asarray(xp.clip(1 - inside, 0, 1), float),
        sharpness=jnp.asarray(xp.where(inside > 0, sharpness, np.nan), float),
    )


_GRID = 256  # cells over the target and as far again on both sides
_RUNGS = 2.0 ** np.arange(1, 12)  # beyond, in spans of the target


def wasserstein_along(
    runs: Runs, target: Distribution | Numbers
) -> Float[np.ndarray, "seeds records"]:
    """W₁ from the target at every record of runs, on a grid: to about 1 % of a mode's scale.

    It takes a program per record, where the exact distance takes one for each seed and record.
    """
    argument = read_exact("target", target)
    locs, scales, *_ = exact_modes(argument)
    low, high = (locs - 6 * scales).min(), (locs + 6 * scales).max()
    span = high - low
    inside = np.linspace(low - span, high + span, _GRID + 1)
    x = np.concatenate([inside[0] - span * _RUNGS[::-1], inside, inside[-1] + span * _RUNGS])
    if isinstance(argument, Samples):
        values = np.sort(np.asarray(argument.values, float))
        of_target = np.searchsorted(values, x, side="right") / values.size
    else:
        of_target = np.asarray(distribution_function(argument)(x), float)
    steps = runs.steps[0].tolist()
    found = [np.asarray(runs.cdf(x, step), float) - of_target for step in steps]
    return np.stack([np.trapezoid(np.abs(gap), x) for gap in found], axis=1)


def wilson(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's interval for a rate, from `successes` out of `trials`.

    Args:
        successes: how often it happened, between 0 and `trials`.
        trials: how often it could have, at least 1.
        confidence: strictly between 0 and 1.

    Returns:
        The lower and upper end, in [0, 1].

    Raises:
        ValueError: `successes`, `trials` or `confidence` is out of its range.

    Source: Wilson (1927), JASA 22, 209-212.

    Example:
        >>> from divlab.metrics import wilson
        >>> [round(end, 3) for end in wilson(8, 32)]
        [0.133, 0.421]
    """
    if not 0 <= successes <= trials or trials < 1:
        raise ValueError(f"successes must be within 0 and trials, got {successes} of {trials}.")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be strictly between 0 and 1, got {confidence}.")
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    rate = successes / trials
    middle = (rate + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * np.sqrt(rate * (1 - rate) / trials + (z / (2 * trials)) ** 2)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


__all__ = ["Coverage", "coverage", "wilson"]
