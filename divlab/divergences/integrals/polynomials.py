"""Functions on a piece as the polynomials through their values at its 15 nodes."""

import numpy as np
from numpy.polynomial import legendre

from divlab.divergences.integrals.arrays import Array, matmul, namespace
from divlab.divergences.integrals.refinement import KRONROD, NODES

# Polynomials on [0, 1] through the 15 nodes, as coefficients of Legendre polynomials P_k(2s - 1):
# the coefficients from the values, and the integrals from 0 to s of each P_k.
_COEFFICIENTS = np.linalg.inv(legendre.legvander(2 * NODES - 1, 14))
_INTEGRALS = np.stack([legendre.legint(row, lbnd=-1) / 2 for row in np.eye(15)])  # (15, 16)
# The weights of the barycentric formula, up to a common factor.
_WEIGHTS = 1 / np.prod(4 * (NODES - NODES[:, None]) + np.eye(15), axis=1)
_TO_NODES = legendre.legvander(2 * NODES - 1, 15) @ _INTEGRALS.T @ _COEFFICIENTS


def total(values: Array) -> Array:
    """∫_0^1 of the polynomials through `values` (..., 15) at the nodes."""
    return matmul(values, KRONROD)


def rise(values: Array) -> Array:
    """∫_0^s for s at every node, of the polynomials through `values` (..., 15)."""
    return matmul(values, _TO_NODES.T)


def fall(values: Array) -> Array:
    """∫_s^1 for s at every node, of the polynomials through `values` (..., 15)."""
    return matmul(values, (KRONROD - _TO_NODES).T)


def integral_series(values: Array) -> Array:
    """Legendre coefficients (..., 16) of ∫_0^s of the polynomials through `values` (..., 15)."""
    return matmul(values, _COEFFICIENTS.T @ _INTEGRALS)


def sum_series(coefficients: Array, s: Array) -> Array:
    """Σ c_k P_k(2s - 1) by Clenshaw's recurrence."""
    xp = namespace(s)
    t = 2 * s - 1
    later, latest = xp.zeros_like(s), xp.zeros_like(s)
    for k in range(coefficients.shape[-1] - 1, 0, -1):
        step = (2 * k + 1) / (k + 1) * t * later - (k + 1) / (k + 2) * latest
        later, latest = coefficients[..., k] + step, later
    return coefficients[..., 0] + t * later - 0.5 * latest


def rule_from(start: Array) -> tuple[Array, Array]:
    """Points s (n, 15) and weights (n, 15, 15) of integrals from `start` (n,) to 1.

    ∫_start^1 g(s) P(s) ds = Σ_jk g(s_j) w_jk r_k P_k where P goes through the values P_k at the
    nodes, and r are the weights of the nodes. A function g that has a kink at `start` is so weighed
    without an error.
    """
    nodes, rule = (namespace(start).asarray(a, dtype=start.dtype) for a in (NODES, KRONROD))
    length = 1 - start[:, None]
    s = start[:, None] + length * nodes
    shares = _shares(s)
    return s, (length * rule)[..., None] * (shares / shares.sum(axis=-1, keepdims=True)) / rule


def value_at(values: Array, s: Array) -> Array:
    """The polynomials through `values` (..., 15) at s (...), by the barycentric formula.

    It takes a third of the time of `sum_series`, and has no gradient in s at a node.

    Source: Berrut & Trefethen (2004), Barycentric Lagrange interpolation.
    """
    shares = _shares(s)
    return (shares * values).sum(axis=-1) / shares.sum(axis=-1)


def _shares(s: Array) -> Array:
    """(..., 15) what the value at each node counts at s, up to a common factor."""
    xp = namespace(s)
    apart = s[..., None] - xp.asarray(NODES, dtype=s.dtype)
    is_node = apart == 0
    shares = xp.asarray(_WEIGHTS, dtype=s.dtype) / xp.where(is_node, 1.0, apart)
    return xp.where(is_node.any(axis=-1, keepdims=True), is_node, shares)
