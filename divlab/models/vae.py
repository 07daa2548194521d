"""VAEs: an encoder and a decoder, trained together on a variational objective."""

import dataclasses
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Key
from numpyro.distributions import Distribution

from divlab.compiling import WITHOUT_FUSION, jit_with
from divlab.divergences.inputs import AnyArray
from divlab.divergences.integrals.arrays import computing_on_host, is_known
from divlab.models.architecture import check_architecture, choose_objective
from divlab.models.data import Data
from divlab.models.learned import Decoded, of_latents
from divlab.models.objectives import VAE_OBJECTIVES, Autoencoder, Prior, Variational
from divlab.models.objectives.adversarial import Points
from divlab.models.objectives.optimizers import flat
from divlab.models.objectives.variational import Latents
from divlab.models.protocol import Losses, State
from divlab.networks import Network, mlp
from divlab.pytrees import Number, pytree, setting


@pytree
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
    learning_rate: dataclasses.InitVar[Number | None] = None

    def __post_init__(self, learning_rate: Number | None) -> None:
        objective = choose_objective(self.objective, VAE_OBJECTIVES, Variational, learning_rate)
        object.__setattr__(self, "objective", objective)
        object.__setattr__(self, "hidden", check_architecture(self))

    @property
    def summary(self) -> str:
        """The kind of model and of objective."""
        return f"VAE, {type(self.objective).__name__}"

    def _networks(self) -> tuple[Network, Network]:
        encoder = mlp((self.data_dim, *self.hidden, 2 * self.latent_dim), self.activation)
        return encoder, mlp((self.latent_dim, *self.hidden, self.data_dim), self.activation)

    def init(self, key: Key[Array, ""], data: Data) -> State:
        """Untrained networks."""
        encoder, decoder = self._networks()
        encoder_key, decoder_key, prior_key = jax.random.split(key, 3)
        learned = {
            "encoder": encoder.init(encoder_key),
            "decoder": decoder.init(decoder_key),
            "log_scale": jnp.zeros(()),
            "prior": self.objective.init_prior(prior_key, self.latent_dim),
        }
        optimizer = flat(self.objective.optimizer())
        return State(learned, optimizer.init(learned))

    def step(
        self, state: State, data: Data, key: Key[Array, ""], *, unroll: bool = False
    ) -> tuple[State, Losses]:
        """One update of both networks; there is no loop to unroll."""
        draw_key, loss_key = jax.random.split(key)
        x = data.draw(draw_key)
        optimizer = flat(self.objective.optimizer())

        def loss_of(params: Any) -> tuple[Float[Array, ""], Losses]:
            model = self.autoencoder(params, data)
            found: tuple[Array, Losses] = self.objective.loss(model, x, loss_key)
            return found

        (loss, parts), grads = jax.value_and_grad(loss_of, has_aux=True)(state.params)
        moves, opt = optimizer.update(grads, state.optimizer, state.params)
        return State(jax.tree.map(lax.add, state.params, moves), opt), {"loss": loss, **parts}

    def autoencoder(self, params: Any, data: Data) -> Autoencoder:
        """What the objective's loss is computed with."""
        encode, decode = partial(self.encode, params), partial(self.decode, params)
        log_unit = jnp.log(jnp.asarray(data.units.scale))
        return Autoencoder(encode, decode, self.prior(params), log_unit)

    def encode(self, params: Any, x: Float[AnyArray, " n *dim"]) -> tuple[Latents, Latents]:
        """Means and log scales of q(z|x) at points x, each (n, latent_dim)."""
        encoder, _ = self._networks()
        columns = jnp.asarray(x).reshape(x.shape[0], -1)
        out = encoder.apply(params["encoder"], columns)
        return out[:, : self.latent_dim], out[:, self.latent_dim :]

    def decode(self, params: Any, z: Float[AnyArray, "n latent"]) -> tuple[Points, Points]:
        """Means and log scales of p(x|z) at (n, latent_dim) latents, each of the shape of x."""
        _, decoder = self._networks()
        out = decoder.apply(params["decoder"], jnp.asarray(z))
        mean = out[:, 0] if self.data_dim == 1 else out
        return mean, jnp.broadcast_to(params["log_scale"], mean.shape)

    def prior(self, params: Any) -> Prior:
        """The law of z."""
        prior: Prior = self.objective.prior(params["prior"], self.latent_dim)
        return prior

    def sample(self, params: Any, key: Key[Array, ""], n: int) -> Points:
        """Draws z from the prior, and x from p(x|z)."""
        latent_key, noise_key = jax.random.split(key)
        mean, log_scale = self.decode(params, self.prior(params).sample(latent_key, n))
        return mean + jnp.exp(log_scale) * jax.random.normal(noise_key, mean.shape)

    def learned(self, params: Any) -> Distribution:
        """The law of x, for a latent of one dimension."""
        prior: tuple[Any, ...]
        if is_known(params):
            with computing_on_host():
                prior = tuple(np.asarray(part, float) for part in _prior(self, params))
        else:
            prior = _prior(self, params)
        return Decoded.of_mixture(of_latents(_decode, self, params), *prior)


@jit_with(WITHOUT_FUSION)
def _decode(model: VAE, params: Any, z: Float[Array, " n"]) -> Float[Array, "2 n"]:
    return jnp.stack(model.decode(params, z[:, None]))


@jit_with(WITHOUT_FUSION)
def _prior(model: VAE, params: Any) -> tuple[Array, ...]:
    """The log weights, means and scales of the components of the law of z."""
    log_weights, means, log_scales = model.prior(params)
    return log_weights, means[:, 0], jnp.exp(log_scales[:, 0])


__all__ = ["VAE"]
