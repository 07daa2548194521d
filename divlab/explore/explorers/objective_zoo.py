"""Any two objectives side by side from the same seed, and how often each loses a mode."""

from functools import partial
from typing import Any

import ipywidgets as widgets
import numpy as np

import divlab
from divlab import figures
from divlab.explore import trainer
from divlab.explore.base import number
from divlab.explore.controls import button, menu
from divlab.explore.learned import View
from divlab.explore.panels import DensityPanel
from divlab.explore.parallel import in_parallel
from divlab.explore.slices import Turns
from divlab.explore.trainer import Trainer
from divlab.metrics import wilson
from divlab.models import Run, Training

SEEDS = 32
_ACROSS = 8  # densities in a row of the strip
_COLORS = {"a": figures.MODEL, "b": figures.OTHER}


def _model(name: str) -> Any:
    """The model with an objective of that name, a GAN or a VAE."""
    return divlab.GAN(name) if name in divlab.GAN_OBJECTIVES else divlab.VAE(name)


class ObjectiveZoo(Trainer):
    """Two objectives, A and B, trained on the same target from the same seed.

    The panels above show what each has learned at the present step. The button `seeds` trains 32
    seeds of each to the end. The strips below show their densities, small; one that lacks a mode
    is dotted and red. How many of these there are shows that losing a mode happens at some rate.

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
        figure, axes = figures.new_figure(
            rows=2, height=5.6, gridspec_kw={"height_ratios": [1.7, 1]}
        )
        self._panels = {
            "a": DensityPanel(axes[0], "A", figures.MODEL),
            "b": DensityPanel(axes[1], "B", figures.OTHER),
        }
        for panel in self._panels.values():
            figures.legend(panel.axes, loc="upper right")
        self._lines: dict[str, list[Any]] = {}
        self._hints: dict[str, Any] = {}
        for (name, color), strip in zip(_COLORS.items(), axes[2:], strict=True):
            strip.set_title(f"{SEEDS} seeds of {name.upper()}; dotted: a mode is lost", loc="left")
            strip.set_axis_off()
            self._hints[name] = strip.text(
                0.5, 0.55, f"press “{SEEDS} seeds”", transform=strip.transAxes, ha="center"
            )
            strip.set_xlim(0, _ACROSS)
            strip.set_ylim(0, -(-SEEDS // _ACROSS))
            self._lines[name] = [
                strip.plot([], [], color=color, linewidth=1.0)[0] for _ in range(SEEDS)
            ]
        names = [*divlab.GAN_OBJECTIVES, *divlab.VAE_OBJECTIVES]
        menus = {"a": menu("A", names, "non_saturating"), "b": menu("B", names, "wgan_gp")}
        # By name: densities, how many modes each covers. They are for the values `_strips_of`.
        self._strips: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self._strips_of: Any = None
        super().__init__(target, menus, figure)

    def more_controls(self) -> dict[str, widgets.Widget]:
        seeds = button(f"{SEEDS} seeds", "th", f"Train {SEEDS} seeds of A and of B, or stop")
        seeds.on_click(lambda pressed: self._work.press(self._seeds(), pressed))
        return {"seeds": seeds}

    def models(self, values: dict[str, Any]) -> dict[str, Any]:
        return {name: _model(values[name]) for name in "ab"}

    def _seeds(self) -> Turns:
        """Trains 32 seeds of both objectives; keeps what they have learned if it is stopped."""
        self.show_compiling(f"the training of {SEEDS} seeds")
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
                    self._strips[name] = densities, covered
            self._seen = {}

    def _show_seeds(self, name: str, step: int) -> None:
        self._bar.value = step
        self._bar.description = f"{name.upper()}, {SEEDS} seeds"

    def _what_strips_depend_on(self, values: dict[str, Any]) -> Any:
        settings, *data = self._what_runs_depend_on(values)
        return {name: value for name, value in settings.items() if name != "seed"}, data

    def look(
        self, runs: dict[str, Run], learned: dict[str, View], step: int, values: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        result = in_parallel(
            {name: partial(self.measure, run, step, values["seed"]) for name, run in runs.items()}
        )
        strips: dict[str, Any] = {}
        has_seeds = self._strips_of == self._what_strips_depend_on(values)
        for name in runs:
            result[name]["seeds_covered"] = -1
            if has_seeds and name in self._strips:
                densities, covered = self._strips[name]
                whole = covered == len(result[name]["mode_fractions"])
                result[name]["seeds_covered"] = int(whole.sum())
                strips[name] = densities, whole
        return result, {"strips": strips}

    def draw(self, values: dict[str, Any], result: dict[str, Any], arrays: dict[str, Any]) -> None:
        for name, panel in self._panels.items():
            panel.axes.set_title(f"{name.upper()}: {values[name]}", loc="left")
            panel.show(arrays["x"], arrays["density"], arrays[name])
            self._draw_strip(name, arrays)

    def _draw_strip(self, name: str, arrays: dict[str, Any]) -> None:
        self._hints[name].set_visible(name not in arrays["strips"])
        if name not in arrays["strips"]:
            for line in self._lines[name]:
                line.set_data([], [])
            return
        densities, whole = arrays["strips"][name]
        x = np.linspace(0.05, 0.95, densities.shape[1])
        top = 1.9 * arrays["density"].max()
        for i, line in enumerate(self._lines[name]):
            across, down = i % _ACROSS, -(-SEEDS // _ACROSS) - 1 - i // _ACROSS
            line.set_data(x + across, np.minimum(densities[i] / top, 1.0) * 0.85 + down)
            line.set_color(_COLORS[name] if whole[i] else figures.LOST)
            line.set_linestyle("-" if whole[i] else ":")

    def caption(self, values: dict[str, Any], result: dict[str, Any]) -> str:
        parts = []
        for name in "ab":
            one = result[name]
            text = (
                f"{name.upper()}, {values[name]}: {one['modes_covered']} of "
                f"{len(one['mode_fractions'])} modes, W₁ {number(one['wasserstein'])}, KL "
                f"{number(one['kl'])}"
            )
            if one["seeds_covered"] >= 0:
                low, high = wilson(one["seeds_covered"], SEEDS)
                text += (
                    f", all modes in {one['seeds_covered']} of {SEEDS} seeds (95 % interval of the "
                    f"rate {100 * low:.0f} to {100 * high:.0f} %)"
                )
            parts.append(text)
        return f"Step {values['step']}{self.trained()}. {'. '.join(parts)}."
