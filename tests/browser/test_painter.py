"""The painter of scenes in a browser, on a page of its own: no Jupyter, no kernel."""

import dataclasses
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from divlab.figures.scene import ROLES, Scene

from .pages import browser
from .scenes import CONTROLS, VALUES, X, densities, everything, frame, normal, page

WIDTHS = (420, 1000, 1400)


@pytest.fixture(scope="module")
def blank() -> Iterator[Any]:
    """A page of one browser for all tests."""
    with browser() as opened:
        yield opened


@pytest.fixture
def tab(blank: Any, tmp_path: Path) -> Iterator[Any]:
    """That page, wide again; fails where it complained on its console."""
    blank.errors.clear()
    blank.set_viewport_size({"width": 1000, "height": 900})
    blank.path = tmp_path / "page.html"
    yield blank
    assert blank.errors == []


def show(tab: Any, scene: Scene, **more: Any) -> None:
    """Opens a page with a scene, and waits until it is drawn."""
    tab.path.write_text(page(scene, **more), encoding="utf-8")
    tab.goto(tab.path.as_uri())
    tab.wait_for_selector(".divlab-marks path")


def again(tab: Any, scene: Scene, **more: Any) -> None:
    """Sends another frame to the page, and waits until it is drawn."""
    tab.evaluate(
        "sent => { picture.show(...unpack(sent)); return new Promise(requestAnimationFrame); }",
        frame(scene, **more),
    )


def area(tab: Any, panel: int) -> dict[str, float]:
    """Where the plot area of a panel is on the page; 2 pixels around it may be painted as well."""
    outer = tab.locator(".divlab-drawing").nth(panel).bounding_box()
    marks = tab.locator(".divlab-marks").nth(panel)
    at = {n: float(marks.get_attribute(n)) for n in ("x", "y", "width", "height")}
    return {
        "x": outer["x"] + at["x"] + 2, "y": outer["y"] + at["y"] + 2,
        "width": at["width"] - 4, "height": at["height"] - 4,
    }  # fmt: skip


def points(tab: Any, panel: int, mark: int) -> Any:
    """The corners of a mark's path, as shares of the panel."""
    marks = tab.locator(".divlab-marks").nth(panel)
    width, height = (area(tab, panel)[n] for n in ("width", "height"))
    d = marks.locator(f"[data-mark='{mark}'] path").first.get_attribute("d")
    found = np.array([[float(v) for v in pair.split()] for pair in re.split("[ML]", d)[1:]])
    return np.stack([found[:, 0] / width, 1 - found[:, 1] / height], axis=1)


def place(tab: Any, panel: int, x: float, y: float) -> tuple[float, float]:
    """Where a place in a panel, in shares, is on the page."""
    box = area(tab, panel)
    return box["x"] + x * box["width"], box["y"] + (1 - y) * box["height"]


def drag(tab: Any, start: tuple[float, float], *stops: tuple[float, float]) -> None:
    """Drags with the mouse from one place of the page through others."""
    tab.mouse.move(*start)
    tab.mouse.down()
    for stop in stops:
        tab.mouse.move(*stop, steps=4)
    tab.mouse.up()


def moved(tab: Any) -> dict[str, float]:
    """What the page has asked for, the latest of each control."""
    return {name: value for one in tab.evaluate("moves") for name, value in one.items()}


def contrast(one: str, other: str) -> float:
    """The contrast of two colors `rgb(…)`, by WCAG 2.2."""

    def light(color: str) -> float:
        parts = [float(v) / 255 for v in re.findall(r"[\d.]+", color)[:3]]
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
        return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))

    dim, bright = sorted((light(one), light(other)))
    return (bright + 0.05) / (dim + 0.05)


