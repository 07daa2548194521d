"""One network trained by two divergences themselves, and which way each of them moves mass."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

import divlab
from divlab.compiling import WITHOUT_FUSION, jit_with
from divlab.divergences.families import integrand
from divlab.divergences.inputs import Samples
from divlab.divergences.integrals import on_nodes
from divlab.divergences.integrals.packed import Packed
from divlab.explore import trainer
from divlab.explore.controls import menu
from divlab.explore.learned import View, in_full, in_short, log_density_at, measure
from divlab.explore.panels import arrows_along, learned_panel, training_panel
from divlab.explore.trainer import Trainer
from divlab.explore.training_code import code_of_comparison
from divlab.figures.scene import Scene
from divlab.languages import listed
from divlab.models import Run
from divlab.models.data import Measurements, draws_from, read_target, standardised
from divlab.models.minimum_divergence import Chosen

DIVERGENCES = (
    "kl", "js", "reverse_kl", "jeffreys", "tv", "hellinger", "chi2", "wasserstein", "cramer",
    "energy", "mmd",
)  # fmt: skip
DENSITIES = ("decoder", "flow", "normal", "mixture")
_ARROWS = 15
_POINTS = 255  # of the model, at even steps of probability; the arrows start at some of them
_ROLES = {"a": "model", "b": "other"}


@jit_with(WITHOUT_FUSION)
def _variation(
    chosen: Chosen, log_p: Float[Array, " n"], log_q: Float[Array, " n"]
) -> Float[Array, " n"]:
    """By how much the divergence changes with a little more of q at each point, ∂(q f(p/q))/∂q."""
    row, turn = chosen.quantity.row(chosen.options), -1 if chosen.quantity.is_reversed else 1
    assert row is not None
    of_one = jax.grad(lambda log_q, log_p: integrand(row, *(log_p, log_q)[::turn]))
    change: Array = jax.vmap(of_one)(log_q, log_p) * jnp.exp(-log_q)
    return change


@jit_with(WITHOUT_FUSION)
def _push(
    chosen: Chosen, target: Packed | Measurements, points: Float[Array, " n"]
) -> Float[Array, " n"]:
    """The way that a divergence moves points of equal mass, all as the model sees them."""
    data = draws_from(target, 1)
    side = on_nodes.read_target(data.target)
    options = chosen.quantity.options_in(jnp.asarray(data.units.scale), chosen.options)

    def value(points: Float[Array, " n"]) -> Float[Array, ""]:
        return chosen.quantity.seen(side, on_nodes.Atoms(points), options).value

    push: Array = -jax.grad(value)(points) * points.shape[0]
    return push


class MinimumDivergence(Trainer):
    """The same network, from the same seed, trained by two divergences A and B themselves.

    There is no bound and no critic, so what differs between the panels is owed to the divergence.
    Arrows at points of the model show the way the divergence moves mass there at this moment: the
    slope of its first variation. Their lengths compare with the median push. There are none for
    maximum likelihood. The panels below show what is descended: the divergence, or -mean log q. The
    target's right mode and its shoulder can be dragged, and so can the mark at the step.

    `controls`: `separation`, `scale`; `a` and `b`, names of divergences; `density`, what is fitted;
    `seed`, `train`, `one_step`, `rewind`, `step`. `result`: `a` and `b`, each a dict of the fields
    of `divlab.coverage`, `kl` and `js` in nats, and `wasserstein` in units of x.

    Args:
        target: None for two Gaussians with sliders, or samples or a distribution to learn. Samples
            can be learned by "kl" (maximum likelihood), "wasserstein", "cramer", "energy" and
            "mmd".

    Example:
        >>> import divlab
        >>> explorer = divlab.explore.minimum_divergence()
        >>> explorer.controls["a"].value, explorer.controls["b"].value
        ('kl', 'reverse_kl')
    """

    def __init__(self, target: Any = None) -> None:
        menus = {
            "a": menu("A", DIVERGENCES, "kl"),
            "b": menu("B", DIVERGENCES if target is None else DIVERGENCES[7:], _second(target)),
            "density": menu("Density", DENSITIES, "decoder"),
        }
        super().__init__(target, menus)

    def models(self, values: dict[str, Any]) -> dict[str, Any]:
        return {
            name: divlab.MinimumDivergence(values[name], density=values["density"]) for name in "ab"
        }

    def look(
        self, runs: dict[str, Run], learned: dict[str, View], step: int, values: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        result: dict[str, Any] = measure(runs, step, self.prepared, values["seed"])
        arrays: dict[str, Any] = {}
        for name, run in runs.items():
            arrays[f"{name} arrows"] = self._moves(run, learned[name])
            history = run.history
            if "divergence" in history:
                arrays[f"{name} curves"] = {"descended": (run.steps, history["divergence"])}
            elif "log_likelihood" in history:
                arrays[f"{name} curves"] = {"descended": (run.steps, -history["log_likelihood"])}
        return result, arrays

    def _moves(self, run: Run, learned: View) -> tuple[np.ndarray, np.ndarray]:
        """Points of the model, and the way the divergence moves mass there."""
        x, target, chosen = self.prepared["x"], self.prepared["target"], run.model.divergence
        levels = (np.arange(_POINTS) + 0.5) / _POINTS
        rising = np.maximum.accumulate(learned.cdf) + 1e-12 * np.arange(x.size)
        points = np.interp(levels, rising, x)
        at = np.linspace(_POINTS // 30, _POINTS - 1 - _POINTS // 30, _ARROWS).astype(int)
        if chosen.quantity.moves_points:
            seen = standardised(read_target(run.target))
            push = np.asarray(_push(chosen, seen, run.units.standardise(points)))
            return points[at], push[at]
        if isinstance(target, Samples):  # maximum likelihood: no density of the target is known
            return points[at], np.zeros(_ARROWS)
        log_q = np.log(np.maximum(learned.density, 1e-30))
        log_p = np.maximum(log_density_at(target, x), -69.0)
        variation = _variation(chosen, *(jnp.asarray(a, float) for a in (log_p, log_q)))
        push = -np.gradient(np.asarray(variation, float), x)
        return points[at], np.interp(points[at], x, push)

    def scene(
        self, values: dict[str, Any], result: dict[str, Any], arrays: dict[str, Any]
    ) -> Scene:
        x, density, handles = arrays["x"], arrays["density"], self.target_handles(values)
        above = (
            learned_panel(
                listed([name.upper(), values[name]], ": "), x, density, arrays[name], role=role,
                more=(arrows_along(x, density, *arrays[f"{name} arrows"]),), handles=handles,
            )
            for name, role in _ROLES.items()
        )  # fmt: skip
        below = (
            training_panel(
                "Along the training", "", {"descended": "descended"},
                arrays.get(f"{name} curves", {}), values["step"], trainer.STEPS, roles=(role,),
            )
            for name, role in _ROLES.items()
        )  # fmt: skip
        return Scene((*above, *below), columns=2, heights=(3.0, 1.3), height=0.6)

    def numbers(self, values: dict[str, Any], result: dict[str, Any]) -> dict[str, str]:
        return in_short(result, {"a": "A", "b": "B"})

    def python(self, values: dict[str, Any]) -> str:
        density = values["density"]
        models = {n: f'divlab.MinimumDivergence("{values[n]}", density="{density}")' for n in "ab"}
        target = self.code_of_target(values)
        return code_of_comparison(target, models, values["seed"], values["step"])

    def caption(self, values: dict[str, Any], result: dict[str, Any]) -> str:
        parts = (
            in_full(
                "{letter}, {divergence}: {covered} of {count} modes, bridge {bridge:.1f} %, KL "
                "{kl}, JS {js}, W₁ {wasserstein}",
                result[name], letter=name.upper(), divergence=values[name],
            )
            for name in "ab"
        )  # fmt: skip
        return self.at_step(values, parts)


def _second(target: Any) -> str:
    return "reverse_kl" if target is None else "wasserstein"
