"""Maximum mean discrepancy under a Gaussian kernel, in units of its bandwidth.

MMD² = ∫∫ (p - q)(x) k(x - y) (p - q)(y) dx dy. As p - q integrates to 0, k - 1 serves as well as
k, and where the kernel is nearly flat it loses no digits.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Float

from divlab.divergences.integrals import cumulative as lines
from divlab.divergences.integrals.arrays import (
    Array,
    compiled_if_traced,
    fixed,
    is_known,
    namespace,
)
from divlab.divergences.integrals.outlines import support_ends
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.integrals.refinement import NODES

# A kernel is 0 to 64 bits beyond this many bandwidths, and its transform beyond as many in 1/x.
_REACH = 9.0
# In bandwidths, where a panel under a kernel ends.
_STEPS = np.array([-9.0, -6.0, -4.0, -2.5, -1.2, 0.0, 1.2, 2.5, 4.0, 6.0, 9.0])
_ROWS = 128
_POINTS = 64  # at a time whose kernels are integrated; each cuts the line anew


def _kernel_less_1(difference: Array) -> Array:
    return namespace(difference).expm1(-0.5 * difference**2)


@compiled_if_traced()
def squared(p: Packed, q: Packed, bandwidth: Array) -> tuple[Array, ...]:
    """MMD² of two distributions, and the masses of P and Q that the nodes have seen."""
    ends: Array = support_ends(p.distribution, q.distribution)
    if is_known(ends, bandwidth):
        ends, bandwidth = np.asarray(ends, float), np.asarray(bandwidth, float)
    xp, around = namespace(bandwidth), bandwidth * _STEPS
    densities = lines.densities(p, q)
    # Near a jump of a density, what the kernel makes of it changes over a bandwidth.
    line = lines.draw_line(p, q, cuts=fixed((ends[:, None] + around).ravel()))
    masses = lines.masses(line, p, q)
    excess = masses[0].density - masses[1].density
    rest = masses[0].rest - masses[1].rest

    def smooth(x: Array) -> Array:
        pieces, _ = lines.split(line, fixed(x[:, None] + around))
        y, slope = lines.locate(line, pieces, xp.asarray(NODES, dtype=x.dtype))
        of_p, of_q = densities(y)
        values = (of_p - of_q) * slope
        kernel = _kernel_less_1((x[:, None, None] - y) / bandwidth)
        beyond = rest * _kernel_less_1((x[:, None] - line.outer) / bandwidth)
        return lines.total(values * kernel).sum(axis=-1) + beyond.sum(axis=-1)

    # What lies beyond the pieces counts where they begin.
    points = xp.concatenate([line.x, line.outer[:, None]], axis=1)
    smoothed = lines.in_chunks(smooth, points.ravel(), size=_POINTS).reshape(points.shape)
    value = lines.total(excess * smoothed[:, :-1]).sum() + (rest * smoothed[:, -1]).sum()
    value = xp.where(bandwidth > 0, xp.maximum(value, 0.0), np.nan)
    return value, masses[0].total, masses[1].total


def traced_squared(
    x: Float[jax.Array, " n"], y: Float[jax.Array, " m"], bandwidth: jax.Array
) -> Float[jax.Array, ""]:
    """MMD² of two samples, every pair of them looked at."""
    n, m = x.shape[0], y.shape[0]
    both = jnp.concatenate([x, y]) / bandwidth
    weights = jnp.concatenate([jnp.full(n, 1 / n), jnp.full(m, -1 / m)]).astype(both.dtype)

    def row(point: jax.Array) -> jax.Array:
        return jnp.sum(weights * _kernel_less_1(point - both))

    value = jnp.sum(weights * lax.map(jax.checkpoint(row), both, batch_size=_ROWS))
    return jnp.maximum(value, 0.0)


def known_squared(
    x: Float[np.ndarray, " n"], y: Float[np.ndarray, " m"], bandwidth: float
) -> float:
    """MMD² of two samples whose values are known, with 64 bits.

    On a stretch of the line the kernel is a Fourier series, and MMD² the sum over its waves of
    their weights times |mean exp(iwx) - mean exp(iwy)|². The number of waves grows with the range
    of the samples in bandwidths; where it is larger than theirs, pairs are fewer.
    """
    x, y = (np.asarray(a, np.float64) / bandwidth for a in (x, y))
    low, high = min(x.min(), y.min()), max(x.max(), y.max())
    period = high - low + _REACH
    waves = _REACH * period / (2 * np.pi)
    if waves > x.size + y.size:
        return _by_pairs(x, y)
    units = [np.exp(2j * np.pi / period * (a - low)) for a in (x, y)]
    powers = [unit.copy() for unit in units]
    total = 0.0
    for wave in range(1, int(np.ceil(waves)) + 1):
        weight = np.exp(-0.5 * (2 * np.pi * wave / period) ** 2)
        total += weight * abs(powers[0].mean() - powers[1].mean()) ** 2
        for power, unit in zip(powers, units, strict=True):
            power *= unit
    return float(2 * np.sqrt(2 * np.pi) / period * total)


def _by_pairs(x: np.ndarray, y: np.ndarray) -> float:
    both = np.concatenate([x, y])
    weights = np.concatenate([np.full(x.size, 1 / x.size), np.full(y.size, -1 / y.size)])
    total = 0.0
    for start in range(0, both.size, _ROWS):
        rows = slice(start, start + _ROWS)
        kernel = np.expm1(-0.5 * (both[rows, None] - both) ** 2)
        total += weights[rows] @ kernel @ weights
    return float(max(total, 0.0))
