"""Wasserstein, Cramér, energy, Kolmogorov-Smirnov and MMD: values, limits, gradients, laws."""

from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import numpy as np
import ot
import pytest
import scipy.stats as ss
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from numpyro import distributions as nd
from scipy.integrate import quad

import divlab
from divlab.divergences.integrals import mmd

from . import reference

few = settings(
    max_examples=20, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate]
)
X, Y = np.array([0.0, 1.0, 2.5, 2.5]), np.array([0.5, 1.0, 4.0])
CDF_DISTANCES: dict[str, Callable[..., jax.Array]] = {
    "wasserstein": divlab.wasserstein,
    "wasserstein 2": lambda *a: divlab.wasserstein(*a, order=2),
    "cramer": divlab.cramer,
    "energy": divlab.energy,
    "ks": divlab.ks,
}


def close(precision: str) -> float:
    return 1e-8 if precision == "float64" else 1e-4


# The table, and closed forms.
TRUTHS = [
    ("ks", nd.Normal, (0.0, 1.0), nd.Normal, (1.0, 2.0), {}, 0.34514358700),
    ("cramer", nd.Normal, (0.0, 1.0), nd.Normal, (1.0, 2.0), {"squared": True}, 0.26705266205),
    ("energy", nd.Normal, (0.0, 1.0), nd.Normal, (1.0, 2.0), {}, 0.73082509816),
    ("mmd", nd.Normal, (0.0, 1.0), nd.Normal, (1.0, 2.0), {"squared": True}, 0.15947048368),
]


@pytest.mark.parametrize(("name", "p", "a", "q", "b", "options", "truth"), TRUTHS)
def test_truths(
    name: str, p: Any, a: Any, q: Any, b: Any, options: dict[str, Any], truth: float, precision: str
) -> None:
    got = getattr(divlab, name)(p(*a), q(*b), **options)
    assert got.dtype == precision
    assert got.shape == ()
    assert float(got) == pytest.approx(truth, rel=close(precision))


def test_heavy_tails_by_another_route() -> None:
    p, q = ss.t(2, 1, 2), ss.cauchy(0, 1)

    def gap(x: Any) -> Any:  # from the smaller tail
        return np.where(x < 0, p.cdf(x) - q.cdf(x), q.sf(x) - p.sf(x))

    truth = reference.line_integral(lambda x: gap(x) ** 2, reference.breaks(p, q))
    with jax.enable_x64(True):
        got = divlab.cramer(nd.StudentT(2.0, 1.0, 2.0), nd.Cauchy(0.0, 1.0), squared=True)
        assert float(got) == pytest.approx(truth, rel=1e-8)


def test_one_sample_to_a_cauchy(precision: str) -> None:
    # 2 ∫_0^∞ (arctan(1/x)/π)² dx, and the whole lower half of the mass lies to one side.
    cauchy = nd.Cauchy(0.0, 1.0)
    got = float(divlab.cramer([0.0], cauchy, squared=True))
    assert got == pytest.approx(2 * np.log(2) / np.pi, rel=close(precision))
    assert float(divlab.ks(cauchy, [0.0])) == pytest.approx(0.5, rel=close(precision))
    assert float(divlab.wasserstein([0.0], cauchy)) == np.inf


def test_weighted_samples_to_a_uniform(precision: str) -> None:
    x, w = np.array([0.9, 0.2, 0.4]), np.array([1.0, 2.0, 5.0])
    uniform = nd.Uniform(0.0, 1.0)
    cuts, levels = [0.0, 0.2, 0.4, 0.9, 1.0], [0.0, 0.25, 0.875, 1.0]
    truth = sum(  # ∫ (c - x)² over each step
        ((hi - c) ** 3 - (lo - c) ** 3) / 3
        for c, lo, hi in zip(levels, cuts[:-1], cuts[1:], strict=True)
    )
    got = float(divlab.cramer(x, uniform, w, squared=True))
    assert got == pytest.approx(truth, rel=close(precision))
    # Just after 0.4 the samples hold 0.875, the uniform 0.4.
    got = float(divlab.ks(uniform, x, q_weights=w))
    assert got == pytest.approx(0.475, rel=close(precision))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("sizes", [(300_000, 300_000), (300_000, 200_001)])
