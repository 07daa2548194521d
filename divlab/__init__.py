"""divlab: how the choice of divergence shapes what a generative model learns.

Importing it changes no setting of JAX and starts no backend; what needs ipywidgets, matplotlib or
xarray (`explore`, `figures`, `sweep`, `evidence`) is loaded when first used.
"""

import importlib
import sys
from importlib.metadata import version
from typing import Any

from divlab import targets
from divlab.configuration import configure
from divlab.divergences import (
    Estimate,
    TestResult,
    chi2,
    cramer,
    cross_entropy,
    energy,
    entropy,
    estimate,
    f_divergence,
    families,
    hellinger,
    jeffreys,
    js,
    kl,
    ks,
    methods,
    mmd,
    permutation_test,
    renyi,
    reverse_kl,
    tv,
    wasserstein,
)
from divlab.metrics import Coverage, coverage
from divlab.models import (
    GAN,
    GAN_OBJECTIVES,
    VAE,
    VAE_OBJECTIVES,
    Cost,
    MinimumDivergence,
    Run,
    Runs,
    densities,
    fit,
    fit_many,
    objectives,
    training_cost,
)

# So that `from divlab.families import KL` works too.
sys.modules[f"{__name__}.densities"] = densities
sys.modules[f"{__name__}.families"] = families
sys.modules[f"{__name__}.methods"] = methods
sys.modules[f"{__name__}.objectives"] = objectives

__version__ = version("divlab")

__all__ = [
    "GAN",
    "GAN_OBJECTIVES",
    "VAE",
    "VAE_OBJECTIVES",
    "Cost",
    "Coverage",
    "Estimate",
    "MinimumDivergence",
    "Run",
    "Runs",
    "TestResult",
    "chi2",
    "configure",
    "coverage",
    "cramer",
    "cross_entropy",
    "densities",
    "energy",
    "entropy",
    "estimate",
    "evidence",
    "exercise",
    "explore",
    "f_divergence",
    "families",
    "figures",
    "fit",
    "fit_many",
    "hellinger",
    "jeffreys",
    "js",
    "kl",
    "ks",
    "methods",
    "mmd",
    "objectives",
    "permutation_test",
    "renyi",
    "reverse_kl",
    "sweep",
    "targets",
    "training_cost",
    "tv",
    "wasserstein",
]


def __getattr__(name: str) -> Any:
    if name in ("evidence", "explore", "figures"):
        return importlib.import_module(f"divlab.{name}")
    if name == "exercise":
        return importlib.import_module("divlab.exercises").exercise
    if name == "sweep":
        return importlib.import_module("divlab.sweeps").sweep
    raise AttributeError(f"module 'divlab' has no attribute {name!r}")
