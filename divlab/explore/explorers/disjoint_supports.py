"""What KL, JS and Wasserstein say, and their gradients, as two densities are pulled apart."""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpyro.distributions import Distribution, Normal, Uniform

import divlab
from divlab.compiling import QUICKLY, WITHOUT_FUSION, jit_with
from divlab.explore.base import Explorer, number
from divlab.explore.controls import menu, slider
from divlab.explore.learned import log_density_at
from divlab.explore.panels import SHOULDER, note
from divlab.figures.scene import Axis, Drag, Handle, Line, Panel, Points, Scene, Texts, ceiling
from divlab.languages import listed, phrase

_X = np.linspace(-3, 9, 1201)
_SEPARATIONS = np.linspace(0.0, 6.0, 121)
_FAMILIES: dict[str, Callable[[Any, Any], Distribution]] = {
    "two Uniforms": lambda at, scale: Uniform(at - scale / 2, at + scale / 2),
    "two Gaussians": lambda at, scale: Normal(at, scale),
}
# The label and the role of each quantity.
_STYLES = {"kl": ("KL", "other"), "js": ("JS", "model"), "wasserstein": ("W₁", "third")}
_QUANTITIES: dict[str, Callable[..., jax.Array]] = {n: getattr(divlab, n) for n in _STYLES}


def _of_separation(quantity: str, family: str, separation: Any, scale: Any) -> jax.Array:
    build = _FAMILIES[family]
    return _QUANTITIES[quantity](build(jnp.zeros(()), scale), build(separation, scale))


@jit_with(QUICKLY, static_argnames=("quantity", "family"))
def _value_and_slope(quantity: str, family: str, separation: Any, scale: Any) -> Any:
    return jax.value_and_grad(_of_separation, argnums=2)(quantity, family, separation, scale)


@jit_with(WITHOUT_FUSION, static_argnames=("quantity", "family"))
def _curves(quantity: str, family: str, scale: Any) -> Any:
    at = partial(jax.value_and_grad(_of_separation, argnums=2), quantity, family)
    return jax.vmap(lambda separation: at(separation, scale))(jnp.asarray(_SEPARATIONS, float))


@lru_cache(maxsize=8)  # they do not depend on the separation
def _all_curves(family: str, scale: float) -> dict[str, Any]:
    return {name: jax.device_get(_curves(name, family, scale)) for name in _QUANTITIES}


class DisjointSupports(Explorer):
    """Two Uniforms or two Gaussians, pulled apart by one slider.

    The left panel shows the densities; Q can be dragged away from P, and made wider by its
    shoulder. The middle one shows KL, JS and W₁ against the separation, and the right one their
    gradients in the separation. A dot on each curve marks the present separation, and that of W₁
    can be dragged.

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
        controls = {
            "family": menu("P and Q are", _FAMILIES, words=True),
            "separation": slider("Separation", 1.5, 0.0, 6.0, 0.05),
            "scale": slider("Scale", 1.0, 0.3, 2.0, 0.05),
        }
        super().__init__({"P and Q": controls})

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
        build = _FAMILIES[family]
        p, q = (np.exp(log_density_at(build(at, scale), _X)) for at in (0.0, separation))
        return result, {"p": p, "q": q, "curves": _all_curves(family, scale)}

    def scene(
        self, values: dict[str, Any], result: dict[str, Any], arrays: dict[str, Any]
    ) -> Scene:
        at, scale, p, q = values["separation"], values["scale"], arrays["p"], arrays["q"]
        top, is_uniform = float(q.max()), values["family"] == "two Uniforms"
        away, height = (scale / 2, top / 2) if is_uniform else (scale, SHOULDER * top)
        apart, wider = Drag("separation"), Drag("scale", 2.0 if is_uniform else 1.0)
        text = "the separation of Q"
        densities = Panel(
            "P and Q",
            Axis("x", _X[0], _X[-1]),
            Axis("density", 0.0, ceiling(1.05 * max(p.max(), top))),
            (Line(_X, p, role="data", label="P"), Line(_X, q, role="model", label="Q")),
            handles=(
                Handle(at, top, apart, label=text, role="model", on="Q"),
                Handle(at + away, height, wider, label="the scale", role="model"),
            ),
        )
        divergence = Panel(
            "Divergence",
            Axis("separation", 0, 6),
            Axis("nats; units of x for W₁", -0.2, 6.5),
            _marks(0, at, result, arrays["curves"], note("here KL = ∞", 0.97, 0.05, "end")),
            handles=(Handle(at, result["wasserstein"], apart, label=text, role="third"),),
        )
        no_slope = note("here KL has no gradient", 0.97, 0.95, "end")
        gradient = Panel(
            "Gradient in the separation",
            Axis("separation", 0, 6),
            Axis("per unit of separation", -0.2, 4.2),
            _marks(1, at, result, arrays["curves"], no_slope),
        )
        return Scene((densities, divergence, gradient), columns=3, height=0.4)

    def numbers(self, values: dict[str, Any], result: dict[str, Any]) -> dict[str, str]:
        found = {text: result[name] for name, (text, _) in _STYLES.items()}
        found |= {phrase("{of} slope", of=t): result[f"{n}_grad"] for n, (t, _) in _STYLES.items()}
        return {text: number(value) for text, value in found.items()}

    def python(self, values: dict[str, Any]) -> str:
        family = {
            "two Uniforms": "Uniform(at - {0} / 2, at + {0} / 2)",
            "two Gaussians": "Normal(at, {0})",
        }[values["family"]].format(values["scale"])
        return f"""\
import divlab
import jax
import numpy as np
from numpyro.distributions import {family.partition("(")[0]}


def of(at):
    return {family}


for name in ("kl", "js", "wasserstein"):
    divergence = getattr(divlab, name)
    both = jax.value_and_grad(lambda separation: divergence(of(0.0), of(separation)))
    value, slope = both({values["separation"]})
    print(name, float(value))
    print(f"{{name}}_grad", float(slope) if np.isfinite(value) else float("nan"))
"""

    def caption(self, values: dict[str, Any], result: dict[str, Any]) -> str:
        template = "{of} is {value} with gradient {slope}"
        parts = (
            phrase(template, of=t, value=number(result[n]), slope=number(result[f"{n}_grad"]))
            for n, (t, _) in _STYLES.items()
        )
        said = {"family": phrase(values["family"]), "parts": listed(parts, "; ")}
        return phrase("For {family} {separation:.2f} apart, {parts}.", **(values | said))


def _marks(
    which: int, at: float, result: dict[str, Any], curves: dict[str, Any], infinite: Texts
) -> tuple[Any, ...]:
    """The curves of values (0) or of gradients (1), a dot on each, and a note where KL is ∞."""
    marks: list[Any] = [infinite] if np.isinf(result["kl"]) else []
    for name, (label, role) in _STYLES.items():
        curve = np.where(np.isfinite(curves[name][0]), curves[name][which], np.nan)
        curve[:which] = np.nan  # at separation 0 a distance has a kink, and no slope
        marks.append(Line(_SEPARATIONS, curve, role=role, label=label))
        value = result[(name, f"{name}_grad")[which]]
        if np.isfinite(value):
            marks.append(Points(np.array([at]), np.array([value]), role=role))
    return tuple(marks)
