"""The rows of f-divergences, and their table by name.

Each row is a subclass of `Family`, whose docstring says what a row consists of and shows how to
write one. All that is particular to a divergence stands in its row.
"""

from divlab.divergences.families.family import Family, integrand, surprise
from divlab.divergences.families.logarithmic import JS, KL, Jeffreys, ReverseKL
from divlab.divergences.families.powers import (
    Alpha,
    Neyman,
    Pearson,
    SquaredHellinger,
    TotalVariation,
)

kl, reverse_kl, jeffreys, js = KL(), ReverseKL(), Jeffreys(), JS()
tv, hellinger, pearson, neyman = TotalVariation(), SquaredHellinger(), Pearson(), Neyman()

FAMILIES: dict[str, Family] = {
    "kl": kl,
    "reverse_kl": reverse_kl,
    "jeffreys": jeffreys,
    "js": js,
    "tv": tv,
    "hellinger": hellinger,
    "pearson": pearson,
    "neyman": neyman,
}

__all__ = [
    "FAMILIES",
    "JS",
    "KL",
    "Alpha",
    "Family",
    "Jeffreys",
    "Neyman",
    "Pearson",
    "ReverseKL",
    "SquaredHellinger",
    "TotalVariation",
    "hellinger",
    "integrand",
    "jeffreys",
    "js",
    "kl",
    "neyman",
    "pearson",
    "reverse_kl",
    "surprise",
    "tv",
]
