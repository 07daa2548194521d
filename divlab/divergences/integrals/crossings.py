"""Where two densities cross: |p - q| has a kink there, which nodes may miss."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from divlab.divergences.integrals.arrays import (
    Array,
    compiled_if_traced,
    is_known,
    namespace,
    on_host,
)
from divlab.divergences.integrals.first_nodes import first_nodes
from divlab.divergences.integrals.known import log_densities
from divlab.divergences.integrals.outlines import outline
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.integrals.panels import cut_line
from divlab.divergences.integrals.refinement import nodes, start
from divlab.divergences.integrals.remembered import remembered
from divlab.divergences.integrals.roots import root

_AT_MOST = 8  # crossings of traced densities; a refinement comes near to further ones


def crossings(p: Packed, q: Packed) -> Float[Any, " n"]:
    """The points between nodes of the line at which p = q.

    Of traced distributions there are always the same number; in place of those that do not exist
    stands a point where the line is cut anyway. They carry no gradient.
    """
    return _of_known(p, q) if is_known(p, q) else _without_gradient(p, q)


@remembered
def _of_known(p: Packed, q: Packed) -> np.ndarray:
    points: np.ndarray = _found(p, q)
    return points


@jax.custom_jvp
def _without_gradient(p: Packed, q: Packed) -> Array:
    return jnp.asarray(_of_known(p, q) if is_known(p, q) else _found(p, q), float)


@_without_gradient.defjvp
def _without_gradient_jvp(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
    # The parameters that `jax.grad` differentiates at may be known.
    points = _without_gradient(*primals)
    return points, jnp.zeros_like(points)


@compiled_if_traced()
def _found(p: Packed, q: Packed) -> Array:
    logs = log_densities(p, q)

    def difference(x: Array) -> Array:
        log_p, log_q = logs(x)
        return log_p - log_q

    if is_known(p, q):
        first = first_nodes(np.zeros(0), p, q)
        panels, nodes_of_all = first.panels, first.x
        log_p, log_q = (np.asarray(log)[: first.x.size] for log in first.logs)
        values: Array = log_p - log_q
    else:
        panels = cut_line([outline(p), outline(q)])
        nodes_of_all, _ = nodes(panels, start(panels)[0])
        values = difference(nodes_of_all.ravel())
    xp, x = namespace(values), nodes_of_all.ravel()
    order = xp.argsort(x)
    x, found = x[order], values[order]
    crosses = xp.isfinite(found[:-1] * found[1:]) & (found[:-1] * found[1:] < 0)
    at = np.flatnonzero(crosses) if on_host(x) else jnp.argsort(~crosses)[:_AT_MOST]
    low, width, upwards = x[at], x[at + 1] - x[at], xp.where(found[at] < 0, 1.0, -1.0)
    share = root(lambda share: upwards * difference(low + share * width), low)
    return xp.where(crosses[at], low + share * width, panels.anchor[0])
