"""The pages of docs say what the code does."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import ot
import pytest
import scipy.stats as ss
from divlab.methods import METHODS
from numpyro.distributions import Normal, Uniform
from scipy.spatial.distance import jensenshannon

import divlab
from divlab.divergences import closed_form

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "divergences.md"

QUANTITIES: dict[str, Callable[..., Any]] = {
    "kl": divlab.kl,
    "reverse_kl": divlab.reverse_kl,
    "jeffreys": divlab.jeffreys,
    "js": divlab.js,
    "tv": divlab.tv,
    "hellinger": divlab.hellinger,
    "chi2": divlab.chi2,
    "renyi": lambda p, q, method: divlab.renyi(p, q, alpha=0.5, method=method),
    "f_divergence": lambda p, q, method: divlab.f_divergence(p, q, "kl", method=method),
    "entropy": lambda p, q, method: divlab.entropy(p, method=method),
    "cross_entropy": divlab.cross_entropy,
}
X, Y = np.linspace(0.0, 1.0, 12), np.linspace(0.2, 1.5, 14)
ARGUMENTS = {
    "two distributions": [
        (Normal(0.0, 1.0), Normal(1.0, 2.0)),
        (Uniform(0.0, 1.0), Uniform(0.5, 2.0)),
    ],
    "two samples": [(X, Y)],
}


def table_after(mark: str) -> list[list[str]]:
    """The cells of the rows of a marked table, headings included."""
    text = PAGE.read_text(encoding="utf-8")
    (block,) = re.findall(rf"<!-- {mark}:.*?-->\n(.*?)<!-- end -->", text, re.S)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in block.splitlines()]
    return [rows[0], *rows[2:]]


def exists(quantity: str, method: str, arguments: Any) -> bool:
    """Whether the combination is computed."""
    try:
        QUANTITIES[quantity](*arguments, method=method)
    except ValueError as error:
        return not re.search("does not exist|takes no method|needs a density of q", str(error))
    return True


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_methods(quantity: str) -> None:
    heading, *rows = table_after("methods")
    assert heading[1:] == list(METHODS)
    (row,) = [row for row in rows if row[0] == f"`{quantity}`"]
    for method, cell in zip(METHODS, row[1:], strict=True):
        found = [
            kind
            for kind, pairs in ARGUMENTS.items()
            if any(exists(quantity, method, pair) for pair in pairs)
        ]
        assert cell == ", ".join(kind.removeprefix("two ") for kind in found), (method, found)


def test_every_quantity_with_a_method_is_in_the_table() -> None:
    _, *rows = table_after("methods")
    assert [row[0].strip("`") for row in rows] == list(QUANTITIES)


def test_closed_forms() -> None:
    _, *rows = table_after("closed forms")
    found = {}
    for quantity, table in closed_form.TABLES.items():
        found[quantity] = {"–".join(kind.__name__ for kind in types) for types in table}
    expected = [[f"`{quantity}`", ", ".join(sorted(found[quantity]))] for quantity in sorted(found)]
    assert rows == expected, "\n".join(f"| {a} | {b} |" for a, b in expected)


def test_conventions_of_scipy_and_pot() -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 50))
    w1, w2 = float(divlab.wasserstein(x, y)), float(divlab.wasserstein(x, y, order=2))
    assert ss.wasserstein_distance(x, y) == pytest.approx(w1, rel=1e-5)
    assert ot.wasserstein_1d(x, y, p=2) == pytest.approx(w2**2, rel=1e-5)
    assert ot.emd2_1d(x, y) == pytest.approx(w2**2, rel=1e-5)
    energy = float(divlab.energy(x, y))
    assert ss.energy_distance(x, y) == pytest.approx(energy, rel=1e-5)
    assert energy**2 == pytest.approx(2 * float(divlab.cramer(x, y, squared=True)), rel=1e-5)
    assert ss.ks_2samp(x, y).statistic == pytest.approx(float(divlab.ks(x, y)), rel=1e-6)
    grid = np.linspace(-12, 14, 4001)
    p, q = ss.norm(0, 1).pdf(grid), ss.norm(1, 2).pdf(grid)
    normals = Normal(0.0, 1.0), Normal(1.0, 2.0)
    assert jensenshannon(p, q) ** 2 == pytest.approx(float(divlab.js(*normals)), rel=1e-4)
    assert ss.entropy(p, q) == pytest.approx(float(divlab.kl(*normals)), rel=1e-4)


def test_the_skeletons_of_objectives_run() -> None:
    """The page's blocks one after the other, as a reader would type them."""
    page = (ROOT / "docs" / "objectives.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    assert len(blocks) == 2
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, "docs/objectives.md", "exec"), names)
        assert names["run"].status == "completed"


def test_every_objective_has_a_row_on_its_page() -> None:
    page = (ROOT / "docs" / "objectives.md").read_text(encoding="utf-8")
    rows = set(re.findall(r"^\| `(\w+)` \|", page, flags=re.MULTILINE))
    assert rows == {*divlab.GAN_OBJECTIVES, *divlab.VAE_OBJECTIVES}
