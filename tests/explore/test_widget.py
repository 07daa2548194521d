"""What every explorer is and does: display, state, errors, floods of events, files.

The docstring of each test says what could go wrong without it.
"""

import asyncio
import base64
import gc
import io
import json
import weakref
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
import numpy as np
import pytest
from PIL import Image

import divlab
from divlab.explore import live
from divlab.explore.controls import slider
from divlab.figures.packing import packed

from . import expected
from .setting import BUTTONS, agree, build, caption, numbers_of
from .test_numbers import CHANGES


def test_what_every_explorer_has(name: str, explorer: Any) -> None:
    """An explorer could lack what api.md promises, or a control that no test moves."""
    assert isinstance(explorer, widgets.Widget)
    tested = {control for of, control, _ in CHANGES if of == name} | BUTTONS | {"step"}
    tested |= {"who"}  # it changes a training, and has a test of its own
    assert tested >= set(explorer.controls)
    required = {
        "nll_is_kl": {"nll", "kl", "entropy"},
        "disjoint_supports": {
            "kl", "js", "wasserstein", "kl_grad", "js_grad", "wasserstein_grad"
        },
        "mode_collapse": {"vae", "gan"},
        "minimum_divergence": {"a", "b"},
        "two_sample_test": {"pvalue", "power", "statistic"},
    }  # fmt: skip
    assert required.get(name, set()) <= set(explorer.result)
    assert explorer._error.value == ""
    assert caption(explorer).endswith(".")
    assert explorer.question.endswith("?")
    assert 2 <= len(explorer.stage.frame["numbers"]) <= 8
    for control in explorer.controls.values():
        assert control.description
        assert control.tooltip or isinstance(control, widgets.ToggleButtons)


