"""Divergences of two distributions of one type that are not those of an exponential family.

Total variation of any type is here, and all that is known of Laplace, Uniform and Cauchy.
"""

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr
from jaxtyping import Array, Float
from numpyro.distributions import Distribution

from divlab.divergences.closed_form.elementary import mean_decay, mean_loss, safe_root
from divlab.divergences.closed_form.exponential_families import (
    blend,
    excess_of_minus_log,
    expm1_plus,
    log_ratio,
    one_less,
    renyi_of_family,
)


def tv_normal(p: Distribution, q: Distribution) -> Float[Array, ""]:
    # In units in which P is standard. p = q at a near and a far point, the roots of a quadratic.
    m, s, more = (q.loc - p.loc) / p.scale, q.scale / p.scale, (q.scale - p.scale) / p.scale
    log_s, bend = log_ratio(q.scale, p.scale), more * (1 + s)  # bend = s² - 1
    root = jnp.where(m < 0, -s, s) * safe_root(m**2 + 2 * bend * log_s)
    near = (m**2 + 2 * s**2 * log_s) / jnp.where(m + root == 0, 1.0, m + root)
    far = jnp.clip(-(m + root) / jnp.where(bend == 0, 1.0, bend), -40.0, 40.0)

    def lead(z: Float[Array, ""]) -> Float[Array, ""]:
        """How much more mass P has to the left of z than Q."""
        width = (more * z + m) / s
        return _mass_of_standard_normal(z - width, width)

    return jnp.abs(lead(near) - jnp.where(bend == 0, 0.0, lead(far)))


_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)


def _mass_of_standard_normal(low: Float[Array, ""], width: Float[Array, ""]) -> Float[Array, ""]:
    """Φ(low + width) - Φ(low); over a short interval by a Gauss rule that is exact to rounding."""
    short = jnp.abs(width) < 0.5
    step = jnp.where(short, width, 0.0) / 2
    bells = [
        w * jnp.exp(-((low + step * (1 + x)) ** 2) / 2)
        for x, w in zip(_NODES, _WEIGHTS, strict=True)
    ]
    return jnp.where(short, step * sum(bells) / np.sqrt(2 * np.pi), ndtr(low + width) - ndtr(low))


def kl_laplace(p: Distribution, q: Distribution) -> Float[Array, ""]:
    shift, t = jnp.abs(p.loc - q.loc), log_ratio(p.scale, q.scale)
    # b1/b2 exp(-d/b1) + d/b2 - log(b1/b2) - 1, in two parts that are each zero at equality
    return jnp.exp(t) * expm1_plus(shift / p.scale) + expm1_plus(-t)


def renyi_laplace(p: Distribution, q: Distribution, alpha: Float[Array, ""]) -> Float[Array, ""]:
    ratio, gap = p.scale / q.scale, (p.scale - q.scale) / q.scale
    spread = renyi_of_family(excess_of_minus_log, 1.0, ratio, gap, alpha)
    # The shift divides the integral of p^α q^(1-α) by e^lesser / (1 + lesser mean_decay(z)).
    shift = jnp.abs(p.loc - q.loc)
    one, other = alpha * shift / p.scale, one_less(alpha) * shift / q.scale
    bounded = blend(1.0, ratio, gap, alpha) > 0
    lesser, z = jnp.where(bounded, jnp.minimum(one, other), 0.0), jnp.abs(one - other)
    inner = lesser * mean_decay(z)
    loss = lesser * mean_loss(z) + expm1_plus(-jnp.log1p(inner))
    return spread + loss / one_less(alpha)


def tv_laplace(p: Distribution, q: Distribution) -> Float[Array, ""]:
    # With P the narrower one and Q at a distance d >= 0, P leads on one interval around its centre.
    wide = jnp.maximum(p.scale, q.scale)
    narrow = jnp.minimum(p.scale, q.scale)
    d, more = jnp.abs(p.loc - q.loc), (wide - narrow) / narrow  # the ratio of scales is 1 + more
    log_peaks = jnp.log1p(more)
    steep = jnp.where(more > 0, more, 1.0) / wide  # 1/narrow - 1/wide
    left = (d / wide + log_peaks) / steep
    right = (log_peaks - d / wide) / steep
    # At a crossing p = q, so what either has beyond it is its scale times the same density.
    beyond_left = 0.5 * jnp.exp(-left / narrow) * more
    beyond_right = 0.5 * jnp.exp(-jnp.maximum(right, 0.0) / narrow) * more
    crossing = (d / wide + log_peaks) / (1 / narrow + 1 / wide)
    between = -jnp.expm1(jnp.log1p(more / 2) - crossing / narrow)
    past_q = log_peaks > d / narrow
    return jnp.where(more > 0, beyond_left, 0.0) + jnp.where(past_q, beyond_right, between)


