"""Explorers in JupyterLab: train, pause, scrub, reload, restore; a flood of events."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .pages import Shown, browser, operate, run_all, screenshots, serve, train_and_scrub


@contextlib.contextmanager
def in_jupyterlab(folder: Path, name: str) -> Iterator[Shown]:
    """An explorer in a notebook of which all cells were run."""
    cells = ["import divlab\ndivlab.configure()", f"divlab.explore.{name}()"]
    with serve(folder, cells) as address, browser() as page:
        page.goto(address)
        yield opened(page)


def opened(page: Any) -> Shown:
    """Runs all cells, and waits for the explorer that they show."""
    run_all(page)
    shown = Shown(page)
    shown.wait()
    return shown


def test_train_pause_scrub_reload_restore(tmp_path: Path) -> None:
    """What a lecturer does in front of a class could fail in a real browser only."""
    with in_jupyterlab(tmp_path, "mode_collapse") as shown:
        page = shown.page
        operate(shown)
        train_and_scrub(shown)
        shown.controls("scrubber")[0].focus()
        for _ in range(3):
            page.keyboard.press("ArrowLeft")
        shown.expect(step=1940)
        shown.settle()
        state, pixels = shown.state(), shown.pixels()
        screenshots(page, "lab-mode_collapse")
        page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
        page.wait_for_timeout(1000)
        page.reload()
        shown = opened(page)
        assert json.loads(shown.state())["trained"] == 0
        shown.paste(state)
        page.wait_for_function(
            "box => /\\b2000 of 2000\\b/.test(box.innerText)",
            arg=shown.box.element_handle(),
            timeout=180_000,
        )
        page.wait_for_timeout(1500)
        assert shown.state() == state
        assert shown.pixels() == pixels
        assert page.errors == []


def test_flood_of_events(tmp_path: Path) -> None:
    """A fast drag, of 200 events here, could end in the picture of an earlier position."""
    with in_jupyterlab(tmp_path, "nll_is_kl") as shown:
        page = shown.page
        operate(shown)
        shown.controls("slider")[0].focus()
        for i in range(200):
            page.keyboard.press("ArrowLeft" if i % 20 < 10 else "ArrowRight")
        page.keyboard.press("Home")
        page.wait_for_function(
            "box => /\"separation\": 0.0\\b/.test(box.querySelector('.divlab-state input').value)",
            arg=shown.box.element_handle(),
            timeout=5_000,
        )
        page.wait_for_timeout(500)
        last = shown.pixels()
        state = shown.state()
        shown.paste(state.replace('"separation": 0.0', '"separation": 1.0'))
        page.wait_for_timeout(1000)
        shown.paste(state)
        page.wait_for_timeout(1000)
        assert shown.pixels() == last
        screenshots(page, "lab-nll_is_kl")
        assert page.errors == []


def test_an_explorer_shown_twice(tmp_path: Path) -> None:
    """Of two views of one explorer, the one that nobody touches could stay behind."""
    cells = ["import divlab\nexplorer = divlab.explore.nll_is_kl()", "explorer", "explorer"]
    with serve(tmp_path, cells) as address, browser() as page:
        page.goto(address)
        run_all(page)
        first, second = Shown(page, 0), Shown(page, 1)
        for shown in (first, second):
            shown.wait()

        def drag() -> None:
            grip = second.box.locator(".divlab-grip").first
            grip.scroll_into_view_if_needed()
            box = grip.bounding_box()
            page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            page.mouse.down()
            page.mouse.move(box["x"] + box["width"] / 2 + 25, box["y"], steps=3)
            page.mouse.up()

        first.changes(drag)
        for shown in (first, second):
            shown.settle()
        assert first.state() == second.state()
        assert json.loads(first.state())["separation"] > 4.0
        numbers = [shown.box.locator(".divlab-numbers").inner_text() for shown in (first, second)]
        assert numbers[0] == numbers[1]
        assert first.pixels() == second.pixels()
        assert page.errors == []


def test_an_exercise_and_no_news(tmp_path: Path) -> None:
    """A new environment's question about news would cover the page, and an answer not be taken."""
    cells = ["import divlab\ndivlab.configure()", 'divlab.exercise("00.1")']
    with serve(tmp_path, cells) as address, browser() as page:
        page.goto(address.replace("/doc/", "/lab/"))
        run_all(page)
        exercise = page.locator(".divlab-exercise")
        answer = exercise.locator("input[type=text]")
        for given, said in (("1", "½"), ("1/2", "Right.")):
            answer.fill(given)
            answer.press("Tab")  # the value is sent when the field is left
            exercise.get_by_role("button", name="Check").click()
            exercise.get_by_text(said).wait_for(timeout=30_000)
        exercise.get_by_role("button", name="Solution").click()
        Shown(page).wait()
        screenshots(page, "lab-exercise")
        assert page.get_by_text("Jupyter news").count() == 0
        assert page.errors == []
