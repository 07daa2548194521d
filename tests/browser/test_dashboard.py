"""Every explorer on the page that `make dashboard` serves: operated by mouse and by keyboard."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from divlab.explore import EXPLORERS

from .pages import CHROMIUM, Shown, browser, operate, screenshots, serve, train_and_scrub

NAMES = {entry.title: name for name, entry in EXPLORERS.items()}
TRAINERS = {
    "elbo_gap", "gan_game", "minimum_divergence", "mode_collapse", "wasserstein_gan",
    "objective_zoo",
}  # fmt: skip

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium on this machine (on Debian: apt-get install chromium)"
)


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
        Shown(page).wait()
        yield page


@pytest.mark.parametrize("title", NAMES)
def test_every_control_of_the_dashboard(dashboard: Any, title: str) -> None:
    """A control could work from Python and not on the page."""
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
    shown.settle()  # links to files go when the picture changes
    shown.button("Save figure").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".divlab-explorer:visible a[download$='.svg']", timeout=20_000)
    screenshots(page, name)
    assert page.errors == []


def test_a_click_on_the_plane_of_the_dirac_gan(dashboard: Any) -> None:
    """A click could be lost on its way to the kernel, or land elsewhere in a scaled picture."""
    page = dashboard
    page.get_by_role("button", name="Dirac-GAN", exact=True).click()
    page.wait_for_timeout(500)
    shown = Shown(page)
    shown.wait()
    image = shown.box.locator("img").first
    box = image.bounding_box()

    def start_at(across: float, down: float) -> tuple[float, float]:
        at = {"x": across * box["width"], "y": down * box["height"]}
        shown.changes(lambda: image.click(position=at))
        state = json.loads(shown.state())
        return state["theta"], state["psi"]

    # The plane fills most of the left half, from -2.2 to 2.2 both ways.
    left, low = start_at(0.15, 0.75)
    right, high = start_at(0.4, 0.25)
    assert max(left, low) < -0.8
    assert min(right, high) > 0.8


# What a visitor might try: to send code to the kernel that the page talks with.
SEND = """
async ([channels, code]) => {
    const socket = new WebSocket(channels);
    await new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = reject; });
    const seen = [];
    socket.onmessage = event => { if (typeof event.data === 'string') seen.push(event.data); };
    const send = (type, content) => socket.send(JSON.stringify({
        header: {msg_id: crypto.randomUUID(), username: '', session: 'visitor', msg_type: type,
                 version: '5.3', date: new Date().toISOString()},
        parent_header: {}, metadata: {}, content, channel: 'shell', buffers: [],
    }));
    const heard = async type => {
        for (let i = 0; i < 50 && !seen.some(s => JSON.parse(s).msg_type === type); i++)
            await new Promise(resolve => setTimeout(resolve, 100));
        return seen.some(s => JSON.parse(s).msg_type === type);
    };
    send('execute_request', {code, silent: false, store_history: false, user_expressions: {},
                             allow_stdin: false, stop_on_error: true});
    send('kernel_info_request', {});
    const answered = await heard('kernel_info_reply');
    socket.close();  // before a picture comes: Voilà misreads those of sockets like this one
    return [answered, seen.map(s => JSON.parse(s).msg_type)];
}
"""


def test_the_dashboard_shows_no_code_and_runs_none(dashboard: Any, tmp_path: Path) -> None:
    """A visitor could run code of their own on the machine that serves the page."""
    page = dashboard
    assert "import divlab" not in page.content()
    assert page.locator(".jp-InputArea-editor, .jp-CodeMirrorEditor, textarea").count() == 0
    kernels = page.evaluate(
        "async base => (await fetch(base + 'api/kernels')).status", page.address
    )
    assert kernels in (403, 404)
    for path in ("api/contents", "api/terminals", "files/page.ipynb", "lab", "tree"):
        status = page.evaluate("async url => (await fetch(url)).status", page.address + path)
        assert status in (403, 404), path
    written = tmp_path / "written"
    channels = page.sockets[0].split("?")[0]
    answered, seen = page.evaluate(SEND, [channels, f"open({str(written)!r}, 'w').close()"])
    assert answered, seen  # the kernel hears the visitor, but takes no code
    assert not {"execute_input", "execute_reply", "error"} & set(seen), seen
    assert not written.exists()


# A file that falls on an element, as a browser reports it.
DROP = """
(box, [name, content]) => {
    const data = new DataTransfer();
    data.items.add(new File([content], name));
    const how = {dataTransfer: data, bubbles: true, cancelable: true};
    for (const type of ['dragenter', 'dragover', 'drop'])
        box.dispatchEvent(new DragEvent(type, how));
}
"""


EVIL = "<img src=x onerror='window.evil = 1'>"
LINK = r"$\href{javascript:window.evil=1}{x}$"


def test_nothing_that_a_visitor_sends_is_shown_as_html(dashboard: Any) -> None:
    """A state or a file that somebody passes on could carry a script."""
    page = dashboard
    page.get_by_role("button", name="Mode collapse", exact=True).click()
    page.wait_for_timeout(500)
    shown = Shown(page)
    shown.wait()
    shown.paste(json.dumps({EVIL: 1}))
    page.get_by_text(re.compile(r"state has .*<img src=x")).wait_for(timeout=20_000)
    for name in (EVIL, LINK):
        shown.paste(json.dumps({"data": {"name": name, "values": [1.0, 2.0, 4.0]}}))
        page.get_by_text(re.compile(r"3 values")).wait_for(timeout=60_000)
        shown.wait()
        zone = shown.box.get_by_text("or drop a file here")
        zone.evaluate(DROP, [f"{name}.csv", f"{name},{EVIL}\n1,2\n3,4\n5,7\n8,9\n"])
        page.get_by_text(re.compile(r"4 values")).wait_for(timeout=60_000)
        shown.wait()
    page.wait_for_timeout(500)
    assert page.evaluate("() => window.evil") is None
    assert page.locator("img[src='x'], a[href^='javascript']").count() == 0
    shown.button("Without it").click()
    page.get_by_text(re.compile(r"4 values")).wait_for(state="hidden", timeout=60_000)
    shown.wait()


@pytest.mark.parametrize("way", ["dropped", "chosen"])
def test_a_file_of_measurements(dashboard: Any, tmp_path: Path, way: str) -> None:
    """A file could be lost on its way from the page to the kernel."""
    page = dashboard
    page.get_by_role("button", name="Mode collapse", exact=True).click()
    page.wait_for_timeout(500)
    shown = Shown(page)
    shown.wait()

    def give(name: str, text: str) -> None:
        if way == "dropped":
            shown.box.get_by_text("or drop a file here").evaluate(DROP, [name, text])
            return
        (tmp_path / name).write_text(text)
        with page.expect_file_chooser() as chooser:
            shown.button("Own data").click()
        chooser.value.set_files(tmp_path / name)

    give("words.csv", "a,b\nfoo,bar\n")
    page.get_by_text(re.compile("words.csv has no column of numbers")).wait_for(timeout=20_000)
    before = shown.pixels()
    give("numbers.csv", "minutes\n" + "\n".join(f"{2 + (i % 5) / 4}" for i in range(60)))
    page.get_by_text("numbers.csv, minutes: 60 values").wait_for(timeout=60_000)
    page.get_by_text("This did not work").wait_for(state="hidden", timeout=60_000)
    shown.wait()
    assert shown.pixels() != before
    shown.changes(shown.button("Without it").click)


# A file without content worth reading, but of this size, that falls on an element.
DROP_LARGE = """
(box, [name, size]) => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(size)], name));
    box.dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true}));
}
"""


def test_files_that_are_large_open_to_question_or_hostile(dashboard: Any) -> None:
    """A large file could close the connection, and a name or a cell be run as HTML."""
    page = dashboard
    page.errors.clear()  # those of a request that was refused, say
    page.get_by_role("button", name="Divergences", exact=True).click()
    page.wait_for_timeout(500)
    shown = Shown(page)
    shown.wait()
    zone = shown.box.get_by_text("or drop a file here")
    zone.evaluate(DROP_LARGE, ["huge.csv", 21_000_000])
    page.get_by_text("huge.csv has 21 MB; up to 20 MB can be sent.").wait_for(timeout=20_000)
    zone.evaluate(DROP_LARGE, ["zeros.csv", 11_000_000])  # arrives in parts, and is no text
    page.get_by_text("zeros.csv is not a text file").wait_for(timeout=60_000)
    evil = "<img src=x onerror=window.hacked=1>"
    lines = [f"{evil};y", *(f"{1 + i % 7}.{200 + i};{i}" for i in range(40))]
    zone.evaluate(DROP, [f"{evil}.csv", "\n".join(lines)])
    page.get_by_text("can be read in 2 ways").wait_for(timeout=20_000)
    before = shown.pixels()
    shown.box.locator("select:visible").last.select_option(label="1200 and 0")
    page.get_by_text(f"{evil}.csv, {evil}: 40 values").wait_for(timeout=60_000)
    page.get_by_text("This did not work").wait_for(state="hidden", timeout=60_000)
    assert shown.pixels() != before
    assert page.evaluate("() => window.hacked") is None
    assert shown.box.locator("img[src='x']").count() == 0
    state = json.loads(shown.state())
    assert state["data"]["samples"][0][:2] == [1200, 2201]
    shown.changes(shown.button("Without them").click)
    assert page.errors == []