def tv_exponential(p: Distribution, q: Distribution) -> Float[Array, ""]:
    # The densities cross at x = t / (b - a), t = log(b/a).
    t = jnp.abs(log_ratio(p.rate, q.rate))
    return -jnp.expm1(-t) * jnp.exp(-jnp.exp(-t) / mean_decay(t))


def _outside(p: Distribution, q: Distribution) -> Float[Array, ""]:
    """How long a part of P's interval Q lacks."""
    left, right = jnp.maximum(q.low - p.low, 0.0), jnp.maximum(p.high - q.high, 0.0)
    return jnp.minimum(left + right, p.high - p.low)


def _log_of_common_part(p: Distribution, q: Distribution) -> Float[Array, ""]:
    """-log of the share of P's interval that Q has too."""
    width, outside = p.high - p.low, _outside(p, q)
    common = jnp.minimum(p.high, q.high) - jnp.maximum(p.low, q.low)
    value = log_ratio(width, jnp.where(common > 0, common, width), outside)
    return jnp.where(common > 0, value, jnp.inf)


def kl_uniform(p: Distribution, q: Distribution) -> Float[Array, ""]:
    return jnp.where(_outside(p, q) > 0, jnp.inf, _log_of_common_part(q, p))


def renyi_uniform(p: Distribution, q: Distribution, alpha: Float[Array, ""]) -> Float[Array, ""]:
    below = alpha < 1
    weight = jnp.where(below, alpha / jnp.where(below, 1 - alpha, 1.0), 1.0)
    value = _log_of_common_part(q, p) + weight * _log_of_common_part(p, q)
    return jnp.where(~below & (_outside(p, q) > 0), jnp.inf, value)


def tv_uniform(p: Distribution, q: Distribution) -> Float[Array, ""]:
    return jnp.maximum(_outside(p, q) / (p.high - p.low), _outside(q, p) / (q.high - q.low))


def js_uniform(p: Distribution, q: Distribution, weight: Float[Array, ""]) -> Float[Array, ""]:
    from divlab.divergences.families import JS  # whose row refers to this formula

    family = JS(jnp.asarray(weight, float))
    p_width, q_width = p.high - p.low, q.high - q.low
    common = family.perspective(log_ratio(q_width, p_width), jnp.zeros_like(p_width))
    common = common * (1 - _outside(q, p) / q_width)
    only_p, only_q = _outside(p, q) / p_width, _outside(q, p) / q_width
    value: Array = common + family.at_infinity * only_p + family.at_zero * only_q
    return value


def _apart(p: Distribution, q: Distribution) -> Float[Array, ""]:
    """Half of χ², of which every f-divergence of two Cauchy distributions is a function."""
    value: Array = ((p.scale - q.scale) ** 2 + (p.loc - q.loc) ** 2) / (4 * p.scale * q.scale)
    return value


def kl_cauchy(p: Distribution, q: Distribution) -> Float[Array, ""]:
    return jnp.log1p(_apart(p, q))


def chi2_cauchy(p: Distribution, q: Distribution) -> Float[Array, ""]:
    return 2 * _apart(p, q)


def tv_cauchy(p: Distribution, q: Distribution) -> Float[Array, ""]:
    return 2 / np.pi * jnp.arctan(safe_root(_apart(p, q)))


def hellinger_cauchy(p: Distribution, q: Distribution) -> Float[Array, ""]:
    # ∫ √(pq) = 1 / AGM(c, 1) with c = √(1 + apart): a complete elliptic integral.
    apart = _apart(p, q)
    a, b = apart / (1 + jnp.sqrt(1 + apart)), jnp.zeros_like(apart)  # c - 1 and 1 - 1
    for _ in range(10):
        a, b = (a + b) / 2, (a + b + a * b) / (1 + jnp.sqrt((1 + a) * (1 + b)))
    return a / (1 + a)


def js_cauchy(p: Distribution, q: Distribution, weight: Float[Array, ""]) -> Float[Array, ""]:
    apart = _apart(p, q)

    def kl_to_mixture(share: Float[Array, ""]) -> Float[Array, ""]:
        # Of the one whose share in the mixture this is
        root = jnp.sqrt(1 + 4 * share * (1 - share) * apart)
        less = (1 - share) * apart * (1 - 2 * share / (1 + root))
        return jnp.log1p(less / (1 + share * apart + (root - 1) / 2))

    return weight * kl_to_mixture(weight) + (1 - weight) * kl_to_mixture(1 - weight)
