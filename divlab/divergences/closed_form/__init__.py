"""Formulas for divergences, by the types of the distributions they hold for.

Each table is (type of P, type of Q) -> formula(p, q); the entropy's has the type of P alone. The
numbers of a divergence (`alpha`, `order`) follow by name. Adding a formula is adding a row. A
formula is here only if it keeps its digits where P and Q are nearly equal; where one would cancel,
quadrature is the better method.

Sources: Gil, Alajaji & Linder (2013), Rényi divergence measures for commonly used univariate
continuous distributions; Nielsen & Okamura (2023), On f-divergences between Cauchy distributions;
Nielsen & Nock (2010), Entropies and cross-entropies of exponential families.
"""

from functools import partial

import jax
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
from divlab.divergences.integrals.arrays import unless_nan
from divlab.divergences.integrals.densities import is_possible
from divlab.pytrees import as_arrays


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
TV = {
    (Normal, Normal): one_type.tv_normal,
    (LogNormal, LogNormal): _of(one_type.tv_normal, _logarithm, _logarithm),
    (HalfNormal, HalfNormal): _of(one_type.tv_normal, _unfolded, _unfolded),
    (Laplace, Laplace): one_type.tv_laplace,
    (Uniform, Uniform): one_type.tv_uniform,
    (Exponential, Exponential): one_type.tv_exponential,
    (Cauchy, Cauchy): one_type.tv_cauchy,
}
JS = {
    (Uniform, Uniform): one_type.js_uniform,
    (Cauchy, Cauchy): one_type.js_cauchy,
}
WASSERSTEIN = {  # of any order, which is an argument
    (Uniform, Uniform): wasserstein.w_uniform,
    (Exponential, Exponential): wasserstein.w_exponential,
}
WASSERSTEIN_OF_ORDER = {
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


def _reversed(kl):
    return lambda p, q: kl(q, p)


def _sum_with_reverse(kl, reverse):
    return lambda p, q: kl(p, q) + reverse(q, p)


def _entropy_plus(entropy, kl):
    return lambda p, q: entropy(p) + kl(p, q)


def _hellinger(renyi):
    return lambda p, q: -jnp.expm1(-0.5 * renyi(p, q, alpha=0.5))


def _chi2(renyi):
    return lambda p, q: jnp.expm1(renyi(p, q, alpha=2.0))


REVERSE_KL = {kinds[::-1]: _reversed(kl) for kinds, kl in KL.items()}
JEFFREYS = {
    kinds: _sum_with_reverse(kl, KL[kinds[::-1]]) for kinds, kl in KL.items() if kinds[::-1] in KL
}
CROSS_ENTROPY = {kinds: _entropy_plus(ENTROPY[kinds[0]], kl) for kinds, kl in KL.items()}
SQUARED_HELLINGER = {kinds: _hellinger(renyi) for kinds, renyi in RENYI.items()} | {
    (Cauchy, Cauchy): one_type.hellinger_cauchy
}
CHI2 = {kinds: _chi2(renyi) for kinds, renyi in RENYI.items()} | {
    (Cauchy, Cauchy): one_type.chi2_cauchy
}


# By the name of what they compute, for the docs and the tests.
TABLES = {
    "kl": KL,
    "cross_entropy": CROSS_ENTROPY,
    "jeffreys": JEFFREYS,
    "renyi": RENYI,
    "hellinger": SQUARED_HELLINGER,
    "chi2": CHI2,
    "tv": TV,
    "js": JS,
    "entropy": {(kind,): formula for kind, formula in ENTROPY.items()},
    "wasserstein": WASSERSTEIN,
    **{f"wasserstein_{order:g}": table for order, table in WASSERSTEIN_OF_ORDER.items()},
}


def find(formulas, *distributions):
    """The formula for these very types: a subclass has a density of its own. None if unknown."""
    kinds = tuple(type(d) for d in distributions)
    return formulas.get(kinds if len(kinds) > 1 else kinds[0])


def run(formula, *arguments, **numbers) -> jax.Array:
    """The value of a formula; a new value of its numbers compiles nothing."""
    return _run(formula, arguments, as_arrays(numbers))


@partial(jax.jit, static_argnums=0)
def _run(formula, arguments, numbers):
    distributions = [a.distribution for a in arguments]
    value = unless_nan(jnp.asarray(formula(*distributions, **numbers), float), arguments, numbers)
    for distribution in distributions:  # a formula would not notice
        value = jnp.where(is_possible(distribution), value, jnp.nan)
    return value
