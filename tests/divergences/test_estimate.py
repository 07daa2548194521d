"""Intervals hold the truth as often as they claim to, and doubtful numbers say so."""

import subprocess
import sys
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as nd
import pytest
from divlab.methods import MonteCarlo, NearestNeighbours
from numpyro.distributions import Cauchy, Normal
from scipy import stats

import divlab
from divlab import estimate, families
from divlab.divergences.diagnosis import SamplesWarning
from divlab.divergences.inputs import Samples
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.methods import monte_carlo
from divlab.divergences.resampling import resample
from divlab.pytrees import as_arrays
from tests import intervals

P, Q = Normal(0.0, 1.0), Normal(1.0, 2.0)
KL = np.log(2) + 2 / 8 - 0.5  # log(s₂/s₁) + (s₁² + (m₁ - m₂)²) / 2s₂² - ½
# E|X - Y| for X - Y ~ N(1, 5), less half of those within P and within Q: √(4/π) and twice that.
ENERGY = np.sqrt(2 * stats.foldnorm(1 / np.sqrt(5), scale=np.sqrt(5)).mean() - 6 / np.sqrt(np.pi))
FEW = 40  # parts that samples are split into; intervals of 95 % take 39 permutations
W1 = stats.foldnorm(1).mean()  # F⁻¹ and G⁻¹ are z and 1 + 2z


def draw(
    size: int, seed: int = 0, loc: float = 1.0, scale: float = 2.0
) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=size), rng.normal(loc, scale, size=size)


@pytest.mark.parametrize(("name", "truth"), [("wasserstein", W1), ("energy", ENERGY), ("kl", KL)])
def test_coverage(name: str, truth: float) -> None:
    # With no more parts than the permutations need: fewer make intervals no wider.
    draws = [estimate(name, *draw(200, seed), key=seed, resamples=FEW) for seed in range(60)]
    held = sum(e.interval[0] <= truth <= e.interval[1] for e in draws)
    # A true coverage of 95 % has fewer than 51 of 60 once in 500, one of 75 % has more in 4 %.
    assert held >= 51
    # And the standard error is that over new samples, which 60 draws tell to 9 %.
    spread = np.std([e.value for e in draws], ddof=1)
    assert np.mean([e.standard_error for e in draws]) == pytest.approx(spread, rel=0.3)


@pytest.mark.parametrize(
    ("name", "pair", "size"),
    [
        # Of 71 and 68 % before intervals allowed for tails.
        ("kl", "wider", 1000),
        ("chi2", "shifted", 1000),
        # Counts of 47 neighbours smooth the tails away, at every size of the parts alike.
        ("js", "heavier tails", 1000),
        # The value is all bias, which no part of 50 samples tells.
        ("hellinger", "equal", 100),
    ],
)
def test_intervals_hold_the_truth_where_bias_decides(name: str, pair: str, size: int) -> None:
    ends = np.array(
        [
            estimate(name, *intervals.draw(pair, size, seed), key=seed, resamples=FEW).interval
            for seed in range(12)
        ]
    )
    exact = intervals.truth(name, pair)
    # Of 12 intervals that hold it in 71 % of draws, 11 or 12 do once in 10.
    assert np.sum((ends[:, 0] <= exact) & (exact <= ends[:, 1])) >= 11
    assert np.mean(np.isinf(ends[:, 1])) <= 0.5  # an open end holds everything


@pytest.mark.parametrize(
    ("pair", "is_doubtful"), [("heavier tails", True), ("narrower", False), ("two modes", False)]
)
def test_tails_beyond_the_samples_are_told(pair: str, is_doubtful: bool) -> None:
    """Without it KL of heavy tails is 0.06 ± 0.03, where the truth is 0.65."""
    found = estimate("kl", *intervals.draw(pair, 1000, 0))
    assert any(text.startswith("Tails:") for text in found.warnings) == is_doubtful
    assert (found.interval[1] == np.inf) == is_doubtful
    (mirrored,) = {estimate("reverse_kl", *intervals.draw(pair, 1000, 0)[::-1]).interval}
    assert mirrored[1] == np.inf if is_doubtful else np.isfinite(mirrored[1])


