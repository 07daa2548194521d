"""Every explorer in a real browser: opened, operated by mouse and by keyboard, and looked at.

Screenshots are written to `build/screenshots`.
"""

import json
import re
from pathlib import Path

import pytest

from .pages import CHROMIUM, Shown, browser, run_all, serve

SHOTS = Path(__file__).resolve().parents[2] / "build/screenshots"
NAMES = {
    "NLL is KL": "nll_is_kl",
    "ELBO gap": "elbo_gap",
    "Divergences": "divergences",
    "Disjoint supports": "disjoint_supports",
    "Estimators": "estimators",
    "GAN game": "gan_game",
    "Mode collapse": "mode_collapse",
    "Wasserstein GAN": "wasserstein_gan",
    "Objective zoo": "objective_zoo",
    "Training cost": "training_cost",
}
TRAINERS = {"elbo_gap", "gan_game", "mode_collapse", "wasserstein_gan", "objective_zoo"}

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium on this machine (on Debian: apt-get install chromium)"
)


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory):
    """The page that `make dashboard` serves, in a browser."""
    cells = json.loads((Path(__file__).parents[2] / "dashboard/explorers.ipynb").read_text())[
        "cells"
    ]
    folder = tmp_path_factory.mktemp("dashboard")
    sources = ["".join(cell["source"]) for cell in cells]
    with serve(folder, sources, voila=True) as address, browser() as page:
        page.address = address
        page.goto(address)
        Shown(page).wait()
        yield page


def screenshots(page, name: str) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    for width in (1400, 1000):
        page.set_viewport_size({"width": width, "height": 1000})
        page.wait_for_timeout(300)
        page.screenshot(path=SHOTS / f"{name}-{width}.png")
    page.set_viewport_size({"width": 1400, "height": 1000})


def operate(shown: Shown, is_trainer: bool) -> None:
    """Every slider, menu, number and toggle of an explorer: by keyboard, then by mouse."""
    page = shown.page
    scrubber = 1 if is_trainer else 0  # has one step only, before anything is trained
    sliders = len(shown.controls("slider")) - scrubber
    for i in range(sliders):

        def press(i=i):
            handle = shown.controls("slider")[i]
            handle.focus()
            page.keyboard.press("ArrowRight")
            page.keyboard.press("ArrowRight")

        def drag(i=i):
            box = shown.controls("slider")[i].bounding_box()
            x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
            page.mouse.move(x, y)
            page.mouse.down()
            page.mouse.move(x + 30, y, steps=4)
            page.mouse.up()

        shown.changes(press)
        shown.changes(drag)
    for i in range(len(shown.controls("menu"))):
        shown.changes(lambda i=i: shown.controls("menu")[i].select_option(index=1))

        def type_to(i=i):
            shown.controls("menu")[i].focus()
            page.keyboard.press("ArrowUp")

        shown.changes(type_to)
    for toggles in shown.controls("toggles"):
        buttons = toggles.locator("button")
        shown.changes(buttons.nth(1).click)
        buttons.nth(0).focus()
        shown.changes(lambda: page.keyboard.press("Enter"))
    for i in range(len(shown.controls("number"))):

        def fill(i=i):
            shown.controls("number")[i].fill("7")
            page.keyboard.press("Enter")

        shown.changes(fill)


@pytest.mark.parametrize("title", NAMES)
def test_every_control_of_the_dashboard(dashboard, title):
    page, name = dashboard, NAMES[title]
    page.errors.clear()
    page.get_by_role("button", name=title, exact=True).click()
    page.wait_for_timeout(500)
    shown = Shown(page)
    shown.wait()
    shown.check()
    operate(shown, name in TRAINERS)
    if name in TRAINERS:
        train_and_scrub(shown)
    shown.button("Save figure").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".divlab-explorer:visible a[download$='.svg']", timeout=20_000)
    screenshots(page, name)
    assert page.errors == []


