"""Numbers as people and instruments write them: decimal commas, thousands, units, missing marks."""

import re
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from divlab.languages import phrase

POINT, COMMA = ".", ","  # what may stand before the decimals
# What spreadsheets, R, Python and instruments write where a value is missing; in lower case.
_MARKS = ("", "-", "--", "–", "—", ".", "?", "*", "#div/0!", "#value!", "#ref!", "#num!")
MISSING = frozenset(
    (*_MARKS, "na", "n/a", "n.a.", "#n/a", "<na>", "nan", "null", "none", "nil", "missing")
)
_MONEY = r"(?:[$€£¥₹]|(?:USD|EUR|GBP|CHF|JPY)(?=[\s\d]))"
# A unit has no digits but those of powers: "12h30" is no number of hours, and "1e" is cut short.
_UNIT = (
    r"(?![eEdD]$)[%‰°µμΩ$€£¥₹A-Za-zÅ]"
    r"(?:[%‰°µμΩA-Za-zÅ⁻¹²³]|[/·*](?=\S)|(?<=[A-Za-z])\^?-?[23](?![0-9]))*"
)
_CELL = re.compile(
    rf"(?P<money>{_MONEY})?\s*(?P<sign>[+−-]?)\s*(?P<after>{_MONEY})?\s*"
    r"(?P<body>[0-9.,](?:[0-9.,'’\s]*[0-9.])?)"
    rf"(?P<exponent>[eEdD][+−-]?[0-9]+)?\s*(?P<unit>{_UNIT})?"
)
# Either a plain number, or groups of three digits with one and the same mark between them.
_BODY = {
    mark: re.compile(
        rf"(?:[0-9]+|(?P<grouped>[1-9][0-9]{{0,2}}(?P<group>{group})[0-9]{{3}}"
        rf"(?:(?P=group)[0-9]{{3}})*))?(?:{decimals})?"
    )
    for mark, group, decimals in (
        (POINT, r"[,'’ \u00a0\u2009\u202f]", r"\.(?P<decimals>[0-9]*)"),
        (COMMA, r"[.'’ \u00a0\u2009\u202f]", r",(?P<decimals>[0-9]+)"),
    )
}
# Columns of numbers without anything special, which are read at once.
_PLAIN = {
    POINT: re.compile(r"(?:[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\n)*+"),
    COMMA: re.compile(r"(?:[+-]?(?:[0-9]+(?:,[0-9]+)?|,[0-9]+)(?:[eE][+-]?[0-9]+)?\n)*+"),
}
_AROUND = re.compile(r"[<>≤≥≈~±=(+-]*\s*(.*?)\s*[)*+-]*", re.DOTALL)
_INFINITE = ("inf", "infinity", "∞")
_LONGEST = 1000  # characters of a number
_EXACT = 2**53  # below it a float holds every whole number


class Cell(NamedTuple):
    """One number of a table.

    Attributes:
        value: the number.
        unit: what stands beside it, as "cm", "%" or "$"; empty for none.
    """

    value: float
    unit: str


class Column(NamedTuple):
    """The numbers of a column.

    Attributes:
        values: the numbers, (n,); NaN where one is missing.
        unit: the unit that all of them share; empty for none.
    """

    values: Float[np.ndarray, " n"]
    unit: str


class CellError(ValueError):
    """A cell that is no number, or none that can be kept.

    Attributes:
        index: which cell of the column.
        why: what is wrong with it.
    """

    def __init__(self, index: int, why: str) -> None:
        super().__init__(why)
        self.index, self.why = index, why


def is_missing(cell: str) -> bool:
    """Whether a cell says that there is no value."""
    return cell.lower() in MISSING


def is_number(cell: str) -> bool:
    """Whether a cell is a number, whatever its decimal mark is, or is meant as one, as "<0.5"."""
    cell = _AROUND.fullmatch(cell)[1]  # type: ignore[index]  # it matches every text
    if cell.lower() in _INFINITE:
        return True
    return any(_parts(cell, mark) is not None for mark in (POINT, COMMA))


def is_unit(cell: str) -> bool:
    """Whether a cell is what may stand beside a number."""
    return re.fullmatch(_UNIT, cell) is not None and cell.lower() not in _INFINITE


