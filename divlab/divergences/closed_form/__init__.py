"""Formulas, by quantity and by the types of the distributions they hold for.

A row of `TABLE` is `(quantity, type of P, type of Q): formula(p, q)`; a quantity of one
distribution leaves Q out, and the numbers of a quantity (`alpha`, `weight`, `order`) follow by
name. Adding a formula is adding a row. A formula is here only if it keeps its digits where P and Q
are nearly equal; where one would cancel, quadrature is the better method.

Sources: Gil, Alajaji & Linder (2013), Rényi divergence measures for commonly used univariate
continuous distributions; Nielsen & Okamura (2023), On f-divergences between Cauchy distributions;
Nielsen & Nock (2010), Entropies and cross-entropies of exponential families.
"""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from numpyro.distributions import (
    Beta,
    Cauchy,
    Exponential,
    Gamma,
    Gumbel,
    HalfNormal,
    Laplace,
    Logistic,
    LogNormal,
    Normal,
    Uniform,
)

from divlab.divergences.closed_form import one_type, two_types, wasserstein


def _of(formula, *views):
    """`formula` for other types, each argument seen as one that it knows."""

    def row(*distributions, **numbers):
        seen = [view(d) for view, d in zip(views, distributions, strict=True)]
        return formula(*seen, **numbers)

    return row


def _same(d):
    return d


def _unfolded(d):  # the sign that |x| drops is the same under P and Q
    return Normal(0.0, d.scale)


def _logarithm(d):  # no f-divergence depends on the coordinate
    return Normal(d.loc, d.scale)


def _as_gamma(d):
    return Gamma(1.0, d.rate)


def _own_entropy(p):
    return p.entropy()


def _entropy_half_normal(p):
    return _unfolded(p).entropy() - np.log(2)


def _entropy_gumbel(p):
    return jnp.log(p.scale) + (1 + np.euler_gamma)


