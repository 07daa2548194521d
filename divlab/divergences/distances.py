"""Distances that move mass or compare distribution functions: Wasserstein, Cramér, energy, KS, MMD.

Two samples whose values are known are compared on the host, with 64 bits; the result has the
precision of JAX.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from divlab.divergences import closed_form, sorting
from divlab.divergences.f_divergences import MIXED
from divlab.divergences.inputs import Samples, read_exact, read_number
from divlab.divergences.integrals import cdf_distances, transport
from divlab.divergences.integrals import mmd as mmd_integrals
from divlab.divergences.integrals.arrays import (
    Array,
    compiled,
    compiled_if_traced,
    computing_on_host,
    is_known,
    unless_nan,
)
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.methods.quadrature import identity, on_device, resolved, root
from divlab.divergences.sorting import is_exact
from divlab.pytrees import as_arrays


def wasserstein(p, q, p_weights=None, q_weights=None, *, order=1) -> jax.Array:
    """Wasserstein distance W_k(P, Q) = (∫_0^1 |F⁻¹(u) - G⁻¹(u)|^k du)^(1/k).

    The least mean distance, at order 1, over which P's mass must be moved to become Q. It is the
    distance itself: POT's `wasserstein_1d` and `emd2_1d` return its k-th power.

    Args:
        p: a distribution or samples, of any lengths. One of each may be mixed.
        q: likewise.
        p_weights: a weight for each sample of `p`, not negative; need not sum to 1.
        q_weights: likewise for `q`.
        order: k, a number of at least 1; `inf` for the farthest distance any mass moves: of two
            samples, of distributions on bounded supports, or where it has a closed form.

    Returns:
        A scalar array in the units of x, in [0, inf]. It is `inf` where mass must come from
        infinity: for tails too heavy for this order, or for infinite samples.

    Raises:
        TypeError, ValueError: as in `kl`; for an order below 1, for weights that are negative,
            all zero or of another length than the samples; where P and Q have the same share of
            infinite samples, so that how far apart they are is not defined.

    Source: Villani (2003), Topics in Optimal Transportation, section 2.2.

    Example:
        >>> import divlab
        >>> round(float(divlab.wasserstein([0.0, 1.0], [0.0, 0.5, 1.0])), 6)
        0.166667
    """
    order = read_number("order", order, low=1.0, high=np.inf, closed=True, need="at least 1")
    p, q = _read(p, q, p_weights, q_weights)
    if isinstance(p, Samples) and isinstance(q, Samples):
        x, y = sorting.sort(p), sorting.sort(q)
        if not (is_exact(x) and is_exact(y) and is_known(order)):
            return _traced_wasserstein(x, y, order)
        if _comes_from_infinity(x, y):
            return _result(np.inf, x, y)
        return _result(sorting.wasserstein(x, y, float(order)), x, y)
    if isinstance(p, Samples) or isinstance(q, Samples):
        if is_known(order) and np.isinf(order):
            raise ValueError("order=inf of samples and a distribution is not available.")
        return _mixed(transport.samples_to_distribution, p, q, order)
    formulas = closed_form.WASSERSTEIN_OF_ORDER.get(float(order), {}) if is_known(order) else {}
    formula = closed_form.find(formulas, p.distribution, q.distribution)
    if formula:
        return closed_form.run(formula, p, q)
    formula = closed_form.find(closed_form.WASSERSTEIN, p.distribution, q.distribution)
    if formula and is_known(order):
        return closed_form.run(formula, p, q, order=float(order))
    if is_known(order) and np.isinf(order):
        return _farthest(p, q)
    if is_known(order) and order == 1:
        return _resolve(_of_gap(cdf_distances.area, p, q))
    value, p_mass, q_mass = _wasserstein_p(p, q, order)
    if is_known(value) and np.isnan(value) and abs(p_mass - 1) < 1e-3:
        raise ValueError(
            f"order {order} cannot be resolved for these distributions: their tails are so "
            "heavy that mass below rounding error decides. Use a lower order."
        )
    return _resolve((value, p_mass, q_mass))


def cramer(p, q, p_weights=None, q_weights=None, *, squared=False) -> jax.Array:
    """Cramér distance, the root of ∫ (F - G)² dx for the distribution functions F and G.

    Args:
        p: a distribution or samples, as in `wasserstein`. One of each may be mixed.
        q: likewise.
        p_weights: as in `wasserstein`.
        q_weights: likewise.
        squared: whether to return ∫ (F - G)² dx, in the units of x, instead of its root.

    Returns:
        A scalar array in the units of the root of x, in [0, inf]. It is finite for Cauchy
        distributions; `inf` where tails fall off like 1/√x or slower, or for infinite samples.

    Raises:
        TypeError, ValueError: as in `wasserstein`.

    Source: Cramér (1928); Székely & Rizzo (2013), Energy statistics.

    Example:
        >>> import divlab
        >>> round(float(divlab.cramer([0.0, 1.0], [0.0, 0.5, 1.0], squared=True)), 6)
        0.027778
    """
    return _root_unless(squared, 1.0, p, q, p_weights, q_weights)


def energy(p, q, p_weights=None, q_weights=None, *, squared=False) -> jax.Array:
    """Energy distance, the root of 2 E|X-Y| - E|X-X'| - E|Y-Y'| = 2 ∫ (F - G)² dx.

    X, X' are drawn from P and Y, Y' from Q. It is the square root of 2 times `cramer`, and what
    SciPy's `energy_distance` returns. Where a mean is infinite the integral is taken.

    Args:
        p: a distribution or samples, as in `wasserstein`. One of each may be mixed.
        q: likewise.
        p_weights: as in `wasserstein`.
        q_weights: likewise.
        squared: whether to return the expression itself, in the units of x, instead of its root.

    Returns:
        A scalar array in the units of the root of x, in [0, inf]; infinite where `cramer` is.

    Raises:
        TypeError, ValueError: as in `wasserstein`.

    Source: Székely & Rizzo (2013), Energy statistics.

    Example:
        >>> import divlab
        >>> round(float(divlab.energy([0.0], [2.0])), 6)
        2.0
    """
    return _root_unless(squared, 2.0, p, q, p_weights, q_weights)


def ks(p, q, p_weights=None, q_weights=None) -> jax.Array:
    """Kolmogorov-Smirnov distance sup |F - G| of the distribution functions F and G.

    SciPy's `ks_2samp` returns it as `statistic`. It depends on the order of points alone, so that
    infinite samples are like any others, and all that are equal count as one point.

    Args:
        p: a distribution or samples, as in `wasserstein`. One of each may be mixed.
        q: likewise.
        p_weights: as in `wasserstein`.
        q_weights: likewise.

    Returns:
        A scalar array in [0, 1], without units.

    Raises:
        TypeError, ValueError: as in `wasserstein`, infinite samples apart.

    Source: Kolmogorov (1933); Smirnov (1939).

    Example:
        >>> import divlab
        >>> round(float(divlab.ks([0.0, 1.0], [0.0, 0.5, 1.0])), 6)
        0.166667
    """
    p, q = _read(p, q, p_weights, q_weights)
    if isinstance(p, Samples) and isinstance(q, Samples):
        if not (is_exact(p) and is_exact(q)):
            return _traced_largest(p, q)
        x, y = sorting.sort(p), sorting.sort(q)
        return _result(sorting.largest_gap(x, y), x, y)
    if isinstance(p, Samples) or isinstance(q, Samples):
        return _mixed(cdf_distances.samples_largest, p, q)
    return _resolve(_of_gap(cdf_distances.largest, p, q))


def mmd(p, q, *, bandwidth=1.0, squared=False) -> jax.Array:
    """Maximum mean discrepancy under the kernel k(x, y) = exp(-(x - y)² / (2 bandwidth²)).

    MMD² = E k(X, X') + E k(Y, Y') - 2 E k(X, Y), X and X' drawn from P, Y and Y' from Q. From two
    samples it is the distance between their empirical distributions (the biased, or V-statistic),
    which is never negative; for P = Q of n + m samples MMD² is about (1/n + 1/m)(1 - E k(X, X')).

    Args:
        p: a distribution or samples, as in `kl`.
        q: likewise, of the same kind as `p`.
        bandwidth: the standard deviation of the kernel in units of x, above 0.
        squared: whether to return MMD² instead of MMD.

    Returns:
        A scalar array in [0, √2], or [0, 2] if squared; without units. Under `jit` the samples'
        pairs are all looked at, with an absolute error of MMD² of about the rounding error.

    Raises:
        TypeError, ValueError: as in `kl`; for a bandwidth that is not above 0 and finite; for two
            samples at the same infinity, the distance of which is not defined.

    Source: Gretton, Borgwardt, Rasch, Schölkopf & Smola (2012), A kernel two-sample test.

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> round(float(divlab.mmd(Normal(0, 1), Normal(1, 2), squared=True)), 6)
        0.15947
    """
    need = "above 0 and finite"
    read_number("bandwidth", bandwidth, low=0.0, high=np.inf, closed=False, need=need)
    p, q = read_exact("p", p), read_exact("q", q)
    if isinstance(p, Samples) != isinstance(q, Samples):
        raise ValueError(f"mmd of {MIXED} is not available: pass two of the same kind.")
    if isinstance(p, Packed):
        square = _resolve(mmd_integrals.squared(p, q, as_arrays(bandwidth)))
    elif is_exact(p) and is_exact(q) and is_known(bandwidth):
        x, y = _bring_near(p.values, q.values, bandwidth)
        square = _result(mmd_integrals.known_squared(x, y, bandwidth), p, q)
    else:
        square = _traced_squared_mmd(p, q, as_arrays(bandwidth))
    return square if squared else root(square)


def _read(p, q, p_weights, q_weights):
    return read_exact("p", p, p_weights), read_exact("q", q, q_weights)


def _root_unless(squared, factor, p, q, p_weights, q_weights) -> jax.Array:
    """The root of factor ∫ (F - G)² dx, or if `squared` that itself."""
    p, q = _read(p, q, p_weights, q_weights)
    if isinstance(p, Samples) and isinstance(q, Samples):
        if is_exact(p) and is_exact(q):
            x, y = sorting.sort(p), sorting.sort(q)
            infinite = _comes_from_infinity(x, y)
            value = np.inf if infinite else factor * sorting.area(x, y, 2)
            return _result(value if squared else math.sqrt(value), x, y)
        square = _traced_square(p, q)
    elif isinstance(p, Samples) or isinstance(q, Samples):
        square = _mixed(cdf_distances.samples_square, p, q)
    else:
        square = _resolve(_of_gap(cdf_distances.square, p, q))
    square = _scaled(square, factor)
    return square if squared else root(square)


@jax.jit
def _scaled(square: jax.Array, factor: float) -> jax.Array:
    return factor * square


def _resolve(value_and_masses: tuple[Array, ...]) -> jax.Array:
    value, *masses = value_and_masses
    return resolved(value, *zip("pq", masses, strict=True))


def _result(value: float, x: Samples, y: Samples) -> jax.Array:
    """A number found on the host, in the precision that JAX gives to these samples."""
    dtype = jax.dtypes.canonicalize_dtype(np.result_type(x.values, y.values))
    return identity(np.asarray(value, dtype))


def _is_finite(x: Samples) -> bool:
    """Whether known, sorted samples are all finite."""
    return math.isfinite(x.values[0]) and math.isfinite(x.values[-1])


def _comes_from_infinity(x: Samples, y: Samples) -> bool:
    """Whether mass must move infinitely far between known, sorted samples."""
    if _is_finite(x) and _is_finite(y):
        return False
    of_x, of_y = sorting.masses_at_infinity(x), sorting.masses_at_infinity(y)
    if np.allclose(of_x, of_y, rtol=1e-12, atol=1e-12):
        raise ValueError(
            "p and q have the same share of infinite samples: how far apart these are is not "
            "defined. Leave them out."
        )
    return True


def _bring_near(x: np.ndarray, y: np.ndarray, bandwidth: float) -> tuple[np.ndarray, ...]:
    """The samples with an infinite one, to which the kernel is 0, where it is 0 already."""
    both = np.concatenate([x, y])
    if np.all(np.isfinite(both)):
        return x, y
    if max(np.sum(both == np.inf), np.sum(both == -np.inf)) > 1:
        raise ValueError(
            "p and q hold more than one sample at the same infinity: how far apart these are is "
            "not defined. Leave them out."
        )
    finite = both[np.isfinite(both)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    far = 10.0 * bandwidth
    return tuple(np.nan_to_num(a, posinf=high + far, neginf=low - far) for a in (x, y))


def _mixed(function: Callable, p: Any, q: Any, *options: Any) -> jax.Array:
    """`function` of sorted samples and a distribution, whichever of `p` and `q` they are."""
    (x, d), name = ((p, q), "q") if isinstance(p, Samples) else ((q, p), "p")
    x = sorting.sort(x)
    exact = is_exact(x) and is_known(d, options)
    if function is not cdf_distances.samples_largest and is_exact(x) and not _is_finite(x):
        return _result(np.inf, x, x)
    levels = sorting.levels(x)[1:] if exact else sorting.traced_levels(x)
    values = np.asarray(x.values, float) if exact else jnp.asarray(x.values)
    value, mass = _of_sorted(function, values, levels, d, options)
    return resolved(value, (name, mass))


@compiled()
def _traced_wasserstein(x, y, order):
    value = jnp.where(order >= 1, sorting.traced_wasserstein(x, y, order), jnp.nan)
    return unless_nan(value, x, y)


@compiled()
def _traced_square(x, y):
    gap, width = sorting.traced_steps(x, y)
    return unless_nan(jnp.sum(gap**2 * width), x, y)


@compiled()
def _traced_largest(x, y):
    gap, width = sorting.traced_steps(x, y)
    return unless_nan(jnp.max(jnp.where(width > 0, jnp.abs(gap), 0.0)), x, y)


@compiled()
def _traced_squared_mmd(x, y, bandwidth):
    value = mmd_integrals.traced_squared(x.values, y.values, bandwidth)
    return unless_nan(jnp.where(bandwidth > 0, value, jnp.nan), x, y)


@compiled_if_traced(0)
def _of_sorted(
    function: Callable, values: Array, levels: Array, d: Packed, options: tuple
) -> tuple[Array, Array]:
    value, mass = function(values, levels, d, *options)
    return unless_nan(value, values), mass


def _of_gap(measure: Callable, p: Packed, q: Packed) -> tuple[Array, ...]:
    """A measure of F - G, and the masses of P and Q that the nodes have seen."""
    return _measured(measure, p, q) if is_known(p, q) else _differentiable(measure, p, q)


@compiled_if_traced(0)
def _measured(measure: Callable, p: Packed, q: Packed) -> tuple[Array, ...]:
    gap, *masses, _ = cdf_distances.between(p, q)
    return measure(gap), *masses


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _differentiable(measure: Callable, p: Packed, q: Packed) -> tuple[Array, ...]:
    return _measured(measure, p, q)


@_differentiable.defjvp
def _differentiable_jvp(measure: Callable, primals: tuple, tangents: tuple) -> tuple[Any, Any]:
    if not is_known(primals) or measure not in cdf_distances.POTENTIALS:
        return jax.jvp(partial(_measured, measure), primals, tangents)
    with computing_on_host():
        gap, *masses, _ = cdf_distances.between(*primals)
        found = [jnp.asarray(v, float) for v in (measure(gap), *masses)]
    change = cdf_distances.change_on_host(measure, gap, primals, tangents)
    # What the nodes have seen is a check, not a result.
    return tuple(found), (change, *(jnp.zeros_like(mass) for mass in found[1:]))


_wasserstein_p = compiled_if_traced()(transport.wasserstein_p)
_wasserstein_inf = compiled_if_traced()(transport.wasserstein_inf)


def _farthest(p, q):
    """W_inf, where the supports say what it is."""
    bounded = [np.isfinite(transport.hull(d)).tolist() for d in (p, q)]
    if bounded[0] != bounded[1]:
        return jnp.asarray(jnp.inf)
    if not all(bounded[0]):
        raise ValueError(
            "order=inf of two unbounded distributions is known in closed form only, and not for "
            "these types; use a finite order."
        )
    return on_device(_wasserstein_inf(p, q))
