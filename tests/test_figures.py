"""Matplotlib's painter shows what a scene says."""

import itertools
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.text import Text

from divlab import figures
from divlab.figures.packing import packed
from divlab.figures.painter import mathtext
from divlab.figures.scene import (
    ROLES,
    Area,
    Arrows,
    Axis,
    Bars,
    Drag,
    Handle,
    Line,
    Panel,
    Points,
    Rug,
    Rule,
    Scene,
    Texts,
)

X = np.linspace(-3, 3, 13)
CURVE = np.where(X == 0, np.nan, np.exp(-(X**2) / 2))
SIZES = 2.0 ** np.arange(5, 13)
KINDS = {float(i): name for i, name in enumerate(["KL(P‖Q)", "H^{2}", "χ²", "W₁", "D_{∞}"])}
HEIGHTS = np.array([0.5, 30.0, 2.0, 0.05, 300.0])

DENSITIES = Panel(
    "Data and model, with a title that is longer than its panel is wide",
    Axis("x", -3, 3),
    Axis("density", 0, 0.5),
    marks=(
        Area(X, 0 * X, CURVE, role="model", hatch="/", label="overlap"),
        Line(X, CURVE, label="data p"),
        Line(X, 0.5 * CURVE, role="model", label="model p_{θ}"),
        Line(X, X**2 - 1e9, role="fourth", label="far below, ‖x‖² ≥ 0 and −ψ(x)"),
        Rug(X[::3], 0.02, role="other", label="samples"),
    ),
    handles=(Handle(0.0, 0.4, Drag("mean"), label="the mean"),),
)
DIVERGENCES = Panel(
    "Divergences",
    Axis(
        "nats, or units of x for the distance W₁, which alone of them has a unit",
        0.01,
        1000,
        scale="log",
    ),
    Axis("", 4.5, -0.5, ticks=KINDS),
    marks=(
        Bars(np.arange(5.0), np.full(5, 0.01), HEIGHTS, 0.6, role="model"),
        Texts(1.3 * HEIGHTS[:4], np.arange(4.0), ("0.5", "30", "2", "5×10^{−2}")),
        Rule(1.0, role="lost", label="1 nat"),
    ),
)
LOSSES = Panel(
    "Loss",
    Axis("step", 0, 2000),
    Axis("nats", -0.5, 3),
    right=Axis("critic's slope E_{p}[D]", 0, 1),
    marks=(
        Line(np.array([0.0, 1000, 2000]), np.array([3.0, 1, 0]), label="generator"),
        Points(np.array([500.0]), np.array([0.75]), on_right=True, role="other", label="critic"),
        Rule(0.0, along="x", role="muted"),
    ),
)
PLANE = Panel(
    "Phase plane",
    Axis("θ", -2, 2),
    Axis("ψ", -2, 2),
    equal=True,
    marks=(
        Arrows(np.array([0.0, 1.0]), np.array([1.0, 0]), np.array([0.5, 0]), np.array([0, -0.5])),
        Points(np.zeros(1), np.zeros(1), shape="plus", label="rest"),
    ),
)
ERRORS = Panel(
    "Error",
    Axis("samples n of each", 32, 4096, scale="log", ticks={n: f"{n:g}" for n in SIZES}),
    Axis("root mean square error of the estimate", 1e-3, 10, scale="log"),
    marks=(
        Line(SIZES, 9 / SIZES, role="third", dots=True, label="nearest neighbours"),
        Texts(np.array([0.9]), np.array([0.9]), ("$5 at ∞",), anchor="end", of_panel=True),
    ),
)
NULL = Panel(
    "",
    Axis("D", 0, 1),
    Axis("permutations", 0, 100),
    marks=(
        Bars(np.array([0.25, 0.5]), np.zeros(2), np.array([80.0, 20]), 0.2, along="y", label="all"),
        *(Rule(0.1 * n, role="muted", label=f"{n}") for n in range(11)),
    ),
)
SCENE = Scene(
    (DENSITIES, DIVERGENCES, LOSSES, PLANE, ERRORS, NULL),
    columns=3,
    widths=(1.2, 1, 1),
    height=0.85,
)


@pytest.fixture(scope="module")
def axes() -> Any:
    """The axes of each panel, and last the one at the right of the losses."""
    return figures.paint(SCENE, "Everything").axes


def legends(axes: Axes) -> list[Legend]:
    """From the row below the title to the row above the plot."""
    found = [one for one in axes.get_children() if isinstance(one, Legend)]
    return sorted(found, key=lambda one: -one.get_window_extent().y0)


def names(axes: Axes) -> list[str]:
    return [text.get_text() for legend in legends(axes) for text in legend.get_texts()]


def shown(texts: Any) -> list[str]:
    return [text.get_text() for text in texts if text.get_text()]


