"""A VAE and a GAN on the same target, from the same seed, at every step of their training."""

import copy
from typing import Any

import ipywidgets as widgets
import jax
import jax.numpy as jnp
import numpy as np

import divlab
from divlab import figures
from divlab.divergences.arguments import Samples, read
from divlab.divergences.densities import log_density
from divlab.explore.base import Explorer, number, slider
from divlab.models.objectives.classifiers import Discriminator

_POINTS = 401
_STEPS, _RECORD_EVERY = 2000, 20
_SHOWN = 200  # samples drawn as ticks


@jax.jit
def _view(model, params, x, key):
    """The learned density at x, and samples."""
    return jnp.exp(model.learned(params).log_prob(x)), model.sample(params, key, _SHOWN)


@jax.jit
def _scores(model, params, x):
    return model.critic(params, x)


class ModeCollapse(Explorer):
    """Train a VAE and a GAN side by side, then scrub through what they learned.

    Each panel shows the exact density a model has learned over the target, and samples as ticks;
    the GAN's shows its discriminator too. `step` moves through the recorded run both ways without
    training again. Interrupting the kernel while it trains keeps what was recorded.

    `controls`: `separation` and `scale` of the target (two Gaussians; absent for `target=` data),
    `seed`, `train`, `step`. `result`: `vae` and `gan`, each a dict of the fields of
    `divlab.coverage` and `kl` = KL(target‖model), `js` (nats) and `wasserstein` (units of x).

    Args:
        target: None for two Gaussians with sliders, else samples or a distribution to learn. Of
            samples, KL and JS are estimates by nearest neighbours.
        vae: the VAE; None for `divlab.VAE("elbo")`.
        gan: the GAN; None for `divlab.GAN("non_saturating")`.

    Example:
        >>> import divlab
        >>> explorer = divlab.explore.mode_collapse()
        >>> list(explorer.controls)
        ['separation', 'scale', 'seed', 'train', 'step']
        >>> sorted(explorer.result["gan"])[:3]
        ['bridge', 'high_quality', 'js']
    """

    def __init__(self, target=None, *, vae=None, gan=None):
        self._given = target
        self._models = {
            "vae": vae or divlab.VAE("elbo"),
            "gan": gan or divlab.GAN("non_saturating"),
        }
        self._runs, self._trained, self._of, self._seen = {}, False, None, {}
        controls = {} if target is not None else {
            "separation": slider("Separation", 4.0, 0.0, 8.0, 0.1),
            "scale": slider("Scale", 0.5, 0.1, 1.5, 0.05),
        }  # fmt: skip
        layout = widgets.Layout(width="min(100%, 27em)")
        style = {"description_width": "9em"}
        controls |= {
            "seed": widgets.BoundedIntText(
                0,
                min=0,
                max=2**31 - 1,
                description="Seed",
                style=style,
                layout=widgets.Layout(width="16em"),
            ),
            "train": widgets.Button(
                description="Train both",
                icon="play",
                button_style="primary",
                tooltip=f"Train both models for {_STEPS} steps",
            ),
            "step": widgets.SelectionSlider(
                options=[0], description="Step", continuous_update=True, style=style, layout=layout
            ),
        }
        controls["train"].on_click(lambda _: self.train())
        self._bar = widgets.IntProgress(
            0,
            0,
            2 * _STEPS,
            description="Training",
            style=style,
            layout=widgets.Layout(visibility="hidden"),
        )
        figure, (left, right) = figures.new_figure(height=3.9)
        self._make_artists(left, right)
        super().__init__(controls, figure, below=[self._bar])

    def _make_artists(self, left, right):
        self._artists = {}
        names = {"vae": (left, "VAE", figures.MODEL), "gan": (right, "GAN", figures.OTHER)}
        for name, (axes, text, color) in names.items():
            figures.label(axes, title=text, x="$x$", y="density")
            (target,) = axes.plot([], [], color=figures.DATA, label="target")
            (model,) = axes.plot([], [], "--", color=color, label="learned")
            (ticks,) = axes.plot([], [], "|", color=color, alpha=0.5, markersize=9)
            self._artists[name] = {"axes": axes, "target": target, "model": model, "ticks": ticks}
        critic = right.twinx()
        critic.grid(False)
        critic.spines["right"].set_visible(True)
        classical = isinstance(self._models["gan"].objective, Discriminator)
        (line,) = critic.plot(
            [], [], ":", color=figures.THIRD, label="$D(x)$" if classical else "critic"
        )
        critic.set_ylabel("discriminator $D(x)$" if classical else "critic", color=figures.THIRD)
        if classical:
            critic.set_ylim(-0.1 / 1.9, 1.0)
            critic.set_yticks([0, 0.5, 1])
        self._artists["critic"] = {"axes": critic, "line": line, "classical": classical}
        for axes, name, more in ((left, "vae", []), (right, "gan", [line])):
            handles = [self._artists[name]["target"], self._artists[name]["model"], *more]
            place = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0), "borderaxespad": 0.0}
            figures.legend(axes, handles, ncols=3, columnspacing=1.2, handlelength=1.8, **place)

    def _target(self, values):
        if self._given is not None:
            return self._given
        return divlab.targets.two_gaussians(values["separation"], values["scale"])

    def train(self) -> None:
        """Trains both models on the present target from the present seed."""
        values = {name: control.value for name, control in self._settings().items()}
        button = self.controls["train"]
        button.disabled, self._bar.layout.visibility = True, "visible"
        try:
            runs: dict[str, Any] = {}
            for name, model in self._models.items():
                before = len(runs) * _STEPS
                runs[name] = divlab.fit(
                    model,
                    self._target(values),
                    steps=_STEPS,
                    record_every=_RECORD_EVERY,
                    key=values["seed"],
                    progress=lambda step, _, before=before: self._report(before + step),
                )
                if runs[name].status == "interrupted":
                    break
        except Exception as error:
            self.show_error(error)
            return
        finally:
            button.disabled, self._bar.layout.visibility = False, "hidden"
        # Interrupted before the second began, the second stays as it was.
        self._keep({**self._runs, **runs}, values, trained=True)
        self.refresh()

    def _report(self, step: int) -> None:
        self._bar.value = step

    def _keep(self, runs, values, *, trained: bool) -> None:
        self._runs, self._trained, self._seen = runs, trained, {}
        self._of = _what_runs_depend_on(values)
        steps = np.intersect1d(*(run.steps for run in runs.values())).tolist()
        with self.paused():
            self.controls["step"].options = steps
            self.controls["step"].value = steps[-1]

    def compute(self, **values):
        target = self._target(values)
        if self._of != _what_runs_depend_on(values):  # another target or seed: untrained models
            fresh = {
                name: divlab.fit(model, target, steps=1, record_every=1, key=values["seed"])
                for name, model in self._models.items()
            }
            self._keep(fresh, values, trained=False)
        step = self.controls["step"].value
        if step not in self._seen:  # a step looked at before comes back at once
            self._seen[step] = self._look(target, step, jax.random.key(values["seed"]))
        return copy.deepcopy(self._seen[step])

    def _look(self, target, step, key):
        """The numbers and the arrays of one step."""
        result, arrays = {}, {}
        x, arrays["target"] = self._reference(target)
        arrays["x"] = np.asarray(x)
        for name, run in self._runs.items():
            density, samples = _view(run.model, run.params_at(step), x, key)
            arrays[name] = np.asarray(density), np.asarray(samples)
            covered = divlab.coverage(run.distribution(step), target)._asdict()
            result[name] = {field: np.asarray(value).tolist() for field, value in covered.items()}
            result[name] |= _distances(target, run, step, key)
        gan = self._runs["gan"]
        arrays["critic"] = np.asarray(_scores(gan.model, gan.params_at(step), x))
        return result, arrays

    def _reference(self, target):
        """Where to draw, and the target's density there (of samples, a histogram's heights)."""
        argument = read("target", target)
        if isinstance(argument, Samples):
            values = np.asarray(argument.values)
            margin = 0.35 * np.ptp(values)
            x = np.linspace(values.min() - margin, values.max() + margin, _POINTS)
            heights, edges = np.histogram(values, bins="auto", density=True)
            bin_of = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, len(heights) - 1)
            inside = (x >= edges[0]) & (x <= edges[-1])
            return jnp.asarray(x), np.where(inside, heights[bin_of], 0.0)
        locs, scales, _ = divlab.targets.modes(target)
        low, high = float(jnp.min(locs - 6 * scales)), float(jnp.max(locs + 6 * scales))
        points = jnp.linspace(low, high, _POINTS)
        return points, np.asarray(_density(argument, points))

    def draw(self, values, result, arrays):
        x, target = arrays["x"], arrays["target"]
        top = 1.9 * target.max()
        for name in self._models:
            artists, (density, samples) = self._artists[name], arrays[name]
            artists["target"].set_data(x, target)
            artists["model"].set_data(x, density)
            artists["ticks"].set_data(samples, np.full(samples.shape, -0.05 * top))
            artists["axes"].set_xlim(x[0], x[-1])
            artists["axes"].set_ylim(-0.1 * top, top)
        critic, scores = self._artists["critic"], arrays["critic"]
        if critic["classical"]:
            critic["line"].set_data(x, 1 / (1 + np.exp(-np.clip(scores, -50, 50))))
        else:
            critic["line"].set_data(x, scores)
            margin = 0.1 * max(np.ptp(scores), 1e-6)
            critic["axes"].set_ylim(scores.min() - margin, scores.max() + margin)

    def caption(self, values, result):
        step = self.controls["step"].value
        parts = []
        for name, text in (("vae", "VAE"), ("gan", "GAN")):
            one = result[name]
            parts.append(
                f"{text}: {one['modes_covered']} of {len(one['mode_fractions'])} modes, bridge "
                f"{100 * one['bridge']:.1f} %, sharpness {number(one['sharpness'], 2)}, KL "
                f"{number(one['kl'])}, JS {number(one['js'])}, W₁ {number(one['wasserstein'])}"
            )
        trained = "" if self._trained else " (not trained yet: press “Train both”)"
        return f"Step {step}{trained}. {'. '.join(parts)}."

    def state(self):
        return {**super().state(), "trained": self._trained}

    def load(self, state):
        """Sets the controls, and trains again from the seed if the state was a trained one."""
        settings = {name: v for name, v in state.items() if name not in ("trained", "step")}
        with self.paused():
            super().load(settings)
        self._of = None  # what is trained now does not count: the state says what is
        self.refresh()
        if state.get("trained"):
            self.train()
        if "step" in state:
            super().load({"step": state["step"]})


def _what_runs_depend_on(values: dict) -> tuple:
    return tuple(values.get(name) for name in ("separation", "scale", "seed"))


@jax.jit
def _density(target, x):
    return jnp.exp(log_density(target.distribution, x))


def _distances(target, run, step, key) -> dict[str, float]:
    """KL(target‖model), JS and W₁; for samples JS is estimated from samples of the model."""
    model = run.distribution(step)
    argument = read("target", target)
    if isinstance(argument, Samples):
        drawn = run.sample(key, len(argument.values), step)
        js = divlab.js(target, drawn)
    else:
        js = divlab.js(target, model)
    kl, wasserstein = divlab.kl(target, model), divlab.wasserstein(target, model)
    return {"kl": float(kl), "js": float(js), "wasserstein": float(wasserstein)}
