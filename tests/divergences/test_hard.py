"""Densities that are hard to integrate: singular at an end, with heavy tails, far from 0.

Other libraries, and earlier versions of this one, gave plausible numbers for these. Each kind has
values that are known in closed form. Known parameters must give them; traced ones must give them,
or NaN where 32 bits do not reach far enough.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as nd
import pytest
from scipy import integrate, stats
from scipy.special import betaln, digamma, gammaln

import divlab
from tests.divergences import reference


def of_gammas(a: float, b: float) -> float:
    """KL of Gamma(a, 1) from Gamma(b, 1)."""
    return float((a - b) * digamma(a) - gammaln(a) + gammaln(b))


def of_betas(a: float, b: float, c: float, d: float) -> float:
    """KL of Beta(a, b) from Beta(c, d)."""
    known = (a - c) * digamma(a) + (b - d) * digamma(b) + (c + d - a - b) * digamma(a + b)
    return float(betaln(c, d) - betaln(a, b) + known)


def of_paretos(a: float, b: float) -> float:
    """KL of Pareto(1, a) from Pareto(1, b), and of Beta(a, 1) from Beta(b, 1)."""
    return math.log(a / b) + b / a - 1


def of_t_and_normal(df: float, loc: float, scale: float) -> float:
    """KL of Student's t from N(0, 1): its entropy and its variance are known."""
    half = (df + 1) / 2
    entropy = half * (digamma(half) - digamma(df / 2)) + 0.5 * math.log(df)
    entropy += betaln(df / 2, 0.5) + math.log(scale)
    second_moment = scale**2 * df / (df - 2) + loc**2
    return float(0.5 * math.log(2 * math.pi) + second_moment / 2 - entropy)


def tv_of_powers(a: float, b: float) -> float:
    """Total variation of Beta(a, 1) and Beta(b, 1): F - G where the densities cross."""
    crossing = (a / b) ** (1 / (b - a))
    return float(abs(crossing**a - crossing**b))


def mean_gap(mu: float, sigma: float) -> float:
    """W_1 of LogNormal(0, sigma) and LogNormal(mu, sigma), of which one lies above the other."""
    return math.exp(sigma**2 / 2) * abs(math.exp(mu) - 1)


def second_gap(mu: float, sigma: float) -> float:
    """W_2 of LogNormal(0, sigma) and LogNormal(mu, sigma): x goes to exp(mu) x."""
    return math.exp(sigma**2) * abs(math.exp(mu) - 1)


def moved(mu: Any, sigma: Any, order: Any) -> Any:
    return divlab.wasserstein(nd.LogNormal(0.0, sigma), nd.LogNormal(mu, sigma), order=order)


def kl(p: Any, q: Any) -> Any:
    return divlab.kl(p, q, method="quadrature")


def entropy_of_beta(a: float, b: float) -> float:
    known = (a - 1) * digamma(a) + (b - 1) * digamma(b) - (a + b - 2) * digamma(a + b)
    return float(betaln(a, b) - known)


Function = Callable[..., Any]
# A function of parameters, its value in closed form, and parameters.
Kind = tuple[Function, Function, list[tuple[float, ...]]]

