"""Measurements far from 0, or of a tiny or a huge spread, are learned as those near it are."""

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.distributions import Laplace, Normal, Uniform, Weibull
from scipy import stats

import divlab
from divlab.explore.learned import distances, reference, view
from divlab.models import Run
from divlab.models.units import LocationScale, Units, units_of
from divlab.sweeps import divergences_to

RNG = np.random.default_rng(0)
TWO = np.concatenate([RNG.normal(-2, 0.5, 150), RNG.normal(2, 0.5, 150)])
SPREAD = TWO.std()
MODELS: dict[str, Any] = {
    "gan": divlab.GAN("wgan_gp", hidden=(4,)),
    "vae": divlab.VAE("elbo", hidden=(8,)),
    "flow": divlab.MinimumDivergence("kl", hidden=(4,)),
    "w1": divlab.MinimumDivergence("wasserstein", density="normal"),
}
FAST: dict[str, Any] = {"steps": 40, "record_every": 20, "batch_size": 32}
# All data have one length, so that each model is compiled once.
SETTINGS = [
    *((s, c) for s in (1e-12, 1e-6, 1e6, 1e12) for c in (0.0, 1e6, 4e11, 1e12)),
    (1.0, 1e3), (1.0, -1e5), (1.0, 1e9), (1e20, 0.0), (1e-25, 0.0), (1e-30, 1e4),
]  # fmt: skip


def fit(name: str, x: Any) -> Run:
    return divlab.fit(MODELS[name], x, **FAST)


@cache
def plain(name: str) -> Run:
    """The run of measurements near 0, with which the others are compared."""
    return fit(name, TWO)


@cache
def plain_distance(name: str) -> float:
    return float(divlab.wasserstein(TWO, plain(name).distribution()))


N = 20_000  # draws: a program is compiled for each number of them


def drawn(run: Run) -> Any:
    """Draws in the units that the model sees; from one key, so that they are coupled."""
    return np.sort(np.asarray(run.units.standardise(run.sample(0, N)), float))


@pytest.mark.parametrize("name", MODELS)
def test_the_law_learned_does_not_depend_on_the_units(name: str) -> None:
    """With 32 bits, or 64 in the wrong place, the spread drowns in the location."""
    expected = drawn(plain(name))
    for s, c in SETTINGS:
        x = TWO * s + c * s * SPREAD
        if c == 1e12:  # rounded by more than 1e-4 of its spread
            with pytest.raises(ValueError, match=r"numbers of float64 are .* apart"):
                fit(name, x)
            continue
        run = fit(name, x)
        assert run.status == "completed"
        assert np.mean(np.abs(drawn(run) - expected)) < 1e-4, (s, c)  # at least W₁
        assert float(run.units.scale) == pytest.approx(s * SPREAD, rel=1e-4)
        loc = s * (TWO.mean() + c * SPREAD)
        assert float(run.units.loc) == pytest.approx(loc, abs=1e-4 * s * SPREAD)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("s", "c"), [(1.0, 1e5), (0.01, 1e5), (1e20, 0.0), (1e-25, 0.0), (1.0, 1e9)]
)
def test_the_distance_to_the_law_is_that_to_its_samples(name: str, s: float, c: float) -> None:
    """At 1e5 it was 36 for a GAN whose samples were 0.36 away: cells of the law were parted."""
    run = fit(name, TWO * s + c)
    far = float(divlab.wasserstein(run.target, run.distribution()))
    x = np.asarray(run.sample(1, N), float)
    assert far == pytest.approx(stats.wasserstein_distance(run.target, x), abs=0.03 * s)
    assert far == pytest.approx(s * plain_distance(name), rel=1e-3)
    # The run, its distribution and its samples are of one law.
    ranks = (np.arange(N) + 0.5) / N
    at = np.sort(x)[::100]
    for cdf in (run.cdf, run.distribution().cdf):
        np.testing.assert_allclose(np.asarray(cdf(at), float), ranks[::100], atol=0.02)
    log_prob = np.asarray(run.log_prob(at), float)
    np.testing.assert_allclose(run.distribution().log_prob(at), log_prob, atol=1e-3, rtol=1e-4)
    near = np.asarray(plain(name).log_prob((at - c) / s), float)
    # But for a point that is rounded across a jump of a generator's density.
    assert np.mean(np.abs(log_prob + np.log(s) - near) > 0.05) < 0.02


