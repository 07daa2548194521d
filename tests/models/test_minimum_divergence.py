"""Models that minimise a divergence: the optimum, the gradient, and what every pair must do."""

from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as nd
import pytest
from divlab.densities import Decoder, Flow, Mixture
from scipy import optimize, stats

import divlab
from divlab import MinimumDivergence, families
from divlab.compiling import QUICKLY, jit_with
from divlab.divergences.integrals import on_nodes
from divlab.models import Training, Units
from divlab.models.flow import Flow as FlowLaw
from divlab.targets import gaussian_mixture, two_gaussians
from tests.annotations import unchecked
from tests.models.stepping import steps_of

F_DIVERGENCES = ("kl", "reverse_kl", "jeffreys", "js", "tv", "hellinger", "chi2")
EVERY = (*F_DIVERGENCES, "wasserstein", "cramer", "energy", "mmd")

# Weights, means and scales. The first is that of Nowozin, Cseke & Tomioka (2016).
MIXTURES = (
    ((0.33, 0.67), (-1.0, 2.0), (0.25, 2.0**0.5)),
    ((0.5, 0.5), (-1.0, 1.0), (0.6, 0.6)),
    ((0.8, 0.2), (0.0, 2.5), (1.0, 0.5)),
    ((0.3, 0.4, 0.3), (-2.0, 0.0, 1.5), (0.5, 1.0, 0.7)),
)
GRID = np.linspace(-16.0, 16.0, 8001)
STEP = GRID[1] - GRID[0]


def oracle(name: str, weights: Any, locs: Any, scales: Any) -> np.ndarray:
    """The mean and the scale of the best Gaussian, by sums over a grid and SciPy's simplex."""
    parts = list(zip(weights, locs, scales, strict=True))
    p = sum(w * stats.norm.pdf(GRID, m, s) for w, m, s in parts)
    of_p = sum(w * stats.norm.cdf(GRID, m, s) for w, m, s in parts)
    log_p = np.log(p + 1e-300)

    def value(theta: np.ndarray) -> float:
        mean, scale = theta[0], np.exp(theta[1])
        log_q = stats.norm.logpdf(GRID, mean, scale)
        q, m = np.exp(log_q), np.logaddexp(log_p, log_q) - np.log(2)
        forward, backward = p * (log_p - log_q), q * (log_q - log_p)
        gap = of_p - stats.norm.cdf(GRID, mean, scale)
        integrand = {
            "kl": forward,
            "reverse_kl": backward,
            "jeffreys": forward + backward,
            "js": p * (log_p - m) + q * (log_q - m),
            "chi2": np.exp(2 * log_p - log_q),
            "tv": np.abs(p - q),
            "hellinger": -np.sqrt(p * q),
            "wasserstein": np.abs(gap),
            "cramer": gap**2,
        }[name]
        return float(np.sum(integrand) * STEP)

    start = np.array([np.sum(p * GRID) * STEP, 0.3])
    options = {"xatol": 1e-7, "fatol": 1e-14, "maxiter": 4000}
    best = optimize.minimize(value, start, method="Nelder-Mead", options=options).x
    return np.array([best[0], np.exp(best[1])])


def three_parts(weights: Any, locs: Any, scales: Any) -> Any:
    """One program for all mixtures: what has two parts gets a third one of no weight."""
    missing = 3 - len(weights)
    locs, scales = (np.pad(np.array(a), (0, missing), mode="edge") for a in (locs, scales))
    return gaussian_mixture(locs, scales, np.pad(np.array(weights), (0, missing)))


# Those that reach far, stay near, and have kinks, in densities and in distribution functions. The
# gradient of every divergence has a test of its own below.
@pytest.mark.parametrize("name", ["kl", "reverse_kl", "tv", "chi2", "wasserstein"])
def test_the_best_gaussian(name: str) -> None:
    """A wrong gradient, a reversed divergence or coarse nodes would move the optimum."""
    model = MinimumDivergence(name, density="normal")
    for parts in MIXTURES:
        run = divlab.fit(model, three_parts(*parts), steps=1000, record_every=1000)
        learned = run.distribution()
        found = [float(learned.loc), float(learned.scale)]
        # The sums over the grid are off by up to 7e-4 where |p - q| or |F - G| has kinks.
        near = 1e-3 if name in ("tv", "wasserstein") else 2e-5
        np.testing.assert_allclose(found, oracle(name, *parts), atol=near)


