"""What KL, JS and Wasserstein say, and their gradients, as two densities are pulled apart."""

from collections.abc import Callable
from functools import partial
from typing import Any

import ipywidgets as widgets
import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from numpyro.distributions import Distribution, Normal, Uniform

import divlab
from divlab import figures
from divlab.explore.base import Explorer, number
from divlab.explore.controls import slider
from divlab.explore.learned import log_density_at

_X = np.linspace(-3, 9, 1201)
_SEPARATIONS = np.linspace(0.0, 6.0, 121)
_QUANTITIES: dict[str, Callable[..., jax.Array]] = {
    "kl": divlab.kl,
    "js": divlab.js,
    "wasserstein": divlab.wasserstein,
}
_FAMILIES: dict[str, Callable[[Any, Any], Distribution]] = {
    "two Uniforms": lambda at, scale: Uniform(at - scale / 2, at + scale / 2),
    "two Gaussians": lambda at, scale: Normal(at, scale),
}
# The label, the color and the dashes of each quantity.
_STYLES = {
    "kl": (r"$\mathrm{KL}(P\,\|\,Q)$", figures.OTHER, "-"),
    "js": (r"$\mathrm{JS}(P, Q)$", figures.MODEL, "--"),
    "wasserstein": (r"$W_1(P, Q)$", figures.THIRD, "-."),
}


def _of_separation(quantity: str, family: str, separation: Any, scale: Any) -> jax.Array:
    build = _FAMILIES[family]
    return _QUANTITIES[quantity](build(jnp.zeros(()), scale), build(separation, scale))


@partial(jax.jit, static_argnames=("quantity", "family"))
def _value_and_slope(quantity: str, family: str, separation: Any, scale: Any) -> Any:
    return jax.value_and_grad(_of_separation, argnums=2)(quantity, family, separation, scale)


@partial(jax.jit, static_argnames=("quantity", "family"))
def _curves(quantity: str, family: str, scale: Any) -> Any:
    at = partial(jax.value_and_grad(_of_separation, argnums=2), quantity, family)
    return jax.vmap(lambda separation: at(separation, scale))(jnp.asarray(_SEPARATIONS, float))


class DisjointSupports(Explorer):
    """Two Uniforms or two Gaussians, pulled apart by one slider.

    The left panel shows the densities. The middle one shows KL, JS and W₁ against the separation,
    and the right one their gradients in the separation. A dot on each curve marks the present
    separation.

    `controls`: `family`; `separation`; `scale`, which is the width of a Uniform or the standard
    deviation of a Gaussian. `result`: `kl` and `js` in nats, `wasserstein` in units of x, and
    their gradients in the separation, `kl_grad`, `js_grad` and `wasserstein_grad`. Where KL is
    infinite it has no gradient, and `kl_grad` is NaN.

    Example:
        >>> import divlab
        >>> found = divlab.explore.disjoint_supports().result
        >>> found["kl"], round(found["js"], 4), round(found["wasserstein"], 4)
        (inf, 0.6931, 1.5)
    """

    def __init__(self) -> None:
        self._curves_of: Any = None  # the family and scale that `_curves` are for
        self._curves: dict[str, list[np.ndarray]] = {}
        figure, (left, middle, right) = figures.new_figure(3)
        figures.label(left, title="$P$ and $Q$", x="$x$", y="density")
        figures.label(middle, title="Divergence", x="separation", y="nats; units of $x$ for $W_1$")
        figures.label(
            right, title="Gradient in the separation", x="separation", y="per unit of separation"
        )
        (self._p,) = left.plot(_X, 0 * _X, color=figures.DATA, label="$P$")
        (self._q,) = left.plot(_X, 0 * _X, "--", color=figures.MODEL, label="$Q$")
        self._lines, self._slopes, self._dots = {}, {}, {}
        for name, (text, color, dashes) in _STYLES.items():
            (self._lines[name],) = middle.plot([], [], dashes, color=color, label=text)
            (self._slopes[name],) = right.plot([], [], dashes, color=color)
            self._dots[name] = (
                *middle.plot([], [], "o", color=color, markersize=6),
                *right.plot([], [], "o", color=color, markersize=6),
            )
        self._note = _note(middle, 0.03)
        self._no_slope = _note(right, 0.93)
        for axes in (middle, right):
            axes.set_xlim(0, 6)
        middle.set_ylim(-0.2, 6.5)
        right.set_ylim(-0.2, 4.2)
        figures.legend(left, loc="upper right")
        figures.legend(middle, loc="upper left")
        self._left = left
        controls = {
            "family": widgets.ToggleButtons(options=list(_FAMILIES), description="P and Q are"),
            "separation": slider("Separation", 1.5, 0.0, 6.0, 0.05),
            "scale": slider("Scale", 1.0, 0.3, 2.0, 0.05),
        }
        super().__init__(controls, figure)

    def compute(
        self, family: str, separation: float, scale: float
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        found = jax.device_get(
            {name: _value_and_slope(name, family, separation, scale) for name in _QUANTITIES}
        )
        result = {}
        for name, (value, slope) in found.items():
            result[name] = float(value)
            result[f"{name}_grad"] = float(slope) if np.isfinite(value) else float("nan")
        if self._curves_of != (family, scale):  # the curves do not depend on the separation
            self._curves = {
                name: [np.asarray(a) for a in _curves(name, family, scale)] for name in _QUANTITIES
            }
            self._curves_of = family, scale
        build = _FAMILIES[family]
        p, q = (np.exp(log_density_at(build(at, scale), _X)) for at in (0.0, separation))
        return result, {"p": p, "q": q, "curves": self._curves}

    def draw(self, values: dict[str, Any], result: dict[str, Any], arrays: dict[str, Any]) -> None:
        self._p.set_ydata(arrays["p"])
        self._q.set_ydata(arrays["q"])
        self._left.set_ylim(0, figures.ceiling(1.25 * max(arrays["p"].max(), arrays["q"].max())))
        self._left.set_xlim(-3, 9)
        for name, (curve, slope) in arrays["curves"].items():
            finite = np.isfinite(curve)
            self._lines[name].set_data(_SEPARATIONS[finite], curve[finite])
            finite[0] = False  # at separation 0 a distance has a kink, and no slope
            self._slopes[name].set_data(_SEPARATIONS[finite], slope[finite])
            for dot, value in zip(
                self._dots[name], (result[name], result[f"{name}_grad"]), strict=True
            ):
                shown = [value] if np.isfinite(value) else []
                dot.set_data([values["separation"]] * len(shown), shown)
        infinite = np.isinf(result["kl"])
        self._note.set_text(r"here $\mathrm{KL}=\infty$" if infinite else "")
        self._no_slope.set_text("here KL has no gradient" if infinite else "")

    def caption(self, values: dict[str, Any], result: dict[str, Any]) -> str:
        parts = [
            f"{text} is {number(result[name])} with gradient {number(result[f'{name}_grad'])}"
            for name, text in (("kl", "KL"), ("js", "JS"), ("wasserstein", "W₁"))
        ]
        return f"For {values['family']} {values['separation']:.2f} apart, {'; '.join(parts)}."


def _note(axes: Axes, height: float) -> Any:
    """A text at the right of a panel, which says where KL is infinite."""
    return axes.text(
        0.97, height, "", transform=axes.transAxes, ha="right", color=figures.OTHER, fontsize=9.5
    )
