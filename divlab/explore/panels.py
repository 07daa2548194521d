"""What the pictures of trainers have in common: what a model has learned, and panels for it."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import divlab
from divlab import figures
from divlab.divergences.arguments import Samples
from divlab.divergences.comparison import compare
from divlab.divergences.densities import Packed, log_density
from divlab.metrics import coverage_of, exact_coverage

POINTS = 401
SHOWN = 200  # samples drawn as ticks


@jax.jit
def _log_density(target, x):
    return log_density(target.distribution, x)


def log_density_at(target: Packed, x) -> np.ndarray:
    """The target's log density at x, by one program where a distribution would run fifty."""
    return np.asarray(_log_density(target, jnp.asarray(x, float)), float)


def reference(target: Packed | Samples, modes) -> tuple[np.ndarray, np.ndarray]:
    """Where to draw, and the target's density there (of samples, a histogram's heights)."""
    if isinstance(target, Samples):
        values = np.asarray(target.values)
        margin = 0.35 * np.ptp(values)
        x = np.linspace(values.min() - margin, values.max() + margin, POINTS)
        heights, edges = np.histogram(values, bins="auto", density=True)
        bin_of = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, len(heights) - 1)
        inside = (x >= edges[0]) & (x <= edges[-1])
        return x, np.where(inside, heights[bin_of], 0.0)
    locs, scales, _ = (np.asarray(a, float) for a in modes)
    x = np.linspace((locs - 6 * scales).min(), (locs + 6 * scales).max(), POINTS)
    return x, np.exp(log_density_at(target, x))


def learned_at(run, step: int) -> Packed:
    """What a model has learned, to be passed to programs that serve all models of its kind.

    Making it inside of each would take a second more to compile, for each model anew.
    """
    return Packed(run.distribution(step))


@jax.jit
def _view(learned, x, key):
    distribution = learned.distribution
    return jnp.exp(distribution.log_prob(x)), distribution.sample(key, (SHOWN,))


def density_and_samples(run, step: int, x, seed: int) -> list[np.ndarray]:
    """The learned density at x, and samples."""
    found = _view(learned_at(run, step), jnp.asarray(x, float), jax.random.key(seed))
    return [np.asarray(a) for a in found]


@jax.jit
def _measure(learned, target, modes):
    """All that is exact, in one program."""
    found = exact_coverage(learned.distribution.cdf, *modes)._asdict()
    return found | compare(target.distribution, learned.distribution, "kl", "js", "wasserstein")


def measure(run, step: int, target: Packed | Samples, modes, seed: int) -> dict[str, Any]:
    """The fields of `divlab.coverage`, KL(target‖model), JS and W₁.

    Of samples, KL and JS are estimates by nearest neighbours, JS from as many of the model.
    """
    learned = learned_at(run, step)
    if isinstance(target, Samples):
        x, distribution = target.values, learned.distribution
        found = coverage_of(learned, *modes)._asdict() | {
            "kl": divlab.kl(x, distribution),
            "js": divlab.js(x, run.sample(seed, x.size, step)),
            "wasserstein": divlab.wasserstein(x, distribution),
        }
    else:
        found = _measure(learned, target, modes)
    return {name: value.tolist() for name, value in jax.device_get(found).items()}


class DensityPanel:
    """A target's density, a learned one over it, and samples as ticks below."""

    def __init__(self, axes, title: str, color: str, *, name: str = "learned"):
        figures.label(axes, title=title, x="$x$", y="density")
        self.axes = axes
        (self.target,) = axes.plot([], [], color=figures.DATA, label="target")
        (self.model,) = axes.plot([], [], "--", color=color, label=name)
        (self._ticks,) = axes.plot([], [], "|", color=color, alpha=0.5, markersize=9)

    def show(self, x, target, density, samples) -> None:
        top = 1.9 * target.max()
        self.target.set_data(x, target)
        self.model.set_data(x, density)
        self._ticks.set_data(samples, np.full(samples.shape, -0.05 * top))
        self.axes.set_xlim(x[0], x[-1])
        self.axes.set_ylim(-0.1 * top, top)


class LinesPanel:
    """Curves against the step of training, with a mark at the step that is shown."""

    def __init__(self, axes, title: str, y: str, names: dict[str, str], steps: int):
        figures.label(axes, title=title, x="step", y=y)
        self.axes = axes
        self._lines = {
            name: axes.plot([], [], dashes, color=color, label=text, linewidth=1.6)[0]
            for (name, text), color, dashes in zip(
                names.items(), figures.COLORS, figures.DASHES, strict=False
            )
        }
        self._mark = axes.axvline(0, color=figures.DATA, linewidth=1)
        axes.set_xlim(0, steps)
        axes.set_xticks(np.linspace(0, steps, 5)[:: 1 if axes.get_position().width > 0.3 else 2])
        figures.legend(axes, loc="upper right")

    def show(self, curves: dict, step: int, *, low: float | None = None) -> None:
        shown: list[np.ndarray] = []
        for name, (steps, values) in curves.items():
            self._lines[name].set_data(steps, values)
            shown.append(np.asarray(values)[np.isfinite(values)])
        finite = np.concatenate(shown)
        top = figures.ceiling(1.4 * float(finite.max())) if finite.size else 1.0
        below = float(finite.min()) if finite.size else 0.0
        bottom = low if low is not None else (-figures.ceiling(-below) if below < 0 else 0.0)
        self.axes.set_ylim(bottom, top)
        self._mark.set_xdata([step, step])


__all__ = [
    "DensityPanel",
    "LinesPanel",
    "density_and_samples",
    "learned_at",
    "log_density_at",
    "measure",
    "reference",
]
