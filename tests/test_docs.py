"""The pages of docs say what the code does."""

import re
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
import ot
import pytest
import scipy.stats as ss
from divlab.methods import METHODS
from numpyro.distributions import Normal, Uniform
from scipy.spatial.distance import jensenshannon

import divlab
from divlab.divergences import closed_form
from divlab.divergences.quantities import QUANTITIES, Quantity

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "divergences.md"

# What a function needs besides its arguments.
NEEDED: dict[str, dict[str, Any]] = {"renyi": {"alpha": 0.5}, "f_divergence": {"f": "kl"}}
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


def exists(quantity: Quantity, method: str, arguments: tuple[Any, ...]) -> bool:
    """Whether the combination is computed; it is traced only, since to compile it takes seconds."""
    arguments = arguments[:1] if quantity.takes_one else arguments
    options = {"method": method, **NEEDED.get(quantity.name, {})}
    try:
        jax.eval_shape(partial(quantity.function, **options), *arguments)
    except ValueError as error:
        return not re.search("does not exist|takes no method|needs a density of q", str(error))
    return True


def methods() -> list[list[str]]:
    """The table of methods as it must be, headings included."""
    rows = [["quantity", *METHODS]]
    for name, quantity in QUANTITIES.items():
        if not quantity.takes_method:
            continue
        cells = []
        for method in METHODS:
            kinds = (
                kind.removeprefix("two ")
                for kind, pairs in ARGUMENTS.items()
                if any(exists(quantity, method, pair) for pair in pairs)
            )
            cells.append(", ".join(kinds))
        rows.append([f"`{name}`", *cells])
    return rows


def test_methods() -> None:
    expected = methods()
    assert table_after("methods") == expected, "\n".join(f"| {' | '.join(r)} |" for r in expected)


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
    _, adding = page.split("## Adding one")
    blocks = re.findall(r"```python\n(.*?)```", adding, flags=re.DOTALL)
    assert len(blocks) == 2
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, "docs/objectives.md", "exec"), names)
        assert names["run"].status == "completed"


def objectives() -> set[str]:
    """The names that must have a row on the page of objectives."""
    return {*divlab.GAN_OBJECTIVES, *divlab.VAE_OBJECTIVES}


def test_every_objective_has_a_row_on_its_page() -> None:
    page = (ROOT / "docs" / "objectives.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", page, flags=re.MULTILINE)) == objectives()
