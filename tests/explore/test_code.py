"""The code that an explorer gives away prints the numbers that the explorer shows.

The docstring of each test says what could go wrong without it.
"""

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from divlab.divergences.diagnosis import SamplesWarning
from divlab.explore.sharing import as_csv

# An explorer and another state of it.
OTHERS: dict[str, dict[str, Any]] = {
    "nll_is_kl": {"separation": 2.0, "mean": -1.0},
    "disjoint_supports": {"family": "two Gaussians", "separation": 0.75, "scale": 0.5},
}


def printed(code: str) -> dict[str, float]:
    """The numbers that a snippet prints, by name."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output), warnings.catch_warnings():
        warnings.simplefilter("ignore", SamplesWarning)  # a user may read them, this test need not
        exec(compile(code, "snippet", "exec"), {})
    lines = (line.rsplit(" ", 1) for line in output.getvalue().splitlines())
    return {name: float(value) for name, value in lines}


def shown(result: dict[str, Any]) -> dict[str, float]:
    """The numbers of a result, by the names of its CSV file."""
    lines = (line.rsplit(",", 1) for line in as_csv(result).splitlines()[1:])
    return {name: float(value) for name, value in lines}


@pytest.fixture
def code_of(explorers: Callable[[str], Any]) -> Iterator[Callable[..., Any]]:
    """A function that gives the explorer of a name in a state; undone after the test."""
    before: list[tuple[Any, dict[str, Any]]] = []

    def go(name: str, changes: dict[str, Any]) -> Any:
        explorer = explorers(name)
        before.append((explorer, explorer.state()))
        explorer.load(explorer.state() | changes)
        return explorer

    yield go
    for explorer, state in before:
        explorer.load(state)


@pytest.mark.parametrize("is_default", [True, False])
@pytest.mark.parametrize("name", OTHERS)
def test_the_code_prints_the_numbers(
    code_of: Callable[..., Any], name: str, is_default: bool
) -> None:
    """A snippet could stop with an error, ignore a control, or compute something else."""
    explorer = code_of(name, {} if is_default else OTHERS[name])
    code = explorer.code()
    assert "explore" not in code and "._" not in code and "import _" not in code
    found, expected = printed(code), shown(explorer.result)
    assert set(found) == set(expected)
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, rtol=2e-3, atol=1e-6, err_msg=key)
