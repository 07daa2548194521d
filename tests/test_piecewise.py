"""Histograms and drawn densities: their divergences are sums over cells."""

from collections.abc import Callable
from typing import Any, cast

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpyro.distributions import Normal, Uniform
from scipy import integrate, stats

import divlab
from divlab.targets import drawn, histogram

EDGES = np.array([-2.0, -1.0, 0.5, 1.0, 4.0])


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.floats(0.01, 100.0), min_size=4, max_size=4),
    st.lists(st.floats(0.01, 100.0), min_size=4, max_size=4),
)
def test_divergences_of_histograms_are_sums(a: list[float], b: list[float]) -> None:
    p, q = np.array(a) / np.sum(a), np.array(b) / np.sum(b)
    m = (p + q) / 2
    widths = np.diff(EDGES)
    gap = np.concatenate([[0.0], np.cumsum(p - q)])
    # ∫ of the square of a line from gap[i] to gap[i + 1]
    square = np.sum(widths * (gap[:-1] ** 2 + gap[:-1] * gap[1:] + gap[1:] ** 2)) / 3
    truths: dict[Any, Any] = {
        divlab.kl: np.sum(p * np.log(p / q)),
        divlab.js: np.sum(p * np.log(p / m) + q * np.log(q / m)) / 2,
        divlab.tv: np.sum(np.abs(p - q)) / 2,
        divlab.chi2: np.sum((p - q) ** 2 / q),
        divlab.jeffreys: np.sum((p - q) * np.log(p / q)),  # the population stability index
        divlab.cramer: np.sqrt(square),
        divlab.ks: np.max(np.abs(gap)),
    }
    # Counts that need not sum to 1.
    left, right = histogram(a, EDGES), histogram(b, EDGES)
    for divergence, truth in truths.items():
        value = float(divergence(left, right))
        assert value == pytest.approx(truth, rel=1e-5, abs=1e-7), divergence.__name__


def test_a_histogram_is_scipys() -> None:
    counts = [3.0, 0.0, 5.0, 2.0]
    peer = stats.rv_histogram((np.array(counts), EDGES), density=False)
    ours = histogram(counts, EDGES)
    x = np.array([-3.0, -2.0, -1.5, 0.0, 0.7, 3.0, 4.5])
    levels = np.array([0.0, 0.1, 0.29, 0.5, 0.99])
    np.testing.assert_allclose(ours.cdf(x), peer.cdf(x), atol=1e-6)
    np.testing.assert_allclose(np.exp(ours.log_prob(x[2:6])), peer.pdf(x[2:6]), rtol=1e-5)
    np.testing.assert_allclose(ours.icdf(levels), peer.ppf(levels), atol=1e-5)
    assert float(ours.mean) == pytest.approx(peer.mean(), rel=1e-5)
    assert float(ours.variance) == pytest.approx(peer.var(), rel=1e-5)
    draws = np.asarray(ours.sample(jax.random.key(0), (2000,)))
    assert stats.kstest(draws, peer.cdf).pvalue > 1e-3


def test_a_drawn_density_is_scipys_triangle() -> None:
    peer = stats.triang(0.25, loc=1.0, scale=4.0)
    ours = drawn([1.0, 2.0, 5.0], [0.0, 7.0, 0.0])
    x = np.linspace(1.0, 5.0, 9)
    levels = np.array([0.0, 0.1, 0.25, 0.6, 1.0])
    np.testing.assert_allclose(np.exp(ours.log_prob(x)), peer.pdf(x), rtol=1e-5)
    np.testing.assert_allclose(ours.cdf(x), peer.cdf(x), atol=1e-6)
    np.testing.assert_allclose(ours.icdf(levels), peer.ppf(levels), rtol=1e-5)
    assert float(ours.mean) == pytest.approx(peer.mean(), rel=1e-5)
    assert float(ours.variance) == pytest.approx(peer.var(), rel=1e-4)
    assert float(divlab.entropy(ours)) == pytest.approx(peer.entropy(), abs=1e-5)
    truth, _ = integrate.quad(
        lambda x: peer.pdf(x) * (peer.logpdf(x) - stats.norm.logpdf(x, 2.0)), 1.0, 5.0, points=[2.0]
    )
    assert float(divlab.kl(ours, Normal(2.0, 1.0))) == pytest.approx(truth, rel=1e-5)


def test_no_mass_in_a_bin_is_no_mass() -> None:
    """A density of 0 inside the support must not pass for one that underflows."""
    gap, full = histogram([1, 0, 3], [0, 1, 2, 4]), histogram([1, 1, 3], [0, 1, 2, 4])
    assert float(divlab.kl(full, gap)) == np.inf
    assert float(divlab.kl(gap, full)) == pytest.approx(np.log(5 / 4), abs=1e-6)
    assert float(divlab.kl(Normal(0.0, 1.0), gap)) == np.inf
    hat = drawn([0.0, 1.0, 2.0, 3.0, 4.0], [1.0, 0.0, 0.0, 1.0, 1.0])
    assert float(divlab.kl(Uniform(0.0, 4.0), hat)) == np.inf
    assert float(divlab.tv(hat, histogram([1], [1.0, 2.0]))) == pytest.approx(1.0, abs=1e-6)
    assert float(divlab.wasserstein(gap, full, order=np.inf)) == pytest.approx(0.75, abs=1e-5)


def test_counts_carry_gradients_and_edges_do_not() -> None:
    def kl(count: float) -> Any:
        return divlab.kl(histogram([count, 3.0], [0, 1, 2]), Uniform(0.0, 2.0))

    # KL = log 2 + Σ p log p with p = c / (c + 3): its derivative is log(p / (1 - p)) dp/dc.
    assert float(jax.grad(kl)(1.0)) == pytest.approx(np.log(1 / 3) * 3 / 16, abs=1e-5)
    with pytest.raises(TypeError, match="edges must be known"):
        jax.grad(lambda e: divlab.kl(histogram([1.0, 2.0], [0.0, e, 2.0]), Normal(0.0, 1.0)))(1.0)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: histogram([1, 2], [0, 1]), ValueError, "one more than counts, got 2 for 2"),
        (lambda: histogram([1, -2], [0, 1, 2]), ValueError, "counts.*not negative, got -2"),
        (lambda: histogram([1, np.inf], [0, 1, 2]), ValueError, "counts.*finite"),
        (lambda: histogram([1, np.nan], [0, 1, 2]), ValueError, "counts.*NaN"),
        (lambda: histogram([0, 0], [0, 1, 2]), ValueError, "counts must not all be zero"),
        (lambda: histogram([1, 2], [0, 1, 1]), ValueError, "edges must increase.*1 and then 1"),
        (lambda: histogram([1, 2], [2, 1, 0]), ValueError, "edges must increase"),
        (lambda: histogram([1], [1e9, 1e9 + 1]), ValueError, "with 32 bits, got 1000000000 and"),
        (lambda: histogram([1], [0, np.inf]), ValueError, "edges must be finite"),
        (lambda: histogram(Normal(0.0, 1.0), [0, 1]), TypeError, "counts must be a 1-D array"),
        (lambda: histogram(cast(Any, "ab"), [0, 1]), TypeError, "counts"),
        (lambda: drawn([0.0], [1.0]), ValueError, "x must hold two numbers or more"),
        (lambda: drawn([0.0, 1.0], [1.0]), ValueError, "heights must be as many as x"),
        (lambda: drawn([0.0, 1.0], np.ones((1, 2))), ValueError, "heights must be 1-D"),
    ],
)
def test_what_is_no_density_is_refused(call: Callable[[], Any], error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        call()
