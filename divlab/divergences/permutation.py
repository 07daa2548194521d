"""Are two samples from the same distribution? A permutation test for every divergence."""

import dataclasses
import math
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any, ClassVar, TypeAlias

import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from divlab.checks import Count, KeyLike, Numbers, check_count, read_key
from divlab.divergences import diagnosis
from divlab.divergences.columns import near_common_origin
from divlab.divergences.estimation import find
from divlab.divergences.f_divergences import methods_of_samples
from divlab.divergences.inputs import SAMPLES, Samples, read_exact
from divlab.divergences.integrals.arrays import is_known
from divlab.divergences.methods import choose
from divlab.divergences.quantities import Quantity
from divlab.pytrees import as_arrays

Labels: TypeAlias = Bool[np.ndarray, "rows points"]
Values: TypeAlias = Float[np.ndarray, " rows"]

# Permutations that make the same two samples can differ in how their value is rounded.
_ROUNDING = 1e-6


@dataclasses.dataclass(frozen=True, eq=False)
class TestResult:
    """What a permutation test found; the names are those of `scipy.stats.permutation_test`.

    Attributes:
        statistic: the divergence of the two samples as they are. An estimate of an f-divergence
            may come out below 0. `divlab.kl` cuts it to 0; here it stays, because ties would hide
            the order of such values.
        pvalue: the share of the permutations, the samples as they are included, whose divergence
            is at least as large. It is at least 1 / (1 + permutations).
        null_distribution: (permutations,) the divergences after permutation.

    Example:
        >>> import divlab
        >>> result = divlab.permutation_test("ks", [1, 2, 3, 4, 5], [6, 7, 8, 9, 10])
        >>> result.statistic, result.null_distribution.shape
        (1.0, (999,))
    """

    __test__: ClassVar[bool] = False  # pytest would take it for a class of tests

    statistic: float
    pvalue: float
    null_distribution: Float[np.ndarray, " permutations"]


def permutation_test(
    divergence: Any,
    x: Numbers,
    y: Numbers,
    *,
    method: Any = None,
    permutations: Count = 999,
    key: KeyLike = 0,
    **options: Any,
) -> TestResult:
    """Tests whether two samples are from the same distribution, by any divergence.

    If they are, it does not matter which sample a point is from. The divergence of the samples is
    compared with that after the points have been dealt out anew, at random, `permutations` times:

        p-value = (1 + #{null ≥ statistic}) / (1 + permutations).

    Under the null hypothesis the probability of a p-value of at most α is at most α, whatever the
    distribution, the sizes and the divergence, also where the divergence itself is estimated with
    a bias. Which divergence detects a change at all is another matter: see
    `divlab.evidence.power`.

    The CDF distances and MMD sort the points once and then only deal out labels, many permutations
    at a time. Other divergences are computed anew for each permutation. Both run on all cores.

    Args:
        divergence: a function of divlab, such as `divlab.wasserstein`, or its name.
        x: samples, (n,).
        y: samples, (m,).
        method: a method, as `divergence` takes it.
        permutations: how many are drawn. The smallest possible p-value is 1 / (1 + permutations).
        key: an int or a JAX key, on which the permutations depend.
        **options: passed on to `divergence`: `weight`, `alpha`, `order`, `squared`, `f`,
            `bandwidth`.

    Returns:
        A `TestResult`.

    Raises:
        TypeError: `divergence` is not a function of divlab; `x` or `y` is a distribution; an
            argument is traced, as under `jax.jit`.
        ValueError: `divergence` does not compare two samples; `permutations` is below 1; otherwise
            as `divergence`, whose p and q are x and y.

    Source: Fisher (1935), The Design of Experiments; Phipson & Smyth (2010), Permutation P-values
    Should Never Be Zero.

    Example:
        >>> import divlab
        >>> x, y = [1.2, 0.3, 2.2, 1.1, 0.8, 1.9], [4.1, 3.2, 5.0, 2.9, 3.7, 4.4]
        >>> divlab.permutation_test("wasserstein", x, y).pvalue <= 0.01
        True
    """
    quantity = find(divergence)
    if quantity.takes_one:
        raise ValueError(f"{quantity.name} has one argument; a test compares two samples.")
    if not is_known(x, y, options, method, key):
        raise TypeError(
            "permutation_test looks at its numbers: it cannot run under jit, vmap or grad."
        )
    for name in ("p_weights", "q_weights"):
        if name in options:
            raise ValueError(f"{name} is not taken: points of unequal weight are no permutation.")
    count, jax_key = check_count("permutations", permutations), read_key("key", key)
    if method is not None:
        if not quantity.takes_method:
            raise ValueError(
                f"method {method!r} does not exist for {quantity.name}: it takes none."
            )
        options["method"] = method
    x, y = near_common_origin(x, y)
    first, second = _read("x", x), _read("y", y)
    with diagnosis.quietly():
        # What cannot be compared is refused here, in the words of the divergence itself.
        quantity.function(first, second, **options)
        points, labels = _sorted(first, second)
        values_of, rows = _of_labels(quantity, points, options)
        found = [values_of(labels)]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            jobs = [
                pool.submit(copy_context().run, lambda draw: values_of(draw()), draw)
                for draw in _blocks(points.size, first.size, count, jax_key, rows)
            ]
            found += [job.result() for job in jobs]
    statistic, null = float(found[0][0]), np.concatenate(found[1:])
    return TestResult(statistic, float(1 + np.sum(null >= _least(statistic))) / (1 + count), null)


