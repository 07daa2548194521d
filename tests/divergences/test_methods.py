"""Monte Carlo says how wrong it is, gradients are those of the value, options are checked."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from divlab.methods import KDE, Histogram, MonteCarlo, NearestNeighbours, Variational
from numpyro import distributions as nd
from scipy import stats

import divlab
from divlab import families
from divlab.compiling import QUICKLY, jit_with
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.methods import monte_carlo, variational
from tests.divergences import reference

N = nd.Normal(1.0, 2.0)


def mixture(weight: Any) -> Any:
    weights = nd.Categorical(jnp.stack([weight, 1 - weight]))
    return nd.MixtureSameFamily(weights, nd.Normal(jnp.array([-1.0, 2.0]), jnp.array([0.5, 1.0])))


def mixture_kl(weight: float) -> float:
    parts = [stats.norm(-1, 0.5), stats.norm(2, 1)]
    return reference.kl(reference.Mixture([weight, 1 - weight], parts), stats.norm(0, 2))


def slope(function: Callable[..., Any], at: float, step: float = 1e-4) -> float:
    return float((function(at + step) - function(at - step)) / (2 * step))


def test_the_standard_error_covers() -> None:
    truths = {"kl": np.log(2) - 0.25, "tv": 0.390065660}

    def estimates(key: jax.Array) -> Any:
        method = MonteCarlo(2000, key=key)
        p, q = Packed(nd.Normal(0.0, 1.0)), Packed(N)
        return {
            name: monte_carlo.mean_and_error(families.FAMILIES[name], p, q, method)
            for name in truths
        }

    found = jit_with(QUICKLY)(jax.vmap(estimates))(jax.random.split(jax.random.key(0), 400))
    for name, truth in truths.items():
        values, errors = (np.asarray(numbers) for numbers in found[name])
        z = (values - truth) / errors
        assert 0.92 < np.mean(np.abs(z) < 1.96) < 0.98, name
        assert np.std(z) == pytest.approx(1, abs=0.12), name


# The divergence, the pair, where, and the value and its derivative there.
CASES: dict[str, tuple[str, Callable[[Any], tuple[Any, Any]], float, float, float]] = {
    "scale": ("kl", lambda t: (nd.Normal(0.0, t), N), 1.2, np.log(2 / 1.2) - 0.195, 0.3 - 1 / 1.2),
    "weight of a mixture": (
        "kl",
        lambda t: (mixture(t), nd.Normal(0.0, 2.0)),
        0.3,
        mixture_kl(0.3),
        slope(mixture_kl, 0.3),
    ),
    "end where the integrand jumps": (
        "tv",
        lambda t: (nd.Uniform(0.2, 0.8), nd.Uniform(0.0, t)),
        1.3,
        1 - 0.6 / 1.3,
        0.6 / 1.3**2,
    ),
    "end inside the other support": (
        "kl",
        lambda t: (nd.Uniform(0.0, t), nd.Exponential(1.0)),
        3.0,
        1.5 - np.log(3),
        0.5 - 1 / 3,
    ),
}


@cache
def by_monte_carlo(case: str) -> Callable[[float], tuple[jax.Array, jax.Array]]:
    """The value and its derivative, which else were a program each."""
    name, pair, *_ = CASES[case]
    divergence = getattr(divlab, name)
    return jax.jit(jax.value_and_grad(lambda t: divergence(*pair(t), method="monte_carlo")))


@pytest.mark.parametrize("case", CASES)
def test_monte_carlo_has_the_right_value_and_gradient(case: str) -> None:
    _, _, at, truth, derivative = CASES[case]
    value, gradient = by_monte_carlo(case)(at)
    assert float(value) == pytest.approx(truth, abs=0.01)
    assert float(gradient) == pytest.approx(derivative, abs=0.01)


def test_monte_carlo_knows_mass_outside_the_support_and_densities_that_are_none() -> None:
    wide, narrow = nd.Uniform(0.0, 2.0), nd.Uniform(0.0, 1.0)
    assert float(divlab.kl(wide, narrow, method="monte_carlo")) == np.inf
    assert float(divlab.kl(narrow, wide, method="monte_carlo")) == pytest.approx(
        np.log(2), abs=0.02
    )

    class Doubled(nd.Normal):  # type: ignore[misc]  # numpyro has no types
        def log_prob(self, value: Any) -> Any:
            return super().log_prob(value) + np.log(2)

    with pytest.raises(ValueError, match=r"p or q .*normalised"):
        divlab.kl(Doubled(0.0, 1.0), N, method="monte_carlo")
    assert np.isnan(by_monte_carlo("scale")(np.nan)[0])


def samples(n: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    x, y = random.normal(0, 1, n), random.normal(1, 2, n)
    return x.astype("float32"), y.astype("float32")


# The ways that the methods go under jit: a divergence, a method, and how many samples it gets.
WAYS: dict[str, tuple[str, Any, int]] = {
    "distances": ("kl", NearestNeighbours(40), 300),
    "counts": ("js", NearestNeighbours(), 300),
    "kernels": ("kl", KDE(), 300),
    "critics": ("kl", Variational("nwj", hidden=(32, 32), steps=300, learning_rate=3e-2), 60),
}
COMPARED = ["distances", "counts", "kernels"]  # trained critics are held fixed in a gradient


@cache
def program(name: str) -> Callable[..., Any]:
    def divergence(x: jax.Array, y: jax.Array, method: Any) -> jax.Array:
        return divlab.f_divergence(x, y, name, method=method)

    return jax.jit(jax.value_and_grad(divergence, argnums=(0, 1)))


def traced(way: str, x: Any, y: Any, **options: Any) -> Any:
    """The value, and its gradient in both samples: one program, which takes seconds to compile."""
    name, method, _ = WAYS[way]
    return program(name)(x, y, replace(method, **options))


def law(name: str) -> float:
    """The derivative of the divergence of N(0, 1) from N(1 + t, 4) at t = 0."""
    truth = getattr(reference, name)
    return slope(lambda t: truth(stats.norm(0, 1), stats.norm(1 + t, 2)), 0.0, 1e-3)


@pytest.mark.parametrize("way", COMPARED)
def test_gradient_in_samples_is_that_of_the_value_and_of_the_law(way: str) -> None:
    name, method, size = WAYS[way]
    x, y = samples(size)

    def moved(p_step: float, q_step: float) -> float:
        p, q = x + float(p_step), y + float(q_step)
        return float(divlab.f_divergence(p, q, name, method=method))

    of_x, of_y = (float(np.sum(gradient)) for gradient in traced(way, x, y)[1])
    with jax.enable_x64(True):  # the differences on the host
        x, y, step = x.astype(float), y.astype(float), 1e-6
        in_x = (moved(step, 0.0) - moved(-step, 0.0)) / (2 * step)
        in_y = (moved(0.0, step) - moved(0.0, -step)) / (2 * step)
    assert of_x == pytest.approx(in_x, rel=1e-3, abs=1e-4)
    assert of_y == pytest.approx(in_y, rel=1e-3, abs=1e-4)
    assert of_y == pytest.approx(law(name), abs=0.2)


def test_every_held_out_sample_has_a_gradient() -> None:
    # By critics that have not learned so much as to be sure of any sample.
    for gradient in traced("critics", *samples(60), learning_rate=3e-3)[1]:
        assert np.all(np.isfinite(gradient))
        assert np.count_nonzero(gradient) == 60


@pytest.mark.parametrize("way", COMPARED)
def test_gradient_is_finite_at_ties_and_equal_samples(way: str) -> None:
    x = np.round(samples()[0])  # more of each number than there are neighbours
    for other in (x + np.float32(0.3), x):
        assert np.all(np.isfinite(traced(way, x, other)[1]))


@pytest.mark.parametrize("way", [*WAYS, "bins"])
def test_under_jit_what_is_refused_gives_nan(way: str) -> None:
    f: Callable[[Any, Any], Any]
    if way == "bins":  # which have no gradient
        name, method, size = "js", Histogram(), 60
        f = jax.jit(lambda x, y: divlab.js(x, y, method=method))
    else:
        name, method, size = WAYS[way]
        f = lambda x, y: traced(way, x, y)[0]  # noqa: E731
    x, y = samples(size)
    if way != "critics":  # which would have to be compiled once more
        known = float(divlab.f_divergence(x, y, name, method=method))
        assert float(f(x, y)) == pytest.approx(known, rel=1e-4)
    for bad in (np.nan, np.inf):
        assert np.isnan(f(np.append(x[1:], np.float32(bad)), y))
        assert np.isnan(f(x, np.append(y[1:], np.float32(bad))))
    assert np.isnan(f(np.ones_like(x), y))


def test_the_bound_of_critics_is_below_the_truth_on_average() -> None:
    kl = np.log(2) - 1 / 4
    found = [
        float(traced("critics", *samples(60, seed), learning_rate=3e-3)[0]) for seed in range(10)
    ]
    assert kl / 4 < np.mean(found) < kl


def test_a_critic_is_judged_on_what_it_has_not_seen() -> None:
    """A divergence of 0: what a large network makes of 60 samples that it knows is far above."""
    values = []
    for seed in range(5):
        x, _ = samples(120, seed)
        values.append(float(traced("critics", x[:60], x[60:])[0]))
    assert np.mean(values) < 0.03


def test_a_histogram_refuses_to_be_differentiated() -> None:
    x, y = samples(60)
    with pytest.raises(ValueError, match="'histogram' has no gradient"):
        jax.jit(jax.grad(lambda a: divlab.js(a, y, method="histogram")))(x)
    held = jax.grad(lambda a: divlab.js(jax.lax.stop_gradient(a), y, method="histogram"))
    assert not np.any(jax.jit(held)(x))


AT_P, AT_Q = np.array([-0.7, 0.1, 1.5]), np.array([-3.0, -0.5, 0.2, 2.0])  # log ratios
ROWS = {**families.FAMILIES, "alpha": families.Alpha(0.7)}


@cache
def of_critics() -> dict[str, dict[str, Any]]:
    """What each family makes of log ratios, by one program: one by one it takes a hundred."""

    def of_family(family: families.Family, at_p: jax.Array, at_q: jax.Array) -> dict[str, Any]:
        best = family.optimal_critic(at_q)
        return {
            "bound": variational._bound(family, "f_gan")(at_p, at_q),
            "slopes at q": variational._slopes(family, at_q),
            "best at p": family.optimal_critic(at_p),
            "best at q": best,
            "conjugate at q": family.conjugate(best),
        }

    @jit_with(QUICKLY)
    def of_all(at_p: jax.Array, at_q: jax.Array) -> dict[str, Any]:
        found = {name: of_family(row, at_p, at_q) for name, row in ROWS.items()}
        for name in ("nwj", "donsker_varadhan"):  # which KL has besides
            found["kl"][name] = variational._bound(families.kl, name)(at_p, at_q)
        return found

    found: dict[str, dict[str, Any]] = jax.device_get(of_all(AT_P, AT_Q))
    return found


@pytest.mark.parametrize("name", ROWS)
def test_the_bound_of_a_critic_is_the_mean_of_its_slopes(name: str) -> None:
    """E_P[T*(r)] - E_Q[f*(T*(r))], whatever the critic's log ratios r."""
    found = of_critics()[name]
    expected = np.mean(found["best at p"]) - np.mean(found["conjugate at q"])
    assert found["bound"] == pytest.approx(expected, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("name", ROWS)
def test_slopes_are_the_conjugate_pair_of_the_family(name: str) -> None:
    found = of_critics()[name]
    critic, other = found["slopes at q"]
    np.testing.assert_allclose(critic, found["best at q"], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(-other, found["conjugate at q"], rtol=2e-3, atol=1e-4)


def test_the_bound_of_donsker_and_varadhan_is_the_tighter_one() -> None:
    found = of_critics()["kl"]
    nwj, dv = found["nwj"], found["donsker_varadhan"]
    assert nwj == pytest.approx(found["bound"], rel=1e-6)
    assert nwj < dv
    # E_P[r] - log E_Q[e^r]
    assert dv == pytest.approx(np.mean(AT_P) - np.log(np.mean(np.exp(AT_Q))), rel=1e-5)


def test_neighbours_for_high_orders() -> None:
    x, y = samples(60)
    assert np.isfinite(divlab.renyi(x, y, alpha=7.0, method=NearestNeighbours(9)))
    under_jit = jax.jit(lambda alpha: divlab.renyi(x, y, alpha=alpha))
    assert np.isnan(under_jit(7.0))
    assert np.isfinite(under_jit(2.0))


X, Y = [0.0, 1.0, 2.5, 3.0, 7.0], [0.5, 1.5, 3.0, 4.0, 5.0]
BAD_CALLS = [
    (lambda: divlab.renyi(X, Y, alpha=7.0), ValueError, "renyi .*k above 6, got k = 4"),
    (lambda: divlab.chi2(X, Y, method=NearestNeighbours(1)), ValueError, "chi2 .*k above 1"),
    (lambda: divlab.kl(X, Y, method=NearestNeighbours(5)), ValueError, "p has 5 samples"),
    (lambda: divlab.js(X, Y, method=Variational(bound="nwj")), ValueError, "js; .*f_gan"),
    (lambda: divlab.kl(X[:3], Y, method="variational"), ValueError, "p has 3 samples"),
    (lambda: divlab.kl(X, [0.0, 1e-39], method="kde"), ValueError, "q spans .*rescale"),
    (lambda: divlab.kl(X, [-3e38, 3e38]), ValueError, "q spans .*rescale"),
    (lambda: divlab.kl(X, [0.0, np.inf], method="histogram"), ValueError, "q holds infinite"),
    (
        lambda: divlab.kl(X, [1.0, 1.0], method="kde"),
        ValueError,
        "q holds 2 samples that are all 1",
    ),
    (lambda: divlab.kl(N, N, method="kde"), ValueError, "do: closed_form, quadrature, monte_carlo"),
    (lambda: NearestNeighbours(0), ValueError, "k must be"),
    (lambda: NearestNeighbours(2.5), TypeError, "k must be"),
    (lambda: Histogram(1), ValueError, "bins must be at least 2"),
    (lambda: KDE(0.0), ValueError, "bandwidth must be a positive"),
    (lambda: KDE(np.float32(np.nan)), ValueError, "bandwidth must be a positive"),
    (lambda: KDE("wide"), TypeError, "bandwidth must be a positive"),
    (lambda: KDE(np.ones(3)), TypeError, "bandwidth must be a positive"),
    (lambda: MonteCarlo(3), ValueError, "samples must be at least 4"),
    (lambda: MonteCarlo(key="seed"), TypeError, "key must be"),
    (lambda: Variational(bound="tight"), ValueError, "bound must be"),
    (lambda: Variational(hidden=32), TypeError, "hidden must be a tuple"),
    (lambda: Variational(hidden=(0,)), ValueError, "hidden must be at least 1"),
    (lambda: Variational(steps=0), ValueError, "steps must be"),
    (lambda: Variational(batch_size=0), ValueError, "batch_size must be"),
    (lambda: Variational(learning_rate=-1.0), ValueError, "learning_rate must be"),
    (lambda: Variational(held_out=1), ValueError, "held_out must be above 0"),
    (lambda: Variational(held_out="half"), TypeError, "held_out must be a number"),
    (lambda: divlab.tv(X, Y, method=Variational(held_out=0.1)), ValueError, "held_out=0.1 .*none"),
    (lambda: Variational(key=1.5), TypeError, "key must be"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD_CALLS)
def test_bad_call(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_a_new_bandwidth_compiles_nothing(compilations: list[float]) -> None:
    x, y = samples(1000)
    # The critic of `test_samples`, which trains it on as many samples: so it is compiled once.
    critic = Variational(hidden=(16,), steps=200, learning_rate=3e-2)
    for first, second in ((KDE(0.3), KDE(0.4)), (critic, replace(critic, key=1))):
        divlab.kl(x, y, method=first)
        compilations.clear()
        divlab.kl(x, y, method=second)
        assert not compilations
