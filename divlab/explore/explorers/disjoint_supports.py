"""What KL, JS and Wasserstein say, and their gradients, as two densities are pulled apart."""

from collections.abc import Callable
from functools import partial

import ipywidgets as widgets
import jax
import jax.numpy as jnp
import numpy as np
from numpyro.distributions import Normal, Uniform

import divlab
from divlab import figures
from divlab.divergences.densities import log_density
from divlab.explore.base import Explorer, number, slider

_X = np.linspace(-3, 9, 1201)
_SEPARATIONS = np.linspace(0.0, 6.0, 121)
_QUANTITIES: dict[str, Callable] = {
    "kl": divlab.kl,
    "js": divlab.js,
    "wasserstein": divlab.wasserstein,
}
_FAMILIES: dict[str, Callable] = {
    "two Uniforms": lambda at, scale: Uniform(at - scale / 2, at + scale / 2),
    "two Gaussians": lambda at, scale: Normal(at, scale),
}


def _of_separation(quantity, family, separation, scale):
    build = _FAMILIES[family]
    return _QUANTITIES[quantity](build(jnp.zeros(()), scale), build(separation, scale))


@partial(jax.jit, static_argnames=("quantity", "family"))
def _value_and_slope(quantity, family, separation, scale):
    return jax.value_and_grad(_of_separation, argnums=2)(quantity, family, separation, scale)


@partial(jax.jit, static_argnames=("quantity", "family"))
def _curves(quantity, family, scale):
    at = partial(jax.value_and_grad(_of_separation, argnums=2), quantity, family)
    return jax.vmap(lambda separation: at(separation, scale))(jnp.asarray(_SEPARATIONS, float))


@partial(jax.jit, static_argnames="family")
def _densities(family, separation, scale):
    build, x = _FAMILIES[family], jnp.asarray(_X, float)
    return [jnp.exp(log_density(build(at, scale), x)) for at in (0.0 * separation, separation)]


class DisjointSupports(Explorer):
    """Two Uniforms or two Gaussians, pulled apart by one slider.

    From left to right the densities, then KL, JS and W₁ against the separation, then the gradient
    of each in the separation, with the present point on every curve.

    `controls`: `family`, `separation`, `scale` (the width of a Uniform, the standard deviation of
    a Gaussian). `result`: `kl`, `js` (nats), `wasserstein` (units of x), and their gradients in
    the separation, `kl_grad`, `js_grad`, `wasserstein_grad`. Where KL is infinite it has no
    gradient, which is then NaN.

    Example:
        >>> import divlab
        >>> found = divlab.explore.disjoint_supports().result
        >>> found["kl"], round(found["js"], 4), round(found["wasserstein"], 4)
        (inf, 0.6931, 1.5)
    """

    def __init__(self):
        self._cached = {}
        figure, (left, middle, right) = figures.new_figure(3)
        figures.label(left, title="$P$ and $Q$", x="$x$", y="density")
        figures.label(middle, title="Divergence", x="separation", y="nats; units of $x$ for $W_1$")
        figures.label(
            right, title="Gradient in the separation", x="separation", y="per unit of separation"
        )
        (self._p,) = left.plot(_X, 0 * _X, color=figures.DATA, label="$P$")
        (self._q,) = left.plot(_X, 0 * _X, "--", color=figures.MODEL, label="$Q$")
        styles = {
            "kl": (r"$\mathrm{KL}(P\,\|\,Q)$", figures.OTHER, "-"),
            "js": (r"$\mathrm{JS}(P, Q)$", figures.MODEL, "--"),
            "wasserstein": (r"$W_1(P, Q)$", figures.THIRD, "-."),
        }
        self._lines, self._slopes, self._dots = {}, {}, {}
        for name, (text, color, dashes) in styles.items():
            (self._lines[name],) = middle.plot([], [], dashes, color=color, label=text)
            (self._slopes[name],) = right.plot([], [], dashes, color=color)
            self._dots[name] = (
                *middle.plot([], [], "o", color=color, markersize=6),
                *right.plot([], [], "o", color=color, markersize=6),
            )
        self._note = middle.text(
            0.97,
            0.03,
            "",
            transform=middle.transAxes,
            ha="right",
            color=figures.OTHER,
            fontsize=9.5,
        )
        self._no_slope = right.text(
            0.97, 0.93, "", transform=right.transAxes, ha="right", color=figures.OTHER, fontsize=9.5
        )
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

    def compute(self, family, separation, scale):
        found = {n: _value_and_slope(n, family, separation, scale) for n in _QUANTITIES}
        found, (p, q) = jax.device_get((found, _densities(family, separation, scale)))
        result = {}
        for name, (value, slope) in found.items():
            result[name] = float(value)
            # What has no finite value has no slope.
            result[f"{name}_grad"] = float(slope) if np.isfinite(value) else float("nan")
        if self._cached.get("of") != (family, scale):  # the curves do not depend on the separation
            curves = {
                name: [np.asarray(a) for a in _curves(name, family, scale)] for name in _QUANTITIES
            }
            self._cached = {"of": (family, scale), "curves": curves}
        return result, {"p": p, "q": q, "curves": self._cached["curves"]}

    def draw(self, values, result, arrays):
        self._p.set_ydata(arrays["p"])
        self._q.set_ydata(arrays["q"])
        self._left.set_ylim(0, figures.ceiling(1.25 * max(arrays["p"].max(), arrays["q"].max())))
        self._left.set_xlim(-3, 9)
        for name, (curve, slope) in arrays["curves"].items():
            finite = np.isfinite(curve)
            self._lines[name].set_data(_SEPARATIONS[finite], curve[finite])
            finite[0] = False  # at separation 0 a distance has a kink, not a slope
            self._slopes[name].set_data(_SEPARATIONS[finite], slope[finite])
            for dot, value in zip(
                self._dots[name], (result[name], result[f"{name}_grad"]), strict=True
            ):
                shown = [value] if np.isfinite(value) else []
                dot.set_data([values["separation"]] * len(shown), shown)
        infinite = np.isinf(result["kl"])
        self._note.set_text(r"here $\mathrm{KL}=\infty$" if infinite else "")
        self._no_slope.set_text("here KL has no gradient" if infinite else "")

    def caption(self, values, result):
        parts = [
            f"{text} is {number(result[name])} with gradient {number(result[f'{name}_grad'])}"
            for name, text in (("kl", "KL"), ("js", "JS"), ("wasserstein", "W₁"))
        ]
        return f"For {values['family']} {values['separation']:.2f} apart, {'; '.join(parts)}."
