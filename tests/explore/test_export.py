"""Pages that work without a kernel: what they hold, what they refuse, and what they leave alone.

The docstring of each test says what could go wrong without it.
"""

import asyncio
import base64
import gzip
import json
import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from divlab.explore import export, slices
from divlab.explore.export import Page
from divlab.explore.recording import Recording
from divlab.explore.states import States
from divlab.explore.trainer import Trainer
from divlab.figures.packing import packed
from tests.annotations import unchecked

PIXEL = 1 / 1400  # of a panel of 700 pixels, where each of them is two
Recorded = tuple[dict[str, Any], list[Any]]


def read(content: bytes) -> Recorded:
    """What a page holds: the JSON, and the arrays as shares of the panel."""
    content = gzip.decompress(content)
    (length,) = struct.unpack_from("<I", content)
    recorded = json.loads(content[4 : 4 + length])
    low, high = np.frombuffer(content[4 + length :], np.uint8).reshape(2, -1).astype(np.int64)
    steps, arrays = low + 256 * high, []
    for count in recorded["lengths"]:
        whole = (np.cumsum(steps[:count]) + 2**15) % 2**16 - 2**15
        arrays.append(np.where(whole == -(2**15), np.nan, whole / recorded["parts"]))
        steps = steps[count:]
    return recorded, arrays


def read_page(page: bytes) -> Recorded:
    """What the HTML of a page holds."""
    found = re.search(rb'<script id="divlab-recorded" type="text/plain">([^<]*)</script>', page)
    assert found is not None
    return read(base64.b64decode(found[1], validate=True))


def changed(first: Any, change: Any) -> Any:
    """A piece of plain data with its changes."""
    if isinstance(change, list):
        return change[0]
    if isinstance(first, list):
        return [changed(one, change.get(str(i), {})) for i, one in enumerate(first)]
    return (
        {name: changed(part, change.get(name, {})) for name, part in first.items()}
        if isinstance(first, dict)
        else first
    )


def frame_of(recorded: Recorded, i: int) -> tuple[Any, list[Any]]:
    """A recorded frame and its arrays."""
    described, arrays = recorded
    used, change = described["frames"][i]
    return changed(described["first"], change), [arrays[j] for j in used]


@pytest.fixture
def explorer(explorers: Callable[[str], Any]) -> Iterator[Any]:
    """`nll_is_kl`, which is brought back to its state after the test."""
    found = explorers("nll_is_kl")
    before = found.state()
    yield found
    found.load(before)


def test_a_page_holds_what_the_explorer_shows(explorer: Any, tmp_path: Path) -> None:
    """A state could be stored in another's place, a curve be moved, a number be rounded."""
    over = {"separation": 3, "mean": [1.3, -2.0]}
    explorer.export(tmp_path / "page.html", over=over, title="a </script> & b")
    page = (tmp_path / "page.html").read_bytes()
    assert page.count(b"</script>") == 2
    assert b"<title>a &lt;/script&gt; &amp; b</title>" in page
    recorded = read_page(page)
    positions = {one["name"]: one["positions"] for one in recorded[0]["controls"]}
    assert positions == {"separation": [0.0, 4.0, 8.0], "mean": [-2.0, 1.3]}
    for i, (separation, mean) in enumerate((s, m) for s in (0.0, 4.0, 8.0) for m in (-2.0, 1.3)):
        explorer.controls["separation"].value = separation
        explorer.controls["mean"].value = mean
        frame, arrays = frame_of(recorded, i)
        described, expected = packed(explorer._scene)
        for found, array in zip(arrays, expected, strict=True):
            assert np.abs(found - array).max() < PIXEL / 4
        shown = explorer.stage.frame
        assert frame["caption"] == shown["caption"]
        assert frame["numbers"] == shown["numbers"]
        for panel, of in zip(frame["scene"]["panels"], described["panels"], strict=True):
            for name, axis in of["axes"].items():
                ends = [axis["low"], axis["high"], *(at for at, _ in axis["ticks"])]
                stored = panel["axes"][name]
                assert [stored["low"], stored["high"], *(at for at, _ in stored["ticks"])] == (
                    pytest.approx(ends, rel=1e-6)
                )
                assert [text for _, text in stored["ticks"]] == [text for _, text in axis["ticks"]]
            assert not panel["can_draw"]


