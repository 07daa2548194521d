"""The densities that models learn, against laws that are known."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.distributions import Distribution
from scipy import special, stats

import divlab
from divlab.divergences.integrals.packed import Packed
from divlab.models import Run, Runs, Training
from divlab.models.learned import Decoded, Pushforward
from tests.models.evaluating import SHAPE, at

DRAWS = 4, 2_000


@pytest.fixture(params=["vae_runs", "gan_runs"])
def run(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)[0]


def mass_of_density(run: Run, edges: Any) -> Any:
    """The density integrated over each cell, by Gauss and Legendre's rule on smooth pieces.

    A generator's density jumps where a line of it ends, so the pieces end there too.
    """
    low, high = edges[0], edges[-1]
    ends = np.asarray(run.distribution().landmarks(), float)
    ends = ends[(ends > low) & (ends < high)]
    cuts = np.sort(np.concatenate([edges, ends, np.linspace(low, high, 601)]))
    nodes, weights = np.polynomial.legendre.leggauss(8)
    half = np.diff(cuts) / 2
    points = (cuts[1:] + cuts[:-1])[:, None] / 2 + half[:, None] * nodes
    masses = half * (np.exp(at(run.log_prob, points)) @ weights)
    cell = np.clip(np.searchsorted(edges, points[:, 4]) - 1, 0, len(edges) - 2)
    return np.bincount(cell, masses, minlength=len(edges) - 1)


def test_the_density_is_the_slope_of_the_distribution_function(run: Run) -> None:
    """Over cells: the mass that the density puts in each is what the cdf says."""
    edges = np.linspace(-12, 12, 49)
    expected = np.diff(at(run.cdf, edges))
    np.testing.assert_allclose(mass_of_density(run, edges), expected, atol=1e-4)


def test_the_density_integrates_to_one(run: Run) -> None:
    assert mass_of_density(run, np.array([-30.0, 30.0])).sum() == pytest.approx(1.0, abs=1e-4)


def test_the_distribution_function_rises_from_0_to_1(run: Run) -> None:
    values = at(run.cdf, [-np.inf, *np.linspace(-20, 20, 2001), np.inf])
    assert np.all(np.diff(values) >= -2e-6)
    assert values[0] == pytest.approx(0.0, abs=1e-6)
    assert values[-1] == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("step", [0, None])
def test_samples_follow_it(run: Run, step: int | None) -> None:
    n, every = 1_000_000, 500
    drawn = np.sort(run.sample(5, n, step))[::every]
    ranks = np.arange(0, n, every) / n
    distance = np.max(np.abs(at(run.cdf, drawn, step) - ranks)) + every / n
    assert distance < 0.003


def test_its_distribution_is_a_numpyro_one(run: Run) -> None:
    learned = run.distribution()
    x = np.linspace(-4, 4, 21)
    log_densities = at(learned.log_prob, x), at(run.log_prob, x)
    np.testing.assert_allclose(*log_densities, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(at(learned.cdf, x), at(run.cdf, x), atol=1e-5)
    drawn = learned.sample(jax.random.key(0), DRAWS)
    assert drawn.shape == DRAWS
    x = np.sort(np.ravel(drawn))
    distance = np.max(np.abs(at(learned.cdf, x) - np.arange(1, x.size + 1) / x.size))
    assert distance < 1.2 * 1.63 / np.sqrt(x.size)


def test_its_programs_do_not_depend_on_the_order_of_parameters(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """numpyro orders them as a Python set does: other processes would find no program on disk."""
    learned, kind = run.distribution(), type(run.distribution())
    names, texts = kind.gather_pytree_data_fields(), []
    for order in (names, names[::-1]):
        monkeypatch.setattr(kind, "gather_pytree_data_fields", lambda order=order: order)
        lowered = jax.jit(lambda packed: packed.distribution.cdf(0.0)).lower(Packed(learned))
        texts.append(lowered.as_text())
    assert texts[0] == texts[1]


def test_divergences_take_it(run: Run) -> None:
    learned, target = run.distribution(), run.target
    x = np.linspace(-25, 25, 8_001)
    f, g = (stats.norm.cdf(x, -2, 0.5) + stats.norm.cdf(x, 2, 0.5)) / 2, at(run.cdf, x)
    wasserstein = np.trapezoid(np.abs(f - g), x)
    assert float(divlab.wasserstein(target, learned)) == pytest.approx(wasserstein, abs=5e-3)
    # Of masses in cells JS is a little smaller, never larger; nor is it above log 2.
    p, q = (np.maximum(np.diff(cdf), 0.0) for cdf in (f, g))  # 32 bits round below 0
    js = 0.5 * sum(np.sum(special.rel_entr(d, (p + q) / 2)) for d in (p, q))
    assert js - 1e-3 <= float(divlab.js(target, learned)) <= np.log(2) + 1e-6
    assert float(divlab.js(target, learned)) == pytest.approx(js, abs=0.02)
    assert float(divlab.kl(target, learned)) > 0


def test_kl_to_a_vae_is_the_integral(vae_runs: Runs) -> None:
    run = vae_runs[0]
    x = np.linspace(-8, 8, 8_001)
    log_p = np.logaddexp(stats.norm.logpdf(x, -2, 0.5), stats.norm.logpdf(x, 2, 0.5)) - np.log(2)
    log_q = at(run.log_prob, x)
    kl = np.trapezoid(np.exp(log_p) * (log_p - log_q), x)
    assert float(divlab.kl(run.target, run.distribution())) == pytest.approx(kl, abs=1e-3)


@pytest.mark.parametrize(("a", "b"), [(0.0, 1.0), (-2.0, 0.3), (5.0, -2.0), (0.5, 100.0)])
def test_a_linear_generator(a: Any, b: Any) -> None:
    learned = Pushforward.of(lambda z: a + b * z)
    truth = stats.norm(a, abs(b))
    # From 12 standard deviations out, far past the last cell at 8.
    x = a + abs(b) * np.linspace(-12, 12, 97)
    np.testing.assert_allclose(at(learned.log_prob, x), truth.logpdf(x), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(at(learned.cdf, x), truth.cdf(x), atol=1e-5)
    drawn = np.ravel(learned.sample(jax.random.key(0), DRAWS))
    assert stats.kstest(drawn, truth.cdf).pvalue > 1e-3


def test_a_generator_that_folds() -> None:
    """z² has the chi-square law with one degree of freedom, whose density is infinite at 0."""
    learned, truth = Pushforward.of(lambda z: z**2), stats.chi2(1)
    x = np.array([-1.0, -1e-3, 0.01, 0.1, 0.5, 1.0, 2.0, 5.0, 20.0, 40.0])
    np.testing.assert_allclose(at(learned.cdf, x), truth.cdf(x), atol=1e-3)
    # The density of an interpolant is a step function: right on average over a cell.
    edges = np.linspace(0.5, 9.0, 18)
    points = np.linspace(edges[:-1], edges[1:], 451, axis=1)
    masses = np.trapezoid(np.exp(at(learned.log_prob, points)), points, axis=1)
    np.testing.assert_allclose(masses, np.diff(truth.cdf(edges)), atol=1e-3)
    assert np.all(at(learned.log_prob, [-1.0, -0.01]) == -np.inf)


def test_a_generator_with_a_kink() -> None:
    """max(z, 0) + z: slope 1 to the left of 0 and 2 to the right."""
    learned = Pushforward.of(lambda z: np.maximum(z, 0) + z)
    x = np.array([-9.0, -3.0, -0.5, 0.5, 3.0, 18.0])
    truth = np.where(x < 0, stats.norm.logpdf(x), stats.norm.logpdf(x / 2) - np.log(2))
    np.testing.assert_allclose(at(learned.log_prob, x), truth, rtol=1e-4, atol=1e-3)


def test_a_constant_generator_holds_all_mass_at_a_point() -> None:
    learned = Pushforward.of(lambda z: np.full(z.shape, 2.0))
    np.testing.assert_allclose(at(learned.cdf, [1.99, 2.01]), [0.0, 1.0], atol=1e-5)
    assert at(learned.log_prob, 1.5) == -np.inf


@pytest.mark.parametrize(("a", "b", "noise"), [(0.0, 1.0, 0.5), (-2.0, 0.3, 2.0), (5.0, -2.0, 0.1)])
def test_a_linear_decoder(a: Any, b: Any, noise: float) -> None:
    """z and the noise are Gaussian, so x is: Normal(a, √(b² + σ²))."""
    learned = Decoded.of(lambda z: (a + b * z, jnp.full(z.shape, np.log(noise))))
    truth = stats.norm(a, np.hypot(b, noise))
    x = truth.mean() + truth.std() * np.linspace(-6, 6, 49)
    np.testing.assert_allclose(at(learned.log_prob, x), truth.logpdf(x), rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(at(learned.cdf, x), truth.cdf(x), atol=1e-5)
    drawn = np.ravel(learned.sample(jax.random.key(0), DRAWS))
    assert stats.kstest(drawn, truth.cdf).pvalue > 1e-3


def test_a_bounded_generator_misses_mass_infinitely(target: Distribution) -> None:
    """Also one that is still on its way to its bound where the last cell ends."""
    model = divlab.GAN(hidden=(8,), activation="tanh")
    run = Training(model, target, batch_size=32).untrained()
    reach = np.abs(np.asarray(run.model.generate(run.params, jnp.array([[-1e6], [1e6]]))))
    assert np.all(reach < 3)  # the target puts mass beyond what this generator can reach
    for learned in (run.distribution(), Pushforward.of(lambda z: np.tanh(z / 20))):
        assert float(divlab.kl(target, learned)) == np.inf
    assert np.isfinite(divlab.js(target, run.distribution()))


@pytest.mark.parametrize("kind", ["vae_runs", "gan_runs"])
def test_runs_have_an_axis_of_seeds(request: pytest.FixtureRequest, kind: str) -> None:
    runs = request.getfixturevalue(kind)
    x = np.linspace(-3, 3, np.prod(SHAPE)).reshape(SHAPE)
    for step in (None, 20):
        assert runs.sample(0, 7, step).shape == (3, 7)
        for name in ("log_prob", "cdf"):
            together = getattr(runs, name)(x, step)
            assert together.shape == (3, *SHAPE)
            for i, run in enumerate(runs):
                alone = getattr(run, name)(x, step)
                assert alone.shape == SHAPE
                np.testing.assert_allclose(together[i], alone, rtol=1e-3, atol=1e-4)
    with pytest.raises(ValueError, match=r"runs\[i\]"):
        runs.distribution()


def test_gradients_are_numbers(run: Run) -> None:
    """Inside and outside of what the model reaches, log_prob and cdf have finite slopes."""
    learned = run.distribution()

    @jax.jit
    @jax.vmap
    def slopes(x: Any) -> Any:
        return jax.grad(learned.log_prob)(x), jax.grad(learned.cdf)(x)

    assert np.all(np.isfinite(slopes(np.array([-50.0, -2.0, 0.1, 2.0, 50.0]))))
