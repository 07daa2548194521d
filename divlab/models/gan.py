"""GANs: a generator and a critic, trained in turn on an adversarial objective."""

import dataclasses
from typing import Any, NamedTuple

import jax
import optax
from jax import lax
from numpyro.distributions import Distribution

from divlab.models.architecture import check_architecture, choose_objective
from divlab.models.learned import Pushforward
from divlab.models.objectives.adversarial import GAN_OBJECTIVES, Adversarial
from divlab.networks import mlp
from divlab.records import record, setting


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
    activation: str = setting("leaky_relu")
    learning_rate: dataclasses.InitVar[float | None] = None

    def __post_init__(self, learning_rate):
        objective = choose_objective(self.objective, GAN_OBJECTIVES, Adversarial, learning_rate)
        object.__setattr__(self, "objective", objective)
        object.__setattr__(self, "hidden", check_architecture(self))

    def _networks(self):
        generator = mlp(self.latent_dim, self.hidden, 1, self.activation)
        return generator, mlp(1, self.hidden, 1, self.activation)

    def init(self, key: jax.Array, loc: jax.Array, scale: jax.Array) -> GANState:
        """Fresh parameters; `loc` and `scale` are the units in which the networks see x."""
        generator, critic = self._networks()
        generator_key, critic_key = jax.random.split(key)
        params = {
            "generator": generator.init(generator_key),
            "critic": self.objective.constrain(critic.init(critic_key)),
            "units": {"loc": loc, "scale": scale},
        }
        start = self.objective.optimizer().init
        return GANState(params, start(params["generator"]), start(params["critic"]))

    def step(self, state: GANState, draw, key: jax.Array):
        """`critic_steps` updates of the critic and one of the generator.

        Args:
            state: before the step.
            draw: key -> (n,) points of the target.
            key: of this step.
        """
        generator, critic = self._networks()
        optimizer, objective = self.objective.optimizer(), self.objective
        units = state.params["units"]
        critic_key, key = jax.random.split(key)
        batch = jax.eval_shape(lambda key: draw(key), key).shape[0]

        def generate(params, key):
            return generator.apply(params, jax.random.normal(key, (batch, self.latent_dim)))[:, 0]

        def score(params):
            return lambda x: critic.apply(params, x[:, None])[:, 0]

        def update_critic(carry, key):
            params, opt = carry
            real_key, fake_key, loss_key = jax.random.split(key, 3)
            real = (draw(real_key) - units["loc"]) / units["scale"]
            fake = generate(state.params["generator"], fake_key)
            loss, grads = jax.value_and_grad(
                lambda p: objective.critic_loss(score(p), real, fake, loss_key)
            )(params)
            updates, opt = optimizer.update(grads, opt, params)
            return (objective.constrain(optax.apply_updates(params, updates)), opt), loss

        carry = (state.params["critic"], state.critic_optimizer)
        if objective.critic_steps == 1:
            carry, critic_loss = update_critic(carry, critic_key)
        else:
            keys = jax.random.split(critic_key, objective.critic_steps)
            carry, losses = lax.scan(update_critic, carry, keys)
            critic_loss = losses[-1]
        critic_params, critic_optimizer = carry

        generator_loss, grads = jax.value_and_grad(
            lambda p: objective.generator_loss(score(critic_params), generate(p, key))
        )(state.params["generator"])
        updates, generator_optimizer = optimizer.update(
            grads, state.generator_optimizer, state.params["generator"]
        )
        params = {
            "generator": optax.apply_updates(state.params["generator"], updates),
            "critic": critic_params,
            "units": units,
        }
        losses = {"critic_loss": critic_loss, "generator_loss": generator_loss}
        return GANState(params, generator_optimizer, critic_optimizer), losses

    def generate(self, params, z: jax.Array) -> jax.Array:
        """G(z), for latents of shape (n, latent_dim)."""
        generator, _ = self._networks()
        units = params["units"]
        return units["loc"] + units["scale"] * generator.apply(params["generator"], z)[:, 0]

    def critic(self, params, x: jax.Array) -> jax.Array:
        """The critic's scores at (n,) points x; for the classical GANs logits of D(x)."""
        _, critic = self._networks()
        units = params["units"]
        return critic.apply(params["critic"], ((x - units["loc"]) / units["scale"])[:, None])[:, 0]

    def sample(self, params, key: jax.Array, n: int) -> jax.Array:
        return self.generate(params, jax.random.normal(key, (n, self.latent_dim)))

    def learned(self, params) -> Distribution:
        """The law of G(z), for a latent of one dimension."""
        return Pushforward.of(lambda z: self.generate(params, z[:, None]))


__all__ = ["GAN"]
