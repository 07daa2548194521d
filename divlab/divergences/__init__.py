"""How far apart are two distributions?"""

from divlab.divergences import families, methods
from divlab.divergences.discrepancy import mmd
from divlab.divergences.distances import cramer, energy, ks, wasserstein
from divlab.divergences.entropies import cross_entropy, entropy, renyi
from divlab.divergences.estimation import Estimate, estimate
from divlab.divergences.f_divergences import (
    chi2,
    f_divergence,
    hellinger,
    jeffreys,
    js,
    kl,
    reverse_kl,
    tv,
)
from divlab.divergences.permutation import TestResult, permutation_test

__all__ = [
    "Estimate",
    "TestResult",
    "chi2",
    "cramer",
    "cross_entropy",
    "energy",
    "entropy",
    "estimate",
    "f_divergence",
    "families",
    "hellinger",
    "jeffreys",
    "js",
    "kl",
    "ks",
    "methods",
    "mmd",
    "permutation_test",
    "renyi",
    "reverse_kl",
    "tv",
    "wasserstein",
]