def test_long_sums_do_not_drift(sizes: tuple[int, int], weighted: bool) -> None:
    rng = np.random.default_rng(1)
    samples = [rng.normal(0.1 * i, 1 + i, n).astype("f") for i, n in enumerate(sizes)]
    drawn = [rng.random(n) for n in sizes]
    weights = drawn if weighted else [None, None]
    wide = [a.astype(float) for a in samples]
    masses = [
        w / w.sum() if weighted else np.full(n, 1 / n) for w, n in zip(drawn, sizes, strict=True)
    ]
    truths = {
        "wasserstein": ss.wasserstein_distance(*wide, *weights),
        "wasserstein 2": ot.emd2_1d(*wide, *masses, metric="sqeuclidean") ** 0.5,
        "energy": ss.energy_distance(*wide, *weights),
    }
    for name, truth in truths.items():
        got = float(CDF_DISTANCES[name](*samples, *weights))
        assert got == pytest.approx(truth, rel=1e-6), name
        with jax.enable_x64(True):
            got = float(CDF_DISTANCES[name](*wide, *weights))
        assert got == pytest.approx(truth, rel=1e-12), name


def test_many_moves_of_the_largest_order() -> None:
    assert float(divlab.wasserstein(X, Y, [1, 1, 1, 1], order=np.inf)) == 1.5
    assert float(divlab.wasserstein(1e30 * X, 1e30 * Y, order=3)) == pytest.approx(
        1e30 * float(divlab.wasserstein(X, Y, order=3)), rel=1e-6
    )


def test_ks_looks_into_every_block() -> None:
    # More samples than a block, ties among them and between them.
    rng = np.random.default_rng(2)
    for n, m, decimals in ((5000, 5000, 9), (5000, 400, 2), (300, 4000, 1)):
        x, y = (np.round(rng.normal(size=k), decimals) for k in (n, m))
        truth = ss.ks_2samp(x, y, method="asymp").statistic
        assert float(divlab.ks(x, y)) == pytest.approx(truth, rel=1e-6)


def test_large_integers_are_exact() -> None:
    seconds = np.array([1_700_000_000, 1_700_000_001])
    assert float(divlab.wasserstein(seconds, seconds + 1)) == 1
    assert float(divlab.energy(np.array([0], "uint8"), np.array([255], "uint8"), squared=True)) == (
        510
    )


def test_infinite_samples() -> None:
    for distance in (divlab.wasserstein, divlab.cramer, divlab.energy):
        assert float(distance([1, 2, np.inf], [1, 1])) == np.inf
        assert float(distance([1, np.inf], [-np.inf, 1])) == np.inf
        # A third and a half of the mass: the difference must move, however far infinity is.
        assert float(distance([1, 2, np.inf], [np.inf, 1])) == np.inf
        assert float(distance([0.0, -np.inf], nd.Normal(0.0, 1.0))) == np.inf
        with pytest.raises(ValueError, match="same share of infinite samples"):
            distance([1, np.inf], [np.inf, 2])
        # No mass, no distance.
        assert float(distance([1, np.inf], [1], [1, 0])) == 0
    assert float(divlab.ks([1, np.inf], [1, 1])) == 0.5
    assert float(divlab.ks([1, np.inf], [np.inf, 2])) == 0.5
    # The kernel to a point far away is 0, to itself 1: 1/4 + 1/4 + 1/2 - 1/2
    assert float(divlab.mmd([0.0, np.inf], [0.0, 0.0], squared=True)) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="same infinity"):
        divlab.mmd([0.0, np.inf], [np.inf])


