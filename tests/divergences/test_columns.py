"""Columns as people bring them: rounded, repeated, with outliers, offsets, zeros, whole numbers."""

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as nd
import pytest

import divlab

RNG = np.random.default_rng(7)
X, Y = RNG.normal(size=4000), RNG.normal(0.5, 1.0, 4000)
ENTROPY = 0.5 * math.log(2 * math.pi * math.e)


@pytest.mark.parametrize(
    ("x", "q", "value"),
    [  # of one size, so that those of a type share a program
        ([0.0, 0.5, 1.0], nd.Uniform(0.0, 1.0), 0.0),
        ([0.0, 1.0, 2.0], nd.Exponential(1.0), 1.0),
        ([0.0, 0.0, 0.0], nd.HalfNormal(1.0), 0.5 * math.log(math.pi / 2)),
        ([-2.0, 0.0, 3.0], nd.Uniform(-2.0, 3.0), math.log(5)),
        ([0.0, 0.5, 1.0], nd.Beta(1.0, 1.0), 0.0),
        ([0.0, 0.5, 0.5], nd.Gamma(2.0, 1.0), math.inf),  # a density of 0 there
        ([0.0, 0.5, 0.5], nd.Beta(0.5, 1.0), -math.inf),  # an infinite one
        ([-1.0, 0.5, 0.5], nd.Uniform(0.0, 1.0), math.inf),
    ],
)
def test_samples_on_an_end_of_the_support(x: Any, q: Any, value: float, precision: str) -> None:
    """Min-max scaled columns, and waiting times with zeros, would be infinitely unlikely."""
    assert float(divlab.cross_entropy(x, q)) == pytest.approx(value, abs=1e-6)
    if precision == "float32":  # traced calls take the same way with 64 bits
        traced = jax.jit(divlab.cross_entropy)(jnp.array(x), q)
        assert float(traced) == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize("digits", [0, 1, 2, 3])
def test_one_column_rounded_and_the_other_not(digits: int) -> None:
    """The cell of a tie would be cut to the distance to the other sample: 6.6 for 0.125."""
    assert float(divlab.kl(np.round(X, digits), Y)) == pytest.approx(0.125, abs=0.05)
    assert float(divlab.kl(X, np.round(Y, digits))) == pytest.approx(0.125, abs=0.05)


@pytest.mark.parametrize("seed", range(5))
def test_rows_that_come_again_count_once(seed: int) -> None:
    """In a bootstrap copy neighbours at no distance would make the density too high."""
    copy = np.random.default_rng(seed).choice(X, X.size)
    assert float(divlab.entropy(copy)) == pytest.approx(ENTROPY, abs=0.08)
    assert float(divlab.kl(copy, Y)) == pytest.approx(0.125, abs=0.1)


@pytest.mark.parametrize("step", [0.1, 0.25, 1 / 60, 1 / 7])
def test_a_grid_in_decimals_is_a_grid(step: float) -> None:
    """Minutes in sixtieths, written with three digits, would be taken for rows drawn again."""
    column = np.round(step * np.round(X / step), 3)
    assert len(np.unique(column)) < column.size / 2
    assert float(divlab.entropy(column)) == pytest.approx(ENTROPY, abs=0.08)


def test_an_atom_is_refused() -> None:
    """Half of a column of rain is 0: it has no density, and any number would be made up."""
    rain = np.concatenate([np.zeros(500), RNG.exponential(size=500)])
    with pytest.raises(ValueError, match="500 of 1000 samples are one number"):
        divlab.kl(rain, Y)
    assert float(divlab.wasserstein(rain, rain + 1.0)) == pytest.approx(1.0)