SINGULAR: list[Kind] = [
    (
        lambda a, b: divlab.tv(nd.Beta(a, 1.0), nd.Beta(b, 1.0)),
        tv_of_powers,
        [(0.05, 0.1), (0.1, 0.3), (0.2, 0.5), (0.5, 0.9)],
    ),
    (
        lambda a, b: kl(nd.Gamma(a, 1.0), nd.Gamma(b, 1.0)),
        of_gammas,
        [(0.05, 50.0), (0.1, 0.2), (0.15, 0.3), (0.3, 0.6), (50.0, 0.05)],
    ),
    (
        lambda b, d: kl(nd.Beta(3.0, b), nd.Beta(2.0, d)),
        lambda b, d: of_betas(3.0, b, 2.0, d),
        [(0.05, 0.1), (0.1, 1.0), (0.3, 0.6), (0.5, 2.0), (2.0, 3.0)],
    ),
]
HEAVY: list[Kind] = [
    (
        lambda a, b: kl(nd.Pareto(1.0, a), nd.Pareto(1.0, b)),
        of_paretos,
        [(0.05, 0.2), (0.1, 0.2), (0.2, 0.1), (0.5, 3.0), (2.0, 0.1)],
    ),
    (
        lambda df, loc, scale: kl(nd.StudentT(df, loc, scale), nd.Normal(0.0, 1.0)),
        of_t_and_normal,
        [(df, 0.0, 1.0) for df in (2.001, 2.01, 2.1, 2.5, 5.0)],
    ),
    (
        lambda mu, s: divlab.wasserstein(nd.LogNormal(0.0, s), nd.LogNormal(mu, s)),
        mean_gap,
        [(1.0, 4.0), (0.5, 3.0), (-1.0, 2.0), (2.0, 5.0)],
    ),
    (
        moved,
        lambda mu, s, _: second_gap(mu, s),
        [(1.0, 2.0, 2.0), (0.5, 1.5, 2.0), (-1.0, 1.0, 2.0), (1.0, 2.5, 2.0)],
    ),
]


def found(value: float) -> Function:
    return lambda *_: value


FAR: list[Kind] = [
    (lambda x: divlab.kl(nd.Normal(1e6, 0.1), nd.Normal(x, 0.1)), found(0.5), [(1e6 + 0.1,)]),
    (lambda x: divlab.kl(nd.Normal(-3e7, 2.0), nd.Normal(x, 2.0)), found(2.0), [(-3e7 + 4.0,)]),
    (
        lambda x: divlab.kl(nd.Uniform(1e8, 1e8 + 1), nd.Uniform(1e8, x)),
        found(math.log(2)),
        [(1e8 + 2,)],
    ),
    (
        lambda x: kl(nd.Uniform(1e8, 1e8 + 1), nd.Uniform(1e8, x)),
        found(math.log(2)),
        [(1e8 + 2,)],
    ),
    (
        lambda x: divlab.wasserstein(nd.Normal(1e9, 1.0), nd.Normal(x, 1.0)),
        found(3.0),
        [(1e9 + 3,)],
    ),
    (
        lambda x: divlab.tv(nd.Laplace(1e7, 0.5), nd.Laplace(x, 0.5)),
        found(1 - math.exp(-1)),
        [(1e7 + 1,)],
    ),
]
# With mass at an end that is not 0, where points are rounded.
AT_AN_END: list[Kind] = [
    (
        lambda a, b: divlab.entropy(nd.Beta(a, b), method="quadrature"),
        entropy_of_beta,
        [(3.0, 0.05), (0.5, 0.1), (1.0, 0.2)],
    ),
    (  # one lies above the other, so the distance is that of the means
        lambda a, b: divlab.wasserstein(nd.Beta(a, 1.0), nd.Beta(a, b)),
        lambda a, b: a / (a + b) - a / (a + 1),
        [(1.0, 0.05), (2.0, 0.09), (7.5, 0.3)],
    ),
]
# A tail of one runs towards the mass of the other, a million times farther away.
APART: list[Kind] = [
    (lambda a: divlab.tv(nd.InverseGamma(a, 2e-5), nd.Chi2(44.0)), found(1.0), [(6.5,)]),
    (
        lambda a: divlab.js(nd.InverseGamma(a, 2e-5), nd.Normal(60.0, 2.0)),
        found(math.log(2)),
        [(7.0,)],
    ),
    (
        lambda df: divlab.tv(nd.StudentT(df, 0.0, 1e-6), nd.Normal(300.0, 1.0)),
        found(1.0),
        [(5.0,)],
    ),
    (lambda s: divlab.hellinger(nd.Laplace(0.0, s), nd.Uniform(5.0, 6.0)), found(1.0), [(1e-5,)]),
    (
        lambda a: divlab.wasserstein(nd.InverseGamma(a, 1e-3), nd.Gamma(400.0, 1.0)),
        found(400 - 5e-4),
        [(3.0,)],
    ),
]


