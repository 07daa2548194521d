"""What a model minimises: one small record per objective, with its own optimiser defaults."""

from divlab.models.objectives.adversarial import (
    GAN_OBJECTIVES,
    Adversarial,
    Minimax,
    NonSaturating,
    Wasserstein,
    WassersteinGP,
)
from divlab.models.objectives.variational import ELBO, VAE_OBJECTIVES, Variational

__all__ = [
    "ELBO",
    "GAN_OBJECTIVES",
    "VAE_OBJECTIVES",
    "Adversarial",
    "Minimax",
    "NonSaturating",
    "Variational",
    "Wasserstein",
    "WassersteinGP",
]
