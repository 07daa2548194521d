"""Under jit, vmap and grad; and nothing is compiled again for a new value of a parameter."""

import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro import distributions as nd

import divlab
from divlab.divergences.integrals import on_nodes

UNIT = nd.Normal(0.0, 1.0)


def shifted_normal(divergence: Callable[..., Any], **options: Any) -> Callable[[Any], Any]:
    return lambda shift: divergence(nd.Normal(0.0, 1.0), nd.Normal(shift, 1.0), **options)


# The derivative in the shift of q, at 0.3. Those of all closed forms are in `test_closed_form`.
DERIVATIVES = {
    "kl": (shifted_normal(divlab.kl), 0.3),
    "cross entropy by quadrature": (
        shifted_normal(divlab.cross_entropy, method="quadrature"),
        0.3,
    ),
    "wasserstein": (shifted_normal(divlab.wasserstein), 1.0),
    "wasserstein 2": (shifted_normal(divlab.wasserstein, order=2), 1.0),
    "wasserstein of Gumbels": (
        lambda shift: divlab.wasserstein(nd.Gumbel(0.0, 1.0), nd.Gumbel(shift, 1.0)),
        1.0,
    ),
}


@pytest.mark.parametrize("name", DERIVATIVES)
def test_derivative(name: str) -> None:
    function, truth = DERIVATIVES[name]
    assert float(jax.grad(function)(0.3)) == pytest.approx(truth, rel=1e-4)


@pytest.mark.parametrize(
    "row",
    [*divlab.families.FAMILIES.values(), *map(divlab.families.Alpha, (0.5, 1.0, 2.0))],
    ids=repr,
)
def test_derivatives_of_rows_are_finite_differences(row: Any) -> None:
    """The slopes of a row may be NaN, or lost, where its values are right.

    Of densities that are cheap to compile, with kinks.
    """
    p = nd.Laplace(0.0, 1.0)

    def divergence(scale: Any) -> jax.Array:
        return divlab.f_divergence(p, nd.Laplace(0.5, scale), row, method="quadrature")

    with jax.enable_x64(True):
        difference = (float(divergence(1.2 + 1e-5)) - float(divergence(1.2 - 1e-5))) / 2e-5
        assert float(jax.grad(divergence)(1.2)) == pytest.approx(difference, rel=1e-6)


@pytest.mark.parametrize("distance", [divlab.js, divlab.ks, divlab.cramer, divlab.mmd])
def test_the_slope_in_an_end_that_lies_beside_another_end(distance: Any) -> None:
    """What opens between two ends as one of them moves could be lost."""

    def of_end(end: Any) -> Any:
        return distance(nd.Kumaraswamy(2.5, 2.7), nd.Uniform(-0.2, end))

    with jax.enable_x64(True):
        difference = (float(of_end(0.9 + 1e-5)) - float(of_end(0.9 - 1e-5))) / 2e-5
        assert float(jax.grad(of_end)(0.9)) == pytest.approx(difference, rel=1e-4)


@pytest.mark.parametrize("heavy", [nd.Cauchy(0.3, 1.2), nd.HalfCauchy(1.2)])
def test_the_slope_of_ks_beside_a_tail_without_a_mean(heavy: Any) -> None:
    """What has no bound, and is not asked for, could make it NaN."""

    def ks(loc: Any) -> jax.Array:
        return divlab.ks(nd.Laplace(loc, 0.9), heavy)

    with jax.enable_x64(True):
        difference = (float(ks(0.1 + 1e-4)) - float(ks(0.1 - 1e-4))) / 2e-4
        assert float(jax.grad(ks)(0.1)) == pytest.approx(difference, rel=1e-3)


def test_the_slope_of_a_density_that_underflows_on_a_half_line() -> None:
    """Where log p is -inf for its dtype its slope is infinite, and 0 times that is NaN."""

    def js(rate: Any) -> jax.Array:
        return divlab.js(nd.Gompertz(0.6, rate), nd.HalfNormal(1.3))

    with jax.enable_x64(True):
        difference = (float(js(0.9 + 1e-5)) - float(js(0.9 - 1e-5))) / 2e-5
        assert float(jax.grad(js)(0.9)) == pytest.approx(difference, rel=1e-6)


def test_an_end_of_a_support_may_be_infinite() -> None:
    """A number that says that there is no end has no slope, which made the others' NaN or 0."""

    def js(loc: Any) -> jax.Array:
        return divlab.js(nd.TruncatedNormal(loc, 1.0, low=-1.0, high=np.inf), UNIT)

    with jax.enable_x64(True):
        difference = (float(js(0.4 + 1e-5)) - float(js(0.4 - 1e-5))) / 2e-5
        assert float(jax.grad(js)(0.4)) == pytest.approx(difference, rel=1e-5)


