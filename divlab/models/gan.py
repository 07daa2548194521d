"""GANs: a generator and a critic, trained in turn on an adversarial objective."""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Key
from numpyro.distributions import Distribution

from divlab.compiling import WITHOUT_FUSION, jit_with
from divlab.divergences.inputs import AnyArray
from divlab.models.architecture import check_architecture, choose_objective
from divlab.models.data import Data
from divlab.models.learned import Pushforward, of_latents
from divlab.models.objectives import GAN_OBJECTIVES, Adversarial, Batch
from divlab.models.objectives.adversarial import Networks, Points, Widths
from divlab.models.objectives.optimizers import flat
from divlab.models.protocol import Losses, State
from divlab.networks import Network, mlp
from divlab.pytrees import Number, pytree, setting

Loss: TypeAlias = Callable[[Networks, Batch], Float[Array, ""]]


@pytree
class GAN:
    """A generative adversarial network on the line: x = G(z), z ~ N(0, 1).

    Args:
        objective: a name in `divlab.GAN_OBJECTIVES`, or an object of `divlab.objectives`.
        hidden: widths of the hidden layers, of the generator and of the critic.
        latent_dim: dimension of z; with 1 the density the generator learns is known exactly.
        data_dim: dimension of x. `fit` learns numbers, of dimension 1; others are for
            `divlab.training_cost`.
        activation: "leaky_relu" (slope 0.2), "relu", "silu", "softplus" or "tanh".
        learning_rate: None for the objective's own.

    Raises:
        TypeError, ValueError: an unknown name (the message lists the known ones), a width or
            dimension below 1, a learning rate that is not positive.

    Example:
        >>> import divlab
        >>> model = divlab.GAN("non_saturating")
        >>> model.objective.learning_rate
        0.001
    """

    objective: Any = "non_saturating"
    hidden: tuple[int, ...] = setting((32, 32))
    latent_dim: int = setting(1)
    data_dim: int = setting(1)
    activation: str = setting("leaky_relu")
    learning_rate: dataclasses.InitVar[Number | None] = None

    def __post_init__(self, learning_rate: Number | None) -> None:
        objective = choose_objective(self.objective, GAN_OBJECTIVES, Adversarial, learning_rate)
        object.__setattr__(self, "objective", objective)
        object.__setattr__(self, "hidden", check_architecture(self))

    @property
    def summary(self) -> str:
        """The kind of model and of objective."""
        return f"GAN, {type(self.objective).__name__}"

    def _networks(self) -> tuple[dict[str, Network], dict[str, Network]]:
        """Name -> network, of the generator's player and of the critic's."""
        shape = self.data_dim, self.latent_dim, self.hidden
        generator = {"generator": (self.latent_dim, *self.hidden, self.data_dim)}
        beside = self.objective.generator_networks(*shape)

        def build(widths: Widths) -> dict[str, Network]:
            return {name: mlp(sizes, self.activation) for name, sizes in widths.items()}

        return build(generator | beside), build(self.objective.critic_networks(*shape))

    def init(self, key: Key[Array, ""], data: Data) -> State:
        """Untrained networks."""

        def params_of(networks: dict[str, Network], key: Key[Array, ""]) -> dict[str, Any]:
            keys = jax.random.split(key, len(networks))
            return {
                name: network.init(key)
                for (name, network), key in zip(networks.items(), keys, strict=True)
            }

        generator, critic = map(params_of, self._networks(), jax.random.split(key))
        critic = self.objective.constrain(critic)
        start = flat(self.objective.optimizer()).init
        params = {"generator": generator, "critic": critic}
        return State(params, (start(generator), start(critic)))

    def _functions(self, generator_params: Any, critic_params: Any) -> Networks:
        """Name -> function on points, (n,) or (n, d), of every network."""

        def bind(network: Network, params: Any) -> Callable[[Points], Float[Array, "n outputs"]]:
            return lambda x: network.apply(params, x[:, None] if x.ndim == 1 else x)

        generator, critic = self._networks()
        functions = {name: bind(net, generator_params[name]) for name, net in generator.items()}
        return functions | {name: bind(net, critic_params[name]) for name, net in critic.items()}

    def step(
        self, state: State, data: Data, key: Key[Array, ""], *, unroll: bool = False
    ) -> tuple[State, Losses]:
        """`critic_steps` updates of the critic and one of the generator."""
        optimizer, objective = flat(self.objective.optimizer()), self.objective
        critic_key, ahead_key, generator_key = jax.random.split(key, 3)

        def play(
            loss: Loss, generator_params: Any, critic_params: Any, key: Key[Array, ""]
        ) -> Float[Array, ""]:
            """The loss of one player on a fresh batch."""
            real_key, latent_key, loss_key = jax.random.split(key, 3)
            networks = self._functions(generator_params, critic_params)
            real = data.draw(real_key)
            latent = jax.random.normal(latent_key, (data.batch_size, self.latent_dim))
            fake = networks["generator"](latent).reshape(real.shape)
            return loss(networks, Batch(real, fake, latent, loss_key))

        def update(
            loss: Callable[[Any], Float[Array, ""]], params: Any, state: Any
        ) -> tuple[Float[Array, ""], Any, Any]:
            value, grads = jax.value_and_grad(loss)(params)
            moves, state = optimizer.update(grads, state, params)
            return value, jax.tree.map(lax.add, params, moves), state

        def update_critic(
            generator_params: Any, carry: tuple[Any, Any], key: Key[Array, ""]
        ) -> tuple[tuple[Any, Any], Float[Array, ""]]:
            def loss_of(params: Any) -> Float[Array, ""]:
                return play(objective.critic_loss, generator_params, params, key)

            loss, params, opt = update(loss_of, *carry)
            return (objective.constrain(params), opt), loss

        generator_optimizer, critic_optimizer = state.optimizer
        carry = (state.params["critic"], critic_optimizer)
        against_now = partial(update_critic, state.params["generator"])
        if objective.critic_steps == 1:
            carry, critic_loss = against_now(carry, critic_key)
        else:
            keys = jax.random.split(critic_key, objective.critic_steps)
            carry, losses = lax.scan(against_now, carry, keys, unroll=unroll)
            critic_loss = losses[-1]

        def generator_loss_of(params: Any) -> Float[Array, ""]:
            ahead = carry  # the critic as it would go on against this generator
            if objective.unrolled_steps:
                keys = jax.random.split(ahead_key, objective.unrolled_steps)
                ahead, _ = lax.scan(partial(update_critic, params), carry, keys, unroll=unroll)
            return play(objective.generator_loss, params, ahead[0], generator_key)

        generator_loss, generator, generator_optimizer = update(
            generator_loss_of, state.params["generator"], generator_optimizer
        )
        critic, critic_optimizer = carry
        params = {"generator": generator, "critic": critic}
        return (
            State(params, (generator_optimizer, critic_optimizer)),
            {"critic_loss": critic_loss, "generator_loss": generator_loss},
        )

    def generate(self, params: Any, z: Float[AnyArray, "n latent"]) -> Points:
        """G(z), (n,) or (n, data_dim), for latents of shape (n, latent_dim)."""
        points = self._functions(params["generator"], params["critic"])["generator"](jnp.asarray(z))
        return points[:, 0] if self.data_dim == 1 else points

    def critic(self, params: Any, x: Float[AnyArray, " n *dim"]) -> Float[Array, " n *features"]:
        """The objective's `score` at points x; for the classical GANs (n,) logits of D(x)."""
        networks = self._functions(params["generator"], params["critic"])
        scores: Array = self.objective.score(networks, jnp.asarray(x))
        return scores

    def sample(self, params: Any, key: Key[Array, ""], n: int) -> Points:
        """Draws G(z)."""
        return self.generate(params, jax.random.normal(key, (n, self.latent_dim)))

    def learned(self, params: Any) -> Distribution:
        """The law of G(z), for a latent of one dimension."""
        return Pushforward.of(of_latents(_generate, self, params))


@jit_with(WITHOUT_FUSION)
def _generate(model: GAN, params: Any, z: Float[Array, " n"]) -> Float[Array, " n"]:
    return model.generate(params, z[:, None])


__all__ = ["GAN"]
