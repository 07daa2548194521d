"""Distances that move mass or compare distribution functions: Wasserstein, Cramér, energy, KS.

Two samples whose values are known are compared on the host, with 64 bits. The result has the
precision of JAX.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from divlab.checks import Numbers
from divlab.divergences import closed_form, gaps, sorting
from divlab.divergences.inputs import (
    Argument,
    Samples,
    read_both,
    read_number,
)
from divlab.divergences.integrals import (
    arrays,
    cdf_distances,
    farthest,
    sample_transport,
    transport,
)
from divlab.divergences.integrals.arrays import (
    computing_on_host,
    is_known,
)
from divlab.divergences.integrals.outlines import reaches
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.methods.closed_form import find, run
from divlab.divergences.results import at_precision_of, resolved, root
from divlab.divergences.sorting import comes_from_infinity, is_exact
from divlab.pytrees import Number, as_arrays


def wasserstein(
    p: Argument,
    q: Argument,
    p_weights: Numbers | None = None,
    q_weights: Numbers | None = None,
    *,
    order: Any = 1,
) -> Float[Array, ""]:
    """Wasserstein distance W_k(P, Q) = (∫_0^1 |F⁻¹(u) - G⁻¹(u)|^k du)^(1/k).

    At order 1 it is the least mean distance over which P's mass must be moved to become Q. The
    result is the distance itself, whereas POT's `wasserstein_1d` and `emd2_1d` return its k-th
    power.

    Args:
        p: a distribution or samples.
        q: a distribution or samples. It need not be the same kind as `p`, nor of the same length.
        p_weights: a weight for each sample of `p`, not negative; the sum need not be 1.
        q_weights: a weight for each sample of `q`, not negative; the sum need not be 1.
        order: k, a number of at least 1. `inf` gives the farthest distance that any mass moves; it
            exists for two samples, for distributions on bounded supports, and where there is a
            closed form.

    Returns:
        A scalar array in the units of x, in [0, inf]. It is `inf` where mass must come from
        infinity: for tails too heavy for this order, or for infinite samples.

    Raises:
        TypeError, ValueError: as in `kl`; the order is below 1; weights are negative, all zero or
            of another length than the samples; P and Q have the same share of infinite samples, so
            that their distance is not defined.
        NotImplementedError: a second derivative of an integral is asked for.

    Source: Villani (2003), Topics in Optimal Transportation, section 2.2.

    Example:
        >>> import divlab
        >>> round(float(divlab.wasserstein([0.0, 1.0], [0.0, 0.5, 1.0])), 6)
        0.166667
    """
    order = read_number("order", order, low=1.0, high=np.inf, closed=True, need="at least 1")
    order = order if is_known(order) else as_arrays(order)
    p, q = read_both(p, q, weights=(p_weights, q_weights))
    if isinstance(p, Samples) and isinstance(q, Samples):
        x, y = sorting.sort(p), sorting.sort(q)
        if not (is_exact(x) and is_exact(y) and is_known(order)):
            traced: Array = sorting.traced_wasserstein(x, y, as_arrays(order))
            return traced
        if comes_from_infinity(x, y):
            return at_precision_of(np.inf, x, y)
        return at_precision_of(sorting.wasserstein(x, y, float(order)), x, y)
    if isinstance(p, Samples) or isinstance(q, Samples):
        if is_known(order) and np.isinf(order):
            raise ValueError("order=inf of samples and a distribution is not available.")
        return gaps.of_samples_and_distribution(
            sample_transport.samples_to_distribution, p, q, order
        )
    formulas = closed_form.WASSERSTEIN_OF_ORDER.get(float(order), {}) if is_known(order) else {}
    formula = find(formulas, p, q)
    if formula:
        return run(formula, p, q)
    formula = find(closed_form.WASSERSTEIN, p, q)
    if formula and is_known(order):
        return run(formula, p, q, order=as_arrays(order))
    if is_known(order) and np.isinf(order):
        return _farthest(p, q)
    if is_known(order) and order == 1:
        return _resolve(gaps.of_distributions((cdf_distances.area,), p, q))
    value, p_mass, q_mass = transport.wasserstein_p(p, q, as_arrays(order))
    if is_known(value) and np.isnan(value) and abs(p_mass - 1) < 1e-3:
        raise ValueError(
            f"order {order} cannot be resolved for these distributions: mass below rounding "
            "error, far out in a tail or next to an end, decides. Use a lower order."
        )
    return _resolve((value, p_mass, q_mass))


def cramer(
    p: Argument,
    q: Argument,
    p_weights: Numbers | None = None,
    q_weights: Numbers | None = None,
    *,
    squared: bool = False,
) -> Float[Array, ""]:
    """Cramér distance, the root of ∫ (F - G)² dx for the distribution functions F and G.

    Args:
        p: a distribution or samples.
        q: a distribution or samples. It need not be the same kind as `p`.
        p_weights: a weight for each sample of `p`, as in `wasserstein`.
        q_weights: a weight for each sample of `q`, as in `wasserstein`.
        squared: whether to return ∫ (F - G)² dx, in the units of x, instead of its root.

    Returns:
        A scalar array in the units of the root of x, in [0, inf]. It is finite for Cauchy
        distributions. It is `inf` where tails fall off like 1/√x or slower, and for infinite
        samples.

    Raises:
        TypeError, ValueError: as in `wasserstein`.
        NotImplementedError: a second derivative of an integral is asked for.

    Source: Cramér (1928); Székely & Rizzo (2013), Energy statistics.

    Example:
        >>> import divlab
        >>> round(float(divlab.cramer([0.0, 1.0], [0.0, 0.5, 1.0], squared=True)), 6)
        0.027778
    """
    return _root_unless(squared, 1.0, p, q, p_weights, q_weights)


def energy(
    p: Argument,
    q: Argument,
    p_weights: Numbers | None = None,
    q_weights: Numbers | None = None,
    *,
    squared: bool = False,
) -> Float[Array, ""]:
    """Energy distance, the root of 2 E|X-Y| - E|X-X'| - E|Y-Y'| = 2 ∫ (F - G)² dx.

    X, X' are drawn from P and Y, Y' from Q. It is the square root of 2 times `cramer`, and the same
    as SciPy's `energy_distance`. Where a mean is infinite, the integral defines it.

    Args:
        p: a distribution or samples.
        q: a distribution or samples. It need not be the same kind as `p`.
        p_weights: a weight for each sample of `p`, as in `wasserstein`.
        q_weights: a weight for each sample of `q`, as in `wasserstein`.
        squared: whether to return the expression itself, in the units of x, instead of its root.

    Returns:
        A scalar array in the units of the root of x, in [0, inf]; infinite where `cramer` is.

    Raises:
        TypeError, ValueError: as in `wasserstein`.
        NotImplementedError: a second derivative of an integral is asked for.

    Source: Székely & Rizzo (2013), Energy statistics.

    Example:
        >>> import divlab
        >>> round(float(divlab.energy([0.0], [2.0])), 6)
        2.0
    """
    return _root_unless(squared, 2.0, p, q, p_weights, q_weights)


def ks(
    p: Argument,
    q: Argument,
    p_weights: Numbers | None = None,
    q_weights: Numbers | None = None,
) -> Float[Array, ""]:
    """Kolmogorov-Smirnov distance sup |F - G| of the distribution functions F and G.

    SciPy's `ks_2samp` returns it as `statistic`. It depends only on the order of the points, so
    infinite samples are like any others, and samples that are equal count as one point.

    Args:
        p: a distribution or samples.
        q: a distribution or samples. It need not be the same kind as `p`.
        p_weights: a weight for each sample of `p`, as in `wasserstein`.
        q_weights: a weight for each sample of `q`, as in `wasserstein`.

    Returns:
        A scalar array in [0, 1], without units.

    Raises:
        TypeError, ValueError: as in `wasserstein`, except that infinite samples are allowed.
        NotImplementedError: a second derivative of an integral is asked for.

    Source: Kolmogorov (1933); Smirnov (1939).

    Example:
        >>> import divlab
        >>> round(float(divlab.ks([0.0, 1.0], [0.0, 0.5, 1.0])), 6)
        0.166667
    """
    p, q = read_both(p, q, weights=(p_weights, q_weights))
    if isinstance(p, Samples) and isinstance(q, Samples):
        if not (is_exact(p) and is_exact(q)):
            traced: Array = sorting.traced_largest(p, q)
            return traced
        x, y = sorting.sort(p), sorting.sort(q)
        return at_precision_of(sorting.largest_gap(x, y), x, y)
    if isinstance(p, Samples) or isinstance(q, Samples):
        return gaps.of_samples_and_distribution(cdf_distances.samples_largest, p, q)
    return _resolve(gaps.of_distributions((cdf_distances.largest,), p, q))


def _root_unless(
    squared: bool,
    factor: float,
    p: Argument,
    q: Argument,
    p_weights: Numbers | None,
    q_weights: Numbers | None,
) -> Float[Array, ""]:
    """The root of factor ∫ (F - G)² dx; if `squared`, without the root."""
    p, q = read_both(p, q, weights=(p_weights, q_weights))
    if isinstance(p, Samples) and isinstance(q, Samples):
        if is_exact(p) and is_exact(q):
            x, y = sorting.sort(p), sorting.sort(q)
            infinite = comes_from_infinity(x, y)
            value = np.inf if infinite else factor * sorting.area(x, y, 2)
            return at_precision_of(value if squared else math.sqrt(value), x, y)
        square = sorting.traced_square(p, q)
    elif isinstance(p, Samples) or isinstance(q, Samples):
        square = gaps.of_samples_and_distribution(cdf_distances.samples_square, p, q)
    else:
        square = _resolve(gaps.of_distributions((cdf_distances.square,), p, q))
    square = _scaled(square, factor)
    result: Array = square if squared else root(square)
    return result


@jax.jit
def _scaled(square: Float[Array, ""], factor: Number) -> Float[Array, ""]:
    return jnp.asarray(factor * square)


def _resolve(value_and_masses: tuple[arrays.Array, ...]) -> Float[Array, ""]:
    value, *masses = value_and_masses
    return resolved(value, *zip("pq", masses, strict=True))


def _farthest(p: Packed, q: Packed) -> Float[Array, ""]:
    """W_inf, where the supports say what it is."""
    bounded = [_is_bounded(d) for d in (p, q)]
    if bounded[0] != bounded[1]:
        return jnp.asarray(jnp.inf)
    if not all(bounded[0]):
        raise ValueError(
            "order=inf of two unbounded distributions is known in closed form only, and not for "
            "these types; use a finite order."
        )
    return _resolve(farthest.wasserstein_inf(p, q))


def _is_bounded(packed: Packed) -> list[bool]:
    """Whether the support ends on the left, and on the right; an end that is traced is one."""
    if is_known(packed):
        with computing_on_host():
            return [bool(np.isfinite(end)) for end in farthest.hull(packed)]
    return [not endless for endless in reaches(packed.distribution)]
