"""A GAN's discriminator against the optimal one, and its value against 2·JS - log 4."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

import divlab
from divlab import figures
from divlab.divergences.inputs import Samples
from divlab.explore import trainer
from divlab.explore.base import number
from divlab.explore.controls import menu
from divlab.explore.learned import View, learned_at, log_density_at
from divlab.explore.panels import DensityPanel, LinesPanel
from divlab.explore.trainer import Trainer
from divlab.models import Data, Losses, Run, State
from divlab.pytrees import pytree, setting

# Nodes and weights of the expectation over the latent, N(0, 1).
_LATENT, _WEIGHTS = np.polynomial.legendre.leggauss(512)
_LATENT = 8 * _LATENT
_WEIGHTS = 8 * _WEIGHTS * np.exp(-(_LATENT**2) / 2) / np.sqrt(2 * np.pi)
_ARROWS = 15
_OBJECTIVES = ("non_saturating", "minimax", "r1")
# Who plays -> what the other keeps: the name of its parameters, and its place among optimisers.
_KEPT = {"both": None, "only D": ("generator", 0), "only G": ("critic", 1)}


@pytree
class OnePlayer(divlab.GAN):
    """A GAN of which one player may keep its first parameters.

    Attributes:
        who: "both", "only D" or "only G".
    """

    who: str = setting("both")

    def step(
        self, state: State, data: Data, key: Key[Array, ""], *, unroll: bool = False
    ) -> tuple[State, Losses]:
        moved, losses = super().step(state, data, key, unroll=unroll)
        kept = _KEPT[self.who]
        if kept is None:
            return moved, losses
        name, place = kept
        optimizers = list(moved.optimizer)
        optimizers[place] = state.optimizer[place]
        return State({**moved.params, name: state.params[name]}, tuple(optimizers)), losses


def value_of(
    model: Any, params: Any, x: Float[Array, " n"], weights: Float[Array, " n"]
) -> Float[Array, ""]:
    """The value of the game, V(D, G) = E_p[log D] + E_{p_G}[log(1 - D)].

    Args:
        model: the GAN.
        params: its parameters.
        x: points of the data, (n,), as the model sees them.
        weights: their weights, which sum to 1, (n,).

    Returns:
        The value in nats.
    """
    fake = model.generate(params, jnp.asarray(_LATENT, float)[:, None])
    real_part = -weights @ jax.nn.softplus(-model.critic(params, x))
    fake_part = -jnp.asarray(_WEIGHTS, float) @ jax.nn.softplus(model.critic(params, fake))
    value: Float[Array, ""] = real_part + fake_part
    return value


@jax.jit
def _look(model: Any, params: Any, x: Any) -> Any:
    """The logits of the discriminator at points as the model sees them, and their slopes there."""
    logits = model.critic(params, x)
    slope = jax.vmap(jax.grad(lambda at: model.critic(params, at[None])[0]))(x)
    return logits, slope


_value_of = jax.jit(value_of)


class GanGame(Trainer):
    """Train a GAN and compare its discriminator D with the best one, D* = p / (p + p_G).

    The left panel shows the target and what the generator has learned. Arrows at generated points
    show which way the generator's loss pushes them; their lengths compare with the median push.
    The middle panel shows D and D*. The right one shows the value of the game,
    V(D, G) = E_p[log D] + E_{p_G}[log(1 - D)], and its maximum over D, which is 2·JS - log 4.

    With `who` one player rests: "only D" shows D go to D* against an untrained generator, "only G"
    where a frozen D sends one.

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
        figure, (left, middle, right) = figures.new_figure(3, height=3.9)
        self._density = DensityPanel(left, "Target and generator", figures.OTHER, name="$p_G$")
        self._arrows = left.quiver(
            np.zeros(_ARROWS), np.zeros(_ARROWS), np.zeros(_ARROWS), np.zeros(_ARROWS),
            color=figures.THIRD, angles="xy", scale_units="xy", scale=1.0, width=0.011,
        )  # fmt: skip
        figures.legend(left, loc="upper right")
        figures.label(middle, title="Discriminators", x="$x$", y="$D(x)$")
        (self._best,) = middle.plot([], [], color=figures.DATA, label=r"best, $D^*$")
        (self._learned,) = middle.plot([], [], "--", color=figures.OTHER, label="learned, $D$")
        middle.set_ylim(-0.02, 1.55)
        middle.set_yticks([0, 0.5, 1])
        figures.legend(middle, loc="upper right")
        self._middle = middle
        names = {"value": "$V(D, G)$", "best_value": r"$2\,\mathrm{JS} - \log 4$"}
        self._values = LinesPanel(right, "Value of the game", "nats", names, trainer.STEPS)
        objective = menu("Objective", _OBJECTIVES)
        who = menu("Who plays", tuple(_KEPT))
        super().__init__(target, {"objective": objective, "who": who}, figure)

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
        value = _value_of(run.model, run.params_at(step), y, masses)
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
        measured = self.distances(run, step, values["seed"])
        total = density + density_of_gan
        best = np.divide(density, total, out=np.full(x.shape, 0.5), where=total > 1e-12)
        sigmoid = 1 / (1 + np.exp(-np.clip(logits, -50, 50)))
        result = measured | {
            "value": self.along(run, step)["value"],
            "best_value": 2 * measured["js"] - np.log(4),
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

    def draw(self, values: dict[str, Any], result: dict[str, Any], arrays: dict[str, Any]) -> None:
        x, kept = arrays["x"], _KEPT[values["who"]] or ("", 0)
        titles = {"generator": "Target and generator", "critic": "Discriminators"}
        for (name, title), axes in zip(
            titles.items(), (self._density.axes, self._middle), strict=True
        ):
            axes.set_title(f"{title}, at rest" if name == kept[0] else title, loc="left")
        self._density.show(x, arrays["density"], arrays["gan"])
        samples = np.sort(arrays["gan"].samples)
        if samples.size == 0:  # all of the generator's mass lies beyond the panel
            samples = x[:1]
        at = samples[np.linspace(0, len(samples) - 1, _ARROWS).astype(int)]
        push = np.interp(at, x, arrays["push"])
        longest = 0.12 * (x[-1] - x[0])
        length = longest * np.clip(push / max(np.median(np.abs(push)), 1e-3) / 2, -1, 1)
        top = 1.9 * arrays["density"].max()
        self._arrows.set_offsets(np.stack([at, np.full(_ARROWS, 0.05 * top)], axis=1))
        self._arrows.set_UVC(length, 0 * length)
        self._best.set_data(x, arrays["best"])
        self._learned.set_data(x, arrays["learned"])
        self._middle.set_xlim(x[0], x[-1])
        curves = {n: (s, np.maximum(v, -4.0)) for n, (s, v) in arrays["values"].items()}
        self._values.show(curves, values["step"], low=-3.0)
        self._values.axes.set_ylim(-3.0, 1.0)

    def caption(self, values: dict[str, Any], result: dict[str, Any]) -> str:
        texts = {name: number(value) for name, value in result.items()}
        return (
            f"Step {values['step']}{self.trained()}: V(D, G) is {texts['value']}, its maximum over "
            f"D is 2·JS − log 4 = {texts['best_value']} with JS {texts['js']}; on average D is "
            f"{texts['distance']} from D*."
        )
