"""Where two known densities cross: |p - q| has a kink there, which nodes may miss."""

import numpy as np
from jaxtyping import Float

from divlab.divergences.integrals.arrays import integrating_on_host
from divlab.divergences.integrals.known import log_densities
from divlab.divergences.integrals.outlines import outline
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.integrals.panels import cut_line
from divlab.divergences.integrals.refinement import Pieces, nodes

_TRIES = 2  # each of which squares the error, in shares of the distance between two nodes


def crossings(p: Packed, q: Packed) -> Float[np.ndarray, " n"]:
    """The points between nodes of the line at which p = q, by the rule of false position."""
    with integrating_on_host():
        panels = cut_line([outline(p), outline(q)])
        x = np.unique(nodes(panels, Pieces(*panels.pieces()))[0])
        logs = log_densities(p, q)

        def difference(x: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
            log_p, log_q = logs(x)
            apart: np.ndarray = log_p - log_q
            return apart

        found = difference(x)
        at = np.flatnonzero(np.isfinite(found[:-1] * found[1:]) & (found[:-1] * found[1:] < 0))
        low, high, before, after = x[at], x[at + 1], found[at], found[at + 1]
        cuts = low
        for _ in range(_TRIES):
            cuts = low + (high - low) * before / (before - after)
            there = difference(cuts)
            is_before = there * before > 0
            low, before = np.where(is_before, cuts, low), np.where(is_before, there, before)
            high, after = np.where(is_before, high, cuts), np.where(is_before, after, there)
        steps = before / np.where(before == after, 1.0, before - after)
        points: np.ndarray = low + (high - low) * steps
        return points
