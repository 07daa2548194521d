"""Every row of the table of families: what its parts must be to one another, and the bounds."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro import distributions as nd
from scipy import stats

import divlab
from divlab import families
from divlab.compiling import QUICKLY, jit_with

ROWS = [
    *families.FAMILIES.values(),
    families.JS(0.2),
    families.Alpha(0.3),
    families.Alpha(3.0),
]
every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: repr(row))

# f(u) as the literature has it, up to a multiple of u - 1, which no divergence notices.
TEXTBOOK = {
    "kl": lambda u: u * np.log(u),
    "reverse_kl": lambda u: -np.log(u),
    "jeffreys": lambda u: (u - 1) * np.log(u),
    "tv": lambda u: np.abs(u - 1) / 2,
    "hellinger": lambda u: 1 - np.sqrt(u),
    "pearson": lambda u: (u - 1) ** 2,
    "neyman": lambda u: (u - 1) ** 2 / u,
    "js": lambda u: (u * np.log(u) - (u + 1) * np.log((u + 1) / 2)) / 2,
}


SIZE = 24001  # of every array that a program gets, so that it is compiled once for each row
POINTS = np.array([0.05, 0.4, 0.8, 1.3, 6.0])  # values of p/q


@jit_with(QUICKLY)
def _f(row: Any, u: jax.Array) -> jax.Array:
    value: jax.Array = row.perspective(jnp.log(u), jnp.zeros_like(u))
    return value


@jit_with(QUICKLY)
def _best(row: Any, u: jax.Array) -> jax.Array:
    """The best critic where p/q = u."""
    value: jax.Array = row.optimal_critic(jnp.log(u))
    return value


@jit_with(QUICKLY)
def _conjugate(row: Any, t: jax.Array) -> jax.Array:
    value: jax.Array = row.conjugate(t)
    return value


@jit_with(QUICKLY)
def _activation(row: Any, v: jax.Array) -> tuple[jax.Array, jax.Array]:
    """A critic in the domain of f*, and f* of it."""
    critic = row.activation(v)
    return critic, row.conjugate(critic)


def at(program: Callable[[Any, Any], Any], row: Any, values: Any) -> Any:
    """What a program makes of `values`, as NumPy's arrays of their length."""
    padded = np.resize(values, SIZE)
    return jax.tree.map(lambda found: np.asarray(found)[: np.size(values)], program(row, padded))


def test_the_table_has_a_textbook_formula_for_every_row() -> None:
    assert set(TEXTBOOK) == set(families.FAMILIES)


@pytest.mark.parametrize("name", TEXTBOOK)
def test_f_is_the_textbooks_up_to_what_no_divergence_notices(name: str) -> None:
    u = np.array([0.01, 0.3, 0.9, 2.0, 30.0])
    with jax.enable_x64(True):
        difference = at(_f, families.FAMILIES[name], u) - TEXTBOOK[name](u)
    slope = difference[-1] / (u[-1] - 1)
    np.testing.assert_allclose(difference, slope * (u - 1), rtol=0, atol=1e-12)


@every_row
def test_f_is_convex_and_least_at_one(row: Any) -> None:
    with jax.enable_x64(True):
        values = at(_f, row, np.linspace(0.05, 4.0, 80))
    assert np.all(values >= 0)
    assert np.all(np.diff(values, 2) >= -1e-12)
    assert at(_f, row, [1.0]) == 0


@every_row
def test_limits(row: Any) -> None:
    """f(0) and lim f(u)/u; where they are infinite f is large."""
    with jax.enable_x64(True):
        near_zero, far = at(_f, row, [1e-8, 1e8])
        for limit, got in ((row.at_zero, near_zero), (row.at_infinity, far / 1e8)):
            if np.isinf(limit):
                assert got > 10
            else:
                assert got == pytest.approx(float(limit), rel=1e-2)


@every_row
def test_the_best_critic_is_the_slope_of_f(row: Any) -> None:
    step = 1e-6
    with jax.enable_x64(True):
        slope = (at(_f, row, POINTS + step) - at(_f, row, POINTS - step)) / (2 * step)
        np.testing.assert_allclose(at(_best, row, POINTS), slope, rtol=1e-6, atol=1e-8)


@every_row
def test_conjugate(row: Any) -> None:
    """f*(t) is the largest of u t - f(u), reached at the u whose slope t is."""
    u = np.logspace(-3, 3, 20001)
    with jax.enable_x64(True):
        slopes = at(_best, row, POINTS)
        brute = np.max(slopes[:, None] * u - at(_f, row, u), axis=1)
        np.testing.assert_allclose(at(_conjugate, row, slopes), brute, rtol=1e-5, atol=1e-6)


@every_row
def test_the_activation_reaches_the_whole_domain_and_no_farther(row: Any) -> None:
    critic, conjugate = at(_activation, row, np.linspace(-4.0, 4.0, 101))
    assert np.all(np.diff(critic) > 0)
    assert np.all(np.isfinite(conjugate))
    assert critic[0] < 0 < critic[-1]


@every_row
def test_the_bound_is_tight_at_the_best_critic_and_below_elsewhere(row: Any) -> None:
    x = np.linspace(-12.0, 12.0, SIZE)
    p, q = stats.norm(0.0, 1.0).pdf(x), stats.norm(0.5, 1.2).pdf(x)

    def bound(critic: np.ndarray) -> float:
        return float((p @ critic - q @ at(_conjugate, row, critic)) * (x[1] - x[0]))

    with jax.enable_x64(True):
        there = nd.Normal(0.0, 1.0), nd.Normal(0.5, 1.2)
        truth = float(divlab.f_divergence(*there, row, method="quadrature"))
        best = at(_best, row, p / q)
        assert bound(best) == pytest.approx(truth, rel=1e-6)
        assert bound(0.9 * best) < truth


def test_rows_by_name_by_class_and_as_objects_are_the_same() -> None:
    p, q = nd.Normal(0.0, 1.0), nd.Normal(1.0, 2.0)
    expected = float(divlab.kl(p, q))
    for f in ("kl", families.KL, families.kl):
        assert float(divlab.f_divergence(p, q, f)) == expected


def test_a_new_number_of_a_row_compiles_nothing(compilations: list[float]) -> None:
    p, q = nd.Normal(0.0, 1.0), nd.Laplace(0.0, 1.0)
    divlab.f_divergence(p, q, families.Alpha(0.5))
    compilations.clear()
    values: list[Any] = [0.7, 2, np.float32(3)]
    for alpha in values:
        divlab.f_divergence(p, q, families.Alpha(alpha))
    assert not compilations
