"""Estimates by nearest neighbours are consistent, and hold up on rounded data."""

import numpy as np
import pytest

import divlab
import divlab.targets
from divlab.methods import NearestNeighbours

KL, JS, TV = 0.44314718056, 0.12817497305, 0.39006566012  # N(0, 1) against N(1, 2)


def draw(seed, n=2000):
    random = np.random.default_rng(seed)
    return random.normal(0, 1, n), random.normal(1, 2, n)


@pytest.mark.parametrize(
    ("estimate", "truth", "bias"),
    [
        (divlab.kl, KL, 0.01),
        (divlab.js, JS, 0.01),
        (divlab.tv, TV, 0.03),  # counted ratios widen |p - q| where p and q are close
        (lambda x, y: divlab.entropy(x), 0.5 * np.log(2 * np.pi * np.e), 0.01),
    ],
)
def test_consistency(estimate, truth, bias):
    estimates = [float(estimate(*draw(seed))) for seed in range(12)]
    standard_error = np.std(estimates, ddof=1) / np.sqrt(len(estimates))
    assert abs(np.mean(estimates) - truth) < 3 * standard_error + bias


def test_the_order_of_samples_does_not_matter():
    x, y = draw(0, 50)
    mixed = np.random.default_rng(1).permutation
    for f in (divlab.kl, divlab.js, divlab.tv, divlab.wasserstein):
        assert float(f(x, y)) == float(f(mixed(x), mixed(y)))


def test_kl_of_far_samples_is_capped_near_log_n():
    x, y = draw(2)
    far = float(divlab.kl(x, y + 1e5))
    assert np.log(2000) < far < np.inf
    assert float(divlab.js(x, y + 1e5)) == pytest.approx(np.log(2), rel=1e-3)
    assert float(divlab.tv(x, y + 1e5)) == pytest.approx(1, rel=1e-3)


@pytest.mark.parametrize("decimals", [0, 1, 2])
def test_rounded_data_is_finite_and_near_the_truth(decimals):
    x, y = (np.round(sample, decimals) for sample in draw(3))
    assert float(divlab.kl(x, y)) == pytest.approx(KL, abs=0.15)
    assert float(divlab.entropy(x)) == pytest.approx(0.5 * np.log(2 * np.pi * np.e), abs=0.15)
    for f in (divlab.js, divlab.tv):
        assert 0 < float(f(x, y)) < 1


def test_old_faithful_has_ties_and_an_entropy():
    x = np.asarray(divlab.targets.old_faithful())
    assert len(np.unique(x)) < len(x) == 272
    # A mixture of two Gaussians fitted by maximum likelihood has 1.016 nats per sample. Up to
    # eight times are equal, so it takes more neighbours than that to see past the rounding.
    estimate = divlab.entropy(x, method=NearestNeighbours(20))
    assert float(estimate) == pytest.approx(1.016, abs=0.15)
    assert np.isfinite(divlab.entropy(x))
