"""Are two samples from the same distribution? What each divergence answers, and how often."""

from typing import Any

import ipywidgets as widgets
import numpy as np
from jaxtyping import Float

from divlab import figures
from divlab.explore.base import Explorer, number
from divlab.explore.controls import LABEL, WIDTH, menu, slider
from divlab.explore.families import FAMILIES
from divlab.explore.learned import heights, log_density_at
from divlab.explore.own_data import TwoColumns
from divlab.explore.two_samples import DRAWS, LEVEL, OFFERED, QUICK, Power, powers_of, tests_of

SIZES = (20, 50, 100, 200)
_FEWEST = 5  # values of a column for the power
_LARGEST = 1000  # values of a user's column that are compared
_X = np.linspace(-10, 10, 801)
_BINS = 30
_BELOW_LEGEND = 0.8  # the share of a panel that is kept for lines and bars


class TwoSampleTest(Explorer):
    """n samples of P and n of Q: which divergences tell them apart?

    P lies at 0 and has scale 1; Q lies at `separation` and has `scale`. The first panel shows both
    densities, and the samples as ticks. The second one shows the divergence that is chosen, of
    these samples and after their points have been dealt out anew at random: the share of the
    latter that is at least as large is the p-value. The third one shows the p-value of every
    divergence, from 999 permutations, or 99 of those that compare densities. The last one shows
    the power: the share of further draws from P and Q in which a test at level 0.05 finds the
    difference, with 95 % intervals, against n. There are 40 draws, or 10 where the divergence that
    is chosen compares densities, and 19 permutations of each.

    The energy distance gives the same p-values as the Cramér distance, whose square it is, twice.
    MMD is left out, because it depends on a bandwidth.

    P and Q may be two columns of a user's file instead: the button “Two columns” takes it. Of a
    column with more than 1000 values as many are drawn at random. The power is then that of n
    values drawn from each column, without putting them back, for n up to half of a column and at
    most 200.

    `controls`: `p` and `q`, the families; `separation`; `scale`; `n`; `seed`; `shown`, the
    divergence. `result`: `statistic`, of the divergence that is shown; `pvalue`, by the name of
    each divergence, NaN where it cannot be computed from the samples; `power`, by name, of those
    in the last panel, at `power_n` samples.

    Example:
        >>> import divlab
        >>> explorer = divlab.explore.two_sample_test()
        >>> explorer.controls["separation"].value = 3.0
        >>> explorer.result["pvalue"]["wasserstein"]
        0.001
    """

    def __init__(self) -> None:
        figure, (samples, null, values, power) = figures.new_figure(2, rows=2, height=6.2)
        self._samples, self._null = samples, null
        figures.label(samples, title="$P$ and $Q$, and the samples", x="$x$", y="density")
        (self._p,) = samples.plot(_X, 0 * _X, color=figures.DATA, label="$P$")
        (self._q,) = samples.plot(_X, 0 * _X, "--", color=figures.MODEL, label="$Q$")
        self._ticks = [
            samples.plot([], [], "|", color=color, alpha=0.6, markersize=7)[0]
            for color in (figures.DATA, figures.MODEL)
        ]
        samples.locator_params(axis="x", nbins=5)
        figures.legend(samples, loc="upper right")

        figures.label(null, title="With labels dealt out anew", x="", y="permutations")
        at = np.arange(_BINS)
        self._below = null.bar(at, 0.0 * at, color="#BBBBBB", label="smaller")
        self._above = null.bar(at, 0.0 * at, color=figures.OTHER, label="at least as large")
        self._statistic = null.axvline(
            0.0, ymax=_BELOW_LEGEND, color=figures.DATA, linewidth=2, label="as it is"
        )
        handles = [self._statistic, self._above, self._below]
        figures.legend(null, handles, loc="upper left", ncols=3, handlelength=1.2)

        figures.label(values, title="p-values", x="p-value", y="")
        rows = np.arange(len(OFFERED))
        self._pvalues = [
            values.plot([], [], mark, color=color, markersize=7)[0]
            for mark, color in (("o", figures.THIRD), ("s", figures.MODEL))
        ]
        self._numbers = figures.Numbers(values)
        values.axvline(LEVEL, color=figures.OTHER, linestyle="--", linewidth=1.5)
        values.set_yticks(rows, [one.text for one in OFFERED.values()])
        values.set_xscale("log")
        values.set_xlim(7e-4, 3.0)
        values.set_xticks([0.001, 0.01, LEVEL, 1], ["0.001", "0.01", "0.05", "1"])
        values.minorticks_off()
        values.set_ylim(len(OFFERED) - 0.5, -0.5)

        figures.label(power, title="Power", x="samples $n$ of each", y="share that is found")
        self._power = power
        self._others = [
            power.plot([], [], dashes, color="#999999", linewidth=1.2)[0]
            for dashes in figures.DASHES[: len(QUICK)]
        ]
        (self._curve,) = power.plot([], [], "-o", color=figures.MODEL, markersize=5)
        self._band = power.fill_between(SIZES, 0.0, 0.0, color=figures.MODEL, alpha=0.15)
        self._n = power.axvline(SIZES[0], ymax=_BELOW_LEGEND, color=figures.DATA, linewidth=1)
        power.axhline(LEVEL, color=figures.OTHER, linestyle="--", linewidth=1.5)
        power.set_xscale("log")
        power.set_ylim(0, 1 / _BELOW_LEGEND)
        power.set_yticks([0, 0.25, 0.5, 0.75, 1])
        power.minorticks_off()
        self._named: tuple[str, ...] = ()  # the divergences that the legend names

        controls = {
            "p": menu("P", FAMILIES),
            "q": menu("Q", FAMILIES),
            "separation": slider("Separation", 0.5, 0.0, 4.0, 0.05),
            "scale": slider("Scale of Q", 1.0, 0.2, 4.0, 0.05),
            "n": widgets.SelectionSlider(
                options=SIZES,
                value=50,
                description="Samples n",
                tooltip=f"How many samples of P, and of Q: {SIZES[0]} to {SIZES[-1]}",
                style=LABEL,
                layout=WIDTH,
            ),
            "seed": slider("Seed", 0.0, 0.0, 50.0, 1.0),
            "shown": menu("Divergence", OFFERED),
        }
        controls["seed"].readout_format = "d"
        self.two_columns = TwoColumns(self._on_data, self.show_error)
        super().__init__(controls, figure, below=[self.two_columns], data=self.two_columns)

    def _on_data(self) -> None:
        for name in ("p", "q", "separation", "scale", "n"):
            self.controls[name].disabled = self.two_columns.pair is not None
        self.refresh()

    def compute(
        self, p: str, q: str, separation: float, scale: float, n: int, seed: float, shown: str
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        of_p, of_q, of_labels = np.random.default_rng(int(seed)).spawn(3)
        if self.two_columns.pair is not None:
            x, y = (
                rng.permutation(column)[:_LARGEST]
                for rng, column in zip((of_p, of_q), self.two_columns.pair, strict=True)
            )
            half = min(x.size // 2, y.size // 2, SIZES[-1])
            sizes = tuple(half // part for part in (8, 4, 2, 1) if half // part >= _FEWEST)
            draws = _subsamples(x, half, of_p), _subsamples(y, half, of_q)
            n = sizes[-1] if sizes else 0
            points = _around(x, y)
            densities = [heights(sample, points) for sample in (x, y)]
        else:
            shape = DRAWS, SIZES[-1]
            draws = (
                FAMILIES[p].draw(of_p, shape),
                separation + scale * FAMILIES[q].draw(of_q, shape),
            )
            x, y = (one[0, :n] for one in draws)
            sizes, points = SIZES, _X
            both = FAMILIES[p].build(0.0, 1.0), FAMILIES[q].build(separation, scale)
            densities = [np.exp(log_density_at(one, points)) for one in both]
        tests = tests_of(x, y, int(seed), shown)
        pvalue = {
            name: float("nan") if test is None else test.pvalue for name, test in tests.items()
        }
        power = powers_of(*draws, sizes, shown, of_labels)
        test = tests[OFFERED[shown].name]
        assert test is not None  # else `tests_of` has raised the error that says why
        result = {
            "statistic": test.statistic,
            "pvalue": pvalue,
            "power": {name: one.shares[n] for name, one in power.items() if sizes},
            "power_n": n,
        }
        arrays = {
            "x": points,
            "densities": densities,
            "samples": (x, y),
            "null": test.null_distribution,
            "power": power,
        }
        return result, arrays

    def draw(self, values: dict[str, Any], result: dict[str, Any], arrays: dict[str, Any]) -> None:
        x, (p, q) = arrays["x"], arrays["densities"]
        top = figures.ceiling(1.3 * max(p.max(), q.max()))
        self._p.set_data(x, p)
        self._q.set_data(x, q)
        for ticks, sample, height in zip(
            self._ticks, arrays["samples"], (-0.05, -0.12), strict=True
        ):
            inside = sample[(sample >= x[0]) & (sample <= x[-1])]
            ticks.set_data(inside, np.full(inside.size, height * top))
        self._samples.set_xlim(x[0], x[-1])
        self._samples.set_ylim(-0.17 * top, top)
        chosen = OFFERED[values["shown"]]
        self._null.set_xlabel(chosen.text)
        self._draw_null(result["statistic"], arrays["null"])
        self._draw_pvalues(list(result["pvalue"].values()))
        self._draw_power(chosen.name, result["power_n"], arrays["power"])

    def _draw_null(self, statistic: float, null: Float[np.ndarray, " permutations"]) -> None:
        lowest = min(statistic, null.min())
        low = -figures.ceiling(-1.05 * lowest) if lowest < 0 else 0.0
        high = figures.ceiling(1.1 * max(statistic, null.max()))
        edges = np.linspace(low, high, _BINS + 1)
        below, above = (
            np.histogram(null[part], edges)[0] for part in (null < statistic, null >= statistic)
        )
        nothing = np.zeros(_BINS)
        for bars, counts, start in ((self._below, below, nothing), (self._above, above, below)):
            for bar, left, count, bottom in zip(bars, edges, counts, start, strict=False):
                bar.set_bounds(left, bottom, edges[1] - edges[0], count)
        self._statistic.set_xdata([statistic] * 2)
        self._null.set_xlim(low, high)
        self._null.set_ylim(0, figures.ceiling(max(below + above) / _BELOW_LEGEND))

    def _draw_pvalues(self, pvalues: list[float]) -> None:
        rows = np.arange(len(pvalues))
        is_quick = np.array([one.name in QUICK for one in OFFERED.values()])
        known = np.isfinite(pvalues)
        shown = np.where(known, pvalues, 1.0)
        for marks, part in zip(self._pvalues, (is_quick, ~is_quick), strict=True):
            marks.set_data(shown[part & known], rows[part & known])
        texts = [f"{value:.2g}" if np.isfinite(value) else "unknown" for value in pvalues]
        self._numbers.show(1.25 * shown, rows, texts)

    def _draw_power(self, chosen: str, n: int, power: dict[str, Power]) -> None:
        texts = {one.name: one.text for one in OFFERED.values()}
        others = [name for name in power if name != chosen]
        for i, line in enumerate(self._others):
            shares = power[others[i]].shares if i < len(others) else {}
            line.set_data(list(shares), list(shares.values()))
        shares, low, high = power[chosen]
        self._curve.set_data(list(shares), list(shares.values()))
        self._band.set_visible(bool(shares))
        if shares:
            self._band.set_data(list(shares), low, high)
        self._n.set_xdata([max(n, 1)] * 2)
        sizes = list(shares) or list(SIZES)
        self._power.set_xlim(sizes[0] / 1.15, sizes[-1] * 1.15)
        self._power.set_xticks(sizes, [str(size) for size in sizes])
        named = (chosen, *others)
        if named != self._named:
            lines = [self._curve, *self._others[: len(others)]]
            for line, name in zip(lines, named, strict=True):
                line.set_label(texts[name])
            figures.legend(self._power, lines, loc="upper left", ncols=4, handlelength=1.6)
            self._named = named

    def caption(self, values: dict[str, Any], result: dict[str, Any]) -> str:
        shown = values["shown"]
        name, draws = OFFERED[shown].name, OFFERED[shown].draws
        p, pvalues = result["pvalue"][name], result["pvalue"].values()
        found = sum(value <= LEVEL for value in pvalues)
        verdict = "finds a difference" if p <= LEVEL else "finds no difference"
        others = "divergence finds" if found == 1 else "divergences find"
        said = (
            f"{shown} is {number(result['statistic'])} with p = {number(p)}, so at the level "
            f"{LEVEL:g} it {verdict}; {found} of {len(pvalues)} {others} one"
        )
        pair = self.two_columns.pair
        if pair is None:
            start = (
                f"P is {values['p']}, Q {values['q']} {values['separation']:.2f} away with scale "
                f"{values['scale']:.2f}, {values['n']} samples of each"
            )
        else:
            names = self.two_columns.names
            most = max(one.size for one in pair)
            part = f", {_LARGEST} drawn of each that has more" if most > _LARGEST else ""
            start = (
                f"P is {names[0]}, n = {pair[0].size}, Q is {names[1]}, n = {pair[1].size}{part}"
            )
        if not result["power"]:
            return f"{start}: {said}; the power takes {2 * _FEWEST} values of each or more."
        share = f"{100 * result['power'][name]:.0f} %"
        return (
            f"{start}: {said}, and {shown} finds one in {share} of {draws} draws of "
            f"{result['power_n']} of each."
        )


def _subsamples(
    column: Float[np.ndarray, " n"], size: int, rng: np.random.Generator
) -> Float[np.ndarray, "draws size"]:
    """Values of a column, drawn without putting them back, `DRAWS` times."""
    return np.stack([rng.permutation(column)[:size] for _ in range(DRAWS)])


def _around(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " m"]) -> Float[np.ndarray, " k"]:
    """Points from a little before the first value to a little after the last one."""
    low, high = min(x.min(), y.min()), max(x.max(), y.max())
    margin = 0.1 * (high - low)
    return np.linspace(low - margin, high + margin, _X.size)
