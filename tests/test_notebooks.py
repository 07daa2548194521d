"""The notebooks are complete, and a stored number that is wrong turns `pytest --nbval` red."""

import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


def code_cells(path):
    cells = nbformat.read(path, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code" and cell.source.strip()]


def compared_text(cell):
    """What nbval compares of a cell, but for the representation of widgets and figures."""
    texts = [output.get("text", "") for output in cell.outputs if output.get("name") != "stderr"]
    texts += [output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    return re.sub(r"<[^>]*>|\w+\(.*\)", "", "\n".join(texts))


def test_there_are_notebooks():
    assert [path.name[:2] for path in NOTEBOOKS][:4] == ["00", "01", "04", "07"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_ran_in_order_without_error(path):
    cells = code_cells(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not [o for c in cells for o in c.outputs if o.output_type == "error"]
    assert not [o for c in cells for o in c.outputs if o.get("name") == "stderr"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_most_cells_store_a_number_that_is_compared(path):
    cells = code_cells(path)
    with_number = [cell for cell in cells if re.search(r"\d", compared_text(cell))]
    assert len(with_number) >= 0.6 * len(cells)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_cells_are_thin(path):
    sources = [cell.source for cell in code_cells(path)]
    assert not [
        source for source in sources if re.search(r"^\s*(def|class) |pip install", source, re.M)
    ]
    assert "nbval" not in json.dumps([cell.metadata for cell in code_cells(path)]).lower()


# Run before the kernel of a notebook imports anything: divlab.kl is one per cent too large.
BREAK_KL = """
import divlab

right = divlab.kl
divlab.kl = lambda *arguments, **options: 1.01 * right(*arguments, **options)
"""


@pytest.mark.parametrize("broken", [False, True])
def test_nbval_notices_a_divergence_one_per_cent_wrong(tmp_path, broken):
    notebook = nbformat.read(NOTEBOOKS[1], as_version=4)
    # The first cells are enough: up to the one in which KL and entropy add up to the NLL.
    last = next(i for i, cell in enumerate(notebook.cells) if "line 3: KL" in cell.source)
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
