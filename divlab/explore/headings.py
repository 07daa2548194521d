"""What stands above the numbers of a table: names, units, or nothing."""

import re
from collections import Counter

from divlab.explore.grids import Grid
from divlab.explore.numerals import is_missing, is_number, is_unit

_ENOUGH = 1000  # rows that are looked at


def may_have_names(grid: Grid) -> list[bool]:
    """Whether the first line holds names; both answers where that cannot be told."""
    first, below = grid.rows[0], grid.rows[1:_ENOUGH]
    if not below:
        return [False]
    has_number = any(map(is_number, first))
    pure = some = False  # whether a word stands over numbers only, or over some
    for j, cell in enumerate(first):
        if not is_missing(cell) and not is_number(cell):
            numbers = [is_number(row[j]) for row in below if not is_missing(row[j])]
            pure |= bool(numbers) and all(numbers)
            some |= any(numbers)
    if not has_number:
        return [some or not any(is_number(cell) for row in below for cell in row)]
    if pure:
        return [True, False]
    if grid.numbers_rows():  # as pandas writes columns that are numbered themselves
        return [True]
    return [True, False] if _may_be_names(first, below) else [False]


def _may_be_names(first: list[str], below: list[list[str]]) -> bool:
    """Whether a first line of numbers looks like years or counts, and the lines below do not."""
    values = [int(c) if re.fullmatch("[0-9]{1,4}", c) else -1 for c in first if is_number(c)]
    cells = [cell for row in below for cell in row if is_number(cell)]
    whole = [int(cell) for cell in cells if re.fullmatch("[0-9]{1,4}", cell)]
    years = range(1900, 2101)
    if len(set(values)) == len(values) and all(value in years for value in values):
        return not any(value in years for value in whole)
    is_count = values[0] in (0, 1) and values == list(range(values[0], values[0] + len(values)))
    return is_count and not whole


def is_line_of_units(body: list[list[str]]) -> bool:
    """Whether the line below the names holds units, and nothing but them, over numbers."""
    used = [(j, cell) for j, cell in enumerate(body[0]) if not is_missing(cell)]
    if not used or len(body) < 2:
        return False
    for j, cell in used:
        column = [row[j] for row in body[1:_ENOUGH] if not is_missing(row[j])]
        if not (is_unit(cell.strip("()[]")) and column and all(map(is_number, column))):
            return False
    return True


def names_of_columns(head: list[str], units: list[str]) -> list[str]:
    """A name for each column, none of them twice."""
    names, copies = [], Counter[str]()
    for j, (name, unit) in enumerate(zip(head, units, strict=True), start=1):
        name = name or f"column {j}"
        if unit and not is_missing(unit):
            name = f"{name} ({unit.strip('()[] ')})"
        copies[name] += 1
        names.append(f"{name} [{copies[name]}]" if copies[name] > 1 else name)
    return names
