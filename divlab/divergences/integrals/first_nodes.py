"""Where every integral of the same known distributions begins, and their log densities there."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from divlab.divergences.integrals.arrays import fill
from divlab.divergences.integrals.known import Known
from divlab.divergences.integrals.outlines import outline
from divlab.divergences.integrals.overflow import ended_by_overflow, has_overflowed
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.integrals.panels import Panels, cut_line
from divlab.divergences.integrals.refinement import Limits, Pieces, nodes, start
from divlab.divergences.integrals.remembered import remembered


class FirstNodes(NamedTuple):
    """The pieces to begin with, their nodes x with dx/dt, and the log densities of each at them.

    The log densities are those at the nodes and then at the limits, filled up. `untold` says of
    each limit whether floating point ends before functions have fallen to nothing there.
    """

    panels: Panels
    pieces: Pieces
    at: Limits
    x: np.ndarray
    slope: np.ndarray
    logs: list[jax.Array]
    untold: np.ndarray


@remembered
def first_nodes(cuts: np.ndarray, *distributions: Packed) -> FirstNodes:
    """Those of known distributions on the line that is cut at `cuts` as well, on the host."""
    densities = [Known(d).on_device for d in distributions]
    panels = cut_line([outline(d) for d in distributions], cuts)
    first = _on(panels, densities)
    if not any(has_overflowed(np.asarray(log)).any() for log in first.logs):
        return first
    panels, falling = ended_by_overflow(panels, *distributions)
    return _on(panels, densities)._replace(untold=np.isin(panels.at_limits, falling))


def _on(panels: Panels, densities: Sequence[Callable[..., Any]]) -> FirstNodes:
    pieces, at = start(panels)
    x, slope = nodes(panels, pieces)
    points = fill(np.concatenate([x.ravel(), at.x.ravel()]), x[0, 0])
    logs = [of(points) for of in densities]
    return FirstNodes(panels, pieces, at, x, slope, logs, np.zeros(at.used.shape, bool))
