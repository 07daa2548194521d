"""Parts of samples, drawn again and again, to see how much a divergence depends on the draw."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from divlab.divergences.inputs import Samples
from divlab.divergences.methods.base import OfSamples

_LARGEST_PART, _LARGEST_COSTLY_PART = 10_000, 1_000  # samples in a part, of P and Q together


def sizes_of_parts(
    arguments: tuple[Any, ...], method: OfSamples | None, *, is_costly: bool
) -> tuple[tuple[int, ...], float]:
    """How many samples of each argument a part holds, and the ratio of all to these."""
    sizes = [a.values.shape[0] for a in arguments if isinstance(a, Samples)]
    smallest = min(sizes)
    fewest = 2 if method is None else method.fewest
    least = max(fewest, (getattr(method, "k", None) or 0) + 1)
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
    # Of few samples a part takes more than a quarter, but at most half.
    part = max(least, int(smallest / ratio), min(10, smallest // 2))
    ratio = smallest / part
    sizes = [a.values.shape[0] if isinstance(a, Samples) else 0 for a in arguments]
    return tuple(int(size / ratio) for size in sizes), ratio


def resample(
    function: Callable[..., jax.Array],
    arguments: tuple[Any, ...],
    options: dict[str, Any],
    key: jax.Array,
    resamples: int,
    parts: tuple[int, ...],
) -> np.ndarray:
    """The divergence of each part."""
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    shuffled = [a if not isinstance(a, Samples) else _shuffled(a, rng) for a in arguments]

    def part_of(argument: Any, size: int) -> Any:
        if not isinstance(argument, Samples):
            return argument
        # One of each stretch of the shuffled samples: none twice, without a shuffle.
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
