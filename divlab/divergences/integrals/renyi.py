"""Rényi divergences of two distributions, of any finite order and of order inf."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from divlab.divergences import families
from divlab.divergences.integrals.arrays import (
    Array,
    compiled_if_traced,
    fixed,
    has_32_bits,
    is_known,
    namespace,
    on_host,
)
from divlab.divergences.integrals.integral import integral
from divlab.divergences.integrals.known import log_densities
from divlab.divergences.integrals.outlines import outline, support_ends
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.integrals.panels import INTERIOR, LEFT_TAIL, Panels, attach, cut_line

_LOWEST = -1e37  # a log density below this has been clipped to its dtype's limit
_GRID, _ZOOMS = 65, 6  # points per panel, and rounds of looking closer at the best of them


def from_alpha_divergence(value: Array, alpha: Array) -> Array:
    """log(1 + α (α - 1) D) / (α - 1), smooth where α is 1."""
    xp = namespace(value, alpha)
    z = alpha * (alpha - 1) * value
    small = xp.abs(z) < 1e-4
    safe = xp.where(small, 1.0, z)
    ratio = xp.log1p(xp.maximum(safe, -1.0)) / safe
    # An infinite D is an infinite Rényi divergence; 0 times inf would hide it.
    scaled = alpha * value * xp.where(small, 1 - z / 2 + z * z / 3, ratio)
    return xp.where(xp.isinf(value), np.inf, scaled)


def _log_power(alpha: Array, log_p: Array, log_q: Array) -> Array:
    """Log of p^α q^(1-α)."""
    xp = namespace(log_p)
    has_p, has_q = log_p > -np.inf, log_q > -np.inf
    both = has_p & has_q
    r = xp.where(both, log_p, 0.0) - xp.where(both, log_q, 0.0)
    value = xp.where(both, xp.where(both, log_q, 0.0) + alpha * r, -np.inf)
    # Far out both logarithms are so large that their difference is rounding.
    largest = xp.maximum(xp.abs(log_p), xp.abs(log_q))
    told = (alpha + 1) * np.finfo(log_p.dtype).eps * xp.where(both, largest, 0.0) < 0.1
    value = xp.where(told, value, -np.inf)
    return xp.where((alpha > 1) & has_p & ~has_q, np.inf, value)


def _integrands(alpha: Array, shift: Array, log_p: Array, log_q: Array) -> tuple[Array, Array]:
    power = namespace(log_p).exp(_log_power(alpha, log_p, log_q) - shift)
    return families.integrand(families.Alpha(alpha), log_p, log_q), power


def finite_order(p: Packed, q: Packed, alpha: Array) -> tuple[Array, ...]:
    """The Rényi divergence, ∫ p dx and ∫ q dx.

    Where it is small it comes from the alpha-divergence, whose integrand is nowhere negative and
    does not cancel; else from log ∫ p^α q^(1-α) dx, scaled so that no power overflows. For α > 1
    the peak of that integrand may lie where neither P nor Q has mass, so it is looked for. Where it
    lies has no gradient.
    """
    around, shift, unbounded = _outlook(*fixed((p, q, alpha)))
    between, power, *masses = integral(_integrands, (p, q), alpha, shift, cuts=around)
    return _of_finite_order(alpha, between, power, shift, unbounded), *masses


@compiled_if_traced()
def _outlook(p: Packed, q: Packed, alpha: Array) -> tuple[Array, Array, Array]:
    """Points around the peak of p^α q^(1-α), its logarithm there, and whether it has no bound."""
    outlines, logs = [outline(p), outline(q)], log_densities(p, q)
    around, shift, grows = _peak(partial(_log_power, alpha), logs, cut_line(outlines))
    panels = cut_line(outlines, around)
    xp = namespace(panels.anchor)
    every = xp.arange(panels.anchor.shape[0])

    # The exponent's slope in log t, where a panel begins, tells whether the integral has a bound:
    # exponentiated, an integrand without one overflows or, scaled by its peak, vanishes elsewhere.
    at_limit = panels.kind != INTERIOR
    nats = xp.minimum(2.0, panels.reach / 4)
    x, slope = panels.locate(every, (nats / panels.reach)[:, None] * xp.arange(2.0))
    log_p, log_q = logs(x)
    exponent = _log_power(alpha, log_p, log_q) + xp.log(xp.where(slope > 0, slope, 1.0))
    told = xp.all((log_p > _LOWEST) & (log_q > _LOWEST), axis=1) & (panels.width != 0)
    rise = xp.where(told, exponent[:, 1], 0.0) - xp.where(told, exponent[:, 0], 0.0)
    return around, shift, grows | xp.any(told & at_limit & (rise <= 1e-3 * nats))


@compiled_if_traced()
def _of_finite_order(
    alpha: Array, between: Array, power: Array, shift: Array, unbounded: Array
) -> Array:
    xp = namespace(between)
    z = alpha * (alpha - 1) * between
    close = xp.isfinite(between) & (xp.abs(z) < 0.5)
    near = from_alpha_divergence(xp.where(close, xp.maximum(between, 0.0), 0.0), alpha)
    some = power > 0
    log_moment = xp.where(some, xp.log(xp.where(some, power, 1.0)) + shift, -np.inf)
    apart = log_moment / xp.where(close, 1.0, alpha - 1)
    # Where it grows towards an end as far as can be told, no node comes near to its peak.
    unbounded = unbounded | (xp.isinf(between) & ~some)
    value = xp.where(close, near, xp.where(unbounded, np.inf, apart))
    return xp.maximum(value, 0.0)


def _peak(
    log_power: Callable[..., Any], logs: Callable[..., Any], panels: Panels
) -> tuple[Array, Array, Array]:
    """Points around the highest of log_power, a few of its widths apart, and its value there.

    Also whether it grows on and on towards an infinity.
    """
    xp = namespace(panels.anchor)

    def finite(x: Array) -> Array:
        value = log_power(*logs(x))
        return xp.where(value < np.inf, value, -np.inf)

    def at(index: Array, t: Array) -> Array:
        used = (panels.width[index] != 0)[..., None]
        return xp.where(used, finite(panels.locate(index, t)[0]), -np.inf)

    panel, t, _, at_limit = _highest(at, panels)
    x = panels.locate(panel[None], t[None, None])[0][0, 0]
    steps = (xp.abs(x) + xp.max(xp.abs(panels.width))) * 0.5 ** xp.arange(40.0)
    beside = finite(x + xp.stack([0 * steps, steps, -steps]))
    height = beside[0, 0]
    lower = height - xp.min(beside, axis=0) >= 1
    width = xp.min(xp.where(lower, steps, steps[0]))
    around = x + width * xp.array([-8.0, -3.0, -1.0, 0.0, 1.0, 3.0, 8.0])
    around = xp.where(at_limit, panels.anchor[0], around)
    grows = at_limit & (panels.kind[panel] >= LEFT_TAIL)
    return around, xp.where(xp.isfinite(height), height, 0.0), grows


def _highest(function: Callable[..., Any], panels: Panels) -> tuple[Array, ...]:
    """Where `function(panel, t)` is largest: the panel, t and the value on a grid.

    Also whether it is there still rising towards where the panel begins, and cannot be followed.
    """
    xp = namespace(panels.anchor)
    every, start, stop = panels.pieces()
    grid = xp.linspace(0.0, 1.0, _GRID, dtype=start.dtype)
    t = start[:, None] + (stop - start)[:, None] * grid
    values = function(every, t)
    where = xp.argmax(values)
    piece, at = where // _GRID, where % _GRID
    panel, along = every[piece], values[piece]
    outermost = xp.argmax(along > -np.inf)  # t runs from the end, or from far out, inwards
    rising = along[at] - along[xp.minimum(at + 1, _GRID - 1)] > 1e-3
    farther = (panels.kind[panel] != INTERIOR) & (start < start[piece])
    known_farther = xp.any((values > -np.inf).any(axis=1) & farther & (every == panel))
    at_limit = (at == outermost) & rising & ~known_farther & (panels.kind[panel] != INTERIOR)

    def zoom(bounds: tuple[Array, Array], _: Any = None) -> tuple[tuple[Array, Array], Array]:
        low, high = bounds
        points = low + (high - low) * grid
        best = xp.argmax(function(panel[None], points[None])[0])
        nearby = points[xp.maximum(best - 1, 0)], points[xp.minimum(best + 1, _GRID - 1)]
        return nearby, points[best]

    around = t[piece, xp.maximum(at - 1, 0)], t[piece, xp.minimum(at + 1, _GRID - 1)]
    if not on_host(t):
        _, found = lax.scan(zoom, around, length=_ZOOMS)
        return panel, found[-1], along[at], at_limit
    for _ in range(_ZOOMS):
        around, best = zoom(around)
    return panel, best, along[at], at_limit


@compiled_if_traced()
def infinite_order(p: Packed, q: Packed) -> tuple[Array, ...]:
    """The supremum of log(p/q) over P's support, ∫ p dx and ∫ q dx.

    It is looked for on a grid in each panel and then closer and closer around the best point. It
    is inf where P has mass that Q lacks, and where the ratio still grows as far out, or as near to
    an end, as rounding lets it be told.
    """
    panels = cut_line([outline(p), outline(q)])
    xp = namespace(panels.anchor)
    if xp is jnp:
        panels = attach(panels, support_ends(p.distribution, q.distribution))
    lowest, eps = (-1.7e38, 2.0**-23) if has_32_bits() else (-8e307, 2.0**-52)

    def log_ratio(logs: Callable[..., Any], index: Array, t: Array) -> Array:
        x, _ = panels.locate(index, t)
        log_p, log_q = logs(x)
        used = (log_p > -np.inf) & (panels.width[index] != 0)[..., None]
        # A density of 0 and one too small for its dtype are the same to a supremum.
        lacks = used & (log_q < lowest) & (log_p > lowest)
        both = used & ~lacks
        value = xp.where(both, log_p, 0.0) - xp.where(both, log_q, 0.0)
        # Far out both logarithms are so large that their difference is rounding.
        rounding = 4 * eps * xp.where(both, xp.abs(log_p), 0.0)
        told = both & (rounding < 1e-3 * xp.maximum(1.0, xp.abs(value)))
        return xp.where(lacks, np.inf, xp.where(told, value, -np.inf))

    held = log_densities(p, q) if is_known(p, q) else log_densities(*fixed((p, q)))
    panel, t, seen, at_limit = _highest(partial(log_ratio, held), panels)
    best = log_ratio(log_densities(p, q), panel[None], t[None, None])[0, 0]
    value = xp.where(at_limit | (seen == np.inf), np.inf, xp.maximum(best, 0.0))
    return value, *integral(_nothing, (p, q))


def _nothing(log_p: Array, log_q: Array) -> tuple[()]:
    """No integrand: the masses alone are asked for."""
    return ()
