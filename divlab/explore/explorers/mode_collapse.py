"""A VAE and a GAN on the same target, from the same seed, at every step of their training."""

from functools import partial
from typing import Any

import jax
import numpy as np
from matplotlib.axes import Axes

import divlab
from divlab import figures
from divlab.explore import trainer
from divlab.explore.base import number
from divlab.explore.learned import View
from divlab.explore.panels import DensityPanel, LinesPanel
from divlab.explore.parallel import in_parallel
from divlab.explore.trainer import Trainer
from divlab.models import Run
from divlab.models.objectives.classifiers import Discriminator


@jax.jit
def _scores(model: Any, params: Any, x: Any) -> Any:
    """What the GAN's discriminator or critic says of points x."""
    return model.critic(params, x)


class ModeCollapse(Trainer):
    """Train a VAE and a GAN side by side, then scrub through what they learned.

    Each panel above shows the target, the exact density that a model has learned, and samples as
    ticks. The GAN's shows its discriminator too. The panels below show the losses. `step` moves
    through the recorded run both ways without training again.

    `controls`: `separation` and `scale` of the target, which are missing where a target is given;
    `seed`, `train`, `one_step`, `rewind`, `step`. `result`: `vae` and `gan`, each a dict of the
    fields of `divlab.coverage`, `kl` = KL(target‖model) and `js` in nats, and `wasserstein` in
    units of x.

    Args:
        target: None for two Gaussians with sliders, or samples or a distribution to learn. For
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

    def __init__(self, target: Any = None, *, vae: Any = None, gan: Any = None) -> None:
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
        of_gan = {"critic_loss": "critic", "generator_loss": "G"}
        self._losses = {
            "vae": LinesPanel(axes[2], "Losses", "nats", {"loss": "loss"}, trainer.STEPS),
            "gan": LinesPanel(axes[3], "Losses", "loss", of_gan, trainer.STEPS),
        }
        self._is_classical = isinstance(self._models["gan"].objective, Discriminator)
        self._critic = axes[1].twinx()
        self._score = self._critic_line(self._critic)
        for panel, more in ((self._panels["vae"], []), (self._panels["gan"], [self._score])):
            place = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0), "borderaxespad": 0.0}
            handles = [panel.target, panel.model, *more]
            figures.legend(
                panel.axes, handles, ncols=3, columnspacing=1.2, handlelength=1.8, **place
            )
        super().__init__(target, {}, figure)

    def _critic_line(self, axes: Axes) -> Any:
        """The line of the discriminator or critic, on an axis of its own at the right."""
        axes.grid(False)
        axes.spines["right"].set_visible(True)
        name = "$D(x)$" if self._is_classical else "critic"
        (line,) = axes.plot([], [], ":", color=figures.THIRD, label=name)
        axes.set_ylabel(
            "discriminator $D(x)$" if self._is_classical else "critic", color=figures.THIRD
        )
        if self._is_classical:
            axes.set_ylim(-0.1 / 1.9, 1.0)
            axes.set_yticks([0, 0.5, 1])
        return line

    def models(self, values: dict[str, Any]) -> dict[str, Any]:
        return self._models

    def look(
        self, runs: dict[str, Run], learned: dict[str, View], step: int, values: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        arrays: dict[str, Any] = {}
        result = in_parallel(
            {name: partial(self.measure, run, step, values["seed"]) for name, run in runs.items()}
        )
        for name, run in runs.items():
            arrays[f"{name} losses"] = {n: (run.steps, v) for n, v in run.history.items()}
        gan = runs["gan"]
        y = gan.units.standardise(self.prepared["x"])
        arrays["critic"] = np.asarray(_scores(gan.model, gan.params_at(step), y))
        return result, arrays

    def draw(self, values: dict[str, Any], result: dict[str, Any], arrays: dict[str, Any]) -> None:
        x = arrays["x"]
        for name, panel in self._panels.items():
            panel.show(x, arrays["density"], arrays[name])
            self._losses[name].show(arrays[f"{name} losses"], values["step"])
        scores = arrays["critic"]
        if self._is_classical:
            self._score.set_data(x, 1 / (1 + np.exp(-np.clip(scores, -50, 50))))
        else:
            self._score.set_data(x, scores)
            reach = figures.ceiling(float(np.abs(scores).max()))
            self._critic.set_ylim(-reach, reach)

    def caption(self, values: dict[str, Any], result: dict[str, Any]) -> str:
        parts = []
        for name, text in (("vae", "VAE"), ("gan", "GAN")):
            one = result[name]
            parts.append(
                f"{text}: {one['modes_covered']} of {len(one['mode_fractions'])} modes, bridge "
                f"{100 * one['bridge']:.1f} %, sharpness {number(one['sharpness'], 2)}, KL "
                f"{number(one['kl'])}, JS {number(one['js'])}, W₁ {number(one['wasserstein'])}"
            )
        return f"Step {values['step']}{self.trained()}. {'. '.join(parts)}."
