"""How often a permutation test by each divergence finds that two distributions differ."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Key
from numpyro.distributions import Distribution, Normal, StudentT

from divlab.checks import Count, KeyLike, check_count, read_key
from divlab.divergences.diagnosis import quietly
from divlab.divergences.estimation import find
from divlab.divergences.inputs import read_exact, read_number
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.permutation import deal, rejections
from divlab.divergences.quantities import Quantity
from divlab.metrics import wilson
from divlab.targets import two_gaussians

DIVERGENCES = ("kl", "js", "wasserstein", "cramer", "ks", "mmd")


def usual_changes() -> dict[str, tuple[Distribution, Distribution]]:
    """No change of N(0, 1), and four: Q has another mean, scale, tail or number of modes.

    Where the tail or the number of modes differs, the mean and the variance are those of P.
    """
    start = Normal(0.0, 1.0)
    return {
        "none": (start, start),
        "shift": (start, Normal(0.5, 1.0)),
        "spread": (start, Normal(0.0, 1.5)),
        "tail": (start, StudentT(3.0, 0.0, math.sqrt(1 / 3))),
        "second mode": (start, two_gaussians(1.6, 0.6)),
    }


def power(
    changes: Mapping[str, tuple[Any, Any]] | None = None,
    divergences: Iterable[Any] = DIVERGENCES,
    *,
    sizes: Iterable[Count] = (30, 100, 300, 1000),
    level: float = 0.05,
    draws: Count = 100,
    permutations: Count = 99,
    key: KeyLike = 0,
) -> xr.Dataset:
    """Which divergence detects which change, with how many samples?

    Two distributions are drawn from `draws` times, as often as the largest of `sizes` says. Each
    test sees the first n of each. The power is the share of the draws in which
    `divlab.permutation_test` finds a p-value of at most `level`. Where P = Q it is the share of
    false alarms, which is not above `level` but for chance.

    The divergences have their default options, so MMD has a bandwidth of 1 in units of x. In one
    dimension the energy distance is twice the square of the Cramér distance: both have the same
    power.

    Args:
        changes: label -> (P, Q), univariate distributions of numpyro or SciPy. None compares
            N(0, 1) with itself ("none"), N(0.5, 1) ("shift"), N(0, 1.5²) ("spread"), Student's t
            with 3 degrees and variance 1 ("tail"), and two Gaussians with mean 0 and variance 1
            ("second mode").
        divergences: functions of divlab that compare two samples, or their names.
        sizes: numbers of samples of each distribution, 2 or more, or as many as a divergence needs.
        level: the largest p-value that counts as a detection, strictly between 0 and 1.
        draws: how often samples are drawn.
        permutations: of each test; 1 / level - 1 or more, because no p-value is below
            1 / (1 + permutations).
        key: an int or a JAX key, on which the draws and the permutations depend.

    Returns:
        A Dataset over change, divergence and n: `detected`, the number of draws whose p-value is
        at most `level`; `power`, their share; `low` and `high`, the ends of Wilson's 95 % interval
        for it. Its attributes are `level`, `draws` and `permutations`.

    Raises:
        TypeError: a divergence is no function of divlab; a change is no pair of distributions; a
            number is of the wrong kind.
        ValueError: a number is out of its range; nothing is to be compared; a divergence does not
            compare two samples, or needs an option; otherwise as the divergence itself.

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> table = divlab.evidence.power(
        ...     {"far": (Normal(0, 1), Normal(5, 1))}, ["ks"], sizes=[30], draws=20
        ... )
        >>> table["power"].item()
        1.0
    """
    pairs = _read(usual_changes() if changes is None else changes)
    if isinstance(divergences, str):
        raise TypeError(f"divergences must be a list of names; [{divergences!r}] would do.")
    quantities = [_quantity(one) for one in divergences]
    counts = [check_count("sizes", size, 2) for size in sizes]
    if not (pairs and quantities and counts):
        raise ValueError("changes, divergences and sizes must each hold at least one entry.")
    read_number(
        "level", level, low=0.0, high=1.0, closed=False, need="strictly between 0 and 1, as 0.05"
    )
    repeats, dealt = check_count("draws", draws), check_count("permutations", permutations)
    if 1 / (1 + dealt) > level:
        raise ValueError(
            f"permutations = {dealt} give no p-value below {1 / (1 + dealt):.3g}, which is above "
            f"level = {level:g}; {math.ceil(1 / level - 1 - 1e-9)} or more would do."
        )
    detected = np.zeros((len(pairs), len(quantities), len(counts)), int)
    for i, pair in enumerate(pairs.values()):
        drawn, rng = _draws(pair, max(counts), repeats, jax.random.fold_in(read_key("key", key), i))
        for k, n in enumerate(counts):
            with quietly():
                for quantity in quantities:  # what cannot be compared is refused in its words
                    quantity.function(*drawn[0, :, :n])
                found = [
                    rejections(quantities, x, y, deal(rng, dealt, 2 * n, n), level=level)
                    for x, y in drawn[:, :, :n]
                ]
            detected[i, :, k] = np.sum(found, axis=0)
    ends = np.array([wilson(int(number), repeats) for number in detected.ravel()])
    low, high = (end.reshape(detected.shape) for end in ends.T)
    table = {"detected": detected, "power": detected / repeats, "low": low, "high": high}
    dims = ("change", "divergence", "n")
    return xr.Dataset(
        {name: (dims, values) for name, values in table.items()},
        coords={"change": list(pairs), "divergence": [q.name for q in quantities], "n": counts},
        attrs={"level": float(level), "draws": repeats, "permutations": dealt},
    )


def _read(changes: Any) -> dict[str, tuple[Any, Any]]:
    """The distributions of each change, those of SciPy included."""
    if not isinstance(changes, Mapping):
        raise TypeError(
            f"changes must be a mapping of labels to pairs of distributions, got {changes!r}."
        )
    pairs = {}
    for label, pair in changes.items():
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(f"changes[{label!r}] must be a pair (P, Q), got {pair!r}.")
        p, q = (
            read_exact(f"{name} of changes[{label!r}]", one)
            for name, one in zip("PQ", pair, strict=True)
        )
        if not isinstance(p, Packed) or not isinstance(q, Packed):
            raise TypeError(f"changes[{label!r}] must be two distributions, got samples.")
        pairs[str(label)] = p.distribution, q.distribution
    return pairs


def _quantity(divergence: Any) -> Quantity:
    quantity = find(divergence)
    if quantity.takes_one:
        raise ValueError(
            f"divergences has {quantity.name}, which has one argument; a test compares two samples."
        )
    needed = [name for name, is_needed in quantity.options.items() if is_needed]
    if needed:
        raise ValueError(
            f"divergences has {quantity.name}, which needs {needed[0]}; only divergences that need "
            "no option can be compared."
        )
    return quantity


def _draws(
    pair: tuple[Any, Any], size: int, repeats: int, key: Key[Array, ""]
) -> tuple[Float[np.ndarray, "draws 2 n"], np.random.Generator]:
    """Samples of P and Q for each repeat, and a generator for the permutations."""
    *keys, other = jax.random.split(key, 3)
    samples = [
        np.asarray(one.sample(k, (repeats, size)), float) for one, k in zip(pair, keys, strict=True)
    ]
    return np.stack(samples, axis=1), np.random.default_rng(np.asarray(jax.random.key_data(other)))
