"""How distances change with the densities, to first order: as sums over nodes with weights.

Each distance has for either distribution a function that its density is weighed by, such as the
potentials of Kantorovich. Where the numbers are known the sums change on the host, where they are
traced within one program.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from divlab.divergences.integrals import cumulative as lines
from divlab.divergences.integrals.arrays import Array, fixed, integrating_on_host
from divlab.divergences.integrals.cumulative import Line
from divlab.divergences.integrals.derivatives import change_by_potentials, weighted_sums
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.integrals.panels import own_ends
from divlab.divergences.integrals.refinement import KRONROD, limits


class Weights(NamedTuple):
    """What a density is weighed by: at the nodes, and at the first point of each limit.

    `slope` is how the former change with x. At a limit it is the share of `evaluate`, times the
    weight there.
    """

    at_nodes: Array
    slope: Array
    at_limits: Array

    def opposite(self) -> "Weights":
        """The same weights with the other sign."""
        return Weights(*(-a for a in self))


def change_on_host(
    line: Line,
    weights: Sequence[Weights],
    distributions: tuple[Packed, ...],
    tangents: tuple[Any, ...],
) -> jax.Array:
    """The change of a distance of known distributions, with the weights of each."""
    with integrating_on_host():
        mass, at = KRONROD * line.slope, limits(line.panels)
        none = np.zeros(at.x.shape[0])
        rows = [
            np.concatenate([(mass * of.at_nodes).ravel(), of.at_limits, none]) for of in weights
        ]
        rises = [np.concatenate([(mass * of.slope).ravel(), none, none]) for of in weights]
        own = own_ends(*distributions)
        sums = weighted_sums(
            line.panels, line.pieces, line.x, at, np.stack(rows), np.stack(rises), own=own
        )
    return change_by_potentials(distributions, tangents, sums)


def traced_changes(
    line: Line,
    distances: Sequence[Sequence[Weights]],
    distributions: tuple[Packed, ...],
    tangents: tuple[Any, ...],
) -> list[Array]:
    """The change of each of some distances, with the weights of each distribution."""

    def sums(*distributions: Packed) -> list[Array]:
        totals = [jnp.zeros(()) for _ in distances]
        for index, distribution in enumerate(distributions):
            x, mass, panels = lines.moved(line, distributions, index)
            points = jnp.concatenate([x.ravel(), limits(panels).x[:, 0]])
            (density,) = lines.densities(distribution)(points)
            inside, near = mass * density[: x.size].reshape(x.shape), density[x.size :]
            for i, weights in enumerate(distances):
                at_nodes, slope, at_limits = weights[index]
                along = at_nodes + slope * (x - fixed(x))
                totals[i] += jnp.sum(inside * along) + jnp.sum(near * at_limits)
        return totals

    changes: list[Array] = jax.jvp(sums, distributions, tangents)[1]
    return changes
