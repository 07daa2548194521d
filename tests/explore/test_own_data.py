"""Measurements of a user's own: files that are dropped or chosen, and arrays as a target.

How files are read is in `test_tables.py`. The docstring of each test says what could go wrong
without it.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from scipy import stats

import divlab
from divlab.explore import learned
from divlab.explore.own_data import OwnData, TwoColumns
from divlab.explore.uploads import FileDrop

from . import expected
from .setting import STEPS, agree, build, caption, lent, same, upload

COLUMN = "\n".join(["x", *(f"{0.1 * i:.1f}" for i in range(30)), "9.5"]).encode()
OTHER = COLUMN.replace(b"9.5", b"8.5")
TIMES = np.asarray(divlab.targets.old_faithful())[:31]  # as many as above: compiled once
PAIR = b"x,y\n1.5,2\n3.5,4\n2.5,NA\n0.5,7\n"
EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture
def two() -> tuple[TwoColumns, list[str]]:
    """A place for two columns, and what it has said."""
    said: list[str] = []
    return TwoColumns(lambda: said.append("changed"), lambda error: said.append(str(error))), said


@pytest.fixture
def divergences(explorers: Callable[[str], Any]) -> Iterator[Any]:
    """`divergences`, which is brought back to its state after the test."""
    yield from lent(explorers("divergences"))


def test_a_file_of_measurements(collapse: Any) -> None:
    """A file could be learned from another column, or be missing from the state."""
    text = "waiting,eruption\n" + "\n".join(f"{60 + i % 7},{t:.3f}" for i, t in enumerate(TIMES))
    upload(collapse, "words.csv", b"a,b\nfoo,bar\n")
    assert "words.csv" in collapse._error.value
    upload(collapse, "geyser.csv", text.encode())
    (column,) = collapse.own_data.columns
    assert column.options == ("waiting", "eruption")
    column.value = "eruption"
    assert collapse._error.value == ""
    assert collapse.controls["separation"].disabled
    np.testing.assert_allclose(collapse.own_data.values, TIMES, atol=1e-3)
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


def test_another_file_of_the_same_name_is_other_data(collapse: Any) -> None:
    """A corrected file could be shown, and stored, with the training of the old one."""
    upload(collapse, "a.csv", COLUMN)
    collapse.controls["train"].click()
    first = collapse.result
    upload(collapse, "a.csv", COLUMN)  # the same values: nothing is lost
    assert collapse.state()["trained"] == STEPS
    same(collapse.result, first)
    upload(collapse, "a.csv", OTHER)
    assert collapse.state()["data"]["values"][-1] == 8.5
    assert collapse.state()["trained"] == 0
    assert collapse.own_data.values[-1] == 8.5
    assert float(np.max(collapse.prepared["target"].values)) == 8.5
    upload(collapse, "b.csv", OTHER)  # another name for the same values
    assert collapse.state()["data"]["name"] == "b.csv, x"


def test_a_state_that_is_refused_late_costs_no_training(collapse: Any) -> None:
    """Controls, data and training could be those of a state that was refused, or be gone."""
    wrong: list[dict[str, Any]] = [
        {"name": "x", "values": [1e39, 2.0]},
        {"name": "x", "values": [-1e39, 2.0]},
        {"name": "x", "values": [1.0, 1.0 + 1e-12]},  # one number, in the precision of a training
        {"name": "x", "values": [float("inf"), 2.0]},
        {"name": "x", "values": [10**400, 2.0]},
        {"name": "x", "values": [True, False]},
        {"name": "x", "values": "12"},
        {"name": "x"},
    ]
    upload(collapse, "a.csv", COLUMN)
    collapse.controls["train"].click()
    collapse.controls["step"].value = 20
    state, result, runs = collapse.state(), collapse.result, collapse.runs
    note = collapse.own_data._note.value
    for data in wrong:
        with pytest.raises(ValueError, match=r"measurements|float32|float64"):
            collapse.load({**state, "seed": 5, "data": data})
        assert collapse.state() == state, data
        assert collapse.runs is runs, data
        assert collapse.own_data._note.value == note, data
        assert collapse.result is result, data


def test_a_state_that_fails_while_it_trains_costs_no_training(
    collapse: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What no check foresees could leave the controls of one state with the training of another."""
    collapse.controls["train"].click()
    state, runs = collapse.state(), collapse.runs
    own = {"name": "x", "values": [*np.arange(30.0), 8.5]}  # as many as elsewhere: compiled once
    for name in ("models", "prepare", "look"):
        with monkeypatch.context() as patch:
            patch.setattr(collapse, name, lambda *_, name=name: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                collapse.load({**state, "seed": 5, "trained": 0, "step": 0, "data": own})
        assert collapse.state() == state
        assert collapse.runs is runs
        assert not collapse.controls["separation"].disabled
    collapse.controls["step"].value = 20
    assert collapse._error.value == ""


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.csv", b"", "is empty"),
        ("words.csv", b"a,b\nfoo,bar\n", "no column of numbers"),
        ("huge.csv", b"x\n1e39\n2\n", "beyond float32"),
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


def test_a_file_that_can_be_read_in_two_ways_waits_for_an_answer() -> None:
    """One of the readings could be taken, and learned, before the user has chosen."""
    said: list[str] = []
    own = OwnData(lambda: said.append("changed"), lambda error: said.append(str(error)))
    upload = own.upload
    upload.take("a.csv", b"x;y\n1.234;1\n2.345;2\n")
    assert (own.values, said) == (None, [])
    assert upload._question.layout.display == ""
    assert "1.234;1</pre>" in upload.preview.value
    assert [label for label, _ in upload.choice.options][1:] == ["1.234 and 1", "1234 and 1"]
    upload.choice.value = "1234 and 1"
    assert own.values is not None
    assert own.values.tolist() == [1234, 2345]
    assert upload._question.layout.display == "none"
    upload.take("b.csv", b"x\n1.234\n2.345\n")  # another file is dropped before the answer
    upload.take("c.csv", b"x\n1\n2\n")
    assert upload._question.layout.display == "none"
    assert own.name == "c.csv, x"


def test_text_from_a_file_is_never_html(two: tuple[TwoColumns, list[str]], collapse: Any) -> None:
    """A file could run a script in the page through its name or that of a column."""
    columns, _ = two
    columns.upload.take(f"{EVIL}.csv", f"{EVIL},y\n1.5,2\n2.5,3\nNA,4\n".encode())
    assert columns.names[0] == f"{EVIL}.csv, {EVIL}"
    assert "&lt;img" in columns._note.value
    assert "<img" not in columns._note.value
    columns.upload.take(f"{EVIL}.csv", f"{EVIL};y\n1.234;2\n2.345;3\n".encode())
    assert "&lt;img" in columns.upload.preview.value
    assert "<img" not in columns.upload.preview.value
    # Where the text of a file gets into a label or a menu, ipywidgets must take it for text.
    for widget in (*columns.columns, columns.upload.choice, columns.clear):
        assert not getattr(widget, "description_allow_html", False)
    upload(collapse, f"{EVIL}.csv", f"{EVIL}\n1\nfoo\n".encode())
    assert "<img" not in collapse._error.value
    assert "&lt;img" in collapse._error.value


def test_a_file_comes_in_parts() -> None:
    """Parts of two files could be mixed, or a file be read before all of it is there."""
    came: list[tuple[str, bytes]] = []
    drop = FileDrop(lambda name, content: came.append((name, content)), "Own data")

    def send(name: str, size: int, at: int, part: bytes) -> None:
        drop.receive(drop, {"name": name, "size": size, "at": at}, [memoryview(part)])

    send("a.csv", 6, 0, b"x\n1")
    assert came == []
    send("a.csv", 6, 3, b"\n2\n")
    assert came == [("a.csv", b"x\n1\n2\n")]
    send("a.csv", 6, 0, b"x\n1")
    send("b.csv", 4, 0, b"y\n")  # overtakes the other one
    send("a.csv", 6, 3, b"\n2\n")
    send("b.csv", 4, 2, b"7\n")
    assert came[1:] == [("b.csv", b"y\n7\n")]
    drop.receive(drop, {"name": "empty.csv", "size": 0, "at": 0}, [])
    assert came[-1] == ("empty.csv", b"")
    assert drop.chunk < 10 * 2**20 / 2 < drop.largest  # a message has 10 MiB at most


def test_two_columns(two: tuple[TwoColumns, list[str]]) -> None:
    """P and Q could be swapped, be of other rows than they say, or get lost in a state."""
    columns, said = two
    columns.upload.take("a.csv", PAIR)
    assert columns.pair is not None
    assert [sample.tolist() for sample in columns.pair] == [[1.5, 3.5, 2.5, 0.5], [2, 4, 7]]
    assert columns.names == ("a.csv, x", "a.csv, y")
    assert "1 missing in y" in columns._note.value
    columns.columns[0].value = "y"
    assert columns.names == ("a.csv, y", "a.csv, y")
    assert said == ["changed"] * 2
    state = columns.state()
    assert json.loads(json.dumps(state)) == state
    columns.upload.take("b.csv", b"x\n1\n2\n")
    assert "one column of numbers, “x”; two would do" in said[-1]
    columns.upload.take("c.csv", b"x,y,z\n1e39,1,2\n2,2,3\n")  # x is beyond float32
    assert columns.names == ("c.csv, y", "c.csv, z")
    assert "“x” is left out: " in columns._note.value
    columns.load(state)
    for samples in ([[1, 2], [1, 1]], [[1e39, 2], [1, 2]], [[1, 2]], [[1, 2], "ab"], 5):
        with pytest.raises(ValueError, match=r"measurements|float32"):
            columns.load({"names": ["a", "b"], "samples": samples})
    assert columns.state() == state
    columns.clear.click()
    assert columns.pair is None
    assert columns.state() is None
    columns.load(state)
    assert columns.state() == state


def test_p_drawn_by_hand(divergences: Any) -> None:
    """The picture could show divergences of the menu's P, or keep a drawing that was given up."""
    before = divergences.state()
    divergences.draw_target([-1.0, 1.0], [0.0, 0.5, 1.0, 0.5, 0.0])  # as many as elsewhere
    assert divergences.controls["p"].disabled
    assert not divergences.controls["q"].disabled
    assert "P is drawn by hand" in caption(divergences)
    # TV is half of ∫|p - q|, here for a triangle of height 1 and a Normal of mean and scale 1.5.
    x = np.linspace(-20, 20, 400_001)
    gap = np.abs(np.maximum(1 - np.abs(x), 0) - stats.norm.pdf(x, 1.5, 1.5))
    assert divergences.result["tv"] == pytest.approx(np.trapezoid(gap, x) / 2, abs=1e-4)
    divergences.drawing.clear.click()
    assert divergences.state() == before
    assert not divergences.controls["p"].disabled


def test_divergences_of_two_columns(divergences: Any) -> None:
    """The picture could show divergences of the sliders' families, or of Q from P."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=80), rng.normal(1.0, 1.5, size=80)
    lines = [f"{a:.6f},{b:.6f}" for a, b in zip(x, y, strict=True)]
    before = divergences.state()
    divergences.two_columns.upload.take("a.csv", "\n".join(["x,y", *lines]).encode())
    assert divergences._error.value == ""
    assert divergences.controls["separation"].disabled
    p, q = divergences.two_columns.pair
    names = set(divergences.result) - {"tv_bounds"}
    assert names == set(expected.divergences(before))
    agree(divergences.result, {name: getattr(divlab, name)(p, q) for name in names}, 1e-6)
    assert "a.csv, y, n = 80" in caption(divergences)
    state, result = divergences.state(), divergences.result
    assert divergences.stage.frame["state"] == json.dumps(state)
    divergences.two_columns.clear.click()
    assert divergences.state() == before
    divergences.load(state)
    assert divergences.state() == state
    same(divergences.result, result)
    divergences.two_columns.upload.take("b.csv", b"x,y\n1,2\n1,2\n3,4\n3,5\n")
    assert "make these doubtful: kl" in caption(divergences)
    divergences.load(state)
    with pytest.raises(ValueError, match="separation"):  # refused after the data were taken
        divergences.load({**state, "data": {"names": ["a", "b"], "samples": [[1, 2], [3, 4]]},
                          "separation": 99.0})  # fmt: skip
    assert divergences.state() == state


def test_many_measurements_are_compared_in_part_and_in_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each step would take minutes; or numbers would be of a part of the data without a word."""
    x = np.random.default_rng(1).normal(size=3000)
    monkeypatch.setattr(learned, "DRAWN", 2000)
    monkeypatch.setattr(learned, "GROUPS", 500)
    drawn, groups = learned._drawn(x), learned._grouped(x)
    assert len(np.unique(drawn)) == 2000
    assert np.isin(drawn, x).all()
    np.testing.assert_allclose(groups.mean(), x.mean(), atol=1e-12)
    # By hand: what a move of each value to the mean of its group costs, at most.
    apart = np.abs(np.sort(x) - np.repeat(groups, 6)).mean()
    assert apart < 0.01
    truth = divlab.wasserstein(x, np.asarray([0.0]))
    assert abs(float(divlab.wasserstein(groups, np.asarray([0.0])) - truth)) <= apart
    target = learned.reference(x)["target"]
    assert "2000 of 3000 measurements" in learned.in_words(target)
    assert learned.in_words(learned.reference(x[:2000])["target"]) == ""


def test_a_long_state_goes_to_a_file(collapse: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every picture would send megabytes of measurements to the page."""
    monkeypatch.setattr("divlab.explore.sharing._MOST", 30)
    upload(collapse, "a.csv", COLUMN)
    assert collapse.stage.frame["state"] == ""
    collapse._share.save.click()
    assert "data:application/json" in collapse._share.links.value
    assert len(collapse.state()["data"]["values"]) == 31
    collapse.own_data.clear.click()
    assert json.loads(collapse.stage.frame["state"]) == collapse.state()


def test_a_value_far_out_leaves_the_histogram_small() -> None:
    """One slip of a digit would ask for as many bins as fit between it and the others."""
    x = np.append(np.random.default_rng(0).normal(size=500), 1e12)
    at = np.linspace(-1e12, 2e12, 401)
    assert np.isfinite(learned.heights(x, at)).all()
    values = np.random.default_rng(0).normal(size=2000)
    grid = np.linspace(-6, 6, 4001)
    total = learned.heights(values, grid).sum() * (grid[1] - grid[0])
    assert total == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("name", ["mode_collapse", "elbo_gap", "gan_game"])
def test_measurements_as_a_target(name: str) -> None:
    """An explorer could learn from two Gaussians where it was given measurements."""
    explorer = build(name, target=TIMES)
    assert not {"separation", "scale"} & set(explorer.controls)
    explorer.controls["train"].click()
    assert explorer._error.value == ""
    assert explorer.state()["trained"] == STEPS
    if name == "mode_collapse":
        agree(explorer.result, expected.mode_collapse(explorer.values(), TIMES), 5e-3)
