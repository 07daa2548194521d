"""Objectives whose critic looks for the function, or features, in which two samples differ most."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from divlab.models.objectives.adversarial import (
    Adversarial,
    Batch,
    Networks,
    Points,
    Widths,
    length,
    slopes,
)
from divlab.models.objectives.optimizers import Optimizer, adam, rmsprop
from divlab.pytrees import Number, pytree, setting


class _MeanDifference(Adversarial):
    """The critic maximises E[f(x)] - E[f(G(z))], which is W₁ at best if f is 1-Lipschitz."""

    def critic_loss(self, networks: Networks, batch: Batch) -> Float[Array, ""]:
        real, fake = (self.score(networks, x) for x in (batch.real, batch.fake))
        return jnp.mean(fake) - jnp.mean(real)

    def generator_loss(self, networks: Networks, batch: Batch) -> Float[Array, ""]:
        return -jnp.mean(self.score(networks, batch.fake))


@pytree
class Wasserstein(_MeanDifference):
    """Wasserstein GAN with weight clipping: every parameter of the critic stays in [-clip, clip].

    Attributes:
        clip: the bound. The critic's slope, and with it the scale of its loss, grows with the
            cube of it for two hidden layers; the paper's 0.01 leaves networks this small flat.

    Source: Arjovsky, Chintala & Bottou (2017), Wasserstein GAN, algorithm 1 (RMSProp).

    Example:
        >>> import divlab
        >>> model = divlab.GAN(divlab.objectives.Wasserstein(clip=0.05))
        >>> model.objective.clip
        0.05
    """

    learning_rate: Number = 1e-3
    critic_steps: int = setting(5)
    clip: Number = 0.1

    def optimizer(self) -> Optimizer:
        return rmsprop(self.learning_rate, decay=0.99)

    def constrain(self, critic_params: Any) -> Any:
        return jax.tree.map(lambda w: jnp.clip(w, -self.clip, self.clip), critic_params)


def points_between(batch: Batch) -> Points:
    """Points uniform on the segments between real and generated ones."""
    share = jax.random.uniform(batch.key, batch.real.shape[:1])
    share = share.reshape(-1, *(1 for _ in batch.real.shape[1:]))
    return batch.fake + share * (batch.real - batch.fake)


@pytree
class WassersteinGP(_MeanDifference):
    """Wasserstein GAN with a penalty on the critic's slope between real and generated points.

    The penalty is E[max(|f'(x̂)| - 1, 0)²] one-sided, E[(|f'(x̂)| - 1)²] two-sided, x̂ uniform on
    the segment between a real and a generated point.

    Attributes:
        penalty: its coefficient λ. The paper's 10, two-sided, is for images; in one dimension it
            makes the generator drift.
        one_sided: whether only slopes above 1 are penalised.

    Source: Gulrajani et al. (2017), Improved Training of Wasserstein GANs; one-sided: ibid.
    section 4 and Petzka, Fischer & Lukovnikov (2018).

    Example:
        >>> import divlab
        >>> model = divlab.GAN(divlab.objectives.WassersteinGP(one_sided=False))
        >>> model.objective.one_sided
        False
    """

    learning_rate: Number = 1e-3
    critic_steps: int = setting(5)
    penalty: Number = 1.0
    one_sided: bool = setting(True)

    def critic_loss(self, networks: Networks, batch: Batch) -> Float[Array, ""]:
        excess = slopes(lambda x: self.score(networks, x), points_between(batch)) - 1
        if self.one_sided:
            excess = jnp.maximum(excess, 0)
        return super().critic_loss(networks, batch) + self.penalty * jnp.mean(excess**2)

    def optimizer(self) -> Optimizer:
        return adam(self.learning_rate, b1=0.0, b2=0.9)


@pytree
class Cramer(Adversarial):
    """Cramér GAN: the energy distance between features h of real and of generated points.

    The generator minimises E|h(x) - h(G)| + E|h(x) - h(G')| - E|h(G) - h(G')|, the energy distance
    up to what does not depend on it. The critic maximises E[f(x)] - E[f(G)] of
    f(a) = E|h(a) - h(G')| - |h(a)|, less a two-sided penalty on its slope as in WGAN-GP.

    Attributes:
        penalty: the coefficient of the penalty.
        features: the number of features, the dimension of h(x).

    Source: Bellemare et al. (2017), The Cramer Distance as a Solution to Biased Wasserstein
    Gradients, algorithm 1.

    Example:
        >>> import divlab
        >>> model = divlab.GAN(divlab.objectives.Cramer(penalty=1.0))
        >>> model.objective.penalty
        1.0
    """

    learning_rate: Number = 1e-3
    critic_steps: int = setting(5)
    penalty: Number = 10.0
    features: int = setting(8)

    def critic_networks(self, data_dim: int, latent_dim: int, hidden: tuple[int, ...]) -> Widths:
        return {"critic": (data_dim, *hidden, self.features)}

    def score(self, networks: Networks, x: Points) -> Float[Array, "n features"]:
        """The features h(x), (n, features)."""
        return networks["critic"](x)

    def critic_loss(self, networks: Networks, batch: Batch) -> Float[Array, ""]:
        other = self.score(networks, _another(batch.fake))

        def score(x: Points) -> Float[Array, " n"]:
            h = self.score(networks, x)
            return _distance(h, other) - _distance(h, 0.0)

        gap = jnp.mean(score(batch.real)) - jnp.mean(score(batch.fake))
        excess = slopes(score, points_between(batch)) - 1
        return jnp.mean(excess**2) * self.penalty - gap

    def generator_loss(self, networks: Networks, batch: Batch) -> Float[Array, ""]:
        points = batch.real, batch.fake, _another(batch.fake)
        real, fake, other = (self.score(networks, x) for x in points)
        to_real = jnp.mean(_distance(real, fake)) + jnp.mean(_distance(real, other))
        return to_real - jnp.mean(_distance(fake, other))

    def optimizer(self) -> Optimizer:
        return adam(self.learning_rate, b1=0.5, b2=0.9)


def _another(x: Points) -> Points:
    """For each point another, independent one of the same batch."""
    return jnp.roll(x, 1, axis=0)


def _distance(a: Float[Array, "n d"], b: Float[Array, "n d"] | float) -> Float[Array, " n"]:
    return length(a - b, 1e-6)


@pytree
class MMD(Adversarial):
    """MMD GAN: the squared maximum mean discrepancy between features of the two batches.

    The kernel is the sum of Gaussian ones of bandwidths 1, 2, 4, 8 and 16 on the features h(x). The
    critic maximises it less `reconstruction`·E|y - decoder(h(y))|² over real and generated y,
    which keeps h injective, with its weights clipped; the generator minimises it.

    Attributes:
        reconstruction: the coefficient of the autoencoder's error.
        clip: bound of the parameters of h.
        features: the number of features, the dimension of h(x).

    Source: Li et al. (2017), MMD GAN: Towards Deeper Understanding of Moment Matching Network,
    algorithm 1.

    Example:
        >>> import divlab
        >>> model = divlab.GAN(divlab.objectives.MMD(features=4))
        >>> model.objective.features
        4
    """

    learning_rate: Number = 1e-3
    reconstruction: Number = 8.0
    clip: Number = 1.0
    features: int = setting(2)

    def critic_networks(self, data_dim: int, latent_dim: int, hidden: tuple[int, ...]) -> Widths:
        return {
            "critic": (data_dim, *hidden, self.features),
            "decoder": (self.features, *hidden, data_dim),
        }

    def score(self, networks: Networks, x: Points) -> Float[Array, "n features"]:
        """The features h(x), (n, features)."""
        return networks["critic"](x)

    def critic_loss(self, networks: Networks, batch: Batch) -> Float[Array, ""]:
        def error_of(x: Points, features: Float[Array, "n features"]) -> Float[Array, ""]:
            missed = x.reshape(x.shape[0], -1) - networks["decoder"](features)
            return jnp.mean(jnp.sum(missed**2, axis=-1))

        real, fake = (self.score(networks, x) for x in (batch.real, batch.fake))
        error = (error_of(batch.real, real) + error_of(batch.fake, fake)) / 2
        return error * self.reconstruction - squared_mmd(real, fake)

    def generator_loss(self, networks: Networks, batch: Batch) -> Float[Array, ""]:
        return squared_mmd(*(self.score(networks, x) for x in (batch.real, batch.fake)))

    def optimizer(self) -> Optimizer:
        return rmsprop(self.learning_rate, decay=0.99)

    def constrain(self, critic_params: Any) -> Any:
        clipped = jax.tree.map(
            lambda w: jnp.clip(w, -self.clip, self.clip), critic_params["critic"]
        )
        return {**critic_params, "critic": clipped}


def squared_mmd(a: Float[Array, "n d"], b: Float[Array, "m d"]) -> Float[Array, ""]:
    """Mean of k over pairs of a, plus over pairs of b, less twice over pairs of both.

    k(h, h') = Σ exp(-|h - h'|² / (2 s²)) over s = 1, 2, 4, 8, 16.
    """

    def mean_kernel(a: Float[Array, "n d"], b: Float[Array, "m d"]) -> Float[Array, ""]:
        # A sum over a Python loop is one pass over all pairs, faster than over an axis.
        squares = sum((u[:, None] - v[None]) ** 2 for u, v in zip(a.T, b.T, strict=True))
        return jnp.mean(sum(jnp.exp(-squares / (2 * s**2)) for s in (1.0, 2.0, 4.0, 8.0, 16.0)))

    return mean_kernel(a, a) + mean_kernel(b, b) - 2 * mean_kernel(a, b)
