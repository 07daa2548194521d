"""Formulas for divergences, by the types of the distributions they hold for.

Each table is (type of P, type of Q) -> formula(p, q); that of the entropy is (type of P,) ->
formula(p). The numbers of a divergence (`alpha`, `order`) follow by name. To add a formula is to
add a row to a table. A formula stands here only if it keeps its digits where P and Q are nearly
equal; where one would cancel, quadrature is the better method.

Sources: Gil, Alajaji & Linder (2013), Rényi divergence measures for commonly used univariate
continuous distributions; Nielsen & Okamura (2023), On f-divergences between Cauchy distributions;
Nielsen & Nock (2010), Entropies and cross-entropies of exponential families.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpyro.distributions import (
    Beta,
    Cauchy,
    Distribution,
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

from divlab.divergences.closed_form import exponential_families, one_type, two_types, wasserstein

Formula: TypeAlias = Callable[..., jax.Array]
Formulas: TypeAlias = Mapping[tuple[type[Distribution], ...], Formula]


def _of(formula: Formula, *views: Callable[[Distribution], Distribution]) -> Formula:
    """`formula` for other types, each argument seen as one that it knows."""

    def row(*distributions: Distribution, **numbers: Float[Array, ""]) -> Float[Array, ""]:
        seen = [view(d) for view, d in zip(views, distributions, strict=True)]
        return formula(*seen, **numbers)

    return row


def _same(d: Distribution) -> Distribution:
    return d


def _unfolded(d: Distribution) -> Distribution:  # the sign that |x| drops is the same under P and Q
    return Normal(0.0, d.scale)


def _logarithm(d: Distribution) -> Distribution:  # no f-divergence depends on the coordinate
    return Normal(d.loc, d.scale)


def _as_gamma(d: Distribution) -> Distribution:
    return Gamma(1.0, d.rate)


def _own_entropy(p: Distribution) -> Float[Array, ""]:
    return jnp.asarray(p.entropy())


def _entropy_half_normal(p: Distribution) -> Float[Array, ""]:
    value: Array = _own_entropy(_unfolded(p)) - np.log(2)
    return value


def _entropy_gumbel(p: Distribution) -> Float[Array, ""]:
    return jnp.log(p.scale) + (1 + np.euler_gamma)


ENTROPY: Formulas = {
    **dict.fromkeys([(Normal,), (Laplace,), (Uniform,), (Exponential,), (Cauchy,)], _own_entropy),
    **dict.fromkeys([(LogNormal,), (Logistic,)], _own_entropy),
    (HalfNormal,): _entropy_half_normal,
    (Gumbel,): _entropy_gumbel,
    (Gamma,): exponential_families.entropy_gamma,
    (Beta,): exponential_families.entropy_beta,
}
KL: Formulas = {
    (Normal, Normal): exponential_families.kl_normal,
    (LogNormal, LogNormal): _of(exponential_families.kl_normal, _logarithm, _logarithm),
    (HalfNormal, HalfNormal): _of(exponential_families.kl_normal, _unfolded, _unfolded),
    (Laplace, Laplace): one_type.kl_laplace,
    (Uniform, Uniform): one_type.kl_uniform,
    (Exponential, Exponential): exponential_families.kl_exponential,
    (Cauchy, Cauchy): one_type.kl_cauchy,
    (Gamma, Gamma): exponential_families.kl_gamma,
    (Gamma, Exponential): _of(exponential_families.kl_gamma, _same, _as_gamma),
    (Exponential, Gamma): _of(exponential_families.kl_gamma, _as_gamma, _same),
    (Beta, Beta): exponential_families.kl_beta,
    (Beta, Uniform): two_types.kl_beta_uniform,
    (Normal, Laplace): two_types.kl_normal_laplace,
    (Laplace, Normal): two_types.kl_laplace_normal,
    (Uniform, Normal): two_types.kl_uniform_normal,
    (Uniform, Laplace): two_types.kl_uniform_laplace,
    (Uniform, Exponential): two_types.kl_uniform_exponential,
    (Exponential, Normal): two_types.kl_exponential_normal,
    (Exponential, Laplace): two_types.kl_exponential_laplace,
}
RENYI: Formulas = {
    (Normal, Normal): exponential_families.renyi_normal,
    (LogNormal, LogNormal): _of(exponential_families.renyi_normal, _logarithm, _logarithm),
    (HalfNormal, HalfNormal): _of(exponential_families.renyi_normal, _unfolded, _unfolded),
    (Laplace, Laplace): one_type.renyi_laplace,
    (Uniform, Uniform): one_type.renyi_uniform,
    (Exponential, Exponential): exponential_families.renyi_exponential,
    (Gamma, Gamma): exponential_families.renyi_gamma,
    (Gamma, Exponential): _of(exponential_families.renyi_gamma, _same, _as_gamma),
    (Exponential, Gamma): _of(exponential_families.renyi_gamma, _as_gamma, _same),
    (Beta, Beta): exponential_families.renyi_beta,
}
TV: Formulas = {
    (Normal, Normal): one_type.tv_normal,
    (LogNormal, LogNormal): _of(one_type.tv_normal, _logarithm, _logarithm),
    (HalfNormal, HalfNormal): _of(one_type.tv_normal, _unfolded, _unfolded),
    (Laplace, Laplace): one_type.tv_laplace,
    (Uniform, Uniform): one_type.tv_uniform,
    (Exponential, Exponential): one_type.tv_exponential,
    (Cauchy, Cauchy): one_type.tv_cauchy,
}
JS: Formulas = {
    (Uniform, Uniform): one_type.js_uniform,
    (Cauchy, Cauchy): one_type.js_cauchy,
}
WASSERSTEIN: Formulas = {  # of any order, which is an argument
    (Uniform, Uniform): wasserstein.w_uniform,
    (Exponential, Exponential): wasserstein.w_exponential,
}
WASSERSTEIN_OF_ORDER: dict[float, Formulas] = {
    1.0: {
        (Normal, Normal): wasserstein.w1_normal,
        (Cauchy, Cauchy): wasserstein.shift_or_inf,
    },
    2.0: {
        (Normal, Normal): wasserstein.w2_normal,
        (Laplace, Laplace): wasserstein.w2_laplace,
        (Cauchy, Cauchy): wasserstein.shift_or_inf,
    },
    np.inf: {
        (Normal, Normal): wasserstein.shift_or_inf,
        (Laplace, Laplace): wasserstein.shift_or_inf,
        (Cauchy, Cauchy): wasserstein.shift_or_inf,
        (Uniform, Uniform): wasserstein.farthest_uniform,
        (Exponential, Exponential): wasserstein.same_or_inf,
    },
}


def _reversed(kl: Formula) -> Formula:
    return lambda p, q: kl(q, p)


def _sum_with_reverse(kl: Formula, reverse: Formula) -> Formula:
    return lambda p, q: kl(p, q) + reverse(q, p)


def _entropy_plus(entropy: Formula, kl: Formula) -> Formula:
    return lambda p, q: entropy(p) + kl(p, q)


def _hellinger(renyi: Formula) -> Formula:
    return lambda p, q: -jnp.expm1(-0.5 * renyi(p, q, alpha=jnp.asarray(0.5)))


def _chi2(renyi: Formula) -> Formula:
    return lambda p, q: jnp.expm1(renyi(p, q, alpha=jnp.asarray(2.0)))


REVERSE_KL: Formulas = {kinds[::-1]: _reversed(kl) for kinds, kl in KL.items()}
JEFFREYS: Formulas = {
    kinds: _sum_with_reverse(kl, KL[kinds[::-1]]) for kinds, kl in KL.items() if kinds[::-1] in KL
}
CROSS_ENTROPY: Formulas = {kinds: _entropy_plus(ENTROPY[kinds[:1]], kl) for kinds, kl in KL.items()}
SQUARED_HELLINGER: Formulas = {kinds: _hellinger(renyi) for kinds, renyi in RENYI.items()} | {
    (Cauchy, Cauchy): one_type.hellinger_cauchy
}
CHI2: Formulas = {kinds: _chi2(renyi) for kinds, renyi in RENYI.items()} | {
    (Cauchy, Cauchy): one_type.chi2_cauchy
}


# By the name of what they compute, for the docs and the tests.
TABLES: dict[str, Formulas] = {
    "kl": KL,
    "cross_entropy": CROSS_ENTROPY,
    "jeffreys": JEFFREYS,
    "renyi": RENYI,
    "hellinger": SQUARED_HELLINGER,
    "chi2": CHI2,
    "tv": TV,
    "js": JS,
    "entropy": ENTROPY,
    "wasserstein": WASSERSTEIN,
    **{f"wasserstein_{order:g}": table for order, table in WASSERSTEIN_OF_ORDER.items()},
}
