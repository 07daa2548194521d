"""What training shows, as tables: rates with intervals, costs, divergences along the way.

Each function returns an `xarray.Dataset`, so that a notebook prints or plots it as it is. Tables
that take minutes to make ship with divlab: `stored` reads them, `make` makes them again.
"""

from divlab.evidence.dirac import dirac_gan
from divlab.evidence.rates import GAMES, coverage_rates, divergence_or_game
from divlab.evidence.recipes import RECIPES, make, stored
from divlab.evidence.training import along_training, steps_to_reach

__all__ = [
    "GAMES",
    "RECIPES",
    "along_training",
    "coverage_rates",
    "dirac_gan",
    "divergence_or_game",
    "make",
    "steps_to_reach",
    "stored",
]
