"""Interactive explorers: each function returns a widget that displays itself.

See `divlab.explore.base.Explorer` for what they share.
"""

from divlab.explore.disjoint_supports import DisjointSupports as disjoint_supports
from divlab.explore.divergences import Divergences as divergences
from divlab.explore.elbo_gap import ElboGap as elbo_gap
from divlab.explore.estimators import Estimators as estimators
from divlab.explore.gallery import Gallery as gallery
from divlab.explore.gan_game import GanGame as gan_game
from divlab.explore.mode_collapse import ModeCollapse as mode_collapse
from divlab.explore.nll_is_kl import NLLIsKL as nll_is_kl
from divlab.explore.objective_zoo import ObjectiveZoo as objective_zoo
from divlab.explore.training_cost import TrainingCost as training_cost
from divlab.explore.wasserstein_gan import WassersteinGan as wasserstein_gan

__all__ = [
    "disjoint_supports",
    "divergences",
    "elbo_gap",
    "estimators",
    "gallery",
    "gan_game",
    "mode_collapse",
    "nll_is_kl",
    "objective_zoo",
    "training_cost",
    "wasserstein_gan",
]
