"""Rényi divergences of two distributions, of any finite order and of order inf."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from divlab.divergences import families, quadrature
from divlab.divergences.densities import Packed, log_density

_LOWEST = -1e37  # a log density below this has been clipped to its dtype's limit
_GRID, _ZOOMS = 65, 6  # points per panel, and rounds of looking closer at the best of them


def _log_densities(distributions, x):
    return tuple(log_density(d.distribution, x) for d in distributions)


def from_alpha_divergence(value: jax.Array, alpha: jax.Array) -> jax.Array:
    """log(1 + α (α - 1) D) / (α - 1), smooth where α is 1."""
    z = alpha * (alpha - 1) * value
    small = jnp.abs(z) < 1e-4
    safe = jnp.where(small, 1.0, z)
    ratio = jnp.log1p(jnp.maximum(safe, -1.0)) / safe
    # An infinite D is an infinite Rényi divergence; 0 times inf would hide it.
    scaled = alpha * value * jnp.where(small, 1 - z / 2 + z * z / 3, ratio)
    return jnp.where(jnp.isinf(value), jnp.inf, scaled)


def finite_order(p: Packed, q: Packed, alpha: jax.Array) -> tuple[jax.Array, ...]:
    """The Rényi divergence, ∫ p dx and ∫ q dx.

    Where it is small it comes from the alpha-divergence, whose integrand is nowhere negative and
    does not cancel; else from log ∫ p^α q^(1-α) dx, scaled so that no power overflows. For α > 1
    the peak of that integrand may lie where neither P nor Q has mass, so it is looked for.
    """

    def log_power(alpha, log_p, log_q):
        has_p, has_q = log_p > -jnp.inf, log_q > -jnp.inf
        both = has_p & has_q
        r = jnp.where(both, log_p, 0.0) - jnp.where(both, log_q, 0.0)
        value = jnp.where(both, jnp.where(both, log_q, 0.0) + alpha * r, -jnp.inf)
        return jnp.where((alpha > 1) & has_p & ~has_q, jnp.inf, value)

    pair = p.distribution, q.distribution
    inside = quadrature.all_landmarks(*pair)
    panels = quadrature.cut_line(*pair, inside=inside)
    around, shift = lax.stop_gradient(_peak(partial(log_power, alpha), p, q, panels))
    panels = quadrature.cut_line(*pair, inside=inside, extra=around)
    every = jnp.arange(panels.anchor.shape[0])

    # The exponent's slope in log t, where a panel begins, tells whether the integral has a bound:
    # exponentiated, an integrand without one overflows or, scaled by its peak, vanishes elsewhere.
    at_limit = panels.kind != quadrature.INTERIOR
    start = jnp.where(at_limit, panels.start, 0.5)[:, None]
    x, slope = panels.locate(every, start * jnp.array([1.0, 2.0], start.dtype))
    log_p, log_q = _log_densities((p, q), x)
    exponent = log_power(alpha, log_p, log_q) + jnp.log(jnp.where(slope > 0, slope, 1.0))
    told = jnp.all((log_p > _LOWEST) & (log_q > _LOWEST), axis=1) & (panels.width != 0)
    rise = jnp.where(told, exponent[:, 1], 0.0) - jnp.where(told, exponent[:, 0], 0.0)
    unbounded = jnp.any(told & at_limit & (rise <= -0.99 * jnp.log(2.0)))

    def functions(parameters, x):
        p, q, alpha, shift = parameters
        log_p, log_q = _log_densities((p, q), x)
        power = jnp.exp(log_power(alpha, log_p, log_q) - shift)
        between = families.integrand(families.Alpha(alpha), log_p, log_q)
        return between, power, jnp.exp(log_p), jnp.exp(log_q)

    between, power, *masses = quadrature.integrate(functions, (p, q, alpha, shift), panels)
    z = alpha * (alpha - 1) * between
    close = jnp.isfinite(between) & (jnp.abs(z) < 0.5)
    near = from_alpha_divergence(jnp.where(close, jnp.maximum(between, 0.0), 0.0), alpha)
    some = power > 0
    log_moment = jnp.where(some, jnp.log(jnp.where(some, power, 1.0)) + shift, -jnp.inf)
    apart = log_moment / jnp.where(close, 1.0, alpha - 1)
    value = jnp.where(close, near, jnp.where(unbounded, jnp.inf, apart))
    return jnp.maximum(value, 0.0), *masses


def _peak(log_power, p: Packed, q: Packed, panels: quadrature.Panels):
    """Points around the highest of log_power, a few of its widths apart, and its value there."""

    def finite(x):
        value = log_power(*_log_densities((p, q), x))
        return jnp.where(value < jnp.inf, value, -jnp.inf)

    panel, t, _, at_limit = _highest(
        lambda index, t: jnp.where(
            (panels.width[index] != 0)[..., None], finite(panels.locate(index, t)[0]), -jnp.inf
        ),
        panels,
    )
    x = panels.locate(panel[None], t[None, None])[0][0, 0]
    steps = (jnp.abs(x) + jnp.max(jnp.abs(panels.width))) * 0.5 ** jnp.arange(40.0)
    beside = finite(x + jnp.stack([0 * steps, steps, -steps]))
    height = beside[0, 0]
    lower = height - jnp.min(beside, axis=0) >= 1
    width = jnp.min(jnp.where(lower, steps, steps[0]))
    around = x + width * jnp.array([-8.0, -3.0, -1.0, 0.0, 1.0, 3.0, 8.0])
    around = jnp.where(at_limit, panels.anchor[0], around)
    return around, jnp.where(jnp.isfinite(height), height, 0.0)


def _highest(function, panels: quadrature.Panels):
    """Where `function(panel, t)` is largest: the panel, t and the value on a grid.

    Also whether it is there still rising towards where the panel begins, and cannot be followed.
    """
    start = panels.start[:, None]
    t = start + (1 - start) * jnp.linspace(0.0, 1.0, _GRID, dtype=start.dtype)
    values = function(jnp.arange(start.shape[0]), t)
    where = jnp.argmax(values)
    panel, at = where // _GRID, where % _GRID
    along = values[panel]
    outermost = jnp.argmax(along > -jnp.inf)  # t runs from the end, or from far out, inwards
    rising = along[at] - along[jnp.minimum(at + 1, _GRID - 1)] > 1e-3
    at_limit = (at == outermost) & rising & (panels.kind[panel] != quadrature.INTERIOR)

    def zoom(bounds, _):
        low, high = bounds
        points = low + (high - low) * jnp.linspace(0.0, 1.0, _GRID, dtype=low.dtype)
        best = jnp.argmax(function(panel[None], points[None])[0])
        nearby = points[jnp.maximum(best - 1, 0)], points[jnp.minimum(best + 1, _GRID - 1)]
        return nearby, points[best]

    around = t[panel, jnp.maximum(at - 1, 0)], t[panel, jnp.minimum(at + 1, _GRID - 1)]
    _, found = lax.scan(zoom, around, length=_ZOOMS)
    return panel, found[-1], along[at], at_limit


def infinite_order(p: Packed, q: Packed) -> tuple[jax.Array, ...]:
    """The supremum of log(p/q) over P's support, ∫ p dx and ∫ q dx.

    It is looked for on a grid in each panel and then closer and closer around the best point. It
    is inf where P has mass that Q lacks, and where the ratio still grows as far out, or as near to
    an end, as rounding lets it be told.
    """
    panels = quadrature.cut_line(p.distribution, q.distribution)

    def log_ratio(distributions, index, t):
        x, _ = panels.locate(index, t)
        log_p, log_q = _log_densities(distributions, x)
        used = (log_p > -jnp.inf) & (panels.width[index] != 0)[..., None]
        # A density of 0 and one too small for its dtype are the same to a supremum.
        lowest = jnp.finfo(x.dtype).min / 2
        lacks = used & (log_q < lowest) & (log_p > lowest)
        both = used & ~lacks
        value = jnp.where(both, log_p, 0.0) - jnp.where(both, log_q, 0.0)
        # Far out both logarithms are so large that their difference is rounding.
        rounding = 4 * jnp.finfo(x.dtype).eps * jnp.where(both, jnp.abs(log_p), 0.0)
        told = both & (rounding < 1e-3 * jnp.maximum(1.0, jnp.abs(value)))
        return jnp.where(lacks, jnp.inf, jnp.where(told, value, -jnp.inf))

    fixed = lax.stop_gradient((p, q))
    panel, t, seen, at_limit = _highest(lambda *at: log_ratio(fixed, *at), panels)
    best = log_ratio((p, q), panel[None], t[None, None])[0, 0]
    value = jnp.where(at_limit | (seen == jnp.inf), jnp.inf, jnp.maximum(best, 0.0))
    return value, quadrature.total_mass(p), quadrature.total_mass(q)
