"""The first look at an integral: most need no other.

The nodes of whole panels, and the sums over them, are found by two programs that depend neither on
the types of the distributions nor on the integrand. They are the pieces of `panels` and
`refinement`, compiled: on a slider's path a compiled piece takes a fifth of the time of the same
piece in NumPy.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from divlab.divergences.integrals.arrays import filled_size, precision
from divlab.divergences.integrals.outlines import Outline
from divlab.divergences.integrals.panels import cut_line
from divlab.divergences.integrals.refinement import (
    Limits,
    Pieces,
    Survey,
    is_done,
    limits,
    nodes,
    times,
    weigh,
)

_LANDMARKS = 32  # a program takes so many, or that number doubled again and again


def first_look(
    outlines: Sequence[Outline], values_at: Callable[[jax.Array], Sequence[jax.Array]]
) -> Float[np.ndarray, " functions"] | None:
    """(functions,) the integrals over whole panels, if that is precise enough; else None.

    Args:
        outlines: of the distributions.
        values_at: from points in a row to the values of each function.
    """
    landmarks = np.concatenate([o.landmarks for o in outlines])
    ends = np.concatenate([o.ends for o in outlines])
    size = _LANDMARKS
    while size < landmarks.size:
        size *= 2
    filled = np.full(size, landmarks[-1], precision())
    filled[: landmarks.size] = landmarks
    sides = any(o.reaches_left for o in outlines), any(o.reaches_right for o in outlines)
    points, slope, at = _draw(sides, filled, ends.astype(precision()))
    totals, done = _judge(values_at(points), slope, at)
    return np.asarray(totals) if np.asarray(done) else None


# A thousand points need no fast program: half the time to compile.
_QUICK = {"xla_backend_optimization_level": 0}


@partial(jax.jit, static_argnums=0, compiler_options=_QUICK)
def _draw(
    sides: tuple[bool, bool], landmarks: jax.Array, ends: jax.Array
) -> tuple[jax.Array, jax.Array, Limits]:
    """All points in a row, (pieces, 15) dx/dt times the lengths of the pieces, and the limits."""
    panels = cut_line([Outline(landmarks, ends, *sides)])
    whole = Pieces(jnp.arange(panels.anchor.size), panels.start, jnp.ones_like(panels.start))
    x, slope = nodes(panels, whole)
    at, used = limits(panels), (panels.width != 0)[:, None]
    points = jnp.concatenate([jnp.where(used, x, panels.anchor[0]).ravel(), at.x.ravel()])
    rest = filled_size(points.size) - points.size
    slope = jnp.where(used, slope * (1 - panels.start)[:, None], 0.0)
    return jnp.pad(points, (0, rest), mode="edge"), slope, at


@partial(jax.jit, compiler_options=_QUICK)
def _judge(
    values: Sequence[jax.Array], slope: jax.Array, at: Limits
) -> tuple[jax.Array, jax.Array]:
    """(functions,) the integrals, and whether they are precise enough."""
    inside = [times(v[: slope.size].reshape(slope.shape), slope) for v in values]
    near = [v[slope.size : slope.size + at.x.size].reshape(at.x.shape) for v in values]
    look = weigh(inside, near, jnp.ones_like(slope[:, 0]), at)
    pieces: Any = None
    done = is_done(Survey(pieces, look.values, look.errors))
    return look.values.sum(axis=0) + look.rest.sum(axis=0), done
