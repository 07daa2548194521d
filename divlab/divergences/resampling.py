"""Parts of samples, drawn again and again, to see how much a divergence depends on the draw."""

from collections.abc import Callable, Iterator
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
    ratio = max(2.0, min(sum(sizes) / limit, smallest / 250))
    part = max(least, int(smallest / ratio))
    sizes = [a.values.shape[0] if isinstance(a, Samples) else 0 for a in arguments]
    return tuple(size * part // smallest for size in sizes), smallest / part


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
    sizes = zip(arguments, parts, strict=True)
    disjoint = min(a.values.shape[0] // part for a, part in sizes if isinstance(a, Samples))

    def drawn() -> Iterator[float]:
        while True:
            # Parts with no sample in common: what one has too much of, the others lack.
            shuffled = [_shuffled(a, rng) if isinstance(a, Samples) else a for a in arguments]
            for number in range(disjoint):
                found = [
                    _part(a, number, size) if isinstance(a, Samples) else a
                    for a, size in zip(shuffled, parts, strict=True)
                ]
                yield float(function(*found, **options))

    return np.fromiter(drawn(), float, resamples)


def _part(samples: Samples, number: int, size: int) -> Samples:
    part = slice(number * size, (number + 1) * size)
    if samples.weights is None:
        return Samples(samples.values[part])
    weights = samples.weights[part]
    return Samples(samples.values[part], weights / weights.sum())


def is_beyond_permutations(
    value: float,
    function: Callable[..., Float[Array, ""]],
    pair: tuple[Samples, ...],
    options: dict[str, Any],
    key: Key[Array, ""],
    permutations: int,
) -> bool:
    """Whether a divergence is above that of each permutation of the samples of P and Q together.

    Where P = Q it is so by chance, in one of `permutations` + 1 cases.
    """
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    pool, size = np.concatenate([a.values for a in pair]), pair[0].values.shape[0]
    for _ in range(permutations):
        mixed = rng.permutation(pool)
        try:
            found = float(function(Samples(mixed[:size]), Samples(mixed[size:]), **options))
        except ValueError:  # such as ties of the one among untied samples of the other
            continue
        if found >= value:
            return False
    return True


def _shuffled(samples: Samples, rng: np.random.Generator) -> Samples:
    order = rng.permutation(samples.values.shape[0])
    weights = None if samples.weights is None else samples.weights[order]
    return Samples(samples.values[order], weights)