def test_axes_are_those_of_the_scene(axes: Any) -> None:
    """A reversed axis would run forwards, or a file would show other ranges than the page."""
    pairs = [*zip(axes, SCENE.panels, strict=False)]
    for drawn, panel in pairs:
        assert drawn.get_xlim() == (panel.x.low, panel.x.high)
        assert drawn.get_ylim() == (panel.y.low, panel.y.high)
        assert (drawn.get_xscale(), drawn.get_yscale()) == (panel.x.scale, panel.y.scale)
        assert shown(drawn.get_yticklabels()) == [*map(mathtext, panel.y.shown_ticks().values())]
        for axis, ours in ((drawn.xaxis, panel.x), (drawn.yaxis, panel.y)):
            assert list(axis.get_majorticklocs()) == list(ours.shown_ticks())
            assert list(axis.get_minorticklocs()) == []
    assert LOSSES.right is not None
    assert axes[-1].get_ylim() == (0, 1)
    assert axes[-1].get_ylabel() == "critic's slope E$_{\\mathregular{p}}$[D]"
    assert shown(axes[0].get_xticklabels()) == ["−2", "0", "2"]
    assert shown(axes[4].get_xticklabels())[:2] == ["32", "128"]  # all eight have no room


def test_marks_are_where_the_browser_draws_them(axes: Any) -> None:
    """A saved file would show other curves than the page that it was saved from."""
    described, arrays = packed(SCENE)
    compared = 0
    for panel, marks, drawn in zip(SCENE.panels, described["panels"], axes, strict=False):
        for mark, one in zip(panel.marks, marks["marks"], strict=True):
            if not isinstance(mark, Line | Points):
                continue
            on_right = isinstance(mark, Points) and mark.on_right
            place = panel.right if on_right and panel.right else panel.y
            color = to_rgba(ROLES[mark.role].color)
            curves = [
                np.stack([panel.x.place(x), place.place(y)])
                for line in (axes[-1] if on_right else drawn).lines
                if to_rgba(line.get_color()) == color
                for x, y in [line.get_xydata().T]
                if len(x) == len(mark.x)
            ]
            expected = np.stack([arrays[one["x"]], arrays[one["y"]]])
            assert any(np.allclose(c, expected, atol=1e-6, equal_nan=True) for c in curves), mark
            compared += 1
    assert compared == 7


def test_bars_areas_and_rules_have_the_extents_of_the_scene(axes: Any) -> None:
    """Bars that end elsewhere than their numbers say would go unseen: the eye trusts them."""
    lying = [patch.get_bbox().extents for patch in axes[1].patches]
    at = np.arange(5.0)
    expected = np.stack([np.full(5, 0.01), at - 0.3, HEIGHTS, at + 0.3], axis=1)
    np.testing.assert_allclose(lying, expected)
    standing = [patch.get_bbox().extents for patch in axes[5].patches]
    np.testing.assert_allclose(standing, [[0.15, 0, 0.35, 80], [0.4, 0, 0.6, 20]])
    (area,) = axes[0].collections
    assert area.get_hatch() == "//"
    np.testing.assert_allclose(
        [area.get_datalim(axes[0].transData).ymin, area.get_datalim(axes[0].transData).ymax],
        [0, np.nanmax(CURVE)],
    )
    (arrows,) = axes[3].collections
    np.testing.assert_array_equal(np.stack([arrows.U, arrows.V]), [[0.5, 0], [0, -0.5]])
    assert arrows.scale == 1
    assert [line.get_xdata() for line in axes[1].lines] == [[1.0, 1.0]]
    assert [t.get_text() for t in axes[4].texts] == [r"\$5 at ∞"]


def test_legends_name_all_marks_in_their_order(axes: Any) -> None:
    """A curve without a name, or with its neighbour's, would be read as another one."""
    for drawn, panel in zip(axes, SCENE.panels, strict=False):
        expected = [mathtext(mark.label) for mark in panel.marks if mark.label]
        assert [name.replace("\n", " ") for name in names(drawn)] == expected
    handles = [handle for legend in legends(axes[0]) for handle in legend.legend_handles]
    colors = [handle.get_color() for handle in handles if isinstance(handle, Line2D)]
    roles = [mark.role for mark in DENSITIES.marks[1:]]
    assert colors == [ROLES[role].color for role in roles]


@pytest.mark.parametrize(
    ("panels", "columns", "height", "width"),
    [(SCENE.panels, 2, 1.5, 9.2), (SCENE.panels, 3, 1.0, 9.2), ((NULL,), 1, 0.66, 4.0)],
)
def test_no_text_meets_another_or_is_cut_off(
    panels: tuple[Panel, ...], columns: int, height: float, width: float
) -> None:
    """Long titles and legends would run into each other or out of the picture."""
    figure = figures.paint(Scene(panels, columns, height=height), width=width)
    figure.canvas.draw()
    texts = [text for text in figure.findobj(Text) if text.get_visible()]
    boxes = [(t, t.get_window_extent()) for t in texts if t.get_text().strip()]
    assert len(boxes) > 10 * len(panels)
    for (one, box), (other, another) in itertools.combinations(boxes, 2):
        assert not box.overlaps(another), f"{one} meets {other}"
    for one, box in boxes:
        assert min(*box.p0, *(figure.bbox.p1 - box.p1)) >= 0, f"{one} is cut off"
    for axes in figure.axes:
        for part in (*legends(axes), axes.xaxis.label):
            assert part.get_window_extent().width <= axes.bbox.width + 1, f"{part} leaves its panel"
        label = axes.yaxis.label
        assert label.get_window_extent().height <= axes.bbox.height + 1, f"{label} leaves its panel"
