"""Frozen dataclasses whose numbers are leaves of a pytree: a new value is not a new program."""

import dataclasses
from typing import Any, dataclass_transform

import jax
import jax.numpy as jnp


def setting(default) -> Any:
    """A field that shapes the program (a count, a name); another value compiles again."""
    return dataclasses.field(default=default, metadata={"static": True})


@dataclass_transform(frozen_default=True)
def record(cls):
    """Makes `cls` a frozen dataclass and a pytree; fields made by `setting` are not leaves."""
    cls = dataclasses.dataclass(frozen=True)(cls)
    fields = dataclasses.fields(cls)
    leaves = [f.name for f in fields if not f.metadata.get("static")]
    static = [f.name for f in fields if f.metadata.get("static")]

    def flatten(self):
        return [getattr(self, n) for n in leaves], tuple(getattr(self, n) for n in static)

    def unflatten(values_of_static, values):
        self = object.__new__(cls)  # JAX's placeholders must not be checked as a user's values are
        for name, value in [
            *zip(leaves, values, strict=True),
            *zip(static, values_of_static, strict=True),
        ]:
            object.__setattr__(self, name, value)
        return self

    jax.tree_util.register_pytree_node(cls, flatten, unflatten)
    return cls


def as_arrays(tree):
    """Every number as a floating array, so that 1, 1.0 and np.float64(1) run the same program."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, float), tree)
