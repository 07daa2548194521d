"""Reads the columns of numbers of a user's file: rightly, or not at all.

A file does not say how it is to be read. So every way of reading that fits the whole file is tried:
each separator, decimal point and decimal comma, a line of names or none. If they lead to different
numbers, the user is asked.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from divlab.explore.grids import SPACE, Grid, GridError, readable_lines, split, text_of
from divlab.explore.headings import is_line_of_units, may_have_names, names_of_columns
from divlab.explore.numerals import (
    COMMA,
    POINT,
    CellError,
    is_number,
    quote,
    read_cell,
    read_column,
)
from divlab.languages import listed, phrase

_WOULD_DO = phrase("a CSV or text file with a column of numbers would do")
# A tab, a semicolon or a bar that makes a table is the separator. A comma may also be a decimal
# mark, and a space may stand between thousands: these two are compared with one column.
_SURE = ("\t", ";", "|")
_SHOWN = 6  # cells and lines, where a user is asked how they are to be read


@dataclass(frozen=True)
class Table:
    """The columns of numbers of a file.

    Attributes:
        columns: the numbers by the name of the column; each array is (n,), without missing ones.
        missing: how many cells of each column hold no value.
        left_out: columns that cannot be taken although they hold numbers, and why.
    """

    columns: dict[str, Float[np.ndarray, " n"]] = field(default_factory=dict)
    missing: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


class AmbiguousError(ValueError):
    """A file that can be read in several ways.

    Attributes:
        readings: the table of each way, by a text that shows how the line in question is read.
        line: the number of this line in the file, from 1.
        preview: the first lines of the file, and this one.
    """

    def __init__(
        self, name: str, lines: list[tuple[int, str]], line: int, readings: dict[str, Table]
    ) -> None:
        self.readings, self.line = readings, line
        shown = [text for number, text in lines[:_SHOWN] if number < line]
        in_question = dict(lines)[line].strip()
        self.preview = [*shown, in_question]
        ways = " or ".join(f"“{reading}”" for reading in readings)
        super().__init__(
            f"{name}, line {line}: {quote(in_question)} may mean {ways}; choose one with "
            f'reading="{next(iter(readings))}", or change the file.'
        )


def read_table(name: str, content: bytes, *, reading: str | None = None) -> Table:
    r"""Reads the columns of numbers from a CSV or text file, with or without a line of names.

    Missing marks, units beside numbers or below the names, decimal commas, marks between thousands,
    and the encodings and separators of spreadsheets are understood. Lines that start with # and
    blank lines are skipped.

    Args:
        name: the name of the file, for messages.
        content: its content.
        reading: which of several readings to take, as an `AmbiguousError` names them.

    Returns:
        The columns that hold numbers with at least two different values.

    Raises:
        AmbiguousError: the file can be read in several ways, and `reading` is none of them.
        ValueError: the file is not text or has no column of numbers. The message says which line
            and cell is in the way.

    Example:
        >>> from divlab.explore.tables import read_table
        >>> table = read_table("a.csv", b"length;mass\n1,5 cm;20\n2,25 cm;NA\n3,5 cm;40\n")
        >>> {name: values.tolist() for name, values in table.columns.items()}
        {'length (cm)': [1.5, 2.25, 3.5], 'mass': [20.0, 40.0]}
        >>> table.missing["mass"]
        1
    """
    lines, given = readable_lines(text_of(name, content))
    if not lines:
        raise ValueError(phrase("{file} is empty; {would_do}.", file=name, would_do=_WOULD_DO))
    try:
        found = _readings(lines, given)
    except GridError as error:
        raise ValueError(phrase("{file}, {why}.", file=name, why=error.args[0])) from None
    good = [one for one in found if one.table.columns]
    if not good:
        raise ValueError(_why_none(name, found))
    if len(good) == 1:
        return good[0].table
    number, labels = _labels(good)
    tables = {label: one.table for label, one in zip(labels, good, strict=True)}
    if reading in tables:
        return tables[reading]
    raise AmbiguousError(name, lines, number, tables)


@dataclass
class _Reading:
    """One way to read a file: its cells, the decimal mark, and whether the first line has names."""

    grid: Grid
    mark: str
    has_names: bool
    table: Table = field(default_factory=Table)
    words: list[str] = field(default_factory=list)  # columns without any number

    def show(self, at: int) -> str:
        """How a row of cells is read."""
        row = self.grid.rows[at]
        shown = [cell or phrase("nothing") for cell in row[:_SHOWN]]
        if not (self.has_names and at == 0):
            for i, cell in enumerate(shown):
                try:
                    shown[i] = f"{read_cell(cell, self.mark).value:.12g}"
                except ValueError:
                    shown[i] = f"'{cell}'"
        said = shown[0]
        for cell in shown[1:]:
            said = phrase("{first} and {second}", first=said, second=cell)
        said = listed([said, "…"], " ") if len(row) > _SHOWN else said
        return phrase("names {cells}", cells=said) if self.has_names and at == 0 else said


def _labels(readings: list[_Reading]) -> tuple[int, list[str]]:
    """The first line that is read differently, and how: as few lines as tell all readings apart."""
    labels: list[str] = [""] * len(readings)
    first = 0
    rows = [{line: at for at, line in enumerate(one.grid.lines)} for one in readings]
    for line in readings[0].grid.lines:
        shown = [
            one.show(of[line]) if line in of else "" for one, of in zip(readings, rows, strict=True)
        ]
        if len(set(shown)) > 1:
            first = first or line
            labels = [listed(filter(None, pair)) for pair in zip(labels, shown, strict=True)]
        if len(set(labels)) == len(labels):
            break
    return first, labels


def _readings(lines: list[tuple[int, str]], given: str | None) -> list[_Reading]:
    """The ways to read a file that lead to different numbers; where there is none, a failed one."""
    errors: list[GridError] = []
    failed: list[_Reading] = []

    def attempt(separator: str) -> list[_Reading]:
        try:
            found = list(_of_grid(split(lines, separator)))
        except GridError as error:
            errors.append(error)
            return []
        failed.extend(one for one in found if not one.table.columns)
        return [one for one in found if one.table.columns]

    text = "\n".join(line for _, line in lines)
    for mark in [given] if given else [mark for mark in _SURE if mark in text]:
        if good := attempt(mark):
            return _different(good)
    is_ragged = any(error.columns > 1 for error in errors)
    if not given:
        good = attempt(",") if "," in text else []
        has_commas = bool(good)
        good += attempt("")
        if not (has_commas or is_ragged) and re.search(r"\S[ \t]+\S", text):
            good += attempt(SPACE)
        if good:
            return _different(good)
    told = [one for one in failed if one.table.left_out]
    if told:
        return told[:1]
    if errors:
        raise max(errors, key=lambda error: error.columns)
    return failed[:1]


def _different(readings: list[_Reading]) -> list[_Reading]:
    """Readings that lead to different numbers; the first of those that lead to the same."""
    kept: list[_Reading] = []
    for one in readings:
        if not any(_is_same(one.table, other.table) for other in kept):
            kept.append(one)
    return kept


def _is_same(a: Table, b: Table) -> bool:
    return len(a.columns) == len(b.columns) and all(
        np.array_equal(x, y) for x, y in zip(a.columns.values(), b.columns.values(), strict=True)
    )


def _why_none(name: str, found: list[_Reading]) -> str:
    """Why a file has no column of numbers."""
    for one in found:
        for label, why in one.table.left_out.items():
            return phrase(
                "{file}, column {column}: {why}.", file=name, column=quote(label), why=why
            )
    columns = ", ".join(quote(word) for one in found[:1] for word in one.words[:_SHOWN])
    return phrase(
        "{file} has no column of numbers in {columns}; {would_do}.",
        file=name,
        columns=columns,
        would_do=_WOULD_DO,
    )


def _of_grid(grid: Grid) -> Iterator[_Reading]:
    """The ways to read cells: with or without names, with decimal points or commas."""
    _check_cells(grid)
    for has_names in may_have_names(grid):
        head, body, lines = grid.rows[0], grid.rows, grid.lines
        units = [""] * len(head)
        if has_names:
            body, lines = body[1:], lines[1:]
            if is_line_of_units(body):
                units, body, lines = body[0], body[1:], lines[1:]
            # Names with a comma above numbers with one are names of two columns.
            if grid.separator == "" and "," in head[0] and any("," in row[0] for row in body):
                continue
        columns = [list(column) for column in zip(*body, strict=True)]
        labels = names_of_columns(head if has_names else [""] * len(head), units)
        if has_names and grid.numbers_rows():
            columns, labels = columns[1:], labels[1:]
        if not has_names and len(body) == 1:  # one row is one sample
            columns, labels, lines = body, labels[:1], lines * len(head)
        outcomes = {mark: [_outcome(c, lines, mark) for c in columns] for mark in (POINT, COMMA)}
        for mark in _marks(grid.separator, columns, outcomes):
            reading = _Reading(grid, mark, has_names)
            for label, outcome, cells in zip(labels, outcomes[mark], columns, strict=True):
                _add(reading, label, outcome, len(cells))
            yield reading


class _Outcome(NamedTuple):
    """What a column leads to with one decimal mark: numbers, or why there are none.

    A column of words has neither.
    """

    values: Float[np.ndarray, " n"] | None
    unit: str = ""
    why: str = ""


def _outcome(cells: list[str], lines: list[int], mark: str) -> _Outcome:
    try:
        column = read_column(cells, mark)
    except CellError as error:
        has_numbers = any(map(is_number, set(cells)))
        why = phrase("line {line} {why}", line=lines[error.index], why=error.why)
        return _Outcome(None, why=why if has_numbers else "")
    return _Outcome(column.values[~np.isnan(column.values)], column.unit)


def _add(reading: _Reading, label: str, outcome: _Outcome, count: int) -> None:
    """Adds a column to a table, or says why not."""
    values, table = outcome.values, reading.table
    if outcome.unit and f"({outcome.unit})" not in label:
        label = f"{label} ({outcome.unit})"
    if outcome.why:
        table.left_out[label] = outcome.why
    elif values is None or values.size == 0:
        reading.words.append(label)
    elif np.all(values == values[0]):
        table.left_out[label] = phrase(
            "its only value is {value:g}; two different ones would do", value=values[0]
        )
    else:
        table.columns[label], table.missing[label] = values, count - values.size


def _marks(
    separator: str, columns: list[list[str]], outcomes: dict[str, list[_Outcome]]
) -> list[str]:
    """The decimal marks that a table may have: both where they lead to different numbers."""
    votes, open_cells = set(), []
    for cells, by_point, by_comma in zip(columns, outcomes[POINT], outcomes[COMMA], strict=True):
        if by_point.values is not None and by_comma.values is not None:
            if not np.array_equal(by_point.values, by_comma.values):
                open_cells += cells
        elif by_point.values is not None:
            votes.add(POINT)
        elif by_comma.values is not None:
            votes.add(COMMA)
    if len(votes) == 1:
        return list(votes)
    # Where commas stand between columns, decimals have points: the rest of the world writes ";".
    is_clear = separator == "," and not any("," in cell for cell in open_cells)
    return [POINT] if not votes and (is_clear or not open_cells) else [POINT, COMMA]


def _check_cells(grid: Grid) -> None:
    """Refuses cells that are rows of numbers themselves, with another mark between them."""
    for row, line in zip(grid.rows[:50], grid.lines, strict=False):
        for cell in row:
            if is_number(cell):
                continue
            for pieces in (cell.split("\t"), cell.split(";"), cell.split("|"), cell.split()):
                if len(pieces) > 1 and all(is_number(piece.strip()) for piece in pieces):
                    why = phrase(
                        "has several numbers in {cell}; one mark between all would do",
                        cell=quote(cell),
                    )
                    raise GridError(line, 1, why)
