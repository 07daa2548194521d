"""The expected NLL of a model is the KL divergence from the data plus a constant."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpyro.distributions import Normal

from divlab import figures
from divlab.divergences.comparison import compare
from divlab.divergences.densities import log_density
from divlab.explore.base import Explorer, number, slider
from divlab.targets import two_gaussians

_X = np.linspace(-9, 9, 361)
_MEANS = np.linspace(-4, 4, 33)


@jax.jit
def _all(separation, scale, mean, model_scale):
    """NLL and KL, each with its gradient in mean and scale, both along the means, and the rest."""
    data, x = two_gaussians(separation, scale), jnp.asarray(_X, float)

    def at(mean, model_scale):
        model = Normal(mean, model_scale)
        nll, kl, entropy = compare(data, model, "cross_entropy", "kl", "entropy").values()
        return jnp.stack([nll, kl]), (nll, kl, entropy)

    # The mean itself is one more point of the curves: gradients all along them cost less than one
    # more program.
    means = jnp.append(jnp.asarray(_MEANS, float), mean)
    gradients, values = jax.vmap(jax.jacrev(at, argnums=(0, 1), has_aux=True), in_axes=(0, None))(
        means, model_scale
    )
    (nll, kl, entropy), (nll_grad, kl_grad) = values, jnp.stack(gradients, axis=-1)[-1]
    densities = [jnp.exp(log_density(d, x)) for d in (data, Normal(mean, model_scale))]
    return {
        "nll": nll[-1],
        "kl": kl[-1],
        "entropy": entropy[-1],
        "nll_grad": nll_grad,
        "kl_grad": kl_grad,
        "nll_curve": nll[:-1],
        "kl_curve": kl[:-1],
        "data": densities[0],
        "model": densities[1],
    }


class NLLIsKL(Explorer):
    """Two Gaussians as data, one Gaussian as the model: NLL, KL and the entropy between them.

    Left the densities, right the expected NLL and the KL divergence along the model's mean: two
    curves of one shape, a constant apart, so that their slopes agree everywhere.

    `controls`: `separation` and `scale` of the data's modes, `mean` and `model_scale` of the model.
    `result`: `nll`, `kl` and `entropy` in nats; `nll_grad` and `kl_grad`, the gradients in
    (mean, model_scale).

    Example:
        >>> import divlab
        >>> found = divlab.explore.nll_is_kl().result
        >>> abs(found["nll"] - found["kl"] - found["entropy"]) < 1e-4
        True
    """

    def __init__(self):
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

    def compute(self, separation, scale, mean, model_scale):
        found = jax.device_get(_all(separation, scale, mean, model_scale))
        result: dict[str, Any] = {n: float(found[n]) for n in ("nll", "kl", "entropy")}
        for name in ("nll_grad", "kl_grad"):
            result[name] = tuple(float(slope) for slope in found[name])
        return result, found

    def draw(self, values, result, arrays):
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

    def caption(self, values, result):
        nll, kl, entropy = (number(result[name], 4) for name in ("nll", "kl", "entropy"))
        slopes = result["nll_grad"][0], result["kl_grad"][0]
        return (
            f"NLL {nll} = KL {kl} + entropy {entropy} nats; the slopes in the model's mean are "
            f"{slopes[0]:.5f} and {slopes[1]:.5f}."
        )