@pytest.mark.parametrize(
    ("function", "value", "cases"), [*SINGULAR, *HEAVY, *FAR, *AT_AN_END, *APART]
)
def test_known_parameters(
    function: Function, value: Function, cases: list[tuple[float, ...]], precision: str
) -> None:
    """Mass beyond the reach of 32 bits would be continued by a wrong power, or be left out."""
    relative = 2e-6 if precision == "float32" else 1e-7
    for case in cases:
        assert float(function(*case)) == pytest.approx(value(*case), rel=relative), case


def moved_mixture(weight: Any, locs: Any, scales: Any, mu: Any, order: Any) -> Any:
    """W_order from two LogNormals to exp(mu) times the same with weights 0.3 and 0.7."""

    def mixture(weight: Any, locs: Any) -> Any:
        parts = nd.LogNormal(locs, scales)
        return nd.MixtureSameFamily(nd.Categorical(probs=jnp.stack([weight, 1 - weight])), parts)

    p, q = mixture(weight, locs), mixture(jnp.asarray(0.3), locs + mu)
    return divlab.wasserstein(p, q, order=order)


# One program, with the slope in the weight: that of W_p takes longest to compile.
MOVED_MIXTURE = jax.jit(jax.value_and_grad(moved_mixture))


def moved_by_mixtures(mu: float, sigma: float, order: float) -> Any:
    """What `moved` gives, by mixtures whose parts are equal."""
    zeros = np.zeros(2, np.float32)
    return MOVED_MIXTURE(0.3, zeros, zeros + np.float32(sigma), mu, order)[0]


# Programs. Kumaraswamy(a, 1) is Beta(a, 1), and compiles faster.
TRACED: list[Kind] = [
    (
        jax.jit(lambda a, b: divlab.tv(nd.Kumaraswamy(a, 1.0), nd.Kumaraswamy(b, 1.0))),
        *SINGULAR[0][1:],
    ),
    (  # at 0, as Gamma is, and at 1
        jax.jit(lambda a, b, c, d: kl(nd.Beta(a, b), nd.Beta(c, d))),
        of_betas,
        [
            *((a, 1.0, c, 1.0) for a, c in SINGULAR[1][2]),
            *((3.0, b, 2.0, d) for b, d in SINGULAR[2][2]),
        ],
    ),
    *((jax.jit(function), value, cases) for function, value, cases in HEAVY[:-1]),
    (moved_by_mixtures, *HEAVY[-1][1:]),
]
of_each_program = pytest.mark.parametrize(("program", "value", "cases"), TRACED)


@of_each_program
def test_traced_parameters(
    program: Function, value: Function, cases: list[tuple[float, ...]]
) -> None:
    """A compiled call, which cannot raise, would give a number that is off by a few percent.

    With 32 bits, which is where a call may not reach far enough.
    """
    for case in cases:
        got = float(program(*case))
        assert math.isnan(got) or got == pytest.approx(value(*case), rel=2e-3), case


@of_each_program
def test_nan_for_a_traced_parameter_gives_nan(
    program: Function, value: Function, cases: list[tuple[float, ...]]
) -> None:
    """Where an integral skips what is NaN, it would give a plausible number."""
    case = next(case for case in cases if np.isfinite(program(*case)))
    for i in range(len(case)):
        assert np.isnan(program(*case[:i], np.nan, *case[i + 1 :])), i


def test_a_traced_order_of_inf_is_nan() -> None:
    """It is another program, and powers of inf would give a number. By a program of those above."""
    assert np.isnan(moved_by_mixtures(1.0, 2.0, np.inf))


