"""What cannot be right is refused, by the name of the argument; what can be is not."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from divlab.methods import NearestNeighbours
from numpyro import distributions as nd

import divlab
from divlab.pytrees import pytree

X, Y = [0.0, 1.0, 2.5], [0.5, 1.5, 3.0, 4.0]
N = nd.Normal(0.0, 1.0)

BAD_ARGUMENTS = [
    ([0.0, np.nan], ValueError, "NaN at index 1"),
    ([], ValueError, "empty"),
    ([[0.0, 1.0]], ValueError, r"1-D, got shape \(1, 2\)"),
    (3.0, ValueError, "1-D"),
    ([1j, 2.0], TypeError, "complex"),
    ("normal", TypeError, "str"),
    (["a", "b"], TypeError, "numbers"),
    (None, TypeError, "NoneType"),
    ([None, 1.0], TypeError, "numbers"),
    ([[1.0], [1.0, 2.0]], TypeError, "numbers"),
    ([1e300, 0.0], ValueError, "float32"),
    (nd.Normal, TypeError, "instance"),
    (nd.Normal(jnp.zeros(2), 1.0), ValueError, "batch_shape"),
    (nd.MultivariateNormal(jnp.zeros(2), jnp.eye(2)), ValueError, "univariate"),
    (nd.Poisson(3.0), ValueError, "continuous"),
    (nd.Normal(jnp.nan, 1.0, validate_args=False), ValueError, "NaN in its parameter loc"),
]


DIVERGENCES: list[Callable[..., Any]] = [
    divlab.kl,
    divlab.reverse_kl,
    divlab.jeffreys,
    divlab.js,
    divlab.tv,
    divlab.hellinger,
    divlab.chi2,
    partial(divlab.renyi, alpha=2.0),
    partial(divlab.renyi, alpha=np.inf),
    partial(divlab.f_divergence, f="neyman"),
    divlab.wasserstein,
]


@pytest.mark.parametrize(("bad", "error", "message"), BAD_ARGUMENTS)
@pytest.mark.parametrize("name", ["p", "q"])
def test_bad_argument(name: str, bad: Any, error: type[Exception], message: str) -> None:
    for divergence in DIVERGENCES:
        arguments = {"p": X, "q": X, name: bad}
        with pytest.raises(error, match=rf"^{name}\b.*{message}"):
            divergence(**arguments)


class Doubled(nd.Normal):  # type: ignore[misc]  # numpyro has no types
    """Not a density: it integrates to 2."""

    def log_prob(self, value: jax.Array) -> Any:
        return super().log_prob(value) + np.log(2)


BAD_CALLS = [
    (lambda: divlab.wasserstein(X, Y, [1, -1, 1]), ValueError, "p_weights must be .*-1"),
    (lambda: divlab.wasserstein(X, Y, [1, np.inf, 1]), ValueError, "p_weights must be finite"),
    (lambda: divlab.wasserstein(X, Y, [1, np.nan, 1]), ValueError, "p_weights .* NaN"),
    (lambda: divlab.wasserstein(X, Y, [0, 0, 0]), ValueError, "p_weights must not all be zero"),
    (lambda: divlab.wasserstein(X, Y, None, [1, 1]), ValueError, "q_weights .* 2 for 4"),
    (lambda: divlab.wasserstein(N, Y, [1]), ValueError, "p_weights goes with samples"),
    (lambda: divlab.wasserstein(X, Y, order=0.5), ValueError, "order must be at least 1"),
    (lambda: divlab.wasserstein(X, Y, order=np.nan), ValueError, "order"),
    (lambda: divlab.wasserstein(X, Y, order="2"), TypeError, "order"),
    (lambda: divlab.js(X, Y, weight=0), ValueError, "weight must be strictly between"),
    (lambda: divlab.js(X, Y, weight=1.0), ValueError, "weight must be strictly between"),
    (lambda: divlab.renyi(N, N, alpha=0), ValueError, "alpha must be above 0"),
    (lambda: divlab.renyi(N, N, alpha=-1.0), ValueError, "alpha must be above 0"),
    (lambda: divlab.renyi(N, N, alpha=np.nan), ValueError, "alpha must be above 0"),
    (lambda: divlab.renyi(N, N, alpha="2"), TypeError, "alpha must be a number"),
    (lambda: divlab.renyi(X, Y, alpha=np.inf), ValueError, "alpha=inf"),
    (lambda: divlab.renyi(X, Y, alpha=2, method="quadrature"), ValueError, "for renyi of two sa"),
    (lambda: divlab.f_divergence(N, N, "nope"), ValueError, "f must be one of kl, reverse_kl"),
    (lambda: divlab.f_divergence(N, N, np.exp), TypeError, "f must be a row of divlab.families"),
    (lambda: divlab.kl([1.0], Y), ValueError, "p has 1 samples, too few"),
    (lambda: divlab.kl(X, Y, method=NearestNeighbours(3)), ValueError, "p has 3 samples"),
    (lambda: divlab.tv(X, [2, 2, 2]), ValueError, "q holds 3 samples that are all 2"),
    (lambda: divlab.kl(X, [0.0, 1.0, np.inf]), ValueError, "q holds infinite samples"),
    (lambda: divlab.kl(X, Y, method="closed_form"), ValueError, "do: nearest_neighbours"),
    (lambda: divlab.kl(N, N, method="nope"), ValueError, "do: closed_form, quadrature"),
    (lambda: divlab.js(N, N, method="closed_form"), ValueError, "do: quadrature"),
    (lambda: divlab.kl(N, X), ValueError, "samples as p"),
    (lambda: divlab.js(X, N), ValueError, "density ratio"),
    (lambda: divlab.cross_entropy(N, X), ValueError, "q must be a distribution"),
    (lambda: divlab.kl(Doubled(0.0, 1.0), N), ValueError, "p could not be resolved.*2 instead"),
    (lambda: divlab.kl(N, Doubled(0.0, 1.0)), ValueError, "q could not be resolved.*2 instead"),
    (lambda: NearestNeighbours(0), ValueError, "k must be"),
    (lambda: NearestNeighbours(2.5), TypeError, "k must be"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD_CALLS)
def test_bad_call(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("kind", ["int8", "uint8", "int64", "bool", "float16", "float64"])
def test_numbers_of_any_kind_are_promoted_exactly(kind: type[Any]) -> None:
    x, y = np.array([0, 1, 1], kind), np.array([1, 0, 0, 0], kind)
    got = divlab.wasserstein(x, y)
    assert got.dtype == jnp.float32
    assert float(got) == pytest.approx(2 / 3 - 1 / 4, rel=1e-6)


def test_bytes_do_not_wrap_around() -> None:
    assert float(divlab.wasserstein(np.array([0], "uint8"), np.array([255], "uint8"))) == 255


def test_bfloat16_is_promoted() -> None:
    assert float(divlab.wasserstein(jnp.array([1.5], jnp.bfloat16), [0.0])) == 1.5


def test_one_infinite_sample_is_infinitely_far() -> None:
    assert float(divlab.wasserstein([0.0, np.inf], Y)) == np.inf
    assert float(divlab.wasserstein([0.0, -np.inf], N)) == np.inf


def test_weights_need_not_be_normalised() -> None:
    assert divlab.wasserstein(X, Y, [2, 4, 2]) == divlab.wasserstein(X, Y, [0.25, 0.5, 0.25])


@pytest.mark.parametrize("divergence", [divlab.kl, divlab.wasserstein])
def test_nan_under_jit_gives_nan(divergence: Callable[..., Any]) -> None:
    """Of samples. Of distributions it is in `test_hard`, where their programs are."""
    program = jax.jit(divergence)
    x = np.array([0.0, 0.5, 1.0, 2.0], np.float32)
    assert np.isfinite(program(x, np.array(Y, np.float32)))
    x[1] = np.nan
    assert np.isnan(program(x, np.array(Y, np.float32)))


@pytest.mark.parametrize(
    ("function", "value"),
    [
        (lambda s: divlab.wasserstein(nd.Exponential(s), nd.Exponential(1.0)), -1.0),
        (lambda s: divlab.kl(nd.Cauchy(0.0, s), nd.Cauchy(0.0, 1.0)), -1.0),
        (lambda s: divlab.entropy(nd.Normal(0.0, s)), -1.0),
        (lambda s: divlab.renyi(nd.Normal(0.0, s), N, alpha=0.5), -1.0),
        (lambda s: divlab.chi2(nd.Beta(s, 1.0), nd.Beta(1.0, 1.0)), -1.0),
        # That of distributions with order=inf is in `test_hard`, where its program is.
        (lambda o: divlab.wasserstein(np.arange(3.0), np.arange(4.0), order=o), 0.5),
        (lambda b: divlab.mmd(np.arange(3.0), np.arange(4.0), bandwidth=b), -1.0),
        (lambda w: divlab.energy(np.arange(3.0), np.arange(4.0), jnp.stack([w, 1.0, 1.0])), -0.5),
    ],
)
def test_under_jit_what_cannot_be_is_nan(function: Callable[..., Any], value: Any) -> None:
    """Where a formula would give a plausible number; with an allowed value there is one."""
    assert np.isnan(jax.jit(function)(value))
    assert np.isfinite(jax.jit(function)(2.0))


@pytest.mark.parametrize(
    "build",
    [
        lambda: divlab.kl(nd.Uniform(2.0, 1.0), nd.Uniform(0.0, 1.0)),
        lambda: divlab.kl(nd.Normal(0.0, jnp.inf), N),
        lambda: divlab.families.Alpha(-1.0),
        lambda: divlab.families.JS(2.0),
    ],
)
def test_distributions_and_rows_that_cannot_be(build: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match=r"support|infinite|alpha|weight"):
        build()


def test_a_row_of_ones_own_is_not_taken_for_the_built_in_of_its_name() -> None:
    @pytree
    class Half(divlab.families.Family):
        name = "kl"
        at_zero = at_infinity = 0.5

        def perspective(self, log_p: jax.Array, log_q: jax.Array) -> jax.Array:
            return 0.5 * jnp.abs(jnp.exp(log_p) - jnp.exp(log_q))

    other = nd.Normal(1.0, 2.0)
    exact = float(divlab.tv(N, other))
    assert float(divlab.f_divergence(N, other, Half())) == pytest.approx(exact, rel=1e-5)


def test_a_supremum_over_tails_that_underflow_is_infinite() -> None:
    """Gumbel's left tail falls off like exp(-e^-x)."""
    assert float(divlab.renyi(N, nd.Gumbel(1.0, 2.0), alpha=np.inf)) == np.inf
