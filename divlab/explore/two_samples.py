"""Tests of two samples by several divergences, and their power, quick enough for a slider."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

import divlab
from divlab.divergences.diagnosis import quietly
from divlab.divergences.permutation import rejections
from divlab.divergences.quantities import QUANTITIES
from divlab.explore.families import FAMILIES
from divlab.explore.learned import heights, log_density_at
from divlab.metrics import wilson

LEVEL = 0.05
SIZES = (20, 50, 100, 200)
FEWEST = 5  # values of a column for the power
LARGEST = 1000  # values of a user's column that are compared
_X = np.linspace(-10, 10, 801)
DRAWS, FEWER = 40, 10  # of samples for the power: of distances between CDFs, and of the others
DEALT = 19  # permutations of each test for the power, as few as the level allows


class Offered(NamedTuple):
    """A divergence by which samples are tested.

    Attributes:
        name: of the function of divlab.
        permutations: of a test. Distances between CDFs are computed for many of them at once.
    """

    name: str
    permutations: int

    @property
    def draws(self) -> int:
        """How many draws of samples are tested for the power."""
        return DRAWS if self.name in QUICK else FEWER


# By the label of a menu.
OFFERED = {
    "W₁": Offered("wasserstein", 999),
    "Cramér": Offered("cramer", 999),
    "KS": Offered("ks", 999),
    "KL(P‖Q)": Offered("kl", 99),
    "KL(Q‖P)": Offered("reverse_kl", 99),
    "JS": Offered("js", 99),
    "χ²(P‖Q)": Offered("chi2", 99),
}
QUICK = ("wasserstein", "cramer", "ks")  # distances between CDFs


class Drawn(NamedTuple):
    """What is compared.

    Attributes:
        x: samples of P, (n,).
        y: samples of Q, (m,).
        draws: further samples of P and of Q, (draws, k) each, for the power.
        sizes: how many of each draw a test sees.
        points: where to draw densities, (points,).
        densities: those of P and of Q there, (points,) each.
    """

    x: Float[np.ndarray, " n"]
    y: Float[np.ndarray, " m"]
    draws: tuple[Float[np.ndarray, "draws k"], Float[np.ndarray, "draws k"]]
    sizes: tuple[int, ...]
    points: Float[np.ndarray, " points"]
    densities: tuple[Float[np.ndarray, " points"], Float[np.ndarray, " points"]]


def of_families(p: str, q: str, separation: float, scale: float, n: int, seed: int) -> Drawn:
    """Draws samples of two families.

    Args:
        p: the name of the family of P, which lies at 0 and has scale 1.
        q: that of Q.
        separation: the location of Q.
        scale: the scale of Q.
        n: how many samples there are of each.
        seed: of the samples.

    Returns:
        The samples, which are the first n of the first draw.
    """
    of_p, of_q = np.random.default_rng(seed).spawn(2)
    shape = DRAWS, SIZES[-1]
    draws = FAMILIES[p].draw(of_p, shape), separation + scale * FAMILIES[q].draw(of_q, shape)
    both = FAMILIES[p].build(0.0, 1.0), FAMILIES[q].build(separation, scale)
    p_density, q_density = (np.exp(log_density_at(one, _X)) for one in both)
    return Drawn(draws[0][0, :n], draws[1][0, :n], draws, SIZES, _X, (p_density, q_density))


def of_columns(pair: tuple[Float[np.ndarray, " n"], Float[np.ndarray, " m"]], seed: int) -> Drawn:
    """Takes a user's two columns as samples, at most `LARGEST` values of each.

    Args:
        pair: the columns, (n,) and (m,).
        seed: of what is drawn from them.

    Returns:
        The samples. Each draw is of half as many values as the smaller column has, at most 200,
        without putting them back.
    """
    of_p, of_q = np.random.default_rng(seed).spawn(2)
    x, y = (rng.permutation(one)[:LARGEST] for rng, one in zip((of_p, of_q), pair, strict=True))
    sizes = sizes_of(x.size, y.size)
    half = sizes[-1] if sizes else 0
    draws = _subsamples(x, half, of_p), _subsamples(y, half, of_q)
    low, high = min(x.min(), y.min()), max(x.max(), y.max())
    margin = 0.1 * (high - low)
    points = np.linspace(low - margin, high + margin, _X.size)
    return Drawn(x, y, draws, sizes, points, (heights(x, points), heights(y, points)))


def sizes_of(n: int, m: int) -> tuple[int, ...]:
    """How many values of two columns a test sees for the power.

    Args:
        n: the size of the first column.
        m: that of the second one.

    Returns:
        At most four numbers, up to half of the smaller column; none where that is below `FEWEST`.
    """
    half = min(n // 2, m // 2, SIZES[-1])
    return tuple(half // part for part in (8, 4, 2, 1) if half // part >= FEWEST)


def _subsamples(
    column: Float[np.ndarray, " n"], size: int, rng: np.random.Generator
) -> Float[np.ndarray, "draws size"]:
    """Values of a column, drawn without putting them back, `DRAWS` times."""
    return np.stack([rng.permutation(column)[:size] for _ in range(DRAWS)])


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


def powers_of(drawn: Drawn, shown: str, seed: int) -> dict[str, Power]:
    """The power of the distances between CDFs, and of the divergence that is shown.

    Args:
        drawn: the draws, and how many samples of each a test sees.
        shown: the label of the divergence that is shown.
        seed: of the permutations.

    Returns:
        The power by the name of the divergence.
    """
    x, y = drawn.draws
    names = list(dict.fromkeys([*QUICK, OFFERED[shown].name]))
    found = {name: Power({}, [], []) for name in names}
    for size in drawn.sizes:
        permuted = _dealt(seed, len(x), size)
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


@lru_cache(maxsize=2 * len(SIZES))  # a slider of P or Q deals out nothing anew
def _dealt(seed: int, draws: int, size: int) -> Bool[np.ndarray, "draws permutations points"]:
    """For each draw of two samples of one size, permutations of which points are from P."""
    labels = np.tile(np.arange(2 * size) < size, (draws, DEALT, 1))
    return np.random.default_rng([seed, size]).permuted(labels, axis=2)
