"""SciPy's own tests of its distances, as they ship in its wheel, run on ours."""

import ast
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest
import scipy.stats
from numpy.testing import assert_allclose, assert_almost_equal, assert_equal

import divlab

FILE = Path(scipy.stats.__file__).parent / "tests" / "test_stats.py"
if not FILE.exists():
    pytest.skip("this build of SciPy ships no tests", allow_module_level=True)


def adapt(distance: Callable[..., Any]) -> Callable[..., float]:
    """`distance` as SciPy calls it: floats of 64 bits, and NaN where it leaves the value open.

    SciPy gives NaN, with NumPy's warning, as soon as both samples reach the same infinity. Ours
    raises an error if that is undefined, and is infinite if their masses there differ.
    """

    def call(u: Any, v: Any, u_weights: Any = None, v_weights: Any = None) -> float:
        if any(end in u and end in v for end in (-np.inf, np.inf)):
            warnings.warn("invalid value", RuntimeWarning, stacklevel=2)
            return np.nan
        with jax.enable_x64(True):
            return float(distance(u, v, u_weights, v_weights))

    return call


def load(*names: str) -> list[Any]:
    """The classes out of SciPy's file, with our functions for what they know as `stats`.

    The file is not imported: it needs markers of pytest that SciPy's own configuration registers.
    """
    classes = [
        node
        for node in ast.parse(FILE.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef) and node.name in names
    ]
    assert [node.name for node in classes] == list(names)
    known = {
        "__name__": __name__,
        "np": np,
        "pytest": pytest,
        "assert_allclose": assert_allclose,
        "assert_almost_equal": assert_almost_equal,
        "assert_equal": assert_equal,
        "stats": SimpleNamespace(
            wasserstein_distance=adapt(divlab.wasserstein), energy_distance=adapt(divlab.energy)
        ),
    }
    exec(compile(ast.Module([*classes], []), str(FILE), "exec"), known)
    return [known[name] for name in names]


TestWassersteinDistance, TestEnergyDistance = load("TestWassersteinDistance", "TestEnergyDistance")
