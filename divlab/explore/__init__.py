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
        title: the name that the gallery shows.
        where: the class, as "package.module.Class"; it is imported when it is first used.
    """

    title: str
    where: str

    def load(self) -> Any:
        """Imports the class.

        Returns:
            The class, a subclass of `divlab.explore.base.Explorer`.
        """
        module, _, name = self.where.rpartition(".")
        return getattr(importlib.import_module(module), name)


# The name of each explorer in `divlab.explore`, in the order of the gallery's tabs.
EXPLORERS: dict[str, Entry] = {
    "nll_is_kl": Entry("NLL is KL", f"{_HERE}.nll_is_kl.NLLIsKL"),
    "elbo_gap": Entry("ELBO gap", f"{_HERE}.elbo_gap.ElboGap"),
    "divergences": Entry("Divergences", f"{_HERE}.divergences.Divergences"),
    "disjoint_supports": Entry("Disjoint supports", f"{_HERE}.disjoint_supports.DisjointSupports"),
    "estimators": Entry("Estimators", f"{_HERE}.estimators.Estimators"),
    "gan_game": Entry("GAN game", f"{_HERE}.gan_game.GanGame"),
    "mode_collapse": Entry("Mode collapse", f"{_HERE}.mode_collapse.ModeCollapse"),
    "minimum_divergence": Entry(
        "Minimum divergence", f"{_HERE}.minimum_divergence.MinimumDivergence"
    ),
    "wasserstein_gan": Entry("Wasserstein GAN", f"{_HERE}.wasserstein_gan.WassersteinGan"),
    "dirac_gan": Entry("Dirac-GAN", f"{_HERE}.dirac_gan.DiracGan"),
    "objective_zoo": Entry("Objective zoo", f"{_HERE}.objective_zoo.ObjectiveZoo"),
    "training_cost": Entry("Training cost", f"{_HERE}.training_cost.TrainingCost"),
    "two_sample_test": Entry("Two-sample test", f"{_HERE}.two_sample_test.TwoSampleTest"),
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
