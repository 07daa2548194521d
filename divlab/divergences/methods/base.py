"""What every method is: options, and how it computes an f-divergence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import jax
import numpy as np

from divlab.divergences.inputs import Samples
from divlab.divergences.integrals.arrays import Array, is_known, precision

if TYPE_CHECKING:
    from divlab.divergences.families import Family
    from divlab.divergences.integrals.packed import Packed


class OfDistributions:
    """A method that needs the densities of P and Q.

    A subclass under `pytree` has its options as fields, a `name`, and `f_divergence`.
    """

    name: ClassVar[str]

    @classmethod
    def exists(cls, family: Family, p: Packed, q: Packed) -> bool:
        """Whether the method can compute this divergence of these distributions."""
        return True

    def f_divergence(
        self, family: Family, p: Packed, q: Packed, names: tuple[str, str]
    ) -> jax.Array:
        """D_f(P‖Q); `names` are those of the arguments, for messages."""
        raise NotImplementedError(f"{type(self).__name__} defines no f_divergence.")


class OfSamples:
    """A method that needs nothing but samples of P and Q.

    A subclass under `pytree` has its options as fields, a `name`, and `f_divergence`.
    """

    name: ClassVar[str]
    fewest: ClassVar[int] = 2  # samples of P, and of Q, that it can do with
    is_costly: ClassVar[bool] = False  # whether time grows faster than the number of samples

    def f_divergence(self, family: Family, x: Array, y: Array) -> Array:
        """An estimate of D_f(P‖Q) from sorted samples, no two of which are equal.

        They are arrays of NumPy where they are known and of JAX where they are traced.
        """
        raise NotImplementedError(f"{type(self).__name__} defines no f_divergence.")

    def check(self, label: str, family: Family | None, **arguments: Samples) -> None:
        """Refuses, by the name of the argument, samples that have no density to estimate."""
        for name, argument in arguments.items():
            size = argument.values.shape[0]
            need = max(self.fewest, (getattr(self, "k", None) or 0) + 1)
            if size < need:
                raise ValueError(
                    f"{name} has {size} samples, too few for {self.name}; {need} or more are "
                    "needed."
                )
            if is_known(argument.values):
                self._check_values(name, np.asarray(argument.values))

    def _check_values(self, name: str, values: np.ndarray) -> None:
        low, high = float(values.min()), float(values.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            raise ValueError(f"{name} holds infinite samples, which {self.name} cannot take.")
        if low == high:
            raise ValueError(
                f"{name} holds {values.size} samples that are all {low:g}: they have no density "
                "to estimate."
            )
        limits = np.finfo(precision())
        if not float(limits.tiny) <= high - low <= float(limits.max):
            raise ValueError(
                f"{name} spans {high - low:g}, more or less than the differences that "
                f"{limits.dtype} can hold; rescale p and q by one factor."
            )


def need_positive(name: str, value: Any) -> None:
    """Refuses what is not a positive number; a traced one is taken on trust."""
    if not is_known(value):
        return
    if isinstance(value, str | bytes | bool) or np.ndim(value) != 0 or np.iscomplexobj(value):
        raise TypeError(f"{name} must be a positive number, got {value!r}.")
    try:
        positive = 0 < float(value) < float("inf")
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a positive number, got {value!r}.") from None
    if not positive:
        raise ValueError(f"{name} must be a positive number, got {value!r}.")
