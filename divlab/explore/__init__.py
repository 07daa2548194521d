"""Interactive explorers: each function returns a widget that displays itself.

`divlab.explore.base.Explorer` says what all explorers share. `EXPLORERS` lists them; whoever adds
one writes its class in a file of `divlab/explore/explorers/` and adds one row to that table.
"""

import importlib
from typing import Any, NamedTuple

_HERE = "divlab.explore.explorers"


class Entry(NamedTuple):
    """One row of the table of explorers.

    Attributes:
        title: its name on the page.
        question: the question that it answers, in one sentence.
        where: the class, as "package.module.Class"; it is imported when it is first used.
    """

    title: str
    question: str
    where: str

    def load(self) -> Any:
        """Imports the class.

        Returns:
            The class, a subclass of `divlab.explore.base.Explorer`.
        """
        module, _, name = self.where.rpartition(".")
        return getattr(importlib.import_module(module), name)

    def is_of(self, kind: type) -> bool:
        """Whether this row is about a class."""
        return self.where == f"{kind.__module__}.{kind.__qualname__}"


# The name of each explorer in `divlab.explore`, in the order of the gallery.
EXPLORERS: dict[str, Entry] = {
    "nll_is_kl": Entry(
        "NLL is KL",
        "Why does maximum likelihood minimise a KL divergence?",
        f"{_HERE}.nll_is_kl.NLLIsKL",
    ),
    "elbo_gap": Entry(
        "ELBO gap",
        "What does a VAE minimise, besides the KL divergence from the data?",
        f"{_HERE}.elbo_gap.ElboGap",
    ),
    "divergences": Entry(
        "Divergences",
        "How far apart are two distributions, and what does each divergence say?",
        f"{_HERE}.divergences.Divergences",
    ),
    "disjoint_supports": Entry(
        "Disjoint supports",
        "Which divergence still has a slope when two densities no longer overlap?",
        f"{_HERE}.disjoint_supports.DisjointSupports",
    ),
    "estimators": Entry(
        "Estimators",
        "How many samples does it take to estimate a divergence?",
        f"{_HERE}.estimators.Estimators",
    ),
    "gan_game": Entry(
        "GAN game",
        "Does training a GAN minimise the Jensen–Shannon divergence?",
        f"{_HERE}.gan_game.GanGame",
    ),
    "mode_collapse": Entry(
        "Mode collapse",
        "Does the model learn both modes, or only one of them?",
        f"{_HERE}.mode_collapse.ModeCollapse",
    ),
    "minimum_divergence": Entry(
        "Minimum divergence",
        "What does the divergence alone do, without a bound and without a critic?",
        f"{_HERE}.minimum_divergence.MinimumDivergence",
    ),
    "wasserstein_gan": Entry(
        "Wasserstein GAN",
        "Is the critic of a Wasserstein GAN the potential that it stands for?",
        f"{_HERE}.wasserstein_gan.WassersteinGan",
    ),
    "dirac_gan": Entry(
        "Dirac-GAN",
        "Why does the simplest of all GANs go round in circles?",
        f"{_HERE}.dirac_gan.DiracGan",
    ),
    "objective_zoo": Entry(
        "Objective zoo",
        "How often does each objective lose a mode?",
        f"{_HERE}.objective_zoo.ObjectiveZoo",
    ),
    "training_cost": Entry(
        "Training cost",
        "What does a step of training cost as data and networks grow?",
        f"{_HERE}.training_cost.TrainingCost",
    ),
    "two_sample_test": Entry(
        "Two-sample test",
        "Are two samples from the same distribution, and which divergence can tell?",
        f"{_HERE}.two_sample_test.TwoSampleTest",
    ),
}

__all__ = [*EXPLORERS, "gallery"]


def __getattr__(name: str) -> Any:
    """Imports an explorer when it is first used, so that one does not wait for the others."""
    if name == "gallery":
        return importlib.import_module("divlab.explore.page").Gallery
    if name in EXPLORERS:
        return EXPLORERS[name].load()
    raise AttributeError(
        f"divlab.explore has no {name!r}; it has {', '.join([*EXPLORERS, 'gallery'])}."
    )


def __dir__() -> list[str]:
    """The names to complete, those of explorers that are not imported yet included."""
    return sorted({*globals(), *EXPLORERS, "gallery"})
