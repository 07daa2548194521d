"""Formulas, by quantity and by the types of the distributions they hold for.

A row is `(quantity, type of P, type of Q): formula(p, q)`; a quantity of one distribution leaves
Q out. Adding a formula is adding a row.
"""

import jax.numpy as jnp
from jax.scipy.special import gammaln
from numpyro.distributions import Cauchy, Exponential, Laplace, Normal, Uniform

from divlab.divergences.families import expm1_plus


def _log_ratio(a, b):
    """log(a/b) that loses nothing when a is close to b."""
    return jnp.log1p((a - b) / b)


def _kl_normal(p, q):
    t = _log_ratio(p.scale, q.scale)
    return 0.5 * (expm1_plus(-2 * t) + ((p.loc - q.loc) / q.scale) ** 2)


def _kl_laplace(p, q):
    shift, t = jnp.abs(p.loc - q.loc), _log_ratio(p.scale, q.scale)
    # b1/b2 exp(-d/b1) + d/b2 - log(b1/b2) - 1, in two parts that are each zero at equality
    return jnp.exp(t) * expm1_plus(shift / p.scale) + expm1_plus(-t)


def _kl_uniform(p, q):
    inside = (p.low >= q.low) & (p.high <= q.high)
    return jnp.where(inside, _log_ratio(q.high - q.low, p.high - p.low), jnp.inf)


def _kl_exponential(p, q):
    return expm1_plus(-_log_ratio(q.rate, p.rate))


def _kl_cauchy(p, q):
    return jnp.log1p(((p.scale - q.scale) ** 2 + (p.loc - q.loc) ** 2) / (4 * p.scale * q.scale))


def _tv_uniform(p, q):
    overlap = jnp.maximum(jnp.minimum(p.high, q.high) - jnp.maximum(p.low, q.low), 0.0)
    return 1 - overlap / jnp.maximum(p.high - p.low, q.high - q.low)


def _root_of_squares(a, b):
    """sqrt(a^2 + b^2), with gradient 0 where both vanish."""
    square = a**2 + b**2
    return jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1.0)), 0.0)


def _w1_normal(p, q):
    # E|m + s Z|, the mean of a folded normal
    m, s = jnp.abs(p.loc - q.loc), jnp.abs(p.scale - q.scale)
    z = m / jnp.where(s > 0, s, 1.0)
    tail = Normal(0.0, 1.0)
    folded = m * (1 - 2 * tail.cdf(-z)) + 2 * s * jnp.exp(tail.log_prob(z))
    return jnp.where(s > 0, folded, m)


def _w2_normal(p, q):
    return _root_of_squares(p.loc - q.loc, p.scale - q.scale)


def _w2_laplace(p, q):
    return _root_of_squares(p.loc - q.loc, jnp.sqrt(2.0) * (p.scale - q.scale))


def _shift_or_inf(p, q):
    return jnp.where(p.scale == q.scale, jnp.abs(p.loc - q.loc), jnp.inf)


def _w_uniform(p, q, order):
    """The transport is affine: the distance runs evenly from |a| to |b|, ends included."""
    a, b = p.low - q.low, p.high - q.high
    largest = jnp.maximum(jnp.abs(a), jnp.abs(b))
    if order == jnp.inf:
        return largest
    scale = jnp.where(largest > 0, largest, 1.0)
    a, b = a / scale, b / scale
    # ∫_0^1 |a + (b - a) u|^k du
    even = jnp.abs(b - a) < 1e-3
    gap = jnp.where(even, 1.0, b - a)
    power = (jnp.sign(b) * jnp.abs(b) ** (order + 1) - jnp.sign(a) * jnp.abs(a) ** (order + 1)) / (
        gap * (order + 1)
    )
    middle = jnp.abs(a + b) / 2
    near = middle**order * (1 + order * (order - 1) * (b - a) ** 2 / 24)
    mean = jnp.where(even, jnp.where(largest > 0, near, 1.0), power)
    return jnp.where(largest > 0, largest * mean ** (1 / order), 0.0)


def _w_exponential(p, q, order):
    gap = jnp.abs(1 / p.rate - 1 / q.rate)
    if order == jnp.inf:
        return jnp.where(gap > 0, jnp.inf, 0.0)
    return gap * jnp.exp(gammaln(order + 1.0) / order)


def _own_entropy(p):
    return p.entropy()


def _cross(kl):
    return lambda p, q: p.entropy() + kl(p, q)


TABLE = {
    ("kl", Normal, Normal): _kl_normal,
    ("kl", Laplace, Laplace): _kl_laplace,
    ("kl", Uniform, Uniform): _kl_uniform,
    ("kl", Exponential, Exponential): _kl_exponential,
    ("kl", Cauchy, Cauchy): _kl_cauchy,
    ("tv", Uniform, Uniform): _tv_uniform,
    ("entropy", Normal): _own_entropy,
    ("entropy", Laplace): _own_entropy,
    ("entropy", Uniform): _own_entropy,
    ("entropy", Exponential): _own_entropy,
    ("entropy", Cauchy): _own_entropy,
    ("cross_entropy", Normal, Normal): _cross(_kl_normal),
    ("cross_entropy", Laplace, Laplace): _cross(_kl_laplace),
    ("cross_entropy", Uniform, Uniform): _cross(_kl_uniform),
    ("cross_entropy", Exponential, Exponential): _cross(_kl_exponential),
    ("cross_entropy", Cauchy, Cauchy): _cross(_kl_cauchy),
    ("wasserstein_1", Normal, Normal): _w1_normal,
    ("wasserstein_1", Cauchy, Cauchy): _shift_or_inf,
    ("wasserstein_2", Normal, Normal): _w2_normal,
    ("wasserstein_2", Laplace, Laplace): _w2_laplace,
    ("wasserstein_2", Cauchy, Cauchy): _shift_or_inf,
    ("wasserstein_inf", Normal, Normal): _shift_or_inf,
    ("wasserstein_inf", Laplace, Laplace): _shift_or_inf,
    ("wasserstein_inf", Cauchy, Cauchy): _shift_or_inf,
    ("wasserstein", Uniform, Uniform): _w_uniform,
    ("wasserstein", Exponential, Exponential): _w_exponential,
}


def find(quantity: str, *distributions):
    """The formula for a quantity and these very types (a subclass has its own density)."""
    return TABLE.get((quantity, *(type(d) for d in distributions)))
