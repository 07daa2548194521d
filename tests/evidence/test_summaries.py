"""The summary of a sweep, against counts and medians by NumPy."""

from typing import Any

import numpy as np
import pytest
import xarray as xr

from divlab.evidence import summary
from divlab.metrics import wilson

NAMES = ("high_quality", "bridge", "sharpness", "kl", "reverse_kl", "js", "wasserstein")


def made_up() -> xr.Dataset:
    """Two models, two targets of 2 and of 3 modes, four seeds; one seed diverged."""
    generator = np.random.default_rng(0)
    dims, shape = ("model", "target", "seed"), (2, 2, 4)
    table: dict[str, Any] = {name: (dims, generator.uniform(size=shape)) for name in NAMES}
    fractions = np.full((*shape, 3), 1 / 3)
    fractions[:, 0] = [0.5, 0.5, np.nan]
    covered = np.array([[[2, 2, 1, 2], [3, 2, 3, 1]], [[2, 2, 2, 2], [3, 3, 3, 3]]])
    status = np.full(shape, "completed")
    status[1, 0, 3] = "diverged"
    for name in NAMES:
        table[name][1][1, 0, 3] = np.nan
    table |= {"modes_covered": (dims, covered), "status": (dims, status)}
    table["mode_fractions"] = ((*dims, "mode"), fractions)
    return xr.Dataset(table, coords={"model": ["a", "b"], "target": ["two", "three"]})


def test_rates_count_seeds_that_cover_every_mode_of_their_target() -> None:
    """A target of three modes could be counted as covered when two are, or a lost run as well."""
    found = summary(made_up(), confidence=0.9)
    assert found["covered"].values.tolist() == [[3, 2], [3, 4]]
    assert found["diverged"].values.tolist() == [[0, 0], [1, 0]]
    np.testing.assert_allclose(found["rate"], [[0.75, 0.5], [0.75, 1.0]])
    ends = [float(found[end].sel(model="a", target="three")) for end in ("low", "high")]
    assert ends == pytest.approx(wilson(2, 4, 0.9))
    assert found.attrs["seeds"] == 4


def test_medians_leave_out_what_diverged() -> None:
    """One seed that diverged could turn a median into NaN, or seeds and targets be mixed up."""
    table = made_up()
    found = summary(table)
    for name in NAMES:
        expected = np.nanmedian(table[name].values, axis=2)
        np.testing.assert_allclose(found[name].transpose("model", "target"), expected)
    worst = np.nanquantile(table["wasserstein"].values, 0.9, axis=2)
    np.testing.assert_allclose(found["wasserstein_worst"].transpose("model", "target"), worst)


def test_bad_input() -> None:
    """A table of another kind could fail with an error that does not say what is missing."""
    with pytest.raises(TypeError, match="table"):
        summary(xr.Dataset({"rate": ("model", [1.0])}))
    with pytest.raises(ValueError, match="confidence"):
        summary(made_up(), confidence=1.0)
