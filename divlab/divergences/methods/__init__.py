"""The ways to compute a divergence, to be passed as `method=` by name or with their options.

Example:
    >>> import divlab
    >>> from divlab.methods import NearestNeighbours
    >>> float(divlab.kl([0.0, 1.0, 2.0, 4.0], [0.5, 1.5, 3.0], method=NearestNeighbours(k=1)))
    0.0
"""

from collections.abc import Sequence
from typing import Any

from divlab.divergences.methods.base import OfDistributions, OfSamples
from divlab.divergences.methods.closed_form import ClosedForm
from divlab.divergences.methods.histogram import Histogram
from divlab.divergences.methods.kernel_density import KDE
from divlab.divergences.methods.monte_carlo import MonteCarlo
from divlab.divergences.methods.nearest_neighbours import NearestNeighbours
from divlab.divergences.methods.quadrature import Quadrature
from divlab.divergences.methods.variational import Variational

# By name. Of those that exist for some arguments, the first is the default.
METHODS: dict[str, type[OfDistributions] | type[OfSamples]] = {
    method.name: method
    for method in (
        ClosedForm, Quadrature, MonteCarlo, NearestNeighbours, Histogram, KDE, Variational
    )
}  # fmt: skip


def choose(label: str, method: Any, known: Sequence[str], of: str) -> Any:
    """The method object; by default the first of those known.

    Args:
        label: what is computed, for messages.
        method: None, a name or an object.
        known: the names of the methods that exist.
        of: what P and Q are, for messages.

    Raises:
        ValueError: the method is none of these.

    Example:
        >>> from divlab.methods import choose
        >>> choose("kl", "kde", ["nearest_neighbours", "kde"], "samples").name
        'kde'
    """
    if method is None:
        return METHODS[known[0]]()
    if isinstance(method, str) and method in METHODS:
        method = METHODS[method]()
    name = getattr(method, "name", method)
    if isinstance(method, str | type) or name not in known:
        raise ValueError(
            f"method {name!r} does not exist for {label} of {of}; those that do: "
            f"{', '.join(known)}."
        )
    return method


__all__ = [
    "KDE",
    "METHODS",
    "ClosedForm",
    "Histogram",
    "MonteCarlo",
    "NearestNeighbours",
    "OfDistributions",
    "OfSamples",
    "Quadrature",
    "Variational",
    "choose",
]