@pytest.mark.parametrize(
    ("p", "q"),
    [
        (nd.HalfCauchy(1.0), nd.HalfNormal(1.0)),
        (nd.HalfCauchy(0.7), nd.Weibull(0.1, 4.6)),
        (nd.Levy(0.0, 0.1), nd.Gamma(2.0, 1.0)),
        (nd.InverseGamma(0.9, 1.0), nd.Exponential(1.0)),
        (nd.Pareto(1.0, 1.0), nd.Uniform(0.0, 3.0)),
        (nd.Cauchy(0.0, 1.0), nd.Normal(0.0, 1.0)),
    ],
)
def test_a_mean_that_is_infinite(p: Any, q: Any, precision: str) -> None:
    """What lies beyond the only tail would be lost, and the distance be 39 for infinity."""
    assert divlab.wasserstein(p, q) == np.inf
    assert divlab.wasserstein(q, p) == np.inf


def test_distribution_functions_that_cross_twice_within_a_piece(precision: str) -> None:
    """The side between two crossings would be taken off instead of added: W₁ was 2e-3 too small."""
    weights = np.array([0.25, 0.75])

    def distance(scale: Any) -> Any:
        parts = [nd.Laplace(-2 * scale, scale), nd.Normal(scale, 0.5 * scale)]
        mixture = nd.MixtureGeneral(nd.Categorical(probs=weights), parts)
        return divlab.wasserstein(mixture, nd.Normal(1.0, 4.0))

    def by_scipy(scale: float) -> float:
        parts = [stats.laplace(-2 * scale, scale), stats.norm(scale, 0.5 * scale)]
        return reference.wasserstein(reference.Mixture(weights, parts), stats.norm(1.0, 4.0))

    near = 1e-6 if precision == "float32" else 1e-9
    gradient, program = jax.grad(distance), jax.jit(jax.value_and_grad(distance))
    for scale in (1.7, 1.8, 1.9):
        exact = by_scipy(scale)
        slope = (by_scipy(scale + 1e-4) - by_scipy(scale - 1e-4)) / 2e-4
        assert float(distance(scale)) == pytest.approx(exact, rel=near)
        assert float(gradient(scale)) == pytest.approx(slope, rel=1e-3)
        if precision == "float32":  # traced calls take the same way with 64 bits
            value, change = program(scale)
            assert float(value) == pytest.approx(exact, rel=1e-5)
            assert float(change) == pytest.approx(slope, rel=1e-3)


def test_the_gradient_of_w2_across_a_gap() -> None:
    """A Newton step over a vanishing density would give the gradient 1.3, or 9.5, for 22.4."""

    def mixture(w: Any) -> Any:
        return nd.MixtureSameFamily(
            nd.Categorical(probs=jnp.stack([w, 1 - w])),
            nd.Normal(jnp.array([-10.0, 10.0]), jnp.array([0.1, 0.1])),
        )

    def distance(w: Any) -> Any:
        return divlab.wasserstein(mixture(w), mixture(jnp.asarray(0.3)), order=2)

    # Mass w - 0.3 goes 20 far, and what stays apart is next to nothing.
    expected = 20**2 / (2 * 20 * math.sqrt(0.2))
    assert float(jax.grad(distance)(0.5)) == pytest.approx(expected, rel=1e-3)
    at, widths = np.array([10.0, 30.0], np.float32), np.array([0.1, 0.1], np.float32)
    _, slope = MOVED_MIXTURE(0.5, np.log(at), widths / at, 0.0, 2.0)
    assert float(slope) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("df", [2.5, 4.0, 8.0])
