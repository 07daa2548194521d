"""From a key press to changed pixels in JupyterLab in Chromium, and how long opening takes.

The peers draw the same two-panel figure from the same functions: one is `interact` of ipywidgets
with inline matplotlib, the other is ipympl.
"""

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from divlab.explore import EXPLORERS
from tests.browser.pages import Shown, browser, run_all, serve

PRESSES = 50
FIGURE = """
import numpy as np, jax, jax.numpy as jnp, matplotlib.pyplot as plt, ipywidgets as widgets
from numpyro.distributions import Normal
from divlab.targets import two_gaussians
X, MEANS = np.linspace(-9, 9, 361), np.linspace(-4, 4, 33)

@jax.jit
def curves(separation):
    data, model = two_gaussians(separation, 0.5), Normal(1.0, 1.5)
    x = jnp.asarray(X)
    nll = jax.vmap(lambda mean: divlab.cross_entropy(data, Normal(mean, 1.5)))(jnp.asarray(MEANS))
    kl = jax.vmap(lambda mean: divlab.kl(data, Normal(mean, 1.5)))(jnp.asarray(MEANS))
    return jnp.exp(data.log_prob(x)), jnp.exp(model.log_prob(x)), nll, kl
"""
INTERACT = """
%matplotlib inline
def draw(separation=4.0):
    p, q, nll, kl = curves(separation)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.2, 3.7), dpi=150)
    left.plot(X, p); left.plot(X, q); right.plot(MEANS, nll); right.plot(MEANS, kl)
    plt.show()
widgets.interact(draw, separation=widgets.FloatSlider(value=4.0, min=0.0, max=8.0, step=0.1));
"""
IPYMPL = """
%matplotlib widget
figure, (left, right) = plt.subplots(1, 2, figsize=(9.2, 3.7), dpi=150)
p, q, nll, kl = curves(4.0)
lines = left.plot(X, p) + left.plot(X, q) + right.plot(MEANS, nll) + right.plot(MEANS, kl)
control = widgets.FloatSlider(value=4.0, min=0.0, max=8.0, step=0.1)
def update(change):
    for line, values in zip(lines, curves(change["new"])):
        line.set_ydata(values)
    figure.canvas.draw_idle()
control.observe(update, "value")
display(control)
"""
# Gives a text or number that differs when the picture in the box does: `kind` says what draws it.
SIGNATURE = """
const signature = (box, kind) => {
    if (kind === 'svg')
        return [...box.querySelectorAll('.divlab-drawing path')].map(path =>
            path.getAttribute('d')).join();
    if (kind === 'canvas') {
        const canvas = box.querySelector('canvas');
        const context = canvas.getContext('2d');
        const data = context.getImageData(0, 0, canvas.width, canvas.height).data;
        let hash = 0;
        for (let i = 0; i < data.length; i += 16) hash = (Math.imul(hash, 31) + data[i]) | 0;
        return hash;
    }
    const image = [...box.querySelectorAll('img')].at(-1);
    return image ? image.src : 'none';
};
const changed = async (box, kind, before, start) => {
    while (performance.now() - start < 5000) {
        await new Promise(requestAnimationFrame);
        const now = signature(box, kind);
        if (now === before || now === 'none') continue;
        if (kind === 'image') {
            await [...box.querySelectorAll('img')].at(-1).decode().catch(() => {});
            await new Promise(requestAnimationFrame);
        }
        return performance.now() - start;
    }
    return NaN;
};
"""
# Presses a key, and gives the milliseconds until the picture in the box has changed, or NaN if it
# has not changed after 5 s.
PRESS = f"""
async ([box, handle, key, kind]) => {{
    {SIGNATURE}
    const before = signature(box, kind);
    handle.focus();
    const start = performance.now();
    handle.dispatchEvent(new KeyboardEvent('keydown', {{key, bubbles: true, cancelable: true}}));
    return changed(box, kind, before, start);
}}
"""
# Waits for the pointer to move, and then for the picture to change.
AWAIT_MOVE = f"""
box => {{
    {SIGNATURE}
    const before = signature(box, 'svg');
    window.timed = new Promise(resolve => addEventListener('pointermove', () =>
        resolve(changed(box, 'svg', before, performance.now())), {{capture: true, once: true}}));
}}
"""
# Two hundred presses at once, of which the last leads to the end of the slider; the milliseconds
# from that one until the explorer shows it, and whether it still does so half a second later.
FLOOD = """
async ([box, handle, end]) => {
    const press = key => handle.dispatchEvent(
        new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}));
    const shows = () => box.querySelector('.divlab-state input').value.includes(end);
    handle.focus();
    for (let i = 0; i < 199; i++) press(i % 20 < 10 ? 'ArrowRight' : 'ArrowLeft');
    press('End');
    const start = performance.now();
    while (!shows() && performance.now() - start < 5000) await new Promise(requestAnimationFrame);
    const time = performance.now() - start;
    await new Promise(resolve => setTimeout(resolve, 500));
    return shows() ? time : NaN;
}
"""


