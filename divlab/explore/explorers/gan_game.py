"""A GAN's discriminator against the optimal one, and its value against 2·JS - log 4."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from divlab.compiling import WITHOUT_FUSION, jit_with
from divlab.divergences.inputs import Samples
from divlab.explore import trainer
from divlab.explore.base import number
from divlab.explore.controls import menu
from divlab.explore.game import RESTS, OnePlayer, code_of_game, value_of
from divlab.explore.learned import View, distances, learned_at, log_density_at
from divlab.explore.panels import arrows_along, learned_panel, training_panel
from divlab.explore.trainer import Trainer
from divlab.figures.scene import Axis, Line, Panel, Scene
from divlab.languages import phrase
from divlab.models import Run

_ARROWS = 15
_OBJECTIVES = ("non_saturating", "minimax", "r1")


@jit_with(WITHOUT_FUSION)
def _look(model: Any, params: Any, x: Any) -> Any:
    """The logits of the discriminator at points as the model sees them, and their slopes there."""
    logits = model.critic(params, x)
    slope = jax.vmap(jax.grad(lambda at: model.critic(params, at[None])[0]))(x)
    return logits, slope


class GanGame(Trainer):
    """Train a GAN and compare its discriminator D with the best one, D* = p / (p + p_G).

    The left panel shows the target and what the generator has learned. Arrows at generated points
    show which way the generator's loss pushes them; their lengths compare with the median push.
    The middle panel shows D and D*. The right one shows the value of the game,
    V(D, G) = E_p[log D] + E_{p_G}[log(1 - D)], and its maximum over D, which is 2·JS - log 4.

    With `who` one player rests: "only D" shows D go to D* against an untrained generator, "only G"
    where a frozen D sends one. The target's right mode and its shoulder can be dragged, and so can
    the mark at the step.

    `controls`: `separation`, `scale`, `objective`, `who`, `seed`, `train`, `one_step`, `rewind`,
    `step`.
    `result`: `value`; `best_value` = 2·JS - log 4; `js`, `kl` and `wasserstein`; `distance`, the
    mean of |D - D*| over (p + p_G) / 2. For measurements, p is a histogram, and JS is an estimate.

    Args:
        target: None for two Gaussians with sliders, else samples or a distribution to learn.

    Example:
        >>> import divlab
        >>> found = divlab.explore.gan_game().result
        >>> bool(found["value"] <= found["best_value"])
        True
    """

    def __init__(self, target: Any = None) -> None:
        objective, who = menu("Objective", _OBJECTIVES), menu("Who plays", RESTS, words=True)
        super().__init__(target, {"objective": objective, "who": who})

    def models(self, values: dict[str, Any]) -> dict[str, Any]:
        return {"gan": OnePlayer(values["objective"], who=values["who"])}

    def prepare(self, target: Any) -> dict[str, Any]:
        found = super().prepare(target)
        x, density = found["x"], found["density"]
        fine = np.linspace(2 * x[0] - x[-1], 2 * x[-1] - x[0], 6001)
        if isinstance(found["target"], Samples):
            points = np.asarray(found["target"].values, float)
            weights = np.full(points.shape, 1 / len(points))
            with np.errstate(divide="ignore"):
                log_p = np.log(np.interp(fine, x, density, left=0.0, right=0.0))
        else:
            points, weights = x, density / density.sum()
            log_p = log_density_at(found["target"], fine)
        return found | {"data": (points, weights), "fine": fine, "log_p": log_p}

    def along(self, run: Run, step: int) -> dict[str, float]:
        fine, log_p = self.prepared["fine"], self.prepared["log_p"]
        points, weights = self.prepared["data"]
        y, masses = run.units.standardise(points), jnp.asarray(weights, float)
        value = value_of(run.model, run.params_at(step), y, masses)
        # Sums over a fine grid are exact enough for a curve, and take a tenth of the time.
        log_q = log_density_at(learned_at(run, step), fine)
        log_m = np.logaddexp(log_p, log_q) - np.log(2)
        js = 0.0
        for logs in (log_p, log_q):
            some = np.isfinite(logs)
            js += np.sum(np.exp(logs[some]) * (logs - log_m)[some]) * (fine[1] - fine[0]) / 2
        return {"value": float(value), "best_value": float(2 * js - np.log(4))}

    def look(
        self, runs: dict[str, Run], learned: dict[str, View], step: int, values: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        run, x, density = runs["gan"], self.prepared["x"], self.prepared["density"]
        density_of_gan = learned["gan"].density
        found = _look(run.model, run.params_at(step), run.units.standardise(x))
        logits, slope = (np.asarray(a) for a in found)
        width = x[1] - x[0]
        measured = distances(run, step, self.prepared["target"], values["seed"])
        total = density + density_of_gan
        best = np.divide(density, total, out=np.full(x.shape, 0.5), where=total > 1e-12)
        sigmoid = 1 / (1 + np.exp(-np.clip(logits, -50, 50)))
        result = measured | {
            "value": self._along[step]["value"],
            "best_value": 2 * measured["js"] - float(np.log(4)),
            "distance": float(np.sum(np.abs(sigmoid - best) * total) / 2 * width),
        }
        # Where the logit is f, the generator's loss has the slope -f'·(1 - D) in the generated
        # point, or -f'·D for the minimax loss, which saturates.
        share = sigmoid if values["objective"] == "minimax" else 1 - sigmoid
        return result, {
            "push": slope * share,
            "best": np.where(total > 1e-6, best, np.nan),
            "learned": sigmoid,
            "values": self.curves(),
        }

    def scene(
        self, values: dict[str, Any], result: dict[str, Any], arrays: dict[str, Any]
    ) -> Scene:
        x, density, learned = arrays["x"], arrays["density"], arrays["gan"]
        rests = RESTS[values["who"]]
        samples = np.sort(learned.samples)
        if samples.size == 0:  # all of the generator's mass lies beyond the panel
            samples = x[:1]
        at = samples[np.linspace(0, len(samples) - 1, _ARROWS).astype(int)]
        arrows = arrows_along(x, density, at, np.interp(at, x, arrays["push"]), least=1e-3)
        densities = learned_panel(
            "Target and generator, at rest" if rests == "generator" else "Target and generator",
            x, density, learned,
            role="other", name="p_{G}", more=(arrows,), handles=self.target_handles(values),
        )  # fmt: skip
        discriminators = Panel(
            "Discriminators, at rest" if rests == "critic" else "Discriminators",
            Axis("x", float(x[0]), float(x[-1])),
            Axis("D(x)", -0.02, 1.02, ticks={0: "0", 0.5: "0.5", 1: "1"}),
            (
                Line(x, arrays["best"], label="best, D*"),
                Line(x, arrays["learned"], role="third", label="learned, D"),
            ),
        )
        names = {"value": "V(D, G)", "best_value": "2·JS − log 4"}
        curves = {n: (s, np.maximum(v, -4.0)) for n, (s, v) in arrays["values"].items()}
        game = training_panel(
            "Value of the game", "nats", names, curves, values["step"], trainer.STEPS,
            roles=("third", "data"), y_range=(-3.0, 0.2),
        )  # fmt: skip
        return Scene((densities, discriminators, game), columns=3, height=0.36)

    def numbers(self, values: dict[str, Any], result: dict[str, Any]) -> dict[str, str]:
        names = {"V(D, G)": "value", "2·JS − log 4": "best_value", "JS": "js", "KL": "kl"}
        names |= {"W₁": "wasserstein", "mean |D − D*|": "distance"}
        return {label: number(result[name]) for label, name in names.items()}

    def python(self, values: dict[str, Any]) -> str:
        who, objective = values["who"], values["objective"]
        target = self.code_of_target(values, "numpy as np", "scipy.special", "scipy.stats")
        return code_of_game(target, objective, RESTS[who], values["seed"], values["step"])

    def caption(self, values: dict[str, Any], result: dict[str, Any]) -> str:
        return phrase(
            "Step {step}{trained}: V(D, G) is {value}, its maximum over D is 2·JS − log 4 = "
            "{best_value} with JS {js}; on average D is {distance} from D*.",
            step=values["step"],
            trained=self.trained(),
            **{name: number(value) for name, value in result.items()},
        )
