"""What a model is: all that training, runs, costs, sweeps and the explorers ask of one.

`GAN` and `VAE` are two kinds of model. A third kind is a class with the members of `Model`, and
needs no change anywhere else.
"""

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

import jax
from jaxtyping import Array, Float, Key
from numpyro.distributions import Distribution

from divlab.models.data import Data


class State(NamedTuple):
    """What a training step changes.

    Attributes:
        params: the parameters, a pytree of arrays; what a `Run` keeps.
        optimizer: the state of the optimiser or optimisers, if there is any.
    """

    params: Any
    optimizer: Any = ()


Losses: TypeAlias = dict[str, Float[Array, ""]]


@runtime_checkable
class Model(Protocol):
    """A generative model on the line, from a latent z of `latent_dim` dimensions to x.

    Its class is made by `divlab.pytrees.pytree`: JAX sees its numbers as leaves of a pytree. It
    sees measurements standardised, as `Data` has them, and its x is in the same units. A `Run`
    moves what it says to the units in which they were measured.
    """

    @property
    def latent_dim(self) -> int:
        """The dimension of z. `learned` is asked only where it is 1."""

    @property
    def data_dim(self) -> int:
        """The dimension of x. `divlab.fit` learns numbers, of dimension 1."""

    @property
    def summary(self) -> str:
        """What it is and what it minimises, in a few words, such as "VAE, ELBO"."""

    def init(self, key: Key[Array, ""], data: Data) -> State:
        """The state before the first step.

        Raises:
            ValueError: this model cannot learn from `data.target`.
        """

    def step(
        self, state: State, data: Data, key: Key[Array, ""], *, unroll: bool = False
    ) -> tuple[State, Losses]:
        """The state after one step, and the losses of that step by name, always the same names.

        With `unroll`, loops inside the step are written out. The numbers are the same, from a
        larger program of which XLA can count every operation (see `divlab.training_cost`).
        """

    def sample(self, params: Any, key: Key[Array, ""], n: int) -> Float[Array, " n *dim"]:
        """Draws of x: (n,), or (n, data_dim) where `data_dim` is above 1."""

    def learned(self, params: Any) -> Distribution:
        """The exact law of x, for a latent of one dimension.

        It is asked with known parameters outside any program, and with traced ones inside one. What
        it computes of known ones by JAX is best a function under `jax.jit`, compiled once.
        """


# For arguments that `read_model` checks; see `divlab.checks` on why it is open at run time.
if TYPE_CHECKING:
    ModelLike: TypeAlias = Model
else:
    ModelLike = Any


def read_model(name: str, model: ModelLike) -> Model:
    """The model, if it has what `Model` asks for.

    Raises:
        TypeError: it has not, or it is a class, or its class is not made by `pytree`.
    """
    if isinstance(model, type):
        raise TypeError(
            f"`{name}` must be a model, got the class {model.__name__}; call it to make one."
        )
    if not isinstance(model, Model):
        raise TypeError(
            f"`{name}` must be a model, such as divlab.GAN() or divlab.VAE(), got {model!r}."
        )
    if jax.tree_util.all_leaves([model]):
        raise TypeError(
            f"`{name}` must be a pytree; decorate its class, {type(model).__name__}, with "
            "divlab.pytrees.pytree."
        )
    return model


def check_exact(name: str, model: Model) -> None:
    """Refuses a model whose density is not known exactly.

    Raises:
        ValueError: its latent, or its x, has more than one dimension.
    """
    dims = model.latent_dim, model.data_dim
    if dims != (1, 1):
        raise ValueError(
            f"{name} must have latent_dim=1 and data_dim=1, where its density is exact; it has "
            f"latent_dim={dims[0]} and data_dim={dims[1]}, where there are only samples of it."
        )
