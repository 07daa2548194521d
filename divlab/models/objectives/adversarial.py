"""What every objective of a GAN has: two losses, networks to compute them with, optimisers."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from divlab.models.objectives.optimizers import Optimizer, adam
from divlab.pytrees import Number, pytree, setting

Points: TypeAlias = Float[Array, " n *dim"]  # (n,), or (n, data_dim) where data_dim is above 1
Networks: TypeAlias = Mapping[str, Callable[[Points], Float[Array, "n outputs"]]]
Widths: TypeAlias = dict[str, tuple[int, ...]]


class Batch(NamedTuple):
    """What the losses of one step are computed from.

    Attributes:
        real: (n,) points of the target, or (n, data_dim).
        fake: as many points G(z) of the generator.
        latent: (n, latent_dim), their z.
        key: for whatever else is random.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> from divlab.objectives import Batch
        >>> latent = jnp.array([[-1.0], [0.5]])
        >>> Batch(jnp.array([0.0, 1.0]), 2 * latent[:, 0], latent, jax.random.key(0)).fake.tolist()
        [-2.0, 1.0]
    """

    real: Points
    fake: Points
    latent: Float[Array, "n latent"]
    key: Key[Array, ""]


@pytree
class Adversarial:
    """What every objective of a GAN has; a new one overrides the two losses.

    The critic may consist of several networks, and others may be trained along with the generator;
    a loss gets all of them as functions, by name.

    Attributes:
        learning_rate: step size of both players' optimisers.
        critic_steps: updates of the critic for each one of the generator.
        unrolled_steps: updates of the critic that the generator looks ahead.

    Example:
        >>> from divlab.objectives import WassersteinGP
        >>> WassersteinGP().critic_networks(data_dim=1, latent_dim=1, hidden=(32,))
        {'critic': (1, 32, 1)}
    """

    learning_rate: Number = 1e-3
    critic_steps: int = setting(1)

    unrolled_steps = 0

    def critic_networks(self, data_dim: int, latent_dim: int, hidden: tuple[int, ...]) -> Widths:
        """Name -> widths from input to output, of the networks that the critic's loss trains."""
        return {"critic": (data_dim, *hidden, 1)}

    def generator_networks(self, data_dim: int, latent_dim: int, hidden: tuple[int, ...]) -> Widths:
        """Name -> widths, of networks that the generator's loss trains besides the generator."""
        return {}

    def score(self, networks: Networks, x: Points) -> Float[Array, " n *features"]:
        """The critic's scores (n,) at points x, or (n, features) if the objective compares them."""
        return networks["critic"](x)[:, 0]

    def critic_loss(self, networks: Networks, batch: Batch) -> Float[Array, ""]:
        """What the critic's update makes smaller."""
        raise TypeError(f"{type(self).__name__} does not define critic_loss.")

    def generator_loss(self, networks: Networks, batch: Batch) -> Float[Array, ""]:
        """What the generator's update makes smaller."""
        raise TypeError(f"{type(self).__name__} does not define generator_loss.")

    def optimizer(self) -> Optimizer:
        """Adam with its own defaults.

        β₁ = 0.5, usual since Radford et al. (2016), steadies the game: of 64 seeds on two
        Gaussians of scale 0.5, 4 apart, none lost a mode, against 15 with Adam's own 0.9. Here
        the failure is the subject, so the default is not tuned against it.
        """
        return adam(self.learning_rate)

    def constrain(self, critic_params: Any) -> Any:
        """The critic's parameters after each update; some objectives bound them."""
        return critic_params


def slopes(score: Callable[[Points], Float[Array, " n"]], x: Points) -> Float[Array, " n"]:
    """|∇score| at each of (n,) or (n, d) points."""
    gradient = jax.grad(lambda x: jnp.sum(score(x)))(x)
    return jnp.abs(gradient) if gradient.ndim == 1 else length(gradient, 1e-12)


def length(x: Float[Array, "n d"], least: float) -> Float[Array, " n"]:
    """The Euclidean norm of each row; of a shorter one `least`, which has no infinite gradient."""
    return jnp.sqrt(jnp.maximum(jnp.sum(x**2, axis=-1), least**2))
