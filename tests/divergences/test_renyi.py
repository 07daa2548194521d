"""Rényi divergences: every order, up to inf, traced or not; and what is infinite is inf."""

from functools import cache
from typing import Any

import jax
import numpy as np
import pytest
from numpyro import distributions as nd

import divlab

inf = np.inf


def close(got: Any, truth: float, precision: str) -> None:
    bound = 1e-4 if precision == "float32" else 1e-8
    assert float(got) == pytest.approx(truth, rel=bound)


# log sup p/q, where it is reached and where it has no bound.
LARGEST_RATIO = [
    (nd.Normal, (0.0, 1.0), nd.Normal, (1.0, 2.0), np.log(2) + 1 / 6),
    (nd.Normal, (0.0, 0.01), nd.Normal, (3.0, 5.0), np.log(500) + 9 / (2 * (25 - 1e-4))),
    (nd.Normal, (0.0, 2.0), nd.Normal, (1.0, 1.0), inf),
    (nd.Normal, (0.0, 1.0), nd.Normal, (0.5, 1.0), inf),
    (nd.Normal, (1.0, 2.0), nd.Normal, (1.0, 2.0), 0.0),
    (nd.Laplace, (0.0, 1.0), nd.Laplace, (1.0, 2.0), np.log(2) + 1 / 2),
    (nd.Laplace, (0.0, 1.0), nd.Laplace, (1.0, 1.0), 1.0),
    (nd.Laplace, (0.0, 2.0), nd.Laplace, (1.0, 1.0), inf),
    (nd.Uniform, (-1.0, 1.0), nd.Normal, (0.0, 1.0), 0.5 * np.log(2 * np.pi) + 0.5 - np.log(2)),
    (nd.Normal, (0.0, 1.0), nd.Uniform, (-9.0, 9.0), inf),
    (nd.Beta, (0.5, 2.0), nd.Uniform, (0.0, 1.0), inf),
    (nd.Beta, (2.0, 2.0), nd.Uniform, (0.0, 1.0), np.log(1.5)),
    (nd.Exponential, (2.0,), nd.Exponential, (1.0,), np.log(2)),
    (nd.Exponential, (1.0,), nd.Exponential, (2.0,), inf),
    (nd.Cauchy, (0.0, 1.0), nd.Cauchy, (0.0, 3.0), np.log(3)),  # at the centre
    (nd.Cauchy, (0.0, 3.0), nd.Cauchy, (0.0, 1.0), np.log(3)),  # far out
]


@pytest.mark.parametrize(("p", "a", "q", "b", "truth"), LARGEST_RATIO)
def test_order_inf_is_the_largest_log_ratio(
    p: Any, a: Any, q: Any, b: Any, truth: float, precision: str
) -> None:
    close(divlab.renyi(p(*a), q(*b), alpha=inf), truth, precision)


def quadrature(p: Any, q: Any, alpha: float) -> jax.Array:
    return divlab.renyi(p, q, alpha=alpha, method="quadrature")


@pytest.mark.parametrize("method", ["closed_form", "quadrature"])
def test_orders_of_two_normals(method: str, precision: str) -> None:
    p, q = nd.Normal(0.0, 1.0), nd.Normal(1.0, 2.0)
    kl = np.log(2) - 0.25
    # log(p/q) under P has the variance E[(-3/8 X² - X/4)²] - ... = 2 (3/8)² + (1/4)².
    slope = (2 * (3 / 8) ** 2 + (1 / 4) ** 2) / 2
    got = [float(divlab.renyi(p, q, alpha=1 + d, method=method)) for d in (-1e-4, 0.0, 1e-4)]
    bound = 1e-6 if precision == "float32" else 1e-8
    assert got == pytest.approx([kl - 1e-4 * slope, kl, kl + 1e-4 * slope], abs=bound)
    orders = [0.01, 0.5, 1.0, 2.0, 20.0, 1e3]
    got = [float(divlab.renyi(p, q, alpha=alpha, method=method)) for alpha in orders]
    assert got == sorted(got)
    variance = 4 * np.array(orders) + 1 - np.array(orders)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.log(2) + np.log(4 / variance) / (2 * (np.array(orders) - 1))
    truth = np.where(np.array(orders) == 1, kl, spread + np.array(orders) / (2 * variance))
    np.testing.assert_allclose(got, truth, rtol=1e-4 if precision == "float32" else 1e-8)


