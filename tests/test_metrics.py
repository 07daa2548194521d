"""Coverage against cases whose answer is known, and Wilson's interval against SciPy's."""

from typing import Any

import jax
import numpy as np
import pytest
from numpyro.distributions import Distribution, Normal, Uniform
from scipy import stats

import divlab
from divlab.metrics import wilson
from divlab.models import Runs
from divlab.targets import gaussian_mixture, two_gaussians

TARGET = two_gaussians(4.0, 0.5)
INSIDE = 2 * stats.norm.cdf(3) - 1  # of a Gaussian, within 3 scales


def test_the_target_itself() -> None:
    found = divlab.coverage(TARGET, TARGET)
    np.testing.assert_allclose(found.mode_fractions, [0.5, 0.5], atol=1e-5)
    assert int(found.modes_covered) == 2
    assert float(found.high_quality) == pytest.approx(INSIDE, abs=2e-4)
    assert float(found.bridge) == pytest.approx(1 - INSIDE, abs=2e-4)
    assert float(found.sharpness) == pytest.approx(1.0, abs=1e-3)


def test_samples_of_the_target() -> None:
    found = divlab.coverage(TARGET.sample(jax.random.key(0), (100_000,)), TARGET)
    np.testing.assert_allclose(found.mode_fractions, [0.5, 0.5], atol=0.006)
    assert int(found.modes_covered) == 2
    assert float(found.high_quality) == pytest.approx(INSIDE, abs=0.001)
    assert float(found.sharpness) == pytest.approx(1.0, abs=0.01)


def test_one_mode_only() -> None:
    found = divlab.coverage(Normal(2.0, 0.5), TARGET)
    np.testing.assert_allclose(found.mode_fractions, [0.0, 1.0], atol=1e-4)
    assert int(found.modes_covered) == 1
    assert float(found.sharpness) == pytest.approx(1.0, abs=1e-3)


def test_a_collapse_to_a_point_is_too_sharp() -> None:
    found = divlab.coverage(Normal(2.0, 0.05), TARGET)
    assert int(found.modes_covered) == 1
    # What is cut off at 3 of the target's scales is nothing of a Gaussian ten times narrower.
    assert float(found.sharpness) == pytest.approx(0.1 / 0.98658, rel=0.02)


def test_a_bridge() -> None:
    found = divlab.coverage(Uniform(-0.5, 0.5), TARGET)
    assert float(found.bridge) == pytest.approx(1.0, abs=1e-6)
    assert float(found.high_quality) == pytest.approx(0.0, abs=1e-6)
    assert int(found.modes_covered) == 0
    assert np.isnan(found.sharpness)
    np.testing.assert_allclose(found.mode_fractions, [0.5, 0.5], atol=1e-5)


def test_the_rule_of_five_per_cent() -> None:
    """0.06 of the due half is held by three samples of a hundred, 0.04 by two."""
    for held, modes_covered in ((3, 2), (2, 1)):
        samples = np.concatenate([np.full(held, -2.0), np.full(100 - held, 2.0)])
        assert int(divlab.coverage(samples, TARGET).modes_covered) == modes_covered


def test_unequal_weights_are_what_is_due() -> None:
    rare = gaussian_mixture([-2.0, 2.0], 0.5, [0.02, 0.98])
    found = divlab.coverage(rare, rare)
    np.testing.assert_allclose(found.mode_fractions, [0.02, 0.98], atol=1e-4)
    assert int(found.modes_covered) == 2


def test_a_run_is_measured_as_its_samples_are(vae_runs: Runs) -> None:
    one = vae_runs[0]
    exact = divlab.coverage(one, one.target)
    drawn = divlab.coverage(one.sample(1, 100_000), one.target)
    assert int(exact.modes_covered) == int(drawn.modes_covered)
    for name in ("mode_fractions", "high_quality", "bridge", "sharpness"):
        np.testing.assert_allclose(getattr(exact, name), getattr(drawn, name), atol=0.01)
    again = divlab.coverage(one.distribution(), one.target)
    np.testing.assert_allclose(again.mode_fractions, exact.mode_fractions, atol=1e-6)


