"""Any two families, every divergence between them at once, and the bounds that tie them."""

import warnings
from typing import Any

import numpy as np

import divlab
from divlab import figures
from divlab.divergences.comparison import compare
from divlab.divergences.diagnosis import SamplesWarning
from divlab.explore.base import Explorer, number
from divlab.explore.controls import menu, slider
from divlab.explore.families import FAMILIES
from divlab.explore.learned import heights, log_density_at
from divlab.explore.own_data import TwoColumns

_X = np.linspace(-10, 10, 801)
_NAMES = {
    "kl": r"$\mathrm{KL}(P\,\|\,Q)$",
    "reverse_kl": r"$\mathrm{KL}(Q\,\|\,P)$",
    "jeffreys": "Jeffreys",
    "js": r"$\mathrm{JS}$",
    "tv": r"$\mathrm{TV}$",
    "hellinger": r"Hellinger $H$",
    "chi2": r"$\chi^2(P\,\|\,Q)$",
    "wasserstein": r"$W_1$",
    "cramer": r"Cramér $\ell_2$",
    "energy": "energy",
    "ks": "KS",
}
_OF_CDFS = ("wasserstein", "cramer", "energy", "ks")  # the others compare densities
# The divergences that bound the total variation, from the top of the right panel to its bottom.
_TIED = ("kl", "reverse_kl", "hellinger", "js", "chi2", "ks")
_WIDEST = 1e3  # a bar ends here; the number beside it says how long it would be


