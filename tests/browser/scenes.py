"""Scenes as explorers make them, for the tests of the painters, and a page that shows one."""

import json
from typing import Any

import numpy as np

from divlab.explore.stage import Stage
from divlab.figures.packing import packed
from divlab.figures.scene import (
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
)  # fmt: skip

X = np.linspace(-9, 9, 400)
CONTROLS: dict[str, Any] = {
    "separation": {"label": "Data: separation", "low": 0.0, "high": 8.0, "step": 0.1},
    "mean": {"label": "Model: mean", "low": -4.0, "high": 4.0, "step": 0.1},
    "scale": {"label": "Model: scale", "low": 0.3, "high": 4.0, "step": 0.05},
    "samples": {"label": "Samples", "options": [30, 100, 300, 1000]},
    "theta": {"label": "Start θ", "low": -2.0, "high": 2.0, "step": 0.05},
    "psi": {"label": "Start ψ", "low": -2.0, "high": 2.0, "step": 0.05},
}
VALUES: dict[str, Any] = {
    "separation": 4.0, "mean": 1.0, "scale": 1.5, "samples": 100, "theta": 1.5, "psi": 0.5,
}  # fmt: skip


def normal(x: Any, mean: float, scale: float) -> Any:
    """The density of a Gaussian."""
    return np.exp(-0.5 * ((x - mean) / scale) ** 2) / (scale * np.sqrt(2 * np.pi))


def densities(mean: float = 1.0, scale: float = 1.5) -> Scene:
    """Two densities, and two curves along the mean: what `nll_is_kl` shows."""
    data = (normal(X, -2, 0.5) + normal(X, 2, 0.5)) / 2
    means = np.linspace(-4, 4, 400)
    kl = 0.6 + (means**2 + 4.25) / (2 * scale**2)
    at = float(np.interp(mean, means, kl))
    left = Panel(
        "Data and model",
        Axis("x", -9, 9),
        Axis("density", 0, 0.5),
        marks=(
            Area(X, 0 * X, data),
            Line(X, data, label="data p"),
            Line(X, normal(X, mean, scale), role="model", label="model p_{θ}"),
        ),
        handles=(
            Handle(2, 0.4, across=Drag("separation", 2.0), label="Drag the data apart"),
            Handle(
                mean, float(normal(mean, mean, scale)), across=Drag("mean"), up=Drag("scale", -5.0),
                label="Drag the model", role="model", on="model p_{θ}",
            ),
        ),
        can_draw=True,
    )  # fmt: skip
    right = Panel(
        "Along the model's mean",
        Axis("mean of the model, μ", -4, 4),
        Axis("nats", 0, 15),
        marks=(
            Line(means, kl + 1.4, role="other", label="NLL −E_{p} log p_{θ}"),
            Line(means, kl, role="model", label="KL(p‖p_{θ})"),
            Line(
                np.array([mean, mean]),
                np.array([at, at + 1.4]),
                role="muted",
                label="entropy of the data",
            ),
            Points(np.array([mean, mean]), np.array([at, at + 1.4])),
        ),
        handles=(Handle(mean, at, across=Drag("mean"), label="Drag the mean"),),
    )
    return Scene((left, right), 2)