def rejections(
    quantities: Sequence[Quantity],
    x: Float[np.ndarray, " n"],
    y: Float[np.ndarray, " m"],
    permuted: Labels,
    *,
    level: float,
) -> list[bool]:
    """Whether the tests by several divergences find p-values of at most `level`.

    All of them see the same permutations. A test ends as soon as its answer is certain, which
    where the samples hardly differ is after a few permutations.

    Args:
        quantities: the divergences, with their default options.
        x: finite samples of P, (n,).
        y: finite samples of Q, (m,).
        permuted: permutations of the labels, as `deal` returns them.
        level: the largest p-value that counts.

    Returns:
        One answer for each divergence.
    """
    points, labels = _sorted(x, y)
    rows = np.concatenate([labels, permuted])
    # So many permutations may have a divergence as large before the p-value is above the level.
    allowed = int(np.sum(np.arange(1, len(rows) + 1) / len(rows) <= level)) - 1
    found = []
    for quantity in quantities:
        values_of, at_once = _of_labels(quantity, points, {})
        step = at_once if at_once > _COMPARED_AT_ONCE else allowed + 2
        values = values_of(rows[:step])
        least = _least(float(values[0]))
        count = int(np.sum(values[1:] >= least))
        for start in range(step, len(rows), step):
            if count > allowed:
                break
            count += int(np.sum(values_of(rows[start : start + step]) >= least))
        found.append(count <= allowed)
    return found


def _sorted(
    x: Float[np.ndarray, " n"], y: Float[np.ndarray, " m"]
) -> tuple[Float[np.ndarray, " points"], Bool[np.ndarray, "1 points"]]:
    """The points of both samples in order, and one row of labels: which of them are from x."""
    points = np.concatenate([x, y])
    order = np.argsort(points, kind="stable")
    return points[order], (order < x.size)[None]


def _least(statistic: float) -> float:
    """What counts as at least as large as the statistic."""
    return statistic - _ROUNDING * abs(statistic) if np.isfinite(statistic) else statistic


def _read(name: str, value: Numbers) -> Float[np.ndarray, " n"]:
    argument = read_exact(name, value)
    if not isinstance(argument, Samples):
        raise TypeError(f"{name} must be samples, got a distribution; draw samples of it.")
    return np.asarray(argument.values)


