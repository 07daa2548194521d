"""Measurements of a user's own: files that are dropped or chosen, and arrays as a target.

The docstring of each test says what could go wrong without it.
"""

import json
from typing import Any

import numpy as np
import pytest

import divlab
from divlab.explore.tables import read_table

from . import expected
from .setting import STEPS, agree, build, same, upload


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
def test_tables(text: str, columns: list[str], values: list[list[float]]) -> None:
    """A file as spreadsheets and instruments write it could be read wrongly."""
    table = read_table("file.csv", text.encode())
    assert list(table.columns) == columns
    assert table.to_numpy().tolist() == values


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n# only a remark\n", "is empty"),
        (b"\x89PNG\xff\xfe\x00", "is not a text file"),
        (b"a,b\nfoo,bar\n", "no column of numbers"),
        (b"5\n5\n5\n", "two different"),
        (b"a,b\n1,2\n4,5,6,7\n", "could not be read"),
        (b"x\n" + b"1\n2\n" * 60_000, "takes up to"),
    ],
)
def test_files_that_hold_nothing_to_learn(content: bytes, says: str) -> None:
    """A wrong file could end in a traceback, or in a message that does not say what would do."""
    with pytest.raises(ValueError, match=says) as error:
        read_table("file.csv", content)
    assert "file.csv" in str(error.value)


def test_a_file_of_measurements(collapse: Any) -> None:
    """A file could be learned from another column, or be missing from the state."""
    times = np.asarray(divlab.targets.old_faithful())
    text = "waiting,eruption\n" + "\n".join(f"{60 + i % 7},{t:.3f}" for i, t in enumerate(times))
    upload(collapse, "words.csv", b"a,b\nfoo,bar\n")
    assert "words.csv" in collapse._error.value
    drop = collapse.own_data.drop  # the next one is good, and dropped
    drop.receive(drop, {"name": "geyser.csv"}, [memoryview(text.encode())])
    assert collapse.own_data.column.options == ("waiting", "eruption")
    collapse.own_data.column.value = "eruption"
    assert collapse._error.value == ""
    assert collapse.controls["separation"].disabled
    np.testing.assert_allclose(collapse.own_data.values, times, atol=1e-3)
    collapse.controls["train"].click()
    assert collapse._error.value == ""
    state, result = collapse.state(), collapse.result
    assert state["trained"] == 40
    collapse.own_data.clear.click()
    assert not collapse.controls["separation"].disabled
    assert collapse.own_data.values is None
    collapse.load(json.dumps(state))
    assert collapse.state() == state
    same(collapse.result, result)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.csv", b"", "is empty"),
        ("words.csv", b"a,b\nfoo,bar\n", "no column of numbers"),
    ],
)
def test_a_bad_file_gets_a_sentence(collapse: Any, name: str, content: bytes, says: str) -> None:
    """A bad file could be refused without a word, or clear what is on display."""
    result = collapse.result
    upload(collapse, name, content)
    assert says in collapse._error.value
    assert name in collapse._error.value
    assert collapse.own_data.values is None
    assert collapse.result is result


@pytest.mark.parametrize("name", ["mode_collapse", "elbo_gap", "gan_game"])
def test_measurements_as_a_target(name: str) -> None:
    """An explorer could learn from two Gaussians where it was given measurements."""
    times = divlab.targets.old_faithful()
    explorer = build(name, target=times)
    assert not {"separation", "scale"} & set(explorer.controls)
    explorer.controls["train"].click()
    assert explorer._error.value == ""
    assert explorer.state()["trained"] == STEPS
    if name == "mode_collapse":
        agree(explorer.result, expected.mode_collapse(explorer.values(), times), 5e-3)
