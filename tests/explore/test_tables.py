"""Files as spreadsheets, instruments and statistics programs write them, and how each is read.

Every file here was made up for the purpose. What it says is written beside it by hand: the columns,
or, as text, a part of the sentence that refuses it, or every reading that is open. Without these
tests a decimal part could pass for a second column, names for numbers, or a unit for nothing.
"""

from typing import Any

import numpy as np
import pytest

from divlab.explore.tables import AmbiguousError, read_table

# What a file holds -> its columns by name.
LOCALES: dict[Any, dict[str, list[float]]] = {
    "a;b\n1,5;2\n2,25;3\n": {"a": [1.5, 2.25], "b": [2, 3]},
    "1.234,56;1\n2.345,1;2\n": {"column 1": [1234.56, 2345.1], "column 2": [1, 2]},
    'name;x\n"Doe, Jane";1,5\n"Roe, Bob";2,25\n': {"x": [1.5, 2.25]},
    "name\tx\nDoe, Jane\t1,5\nRoe, Bob\t2,25\n": {"x": [1.5, 2.25]},
    "x\ty\n1,5\t2,5\n3,25\t4\n": {"x": [1.5, 3.25], "y": [2.5, 4]},
    'name,x\n"Doe, Jane","1,5"\n"Roe, Bob","2,25"\n': {"x": [1.5, 2.25]},
    "x\n1,5\n2,5\n12\n": {"x": [1.5, 2.5, 12]},
    "x y\n1,5 2\n3,5 3\n": {"x": [1.5, 3.5], "y": [2, 3]},
    "1,5 2,5\n3,5 4,5\n": {"column 1": [1.5, 3.5], "column 2": [2.5, 4.5]},
    "x\n1,234,567\n2,345,678\n": {"x": [1234567, 2345678]},
    'x,y\n"1,234.5",2\n"12,000.25",3\n': {"x": [1234.5, 12000.25], "y": [2, 3]},
    "x;y\n1'234.5;2\n2'000.5;3\n": {"x": [1234.5, 2000.5], "y": [2, 3]},
    "x;y\n1 234,5;2\n12 000,5;3\n": {"x": [1234.5, 12000.5], "y": [2, 3]},
    "x;y\n1\u202f234,5;2\n12\u202f000,5;3\n": {"x": [1234.5, 12000.5], "y": [2, 3]},
    "x;y\n1.234;0,5\n2.345;1,5\n": {"x": [1234, 2345], "y": [0.5, 1.5]},  # y tells what x means
    "x,y\n1.234,5\n2.345,6\n": {"x": [1.234, 2.345], "y": [5, 6]},
    "x;y\n0.125;1\n2.345;2\n": {"x": [0.125, 2.345], "y": [1, 2]},  # no thousands begin with 0
    "−1,5;2\n−2,5;3\n": {"column 1": [-1.5, -2.5], "column 2": [2, 3]},
}
ENCODINGS: dict[Any, dict[str, list[float]]] = {
    "größe;x\n1,5;2\n2,5;3\n".encode("cp1252"): {"größe": [1.5, 2.5], "x": [2, 3]},
    "preço €;x\n1,5;2\n2,5;3\n".encode("cp1252"): {"preço €": [1.5, 2.5], "x": [2, 3]},
    "x\n1\xa0234,5\n2\xa0000,5\n".encode("cp1252"): {"x": [1234.5, 2000.5]},
    "größe\tx\n1,5\t2\n2,5\t3\n".encode("utf-16"): {"größe": [1.5, 2.5], "x": [2, 3]},
    "größe\n1\n2\n".encode("utf-16-le"): {"größe": [1, 2]},
    "größe\n1\n2\n".encode("utf-16-be"): {"größe": [1, 2]},
    "温度\n1\n2\n".encode("utf-32"): {"温度": [1, 2]},
    "\ufeff温度\n1\n2\n".encode(): {"温度": [1, 2]},
    "Вес животного;Рост\n1,5;2\n2,5;3\n".encode("cp1251"): {
        "Вес животного": [1.5, 2.5], "Рост": [2, 3]
    },
    b"x\r1\r2\r": {"x": [1, 2]},  # line ends of old Macs
    b"x\r\n1\r\n2\r\n\x1a": {"x": [1, 2]},  # the end of a file in DOS
}  # fmt: skip
DIALECTS: dict[Any, dict[str, list[float]]] = {
    "x,y\n1,2\n3,4\n": {"x": [1, 3], "y": [2, 4]},
    "1\n2\n3.5\n": {"column 1": [1, 2, 3.5]},
    "name,time\nbob,1.5\nann,2.5\n": {"time": [1.5, 2.5]},
    "1 2 3\n4 5 6\n": {"column 1": [1, 4], "column 2": [2, 5], "column 3": [3, 6]},
    "a\tb\n1\t2\n3\t4\n": {"a": [1, 3], "b": [2, 4]},
    "x|y\n1|2\n3|4\n": {"x": [1, 3], "y": [2, 4]},
    " x   y\n 1   2.5\n10  -3.5\n": {"x": [1, 10], "y": [2.5, -3.5]},
    "1, 2\n3, 4\n": {"column 1": [1, 3], "column 2": [2, 4]},
    "sep=;\nx;y\n1,5;2\n2,5;3\n": {"x": [1.5, 2.5], "y": [2, 3]},
    "sep=,\n1,5\n2,6\n": {"column 1": [1, 2], "column 2": [5, 6]},
    "x,y\n1,2,\n3,4,\n": {"x": [1, 3], "y": [2, 4]},
    "x,y,\n1,2,\n3,4,\n": {"x": [1, 3], "y": [2, 4]},
    "x;y;\n1;2\n3;4\n": {"x": [1, 3], "y": [2, 4]},
    "1,2,\n3,4,\n": {"column 1": [1, 3], "column 2": [2, 4]},
    "x\t\n1\t\n2\t\n": {"x": [1, 2]},
    "x,y\n1,2\n3,4\n5,6\n" + ",\n" * 20: {"x": [1, 3, 5], "y": [2, 4, 6]},
    "x;y\n1;2\n3;4\n" + ";\n" * 3: {"x": [1, 3], "y": [2, 4]},
    'x\n"1"\n"2"\n': {"x": [1, 2]},
    'x,y\n"a\nb",2\nc,3\n': {"y": [2, 3]},  # a cell of two lines
    "[1] 9172 9350 9461\n[4] 9100 9200\n": {"column 1": [9172, 9350, 9461, 9100, 9200]},
    " [1] 0.5 1.5\n[11] 2.5\n": {"column 1": [0.5, 1.5, 2.5]},
    "3,1,4,1,5\n": {"column 1": [3, 1, 4, 1, 5]},
    "1.5 2.5 3.5\n": {"column 1": [1.5, 2.5, 3.5]},
    "1,5;2,5;3,5\n": {"column 1": [1.5, 2.5, 3.5]},
    "1\t2\t3": {"column 1": [1, 2, 3]},
    " ".join(str(i % 101) for i in range(10_000)): {"column 1": [i % 101 for i in range(10_000)]},
}
UNITS: dict[Any, dict[str, list[float]]] = {
    "share\n45%\n50 %\n": {"share (%)": [45, 50]},
    "price\n$3\n$4.50\n": {"price ($)": [3, 4.5]},
    "price\n-$3\n$-4.50\n": {"price ($)": [-3, -4.5]},
    "price\n3,50 €\n4 €\n": {"price (€)": [3.5, 4]},
    "length\n3.2 cm\n4.1cm\n": {"length (cm)": [3.2, 4.1]},
    "x,y\n1.5 kg/m^3,2\n2.5 kg/m^3,3\n": {"x (kg/m^3)": [1.5, 2.5], "y": [2, 3]},
    "t,v\ns,m/s\n1,2.5\n2,3.5\n": {"t (s)": [1, 2], "v (m/s)": [2.5, 3.5]},
    "t,v\n[s],[m/s]\n1,2.5\n2,3.5\n": {"t (s)": [1, 2], "v (m/s)": [2.5, 3.5]},
    "t;v\n(s);-\n1;2,5\n2;3,5\n": {"t (s)": [1, 2], "v": [2.5, 3.5]},
    "t (s)\n1\n2\n": {"t (s)": [1, 2]},
    "T (°C)\n1 °C\n2 °C\n": {"T (°C)": [1, 2]},
    "1.5D+03\n2.5d-1\n": {"column 1": [1500, 0.25]},
    "1e-3\n2E+3\n": {"column 1": [0.001, 2000]},
}
MISSING: dict[Any, dict[str, list[float]]] = {
    "x,y\n1,NA\n2,-\n3,.\n4,2\n5,?\n6,1\n": {"x": [1, 2, 3, 4, 5, 6], "y": [2, 1]},
    "x,y\n1,\n,2\n3,4\n": {"x": [1, 3], "y": [2, 4]},
    "x,y\n1,#N/A\n2,n/a\n3,nan\n4,8\n5,9\n": {"x": [1, 2, 3, 4, 5], "y": [8, 9]},
    "x\n1\n-9999\n2\n": {"x": [1, -9999, 2]},  # some files mean "missing" by it, but it is a number
    "x\n1\n\n\n2\n": {"x": [1, 2]},
    "x y\n1 NULL\n2 5\n3 6\n": {"x": [1, 2, 3], "y": [5, 6]},
    "NA\n1\n2\n": {"column 1": [1, 2]},
}
HEADERS: dict[Any, dict[str, list[float]]] = {
    ",0\n0,1.5\n1,2.5\n2,3.5\n": {"0": [1.5, 2.5, 3.5]},  # as pandas writes it
    ",a\n0,1.5\n1,2.5\n": {"a": [1.5, 2.5]},
    '"","x"\n"1",1.5\n"2",2.5\n': {"x": [1.5, 2.5]},  # as R writes it
    '"x" "y"\n"1" 1.5 2\n"2" 2.5 3\n': {"x": [1.5, 2.5], "y": [2, 3]},
    "x,y\nbob,1.5,2\nann,2.5,3\n": {"x": [1.5, 2.5], "y": [2, 3]},
    "x,x,\n1,2,5\n3,4,6\n": {"x": [1, 3], "x [2]": [2, 4], "column 3": [5, 6]},
    "id,2019-01,2019-02\na,1.5,2\nb,2.5,3\n": {"2019-01": [1.5, 2.5], "2019-02": [2, 3]},
    "Weight, measured\n1.5\n2.5\n": {"Weight, measured": [1.5, 2.5]},
    "date,x\n2020-01-05,1.5\n2020-01-06,2.5\n": {"x": [1.5, 2.5]},
    "# made by hand\n\nt (s)\n1\n# a remark\n2\n": {"t (s)": [1, 2]},
    "passed,x\nTRUE,1\nFALSE,2\n": {"x": [1, 2]},
}
# What a file holds -> the readings that are open, in part.
OPEN: dict[Any, list[str]] = {
    "1.234;1\n2.345;2\n": ["1.234 and 1", "1234 and 1"],
    "x\ty\n1.234\t1\n2.345\t2\n": ["1.234 and 1", "1234 and 1"],
    "x\n1.234\n2.345\n": ["1.234", "1234"],
    'x\n"1,234"\n5\n7\n': ["1234", "1.234"],
    'x,y\n1,"2,345"\n2,"7"\n': ["1 and 2345", "1 and 2.345"],
    "1,5\n2,25\n3,75\n": ["1 and 5", "1.5"],
    "1,234\n2,345\n": ["1 and 234", "1234", "1.234"],
    "1 234\n2 345\n": ["1234", "1 and 234"],
    "1,234,567\n2,345,678\n": ["1 and 234 and 567", "1234567"],
    "2019,2020\n1.5,2.5\n3.5,4.5\n": ["names 2019 and 2020", "2019 and 2020"],
    "2019,2020\n5,7\n6,8\n": ["names 2019 and 2020", "2019 and 2020", "2019.202"],
    "0;1\n0,5;1,5\n2,5;3,5\n": ["names 0 and 1", "0 and 1"],
    "0\n0.1\n0.2\n": ["names 0", "0"],
    "year,2019,2020\n1,1.5,2\n2,2.5,3\n": [
        "names year and 2019 and 2020", "'year' and 2019 and 2020"
    ],
    "a;b\n1.5;2,5\n3.5;4,5\n": ["1.5 and '2,5'", "'1.5' and 2.5"],
}  # fmt: skip
# What a file holds -> a part of the sentence that refuses it.
REFUSED: dict[Any, str] = {
    b"": "is empty",
    b"\n# only a remark\n": "is empty",
    b"\x89PNG\xff\xfe\x00": "not a text file",
    b"PK\x03\x04\x14\x00": "packed file, as .xlsx is; save it as CSV",
    b"x\n1\x00\n2\n": "not a text file",
    "温度\n1\n2\n".encode("shift_jis"): "rare encoding; UTF-8 would do",
    b"a,b\nfoo,bar\n": "no column of numbers in “a”, “b”",
    b"x\nTRUE\nFALSE\n": "no column of numbers in “x”",
    b"d\n2020-01-05\n2020-01-06\n": "no column of numbers in “d”",
    b"5\n5\n5\n": "its only value is 5; two different ones would do",
    b"a,b\n1,2\n4,5,6,7\n3,4\n": "line 3, has 4 cells where most lines have 2",
    b"x,y\n1,2,\n3,4\n5,6\n": "line 2, has 3 cells where most lines have 2",
    b"x,y\n2,5,3\n1,5,4\n": "line 1, has 2 cells where most lines have 3",
    b"My trial\nx\ty\n1\t2\n3\t4\n": "line 1, has 1 cell where most lines have 2",
    b'x,y\n1,2\n3,"4\n5,6\n7,8\n': "line 3, has a quote that does not end a cell",
    b'x,y\n1,2\n3,"4\n5,6\n7,8\n" 9': "line 3, has a quote that does not end a cell",
    b"x,y\n1,2;3\n2,3;4\n": "line 1, has 1 cell where most lines have 2",
    b"1 2;3 4\n5 6;7 8\n": "several numbers in “1 2”; one mark between all would do",
    b"x\n1\nabc\n3\n": "line 3 has “abc”, which is no number; a number or an empty cell would do",
    b"x\n1.5\n2,5\n": "line 3 has “2,5”",
    b"x\n1\n(3)\n4\n": "line 3 has “(3)”",
    b"<0.5\n2\n3\n": "line 1 has “<0.5”",
    b"x\ninf\n2\n3\n": "line 2 has “inf”",
    b"-inf\n2\n3\n": "line 1 has “-inf”",
    b"x\n1_000\n2\n": "line 2 has “1_000”",
    b"x\n12h30\n5\n": "line 2 has “12h30”",
    b"x\n1.5e\n2\n": "line 2 has “1.5e”",
    b"x\n3.2 cm\n4 m\n": "line 3 has “4 m” where others have the unit “cm”; one unit would do",
    b"x\n45%\n0.5\n": "line 3 has “0.5” where others have the unit “%”",
    b"x\n5\n45%\n": "line 3 has “45%” where others have no unit",
    b"x\n$3\n3 EUR\n": "line 3 has “3 EUR” where others have the unit “$”",
    b"x\n" + b"9" * 401 + b"\n1\n": "…”, beyond the largest float, 1.8e308",
    b"x\n1e999\n2\n": "line 2 has “1e999”, beyond the largest float",
    b"x\n1e-999\n2\n": "line 2 has “1e-999”, below the smallest float",
    b"x\n12345678901234567891\n2\n": "more digits than a float keeps",
    b"[1, 2, 3]\n": "line 1 has “[1”",
    b"1;2;3\n1;2\n5;6;7\n": "line 2, has 2 cells where most lines have 3",
}  # fmt: skip

