"""Measurements from a file that a user drops on an explorer."""

import io
from collections.abc import Callable
from typing import Any

import anywidget
import ipywidgets as widgets
import numpy as np
from jaxtyping import Float

from divlab.explore.controls import row

_MOST = 100_000  # rows of a file; more of them would make every picture slow
_WOULD_DO = "a CSV or text file with a column of numbers would do"


class DropZone(anywidget.AnyWidget):
    """A place on the page where a user drops a file.

    ipywidgets has a button to choose a file in a dialogue, but no such place.

    Args:
        on_file: is called with the name and the content of a file that was dropped.
    """

    _esm = """
    function render({ model, el }) {
        const zone = document.createElement("div");
        zone.className = "divlab-drop";
        zone.textContent = "or drop a file here";
        el.append(zone);
        const over = event => { event.preventDefault(); zone.classList.add("divlab-over"); };
        const away = () => zone.classList.remove("divlab-over");
        zone.addEventListener("dragenter", over);
        zone.addEventListener("dragover", over);
        zone.addEventListener("dragleave", away);
        zone.addEventListener("drop", async event => {
            event.preventDefault();
            event.stopPropagation();
            away();
            for (const file of [...event.dataTransfer.files].slice(0, 1))
                model.send({ name: file.name }, undefined, [await file.arrayBuffer()]);
        });
    }
    export default { render };
    """
    _css = """
    .divlab-drop {
        border: 1px dashed gray; line-height: 26px; padding: 0 10px; margin: 2px;
        font-size: 13px; white-space: nowrap;
    }
    .divlab-over { border-color: #0072B2; color: #0072B2; }
    """

    def __init__(self, on_file: Callable[[str, bytes], None]) -> None:
        self._on_file = on_file
        super().__init__()
        self.on_msg(self.receive)

    def receive(self, _: Any, content: dict[str, Any], buffers: list[memoryview]) -> None:
        """Takes the message that the page sends when a file was dropped.

        Args:
            content: the message; its `name` is the name of the file.
            buffers: the content of the file.
        """
        self._on_file(content["name"], bytes(buffers[0]))


class OwnData(widgets.VBox):
    """A button that takes a CSV or text file, a menu of its columns, and the way back.

    Args:
        on_change: is called when `values` has changed.
        on_error: is called with an error that says what is wrong with a file.

    Attributes:
        values: the measurements, (n,); None where there are none.
        name: the file and the column that they are from.
        upload: the button that takes a file.
        drop: the place to drop a file on.
        column: the menu of the file's columns.
        clear: the button that goes back to the target with sliders.
    """

    def __init__(
        self, on_change: Callable[[], None], on_error: Callable[[Exception], None]
    ) -> None:
        self._on_change, self._on_error = on_change, on_error
        self.values: np.ndarray | None = None
        self.name = ""
        self._table: Any = None  # a pandas.DataFrame, once a file was read
        self._file = ""
        self.upload = widgets.FileUpload(
            accept=".csv,.txt,.tsv,.dat",
            description="Own data",
            tooltip="A CSV or text file with a column of numbers",
            layout=widgets.Layout(width="auto"),
        )
        self.drop = DropZone(self._on_file)
        self.column = widgets.Dropdown(
            description="Column", layout=widgets.Layout(display="none", width="16em")
        )
        self.clear = widgets.Button(
            description="Without it",
            tooltip="Back to the target with sliders",
            layout=widgets.Layout(display="none", width="auto"),
        )
        self._note = widgets.Label()
        self.upload.observe(self._on_upload, "value")
        self.column.observe(self._on_column, "value")
        self.clear.on_click(lambda _: self.set(None, ""))
        super().__init__([row([self.upload, self.drop, self.column, self._note, self.clear])])

    def set(self, values: Any, name: str) -> None:
        """Takes measurements, or gives up those there are, and says so on the page.

        Args:
            values: the measurements, (n,); None to have none.
            name: where they are from.
        """
        self.values = None if values is None else np.asarray(values, float)
        self.name = name
        self._note.value = "" if values is None else f"{name}: {len(values)} values"
        self.clear.layout.display = "none" if values is None else ""
        if values is None:
            self.column.layout.display = "none"
        self._on_change()

    def _on_upload(self, change: dict[str, Any]) -> None:
        for file in change["new"]:
            self._on_file(file["name"], bytes(file["content"]))
        self.upload.value = ()  # so that the same file can be chosen again

    def _on_file(self, name: str, content: bytes) -> None:
        try:
            self._table = read_table(name, content)
            self._file = name
            names = list(self._table.columns)
            self.column.layout.display = "" if len(names) > 1 else "none"
            self.column.unobserve(self._on_column, "value")
            self.column.options = names
            self.column.observe(self._on_column, "value")
            self.column.value = names[0]
            self._take(names[0])
        except ValueError as error:
            self._on_error(error)

    def _on_column(self, change: dict[str, Any]) -> None:
        if self._table is not None and change["new"] is not None:
            self._take(change["new"])

    def _take(self, column: str) -> None:
        values = self._table[column]
        name = f"{self._file}, {column}"
        self.set(values.dropna().to_numpy(float), name)
        if values.isna().any():
            self._note.value += f"; {int(values.isna().sum())} missing ones left out"


