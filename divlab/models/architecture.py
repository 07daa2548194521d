"""What GANs and VAEs share: checks of their settings, and the optimizer."""

import dataclasses
import sys
from typing import Any, cast

import optax

from divlab.checks import check_count
from divlab.divergences.arguments import read_number
from divlab.networks import ACTIVATIONS


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
        elif field.name == "learning_rate":
            infinity, need = float("inf"), "positive and finite"
            read_number(field.name, value, low=0.0, high=infinity, closed=False, need=need)
        elif field.name != "family":
            largest, need = sys.float_info.max, "0 or above, and finite"
            read_number(field.name, value, low=0.0, high=largest, closed=True, need=need)
    return objective


def check_architecture(model) -> tuple[int, ...]:
    """The hidden widths as a tuple, once the rest of the architecture is right too."""
    check_count("latent_dim", model.latent_dim)
    check_count("data_dim", model.data_dim)
    if model.activation not in ACTIVATIONS:
        raise ValueError(
            f"activation {model.activation!r} is not known; known are {', '.join(ACTIVATIONS)}."
        )
    if isinstance(model.hidden, (int, str)):
        raise TypeError(f"hidden must be a sequence of widths, as (32, 32), got {model.hidden!r}.")
    return tuple(check_count("hidden", width) for width in model.hidden)


def optimizer_of(objective) -> optax.GradientTransformation:
    """The objective's optimizer, of all parameters as one vector: a smaller, faster program."""
    return optax.flatten(objective.optimizer())
