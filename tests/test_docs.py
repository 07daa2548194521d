"""The pages of docs say what the code does."""

import doctest
import re
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
import ot
import pytest
import scipy.stats as ss
from divlab.methods import METHODS, Histogram
from numpyro.distributions import Normal, Uniform
from scipy.spatial.distance import jensenshannon

import divlab
from divlab.divergences import closed_form
from divlab.divergences.quantities import QUANTITIES, Quantity
from website.explorers import SHOWN

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "divergences.md"
WHICH_DIVERGENCE = ROOT / "docs" / "which_divergence.md"

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


def table_after(mark: str, page: Path = PAGE) -> list[list[str]]:
    """The cells of the rows of a marked table, headings included."""
    text = page.read_text(encoding="utf-8")
    (block,) = re.findall(rf"<!-- {mark}:.*?-->\n(.*?)<!-- end -->", text, re.S)
    lines = (re.split(r"(?<!\\)\|", line)[1:-1] for line in block.splitlines())
    rows = [[cell.strip() for cell in line] for line in lines]
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


def methods(*names: str) -> list[list[str]]:
    """The table of methods as it must be, headings included; the rows of some names, or of all."""
    rows = [["quantity", *METHODS]]
    for name, quantity in QUANTITIES.items():
        if not quantity.takes_method or (names and name not in names):
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


def test_no_two_pages_have_the_same_title() -> None:
    """A search of the site, or a tab, shows the title alone."""
    pages = [page for page in (ROOT / "docs").rglob("*.md") if "pt" not in page.parts]
    titles = [page.read_text(encoding="utf-8").partition("\n")[0] for page in pages]
    assert len(set(titles)) == len(titles) > 20, sorted(titles)


def test_steps_in_the_plans_for_lecturers_are_recorded() -> None:
    """A page goes to the nearest step that it has, where the numbers of the plan do not hold."""
    page = (ROOT / "docs" / "lecturers.md").read_text(encoding="utf-8")
    found = re.findall(r"\{state\}`(\w+)(?:#([^`]*))?`", page)
    steps = [(name, re.search(r"step=(\d+)", state)) for name, state in found]
    asked = [(name, int(step[1])) for name, step in steps if step]
    assert len(asked) > 8
    assert [one for one in asked if one[1] not in SHOWN[one[0]].over["step"]] == []
    # What trains shows its last step where the address says nothing.
    assert [name for name, step in steps if "step" in SHOWN[name].over and not step] == []


@pytest.mark.parametrize("page", ["files", "which_divergence", "which_method"])
def test_examples_of_a_page(page: str) -> None:
    failed, tried = doctest.testfile(str(ROOT / "docs" / f"{page}.md"), module_relative=False)
    assert failed == 0
    assert tried >= 5


def test_what_each_divergence_notices() -> None:
    """The table has the numbers of the block below it, which are not written by hand."""
    heading, *rows = table_after("changes", WHICH_DIVERGENCE)
    (block,) = re.findall(r"```python\n(import.*?)```", WHICH_DIVERGENCE.read_text("utf-8"), re.S)
    names: dict[str, Any] = {}
    exec(compile(block, "docs/which_divergence.md", "exec"), names)
    assert [f"`{name}`" for name in names["names"]] == heading[1:]
    expected = [[label, *(f"{x:.3g}" for x in row)] for label, row in names["table"].items()]
    assert rows == expected, "\n".join(f"| {' | '.join(row)} |" for row in expected)


def test_what_a_test_detects() -> None:
    """The table of the page is the stored one, and not one that was made before it."""
    (_, _, *names), *rows = table_after("power", WHICH_DIVERGENCE)
    table = divlab.evidence.stored("power")["power"]
    assert [f"`{name}`" for name in table["divergence"].values] == names
    expected = [
        [str(row.change.item()), str(row.n.item()), *(f"{share:.2f}" for share in row.values)]
        for row in table.stack(row=("change", "n")).transpose("row", "divergence")
    ]
    assert rows == expected


def test_recipes_of_other_names() -> None:
    """A recipe that computes something else under that name would mislead whoever looks it up."""
    p, q = Normal(0.0, 1.0), Normal(1.0, 2.0)
    grid = np.linspace(-30, 32, 200_001)
    f, g = ss.norm(0, 1).pdf(grid), ss.norm(1, 2).pdf(grid)

    def total(values: Any) -> float:
        return float(np.sum(values) * (grid[1] - grid[0]))

    affinity = total(np.sqrt(f * g))
    chernoff = min(total(f**a * g ** (1 - a)) for a in np.linspace(0.02, 0.98, 481))
    js_bits = jensenshannon(f, g, base=2)
    expected = {
        "KL in bits": ss.entropy(f, g, base=2),
        "perplexity": np.exp(ss.norm(0, 1).entropy()),
        "Jensen-Shannon distance": js_bits,
        "Bhattacharyya coefficient, affinity": affinity,
        "Bhattacharyya distance": -np.log(affinity),
        "Matusita distance": np.sqrt(total((np.sqrt(f) - np.sqrt(g)) ** 2)),
        "Chernoff information": -np.log(chernoff),
        "Tsallis relative entropy of order α": (total(f**0.7 * g**0.3) - 1) / (0.7 - 1),
        "statistical distance, L₁": total(np.abs(f - g)),
        "overlap, intersection": total(np.minimum(f, g)),
        # of Gaussians: the squared differences of means and of standard deviations
        "Fréchet distance of two Gaussians": 1.0 + 1.0,
        "Neyman's χ²": np.inf,
    }
    x, y = np.random.default_rng(0).normal(size=(2, 200))
    given = {"divlab": divlab, "np": np, "Histogram": Histogram, "p": p, "q": q, "x": x, "y": y}
    _, *rows = table_after("names", WHICH_DIVERGENCE)
    found = {name: float(eval(recipe.strip("`"), given)) for name, _, recipe in rows}
    assert not np.any(np.isnan(list(found.values())))
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-3)


def test_what_bins_lose() -> None:
    _, shown, shares = table_after("bins", WHICH_DIVERGENCE)
    whole = float(divlab.jeffreys(Normal(0.5, 1.2), Normal(0.0, 1.0)))
    for bins, number, share in zip((2, 5, 10, 20, 50, 200), shown[1:], shares[1:], strict=True):
        edges = ss.norm.ppf(np.linspace(0, 1, bins + 1))
        p, q = np.diff(ss.norm(0.5, 1.2).cdf(edges)), 1 / bins
        exact = np.sum((p - q) * np.log(p / q))
        assert (number, share) == (f"{exact:.3f}", f"{exact / whole:.0%}".replace("%", " %"))
