"""Files that users drop on an explorer."""

import pytest

from divlab.explore.own_data import read_table


@pytest.mark.parametrize(
    ("text", "columns", "values"),
    [
        ("x,y\n1,2\n3,4\n", ["x", "y"], [[1, 2], [3, 4]]),
        ("1\n2\n3.5\n", ["column 1"], [[1], [2], [3.5]]),
        ("name,time\nbob,1.5\nann,2.5\n", ["time"], [[1.5], [2.5]]),
        ("1 2 3\n4 5 6\n", ["column 1", "column 2", "column 3"], [[1, 2, 3], [4, 5, 6]]),
        ("a;b\n1,5;2\n2,25;3\n", ["a", "b"], [[1.5, 2], [2.25, 3]]),  # a comma as decimal mark
        ("a\tb\n1\t2\n3\t4\n", ["a", "b"], [[1, 2], [3, 4]]),
        ("\ufeff# made by hand\n\nt (s)\n1\n2\n", ["t (s)"], [[1], [2]]),
    ],
)
def test_tables(text, columns, values):
    table = read_table("file.csv", text.encode())
    assert list(table.columns) == columns
    assert table.to_numpy().tolist() == values


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n# only a remark\n", "is empty"),
        (b"\x89PNG\xff\xfe\x00", "is no text"),
        (b"a,b\nfoo,bar\n", "no column of numbers"),
        (b"5\n5\n5\n", "two different"),
        (b"a,b\n1,2\n4,5,6,7\n", "could not be read"),
        (b"x\n" + b"1\n2\n" * 60_000, "up to"),
    ],
)
def test_files_that_hold_nothing_to_learn(content, says):
    with pytest.raises(ValueError, match=says) as error:
        read_table("file.csv", content)
    assert "file.csv" in str(error.value)