def test_the_page_is_told_what_is_shown_and_no_more(
    explorers: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A curve that stays as it is could be sent again at every event, or one that moves not at all.

    Here the model moves and the data stay.
    """
    explorer = explorers("nll_is_kl")
    before, sent = explorer.state(), []
    monkeypatch.setattr(explorer.stage, "send_state", lambda key=None: sent.append(set(key)))
    explorer.controls["mean"].value = before["mean"] + 0.1
    described, arrays = packed(explorer.current_scene)
    data, model = (described["panels"][0]["marks"][i]["y"] for i in (1, 2))
    assert len(sent) == 1
    assert f"array_{model}" in sent[0]
    assert f"array_{data}" not in sent[0]
    assert "frame" in sent[0]
    for i, array in enumerate(arrays):
        assert getattr(explorer.stage, f"array_{i}") == array.tobytes()
    monkeypatch.undo()
    explorer.load(before)


def test_the_page_moves_controls_and_says_what_a_user_draws_and_pastes(
    explorers: Callable[[str], Any],
) -> None:
    """A drag in the picture could leave the sliders behind, or an error be lost."""
    explorer = explorers("nll_is_kl")
    before = explorer.state()
    explorer.stage.moved = {"count": 1, "values": {"mean": 2.0, "scale": 1.0}}
    assert explorer.state() == before | {"mean": 2.0, "scale": 1.0}
    agree(explorer.result, expected.nll_is_kl(explorer.state()))
    explorer._on_message({"kind": "state", "text": json.dumps(before)})
    assert explorer.state() == before
    explorer._on_message({"kind": "draw", "x": [0, 1], "heights": [1, 1]})
    assert "no target that can be drawn" in explorer._error.value
    explorer.refresh()


def test_state_round_trips(explorer: Any) -> None:
    """A shared line could lead to other numbers than its sender saw."""
    before = explorer.state()
    assert json.loads(json.dumps(before)) == before
    result = numbers_of({n: v for n, v in explorer.result.items() if n != "tv_bounds"})
    movable = widgets.FloatSlider, widgets.Dropdown
    control = next(n for n, c in explorer.controls.items() if isinstance(c, movable))
    widget = explorer.controls[control]
    widget.value = 2.5 if isinstance(widget, widgets.FloatSlider) else widget.options[-1]
    assert explorer.state() != before
    # As a user does it: the line of text that is always there, pasted.
    explorer._on_message({"kind": "state", "text": json.dumps(before)})
    assert explorer._error.value == ""
    assert explorer.state() == before
    for name, value in numbers_of(explorer.result).items():
        if name in result:
            np.testing.assert_array_equal(value, result[name], err_msg=name)


@pytest.mark.parametrize("text", ["{", "[1]", '{"colour": 3}'])
def test_text_that_is_not_a_state_is_refused(explorers: Callable[[str], Any], text: str) -> None:
    """A slip in pasting could change half of the controls, or show a traceback."""
    explorer = explorers("nll_is_kl")
    before = explorer.state()
    with pytest.raises(ValueError, match=r"colour|JSON|state"):
        explorer.load(text)
    explorer._on_message({"kind": "state", "text": text})
    assert "state" in explorer._error.value
    assert explorer.state() == before
    explorer.refresh()
    assert explorer._error.value == ""


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"mean": "left"}, "from -4 to 4"),
        ({"mean": 1e9}, "from -4 to 4"),
        ({"mean": float("nan")}, "from -4 to 4"),
        ({"mean": None}, "from -4 to 4"),
    ],
)
def test_a_state_that_a_control_cannot_take_changes_nothing(
    explorers: Callable[[str], Any], change: dict[str, Any], says: str
) -> None:
    """A control clips what it cannot take, so that a wrong state would look like a right one."""
    explorer = explorers("nll_is_kl")
    before, result = explorer.state(), explorer.result
    with pytest.raises(ValueError, match=says):
        explorer.load({**before, "scale": 1.0, **change})
    assert explorer.state() == before
    assert explorer.result is result


def test_a_number_that_is_not_finite_is_refused(explorers: Callable[[str], Any]) -> None:
    """NaN could be computed with, and the last picture would stay as if it were right."""
    explorer = explorers("nll_is_kl")
    before, result = explorer.state(), explorer.result
    explorer.controls["scale"].value = float("nan")
    assert "scale must be a finite number" in explorer._error.value
    assert explorer.result is result
    explorer.load(before)
    assert explorer._error.value == ""


def test_an_error_is_shown_and_the_next_event_recovers(
    explorer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error in a callback would vanish, and the explorer could stay broken after it."""

    def fail(**_: Any) -> None:
        raise ValueError("scale <was> odd")

    control = next(c for c in explorer.controls.values() if hasattr(c, "value")
                   and not isinstance(c, widgets.ToggleButtons))  # fmt: skip
    is_number = isinstance(control, widgets.FloatSlider)
    before, result = control.value, explorer.result
    with monkeypatch.context() as patch:
        patch.setattr(explorer, "compute", fail)
        control.value = 0.9 if is_number else control.options[-1]
        assert "scale &lt;was&gt; odd" in explorer._error.value
        assert explorer.result is result
        assert not control.disabled
    control.value = before
    assert explorer._error.value == ""
    assert numbers_of(explorer.result).keys() == numbers_of(result).keys()


def test_garbage_is_looked_for_only_where_nothing_compiles(
    closes_fast: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To look took a quarter of an opening. If it stayed off, memory would grow without end."""
    explorer = divlab.explore.dirac_gan()
    compute, seen = explorer.compute, []

    def watched(**values: Any) -> Any:
        seen.append(gc.isenabled())
        return compute(**values)

    monkeypatch.setattr(explorer, "compute", watched)
    assert explorer.result
    explorer.controls["rate"].value = 0.2
    assert seen == [False, True]
    explorer.close()


def test_a_burst_of_events_leaves_the_last_ones_numbers(explorers: Callable[[str], Any]) -> None:
    """A fast drag could end in the picture of an event before the last."""
    explorer = explorers("nll_is_kl")
    before = explorer.state()
    for value in np.linspace(-4, 4, 41):
        explorer.controls["mean"].value = float(value)
    explorer.controls["mean"].value = 0.5
    agree(explorer.result, expected.nll_is_kl({**before, "mean": 0.5}))
    assert explorer._error.value == ""
    explorer.load(before)


def test_results_and_files_follow_events_that_are_still_to_be_drawn(
    explorers: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file could hold the numbers of an earlier position of the slider."""
    explorer = explorers("nll_is_kl")
    before = explorer.state()
    monkeypatch.setattr(live, "from_browser", lambda: True)
    mean = explorer.controls["mean"]

    async def drag(read: Callable[[], Any]) -> None:
        mean.value = mean.value - 0.1
        mean.value = mean.value - 0.1
        assert explorer._due is not None
        read()
        assert explorer._due is None
        agree(explorer.result, expected.nll_is_kl({**before, "mean": mean.value}))
        await asyncio.sleep(0.05)

    asyncio.run(drag(lambda: explorer.result))
    asyncio.run(drag(explorer._share.save.click))
    assert "data:image/png" in explorer._share.links.value
    explorer.load(before)


def test_files_of_the_figure_and_its_numbers(explorer: Any) -> None:
    """A file could be empty, or lack a number that is on display."""
    explorer._share.save.click()
    links = explorer._share.links.value
    contents = {
        kind: base64.b64decode(links.split(f"data:{kind};base64,")[1].split('"')[0])
        for kind in ("image/png", "image/svg+xml", "text/csv")
    }
    assert contents["image/png"].startswith(b"\x89PNG\r\n")
    assert b"<svg" in contents["image/svg+xml"]
    lines = contents["text/csv"].decode().splitlines()
    assert lines[0] == "name,value"
    assert len(lines) > len(explorer.result)
    first = next(n for n, v in explorer.result.items() if isinstance(v, float | dict | list))
    assert any(line.startswith(first) for line in lines)


def test_a_slider_does_not_take_its_start_back_from_the_browser() -> None:
    """Running all cells could end with a slider where it was before a cell moved it."""
    shown = slider("Scale", 1.5, 0.1, 3.0, 0.05)
    shown.value = 1.0
    rounded = 0.1 + 28 * 0.05  # the position next to 1.5 that a browser finds
    assert rounded != 1.5
    shown.set_state({"value": rounded})
    assert shown.value == 1.0
    shown.set_state({"value": 2.0})
    shown.set_state({"value": rounded})  # now it is a drag, to the position that means 1.5
    assert shown.value == 1.5


def open_widgets() -> set[str]:
    """Every widget that ipywidgets keeps until it is closed, by its identity."""
    return set(widgets.Widget.get_manager_state()["state"])


@pytest.mark.parametrize("name", ["nll_is_kl", "mode_collapse"])  # all others do it as these do
def test_an_explorer_is_displayed_with_its_picture(
    name: str, explorers: Callable[[str], Any]
) -> None:
    """It could be shown without its picture where there is no kernel."""
    data, metadata = explorers(name)._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    image = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert image.size[0] > 900
    assert metadata["image/png"]["width"] > 0


def test_an_explorer_leaves_nothing_behind_when_it_is_closed(
    name: str, explorers: Callable[[str], Any], closes_fast: None
) -> None:
    """A layout or a style that stays open would hold the explorer and its training."""
    explorers(name)  # what is made once, such as compiled programs, stays
    before = open_widgets()
    explorer = build(name)
    assert explorer.result
    assert explorer._view()[0]
    assert open_widgets() > before
    explorer.close()
    assert open_widgets() == before
    alive = weakref.ref(explorer)
    del explorer
    gc.collect()
    assert alive() is None


def test_a_closed_explorer_still_computes_and_says_that_it_is_closed(
    capsys: pytest.CaptureFixture[str], closes_fast: None
) -> None:
    """A cell that asks a closed explorer again could fail in words of ipywidgets' own."""
    explorer = build("nll_is_kl")
    before = explorer.result
    explorer.close()
    explorer.close()
    assert explorer.result is before
    explorer.controls["mean"].value = 0.5
    agree(explorer.result, expected.nll_is_kl(explorer.state()))
    explorer._ipython_display_()
    assert "is closed" in capsys.readouterr().out


def test_a_closed_gallery_closes_what_was_opened(closes_fast: None) -> None:
    """The explorers that are not shown could stay open."""
    before = open_widgets()
    gallery = divlab.explore.gallery()
    gallery.go_to("explorer=nll_is_kl")
    gallery.go_to("explorer=training_cost")  # the first explorer is on no page then
    gallery.close()
    assert open_widgets() == before
