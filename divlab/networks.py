"""The networks of generators, critics, encoders and decoders; the only file that uses flax."""

import itertools
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import jax
from flax import nnx

ACTIVATIONS = {
    "leaky_relu": lambda x: jax.nn.leaky_relu(x, 0.2),
    "relu": jax.nn.relu,
    "silu": jax.nn.silu,
    "softplus": jax.nn.softplus,
    "tanh": jax.numpy.tanh,
}


class Network(NamedTuple):
    """A network as two pure functions: `init(key) -> params`, `apply(params, x) -> y`."""

    init: Callable
    apply: Callable


class _MLP(nnx.Module):
    def __init__(self, sizes: tuple[int, ...], activation: Callable, rngs: nnx.Rngs):
        # Biases spread the kinks of the first layer over the line; at 0 they would all meet there.
        bias = nnx.initializers.uniform(scale=1.0)
        centred = lambda key, shape, dtype: bias(key, shape, dtype) - 0.5  # noqa: E731
        self.layers = nnx.List(
            nnx.Linear(a, b, bias_init=centred, rngs=rngs) for a, b in itertools.pairwise(sizes)
        )
        self.activation = activation

    def __call__(self, x: jax.Array) -> jax.Array:
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))
        return self.layers[-1](x)


@lru_cache  # a training step asks for its networks at every turn of being traced
def mlp(sizes: tuple[int, ...], activation: str) -> Network:
    """Fully connected layers with `activation` between them; `sizes` run from input to output.

    The parameters are a plain nested dict of arrays: the module is split into its structure and
    its state once, and everything after that is functions of pytrees.
    """

    def build(key):
        return _MLP(sizes, ACTIVATIONS[activation], nnx.Rngs(params=key))

    structure, template = nnx.split(nnx.eval_shape(build, jax.random.key(0)))

    def init(key):
        return nnx.to_pure_dict(nnx.state(build(key)))

    def apply(params, x):
        state = nnx.clone(template)
        nnx.replace_by_pure_dict(state, params)
        return nnx.merge(structure, state)(x)

    return Network(init, apply)
