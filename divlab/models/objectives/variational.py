"""Objectives of VAEs: bounds on the expected negative log-likelihood, and relatives of them."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax.scipy.special import logsumexp
from jax.scipy.stats import norm
from jaxtyping import Array, Float, Key

from divlab.models.objectives.adversarial import Points
from divlab.models.objectives.optimizers import Optimizer, adam
from divlab.pytrees import Number, pytree, setting

Latents: TypeAlias = Float[Array, "n latent"]
Encode: TypeAlias = Callable[[Points], tuple[Latents, Latents]]
Decode: TypeAlias = Callable[[Latents], tuple[Points, Points]]
Parts: TypeAlias = dict[str, Float[Array, ""]]


class Prior(NamedTuple):
    """A mixture of K Gaussians over the latents, with independent dimensions in each.

    Attributes:
        log_weights: (K,) logarithms of the shares, which sum to 1.
        means: (K, latent_dim).
        log_scales: (K, latent_dim) logarithms of the standard deviations.

    Example:
        >>> import jax.numpy as jnp
        >>> import divlab
        >>> prior = divlab.objectives.Prior(jnp.zeros(1), jnp.zeros((1, 1)), jnp.zeros((1, 1)))
        >>> round(float(prior.log_prob(jnp.zeros(1))), 4)
        -0.9189
    """

    log_weights: Float[Array, " K"]
    means: Float[Array, "K latent"]
    log_scales: Float[Array, "K latent"]

    def log_prob(self, z: Float[Array, "*shape latent"]) -> Float[Array, "*shape"]:
        """The log density at (..., latent_dim) latents, in nats."""
        parts = norm.logpdf(z[..., None, :], self.means, jnp.exp(self.log_scales))
        return logsumexp(self.log_weights + jnp.sum(parts, axis=-1), axis=-1)

    def sample(self, key: Key[Array, ""], n: int) -> Latents:
        """Draws (n, latent_dim)."""
        which_key, noise_key = jax.random.split(key)
        which = jax.random.categorical(which_key, self.log_weights, shape=(n,))
        noise = jax.random.normal(noise_key, (n, self.means.shape[1]))
        return self.means[which] + jnp.exp(self.log_scales[which]) * noise


class Autoencoder(NamedTuple):
    """The functions that the loss of a VAE is computed with.

    Attributes:
        encode: (n,) points, or (n, data_dim), to the means and log scales of q(z|x), each
            (n, latent_dim).
        decode: (n, latent_dim) latents to the means and log scales of p(x|z), of the shape of x.
        prior: p(z).
        log_unit: the logarithm of the unit in which points are given; log densities are those in
            units of x.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> from divlab.objectives import ELBO, Autoencoder
        >>> prior = ELBO().prior((), latent_dim=1)
        >>> same = lambda a: (jnp.zeros((len(a), 1)), jnp.zeros((len(a), 1)))
        >>> model = Autoencoder(same, lambda z: (jnp.zeros(len(z)), jnp.zeros(len(z))), prior)
        >>> loss = jax.jit(lambda x, key: ELBO().loss(model, x, key))
        >>> _, parts = loss(jnp.zeros(4), jax.random.key(0))
        >>> sorted(parts)
        ['kl_to_prior', 'reconstruction']
    """

    encode: Encode
    decode: Decode
    prior: Prior
    log_unit: Float[Array, ""] | float = 0.0


@pytree
class Variational:
    """What every objective of a VAE has; a new one overrides the loss.

    Attributes:
        learning_rate: Adam's step size.

    Example:
        >>> from divlab.objectives import ELBO
        >>> prior = ELBO().prior((), latent_dim=1)
        >>> prior.means.tolist(), prior.log_scales.tolist()
        ([[0.0]], [[0.0]])
    """

    learning_rate: Number = 3e-3

    def init_prior(self, key: Key[Array, ""], latent_dim: int) -> Any:
        """The prior's parameters, if it has any."""
        return ()

    def prior(self, params: Any, latent_dim: int) -> Prior:
        """p(z): N(0, 1) in each dimension, unless a subclass says otherwise."""
        zeros = jnp.zeros((1, latent_dim))
        return Prior(jnp.zeros(1), zeros, zeros)

    def loss(
        self, model: Autoencoder, x: Points, key: Key[Array, ""]
    ) -> tuple[Float[Array, ""], Parts]:
        """The loss and a dict of its parts, in nats, for a batch x."""
        raise TypeError(f"{type(self).__name__} does not define loss.")

    def optimizer(self) -> Optimizer:
        """Adam with its own defaults."""
        return adam(self.learning_rate)


