"""The Portuguese notebooks are in step with the English ones.

The docstring of each test says what could go wrong without it.
"""

import importlib.util
import re
import shutil
from itertools import zip_longest
from pathlib import Path
from typing import Any

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def load(path: Path) -> Any:
    """`notebooks/translate.py`, which is a script and no module of the package."""
    spec = importlib.util.spec_from_file_location("translate", path / "translate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


translate = load(ROOT / "notebooks")


def in_step(tool: Any, notebook: Path) -> None:
    """Fails, and names the cell, unless the Portuguese notebook is what it should be."""
    made, stored = tool.translated(notebook, "pt"), tool.HERE / "pt" / notebook.name
    found = nbformat.read(stored, 4)
    for i, (cell, expected) in enumerate(zip_longest(found.cells, made.cells)):
        where = f"{stored.name}, cell {i}"
        assert cell is not None, f"{where} is missing"
        assert expected is not None, f"{where} is one too many"
        assert cell.source == expected.source, where
        assert cell.get("outputs") == expected.get("outputs"), where


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_and_its_translation_are_in_step(notebook: Path) -> None:
    """A reader of Portuguese could find an old sentence, old code or an old number."""
    in_step(translate, notebook)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_mathematics_code_and_links_are_the_same(notebook: Path) -> None:
    """A formula, a name or a link could be lost in translation."""
    known = translate.read_catalogue(translate.catalogue(notebook, "pt"), "pt")
    for where, source in translate.texts(notebook).items():
        said = str(known.get(source).string)
        for kind in (r"\$[^$]+\$", r"\]\([^)]+\)", r"^#+ ", r"^\d+\. ", r"^\|"):
            counts = [len(re.findall(kind, text, re.MULTILINE)) for text in (source, said)]
            assert counts[0] == counts[1], f"{where}: {kind}"
        for link in re.findall(r"\]\((?!http)([^)#]+)", said):
            assert (ROOT / "notebooks/pt" / link).resolve().exists(), f"{where}: {link}"


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_words_in_formulas_are_translated(notebook: Path) -> None:
    """A formula is copied, and its English words could be copied with it."""
    known = translate.read_catalogue(translate.catalogue(notebook, "pt"), "pt")
    words = re.compile(r"\\text\{([^}]*[a-z]{2}[^}]*)\}")
    for where, source in translate.texts(notebook).items():
        same = {*words.findall(source)} & {*words.findall(str(known.get(source).string))}
        assert same <= {"data"}, where  # the index of the article's p_data


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_of_explorers_and_exercises_are_portuguese(notebook: Path) -> None:
    """Whoever reads a notebook without running it could see English questions and pictures."""
    cells = zip(
        nbformat.read(notebook, 4).cells,
        nbformat.read(translate.HERE / "pt" / notebook.name, 4).cells,
        strict=False,
    )
    shown = 0
    for i, both in enumerate(cells):
        where = f"{notebook.stem}, cell {i}"
        for one, other in zip(*(cell.get("outputs", ()) for cell in both), strict=False):
            if "text/markdown" in one.get("data", {}):
                shown += 1
                assert one.data["text/markdown"] != other.data["text/markdown"], where
        for one, other in zip(*map(translate.explorers, both), strict=False):
            shown += 1
            assert one.data["image/png"] != other.data["image/png"], where
    assert shown >= 4  # three exercises and an explorer, at least


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("a changed sentence", "no translation of .*00_start_here, cell 1'"),
        ("changed code", "00_start_here.ipynb, cell 3"),
        ("a new cell of text", "no translation of .*00_start_here, cell 1'"),
        ("a new cell of code", "00_start_here.ipynb, cell 3"),
        ("a new cell at the end", r"00_start_here.ipynb, cell \d\d is missing"),
        ("a deleted cell", "00_start_here.ipynb, cell 3"),
        ("a deleted cell at the end", r"00_start_here.ipynb, cell \d\d is one too many"),
    ],
)
def test_a_step_that_was_not_taken_is_noticed(tmp_path: Path, change: str, says: str) -> None:
    """The tests above could pass whatever happens to the English notebook."""
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    tool, notebook = load(tmp_path / "notebooks"), tmp_path / "notebooks" / NOTEBOOKS[0].name
    in_step(tool, notebook)
    page = nbformat.read(notebook, 4)
    code = next(i for i, cell in enumerate(page.cells) if cell.cell_type == "code")
    if change == "a changed sentence":
        page.cells[1].source += " One more."
    elif change == "changed code":
        page.cells[code].source += "\nprint(1)"
    elif change == "a new cell of text":
        page.cells.insert(1, nbformat.v4.new_markdown_cell("A new cell."))
    elif change.startswith("a new cell"):
        place = len(page.cells) if change.endswith("end") else code
        page.cells.insert(place, nbformat.v4.new_code_cell("1"))
    else:
        del page.cells[-1 if change.endswith("end") else code]
    nbformat.write(page, notebook)
    with pytest.raises((ValueError, AssertionError), match=says):
        in_step(tool, notebook)
