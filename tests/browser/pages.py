"""Notebooks and the dashboard in a headless Chromium, and what a user does there."""

import contextlib
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
SHOTS = ROOT / "build/screenshots"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
# What a page says about its own absent extras, and not about the explorers.
_NOISE = re.compile(r"\.map\b|favicon|custom\.css|ResizeObserver|api/workspaces|net::ERR|404", re.I)

_IS_STEP = ":has(.widget-label:text-is('Step'))"


def need_chromium() -> None:
    """Without a browser a test is skipped; where CI is set, as GitHub does, it fails."""
    if CHROMIUM is None:
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up("no chromium on this machine (on Debian: apt-get install chromium)")


@contextlib.contextmanager
def browser(width: int = 1400, height: int = 1000) -> Iterator[Any]:
    """A page of a new browser. It notes the errors on its console in `page.errors`."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page: Any = chromium.new_page(viewport={"width": width, "height": height})
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on(
            "console",
            lambda said: (
                page.errors.append(f"{said.text} {said.location['url']}")
                if said.type == "error" and not _NOISE.search(said.text + str(said.location))
                else None
            ),
        )
        yield page
        chromium.close()


@contextlib.contextmanager
def serve(folder: Path, cells: list[str], *options: str, voila: bool = False) -> Iterator[str]:
    """The address of a notebook with these cells, served on this machine alone."""
    page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    page.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(page, folder / "page.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    if voila:
        notebook = "--Voila.notebook_path=page.ipynb"
        command = ["dashboard", "--no-browser", f"--port={port}", notebook, *options]
        address = ready = f"http://127.0.0.1:{port}/"
    else:
        command = [
            "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}", "--allow-root",
            f"--IdentityProvider.token={token}", "--LabApp.expose_app_in_browser=True",
        ]  # fmt: skip
        address = f"http://127.0.0.1:{port}/doc/tree/page.ipynb?token={token}"
        ready = f"http://127.0.0.1:{port}/api/status?token={token}"
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "XLA"))}
    environment["PYTHONPATH"] = str(ROOT)  # where `dashboard` is
    environment["JUPYTER_CONFIG_DIR"] = str(folder / "config")
    environment["JUPYTER_DATA_DIR"] = str(folder / "data")
    settings = folder / "settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"checkForUpdates": False}))
    environment["JUPYTERLAB_SETTINGS_DIR"] = str(folder / "settings")
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            _wait_for(ready, server, folder / "server.log", full=not voila)
            yield address
        finally:
            server.terminate()
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()  # or it would slow down all tests that follow
                raise


def _wait_for(address: str, server: "subprocess.Popen[bytes]", log: Path, *, full: bool) -> None:
    """Waits until the server answers at this address."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + 90
    while time.monotonic() < end:
        if server.poll() is not None:
            raise RuntimeError(f"the server ended:\n{log.read_text(errors='replace')[-3000:]}")
        try:
            if full:
                opener.open(address, timeout=5)
            else:  # a visit would start a kernel, so only the port is tried
                port = int(address.rsplit(":", 1)[1].strip("/"))
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError("the server did not answer")


def run_all(page: Any) -> None:
    """Runs all cells of the notebook that JupyterLab shows, and waits until they have run."""
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    page.wait_for_function(
        "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status"
        " === 'idle'",
        timeout=60_000,
    )
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]"
        ".every(e => /\\[\\d+\\]/.test(e.textContent))",
        timeout=180_000,
    )