TARGET = two_gaussians(3.0, 0.7)
ANY_MMD: Any = divlab.mmd
ONE = Units(jnp.zeros(()), jnp.ones(()))
SMALL: dict[str, Any] = {
    "flow": Flow(hidden=(8, 8)),
    "decoder": Decoder(hidden=(8,)),
    "generator": divlab.densities.Generator(hidden=(8,)),
    "mixture": Mixture(components=2),
}
# Each density by a divergence of densities, if it has one, and by one of points: a program of each
# pair takes seconds to compile.
PAIRS = [
    *((name, "flow") for name in ("kl", "energy")),
    ("js", "decoder"),
    *((name, "generator") for name in ("wasserstein", "energy")),
    ("hellinger", "mixture"),
]


@pytest.mark.parametrize(("name", "density"), PAIRS)
def test_every_pair_comes_near_the_target(name: str, density: str) -> None:
    """The value falls below a tenth, and what the nodes say is the divergence itself."""
    rate = {"flow": 1e-2, "decoder": 5e-3, "generator": 5e-3, "mixture": 1e-2}[density]
    model = MinimumDivergence(name, density=SMALL[density], learning_rate=rate)
    run = divlab.fit(model, TARGET, steps=800, record_every=100)
    value = run.history["divergence"]
    assert run.status == "completed"
    assert np.all(np.abs(run.history["mass"] - 1) < 1e-3)
    assert value[-1] < 0.1 * value[0]
    # The record at step 100 is the mean over its 100 steps; that at step 0 is of one step.
    start = run.distribution(0)
    exact = float(getattr(divlab, name)(TARGET, start))
    near = 0.03 if density == "generator" else 2e-3  # 256 points stand for a generator
    assert value[0] == pytest.approx(exact, rel=near)
    seen = float(getattr(divlab, name)(TARGET, run.distribution()))
    assert seen < 0.15 * exact


OPTIONS: list[tuple[Any, Any]] = [
    (partial(divlab.js, weight=0.2), lambda p, q: divlab.js(p, q, weight=0.2)),
    (partial(divlab.renyi, alpha=0.5), lambda p, q: divlab.renyi(p, q, alpha=0.5)),
    (partial(divlab.mmd, bandwidth=0.3), lambda p, q: divlab.mmd(p, q, bandwidth=0.3)),
    (partial(divlab.wasserstein, order=2), lambda p, q: divlab.wasserstein(p, q, order=2)),
    (partial(divlab.hellinger, squared=True), lambda p, q: divlab.hellinger(p, q, squared=True)),
    (families.Alpha(1.5), lambda p, q: divlab.f_divergence(p, q, families.Alpha(1.5))),
    (divlab.tv, divlab.tv),
]


@pytest.mark.parametrize(("divergence", "function"), OPTIONS)
def test_options_are_those_of_the_function(divergence: Any, function: Any) -> None:
    """An option that is lost would train by another divergence."""
    target = three_parts((0.5, 0.5), (-1.5, 1.5), (0.7, 0.7))
    model = MinimumDivergence(divergence, density="normal")
    (start, _), (moved, first), (_, second) = steps_of(model, target, 2, seeds=1)
    for params, losses in ((start, first), (moved, second)):  # a loss is told of before its step
        law = nd.Normal(params["loc"].item(), np.exp(params["log_scale"].item()))
        exact = float(function(target, law))
        assert losses["divergence"].item() == pytest.approx(exact, rel=2e-3)


def test_gradients_are_those_of_the_value() -> None:
    """With 64 bits, against finite differences of divlab's own functions."""

    def total(at: Any) -> Any:
        """The sum of all, each of arguments of its own: one program has all gradients."""
        target = on_nodes.law_of(TARGET)
        found = []
        for name, t in zip(EVERY, at, strict=True):
            quantity = MinimumDivergence(name).divergence.quantity
            model = on_nodes.law_of(nd.Normal(t[0], t[1]))
            found.append(quantity.finish(quantity.seen(target, model, {}).value, {}))
        return sum(found)

    def exact(name: str, t: Any) -> float:
        return float(getattr(divlab, name)(TARGET, nd.Normal(t[0], t[1])))

    at, step = np.array([0.4, 1.3]), 1e-5
    with jax.enable_x64(True):
        gradients = jit_with(QUICKLY)(jax.grad(total))(np.tile(at, (len(EVERY), 1)))
        for name, gradient in zip(EVERY, gradients, strict=True):
            steps = step * np.eye(2)
            slope = [(exact(name, at + h) - exact(name, at - h)) / (2 * step) for h in steps]
            np.testing.assert_allclose(gradient, slope, rtol=2e-3, err_msg=name)