BAD = [
    ([1, 1], None, "p_weights .* 2 for 4"),
    (None, [1, 1, 1, 1], "q_weights .* 4 for 3"),
    ([1, -1, 1, 1], None, "p_weights must be .*-1"),
    (None, [0, 0, 0], "q_weights must not all be zero"),
    ([1, np.nan, 1, 1], None, "p_weights .* NaN at index 1"),
]


@pytest.mark.parametrize(("p_weights", "q_weights", "message"), BAD)
@pytest.mark.parametrize("name", CDF_DISTANCES)
def test_bad_weights(name: str, p_weights: Any, q_weights: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CDF_DISTANCES[name](X, Y, p_weights, q_weights)


def test_bad_arguments() -> None:
    for distance in (*CDF_DISTANCES.values(), divlab.mmd):
        with pytest.raises(ValueError, match=r"^p must not contain NaN, got NaN at index 1"):
            distance([0.0, np.nan], Y)
        with pytest.raises(ValueError, match=r"^q holds 1e\+300, beyond float32"):
            distance(X, [1e300])
    with pytest.raises(ValueError, match="bandwidth must be above 0"):
        divlab.mmd(X, Y, bandwidth=0)
    with pytest.raises(ValueError, match="p holds infinite samples"):
        divlab.mmd([0.0, np.inf], nd.Normal(0.0, 1.0))


@pytest.mark.parametrize("name", CDF_DISTANCES)
def test_one_sample_and_equal_samples_are_fine(name: str) -> None:
    assert float(CDF_DISTANCES[name]([2.0], [2.0, 2.0])) == 0
    assert float(CDF_DISTANCES[name]([2.0], [4.0])) > 0
    assert float(CDF_DISTANCES[name](X, X[::-1])) == 0


@pytest.mark.parametrize("name", CDF_DISTANCES)
def test_gradients_in_samples_and_weights(name: str) -> None:
    distance = CDF_DISTANCES[name]
    x, w = np.array([0.3, -1.2, 2.0, 0.65]), np.array([1.0, 2.0, 0.5, 3.0])
    step = 1e-6

    def change(by: np.ndarray, in_weights: bool) -> float:
        """The distance ahead less that behind, on the host: either route checks the other."""
        of_x, of_w = (0.0, by) if in_weights else (by, 0.0)
        return float(distance(x + of_x, Y, w + of_w)) - float(distance(x - of_x, Y, w - of_w))

    with jax.enable_x64(True):
        gradients = jax.jit(jax.grad(lambda x, w: distance(x, Y, w), (0, 1)))(x, w)
        for in_weights, gradient in enumerate(gradients):
            slope = [change(h, bool(in_weights)) / (2 * step) for h in step * np.eye(4)]
            np.testing.assert_allclose(gradient, slope, rtol=1e-5, atol=1e-7)


# Rows with ties, of which the first is the sample that they are compared with.
TIED = np.array([0.0, 1.0, 1.0, 4.0], np.float32)
ROWS = np.stack([TIED, TIED + 1, 2 * TIED])


@cache
def of_rows(name: str) -> Any:
    """A program of the distances of the rows of a matrix from a sample, and of their gradients."""
    distance = {**CDF_DISTANCES, "mmd": divlab.mmd}[name]
    return jax.jit(jax.vmap(jax.value_and_grad(distance), (0, None)))


@pytest.mark.parametrize("name", [*CDF_DISTANCES, "mmd"])
def test_gradients_at_ties_and_at_equality_are_finite(name: str) -> None:
    distance = getattr(divlab, name) if name == "mmd" else CDF_DISTANCES[name]
    for other in (TIED, np.ones(2, np.float32)):
        values, gradients = of_rows(name)(ROWS, other)
        assert np.all(np.isfinite(gradients))
        loop = [float(distance(row, other)) for row in ROWS]
        np.testing.assert_allclose(values, loop, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", CDF_DISTANCES)
def test_nan_under_jit_gives_nan(name: str) -> None:
    """By a program of the test before."""
    values, _ = of_rows(name)(np.where(ROWS == 4, np.nan, ROWS), np.ones(2, np.float32))
    np.testing.assert_array_equal(np.isnan(values), [True, False, False])


def test_gradients_in_parameters() -> None:
    samples = np.array([0.3, -1.2, 2.0, 0.65])

    def between(t: Any) -> Any:
        return divlab.cramer(nd.Normal(t[0], t[1]), nd.Normal(0.2, 1.5))

    def to_uniform(t: Any) -> Any:  # with an end of a support that moves
        return divlab.wasserstein(samples, nd.Uniform(-1.0, t[0]), order=2)

    with jax.enable_x64(True):
        # The gradient of an integral between distributions is found on the host, if it can be. The
        # other one is a program, which here also holds the value.
        to_uniform_at = jax.jit(jax.grad(to_uniform))
        for function, gradient, numbers in (
            (between, jax.grad(between), [0.0, 2.0]), (to_uniform, to_uniform_at, [1.5]),
        ):  # fmt: skip
            at = np.array(numbers)
            steps = 1e-5 * np.eye(len(at))
            slope = [(float(function(at + h)) - float(function(at - h))) / 2e-5 for h in steps]
            np.testing.assert_allclose(gradient(at), slope, rtol=1e-6)
        assert np.all(jax.grad(between)(np.array([0.2, 1.5])) == 0)


def test_cramer_of_a_tail_that_falls_by_many_orders() -> None:
    """F - G falls by 50 orders on one piece of a line, where a polynomial would not see it."""
    p, q = nd.Normal(0.0, 1.0), nd.Cauchy(0.5, 1.3)

    def square(x: float) -> float:
        return float(ss.norm.sf(x) - ss.cauchy.sf(x, 0.5, 1.3)) ** 2

    expected = quad(square, -np.inf, 0)[0] + quad(square, 0, np.inf)[0]
    with jax.enable_x64(True):
        found = divlab.cramer(p, q, squared=True)
        assert float(found) == pytest.approx(expected, rel=1e-6)
        traced = jax.jit(lambda scale: divlab.cramer(p, nd.Cauchy(0.5, scale), squared=True))(1.3)
        assert float(traced) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("p", "q", "order", "is_infinite"),
    [
        (nd.Normal(0.0, 1.0), nd.HalfCauchy(1.0), 2.0, True),
        (nd.Uniform(0.0, 1.0), nd.Pareto(1.0, 1.5), 2.0, True),
        (nd.StudentT(2.0, 0.0, 1.0), nd.Gumbel(0.0, 1.0), 2.0, True),
        (nd.StudentT(2.5, 0.0, 1.0), nd.Gumbel(0.0, 1.0), 2.0, False),
        (nd.StudentT(2.5, 0.0, 1.0), nd.Gumbel(0.0, 1.0), 3.0, True),
        # Both lack the moment, and have it in common.
        (nd.Cauchy(0.0, 1.0), nd.Cauchy(1.0, 1.0), 2.0, False),
    ],
)
def test_w_p_is_infinite_where_one_lacks_the_moment(
    p: Any, q: Any, order: float, is_infinite: bool
) -> None:
    """As far as a tail is followed the distance is finite, and grows with it."""
    assert np.isinf(float(divlab.wasserstein(p, q, order=order))) == is_infinite


def test_mmd_of_samples_three_ways() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=60), 0.5 + rng.normal(size=45)

    def mean(a: np.ndarray, b: np.ndarray, h: float) -> float:
        return float(np.mean(np.exp(-((a[:, None] - b) ** 2) / (2 * h**2))))

    program = jax.jit(lambda x, h: divlab.mmd(x, y, bandwidth=h, squared=True))
    far = np.concatenate([[1e7], x[1:]])  # which once took the digits of all others
    for a, h in ((x, 0.01), (x, 0.3), (x, 1.0), (x, 30.0), (far, 1.0)):
        truth = mean(a, a, h) + mean(y, y, h) - 2 * mean(a, y, h)
        assert mmd.known_squared(a, y, h) == pytest.approx(truth, rel=1e-10, abs=1e-15)
        assert float(program(a, h)) == pytest.approx(truth, rel=1e-3)
    assert float(divlab.mmd(x, x[::-1])) < 1e-7