def read_cell(cell: str, mark: str) -> Cell:
    """Reads one number.

    Args:
        cell: the text, without spaces around it.
        mark: the decimal mark, `POINT` or `COMMA`.

    Returns:
        The number and its unit.

    Raises:
        ValueError: it is no number with this decimal mark, or a float cannot hold it.
    """
    parts = _parts(cell, mark)
    if parts is None:
        why = phrase(
            "has {cell}, which is no number; a number or an empty cell would do", cell=quote(cell)
        )
        raise ValueError(why)
    found, body = parts
    grouped, decimals = body["grouped"], body["decimals"]
    whole = body[0] if decimals is None else body[0][: -len(decimals) - 1]
    if grouped:
        whole = re.sub(r"[^0-9]", "", grouped)
    sign = "-" if found["sign"] in ("-", "−") else ""
    exponent = (found["exponent"] or "").replace("−", "-")
    value = float(f"{sign}{whole or '0'}.{decimals or '0'}{exponent and 'e' + exponent[1:]}")
    if not np.isfinite(value):
        why = phrase(
            "has {cell}, beyond the largest float, 1.8e308; another unit would do", cell=quote(cell)
        )
        raise ValueError(why)
    if value == 0 and re.search("[1-9]", body[0]):
        why = phrase(
            "has {cell}, below the smallest float, 5e-324; another unit would do", cell=quote(cell)
        )
        raise ValueError(why)
    if abs(value) >= _EXACT and not (decimals or exponent) and int(value) != int(sign + whole):
        why = phrase(
            "has {cell}, more digits than a float keeps; 1.5e19 or fewer of them", cell=quote(cell)
        )
        raise ValueError(why)
    return Cell(value, found["money"] or found["after"] or found["unit"] or "")


def _parts(cell: str, mark: str) -> tuple[re.Match[str], re.Match[str]] | None:
    """The parts of a cell and of the number inside it; None if it is no number."""
    found = _CELL.fullmatch(cell) if len(cell) <= _LONGEST else None
    if found is None or sum(found[part] is not None for part in ("money", "after", "unit")) > 1:
        return None
    body = _BODY[mark].fullmatch(found["body"])
    if body is None or not any(digit.isdigit() for digit in body[0]):
        return None
    return found, body


def read_column(cells: list[str], mark: str) -> Column:
    """Reads a column of numbers.

    Args:
        cells: the texts, without spaces around them.
        mark: the decimal mark, `POINT` or `COMMA`.

    Returns:
        The numbers, and the unit that stands beside every one of them.

    Raises:
        CellError: a cell is neither a number nor missing, or has another unit than the others.
    """
    values = np.full(len(cells), np.nan)
    present = [i for i, cell in enumerate(cells) if not is_missing(cell)]
    texts = [cells[i] for i in present]
    unit = _common_unit(texts, mark)
    plain = texts
    if unit and all(text.count(unit) == 1 for text in texts):
        plain = [text.removeprefix(unit).removesuffix(unit).strip() for text in texts]
    if _PLAIN[mark].fullmatch("\n".join([*plain, ""])):
        read = np.array([float(text.replace(mark, POINT)) for text in plain])
        # What a float cannot hold is looked at one by one below.
        zeros = [plain[i] for i in np.flatnonzero(read == 0)]
        is_held = not any(re.match("[^eE]*[1-9]", zero) for zero in zeros)
        if is_held and np.all(np.abs(read) < _EXACT):
            values[present] = read
            return Column(values, unit)
    known: dict[str, float] = {}
    for i, text in zip(present, texts, strict=True):
        if text not in known:
            try:
                known[text], own = read_cell(text, mark)
            except ValueError as error:
                raise CellError(i, error.args[0]) from None
            if own != unit:
                others = phrase("the unit {unit}", unit=quote(unit)) if unit else phrase("no unit")
                why = phrase(
                    "has {cell} where others have {others}; one unit would do",
                    cell=quote(text),
                    others=others,
                )
                raise CellError(i, why)
        values[i] = known[text]
    return Column(values, unit)


def _common_unit(texts: list[str], mark: str) -> str:
    """The unit of the first number of a column."""
    try:
        return read_cell(texts[0], mark).unit if texts else ""
    except ValueError:
        return ""


def quote(text: str, most: int = 24) -> str:
    """Quotes a text for a message, cut where it is long."""
    return f"“{text}”" if len(text) <= most else f"“{text[: most - 1]}…”"