def test_curves_lie_where_the_scene_says(tab: Any) -> None:
    """A wrong margin, axis or rounding would show another density than the one computed."""
    show(tab, densities())
    model = points(tab, 0, 2)
    np.testing.assert_allclose(model[:, 0], (X + 9) / 18, atol=2e-4)
    np.testing.assert_allclose(model[:, 1], normal(X, 1, 1.5) / 0.5, atol=4e-4)
    again(tab, densities(mean=-2.0))  # in place, the path is the same node
    np.testing.assert_allclose(points(tab, 0, 2)[:, 1], normal(X, -2, 1.5) / 0.5, atol=4e-4)


def test_gaps_log_axes_and_the_right_axis(tab: Any) -> None:
    """A gap drawn over, or a curve on the wrong axis, would show what nobody computed."""
    show(tab, everything())
    d = tab.locator(".divlab-marks").first.locator("[data-mark='1'] path").get_attribute("d")
    assert d.count("M") == 2  # a curve with a gap has two parts
    logistic = points(tab, 0, 3)
    np.testing.assert_allclose(logistic[:, 1], (1 / (1 + np.exp(X)) + 0.05) / 1.05, atol=5e-4)
    error = points(tab, 3, 0)
    np.testing.assert_allclose(
        error[:, 1], (np.log10(0.8 / np.sqrt([30, 100, 300, 1000])) + 3) / 5, atol=5e-4
    )


def test_equal_panels_keep_a_unit_as_long_on_both_axes(tab: Any) -> None:
    """A circle would be an ellipse, and a spiral would seem to approach faster in one direction."""
    for width in WIDTHS:
        tab.set_viewport_size({"width": width, "height": 900})
        show(tab, everything())
        box = area(tab, 2)
        assert abs(box["width"] - box["height"]) < 0.5


_BOXES = """() => {
    const texts = ["text", ".divlab-title", ".divlab-legend-item > span", ".divlab-axis-names span",
        ".divlab-x-name", ".divlab-number-label", ".divlab-number", ".divlab-caption", "button",
    ].flatMap(
        css => [...document.querySelectorAll(`#picture ${css}`)]);
    return texts.filter(e => e.textContent && !e.closest(".divlab-ruler")).map(e => {
        const range = document.createRange();
        range.selectNodeContents(e);
        const box = (e.tagName === "text" ? e : range).getBoundingClientRect();
        const within = (e.closest(".divlab-plot") ?? document.body).getBoundingClientRect();
        return { text: e.textContent, left: box.left, right: box.right, top: box.top,
            bottom: box.bottom, inside: box.left >= within.left - 0.5 && box.top >= within.top - 0.5
            && box.right <= within.right + 0.5 && box.bottom <= within.bottom + 0.5,
            size: parseFloat(getComputedStyle(e).fontSize) };
    });
}"""


@pytest.mark.parametrize("width", WIDTHS)
def test_texts_are_apart_and_whole(tab: Any, width: int) -> None:
    """On a narrow page tick labels run into each other, and long ones are cut at the edge."""
    tab.set_viewport_size({"width": width, "height": 900})
    for scene in (densities(), everything()):
        show(tab, scene)
        found = tab.evaluate(_BOXES)
        assert len(found) > 30
        for one in found:
            assert one["inside"], one
            assert one["size"] >= 12, one
        for i, one in enumerate(found):
            for other in found[:i]:
                # Boxes of lines of text hold the space above and below the letters too.
                across = min(one["right"], other["right"]) - max(one["left"], other["left"])
                up = min(one["bottom"], other["bottom"]) - max(one["top"], other["top"])
                assert across < 0.5 or up < 2, (one, other)
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_narrow_pages_have_one_column(tab: Any) -> None:
    """Two panels beside each other on a phone are too small to read or to touch."""
    show(tab, densities())
    lefts = {}
    for width in WIDTHS:
        tab.set_viewport_size({"width": width, "height": 900})
        tab.wait_for_timeout(60)
        panels = tab.locator(".divlab-panel").all()
        lefts[width] = len({round(one.bounding_box()["x"]) for one in panels})
    assert lefts == {420: 1, 1000: 2, 1400: 2}


