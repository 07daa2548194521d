"""A Wasserstein GAN's critic against the exact potential, and its loss against W₁."""

from typing import Any

import numpy as np

import divlab
from divlab.explore import trainer
from divlab.explore.base import number
from divlab.explore.controls import menu
from divlab.explore.critics import code_of_critic, critic_of, potential
from divlab.explore.learned import View, distances
from divlab.explore.panels import learned_panel, training_panel
from divlab.explore.trainer import Trainer
from divlab.explore.training_code import code_of_training
from divlab.figures.scene import Axis, Line, Panel, Scene, ceiling
from divlab.languages import phrase
from divlab.models import Run

_OBJECTIVES = ("wgan_gp", "wgan", "cramer")
_LEAST = 1e-90  # instead of 0, by which nothing can be divided


class WassersteinGan(Trainer):
    """Train a Wasserstein GAN and compare its critic with the exact potential of W₁.

    The left panel shows the target and what the generator has learned. The middle one shows the
    critic, divided by its own steepest slope, and the exact potential, whose slope is 1 or -1;
    both are shifted so that their mean over the target is 0. The right panel shows the exact W₁
    along training, and the estimate that the critic's loss gives of it. The target's right mode
    and its shoulder can be dragged, and so can the mark at the step.

    `controls`: `separation`, `scale`, `objective`, `seed`, `train`, `one_step`, `rewind`, `step`.
    `result`: `wasserstein`, `js` and `kl`, which are exact; `critic_estimate`, E_p f - E_{p_G} f
    for the critic f as it is; `steepest`, the critic's largest slope where the target or the
    generator has mass; `agreement`, `critic_estimate` divided by `steepest` and by W₁, which is 1
    for a perfect critic.

    Args:
        target: None for two Gaussians with sliders, or samples or a distribution to learn.

    Example:
        >>> import divlab
        >>> found = divlab.explore.wasserstein_gan().result
        >>> bool(found["agreement"] <= 1.01)
        True
    """

    along_every = 4

    def __init__(self, target: Any = None) -> None:
        super().__init__(target, {"objective": menu("Objective", _OBJECTIVES)})

    def models(self, values: dict[str, Any]) -> dict[str, Any]:
        return {"gan": divlab.GAN(values["objective"])}

    def along(self, run: Run, step: int) -> dict[str, float]:
        return {"wasserstein": distances(run, step, self.prepared["target"], 0)["wasserstein"]}

    def look(
        self, runs: dict[str, Run], learned: dict[str, View], step: int, values: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        run, x, density = runs["gan"], self.prepared["x"], self.prepared["density"]
        scores = critic_of(run.model, run.params_at(step), run.units.standardise(x))
        critic, learned_cdf = np.asarray(scores, float), learned["gan"].cdf
        width = x[1] - x[0]
        target_cdf = np.cumsum(density) * width
        target_cdf /= target_cdf[-1]
        exact = potential(x, target_cdf, learned_cdf)
        learned_mass = np.diff(learned_cdf, prepend=0.0)
        target_mass = np.diff(target_cdf, prepend=0.0)
        seen = (target_mass + learned_mass) > 1e-6
        steepest = float(np.abs(np.gradient(critic, x))[seen].max())
        estimate = float(critic @ target_mass - critic @ (learned_mass / learned_mass.sum()))
        found = distances(run, step, self.prepared["target"], values["seed"])
        unit = critic / max(steepest, _LEAST)
        agreement = estimate / max(steepest, _LEAST) / max(found["wasserstein"], _LEAST)
        along = self.curves()
        if "critic_loss" in run.history:  # an untrained model has no losses yet
            estimates = np.clip(-run.history["critic_loss"], -1e3, 1e3)
            along["critic_estimate"] = run.steps, estimates
        return found | {
            "critic_estimate": estimate,
            "steepest": steepest,
            "agreement": agreement,
        }, {
            "exact": exact - exact @ target_mass,
            "critic": unit - unit @ target_mass,
            "along": along,
        }

    def scene(
        self, values: dict[str, Any], result: dict[str, Any], arrays: dict[str, Any]
    ) -> Scene:
        x, exact = arrays["x"], arrays["exact"]
        densities = learned_panel(
            "Target and generator", x, arrays["density"], arrays["gan"], role="other",
            name="p_{G}", handles=self.target_handles(values),
        )  # fmt: skip
        reach = ceiling(1.1 * float(np.abs(exact).max()))
        critics = Panel(
            "Critics",
            Axis("x", x[0], x[-1]),
            Axis("units of x", -reach, reach),
            (
                Line(x, exact, label="exact potential"),
                Line(x, arrays["critic"], role="third", label="critic / slope"),
            ),
        )
        names = {"wasserstein": "W₁, exact", "critic_estimate": "by the critic's loss"}
        along = training_panel(
            "W₁ along training", "units of x", names, arrays["along"], values["step"],
            trainer.STEPS, roles=("data", "third"),
        )  # fmt: skip
        return Scene((densities, critics, along), columns=3, height=0.36)

    def numbers(self, values: dict[str, Any], result: dict[str, Any]) -> dict[str, str]:
        return {
            "W₁": number(result["wasserstein"]),
            "critic's difference": number(result["critic_estimate"]),
            "steepest slope": number(result["steepest"]),
            "found of W₁": phrase("{share:.0f} %", share=100 * result["agreement"]),
            "JS": number(result["js"]),
        }

    def python(self, values: dict[str, Any]) -> str:
        target = self.code_of_target(values, "numpy as np", "scipy.stats")
        seed, step = values["seed"], values["step"]
        training = code_of_training(f'divlab.GAN("{values["objective"]}")', seed, step)
        return f"""\
{target.text}
{training}
{target.print_distances(seed, step)}
{target.density}
{code_of_critic(values["objective"], step)}"""

    def caption(self, values: dict[str, Any], result: dict[str, Any]) -> str:
        return phrase(
            "Step {step}{trained}: W₁ is {wasserstein}; the critic finds a difference of "
            "{critic_estimate} at a steepest slope of {steepest}, {share:.0f} % of W₁ in units of "
            "that slope.",
            step=values["step"],
            trained=self.trained(),
            share=100 * result["agreement"],
            **{name: number(value) for name, value in result.items()},
        )
