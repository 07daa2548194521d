"""What estimators of a divergence find in n samples, against the exact value."""

import json
from typing import Any

import numpy as np

from divlab.explore.base import Explorer, number
from divlab.explore.controls import menu, seed_slider, sizes, slider
from divlab.explore.estimation import DRAWS, QUANTITIES, estimates, estimators_of
from divlab.explore.panels import ROLES
from divlab.figures.scene import Area, Axis, Drag, Handle, Line, Panel, Rule, Scene, ceiling
from divlab.languages import listed, phrase

SIZES = (30, 100, 300, 1000)


class Estimators(Explorer):
    """Estimates of a divergence of N(0, 1) from N(separation, scale²), as the samples grow.

    There are 16 pairs of samples, and each estimator sees the first n of each. The left panel
    shows the mean of its 16 estimates, with one standard deviation to each side, and the exact
    value. The right one shows the error. A mark at n, which can be dragged, says of which samples
    the numbers and the caption speak. Where P and Q lie far apart, nearest neighbours find
    hardly more than log n, because samples hold nothing of the tails that were not sampled.

    `controls`: `separation`, `scale`, `n`, `seed`, `quantity`. `result`: `truth`; `estimates`,
    which holds for each estimator and each n (as text) the `mean` and `deviation` of its 16
    estimates.

    Example:
        >>> import divlab
        >>> explorer = divlab.explore.estimators()
        >>> explorer.controls["quantity"].value = "W₁"
        >>> explorer.controls["scale"].value = 1.0
        >>> explorer.controls["separation"].value = 3.0
        >>> round(explorer.result["truth"], 3)
        3.0
    """

    def __init__(self) -> None:
        of_q = {
            "separation": slider("Separation", 1.0, 0.0, 6.0, 0.1),
            "scale": slider("Scale of Q", 1.0, 0.3, 3.0, 0.05),
        }
        of_samples = {"n": sizes(SIZES, SIZES[-1]), "seed": seed_slider()}
        of_view = {"quantity": menu("Quantity", QUANTITIES)}
        super().__init__({"P and Q": of_q, "Samples": of_samples, "View": of_view})

    def compute(
        self, separation: float, scale: float, n: int, seed: float, quantity: str
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        truth, found = estimates(quantity, separation, scale, int(seed), SIZES)
        of_each: dict[str, Any] = {
            name: {
                str(n): {"mean": float(values.mean()), "deviation": float(values.std(ddof=1))}
                for n, values in drawn.items()
            }
            for name, drawn in found.items()
        }
        errors = {
            name: np.array([np.sqrt(np.mean((values - truth) ** 2)) for values in drawn.values()])
            for name, drawn in found.items()
        }
        return {"truth": truth, "estimates": of_each}, {"errors": errors}

    def scene(
        self, values: dict[str, Any], result: dict[str, Any], arrays: dict[str, Any]
    ) -> Scene:
        at, n, truth = np.array(SIZES, float), values["n"], result["truth"]
        across = Axis(
            "samples n", SIZES[0] / 1.2, SIZES[-1] * 1.2, "log", {n: str(n) for n in SIZES}
        )
        areas, lines, errors = [], [], []
        lowest = highest = truth
        for (name, found), role in zip(result["estimates"].items(), ROLES, strict=False):
            mean, spread = (
                np.array([one[of] for one in found.values()]) for of in ("mean", "deviation")
            )
            low, high = mean - spread, mean + spread
            lowest, highest = min(lowest, *low), max(highest, *high)
            areas.append(Area(at, low, high, role=role))
            lines.append(Line(at, mean, dots=True, role=role, label=name))
            error = np.maximum(arrays["errors"][name], 1e-3)
            errors.append(Line(at, error, dots=True, role=role, label=name))
        bottom, top = -ceiling(-lowest) if lowest < 0 else 0.0, ceiling(1.05 * highest)
        mark, drag, text = Rule(n, role="muted"), Drag("n"), "the number of samples"
        estimate = Panel(
            "Estimate",
            across,
            Axis("nats; units of x for W₁", bottom, top),
            (*areas, mark, Rule(truth, along="x", label="exact"), *lines),
            handles=(Handle(n, top, drag, label=text),),
        )
        error = Panel(
            "Error",
            across,
            Axis("root mean square error", 1e-3, 100, "log"),
            (mark, *errors),
            handles=(Handle(n, 100, drag, label=text),),
        )
        return Scene((estimate, error), columns=2, widths=(1.5, 1), height=0.4)

    def numbers(self, values: dict[str, Any], result: dict[str, Any]) -> dict[str, str]:
        n = str(values["n"])
        found = {name: _around(one[n]) for name, one in result["estimates"].items()}
        return {"exact": number(result["truth"]), **found}

    def python(self, values: dict[str, Any]) -> str:
        quantity, seed = values["quantity"], int(values["seed"])
        name = QUANTITIES[quantity].__name__
        estimators = "".join(
            f'    "{label}": {json.dumps(options)},\n'
            for label, options in estimators_of(quantity).items()
        )
        return f"""\
import divlab
import numpy as np
from numpyro.distributions import Normal

separation, scale = {values["separation"]}, {values["scale"]}
print("truth", float(divlab.{name}(Normal(0.0, 1.0), Normal(separation, scale))))
pairs = np.random.default_rng({seed}).standard_normal(({DRAWS}, 2, {SIZES[-1]}))
pairs[:, 1] = separation + scale * pairs[:, 1]
estimators = {{
{estimators}}}
for name, options in estimators.items():
    for n in {SIZES}:
        found = [float(divlab.{name}(x[:n], y[:n], **options)) for x, y in pairs]
        print(f"estimates.{{name}}.{{n}}.mean", np.mean(found))
        print(f"estimates.{{name}}.{{n}}.deviation", np.std(found, ddof=1))
"""

    def caption(self, values: dict[str, Any], result: dict[str, Any]) -> str:
        n = str(values["n"])
        parts = (
            listed([phrase(name), _around(found[n])], " ")
            for name, found in result["estimates"].items()
        )
        return phrase(
            "{quantity} of N(0, 1) and N({separation:.1f}, {scale:.2f}²) is {truth}; from {size} "
            "samples each, mean ± standard deviation of {draws} draws: {parts}.",
            truth=number(result["truth"]),
            size=n,
            draws=DRAWS,
            parts=listed(parts),
            **values,
        )


def _around(found: dict[str, float]) -> str:
    """A mean, and the standard deviation around it."""
    return listed([number(found["mean"]), number(found["deviation"])], " ± ")
