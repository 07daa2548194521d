"""Panels of two-sample tests: one test's null distribution, all p-values, and the power."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from divlab.explore import two_samples
from divlab.explore.base import number
from divlab.explore.panels import rows_axis
from divlab.explore.two_samples import LEVEL, OFFERED, QUICK, Power
from divlab.figures.scene import (
    Area,
    Axis,
    Bars,
    Drag,
    Handle,
    Line,
    Panel,
    Points,
    Rule,
    Texts,
    ceiling,
)
from divlab.languages import Phrase, phrase

_BINS = 30
_AT_LEVEL = phrase("level {level:g}", level=LEVEL)


def null_panel(shown: str, statistic: float, null: Float[np.ndarray, " permutations"]) -> Panel:
    """A divergence after permutation, and as it is.

    Args:
        shown: the label of the divergence.
        statistic: the divergence of the samples as they are.
        null: those after permutation, (permutations,).

    Returns:
        The panel.
    """
    lowest = min(statistic, null.min())
    low = -ceiling(-1.05 * lowest) if lowest < 0 else 0.0
    high = ceiling(1.1 * max(statistic, null.max()))
    edges = np.linspace(low, high, _BINS + 1)
    middles, width = (edges[:-1] + edges[1:]) / 2, edges[1] - edges[0]
    below, above = (
        np.histogram(null[part], edges)[0].astype(float)
        for part in (null < statistic, null >= statistic)
    )
    return Panel(
        "With labels dealt out anew",
        Axis(shown, low, high),
        Axis("permutations", 0, ceiling(1.05 * max(below + above))),
        (
            Bars(middles, 0 * below, below, width, "y", role="muted", label="smaller"),
            Bars(
                middles, below, below + above, width, "y", role="other", label="at least as large"
            ),
            Rule(statistic, label="as it is"),
        ),
    )


def pvalues_panel(pvalues: Mapping[str, float]) -> Panel:
    """The p-value of each divergence.

    Args:
        pvalues: by the name of the divergence; NaN where it cannot be computed.

    Returns:
        The panel.
    """
    values, rows = np.array(list(pvalues.values())), np.arange(len(pvalues))
    is_quick, known = np.array([name in QUICK for name in pvalues]), np.isfinite(values)
    texts = tuple(f"{p:.2g}" if np.isfinite(p) else "unknown" for p in values)
    kinds: tuple[tuple[Any, str, Literal["circle", "square"], str], ...] = (
        (is_quick & known, "third", "circle", "of CDFs"),
        (~is_quick & known, "model", "square", "of densities"),
    )
    return Panel(
        "p-values",
        Axis("p-value", 7e-4, 5.0, "log", {p: f"{p:g}" for p in (0.001, 0.01, LEVEL, 1)}),
        rows_axis(OFFERED),
        (
            Rule(LEVEL, role="other", label=_AT_LEVEL),
            *(
                Points(values[some], rows[some], shape, role=role, label=label)
                for some, role, shape, label in kinds
            ),
            Texts(1.25 * np.where(known, values, 1.0), rows, texts),
        ),
    )


def power_panel(shown: str, n: int, power: Mapping[str, Power], *, can_move: bool) -> Panel:
    """The power against the number of samples.

    Args:
        shown: the label of the divergence whose intervals are drawn.
        n: the number of samples that is marked; 0 for none.
        power: by the name of the divergence.
        can_move: whether the mark can be dragged.

    Returns:
        The panel.
    """
    chosen, labels = OFFERED[shown].name, {one.name: text for text, one in OFFERED.items()}
    roles = dict(zip(QUICK, ("third", "fourth", "fifth"), strict=True))
    sizes = list(power[chosen].shares) or list(two_samples.SIZES)
    marks: list[Any] = [Rule(LEVEL, "x", role="other", label=_AT_LEVEL)]
    if n:
        marks.append(Rule(n, role="muted"))
    for name, (shares, low, high) in power.items():
        x, y = (np.array(list(a), float) for a in (shares, shares.values()))
        is_chosen, role = name == chosen, roles.get(name, "model")
        if is_chosen:
            marks.append(Area(x, np.array(low), np.array(high), role=role))
        marks.append(
            Line(x, y, 2.5 if is_chosen else 1.2, is_chosen, role=role, label=labels[name])
        )
    return Panel(
        "Power",
        Axis(
            "samples n of each",
            sizes[0] / 1.15,
            sizes[-1] * 1.15,
            "log",
            {n: str(n) for n in sizes},
        ),
        Axis("share that is found", 0, 1.05, ticks={a: f"{a:g}" for a in (0, 0.25, 0.5, 0.75, 1)}),
        tuple(marks),
        handles=(Handle(n, 1.0, Drag("n"), label="the number of samples"),) if can_move else (),
    )


def sentence(start: Phrase, shown: str, result: Mapping[str, Any]) -> Phrase:
    """The caption: what the tests say.

    Args:
        start: what is compared.
        shown: the label of the divergence that is shown.
        result: of the explorer.

    Returns:
        The sentence.
    """
    name, pvalues = OFFERED[shown].name, result["pvalue"]
    found = sum(value <= LEVEL for value in pvalues.values())
    one = phrase("{found} of {count} divergence finds one", found=found, count=len(pvalues))
    many = phrase("{found} of {count} divergences find one", found=found, count=len(pvalues))
    said = phrase(
        "{shown} is {statistic} with p = {pvalue}, so at the level {level:g} it {verdict}; "
        "{others}",
        shown=shown,
        statistic=number(result["statistic"]),
        pvalue=number(pvalues[name]),
        level=LEVEL,
        verdict=phrase("finds a difference" if pvalues[name] <= LEVEL else "finds no difference"),
        others=one if found == 1 else many,
    )
    if not result["power"]:
        template = "{start}: {said}; the power takes {least} values of each or more."
        return phrase(template, start=start, said=said, least=2 * two_samples.FEWEST)
    return phrase(
        "{start}: {said}, and {shown} finds one in {share:.0f} % of {draws} draws of {size} of "
        "each.",
        start=start,
        said=said,
        shown=shown,
        share=100 * result["power"][name],
        draws=OFFERED[shown].draws,
        size=result["power_n"],
    )
