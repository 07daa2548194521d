"""What every method is: options, and how it computes an f-divergence."""

from functools import partial
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Array, Float

from divlab.divergences.families import Family
from divlab.divergences.inputs import AnyArray, Samples
from divlab.divergences.integrals import arrays
from divlab.divergences.integrals.arrays import (
    compiled_if_traced,
    integrating_on_host,
    is_known,
    namespace,
    on_device,
    precision,
    unless_nan,
)
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.methods.samples import ordered


class OfDistributions:
    """A method that needs the densities of P and Q.

    A subclass under `pytree` has its options as fields, a `name`, and `f_divergence`.

    Example:
        >>> from divlab.methods import METHODS, OfDistributions
        >>> [name for name, method in METHODS.items() if issubclass(method, OfDistributions)]
        ['closed_form', 'quadrature', 'monte_carlo']
    """

    name: ClassVar[str]

    @classmethod
    def exists(cls, family: Family, p: Packed, q: Packed) -> bool:
        """Whether the method can compute this divergence of these distributions."""
        return True

    def f_divergence(
        self, family: Family, p: Packed, q: Packed, names: tuple[str, str]
    ) -> Float[Array, ""]:
        """D_f(P‖Q); `names` are those of the arguments, for messages."""
        raise NotImplementedError(f"{type(self).__name__} defines no f_divergence.")


class OfSamples:
    """A method that needs nothing but samples of P and Q.

    A subclass under `pytree` has its options as fields, a `name`, and `f_divergence`.

    Example:
        >>> from divlab.methods import METHODS, OfSamples
        >>> [name for name, method in METHODS.items() if issubclass(method, OfSamples)]
        ['nearest_neighbours', 'histogram', 'kde', 'variational']
    """

    name: ClassVar[str]
    fewest: ClassVar[int] = 2  # samples of P, and of Q, that it can do with
    is_costly: ClassVar[bool] = False  # whether time grows faster than the number of samples

    def f_divergence(
        self, family: Family, x: Float[AnyArray, " n"], y: Float[AnyArray, " m"]
    ) -> arrays.Array:
        """An estimate of D_f(P‖Q) from sorted samples, no two of which are equal.

        They are arrays of NumPy where they are known and of JAX where they are traced. The estimate
        need not lie in the range of the divergence.
        """
        raise NotImplementedError(f"{type(self).__name__} defines no f_divergence.")

    def terms(
        self, family: Family, x: Float[AnyArray, " n"], y: Float[AnyArray, " m"]
    ) -> tuple[arrays.Array, ...]:
        """Estimates, from such samples, of terms of 0 or more whose sum is D_f(P‖Q)."""
        return (self.f_divergence(family, x, y),)

    def of_samples(
        self, family: Family, p: Samples, q: Samples, names: tuple[str, str]
    ) -> Float[Array, ""]:
        """An estimate of D_f(P‖Q), in the range of the divergence, from samples in any order.

        `names` are those of the arguments, for messages.
        """
        look = partial(self.look, family, names)
        return on_device(_in_range(family, *ordered(p.values, q.values, look=look), self))

    def uncut(
        self, family: Family, x: Float[np.ndarray, " n"], y: Float[np.ndarray, " m"]
    ) -> float:
        """The same of samples that are known, before it is cut to the range of the divergence."""
        with integrating_on_host():
            return float(self.f_divergence(family, *ordered(x, y)))

    def look(
        self, family: Family | None, names: tuple[str, ...], *samples: Float[np.ndarray, " _"]
    ) -> None:
        """Warns of samples, given in order, from which the estimate may be far off."""

    def check(self, label: str, family: Family | None, **arguments: Samples) -> None:
        """Refuses, by the name of the argument, samples that have no density to estimate.

        Args:
            label: what is computed, for messages.
            family: the row, if an f-divergence is computed.
            arguments: name of the argument to its samples.

        Raises:
            ValueError: there are too few samples, or they are infinite, all equal, or too close
                together or far apart for floating point.
        """
        for name, argument in arguments.items():
            size = argument.values.shape[0]
            need = self.needs()
            if size < need:
                raise ValueError(
                    f"{name} has {size} samples, too few for {self.name}; {need} or more are "
                    "needed."
                )
            if is_known(argument.values):
                self._check_values(name, np.asarray(argument.values))

    def needs(self) -> int:
        """How many samples of P, and of Q, the method needs with its options."""
        return self.fewest

    def _check_values(self, name: str, values: Float[np.ndarray, " n"]) -> None:
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


@compiled_if_traced()
def _in_range(
    family: Family, x: Float[AnyArray, " n"], y: Float[AnyArray, " m"], method: OfSamples
) -> arrays.Array:
    terms = method.terms(family, x, y)
    value = sum(namespace(term).maximum(term, 0.0) for term in terms)
    return unless_nan(namespace(value).minimum(value, family.limit), x, y)


def need_positive(name: str, value: Any) -> None:
    """Refuses what is not a positive number; a traced one is taken on trust.

    Raises:
        TypeError: it is no number.
        ValueError: it is not positive and finite.
    """
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
