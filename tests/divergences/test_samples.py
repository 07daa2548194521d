"""Estimates from two samples are consistent, obey the laws, and hold up on rounded data."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import jax
import numpy as np
import pytest
from divlab.methods import KDE, Histogram, NearestNeighbours, Variational
from numpyro.distributions import Exponential
from scipy import spatial, special, stats

import divlab
import divlab.targets
from divlab import families
from divlab.divergences.methods.nearest_neighbours import neighbour_distance
from divlab.divergences.methods.samples import ordered
from tests.divergences import reference

P, Q = stats.norm(0, 1), stats.norm(1, 2)
TRUTHS = {
    "kl": np.log(2) - 1 / 4,
    "js": reference.js(P, Q),
    "tv": reference.tv(P, Q),
    "hellinger": 1 - np.sqrt(4 / 5) * np.exp(-1 / 20),
    "pearson": 4 / np.sqrt(7) * np.exp(1 / 7) - 1,
}
# How far the mean of many estimates from 1000 samples may lie from the truth: the tails that no
# sample reaches, smoothing, and for TV and JS the noise that cannot be told from a difference.
BIASES = {
    "nearest_neighbours": {
        "kl": 0.01,
        "js": 0.005,
        "tv": 0.01,
        "hellinger": 0.008,
        "pearson": 0.03,
    },
    "histogram": {"kl": 0.015, "js": 0.005, "tv": 0.01, "hellinger": 0.006, "pearson": 0.08},
    "kde": {"kl": 0.015, "js": 0.008, "tv": 0.005, "hellinger": 0.016, "pearson": 0.03},
    "variational": {"kl": 0.01, "tv": 0.01},
}
METHODS = {
    "nearest_neighbours": NearestNeighbours(),
    "histogram": Histogram(),
    "kde": KDE(),
    "variational": Variational(hidden=(16,), steps=200, learning_rate=3e-2),
}
ALL = {**families.FAMILIES, "alpha": families.Alpha(0.7)}
ENTROPY = 0.5 * np.log(2 * np.pi * np.e)


def draw(seed: int, n: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.normal(0, 1, n), random.normal(1, 2, n)


def mean_and_error(estimate: Callable[..., Any], seeds: int = 24) -> tuple[float, float]:
    estimates = [float(estimate(*draw(seed))) for seed in range(100, 100 + seeds)]
    return float(np.mean(estimates)), float(np.std(estimates, ddof=1) / np.sqrt(seeds))


@pytest.mark.parametrize(
    ("method", "name"), [(method, name) for method in BIASES for name in BIASES[method]]
)
def test_consistency(method: str, name: str) -> None:
    mean, error = mean_and_error(
        lambda x, y: divlab.f_divergence(x, y, name, method=METHODS[method]),
        12 if method == "variational" else 24,
    )
    assert abs(mean - TRUTHS[name]) < 3 * error + BIASES[method][name]


@pytest.mark.parametrize(
    ("method", "name"), [("nearest_neighbours", "kl"), ("nearest_neighbours", "js"), ("kde", "kl")]
)
def test_consistency_at_unequal_sizes(method: str, name: str) -> None:
    def estimate(x: Any, y: Any) -> Any:
        return divlab.f_divergence(x, y[:250], name, method=method)

    mean, error = mean_and_error(estimate)
    assert abs(mean - TRUTHS[name]) < 3 * error + 2 * BIASES[method][name]


def test_entropy_is_consistent() -> None:
    mean, error = mean_and_error(lambda x, y: divlab.entropy(x))
    assert abs(mean - ENTROPY) < 3 * error + 0.01


def test_renyi_below_and_above_order_1() -> None:
    for alpha in (0.5, 2.0):
        variance = (1 - alpha) * 1 + alpha * 4
        truth = alpha / 2 / variance + np.log(variance / 4**alpha) / 2 / (1 - alpha)
        mean, error = mean_and_error(lambda x, y, a=alpha: divlab.renyi(x, y, alpha=a))
        assert abs(mean - truth) < 3 * error + 0.02


@pytest.mark.parametrize("k", [1, 8, 9, 40])
def test_distances_to_neighbours_are_those_of_a_tree(k: int) -> None:
    x, y = (np.sort(sample).astype(np.float32) for sample in draw(0, 200))
    of_device = jax.jit(neighbour_distance, static_argnames=("k", "same"))
    for other, same in ((x, True), (y, False)):
        distance, _ = spatial.cKDTree(other[:, None]).query(x[:, None], [k + same])
        found = of_device(x, other, k, same=same)
        np.testing.assert_allclose(found, distance[:, 0], rtol=1e-5)


# A critic is trained alike for every family, and that is what takes long to compile: these are the
# critics of `test_consistency`, and `test_methods` has the bounds of all families.
EVERY = [
    (method, name)
    for method in METHODS
    for name in (ALL if method != "variational" else BIASES[method])
]


@pytest.mark.parametrize(("method", "name"), EVERY)
def test_every_family_by_every_method(method: str, name: str) -> None:
    x, y = draw(1)
    mixed = np.random.default_rng(2).permutation

    def f(x: Any, y: Any) -> float:
        return float(divlab.f_divergence(x, y, ALL[name], method=METHODS[method]))

    value = f(x, y)
    assert 0 < value <= float(ALL[name].limit)
    assert f(mixed(x), mixed(y)) == value
    # Neyman's is infinite here, so that its estimate hangs on single samples.
    loose = 0.05 if name == "neyman" else 2e-3
    assert f(4 * x + 7, 4 * y + 7) == pytest.approx(value, rel=loose)


def test_far_samples_saturate() -> None:
    x, y = draw(2)
    for method in ("nearest_neighbours", "histogram", "kde"):
        assert float(divlab.js(x, y + 1e5, method=method)) == pytest.approx(np.log(2), rel=1e-5)
        assert float(divlab.tv(x, y + 1e5, method=method)) == pytest.approx(1, rel=1e-5)
        assert float(divlab.hellinger(x, y + 1e5, method=method)) == pytest.approx(1, rel=1e-5)
    assert np.log(1000) < float(divlab.kl(x, y + 1e5)) < 3 * np.log(1000)
    for name in ("kl", "pearson", "neyman", "jeffreys"):
        assert np.isfinite(divlab.f_divergence(x, y + 1e5, name, method="histogram"))


def test_a_critic_claims_no_more_than_its_samples_can_tell() -> None:
    x, y = draw(2)
    method = METHODS["variational"]
    # Donsker and Varadhan's bound is at most the range of the log ratio, up to log n either way.
    assert 5 < float(divlab.kl(x, y + 1e5, method=method)) < 2 * np.log(1000)
    assert float(divlab.tv(x, y + 1e5, method=method)) == pytest.approx(1, abs=0.01)
    # A critic of TV says on which side a sample lies, and no more: here half of y lie beside x.
    half = y + np.where(np.arange(y.size) % 2, 1e5, -1e5)
    assert float(divlab.tv(x + 1e5, half, method=method)) == pytest.approx(0.5, abs=1e-6)


def distance(x: np.ndarray, y: np.ndarray, k: int, *, same: bool) -> np.ndarray:
    """From each x to the k-th nearest y, by a table of all distances."""
    return np.sort(np.abs(x[:, None] - y), axis=1)[:, k - 1 + same]


def test_the_formulas_of_distances_to_neighbours() -> None:
    """As the papers have them, by a table of all distances."""
    x, y = (sample[:n] for sample, n in zip(draw(7, 60), (60, 45), strict=True))
    for k in (3, 5):
        method = NearestNeighbours(k)
        own, other = distance(x, x, k, same=True), distance(x, y, k, same=False)
        # Kozachenko & Leonenko (1987)
        entropy = special.digamma(60) - special.digamma(k) + np.log(2 * own).mean()
        assert float(divlab.entropy(x, method=method)) == pytest.approx(entropy, rel=1e-5)
        # Wang, Kulkarni & Verdú (2009)
        ratio = 45 * other / (59 * own)
        kl = float(divlab.kl(x, y, method=method))
        assert kl == pytest.approx(np.log(ratio).mean(), rel=1e-5)
        # Póczos & Schneider (2011)
        chi2 = (k - 1) / k * ratio.mean() - 1
        assert float(divlab.chi2(x, y, method=method)) == pytest.approx(chi2, rel=1e-4)
        factor = special.gamma(k) ** 2 / special.gamma(k - 0.5) / special.gamma(k + 0.5)
        renyi = np.log(factor * np.mean(ratio**0.5)) / 0.5
        got = float(divlab.renyi(x, y, alpha=1.5, method=method))
        assert got == pytest.approx(renyi, rel=1e-4)


def test_the_formula_of_the_histogram() -> None:
    x, y = (sample[:n] for sample, n in zip(draw(7, 60), (60, 45), strict=True))
    bins = 6
    pooled = np.sort(np.concatenate([x, y]))
    edges = [-np.inf, *(pooled[i * 105 // bins - 1] for i in range(1, bins)), np.inf]
    counts = [
        np.array([np.sum((low < s) & (s <= high)) for low, high in pairwise(edges)]) for s in (x, y)
    ]
    p, q = (c / c.sum() for c in counts)
    got = float(divlab.tv(x, y, method=Histogram(bins)))
    assert got == pytest.approx(np.abs(p - q).sum() / 2, rel=1e-5)
    # Half a sample of Q in each bin: where Q has none, KL has no bound.
    q = (counts[1] + 0.5) / (45 + 0.5 * bins)
    got = float(divlab.kl(x, y, method=Histogram(bins)))
    assert got == pytest.approx(np.sum(special.rel_entr(p, q)), rel=1e-5)


def test_the_formula_of_kernel_estimates() -> None:
    x, y = (sample[:n] for sample, n in zip(draw(7, 60), (60, 45), strict=True))

    def density(sample: np.ndarray, at: np.ndarray) -> np.ndarray:
        """Abramson (1982), on Silverman's rule (1986)."""
        low, high = np.quantile(sample, [0.25, 0.75])
        middle = 0.9 * min(sample.std(), (high - low) / 1.34) * sample.size**-0.2
        near = distance(sample, sample, round(sample.size**0.5), same=True)
        widths = middle * np.sqrt(near / stats.gmean(near))
        heights: np.ndarray = stats.norm.pdf(at[:, None], sample, widths).mean(axis=1)
        return heights

    expected = 0.0
    for at in (x, y):  # ½ E_P[g] + ½ E_Q[g], g = |p - q| / (p + q)
        p, q = density(x, at), density(y, at)
        expected += np.mean(np.abs(p - q) / (p + q)) / 2
    assert float(divlab.tv(x, y, method="kde")) == pytest.approx(expected, rel=1e-4)