def test_positions_survive_at_their_limits() -> None:
    """NaN interrupts a curve, and 5 stands for what is too far away: both could become 0."""
    given = np.array([np.nan, -4.0, 5.0, 0.25, np.nan, np.nan, 1 / 7, 5.0, -4.0], np.float32)
    recording = Recording({"controls": []})
    recording.add({"a": [1, {"b": np.inf}]}, [given, np.zeros(0, np.float32), given[:2]])
    recording.add({"a": [1, {"b": 0.1}]}, [given, given[:2]])
    recorded = read(recording.packed())
    np.testing.assert_array_equal(np.isnan(recorded[1][0]), np.isnan(given))
    np.testing.assert_allclose(recorded[1][0], given, atol=PIXEL / 4)
    assert recorded[1][0][1] == -4
    assert recorded[1][0][2] == 5
    # What is equal is stored once.
    assert [len(array) for array in recorded[1]] == [9, 0, 2]
    assert frame_of(recorded, 0)[0] == {"a": [1, {"b": None}]}
    assert frame_of(recorded, 1)[0] == {"a": [1, {"b": 0.1}]}


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({"sparation": 3}, "over has ['sparation'], which cannot be moved .* separation, scale"),
        ({}, "over must be a dict such as {'separation': 41}"),
        (["separation"], "over must be a dict"),
        ({"mean": 0}, "over has mean = 0, but .* 1 position or more"),
        ({"mean": []}, "over has mean = [], but .* 1 position or more"),
        ({"mean": True}, "over has mean = True, but .* number of positions or a list"),
        ({"mean": 2.5}, "over has mean = 2.5, but .* number of positions or a list"),
        ({"mean": "all"}, "over has mean = 'all', but .* number of positions or a list"),
        ({"mean": [0.0, 9.0]}, "a number from -4 to 4, and not 9.0"),
        ({"mean": [0.0, float("nan")]}, "a number from -4 to 4, and not nan"),
        ({"mean": [0.0, "1"]}, "a number from -4 to 4, and not '1'"),
    ],
)
def test_what_over_cannot_be(explorer: Any, tmp_path: Path, over: Any, said: str) -> None:
    """A page could be made over something else than what was asked for."""
    said = re.escape(said).replace(r"\.\*", ".*")
    with unchecked(), pytest.raises(ValueError, match=said):
        explorer.export(tmp_path / "page.html", over=over)
    assert list(tmp_path.iterdir()) == []


def test_positions_are_spread_over_what_a_control_takes(explorers: Callable[[str], Any]) -> None:
    """A slider of the page could stop between two steps, or leave out an end."""
    explorer = explorers("nll_is_kl")
    assert States(explorer, None).positions == {"separation": [i / 5 for i in range(41)]}
    assert States(explorer, {"mean": 4}).positions["mean"] == [-4.0, -1.3, 1.3, 4.0]
    assert States(explorer, {"mean": 1}).positions["mean"] == [explorer.controls["mean"].value]
    assert len(States(explorer, {"mean": 1000})) == 81
    assert States(explorer, {"mean": (1, np.float32(0.5), 1)}).positions["mean"] == [0.5, 1]
    families = explorers("disjoint_supports")
    options = list(families.controls["family"].options)
    assert States(families, {"family": 10}).positions["family"] == options
    assert States(families, {"family": options[1:]}).positions["family"] == options[1:]
    with pytest.raises(ValueError, match="but this control takes one of"):
        States(families, {"family": ["Cauchy"]})
    # The order is that of the explorer, whatever the order of the names.
    over = {"mean": 2, "separation": 2}
    assert list(States(explorer, over).positions) == ["separation", "mean"]


def test_where_a_page_cannot_be_written(explorer: Any, tmp_path: Path) -> None:
    """A minute of recording could end in an error of the file system."""
    with pytest.raises(ValueError, match=r"page\.html"):
        explorer.export(tmp_path / "page.txt")
    with pytest.raises(FileNotFoundError, match="folder that does not exist"):
        explorer.export(tmp_path / "missing" / "page.html")
    with unchecked(), pytest.raises(TypeError, match="title must be a text"):
        explorer.export(tmp_path / "page.html", title=3)