READ = [*LOCALES.items(), *ENCODINGS.items(), *DIALECTS.items(), *UNITS.items(), *MISSING.items()]
READ += HEADERS.items()


def as_bytes(content: Any) -> bytes:
    return content if isinstance(content, bytes) else str(content).encode()


def title(value: Any) -> str:
    return repr(value)[:40]


@pytest.mark.parametrize(("content", "columns"), READ, ids=title)
def test_a_file_is_read_rightly(content: Any, columns: dict[str, list[float]]) -> None:
    """Numbers, or names of columns, could be others than those in the file."""
    table = read_table("file.csv", as_bytes(content))
    assert {name: values.tolist() for name, values in table.columns.items()} == columns


@pytest.mark.parametrize(("content", "ways"), OPEN.items(), ids=title)
def test_a_file_that_can_be_read_in_two_ways_is_a_question(content: Any, ways: list[str]) -> None:
    """The more likely reading could be taken without a word, and be the wrong one."""
    with pytest.raises(AmbiguousError) as asked:
        read_table("file.csv", as_bytes(content))
    assert list(asked.value.readings) == ways
    for way in ways:
        assert way in str(asked.value)
        assert read_table("file.csv", as_bytes(content), reading=way).columns
    with pytest.raises(AmbiguousError):
        read_table("file.csv", as_bytes(content), reading="as it is")