@pytest.mark.parametrize("far", [0.0, -1e9, 3e9, 1.7e9 + 5e4])
def test_an_outlier_far_away(far: float, precision: str) -> None:
    """Values far from the origin would be rounded to a grid: an entropy of 21 for 3.7."""
    column = np.concatenate([[far], 1.7e9 + 10 * X])
    assert float(divlab.entropy(column)) == pytest.approx(ENTROPY + math.log(10), abs=0.08)
    q = nd.Normal(1.7e9, 10.0)
    expected = 0.5 * math.log(2 * math.pi * 100) + 0.5 * np.mean(X**2)
    assert float(divlab.cross_entropy(1.7e9 + 10 * X, q)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", ["int32", "uint32", "int64"])
def test_whole_numbers_far_from_0(kind: str) -> None:
    """A float of 32 bits holds 24 of them; differences of a few would vanish."""
    a = np.array([1_700_000_000, 1_700_000_100, 1_700_000_203], kind)
    b = a + np.asarray(5, kind)
    names = ("wasserstein", "cramer", "energy", "ks", "mmd")
    near = a - a[0]
    for name in names:
        function = getattr(divlab, name)
        expected = float(function(near.astype(float), (near + 5).astype(float)))
        assert float(function(a, b)) == pytest.approx(expected, rel=1e-6)
        assert float(function(b[::-1], a)) == pytest.approx(expected, rel=1e-6)
        if kind != "int64":  # which jit takes for 32 bits
            assert float(jax.jit(function)(a, b)) == pytest.approx(expected, rel=1e-5)


def test_nanoseconds_of_today() -> None:
    """A float of 64 bits holds 53 bits, a time in nanoseconds 61."""
    a = np.arange(5) * 10**12 + 1_700_000_000_000_000_000
    assert float(divlab.wasserstein(a, a + 100)) == 100
    assert float(divlab.wasserstein(a, a[::-1])) == 0


@pytest.mark.parametrize(
    "column",
    [
        [Decimal("1.5"), Decimal(2)],
        [Fraction(3, 2), 2],
        np.array([1.5, 2], object),
        np.array([np.float32(1.5), 2], object),
        np.array([1.5, 2.0], np.longdouble),
        np.array([1.5, 2.0], np.float16),
    ],
)
def test_numbers_of_any_type_are_taken(column: Any) -> None:
    """A column of a data frame is often of objects."""
    assert float(divlab.wasserstein(column, [1.5, 3.0])) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([1, None, 2], "p must be numbers, got None at index 1"),
        (np.array([1, 2, "a"], object), "p must be numbers, got 'a' at index 2"),
        ([1.0, [2.0]], "p must be a 1-D array of numbers"),
        ([10**400, 1], "p is too large for a float at index 0"),
        (np.array(["2020-01-01", "2020-01-02"], "datetime64[D]"), "p holds dates.*timedelta64"),
        (np.array([1, 2], "timedelta64[s]"), "p holds durations.*timedelta64"),
    ],
)
def test_what_is_no_number_is_named(column: Any, message: str) -> None:
    """`got list` does not say which of ten thousand rows to look at."""
    with pytest.raises((TypeError, ValueError), match=message):
        divlab.wasserstein(column, [1.0, 2.0])


def test_the_same_number_again_and_again() -> None:
    """Two constant columns have no density, and yet nothing is between them."""
    for name in ("kl", "js", "tv", "chi2"):
        assert float(getattr(divlab, name)([1.0, 1.0, 1.0], [1.0, 1.0])) == 0
    with pytest.raises(ValueError, match="no density"):
        divlab.kl([1.0, 1.0, 1.0], [2.0, 2.0])


def test_what_32_bits_cannot_hold_is_said() -> None:
    """A distance of 2e-50 would be 0."""
    with pytest.raises(ValueError, match="2e-50, which float32 cannot hold"):
        divlab.wasserstein([1e-50], [3e-50])
    with jax.enable_x64(True):
        assert float(divlab.wasserstein([1e-50], [3e-50])) == pytest.approx(2e-50)


def squared_mmd_by_pairs(x: Any, y: Any, bandwidth: float) -> float:
    def mean(a: Any, b: Any) -> float:
        return float(np.exp(-0.5 * ((a[:, None] - b) / bandwidth) ** 2).mean())

    return mean(x, x) - 2 * mean(x, y) + mean(y, y)


@pytest.mark.parametrize("bandwidth", [0.01, 0.3, 1.0, 50.0])
@pytest.mark.parametrize("kind", ["normal", "cauchy", "rounded", "far"])
def test_mmd_is_that_of_all_pairs(kind: str, bandwidth: float) -> None:
    """Cells of a bandwidth stand for their samples; a pair of cells could be left out."""
    x, y = X[:900], 1.1 * Y[:700]
    if kind == "cauchy":
        x = np.tan(np.pi * (RNG.random(900) - 0.5))
    x, y = (np.round(a) if kind == "rounded" else a + 1e6 * (kind == "far") for a in (x, y))
    expected = squared_mmd_by_pairs(x, y, bandwidth)
    got = divlab.mmd(x, y, bandwidth=bandwidth, squared=True)
    assert float(got) == pytest.approx(expected, rel=1e-5, abs=1e-12)


def test_mmd_of_samples_and_a_normal(precision: str) -> None:
    """The mean of the kernel under N(0, 1) is known."""
    x, q = X[:300] + 0.3, nd.Normal(0.0, 1.0)
    program = jax.jit(lambda x, h: divlab.mmd(x, q, bandwidth=h, squared=True))
    for h in (0.1, 1.0, 20.0):
        smoothed = h / math.sqrt(h**2 + 1) * np.exp(-(x**2) / 2 / (h**2 + 1))
        own = np.exp(-0.5 * ((x[:, None] - x) / h) ** 2).mean()
        expected = own - 2 * smoothed.mean() + h / math.sqrt(h**2 + 2)
        for p_and_q in ((x, q), (q, x)):
            known = divlab.mmd(*p_and_q, bandwidth=h, squared=True)
            assert float(known) == pytest.approx(expected, rel=1e-4)
        if precision == "float32":  # traced calls take the same way with 64 bits
            assert float(program(x, h)) == pytest.approx(expected, rel=1e-3)