def test_size_and_time_are_told_beforehand(
    explorer: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The estimate could be far off: a page of two sliders would be refused, or fill a disk."""
    over = {"separation": 6, "mean": 6}
    explorer.export(tmp_path / "page.html", over=over)
    told = capsys.readouterr().out
    said = re.fullmatch(
        r"nll_is_kl: 36 states, about ([\d.]+) MB, (less than 1|about \d+) s\n", told
    )
    assert said is not None, told
    around = len(Page(explorer, {"mean": 1}, None)._around(b""))
    measured = (tmp_path / "page.html").stat().st_size - around
    estimate = Page(explorer, over, None).estimate()
    assert measured / 2 < estimate.size - around < 3 * measured
    assert float(said[1]) == pytest.approx(estimate.size / 1e6, abs=0.1)
    # The largest that the issue asks for: below 5 MB.
    assert Page(explorer, {"separation": 41, "mean": 41}, None).estimate().size < 1e6


def test_a_page_that_is_too_large_is_refused_with_what_fits(
    explorer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The advice could lead to the next refusal."""
    over = {"separation": 81, "mean": 2}
    around = len(Page(explorer, over, None)._around(b""))
    monkeypatch.setattr(export, "LARGEST", around + 12e3)
    with pytest.raises(ValueError, match=r"(\d+) positions of separation in place of 81") as error:
        explorer.export(tmp_path / "page.html", over=over)
    found = re.search(r"(\d+) positions", str(error.value))
    assert found is not None
    explorer.export(tmp_path / "page.html", over=over | {"separation": int(found[1])})
    assert (tmp_path / "page.html").stat().st_size <= export.LARGEST


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_end_before_the_end_leaves_everything_as_it_was(
    explorer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    """A slider could stand elsewhere afterwards, or half a file in place of a former one."""
    explorer.controls["mean"].value = 0.7
    path = tmp_path / "page.html"
    path.write_text("the former one")
    before, shown, look_at = explorer.state(), explorer.stage.frame, explorer.look_at
    looked: list[Any] = []

    def interrupted(values: dict[str, Any]) -> Any:
        looked.append(values)
        if len(looked) > 12:
            raise error("enough")
        return look_at(values)

    monkeypatch.setattr(explorer, "look_at", interrupted)
    with pytest.raises(error):
        explorer.export(path, over={"mean": 9})
    monkeypatch.undo()
    assert explorer.state() == before
    assert explorer.stage.frame == shown
    assert [one.name for one in tmp_path.iterdir()] == ["page.html"]
    assert path.read_text() == "the former one"
    explorer.controls["mean"].value = 0.8  # it is no longer paused
    assert explorer.stage.frame != shown


def test_a_training_and_others(collapse: Any, tmp_path: Path) -> None:
    """A page could show one seed under the name of another, or lose what a user has trained."""
    collapse.rewind()
    with pytest.raises(ValueError, match="nothing is trained yet"):
        collapse.export(tmp_path / "page.html")
    collapse.train(records=1)
    before, runs, result = collapse.state(), collapse.runs, collapse.result
    collapse.export(tmp_path / "one.html")
    recorded = read_page((tmp_path / "one.html").read_bytes())
    assert [one["positions"] for one in recorded[0]["controls"]] == [[0, 20]]
    collapse.export(tmp_path / "page.html", over={"seed": [0, 3]})
    assert collapse.state() == before
    assert collapse.runs is runs
    assert collapse.result == result
    recorded = read_page((tmp_path / "page.html").read_bytes())
    controls = {one["name"]: one["positions"] for one in recorded[0]["controls"]}
    assert controls == {"seed": [0, 3], "step": [0, 20, 40]}
    collapse.controls["seed"].value = 3
    collapse.train()
    collapse.controls["step"].value = 20
    frame, arrays = frame_of(recorded, 4)
    assert frame["caption"] == collapse.stage.frame["caption"]
    for found, array in zip(arrays, packed(collapse._scene)[1], strict=True):
        np.testing.assert_allclose(found, array, atol=PIXEL / 4)


def test_the_button_tells_first_and_makes_then(explorer: Any) -> None:
    """A press could freeze the page for a minute, or link to the page of a former state."""
    share = explorer._share
    share.page.click()
    assert re.match(r"41 states, about 0\.\d MB, .*: press “Save page” again", share.links.value)
    explorer.controls["mean"].value = -0.5
    assert share.links.value == ""
    share.page.click()
    assert "press “Save page” again" in share.links.value
    before = explorer.state()
    share.page.click()
    assert explorer.state() == before
    found = re.search(
        r'download="NLLIsKL\.html".*href="data:text/html;base64,([^"]*)"', share.links.value
    )
    assert found is not None
    recorded = read_page(base64.b64decode(found[1]))
    assert len(recorded[0]["frames"]) == 41
    assert frame_of(recorded, 20)[0]["caption"] == explorer.stage.frame["caption"]


def test_a_page_is_made_while_the_explorer_works_on(
    explorer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user could find sliders moved between two slices, or get states of two pictures mixed."""
    monkeypatch.setattr(slices, "from_browser", lambda: True)
    monkeypatch.setattr(slices, "_SLICE", 0.001)
    share, before = explorer._share, explorer.state()

    async def press_and_change() -> None:
        share.page.click()
        share.page.click()
        while not share.links.value.startswith("Recorded"):
            await asyncio.sleep(0.01)
            assert explorer.state() == before
        assert share.page.description == "Pause"
        explorer.controls["mean"].value = 0.3
        assert share.links.value == ""
        while share.page.description == "Pause":
            await asyncio.sleep(0.01)
        assert share.links.value == ""
        share.page.click()
        share.page.click()
        while "href" not in share.links.value:
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(press_and_change(), 60))


def test_every_explorer_has_a_page(name: str, explorers: Callable[[str], Any]) -> None:
    """What some explorer shows could be more than plain data, or none of its sliders be first."""
    explorer = explorers(name)
    if isinstance(explorer, Trainer):
        explorer.train(records=1)
    explorer.catch_up()
    before, shown = explorer.state(), explorer.stage.frame
    page = Page(explorer, None, "A title")
    assert len(page.states) >= 2
    with page.states.visit():
        next(page.record())
    recorded = read(page._recording.packed())
    assert explorer.state() == before
    assert explorer.stage.frame == shown
    frame, arrays = frame_of(recorded, 0)
    assert frame["caption"].endswith(".")
    assert len(frame["scene"]["panels"]) == len(explorer._scene.panels)
    assert arrays
    if isinstance(explorer, Trainer):
        explorer.rewind()
