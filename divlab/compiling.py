"""How programs are compiled where waiting for the compiler is much of the cost.

Checked with jaxlib 0.10.2. XLA gives no promise that it keeps the names of its options: where it
does not know them all, programs are compiled without.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache, wraps
from typing import Any

import jax

# Of what runs once or never: in about a quarter of the usual time. Results are the same, and what
# XLA counts; a program would run slower.
QUICKLY: dict[str, Any] = {
    "xla_backend_optimization_level": 0,
    "xla_cpu_use_fusion_emitters": False,
}
# Of trainings and of many draws: in four fifths of the usual time. Seven models of all kinds
# learned the same parameters, bit by bit, and no more slowly.
LONG_RUNNING: dict[str, Any] = {"xla_backend_optimization_level": 1}
# Of densities and of integrands at thousands of points: in half of the usual time, and as fast.
# Optimising less on top of that saves nothing, and makes a call of `tv` a quarter slower.
AT_POINTS: dict[str, Any] = {"xla_cpu_use_fusion_emitters": False}
# Of what runs for less than a second in all: in half of the usual time, also where numbers are
# drawn, and about as fast, as for divergences of 121 pairs of distributions, or losses of a VAE on
# 100,000 draws. Trainings of GANs and of flows would run at half the speed, and flows would take
# three times as long to draw.
WITHOUT_FUSION: dict[str, Any] = {
    "xla_backend_optimization_level": 1,
    "xla_cpu_use_fusion_emitters": False,
}


def jit_alone(
    function: Callable[..., Any], options: Mapping[str, Any], **how: Any
) -> Callable[..., Any]:
    """`jax.jit` with options of the compiler, of a function that never runs in another program."""
    return jax.jit(function, compiler_options=_known(tuple(options.items())), **how)


def jit_with(
    options: Mapping[str, Any], **how: Any
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`jax.jit` with options of the compiler where no argument is traced.

    Inside another program, where JAX takes no options, the function is a part of that program.

    Args:
        options: those of the compiler.
        how: further arguments of `jax.jit`.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        inside = jax.jit(function, **how)
        # Made at the first call: to know the options starts JAX, which users may still configure.
        alone = lru_cache(lambda: jit_alone(function, options, **how))

        @wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:
            leaves = jax.tree.leaves((arguments, named))
            if any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
                return inside(*arguments, **named)
            with jax.core.eval_context():
                return alone()(*arguments, **named)

        return call

    return decorate


@lru_cache
def _known(options: tuple[tuple[str, Any], ...]) -> dict[str, Any] | None:
    """The options, or None where XLA does not know them."""
    try:
        jax.jit(lambda: 0).lower().compile(dict(options))
    except jax.errors.JaxRuntimeError:
        return None
    return dict(options)
