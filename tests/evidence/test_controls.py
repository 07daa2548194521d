"""The objectives with other optimisers differ in the optimiser alone."""

import dataclasses
from typing import Any

import numpy as np
import pytest

import divlab
from divlab.evidence.controls import MODELS
from tests.models.stepping import steps_of

TARGET = divlab.targets.two_gaussians(3.0, 0.5)


def losses(objective: Any) -> Any:
    """The critic's losses along a short training."""
    steps = steps_of(divlab.GAN(objective, hidden=(8,)), TARGET, 20, seeds=3)
    return [losses["critic_loss"] for _, losses in steps if losses]


def test_the_optimiser_is_all_that_differs() -> None:
    """A control could train another objective, or ignore the β₁ that its label names."""
    control: Any = MODELS["non_saturating, β₁ 0.5"]
    usual = dataclasses.replace(control.objective, b1=0.9)
    np.testing.assert_allclose(losses(usual), losses("non_saturating"), rtol=1e-5)
    assert not np.allclose(losses(control.objective), losses("non_saturating"), rtol=2e-4)


@pytest.mark.parametrize("name", ["r1", "minibatch", "veegan"])
def test_controls_have_the_numbers_of_their_objective(name: str) -> None:
    """A penalty or a size could be lost on the way to a control."""
    control: Any = MODELS[f"{name}, β₁ 0.9"]
    given = divlab.GAN_OBJECTIVES[name]
    assert isinstance(control.objective, type(given))
    for field in dataclasses.fields(given):
        assert getattr(control.objective, field.name) == getattr(given, field.name)
    assert [getattr(control.objective, name) for name in ("b1", "b2")] == [0.9, 0.999]
