"""From the bytes of a file to rows of cells: encodings, separators, quotes, leftovers."""

import codecs
import csv
import re
from collections import Counter
from dataclasses import dataclass

from divlab.explore.numerals import is_missing, is_number
from divlab.languages import phrase

SPACE = " "  # any number of spaces and tabs
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_PACKED = b"PK\x03\x04"  # what .xlsx, .ods and .zip begin with
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f]")
_REMARK = re.compile(r"#(?!N/A|DIV/0!|VALUE!|REF!|NUM!)")
_R_PREFIX = re.compile(r"\s*\[[0-9]+\]\s+")


class GridError(ValueError):
    """A line that does not fit among the others.

    Attributes:
        line: its number in the file, from 1.
        columns: how many cells most lines have.
        why: what is wrong with it, and what would do.
    """

    def __init__(self, line: int, columns: int, why: str) -> None:
        super().__init__(phrase("line {line}, {why}", line=line, why=why))
        self.line, self.columns, self.why = line, columns, why


@dataclass(frozen=True)
class Grid:
    """Cells in rows of one length.

    Attributes:
        rows: the cells, without spaces around them.
        lines: where each row begins in the file, from 1.
        separator: what stands between columns; "" where there is one column.
    """

    rows: list[list[str]]
    lines: list[int]
    separator: str

    def numbers_rows(self) -> bool:
        """Whether the first column has no name and counts the rows, from 0 or from 1."""
        first = [row[0] for row in self.rows[1:]]
        counts = ([str(i + start) for i in range(len(first))] for start in (0, 1))
        is_count = any(first == count for count in counts)
        return self.rows[0][0] == "" and len(self.rows[0]) > 1 and is_count


def text_of(name: str, content: bytes) -> str:
    """Decodes a file.

    Args:
        name: its name, for messages.
        content: its content.

    Returns:
        The text.

    Raises:
        ValueError: the file is not text.
    """
    if content.startswith(_PACKED):
        raise ValueError(phrase("{file} is a packed file, as .xlsx is; save it as CSV.", file=name))
    text = _decoded(content)
    text = None if text is None else text.rstrip("\x1a")  # with which DOS ended a file
    if text is None or _CONTROL.search(text):
        raise ValueError(
            phrase(
                "{file} is not a text file, or in a rare encoding; UTF-8 would do.",
                file=name,
            )
        )
    return text


def _decoded(content: bytes) -> str | None:
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if content.startswith(mark):
            return _decode(content, encoding)
    zeros = [content[start:2000:2].count(0) for start in (0, 1)]
    if max(zeros) > 0:  # UTF-16 without its mark: every other byte of plain text is zero
        return _decode(content, "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le")
    return _decode(content, "utf-8") or _by_guess(content)


def _decode(content: bytes, encoding: str) -> str | None:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return None


def _by_guess(content: bytes) -> str | None:
    # Imported here, because it takes 50 ms and few files need it.
    from charset_normalizer import from_bytes

    # All of these have the same digits and marks. They differ in letters: a name may be misspelt.
    found = from_bytes(content[:100_000], cp_isolation=["cp1252", "cp1250", "cp1251", "mac_roman"])
    best = found.best()
    return None if best is None else _decode(content, best.encoding)


def readable_lines(text: str) -> tuple[list[tuple[int, str]], str | None]:
    """The lines that hold cells.

    Args:
        text: the text of a file.

    Returns:
        The lines with their numbers in the file, without blank ones and remarks, and the separator
        that the file itself states in a first line such as `sep=;`, or None.
    """
    every = enumerate(re.split("\r\n|\r|\n", text), start=1)
    lines = [(n, line) for n, line in every if line.strip() and not _REMARK.match(line)]
    given = re.fullmatch(r'"?sep=(.)"?', lines[0][1].rstrip("\n")) if lines else None
    if given:
        return lines[1:], given[1]
    if lines and all(_R_PREFIX.match(line) for _, line in lines):  # as R prints a vector
        return [(n, cell) for n, line in lines for cell in line.split()[1:]], None
    return lines, None


def split(lines: list[tuple[int, str]], separator: str) -> Grid:
    """Splits lines into cells.

    Args:
        lines: the lines with their numbers.
        separator: what stands between columns; `SPACE` for any spaces and tabs, "" for nothing.

    Returns:
        The cells. What spreadsheets leave at the ends of rows and below them is gone.

    Raises:
        GridError: the rows do not have the same number of cells.
    """
    rows, numbers = _cells(lines, separator)
    while len(rows) > 1 and not any(rows[-1]):
        del rows[-1], numbers[-1]
    _even_out(rows)
    want = Counter(map(len, rows)).most_common(1)[0][0]
    for row, number in zip(rows, numbers, strict=True):
        if len(row) != want:
            got = phrase("1 cell") if len(row) == 1 else phrase("{count} cells", count=len(row))
            why = phrase(
                "has {got} where most lines have {want}; as many in every line would do",
                got=got,
                want=want,
            )
            raise GridError(number, want, why)
    return Grid(rows, numbers, separator)


def _cells(lines: list[tuple[int, str]], separator: str) -> tuple[list[list[str]], list[int]]:
    if not separator:
        return [[_unquoted(line.strip())] for _, line in lines], [n for n, _ in lines]
    texts = [line for _, line in lines]
    if separator == SPACE:
        texts = [line.replace("\t", SPACE).strip() for line in texts]
    reader = csv.reader(
        (f"{text}\n" for text in texts),
        delimiter=separator,
        strict=True,
        skipinitialspace=separator != "\t",
    )
    rows: list[list[str]] = []
    numbers: list[int] = []
    begins = 0
    try:
        for row in reader:
            rows.append([cell.strip() for cell in row])
            numbers.append(lines[begins][0])
            begins = reader.line_num  # a quoted cell may go over several lines
    except csv.Error:  # a quote that is never closed
        raise GridError(
            lines[begins][0], 2, phrase("has a quote that does not end a cell")
        ) from None
    return rows, numbers


def _unquoted(cell: str) -> str:
    inner = cell[1:-1]
    return inner.strip() if cell == f'"{inner}"' and '"' not in inner else cell


def _even_out(rows: list[list[str]]) -> None:
    """Ends rows that end in a separator as the first one, and names a first column of row names."""
    first, below = rows[0], rows[1:]
    if not below:
        if len(first) > 1 and first[-1] == "":
            del first[-1]
        return
    width = len(below[0])
    if any(len(row) != width for row in below):
        return
    if len(first) == width + 1 and first[-1] == "":
        del first[-1]
    elif len(first) == width - 1 and all(row[-1] == "" for row in below):
        for row in below:
            del row[-1]
    elif len(first) == width - 1 and _are_names(first, [row[0] for row in below]):
        first.insert(0, "")  # R gives the column of row names no name


def _are_names(first: list[str], column: list[str]) -> bool:
    """Whether a column without a name holds the names of rows."""
    is_named = not any(is_number(cell) for cell in first)
    is_words = not any(is_number(cell) or is_missing(cell) for cell in column)
    return is_named and (is_words or column == [str(i + 1) for i in range(len(column))])