def test_runs_have_an_axis_of_seeds(vae_runs: Runs) -> None:
    together = divlab.coverage(vae_runs, vae_runs.target)
    n = len(vae_runs)
    assert together.mode_fractions.shape == (n, 2)
    for name in together._fields[1:]:
        assert getattr(together, name).shape == (n,), name
    for i, run in enumerate(vae_runs):
        for whole, alone in zip(together, divlab.coverage(run, run.target), strict=True):
            np.testing.assert_allclose(whole[i], alone, atol=1e-5)


RNG = np.random.default_rng(0)
PAIR = np.where(RNG.random(200) < 0.5, -2.0, 2.0) + 0.5 * RNG.normal(size=200)
COLUMNS: dict[str, Any] = {
    "dice": RNG.integers(1, 7, 600),
    "few dice": [1, 6, 6, 3, 2],
    "coins": RNG.integers(0, 2, 100),
    "two values": np.repeat([-2.0, 2.0], [30, 70]),
    "counts": RNG.poisson(3.0, 1000),
    "rounded": np.round(RNG.normal(size=500), 1),
    "one outlier": np.append(PAIR, -9999.0),
    "outliers": np.concatenate([PAIR, [1e6, -1e6, 1e9]]),
    "one is different": np.append(np.full(99, 5.0), 6.0),
    "one is far": np.append(np.full(99, 5.0), 1e6),
    "most are equal": np.append(np.zeros(60), RNG.normal(size=40)),
    "Cauchy": RNG.standard_cauchy(1000),
    "Student": RNG.standard_t(2, 300),
    "log-normal": RNG.lognormal(sigma=1.5, size=800),
    "exponential": RNG.exponential(size=50),
    "two numbers": [0.0, 1.0],
    "three numbers": [1.0, 2.0, 1000.0],
    "far from 0": 1e5 + 0.01 * PAIR,
    "far and tiny": 1e-3 + 1e-12 * PAIR,
    "huge": 1e30 * PAIR,
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_is_as_sharp_as_itself(name: str) -> None:
    """Of dice it was 3.6e8 times less sharp: the width of a mode of ties was rounding."""
    x = COLUMNS[name]
    found = divlab.coverage(x, x)
    assert float(found.sharpness) == pytest.approx(1.0, abs=1e-6)
    assert int(found.modes_covered) == len(found.mode_fractions)
    assert float(found.mode_fractions.sum()) == pytest.approx(1.0, abs=1e-6)
    assert float(found.high_quality) > 0.9


@pytest.mark.parametrize(
    ("model", "target", "name"),
    [
        ([], TARGET, "run_or_samples"),
        ([1.0, np.nan], TARGET, "run_or_samples"),
        ([[1.0, 2.0]], TARGET, "run_or_samples"),
        (None, TARGET, "run_or_samples"),
        (Normal(np.zeros(2), 1.0), TARGET, "run_or_samples"),
        ([1.0, 2.0], None, "target"),
        ([1.0, 2.0], [3.0, 3.0], "target"),
    ],
)
def test_bad_input(model: Any, target: Distribution, name: str) -> None:
    with pytest.raises((TypeError, ValueError), match=name):
        divlab.coverage(model, target)


@pytest.mark.parametrize(
    ("successes", "trials"), [(0, 1), (1, 1), (0, 64), (8, 32), (64, 64), (500, 1000)]
)
@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.99])
def test_wilson(successes: int, trials: int, confidence: float) -> None:
    theirs = stats.binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    assert wilson(successes, trials, confidence) == pytest.approx(tuple(theirs), abs=1e-5)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((5, 4), "successes"),
        ((-1, 4), "successes"),
        ((0, 0), "successes"),
        ((1, 2, 1.0), "confidence"),
    ],
)
def test_wilson_refuses(arguments: Any, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        wilson(*arguments)
