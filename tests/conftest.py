"""Trainings that several tests look at; small, because compiling is what costs."""

import gc
from typing import Any

import coverage
import pytest

import tests.annotations  # noqa: F401

# isort: split
import divlab
from divlab.divergences.diagnosis import SamplesWarning
from divlab.models.run import Runs


def pytest_configure(config: pytest.Config) -> None:
    """Not in pyproject.toml, which would import the package before its annotations are checked."""
    # Said of samples that many tests draw on purpose; tests of the warning itself ask for it.
    name = f"{SamplesWarning.__module__}.{SamplesWarning.__qualname__}"
    config.addinivalue_line("filterwarnings", f"ignore::{name}")
    # By default Python looks for unused objects so often, among a million that are in use, that it
    # takes a tenth of the time of tests whose programs are kept.
    gc.set_threshold(20_000, 50, 100)


def pytest_sessionfinish() -> None:
    """Writes what `make coverage` has seen, in each process: one that ends slowly is killed."""
    running = coverage.Coverage.current()
    if running is not None:
        running.save()


SMALL: dict[str, Any] = {"hidden": (8,)}
FAST: dict[str, Any] = {"steps": 60, "record_every": 20, "batch_size": 32}


@pytest.fixture(scope="session")
def target() -> Any:
    return divlab.targets.two_gaussians(4.0, 0.5)


@pytest.fixture(scope="session")
def vae_runs(target: Any) -> Runs:
    return divlab.fit_many(divlab.VAE(**SMALL), target, seeds=3, **FAST)


@pytest.fixture(scope="session")
def gan_runs(target: Any) -> Runs:
    return divlab.fit_many(divlab.GAN(**SMALL), target, seeds=3, **FAST)
