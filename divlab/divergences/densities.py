"""Kept until every importer has moved to `integrals`."""

from divlab.divergences.integrals.densities import log_density, support_bounds
from divlab.divergences.integrals.outlines import outline, support_ends
from divlab.divergences.integrals.packed import Packed

__all__ = ["Packed", "landmarks", "log_density", "support_bounds", "support_ends"]


def landmarks(distribution):
    """The landmarks of a distribution."""
    return outline(Packed(distribution)).landmarks
