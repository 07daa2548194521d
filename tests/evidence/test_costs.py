"""Costs against counts by hand, and medians of trainings that did not all arrive.

The docstring of each test says what could go wrong without it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

import divlab
from divlab import evidence
from divlab.metrics import wilson


def test_the_products_are_those_of_a_step() -> None:
    """A product could be left out, or counted for an input that needs no gradient."""
    n, d, h = 8, 5, 3
    vae = evidence.operations_by_hand(divlab.VAE(hidden=(h,), data_dim=d), n)
    # Encoder D-H-2 and decoder 1-H-D: each product three times, but no gradient to the data.
    assert vae == 2 * n * (2 * d * h + 3 * 2 * h + 3 * h + 3 * h * d)
    gan = evidence.operations_by_hand(divlab.GAN(hidden=(h,), data_dim=d), n)
    generator_forward, critic_forward = h + h * d, d * h + h
    critic_update = generator_forward + 2 * (2 * critic_forward + h)
    generator_update = 2 * generator_forward + h * d + 2 * critic_forward
    assert gan == 2 * n * (critic_update + generator_update)
    deep = evidence.operations_by_hand(divlab.GAN(hidden=(h, h), data_dim=d), n)
    assert deep - gan == 2 * n * 12 * h * h


@pytest.mark.parametrize("model", [divlab.VAE, divlab.GAN])
@pytest.mark.parametrize("hidden", [(512,), (256, 256)])
def test_xla_counts_the_same_products(model: Any, hidden: tuple[int, ...]) -> None:
    """The count by hand could be of another step than the one that is trained."""
    wide = model(hidden=hidden, data_dim=512)
    by_hand, counted = evidence.operations_by_hand(wide, 64), divlab.training_cost(wide, 64).flops
    assert by_hand < counted < 1.15 * by_hand


def test_exponents_are_those_of_known_counts() -> None:
    """A fit could be over the wrong axis, or of numbers and not of their logarithms."""
    sizes = {"H": (64, 256, 1024), "N": (16, 64, 512)}
    table = evidence.cost_exponents(["VAE"], [1, 2], sizes=sizes)
    found = table["exponent"].sel(model="VAE")
    for layers in (1, 2):
        widths = np.array(sizes["H"])
        models = [divlab.VAE(hidden=(int(h),) * layers, data_dim=64) for h in widths]
        counts = [evidence.operations_by_hand(model, 256) for model in models]
        slope = np.cov(np.log(widths), np.log(counts))[0, 1] / np.var(np.log(widths), ddof=1)
        row = found.sel(layers=layers, quantity="by_hand")
        assert float(row.sel(vary="H")) == pytest.approx(slope)
        assert float(row.sel(vary="N")) == pytest.approx(1.0)
    cost = divlab.training_cost(divlab.VAE(hidden=(256,), data_dim=64), 256)
    middle = table.sel(model="VAE", layers=1, vary="H").isel(point=1)
    assert int(middle["flops"]) == cost.flops
    assert int(middle["size"]) == 256
    assert float(found.sel(layers=1, quantity="parameters", vary="N")) == pytest.approx(0, abs=1e-9)


def test_a_step_is_measured() -> None:
    """Memory and time could be those of another step, or of none."""
    sizes = {"N": (64, 512)}  # counted above
    table = evidence.cost_exponents(["VAE"], [1], sizes=sizes, rounds=2).squeeze()
    assert np.all(table["seconds"] > 0)
    assert np.all(table["memory"] > 4 * 64 * np.array(sizes["N"]))  # at least the batch, once
    assert float(table["exponent"].sel(quantity="memory")) > 0.8


def test_medians_count_those_that_did_not_arrive() -> None:
    """The median of those that arrived would flatter a model of which few did."""
    steps = np.array([[10.0, 20.0, 30.0, 40.0, np.nan], [5.0, np.nan, np.nan, np.nan, 0.0]])
    variables = {"steps": (("model", "seed"), steps), "flops": (("model", "seed"), 3 * steps)}
    found = evidence.arrivals(xr.Dataset(variables, coords={"model": ["a", "b"]}))
    assert found["arrived"].values.tolist() == [4, 2]
    assert found["steps"].values.tolist() == [30.0, np.inf]
    assert found["flops"].values.tolist() == [90.0, np.inf]
    assert found["steps_late"].values.tolist() == [np.inf, np.inf]
    assert found["flops_per_step"].values.tolist() == [3.0, 3.0]
    assert (float(found["low"][0]), float(found["high"][0])) == pytest.approx(wilson(4, 5))


def test_shares_count_every_seed() -> None:
    """A curve could end at 1 where some seeds never arrived."""
    steps = np.array([[10.0, 20.0, 40.0, np.nan], [0.0, np.nan, np.nan, np.nan]])
    variables = {"steps": (("model", "seed"), steps), "flops": (("model", "seed"), 3 * steps)}
    table = xr.Dataset(variables, coords={"model": ["a", "b"]})
    found = evidence.arrived_within(table, points=5)
    assert found["budget"].values.tolist() == [0.0, 10.0, 20.0, 30.0, 40.0]
    assert found.values.tolist() == [[0.0, 0.25, 0.5, 0.5, 0.75], [0.25] * 5]
    in_flops = evidence.arrived_within(table, "flops", points=5)
    assert in_flops.values.tolist() == found.values.tolist()
    assert float(in_flops["budget"][-1]) == 120.0


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: evidence.operations_by_hand("VAE"), "model"),  # type: ignore[arg-type]
        (lambda: evidence.operations_by_hand(divlab.GAN("wgan_gp")), "objective"),
        (lambda: evidence.operations_by_hand(divlab.VAE(), 0), "batch_size"),
        (lambda: evidence.arrived_within(xr.Dataset(), "bytes"), "of"),
        (lambda: evidence.cost_exponents(["flow"]), "kinds"),
        (lambda: evidence.cost_exponents(base={"N": 1}), "base"),
        (lambda: evidence.cost_exponents(sizes={"X": (1, 2)}), "sizes"),
        (lambda: evidence.cost_exponents(sizes={"N": (1,)}), "sizes"),
    ],
)
def test_bad_input(call: Callable[[], Any], name: str) -> None:
    """A mistake would end in an error about something else."""
    with pytest.raises((TypeError, ValueError), match=name):
        call()
