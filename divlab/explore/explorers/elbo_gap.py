"""What minimising -ELBO minimises: KL(data‖model), the gap of the bound, and a constant."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import norm

import divlab
from divlab import figures
from divlab.divergences.diagnosis import quietly
from divlab.evidence.bounds import bound_and_nll, data_nodes
from divlab.explore import trainer
from divlab.explore.base import number
from divlab.explore.controls import slider
from divlab.explore.learned import View, learned_at, log_density_at
from divlab.explore.panels import DensityPanel
from divlab.explore.trainer import Trainer
from divlab.models import Run

_LATENT = np.linspace(-6, 6, 301)


@jax.jit
def _networks(model: Any, params: Any, x: Any) -> Any:
    """What the encoder says at a point, as the model sees it, and what the decoder says along z."""
    z = jnp.asarray(_LATENT, float)
    return [a[0, 0] for a in model.encode(params, x[None])], model.decode(params, z[:, None])


class ElboGap(Trainer):
    """Train a VAE and take its loss apart: -ELBO = KL(p_data‖p_θ) + E[gap] + entropy of the data.

    The left panel shows the data and what the VAE has learned. The middle one shows, at one point
    x, the encoder's q(z|x) over the exact posterior p(z|x); the KL divergence between these two
    is the gap of the bound at x. The right one shows the three parts, stacked, along training.

    `controls`: `separation`, `scale`, `seed`, `train`, `one_step`, `rewind`, `step`, and `x`.
    `result`: `negative_elbo`, `nll`, `kl`, `gap` and `entropy` in nats, averaged over the data,
    and `gap_at_x`. For measurements, `entropy` is an estimate by nearest neighbours, and `kl` is
    the NLL less that estimate.

    Args:
        target: None for two Gaussians with sliders, else samples or a distribution to learn.
        vae: a VAE with the objective "elbo"; None for `divlab.VAE("elbo")`.

    Example:
        >>> import divlab
        >>> found = divlab.explore.elbo_gap().result
        >>> parts = found["kl"] + found["gap"] + found["entropy"]
        >>> abs(found["negative_elbo"] - parts) < 1e-3
        True
    """

    looks = ("step", "x")

    def __init__(self, target: Any = None, *, vae: Any = None) -> None:
        self._model = vae or divlab.VAE("elbo")
        figure, (left, middle, right) = figures.new_figure(3, height=3.9)
        self._density = DensityPanel(left, "Data and model", figures.MODEL)
        self._at = left.axvline(0, color=figures.THIRD, linestyle=":", linewidth=1.5)
        figures.legend(left, loc="upper right")
        figures.label(middle, title="Latent at $x$", x="$z$", y="density")
        (self._exact,) = middle.plot(_LATENT, 0 * _LATENT, color=figures.DATA, label="$p(z|x)$")
        (self._encoder,) = middle.plot(
            _LATENT, 0 * _LATENT, "--", color=figures.OTHER, label="$q(z|x)$"
        )
        middle.set_xlim(_LATENT[0], _LATENT[-1])
        figures.legend(middle, loc="upper right")
        figures.label(right, title=r"$-\mathrm{ELBO}$ along training", x="step", y="nats")
        texts = ("entropy", r"$\mathrm{KL}(p\,\|\,p_\theta)$", "gap")
        colors = (figures.DATA, figures.MODEL, figures.OTHER)
        hatches = ("", "//", "..")
        self._areas = [
            right.fill_between([0, 1], 0.0, 1.0, color=c, alpha=0.3, hatch=h, linewidth=0, label=t)
            for t, c, h in zip(texts, colors, hatches, strict=True)
        ]
        (self._total,) = right.plot([], [], color=figures.DATA, linewidth=1.5, label="sum")
        self._mark = right.axvline(0, color=figures.DATA, linewidth=1)
        figures.legend(right, loc="upper right")
        right.set_xlim(0, trainer.STEPS)
        right.set_xticks([0, trainer.STEPS / 2, trainer.STEPS])
        self._axes = left, middle, right
        menus = {"x": slider("Point x", 2.0, -8.0, 8.0, 0.1)}
        super().__init__(target, menus, figure)

    def models(self, values: dict[str, Any]) -> dict[str, Any]:
        return {"vae": self._model}

    def prepare(self, target: Any) -> dict[str, Any]:
        found = super().prepare(target)
        data = data_nodes(found["target"], found["modes"])
        with quietly():
            entropy = float(divlab.entropy(target))
        return found | {"data": data, "entropy": entropy}

    def along(self, run: Run, step: int) -> dict[str, float]:
        bound, nll, _ = self._parts(run, step, 0.0)
        return {"bound": bound, "nll": nll}

    def _parts(self, run: Run, step: int, x: float) -> tuple[float, float, float]:
        """-ELBO and NLL, each averaged over the data, and the gap of the bound at x."""
        points, weights = self.prepared["data"]
        points = np.append(points, x)  # so that one program serves both
        parts, nlls = bound_and_nll(run, step, points)
        bounds = parts.sum(axis=0)
        gap = float(bounds[-1] - nlls[-1])
        return float(weights @ bounds[:-1]), float(weights @ nlls[:-1]), gap

    def look(
        self, runs: dict[str, Run], learned: dict[str, View], step: int, values: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        run, entropy, x = runs["vae"], self.prepared["entropy"], values["x"]
        bound, nll, gap = self._parts(run, step, x)
        result = {
            "negative_elbo": bound,
            "nll": nll,
            "kl": nll - entropy,
            "gap": bound - nll,
            "entropy": entropy,
            "gap_at_x": gap,
        }
        y = run.units.standardise(x)
        found = _networks(run.model, run.params_at(step), y)
        (mean, log_scale), (loc, log_noise) = jax.device_get(found)
        encoder = norm.pdf(_LATENT, mean, np.exp(log_scale))
        log_joint = norm.logpdf(y, np.ravel(loc), np.exp(np.ravel(log_noise)))
        log_joint += norm.logpdf(_LATENT) - np.log(run.units.scale)
        exact = np.exp(log_joint - log_density_at(learned_at(run, step), np.array([x])))
        return result, {"latent": (encoder, exact), "curves": self.curves()}

    def draw(self, values: dict[str, Any], result: dict[str, Any], arrays: dict[str, Any]) -> None:
        _, middle, right = self._axes
        self._density.show(arrays["x"], arrays["density"], arrays["vae"])
        self._at.set_xdata([values["x"]] * 2)
        encoder, exact = arrays["latent"]
        self._encoder.set_ydata(encoder)
        self._exact.set_ydata(exact)
        middle.set_ylim(0, figures.ceiling(1.25 * max(encoder.max(), exact.max())))
        (steps, bounds), (_, nlls) = (arrays["curves"][name] for name in ("bound", "nll"))
        entropy = arrays["entropy"]
        base = np.zeros(len(steps))
        edges = (base, base + entropy, nlls, bounds)
        for area, below, above in zip(self._areas, edges[:-1], edges[1:], strict=True):
            area.set_data(steps, below, above)
        self._total.set_data(steps, bounds)
        self._mark.set_xdata([values["step"]] * 2)
        low = min(0.0, entropy)
        right.set_ylim(
            -figures.ceiling(-low) if low < 0 else 0.0, figures.ceiling(1.6 * np.median(bounds))
        )

    def caption(self, values: dict[str, Any], result: dict[str, Any]) -> str:
        texts = {name: number(value) for name, value in result.items()}
        return (
            f"Step {values['step']}{self.trained()}: −ELBO {texts['negative_elbo']} = KL "
            f"{texts['kl']} + gap {texts['gap']} + entropy {texts['entropy']} nats; at x = "
            f"{values['x']:.1f} the gap is {texts['gap_at_x']}."
        )
