"""Columns as they come: objects of Python's own types, and whole numbers far from 0."""

import decimal
import numbers
from typing import Any

import numpy as np
from jaxtyping import Float

from divlab.divergences.integrals.arrays import is_known


def numbers_of_objects(name: str, array: Any) -> Float[np.ndarray, "..."]:
    """Python's own numbers of any size, fractions and decimals, as floats."""
    found = np.empty(array.shape)
    for place, item in np.ndenumerate(array):
        if not isinstance(item, numbers.Real | decimal.Decimal | np.bool_):
            raise TypeError(
                f"{name} must be numbers, got {item!r} at index {', '.join(map(str, place))}; "
                "leave it out, or put a number in its place."
            )
        try:
            found[place] = float(item)
        except OverflowError:
            raise ValueError(
                f"{name} is too large for a float at index {', '.join(map(str, place))}; "
                "rescale it."
            ) from None
    return found


def near_common_origin(p: Any, q: Any) -> tuple[Any, Any]:
    """Two samples of whole numbers, measured from the first number of `p`; others as they are.

    No divergence of two samples depends on the origin. Floats would lose the digits of large
    whole numbers, such as the nanoseconds of today, although their differences are small.
    """
    kinds = [getattr(getattr(a, "dtype", None), "kind", None) for a in (p, q)]
    if not all(kind in ("i", "u") for kind in kinds) or np.ndim(p) != 1 or np.ndim(q) != 1:
        return p, q
    if min(p.shape[0], q.shape[0]) == 0 or isinstance(p, np.ma.MaskedArray):
        return p, q
    # In two halves, which floats hold.
    half = 8 * min(p.dtype.itemsize, q.dtype.itemsize) // 2
    low = (1 << half) - 1
    if is_known(p, q):
        p, q = np.asarray(p), np.asarray(q)
    to_float: Any = np.float64 if is_known(p, q) else float

    def moved(a: Any) -> Any:
        upper = (a >> half).astype(to_float) - (p[0] >> half).astype(to_float)
        lower = (a & low).astype(to_float) - (p[0] & low).astype(to_float)
        return upper * float(1 << half) + lower

    return (moved(p), moved(q)) if p.dtype == q.dtype else (p, q)
