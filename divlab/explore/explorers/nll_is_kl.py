"""The expected NLL of a model is the KL divergence from the data plus a constant."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpyro.distributions import Normal

from divlab.compiling import QUICKLY, jit_with
from divlab.divergences.comparison import compare
from divlab.explore.base import Explorer, number
from divlab.explore.controls import slider
from divlab.explore.learned import log_density_at
from divlab.explore.panels import SHOULDER, target_handles
from divlab.figures.scene import (
    Area,
    Axis,
    Drag,
    Handle,
    Line,
    Panel,
    Points,
    Scene,
    ceiling,
)
from divlab.languages import phrase
from divlab.targets import two_gaussians

_X = np.linspace(-9, 9, 361)
_MEANS = np.linspace(-4, 4, 33)


# Gradients take 30 ms each where they are not compiled, which is too long for a slider; compiled
# quickly they take one.
@jit_with(QUICKLY)
def _quantities(separation: Any, scale: Any, mean: Any, model_scale: Any) -> Any:
    """NLL, KL and entropy, and the gradients of the three in the mean and in the scale."""

    def of_model(mean: Any, model_scale: Any) -> Any:
        data, model = two_gaussians(separation, scale), Normal(mean, model_scale)
        found = compare(data, model, "cross_entropy", "kl", "entropy")
        values = jnp.stack(list(found.values()))
        return values, values

    slopes, values = jax.jacfwd(of_model, argnums=(0, 1), has_aux=True)(mean, model_scale)
    return values, jnp.stack(slopes, axis=-1)


class NLLIsKL(Explorer):
    """Two Gaussians as data, one Gaussian as the model: NLL, KL and the entropy between them.

    The left panel shows the densities. The right one shows the expected NLL and the KL divergence
    along the model's mean. The two curves differ by a constant, the entropy of the data, so that
    their slopes agree everywhere.

    `controls`: `separation` and `scale` of the data's modes, `mean` and `model_scale` of the model.
    `result`: `nll`, `kl` and `entropy` in nats; `nll_grad` and `kl_grad`, the gradients in
    (mean, model_scale).

    Example:
        >>> import divlab
        >>> found = divlab.explore.nll_is_kl().result
        >>> abs(found["nll"] - found["kl"] - found["entropy"]) < 1e-4
        True
    """

    def __init__(self) -> None:
        target = {
            "separation": slider("Separation", 4.0, 0.0, 8.0, 0.1),
            "scale": slider("Scale", 0.5, 0.1, 2.0, 0.05),
        }
        model = {
            "mean": slider("Mean", 1.0, -4.0, 4.0, 0.1),
            "model_scale": slider("Scale", 1.5, 0.3, 4.0, 0.05),
        }
        super().__init__({"Target": target, "Model": model})

    def compute(
        self, separation: float, scale: float, mean: float, model_scale: float
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        values, slopes = jax.device_get(_quantities(separation, scale, mean, model_scale))
        nll, kl, entropy = values.tolist()
        result: dict[str, Any] = {"nll": nll, "kl": kl, "entropy": entropy}
        arrays = {
            "data": np.exp(log_density_at(two_gaussians(separation, scale), _X)),
            "model": np.exp(log_density_at(Normal(mean, model_scale), _X)),
        }
        shift = _MEANS - mean
        for name, value, slope in zip(("nll", "kl"), (nll, kl), slopes[:2].tolist(), strict=True):
            result[f"{name}_grad"] = tuple(slope)
            # Along the mean of a Gaussian both are parabolas, of curvature 1 / scale².
            arrays[f"{name}_curve"] = value + slope[0] * shift + (shift / model_scale) ** 2 / 2
        return result, arrays

    def scene(
        self, values: dict[str, Any], result: dict[str, Any], arrays: dict[str, Any]
    ) -> Scene:
        mean, scale, data, model = (
            values["mean"], values["model_scale"], arrays["data"], arrays["model"]
        )  # fmt: skip
        densities = Panel(
            "Data and model",
            Axis("x", _X[0], _X[-1]),
            Axis("density", 0.0, ceiling(1.1 * max(data.max(), model.max()))),
            (
                Area(_X, 0 * _X, data, role="data"),
                Line(_X, data, role="data", label="data p"),
                Line(_X, model, role="model", label="model p_{θ}"),
            ),
            handles=(
                *target_handles(values, data, on="data p"),
                Handle(
                    mean, float(model.max()), Drag("mean"), label="the model's mean",
                    role="model", on="model p_{θ}",
                ),
                Handle(
                    mean + scale, SHOULDER * float(model.max()), Drag("model_scale"),
                    label="the model's scale", role="model",
                ),
            ),
        )  # fmt: skip
        curves = arrays["nll_curve"], arrays["kl_curve"]
        low, high = min(*(c.min() for c in curves), 0.0), max(c.max() for c in curves)
        at = np.array([mean, mean])
        both = np.array([result["kl"], result["nll"]])
        along = Panel(
            "Along the model's mean",
            Axis("mean of the model, μ", _MEANS[0], _MEANS[-1]),
            Axis("nats", -ceiling(-low) if low < 0 else -0.3, ceiling(1.05 * high)),
            (
                Line(_MEANS, curves[0], role="other", label="NLL, −E_{p} log p_{θ}"),
                Line(_MEANS, curves[1], role="model", label="KL(p‖p_{θ})"),
                Line(at, both, role="third", label="entropy of the data"),
                Points(at, both),
            ),
            handles=(Handle(mean, result["nll"], Drag("mean"), label="the model's mean"),),
        )
        return Scene((densities, along), columns=2)

    def numbers(self, values: dict[str, Any], result: dict[str, Any]) -> dict[str, str]:
        names = {"NLL": "nll", "KL": "kl", "entropy": "entropy"}
        return {label: number(result[name], 4) for label, name in names.items()}

    def python(self, values: dict[str, Any]) -> str:
        return f"""\
import divlab
import jax
from numpyro.distributions import Normal

data = divlab.targets.two_gaussians({values["separation"]}, {values["scale"]})
at = ({values["mean"]}, {values["model_scale"]})
print("nll", float(divlab.cross_entropy(data, Normal(*at))))
print("kl", float(divlab.kl(data, Normal(*at))))
print("entropy", float(divlab.entropy(data)))
for name, quantity in (("nll", divlab.cross_entropy), ("kl", divlab.kl)):
    slopes = jax.grad(lambda *at: quantity(data, Normal(*at)), argnums=(0, 1))(*at)
    for i, slope in enumerate(slopes):
        print(f"{{name}}_grad.{{i}}", float(slope))
"""

    def caption(self, values: dict[str, Any], result: dict[str, Any]) -> str:
        return phrase(
            "NLL {nll} = KL {kl} + entropy {entropy} nats; the slopes in the model's mean are "
            "{nll_slope:.5f} and {kl_slope:.5f}.",
            nll_slope=result["nll_grad"][0],
            kl_slope=result["kl_grad"][0],
            **{name: number(result[name], 4) for name in ("nll", "kl", "entropy")},
        )