def test_w2_of_a_heavy_tail_and_a_bounded_support(df: float) -> None:
    """What lies next to an end would hide the tail: refused for one order, 4e-6 off for the other.

    W₂² = E T² + E U² - 2 E TU, where U goes with T as its distribution function does.
    """
    t = stats.t(df)
    low, width, loc, scale = -0.2, 1.3, 0.2, 1.1
    half, _ = integrate.quad(lambda z: z * t.pdf(z) * (t.cdf(z) - 0.5), 0, np.inf, epsabs=1e-13)
    of_t, of_u = loc**2 + scale**2 * df / (df - 2), low**2 + low * width + width**2 / 3
    product = loc * (low + width / 2) + scale * width * 2 * half
    expected = math.sqrt(of_t + of_u - 2 * product)
    pair = nd.StudentT(df, loc, scale), nd.Uniform(low, low + width)
    with jax.enable_x64(True):
        for p, q in (pair, pair[::-1]):
            assert float(divlab.wasserstein(p, q, order=2)) == pytest.approx(expected, rel=1e-7)


def test_a_weight_of_0_has_a_gradient(precision: str) -> None:
    """A clipped logit would have none, so that training could not leave the edge."""

    def divergence(w: Any) -> Any:
        parts = nd.Normal(jnp.array([0.0, 3.0]), jnp.array([1.0, 1.0]))
        mixture = nd.MixtureSameFamily(nd.Categorical(probs=jnp.stack([w, 1 - w])), parts)
        return divlab.kl(mixture, nd.Normal(0.0, 1.0))

    gradient = jax.grad(divergence)
    for function in (gradient, jax.jit(gradient)) if precision == "float32" else (gradient,):
        for weight, slope in ((0.0, -9.0), (1.0, 0.0)):
            assert float(function(weight)) == pytest.approx(slope, abs=2e-3)


def mixture_of(*parts: Any) -> Any:
    return nd.MixtureGeneral(nd.Categorical(probs=jnp.full(len(parts), 1 / len(parts))), [*parts])


@pytest.mark.parametrize(
    ("p", "q", "value"),
    [
        (mixture_of(nd.Uniform(0.0, 1.0), nd.Uniform(2.0, 3.0)), nd.Uniform(0.0, 3.0), 0.5),
        (mixture_of(nd.Uniform(0.0, 1.0), nd.Uniform(2.0, 3.0)), nd.Uniform(0.0, 1.0), 2.0),
        (mixture_of(nd.Uniform(0.0, 1.0), nd.Uniform(4.0, 5.0)), nd.Uniform(0.0, 5.0), 1.5),
        (mixture_of(nd.Uniform(-1.0, 0.0), nd.Uniform(0.0, 3.0)), nd.Uniform(-1.0, 3.0), 1.0),
        (mixture_of(nd.Uniform(0.0, 1.0), nd.Uniform(0.0, 1.0)), nd.Uniform(0.0, 1.0), 0.0),
        (mixture_of(nd.Uniform(2.0, 3.0), nd.Uniform(0.0, 1.0)), nd.Uniform(5.0, 6.0), 5.0),
    ],
)
def test_w_infinity_of_mixtures(p: Any, q: Any, value: float) -> None:
    """The support of the first component would be taken for that of all."""
    assert float(divlab.wasserstein(p, q, order=np.inf)) == pytest.approx(value, abs=1e-5)


@pytest.mark.parametrize(
    ("base", "of_scipy", "loc", "scale"),
    [
        (nd.Beta(2.0, 3.0), stats.beta(2, 3), -1.0, 4.0),
        (nd.Exponential(1.0), stats.expon(), 2.0, 3.0),
        (nd.Weibull(1.0, 2.0), stats.weibull_min(2), 1.0, -2.0),
        (nd.Uniform(0.0, 1.0), stats.uniform(), 5.0, -1.0),
        (nd.HalfNormal(1.0), stats.halfnorm(), 0.0, 2.0),
    ],
)
def test_the_support_of_a_transformed_distribution(
    base: Any, of_scipy: Any, loc: float, scale: float
) -> None:
    """Its log_prob is NaN outside, where numpyro says that it has mass."""
    moved = nd.TransformedDistribution(base, [nd.transforms.AffineTransform(loc, scale)])
    expected = of_scipy.entropy() + math.log(abs(scale))
    assert float(divlab.entropy(moved)) == pytest.approx(expected, abs=1e-5)
