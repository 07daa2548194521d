"""What a model has learned, as numbers and as arrays to draw; and what the target is beside it.

Everything that explorers of trained models need from the inside of divlab is imported here.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

import divlab
from divlab.divergences.inputs import Samples, read
from divlab.divergences.comparison import compare
from divlab.divergences.integrals.densities import Packed, log_density
from divlab.metrics import coverage_of, exact_coverage
from divlab.models import Run
from divlab.targets import modes

POINTS = 401  # of a drawn density
SHOWN = 200  # samples that are drawn as ticks


@jax.jit
def _log_density(packed: Packed, x: Any) -> Any:
    return log_density(packed.distribution, x)


def log_density_at(target: Any, x: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """The log density of a distribution at points.

    Args:
        target: a distribution, packed or not.
        x: the points, (n,).

    Returns:
        The log density in nats per unit of x, (n,); -inf outside the support.
    """
    # One program for the whole density. Called operation by operation it would compile fifty.
    return np.asarray(_log_density(read("target", target), jnp.asarray(x, float)), float)


def reference(target: Any) -> dict[str, Any]:
    """What explorers draw and measure a model against.

    Args:
        target: a distribution or samples.

    Returns:
        `target`, as divlab's functions read it; its `modes`; points `x` to draw at, (n,); and
        the `density` there, (n,), which for samples is the height of a histogram.
    """
    argument, found = read("target", target), modes(target)
    if isinstance(argument, Samples):
        values = np.asarray(argument.values)
        margin = 0.35 * np.ptp(values)
        x = np.linspace(values.min() - margin, values.max() + margin, POINTS)
        heights, edges = np.histogram(values, bins="auto", density=True)
        bin_of = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, len(heights) - 1)
        inside = (x >= edges[0]) & (x <= edges[-1])
        density = np.where(inside, heights[bin_of], 0.0)
    else:
        locs, scales, _ = (np.asarray(a, float) for a in found)
        x = np.linspace((locs - 6 * scales).min(), (locs + 6 * scales).max(), POINTS)
        density = np.exp(log_density_at(argument, x))
    return {"x": x, "density": density, "target": argument, "modes": found}


def learned_at(run: Run, step: int) -> Packed:
    """The distribution that a model has learned, ready to be passed to compiled programs.

    These programs then serve all models of a kind, whatever their networks look like. A program
    that started from the parameters would be compiled anew for each model.

    Args:
        run: the run of the model.
        step: a recorded step.

    Returns:
        The distribution, packed.
    """
    return Packed(run.distribution(step))


@jax.jit
def _view(learned: Packed, x: Any, key: Any) -> Any:
    distribution = learned.distribution
    return jnp.exp(distribution.log_prob(x)), distribution.sample(key, (SHOWN,))


def density_and_samples(
    run: Run, step: int, x: Float[np.ndarray, " n"], seed: int
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " m"]]:
    """What the panel of a model shows.

    Args:
        run: the run of the model.
        step: a recorded step.
        x: points, (n,).
        seed: the seed of the samples.

    Returns:
        The learned density at x, (n,), and samples, (m,).
    """
    found = _view(learned_at(run, step), jnp.asarray(x, float), jax.random.key(seed))
    density, samples = jax.device_get(found)
    return density, samples


@jax.jit
def _measure(learned: Packed, target: Packed, found: Any) -> dict[str, Any]:
    """All that is exact, by one program."""
    coverage = exact_coverage(learned.distribution.cdf, *found)._asdict()
    return coverage | compare(target.distribution, learned.distribution, "kl", "js", "wasserstein")


def measure(run: Run, step: int, target: Packed | Samples, found: Any, seed: int) -> dict[str, Any]:
    """Compares what a model has learned with its target.

    Args:
        run: the run of the model.
        step: a recorded step.
        target: the target, as `reference` returns it.
        found: its modes.
        seed: the seed of samples of the model, where they are needed.

    Returns:
        The fields of `divlab.coverage`; `kl` = KL(target‖model) and `js` in nats; `wasserstein`
        in units of x. For a target of samples, KL and JS are estimates by nearest neighbours,
        JS from as many samples of the model.
    """
    learned = learned_at(run, step)
    if isinstance(target, Samples):
        x, distribution = target.values, learned.distribution
        numbers = coverage_of(learned, *found)._asdict() | {
            "kl": divlab.kl(x, distribution),
            "js": divlab.js(x, run.sample(seed, x.size, step)),
            "wasserstein": divlab.wasserstein(x, distribution),
        }
    else:
        numbers = _measure(learned, target, found)
    return {name: value.tolist() for name, value in jax.device_get(numbers).items()}