def draw_latents(
    model: Autoencoder, x: Points, key: Key[Array, ""], shape: tuple[int, ...] = ()
) -> tuple[Float[Array, "*shape n latent"], Latents, Latents]:
    """Latents from q(z|x), shape + (n, latent_dim), and the means and log scales of q."""
    mean, log_scale = model.encode(x)
    z = mean + jnp.exp(log_scale) * jax.random.normal(key, (*shape, *mean.shape))
    return z, mean, log_scale


def log_likelihood(model: Autoencoder, x: Points, z: Latents) -> Float[Array, " n"]:
    """The value of log p(x|z) for n points and their latents, (n,)."""
    mean, log_scale = model.decode(z)
    each = norm.logpdf(x, mean, jnp.exp(log_scale))
    return jnp.sum(each.reshape(each.shape[0], -1) - model.log_unit, axis=-1)


def kl_to_standard_normal(mean: Latents, log_scale: Latents) -> Float[Array, " n"]:
    """KL(N(mean, scale²)‖N(0, 1)) in nats, summed over dimensions, (n,)."""
    return jnp.sum(0.5 * (mean**2 + jnp.exp(2 * log_scale) - 1) - log_scale, axis=-1)


@pytree
class BetaELBO(Variational):
    """E_q[-log p(x|z)] + β·KL(q(z|x)‖N(0, 1)); β = 1 is the ELBO.

    The first part is estimated with one latent for each x, the second is exact.

    Attributes:
        beta: above 1 latents say less about x, and more of its spread is left to the decoder's
            noise. On two Gaussians of scale 0.5, 4 apart, with a decoder that learns its noise,
            they say nothing at all from β = 1.5 on: the model is one wide Gaussian (W₁ 0.74).

    Source: Higgins et al. (2017), beta-VAE, equation 4.

    Example:
        >>> import divlab
        >>> model = divlab.VAE(divlab.objectives.BetaELBO(beta=4.0))
        >>> model.objective.beta
        4.0
    """

    beta: Number = 1.1

    def loss(
        self, model: Autoencoder, x: Points, key: Key[Array, ""]
    ) -> tuple[Float[Array, ""], Parts]:
        z, mean, log_scale = draw_latents(model, x, key)
        reconstruction = -jnp.mean(log_likelihood(model, x, z))
        kl = jnp.mean(kl_to_standard_normal(mean, log_scale))
        parts = {"reconstruction": reconstruction, "kl_to_prior": kl}
        return reconstruction + self.beta * kl, parts


@pytree
class ELBO(Variational):
    """-ELBO = E_q[-log p(x|z)] + KL(q(z|x)‖N(0, 1)), an upper bound on -log p(x), in nats.

    The first part is estimated with one latent for each x, the second is exact.

    Source: Kingma & Welling (2014), Auto-Encoding Variational Bayes, equation 10.

    Example:
        >>> import divlab
        >>> model = divlab.VAE(divlab.objectives.ELBO(learning_rate=0.001))
        >>> model.objective.learning_rate
        0.001
    """

    def loss(
        self, model: Autoencoder, x: Points, key: Key[Array, ""]
    ) -> tuple[Float[Array, ""], Parts]:
        return BetaELBO(beta=1.0).loss(model, x, key)


@pytree
class IWAE(Variational):
    """-E log of the mean of p(x, z_i) / q(z_i|x) over several latents: a tighter upper bound.

    Attributes:
        latents: how many; 1 is the ELBO, and the bound closes as it grows.

    Source: Burda, Grosse & Salakhutdinov (2016), Importance Weighted Autoencoders, equation 8.

    Example:
        >>> import divlab
        >>> model = divlab.VAE(divlab.objectives.IWAE(latents=50))
        >>> model.objective.latents
        50
    """

    latents: int = setting(8)

    def loss(
        self, model: Autoencoder, x: Points, key: Key[Array, ""]
    ) -> tuple[Float[Array, ""], Parts]:
        z, mean, log_scale = draw_latents(model, x, key, (self.latents,))
        log_likelihoods = jax.vmap(lambda z: log_likelihood(model, x, z))(z)
        log_q = jnp.sum(norm.logpdf(z, mean, jnp.exp(log_scale)), axis=-1)
        log_ratios = log_likelihoods + model.prior.log_prob(z) - log_q
        bound = logsumexp(log_ratios, axis=0) - jnp.log(float(self.latents))
        return -jnp.mean(bound), {"elbo": jnp.mean(log_ratios)}