def test_powers_of_densities_neither_over_nor_underflow(precision: str) -> None:
    p = nd.Normal(0.0, 1.0)
    for shift in (0.1, 30.0, 100.0):
        for alpha in (0.5, 3.0, 30.0):
            got = quadrature(p, nd.Normal(shift, 1.0), alpha)
            close(got, alpha * shift**2 / 2, precision)


@pytest.mark.parametrize("method", ["closed_form", "quadrature"])
def test_close_normals_do_not_cancel(method: str, precision: str) -> None:
    p, q = nd.Normal(0.0, 1.0), nd.Normal(1e-4, 1.0)
    for alpha in (0.3, 1.0001, 3.0):
        got = divlab.renyi(p, q, alpha=alpha, method=method)
        assert float(got) == pytest.approx(alpha * 5e-9, rel=0.01)


# (quantity, options, P, Q): finite on one side of a bound, without one on the other.
NORMALS = [
    ("chi2", {}, (0.0, 1.4), (0.0, 1.0), False),  # 2 / σ_p² > 1 / σ_q²
    ("chi2", {}, (0.0, 1.5), (0.0, 1.0), True),
    ("renyi", {"alpha": 5.0}, (0.3, 1.1), (0.0, 1.0), False),
    ("renyi", {"alpha": 5.0}, (0.3, 1.2), (0.0, 1.0), True),
]


@pytest.mark.parametrize("method", ["closed_form", "quadrature"])
@pytest.mark.parametrize(("quantity", "options", "a", "b", "infinite"), NORMALS)
def test_the_bound_of_two_normals(
    quantity: str,
    options: dict[str, Any],
    a: Any,
    b: Any,
    infinite: bool,
    method: str,
    precision: str,
) -> None:
    p, q = nd.Normal(*a), nd.Normal(*b)
    got = getattr(divlab, quantity)(p, q, method=method, **options)
    assert np.isinf(got) == infinite


INFINITE = [
    ("chi2", {}, nd.Gamma, (0.2, 1.0), nd.Gamma, (1.0, 1.0)),  # at 0
    ("chi2", {}, nd.Gamma, (2.0, 1.0), nd.Gamma, (1.0, 2.5)),  # far out
    ("chi2", {}, nd.Laplace, (0.0, 2.5), nd.Laplace, (1.0, 1.0)),
    ("renyi", {"alpha": 2.0}, nd.Beta, (0.3, 1.0), nd.Beta, (1.0, 1.0)),
    ("renyi", {"alpha": 2.0}, nd.Uniform, (0.0, 2.0), nd.Uniform, (0.0, 1.0)),
    ("renyi", {"alpha": 0.5}, nd.Uniform, (0.0, 2.0), nd.Uniform, (3.0, 4.0)),
    # Faster at 0 than any power, so that no node comes near to where it is largest.
    ("renyi", {"alpha": 2.0}, nd.LogNormal, (0.1, 0.5), nd.InverseGamma, (6.0, 5.0)),
    ("jeffreys", {}, nd.Uniform, (0.0, 1.0), nd.Uniform, (0.0, 2.0)),
    ("chi2", {}, nd.Cauchy, (0.0, 1.0), nd.Normal, (0.0, 1.0)),
    ("jeffreys", {}, nd.Normal, (0.0, 1.0), nd.Cauchy, (0.0, 1.0)),
    ("chi2", {}, nd.StudentT, (2.0, 0.0, 1.0), nd.StudentT, (6.0, 0.0, 1.0)),
]


