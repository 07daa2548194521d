"""Checks that GANs and VAEs share."""

import dataclasses
import operator

from divlab.divergences.arguments import is_concrete, read_number
from divlab.models.networks import ACTIVATIONS


def choose_objective(objective, table: dict, base: type, learning_rate):
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
        objective = dataclasses.replace(objective, learning_rate=learning_rate)
    for field in dataclasses.fields(objective):
        value = getattr(objective, field.name)
        if isinstance(value, (bool, str)) or not is_concrete(value):
            continue
        if field.metadata.get("static"):
            check_count(field.name, value)
        else:
            positive = {"low": 0.0, "high": float("inf"), "closed": False}
            read_number(field.name, value, **positive, need="positive and finite")
    return objective


def check_architecture(model) -> tuple[int, ...]:
    """The hidden widths as a tuple, once they, the latent dimension and the activation are right."""
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