def test_derivative_in_samples() -> None:
    x, y = jnp.array([3.0, 0.0, 1.0]), jnp.array([0.5, 0.0, 2.0])
    # Sorted, 0 meets 0, 1 meets 0.5 and 3 meets 2.
    first = jax.grad(divlab.wasserstein)(x, y)
    np.testing.assert_allclose(first, [1 / 3, 0, 1 / 3], rtol=1e-6)
    square = jax.grad(lambda x: divlab.wasserstein(x, y, order=2) ** 2)(x)
    np.testing.assert_allclose(square, [2 / 3, 0, 1 / 3], rtol=1e-6)
    surprise = jax.grad(divlab.cross_entropy)(x, nd.Normal(1.0, 2.0))
    np.testing.assert_allclose(surprise, (x - 1) / 4 / 3, rtol=1e-6)


@cache
def slopes_of_kl() -> Callable[..., tuple[jax.Array, jax.Array]]:
    """In both samples, by one program for samples of one size."""
    return jax.jit(jax.grad(divlab.kl, argnums=(0, 1)))


def test_kl_of_samples_scales_out() -> None:
    x, y = np.array([[3.0, 0.0, 1.0, 1.7], [3.5, 3.1, 5.0, 5.2]], np.float32)
    # Nothing changes when all are scaled together, so the derivative along (x, y) vanishes.
    dx, dy = slopes_of_kl()(x, y)
    assert float(dx @ x + dy @ y) == pytest.approx(0, abs=1e-5)
    assert np.any(np.asarray(dx) != 0)


def test_gradients_at_equal_samples_are_finite() -> None:
    """By a few neighbours. `test_methods` has all methods, and `test_faults` distributions."""
    x = np.array([0.0, 1.0, 1.0, 4.0], np.float32)
    assert np.all(np.isfinite(slopes_of_kl()(x, x)))


@pytest.mark.parametrize("order", [1, 2])
def test_wasserstein_gradients_at_equality_are_finite(order: float) -> None:
    x = np.array([0.0, 1.0, 1.0], np.float32)
    gradient = jax.jit(jax.grad(lambda x: divlab.wasserstein(x, x[::-1], order=order)))
    assert np.all(np.isfinite(gradient(x)))
    assert np.isfinite(jax.grad(shifted_normal(divlab.wasserstein, order=order))(0.0))


@pytest.mark.parametrize(
    "divergence",
    [
        divlab.kl,
        divlab.tv,
        lambda p, q: divlab.renyi(p, q, alpha=0.5),
        divlab.wasserstein,
        lambda p, q: divlab.wasserstein(p, q, order=2),
        lambda p, q: divlab.wasserstein(p, q, order=np.inf),
        divlab.cramer,
        divlab.ks,
        divlab.mmd,
    ],
    ids=["kl", "tv", "renyi", "w1", "w2", "w_inf", "cramer", "ks", "mmd"],
)
def test_a_known_distribution_beside_a_traced_one(divergence: Callable[..., jax.Array]) -> None:
    """What is known would be looked up while a program is traced: W₂ raised an error of JAX.

    Tracing is where it failed, so nothing is compiled. Quantiles of a Gamma are found by a program,
    and ends of a distribution that is moved too.
    """
    shift = nd.transforms.AffineTransform(1.0, -2.0)
    for known in (nd.Gamma(2.0, 1.0), nd.TransformedDistribution(nd.Beta(2.0, 3.0), shift)):
        found = jax.eval_shape(lambda low, q=known: divergence(nd.Uniform(low, 2.0), q), 0.5)
        assert found.shape == ()


# An integral takes the rows in blocks, here two; the last is filled up, for 257 is a prime.
@pytest.mark.parametrize(
    ("divergence", "size"), [(divlab.kl, 3), (divlab.js, 257), (divlab.wasserstein, 3)]
)
def test_vmap_is_a_loop(divergence: Callable[..., Any], size: int) -> None:
    def of_scale(scale: Any) -> Any:
        return divergence(nd.Normal(0.0, 1.0), nd.Laplace(0.5, scale))

    scales, rows = jnp.linspace(0.3, 4.0, size), np.array([0, size // 2, size // 2 + 1, -1])
    loop = [float(of_scale(scale)) for scale in scales[rows]]
    np.testing.assert_allclose(jax.vmap(of_scale)(scales)[rows], loop, rtol=1e-5)


def test_constants_in_a_traced_function() -> None:
    # They are integrated on the host, where a program must not become a part of the trace.
    p, q = nd.Normal(0.0, 1.0), nd.Laplace(0.5, 2.0)
    x, y = np.random.default_rng(0).normal(size=(2, 20))
    for f, pair in (
        (divlab.js, (p, q)),
        (divlab.wasserstein, (p, q)),
        (divlab.kl, (x, y)),
        (divlab.js, (x, y)),
        (divlab.kl, (x, q)),
    ):
        expected = float(f(*pair))
        assert float(jax.jit(lambda t, f=f, pair=pair: t * f(*pair))(2.0)) == 2 * np.float32(
            expected
        )


def test_vmap_over_samples() -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 5, 20)).astype("float32")
    for f in (divlab.kl, divlab.wasserstein):
        loop = [float(f(a, b)) for a, b in zip(x, y, strict=True)]
        found = jax.jit(jax.vmap(f))(x, y)  # one program, where `vmap` alone runs some fifty
        np.testing.assert_allclose(found, loop, rtol=1e-4)