arrays = st.lists(st.integers(-40, 40).map(lambda k: k / 4), min_size=1, max_size=6)
orders = st.sampled_from([1, 1.5, 2, np.inf])


@given(arrays, arrays, arrays, orders)
@few
def test_laws_of_samples(x: Any, y: Any, z: Any, order: float) -> None:
    distances: dict[str, Callable[..., jax.Array]] = {
        **{n: d for n, d in CDF_DISTANCES.items() if n != "wasserstein 2"},
        "order": lambda a, b: divlab.wasserstein(a, b, order=order),
        "mmd": divlab.mmd,
    }
    for name, distance in distances.items():
        there, back = float(distance(x, y)), float(distance(y, x))
        assert there >= 0
        assert there == pytest.approx(back, rel=1e-5, abs=1e-6)
        assert float(distance(x, x[::-1])) == pytest.approx(0, abs=1e-6)
        assert there <= float(distance(x, z)) + float(distance(z, y)) + 1e-5, name
    x, y = np.array(x), np.array(y)
    square = float(divlab.cramer(x, y, squared=True))
    assert float(divlab.energy(x, y, squared=True)) == pytest.approx(2 * square, rel=1e-6)
    assert float(divlab.cramer(x, y)) ** 2 == pytest.approx(square, rel=1e-5)
    # ∫ (F - G)² <= sup |F - G| ∫ |F - G|
    ks, first = float(divlab.ks(x, y)), float(divlab.wasserstein(x, y))
    assert square <= ks * first * (1 + 1e-5)
    assert first <= float(divlab.wasserstein(x, y, order=order)) * (1 + 1e-5)
    assert float(divlab.wasserstein(x, x + 3, order=order)) == pytest.approx(3)
    # Units: W goes with those of x, Cramér and energy with their root, KS with none.
    for name, power in (("wasserstein", 1), ("cramer", 0.5), ("energy", 0.5), ("ks", 0)):
        distance = CDF_DISTANCES[name]
        expected = 16**power * float(distance(x, y))
        assert float(distance(16 * x, 16 * y)) == pytest.approx(expected, rel=1e-5)
    assert float(divlab.mmd(8 * x, 8 * y, bandwidth=8)) == pytest.approx(
        float(divlab.mmd(x, y)), rel=1e-5, abs=1e-6
    )


