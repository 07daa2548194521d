"""What a model has learned, as numbers and as arrays to draw; and what the target is beside it.

Everything that explorers of trained models need from the inside of divlab is imported here.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

import divlab
from divlab.divergences.comparison import compare
from divlab.divergences.diagnosis import quietly
from divlab.divergences.inputs import Samples, read_exact
from divlab.divergences.integrals.known import Known, distribution_function
from divlab.divergences.integrals.packed import Packed
from divlab.explore.base import number
from divlab.explore.parallel import in_parallel
from divlab.languages import Phrase, listed, phrase
from divlab.metrics import coverage_by
from divlab.models import Run
from divlab.targets import exact_modes

POINTS = 401  # of a drawn density
_BINS = 400  # of a histogram, one for each point or so
SHOWN = 200  # samples that are drawn as ticks
# Measurements that a model is compared with at each step: more would take seconds.
DRAWN, GROUPS = 5000, 1000


def log_density_at(target: Any, x: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """The log density of a distribution at points.

    Args:
        target: a distribution, packed or not.
        x: the points, (n,).

    Returns:
        The log density in nats per unit of x, (n,); -inf outside the support.
    """
    # `Known` runs the program by which divergences of this type of distribution are computed.
    packed = target if isinstance(target, Packed) else Packed(target)
    return np.asarray(Known(packed)(x), float)


def reference(target: Any) -> dict[str, Any]:
    """What explorers draw and measure a model against.

    Args:
        target: a distribution or samples.

    Returns:
        `target`, as divlab's functions read it; its `modes`; points `x` to draw at, (n,); and
        the `density` there, (n,), which for samples is the height of a histogram.
    """
    argument = read_exact("target", target)
    if isinstance(argument, Samples):
        values = np.asarray(argument.values)
        found = exact_modes(Samples(_drawn(values)))
        margin = 0.35 * np.ptp(values)
        x = np.linspace(values.min() - margin, values.max() + margin, POINTS)
        density = heights(values, x)
    else:
        found = exact_modes(argument)
        locs, scales = found.locs, found.scales
        x = np.linspace((locs - 6 * scales).min(), (locs + 6 * scales).max(), POINTS)
        density = np.exp(log_density_at(argument, x))
    return {"x": x, "density": density, "target": argument, "modes": found}


def heights(values: Float[np.ndarray, " n"], x: Float[np.ndarray, " m"]) -> Float[np.ndarray, " m"]:
    """The height of a histogram of samples at points.

    The width of a bin is that of Freedman and Diaconis, 2·IQR·n^(-1/3). There are at least as
    many bins as Sturges asks for, and at most `_BINS`: one sample far out would ask for millions.

    Args:
        values: the samples, (n,).
        x: the points, (m,).

    Returns:
        The heights, (m,), a density; 0 beyond the samples.
    """
    quartiles = np.quantile(values, [0.25, 0.75])
    width = 2 * float(np.diff(quartiles)[0]) * values.size ** (-1 / 3)
    fewest = np.log2(values.size) + 1
    asked = max(np.ptp(values) / width, fewest) if width > 0 else fewest
    density, edges = np.histogram(values, bins=int(np.ceil(min(asked, _BINS))), density=True)
    bin_of = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, len(density) - 1)
    return np.where((x >= edges[0]) & (x <= edges[-1]), density[bin_of], 0.0)


def learned_at(run: Run, step: int) -> Packed:
    """The distribution that a model has learned, ready to be passed to compiled programs.

    These programs then serve all models of a kind, whatever their networks look like. A program
    that started from the parameters would be compiled anew for each model.

    Args:
        run: the run of the model.
        step: a recorded step.

    Returns:
        The distribution, packed. Its parameters are NaN where the run has diverged.
    """
    return Packed(run.law_at(step))


class View(NamedTuple):
    """What is drawn of a model.

    Attributes:
        density: its density at n points, (n,).
        samples: samples from it, (m,), without those beyond the first or the last point.
        cdf: its distribution function at the points, (n,).
    """

    density: Float[np.ndarray, " n"]
    samples: Float[np.ndarray, " m"]
    cdf: Float[np.ndarray, " n"]


def view(run: Run, step: int, x: Float[np.ndarray, " n"], seed: int) -> View:
    """Computes what is drawn of a model.

    Args:
        run: the run of the model.
        step: a recorded step.
        x: increasing points, (n,).
        seed: the seed of the samples.

    Returns:
        The density and the distribution function at x, and samples, which are exact to the
        distance between two points. Where the run has diverged they are NaN, and there are none.
    """
    if run.has_diverged(step):
        return View(np.full(x.shape, np.nan), np.empty(0), np.full(x.shape, np.nan))
    learned = learned_at(run, step)
    density = np.exp(log_density_at(learned, x))
    cdf = np.asarray(distribution_function(learned)(x), float)
    # The inverse of the distribution function turns uniform numbers into samples. To sample with
    # JAX would mean one more program for each kind of model, which takes half a second to compile.
    uniform = np.random.default_rng(seed).random(SHOWN)
    inside = uniform[(uniform >= cdf[0]) & (uniform <= cdf[-1])]
    return View(density, np.interp(inside, np.maximum.accumulate(cdf), x), cdf)


def distances(run: Run, step: int, target: Packed | Samples, seed: int) -> dict[str, float]:
    """How far a model is from its target.

    Args:
        run: the run of the model.
        step: a recorded step.
        target: the target, as `reference` returns it.
        seed: the seed of samples of the model, where they are needed.

    Returns:
        `kl` = KL(target‖model) and `js` in nats; `wasserstein` in units of x. For a target of
        samples, KL and JS are estimates by nearest neighbours, JS from as many samples of the
        model. From more than `DRAWN` samples, as many are drawn at random for KL and JS, and W₁ is
        that of the means of `GROUPS` groups of neighbours. All are NaN where the run has
        diverged.
    """
    if run.has_diverged(step):
        return dict.fromkeys(("kl", "js", "wasserstein"), np.nan)
    distribution = run.distribution(step)
    if isinstance(target, Samples):
        values = np.asarray(target.values)
        x = _drawn(values)
        with quietly():  # a picture has no place for a warning at every step
            found = {
                "kl": divlab.kl(x, distribution),
                "js": divlab.js(x, run.sample(seed, x.size, step)),
                "wasserstein": divlab.wasserstein(_grouped(values), distribution),
            }
    else:
        found = compare(target.distribution, distribution, "kl", "js", "wasserstein")
    return {name: float(value) for name, value in found.items()}


def _drawn(values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " m"]:
    """At most `DRAWN` of the values, drawn at random; the same ones each time."""
    if values.size <= DRAWN:
        return values
    return np.random.default_rng(0).choice(values, DRAWN, replace=False)


def _grouped(values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " m"]:
    """The values, or where they are many the mean of each of `GROUPS` groups of neighbours.

    W₁ between the values and these means is at most the mean distance of a value from its own.
    """
    if values.size <= DRAWN:
        return values
    ordered = np.sort(values)
    return np.array([part.mean() for part in np.array_split(ordered, GROUPS)])


def in_words(target: Packed | Samples) -> str:
    """For a caption: with which of many measurements a model is compared; empty for all.

    Args:
        target: the target, as `reference` returns it.

    Returns:
        The words.
    """
    count = target.values.shape[0] if isinstance(target, Samples) else 0
    if count <= DRAWN:
        return ""
    return phrase(
        "KL, JS and modes by {drawn} of {count} measurements, W₁ by the means of {groups} groups "
        "of them",
        drawn=DRAWN,
        count=count,
        groups=GROUPS,
    )


def remarks(runs: Mapping[str, Run], reached: int, target: Any) -> str:
    """For a caption: which model has diverged, is not trained yet, or is measured in part.

    Args:
        runs: what is recorded, by the name of the model.
        reached: the last step that all of them have reached.
        target: what is learned.

    Returns:
        The remarks in brackets, after a space; empty if there are none.
    """
    said: list[str] = [
        phrase("{model} diverged at step {step}", model=name, step=run.status.step)
        for name, run in runs.items()
        if run.status == "diverged"
    ]
    if not reached:
        said.append(phrase("not trained yet: press “Train”"))
    said += filter(None, [in_words(target)])
    return phrase(" ({remarks})", remarks=listed(said)) if said else ""


def measure(
    runs: dict[str, Run], step: int, against: dict[str, Any], seed: int
) -> dict[str, dict[str, Any]]:
    """Compares what models have learned with their target.

    Args:
        runs: the run of each model, by its name.
        step: a recorded step.
        against: the target and its modes, as `reference` returns them.
        seed: the seed of samples of the models, where they are needed.

    Returns:
        By the name of each model the fields of `divlab.coverage`, and the `distances`.
    """

    def of_one(run: Run) -> dict[str, Any]:
        cdf = distribution_function(learned_at(run, step))
        covered = coverage_by(cdf, against["modes"])._asdict()
        numbers = {name: value.tolist() for name, value in covered.items()}
        return numbers | distances(run, step, against["target"], seed)

    return in_parallel({name: partial(of_one, run) for name, run in runs.items()})


def in_short(result: dict[str, Any], labels: dict[str, str]) -> dict[str, str]:
    """The numbers that matter of models side by side.

    Args:
        result: by the name of each model what `measure` returned.
        labels: what each model is called.

    Returns:
        The text of each number, by its label.
    """
    found: dict[str, str] = {}
    for name, label in labels.items():
        one = result[name]
        found[phrase("{model} modes", model=label)] = phrase(
            "{covered} of {count}", covered=one["modes_covered"], count=len(one["mode_fractions"])
        )
        found[phrase("{model} W₁", model=label)] = number(one["wasserstein"])
        found[phrase("{model} KL", model=label)] = number(one["kl"])
    return found


def in_full(template: str, found: dict[str, Any], **more: Any) -> Phrase:
    """A sentence about one model.

    Args:
        template: the sentence, with `{covered}` of `{count}` modes, `{bridge}` in per cent,
            `{sharpness}`, `{kl}`, `{js}` and `{wasserstein}`.
        found: what `measure` returned of the model.
        **more: what else stands in the sentence.

    Returns:
        The sentence.
    """
    distances = {name: number(found[name]) for name in ("kl", "js", "wasserstein")}
    return phrase(
        template,
        covered=found["modes_covered"],
        count=len(found["mode_fractions"]),
        bridge=100 * found["bridge"],
        sharpness=number(found["sharpness"], 2),
        **distances,
        **more,
    )