def latency(page: Any, box: Any, handle: Any, kind: str) -> list[float]:
    """Presses a key 50 times, to and fro, and gives the milliseconds until the pixels change."""
    times = []
    box.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    for i in range(PRESSES + 4):
        key = "ArrowRight" if (i // 8) % 2 == 0 else "ArrowLeft"
        argument = [box.element_handle(), handle.element_handle(), key, kind]
        times.append(page.evaluate(PRESS, argument))
        page.wait_for_timeout(150)
    return times[4:]


def drag(page: Any, box: Any, grip: Any) -> list[float]:
    """Drags a handle of the picture, to and fro, and gives the milliseconds of each move."""
    times = []
    grip.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    at = grip.bounding_box()
    x, y = at["x"] + at["width"] / 2, at["y"] + at["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for i in range(PRESSES + 4):
        # Never beyond where it began: a training's last step is at the right end.
        x += -4 if (i // 5) % 2 == 0 else 4
        page.evaluate(AWAIT_MOVE, box.element_handle())
        page.mouse.move(x, y)
        times.append(page.evaluate("() => window.timed"))
        page.wait_for_timeout(150)
    page.mouse.up()
    return times[4:]


def report(name: str, times: list[float], peers: list[float]) -> float:
    """Prints a line of the table, and gives the median of these times."""
    median = statistics.median(times)
    high = sorted(times)[int(0.95 * len(times)) - 1]
    ratios = " ".join(f"{peer / median:7.1f}" for peer in peers)
    print(f"{name:34s} {median:8.0f} {high:8.0f} {high / median:6.2f} {ratios}", flush=True)
    return median


def run() -> None:
    """Measures and prints both tables."""
    with tempfile.TemporaryDirectory() as cache:
        os.environ["JAX_COMPILATION_CACHE_DIR"] = cache
        key_to_pixels()
        opening()


def key_to_pixels() -> None:
    """Measures the way from a key press to changed pixels, of the peers and of four explorers."""
    names = ("nll_is_kl", "divergences", "disjoint_supports")
    setup = "import divlab; divlab.configure()"
    explorers = [f"divlab.explore.{name}()" for name in names]
    explorers += ["explorer = divlab.explore.mode_collapse(); explorer.train(); explorer"]
    print(
        f"{'from key to pixels, ms':34s} {'median':>8s} {'95 %':>8s} {'ratio':>6s} interact  ipympl"
    )
    peers: list[float] = []
    # Each has a page of its own, because they set matplotlib up in different ways.
    for name, cell, kind in (("interact", INTERACT, "image"), ("ipympl", IPYMPL, "canvas")):
        with opened([setup + FIGURE, cell]) as page:
            box = page.locator(".jp-CodeCell").nth(1)
            box.locator(f"{'img' if kind == 'image' else kind}").first.wait_for()
            handle = box.locator(".noUi-handle").first
            peers.append(report(name, latency(page, box, handle, kind), peers))
    with opened([setup, *explorers]) as page:
        for i, name in enumerate((*names, "mode_collapse")):
            shown = Shown(page, i)
            shown.wait()
            is_trained = name == "mode_collapse"
            handles = shown.box.locator(".noUi-handle")
            handle = handles.last if is_trained else handles.first
            what = "step" if is_trained else "first slider"
            report(f"{name}, {what}", latency(page, shown.box, handle, "svg"), peers)
            grips = shown.box.locator(".divlab-grip")
            grip = grips.last if is_trained else grips.first
            report(f"{name}, pointer", drag(page, shown.box, grip), peers)
        shown = Shown(page, 0)
        handle = shown.box.locator(".noUi-handle").first.element_handle()
        ended = page.evaluate(FLOOD, [shown.box.element_handle(), handle, '"separation": 8.0'])
        print(f"{'nll_is_kl, 200 events at once':34s} {ended:8.0f}", flush=True)


@contextlib.contextmanager
def opened(cells: list[str]) -> Iterator[Any]:
    """A page of JupyterLab on which these cells have run."""
    folders = tempfile.TemporaryDirectory()
    with folders as folder, serve(Path(folder), cells) as address, browser() as page:
        page.goto(address)
        run_all(page)
        yield page


def opening() -> None:
    """Opens each explorer in two fresh processes: without programs on disk, then with them."""
    print(f"{'opening an explorer, s':34s} {'cold':>8s} {'warm':>8s}")
    for name in EXPLORERS:
        with tempfile.TemporaryDirectory() as cache:
            os.environ["JAX_COMPILATION_CACHE_DIR"] = cache
            print(f"{name:34s} {open_once(name):8.1f} {open_once(name):8.1f}", flush=True)


def open_once(name: str) -> float:
    """Seconds to make an explorer and its first picture; importing its module is not counted."""
    code = (
        "import time, divlab, divlab.explore; divlab.configure(); "
        f"import jax; jax.numpy.zeros(3).block_until_ready(); make = divlab.explore.{name}; "
        "start = time.perf_counter(); make().result; print(time.perf_counter() - start)"
    )
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(found)
