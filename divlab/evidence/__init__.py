"""What training shows, as tables: rates with intervals, costs, divergences along the way.

Each function returns an `xarray.Dataset`, and `ledger` a table of pandas, so that a notebook prints
or plots it as it is. Tables that take minutes to make ship with divlab: `stored` reads them, `make`
makes them again.
"""

from divlab.evidence.barriers import moving_half
from divlab.evidence.bounds import beta_bounds, elbo_parts, importance_bounds, sampled_loss
from divlab.evidence.controls import other_momentum
from divlab.evidence.costs import arrivals, arrived_within, cost_exponents, operations_by_hand
from divlab.evidence.critics import critic_summary, critics_along, kantorovich
from divlab.evidence.decoder import decoder_noise
from divlab.evidence.detection import power
from divlab.evidence.dirac import dirac_ends, dirac_gan
from divlab.evidence.games import (
    game_along_training,
    generator_gradient,
    losses_at_best_critic,
    optimal_critic,
)
from divlab.evidence.gaussians import best_gaussians, fgan_table, inequalities
from divlab.evidence.rates import GAMES, coverage_rates, divergence_or_game
from divlab.evidence.recipes import RECIPES, make, stored
from divlab.evidence.samples import cut_at_zero, estimator_errors, saturation
from divlab.evidence.shifts import slopes_in_shift
from divlab.evidence.signals import critic_signals
from divlab.evidence.summaries import summary
from divlab.evidence.training import along_training, steps_to_reach
from divlab.evidence.verdicts import CLAIMS, ledger

__all__ = [
    "CLAIMS",
    "GAMES",
    "RECIPES",
    "along_training",
    "arrivals",
    "arrived_within",
    "best_gaussians",
    "beta_bounds",
    "cost_exponents",
    "coverage_rates",
    "critic_signals",
    "critic_summary",
    "critics_along",
    "cut_at_zero",
    "decoder_noise",
    "dirac_ends",
    "dirac_gan",
    "divergence_or_game",
    "elbo_parts",
    "estimator_errors",
    "fgan_table",
    "game_along_training",
    "generator_gradient",
    "importance_bounds",
    "inequalities",
    "kantorovich",
    "ledger",
    "losses_at_best_critic",
    "make",
    "moving_half",
    "operations_by_hand",
    "optimal_critic",
    "other_momentum",
    "power",
    "sampled_loss",
    "saturation",
    "slopes_in_shift",
    "steps_to_reach",
    "stored",
    "summary",
]
