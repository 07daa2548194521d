"""Frozen dataclasses whose numbers are leaves of a pytree: a new value is not a new program."""

import dataclasses
from collections.abc import Iterable
from typing import Any, TypeAlias, TypeVar, dataclass_transform

import jax
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import NDArray

T = TypeVar("T")

# A field that is a leaf: a number as the user gave it, or an array of shape () in its place.
Number: TypeAlias = int | float | np.number[Any] | Float[Array, ""] | Float[np.ndarray, ""]


def setting(default: Any) -> Any:
    """A field that shapes the program (a count, a name); another value compiles again."""
    return dataclasses.field(default=default, metadata={"static": True})


def is_setting(field: dataclasses.Field[Any]) -> bool:
    """Whether a field was made by `setting`, so that it is not a leaf."""
    return bool(field.metadata.get("static"))


@dataclass_transform(frozen_default=True)
def pytree(cls: type[T]) -> type[T]:
    """Makes `cls` a frozen dataclass and a pytree. Fields made by `setting` are not leaves."""
    cls = dataclasses.dataclass(frozen=True)(cls)
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]  # the line above made it one
    leaves = [f.name for f in fields if not is_setting(f)]
    static = [f.name for f in fields if is_setting(f)]

    def flatten(self: T) -> tuple[list[Any], tuple[Any, ...]]:
        return [getattr(self, n) for n in leaves], tuple(getattr(self, n) for n in static)

    def unflatten(values_of_static: Iterable[Any], values: Iterable[Any]) -> T:
        # JAX builds objects from placeholders, which must not be checked as a user's values are.
        self = object.__new__(cls)
        for name, value in [
            *zip(leaves, values, strict=True),
            *zip(static, values_of_static, strict=True),
        ]:
            object.__setattr__(self, name, value)
        return self

    jax.tree_util.register_pytree_node(cls, flatten, unflatten)
    return cls


def as_arrays(tree: T) -> T:
    """Every number as a floating array, so that 1, 1.0 and np.float64(1) run the same program."""
    arrays: T = jax.tree.map(_as_array, tree)
    return arrays


def _as_array(leaf: Any) -> Array | NDArray[Any]:
    dtype = jax.dtypes.canonicalize_dtype(float)
    return leaf.astype(dtype) if isinstance(leaf, jax.Array) else np.asarray(leaf, dtype)
