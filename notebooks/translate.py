"""The notebooks in another language: the same cells of code, with prose from a catalogue.

`python notebooks/translate.py catalogues` brings `notebooks/pt/*.po` up to date with the English
notebooks: a cell of text that is new, or that has changed, appears there without a translation.
`python notebooks/translate.py notebooks` writes `notebooks/pt/*.ipynb` from both.
`python notebooks/translate.py pictures` draws the pictures of explorers in them anew.

A catalogue is a PO file, which translators' tools read. It has one entry for each cell of text.
"""

import copy
import sys
from pathlib import Path
from typing import Any

import nbformat
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from nbconvert.preprocessors import ExecutePreprocessor

from divlab.exercises import of_notebook
from divlab.languages import language as read_language

HERE = Path(__file__).parent
LANGUAGES = ("pt",)


def english() -> list[Path]:
    """The English notebooks."""
    return sorted(HERE.glob("[0-9][0-9]_*.ipynb"))


def catalogue(notebook: Path, language: str) -> Path:
    """The catalogue of a notebook in a language."""
    return HERE / language / f"{notebook.stem}.po"


def read_catalogue(path: Path, language: str) -> Catalog:
    """Reads a catalogue; an empty one where there is no file yet."""
    if not path.exists():
        return Catalog(language)
    with path.open("rb") as file:
        return read_po(file, language)


def texts(notebook: Path) -> dict[str, str]:
    """The source of each cell of text, by where it stands, such as "00_start_here, cell 3"."""
    cells = nbformat.read(notebook, 4).cells
    return {
        f"{notebook.stem}, cell {i}": cell.source
        for i, cell in enumerate(cells)
        if cell.cell_type == "markdown"
    }


def update(notebook: Path, language: str) -> None:
    """Brings a catalogue up to date; what no cell says any more goes."""
    path = catalogue(notebook, language)
    former = read_catalogue(path, language)
    now = Catalog(
        language,
        project="divlab",
        header_comment=f"# Prose of {notebook.name}. See notebooks/translate.py.",
        creation_date=former.creation_date,
        fuzzy=False,
    )
    for where, source in texts(notebook).items():
        known = former.get(source)
        now.add(source, known.string if known else "", auto_comments=[where.split(", ")[1]])
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as file:
        write_po(file, now, width=100, omit_header=False, include_previous=False)


def missing(notebook: Path, language: str) -> list[str]:
    """The cells of text that the catalogue does not translate."""
    known = read_catalogue(catalogue(notebook, language), language)
    return [
        where
        for where, source in texts(notebook).items()
        if not (found := known.get(source)) or not found.string or found.fuzzy
    ]


def translated(notebook: Path, language: str) -> nbformat.NotebookNode:
    """The notebook with translated text. Its cells of code are the same.

    Only the cell that sets divlab up differs: it asks for explorers in this language. Outputs are
    the same too, but exercises speak the language, and pictures of explorers are those that the
    translated notebook has already; see `with_pictures`.
    """
    lacks = missing(notebook, language)
    if lacks:
        raise ValueError(f"{catalogue(notebook, language).name} has no translation of {lacks}.")
    known = read_catalogue(catalogue(notebook, language), language)
    made = copy.deepcopy(nbformat.read(notebook, 4))
    for cell in made.cells:
        if cell.cell_type == "markdown":
            found = known.get(cell.source)
            assert found is not None
            cell.source = str(found.string)
        else:
            in_language = f'divlab.configure(language="{language}")'
            cell.source = cell.source.replace("divlab.configure()", in_language)
            cell.outputs = [_told(output, notebook, language) for output in cell.outputs]
    path = HERE / language / notebook.name
    return _take_pictures(made, nbformat.read(path, 4).cells) if path.exists() else made


def _told(output: Any, notebook: Path, language: str) -> Any:
    """An output in which exercises speak the language: their questions and their verdicts."""
    exercises = of_notebook(notebook.name[:2])
    mistakes = [mistake.message for one in exercises for mistake in one.answer.mistakes]
    tell = read_language(language).tell
    said = {
        str(text): tell(text) for text in [*(e.question for e in exercises), *mistakes, "Right."]
    }

    def told(text: str) -> str:
        for english, other in said.items():
            text = text.replace(english, other)
        return text

    if "text" in output:
        output.text = told(output.text)
    if "text/markdown" in output.get("data", {}):
        output.data["text/markdown"] = told(output.data["text/markdown"])
    return output


def explorers(cell: Any) -> list[Any]:
    """The outputs of a cell that show an explorer."""
    shown = [output for output in cell.get("outputs", ()) if "image/png" in output.get("data", {})]
    return [output for output in shown if output.data["text/plain"].endswith(" explorer>")]


def _take_pictures(made: nbformat.NotebookNode, cells: list[Any]) -> nbformat.NotebookNode:
    """The notebook with the pictures of explorers that these cells have, by the code of a cell."""
    known = {cell.source: explorers(cell) for cell in cells}
    for cell in made.cells:
        for output, other in zip(explorers(cell), known.get(cell.source, ()), strict=False):
            output.data["image/png"] = other.data["image/png"]
    return made


def with_pictures(made: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The translated notebook with explorers drawn in its language: their cells are run."""
    first = next(cell for cell in made.cells if cell.cell_type == "code")
    run = nbformat.v4.new_notebook(metadata=made.metadata)
    run.cells = [copy.deepcopy(cell) for cell in made.cells if cell is first or explorers(cell)]
    ExecutePreprocessor(store_widget_state=False).preprocess(run)
    return _take_pictures(made, run.cells)


if __name__ == "__main__":
    for language in LANGUAGES:
        for notebook in english():
            if sys.argv[1:] == ["catalogues"]:
                update(notebook, language)
            elif sys.argv[1:] == ["notebooks"]:
                nbformat.write(translated(notebook, language), HERE / language / notebook.name)
            elif sys.argv[1:] == ["pictures"]:
                made = with_pictures(translated(notebook, language))
                nbformat.write(made, HERE / language / notebook.name)
            else:
                sys.exit(__doc__)
