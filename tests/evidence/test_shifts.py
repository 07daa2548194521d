"""Slopes in a shift, against what is known in closed form."""

import numpy as np
import pytest
from numpyro.distributions import Normal, Uniform

from divlab import evidence


def test_uniforms_that_part() -> None:
    """An infinite KL must have no slope: 0 would read as "flat", and a large number as a signal."""
    table = evidence.slopes_in_shift(lambda t: Uniform(t, 1.0 + t), [0.25, 3.0])
    np.testing.assert_array_equal(table["value"].sel(divergence="kl"), np.inf)
    assert np.isnan(table["slope"].sel(divergence="kl")).all()
    js, w1 = (table.sel(divergence=name) for name in ("js", "wasserstein"))
    np.testing.assert_allclose(js["value"], [0.25 * np.log(2), np.log(2)], rtol=1e-5)
    np.testing.assert_allclose(js["slope"], [np.log(2), 0.0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(w1["value"], [0.25, 3.0], rtol=1e-5)
    np.testing.assert_allclose(w1["slope"], 1.0, rtol=1e-5)


def test_gaussians_that_part() -> None:
    """Slopes in the wrong argument, or of P, would have another sign or size."""
    table = evidence.slopes_in_shift(lambda t: Normal(t, 0.5), [1.0, 3.0], ["kl", "tv"])
    np.testing.assert_allclose(table["slope"].sel(divergence="kl"), [4.0, 12.0], rtol=1e-5)
    # TV = 2Φ(δ/2σ) - 1, so its slope is the normal density of δ/2σ over σ.
    slopes = np.exp(-np.array([1.0, 9.0]) / 2) / np.sqrt(2 * np.pi) / 0.5
    np.testing.assert_allclose(table["slope"].sel(divergence="tv"), slopes, rtol=1e-4)


@pytest.mark.parametrize(("shifts", "names"), [([0.0], ["kl"]), ([1.0], ["nothing"])])
def test_bad_arguments(shifts: list[float], names: list[str]) -> None:
    with pytest.raises(ValueError, match="must be"):
        evidence.slopes_in_shift(lambda t: Normal(t, 1.0), shifts, names)
