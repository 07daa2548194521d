"""The explorer of tests: against SciPy's, and with two columns of a user's own.

The docstring of each test says what could go wrong without it.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from scipy import stats

from divlab.explore.families import FAMILIES

from .expected import samples_of
from .setting import caption, lent


@pytest.fixture
def explorer(explorers: Callable[[str], Any]) -> Iterator[Any]:
    """`two_sample_test`, which is brought back to its state after the test."""
    yield from lent(explorers("two_sample_test"))


def test_a_p_value_is_that_of_scipy(explorer: Any) -> None:
    """The p-values could be those of other samples than the ones that are shown."""
    x, y = samples_of(explorer.values())
    truth = stats.ks_2samp(x, y, method="exact").pvalue
    error = np.sqrt(truth * (1 - truth) / 999)
    assert abs(explorer.result["pvalue"]["ks"] - truth) < 4 * error + 1e-3


def test_what_is_far_apart_is_found_and_what_is_equal_is_not(explorer: Any) -> None:
    """The power could be that of other distributions, or count what is not found."""
    explorer.controls["separation"].value = 4.0
    assert explorer.result["power"] == {"wasserstein": 1.0, "cramer": 1.0, "ks": 1.0}
    assert explorer.result["power_n"] == 50
    assert "it finds a difference; 7 of 7 divergences find one" in caption(explorer)
    explorer.load({**explorer.state(), "separation": 0.0, "shown": "JS"})
    assert set(explorer.result["power"]) == {"wasserstein", "cramer", "ks", "js"}
    assert max(explorer.result["power"].values()) < 1.0


@pytest.mark.parametrize("name", FAMILIES)
def test_samples_are_from_the_density_that_is_drawn(name: str) -> None:
    """The picture could show one distribution, and the test compare samples of another."""
    family = FAMILIES[name]
    at = family.draw(np.random.default_rng(0), (400,))
    moved = family.build(1.0, 2.0)
    x = 1.0 + 2.0 * at
    if name == "two Gaussians":
        cdf = 0.5 * (stats.norm.cdf(x, -3.0, 2.0) + stats.norm.cdf(x, 5.0, 2.0))
    elif name == "Student's t, 3 degrees":
        cdf = stats.t.cdf(x, 3.0, 1.0, 2.0)
    elif name == "Gumbel":
        cdf = stats.gumbel_r.cdf(x, 1.0, 2.0)
    elif name == "Uniform":
        cdf = stats.uniform.cdf(x, -1.0, 4.0)
    else:
        cdf = getattr(stats, {"Normal": "norm"}.get(name, name.lower())).cdf(x, 1.0, 2.0)
    assert stats.kstest(cdf, "uniform").pvalue > 1e-3
    np.testing.assert_allclose(np.asarray(moved.cdf(x)), cdf, atol=1e-5)


def test_two_columns(explorer: Any) -> None:
    """The picture could show tests of the sliders' families, or of Q against P."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=60), rng.normal(0.7, 1.0, size=90)
    before = explorer.state()
    explorer.two_columns.set_samples((x, y), ("a.csv, x", "a.csv, y"))
    assert explorer._error.value == ""
    assert explorer.controls["separation"].disabled
    assert not explorer.controls["shown"].disabled
    distance = stats.wasserstein_distance(x, y)
    assert explorer.result["statistic"] == pytest.approx(distance, rel=1e-5)
    assert explorer.result["power_n"] == 30  # half of the smaller column
    assert "P is a.csv, x, n = 60, Q is a.csv, y, n = 90" in caption(explorer)
    state, result = explorer.state(), explorer.result
    explorer.two_columns.clear.click()
    assert explorer.state() == before
    assert not explorer.controls["separation"].disabled
    explorer.load(state)
    assert explorer.result == result


def test_what_a_divergence_cannot_compare_is_left_out(explorer: Any) -> None:
    """One divergence that refuses a column could hide the answers of the others."""
    few = np.array([1.0, 2.0, 4.0])
    same = np.append(np.zeros(20), np.random.default_rng(0).normal(size=20))
    explorer.two_columns.set_samples((few, same), ("few", "same"))
    assert explorer._error.value == ""
    assert np.isnan(explorer.result["pvalue"]["kl"])
    assert 0 < explorer.result["pvalue"]["ks"] <= 1
    assert explorer.result["power"] == {}
    assert "the power takes 10 values" in caption(explorer)
    explorer.controls["shown"].value = "KL(P‖Q)"
    assert "This did not work" in explorer._error.value
