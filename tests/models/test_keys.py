"""No key is used twice: two draws from one key are the same numbers, or depend on each other."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.distributions import Distribution

import divlab
from divlab.models.data import draws_from, read_target, standardised
from divlab.models.protocol import Model
from divlab.pytrees import as_arrays

# These take parts of an array of keys, or give it another shape; each part may be used once.
PARTS = {"slice", "squeeze", "dynamic_slice", "gather", "unstack", "reshape", "broadcast_in_dim"}


def reused(jaxpr: Any) -> Iterator[str]:
    """How keys are used more than once in a program, by JAX's names of operations.

    JAX's own check (`jax.debug_key_reuse`) lets a key be used beside one that is folded from it.
    """
    uses: dict[Any, Counter[str]] = {}
    for equation in jaxpr.eqns:
        name = equation.primitive.name
        for variable in equation.invars:
            if not jnp.issubdtype(variable.aval.dtype, jax.dtypes.prng_key):
                continue
            use = name
            if name in PARTS or name == "random_fold_in":  # distinct if their arguments are
                use += f" {[str(v) for v in equation.invars]} {equation.params}"
            uses.setdefault(variable, Counter())[use] += 1
        for parameter in jax.tree.leaves(equation.params, is_leaf=lambda p: hasattr(p, "eqns")):
            inner = getattr(parameter, "jaxpr", parameter)
            if hasattr(inner, "eqns"):
                yield from reused(inner)
    for variable, counts in uses.items():
        kinds = {use.split()[0] for use in counts}
        alike = kinds <= PARTS or kinds == {"random_fold_in"}
        if max(counts.values()) > 1 or (len(counts) > 1 and not alike):
            yield f"{variable}: {dict(counts)}"


def check(function: Callable[..., Any], *arguments: Any) -> None:
    assert list(reused(jax.make_jaxpr(function)(*arguments).jaxpr)) == []


@pytest.mark.parametrize(
    ("function", "is_sound"),
    [
        (lambda key: jax.random.normal(key) + jax.random.uniform(key), False),
        (lambda key: jax.random.normal(key) + jax.random.normal(jax.random.fold_in(key, 1)), False),
        (lambda key: [jax.random.normal(k) for k in (jax.random.split(key)[0], key)], False),
        (lambda key: [jax.random.normal(jax.random.split(key)[i]) for i in (0, 0)], False),
        (lambda key: [jax.random.normal(jax.random.fold_in(key, i)) for i in (0, 0)], False),
        (lambda key: [jax.random.normal(jax.random.fold_in(key, i)) for i in (0, 1)], True),
        (lambda key: [jax.random.normal(k) for k in jax.random.split(key)], True),
        (lambda key: jax.lax.map(jax.random.normal, jax.random.split(key)), True),
    ],
)
def test_the_check_itself(function: Callable[..., Any], is_sound: bool) -> None:
    """Without this, a check that sees nothing would pass every model."""
    found = list(reused(jax.make_jaxpr(function)(jax.random.key(0)).jaxpr))
    assert (found == []) == is_sound, found


OBJECTIVES: list[Model] = [
    *(divlab.GAN(name, hidden=(4,)) for name in divlab.GAN_OBJECTIVES),
    *(divlab.VAE(name, hidden=(4,)) for name in divlab.VAE_OBJECTIVES),
]


@pytest.mark.parametrize("model", OBJECTIVES, ids=lambda model: model.summary)
def test_models_use_every_key_once(model: Model, target: Distribution) -> None:
    """Else noise that a loss takes for independent would not be."""
    key, model = jax.random.key(0), as_arrays(model)
    data = draws_from(standardised(read_target(target)), 8)
    check(lambda key: model.init(key, data), key)
    state = jax.eval_shape(lambda key: model.init(key, data), key)
    check(lambda state, key: model.step(state, data, key), state, key)
    check(lambda params, key: model.sample(params, key, 5), state.params, key)
    check(lambda params, key: model.learned(params).sample(key, (5,)), state.params, key)


def test_measurements_are_drawn_by_every_key_once() -> None:
    """Models ask a target for its draws in one way, be it a distribution or measurements."""
    data = draws_from(standardised(read_target(np.array([1.0, 2.0, 4.0]))), 8)
    check(data.draw, jax.random.key(0))