def test_atoms_are_compared_as_their_definitions_say() -> None:
    """A sum over sorted points, or over pairs with those of the target apart, could lose some."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=20), 1 + 2 * rng.normal(size=30)

    def kernel(a: Any, b: Any) -> Any:
        return np.mean(np.exp(-((a[:, None] - b) ** 2) / (2 * 0.7**2)))

    energy = stats.energy_distance(x, y) ** 2
    mmd = kernel(x, x) + kernel(y, y) - 2 * kernel(x, y)
    with jax.enable_x64(True):
        target = on_nodes.Sample(jnp.sort(x))
        for of, expected, near in (
            (partial(on_nodes.square, factor=2.0), energy, 1e-12),
            (partial(on_nodes.discrepancy, bandwidth=0.7), mmd, 1e-9),
        ):

            def value(points: Any, of: Any = of) -> Any:
                return of(target, on_nodes.Atoms(points)).value

            program, step = jit_with(QUICKLY)(jax.value_and_grad(value)), 1e-6 * np.eye(y.size)
            found, gradient = program(y)
            assert float(found) == pytest.approx(expected, rel=near)
            slopes = [(program(y + h)[0] - program(y - h)[0]) / 2e-6 for h in step]
            np.testing.assert_allclose(gradient, slopes, atol=1e-8)


@cache
def bent(key: int) -> Any:
    """The parameters of an untrained flow, bent strongly; as arrays of NumPy, of 64 bits."""
    model = MinimumDivergence("kl", density=SMALL["flow"])  # by the program of the pairs above
    with jax.enable_x64(False):
        params = Training(model, TARGET, key=key).untrained().params
    return jax.tree.map(lambda a: 1.5 * np.asarray(a, float), params)


def a_flow(key: int) -> FlowLaw:
    """Such a flow in units of its own, with as many bits as JAX has now."""
    return FlowLaw(jax.tree.map(jnp.asarray, bent(key)), jnp.asarray(2.0), jnp.asarray(0.5))


@pytest.mark.parametrize("key", range(3))
def test_a_flow_is_a_distribution(key: int) -> None:
    """Its density integrates to 1, its distribution function is the integral, samples follow it."""
    drawn = np.asarray(a_flow(key).sample(jax.random.key(0), (1_000_000,)), float)
    with jax.enable_x64(True):
        law, share = a_flow(key), np.linspace(0.01, 0.99, 99)
        levels = np.array([1e-6, 0.1, 0.5, 0.9, 1 - 1e-6])
        # Of one size each, as a program is compiled for each size.
        within, at = np.split(np.asarray(law.icdf(np.concatenate([share, levels]))), [share.size])
        cuts = np.sort(np.concatenate([law.landmarks(), within]))
        nodes, weights = np.polynomial.legendre.leggauss(20)
        half = np.diff(cuts)[:, None] / 2
        x = cuts[:-1, None] + half * (1 + nodes)
        pieces = (half * np.exp(np.asarray(law.log_prob(x)))) @ weights
        assert pieces.sum() == pytest.approx(1.0, abs=1e-6)
        ends = np.cumsum([cuts.size - 1, at.size])
        of = np.split(np.asarray(law.cdf(np.concatenate([cuts[1:], at, drawn]))), ends)
        np.testing.assert_allclose(np.cumsum(pieces), of[0], atol=1e-7)
        np.testing.assert_allclose(of[1], levels, rtol=1e-9)
        assert stats.kstest(of[2], "uniform").pvalue > 1e-4


def test_a_flow_is_found_wherever_it_is() -> None:
    """Far from 0 and narrow: nodes that missed it would see no mass."""

    @jit_with(QUICKLY)
    def seen_mass(loc: jax.Array, scale: jax.Array) -> Any:
        law = FlowLaw(bent(1), loc, scale)
        return on_nodes.f_divergence(
            on_nodes.law_of(nd.Normal(0.0, 1.0)),
            on_nodes.Law(law, law.landmarks()),
            families.js,
            is_reversed=False,
        ).mass

    for loc, scale in ((0.0, 1.0), (1e4, 1.0), (-3.0, 1e-3)):
        assert float(seen_mass(loc, scale)) == pytest.approx(1.0, abs=1e-4)


def test_moving_a_number_compiles_nothing() -> None:
    """Neither an option of the divergence nor the learning rate is part of the program."""

    def train(weight: float, rate: float) -> None:
        chosen = partial(divlab.js, weight=weight)
        model = MinimumDivergence(chosen, density="normal", learning_rate=rate)
        target = three_parts((0.5, 0.5), (-1.5, 1.5), (0.7, 0.7))
        assert len(list(steps_of(model, target, 2, seeds=1))) == 3

    compiled: list[str] = []

    def listen(event: str, duration_secs: float, **details: Any) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            compiled.append(event)

    train(0.3, 1e-2)  # by the program of an option above
    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        train(0.4, 2e-2)
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert not compiled


def test_a_seed_of_many_is_what_fit_makes_of_its_key() -> None:
    model = MinimumDivergence("kl", density=SMALL["flow"])
    runs = divlab.fit_many(model, TARGET, seeds=[3, 5], steps=40)
    alone = divlab.fit(model, TARGET, key=5, steps=40)
    np.testing.assert_allclose(
        runs[1].history["divergence"], alone.history["divergence"], rtol=1e-4
    )


def test_a_model_that_starts_far_away_finds_its_way() -> None:
    """All mass lies outside of what an untrained model covers."""
    target = gaussian_mixture([30.0, 30.5], [0.5, 0.5], [0.5, 0.5])
    for name in ("kl", "energy"):  # by the programs of the pairs above
        model = MinimumDivergence(name, density=SMALL["flow"], learning_rate=0.1)
        run = divlab.fit(model, target, steps=1000, record_every=1000)
        start, end = (float(getattr(divlab, name)(target, run.distribution(s))) for s in (0, 1000))
        assert end < 0.05 * start, name


@pytest.mark.parametrize("name", ["kl", "wasserstein", "energy", "mmd"])
def test_measurements(name: str) -> None:
    """KL is maximum likelihood; distances are those to the empirical distribution.

    Cramér's is half of the energy distance, by the same function.
    """
    x = divlab.targets.old_faithful()
    run = divlab.fit(MinimumDivergence(name, density="normal"), x, steps=400, record_every=400)
    learned = run.distribution()
    if name == "kl":
        assert run.history["log_likelihood"][-1] > run.history["log_likelihood"][0] - 0.1
        best = np.array([x.mean(), x.std()])
        np.testing.assert_allclose([learned.loc, learned.scale], best, rtol=0.05)
        return
    start = float(getattr(divlab, name)(x, run.distribution(0)))
    assert run.history["divergence"][0] == pytest.approx(start, rel=0.01)
    assert float(getattr(divlab, name)(x, learned)) < start


def test_measurements_have_no_density() -> None:
    for name in ("js", "reverse_kl", "tv", "chi2"):
        with pytest.raises(ValueError, match=r"target is measurements.*maximum likelihood"):
            divlab.fit(MinimumDivergence(name), divlab.targets.old_faithful(), steps=1)


def test_an_infinite_mean_is_not_a_number_to_descend() -> None:
    """W₁ from a Cauchy is infinite, and Cramér's distance is not."""
    for name, is_finite in (("wasserstein", False), ("cramer", True)):
        model = MinimumDivergence(name, density="normal")
        _, (_, losses) = steps_of(model, nd.Cauchy(0.0, 1.0), 1, seeds=1)
        assert np.all(np.isfinite(losses["divergence"])) == is_finite, name


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"divergence": "nope"}, ValueError, "'nope' is nothing to minimise; known are kl"),
        ({"divergence": "ks"}, ValueError, "nothing to minimise"),
        ({"divergence": "renyi"}, ValueError, "renyi needs alpha"),
        ({"divergence": 3}, TypeError, "name of a function of divlab"),
        ({"divergence": partial(divlab.js, weight=2.0)}, ValueError, "weight must be strictly"),
        ({"divergence": partial(divlab.wasserstein, order=0.5)}, ValueError, "order must be at"),
        (
            {"divergence": partial(divlab.wasserstein, order=np.inf)},
            ValueError,
            "order must be fin",
        ),
        ({"divergence": partial(ANY_MMD, width=1.0)}, TypeError, "no option 'width'"),
        ({"density": "generator"}, ValueError, "moved point by point.*wasserstein, cramer"),
        ({"density": "spline"}, ValueError, "known are flow, decoder, generator"),
        ({"density": 3}, TypeError, "density must be one of the names"),
        ({"hidden": 8}, TypeError, "sequence of widths"),
        ({"hidden": (0,)}, ValueError, "hidden must be at least 1"),
        ({"learning_rate": -1.0}, ValueError, "learning_rate must be positive"),
    ],
)
def test_bad_input(arguments: dict[str, Any], error: type[Exception], words: str) -> None:
    with unchecked(), pytest.raises(error, match=words):
        MinimumDivergence(**arguments)


def test_a_mixture_has_components() -> None:
    with pytest.raises(ValueError, match="components must be at least 1"):
        Mixture(components=0)
    density = Mixture(components=3)
    law = jax.eval_shape(lambda key: density.learned(density.init(key, ONE)), jax.random.key(0))
    assert law.component_distribution.loc.shape == (3,)