def everything() -> Scene:
    """Every kind of mark and axis, with long names, in a grid of two rows."""
    generator = np.random.default_rng(0)
    samples = generator.normal(0, 2, 60)
    steps = np.arange(0, 2001, 20)
    plane = np.linspace(-2, 2, 11)
    across, up = (one.ravel() for one in np.meshgrid(plane, plane))
    turn = np.linspace(0, 12, 300)
    sizes = np.array([30, 100, 300, 1000])
    error = 0.8 / np.sqrt(sizes)
    gap = np.where(np.abs(X) < 0.6, np.nan, normal(X, 0, 2))
    gan = Panel(
        "GAN",
        Axis("x", -9, 9),
        Axis("density", -0.02, 0.4),
        right=Axis("discriminator D(x)", -0.05, 1, ticks={0: "0", 0.5: "0.5", 1: "1"}),
        marks=(
            Rug(samples, -0.01, role="other", label="samples"),
            Line(X, gap, label="target"),
            Line(X, normal(X, 0.5, 2.2), role="other", label="generated"),
            Line(X, 1 / (1 + np.exp(X)), role="third", on_right=True, label="D(x)"),
            Rule(0, role="muted"),
        ),
    )
    stacked = Panel(
        "Where the loss goes",
        Axis("step", 0, 2000),
        Axis("nats", 0, 3),
        marks=(
            Area(steps, 0 * steps, 1 + np.exp(-steps / 300), role="model", label="reconstruction"),
            Area(
                steps, 1 + np.exp(-steps / 300), 2 + np.exp(-steps / 500), hatch="/", role="other",
                label="KL(q_{φ}(z|x)‖p(z))",
            ),
            Area(
                steps, 2 + np.exp(-steps / 500), 2.3 + np.exp(-steps / 500), hatch=".",
                role="third", label="gap",
            ),
            Rule(800, role="muted", label="step shown"),
        ),
    )  # fmt: skip
    plot = Panel(
        "The game: click to start there",
        Axis("generated point θ", -2.2, 2.2),
        Axis("slope ψ", -2.2, 2.2),
        marks=(
            Arrows(across, up, -0.12 * up, 0.12 * across, role="muted"),
            Line(1.5 * np.exp(-turn / 8) * np.cos(turn), 1.5 * np.exp(-turn / 8) * np.sin(turn),
                 width=1.5, role="model", label="ψ, then θ"),
            Points(np.array([0.0]), np.array([0.0]), shape="plus", size=12),
            Points(np.array([1.5]), np.array([0.0]), label="start"),
        ),
        equal=True,
        click=("theta", "psi"),
    )  # fmt: skip
    errors = Panel(
        "Error",
        Axis("samples n", 25, 1200, "log", {n: str(n) for n in (30, 100, 300, 1000)}),
        Axis("root mean square error", 1e-3, 100, "log"),
        marks=(
            Line(sizes, error, dots=True, role="model", label="nearest neighbours"),
            Line(sizes, 3 * error**2, dots=True, role="other", label="kernel density"),
            Line(sizes, 20 * error, role="fourth", label="histogram"),
            Texts(
                np.array([30, 100, 100]), np.array([2, 0.3, 0.29]),
                ("first", "an overlap", "another"),
            ),
            Texts(np.array([0.98]), np.array([0.95]), ("p = 0.03",), anchor="end", of_panel=True),
        ),
        handles=(Handle(100, 0.08, across=Drag("samples"), label="Sample size", role="model"),),
    )  # fmt: skip
    names = ("KL(P‖Q)", "KL(Q‖P)", "Jensen–Shannon", "W_{1}")
    lying = Panel(
        "Divergences",
        Axis("nats", 0, 3),
        Axis("", -0.6, 3.6, ticks=dict(enumerate(names))),
        marks=(
            Bars(np.arange(4), np.zeros(4), np.array([2.7, 1.2, 0.4, 1.9]), 0.6, role="model",
                 label="exact"),
            Points(np.array([2.5, 1.1, 0.5, 2.1]), np.arange(4), shape="square", role="other",
                   label="estimated"),
        ),
    )  # fmt: skip
    wide = Panel(
        "Large numbers",
        Axis("seed", 0, 1e6, ticks={n * 1e5: f"{n}00,000" for n in range(11)}),
        Axis("seconds", 0, 25_000),
        marks=(
            Bars(np.linspace(5e4, 9.5e5, 10), np.zeros(10), np.linspace(2e3, 2.4e4, 10), 6e4,
                 along="y", role="fifth", label="one seed each"),
            Rule(15_000, along="x", role="lost", label="limit"),
        ),
    )  # fmt: skip
    return Scene((gan, stacked, plot, errors, lying, wide), 2, height=1.2, heights=(1, 1.5, 1))


def frame(scene: Scene, **more: Any) -> dict[str, Any]:
    """What the painter shows: `frame` and its arrays, as JSON can hold them."""
    described, arrays = packed(scene)
    whole = {
        "scene": described,
        "title": "NLL is KL",
        "question": "What does maximum likelihood minimise?",
        "numbers": [["NLL", "2.0172"], ["KL(p‖p_{θ})", "0.6127"], ["entropy", "1.4045"]],
        "caption": "NLL 2.0172 = KL 0.6127 + entropy 1.4045 nats.",
        "controls": CONTROLS,
        "values": VALUES,
        "state": '{"explorer": "nll_is_kl", "mean": 1.0}',
        **more,
    }
    lists = [[None if np.isnan(v) else float(v) for v in array] for array in arrays]
    return {"frame": whole, "arrays": lists}


_SCRIPT = """
    window.unpack = ({ frame, arrays }) =>
        [frame, arrays.map(list => Float32Array.from(list, v => v === null ? NaN : v))];
    window.shown = { render };
    window.moves = [];
    window.messages = [];
    window.picture = new Picture(document.querySelector("#picture"), {
        onMove: values => moves.push(values), onMessage: content => messages.push(content),
    });
    picture.show(...unpack(FIRST));
"""


def page(scene: Scene, *, theme: str = "light", **more: Any) -> str:
    """A page with nothing but the picture of a scene, and what a user does noted in `moves`."""
    script = _SCRIPT.replace("FIRST", json.dumps(frame(scene, **more)))
    light = "true" if theme == "light" else "false"
    return (
        '<!doctype html><meta charset="utf-8"><style>'
        f"body {{ margin: 12px; background: {'#fff' if theme == 'light' else '#111113'}; }}"
        f'{Stage._css}</style><body data-jp-theme-light="{light}"><div id="picture"></div>'
        f'<script type="module">{Stage._esm}\n{script}</script>'
    )
