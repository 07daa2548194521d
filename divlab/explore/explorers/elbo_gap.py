"""What minimising -ELBO minimises: KL(data‖model), the gap of the bound, and a constant."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import norm

import divlab
from divlab.compiling import WITHOUT_FUSION, jit_with
from divlab.divergences.diagnosis import quietly
from divlab.evidence.bounds import bound_and_nll, data_nodes
from divlab.explore import trainer
from divlab.explore.base import number
from divlab.explore.controls import slider
from divlab.explore.learned import View, learned_at, log_density_at
from divlab.explore.panels import learned_panel, top_of, training_panel
from divlab.explore.trainer import Trainer
from divlab.explore.training_code import code_of_model, code_of_training
from divlab.figures.scene import Area, Axis, Drag, Handle, Line, Panel, Rule, Scene, ceiling
from divlab.languages import phrase
from divlab.models import Run

_LATENT = np.linspace(-6, 6, 301)


@jit_with(WITHOUT_FUSION)
def _networks(model: Any, params: Any, x: Any) -> Any:
    """What the encoder says at a point, as the model sees it, and what the decoder says along z."""
    z = jnp.asarray(_LATENT, float)
    return [a[0, 0] for a in model.encode(params, x[None])], model.decode(params, z[:, None])


class ElboGap(Trainer):
    """Train a VAE and take its loss apart: -ELBO = KL(p_data‖p_θ) + E[gap] + entropy of the data.

    The left panel shows the data and what the VAE has learned. The middle one shows, at one point
    x, the encoder's q(z|x) over the exact posterior p(z|x); the KL divergence between these two
    is the gap of the bound at x. The right one shows the three parts, stacked, along training.
    The point x, the right mode, its shoulder and the mark at the step can be dragged.

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

    def __init__(self, target: Any = None, *, vae: Any = None) -> None:
        self._model = vae or divlab.VAE("elbo")
        super().__init__(target, {}, {"x": slider("Point x", 2.0, -8.0, 8.0, 0.1)})

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

    def scene(
        self, values: dict[str, Any], result: dict[str, Any], arrays: dict[str, Any]
    ) -> Scene:
        density, at = arrays["density"], values["x"]
        point = Handle(at, top_of(density), Drag("x"), label="the point x", role="third")
        learned = learned_panel(
            "Data and model", arrays["x"], density, arrays["vae"], role="model",
            more=(Rule(at, role="third"),), handles=(*self.target_handles(values), point),
        )  # fmt: skip
        encoder, exact = arrays["latent"]
        latent = Panel(
            "Latent at x",
            Axis("z", _LATENT[0], _LATENT[-1]),
            Axis("density", 0.0, ceiling(1.05 * max(encoder.max(), exact.max()))),
            (
                Line(_LATENT, exact, label="p(z|x)"),
                Line(_LATENT, encoder, role="other", label="q(z|x)"),
            ),
        )
        return Scene((learned, latent, self._parts_panel(values, arrays)), columns=3, height=0.36)

    def _parts_panel(self, values: dict[str, Any], arrays: dict[str, Any]) -> Panel:
        """The parts of -ELBO along training, stacked."""
        curves, entropy = arrays["curves"], arrays["entropy"]
        (steps, bounds), (_, nlls) = curves["bound"], curves["nll"]
        base, low = np.zeros(len(steps)), min(0.0, entropy)
        areas = (
            Area(steps, base, base + entropy, role="data", label="entropy"),
            Area(steps, base + entropy, nlls, role="model", label="KL(p‖p_{θ})", hatch="/"),
            Area(steps, nlls, bounds, role="other", label="gap", hatch="."),
        )
        y_range = -ceiling(-low) if low < 0 else 0.0, ceiling(1.2 * np.median(bounds))
        panel = training_panel(
            "−ELBO along training", "nats", {"bound": "sum"}, curves, values["step"],
            trainer.STEPS, roles=("data",), y_range=y_range,
        )  # fmt: skip
        return replace(panel, marks=(*areas, *panel.marks))

    def numbers(self, values: dict[str, Any], result: dict[str, Any]) -> dict[str, str]:
        names = {"−ELBO": "negative_elbo", "KL": "kl", "gap": "gap", "entropy": "entropy"}
        return {t: number(result[n]) for t, n in [*names.items(), ("gap at x", "gap_at_x")]}

    def python(self, values: dict[str, Any]) -> str:
        step, at = values["step"], values["x"]
        target = self.code_of_target(values, "numpy as np", "scipy.stats")
        more = f", record_every={max(step, 1)}"  # `elbo_parts` looks at every record
        return f"""\
{target.text}
{code_of_training(code_of_model(self._model), values["seed"], step, more)}
parts = divlab.evidence.elbo_parts(run).sel(step={step})
for name in ("negative_elbo", "nll", "kl", "gap", "entropy"):
    print(name, float(parts[name]))

# The gap at x is KL(q(z|x)‖p(z|x)), an integral over z. The model sees x in units of its own.
norm = scipy.stats.norm
params, y = run.params_at({step}), run.units.standardise(np.array([{at}]))
mean, log_scale = (np.asarray(a, float)[0, 0] for a in run.model.encode(params, y))
z = mean + np.exp(log_scale) * np.linspace(-8, 8, 1001)
loc, log_noise = (np.asarray(a, float) for a in run.model.decode(params, z[:, None]))
log_joint = norm.logpdf(z) + norm.logpdf(y, loc, np.exp(log_noise)) - np.log(run.units.scale)
log_posterior = log_joint - float(run.log_prob({at}, {step}))
log_q = norm.logpdf(z, mean, np.exp(log_scale))
print("gap_at_x", np.trapezoid(np.exp(log_q) * (log_q - log_posterior), z))
"""

    def caption(self, values: dict[str, Any], result: dict[str, Any]) -> str:
        texts = {name: number(value) for name, value in result.items()}
        return phrase(
            "Step {step}{trained}: −ELBO {negative_elbo} = KL {kl} + gap {gap} + entropy {entropy} "
            "nats; at x = {point:.1f} the gap is {gap_at_x}.",
            step=values["step"], trained=self.trained(), point=values["x"], **texts,
        )  # fmt: skip
