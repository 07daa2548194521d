"""Errors of estimators, against values that are known by other means."""

import math
from typing import Any

import numpy as np
import pytest
from numpyro.distributions import Normal

from divlab import evidence

P, NEAR, FAR = Normal(0.0, 1.0), Normal(1.0, 1.0), Normal(5.0, 1.0)


def test_summaries_are_those_of_the_draws() -> None:
    """Without overlap W₁ of samples is the difference of means: N(5, 2/n) exactly."""
    table = evidence.estimator_errors(
        {"far": (P, Normal(20.0, 1.0))},
        ["wasserstein"],
        methods=["sorting"],
        sizes=[100],
        draws=400,
    ).squeeze()
    assert float(table["truth"]) == pytest.approx(20.0, rel=1e-6)
    deviation = math.sqrt(2 / 100)
    assert float(table["mean"]) == pytest.approx(20.0, abs=4 * deviation / 20)
    assert float(table["standard_deviation"]) == pytest.approx(deviation, rel=0.15)
    parts = float(table["mean"] - table["truth"]), float(table["standard_deviation"])
    # The mean square error is bias² plus the variance with n in the denominator.
    square = parts[0] ** 2 + parts[1] ** 2 * 399 / 400
    assert float(table["error"]) == pytest.approx(math.sqrt(square), rel=1e-6)


def test_what_does_not_exist_is_missing() -> None:
    """A distance between distribution functions has no `method`, and KL is not sorted."""
    table = evidence.estimator_errors(
        {"near": (P, NEAR)}, ["kl", "wasserstein"], methods=["histogram", "sorting"], sizes=[30],
        draws=2,
    )  # fmt: skip
    found = np.isfinite(table["mean"].squeeze().values)
    np.testing.assert_array_equal(found, [[True, False], [False, True]])


def test_only_known_densities_reach_a_far_kl() -> None:
    """The point of the table: neighbours stop near log n, Monte Carlo does not."""
    table = evidence.estimator_errors(
        {"far": (P, FAR)}, ["kl"], methods=["nearest_neighbours", "monte_carlo"], sizes=[300],
        draws=5,
    ).squeeze()  # fmt: skip
    assert float(table["truth"]) == pytest.approx(12.5, rel=1e-6)
    mean = table["mean"]
    assert float(mean.sel(estimator="nearest_neighbours")) < math.log(300)
    assert float(mean.sel(estimator="monte_carlo")) == pytest.approx(12.5, abs=1.0)


def test_draws_depend_on_the_key_alone() -> None:
    """Otherwise the stored table could not be made again."""

    def mean(key: int) -> float:
        table = evidence.estimator_errors(
            {"near": (P, NEAR)}, ["js"], methods=["histogram"], sizes=[30], draws=2, key=key
        )
        return float(table["mean"].item())

    assert mean(1) == mean(1) != mean(2)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"divergences": ["entropy"]}, "divergences must be names"),
        ({"methods": ["guessing"]}, "methods must be among"),
        ({"sizes": [3]}, "sizes"),
        ({"draws": 1}, "draws"),
    ],
)
def test_bad_arguments_are_named(options: dict[str, Any], said: str) -> None:
    """A typing error would otherwise end in a table of NaN."""
    with pytest.raises(ValueError, match=said):
        evidence.estimator_errors({"near": (P, NEAR)}, **options)


def test_saturation_is_the_estimator_and_the_formula() -> None:
    """The prediction is the point of the table, so both are held against other sums."""
    table = evidence.saturation([1000], separation=5.0, k=5, key=3)
    x, y = np.random.default_rng(3).standard_normal((2, 1000))
    own = np.sort(np.abs(x[:, None] - x), axis=1)[:, 5]
    other = np.sort(np.abs(x[:, None] - (y + 5)), axis=1)[:, 4]
    expected = np.mean(np.log(other / own)) + math.log(1000 / 999)
    assert table["found"].item() == pytest.approx(expected, rel=1e-9)
    # ψ(5) = 1 + 1/2 + 1/3 + 1/4 - γ, H = ½ log 2πe
    psi = 25 / 12 - 0.5772156649015329
    gap = 5 - 2.5758293035489004
    formula = math.log(2000 * gap) - psi - 0.5 * math.log(2 * math.pi * math.e)
    assert table["predicted"].item() == pytest.approx(formula, rel=1e-6)
    assert float(table["truth"]) == 12.5


def test_cutting_at_zero_makes_a_bias() -> None:
    """A mean of cut values of standard deviation s is s/√(2π), not 0."""
    table = evidence.cut_at_zero(300, draws=200)
    np.testing.assert_allclose(table["reported"], np.maximum(table["plain"], 0), atol=1e-6)
    spread = float(table["plain"].std())
    assert abs(float(table["plain"].mean())) < 4 * spread / 200**0.5
    expected = spread / (2 * math.pi) ** 0.5
    assert float(table["reported"].mean()) == pytest.approx(expected, rel=0.3)
