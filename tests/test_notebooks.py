"""The notebooks are complete, and a stored number that is wrong turns `pytest --nbval` red.

The docstring of each test says what could go wrong without it.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import nbformat
import pytest

from divlab.explore import EXPLORERS

SECTIONS = [
    "What you will be able to do",
    "Why it matters",
    "The mathematics",
    "Try it",
    "The numbers",
    "Predict, then check",
    "What the article says, and what came out",
    "References",
    "Where to go next",
]
NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


def code_cells(path: Path) -> list[Any]:
    """The cells of a notebook that hold code."""
    cells = nbformat.read(path, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code" and cell.source.strip()]


def compared_text(cell: Any) -> str:
    """What nbval compares of a cell, without the representation of widgets and figures."""
    texts = [output.get("text", "") for output in cell.outputs if output.get("name") != "stderr"]
    texts += [output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    return re.sub(r"<[^>]*>|\w+\(.*\)", "", "\n".join(texts))


def test_there_are_notebooks() -> None:
    """All tests below would pass with an empty folder."""
    assert [path.name[:2] for path in NOTEBOOKS] == [f"{number:02d}" for number in range(13)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_ran_in_order_without_error(path: Path) -> None:
    """nbval does not compare a cell that was stored without having been run."""
    cells = code_cells(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not [o for c in cells for o in c.outputs if o.output_type == "error"]
    assert not [o for c in cells for o in c.outputs if o.get("name") == "stderr"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_most_cells_store_a_number_that_is_compared(path: Path) -> None:
    """nbval does not compare pictures and widgets, so a wrong number could stay unseen in them."""
    cells = code_cells(path)
    with_number = [cell for cell in cells if re.search(r"\d", compared_text(cell))]
    assert len(with_number) >= 0.6 * len(cells)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_notebook_tells_its_story_in_the_same_order(path: Path) -> None:
    """A reader who knows one notebook could not find the exercises or the verdict in another."""
    cells = nbformat.read(path, as_version=4).cells
    texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
    assert re.findall(r"^## (.*)$", "\n".join(texts), re.M) == SECTIONS
    assert re.search(r"\d+ minutes", texts[0] + texts[1])
    assert len(re.findall(r"^\d\. ", _section(texts, "Try it"), re.M)) == 3


def _section(texts: list[str], name: str) -> str:
    return "\n".join(texts).split(f"## {name}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_links_between_notebooks_lead_somewhere(path: Path) -> None:
    """A notebook could have been renamed."""
    source = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
    links = re.findall(r"\]\(([^)]*\.(?:ipynb|md))\)", source)
    assert links
    assert not [link for link in links if not (path.parent / link).exists()]


def test_formulas_in_tables_have_no_bar_that_a_table_would_take() -> None:
    r"""In a row of a table Markdown reads `\|` as `|`: KL(P ‖ Q) came out as KL(P | Q)."""
    root = Path(__file__).parents[1]
    texts = {path: path.read_text("utf-8") for path in (root / "docs").rglob("*.md")}
    for path in (root / "notebooks").rglob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        texts[path] = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    rows = [row for text in texts.values() for row in re.findall(r"^ *\|.*", text, re.M)]
    assert any(r"\Vert" in row for row in rows)  # or this would read no formulas at all
    formulas = [formula for row in rows for formula in re.findall(r"\$[^$]+\$", row)]
    assert not [formula for formula in formulas if r"\|" in formula]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_cells_are_thin(path: Path) -> None:
    """Code could grow in notebooks, where no unit test sees it, or hide from nbval."""
    sources = [cell.source for cell in code_cells(path)]
    lengths = [sum(bool(line.strip()) for line in source.splitlines()) for source in sources]
    assert max(lengths) <= 12
    assert sum(lengths) <= 60
    assert not [
        source for source in sources if re.search(r"^\s*(def|class) |pip install", source, re.M)
    ]
    assert "nbval" not in json.dumps([cell.metadata for cell in code_cells(path)]).lower()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_controls_that_a_text_names_exist(path: Path) -> None:
    """A text could tell a reader to press a button that no longer has that name."""
    cells = nbformat.read(path, as_version=4).cells
    labels: set[str] = set()
    for name in EXPLORERS:
        if any(f"explore.{name}(" in cell.source for cell in cells if cell.cell_type == "code"):
            controls = EXPLORERS[name].load()().controls.values()
            labels |= {control.description for control in controls}
            labels |= {"Pause"} if any(isinstance(c, widgets.Button) for c in controls) else set()
    for cell in cells:
        for verb, named in re.findall(r"\b([Pp]ress|[Dd]rag|says) \*\*(.+?)\*\*", cell.source):
            assert named in labels, f"{verb} {named}: the explorers have {sorted(labels)}"


# Run before the kernel of a notebook imports anything: divlab.kl is one per cent too large.
BREAK_KL = """
import divlab

right = divlab.kl
divlab.kl = lambda *arguments, **options: 1.01 * right(*arguments, **options)
"""


@pytest.mark.parametrize("broken", [False, True])
def test_nbval_notices_a_divergence_one_per_cent_wrong(tmp_path: Path, broken: bool) -> None:
    """`make test` could pass over notebooks whose numbers are wrong."""
    notebook = nbformat.read(NOTEBOOKS[1], as_version=4)
    # The first cells are enough: up to the one in which KL and entropy add up to the NLL.
    last = next(i for i, cell in enumerate(notebook.cells) if "step 3: KL" in cell.source)
    notebook.cells = notebook.cells[: last + 1]
    if broken:
        first = next(cell for cell in notebook.cells if cell.cell_type == "code")
        first.source = BREAK_KL + first.source
    nbformat.write(notebook, tmp_path / "short.ipynb")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval",
        "-q",
        "-p",
        "no:cacheprovider",
        "short.ipynb",
    ]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == (1 if broken else 0), result.stdout
    assert ("mismatch" in result.stdout) == broken
