"""The code that an explorer gives away prints the numbers that the explorer shows.

The docstring of each test says what could go wrong without it.
"""

import contextlib
import io
import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from divlab.divergences.diagnosis import SamplesWarning
from divlab.explore.sharing import as_csv

# An explorer and what differs from its first state.
_COLUMNS = {"names": ["a", "b"], "samples": [[0.3, 1.0, 2.5, 3.1, 4.2], [1.4, 2.0, 3.6, 5.7, 9.5]]}
_MANY = np.random.default_rng(0).normal(size=24).tolist()
CASES: list[tuple[str, dict[str, Any]]] = [
    ("nll_is_kl", {}),
    ("nll_is_kl", {"separation": 2.0, "mean": -1.0}),
    ("disjoint_supports", {}),
    ("disjoint_supports", {"family": "two Gaussians", "separation": 0.75, "scale": 0.5}),
    ("divergences", {}),
    ("divergences", {"p": "two Gaussians", "q": "Student's t, 3 degrees", "separation": 3.0}),
    ("divergences", {"drawn": {"x": [-4.0, 4.0], "heights": [0.0, 2.0, 0.5, 1.0, 0.0]}}),
    ("divergences", {"data": _COLUMNS}),
    ("estimators", {}),
    ("estimators", {"quantity": "W₁", "separation": 2.0, "scale": 0.7, "seed": 3.0}),
    ("dirac_gan", {}),
    ("dirac_gan", {"objective": "wgan", "theta": -1.0, "psi": 0.25, "rate": 0.05}),
    ("two_sample_test", {}),
    ("two_sample_test", {"p": "Uniform", "q": "two Gaussians", "n": 20, "shown": "JS"}),
    ("two_sample_test", {"data": {"names": ["a", "b"], "samples": [_MANY, _MANY[::2]]}}),
    ("training_cost", {"vary": "data dimension D"}),
    ("training_cost", {"vary": "data dimension D", "model": "GAN", "layers": 2}),
]


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


def agree(found: dict[str, float], expected: dict[str, float]) -> None:
    """Fails unless both hold the same numbers, by the same names."""
    assert set(found) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=2e-3, atol=1e-6, err_msg=name)


@pytest.fixture
def in_state(explorers: Callable[[str], Any]) -> Iterator[Callable[..., Any]]:
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


@pytest.mark.parametrize(("name", "changes"), CASES)
def test_the_code_prints_the_numbers(
    in_state: Callable[..., Any], name: str, changes: dict[str, Any]
) -> None:
    """A snippet could stop with an error, ignore a control, or compute something else."""
    explorer = in_state(name, changes)
    code = explorer.code()
    assert not any(word in code for word in ("explore", "._", "import _"))
    agree(printed(code), shown(explorer.result))


def test_the_code_reads_many_measurements_from_the_state(
    in_state: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A snippet could hold a hundred thousand numbers, or read a file that nobody has."""
    samples = np.random.default_rng(0).normal(size=(2, 501)).tolist()
    explorer = in_state("divergences", {"data": {"names": ["a", "b"], "samples": samples}})
    (tmp_path / "Divergences.json").write_text(json.dumps(explorer.state()))
    monkeypatch.chdir(tmp_path)
    assert len(explorer.code()) < 3000
    agree(printed(explorer.code()), shown(explorer.result))
