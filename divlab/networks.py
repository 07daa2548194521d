"""The networks of generators, critics, encoders and decoders; the only file that uses flax."""

import itertools
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import jax
from jaxtyping import Array, Float, Key

Params: TypeAlias = Any  # a pytree of arrays

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "leaky_relu": lambda x: jax.nn.leaky_relu(x, 0.2),
    "relu": jax.nn.relu,
    "silu": jax.nn.silu,
    "softplus": jax.nn.softplus,
    "tanh": jax.numpy.tanh,
}


class Network(NamedTuple):
    """A network as two pure functions.

    Attributes:
        init: key -> parameters.
        apply: (parameters, (n, inputs) points) -> (n, outputs).
    """

    init: Callable[[Key[Array, ""]], Params]
    apply: Callable[[Params, Float[Array, "n inputs"]], Float[Array, "n outputs"]]


@lru_cache  # a training step asks for its networks every time it is traced
def mlp(sizes: tuple[int, ...], activation: str) -> Network:
    """Fully connected layers with `activation` between them; `sizes` run from input to output.

    The parameters are a plain nested dict of arrays. flax's module is split into its structure and
    its state once; everything after that is functions of pytrees.
    """
    from flax import nnx  # here, so that `import divlab` need not wait for it

    uniform = nnx.initializers.uniform(scale=1.0)

    # Biases spread the kinks of the first layer over the line; at 0 they would all meet there.
    def centred(key: Key[Array, ""], shape: Any, dtype: Any) -> Array:
        return uniform(key, shape, dtype) - 0.5

    class MLP(nnx.Module):
        def __init__(self, key: Key[Array, ""]) -> None:
            rngs = nnx.Rngs(params=key)
            self.layers = nnx.List(
                nnx.Linear(a, b, bias_init=centred, rngs=rngs) for a, b in itertools.pairwise(sizes)
            )

        def __call__(self, x: Array) -> Array:
            for layer in self.layers[:-1]:
                x = ACTIVATIONS[activation](layer(x))
            output: Array = self.layers[-1](x)
            return output

    structure, template = nnx.split(nnx.eval_shape(MLP, jax.random.key(0)))

    def init(key: Key[Array, ""]) -> Params:
        return nnx.to_pure_dict(nnx.state(MLP(key)))

    def apply(params: Params, x: Float[Array, "n inputs"]) -> Float[Array, "n outputs"]:
        state = nnx.clone(template)
        nnx.replace_by_pure_dict(state, params)
        output: Array = nnx.merge(structure, state)(x)
        return output

    return Network(init, apply)