def test_losses_are_those_in_units_of_x() -> None:
    """A loss in nats shifts by the logarithm of the unit, a distance scales with it."""
    for s in (1e-6, 7.0):
        runs = {name: (plain(name).history, fit(name, TWO * s).history) for name in MODELS}
        for name, loss, shift, factor in (
            ("vae", "loss", np.log(s), 1.0),
            ("vae", "kl_to_prior", 0.0, 1.0),
            ("flow", "log_likelihood", -np.log(s), 1.0),
            ("w1", "divergence", 0.0, s),
            ("gan", "critic_loss", 0.0, 1.0),
        ):
            near, scaled = (history[loss] for history in runs[name])
            np.testing.assert_allclose(scaled, factor * near + shift, rtol=1e-4, atol=1e-4 * factor)


REFUSED: list[tuple[Any, str]] = [
    (np.float32(1e5) + np.float32(0.01) * TWO.astype(np.float32), "numbers of float32 are 0.0078"),
    (jnp.asarray(TWO) + 1e6, "numbers of float32 are 0.06"),
    ((TWO + 1e7).astype(np.float32), "or pass floats of 64 bits"),
    (TWO + 1e14, "numbers of float64 are 0.0156 apart"),
    (1e5 + 1e-10 * TWO, "a spread of 2.*e-10 about 100000"),
    (np.int64(1.7e18) + np.arange(300), "numbers of float64 are 256 apart"),
    (np.float32(1e-3) * TWO.astype(np.float32) + np.float32(300.0), "numbers of float32"),
    (TWO * 1e-45, "a spread of 2.*e-45, beyond float32; rescale"),
    (TWO * 1e-300, "beyond float32; rescale them, or enable 64 bits"),
    (TWO * 1e40, "target holds .*, beyond float32"),
]


@pytest.mark.parametrize(("x", "words"), REFUSED)
def test_what_floats_cannot_tell_apart_is_refused_in_words(x: Any, words: str) -> None:
    """Else a law of two or three values is learned and nobody is told."""
    with pytest.raises(ValueError, match=words):
        divlab.fit(MODELS["w1"], x, **FAST)


@pytest.mark.parametrize(
    "x",
    [
        1990 + np.arange(30),  # years
        1.7e9 + 86400.0 * np.arange(300),  # seconds
        np.float32(1013.0) + np.float32(0.5) * TWO.astype(np.float32),
        np.float32(1e5) + TWO.astype(np.float32),
        np.array([1e11, 1e11 + 1, 1e11 + 2]),
        [-1e-30, 1e-30],
        np.append(TWO, -9999.0),
    ],
)
def test_what_they_can_is_not(x: Any) -> None:
    values = np.asarray(x, float)
    units = units_of(np.asarray(x, float))
    assert float(units.loc) == pytest.approx(values.mean(), rel=1e-12)
    assert float(units.scale) == pytest.approx(values.std(), rel=1e-6)
    y = units.standardise(x)
    np.testing.assert_allclose([y.mean(), y.std()], [0.0, 1.0], atol=1e-5)


def test_spreads_whose_squares_overflow_need_64_bits() -> None:
    with jax.enable_x64(True):
        units = units_of(TWO * 1e200)
    assert float(units.scale) == pytest.approx(SPREAD * 1e200, rel=1e-12)


def test_draws_have_the_bits_that_tell_them_apart() -> None:
    """32 bits would round draws about 1e5 of a spread of 0.01 to three values."""
    near, far = plain("w1").sample(0, N), fit("w1", 1e5 + 0.01 * TWO)
    assert isinstance(near, jax.Array)
    spread = np.std(np.asarray(near))
    for x in (far.sample(0, N), far.distribution().sample(jax.random.key(0), (N,))):
        assert np.unique(np.asarray(x[:500], float)).size == 500
        assert np.std(x) == pytest.approx(0.01 * spread, rel=0.2)


ONE_OF_EACH = [
    (Weibull(2.0, 3.0), stats.weibull_min(3.0, loc=1e5, scale=0.02)),
    (Uniform(1.0, 3.0), stats.uniform(loc=1e5 + 0.01, scale=0.02)),
]