def test_the_formula_of_counts_of_neighbours() -> None:
    """By every pair of samples: statistics alone would not tell counts that are 1 % wrong."""
    x, y = draw(7, 60)
    y = y[:45]
    k = round(1.5 * np.sqrt(45))

    def ratios(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """The density of b over that of a, at each a."""
        wide = round(k * len(a) / 45)
        b = np.sort(b)
        edges = (b[1:] + b[:-1]) / 2
        edges = np.concatenate([[2 * b[0] - edges[0]], edges, [2 * b[-1] - edges[-1]]])
        found = []
        for point in a:
            radius = np.sort(np.abs(a - point))[wide]  # the least is its distance from itself
            inside = np.clip(edges, point - radius, point + radius)
            found.append(np.sum(np.diff(inside) / np.diff(edges)) / len(b) / wide * (len(a) - 1))
        return np.array(found)

    halves = [np.mean(np.abs(1 - r) / (1 + r)) / 2 for r in (ratios(x, y), ratios(y, x))]
    assert float(divlab.tv(x, y, method="nearest_neighbours")) == pytest.approx(
        sum(halves), rel=1e-5
    )


@pytest.mark.parametrize("decimals", [0, 1, 2])
def test_rounded_data_is_near_the_truth(decimals: int) -> None:
    x, y = (np.round(sample, decimals) for sample in draw(3))
    assert float(divlab.kl(x, y)) == pytest.approx(TRUTHS["kl"], abs=0.12)
    assert float(divlab.js(x, y)) == pytest.approx(TRUTHS["js"], abs=0.03)
    assert float(divlab.entropy(x)) == pytest.approx(ENTROPY, abs=0.15)


def test_ties_are_spread_within_their_cells() -> None:
    x, y = np.array([0.0, 1.0, 1.0, 1.0, 5.0]), np.array([1.0, 3.0])
    one, other = ordered(x, y)
    assert one[0] == 0
    assert one[-1] == 5
    assert other[1] == 3
    together = np.array([*one[1:4], other[0]])
    assert len(np.unique(together)) == 4
    assert np.all(np.abs(together - 1) <= 0.5)
    traced = jax.jit(ordered)(x.astype("f4"), y.astype("f4"))
    np.testing.assert_allclose(np.concatenate(traced), np.concatenate([one, other]), rtol=1e-6)


def test_what_is_far_from_0_keeps_its_digits() -> None:
    x, y = draw(4)
    assert float(divlab.kl(1.7e9 + x, 1.7e9 + y)) == pytest.approx(float(divlab.kl(x, y)), rel=1e-4)


def test_rounded_data_far_from_0_is_on_a_grid_in_32_bits_too() -> None:
    """Else rows that are equal by rounding would be taken for rows that come again."""
    x = np.random.default_rng(0).normal(size=40).round(1)
    near, far = (float(divlab.entropy(a)) for a in (x, (x - 1e4).astype("f4")))
    assert len(np.unique(x)) < len(x)
    assert far == pytest.approx(near, abs=0.01)


def test_floats_that_are_far_apart_are_a_grid() -> None:
    """Seconds since 1970 with 32 bits lie 128 apart: nothing is known of what is in between."""
    seconds = np.random.default_rng(0).exponential(1000.0, (2, 400))
    x, y = (1.7e9 + seconds * [[1.0], [2.0]]).astype("f4")
    assert len(np.unique(x)) < 100
    assert float(divlab.kl(x, y)) == pytest.approx(np.log(2) - 0.5, abs=0.1)


def test_rows_that_come_again_are_counted_once_in_32_bits_too() -> None:
    x = np.random.default_rng(0).normal(1000.0, 5.0, 500).astype("f4")
    again = np.concatenate([x, x[:100]])
    assert float(divlab.entropy(again)) == pytest.approx(float(divlab.entropy(x)), rel=1e-6)


def test_old_faithful_has_ties_and_an_entropy() -> None:
    x = np.asarray(divlab.targets.old_faithful())
    assert len(np.unique(x)) < len(x) == 272
    # A mixture of two Gaussians fitted by maximum likelihood has 1.016 nats per sample. Up to
    # eight times are equal, so it takes more neighbours than that to see past the rounding.
    estimate = divlab.entropy(x, method=NearestNeighbours(20))
    assert float(estimate) == pytest.approx(1.016, abs=0.15)


def test_spreading_ties_puts_no_sample_outside_a_support() -> None:
    x = np.ceil(10 * np.random.default_rng(0).exponential(1, 1000)) / 10
    assert 0 <= float(divlab.kl(x, Exponential(1.0))) < 0.1
