"""Single steps of a model, for tests of what a loss, or a divergence, makes of its parameters.

A whole training takes seconds to compile. A step that runs once or twice need not be fast, so it is
compiled as where its cost is measured.
"""

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from divlab.compiling import QUICKLY
from divlab.divergences.integrals.arrays import compiled
from divlab.models.data import draws_from, read_target, standardised
from divlab.pytrees import as_arrays

BATCH = 32


@compiled(options=QUICKLY)
def _untrained(model: Any, target: Any, seeds: Any) -> Any:
    def of_seed(seed: Any) -> Any:
        return model.init(jax.random.fold_in(jax.random.key(seed), 0), draws_from(target, BATCH))

    return jax.vmap(of_seed)(seeds)


@compiled(options=QUICKLY)
def _one_step(model: Any, target: Any, state: Any, seeds: Any, step: Any) -> Any:
    def of_seed(state: Any, seed: Any) -> Any:
        key = jax.random.fold_in(jax.random.key(seed), step)
        return model.step(state, draws_from(target, BATCH), key)

    return jax.vmap(of_seed)(state, seeds)


def steps_of(model: Any, target: Any, count: int, seeds: int) -> Iterator[tuple[Any, Any]]:
    """The parameters and the losses of each step, as arrays over seeds; first those untrained."""
    arguments = as_arrays(model), standardised(read_target(target))
    state = _untrained(*arguments, np.arange(seeds))
    yield jax.device_get(state.params), {}
    for step in range(1, count + 1):
        state, losses = _one_step(*arguments, state, np.arange(seeds), step)
        yield jax.device_get((state.params, losses))
