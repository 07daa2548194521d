"""Parts of samples, drawn again and again, to see how much a divergence depends on the draw."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float, Key

from divlab.divergences.inputs import Samples
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.methods.base import OfSamples

_LARGEST_PART, _LARGEST_COSTLY_PART = 10_000, 1_000  # samples in a part, of P and Q together


def sizes_of_parts(
    arguments: tuple[Packed | Samples, ...], method: OfSamples | None, *, is_costly: bool
) -> tuple[tuple[int, ...], float]:
    """How many samples of each argument a part holds, and the ratio of all samples to these.

    Raises:
        ValueError: there are too few samples to resample.
    """
    sizes = [a.values.shape[0] for a in arguments if isinstance(a, Samples)]
    smallest = min(sizes)
    least = 2 if method is None else method.needs()
    if smallest < 2 * least:
        label = "pq"[[isinstance(a, Samples) for a in arguments].index(True)]
        if len(sizes) == 2:
            label = "pq"[int(np.argmin(sizes))]
        raise ValueError(
            f"{label} has {smallest} samples, too few to resample; {2 * least} or more are needed."
        )
    is_mixed = len(sizes) < len(arguments)
    limit = _LARGEST_COSTLY_PART if is_mixed or is_costly else _LARGEST_PART
    ratio = max(4.0, min(sum(sizes) / limit, smallest / 250))
    # If there are few samples, a part takes more than a quarter of them, but at most half.
    part = max(least, int(smallest / ratio), min(10, smallest // 2))
    ratio = smallest / part
    sizes = [a.values.shape[0] if isinstance(a, Samples) else 0 for a in arguments]
    return tuple(int(size / ratio) for size in sizes), ratio


def resample(
    function: Callable[..., Float[Array, ""]],
    arguments: tuple[Packed | Samples, ...],
    options: dict[str, Any],
    key: Key[Array, ""],
    resamples: int,
    parts: tuple[int, ...],
) -> Float[np.ndarray, " resamples"]:
    """The divergence of each of `resamples` parts.

    Args:
        function: the divergence.
        arguments: the distributions or samples that are its arguments.
        options: its further arguments, by name.
        key: what the draws depend on.
        resamples: how many parts to draw.
        parts: how many samples of each argument a part holds.
    """
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    shuffled = [a if not isinstance(a, Samples) else _shuffled(a, rng) for a in arguments]

    def part_of(argument: Packed | Samples, size: int) -> Packed | Samples:
        if not isinstance(argument, Samples):
            return argument
        # One sample of each stretch of the shuffled samples: none twice, and no further shuffle.
        edges = np.arange(size + 1) * argument.values.shape[0] // size
        at = rng.integers(edges[:-1], edges[1:])
        if argument.weights is None:
            return Samples(argument.values[at])
        weights = argument.weights[at]
        return Samples(argument.values[at], weights / weights.sum())

    def of_one() -> float:
        drawn = (part_of(a, size) for a, size in zip(shuffled, parts, strict=True))
        return float(function(*drawn, **options))

    return np.array([of_one() for _ in range(resamples)])


def _shuffled(samples: Samples, rng: np.random.Generator) -> Samples:
    order = rng.permutation(samples.values.shape[0])
    weights = None if samples.weights is None else samples.weights[order]
    return Samples(samples.values[order], weights)
