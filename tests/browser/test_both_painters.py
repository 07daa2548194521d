"""The browser and matplotlib show the same scene, for every explorer."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes

from divlab import figures
from divlab.figures.scene import Line, Panel, Points, Rug, Rule
from tests.explore.setting import NAMES, build

from .pages import browser
from .scenes import page

# Of each panel: its title, the labels and ticks of its axes, and the path of each mark as shares of
# the plot area, whose size the page rounds to a tenth of a pixel.
READ = r"""
() => [...document.querySelectorAll('.divlab-panel')].map(panel => {
    const text = css => panel.querySelector(css)?.textContent ?? '';
    const marks = panel.querySelector('.divlab-marks');
    const [x, y, w, h] = marks.getAttribute('viewBox').split(' ').map(Number);
    const size = [w + 2 * x, h + 2 * y];
    return {
        title: text('.divlab-title'),
        size,
        names: [text('.divlab-x-name'), text('.divlab-axis-names span')],
        ticks: ['x', 'y'].map(axis => [...panel.querySelectorAll(
            `.divlab-tick[data-axis=${axis}]`)].map(tick => tick.textContent).filter(Boolean)),
        legend: [...panel.querySelectorAll('.divlab-legend-item')].map(item => item.textContent),
        paths: [...marks.querySelectorAll('g')].map(group =>
            group.querySelector('path')?.getAttribute('d') ?? ''),
    };
})
"""


@pytest.fixture(scope="module")
def tab() -> Iterator[Any]:
    """A page of one browser for all explorers."""
    with browser() as opened:
        yield opened


@pytest.mark.parametrize("name", NAMES)
def test_both_painters_show_the_same(tab: Any, name: str) -> None:
    """A saved figure could show another range, another tick or another curve than the page."""
    explorer = build(name)
    scene = explorer.current_scene
    tab.set_content(page(scene))
    tab.wait_for_selector(".divlab-marks path", state="attached")
    shown = tab.evaluate(READ)
    painted = figures.paint(scene).axes[: len(scene.panels)]
    assert len(shown) == len(scene.panels)
    for panel, on_page, axes in zip(scene.panels, shown, painted, strict=True):
        assert on_page["title"] == plain(panel.title)
        assert plain(axes.get_title(loc="left")).strip() == plain(panel.title)
        for i, (axis, limits) in enumerate(
            ((panel.x, axes.get_xlim()), (panel.y, axes.get_ylim()))
        ):
            assert limits == pytest.approx((axis.low, axis.high), rel=1e-9)
            ticks = [plain(text) for text in axis.shown_ticks().values()]
            assert on_page["names"][i] == plain(axis.label)
            # Ticks that would touch are left out.
            assert set(on_page["ticks"][i]) <= set(ticks)
            assert len(on_page["ticks"][i]) >= min(2, len(ticks))
            labels = (axes.get_xticklabels(), axes.get_yticklabels())[i]
            texts = [plain(label.get_text()) for label in labels]
            assert [text for text in texts if text] == [t for t in ticks if t in texts]
        assert on_page["legend"] == [plain(mark.label) for mark in panel.marks if mark.label]
        lines = lines_of(axes, panel)
        for mark, path, expected in zip(panel.marks, on_page["paths"], lines, strict=True):
            seen = points_of(path, on_page["size"])
            assert np.isfinite(seen).all()
            if isinstance(mark, Line) or (isinstance(mark, Points) and mark.shape == "circle"):
                assert seen.shape == expected.shape, (name, panel.title, mark.label)
                error = np.abs(seen - expected).max(initial=0.0)
                assert error < 0.06 / min(on_page["size"]) + 1e-6, (panel.title, mark.label)
    explorer.close()


def plain(text: str) -> str:
    """A text without its markup, be it the scene's or matplotlib's."""
    text = re.sub(r"\$([_^])\{\\mathregular\{(.*?)\}\}\$", r"\1{\2}", text)
    text = re.sub(r"[_^]\{([^{}]*)\}", r"\1", text).replace(r"\$", "$")
    return re.sub(r"\\([ %_])", r"\1", text).replace("\n", " ")


def points_of(path: str, size: list[float]) -> np.ndarray:
    """The points that a path goes through, as shares of the panel, (n, 2)."""
    found = re.findall(r"[ML]([-\d.e]+) ([-\d.e]+)", path)
    points = np.array(found, float).reshape(-1, 2) / size
    return np.stack([points[:, 0], 1 - points[:, 1]], axis=1)


def lines_of(axes: Axes, panel: Panel) -> list[np.ndarray]:
    """What matplotlib drew for each mark, as shares of the panel; nothing for areas and bars."""
    (figure,) = {axes.figure}
    twins = [one for one in figure.axes if one.bbox.bounds == axes.bbox.bounds and one is not axes]
    artists = {False: iter(axes.lines), True: iter(twins[0].lines if twins else ())}
    to_shares = {
        on_right: one.transData + one.transAxes.inverted()
        for on_right, one in zip((False, True), (axes, *twins), strict=False)
    }
    found = []
    for mark in panel.marks:
        points = np.zeros((0, 2))
        if isinstance(mark, Line | Points | Rug | Rule):
            on_right = getattr(mark, "on_right", False) and panel.right is not None
            points = np.asarray(next(artists[on_right]).get_xydata(), float)
            points = to_shares[on_right].transform(points[np.isfinite(points).all(axis=1)])
        found.append(points)
    return found