def test_the_third_of_three_panels_fills_its_row(tab: Any) -> None:
    """Where only two panels fit side by side, half of the picture would be empty."""
    scene = everything()
    three = dataclasses.replace(scene, panels=scene.panels[:2] + scene.panels[4:5], columns=3)
    tab.set_viewport_size({"width": 700, "height": 900})
    show(tab, dataclasses.replace(three, heights=()))
    widths = [one.bounding_box()["width"] for one in tab.locator(".divlab-plot").all()]
    assert widths[0] == widths[1]
    assert widths[2] == 2 * widths[0] + 28  # and the gap
    tab.set_viewport_size({"width": 1000, "height": 900})
    tab.wait_for_timeout(100)
    assert len({one.bounding_box()["y"] for one in tab.locator(".divlab-plot").all()}) == 1


def test_numbers_and_panels_stand_still(tab: Any) -> None:
    """Numbers that change their width, or margins that shrink, make the picture jump in a drag."""
    scene = densities()
    long = dataclasses.replace(scene.panels[0].y, ticks={0.25: "0.2500000"})
    first = dataclasses.replace(scene.panels[0], y=long)
    wide = dataclasses.replace(scene, panels=(first, scene.panels[1]))
    show(tab, wide, numbers=[["NLL", "12.0172"], ["KL", "10.6127"]])

    def places() -> list[Any]:
        return [one.bounding_box() for one in tab.locator(".divlab-number-label").all()] + [
            area(tab, i) for i in (0, 1)
        ]

    before = places()
    again(tab, densities(mean=2.0), numbers=[["NLL", "1.1"], ["KL", "7"]])
    assert tab.locator(".divlab-number").all_inner_texts() == ["1.1", "7"]
    assert places() == before


def test_a_drag_by_mouse_moves_the_controls(tab: Any) -> None:
    """A handle that jumps to the pointer, or ignores steps and ranges, would set wrong values."""
    show(tab, densities())
    x, y = place(tab, 0, 10 / 18, float(normal(1, 1, 1.5)) / 0.5)
    # 4 px beside the grip's middle: the drag is relative, so that this offset stays.
    end = place(tab, 0, 11.52 / 18, float(normal(1, 1, 1.5)) / 0.5 + 0.1)
    drag(tab, (x + 4, y), (end[0] + 4, end[1]))
    # 1.52 to the right of 1.0, in steps of 0.1; up by 0.05 with slope −5, in steps of 0.05.
    assert moved(tab) == {"mean": 2.5, "scale": 1.25}
    drag(tab, (x, y), (x + 900, y), (x + 950, y))
    assert moved(tab)["mean"] == 4.0  # the end of its range
    last = tab.evaluate("moves.map(m => m.mean).filter(m => m !== undefined)")
    assert all(one != other for one, other in itertools.pairwise(last)), "sent without a change"


def test_a_line_can_be_grabbed_beside_its_grip(tab: Any) -> None:
    """The density itself is the handle; without it only a small circle would be."""
    show(tab, densities())
    height = float(normal(-1.5, 1, 1.5))
    start = place(tab, 0, 7.5 / 18, height / 0.5)
    end = place(tab, 0, 6.5 / 18, height / 0.5)
    drag(tab, (start[0], start[1] + 6), (end[0], end[1] + 6))
    assert moved(tab) == {"mean": 0.0}
    start = place(tab, 0, 7.5 / 18, 0.9)
    drag(tab, start, place(tab, 0, 6.5 / 18, 0.9))
    assert moved(tab) == {"mean": 0.0}  # nothing is there to grab