def read_data(data: Any) -> tuple[Float[np.ndarray, " n"], str]:
    """Reads the measurements that a state holds.

    Args:
        data: what the state holds under "data".

    Returns:
        The measurements, (n,), and where they are from.

    Raises:
        ValueError: `data` has another form, or fewer than two different finite numbers.
    """
    name = ""
    try:
        values, name = np.asarray(data["values"], float), str(data["name"])
    except (KeyError, TypeError, ValueError):
        values = np.zeros(0)
    if values.ndim != 1 or not np.all(np.isfinite(values)) or len(np.unique(values)) < 2:
        raise ValueError(
            'state has "data" that are not measurements; {"name": a name, "values": a list of at '
            "least two different numbers} would do."
        )
    return values, name


def read_table(name: str, content: bytes) -> Any:
    """Reads the columns of numbers from a CSV or text file, with or without a line of names.

    Args:
        name: the name of the file, for messages.
        content: its content.

    Returns:
        A `pandas.DataFrame` of the columns that hold numbers.

    Raises:
        ValueError: the file is not text, has no column with two different numbers, or is too
            long.
    """
    import pandas  # takes half a second, which an explorer without a file should not wait for

    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{name} is not a text file; {_WOULD_DO}.") from None
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines:
        raise ValueError(f"{name} is empty; {_WOULD_DO}.")
    # Spaces may stand between columns, or within the name of an only column. The last line, which
    # is a row of numbers, tells which.
    blank = r"\s+" if len(lines[-1].split()) > 1 else ","
    separator = next((mark for mark in (",", ";", "\t") if mark in lines[0]), blank)
    names_first = not any(_is_number(cell) for cell in _cells(lines[0], separator))
    try:
        table = pandas.read_csv(
            io.StringIO("\n".join(lines)),
            sep=separator,
            header=0 if names_first else None,
            # Where the decimal mark is a comma, as in half of Europe, spreadsheets put semicolons
            # between columns.
            decimal="," if separator == ";" else ".",
        )
    except (pandas.errors.ParserError, ValueError) as error:
        raise ValueError(f"{name} could not be read as a table: {error}") from None
    table.columns = [str(c) if names_first else f"column {c + 1}" for c in table.columns]
    numbers = table.apply(pandas.to_numeric, errors="coerce").replace([np.inf, -np.inf], np.nan)
    # A column of numbers may have gaps. A column of words has no numbers, or a few by chance.
    numbers = numbers[
        [c for c in numbers if numbers[c].notna().mean() > 0.5 and numbers[c].nunique() > 1]
    ]
    if numbers.shape[1] == 0:
        raise ValueError(
            f"{name} has no column of numbers with at least two different values; "
            f"its columns are {', '.join(table.columns)}."
        )
    if len(numbers) > _MOST:
        raise ValueError(f"{name} has {len(numbers)} rows; an explorer takes up to {_MOST}.")
    return numbers


def _cells(line: str, separator: str) -> list[str]:
    return line.split() if separator == r"\s+" else line.split(separator)


def _is_number(cell: str) -> bool:
    try:
        float(cell.strip().strip('"'))
    except ValueError:
        return False
    return True
