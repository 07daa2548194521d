"""Divergences of two samples whose points swap places, many times over.

Under the null hypothesis of a permutation test it does not matter which sample a point is from.
So the points of both are sorted once, and what changes is which of them belong to the first.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Bool, Float

Points: TypeAlias = Float[np.ndarray, " points"]  # of both samples, sorted, all finite
# Which of the points belong to the first sample: as many in each row.
Labels: TypeAlias = Bool[np.ndarray, "rows points"]
Values: TypeAlias = Float[np.ndarray, " rows"]


class OfLabels(NamedTuple):
    """A divergence of the two samples that each row of labels makes of sorted points.

    Attributes:
        function: (points, labels, options) -> one value for each row, before `Quantity.finish`.
        at_once: how many entries of labels are best looked at together.
    """

    function: Callable[[Points, Labels, Mapping[str, Any]], Values]
    at_once: int


def _gaps(labels: Labels) -> Float[np.ndarray, "rows steps"]:
    """F - G from each point to the next."""
    size, first = labels.shape[1], int(labels[0].sum())
    # Whole numbers are exact: rows with the same gaps have the same value.
    kind: Any = np.int32 if size * size < 2**31 else np.int64
    counts: Any = np.cumsum(labels[:, :-1], axis=1, dtype=kind)
    counts *= kind(size)
    counts -= np.arange(kind(first), kind(size * first), kind(first))
    gaps: np.ndarray = counts / float(first * (size - first))
    return gaps


def _area(points: Points, labels: Labels, options: Mapping[str, Any]) -> Values:
    values: Values = np.abs(_gaps(labels)) @ np.diff(points)
    return values


def _square(points: Points, labels: Labels, options: Mapping[str, Any]) -> Values:
    values: Values = np.square(_gaps(labels)) @ np.diff(points)
    return values


def _twice_the_square(points: Points, labels: Labels, options: Mapping[str, Any]) -> Values:
    return 2 * _square(points, labels, options)


def _largest(points: Points, labels: Labels, options: Mapping[str, Any]) -> Values:
    # Between points that are equal there is no gap.
    values: Values = np.abs(_gaps(labels)[:, points[1:] > points[:-1]]).max(axis=1, initial=0.0)
    return values


_ROWS = 256  # of the kernel's matrix that are held at a time


def _discrepancy(points: Points, labels: Labels, options: Mapping[str, Any]) -> Values:
    first = int(labels[0].sum())
    weights = np.where(labels, 1 / first, -1 / (points.size - first))
    scaled = points / float(options.get("bandwidth", 1.0))
    values = np.zeros(len(labels))
    for start in range(0, points.size, _ROWS):
        rows = slice(start, start + _ROWS)
        # As the weights sum to 0, the kernel less 1 serves as well, and loses no digits.
        kernel = np.expm1(-0.5 * (scaled[rows, None] - scaled) ** 2)
        values += np.sum((weights @ kernel.T) * weights[:, rows], axis=1)
    return np.maximum(values, 0.0)


_FEW, _MANY = 1 << 17, 1 << 22  # what a processor's cache holds; what a large product likes

AREA = OfLabels(_area, _FEW)  # ∫ |F - G| dx
SQUARE = OfLabels(_square, _FEW)  # ∫ (F - G)² dx
TWICE_THE_SQUARE = OfLabels(_twice_the_square, _FEW)
LARGEST = OfLabels(_largest, _FEW)  # sup |F - G|
DISCREPANCY = OfLabels(_discrepancy, _MANY)  # MMD²
