"""What does a model learn when it minimises a divergence?"""

from divlab.models import densities, objectives
from divlab.models.cost import Cost, training_cost
from divlab.models.data import Data
from divlab.models.gan import GAN
from divlab.models.minimum_divergence import MinimumDivergence
from divlab.models.objectives import GAN_OBJECTIVES, VAE_OBJECTIVES
from divlab.models.protocol import Losses, Model, State
from divlab.models.run import Run, Runs
from divlab.models.training import Training, fit, fit_many
from divlab.models.units import Units
from divlab.models.vae import VAE

__all__ = [
    "GAN",
    "GAN_OBJECTIVES",
    "VAE",
    "VAE_OBJECTIVES",
    "Cost",
    "Data",
    "Losses",
    "MinimumDivergence",
    "Model",
    "Run",
    "Runs",
    "State",
    "Training",
    "Units",
    "densities",
    "fit",
    "fit_many",
    "objectives",
    "training_cost",
]
