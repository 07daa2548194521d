"""Permutation tests: against SciPy's, under the null, and what is refused."""

import math
from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpyro.distributions import Normal
from scipy import stats

import divlab
from divlab.divergences.permutation import deal
from divlab.divergences.quantities import QUANTITIES

OPTIONS: dict[str, dict[str, Any]] = {
    "renyi": {"alpha": 0.5},
    "f_divergence": {"f": divlab.families.js},
    "mmd": {"bandwidth": 0.7},
}
OF_TWO_SAMPLES = [
    name for name, one in QUANTITIES.items() if not one.takes_one and name != "cross_entropy"
]
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=30), RNG.normal(0.6, 1.0, size=41)


def test_it_agrees_with_scipy() -> None:
    """Two estimates of one p-value differ by no more than their own errors."""
    peers: list[tuple[str, Any]] = [
        ("wasserstein", stats.wasserstein_distance),
        ("energy", stats.energy_distance),
        ("ks", lambda x, y: stats.ks_2samp(x, y).statistic),
    ]
    for name, peer in peers:
        ours = divlab.permutation_test(name, X, Y, permutations=1999)
        theirs = stats.permutation_test(
            (X, Y), peer, n_resamples=1999, alternative="greater", rng=np.random.default_rng(1)
        )
        assert ours.statistic == pytest.approx(theirs.statistic, rel=1e-5)
        error = np.sqrt(2 * theirs.pvalue * (1 - theirs.pvalue) / 1999)
        assert abs(ours.pvalue - theirs.pvalue) < 4 * error + 1e-3, name
        same = stats.ks_2samp(ours.null_distribution, theirs.null_distribution)
        assert same.pvalue > 1e-4, name


def test_scipys_exact_null_is_met() -> None:
    """Of two and three points there are ten ways to deal them out; all come up equally often."""
    x, y = [0.0, 1.0], [0.5, 2.5, 4.0]
    result = divlab.permutation_test("wasserstein", x, y, permutations=4000)
    exact = stats.permutation_test((x, y), stats.wasserstein_distance, alternative="greater")
    values, counts = np.unique(np.round(result.null_distribution, 6), return_counts=True)
    truth, ways = np.unique(np.round(exact.null_distribution, 6), return_counts=True)
    np.testing.assert_allclose(values, truth, atol=1e-5)
    assert stats.chisquare(counts, 4000 * ways / ways.sum()).pvalue > 1e-4
    assert result.pvalue == pytest.approx(exact.pvalue, abs=0.03)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 12), st.data(), st.integers(0, 1000))
def test_labels_are_as_many_as_they_should_be(size: int, data: st.DataObject, seed: int) -> None:
    first = data.draw(st.integers(1, size - 1))
    labels = deal(np.random.default_rng(seed), 50, size, first)
    np.testing.assert_array_equal(labels.sum(axis=1), first)


@pytest.mark.parametrize(("size", "first"), [(6, 3), (7, 1), (7, 5)])
def test_every_choice_of_labels_is_as_likely(size: int, first: int) -> None:
    labels = deal(np.random.default_rng(3), 6000, size, first)
    _, counts = np.unique(labels, axis=0, return_counts=True)
    assert stats.chisquare(counts).pvalue > 1e-4
    assert counts.size == math.comb(size, first)


