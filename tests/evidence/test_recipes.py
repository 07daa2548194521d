"""The stored tables are what their recipes make.

The docstring of each test says what could go wrong without it.
"""

import pytest

import divlab
from divlab import evidence
from divlab.evidence.recipes import RECIPES
from divlab.metrics import wilson


@pytest.mark.parametrize("name", RECIPES)
def test_a_stored_table_says_how_it_was_made(name: str) -> None:
    """A number of a notebook could not be traced to a command."""
    table = evidence.stored(name)
    assert table.attrs["command"] == f'divlab.evidence.make("{name}")'
    assert RECIPES[name].__doc__


def test_rates_are_made_again() -> None:
    """A stored table could be that of an older training, and no longer what users would find."""
    table = evidence.stored("collapse_rates").sel(separation=8.0)
    target = divlab.targets.two_gaussians(8.0, 0.5)
    for name, model in (("VAE", divlab.VAE("elbo")), ("GAN", divlab.GAN("non_saturating"))):
        runs = divlab.fit_many(model, target, seeds=16, record_every=2000)
        found = [divlab.coverage(run.distribution(), target) for run in runs]
        covered = sum(int(one.modes_covered) == 2 for one in found)
        low, high = wilson(covered, 16)
        row = table.sel(model=name)
        assert float(row["low"]) <= high, name
        assert float(row["high"]) >= low, name


@pytest.mark.parametrize("name", [1, "", "no_such_table"])
def test_unknown_tables_are_refused(name: object) -> None:
    """A mistyped name would end in an error about files."""
    with pytest.raises((TypeError, ValueError), match="name"):
        evidence.stored(name)  # type: ignore[arg-type]
