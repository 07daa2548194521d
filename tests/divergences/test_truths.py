"""Every quantity against a formula, or against SciPy's adaptive quadrature in 64 bits."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats as ss
from numpyro import distributions as nd
from numpyro.distributions import constraints

import divlab

from . import reference

inf = np.inf
Pair = tuple[Callable[[], Any], Any]  # numpyro's and SciPy's


def check(got: Any, truth: float, precision: str, relative: float | None = None) -> None:
    """To 1e-8 in 64 bits; in 32 to 1e-4, or to 1e-6 below 1e-2, unless another is asked for."""
    assert got.dtype == precision
    assert got.shape == ()
    if precision == "float64":
        rel, absolute = relative or 1e-8, 0.0
    else:
        rel, absolute = relative or 1e-4, 0.0 if relative else 1e-6 * (truth < 1e-2)
    assert float(got) == pytest.approx(truth, rel=rel, abs=absolute)


def two_gaussians() -> Any:
    return mixture([0.5, 0.5], [-2.0, 2.0], [1.0, 1.0])


def mixture(weights: list[float], locs: list[float], scales: list[float]) -> Any:
    normals = nd.Normal(jnp.array(locs), jnp.array(scales))
    return nd.MixtureSameFamily(nd.Categorical(probs=jnp.array(weights)), normals)


# Computed with 50 digits, or by the formula in the last column.
TABLE = [
    ("kl", "Normal(0, 1)", "Normal(1, 2)", {}, 0.44314718056),  # log 2 - 1/4
    ("kl", "Normal(1, 2)", "Normal(0, 1)", {}, 1.30685281944),
    ("jeffreys", "Normal(0, 1)", "Normal(1, 2)", {}, 1.75),
    ("hellinger", "Normal(0, 1)", "Normal(1, 2)", {"squared": True}, 0.14919453785),
    ("chi2", "Normal(0, 1)", "Normal(1, 2)", {}, 0.74402634151),
    ("renyi", "Normal(0, 1)", "Normal(1, 2)", {"alpha": 0.5}, 0.32314355131),
    ("renyi", "Normal(0, 1)", "Normal(1, 2)", {"alpha": 2}, 0.55619642945),
    ("js", "Normal(0, 1)", "Normal(1, 2)", {}, 0.12817497305),
    ("js", "Normal(0, 1)", "Normal(1, 2)", {"weight": 0.3}, 0.09974612356),
    ("js", "Normal(0, 1)", "Normal(2, 1)", {}, 0.33683082035),
    ("tv", "Normal(0, 1)", "Normal(1, 2)", {}, 0.39006566012),
    ("wasserstein", "Normal(0, 1)", "Normal(1, 2)", {"order": 1}, 1.16663094118),
    ("wasserstein", "Normal(0, 1)", "Normal(1, 2)", {"order": 2}, 1.41421356237),
    ("kl", "Laplace(0, 1)", "Laplace(1, 2)", {}, 0.37708690115),
    ("kl", "Normal(1, 1)", "Laplace(0, 1)", {}, 0.44083958853),
    ("kl", "Laplace(0, 1)", "Normal(0, 1)", {}, 0.22579135264),
    ("kl", "Uniform(0, 1)", "Uniform(0, 2)", {}, 0.69314718056),
    ("reverse_kl", "Uniform(0, 1)", "Uniform(0, 2)", {}, inf),
    ("js", "Uniform(0, 1)", "Uniform(0, 2)", {}, 0.21576155434),
    ("wasserstein", "Uniform(0, 1)", "Uniform(0, 2)", {"order": 2}, 0.57735026919),
    ("js", "Uniform(0, 1)", "Uniform(0.25, 1.25)", {}, 0.17328679514),  # theta log 2
    ("kl", "Uniform(0, 1)", "Uniform(0.25, 1.25)", {}, inf),
    ("js", "Uniform(0, 1)", "Uniform(3, 4)", {}, 0.69314718056),  # log 2
    ("js", "Uniform(0, 1)", "Uniform(3, 4)", {"weight": 0.3}, 0.61086430205),
    ("wasserstein", "Uniform(0, 1)", "Uniform(2, 4)", {"order": inf}, 3.0),
    ("kl", "Exponential(1)", "Exponential(2)", {}, 0.30685281944),
    ("tv", "Exponential(1)", "Exponential(2)", {}, 0.25),
    ("kl", "Cauchy(0, 1)", "Cauchy(1, 2)", {}, 0.22314355131),  # log(5/4)
    ("kl", "StudentT(3)", "Normal(0, 1)", {}, 0.64546096134),
    ("kl", two_gaussians, "Normal(0, 5**0.5)", {}, 0.17199876248),
    ("reverse_kl", two_gaussians, "Normal(0, 5**0.5)", {}, 0.24782803026),
    ("wasserstein", two_gaussians, "Normal(0, 5**0.5)", {"order": 1}, 0.44284669157),
    ("cross_entropy", "Normal(0, 1)", "Normal(1, 2)", {}, 1.86208571376),
    ("kl", "Normal(0, 1)", "Normal(10, 1)", {}, 50.0),
]


def build(recipe: Any) -> Any:
    return recipe() if callable(recipe) else eval(recipe, vars(nd))


@pytest.mark.parametrize(("quantity", "p", "q", "options", "truth"), TABLE)
def test_table(
    quantity: str, p: Any, q: Any, options: dict[str, Any], truth: float, precision: str
) -> None:
    got = getattr(divlab, quantity)(build(p), build(q), **options)
    check(got, truth, precision)


@pytest.mark.parametrize(
    ("quantity", "truth"), [("js", 1.2499999984e-9), ("kl", 5e-9), ("tv", 3.9894228e-5)]
)
def test_close_distributions_do_not_cancel(quantity: str, truth: float, precision: str) -> None:
    p, q = nd.Normal(0.0, 1.0), nd.Normal(1e-4, 1.0)
    check(getattr(divlab, quantity)(p, q), truth, precision, relative=0.01)


def test_entropy_of_a_normal(precision: str) -> None:
    check(divlab.entropy(nd.Normal(0, 1)), 0.5 * np.log(2 * np.pi * np.e), precision)


@pytest.mark.parametrize(("order", "truth"), [(1, 1 / 6), (2, 12**-0.5)])
def test_samples_of_two_sizes(order: float, truth: float, precision: str) -> None:
    check(divlab.wasserstein([0, 1], [0, 0.5, 1], order=order), truth, precision)


class Logarithmic(nd.Distribution):  # type: ignore[misc]  # numpyro has no types
    """What a user writes: -log x on (0, 1), with nothing but a density and a way to sample."""

    support = constraints.unit_interval

    def log_prob(self, value: Any) -> jax.Array:
        return jnp.log(-jnp.log(value))

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        u, v = nd.Uniform(0, 1).sample(key, (2, *sample_shape))
        product: jax.Array = u * v
        return product


class Sech(nd.Distribution):  # type: ignore[misc]
    """sech(pi (x - loc) / 2) / 2, with a parameter."""

    support = constraints.real
    arg_constraints = {"loc": constraints.real}  # noqa: RUF012

    def __init__(self, loc: Any) -> None:
        self.loc = jnp.asarray(loc, float)
        super().__init__(batch_shape=jnp.shape(loc))

    def log_prob(self, value: Any) -> jax.Array:
        z = jnp.pi / 2 * jnp.abs(value - self.loc)
        return -z - jnp.log1p(jnp.exp(-2 * z))

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        u = nd.Uniform(0, 1).sample(key, sample_shape)
        return self.loc + 2 / jnp.pi * jnp.log(jnp.tan(jnp.pi * u / 2))


def part_uniform() -> Any:
    parts = [nd.Uniform(0.0, 1.0), nd.Normal(2.0, 0.5)]
    categorical = nd.Categorical(probs=jnp.array([0.4, 0.6]))
    return nd.MixtureGeneral(categorical, parts, support=constraints.real)


def narrow_and_far() -> Any:
    return mixture([0.3, 0.7], [0.0, 100.0], [0.01, 10.0])


def part_student() -> Any:
    parts = nd.StudentT(5.0, jnp.array([-1.0, 3.0]), jnp.array([0.5, 1.0]))
    return nd.MixtureSameFamily(nd.Categorical(probs=jnp.array([0.5, 0.5])), parts)


# name -> (numpyro's, SciPy's)
DISTRIBUTIONS: dict[str, Pair] = {
    "normal": (lambda: nd.Normal(0.5, 1.5), ss.norm(0.5, 1.5)),
    "wide normal": (lambda: nd.Normal(0.0, 50.0), ss.norm(0, 50)),
    "far normal": (lambda: nd.Normal(1000.0, 0.1), ss.norm(1000, 0.1)),
    "laplace": (lambda: nd.Laplace(0.0, 1.0), ss.laplace(0, 1)),
    "logistic": (lambda: nd.Logistic(1.0, 0.5), ss.logistic(1, 0.5)),
    "gumbel": (lambda: nd.Gumbel(0.0, 1.0), ss.gumbel_r(0, 1)),
    "cauchy": (lambda: nd.Cauchy(0.0, 1.0), ss.cauchy(0, 1)),
    "student": (lambda: nd.StudentT(2.0, 1.0, 2.0), ss.t(2, 1, 2)),
    "exponential": (lambda: nd.Exponential(0.5), ss.expon(scale=2)),
    "gamma": (lambda: nd.Gamma(3.0, 2.0), ss.gamma(3, scale=0.5)),
    "log normal": (lambda: nd.LogNormal(0.0, 0.5), ss.lognorm(0.5)),
    "half normal": (lambda: nd.HalfNormal(2.0), ss.halfnorm(scale=2)),
    "uniform": (lambda: nd.Uniform(0.0, 1.0), ss.uniform(0, 1)),
    "beta": (lambda: nd.Beta(2.0, 3.0), ss.beta(2, 3)),
    "narrow and far": (
        narrow_and_far,
        reference.Mixture([0.3, 0.7], [ss.norm(0, 0.01), ss.norm(100, 10)]),
    ),
    "part uniform": (
        part_uniform,
        reference.Mixture([0.4, 0.6], [ss.uniform(0, 1), ss.norm(2, 0.5)]),
    ),
    "part student": (
        part_student,
        reference.Mixture([0.5, 0.5], [ss.t(5, -1, 0.5), ss.t(5, 3, 1)]),
    ),
    "sech": (lambda: Sech(0.3), ss.hypsecant(0.3, 2 / np.pi)),
}

PAIRS = [
    ("cross_entropy", "logistic", "normal", {}),
    ("entropy", "narrow and far", None, {}),
    ("js", "exponential", "normal", {}),
    ("js", "gumbel", "normal", {"weight": 0.2}),
    ("js", "narrow and far", "wide normal", {}),
    ("js", "student", "cauchy", {}),
    ("kl", "beta", "uniform", {}),
    ("kl", "gamma", "log normal", {}),
    ("kl", "gumbel", "normal", {}),
    ("kl", "half normal", "student", {}),
    ("kl", "narrow and far", "wide normal", {}),
    ("kl", "part uniform", "normal", {}),
    ("kl", "sech", "logistic", {}),
    ("reverse_kl", "narrow and far", "wide normal", {}),
    ("reverse_kl", "part student", "cauchy", {}),
    ("tv", "exponential", "half normal", {}),
    ("tv", "far normal", "wide normal", {}),
    ("tv", "part uniform", "normal", {}),
    ("wasserstein", "exponential", "normal", {}),
    ("wasserstein", "far normal", "narrow and far", {}),
    ("wasserstein", "part uniform", "part student", {}),
    ("wasserstein", "laplace", "normal", {"order": 2}),
    ("wasserstein", "uniform", "exponential", {"order": 2}),
    ("wasserstein", "gumbel", "normal", {"order": 3}),
]


@pytest.mark.parametrize(("quantity", "p", "q", "options"), PAIRS)
def test_against_scipy(
    quantity: str, p: str, q: str | None, options: dict[str, Any], precision: str
) -> None:
    pairs = [DISTRIBUTIONS[name] for name in (p, q) if name]
    swap = quantity == "reverse_kl"
    route = getattr(reference, "kl" if swap else quantity)
    truth = route(*[there for _, there in (pairs[::-1] if swap else pairs)], **options)
    got = getattr(divlab, quantity)(*[here() for here, _ in pairs], **options)
    if precision == "float32" and (p, q, options) == ("uniform", "exponential", {"order": 2}):
        # The last 1e-6 of mass before the end of p moves so far that 2e-4 of the cost is lost.
        assert float(got) == pytest.approx(truth, rel=5e-4)
        return
    check(got, truth, precision)


def normals(weights: list[float], locs: list[float], scales: list[float]) -> Pair:
    there = reference.Mixture(weights, [ss.norm(*a) for a in zip(locs, scales, strict=True)])
    return partial(mixture, weights, locs, scales), there


def normal(loc: float, scale: float) -> Pair:
    return partial(nd.Normal, loc, scale), ss.norm(loc, scale)


def laplace(loc: float, scale: float) -> Pair:
    return partial(nd.Laplace, loc, scale), ss.laplace(loc, scale)


def cauchy(loc: float, scale: float) -> Pair:
    return partial(nd.Cauchy, loc, scale), ss.cauchy(loc, scale)


def student(df: float, loc: float, scale: float) -> Pair:
    return partial(nd.StudentT, df, loc, scale), ss.t(df, loc, scale)


def gamma(concentration: float, rate: float) -> Pair:
    return partial(nd.Gamma, concentration, rate), ss.gamma(concentration, scale=1 / rate)


def log_normal(loc: float, scale: float) -> Pair:
    return partial(nd.LogNormal, loc, scale), ss.lognorm(scale, scale=np.exp(loc))


def beta(a: float, b: float) -> Pair:
    return partial(nd.Beta, a, b), ss.beta(a, b)


def uniform(low: float, high: float) -> Pair:
    return partial(nd.Uniform, low, high), ss.uniform(low, high - low)


def rows(*names: str) -> list[tuple[str, dict[str, Any]]]:
    return [("f_divergence", {"f": name}) for name in names]


def orders(*alphas: float) -> list[tuple[str, dict[str, Any]]]:
    return [("renyi", {"alpha": alpha}) for alpha in alphas]


Call = tuple[str, dict[str, Any]]
CHI2: Call = ("chi2", {})
TV: Call = ("tv", {})
SQUARED: Call = ("hellinger", {"squared": True})
# What to compute, by quadrature, of which pairs of the same two types: a line is one program.
PROGRAMS = [
    (
        [SQUARED, CHI2, *orders(0.3, 0.5, 2.0, 5.0)],  # scales from 1e-3 to 1e3, 100 apart
        [
            (normals([0.2, 0.3, 0.5], [0.0, 100.0, -100.0], [1e-3, 1.0, 1e3]), cauchy(0.0, 10.0)),
            (normals([0.5, 0.2, 0.3], [-1.0, 0.0, 1.0], [0.5, 0.1, 0.3]), cauchy(0.5, 1.0)),
            (normals([0.1, 0.1, 0.8], [-100.0, 0.0, 0.1], [10.0, 2.0, 0.5]), cauchy(3.0, 200.0)),
        ],
    ),
    (
        [("jeffreys", {}), TV, ("js", {"weight": 0.3}), *rows("neyman")],
        [
            (student(3.0, 0.0, 1.0), student(2.0, 1.0, 2.0)),
            (student(2.0, 0.0, 0.1), student(2.5, 0.0, 3.0)),
        ],
    ),
    (
        [TV, *orders(0.3, 0.5, 2.0, 5.0)],
        [
            (laplace(0.0, 1.0), student(2.0, 1.0, 2.0)),
            (laplace(-3.0, 0.2), student(4.0, 0.0, 1.0)),
        ],
    ),
    (
        [("jeffreys", {}), *orders(0.3, 0.5)],
        [
            (gamma(3.0, 2.0), log_normal(0.0, 0.5)),
            (gamma(0.7, 0.1), log_normal(1.0, 1.0)),
        ],
    ),
    (
        [("js", {"weight": 0.3}), *orders(0.3, 2.0, 5.0)],
        [
            (beta(2.0, 3.0), uniform(0.0, 1.0)),
            (beta(1.5, 6.0), uniform(-0.5, 2.0)),
        ],
    ),
    (
        [TV, *orders(0.3, 0.5, 2.0, 5.0), *rows("alpha")],
        [
            (normal(0.0, 1.0), laplace(0.0, 1.0)),
            (normal(1.0, 0.1), laplace(0.0, 3.0)),
        ],
    ),
    (
        [("hellinger", {}), *rows("pearson", "reverse_kl")],
        [(normal(0.5, 1.5), DISTRIBUTIONS["part student"])],
    ),
]
TRUTHS = [
    (number, pair, i)
    for number, (quantities, pairs) in enumerate(PROGRAMS)
    for i in range(len(quantities))
    for pair in range(len(pairs))
]
ALPHA = 0.7  # of the row of that name


@cache
def by_quadrature(number: int, precision: str) -> list[list[jax.Array]]:
    """The values of a line of PROGRAMS: for each pair, one for each quantity."""
    quantities, pairs = PROGRAMS[number]

    def call(name: str, p: Any, q: Any, options: dict[str, Any]) -> jax.Array:
        if options == {"f": "alpha"}:
            options = {"f": divlab.families.Alpha(ALPHA)}
        value: jax.Array = getattr(divlab, name)(p, q, method="quadrature", **options)
        return value

    def values(p: Any, q: Any) -> list[jax.Array]:
        return [call(name, p, q, options) for name, options in quantities]

    with jax.enable_x64(precision == "float64"):
        return [values(*(here() for here, _ in pair)) for pair in pairs]


@pytest.mark.parametrize(("number", "pair", "i"), TRUTHS)
def test_quadrature_against_scipy(number: int, pair: int, i: int, precision: str) -> None:
    quantities, pairs = PROGRAMS[number]
    name, options = quantities[i]
    there = [d for _, d in pairs[pair]]
    if name == "f_divergence":
        name, options = options["f"], {}
    if name == "alpha":
        moment = np.exp((ALPHA - 1) * reference.renyi(there[0], there[1], ALPHA))
        truth = (moment - 1) / (ALPHA * (ALPHA - 1))
    else:
        truth = getattr(reference, {"pearson": "chi2"}.get(name, name))(*there, **options)
    check(by_quadrature(number, precision)[pair][i], truth, precision)


def test_a_singular_density_next_to_an_end_that_is_not_zero(precision: str) -> None:
    # Near 1 a 32-bit x is too coarse for x -> (1 - x)^(-1/2); the bounds are those the module
    # docstring of `quadrature` states.
    arcsine, bound = nd.Beta(0.5, 0.5), 5e-3 if precision == "float32" else 1e-7
    kl = divlab.kl(nd.Uniform(0.0, 1.0), arcsine)
    assert float(kl) == pytest.approx(np.log(np.pi) - 1, rel=bound)
    assert float(divlab.entropy(arcsine)) == pytest.approx(np.log(np.pi / 4), rel=bound)


def test_a_density_of_the_users_own(precision: str) -> None:
    # KL(-log x || 1) = ∫ -log x log(-log x) = ψ(2), with u = -log x.
    got = divlab.kl(Logarithmic(), nd.Uniform(0.0, 1.0))
    check(got, 1 - np.euler_gamma, precision)


INFINITE = [
    ("wasserstein", nd.Cauchy, (0.0, 1.0), nd.Cauchy, (0.0, 2.0), {}),
    ("wasserstein", nd.Cauchy, (0.0, 1.0), nd.Normal, (0.0, 1.0), {}),
    ("kl", nd.Cauchy, (0.0, 1.0), nd.Normal, (0.0, 1.0), {}),
    ("kl", nd.Normal, (0.0, 1.0), nd.Uniform, (-50.0, 50.0), {}),
    ("kl", nd.Uniform, (-1.0, 1.0), nd.Exponential, (1.0,), {}),
    ("reverse_kl", nd.Uniform, (0.0, 1.0), nd.Normal, (0.5, 1.0), {}),
    ("cross_entropy", nd.Cauchy, (0.0, 1.0), nd.Normal, (0.0, 1.0), {}),
    ("wasserstein", nd.Exponential, (1.0,), nd.Uniform, (0.0, 1.0), {"order": inf}),
]


@pytest.mark.parametrize(("quantity", "p", "a", "q", "b", "options"), INFINITE)
def test_infinite(
    quantity: str,
    p: type[Any],
    a: tuple[float, ...],
    q: type[Any],
    b: tuple[float, ...],
    options: dict[str, Any],
    precision: str,
) -> None:
    assert getattr(divlab, quantity)(p(*a), q(*b), **options) == inf


def test_cauchys_that_differ_by_a_shift_are_as_far_apart_as_it(precision: str) -> None:
    for order in (1, 2, inf):
        got = divlab.wasserstein(nd.Cauchy(0.0, 1.0), nd.Cauchy(0.7, 1.0), order=order)
        check(got, 0.7, precision)


def test_samples_to_a_distribution(precision: str) -> None:
    # Each sample x_i takes the slice (i/n, (i+1)/n) of the mass of U(0, 1).
    x = np.array([0.1, 0.7, 0.4])
    square = sum(
        ((hi - v) ** 3 - (lo - v) ** 3) / 3
        for v, lo, hi in zip(np.sort(x), [0, 1 / 3, 2 / 3], [1 / 3, 2 / 3, 1], strict=True)
    )
    got = divlab.wasserstein(x, nd.Uniform(0.0, 1.0), order=2)
    check(got, square**0.5, precision)
    # ∫ |t - F| dt, piece by piece of F, in thirds.
    check(divlab.wasserstein(nd.Uniform(0.0, 1.0), x), 26 / 225, precision)


def test_the_nll_of_samples_is_their_mean_surprise(precision: str) -> None:
    x = np.array([-1.0, 0.0, 3.0])
    check(divlab.cross_entropy(x, nd.Normal(1, 2)), -ss.norm(1, 2).logpdf(x).mean(), precision)
    assert divlab.cross_entropy(x, nd.Exponential(1.0)) == inf
