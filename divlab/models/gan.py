"""GANs: a generator and a critic, trained in turn on an adversarial objective."""

import dataclasses
from functools import partial
from typing import Any, NamedTuple

import jax
import optax
from jax import lax
from numpyro.distributions import Distribution

from divlab.models.architecture import check_architecture, choose_objective, optimizer_of
from divlab.models.learned import Pushforward
from divlab.models.objectives import GAN_OBJECTIVES, Adversarial, Batch
from divlab.networks import mlp
from divlab.pytrees import record, setting


class GANState(NamedTuple):
    params: dict[str, Any]
    generator_optimizer: Any
    critic_optimizer: Any


@record
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
    learning_rate: dataclasses.InitVar[float | None] = None

    def __post_init__(self, learning_rate):
        objective = choose_objective(self.objective, GAN_OBJECTIVES, Adversarial, learning_rate)
        object.__setattr__(self, "objective", objective)
        object.__setattr__(self, "hidden", check_architecture(self))

    def _networks(self) -> tuple[dict, dict]:
        """Name -> network, of the generator's player and of the critic's."""
        shape = self.data_dim, self.latent_dim, self.hidden
        generator = {"generator": (self.latent_dim, *self.hidden, self.data_dim)}
        beside = self.objective.generator_networks(*shape)

        def build(widths: dict) -> dict:
            return {name: mlp(sizes, self.activation) for name, sizes in widths.items()}

        return build(generator | beside), build(self.objective.critic_networks(*shape))

    def init(self, key: jax.Array, loc: jax.Array, scale: jax.Array) -> GANState:
        """Fresh parameters; `loc` and `scale` are the units in which the networks see x."""
        players = [
            {
                name: network.init(jax.random.fold_in(player_key, i) if i else player_key)
                for i, (name, network) in enumerate(player.items())
            }
            for player, player_key in zip(self._networks(), jax.random.split(key), strict=True)
        ]
        params = {
            "generator": players[0],
            "critic": self.objective.constrain(players[1]),
            "units": {"loc": loc, "scale": scale},
        }
        start = optimizer_of(self.objective).init
        return GANState(params, start(params["generator"]), start(params["critic"]))

    def _functions(self, generator_params, critic_params) -> dict:
        """Name -> function on points, (n,) or (n, d), of every network."""

        def bind(network, params):
            return lambda x: network.apply(params, x[:, None] if x.ndim == 1 else x)

        generator, critic = self._networks()
        functions = {name: bind(net, generator_params[name]) for name, net in generator.items()}
        return functions | {name: bind(net, critic_params[name]) for name, net in critic.items()}

    def step(self, state: GANState, draw, key: jax.Array, *, unroll: bool = False):
        """`critic_steps` updates of the critic and one of the generator.

        Args:
            state: before the step.
            draw: key -> (n,) points of the target, or (n, data_dim).
            key: of this step.
            unroll: whether loops inside the step are written out: the same numbers from a larger
                program, of which XLA can tell what it costs.
        """
        optimizer, objective = optimizer_of(self.objective), self.objective
        units = state.params["units"]
        critic_key, key = jax.random.split(key)
        size = jax.eval_shape(draw, key).shape[0]

        def play(loss, generator_params, critic_params, real_key, latent_key, loss_key):
            networks = self._functions(generator_params, critic_params)
            real = (draw(real_key) - units["loc"]) / units["scale"]
            latent = jax.random.normal(latent_key, (size, self.latent_dim))
            fake = networks["generator"](latent).reshape(real.shape)
            return loss(networks, Batch(real, fake, latent, loss_key))

        def update(loss, params, opt):
            value, grads = jax.value_and_grad(loss)(params)
            updates, opt = optimizer.update(grads, opt, params)
            return value, optax.apply_updates(params, updates), opt

        def update_critic(generator_params, carry, key):
            keys = jax.random.split(key, 3)
            loss, params, opt = update(
                lambda p: play(objective.critic_loss, generator_params, p, *keys), *carry
            )
            return (objective.constrain(params), opt), loss

        carry = (state.params["critic"], state.critic_optimizer)
        against_now = partial(update_critic, state.params["generator"])
        if objective.critic_steps == 1:
            carry, critic_loss = against_now(carry, critic_key)
        else:
            keys = jax.random.split(critic_key, objective.critic_steps)
            carry, losses = lax.scan(against_now, carry, keys, unroll=unroll)
            critic_loss = losses[-1]

        def generator_loss_of(params):
            ahead = carry  # the critic as it would go on against this generator
            if objective.unrolled_steps:
                keys = jax.random.split(jax.random.fold_in(key, 2), objective.unrolled_steps)
                turn = partial(update_critic, params)
                ahead, _ = lax.scan(turn, carry, keys, unroll=unroll)
            real_key, loss_key = jax.random.fold_in(key, 0), jax.random.fold_in(key, 1)
            return play(objective.generator_loss, params, ahead[0], real_key, key, loss_key)

        generator_loss, generator, generator_optimizer = update(
            generator_loss_of, state.params["generator"], state.generator_optimizer
        )
        critic, critic_optimizer = carry
        params = {"generator": generator, "critic": critic, "units": units}
        losses = {"critic_loss": critic_loss, "generator_loss": generator_loss}
        return GANState(params, generator_optimizer, critic_optimizer), losses

    def generate(self, params, z: jax.Array) -> jax.Array:
        """G(z), (n,) or (n, data_dim), for latents of shape (n, latent_dim)."""
        units = params["units"]
        points = self._functions(params["generator"], params["critic"])["generator"](z)
        return units["loc"] + units["scale"] * (points[:, 0] if self.data_dim == 1 else points)

    def critic(self, params, x: jax.Array) -> jax.Array:
        """The objective's `score` at points x; for the classical GANs (n,) logits of D(x)."""
        networks = self._functions(params["generator"], params["critic"])
        units = params["units"]
        return self.objective.score(networks, (x - units["loc"]) / units["scale"])

    def sample(self, params, key: jax.Array, n: int) -> jax.Array:
        return self.generate(params, jax.random.normal(key, (n, self.latent_dim)))

    def learned(self, params) -> Distribution:
        """The law of G(z), for a latent of one dimension."""
        return Pushforward.of(lambda z: self.generate(params, z[:, None]))


__all__ = ["GAN"]