def test_a_drag_goes_on_while_frames_arrive(tab: Any) -> None:
    """Each answer of the kernel redraws the grip; a drag that ended there would be of one step."""
    show(tab, densities())
    x, y = place(tab, 0, 11 / 18, 0.8)
    step = place(tab, 0, 12 / 18, 0.8)[0] - x
    tab.mouse.move(x, y)
    tab.mouse.down()
    for k in (1, 2, 3):
        tab.mouse.move(x + k * step / 2, y)
        values = {**VALUES, "separation": 4.0 + k}
        again(tab, densities(mean=1 + k / 10), values=values)
        assert moved(tab) == {"separation": 4.0 + k}  # slope 2: half a unit is one of separation
    assert tab.locator(".divlab-box").first.inner_text().split() == [
        "Drag", "the", "data", "apart", "Data:", "separation", "7.0",
    ]  # fmt: skip
    tab.mouse.up()


def test_a_drag_by_touch(tab: Any) -> None:
    """A finger on a grip would scroll the page instead."""
    show(tab, densities())
    touch = tab.context.new_cdp_session(tab)
    x, y = place(tab, 0, 10 / 18, float(normal(1, 1, 1.5)) / 0.5)
    step = place(tab, 0, 11 / 18, 0)[0] - place(tab, 0, 10 / 18, 0)[0]

    def finger(kind: str, *points: dict[str, float]) -> None:
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    finger("touchStart", {"x": x + 8, "y": y})
    for k in (1, 2, 3, 4):
        finger("touchMove", {"x": x + 8 - k * step / 2, "y": y})
    finger("touchEnd")
    assert moved(tab)["mean"] == -1.0
    # A finger that rests beside the curves shows their values, and lets them go again.
    x, y = place(tab, 0, 0.1, 0.6)
    finger("touchStart", {"x": x, "y": y})
    tab.locator(".divlab-box").first.wait_for(timeout=2000)
    finger("touchEnd")
    assert tab.locator(".divlab-box").first.is_hidden()
    touch.detach()


def test_arrow_keys_move_the_controls(tab: Any) -> None:
    """Who cannot drag needs the keys; several presses before an answer must add up."""
    show(tab, densities())
    grips = tab.get_by_role("slider")
    assert grips.count() == 3
    grips.nth(1).focus()
    assert grips.nth(1).get_attribute("aria-label") == "Drag the model"
    assert grips.nth(1).get_attribute("aria-valuetext") == "Model: mean 1.0, Model: scale 1.50"
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft"):
        tab.keyboard.press(key)
    assert moved(tab) == {"mean": 1.2}
    tab.keyboard.press("ArrowUp")  # upwards is narrower
    assert moved(tab)["scale"] == 1.45
    tab.keyboard.press("Home")
    assert moved(tab)["mean"] == -4.0
    again(tab, densities(mean=-4.0), values={**VALUES, "mean": -4.0})
    focused = "document.activeElement.getAttribute('aria-label')"
    assert tab.evaluate(focused) == "Drag the model"  # the redrawn grip is still in focus
    assert grips.nth(1).get_attribute("aria-valuenow") == "-4"


def test_a_log_axis_and_options(tab: Any) -> None:
    """On a log axis equal ways are equal factors; a control with options takes one of them."""
    show(tab, everything())
    at = (np.log(100 / 25) / np.log(1200 / 25), (np.log10(0.08) + 3) / 5)
    tab.evaluate("document.querySelectorAll('.divlab-marks')[3].scrollIntoView({block: 'center'})")
    x, y = place(tab, 3, float(at[0]), float(at[1]))
    # Half way to 300 on paper is 173, which is nearer to 100.
    half, whole = (
        place(tab, 3, float(np.log(n / 25) / np.log(1200 / 25)), float(at[1])) for n in (173, 290)
    )
    drag(tab, (x, y), half)
    assert tab.evaluate("moves") == []
    drag(tab, (x, y), whole)
    assert moved(tab) == {"samples": 300}
    tab.keyboard.press("ArrowRight")
    assert moved(tab) == {"samples": 1000}
    tab.keyboard.press("ArrowRight")
    assert tab.evaluate("moves.length") == 2  # it has ended


