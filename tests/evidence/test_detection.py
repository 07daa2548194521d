"""How often tests find a change, against SciPy's tests and the best test there is.

The docstring of each test says what could go wrong without it.
"""

from typing import Any

import numpy as np
import pytest
from numpyro.distributions import MultivariateNormal, Normal
from scipy import stats

import divlab
from divlab import evidence
from divlab.divergences.permutation import _of_labels, _sorted, deal, rejections
from divlab.divergences.quantities import QUANTITIES
from tests.annotations import unchecked

RNG = np.random.default_rng(0)
PAIRS = [(RNG.normal(size=25), RNG.normal(0.7, 1.0, size=30)) for _ in range(30)]
SAME = Normal(0.0, 1.0), Normal(0.0, 1.0)
FAR = Normal(0.0, 1.0), Normal(9.0, 1.0)


def test_the_same_draws_are_found_as_by_scipy() -> None:
    """The power could be that of another level, or count what is not found."""
    rng, found, clear = np.random.default_rng(1), 0, 0
    for x, y in PAIRS:
        truth = stats.ks_2samp(x, y, method="exact").pvalue
        if 0.02 < truth < 0.1:  # a thousand permutations cannot tell
            continue
        permuted = deal(rng, 999, x.size + y.size, x.size)
        (is_found,) = rejections([QUANTITIES["ks"]], x, y, permuted, level=0.05)
        assert is_found == (truth <= 0.05), truth
        found, clear = found + is_found, clear + 1
    assert 3 < found < clear - 3  # both answers are tested


@pytest.mark.parametrize("permutations", [19, 60])
def test_ending_early_changes_no_answer(permutations: int) -> None:
    """A test that ends early could answer otherwise than one that looks at every permutation."""
    quantities = [QUANTITIES[name] for name in ("kl", "wasserstein", "ks")]
    answers = []
    for i, (x, y) in enumerate(PAIRS[:8]):
        points, labels = _sorted(x, y)
        permuted = deal(np.random.default_rng(i), permutations, points.size, x.size)
        whole = []
        for quantity in quantities:
            values_of, _ = _of_labels(quantity, points, {})
            count = np.sum(values_of(permuted) >= values_of(labels)[0] * (1 - 1e-6))
            whole.append(bool((1 + count) / (1 + permutations) <= 0.05))
        early = rejections(quantities, x, y, permuted, level=0.05)
        assert early == whole
        answers += whole
    assert len(set(answers)) == 2


def test_false_alarms_are_as_rare_as_the_level_says() -> None:
    """A test that finds changes where there are none would look powerful."""
    table = evidence.power(
        {"none": SAME}, ["wasserstein", "ks"], sizes=[15, 40], level=0.1, draws=150, permutations=19
    )
    assert float(table["low"].max()) <= 0.1
    assert 0 < int(table["detected"].sum()) < 90
    assert table["power"].dims == ("change", "divergence", "n")


def test_power_grows_with_n_and_is_below_that_of_the_best_test() -> None:
    """No test of a shift of a Gaussian beats that of the difference of means."""
    sizes = np.array([10, 40, 160])
    table = evidence.power(
        {"shift": (Normal(0.0, 1.0), Normal(0.5, 1.0))}, [divlab.cramer], sizes=sizes, draws=60
    ).squeeze()
    found = table["power"].values
    assert found[0] < found[1] < found[2]
    two_sided = stats.norm.cdf(0.5 * np.sqrt(sizes / 2) + stats.norm.ppf(0.025))
    best = stats.norm.cdf(0.5 * np.sqrt(sizes / 2) + stats.norm.ppf(0.05))
    assert np.all(table["low"].values <= best)
    assert np.all(table["high"].values >= 0.8 * two_sided)


def test_the_stored_table_has_all_changes() -> None:
    """The docs speak of its numbers; false alarms above the level would make them worthless."""
    table = evidence.stored("power")
    assert {"none", "shift", "spread", "tail", "second mode"} == set(table["change"].values)
    # Of 24 intervals, one or two may miss by chance.
    assert int((table["low"].sel(change="none") > table.attrs["level"]).sum()) <= 2
    sizes = table["n"].values
    best = stats.norm.cdf(0.5 * np.sqrt(sizes / 2) + stats.norm.ppf(0.05))
    assert np.all(table["low"].sel(change="shift").values <= best)


def test_the_key_alone_decides() -> None:
    """Otherwise the stored table could not be made again."""

    def detected(key: int) -> Any:
        changes = {"near": (Normal(0.0, 1.0), Normal(0.6, 1.0))}
        return evidence.power(changes, ["ks"], sizes=[20, 30], draws=20, key=key)["detected"]

    assert detected(1).equals(detected(1))
    assert not detected(1).equals(detected(2))


def test_distributions_of_scipy_are_taken() -> None:
    """`power` could refuse what every other function of divlab takes."""
    table = evidence.power(
        {"far": (stats.norm(0, 1), stats.norm(9, 1))}, ["ks"], sizes=[10], draws=3
    )
    assert table["power"].item() == 1.0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"changes": [FAR]}, "changes must be a mapping"),
        ({"changes": {"far": FAR[0]}}, "must be a pair"),
        ({"changes": {"far": ([1.0, 2.0], [3.0, 4.0])}}, "must be two distributions"),
        ({"changes": {"far": (FAR[0], MultivariateNormal(np.zeros(2), np.eye(2)))}}, "univariate"),
        ({"changes": {}}, "at least one"),
        ({"divergences": []}, "at least one"),
        ({"divergences": "ks"}, "list of names"),
        ({"divergences": ["entropy"]}, "one argument"),
        ({"divergences": ["renyi"]}, "needs alpha"),
        ({"divergences": ["KL"]}, "function of divlab"),
        ({"sizes": [1]}, "sizes must be at least 2"),
        ({"sizes": [2.5]}, "whole number"),
        ({"sizes": [2], "divergences": ["chi2"]}, "needs k above"),
        ({"level": 0.0}, "level"),
        ({"level": 1.0}, "level"),
        ({"draws": 0}, "draws"),
        ({"permutations": 18}, "19 or more would do"),
        ({"key": "a"}, "key"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], says: str) -> None:
    """A slip could end in a traceback from inside, or in a table of nonsense."""
    given: dict[str, Any] = {"changes": {"far": FAR}, "divergences": ["ks"], "sizes": [10]}
    with unchecked(), pytest.raises((TypeError, ValueError), match=says):
        evidence.power(**{**given, "draws": 2, **options})
