"""The expected NLL of a model is the KL divergence from the data plus a constant."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpyro.distributions import Normal

from divlab import figures
from divlab.divergences.comparison import compare
from divlab.explore.base import Explorer, number
from divlab.explore.controls import slider
from divlab.explore.learned import log_density_at
from divlab.targets import two_gaussians

_X = np.linspace(-9, 9, 361)
_MEANS = np.linspace(-4, 4, 33)


# Gradients take 30 ms each where they are not compiled, which is too long for a slider.
@jax.jit
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
        figure, (left, right) = figures.new_figure()
        figures.label(left, title="Data and model", x="$x$", y="density")
        figures.label(
            right, title="Along the model's mean", x=r"mean of the model, $\mu$", y="nats"
        )
        self._data = left.fill_between(_X, 0 * _X, color=figures.DATA, alpha=0.15)
        (self._data_line,) = left.plot(_X, 0 * _X, color=figures.DATA, label=r"data $p$")
        (self._model,) = left.plot(_X, 0 * _X, "--", color=figures.MODEL, label=r"model $p_\theta$")
        left.set_xlim(-9, 9)
        (self._nll,) = right.plot(
            _MEANS, 0 * _MEANS, color=figures.OTHER, label=r"NLL $-E_p\,\log p_\theta$"
        )
        (self._kl,) = right.plot(
            _MEANS, 0 * _MEANS, "--", color=figures.MODEL, label=r"$\mathrm{KL}(p\,\|\,p_\theta)$"
        )
        (self._gap,) = right.plot(
            [0, 0], [0, 0], ":", color=figures.DATA, label="entropy of the data"
        )
        (self._points,) = right.plot([0, 0], [0, 0], "o", color=figures.DATA, markersize=6)
        right.set_xlim(_MEANS[0], _MEANS[-1])
        figures.legend(left, loc="upper right")
        figures.legend(right, loc="upper center", ncols=1)
        self._axes = left, right
        controls = {
            "separation": slider("Data: separation", 4.0, 0.0, 8.0, 0.1),
            "scale": slider("Data: scale", 0.5, 0.1, 2.0, 0.05),
            "mean": slider("Model: mean", 1.0, -4.0, 4.0, 0.1),
            "model_scale": slider("Model: scale", 1.5, 0.3, 4.0, 0.05),
        }
        super().__init__(controls, figure)

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

    def draw(self, values: dict[str, Any], result: dict[str, Any], arrays: dict[str, Any]) -> None:
        left, right = self._axes
        self._data.set_data(_X, 0, arrays["data"])
        self._data_line.set_ydata(arrays["data"])
        self._model.set_ydata(arrays["model"])
        left.set_ylim(0, figures.ceiling(1.25 * max(arrays["data"].max(), arrays["model"].max())))
        self._nll.set_ydata(arrays["nll_curve"])
        self._kl.set_ydata(arrays["kl_curve"])
        mean = values["mean"]
        self._gap.set_data([mean, mean], [result["kl"], result["nll"]])
        self._points.set_data([mean, mean], [result["kl"], result["nll"]])
        low = min(arrays["nll_curve"].min(), arrays["kl_curve"].min(), 0.0)
        high = max(arrays["nll_curve"].max(), arrays["kl_curve"].max())
        right.set_ylim(-figures.ceiling(-low) if low < 0 else -0.3, figures.ceiling(1.5 * high))

    def caption(self, values: dict[str, Any], result: dict[str, Any]) -> str:
        nll, kl, entropy = (number(result[name], 4) for name in ("nll", "kl", "entropy"))
        slopes = result["nll_grad"][0], result["kl_grad"][0]
        return (
            f"NLL {nll} = KL {kl} + entropy {entropy} nats; the slopes in the model's mean are "
            f"{slopes[0]:.5f} and {slopes[1]:.5f}."
        )