_DRAWN_AT_ONCE = 1 << 20  # labels
_COMPARED_AT_ONCE = 16  # pairs of samples, where each is compared by itself


def _of_labels(
    quantity: Quantity, points: Float[np.ndarray, " points"], options: dict[str, Any]
) -> tuple[Callable[[Labels], Values], int]:
    """The divergences for rows of labels, and how many rows are best looked at together."""
    batched = quantity.of_labels(options)
    if batched is not None and np.all(np.isfinite(points)):
        exact = points.astype(np.float64) - points[0]

        def all_at_once(labels: Labels) -> Values:
            rows = max(1, batched.at_once // points.size)
            parts = (labels[i : i + rows] for i in range(0, len(labels), rows))
            values = np.concatenate([batched.function(exact, part, options) for part in parts])
            return np.asarray(quantity.finish(values, options), np.float64)

        return all_at_once, max(1, _DRAWN_AT_ONCE // points.size)

    of_pair = _uncut(quantity, options)

    def one_by_one(labels: Labels) -> Values:
        return np.array([of_pair(points[row], points[~row]) for row in labels])

    return one_by_one, _COMPARED_AT_ONCE


def _uncut(
    quantity: Quantity, options: dict[str, Any]
) -> Callable[[Float[np.ndarray, " n"], Float[np.ndarray, " m"]], float]:
    """The divergence of two samples; an f-divergence as it is estimated, below 0 or not.

    Cut to 0, half of all estimates would be equal under the null hypothesis, and could not be told
    from one another.
    """
    row = quantity.row(options)
    if row is None:
        return lambda x, y: float(quantity.function(x, y, **options))
    family = as_arrays(row)
    method = choose(quantity.name, options.get("method"), methods_of_samples(), SAMPLES)
    turn = -1 if quantity.is_reversed else 1

    def of_pair(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " m"]) -> float:
        value = method.uncut(family, *(x, y)[::turn])
        size = np.minimum(np.abs(value), float(row.limit))
        return math.copysign(float(quantity.finish(size, options)), value)

    return of_pair


def _blocks(
    size: int, first: int, permutations: int, key: Key[Array, ""], rows: int
) -> Iterator[Callable[[], Labels]]:
    """Functions that draw labels, a block of rows each.

    Each has a generator of its own, so that the labels do not depend on the number of cores.
    """
    starts = range(0, permutations, rows)
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    for start, generator in zip(starts, rng.spawn(len(starts)), strict=True):
        yield partial(deal, generator, min(rows, permutations - start), size, first)


_TRIED_AT_ONCE = 8  # entries of a row that may change
_EARLIER = np.tri(_TRIED_AT_ONCE, k=-1, dtype=bool)


def deal(rng: np.random.Generator, rows: int, size: int, first: int) -> Labels:
    """Rows in which `first` of `size` entries are true, each choice as likely as any other.

    At first each entry is true by itself, with about the right probability. Then random entries
    of a row change until it has as many as it should. That is quicker than to shuffle, and treats
    all entries alike, so every choice remains as likely as any other.
    """
    labels = rng.integers(0, 256, (rows, size), np.uint8) < min(round(256 * first / size), 255)
    missing = first - np.count_nonzero(labels, axis=1)
    wanted, missing = missing > 0, np.abs(missing)
    unfinished = np.flatnonzero(missing)
    while unfinished.size:
        at = rng.integers(0, size, (unfinished.size, _TRIED_AT_ONCE))
        again = np.any((at[:, :, None] == at[:, None, :]) & _EARLIER, axis=2)
        changes = (labels[unfinished[:, None], at] != wanted[unfinished, None]) & ~again
        changes &= np.cumsum(changes, axis=1) <= missing[unfinished, None]
        row, column = np.nonzero(changes)
        labels[unfinished[row], at[row, column]] = wanted[unfinished[row]]
        missing[unfinished] -= changes.sum(axis=1)
        unfinished = unfinished[missing[unfinished] > 0]
    return labels