@pytest.mark.parametrize(("base", "moved"), ONE_OF_EACH)
def test_a_law_is_moved_as_scipy_moves_it(base: Any, moved: Any) -> None:
    """One whose support has ends: a third kind of model may have learned it."""
    law = LocationScale(base, np.asarray(1e5), np.asarray(0.01))
    x = moved.ppf(np.linspace(0.05, 0.95, 7))
    np.testing.assert_allclose(law.log_prob(x), moved.logpdf(x), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(law.cdf(x), moved.cdf(x), atol=1e-5)
    draws = np.asarray(law.sample(jax.random.key(0), (4000,)))
    assert stats.kstest(draws, moved.cdf).pvalue > 1e-3


def test_units_inside_a_program() -> None:
    """A traced x goes through `jit` and `grad`; it was standardised on the host otherwise."""
    units = Units(np.asarray(3.0), np.asarray(2.0))
    law = LocationScale(Laplace(0.0, 1.0), *units)
    x = jnp.array([1.0, 4.0])
    np.testing.assert_allclose(jax.jit(law.log_prob)(x), stats.laplace(3, 2).logpdf(x), rtol=1e-6)
    assert float(jax.grad(law.log_prob)(4.0)) == pytest.approx(-0.5)
    np.testing.assert_allclose(jax.jit(units.restore)(jax.jit(units.standardise)(x)), x, rtol=1e-6)


def test_explorers_show_what_lies_far_from_0() -> None:
    """Points to draw at, modes and densities in 32 bits would be three columns."""
    x = 1e5 + 0.01 * TWO
    run, found = fit("vae", x), reference(x)
    seen = view(run, 40, found["x"], 0)
    assert np.trapezoid(found["density"], found["x"]) == pytest.approx(1.0, abs=0.05)
    assert np.trapezoid(seen.density, found["x"]) == pytest.approx(
        seen.cdf[-1] - seen.cdf[0], abs=0.01
    )
    assert seen.cdf[-1] - seen.cdf[0] > 0.9
    assert np.unique(seen.samples).size > 100
    np.testing.assert_allclose((found["modes"].locs - 1e5) / 0.01, [-2.0, 2.0], atol=0.2)
    near = distances(plain("vae"), 40, reference(TWO)["target"], 0)
    far = distances(run, 40, found["target"], 0)
    assert far["wasserstein"] == pytest.approx(0.01 * near["wasserstein"], rel=1e-3)
    for name in ("kl", "js"):
        assert far[name] == pytest.approx(near[name], abs=0.02)
    covered = divlab.coverage(run, x), divlab.coverage(plain("vae"), TWO)
    for one, other in zip(*covered, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-3)


DIVERGING = divlab.VAE("elbo", hidden=(8,), learning_rate=1e6)


def test_a_diverged_run_says_what_came_before() -> None:
    """It said "q has NaN in its parameter log_weights"."""
    run = divlab.fit(DIVERGING, TWO, **FAST)
    assert run.status == "diverged"
    assert run.steps.tolist() == [0, 20]
    words = rf"diverged at step {run.status.step}; `distribution\(step=...\)` with.* up to 0 has"
    asked = (
        run.distribution,
        lambda: run.log_prob([0.0]),
        lambda: run.cdf([0.0]),
        lambda: run.sample(0, N),
        lambda: divlab.coverage(run, TWO),
        lambda: run.distribution(20),
    )
    for ask in asked:
        with pytest.raises(ValueError, match=words):
            ask()
    assert run.has_diverged()
    assert not run.has_diverged(0)
    assert np.isfinite(divlab.wasserstein(TWO, run.distribution(0)))
    assert np.all(np.isfinite(run.sample(0, N, 0)))
    assert all(np.isnan(list(distances(run, 20, reference(TWO)["target"], 0).values())))
    assert np.all(np.isnan(view(run, 20, np.linspace(-3, 3, 9), 0).density))


def test_tables_of_diverged_runs_have_nan() -> None:
    """One seed of many that diverged must not end a sweep of hours."""
    runs = divlab.fit_many(DIVERGING, TWO, seeds=3, **FAST)
    assert set(runs.status) == {"diverged"}
    covered = divlab.coverage(runs, TWO)
    assert covered.modes_covered.tolist() == [0, 0, 0]
    assert np.all(np.isnan(covered.sharpness))
    found = divergences_to(TWO, [run.law_at() for run in runs])
    assert all(np.all(np.isnan(values)) for values in found.values())
    with pytest.raises(ValueError, match="diverged at step"):
        runs[0].distribution()


def test_gaussians_remain_gaussians() -> None:
    """So that closed forms serve them."""
    law = plain("w1").distribution()
    assert type(law) is Normal
    assert float(law.scale) > 0


def test_a_law_with_an_end_is_integrated_far_from_0() -> None:
    """A third kind of model may have learned a law whose support has an end."""
    base, moved = ONE_OF_EACH[0]
    law = LocationScale(base, np.asarray(1e5), np.asarray(0.01))
    assert float(divlab.entropy(law)) == pytest.approx(float(moved.entropy()), abs=1e-4)
