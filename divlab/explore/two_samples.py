"""Tests of two samples by several divergences, and their power, quick enough for a slider."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

import divlab
from divlab.divergences.diagnosis import quietly
from divlab.divergences.permutation import deal, rejections
from divlab.divergences.quantities import QUANTITIES
from divlab.metrics import wilson

LEVEL = 0.05
DRAWS, FEWER = 40, 10  # of samples for the power: of distances between CDFs, and of the others
_DEALT = 19  # permutations of each test for the power, as few as the level allows


class Offered(NamedTuple):
    """A divergence by which samples are tested.

    Attributes:
        name: of the function of divlab.
        text: how a figure calls it.
        permutations: of a test. Distances between CDFs are computed for many of them at once.
    """

    name: str
    text: str
    permutations: int

    @property
    def draws(self) -> int:
        """How many draws of samples are tested for the power."""
        return DRAWS if self.name in QUICK else FEWER


# By the label of a menu.
OFFERED = {
    "W₁": Offered("wasserstein", r"$W_1$", 999),
    "Cramér": Offered("cramer", r"Cramér $\ell_2$", 999),
    "KS": Offered("ks", "KS", 999),
    "KL(P‖Q)": Offered("kl", r"$\mathrm{KL}(P\,\|\,Q)$", 99),
    "KL(Q‖P)": Offered("reverse_kl", r"$\mathrm{KL}(Q\,\|\,P)$", 99),
    "JS": Offered("js", r"$\mathrm{JS}$", 99),
    "χ²(P‖Q)": Offered("chi2", r"$\chi^2(P\,\|\,Q)$", 99),
}
QUICK = ("wasserstein", "cramer", "ks")  # distances between CDFs


def tests_of(
    x: Float[np.ndarray, " n"], y: Float[np.ndarray, " m"], seed: int, shown: str
) -> dict[str, divlab.TestResult | None]:
    """The tests of two samples, by the name of the divergence.

    Args:
        x: samples of P, (n,).
        y: samples of Q, (m,).
        seed: of the permutations.
        shown: the label of the divergence that must have an answer.

    Returns:
        What each test found; None where a divergence is not for these samples.

    Raises:
        ValueError: the divergence that is shown is not for these samples.
    """
    found: dict[str, divlab.TestResult | None] = {}
    for label, one in OFFERED.items():
        try:
            found[one.name] = divlab.permutation_test(
                one.name, x, y, permutations=one.permutations, key=seed
            )
        except ValueError:
            if label == shown:
                raise
            found[one.name] = None
    return found


class Power(NamedTuple):
    """How often a test finds the difference, against the number of samples.

    Attributes:
        shares: number of samples -> the share of the draws in which it is found.
        low: the lower ends of the 95 % intervals.
        high: their upper ends.
    """

    shares: dict[int, float]
    low: list[float]
    high: list[float]


def powers_of(
    x: Float[np.ndarray, "draws n"],
    y: Float[np.ndarray, "draws n"],
    sizes: tuple[int, ...],
    shown: str,
    rng: np.random.Generator,
) -> dict[str, Power]:
    """The power of the distances between CDFs, and of the divergence that is shown.

    Args:
        x: draws from P, (draws, n).
        y: draws from Q, (draws, n).
        sizes: how many samples of each draw a test sees.
        shown: the label of the divergence that is shown.
        rng: deals out the permutations.

    Returns:
        The power by the name of the divergence.
    """
    names = list(dict.fromkeys([*QUICK, OFFERED[shown].name]))
    found = {name: Power({}, [], []) for name in names}
    for size in sizes:
        permuted = deal(rng, len(x) * _DEALT, 2 * size, size).reshape(len(x), _DEALT, 2 * size)
        answers: dict[str, list[bool]] = {name: [] for name in names}
        for i, labels in enumerate(permuted):
            asked = names if i < FEWER else QUICK
            quantities = [QUANTITIES[name] for name in asked]
            with quietly():
                told = rejections(quantities, x[i, :size], y[i, :size], labels, level=LEVEL)
            for name, answer in zip(asked, told, strict=True):
                answers[name].append(answer)
        for name, given in answers.items():
            low, high = wilson(sum(given), len(given))
            found[name].shares[size] = float(np.mean(given))
            found[name].low.append(low)
            found[name].high.append(high)
    return found
