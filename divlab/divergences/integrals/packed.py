"""A numpyro distribution as JAX's transformations need it: leaves in a fixed order, all floats."""

from functools import cached_property, lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from numpyro.distributions import Distribution

_EXACT = np.dtype(np.float64)


@jax.tree_util.register_pytree_node_class
class Packed:
    """A numpyro distribution as a pytree with a fixed order of leaves and float leaves only.

    numpyro lists the parameters of a distribution in the order of a Python set, so the order, and
    with it the compiled program, differs between processes: a program kept on disk would be found
    again only by luck. `Packed` sorts the parameters by name, and turns Python numbers into
    arrays so that `Normal(0, 1)` and `Normal(0.5, 2.0)` run the same program.
    """

    def __init__(self, distribution: Distribution):
        """Wraps `distribution`, without a copy."""
        self.distribution = distribution
        # By the dtype of floats: its own level alone, and all levels.
        self._flat: dict[Any, tuple[Any, ...]] = {}
        self._all: dict[Any, tuple[list[Any], Any]] = {}

    def numbers_and_structure(self) -> tuple[list[Any], Any]:
        """All parameters, with those of components, and the structure of which they are leaves."""
        dtype = jax.dtypes.canonicalize_dtype(float)
        if dtype not in self._all:
            self._all[dtype] = jax.tree.flatten(self)
        return self._all[dtype]

    def exact_numbers_and_structure(self) -> tuple[list[Any], Any]:
        """The same with 64 bits."""
        if _EXACT not in self._all:
            with jax.enable_x64(True):
                self.numbers_and_structure()
        return self._all[_EXACT]

    @cached_property
    def is_known(self) -> bool:
        """Whether no parameter is traced."""
        numbers, _ = self.exact_numbers_and_structure()
        return not any(isinstance(number, jax.core.Tracer) for number in numbers)

    def tree_flatten(self) -> tuple[Any, ...]:
        """The parameters sorted by name, and what rebuilds the distribution from them."""
        dtype = jax.dtypes.canonicalize_dtype(float)
        if dtype not in self._flat:
            parameters = self.distribution.__dict__
            kind: Any = type(self.distribution)
            names, others = _fields(kind)
            leaves = [_packed(parameters.get(name)) for name in names]
            aux = tuple((name, parameters.get(name)) for name in others)
            self._flat[dtype] = leaves, (kind, names, aux)
        return self._flat[dtype]

    @classmethod
    def tree_unflatten(cls, structure: tuple[Any, ...], leaves: Any) -> "Packed":
        """The inverse of `tree_flatten`."""
        kind, names, aux = structure
        # A leaf may be a placeholder of JAX's own while it inspects a tree, hence the type test.
        by_name = {
            name: jax.tree.map(
                lambda leaf: leaf.distribution if isinstance(leaf, Packed) else leaf,
                value,
                is_leaf=lambda leaf: isinstance(leaf, Packed),
            )
            for name, value in zip(names, leaves, strict=True)
        }
        aux = dict(aux)
        return cls(
            kind.tree_unflatten(
                tuple(aux.get(name) for name in kind.gather_pytree_aux_fields()),
                tuple(by_name[name] for name in kind.gather_pytree_data_fields()),
            )
        )


@lru_cache
def _fields(kind: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of a type's parameters, and of what else it must remember, each sorted."""
    data, others = kind.gather_pytree_data_fields(), kind.gather_pytree_aux_fields()
    return tuple(sorted(data)), tuple(sorted(set(others)))


def _packed(value: Any) -> Any:
    if isinstance(value, Distribution | np.ndarray | jax.Array | float):
        return _pack_leaf(value)  # as the map below does, in a third of the time
    return jax.tree.map(_pack_leaf, value, is_leaf=_is_distribution)


def _is_distribution(value: Any) -> bool:
    return isinstance(value, Distribution)


def _pack_leaf(value: Any) -> Any:
    if isinstance(value, Distribution):
        return Packed(value)
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jnp.floating):
        dtype = jax.dtypes.canonicalize_dtype(float)
        if dtype.itemsize > value.dtype.itemsize and not isinstance(value, jax.core.Tracer):
            return np.asarray(value, dtype)
        # An array with a weak type would run another program.
        return lax.convert_element_type(value, value.dtype) if value.weak_type else value
    if isinstance(value, bool | np.bool_):
        return np.asarray(value)
    if isinstance(value, int | float):
        return np.asarray(value, jax.dtypes.canonicalize_dtype(float))
    if isinstance(value, np.ndarray | np.generic | jax.Array) and value.dtype.kind in "iuf":
        kind = value.dtype if value.dtype.kind == "f" else float
        return value.astype(jax.dtypes.canonicalize_dtype(kind))
    return value