def test_a_click_sets_both_controls(tab: Any) -> None:
    """The start of the game is chosen by a click; one beside the panel must not choose any."""
    show(tab, everything())
    tab.evaluate("document.querySelectorAll('.divlab-marks')[2].scrollIntoView({block: 'center'})")
    tab.mouse.click(*place(tab, 2, (-1.03 + 2.2) / 4.4, (0.71 + 2.2) / 4.4))
    assert tab.evaluate("moves") == [{"theta": -1.05, "psi": 0.7}]
    tab.mouse.click(*place(tab, 2, 0.5, 1.05))
    drag(tab, place(tab, 2, 0.2, 0.2), place(tab, 2, 0.6, 0.6))
    assert tab.evaluate("moves.length") == 1


def test_the_values_under_the_pointer(tab: Any) -> None:
    """A value read on the wrong axis, or a box outside of its panel, would mislead."""
    show(tab, densities())
    box = tab.locator(".divlab-box").first
    for wish in (-7.5, -2.0, 3.0, 8.8):
        column, row = map(round, place(tab, 0, (wish + 9) / 18, 0.93))
        x = 18 * (column - area(tab, 0)["x"]) / area(tab, 0)["width"] - 9
        tab.mouse.move(column, row)
        lines = box.inner_text().split("\n")
        assert float(lines[0].removeprefix("x = ").replace("−", "-")) == pytest.approx(x, abs=0.006)
        said = [float(lines[i].replace("−", "-")) for i in (2, 4)]
        truth = [(normal(x, -2, 0.5) + normal(x, 2, 0.5)) / 2, normal(x, 1, 1.5)]
        assert said == pytest.approx(truth, abs=1e-3)  # between two points of the curve
        inner, outer = box.bounding_box(), tab.locator(".divlab-plot").first.bounding_box()
        for start, size in (("x", "width"), ("y", "height")):
            assert inner[start] >= outer[start] - 0.5
            assert inner[start] + inner[size] <= outer[start] + outer[size] + 0.5
    again(tab, densities(mean=8.8))  # the box follows what is drawn
    assert float(box.inner_text().split("\n")[4]) == pytest.approx(normal(x, 8.8, 1.5), abs=1e-3)
    tab.mouse.move(0, 0)
    assert box.is_hidden()


def test_values_on_log_and_right_axes(tab: Any) -> None:
    """Positions are shares; read back without the scale they would be other numbers."""
    show(tab, everything())
    tab.mouse.move(*place(tab, 0, 0.25, 0.5))
    lines = tab.locator(".divlab-box").first.inner_text().split("\n")
    found = float(lines[lines.index("D(x)") + 1])
    assert found == pytest.approx(1 / (1 + np.exp(-4.5)), abs=0.002)
    tab.evaluate("document.querySelectorAll('.divlab-marks')[3].scrollIntoView({block: 'center'})")
    tab.mouse.move(*place(tab, 3, float(np.log(200 / 25) / np.log(1200 / 25)), 0.9))
    lines = tab.locator(".divlab-box").nth(3).inner_text().split("\n")
    found = float(lines[lines.index("nearest neighbours") + 1])
    assert found == pytest.approx(0.8 / np.sqrt(200), rel=0.01)


def test_dark_pages_are_readable(tab: Any) -> None:
    """Ink that stays black, or a curve in a color for light pages, cannot be seen there."""
    colors = """() => [...document.querySelectorAll(
        "#picture :is(text, .divlab-title, .divlab-legend-item, .divlab-axis-names span,"
        + " .divlab-number-label, .divlab-number, .divlab-caption, .divlab-x-name, button, input,"
        + " label)")]
        .filter(e => !e.closest(".divlab-ruler")).map(e => {
            const style = getComputedStyle(e);
            return e.tagName === "text" ? style.fill : style.color;
        })"""
    for theme in ("light", "dark"):
        show(tab, everything(), theme=theme)
        paper = tab.evaluate("getComputedStyle(document.querySelector('#picture')).backgroundColor")
        assert (contrast(paper, "rgb(0, 0, 0)") < 2) == (theme == "dark")
        for color in set(tab.evaluate(colors)):
            assert contrast(color, paper) >= 4.5, (theme, color)
        stroke = "getComputedStyle(document.querySelectorAll('[data-kind=line] path')[0]).stroke"
        role = ROLES["data"].on_dark if theme == "dark" else ROLES["data"].color
        parts = [int(role[i : i + 2], 16) for i in (1, 3, 5)]
        assert tab.evaluate(stroke) == f"rgb({parts[0]}, {parts[1]}, {parts[2]})"


