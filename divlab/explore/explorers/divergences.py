"""Any two families, every divergence between them at once, and the bounds that tie them."""

import warnings
from typing import Any

import numpy as np

import divlab
from divlab.divergences.comparison import compare
from divlab.divergences.diagnosis import SamplesWarning
from divlab.explore.base import Explorer, number
from divlab.explore.bounds import CODE, NAMES, bars_panel, bounds_panel, tv_bounds
from divlab.explore.controls import menu, slider
from divlab.explore.drawn import Drawing
from divlab.explore.families import FAMILIES
from divlab.explore.learned import heights, log_density_at
from divlab.explore.own_data import TwoColumns
from divlab.explore.panels import handles_on_q
from divlab.explore.snippets import imports_of, two_columns
from divlab.figures.scene import Axis, Line, Panel, Scene, ceiling
from divlab.languages import listed, phrase

_X = np.linspace(-10, 10, 801)


class Divergences(Explorer):
    """P at 0 with scale 1, Q at `separation` with `scale`: every divergence between them.

    The left panel shows the densities. Q can be dragged sideways, and made wider by its shoulder; P
    can be drawn by hand. The middle one shows each divergence as a bar, on an axis
    that is linear up to 1 and logarithmic beyond. The right one shows the true total variation,
    and between which bounds each divergence says that it must lie: KL by the inequalities of
    Pinsker and of Bretagnolle and Huber, H by H² ≤ TV ≤ H√(2 - H²), JS by JS ≤ TV·log 2 and
    TV ≤ √(2·JS), χ² by TV ≤ √χ²/2, and KS by KS ≤ TV.

    MMD is left out: it depends on a bandwidth, and for two distributions it takes a fifth of a
    second, too long for a slider.

    P and Q may be two columns of a user's file instead: the button “Two columns” takes it. Every
    divergence is then an estimate from samples, by `divlab`'s default method, and the densities
    are histograms. What the right panel says then holds for the estimates alone.

    `controls`: `p` and `q`, the families; `separation`; `scale`. `result`: `kl`, `reverse_kl`,
    `jeffreys`, `js`, `tv`, `hellinger`, `chi2`, `wasserstein`, `cramer`, `energy`, `ks`, and
    `tv_bounds`, which holds the lower and upper bound on `tv` by the name of a divergence.

    Example:
        >>> import divlab
        >>> explorer = divlab.explore.divergences()
        >>> explorer.controls["scale"].value = 1.0
        >>> explorer.controls["separation"].value = 2.0
        >>> round(explorer.result["kl"], 4)
        2.0
    """

    def __init__(self) -> None:
        controls = {
            "p": menu("P", FAMILIES, words=True),
            "q": menu("Q", FAMILIES, words=True),
            "separation": slider("Separation", 1.5, 0.0, 8.0, 0.05),
            "scale": slider("Scale of Q", 1.5, 0.2, 4.0, 0.05),
        }
        self._doubtful: list[str] = []  # divergences of two samples of which divlab warns
        self.two_columns = TwoColumns(self._on_data, self.show_error)
        self.drawing = Drawing(self._on_data)
        super().__init__(
            {"P and Q": controls},
            more={"P and Q": [self.drawing, self.two_columns]},
            data=self.two_columns,
            drawing=self.drawing,
        )

    def _on_data(self) -> None:
        for control in self.controls.values():
            control.disabled = self.two_columns.pair is not None
        self.controls["p"].disabled |= self.drawing.distribution is not None
        self._compiled.clear()  # another kind of P runs other programs
        self.refresh()

    def compute(
        self, p: str, q: str, separation: float, scale: float
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        if self.two_columns.pair is not None:
            return self._of_samples(*self.two_columns.pair)
        drawn = self.drawing.distribution
        of_p = FAMILIES[p].build(0.0, 1.0) if drawn is None else drawn
        both = of_p, FAMILIES[q].build(separation, scale)
        found = compare(*both, *NAMES)
        result: dict[str, Any] = {name: float(value) for name, value in found.items()}
        result["tv_bounds"] = tv_bounds(result)
        densities = [np.exp(log_density_at(one, _X)) for one in both]
        return result, {"x": _X, "densities": densities, "can_move": True}

    def _of_samples(self, p: np.ndarray, q: np.ndarray) -> tuple[dict[str, Any], dict[str, Any]]:
        """Every divergence between two samples, and their histograms."""
        result: dict[str, Any] = {}
        self._doubtful = []
        for name in NAMES:
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always", SamplesWarning)
                result[name] = float(getattr(divlab, name)(p, q))
            if said:
                self._doubtful.append(name)
        result["tv_bounds"] = tv_bounds(result)
        low, high = min(p.min(), q.min()), max(p.max(), q.max())
        margin = 0.1 * (high - low)
        x = np.linspace(low - margin, high + margin, _X.size)
        densities = [heights(p, x), heights(q, x)]
        return result, {"x": x, "densities": densities, "can_move": False}

    def scene(
        self, values: dict[str, Any], result: dict[str, Any], arrays: dict[str, Any]
    ) -> Scene:
        x, (p, q) = arrays["x"], arrays["densities"]
        densities = Panel(
            "P and Q",
            Axis("x", x[0], x[-1]),
            Axis("density", 0.0, ceiling(1.05 * max(p.max(), q.max()))),
            (Line(x, p, role="data", label="P"), Line(x, q, role="model", label="Q")),
            handles=handles_on_q(values, x, q) if arrays["can_move"] else (),
            can_draw=arrays["can_move"],
        )
        panels = densities, bars_panel(result), bounds_panel(result)
        return Scene(panels, columns=3, widths=(1, 1.05, 1))

    def numbers(self, values: dict[str, Any], result: dict[str, Any]) -> dict[str, str]:
        shown = ("kl", "reverse_kl", "js", "tv", "wasserstein")
        return {NAMES[name]: number(result[name]) for name in shown}

    def python(self, values: dict[str, Any]) -> str:
        if (pair := self.two_columns.pair) is not None:
            both = two_columns(type(self).__name__, *pair, ("p", "q"))
        else:
            p, q = FAMILIES[values["p"]].built, FAMILIES[values["q"]].built
            drawing = self.drawing.python()
            both = f"p = {drawing or p.format(loc=0.0, scale=1.0)}\n"
            both += f"q = {q.format(loc=values['separation'], scale=values['scale'])}"
        return imports_of(both) + f"\n{both}\n{CODE}"

    def caption(self, values: dict[str, Any], result: dict[str, Any]) -> str:
        parts = listed(
            listed([text, number(result[name])], " ")
            for name, text in (
                ("kl", "KL(P‖Q)"), ("reverse_kl", "KL(Q‖P)"), ("js", "JS"), ("tv", "TV"),
                ("wasserstein", "W₁"),
            )
        )  # fmt: skip
        if self.two_columns.pair is not None:
            (x, y), names = self.two_columns.pair, self.two_columns.names
            doubt = phrase(
                " Ties or a lack of overlap make these doubtful: {names}.",
                names=", ".join(self._doubtful),
            )
            return phrase(
                "P is {first}, n = {size}, Q is {second}, n = {other_size}, all estimated from "
                "samples: {parts}.{doubt}",
                first=names[0],
                size=x.size,
                second=names[1],
                other_size=y.size,
                parts=parts,
                doubt=doubt if self._doubtful else "",
            )
        low, high = result["tv_bounds"]["kl"]
        return phrase(
            "P is {of_p}, Q {of_q} {separation:.2f} away with scale {scale:.2f}: {parts}; by "
            "KL(P‖Q) alone TV is between {low:.2f} and {high:.2f}.",
            of_p=phrase(values["p"] if self.drawing.distribution is None else "drawn by hand"),
            of_q=phrase(values["q"]),
            parts=parts,
            low=low,
            high=high,
            **values,
        )
