"""Exported pages, opened from a file in Chromium with the network off.

The docstring of each test says what could go wrong without it.
"""

import contextlib
import itertools
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import divlab
from divlab.figures.scene import ROLES

from .pages import ARGUMENTS, CHROMIUM, ROOT, SHOTS

OVER = {"separation": 9, "mean": 17}


@pytest.fixture(scope="module")
def explorer() -> Any:
    """`nll_is_kl`, of which pages are made."""
    return divlab.explore.nll_is_kl()


@pytest.fixture(scope="module")
def address(explorer: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a page over two of its sliders."""
    path = tmp_path_factory.mktemp("pages") / "page.html"
    explorer.export(path, over=OVER)
    return path.as_uri()


@contextlib.contextmanager
def opened(address: str, script: str = "", **options: Any) -> Iterator[Any]:
    """A page of a browser without a network; fails where anything is said on the console."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = chromium.new_context(viewport={"width": 1400, "height": 900}, **options)
        context.set_offline(True)
        page, said = context.new_page(), []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.add_init_script(script)
        page.goto(address)
        if not script:
            page.locator(".divlab-caption").filter(has_text=".").wait_for(timeout=10_000)
        yield page
        assert said == []
        chromium.close()


def slider(page: Any, name: str) -> Any:
    """The slider of a control."""
    return page.locator(f"input[name={name}]")


def shows(page: Any, explorer: Any, address: str = "", **values: Any) -> None:
    """Waits until the page shows this state, its caption and its numbers."""
    for name, value in values.items():
        explorer.controls[name].value = value
    frame = explorer.stage.frame
    page.locator(".divlab-caption").filter(has_text=frame["caption"]).wait_for(timeout=5000)
    texts = page.locator(".divlab-number").all_text_contents()
    assert texts == [text for _, text in frame["numbers"]]
    drawing = page.locator(".divlab-drawing").first
    assert drawing.get_attribute("aria-label") == frame["caption"]
    if address:
        page.wait_for_function("hash => location.hash === hash", arg=address, timeout=5000)


def test_every_slider_by_keyboard_and_mouse(explorer: Any, address: str) -> None:
    """A slider could move its number and not the picture, or the address not follow."""
    with opened(address) as page:
        shows(page, explorer, separation=4.0, mean=1.0)
        slider(page, "separation").focus()
        page.keyboard.press("ArrowRight")
        shows(page, explorer, "#separation=5&mean=1", separation=5.0)
        page.keyboard.press("End")
        shows(page, explorer, "#separation=8&mean=1", separation=8.0)
        page.keyboard.press("Tab")
        page.keyboard.press("Home")
        shows(page, explorer, "#separation=8&mean=-4", mean=-4.0)
        outputs = page.locator(".divlab-control output").all_text_contents()
        assert outputs == ["8", "−4.0"]
        assert slider(page, "mean").get_attribute("aria-valuetext") == "−4.0"
        for name, value in (("separation", 2.0), ("mean", 2.0)):
            box, positions = slider(page, name).bounding_box(), explorer.controls[name]
            share = (value - positions.min) / (positions.max - positions.min)
            page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            page.mouse.down()
            page.mouse.move(box["x"] + 8 + share * (box["width"] - 16), box["y"] + 10, steps=5)
            page.mouse.up()
            explorer.controls[name].value = value
            shows(page, explorer)


def test_numbers_at_random_states(explorer: Any, address: str) -> None:
    """Some state could be stored in another's place."""
    states = list(itertools.product(np.linspace(0, 8, 9), np.linspace(-4, 4, 17)))
    chosen = np.random.default_rng(0).choice(len(states), 30, replace=False)
    with opened(address) as page:
        for separation, mean in (states[i] for i in chosen):
            page.evaluate(
                "hash => { location.hash = hash; }", f"separation={separation}&mean={mean}"
            )
            shows(page, explorer, separation=float(separation), mean=float(mean))


def test_the_address_leads_to_a_state(explorer: Any, address: str) -> None:
    """A link could open another state than the one that was seen, or the way back be lost."""
    with opened(f"{address}#separation=2.9&mean=-1.4") as page:
        shows(page, explorer, "#separation=3&mean=-1.5", separation=3.0, mean=-1.5)
        page.evaluate("location.hash = '#separation=0&mean=nonsense'")
        shows(page, explorer, "#separation=0&mean=1", separation=0.0, mean=1.0)
        page.go_back()
        shows(page, explorer, "#separation=3&mean=-1.5", separation=3.0, mean=-1.5)


def test_handles_move_the_sliders_of_the_page(explorer: Any, address: str) -> None:
    """A handle could do nothing, or be offered for what is fixed."""
    with opened(f"{address}#separation=4&mean=0") as page:
        grips = page.locator(".divlab-grip")
        labels = [grip.get_attribute("aria-label") for grip in grips.all()]
        assert labels == ["the right mode", "the model's mean", "the model's mean"]
        grips.nth(1).focus()
        page.keyboard.press("ArrowRight")
        shows(page, explorer, "#separation=4&mean=0.5", separation=4.0, mean=0.5)
        assert slider(page, "mean").input_value() == "9"
        box = grips.nth(0).bounding_box()
        at = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(*at)
        page.mouse.down()
        page.mouse.move(at[0] + 40, at[1], steps=5)
        page.mouse.up()
        page.wait_for_function("() => !location.hash.includes('separation=4&')", timeout=5000)
        moved = 4 + 2 * 40 * 18 / page.locator(".divlab-frame").first.bounding_box()["width"]
        shows(page, explorer, separation=float(np.rint(moved)))


def test_values_under_the_pointer_have_digits_that_are_known(address: str) -> None:
    """Positions are known to 1/12000 of the axis of 0.5 here: a fifth decimal would be made up."""
    with opened(f"{address}#separation=4&mean=0") as page:
        box = page.locator(".divlab-frame").first.bounding_box()
        shown = set()
        for share in np.linspace(0.2, 0.3, 6):  # in the tail of the model
            page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
            page.locator(".divlab-box-value").first.wait_for(timeout=5000)
            shown |= set(page.locator(".divlab-box:visible .divlab-box-value").all_text_contents())
        assert len(shown) > 5
        decimals = [-int(Decimal(text.replace("−", "-")).as_tuple().exponent) for text in shown]
        assert max(decimals) == 4, shown


def test_a_menu_and_a_name_of_several_words(tmp_path: Path) -> None:
    """The name of an option could be lost on its way into the address and back."""
    explorer = divlab.explore.disjoint_supports()
    path = tmp_path / "page.html"
    options = list(explorer.controls["family"].options)[:2]
    explorer.export(path, over={"family": options, "separation": [0.5, 1.5]})
    with opened(path.as_uri()) as page:
        for option in options:
            page.locator("select").select_option(label=option)
            shows(page, explorer, family=option)
        page.wait_for_timeout(600)
        link = page.url
        page.goto("about:blank")
        page.goto(link)
        shows(page, explorer, family=options[-1])
        assert page.locator("footer").inner_text().startswith("Fixed: ")


def test_an_old_browser_is_told_why(address: str) -> None:
    """The page would stay empty without a word."""
    with opened(address, script="delete window.DecompressionStream") as page:
        page.get_by_role("alert").filter(has_text="too old").wait_for(timeout=5000)


@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (1000, "dark"), (420, "light")])
def test_looks(address: str, width: int, scheme: Any) -> None:
    """The page could be wider than the window, or dark where it should be light."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    with opened(address, color_scheme=scheme) as page:
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        paper = page.locator("main").evaluate("main => getComputedStyle(main).backgroundColor")
        assert (paper == "rgb(255, 255, 255)") == (scheme == "light")
        page.screenshot(path=SHOTS / f"exported-{width}.png", full_page=True)


def test_a_frame_follows_the_theme_of_the_site(address: str, tmp_path: Path) -> None:
    """Curves could stay as on paper in a dark frame, or a new page forget the reader's choice."""
    # The site's theme, too, sets what the reader chose before the page is there. Here the address
    # says it: Chromium at times forgets what a page of a file stores just before it is left.
    (tmp_path / "site.html").write_text(
        "<!DOCTYPE html><html><head><script>var DOCUMENTATION_OPTIONS = {};"
        "document.documentElement.dataset.theme = location.hash.slice(1) || 'light';</script>"
        f'<script src="{(ROOT / "website/static/site.js").as_uri()}"></script></head><body>'
        f'<div class="divlab-frame"><iframe src="{address}"></iframe></div></body></html>'
    )

    def in_frame(scheme: str) -> None:
        """Waits until the curves in the frame have the colors of this theme."""
        paths = page.frame_locator("iframe").locator("[data-kind=line] path")
        paths.first.wait_for(state="attached", timeout=10_000)
        wanted = {role.on_dark if scheme == "dark" else role.color for role in ROLES.values()}
        for _ in range(50):
            strokes = paths.evaluate_all("all => all.map(one => getComputedStyle(one).stroke)")
            numbers = [re.findall(r"\d+", stroke)[:3] for stroke in strokes]
            shown = {"#" + "".join(f"{int(n):02X}" for n in rgb) for rgb in numbers if rgb}
            if shown and shown <= wanted:
                return
            page.wait_for_timeout(100)
        raise AssertionError(f"curves have the colors {shown}, which are not those of {scheme}")

    with opened("about:blank", script=";") as page:
        page.goto((tmp_path / "site.html").as_uri())
        in_frame("light")
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        in_frame("dark")
        page.evaluate("location.hash = 'dark'")
        page.reload()
        in_frame("dark")
        page.evaluate("document.documentElement.dataset.theme = 'light'")
        in_frame("light")
    with opened("about:blank", script=";", color_scheme="dark") as page:
        page.goto((tmp_path / "site.html").as_uri())
        in_frame("light")