ENTROPY = {
    **dict.fromkeys([Normal, Laplace, Uniform, Exponential, Cauchy], _own_entropy),
    **dict.fromkeys([LogNormal, Logistic], _own_entropy),
    HalfNormal: _entropy_half_normal,
    Gumbel: _entropy_gumbel,
    Gamma: one_type.entropy_gamma,
    Beta: one_type.entropy_beta,
}
KL = {
    (Normal, Normal): one_type.kl_normal,
    (LogNormal, LogNormal): _of(one_type.kl_normal, _logarithm, _logarithm),
    (HalfNormal, HalfNormal): _of(one_type.kl_normal, _unfolded, _unfolded),
    (Laplace, Laplace): one_type.kl_laplace,
    (Uniform, Uniform): one_type.kl_uniform,
    (Exponential, Exponential): one_type.kl_exponential,
    (Cauchy, Cauchy): one_type.kl_cauchy,
    (Gamma, Gamma): one_type.kl_gamma,
    (Gamma, Exponential): _of(one_type.kl_gamma, _same, _as_gamma),
    (Exponential, Gamma): _of(one_type.kl_gamma, _as_gamma, _same),
    (Beta, Beta): one_type.kl_beta,
    (Beta, Uniform): two_types.kl_beta_uniform,
    (Normal, Laplace): two_types.kl_normal_laplace,
    (Laplace, Normal): two_types.kl_laplace_normal,
    (Uniform, Normal): two_types.kl_uniform_normal,
    (Uniform, Laplace): two_types.kl_uniform_laplace,
    (Uniform, Exponential): two_types.kl_uniform_exponential,
    (Exponential, Normal): two_types.kl_exponential_normal,
    (Exponential, Laplace): two_types.kl_exponential_laplace,
}
RENYI = {
    (Normal, Normal): one_type.renyi_normal,
    (LogNormal, LogNormal): _of(one_type.renyi_normal, _logarithm, _logarithm),
    (HalfNormal, HalfNormal): _of(one_type.renyi_normal, _unfolded, _unfolded),
    (Laplace, Laplace): one_type.renyi_laplace,
    (Uniform, Uniform): one_type.renyi_uniform,
    (Exponential, Exponential): one_type.renyi_exponential,
    (Gamma, Gamma): one_type.renyi_gamma,
    (Gamma, Exponential): _of(one_type.renyi_gamma, _same, _as_gamma),
    (Exponential, Gamma): _of(one_type.renyi_gamma, _as_gamma, _same),
    (Beta, Beta): one_type.renyi_beta,
}
OTHERS = {
    ("tv", Normal, Normal): one_type.tv_normal,
    ("tv", LogNormal, LogNormal): _of(one_type.tv_normal, _logarithm, _logarithm),
    ("tv", HalfNormal, HalfNormal): _of(one_type.tv_normal, _unfolded, _unfolded),
    ("tv", Laplace, Laplace): one_type.tv_laplace,
    ("tv", Uniform, Uniform): one_type.tv_uniform,
    ("tv", Exponential, Exponential): one_type.tv_exponential,
    ("tv", Cauchy, Cauchy): one_type.tv_cauchy,
    ("js", Uniform, Uniform): one_type.js_uniform,
    ("js", Cauchy, Cauchy): one_type.js_cauchy,
    ("hellinger", Cauchy, Cauchy): one_type.hellinger_cauchy,
    ("chi2", Cauchy, Cauchy): one_type.chi2_cauchy,
    ("wasserstein_1", Normal, Normal): wasserstein.w1_normal,
    ("wasserstein_1", Cauchy, Cauchy): wasserstein.shift_or_inf,
    ("wasserstein_2", Normal, Normal): wasserstein.w2_normal,
    ("wasserstein_2", Laplace, Laplace): wasserstein.w2_laplace,
    ("wasserstein_2", Cauchy, Cauchy): wasserstein.shift_or_inf,
    ("wasserstein_inf", Normal, Normal): wasserstein.shift_or_inf,
    ("wasserstein_inf", Laplace, Laplace): wasserstein.shift_or_inf,
    ("wasserstein_inf", Cauchy, Cauchy): wasserstein.shift_or_inf,
    ("wasserstein_inf", Uniform, Uniform): wasserstein.farthest_uniform,
    ("wasserstein_inf", Exponential, Exponential): wasserstein.same_or_inf,
    ("wasserstein", Uniform, Uniform): wasserstein.w_uniform,
    ("wasserstein", Exponential, Exponential): wasserstein.w_exponential,
}


def _sum_with_reverse(kl, reverse):
    return lambda p, q: kl(p, q) + reverse(q, p)


def _entropy_plus(entropy, kl):
    return lambda p, q: entropy(p) + kl(p, q)


def _hellinger(renyi):
    return lambda p, q: -jnp.expm1(-0.5 * renyi(p, q, alpha=0.5))


def _chi2(renyi):
    return lambda p, q: jnp.expm1(renyi(p, q, alpha=2.0))


TABLE: dict[tuple, Callable] = {
    **{("entropy", kind): formula for kind, formula in ENTROPY.items()},
    **{("kl", *kinds): kl for kinds, kl in KL.items()},
    **{("cross_entropy", *kinds): _entropy_plus(ENTROPY[kinds[0]], kl) for kinds, kl in KL.items()},
    **{
        ("jeffreys", *kinds): _sum_with_reverse(kl, KL[kinds[::-1]])
        for kinds, kl in KL.items()
        if kinds[::-1] in KL
    },
    **{("renyi", *kinds): renyi for kinds, renyi in RENYI.items()},
    **{("hellinger", *kinds): _hellinger(renyi) for kinds, renyi in RENYI.items()},
    **{("chi2", *kinds): _chi2(renyi) for kinds, renyi in RENYI.items()},
    **OTHERS,
}


def find(quantity: str, *distributions):
    """The formula for a quantity and these very types (a subclass has its own density)."""
    return TABLE.get((quantity, *(type(d) for d in distributions)))
