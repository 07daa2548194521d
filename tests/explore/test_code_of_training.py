"""The code that an explorer of a training offers prints the numbers that it shows.

The docstring of each test says what could go wrong without it.
"""

import contextlib
import io
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from divlab.explore.sharing import as_csv

from .setting import TRAINERS


def printed(code: str) -> dict[str, float]:
    """Runs code that prints lines of "name value"."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as that few measurements make a number doubtful
        exec(code, {"__name__": "snippet"})
    pairs = (line.split(" ") for line in said.getvalue().splitlines())
    return {name: float(value) for name, value in pairs}


def check(explorer: Any) -> None:
    """Fails unless the code prints each number of `result`, and no other."""
    shown = dict(line.split(",") for line in as_csv(explorer.result).splitlines()[1:])
    found = printed(explorer.code())
    assert set(found) == set(shown)
    for name, value in shown.items():
        np.testing.assert_allclose(
            found[name], float(value), rtol=2e-3, atol=2e-5, err_msg=f"{name}\n{explorer.code()}"
        )


@pytest.mark.parametrize("name", TRAINERS)
def test_the_code_prints_what_is_shown(explorers: Callable[[str], Any], name: str) -> None:
    """It could train another model, or to another step than the one that is shown."""
    explorer = explorers(name)
    before = explorer.state()
    try:
        assert explorer.controls["step"].value == 0
        check(explorer)
        explorer.load({**before, "separation": 2.5, "scale": 0.7, "seed": 3})
        explorer.train(records=1)
        assert explorer.controls["step"].value == 20
        check(explorer)
    finally:
        explorer.load(before)