def test_a_traced_order() -> None:
    x, y = jnp.array([0.0, 1.0]), jnp.array([0.0, 0.5, 1.0])
    of_order = jax.jit(lambda order: divlab.wasserstein(x, y, order=order))
    for order in (1.0, 2.0, np.inf):
        expected = float(divlab.wasserstein(x, y, order=order))
        assert float(of_order(order)) == pytest.approx(expected, rel=1e-5)


def test_a_new_parameter_compiles_nothing(compilations: list[float]) -> None:
    def compute(shift: float, weight: float) -> None:
        p, q = nd.Normal(shift, 1.0), nd.Laplace(0.5, shift)
        divlab.kl(p, q), divlab.js(p, q, weight=weight), divlab.wasserstein(p, q)
        divlab.kl(p, nd.Normal(0, shift))

    compute(2.0, 0.5)
    compilations.clear()
    for shift, weight in [(1, 0.2), (0.3, 0.9), (3, 0.4)]:
        compute(shift, weight)
    assert not compilations
    jax.jit(lambda x: x + 1)(1.0)
    assert compilations  # so the listener hears


def test_traced_sums_keep_all_digits_on_a_gpu() -> None:
    """By default a GPU rounds the factors of a product to 11 bits, which is seen on a GPU only."""

    def everything(loc: Any) -> Any:
        p, q = nd.Normal(loc, 1.0), nd.Gumbel(0.0, 1.0)
        verbs = divlab.kl, divlab.js, divlab.wasserstein, divlab.cramer, divlab.ks
        found = [verb(p, q) for verb in verbs]
        found += [divlab.mmd(p, q, bandwidth=1.0), divlab.wasserstein(p, q, order=2)]
        points = on_nodes.Atoms(loc + jnp.linspace(-1.0, 1.0, 9))
        target = on_nodes.Sample(jnp.linspace(-2.0, 2.0, 5))
        return sum(found) + on_nodes.discrepancy(target, points, 1.0).value

    program = jax.jit(jax.value_and_grad(everything)).lower(0.5).as_text()
    products = [line for line in program.splitlines() if "dot_general" in line]
    assert len(products) > 10
    assert all("precision = [HIGHEST, HIGHEST]" in line for line in products)


LOWER = """
import hashlib
import jax
import jax.numpy as jnp
from numpyro.distributions import Gumbel, Laplace
from divlab.divergences import families
from divlab.divergences.integrals import integral, packed, known
pair = packed.Packed(Laplace(0.0, 1.0)), packed.Packed(Gumbel(0.0, 1.0))
traced = jax.jit(lambda pair: integral.integral(families.integrand, pair, families.kl))
numbers, structure = jax.tree.flatten(pair[0])
density = known.density_program(structure)
texts = [traced.lower(pair).as_text(), density.lower(numbers, jnp.zeros(1024)).as_text()]
print(hashlib.sha256("".join(texts).encode()).hexdigest())
"""


def test_the_program_is_the_same_in_every_process(capsys: pytest.CaptureFixture[str]) -> None:
    # Else a compiled program that is kept on disk would be found again only by luck.
    def lowered(seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", LOWER]
        done = subprocess.run(command, env=environment, capture_output=True, check=True, text=True)
        return done.stdout

    exec(LOWER, {})  # in this process, whose seed is another one
    assert capsys.readouterr().out == lowered("1")


@pytest.mark.parametrize(
    "distance",
    [
        divlab.ks,
        divlab.wasserstein,
        lambda p, q: divlab.wasserstein(p, q, order=3),
        divlab.cramer,
        divlab.mmd,
    ],
    ids=["ks", "w1", "w3", "cramer", "mmd"],
)
def test_the_slopes_in_ends_that_lie_in_one_place(distance: Callable[..., Any]) -> None:
    """What belongs to one distribution would move with the end of the other: W₁ had 0 for ½."""

    def of_ends(ends: Any) -> jax.Array:
        low, high, low_of_q = ends
        value: jax.Array = distance(nd.Uniform(low, high), nd.Uniform(low_of_q, 0.7))
        return value

    # Each end moves at a pace of its own, so that none can stand for another.
    ends, pace, step = np.array([0.0, 1.0, 0.0]), np.array([1.0, 0.8, -0.6]), 1e-5
    with jax.enable_x64(True):
        up, down = (float(of_ends(ends + sign * step * pace)) for sign in (1, -1))
        found = np.asarray(jax.grad(of_ends)(jnp.asarray(ends)))
    assert found @ pace == pytest.approx((up - down) / (2 * step), abs=1e-4)


def test_the_slope_of_w2_by_quadrature_in_ends_that_lie_in_one_place() -> None:
    """Two Uniforms have a closed form, and another rule."""

    def of_low(low: Any) -> jax.Array:
        return divlab.wasserstein(nd.Uniform(low, 1.0), nd.Exponential(2.0), order=2)

    with jax.enable_x64(True):
        difference = (float(of_low(1e-5)) - float(of_low(-1e-5))) / 2e-5
        assert float(jax.grad(of_low)(0.0)) == pytest.approx(difference, rel=1e-4)
