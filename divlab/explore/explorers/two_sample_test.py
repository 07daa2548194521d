"""Are two samples from the same distribution? What each divergence answers, and how often."""

from typing import Any

from divlab.explore import snippets, two_samples
from divlab.explore.base import Explorer, number
from divlab.explore.controls import menu, seed_slider, sizes, slider
from divlab.explore.families import FAMILIES
from divlab.explore.own_data import TwoColumns
from divlab.explore.panels import handles_on_q
from divlab.explore.significance import null_panel, power_panel, pvalues_panel, sentence
from divlab.explore.two_samples import LARGEST, LEVEL, OFFERED
from divlab.figures.scene import Axis, Line, Panel, Rug, Scene, ceiling
from divlab.languages import Phrase, phrase


class TwoSampleTest(Explorer):
    """n samples of P and n of Q: which divergences tell them apart?

    P lies at 0 and has scale 1; Q lies at `separation` and has `scale`, and can be dragged, as can
    its shoulder and the mark at n. The first panel shows both
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
        self.two_columns = TwoColumns(self._on_data, self.show_error)
        super().__init__(
            {
                "P and Q": {
                    "p": menu("P", FAMILIES, words=True),
                    "q": menu("Q", FAMILIES, words=True),
                    "separation": slider("Separation", 0.5, 0.0, 4.0, 0.05),
                    "scale": slider("Scale of Q", 1.0, 0.2, 4.0, 0.05),
                },
                "Samples": {"n": sizes(two_samples.SIZES, 50), "seed": seed_slider()},
                "View": {"shown": menu("Divergence", OFFERED)},
            },
            more={"P and Q": [self.two_columns]},
            data=self.two_columns,
        )

    def _on_data(self) -> None:
        for name in ("p", "q", "separation", "scale", "n"):
            self.controls[name].disabled = self.two_columns.pair is not None
        self.refresh()

    def compute(
        self, p: str, q: str, separation: float, scale: float, n: int, seed: float, shown: str
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        pair = self.two_columns.pair
        if pair is not None:
            drawn = two_samples.of_columns(pair, int(seed))
            n = drawn.sizes[-1] if drawn.sizes else 0
        else:
            drawn = two_samples.of_families(p, q, separation, scale, n, int(seed))
        tests = two_samples.tests_of(drawn.x, drawn.y, int(seed), shown)
        power = two_samples.powers_of(drawn, shown, int(seed))
        test = tests[OFFERED[shown].name]
        assert test is not None  # else `tests_of` has raised the error that says why
        result = {
            "statistic": test.statistic,
            "pvalue": {
                name: float("nan") if one is None else one.pvalue for name, one in tests.items()
            },
            "power": {name: one.shares[n] for name, one in power.items() if drawn.sizes},
            "power_n": n,
        }
        null = test.null_distribution
        return result, {"drawn": drawn, "null": null, "power": power, "can_move": pair is None}

    def scene(
        self, values: dict[str, Any], result: dict[str, Any], arrays: dict[str, Any]
    ) -> Scene:
        drawn, can_move, shown = arrays["drawn"], arrays["can_move"], values["shown"]
        x, (p, q) = drawn.points, drawn.densities
        top = ceiling(1.05 * max(p.max(), q.max()))
        inside = [one[(one >= x[0]) & (one <= x[-1])] for one in (drawn.x, drawn.y)]
        samples = Panel(
            "P and Q, and the samples",
            Axis("x", x[0], x[-1]),
            Axis("density", -0.17 * top, top),
            (
                Line(x, p, role="data", label="P"),
                Line(x, q, role="model", label="Q"),
                Rug(inside[0], -0.05 * top, role="data"),
                Rug(inside[1], -0.12 * top, role="model"),
            ),
            handles=handles_on_q(values, x, q) if can_move else (),
        )
        panels = (
            samples,
            null_panel(shown, result["statistic"], arrays["null"]),
            pvalues_panel(result["pvalue"]),
            power_panel(shown, result["power_n"], arrays["power"], can_move=can_move),
        )
        return Scene(panels, columns=2, height=0.68)

    def numbers(self, values: dict[str, Any], result: dict[str, Any]) -> dict[str, str]:
        shown = values["shown"]
        name = OFFERED[shown].name
        pvalues, power = result["pvalue"], result["power"].get(name, float("nan"))
        found = sum(p <= LEVEL for p in pvalues.values())
        return {
            shown: number(result["statistic"]),
            "p-value": number(pvalues[name]),
            "find a difference": phrase("{found} of {count}", found=found, count=len(pvalues)),
            "power": number(power, 2),
        }

    def python(self, values: dict[str, Any]) -> str:
        seed, pair = int(values["seed"]), self.two_columns.pair
        if pair is None:
            samples, n = snippets.two_families(values, seed), values["n"]
        else:
            found = two_samples.sizes_of(*(min(one.size, LARGEST) for one in pair))
            n = found[-1] if found else 0
            columns = snippets.two_columns(type(self).__name__, *pair, ("p", "q"))
            samples = snippets.drawn_columns(columns, n, seed)
        tests = snippets.tests(OFFERED[values["shown"]].name, seed, with_power=n > 0)
        return f"{snippets.imports_of(samples)}\n{samples}{tests}"

    def caption(self, values: dict[str, Any], result: dict[str, Any]) -> str:
        return sentence(self._of_what(values), values["shown"], result)

    def _of_what(self, values: dict[str, Any]) -> Phrase:
        """For the caption: what is compared."""
        pair, names = self.two_columns.pair, self.two_columns.names
        if pair is None:
            return phrase(
                "P is {of_p}, Q {of_q} {separation:.2f} away with scale {scale:.2f}, {size} "
                "samples of each",
                of_p=phrase(values["p"]), of_q=phrase(values["q"]), size=values["n"], **values,
            )  # fmt: skip
        is_part = max(one.size for one in pair) > LARGEST
        part = phrase(", {most} drawn of each that has more", most=LARGEST) if is_part else ""
        return phrase(
            "P is {first}, n = {size}, Q is {second}, n = {other_size}{part}",
            first=names[0], size=pair[0].size, second=names[1], other_size=pair[1].size, part=part,
        )  # fmt: skip