locs, scales = st.floats(-5, 5, width=32), st.floats(0.125, 8, width=32)


@given(locs, scales, locs, scales)
@few
def test_laws_of_distributions(a: float, s: float, b: float, t: float) -> None:
    p, q = nd.Normal(a, s), nd.Normal(b, t)
    ks, cramer = float(divlab.ks(p, q)), float(divlab.cramer(p, q))
    assert 0 <= ks <= float(divlab.tv(p, q)) + 1e-5
    assert cramer == pytest.approx(float(divlab.cramer(q, p)), rel=1e-4, abs=1e-5)
    assert cramer**2 <= ks * float(divlab.wasserstein(p, q)) * (1 + 1e-3) + 1e-6
    assert float(divlab.cramer(p, p)) == float(divlab.ks(p, p)) == 0
    scaled = float(divlab.cramer(nd.Normal(4 * a, 4 * s), nd.Normal(4 * b, 4 * t)))
    assert scaled == pytest.approx(2 * cramer, rel=1e-4, abs=1e-5)


def test_a_distance_that_is_not_found_has_no_slope() -> None:
    """The slope was 0, which a training would take for a minimum."""

    def distance(loc: Any) -> Any:
        return divlab.wasserstein(nd.StudentT(2.05, loc, 1.0), nd.Normal(0.0, 1.0), order=2)

    assert np.all(np.isnan(jax.value_and_grad(distance)(0.3)))