def train_and_scrub(shown: Shown) -> None:
    """Train, pause, one record, scrub back and forth, rewind."""
    page = shown.page
    shown.changes(shown.button("Train").click)
    shown.button("Pause").click()
    shown.button("Train").wait_for(timeout=60_000)
    paused = json.loads(shown.state())["trained"]
    assert 0 < paused <= 2000
    shown.check()
    if paused < 2000:
        shown.changes(shown.button("One record").click)
        assert json.loads(shown.state())["trained"] == paused + 20
    shown.controls("slider")[-1].focus()
    shown.changes(lambda: page.keyboard.press("Home"))
    assert json.loads(shown.state())["step"] == 0
    shown.controls("slider")[-1].focus()
    shown.changes(lambda: page.keyboard.press("ArrowRight"))
    assert json.loads(shown.state())["step"] == 20
    shown.changes(shown.button("Rewind").click)
    assert json.loads(shown.state())["trained"] == 0
    shown.button("Train").focus()
    shown.changes(lambda: page.keyboard.press("Enter"))
    page.wait_for_function(
        "box => /\\b2000 of 2000\\b/.test(box.innerText)",
        arg=shown.box.element_handle(),
        timeout=180_000,
    )
    shown.button("Train").wait_for(timeout=60_000)
    shown.check()


def test_the_dashboard_shows_no_code_and_runs_none(dashboard):
    page = dashboard
    assert "import divlab" not in page.content()
    assert page.locator(".jp-InputArea-editor, .jp-CodeMirrorEditor, textarea").count() == 0
    # What a visitor might try: to send code to the kernel that the page talks with.
    kernels = page.evaluate(
        "async base => (await fetch(base + 'api/kernels')).status", page.address
    )
    assert kernels in (403, 404)
    for path in ("api/contents", "api/terminals", "files/page.ipynb", "lab", "tree"):
        status = page.evaluate("async url => (await fetch(url)).status", page.address + path)
        assert status in (403, 404), path


def test_a_file_is_dropped_on_an_explorer(dashboard, tmp_path):
    page = dashboard
    page.get_by_role("button", name="Mode collapse", exact=True).click()
    page.wait_for_timeout(500)
    shown = Shown(page)
    shown.wait()
    bad, good = tmp_path / "words.csv", tmp_path / "numbers.csv"
    bad.write_text("a,b\nfoo,bar\n")
    good.write_text("minutes\n" + "\n".join(f"{2 + (i % 5) / 4}" for i in range(60)))
    field = shown.box.locator("input[type=file]")
    field.set_input_files(bad)
    page.get_by_text(re.compile("words.csv has no column of numbers")).wait_for(timeout=20_000)
    shown.changes(lambda: field.set_input_files(good))
    assert "numbers.csv, minutes: 60 values" in shown.text()
    shown.changes(shown.button("Without it").click)


def test_jupyterlab_train_pause_scrub_reload_restore(tmp_path):
    cells = ["import divlab\ndivlab.configure()", "divlab.explore.mode_collapse()"]
    with serve(tmp_path, cells) as address, browser() as page:
        page.goto(address)
        run_all(page)
        shown = Shown(page)
        shown.wait()
        operate(shown, is_trainer=True)
        train_and_scrub(shown)
        shown.controls("slider")[-1].focus()
        for _ in range(3):
            page.keyboard.press("ArrowLeft")
        page.wait_for_timeout(1000)
        state, pixels = shown.state(), shown.pixels()
        assert json.loads(state)["step"] == 1940
        screenshots(page, "lab-mode_collapse")
        # A flood of events ends in the picture of the last one.
        page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
        page.wait_for_timeout(1000)
        page.reload()
        run_all(page)
        shown = Shown(page)
        shown.wait()
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


def test_jupyterlab_flood_of_events(tmp_path):
    """200 steps of a slider, as fast as the browser sends them, end in the right picture."""
    cells = ["import divlab\ndivlab.configure()", "divlab.explore.nll_is_kl()"]
    with serve(tmp_path, cells) as address, browser() as page:
        page.goto(address)
        run_all(page)
        shown = Shown(page)
        shown.wait()
        operate(shown, is_trainer=False)
        shown.controls("slider")[0].focus()
        for i in range(200):
            page.keyboard.press("ArrowLeft" if i % 20 < 10 else "ArrowRight")
        page.keyboard.press("Home")
        page.wait_for_function(
            "box => /\"separation\": 0.0\\b/.test(box.querySelector('input[type=text]').value)",
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
