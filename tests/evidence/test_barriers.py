"""What divergences say on the way from a lost mode, against sums over a fine grid."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from divlab import evidence

X = np.linspace(-12.0, 12.0, 240_001)


def density(x: Any, locs: tuple[float, float], scale: float) -> Any:
    """Half a Gaussian at each of two places."""
    return 0.5 * (norm.pdf(x, locs[0], scale) + norm.pdf(x, locs[1], scale))


def test_values_are_the_divergences_from_the_target_to_the_moving_model() -> None:
    """Target and model could be swapped, or the wrong half could move."""
    table = evidence.moving_half(["kl", "js", "wasserstein"], [3.0], scale=0.6, places=5)
    p, q = density(X, (-1.5, 1.5), 0.6), density(X, (-1.5, -0.75), 0.6)
    m = (p + q) / 2
    found = table["value"].sel(separation=3.0, way=0.25)
    kl = np.trapezoid(p * np.log(p / q), X)
    js = np.trapezoid(p * np.log(p / m) + q * np.log(q / m), X) / 2
    assert found.values == pytest.approx([kl, js, 0.5 * 2.25], rel=2e-3)


def test_barriers_of_a_mode_lost_far_away() -> None:
    """The barrier could be taken from the end of the way, or be negative where there is none."""
    table = evidence.moving_half(["kl", "js", "mmd"], [12.0], places=3)
    lost, half_way = 0.75 * np.log(4 / 3), 0.5 * np.log(2)
    assert table["value"].sel(divergence="js", way=0.0).item() == pytest.approx(lost, abs=1e-4)
    assert table["barrier"].values.ravel() == pytest.approx([0, half_way - lost, 0], abs=1e-4)


def test_no_barrier_where_the_first_value_is_infinite() -> None:
    """Infinity minus infinity is no number."""
    table = evidence.moving_half(["chi2"], [12.0], places=2)
    assert np.isinf(table["value"].sel(way=0.0).item())
    assert table["barrier"].item() == 0


def test_what_is_no_divergence_or_no_way_is_refused() -> None:
    """A misspelt name would otherwise fail deep inside, or a way of one place show no barrier."""
    with pytest.raises(ValueError, match="divergences must be among"):
        evidence.moving_half(["kll"])
    with pytest.raises(ValueError, match="places must be at least 2"):
        evidence.moving_half(["kl"], [2.0], places=1)
