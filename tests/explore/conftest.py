"""The explorers that the tests operate, each made once: what they compile is what takes time."""

import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from divlab.explore import estimation, trainer, two_samples

from .setting import MODULES, NAMES, STEPS, build, lent


@pytest.fixture(scope="package", autouse=True)
def short() -> Iterator[None]:
    """Trainings of 40 steps, strips of three seeds, four draws, and two sizes in place of five.

    Tests of two samples by their densities have 19 permutations, the fewest that can find anything.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "STEPS", STEPS)
        patch.setattr(MODULES["objective_zoo"], "SEEDS", 3)
        patch.setattr(MODULES["estimators"], "SIZES", (30, 100))
        for module in (MODULES["estimators"], estimation):
            patch.setattr(module, "DRAWS", 4)
        for constant, value in (("SIZES", (20, 50)), ("DRAWS", 4), ("FEWER", 2)):
            patch.setattr(two_samples, constant, value)
        for label, one in two_samples.OFFERED.items():
            if one.name not in two_samples.QUICK:
                fewer = one._replace(permutations=two_samples.DEALT)
                patch.setitem(two_samples.OFFERED, label, fewer)
        for quantity, sizes in (("batch size N", (64, 128)), ("data dimension D", (1, 8))):
            patch.setitem(MODULES["training_cost"]._SIZES, quantity, sizes)
        yield


@pytest.fixture(scope="package")
def explorers(short: None) -> Callable[[str], Any]:
    """A function that gives the explorer of a name; the same one each time."""
    made: dict[str, Any] = {}

    def make(name: str) -> Any:
        if name not in made:
            made[name] = build(name)
        return made[name]

    return make


@pytest.fixture
def closes_fast() -> Iterator[None]:
    """Lets a closed explorer look for its garbage among what the test has made, and no more.

    To look through all programs of earlier tests again takes a second.
    """
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    """Each explorer's name."""
    return str(request.param)


@pytest.fixture
def explorer(name: str, explorers: Callable[[str], Any]) -> Iterator[Any]:
    """Each explorer, which is brought back to its state after the test."""
    yield from lent(explorers(name))


@pytest.fixture
def collapse(explorers: Callable[[str], Any]) -> Iterator[Any]:
    """`mode_collapse`, which is brought back to its state after the test."""
    yield from lent(explorers("mode_collapse"))