@pytest.mark.parametrize(("quantity", "options", "p", "a", "q", "b"), INFINITE)
def test_infinite(
    quantity: str, options: dict[str, Any], p: Any, a: Any, q: Any, b: Any, precision: str
) -> None:
    p, q = p(*a), q(*b)
    assert getattr(divlab, quantity)(p, q, **options) == inf
    assert getattr(divlab, quantity)(p, q, method="quadrature", **options) == inf


@cache
def by_order_and_q(method: str) -> Any:
    """One program of the divergence of N(0, 1) from N(loc, scale), with all its slopes.

    It takes floats: a number of NumPy has a dtype of its own, and would be a second program.
    """

    def divergence(alpha: Any, loc: Any, scale: Any) -> jax.Array:
        p, q = nd.Normal(0.0, 1.0), nd.Normal(loc, scale)
        return divlab.renyi(p, q, alpha=alpha, method=method)

    return jax.jit(jax.value_and_grad(divergence, argnums=(0, 1, 2)))


METHODS = pytest.mark.parametrize("method", ["closed_form", "quadrature"])


@METHODS
def test_the_order_may_be_traced(method: str) -> None:
    p, q = nd.Normal(0.0, 1.0), nd.Normal(1.0, 2.0)

    def eager(alpha: float) -> float:
        return float(divlab.renyi(p, q, alpha=alpha, method=method))

    traced = by_order_and_q(method)
    for alpha in (0.5, 1.0, 2.0):
        value, (slope, *_) = traced(alpha, 1.0, 2.0)
        assert float(value) == pytest.approx(eager(alpha), rel=1e-5)
        difference = (eager(alpha + 0.01) - eager(alpha - 0.01)) / 0.02
        assert float(slope) == pytest.approx(difference, rel=5e-3)
    for wrong in (0.0, -1.0, np.nan, inf):  # inf is another program
        assert np.isnan(traced(wrong, 1.0, 2.0)[0])


@METHODS
def test_slopes_in_the_parameters_of_q_at_equality_are_0(method: str) -> None:
    """By 0/0 they would be NaN."""
    _, (_, *slopes) = by_order_and_q(method)(0.5, 0.0, 1.0)
    np.testing.assert_allclose(slopes, 0, atol=2e-4)


@METHODS
@pytest.mark.parametrize("alpha", [0.5, 2.0])
def test_slopes_in_the_parameters_of_q(method: str, alpha: float) -> None:
    """A branch that is not taken overflows in far tails, and made them NaN."""
    p, at = nd.Normal(0.0, 1.0), (1.0, 2.0)
    _, (_, *slopes) = by_order_and_q(method)(alpha, *at)
    with jax.enable_x64(True):
        ends = [
            [float(divlab.renyi(p, nd.Normal(*np.add(at, h)), alpha=alpha)) for h in (step, -step)]
            for step in 1e-5 * np.eye(2)
        ]
    np.testing.assert_allclose(slopes, [(high - low) / 2e-5 for high, low in ends], rtol=1e-4)


def test_a_new_order_is_not_a_new_program(compilations: list[float]) -> None:
    p, q = nd.Normal(0.0, 1.0), nd.Laplace(1.0, 2.0)
    divlab.renyi(p, q, alpha=0.5)
    compilations.clear()
    for alpha in (2, 3.5, np.float64(0.1), np.float32(7.0)):
        divlab.renyi(p, q, alpha=alpha)
    assert not compilations


def test_gradient_of_order_inf(precision: str) -> None:
    def largest(scale: float) -> jax.Array:
        return divlab.renyi(nd.Normal(0.0, 1.0), nd.Normal(1.0, scale), alpha=inf)

    # Of log s + 1 / (2 (s² - 1)). In 32 bits the flat top is found only to a root of the rounding.
    bound = 1e-3 if precision == "float32" else 1e-7
    found = jax.jit(jax.grad(largest))(2.0)  # else the value and the slope are a program each
    assert float(found) == pytest.approx(1 / 2 - 2 / 9, rel=bound)