def test_an_interval_does_not_depend_on_the_origin() -> None:
    """Tails would begin elsewhere for samples that are moved, and the interval would change."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=300), rng.normal(0.5, 1.5, size=300)
    here, there = (estimate("js", x + move, y + move).interval for move in (0.0, 1024.0))
    assert there == pytest.approx(here, rel=1e-9)


def test_ties_that_permutations_would_mix_are_no_error() -> None:
    """Rounded values are on a grid. Among others that are not, they are refused as atoms."""
    x, y = draw(40, loc=0.0, scale=1.0)
    rounded = np.r_[np.ones(20), 1.0 + 1e-3 * np.arange(20)]
    low, high = estimate("kl", rounded, y).interval
    assert 0 < low < high
    # The other way round, P has samples where Q has none.
    assert estimate("kl", x, rounded).interval[1] == np.inf


@pytest.mark.parametrize("name", ["wasserstein", "tv"])
def test_intervals_reach_zero_where_p_is_q(name: str) -> None:
    draws = [
        estimate(name, *draw(200, seed, 0.0, 1.0), key=seed, resamples=FEW) for seed in range(40)
    ]
    assert sum(e.interval[0] == 0 for e in draws) >= 33
    assert any("one-sided" in w for w in draws[0].warnings)


def test_standard_error_of_a_mean() -> None:
    x = draw(400)[0]
    found = estimate(divlab.cross_entropy, x, Q)
    surprise = -stats.norm(1, 2).logpdf(x)
    assert found.value == pytest.approx(surprise.mean(), rel=1e-5)
    # From 200 resamples a standard deviation is known to 5 %.
    assert found.standard_error == pytest.approx(stats.sem(surprise), rel=0.15)
    low, high = found.interval
    assert low < found.value < high
    assert found.method == "mean"


def test_wider_with_more_confidence_and_repeatable() -> None:
    x, y = draw(200)
    narrow, wide = (estimate("ks", x, y, confidence=c) for c in (0.5, 0.99))
    assert wide.interval[0] < narrow.interval[0] < narrow.interval[1] < wide.interval[1]
    assert narrow == estimate(divlab.ks, x, y, confidence=0.5)
    assert narrow.standard_error != estimate("ks", x, y, key=1).standard_error


def test_far_from_zero() -> None:
    x, y = draw(200)
    near, far = estimate("wasserstein", x, y), estimate("wasserstein", x + 1e9, y + 1e9)
    assert far.standard_error == pytest.approx(near.standard_error, rel=1e-3)


def test_weights_stay_with_their_samples() -> None:
    x, y = draw(200)
    # Samples without weight do not exist, wherever they are.
    weights = np.repeat([1.0, 0.0], 200)
    plain = estimate("wasserstein", x, y)
    padded = estimate("wasserstein", np.r_[x, x + 50], y, p_weights=weights)
    assert padded.value == pytest.approx(plain.value, rel=1e-5)
    assert padded.standard_error == pytest.approx(plain.standard_error, rel=0.35)
    with pytest.raises(TypeError, match="p_weights"):
        estimate("kl", x, y, p_weights=np.ones(200))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("kl", {}),
        ("reverse_kl", {}),
        ("hellinger", {}),
        ("renyi", {"alpha": 0.5}),
    ],
)
def test_monte_carlo(name: str, options: dict[str, Any]) -> None:
    exact = float(getattr(divlab, name)(P, Q, **options))
    keys = range(12)
    draws = [
        estimate(name, P, Q, method=MonteCarlo(samples=2000, key=key), **options) for key in keys
    ]
    values = np.array([e.value for e in draws])
    # Twelve draws tell a standard deviation to 21 %.
    assert draws[0].standard_error == pytest.approx(values.std(ddof=1), rel=0.7)
    assert np.mean(np.abs(values - exact) < 3 * draws[0].standard_error) > 0.9
    assert draws[0].method == "monte_carlo"


def test_the_error_of_monte_carlo_is_carried_through_what_is_done_with_the_mean() -> None:
    method, packed = MonteCarlo(samples=2000), (Packed(P), Packed(Q))

    def mean_and_error(row: Any) -> tuple[float, float]:
        mean, error = monte_carlo.mean_and_error(as_arrays(row), *packed, method)
        return float(mean), float(error)

    _, error = mean_and_error(families.kl)
    assert estimate("kl", P, Q, method=method).standard_error == pytest.approx(error, rel=1e-5)
    mean, error = mean_and_error(families.hellinger)  # of √m: 1 / 2√m
    found = estimate("hellinger", P, Q, method=method)
    assert found.standard_error == pytest.approx(error / (2 * np.sqrt(mean)), rel=1e-4)
    mean, error = mean_and_error(families.Alpha(0.5))  # of -2 log(1 - m / 4)
    found = estimate("renyi", P, Q, method=method, alpha=0.5)
    assert found.standard_error == pytest.approx(error / (2 * (1 - mean / 4)), rel=1e-4)


def test_exact_methods() -> None:
    for name, method in (("kl", "closed_form"), ("js", "quadrature"), ("ks", "quadrature")):
        found = estimate(name, P, Q)
        exact = float(getattr(divlab, name)(P, Q))
        assert found == divlab.Estimate(exact, 0.0, (exact, exact), method)
    assert estimate("wasserstein", P, Q).method == "closed_form"
    assert estimate("wasserstein", P, Cauchy(0.0, 1.0)).interval == (np.inf, np.inf)


def test_little_overlap_opens_the_interval() -> None:
    x, y = draw(300, loc=5.0, scale=1.0)
    found = estimate("kl", x, y)
    assert found.value < 12.5 < found.interval[1] == np.inf
    assert "overlap" in found.warnings[0]
    assert "of p lie where q has no" in found.warnings[0]
    assert "of q lie where p has no" in estimate("reverse_kl", y, x).warnings[0]
    # Of 200 that lie apart the outermost 9, half of √300, still have p's others within reach.
    apart = np.append(np.linspace(0, 1, 100), np.linspace(5, 6, 200))
    found = estimate("kl", apart, np.linspace(0, 1, 300) + 1e-3)
    assert f"{191 / 300:.1%} of p lie where" in found.warnings[0]
    bounded = estimate("js", x, y)  # what the one lacks counts log 2 at most
    assert bounded.interval[1] <= np.log(2)
    assert not any("overlap" in w for w in bounded.warnings)
    assert estimate("kl", *draw(300)).warnings == ()


def test_warnings_of_the_samples() -> None:
    x, y = draw(300)
    assert "only 20 samples" in estimate("ks", x[:20], y).warnings[0]
    assert (
        "only 20 samples' worth"
        in (estimate("ks", x, y, p_weights=np.arange(300) < 20).warnings[0])
    )
    assert "of q are tied" in estimate("kl", x, y.round(1)).warnings[0]
    heavy = np.random.default_rng(0).standard_cauchy((2, 300))
    found = estimate("wasserstein", *heavy)
    assert "Heavy tails: p" in found.warnings[0]
    assert found.interval[1] == np.inf
    assert "order=inf" in estimate("wasserstein", x, y, order=np.inf).warnings[0]
    infinite = estimate("wasserstein", np.append(x, np.inf), y)
    assert infinite.value == np.inf
    assert "inf" in infinite.warnings[0]


def test_prints_its_warnings() -> None:
    found = divlab.Estimate(0.44315, 0.0421, (0.36, 0.53), "kde", ("One.", "Two."))
    lines = str(found).splitlines()
    assert lines[0] == "Estimate(0.44315 ± 0.042, interval [0.36, 0.53], kde)"
    assert [line.strip() for line in lines[1:]] == ["warning: One.", "warning: Two."]


X, Y = [0.0, 1.0, 2.0, 4.0], [1.0, 2.5, 3.0, 5.0, 6.0]


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((np.mean, X, Y), {}, TypeError, r"divergence must be .*kl, .*got <function mean"),
        (("scipy", X, Y), {}, TypeError, "divergence must be .*got 'scipy'"),
        (("kl", X, Y), {"confidence": 1.0}, ValueError, "confidence must be .*got 1.0"),
        (("kl", X, Y), {"confidence": 0}, ValueError, "confidence must be .*got 0"),
        (("kl", X, Y), {"resamples": 10}, ValueError, "resamples must be at least 20, got 10"),
        (("kl", X, Y), {"key": "a"}, TypeError, "key must be"),
        (("ks", X, Y), {"method": "kde"}, ValueError, "'kde' does not exist for ks"),
        (("kl", X, Y), {"method": "fft"}, ValueError, "'fft' does not exist for kl"),
        (("kl", X, Y), {"method": NearestNeighbours(k=2)}, ValueError, "p has 4 samples.*6 or"),
        (("ks", X, Y[:3]), {}, ValueError, "q has 3 samples.*4 or more"),
        (("ks", [0.0, np.nan], Y), {}, ValueError, "p must not contain NaN"),
        (("entropy", X, Y), {}, ValueError, "leave q out"),
        (("renyi", X, Y), {}, TypeError, "alpha"),
    ],
)
def test_bad_input(
    arguments: tuple[Any, ...], options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        estimate(*arguments, **options)


def test_refuses_tracers() -> None:
    with pytest.raises(TypeError, match="jit"):
        jax.jit(lambda x: estimate("ks", x, Y).value)(np.array(X))


RNG = np.random.default_rng(5)
SMOOTH = RNG.normal(size=400)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: divlab.entropy(np.repeat(SMOOTH, 2)), "of p are tied"),
        (lambda: divlab.kl(np.round(SMOOTH, 1), SMOOTH + 0.1), "of p are tied"),
        (lambda: divlab.reverse_kl(np.round(SMOOTH, 1), SMOOTH), "of p are tied"),
        (lambda: divlab.js(SMOOTH, RNG.integers(0, 9, 300)), "of q are tied"),
        (lambda: divlab.kl(SMOOTH, SMOOTH + 6), "of p lie where q has no samples"),
        (lambda: divlab.reverse_kl(SMOOTH, SMOOTH + 6), "of q lie where p has no samples"),
        (lambda: divlab.kl(RNG.integers(0, 9, 300), nd.Normal(4.0, 3.0)), "of p are tied"),
    ],
)
def test_a_plain_function_warns_as_estimate_does(call: Any, words: str) -> None:
    """A number alone would hide what `estimate` knows of it."""
    with pytest.warns(SamplesWarning, match=words):
        call()


def test_the_warning_points_at_the_caller() -> None:
    """In a process of its own: here calls that check annotations lie in between."""
    code = "import divlab\n\nprint(float(divlab.entropy([0.0, 1.0, 1.5, 2.0] * 9)) > 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "<string>:3: SamplesWarning" in done.stderr
    assert done.stdout == "True\n"


def test_no_warning_without_a_reason() -> None:
    """Of smooth samples that overlap, of the range of JS, inside `estimate`, and under jit."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        divlab.kl(SMOOTH, SMOOTH[::2] + 0.1)
        divlab.entropy(SMOOTH)
        divlab.js(SMOOTH, SMOOTH + 6)  # it has a bound, and no samples are needed where p is 0
        divlab.estimate(divlab.entropy, np.round(SMOOTH, 1))
        jax.jit(divlab.entropy)(np.round(SMOOTH, 1))


def test_parts_that_have_nothing_in_common_hold_every_sample_once() -> None:
    """An interval would be of other numbers than the divergence of the samples."""
    x, y = Samples(np.arange(1.0, 13.0)), Samples(np.arange(20.0, 44.0))

    def mean(p: Samples, q: Samples) -> jax.Array:
        assert p.values.size == 4
        assert q.values.size == 8
        return jnp.asarray(p.values.mean() * 100 + q.values.mean())

    found = resample(mean, (x, y), {}, jax.random.key(0), 3, (4, 8))
    assert found.mean() == pytest.approx(x.values.mean() * 100 + y.values.mean(), rel=1e-6)
    assert np.ptp(found) > 0
