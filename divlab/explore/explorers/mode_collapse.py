"""A VAE and a GAN on the same target, from the same seed, at every step of their training."""

from typing import Any

import numpy as np

import divlab
from divlab.compiling import WITHOUT_FUSION, jit_with
from divlab.explore import trainer
from divlab.explore.learned import View, in_full, in_short, measure
from divlab.explore.panels import learned_panel, training_panel
from divlab.explore.trainer import Trainer
from divlab.explore.training_code import code_of_comparison, code_of_model
from divlab.figures.scene import Axis, Line, Scene, ceiling
from divlab.models import Run
from divlab.models.objectives.classifiers import Discriminator


@jit_with(WITHOUT_FUSION)
def _scores(model: Any, params: Any, x: Any) -> Any:
    """What the GAN's discriminator or critic says of points x."""
    return model.critic(params, x)


class ModeCollapse(Trainer):
    """Train a VAE and a GAN side by side, then scrub through what they learned.

    Each panel above shows the target, the exact density that a model has learned, and samples as
    ticks. The GAN's shows its discriminator too. The panels below show the losses. `step` moves
    through the recorded run both ways without training again. The target's right mode and its
    shoulder can be dragged, and so can the mark at the step.

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
        self._is_classical = isinstance(self._models["gan"].objective, Discriminator)
        super().__init__(target, {})

    def models(self, values: dict[str, Any]) -> dict[str, Any]:
        return self._models

    def look(
        self, runs: dict[str, Run], learned: dict[str, View], step: int, values: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        arrays: dict[str, Any] = {}
        result: dict[str, Any] = measure(runs, step, self.prepared, values["seed"])
        for name, run in runs.items():
            arrays[f"{name} losses"] = {n: (run.steps, v) for n, v in run.history.items()}
        gan = runs["gan"]
        y = gan.units.standardise(self.prepared["x"])
        arrays["critic"] = np.asarray(_scores(gan.model, gan.params_at(step), y))
        return result, arrays

    def scene(
        self, values: dict[str, Any], result: dict[str, Any], arrays: dict[str, Any]
    ) -> Scene:
        x, density, handles = arrays["x"], arrays["density"], self.target_handles(values)
        scores = arrays["critic"]
        if self._is_classical:
            said, name = 1 / (1 + np.exp(-np.clip(scores, -50, 50))), "D(x)"
            # D = 0 lies where the density is 0.
            right = Axis("discriminator D(x)", -0.1, 1.0, ticks={0: "0", 0.5: "0.5", 1: "1"})
        else:
            said, name, reach = scores, "critic", ceiling(float(np.abs(scores).max()))
            right = Axis("critic", -reach, reach)
        critic = Line(x, said, role="third", label=name, on_right=True)
        vae = learned_panel("VAE", x, density, arrays["vae"], role="model", handles=handles)
        gan = learned_panel(
            "GAN", x, density, arrays["gan"], role="other", more=(critic,), right=right,
            handles=handles,
        )  # fmt: skip
        losses = {
            "vae": ("nats", {"loss": "loss"}, ("model",)),
            "gan": ("loss", {"critic_loss": "critic", "generator_loss": "generator"},
                    ("third", "other")),
        }  # fmt: skip
        below = (
            training_panel(
                "Losses", label, names, arrays[f"{which} losses"], values["step"], trainer.STEPS,
                roles=roles,
            )
            for which, (label, names, roles) in losses.items()
        )  # fmt: skip
        return Scene((vae, gan, *below), columns=2, heights=(3.0, 1.3), height=0.6)

    def numbers(self, values: dict[str, Any], result: dict[str, Any]) -> dict[str, str]:
        return in_short(result, {"vae": "VAE", "gan": "GAN"})

    def python(self, values: dict[str, Any]) -> str:
        models = {name: code_of_model(model) for name, model in self._models.items()}
        target = self.code_of_target(values)
        return code_of_comparison(target, models, values["seed"], values["step"])

    def caption(self, values: dict[str, Any], result: dict[str, Any]) -> str:
        parts = (
            in_full(
                "{model}: {covered} of {count} modes, bridge {bridge:.1f} %, sharpness "
                "{sharpness}, KL {kl}, JS {js}, W₁ {wasserstein}",
                result[name], model=text,
            )
            for name, text in (("vae", "VAE"), ("gan", "GAN"))
        )  # fmt: skip
        return self.at_step(values, parts)
