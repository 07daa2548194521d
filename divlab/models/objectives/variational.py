"""Objectives of VAEs: bounds on the expected negative log-likelihood."""

import jax
import jax.numpy as jnp
import optax
from jax.scipy.stats import norm

from divlab.records import record


@record
class Variational:
    """What every objective of a VAE has; a new one overrides the loss.

    Attributes:
        learning_rate: Adam's step size.
    """

    learning_rate: float = 3e-3

    def loss(self, encode, decode, x: jax.Array, key: jax.Array):
        """The loss and a dict of its parts.

        Args:
            encode: (n,) points to the means and log scales of q(z|x), each (n, latent_dim).
            decode: (n, latent_dim) latents to the means and log scales of p(x|z), each (n,).
            x: (n,) points.
            key: for the latents.
        """
        raise TypeError(f"{type(self).__name__} does not define loss.")

    def optimizer(self) -> optax.GradientTransformation:
        return optax.adam(self.learning_rate)


@record
class ELBO(Variational):
    """-ELBO = E_q[-log p(x|z)] + KL(q(z|x)‖N(0, 1)), an upper bound on -log p(x), in nats.

    The first part is estimated with one latent for each x, the second is exact.

    Source: Kingma & Welling (2014), Auto-Encoding Variational Bayes, equation 10.
    """

    def loss(self, encode, decode, x, key):
        mean, log_scale = encode(x)
        z = mean + jnp.exp(log_scale) * jax.random.normal(key, mean.shape)
        x_mean, x_log_scale = decode(z)
        reconstruction = -jnp.mean(norm.logpdf(x, x_mean, jnp.exp(x_log_scale)))
        squares = mean**2 + jnp.exp(2 * log_scale)
        kl = jnp.mean(jnp.sum(0.5 * (squares - 1) - log_scale, axis=-1))
        return reconstruction + kl, {"reconstruction": reconstruction, "kl_to_prior": kl}


VAE_OBJECTIVES = {"elbo": ELBO()}
