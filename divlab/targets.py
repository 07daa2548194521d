"""What is to be learned: mixtures with known modes, 272 eruptions, a histogram, a drawn density."""

from importlib.resources import files
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpyro.distributions import Categorical, Distribution, MixtureSameFamily, Normal

from divlab.checks import Numbers
from divlab.divergences.inputs import (
    AnyArray,
    Samples,
    read_exact,
    read_number,
    read_samples,
    read_weights,
)
from divlab.divergences.integrals.arrays import is_known, namespace
from divlab.divergences.integrals.densities import support_bounds
from divlab.divergences.integrals.known import log_densities
from divlab.divergences.integrals.outlines import outline
from divlab.divergences.integrals.packed import Packed
from divlab.peaks import CUT, Peaks, of_density, of_samples
from divlab.piecewise import drawn, histogram
from divlab.pytrees import Number

Modes: TypeAlias = tuple[Float[Array, " K"], Float[Array, " K"], Float[Array, " K"]]


def two_gaussians(
    separation: Number = 4.0, scale: Number = 0.5, weight: Number = 0.5
) -> MixtureSameFamily:
    """Two Gaussians of equal scale, `separation` apart, centred on 0.

    Args:
        separation: distance between the modes, which lie at ±separation/2; not negative.
        scale: standard deviation of each, positive.
        weight: the share of the mass in the right one, in [0, 1].

    Returns:
        A numpyro mixture of two Normals, the left one first.

    Raises:
        TypeError, ValueError: an argument is not a number, or out of its range.

    Example:
        >>> import divlab
        >>> locs, scales, weights = divlab.targets.modes(divlab.targets.two_gaussians(4.0, 0.5))
        >>> locs.tolist(), scales.tolist(), weights.tolist()
        ([-2.0, 2.0], [0.5, 0.5], [0.5, 0.5])
    """
    largest, need = np.finfo(float).max, "a finite number of at least 0"
    read_number("separation", separation, low=0.0, high=largest, closed=True, need=need)
    read_number("scale", scale, low=0.0, high=np.inf, closed=False, need="positive and finite")
    read_number("weight", weight, low=0.0, high=1.0, closed=True, need="between 0 and 1")
    given = (jnp.asarray(number, float) for number in (separation, scale, weight))
    return _mixture(*_parts_of_two(*given))


@jax.jit
def _parts_of_two(
    separation: Float[Array, ""], scale: Float[Array, ""], weight: Float[Array, ""]
) -> Modes:
    """The locs, the scales and the weights of the two components."""
    locs = jnp.stack([-separation / 2, separation / 2])
    return locs, jnp.stack([scale, scale]), jnp.stack([1 - weight, weight])


def gaussian_mixture(
    locs: Numbers,
    scales: Numbers,
    weights: Numbers | None = None,
) -> MixtureSameFamily:
    """A mixture of Gaussians.

    Args:
        locs: (K,) means.
        scales: (K,) standard deviations, positive, or one number for all.
        weights: (K,) not negative, need not sum to 1; None for equal ones.

    Returns:
        A numpyro mixture of K Normals.

    Raises:
        TypeError, ValueError: the lengths differ, a scale is not positive, or weights are negative
            or all zero.

    Example:
        >>> import divlab
        >>> p = divlab.targets.gaussian_mixture([-1.0, 0.0, 3.0], 0.5)
        >>> round(float(p.mean), 4)
        0.6667
    """
    means = read_samples("locs", locs)
    if not isinstance(scales, list | tuple) and np.ndim(scales) == 0:
        scales = jnp.broadcast_to(jnp.asarray(scales, means.dtype), means.shape)
    widths = read_samples("scales", scales)
    if widths.shape != means.shape:
        raise ValueError(f"scales must be one number or {means.shape[0]}, got {widths.shape[0]}.")
    if is_known(widths) and not np.all(np.asarray(widths) > 0):
        raise ValueError(f"scales must be positive, got {float(jnp.min(widths)):g}.")
    equal = jnp.full(means.shape, 1 / means.shape[0], means.dtype)
    given = read_weights("locs", weights, means)
    return _mixture(means, widths, equal if given is None else given)


def _mixture(
    locs: Float[Array, " K"], scales: Float[Array, " K"], weights: Float[Array, " K"]
) -> MixtureSameFamily:
    # The parameters were checked; numpyro would run a dozen small programs to do it again.
    unchecked = {"validate_args": False}
    return MixtureSameFamily(
        Categorical(probs=weights, **unchecked), Normal(locs, scales, **unchecked), **unchecked
    )


