"""A VAE and a GAN on the same target, from the same seed, at every step of their training."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import divlab
from divlab import figures
from divlab.explore import trainer
from divlab.explore.base import number
from divlab.explore.panels import DensityPanel, LinesPanel
from divlab.explore.trainer import Trainer
from divlab.models.objectives.classifiers import Discriminator


@jax.jit
def _scores(model, params, x):
    return model.critic(params, x)


class ModeCollapse(Trainer):
    """Train a VAE and a GAN side by side, then scrub through what they learned.

    Each panel shows the exact density a model has learned over the target, and samples as ticks;
    the GAN's shows its discriminator too; below are the losses. `step` moves through the recorded
    run both ways without training again.

    `controls`: `separation` and `scale` of the target (two Gaussians; absent for `target=` data),
    `seed`, `train`, `one_step`, `rewind`, `step`. `result`: `vae` and `gan`, each a dict of the
    fields of `divlab.coverage` and `kl` = KL(target‖model), `js` (nats) and `wasserstein` (units
    of x).

    Args:
        target: None for two Gaussians with sliders, else samples or a distribution to learn. Of
            samples, KL and JS are estimates by nearest neighbours.
        vae: the VAE; None for `divlab.VAE("elbo")`.
        gan: the GAN; None for `divlab.GAN("non_saturating")`.

    Example:
        >>> import divlab
        >>> explorer = divlab.explore.mode_collapse()
        >>> list(explorer.controls)
        ['separation', 'scale', 'seed', 'train', 'one_step', 'rewind', 'step']
        >>> sorted(explorer.result["gan"])[:3]
        ['bridge', 'high_quality', 'js']
    """

    def __init__(self, target=None, *, vae=None, gan=None):
        self._models = {
            "vae": vae or divlab.VAE("elbo"),
            "gan": gan or divlab.GAN("non_saturating"),
        }
        figure, axes = figures.new_figure(
            rows=2, height=5.4, gridspec_kw={"height_ratios": [3, 1.3]}
        )
        self._panels = {
            "vae": DensityPanel(axes[0], "VAE", figures.MODEL),
            "gan": DensityPanel(axes[1], "GAN", figures.OTHER),
        }
        names = {"vae": {"loss": "loss"}, "gan": {"critic_loss": "critic", "generator_loss": "G"}}
        self._losses = {
            name: LinesPanel(
                panel, "Losses", "nats" if name == "vae" else "loss", names[name], trainer.STEPS
            )
            for name, panel in zip(names, axes[2:], strict=True)
        }
        self._is_classical = isinstance(self._models["gan"].objective, Discriminator)
        self._critic = axes[1].twinx()
        self._critic.grid(False)
        self._critic.spines["right"].set_visible(True)
        (self._score,) = self._critic.plot(
            [], [], ":", color=figures.THIRD, label="$D(x)$" if self._is_classical else "critic"
        )
        self._critic.set_ylabel(
            "discriminator $D(x)$" if self._is_classical else "critic", color=figures.THIRD
        )
        if self._is_classical:
            self._critic.set_ylim(-0.1 / 1.9, 1.0)
            self._critic.set_yticks([0, 0.5, 1])
        for panel, more in ((self._panels["vae"], []), (self._panels["gan"], [self._score])):
            place = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0), "borderaxespad": 0.0}
            figures.legend(
                panel.axes,
                [panel.target, panel.model, *more],
                ncols=3,
                columnspacing=1.2,
                handlelength=1.8,
                **place,
            )
        super().__init__(target, {}, figure)

    def models(self, values):
        return self._models

    def look(self, runs, learned, step, values):
        result: dict[str, Any] = {}
        arrays: dict[str, Any] = {}
        for name, run in runs.items():
            result[name] = self.measure(run, step, values["seed"])
            arrays[f"{name} losses"] = {n: (run.steps, v) for n, v in run.history.items()}
        gan, x = runs["gan"], jnp.asarray(self.prepared["x"], float)
        arrays["critic"] = np.asarray(_scores(gan.model, gan.params_at(step), x))
        return result, arrays

    def draw(self, values, result, arrays):
        x = arrays["x"]
        for name, panel in self._panels.items():
            panel.show(x, arrays["density"], *arrays[name])
            losses = arrays[f"{name} losses"]
            shown = {"vae": ("loss",), "gan": ("critic_loss", "generator_loss")}[name]
            self._losses[name].show({n: losses[n] for n in shown}, values["step"])
        scores = arrays["critic"]
        if self._is_classical:
            self._score.set_data(x, 1 / (1 + np.exp(-np.clip(scores, -50, 50))))
        else:
            self._score.set_data(x, scores)
            reach = figures.ceiling(float(np.abs(scores).max()))
            self._critic.set_ylim(-reach, reach)

    def caption(self, values, result):
        parts = []
        for name, text in (("vae", "VAE"), ("gan", "GAN")):
            one = result[name]
            parts.append(
                f"{text}: {one['modes_covered']} of {len(one['mode_fractions'])} modes, bridge "
                f"{100 * one['bridge']:.1f} %, sharpness {number(one['sharpness'], 2)}, KL "
                f"{number(one['kl'])}, JS {number(one['js'])}, W₁ {number(one['wasserstein'])}"
            )
        return f"Step {values['step']}{self.trained()}. {'. '.join(parts)}."
