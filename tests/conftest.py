"""Trainings that several tests look at; small, because compiling is what costs."""

import os
from pathlib import Path

# A quarter of the time to compile, for slower programs with the same results; set before JAX
# starts.
os.environ.setdefault(
    "XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
)

import jax
import pytest

import divlab

SMALL = {"hidden": (8,)}
MAPS = Path("/proc/self/maps")


@pytest.fixture(autouse=True)
def few_programs():
    """Forgets compiled programs before Linux runs out of places for them, 65 530 in a process."""
    if MAPS.exists() and MAPS.read_bytes().count(b"\n") > 35_000:
        jax.clear_caches()


FAST = {"steps": 60, "record_every": 20, "batch_size": 32}


@pytest.fixture(scope="session")
def target():
    return divlab.targets.two_gaussians(4.0, 0.5)


@pytest.fixture(scope="session")
def vae_runs(target):
    return divlab.fit_many(divlab.VAE(**SMALL), target, seeds=3, **FAST)


@pytest.fixture(scope="session")
def gan_runs(target):
    return divlab.fit_many(divlab.GAN(**SMALL), target, seeds=3, **FAST)
