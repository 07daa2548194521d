"""What a step of training costs, by XLA's own count of the program it compiled."""

from typing import Any, NamedTuple

import jax
from jaxtyping import Array, Float, Key
from numpyro.distributions import Normal

from divlab.checks import Count, check_count
from divlab.compiling import QUICKLY
from divlab.divergences.integrals.packed import Packed
from divlab.models.data import repeated
from divlab.models.protocol import Losses, Model, ModelLike, State, read_model
from divlab.pytrees import as_arrays


class Cost(NamedTuple):
    """The cost of one step of training.

    Attributes:
        flops: floating-point operations; exponentials and the like are not among them.
        bytes: read and written by the operations of the compiled program, caches left aside.
        parameters: numbers that are learned.

    Example:
        >>> import divlab
        >>> cost = divlab.training_cost(divlab.VAE(hidden=(4,)), 16)
        >>> cost.flops > 0, cost.parameters > 0
        (True, True)
    """

    flops: int
    bytes: int
    parameters: int


def training_cost(model: ModelLike, batch_size: Count = 256) -> Cost:
    """What one step of `fit` costs, of all that the model trains: of a GAN, both players.

    Nothing is trained: the step is compiled for a batch of that size, of `model.data_dim` numbers
    each, and XLA is asked what it costs. The counts are those for this machine's kind of processor
    and do not depend on its speed; the drawing of the batch is not among them. A model that uses
    the target's density, and not only a batch, is given a Normal distribution.

    Args:
        model: a `divlab.GAN`, a `divlab.VAE` or another kind of model, of any data_dim.
        batch_size: points in a batch.

    Returns:
        A `Cost`.

    Raises:
        TypeError, ValueError: `model` is not a model, or `batch_size` is below 1.

    Example:
        >>> import divlab
        >>> divlab.training_cost(divlab.VAE("elbo"), batch_size=64).parameters
        2340
    """
    model, size = as_arrays(read_model("model", model)), check_count("batch_size", batch_size)
    shape = (size,) if model.data_dim == 1 else (size, model.data_dim)
    arguments = Packed(Normal(0.0, 1.0)), jax.ShapeDtypeStruct(shape, float), jax.random.key(0)
    state = jax.eval_shape(_begin, model, *arguments)
    compiled = _step.lower(model, state, *arguments).compile(QUICKLY)
    counts: Any = compiled.cost_analysis()
    return Cost(
        flops=int(counts["flops"]),
        bytes=int(counts["bytes accessed"]),
        parameters=sum(leaf.size for leaf in jax.tree.leaves(state.params)),
    )


def _begin(
    model: Model, target: Packed, batch: Float[Array, " n *dim"], key: Key[Array, ""]
) -> State:
    return model.init(key, repeated(target, batch))


@jax.jit
def _step(
    model: Model, state: State, target: Packed, batch: Float[Array, " n *dim"], key: Key[Array, ""]
) -> tuple[State, Losses]:
    # XLA counts a loop as one turn of it, so loops are written out.
    return model.step(state, repeated(target, batch), key, unroll=True)


__all__ = ["Cost", "training_cost"]
