"""Every explorer on the page that `make dashboard` serves: operated by mouse and by keyboard."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from divlab.explore import EXPLORERS

from .pages import Shown, browser, operate, screenshots, serve, train_and_scrub

NAMES = {entry.title: name for name, entry in EXPLORERS.items()}
TRAINERS = {
    "elbo_gap", "gan_game", "minimum_divergence", "mode_collapse", "wasserstein_gan",
    "objective_zoo",
}  # fmt: skip


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The page that `make dashboard` serves, in a browser."""
    cells = json.loads((Path(__file__).parents[2] / "dashboard/explorers.ipynb").read_text())[
        "cells"
    ]
    folder = tmp_path_factory.mktemp("dashboard")
    sources = ["".join(cell["source"]) for cell in cells]
    with serve(folder, sources, voila=True) as address, browser() as page:
        page.address, page.sockets = address, []
        page.on("websocket", lambda socket: page.sockets.append(socket.url))
        page.goto(address)
        page.get_by_role("link", name="NLL is KL").first.wait_for(timeout=120_000)
        yield page


@pytest.mark.parametrize("title", NAMES)
def test_every_control_of_the_dashboard(dashboard: Any, title: str) -> None:
    """A control could work from Python and not on the page."""
    page, name = dashboard, NAMES[title]
    page.errors.clear()
    shown = choose(page, title)
    shown.wait()
    shown.check()
    operate(shown)
    if name in TRAINERS:
        train_and_scrub(shown)
    shown.settle()  # links to files go when the picture changes
    shown.button("Save figure").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".divlab-explorer:visible a[download$='.svg']", timeout=20_000)
    screenshots(page, name)
    assert page.errors == []


def test_a_click_on_the_plane_of_the_dirac_gan(dashboard: Any) -> None:
    """A click could be lost on its way to the kernel, or land elsewhere in a scaled picture."""
    page = dashboard
    shown = choose(page, "Dirac-GAN")
    shown.wait()
    plane = shown.box.locator(".divlab-marks").first
    box = plane.bounding_box()

    def start_at(across: float, up: float) -> tuple[float, float]:
        at = box["x"] + across * box["width"], box["y"] + (1 - up) * box["height"]
        shown.changes(lambda: page.mouse.click(*at))
        state = json.loads(shown.state())
        return state["theta"], state["psi"]

    # The plane goes from -2.2 to 2.2 both ways.
    assert start_at(0.25, 0.25) == pytest.approx((-1.1, -1.1), abs=0.11)
    assert start_at(0.8, 0.75) == pytest.approx((1.32, 1.1), abs=0.11)


def test_the_address_leads_back(dashboard: Any) -> None:
    """A link that one visitor sends could open something else for another."""
    page = dashboard
    shown = choose(page, "NLL is KL")
    shown.changes(lambda: shown.paste(json.dumps(json.loads(shown.state()) | {"mean": -2.5})))
    page.wait_for_function("() => location.hash.includes('mean=-2.5')", timeout=10_000)
    hash_of_it = page.evaluate("() => location.hash")
    page.get_by_role("link", name="All explorers").click()
    page.get_by_role("link", name="Estimators").first.wait_for()
    screenshots(page, "dashboard")
    page.goto(page.address.rstrip("/") + "/" + hash_of_it)
    page.reload()
    shown = Shown(page)
    shown.wait()
    shown.expect(mean=-2.5)


def choose(page: Any, title: str) -> Shown:
    """Opens an explorer by its link."""
    page.get_by_role("link", name=title).first.click()
    page.get_by_role("heading", name=title, exact=True).wait_for(timeout=60_000)
    shown = Shown(page)
    shown.wait()
    return shown