@pytest.mark.parametrize(("content", "says"), REFUSED.items(), ids=title)
def test_a_file_that_is_refused_gets_a_sentence(content: bytes, says: str) -> None:
    """A wrong file could end in a traceback, or in words that do not say where it is wrong."""
    with pytest.raises(ValueError, match="file") as error:
        read_table("file.csv", content)
    assert not isinstance(error.value, AmbiguousError)
    assert says in str(error.value)
    assert len(str(error.value)) < 160


def test_the_chosen_reading_is_the_one_that_is_taken() -> None:
    """A choice could lead to the numbers of the other one."""
    content = b"1.234;1\n2.345;2\n"
    for reading, first in (("1.234 and 1", [1.234, 2.345]), ("1234 and 1", [1234, 2345])):
        assert read_table("f", content, reading=reading).columns["column 1"].tolist() == first


def test_columns_that_cannot_be_taken_are_told_and_leave_the_others() -> None:
    """One bad cell could cost a file all of its columns, or vanish without a word."""
    table = read_table("f", b"x,y,z\n1,2,7\n2,oops,7\nNA,3,7\n")
    assert {name: values.tolist() for name, values in table.columns.items()} == {"x": [1, 2]}
    assert table.missing == {"x": 1}
    assert list(table.left_out) == ["y", "z"]
    assert table.left_out["y"].startswith("line 3 has “oops”, which is no number")
    assert "only value is 7" in table.left_out["z"]


def test_numbers_that_need_a_second_look_are_not_lost_in_a_long_column() -> None:
    """Plain columns are read at once, where what a float cannot hold would become 0 or another."""
    plain = [f"{i / 7:.6f}" for i in range(1, 500)]
    for odd in ("1e-400", "9007199254740993", "1e400", "0." + "0" * 400 + "1"):
        with pytest.raises(ValueError, match="float"):
            read_table("f", "\n".join([*plain, odd]).encode())
    values = read_table("f", "\n".join([*plain, "-0.0", "1e-300"]).encode()).columns["column 1"]
    np.testing.assert_array_equal(values[:-2], [float(text) for text in plain])
    assert values[-1] == 1e-300