class Shown:
    """The n-th visible explorer of a page."""

    def __init__(self, page: Any, index: int = 0) -> None:
        self.page = page
        self.box = page.locator(".divlab-explorer:visible").nth(index)
        self.picture = self.box.locator(".divlab-panels")

    def wait(self, timeout: float = 180_000) -> None:
        """Waits until the picture is there and nothing is being compiled."""
        self.picture.wait_for(timeout=timeout)
        self.page.wait_for_function(
            "box => box.querySelector('.divlab-drawing .divlab-marks path') "
            "&& !box.innerText.includes('Compiling')",
            arg=self.box.element_handle(),
            timeout=timeout,
        )

    def text(self) -> str:
        return str(self.box.inner_text())

    def check(self) -> None:
        """Fails if the explorer shows an error."""
        assert "This did not work" not in self.text(), self.text()

    def changes(self, act: Callable[[], Any], timeout: float = 120) -> None:
        """Does something, and waits until the picture has changed."""
        self.settle(150)  # a late frame of what was done before would be taken for the change
        before = self.pixels()
        act()
        end = time.monotonic() + timeout
        while self.pixels() == before:
            self.check()
            assert time.monotonic() < end, f"the picture did not change: {self.text()}"
            self.page.wait_for_timeout(30)
        self.wait()
        self.check()

    def settle(self, rest: float = 500) -> None:
        """Waits until the picture has stayed the same for some ms, with late events drawn."""
        before = None
        while before != (before := self.pixels()):
            self.page.wait_for_timeout(rest)

    def pixels(self) -> str:
        """What differs when the picture does: its paths, and the texts in it."""
        found: str = self.page.evaluate(
            """panels => [...panels.querySelectorAll('path, text, .divlab-title')].map(node =>
                node.getAttribute('d') ?? node.textContent).join('|')""",
            self.picture.element_handle(),
        )
        return found

    def controls(self, kind: str) -> list[Any]:
        """The visible, enabled controls of a kind."""
        css = {
            "slider": f".widget-hslider:visible:not({_IS_STEP}) .noUi-handle",
            "scrubber": f".widget-hslider:visible{_IS_STEP} .noUi-handle",
            "menu": "select:visible:not([disabled])",
            "toggles": ".widget-toggle-buttons:visible",
            "number": "input[type=number]:visible:not([disabled])",
        }[kind]
        found: list[Any] = self.box.locator(css).all()
        return found

    def button(self, name: str) -> Any:
        """The visible button with this label."""
        return self.box.locator("button:visible").filter(
            has_text=re.compile(rf"^\s*{re.escape(name)}\s*$")
        )

    def state(self) -> str:
        """The line of JSON to share."""
        return str(self.box.locator(".divlab-state input").input_value())

    def expect(self, **values: float) -> None:
        """Waits until the state has these values; the kernel sends it after the picture."""
        end = time.monotonic() + 10
        while not values.items() <= json.loads(self.state()).items():
            assert time.monotonic() < end, f"expected {values}, got {self.state()}"
            self.page.wait_for_timeout(20)

    def paste(self, state: str) -> None:
        """Goes to the state of this line of JSON, as a user does."""
        field = self.box.locator(".divlab-state input")
        field.fill(state)
        field.press("Enter")


def screenshots(page: Any, name: str) -> None:
    """Stores what the page shows, on a wide and a narrow window and on a phone."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    for width in (1400, 1000, 420):
        page.set_viewport_size({"width": width, "height": 1000})
        page.wait_for_timeout(300)
        page.screenshot(path=SHOTS / f"{name}-{width}.png")
    page.set_viewport_size({"width": 1400, "height": 1000})


def operate(shown: Shown) -> None:
    """Every slider, menu, number and toggle of an explorer: by keyboard, then by mouse.

    The one over the steps of a training is left out: it cannot move before anything is trained.
    """
    page = shown.page
    for i in range(len(shown.controls("slider"))):

        def press(i: int = i) -> None:
            handle = shown.controls("slider")[i]
            handle.focus()
            page.keyboard.press("ArrowRight")
            page.keyboard.press("ArrowRight")

        def drag(i: int = i) -> None:  # towards the middle: at an end it would not move
            handle = shown.controls("slider")[i]
            box = handle.bounding_box()
            track = handle.locator("xpath=ancestor::*[contains(@class, 'noUi-target')]")
            around = track.bounding_box()
            x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
            is_left = x < around["x"] + around["width"] / 2
            page.mouse.move(x, y)
            page.mouse.down()
            page.mouse.move(x + (40 if is_left else -40), y, steps=4)
            page.mouse.up()

        shown.changes(press)
        shown.changes(drag)

    def chosen(i: int) -> int:
        place: int = shown.controls("menu")[i].evaluate("menu => menu.selectedIndex")
        return place

    for i in range(len(shown.controls("menu"))):

        def choose(i: int = i) -> None:  # what was not chosen before
            shown.controls("menu")[i].select_option(index=0 if chosen(i) == 1 else 1)

        def type_to(i: int = i) -> None:
            key = "ArrowUp" if chosen(i) else "ArrowDown"
            shown.controls("menu")[i].focus()
            page.keyboard.press(key)

        shown.changes(choose)
        shown.changes(type_to)
    for toggles in shown.controls("toggles"):
        buttons = toggles.locator("button")
        shown.changes(buttons.nth(1).click)
        buttons.nth(0).focus()
        shown.changes(lambda: page.keyboard.press("Enter"))
    for i in range(len(shown.controls("number"))):

        def fill(i: int = i) -> None:
            shown.controls("number")[i].fill("7")
            page.keyboard.press("Enter")

        shown.changes(fill)


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
        shown.expect(trained=paused + 20)
    shown.controls("scrubber")[0].focus()
    shown.changes(lambda: page.keyboard.press("Home"))
    shown.expect(step=0)
    shown.controls("scrubber")[0].focus()
    shown.changes(lambda: page.keyboard.press("ArrowRight"))
    shown.expect(step=20)
    shown.changes(shown.button("Rewind").click)
    shown.expect(trained=0)
    shown.button("Train").focus()
    shown.changes(lambda: page.keyboard.press("Enter"))
    page.wait_for_function(
        "box => /\\b2000 of 2000\\b/.test(box.innerText)",
        arg=shown.box.element_handle(),
        timeout=180_000,
    )
    shown.button("Train").wait_for(timeout=60_000)
    shown.check()