def test_lines_differ_by_their_dashes(tab: Any) -> None:
    """Who does not see colors tells curves apart by their dashes; the legend must show the same."""
    show(tab, densities())
    dashes = tab.evaluate(
        "[...document.querySelectorAll('[data-kind=line] path')].map(e => "
        "e.getAttribute('stroke-dasharray'))"
    )
    expected = " ".join(f"{2 * length:g}" for length in ROLES["model"].dashes)
    assert dashes[:2] == [None, expected]
    swatches = tab.locator(".divlab-legend").first.locator("path")
    assert [one.get_attribute("stroke-dasharray") for one in swatches.all()] == [None, expected]


def test_a_density_drawn_with_the_mouse(tab: Any) -> None:
    """The heights are sent in units of the axes; holes between fast events must be filled."""
    show(tab, densities())
    tab.get_by_role("button", name="Draw").click()
    assert tab.get_by_role("button", name="Done").is_disabled()
    top = place(tab, 0, 0.5, 0.8)
    drag(tab, place(tab, 0, 0.25, 0.0), top, place(tab, 0, 0.75, 0.0))
    again(tab, densities(mean=-3.0), values={**VALUES, "mean": -3.0})  # must not wipe it out
    tab.get_by_role("button", name="Done").click()
    (message,) = tab.evaluate("messages")
    assert (message["kind"], message["x"]) == ("draw", [-9, 9])
    heights = np.array(message["heights"])
    grid = np.linspace(0, 1, 129)
    assert heights.shape == grid.shape
    np.testing.assert_allclose(heights, 0.4 * np.maximum(0, 1 - 4 * abs(grid - 0.5)), atol=0.015)
    np.testing.assert_allclose(points(tab, 0, 2)[:, 1], normal(X, -3, 1.5) / 0.5, atol=4e-4)
    tab.get_by_role("button", name="Draw").click()
    tab.get_by_role("button", name="Cancel").click()
    assert tab.evaluate("messages.length") == 1


def test_a_density_drawn_with_the_keys(tab: Any) -> None:
    """Drawing by hand would be closed to those without a pointer."""
    show(tab, densities())
    tab.get_by_role("button", name="Draw").press("Enter")
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "ArrowUp", "Enter"):
        tab.keyboard.press(key)
    (message,) = tab.evaluate("messages")
    heights = np.array(message["heights"])
    assert heights.argmax() == 68  # two steps of two to the right of the middle
    assert heights.max() == pytest.approx(2 * 0.05 * 0.5)
    assert (np.diff(heights[:69]) >= 0).all()
    assert (np.diff(heights[68:]) <= 0).all()
    assert tab.get_by_role("button", name="Draw").evaluate("e => e === document.activeElement")


def test_of_a_flood_of_frames_only_the_latest_waits(tab: Any) -> None:
    """A flood of events drawn one by one would lag behind the pointer for seconds."""
    show(tab, densities())
    sent = [frame(densities(mean=k / 50 - 2), caption=f"frame {k}") for k in range(0, 200, 40)]
    drawn = tab.evaluate(
        """async sent => {
            let drawn = 0;
            const draw = picture.draw;
            picture.draw = () => { drawn++; draw.call(picture); };
            for (let k = 0; k < 200; k++) picture.show(...unpack(sent[Math.floor(k / 40)]));
            await new Promise(requestAnimationFrame);
            return drawn;
        }""",
        sent,
    )
    assert drawn <= 3  # the first one at once, and the last one
    assert tab.locator(".divlab-caption").inner_text() == "frame 160"
    np.testing.assert_allclose(points(tab, 0, 2)[:, 1], normal(X, 1.2, 1.5) / 0.5, atol=4e-4)


