"""Programs with options of the compiler.

The docstring of each test says what could go wrong without it.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from divlab.compiling import AT_POINTS, LONG_RUNNING, QUICKLY, WITHOUT_FUSION, jit_with


def double(x: Any) -> Any:
    return 2 * x


@pytest.mark.parametrize("options", [QUICKLY, AT_POINTS, WITHOUT_FUSION, LONG_RUNNING])
def test_the_options_are_known_to_xla(options: dict[str, Any]) -> None:
    """After a change of XLA, programs would compile slowly again, and nothing else would tell."""
    jax.jit(double).lower(1.0).compile(options)


def test_options_that_xla_does_not_know_are_left_out() -> None:
    """A newer XLA that has another name for one of them would end every first call in an error."""
    assert jit_with({"xla_an_option_of_the_past": 1})(double)(3.0) == 6


def test_inside_another_program() -> None:
    """JAX refuses options there."""
    doubled = jit_with(QUICKLY)(double)
    assert jax.jit(lambda x: doubled(x) + 1)(3.0) == 7
    assert jax.grad(doubled)(3.0) == 2
    np.testing.assert_array_equal(jax.vmap(doubled)(jnp.arange(3.0)), [0, 2, 4])


def test_known_numbers_inside_a_program_that_is_traced() -> None:
    """They would be traced with the program, which has no room for options."""
    doubled, found = jit_with(QUICKLY)(double), []

    def program(x: Any) -> Any:
        found.append(float(doubled(3.0)))  # a number, not a tracer
        return x

    jax.jit(program)(1.0)
    assert found == [6]


def test_arguments_that_shape_the_program() -> None:
    """A name would be taken for an array."""
    add = jit_with(WITHOUT_FUSION, static_argnames="kind")(lambda x, kind: (x, kind == "a"))
    assert [bool(add(1.0, kind=kind)[1]) for kind in "ab"] == [True, False]
