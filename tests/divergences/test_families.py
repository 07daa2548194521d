"""Every row of the table of families: what its parts must be to one another, and the bounds."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro import distributions as nd

import divlab
from divlab import families
from divlab.divergences.integrals import densities

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


def f_of(row: Any) -> Callable[[Any], jax.Array]:
    return lambda u: row.perspective(jnp.log(u), jnp.zeros_like(u))


def test_the_table_has_a_textbook_formula_for_every_row() -> None:
    assert set(TEXTBOOK) == set(families.FAMILIES)


@pytest.mark.parametrize("name", TEXTBOOK)
def test_f_is_the_textbooks_up_to_what_no_divergence_notices(name: str) -> None:
    u = np.array([0.01, 0.3, 0.9, 2.0, 30.0])
    with jax.enable_x64(True):
        difference = np.asarray(f_of(families.FAMILIES[name])(jnp.asarray(u))) - TEXTBOOK[name](u)
    slope = difference[-1] / (u[-1] - 1)
    np.testing.assert_allclose(difference, slope * (u - 1), rtol=0, atol=1e-12)


@every_row
def test_f_is_convex_and_least_at_one(row: Any) -> None:
    with jax.enable_x64(True):
        values = np.asarray(f_of(row)(jnp.linspace(0.05, 4.0, 80)))
    assert np.all(values >= 0)
    assert np.all(np.diff(values, 2) >= -1e-12)
    assert float(f_of(row)(jnp.array(1.0))) == 0


@every_row
def test_limits(row: Any) -> None:
    """f(0) and lim f(u)/u; where they are infinite f is large."""
    with jax.enable_x64(True):
        f = f_of(row)
        for limit, got in ((row.at_zero, f(jnp.array(1e-8))), (row.at_infinity, f(1e8) / 1e8)):
            if np.isinf(limit):
                assert float(got) > 10
            else:
                assert float(got) == pytest.approx(float(limit), rel=1e-2)


@every_row
def test_the_best_critic_is_the_slope_of_f(row: Any) -> None:
    u = np.array([0.05, 0.4, 0.8, 1.3, 6.0])
    with jax.enable_x64(True):
        f, step = f_of(row), 1e-6
        slope = (np.asarray(f(jnp.asarray(u + step))) - np.asarray(f(jnp.asarray(u - step)))) / step
        best = row.optimal_critic(jnp.log(jnp.asarray(u)))
        np.testing.assert_allclose(best, slope / 2, rtol=1e-6, atol=1e-8)


@every_row
def test_conjugate(row: Any) -> None:
    """f*(t) is the largest of u t - f(u), reached at the u whose slope t is."""
    with jax.enable_x64(True):
        u = jnp.logspace(-3, 3, 20001)
        slopes = row.optimal_critic(jnp.log(jnp.array([0.05, 0.4, 0.8, 1.3, 6.0])))
        brute = jnp.max(slopes[:, None] * u - f_of(row)(u), axis=1)
        np.testing.assert_allclose(row.conjugate(slopes), brute, rtol=1e-5, atol=1e-6)


@every_row
def test_the_activation_reaches_the_whole_domain_and_no_farther(row: Any) -> None:
    v = jnp.linspace(-4.0, 4.0, 101)
    critic = np.asarray(row.activation(v))
    assert np.all(np.diff(critic) > 0)
    assert np.all(np.isfinite(row.conjugate(jnp.asarray(critic))))
    assert critic[0] < 0 < critic[-1]


@every_row
def test_the_bound_is_tight_at_the_best_critic_and_below_elsewhere(row: Any) -> None:
    with jax.enable_x64(True):
        p, q = nd.Normal(0.0, 1.0), nd.Normal(0.5, 1.2)
        x = jnp.linspace(-12.0, 12.0, 24001)
        log_p, log_q = densities.log_density(p, x), densities.log_density(q, x)
        step = x[1] - x[0]

        def bound(critic: jax.Array) -> float:
            on_p = jnp.sum(jnp.exp(log_p) * critic)
            return float((on_p - jnp.sum(jnp.exp(log_q) * row.conjugate(critic))) * step)

        truth = float(divlab.f_divergence(p, q, row, method="quadrature"))
        best = row.optimal_critic(log_p - log_q)
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
