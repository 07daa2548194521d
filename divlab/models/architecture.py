"""What GANs and VAEs share: the checks of their settings."""

import dataclasses
import sys
from collections.abc import Mapping
from typing import Any, Protocol, TypeVar, runtime_checkable

from divlab.checks import check_count
from divlab.divergences.inputs import read_number
from divlab.networks import ACTIVATIONS
from divlab.pytrees import Number, is_setting

Objective = TypeVar("Objective")


@runtime_checkable
class Architecture(Protocol):
    """The sizes of a model's networks."""

    @property
    def hidden(self) -> tuple[int, ...]:
        """Widths of the hidden layers."""

    @property
    def latent_dim(self) -> int:
        """The dimension of z."""

    @property
    def data_dim(self) -> int:
        """The dimension of x."""

    @property
    def activation(self) -> str:
        """A name in `divlab.networks.ACTIVATIONS`."""


def choose_objective(
    objective: Any,
    table: Mapping[str, Objective],
    base: type[Objective],
    learning_rate: Number | None = None,
) -> Objective:
    """The objective a name stands for, or the object itself, with its numbers checked.

    Args:
        objective: a name in `table`, or an object of a class that derives from `base`.
        table: name to objective.
        base: the class of all objectives of this kind of model.
        learning_rate: replaces the objective's own, unless it is None.

    Raises:
        TypeError, ValueError: a name that is not in `table`, an object of another class, or a
            number out of its range.
    """
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
    chosen: Any = objective
    if learning_rate is not None:
        chosen = dataclasses.replace(chosen, learning_rate=learning_rate)
    for field in dataclasses.fields(chosen):
        value = getattr(chosen, field.name)
        if is_setting(field):
            if not isinstance(value, (bool, str)):
                check_count(field.name, value)
        elif field.name == "learning_rate":
            infinity, need = float("inf"), "positive and finite"
            read_number(field.name, value, low=0.0, high=infinity, closed=False, need=need)
        elif field.name != "family":
            largest, need = sys.float_info.max, "0 or above, and finite"
            read_number(field.name, value, low=0.0, high=largest, closed=True, need=need)
    checked: Objective = chosen
    return checked


def check_architecture(model: Architecture) -> tuple[int, ...]:
    """The hidden widths as a tuple, once the rest of the architecture is right too.

    Raises:
        TypeError, ValueError: a width or dimension that is not a whole number of at least 1, or an
            activation that is not known.
    """
    check_count("latent_dim", model.latent_dim)
    check_count("data_dim", model.data_dim)
    if model.activation not in ACTIVATIONS:
        raise ValueError(
            f"activation {model.activation!r} is not known; known are {', '.join(ACTIVATIONS)}."
        )
    return check_hidden(model.hidden)


def check_hidden(hidden: Any) -> tuple[int, ...]:
    """The widths of hidden layers as a tuple.

    Raises:
        TypeError, ValueError: it is no sequence, or a width is not a whole number of at least 1.
    """
    if isinstance(hidden, (int, str)):
        raise TypeError(f"hidden must be a sequence of widths, as (32, 32), got {hidden!r}.")
    return tuple(check_count("hidden", width) for width in hidden)
