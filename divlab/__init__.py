"""divlab: how the choice of divergence shapes what a generative model learns.

Importing it changes no setting of JAX and starts no backend; `divlab.explore` and
`divlab.figures`, which need ipywidgets and matplotlib, are loaded when first used.
"""

import importlib
from importlib.metadata import version

from divlab import methods, targets
from divlab.configuration import configure
from divlab.divergences import cross_entropy, entropy, js, kl, reverse_kl, tv, wasserstein
from divlab.metrics import Coverage, coverage
from divlab.models import (
    GAN,
    GAN_OBJECTIVES,
    VAE,
    VAE_OBJECTIVES,
    Run,
    Runs,
    fit,
    fit_many,
    objectives,
)

__version__ = version("divlab")

__all__ = [
    "GAN",
    "GAN_OBJECTIVES",
    "VAE",
    "VAE_OBJECTIVES",
    "Coverage",
    "Run",
    "Runs",
    "configure",
    "coverage",
    "cross_entropy",
    "entropy",
    "explore",
    "figures",
    "fit",
    "fit_many",
    "js",
    "kl",
    "methods",
    "objectives",
    "reverse_kl",
    "targets",
    "tv",
    "wasserstein",
]


def __getattr__(name: str):
    if name in ("explore", "figures"):
        return importlib.import_module(f"divlab.{name}")
    raise AttributeError(f"module 'divlab' has no attribute {name!r}")
