"""Objectives whose critic tells real from generated points: its score estimates a density ratio.

For the classical ones the score is the logit of the discriminator D, D(x) = 1 / (1 + exp(-score)).
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from divlab.divergences import families
from divlab.models.objectives.adversarial import (
    Adversarial,
    Batch,
    Networks,
    Points,
    Widths,
    slopes,
)
from divlab.models.objectives.optimizers import Optimizer, adam
from divlab.pytrees import Number, pytree, setting


class Discriminator(Adversarial):
    """-E[log D(x)] - E[log(1 - D(G(z)))], whose least value is log 4 - 2·JS."""

    def critic_loss(self, networks: Networks, batch: Batch) -> Float[Array, ""]:
        real, fake = (self.score(networks, x) for x in (batch.real, batch.fake))
        return jnp.mean(jax.nn.softplus(-real)) + jnp.mean(jax.nn.softplus(fake))


@pytree
class Minimax(Discriminator):
    """The zero-sum game: the generator minimises E[log(1 - D(G(z)))].

    Source: Goodfellow et al. (2014), Generative Adversarial Nets, equation 1.

    Example:
        >>> import divlab
        >>> model = divlab.GAN(divlab.objectives.Minimax(learning_rate=0.0003))
        >>> model.objective.learning_rate
        0.0003
    """

    def generator_loss(self, networks: Networks, batch: Batch) -> Float[Array, ""]:
        return -jnp.mean(jax.nn.softplus(self.score(networks, batch.fake)))


@pytree
class NonSaturating(Discriminator):
    """The generator minimises -E[log D(G(z))], which still has a gradient where D is near 0.

    Source: Goodfellow et al. (2014), Generative Adversarial Nets, section 3.

    Example:
        >>> import divlab
        >>> model = divlab.GAN(divlab.objectives.NonSaturating(learning_rate=0.0003))
        >>> model.objective.learning_rate
        0.0003
    """

    def generator_loss(self, networks: Networks, batch: Batch) -> Float[Array, ""]:
        return jnp.mean(jax.nn.softplus(-self.score(networks, batch.fake)))


@pytree
class R1(NonSaturating):
    """Non-saturating, with a penalty γ/2·E[|∇score|²] on the critic's slope at real points.

    Attributes:
        penalty: γ. At the optimum D is flat where the data are, and the game comes to rest there.

    Source: Mescheder, Geiger & Nowozin (2018), Which Training Methods for GANs do actually
    Converge?, equation 9; γ = 10 and no momentum are theirs too.

    Example:
        >>> import divlab
        >>> model = divlab.GAN(divlab.objectives.R1(penalty=1.0))
        >>> model.objective.penalty
        1.0
    """

    penalty: Number = 10.0

    def critic_loss(self, networks: Networks, batch: Batch) -> Float[Array, ""]:
        slope = slopes(lambda x: self.score(networks, x), batch.real)
        return super().critic_loss(networks, batch) + self.penalty / 2 * jnp.mean(slope**2)

    def optimizer(self) -> Optimizer:
        return adam(self.learning_rate, b1=0.0, b2=0.99)


@pytree
class LeastSquares(Adversarial):
    """½·E[(D(x) - 1)²] + ½·E[D(G(z))²] for a critic D without bounds; G minimises ½·E[(D - 1)²].

    Source: Mao et al. (2017), Least Squares Generative Adversarial Networks, equation 9.

    Example:
        >>> import divlab
        >>> model = divlab.GAN(divlab.objectives.LeastSquares(learning_rate=0.0003))
        >>> model.objective.learning_rate
        0.0003
    """

    def critic_loss(self, networks: Networks, batch: Batch) -> Float[Array, ""]:
        real, fake = (self.score(networks, x) for x in (batch.real, batch.fake))
        return 0.5 * jnp.mean((real - 1) ** 2) + 0.5 * jnp.mean(fake**2)

    def generator_loss(self, networks: Networks, batch: Batch) -> Float[Array, ""]:
        return 0.5 * jnp.mean((self.score(networks, batch.fake) - 1) ** 2)


@pytree
class Hinge(Adversarial):
    """E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))]; the generator minimises -E[D(G(z))].

    Source: Lim & Ye (2017), Geometric GAN; Tran, Ranganath & Blei (2017).

    Example:
        >>> import divlab
        >>> model = divlab.GAN(divlab.objectives.Hinge(learning_rate=0.0003))
        >>> model.objective.learning_rate
        0.0003
    """

    def critic_loss(self, networks: Networks, batch: Batch) -> Float[Array, ""]:
        real, fake = (self.score(networks, x) for x in (batch.real, batch.fake))
        return jnp.mean(jax.nn.relu(1 - real)) + jnp.mean(jax.nn.relu(1 + fake))

    def generator_loss(self, networks: Networks, batch: Batch) -> Float[Array, ""]:
        return -jnp.mean(self.score(networks, batch.fake))


@pytree
class FGAN(Adversarial):
    """The bound E[T(x)] - E[f*(T(G(z)))] ≤ D_f(P‖P_G), T = activation(score), played as minimax.

    Attributes:
        family: a row of `divlab.families`, which has f* and the activation.

    Source: Nowozin, Cseke & Tomioka (2016), f-GAN, equations 4 to 6 and table 6.

    Example:
        >>> import divlab
        >>> model = divlab.GAN(divlab.objectives.FGAN(family=divlab.families.pearson))
        >>> model.objective.family
        Pearson()
    """

    family: Any = families.kl

    def _conjugate(self, networks: Networks, batch: Batch) -> Float[Array, " n"]:
        values: Array = self.family.activated_conjugate(self.score(networks, batch.fake))
        return values

    def critic_loss(self, networks: Networks, batch: Batch) -> Float[Array, ""]:
        at_real = self.family.activation(self.score(networks, batch.real))
        return jnp.mean(self._conjugate(networks, batch)) - jnp.mean(at_real)

    def generator_loss(self, networks: Networks, batch: Batch) -> Float[Array, ""]:
        return -jnp.mean(self._conjugate(networks, batch))


@pytree
class Unrolled(NonSaturating):
    """Non-saturating; the generator's gradient goes through updates that the critic would make.

    Attributes:
        unrolled_steps: how many updates of the critic, undone after the generator's own.

    Source: Metz et al. (2017), Unrolled Generative Adversarial Networks, equations 10 and 11.

    Example:
        >>> import divlab
        >>> model = divlab.GAN(divlab.objectives.Unrolled(unrolled_steps=3))
        >>> model.objective.unrolled_steps
        3
    """

    learning_rate: Number = 3e-3
    unrolled_steps: int = setting(5)

    def optimizer(self) -> Optimizer:
        # Adam divides by the root of a mean square that is 0 for a unit that is off; the root has
        # no derivative there.
        return adam(self.learning_rate, b1=0.0, b2=0.99, eps_root=1e-8)


@pytree
class Minibatch(NonSaturating):
    """Non-saturating, with a critic that sees how close each point is to the others of its batch.

    Point i has rows M_i of features; beside its own the critic sees, for each row b, the sum over
    the batch Σ_j exp(-|M_ib - M_jb|₁), divided by the size of the batch so that it does not depend
    on it. A generator that puts its mass in one place gives itself away.

    Attributes:
        real_label: what D should say of real points; below 1 it is one-sided label smoothing.
        rows: b, how many sums.
        row_size: numbers in a row.

    Source: Salimans et al. (2016), Improved Techniques for Training GANs, sections 3.2 and 3.4.

    Example:
        >>> import divlab
        >>> model = divlab.GAN(divlab.objectives.Minibatch(rows=8))
        >>> model.objective.rows
        8
    """

    real_label: Number = 1.0
    rows: int = setting(4)
    row_size: int = setting(2)

    def critic_networks(self, data_dim: int, latent_dim: int, hidden: tuple[int, ...]) -> Widths:
        features = hidden[-1] if hidden else data_dim
        return {
            "features": (data_dim, *hidden),
            "similarity": (features, self.rows * self.row_size),
            "critic": (features + self.rows, *hidden[-1:], 1),
        }

    def score(self, networks: Networks, x: Points) -> Float[Array, " n"]:
        features = networks["features"](x)
        rows = networks["similarity"](features).T.reshape(self.row_size, self.rows, -1)
        # A sum over a Python loop is one pass over all pairs, 20 times faster than over an axis.
        distances = sum(jnp.abs(row[:, :, None] - row[:, None, :]) for row in rows)
        closeness = jnp.mean(jnp.exp(-distances), axis=-1).T
        return networks["critic"](jnp.concatenate([features, closeness], axis=1))[:, 0]

    def critic_loss(self, networks: Networks, batch: Batch) -> Float[Array, ""]:
        real, fake = (self.score(networks, x) for x in (batch.real, batch.fake))
        # -label·log D - (1 - label)·log(1 - D)
        at_real = jax.nn.softplus(-real) + (1 - self.real_label) * real
        return jnp.mean(at_real) + jnp.mean(jax.nn.softplus(fake))

    def optimizer(self) -> Optimizer:
        return adam(self.learning_rate, b1=0.5)


@pytree
class VEEGAN(Adversarial):
    """A reconstructor F maps points back to latents; the critic sees pairs of a point and a latent.

    The critic tells (G(z), z) from (x, F(x)) by the logistic loss, so that its score is the log of
    the ratio of their densities. The generator minimises the mean score of its pairs plus
    E|z - F(G(z))|², the reconstructor the latter. A mode without generated points has latents F(x)
    that do not look like z, and the critic notices that.

    Attributes:
        penalty: γ of a penalty γ/2·E[|∇score|²] at real pairs. The paper has none; but with one
            latent for one number both kinds of pairs are curves in the plane. A critic can separate
            them perfectly, and the generator's steps become erratic.

    Source: Srivastava et al. (2017), VEEGAN: Reducing Mode Collapse in GANs using Implicit
    Variational Learning, algorithm 1.

    Example:
        >>> import divlab
        >>> model = divlab.GAN(divlab.objectives.VEEGAN(penalty=2.0))
        >>> model.objective.penalty
        2.0
    """

    penalty: Number = 1.0

    def critic_networks(self, data_dim: int, latent_dim: int, hidden: tuple[int, ...]) -> Widths:
        return {"critic": (data_dim + latent_dim, *hidden, 1)}

    def generator_networks(self, data_dim: int, latent_dim: int, hidden: tuple[int, ...]) -> Widths:
        return {"reconstructor": (data_dim, *hidden, latent_dim)}

    def score(self, networks: Networks, x: Points) -> Float[Array, " n"]:
        """The score of points with the latents that the reconstructor gives them."""
        return networks["critic"](_pairs(x, networks["reconstructor"](x)))[:, 0]

    def critic_loss(self, networks: Networks, batch: Batch) -> Float[Array, ""]:
        def score(pairs: Points) -> Float[Array, " n"]:
            return networks["critic"](pairs)[:, 0]

        real = _pairs(batch.real, networks["reconstructor"](batch.real))
        fake = _pairs(batch.fake, batch.latent)
        value = jnp.mean(jax.nn.softplus(score(real))) + jnp.mean(jax.nn.softplus(-score(fake)))
        return value + self.penalty / 2 * jnp.mean(slopes(score, real) ** 2)

    def generator_loss(self, networks: Networks, batch: Batch) -> Float[Array, ""]:
        score = networks["critic"](_pairs(batch.fake, batch.latent))[:, 0]
        missed = batch.latent - networks["reconstructor"](batch.fake)
        return jnp.mean(score) + jnp.mean(jnp.sum(missed**2, axis=-1))

    def optimizer(self) -> Optimizer:
        return adam(self.learning_rate, b1=0.5)


def _pairs(x: Points, latent: Float[Array, "n latent"]) -> Float[Array, "n both"]:
    """Points and latents side by side, (n, data_dim + latent_dim)."""
    return jnp.concatenate([x.reshape(x.shape[0], -1), latent], axis=1)
