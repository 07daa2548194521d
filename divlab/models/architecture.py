"""Checks of what a user passes: settings that GANs and VAEs share, counts and keys."""

import dataclasses
import operator
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from divlab.divergences.arguments import read_number
from divlab.models.networks import ACTIVATIONS


def choose_objective(objective: Any, table: dict, base: type, learning_rate):
    """The objective a name stands for, or the object itself, with its numbers checked."""
    if isinstance(objective, str):
        if objective not in table:
            raise ValueError(
                f"objective {objective!r} is not known; known are {', '.join(sorted(table))}."
            )
        objective = table[objective]
    if not isinstance(objective, base):
        raise TypeError(
            f"objective must be one of the names {', '.join(sorted(table))} or an object of "
            f"divlab.objectives, got {objective!r}."
        )
    if learning_rate is not None:
        objective = dataclasses.replace(cast(Any, objective), learning_rate=learning_rate)
    for field in dataclasses.fields(objective):
        value = getattr(objective, field.name)
        if field.metadata.get("static"):
            if not isinstance(value, (bool, str)):
                check_count(field.name, value)
        else:
            infinity, need = float("inf"), "positive and finite"
            read_number(field.name, value, low=0.0, high=infinity, closed=False, need=need)
    return objective


def check_architecture(model) -> tuple[int, ...]:
    """The hidden widths as a tuple, once the rest of the architecture is right too."""
    check_count("latent_dim", model.latent_dim)
    if model.activation not in ACTIVATIONS:
        raise ValueError(
            f"activation {model.activation!r} is not known; known are {', '.join(ACTIVATIONS)}."
        )
    if isinstance(model.hidden, (int, str)):
        raise TypeError(f"hidden must be a sequence of widths, as (32, 32), got {model.hidden!r}.")
    return tuple(check_count("hidden", width) for width in model.hidden)


def check_count(name: str, value) -> int:
    """A whole number of at least 1."""
    try:
        count = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, got {value!r}.") from None
    if isinstance(value, bool) or count < 1:
        raise ValueError(f"{name} must be at least 1, got {value!r}.")
    return count


def read_key(name: str, key) -> jax.Array:
    """A typed key from an int, a typed key or an old-style one."""
    if isinstance(key, (jax.Array, np.ndarray, np.integer)):
        key = jnp.asarray(key)
        if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) and key.ndim == 0:
            return key
        if key.dtype == jnp.uint32 and key.shape == (2,):
            return jax.random.wrap_key_data(key)
        if jnp.issubdtype(key.dtype, jnp.integer) and key.ndim == 0:
            return jax.random.key(key)
    elif isinstance(key, int) and not isinstance(key, bool):
        return jax.random.key(key)
    raise TypeError(f"{name} must be an int or a JAX key, got {key!r}.")
