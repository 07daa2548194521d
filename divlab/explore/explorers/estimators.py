"""What estimators of a divergence find in n samples, against the exact value."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
from jaxtyping import Float
from numpyro.distributions import Normal

import divlab
from divlab import figures, methods
from divlab.divergences.diagnosis import quietly
from divlab.explore.base import Explorer, number
from divlab.explore.controls import menu, slider
from divlab.explore.parallel import in_parallel

SIZES = (30, 100, 300, 1000)
DRAWS = 16
_METHODS = {
    "nearest neighbours": methods.NearestNeighbours(),
    "histogram": methods.Histogram(),
    "kernel density": methods.KDE(),
}
_QUANTITIES: dict[str, Callable[..., Any]] = {
    "KL(P‖Q)": divlab.kl,
    "JS": divlab.js,
    "TV": divlab.tv,
    "W₁": divlab.wasserstein,
}


def _estimators_of(quantity: str) -> dict[str, Callable[..., Any]]:
    """The estimators of a quantity, by name."""
    divergence = _QUANTITIES[quantity]
    if quantity == "W₁":
        return {"sorting": divergence}
    return {name: partial(divergence, method=method) for name, method in _METHODS.items()}


@partial(jax.jit, static_argnames="quantity")
def _truth(quantity: str, separation: Any, scale: Any) -> Any:
    """The exact value for N(0, 1) and N(separation, scale²)."""
    return _QUANTITIES[quantity](Normal(0.0, 1.0), Normal(separation, scale))


def _of_each_size(
    estimate: Callable[..., Any], pairs: Float[np.ndarray, "draws 2 n"]
) -> dict[int, Float[np.ndarray, " draws"]]:
    """The estimates from the first n samples of each pair, by n."""
    with quietly():  # how far the estimates are off is what is shown
        return {n: np.array([float(estimate(x[:n], y[:n])) for x, y in pairs]) for n in SIZES}


class Estimators(Explorer):
    """Estimates of a divergence of N(0, 1) from N(separation, scale²), as the samples grow.

    There are 16 pairs of samples, and each estimator sees the first n of each. The left panel
    shows the mean of its 16 estimates, with one standard deviation to each side, and the exact
    value. The right one shows the error. Where P and Q lie far apart, nearest neighbours find
    hardly more than log n, because samples hold nothing of the tails that were not sampled.

    `controls`: `quantity`, `separation`, `scale`, `seed`. `result`: `truth`; `estimates`, which
    holds for each estimator and each n (as text) the `mean` and `deviation` of its 16 estimates.

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
        figure, (left, right) = figures.new_figure(gridspec_kw={"width_ratios": [1.5, 1]})
        figures.label(left, title="Estimate", x="samples $n$", y="nats; units of $x$ for $W_1$")
        figures.label(right, title="Error", x="samples $n$", y="root mean square error")
        self._axes = left, right
        self._truth = left.axhline(0, color=figures.DATA, label="exact")
        self._lines: list[Any] = []
        self._areas: list[Any] = []
        self._errors: list[Any] = []
        for color, dashes, marker in zip(figures.COLORS, figures.DASHES, "osD", strict=False):
            style = {"color": color, "linestyle": dashes, "marker": marker, "markersize": 5}
            self._areas.append(
                left.fill_between(SIZES, 0.0, 0.0, color=color, alpha=0.15, linewidth=0)
            )
            self._lines += left.plot(SIZES, [0] * len(SIZES), **style)
            self._errors += right.plot(SIZES, [1] * len(SIZES), **style)
        for axes in self._axes:
            axes.set_xscale("log")
            axes.set_xlim(SIZES[0] / 1.2, SIZES[-1] * 1.2)
            axes.set_xticks(SIZES, [str(n) for n in SIZES])
            axes.minorticks_off()
        right.set_yscale("log")
        right.set_ylim(1e-3, 100)
        self._legend_of: tuple[str, ...] = ()  # the estimators that the legend names
        controls = {
            "quantity": menu("Quantity", _QUANTITIES),
            "separation": slider("Separation", 1.0, 0.0, 6.0, 0.1),
            "scale": slider("Scale of Q", 1.0, 0.3, 3.0, 0.05),
            "seed": slider("Seed", 0.0, 0.0, 50.0, 1.0),
        }
        controls["seed"].readout_format = "d"
        super().__init__(controls, figure)

    def compute(
        self, quantity: str, separation: float, scale: float, seed: float
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        truth = float(_truth(quantity, separation, scale))
        estimates, errors = {}, {}
        pairs = np.random.default_rng(int(seed)).standard_normal((DRAWS, 2, SIZES[-1]))
        pairs[:, 1] = separation + scale * pairs[:, 1]
        pieces = {
            name: partial(_of_each_size, estimate, pairs)
            for name, estimate in _estimators_of(quantity).items()
        }
        for name, drawn in in_parallel(pieces).items():
            estimates[name] = {
                str(n): {"mean": float(values.mean()), "deviation": float(values.std(ddof=1))}
                for n, values in drawn.items()
            }
            errors[name] = [
                float(np.sqrt(np.mean((values - truth) ** 2))) for values in drawn.values()
            ]
        return {"truth": truth, "estimates": estimates}, {"errors": errors}

    def draw(self, values: dict[str, Any], result: dict[str, Any], arrays: dict[str, Any]) -> None:
        left, _ = self._axes
        names = tuple(result["estimates"])
        top = low = result["truth"]
        for i, (line, area, error) in enumerate(
            zip(self._lines, self._areas, self._errors, strict=True)
        ):
            shown = i < len(names)
            for artist in (line, area, error):
                artist.set_visible(shown)
            if not shown:
                continue
            found = result["estimates"][names[i]]
            mean = np.array([one["mean"] for one in found.values()])
            spread = np.array([one["deviation"] for one in found.values()])
            line.set_ydata(mean)
            area.set_data(SIZES, mean - spread, mean + spread)
            error.set_ydata(np.maximum(arrays["errors"][names[i]], 1e-3))
            top, low = max(top, *(mean + spread)), min(low, *(mean - spread))
        self._truth.set_ydata([result["truth"]] * 2)
        left.set_ylim(-figures.ceiling(-low) if low < 0 else 0.0, figures.ceiling(1.35 * top))
        if names != self._legend_of:
            handles = [self._truth, *self._lines[: len(names)]]
            for handle, name in zip(handles, ("exact", *names), strict=True):
                handle.set_label(name)
            figures.legend(left, handles, loc="upper right", ncols=2)
            self._legend_of = names

    def caption(self, values: dict[str, Any], result: dict[str, Any]) -> str:
        n = str(SIZES[-1])
        parts = ", ".join(
            f"{name} {number(found[n]['mean'])} ± {number(found[n]['deviation'])}"
            for name, found in result["estimates"].items()
        )
        return (
            f"{values['quantity']} of N(0, 1) and N({values['separation']:.1f}, "
            f"{values['scale']:.2f}²) is {number(result['truth'])}; from {n} samples each, mean ± "
            f"standard deviation of {DRAWS} draws: {parts}."
        )
