"""The ways to compute a divergence, to be passed as `method=` with their options.

Example:
    >>> import divlab
    >>> from divlab.methods import NearestNeighbours
    >>> float(divlab.kl([0.0, 1.0, 2.0, 4.0], [0.5, 1.5, 3.0], method=NearestNeighbours(k=1)))
    0.0
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class ClosedForm:
    """A formula for these types of distributions, exact to rounding."""

    name = "closed_form"


@dataclass(frozen=True)
class Quadrature:
    """Integration over the line for any two distributions, near rounding error."""

    name = "quadrature"


@dataclass(frozen=True)
class NearestNeighbours:
    """Estimates from two samples by distances to the k-th nearest neighbour.

    Attributes:
        k: which neighbour; larger is smoother. None takes 5 for entropies and KL, which are
            unbiased to first order at any k, and the square root of the sample size, at least 5,
            for JS and total variation, whose counts need many neighbours.
    """

    k: int | None = None
    name = "nearest_neighbours"

    def __post_init__(self):
        """Refuses a k that is not a positive integer."""
        if self.k is not None and (not isinstance(self.k, int) or self.k < 1):
            raise ValueError(f"k must be a positive integer or None, got {self.k!r}.")


METHODS = {method.name: method for method in (ClosedForm, Quadrature, NearestNeighbours)}

__all__ = ["METHODS", "ClosedForm", "NearestNeighbours", "Quadrature"]