class Divergences(Explorer):
    """P at 0 with scale 1, Q at `separation` with `scale`: every divergence between them.

    The left panel shows the densities. The middle one shows each divergence as a bar, on an axis
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
        figure, (left, middle, right) = figures.new_figure(
            3, height=3.9, gridspec_kw={"width_ratios": [1, 1.05, 1]}
        )
        figures.label(left, title="$P$ and $Q$", x="$x$", y="density")
        (self._p,) = left.plot(_X, 0 * _X, color=figures.DATA, label="$P$")
        (self._q,) = left.plot(_X, 0 * _X, "--", color=figures.MODEL, label="$Q$")
        left.set_xlim(_X[0], _X[-1])
        figures.legend(left, loc="upper right")
        figures.label(middle, title="Divergences", x="nats, or units of $x$", y="")
        rows = np.arange(len(_NAMES))
        colors = [figures.THIRD if n in _OF_CDFS else figures.MODEL for n in _NAMES]
        self._bars = middle.barh(rows, 0.0 * rows, height=0.6, color=colors)
        self._numbers = figures.Numbers(middle)
        middle.set_yticks(rows, list(_NAMES.values()))
        middle.set_xscale("symlog", linthresh=1.0)
        middle.set_xlim(0, 30 * _WIDEST)
        middle.set_xticks([0, 1, 10, 100, 1000], ["0", "1", "10", "100", "1000"])
        middle.invert_yaxis()
        figures.label(right, title="What they say of TV", x=r"$\mathrm{TV}(P, Q)$", y="")
        rows = np.arange(len(_TIED))
        self._bounds = right.barh(rows, 0.0 * rows, height=0.45, color=figures.OTHER, alpha=0.55)
        right.set_yticks(rows, [_NAMES[name] for name in _TIED])
        right.set_xlim(0, 1)
        right.invert_yaxis()
        self._tv = right.axvline(0.0, color=figures.DATA, linewidth=2)
        self._left = left
        controls = {
            "p": menu("P", FAMILIES),
            "q": menu("Q", FAMILIES),
            "separation": slider("Separation", 1.5, 0.0, 8.0, 0.05),
            "scale": slider("Scale of Q", 1.5, 0.2, 4.0, 0.05),
        }
        self._doubtful: list[str] = []  # divergences of two samples of which divlab warns
        self.two_columns = TwoColumns(self._on_data, self.show_error)
        super().__init__(controls, figure, below=[self.two_columns], data=self.two_columns)

    def _on_data(self) -> None:
        for control in self.controls.values():
            control.disabled = self.two_columns.pair is not None
        self.refresh()

    def compute(
        self, p: str, q: str, separation: float, scale: float
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        if self.two_columns.pair is not None:
            return self._of_samples(*self.two_columns.pair)
        both = FAMILIES[p].build(0.0, 1.0), FAMILIES[q].build(separation, scale)
        found = compare(*both, *_NAMES)
        result: dict[str, Any] = {name: float(value) for name, value in found.items()}
        result["tv_bounds"] = _tv_bounds(result)
        densities = [np.exp(log_density_at(one, _X)) for one in both]
        return result, {"x": _X, "densities": densities}

    def _of_samples(self, p: np.ndarray, q: np.ndarray) -> tuple[dict[str, Any], dict[str, Any]]:
        """Every divergence between two samples, and their histograms."""
        result: dict[str, Any] = {}
        self._doubtful = []
        for name in _NAMES:
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always", SamplesWarning)
                result[name] = float(getattr(divlab, name)(p, q))
            if said:
                self._doubtful.append(name)
        result["tv_bounds"] = _tv_bounds(result)
        low, high = min(p.min(), q.min()), max(p.max(), q.max())
        margin = 0.1 * (high - low)
        x = np.linspace(low - margin, high + margin, _X.size)
        return result, {"x": x, "densities": [heights(p, x), heights(q, x)]}

    def draw(self, values: dict[str, Any], result: dict[str, Any], arrays: dict[str, Any]) -> None:
        x, (p, q) = arrays["x"], arrays["densities"]
        self._p.set_data(x, p)
        self._q.set_data(x, q)
        self._left.set_xlim(x[0], x[-1])
        self._left.set_ylim(0, figures.ceiling(1.2 * max(p.max(), q.max())))
        found = [result[name] for name in _NAMES]
        widths = np.minimum(found, _WIDEST)
        for bar, width in zip(self._bars, widths, strict=True):
            bar.set_width(width)
        texts = ["∞" if np.isinf(value) else f"{value:.3g}" for value in found]
        self._numbers.show(1.15 * widths + 0.05, np.arange(len(found)), texts)
        for name, bar in zip(_TIED, self._bounds, strict=True):
            low, high = result["tv_bounds"][name]
            bar.set_x(low)
            bar.set_width(high - low)
        self._tv.set_xdata([result["tv"]] * 2)

    def caption(self, values: dict[str, Any], result: dict[str, Any]) -> str:
        parts = ", ".join(
            f"{text} {number(result[name])}"
            for name, text in (
                ("kl", "KL(P‖Q)"), ("reverse_kl", "KL(Q‖P)"), ("js", "JS"), ("tv", "TV"),
                ("wasserstein", "W₁"),
            )
        )  # fmt: skip
        if self.two_columns.pair is not None:
            (p, q), names = self.two_columns.pair, self.two_columns.names
            doubt = f" Ties or a lack of overlap make these doubtful: {', '.join(self._doubtful)}."
            return (
                f"P is {names[0]}, n = {p.size}, Q is {names[1]}, n = {q.size}, all estimated from "
                f"samples: {parts}.{doubt if self._doubtful else ''}"
            )
        low, high = result["tv_bounds"]["kl"]
        return (
            f"P is {values['p']}, Q {values['q']} {values['separation']:.2f} away with scale "
            f"{values['scale']:.2f}: {parts}; by KL(P‖Q) alone TV is between {low:.2f} and "
            f"{high:.2f}."
        )


def _tv_bounds(found: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """The lower and upper bound that each divergence gives for the total variation."""
    h, js, log2 = found["hellinger"], found["js"], np.log(2)

    def by_kl(kl: float) -> tuple[float, float]:
        return 0.0, float(min(np.sqrt(kl / 2), np.sqrt(1 - np.exp(-kl))))

    bounds = {
        "kl": by_kl(found["kl"]),
        "reverse_kl": by_kl(found["reverse_kl"]),
        "hellinger": (h**2, h * np.sqrt(2 - h**2)),
        "js": (js / log2, np.sqrt(2 * js)),
        "chi2": (0.0, np.sqrt(found["chi2"]) / 2),
        "ks": (found["ks"], 1.0),
    }
    return {n: (float(low), float(min(high, 1.0))) for n, (low, high) in bounds.items()}
