"""What was found of known distributions not long ago, found again by their numbers.

A pair is seldom asked for one divergence alone, and what depends on the pair, and not on the
divergence, need not be computed again for the next one.
"""

from collections.abc import Callable
from functools import cached_property, lru_cache, wraps
from typing import Any, TypeVar, cast

import jax
import numpy as np

from divlab.divergences.integrals.arrays import asked_precision
from divlab.divergences.integrals.packed import Packed

_PAIRS = 32  # that are remembered, each in some 40 kB
_MOST = 1000  # numbers of a distribution; with more of them, to look them up costs time and memory

Function = TypeVar("Function", bound=Callable[..., Any])


class _Call:
    """Arguments that are equal to others with the same numbers."""

    def __init__(self, arguments: tuple[Packed | np.ndarray, ...]):
        self.arguments = arguments
        flat = [
            a.exact_numbers_and_structure() if isinstance(a, Packed) else ([a], None)
            for a in arguments
        ]
        self.arrays = [np.asarray(number) for numbers, _ in flat for number in numbers]
        self.structures = tuple(structure for _, structure in flat)

    @cached_property
    def content(self) -> tuple[Any, ...]:
        numbers = tuple((a.dtype.char, a.shape, a.tobytes()) for a in self.arrays)
        return asked_precision(), self.structures, numbers

    def __hash__(self) -> int:
        return hash(self.content)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Call) and self.content == other.content


def remembered(function: Function) -> Function:
    """A function of known distributions and arrays of NumPy that does not compute twice in a row.

    The arrays that it returns are shared, and cannot be written to.
    """

    @lru_cache(maxsize=_PAIRS)
    def of_call(call: _Call) -> Any:
        found = function(*call.arguments)
        for array in jax.tree.leaves(found):
            if isinstance(array, np.ndarray):
                array.flags.writeable = False
        return found

    @wraps(function)
    def of_arguments(*arguments: Packed | np.ndarray) -> Any:
        call = _Call(arguments)
        if sum(array.size for array in call.arrays) > _MOST:
            return function(*arguments)
        return of_call(call)

    return cast(Function, of_arguments)
