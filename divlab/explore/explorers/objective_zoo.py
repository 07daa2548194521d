"""Any two objectives side by side from the same seed, and how often each loses a mode."""

from functools import partial
from typing import Any

import ipywidgets as widgets
import numpy as np

import divlab
from divlab.explore import trainer
from divlab.explore.controls import button, menu
from divlab.explore.learned import View, in_full, in_short, measure
from divlab.explore.panels import learned_panel, seeds_panel
from divlab.explore.slices import Turns
from divlab.explore.trainer import Trainer
from divlab.explore.training_code import code_of_comparison, code_of_seeds
from divlab.figures.scene import Scene
from divlab.languages import listed, phrase
from divlab.metrics import wilson
from divlab.models import Run, Training

SEEDS = 32
_ROLES = {"a": "model", "b": "other"}


def _model(name: str) -> Any:
    """The model with an objective of that name, a GAN or a VAE."""
    return divlab.GAN(name) if name in divlab.GAN_OBJECTIVES else divlab.VAE(name)


def _code(name: str) -> str:
    """The same as Python."""
    return f'divlab.{"GAN" if name in divlab.GAN_OBJECTIVES else "VAE"}("{name}")'


class ObjectiveZoo(Trainer):
    """Two objectives, A and B, trained on the same target from the same seed.

    The panels above show what each has learned at the present step. The button `seeds` trains 32
    seeds of each to the end. The strips below show their densities, small; one that lacks a mode
    is dotted and red. How many of these there are shows that losing a mode happens at some rate.
    The target's right mode and its shoulder can be dragged.

    `controls`: `separation`, `scale`; `a` and `b`, names in `divlab.GAN_OBJECTIVES` or
    `divlab.VAE_OBJECTIVES`; `seed`, `train`, `one_step`, `rewind`, `step`, `seeds`. `result`: `a`
    and `b`, each a dict of the fields of `divlab.coverage`, `kl`, `js`, `wasserstein`, and
    `seeds_covered`: how many of the 32 seeds cover every mode, or -1 before these are trained.

    Args:
        target: None for two Gaussians with sliders, or samples or a distribution to learn.

    Example:
        >>> import divlab
        >>> explorer = divlab.explore.objective_zoo()
        >>> explorer.controls["a"].value, explorer.controls["b"].value
        ('non_saturating', 'wgan_gp')
    """

    def __init__(self, target: Any = None) -> None:
        names = [*divlab.GAN_OBJECTIVES, *divlab.VAE_OBJECTIVES]
        menus = {"a": menu("A", names, "non_saturating"), "b": menu("B", names, "wgan_gp")}
        # By name: densities, how many modes each covers, and the step. All for `_strips_of`.
        self._strips: dict[str, tuple[np.ndarray, np.ndarray, int]] = {}
        self._strips_of: Any = None
        super().__init__(target, menus)

    def more_buttons(self) -> dict[str, widgets.Widget]:
        tooltip = phrase("Train {count} seeds of A and of B, or stop", count=SEEDS)
        seeds = button(phrase("{count} seeds", count=SEEDS), "th", tooltip)
        seeds.on_click(lambda pressed: self._work.press(self._seeds(), pressed))
        return {"seeds": seeds}

    def models(self, values: dict[str, Any]) -> dict[str, Any]:
        return {name: _model(values[name]) for name in "ab"}

    def _seeds(self) -> Turns:
        """Trains 32 seeds of both objectives; keeps what they have learned if it is stopped."""
        self.start()
        self.show_compiling(phrase("the training of {count} seeds", count=SEEDS))
        values = self.values()
        target, of = self.target(values), self._what_strips_depend_on(values)
        x = self.prepared["x"]
        options = {"steps": trainer.STEPS, "record_every": max(trainer.STEPS // 40, 1)}
        trainings = {
            name: Training(model, target, seeds=SEEDS, **options)
            for name, model in self.models(values).items()
        }
        try:
            for name, training in trainings.items():
                more = True
                while more:
                    more = training.advance()
                    yield partial(self._show_seeds, name, training.step)
        finally:
            self._strips_of, self._strips = of, {}
            for name, training in trainings.items():
                if training.step > 0:
                    runs = training.run
                    covered = np.asarray(divlab.coverage(runs, target).modes_covered)
                    densities = np.exp(np.asarray(runs.log_prob(x)))
                    self._strips[name] = densities, covered, training.step
            self._seen = {}

    def _show_seeds(self, name: str, step: int) -> None:
        self._bar.value = step
        said = phrase("{letter}, {count} seeds", letter=name.upper(), count=SEEDS)
        self._bar.description = self.language.tell(said)

    def _what_strips_depend_on(self, values: dict[str, Any]) -> Any:
        settings, *data = self._what_runs_depend_on(values)
        return {name: value for name, value in settings.items() if name != "seed"}, data

    def look(
        self, runs: dict[str, Run], learned: dict[str, View], step: int, values: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        result: dict[str, Any] = measure(runs, step, self.prepared, values["seed"])
        strips: dict[str, Any] = {}
        found = self._strips_for(values)
        for name in runs:
            result[name]["seeds_covered"] = -1
            if name in found:
                densities, covered, _ = found[name]
                whole = covered == len(result[name]["mode_fractions"])
                result[name]["seeds_covered"] = int(whole.sum())
                strips[name] = densities, whole
        return result, {"strips": strips}

    def _strips_for(self, values: dict[str, Any]) -> dict[str, Any]:
        """The strips there are for these values of the controls."""
        return self._strips if self._strips_of == self._what_strips_depend_on(values) else {}

    def scene(
        self, values: dict[str, Any], result: dict[str, Any], arrays: dict[str, Any]
    ) -> Scene:
        x, density, handles = arrays["x"], arrays["density"], self.target_handles(values)
        above = (
            learned_panel(
                listed([name.upper(), values[name]], ": "), x, density, arrays[name], role=role,
                handles=handles,
            )
            for name, role in _ROLES.items()
        )  # fmt: skip
        below = (
            seeds_panel(
                phrase("{count} seeds of {letter}", count=SEEDS, letter=name.upper()), SEEDS,
                density, arrays["strips"].get(name), role=role,
                hint=phrase("press “{count} seeds”", count=SEEDS),
            )
            for name, role in _ROLES.items()
        )  # fmt: skip
        return Scene((*above, *below), columns=2, heights=(1.7, 1.0), height=0.6)

    def numbers(self, values: dict[str, Any], result: dict[str, Any]) -> dict[str, str]:
        return in_short(result, {"a": "A", "b": "B"})

    def python(self, values: dict[str, Any]) -> str:
        models = {name: _code(values[name]) for name in "ab"}
        steps = {name: strip[2] for name, strip in self._strips_for(values).items()}
        target, more = self.code_of_target(values), code_of_seeds(steps, len(models), SEEDS)
        return code_of_comparison(target, models, values["seed"], values["step"], more)

    def caption(self, values: dict[str, Any], result: dict[str, Any]) -> str:
        parts = []
        for name in "ab":
            one = result[name]
            text = in_full(
                "{letter}, {objective}: {covered} of {count} modes, W₁ {wasserstein}, KL {kl}",
                one, letter=name.upper(), objective=values[name],
            )  # fmt: skip
            if one["seeds_covered"] >= 0:
                low, high = wilson(one["seeds_covered"], SEEDS)
                whole = phrase(
                    "all modes in {covered} of {count} seeds (95 % interval of the rate {low:.0f} "
                    "to {high:.0f} %)",
                    covered=one["seeds_covered"], count=SEEDS, low=100 * low, high=100 * high,
                )  # fmt: skip
                text = listed([text, whole])
            parts.append(text)
        return self.at_step(values, parts)
