"""VAEs: an encoder and a decoder, trained together on a variational objective."""

import dataclasses
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from numpyro.distributions import Distribution

from divlab.models.architecture import check_architecture, choose_objective, optimizer_of
from divlab.models.learned import Decoded
from divlab.models.objectives import VAE_OBJECTIVES, Autoencoder, Prior, Variational
from divlab.networks import mlp
from divlab.pytrees import record, setting


class VAEState(NamedTuple):
    params: dict[str, Any]
    optimizer: Any


@record
class VAE:
    """A variational autoencoder on the line: z ~ N(0, 1), x | z ~ N(μ(z), σ²), σ learned.

    Args:
        objective: a name in `divlab.VAE_OBJECTIVES`, or an object of `divlab.objectives`.
        hidden: widths of the hidden layers, of the encoder and of the decoder.
        latent_dim: dimension of z; with 1 the density the decoder learns is known exactly.
        data_dim: dimension of x. `fit` learns numbers, of dimension 1; others are for
            `divlab.training_cost`.
        activation: "silu", "leaky_relu" (slope 0.2), "relu", "softplus" or "tanh".
        learning_rate: None for the objective's own.

    Raises:
        TypeError, ValueError: an unknown name (the message lists the known ones), a width or
            dimension below 1, a learning rate that is not positive.

    Example:
        >>> import divlab
        >>> divlab.VAE("elbo").latent_dim
        1
    """

    objective: Any = "elbo"
    hidden: tuple[int, ...] = setting((32, 32))
    latent_dim: int = setting(1)
    data_dim: int = setting(1)
    activation: str = setting("silu")
    learning_rate: dataclasses.InitVar[float | None] = None

    def __post_init__(self, learning_rate):
        objective = choose_objective(self.objective, VAE_OBJECTIVES, Variational, learning_rate)
        object.__setattr__(self, "objective", objective)
        object.__setattr__(self, "hidden", check_architecture(self))

    def _networks(self):
        encoder = mlp((self.data_dim, *self.hidden, 2 * self.latent_dim), self.activation)
        return encoder, mlp((self.latent_dim, *self.hidden, self.data_dim), self.activation)

    def init(self, key: jax.Array, loc: jax.Array, scale: jax.Array) -> VAEState:
        """Fresh parameters; `loc` and `scale` are the units in which the networks see x."""
        encoder, decoder = self._networks()
        encoder_key, decoder_key = jax.random.split(key)
        params = {
            "encoder": encoder.init(encoder_key),
            "decoder": decoder.init(decoder_key),
            "log_scale": jnp.zeros(()),
            "prior": self.objective.init_prior(jax.random.fold_in(key, 2), self.latent_dim),
            "units": {"loc": loc, "scale": scale},
        }
        return VAEState(params, optimizer_of(self.objective).init(params))

    def step(self, state: VAEState, draw, key: jax.Array):
        """One update of both networks; arguments as in `GAN.step`."""
        draw_key, loss_key = jax.random.split(key)
        x = draw(draw_key)
        optimizer = optimizer_of(self.objective)

        def loss_of(params):
            encode, decode = partial(self.encode, params), partial(self.decode, params)
            model = Autoencoder(encode, decode, self.prior(params))
            return self.objective.loss(model, x, loss_key)

        (loss, parts), grads = jax.value_and_grad(loss_of, has_aux=True)(state.params)
        grads["units"] = jax.tree.map(jnp.zeros_like, grads["units"])  # given, not learned
        updates, opt = optimizer.update(grads, state.optimizer, state.params)
        return VAEState(optax.apply_updates(state.params, updates), opt), {"loss": loss, **parts}

    def encode(self, params, x: jax.Array):
        """Means and log scales of q(z|x) at points x, each (n, latent_dim)."""
        encoder, _ = self._networks()
        units = params["units"]
        columns = ((x - units["loc"]) / units["scale"]).reshape(x.shape[0], -1)
        out = encoder.apply(params["encoder"], columns)
        return out[:, : self.latent_dim], out[:, self.latent_dim :]

    def decode(self, params, z: jax.Array):
        """Means and log scales of p(x|z) at (n, latent_dim) latents, each of the shape of x."""
        _, decoder = self._networks()
        units = params["units"]
        out = decoder.apply(params["decoder"], z)
        mean = units["loc"] + units["scale"] * (out[:, 0] if self.data_dim == 1 else out)
        return mean, jnp.broadcast_to(jnp.log(units["scale"]) + params["log_scale"], mean.shape)

    def prior(self, params) -> Prior:
        """The law of z."""
        return self.objective.prior(params["prior"], self.latent_dim)

    def sample(self, params, key: jax.Array, n: int) -> jax.Array:
        latent_key, noise_key = jax.random.split(key)
        mean, log_scale = self.decode(params, self.prior(params).sample(latent_key, n))
        return mean + jnp.exp(log_scale) * jax.random.normal(noise_key, mean.shape)

    def learned(self, params) -> Distribution:
        """The law of x, for a latent of one dimension."""
        log_weights, means, log_scales = self.prior(params)
        scales = jnp.exp(log_scales[:, 0])
        decode = lambda z: self.decode(params, z[:, None])  # noqa: E731
        return Decoded.of_mixture(decode, log_weights, means[:, 0], scales)


__all__ = ["VAE"]
