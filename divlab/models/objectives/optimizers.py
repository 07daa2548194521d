"""The optimisers of the objectives; the only file of the models that uses optax."""

from typing import Any, Protocol, runtime_checkable

from divlab.pytrees import Number


@runtime_checkable
class Optimizer(Protocol):
    """Two functions, as an `optax.GradientTransformation` has them."""

    @property
    def init(self) -> Any:
        """From parameters to the state before the first update."""

    @property
    def update(self) -> Any:
        """From gradients, state and parameters to what is added to the parameters, and a state."""


# optax is loaded by the functions, so that `import divlab` need not wait for it.


def adam(
    learning_rate: Number,
    *,
    b1: Number = 0.9,
    b2: Number = 0.999,
    eps: Number = 1e-8,
    eps_root: Number = 0.0,
) -> Optimizer:
    """Adam, by default with the constants of Kingma & Ba (2015)."""
    import optax

    optimizer: Optimizer = optax.adam(learning_rate, b1=b1, b2=b2, eps=eps, eps_root=eps_root)
    return optimizer


def rmsprop(learning_rate: Number, *, decay: Number = 0.9) -> Optimizer:
    """RMSProp."""
    import optax

    optimizer: Optimizer = optax.rmsprop(learning_rate, decay=decay)
    return optimizer


def flat(optimizer: Optimizer) -> Optimizer:
    """The same, of all parameters as one vector: a smaller and faster program."""
    import optax

    flattened: Optimizer = optax.flatten(optimizer)
    return flattened
