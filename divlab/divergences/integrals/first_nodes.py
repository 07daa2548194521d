"""Where every integral of the same known distributions begins, and their log densities there."""

from typing import NamedTuple

import jax
import numpy as np

from divlab.divergences.integrals.arrays import fill
from divlab.divergences.integrals.known import Known
from divlab.divergences.integrals.outlines import outline
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.integrals.panels import Panels, cut_line
from divlab.divergences.integrals.refinement import Limits, Pieces, nodes, start
from divlab.divergences.integrals.remembered import remembered


class FirstNodes(NamedTuple):
    """The pieces to begin with, their nodes x with dx/dt, and the log densities of each at them.

    The log densities are those at the nodes and then at the limits, filled up.
    """

    panels: Panels
    pieces: Pieces
    at: Limits
    x: np.ndarray
    slope: np.ndarray
    logs: list[jax.Array]


@remembered
def first_nodes(cuts: np.ndarray, *distributions: Packed) -> FirstNodes:
    """Those of known distributions on the line that is cut at `cuts` as well, on the host."""
    panels = cut_line([outline(d) for d in distributions], cuts)
    pieces, at = start(panels)
    x, slope = nodes(panels, pieces)
    points = fill(np.concatenate([x.ravel(), at.x.ravel()]), x[0, 0])
    logs = [Known(d).on_device(points) for d in distributions]
    return FirstNodes(panels, pieces, at, x, slope, logs)
