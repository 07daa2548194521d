"""Integrands that count as far as a log density is a number, and beyond."""

from typing import Any

import jax
import numpy as np
import pytest
from numpyro.distributions import (
    Cauchy,
    Distribution,
    Exponential,
    Gompertz,
    Gumbel,
    Laplace,
    Logistic,
    Normal,
    StudentT,
)
from scipy import stats

import divlab
from divlab.divergences.comparison import compare

# p |log q| tends to a constant, until p is 0 for a computer. It came out as 352.4 and 705.4.
BY_A_HAIR = {
    "laplace": (Laplace(0.0, 1.0), Gumbel(0.0, 1.0)),
    "logistic": (Logistic(0.0, 1.0), Gumbel(0.0, 1.0)),
    "wide": (Laplace(3.0, 100.0), Gumbel(3.0, 100.0)),
    "right": (Exponential(1.0), Gompertz(0.5, 1.0)),
}


def of_laplace_and_gumbel(scale: float) -> float:
    """KL of Laplace(0, scale) from Gumbel(0, 1), of which E[e^-x] is 1 / (1 - scale²)."""
    return -np.log(2 * scale) - 1 + 1 / (1 - scale**2) if scale < 1 else np.inf


@pytest.mark.parametrize("pair", BY_A_HAIR.values(), ids=BY_A_HAIR)
def test_what_is_infinite_by_a_hair_is_infinite(pair: tuple[Distribution, Distribution]) -> None:
    p, q = pair
    assert divlab.kl(p, q) == divlab.cross_entropy(p, q) == divlab.reverse_kl(q, p) == np.inf
    assert divlab.jeffreys(p, q) == compare(p, q, "kl", "js")["kl"] == np.inf
    assert np.isfinite(divlab.reverse_kl(p, q))
    assert 0 < divlab.js(p, q) < np.log(2)


@pytest.mark.parametrize("scale", [0.5, 0.9, 0.95, 1.001, 1.05, 2.0])
def test_an_integrand_that_falls_or_grows_slowly(scale: float) -> None:
    """Where it grows, it is infinite; where it falls in time, all of it is seen."""
    found = divlab.kl(Laplace(0.0, scale), Gumbel(0.0, 1.0))
    assert found == pytest.approx(of_laplace_and_gumbel(scale), rel=1e-6)


@pytest.mark.parametrize("scale", [0.97, 0.999, 0.99999])
def test_what_lies_beyond_the_overflow_is_not_left_out(scale: float) -> None:
    """The integrals would be finite and too small: at 0.99, 8e-4 of it lies where p is 0."""
    p, q = Laplace(0.0, scale), Gumbel(0.0, 1.0)
    for found in (divlab.kl, divlab.cross_entropy, jax.grad(divlab.kl)):
        with pytest.raises(ValueError, match=r"overflows before.*may be infinite"):
            found(p, q)
    assert 0 < divlab.tv(p, q) < 1


@pytest.mark.parametrize("scale", [1.5, 3.0, 12.0, 100.0])
def test_heavier_tails_are_infinite_too(scale: float) -> None:
    """A tail that ends where log q overflows would cut off mass of P, and be refused."""
    q = Gumbel(0.0, 1.0)
    for p in (Laplace(0.0, scale), StudentT(30.0, 0.0, scale), Cauchy(0.0, scale)):
        assert divlab.kl(p, q) == divlab.cross_entropy(p, q) == divlab.jeffreys(q, p) == np.inf
        assert 0 < divlab.tv(p, q) < 1
        assert np.isfinite(divlab.kl(q, p))


@pytest.fixture(scope="module")
def learned() -> Any:
    """What an untrained GAN makes of noise: its log density overflows next to its mass."""
    target = divlab.targets.two_gaussians(4.0, 0.5)
    training = divlab.models.Training(divlab.GAN(hidden=(8,)), target, batch_size=32)
    return training.untrained().distribution(0)


def test_a_log_density_that_overflows_wherever_its_tail_begins(learned: Any) -> None:
    """No tail of the target must end there."""
    target = divlab.targets.two_gaussians(4.0, 0.5)
    assert divlab.kl(target, learned) == np.inf
    assert np.isfinite(divlab.kl(learned, target))
    assert 0 < divlab.js(target, learned) < np.log(2)


def test_a_log_density_that_jumps_leaves_nothing_out(learned: Any) -> None:
    """It does not grow towards the overflow, so what lies beyond is next to nothing."""
    x = np.linspace(-3.0, 3.0, 60_001)
    log_q = np.asarray(learned.log_prob(x), float)
    low, high = x[log_q > -1e3][[0, -1]]
    p = stats.norm((low + high) / 2, (high - low) / 2 / np.sqrt(2 * 711.0))
    step, inside = x[1] - x[0], p.pdf(x) > 1e-30
    truth = np.sum(p.pdf(x[inside]) * (p.logpdf(x[inside]) - log_q[inside])) * step
    assert divlab.kl(Normal(*p.args), learned) == pytest.approx(truth, rel=1e-3)


def test_traced_integrals_where_the_tail_tells() -> None:
    """Where floating point ends while the integrand is a constant, they are too small; see docs."""
    kl = jax.jit(divlab.kl)
    found = {s: float(kl(Laplace(0.0, s), Gumbel(0.0, 1.0))) for s in (0.5, 3.0)}
    assert found[0.5] == pytest.approx(of_laplace_and_gumbel(0.5), rel=1e-5)
    assert found[3.0] == np.inf
