"""What a step of training costs, by XLA's own count of the program it compiled."""

from functools import partial
from typing import NamedTuple, cast

import jax
import jax.numpy as jnp

from divlab.checks import check_count
from divlab.models.gan import GAN
from divlab.models.vae import VAE
from divlab.pytrees import as_arrays


class Cost(NamedTuple):
    """The cost of one step of training.

    Attributes:
        flops: floating-point operations; exponentials and the like are not among them.
        bytes: read and written by the operations of the compiled program, caches left aside.
        parameters: numbers that are learned.
    """

    flops: int
    bytes: int
    parameters: int


def training_cost(model, batch_size: int = 256) -> Cost:
    """What one step of `fit` costs, of a VAE or of both players of a GAN.

    Nothing is trained: the step is compiled for a batch of that size, of `model.data_dim` numbers
    each, and XLA is asked what it costs. The counts are those for this machine's kind of processor
    and do not depend on its speed; the drawing of the batch is not among them.

    Args:
        model: a `divlab.GAN` or a `divlab.VAE`, of any data_dim.
        batch_size: points in a batch.

    Returns:
        A `Cost`.

    Raises:
        TypeError, ValueError: a model that is none, a batch_size below 1.

    Example:
        >>> import divlab
        >>> divlab.training_cost(divlab.VAE("elbo"), batch_size=64).parameters
        2340
    """
    if not isinstance(model, (GAN, VAE)):
        raise TypeError(f"model must be a divlab.GAN or a divlab.VAE, got {model!r}.")
    check_count("batch_size", batch_size)
    key = jax.random.key(0)
    state = jax.eval_shape(_begin, as_arrays(model), key)
    shape = (batch_size,) if model.data_dim == 1 else (batch_size, model.data_dim)
    batch = jax.ShapeDtypeStruct(shape, float)
    compiled = _step.lower(as_arrays(model), state, batch, key).compile()
    counts = cast(dict, compiled.cost_analysis())
    learned = {name: part for name, part in state.params.items() if name != "units"}
    parameters = sum(leaf.size for leaf in jax.tree.leaves(learned))
    return Cost(int(counts["flops"]), int(counts["bytes accessed"]), parameters)


def _begin(model, key):
    return model.init(key, jnp.zeros(()), jnp.ones(()))


@jax.jit
def _step(model, state, batch, key):
    # A loop is counted as one turn of it, so loops are written out.
    step = partial(model.step, unroll=True) if isinstance(model, GAN) else model.step
    return step(state, lambda key: batch, key)


__all__ = ["Cost", "training_cost"]
