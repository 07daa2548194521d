"""What is to be learned: its moments, its modes, and what is refused."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.distributions import Distribution, Gamma, Normal
from scipy import stats

import divlab
from divlab.targets import gaussian_mixture, modes, old_faithful, two_gaussians


@pytest.mark.parametrize(
    ("separation", "scale", "weight"),
    [(4.0, 0.5, 0.5), (0.0, 1.0, 0.5), (3, 2, 0.2), (6.0, 0.1, 1.0)],
)
def test_two_gaussians(separation: float, scale: float, weight: float) -> None:
    target = two_gaussians(separation, scale, weight)
    mean = separation / 2 * (2 * weight - 1)
    variance = scale**2 + separation**2 * weight * (1 - weight)
    assert float(target.mean) == pytest.approx(mean, abs=1e-6)
    assert float(target.variance) == pytest.approx(variance, rel=1e-5)
    x = np.linspace(-5, 5, 11)
    left, right = (stats.norm(at, scale).pdf(x) for at in (-separation / 2, separation / 2))
    np.testing.assert_allclose(
        np.exp(target.log_prob(x)), (1 - weight) * left + weight * right, rtol=1e-4, atol=1e-30
    )


def test_two_gaussians_has_gradients() -> None:
    def kl(separation: float) -> Any:
        return divlab.kl(two_gaussians(separation, 1.0), Normal(0.0, 2.0))

    slope, step = jax.grad(kl)(2.0), 0.05
    difference = (kl(2.0 + step) - kl(2.0 - step)) / (2 * step)
    assert float(slope) == pytest.approx(float(difference), abs=2e-3)


@pytest.mark.parametrize("weights", [None, [1, 3, 6], [0.1, 0.3, 0.6]])
@pytest.mark.parametrize("scales", [0.5, [0.5, 1.0, 2.0]])
def test_gaussian_mixture(scales: Any, weights: Any) -> None:
    locs = np.array([-1.0, 0.0, 3.0])
    target = gaussian_mixture(locs, scales, weights)
    w = np.full(3, 1 / 3) if weights is None else np.array(weights) / np.sum(weights)
    mean = np.sum(w * locs)
    variance = np.sum(w * (np.broadcast_to(scales, 3) ** 2 + locs**2)) - mean**2
    assert float(target.mean) == pytest.approx(mean, abs=1e-6)
    assert float(target.variance) == pytest.approx(variance, rel=1e-5)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: two_gaussians(-1.0), "separation"),
        (lambda: two_gaussians(np.inf), "separation"),
        (lambda: two_gaussians(np.nan), "separation"),
        (lambda: two_gaussians(4.0, 0.0), "scale"),
        (lambda: two_gaussians(4.0, np.inf), "scale"),
        (lambda: two_gaussians(4.0, True), "scale"),
        (lambda: two_gaussians(4.0, 0.5, 1.5), "weight"),
        (lambda: two_gaussians("4"), "separation"),  # type: ignore[arg-type]
        (lambda: gaussian_mixture([], 1.0), "locs"),
        (lambda: gaussian_mixture([0.0, np.nan], 1.0), "locs"),
        (lambda: gaussian_mixture([[0.0, 1.0]], 1.0), "locs"),  # type: ignore[list-item]
        (lambda: gaussian_mixture([0.0, 1.0], [1.0]), "scales"),
        (lambda: gaussian_mixture([0.0, 1.0], [1.0, 0.0]), "scales"),
        (lambda: gaussian_mixture([0.0, 1.0], -1.0), "scales"),
        (lambda: gaussian_mixture([0.0, 1.0], 1.0, [1.0]), "weights"),
        (lambda: gaussian_mixture([0.0, 1.0], 1.0, [0.0, 0.0]), "weights"),
        (lambda: gaussian_mixture([0.0, 1.0], 1.0, [2.0, -1.0]), "weights"),
        (lambda: modes([]), "target"),
        (lambda: modes([2.0, 2.0]), "target"),
        (lambda: modes([1.0, np.nan]), "target"),
        (lambda: modes([1.0, 2.0, np.inf]), "target"),
        (lambda: modes(None), "target"),
    ],
)
def test_bad_input(call: Callable[[], Any], name: str) -> None:
    with pytest.raises((TypeError, ValueError), match=name):
        call()


def test_old_faithful_is_azzalini_and_bowmans() -> None:
    times = np.asarray(old_faithful())
    assert times.shape == (272,)
    assert times.mean() == pytest.approx(3.488, abs=5e-4)
    assert (times.min(), times.max()) == pytest.approx((1.6, 5.1))
    # R's `faithful`, the same data: its quartiles and its standard deviation.
    assert np.quantile(times, [0.25, 0.5, 0.75]) == pytest.approx([2.16275, 4.0, 4.45425], abs=1e-4)
    assert times.std(ddof=1) == pytest.approx(1.141371, abs=1e-5)


def test_modes_of_a_mixture_are_its_components_from_left_to_right() -> None:
    locs, scales, weights = modes(gaussian_mixture([3.0, -1.0], [0.5, 2.0], [1.0, 3.0]))
    np.testing.assert_allclose(locs, [-1.0, 3.0])
    np.testing.assert_allclose(scales, [2.0, 0.5])
    np.testing.assert_allclose(weights, [0.75, 0.25], rtol=1e-6)


@pytest.mark.parametrize(
    ("target", "truth"),
    [
        (Normal(3.0, 2.0), (3.0, 2.0)),
        (Gamma(3.0, 1.0), (3.0, 3.0**0.5)),
        (Gamma(9.0, 2.0), (4.5, 1.5)),
    ],
)
def test_modes_of_a_law_with_one_peak_are_its_moments(target: Distribution, truth: Any) -> None:
    locs, scales, weights = modes(target)
    assert locs.shape == (1,)
    assert (float(locs[0]), float(scales[0])) == pytest.approx(truth, rel=0.01)
    assert float(weights[0]) == pytest.approx(1.0)


def test_modes_of_samples_are_those_of_their_law() -> None:
    target = gaussian_mixture([-3.0, 1.0, 4.0], [0.5, 0.5, 0.3], [0.2, 0.5, 0.3])
    found = modes(target.sample(jax.random.key(1), (5000,)))
    for values, truth, tolerance in zip(found, modes(target), (0.05, 0.05, 0.03), strict=True):
        np.testing.assert_allclose(values, truth, atol=tolerance)


def test_modes_do_not_depend_on_the_order_or_the_units_of_samples() -> None:
    times = np.asarray(old_faithful(), float)
    locs, scales, weights = (np.asarray(a) for a in modes(times))
    shuffled = modes(np.random.default_rng(0).permutation(times))
    for values, truth in zip(shuffled, (locs, scales, weights), strict=True):
        np.testing.assert_allclose(values, truth, rtol=1e-4)
    scaled = modes(60 * times + 5)
    for values, truth in zip(scaled, (60 * locs + 5, 60 * scales, weights), strict=True):
        np.testing.assert_allclose(values, truth, rtol=1e-3)
    mirrored = modes(-times)
    for values, truth in zip(mirrored, (-locs, scales, weights), strict=True):
        np.testing.assert_allclose(values, truth[::-1], rtol=1e-3)


def test_lists_may_hold_traced_numbers() -> None:
    """`[m, 2.0]` with a traced m is a list of numbers as `jnp.stack` of it is an array."""

    def of_lists(m: Any) -> Any:
        return divlab.kl(gaussian_mixture([m, 2.0], (1.0, m), [m, 1]), Normal(0.0, 1.0))

    def of_arrays(m: Any) -> Any:
        parts = (jnp.stack([m, 2.0]), jnp.stack([1.0, m]), jnp.stack([m, 1.0]))
        return divlab.kl(gaussian_mixture(*parts), Normal(0.0, 1.0))

    assert float(jax.grad(of_lists)(0.5)) == pytest.approx(float(jax.grad(of_arrays)(0.5)))
    slope = jax.grad(lambda m: divlab.wasserstein([m, 2.0], [1.0, 3.0], [m, 1], [1, m]))(0.5)
    assert np.isfinite(slope)
    with pytest.raises(TypeError, match="locs"):
        jax.jit(lambda m: gaussian_mixture([m, None], 1.0).mean)(1.0)  # type: ignore[list-item]


def pair(n: int, seed: int = 0) -> Any:
    """Samples of two Gaussians of scale 0.5 at -2 and 2."""
    rng = np.random.default_rng(seed)
    return np.repeat([-2.0, 2.0], n // 2) + 0.5 * rng.normal(size=n)


@pytest.mark.parametrize(
    "outliers", [[-9999.0], [1e9], [1e6, -1e6], [50.0, 80.0, -70.0], [-1e30], [20.0, 20.0]]
)
@pytest.mark.parametrize("n", [50, 200, 1000])
def test_outliers_are_no_modes_and_hide_none(n: int, outliers: list[float]) -> None:
    """One value at -9999 stretched the grid, on which two modes became one."""
    x = pair(n)
    for values, alone in zip(modes(np.append(x, outliers)), modes(x), strict=True):
        assert values.shape == (2,)
        np.testing.assert_allclose(values, alone, atol=0.1)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("law", ["cauchy", "lognormal", "exponential", "t3", "normal", "dice"])
def test_one_hill_is_one_mode(law: str, seed: int) -> None:
    """Bumps that noise makes, in a long tail or between the faces of dice, are no modes."""
    rng = np.random.default_rng(seed)
    drawn = {
        "cauchy": rng.standard_cauchy(1000),
        "lognormal": rng.lognormal(size=500),
        "exponential": rng.exponential(size=1000),
        "t3": rng.standard_t(3, 300),
        "normal": rng.normal(size=5000),
        "dice": rng.integers(1, 7, 3000),
    }
    locs, _, weights = modes(drawn[law])
    assert locs.shape == (1,)
    assert weights.tolist() == [1.0]


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (np.repeat([-2.0, 2.0], 50), [-2.0, 2.0]),
        (np.repeat([1.0, 5.0, 6.0], [20, 30, 50]), [1.0, 5.0, 6.0]),
        ([0.0, 0.1, 5.0, 5.1], [0.05, 5.05]),
        (np.append(np.full(99, 5.0), 1e6), [5.0]),
        (1e5 + 0.01 * pair(400), [1e5 - 0.02, 1e5 + 0.02]),
        (1e25 * pair(400), [-2e25, 2e25]),
        (1e-30 * pair(400), [-2e-30, 2e-30]),
    ],
)
def test_modes_of_few_tied_far_and_tiny_samples(x: Any, expected: list[float]) -> None:
    locs, scales, _ = (np.asarray(a, float) for a in modes(x))
    assert locs.shape == (len(expected),)
    unit = np.ptp(expected) if len(expected) > 1 else 1.0
    np.testing.assert_allclose(locs / unit, np.array(expected) / unit, rtol=2e-7, atol=0.03)
    assert np.all(scales < 0.2 * unit)