@pytree
class InfoVAE(Variational):
    """E_q[-log p(x|z)] + (1-α)·KL(q(z|x)‖p(z)) + (α+λ-1)·MMD²(q(z), p(z)).

    The last part compares the latents of a whole batch with the prior itself, by a Gaussian kernel
    whose bandwidth is the root of the number of dimensions: its means over N(0, 1) are known.

    Attributes:
        alpha: 0 leaves the ELBO with a penalty; 1, the MMD-VAE, frees q(z|x) from the prior.
        penalty: λ.

    Source: Zhao, Song & Ermon (2017), InfoVAE, equation 6 and section 3.2.

    Example:
        >>> import divlab
        >>> model = divlab.VAE(divlab.objectives.InfoVAE(alpha=1.0))
        >>> model.objective.alpha
        1.0
    """

    alpha: Number = 0.0
    penalty: Number = 10.0

    def loss(
        self, model: Autoencoder, x: Points, key: Key[Array, ""]
    ) -> tuple[Float[Array, ""], Parts]:
        z, mean, log_scale = draw_latents(model, x, key)
        reconstruction = -jnp.mean(log_likelihood(model, x, z))
        kl = jnp.mean(kl_to_standard_normal(mean, log_scale))
        mmd = squared_mmd_to_standard_normal(z)
        loss = reconstruction + (1 - self.alpha) * kl + (self.alpha + self.penalty - 1) * mmd
        return loss, {"reconstruction": reconstruction, "kl_to_prior": kl, "mmd": mmd}


def squared_mmd_to_standard_normal(z: Latents) -> Float[Array, ""]:
    """E k(z, z') - 2 E k(z, Z) + E k(Z, Z') for samples z (n, d) and Z, Z' ~ N(0, 1).

    k(a, b) = exp(-|a - b|² / (2 d)).
    """
    dim = z.shape[1]
    squares = sum((u[:, None] - u[None]) ** 2 for u in z.T)
    to_prior = (dim / (dim + 1)) ** (dim / 2) * jnp.exp(-jnp.sum(z**2, axis=-1) / (2 * (dim + 1)))
    inside = (dim / (dim + 2)) ** (dim / 2)
    apart: Array = jnp.mean(jnp.exp(-squares / (2 * dim))) - 2 * jnp.mean(to_prior) + inside
    return apart


@pytree
class MixturePrior(Variational):
    """-ELBO with a prior that is a mixture of Gaussians, learned with the rest.

    KL(q(z|x)‖p(z)) has no closed form then and is estimated, as the reconstruction is, with one
    latent for each x. Of the paper's model this is the part that matters in one dimension: clusters
    in the prior, without its second layer of latents that bends them.

    Attributes:
        components: Gaussians in the prior.

    Source: Dilokthanakul et al. (2016), Deep Unsupervised Clustering with Gaussian Mixture
    Variational Autoencoders; Tomczak & Welling (2018), VAE with a VampPrior, section 3 (a mixture
    of Gaussians as the prior).

    Example:
        >>> import divlab
        >>> model = divlab.VAE(divlab.objectives.MixturePrior(components=3))
        >>> model.objective.components
        3
    """

    components: int = setting(2)

    def init_prior(self, key: Key[Array, ""], latent_dim: int) -> Any:
        means = jax.random.normal(key, (self.components, latent_dim))
        zeros = jnp.zeros(self.components)
        return {"logits": zeros, "means": means, "log_scales": jnp.zeros_like(means)}

    def prior(self, params: Any, latent_dim: int) -> Prior:
        weights = jax.nn.log_softmax(params["logits"])
        return Prior(weights, params["means"], params["log_scales"])

    def loss(
        self, model: Autoencoder, x: Points, key: Key[Array, ""]
    ) -> tuple[Float[Array, ""], Parts]:
        z, mean, log_scale = draw_latents(model, x, key)
        reconstruction = -jnp.mean(log_likelihood(model, x, z))
        log_q = jnp.sum(norm.logpdf(z, mean, jnp.exp(log_scale)), axis=-1)
        kl = jnp.mean(log_q - model.prior.log_prob(z))
        return reconstruction + kl, {"reconstruction": reconstruction, "kl_to_prior": kl}
