"""The networks of generators, critics, encoders and decoders; the only file that uses flax."""

import itertools
import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

Params: TypeAlias = Any  # a pytree of arrays

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "leaky_relu": lambda x: jax.nn.leaky_relu(x, 0.2),
    "relu": jax.nn.relu,
    "silu": jax.nn.silu,
    "softplus": jax.nn.softplus,
    "tanh": jnp.tanh,
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

    Of a single size there is no layer, and the network is the identity.

    The parameters are a plain nested dict of arrays. flax's module is split into its structure and
    its state once; everything after that is functions of pytrees.
    """
    if len(sizes) == 1:
        return Network(lambda key: {}, lambda params, x: x)

    from flax import nnx  # here, so that `import divlab` need not wait for it

    class MLP(nnx.Module):
        def __init__(self, rngs: nnx.Rngs) -> None:
            self.layers = nnx.List(
                nnx.Linear(a, b, rngs=rngs) for a, b in itertools.pairwise(sizes)
            )

        def __call__(self, x: Array) -> Array:
            for layer in self.layers[:-1]:
                x = ACTIVATIONS[activation](layer(x))
            output: Array = self.layers[-1](x)
            return output

    structure, template = nnx.split(nnx.eval_shape(lambda: MLP(nnx.Rngs(0))))

    def init(key: Key[Array, ""]) -> Params:
        return _initial(nnx.to_pure_dict(template), key)

    def apply(params: Params, x: Float[Array, "n inputs"]) -> Float[Array, "n outputs"]:
        state = nnx.clone(template)
        nnx.replace_by_pure_dict(state, params)
        output: Array = nnx.merge(structure, state)(x)
        return output

    return Network(init, apply)


def _initial(shapes: Params, key: Key[Array, ""]) -> Params:
    """Parameters to start from: weights of variance 1 / inputs (LeCun et al. 1998).

    Biases are uniform in [-0.5, 0.5]. They spread the kinks of the first layer over the line; at 0
    they would all meet there. All numbers are one draw: a draw for each array, as flax's layers
    make it, takes three times as long to compile.
    """
    leaves, structure = jax.tree.flatten(shapes)
    sizes = [leaf.size for leaf in leaves]
    drawn = jnp.split(jax.random.uniform(key, (sum(sizes),)) - 0.5, np.cumsum(sizes)[:-1])
    arrays = [
        part.reshape(leaf.shape) * (math.sqrt(12 / leaf.shape[0]) if leaf.ndim == 2 else 1.0)
        for part, leaf in zip(drawn, leaves, strict=True)
    ]
    return jax.tree.unflatten(structure, arrays)


def increasing(sizes: tuple[int, ...]) -> Network:
    """A strictly increasing function of one number, from the whole line onto the whole line.

    It is a network with positive weights, the exponentials of its parameters (Sill 1998). Half of
    the units of a hidden layer have softplus, which is flat to the left, and half its mirror image
    -softplus(-h), which is flat to the right (Runje & Shankaranarayana 2023). So the function may
    be steep or flat anywhere, and beyond the last unit it goes on as a line.

    Args:
        sizes: widths from input to output; the first and the last are 1.
    """

    def init(key: Key[Array, ""]) -> Params:
        keys = jax.random.split(key, len(sizes) - 1)
        return [
            _increasing_layer(k, a, b)
            for k, (a, b) in zip(keys, itertools.pairwise(sizes), strict=True)
        ]

    def apply(params: Params, x: Float[Array, "n 1"]) -> Float[Array, "n 1"]:
        for number, layer in enumerate(params):
            x = x @ jnp.exp(layer["log_kernel"]) + layer["bias"]
            if number < len(params) - 1:
                side = jnp.where(jnp.arange(x.shape[-1]) % 2 == 0, 1.0, -1.0)
                x = side * jax.nn.softplus(side * x)
        return x

    return Network(init, apply)


_SPREAD = 3.0  # within this distance of 0 the units of the first layer bend


def _increasing_layer(key: Key[Array, ""], inputs: int, outputs: int) -> Params:
    """Weights such that the whole function is about the identity, with units bent all over."""
    kernel_key, bias_key = jax.random.split(key)
    gain = 2.0 if outputs > 1 else 1.0
    noise = jax.random.uniform(kernel_key, (inputs, outputs), minval=-0.5, maxval=0.5)
    log_kernel = noise + np.log(gain / inputs)
    bias = _SPREAD * jax.random.uniform(bias_key, (outputs,), minval=-1.0, maxval=1.0)
    return {"log_kernel": log_kernel, "bias": bias * (outputs > 1)}