def test_what_a_screen_reader_gets(tab: Any) -> None:
    """Captions read aloud at each step of a drag would never end."""
    show(tab, densities())
    picture = tab.locator("[role=img]").first
    assert picture.get_attribute("aria-label") == "NLL 2.0172 = KL 0.6127 + entropy 1.4045 nats."
    live = tab.locator("[aria-live=polite]")
    tab.wait_for_function("() => document.querySelector('[aria-live]').textContent !== ''")
    again(tab, densities(mean=2.0), caption="now this")
    assert tab.locator(".divlab-caption").inner_text() == "now this"
    assert picture.get_attribute("aria-label") == "now this"
    assert live.text_content() != "now this"
    tab.wait_for_function("() => document.querySelector('[aria-live]').textContent === 'now this'")


def test_the_line_of_the_state(tab: Any) -> None:
    """A frame that arrives while a state is pasted must not overwrite what is typed."""
    show(tab, densities())
    line = tab.get_by_label("State")
    assert json.loads(line.input_value())["mean"] == 1.0
    line.fill('{"mean": 2}')
    again(tab, densities(mean=2.0), state='{"mean": 0.5}')
    assert line.input_value() == '{"mean": 2}'
    line.press("Enter")
    assert tab.evaluate("messages") == [{"kind": "state", "text": '{"mean": 2}'}]
    again(tab, densities(mean=2.0), state='{"mean": 2.0}')
    assert line.input_value() == '{"mean": 2.0}'


def test_handles_without_their_control_are_absent(tab: Any) -> None:
    """An exported page has few controls: a grip that moves nothing would be a riddle."""
    show(tab, densities(), controls={"separation": CONTROLS["separation"]})
    assert tab.get_by_role("slider").count() == 1


def test_two_views_of_one_model(tab: Any) -> None:
    """A widget shown twice: both views follow, both move it, and one that is closed is quiet."""
    show(tab, densities())
    found = tab.evaluate(
        """async sent => {
            // What anywidget gives a view of the model, with bytes that begin at an odd place.
            const heard = new Set();
            const [first] = unpack(sent[0]);
            const state = {};
            const fill = one => {
                state.frame = one.frame;
                one.arrays.forEach((list, i) => {
                    const bytes = new Uint8Array(4 * list.length + 1);
                    bytes.set(new Uint8Array(Float32Array.from(list).buffer), 1);
                    state[`array_${i}`] = new DataView(bytes.buffer, 1);
                });
            };
            const model = {
                get: name => state[name],
                set: (name, value) => { state[name] = value; },
                save_changes: () => {}, send: () => {},
                on: (name, f) => { if (name === "change:frame") heard.add(f); },
                off: (_, f) => heard.delete(f),
            };
            fill(sent[0]);
            const places = [0, 1].map(() => document.createElement("div"));
            document.body.append(...places);
            const close = places.map(el => shown.render({ model, el }));
            await new Promise(requestAnimationFrame);
            await new Promise(requestAnimationFrame);
            fill(sent[1]);
            heard.forEach(f => f());
            await new Promise(requestAnimationFrame);
            const path = el => el.querySelector("[data-mark='2'] path").getAttribute("d");
            const paths = places.map(path);
            const grip = places[1].querySelectorAll(".divlab-grip")[1];
            for (const key of ["ArrowRight", "ArrowRight"])
                grip.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
            close[0]();
            return { same: paths[0] === paths[1], moved: state.moved, left: heard.size,
                empty: places[0].childElementCount };
        }""",
        [frame(densities()), frame(densities(mean=2.0), values={**VALUES, "mean": 2.0})],
    )
    assert found["same"]
    assert (found["left"], found["empty"]) == (1, 0)
    assert found["moved"] == {"count": 2, "values": {"mean": 2.2}}