def old_faithful() -> Float[Array, "272"]:
    """The durations in minutes of 272 eruptions of the Old Faithful geyser, as (272,) samples.

    Source: Härdle (1991), Smoothing Techniques with Implementation in S; Azzalini & Bowman
    (1990), A look at some data on the Old Faithful geyser, Applied Statistics 39, 357-365.

    Example:
        >>> import divlab
        >>> times = divlab.targets.old_faithful()
        >>> times.shape, round(float(times.mean()), 3)
        ((272,), 3.488)
    """
    text = files("divlab").joinpath("data/old_faithful.csv").read_text()
    return jnp.asarray([float(line) for line in text.split()[1:]])


def modes(target: Distribution | Numbers) -> Modes:
    """Where a target has its modes, how wide they are, and their shares of the mass.

    The modes of a mixture of Normals are its components. For any other distribution, and for
    samples, they are the peaks of the density; each point of the line belongs to the peak it
    climbs to, and a mode's loc, scale and weight are the mean, the standard deviation and the
    mass of what belongs to it. What lies under a peak with less than 1 % of the mass belongs to no
    mode.

    The density of samples is a Gaussian kernel estimate with the bandwidth
    0.9·min(sd, IQR/1.34, S/1.05)·n^(-1/5), where S is the length of the shortest interval that
    holds 40 % of them. It is no less than the step between values of which most occur more than
    once: those are rounded. Two peaks count as one unless the lower one stands at least 2.8
    standard errors of the estimate above the valley between them. Samples that lie more than 8
    bandwidths from all others belong to no mode if their own peak is below 2.8 standard errors and
    they are less than half as many as in the largest one: those are outliers.

    Args:
        target: a univariate continuous numpyro distribution, or a 1-D array of samples.

    Returns:
        `(locs, scales, weights)`, each (K,), from left to right; the weights sum to 1.

    Raises:
        TypeError, ValueError: as in `divlab.kl`; samples that are all equal or infinite.

    Source: Silverman (1986), Density Estimation for Statistics and Data Analysis, equation 3.31,
    for the bandwidth with sd and IQR.

    Example:
        >>> import divlab
        >>> locs, scales, weights = divlab.targets.modes(divlab.targets.old_faithful())
        >>> [round(float(x), 1) for x in locs]
        [2.0, 4.3]
    """
    locs, scales, weights, _ = exact_modes(read_exact("target", target))
    return jnp.asarray(locs, float), jnp.asarray(scales, float), jnp.asarray(weights, float)


def exact_modes(argument: Packed | Samples) -> Peaks:
    """The modes of what `read_exact` has read; with 64 bits, in NumPy, unless they are traced."""
    if isinstance(argument, Samples):
        return _modes_of_samples(np.asarray(argument.values, np.float64))
    distribution = argument.distribution
    if isinstance(distribution, MixtureSameFamily):
        parts = distribution.component_distribution
        if isinstance(parts, Normal):
            weights = distribution.mixing_distribution.probs
            return _left_to_right(parts.loc, parts.scale, weights)
    return _modes_of_density(argument)


def _left_to_right(
    locs: Float[AnyArray, "..."], scales: Float[AnyArray, "..."], weights: Float[AnyArray, " K"]
) -> Peaks:
    if is_known(locs, scales, weights):
        locs, scales, weights = (np.asarray(a, np.float64) for a in (locs, scales, weights))
    xp = namespace(locs, scales, weights)
    locs, scales = (xp.broadcast_to(a, weights.shape) for a in (locs, scales))
    order = xp.argsort(locs)
    return Peaks(locs[order], scales[order], weights[order], CUT * scales[order])


def _modes_of_samples(x: Float[np.ndarray, " n"]) -> Peaks:
    if not np.all(np.isfinite(x)):
        raise ValueError("target holds infinite values, which belong to no mode.")
    if np.all(x == x[0]):
        raise ValueError(f"target holds {x.size} samples that are all {x[0]:g}: it has no width.")
    return of_samples(x)


def _modes_of_density(packed: Packed) -> Peaks:
    cuts = np.asarray(outline(packed).landmarks, float)
    low, high = (float(bound) for bound in support_bounds(packed.distribution))
    grid = np.linspace(max(cuts.min(), low), min(cuts.max(), high), 4097)
    grid = (grid[1:] + grid[:-1]) / 2
    (log_density,) = log_densities(packed)(grid)
    return of_density(grid, np.exp(np.asarray(log_density, float)))


__all__ = ["drawn", "gaussian_mixture", "histogram", "modes", "old_faithful", "two_gaussians"]