@pytest.mark.parametrize("name", OF_TWO_SAMPLES)
def test_every_divergence_has_a_test(name: str) -> None:
    """The values by labels are those of the divergence itself, ties and sizes included."""
    x, y = np.round(X[:12], 1), np.round(Y[:17] + 1, 1)
    quantity, options = QUANTITIES[name], OPTIONS.get(name, {})
    if quantity.of_samples == "nearest_neighbours":  # ties are not for neighbours
        x, y = X[:12], Y[:17] + 1
    result = divlab.permutation_test(name, x, y, permutations=9, key=2, **options)
    value = float(quantity.function(x, y, **options))
    assert max(result.statistic, 0.0) == pytest.approx(value, rel=2e-4, abs=1e-6)
    assert result.null_distribution.shape == (9,)
    assert result.pvalue == (1 + np.sum(result.null_distribution >= result.statistic)) / 10
    batched = quantity.of_labels(options)
    if batched is not None:
        points, labels = np.sort(np.concatenate([x, y])), deal(RNG, 5, 29, 12)
        values = quantity.finish(batched.function(points, labels, options), options)
        for row, found in zip(labels, np.asarray(values), strict=True):
            truth = float(quantity.function(points[row], points[~row], **options))
            assert found == pytest.approx(truth, rel=2e-4, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "draws", "permutations"),
    [("wasserstein", 200, 99), ("ks", 200, 99), ("mmd", 100, 99), ("jeffreys", 60, 59)],
)
def test_p_values_are_uniform_under_the_null(name: str, draws: int, permutations: int) -> None:
    rng = np.random.default_rng(5)
    found = [
        divlab.permutation_test(
            name, rng.normal(size=15), rng.normal(size=20), permutations=permutations, key=i
        ).pvalue
        for i in range(draws)
    ]
    # Of KS many values are equal, which makes p-values larger; smaller ones would be wrong.
    alternative = "greater" if name == "ks" else "two-sided"
    assert stats.kstest(found, "uniform", alternative=alternative).pvalue > 1e-3


def test_permutations_depend_on_the_key_alone() -> None:
    one, same, other = (
        divlab.permutation_test("wasserstein", X, Y, permutations=50, key=key)
        for key in (1, jax.random.key(1), 2)
    )
    np.testing.assert_array_equal(one.null_distribution, same.null_distribution)
    assert np.any(one.null_distribution != other.null_distribution)
    assert one.pvalue >= 1 / 51


def test_equal_samples_and_constant_ones_have_p_value_1() -> None:
    for sample in (X, np.ones(5)):
        for name in ("wasserstein", "energy", "ks", "mmd"):
            assert divlab.permutation_test(name, sample, sample, permutations=19).pvalue == 1


def test_large_whole_numbers_keep_their_digits() -> None:
    """Nanoseconds of today differ in digits that a float does not have."""
    x, y = RNG.integers(0, 9, 30), RNG.integers(3, 12, 30)
    far = 1_700_000_000_000_000_000
    near = divlab.permutation_test("wasserstein", x, y, permutations=50)
    moved = divlab.permutation_test("wasserstein", x + far, y + far, permutations=50)
    assert moved.pvalue == near.pvalue
    assert moved.statistic == pytest.approx(near.statistic)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "words"),
    [
        (("entropy", X, Y), {}, ValueError, "entropy has one argument"),
        (("nothing", X, Y), {}, TypeError, "divergence must be a function of divlab"),
        (("kl", X, Normal(0.0, 1.0)), {}, TypeError, "y must be samples, got a distribution"),
        (("kl", X, []), {}, ValueError, "y must not be empty"),
        (("kl", [1.0, np.nan], X), {}, ValueError, "x must not contain NaN"),
        (("kl", X, Y), {"permutations": 0}, ValueError, "permutations must be at least 1"),
        (("kl", X, Y), {"method": "quadrature"}, ValueError, "quadrature"),
        (("ks", X, Y), {"method": "kde"}, ValueError, "ks: it takes none"),
        (("wasserstein", X, Y), {"p_weights": X}, ValueError, "p_weights is not taken"),
        (("wasserstein", X, Y), {"order": 0.5}, ValueError, "order must be at least 1"),
        (("renyi", X, Y), {"alpha": -1.0}, ValueError, "alpha"),
    ],
)
def test_what_makes_no_test_is_refused(
    arguments: Any, options: Any, error: Any, words: str
) -> None:
    with pytest.raises(error, match=words):
        divlab.permutation_test(*arguments, **options)


def test_it_cannot_be_traced() -> None:
    with pytest.raises(TypeError, match="cannot run under jit"):
        jax.jit(lambda x: divlab.permutation_test("ks", x, Y).pvalue)(X)
