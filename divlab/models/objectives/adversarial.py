"""Objectives of GANs: a loss for the critic and a loss for the generator.

A critic is a function from (n,) points to (n,) scores; for the classical GANs the score is the
logit of the discriminator D, so that D(x) = 1 / (1 + exp(-critic(x))).
"""

import jax
import jax.numpy as jnp
import optax

from divlab.records import record, setting


@record
class Adversarial:
    """What every objective of a GAN has; a new one overrides the two losses.

    Attributes:
        learning_rate: step size of both networks' optimisers.
        critic_steps: updates of the critic for each one of the generator.
    """

    learning_rate: float = 1e-3
    critic_steps: int = setting(1)

    def critic_loss(self, critic, real: jax.Array, fake: jax.Array, key: jax.Array) -> jax.Array:
        raise TypeError(f"{type(self).__name__} does not define critic_loss.")

    def generator_loss(self, critic, fake: jax.Array) -> jax.Array:
        raise TypeError(f"{type(self).__name__} does not define generator_loss.")

    def optimizer(self) -> optax.GradientTransformation:
        """Adam with its own defaults.

        β₁ = 0.5, usual since Radford et al. (2016), steadies the game: of 64 seeds on two
        Gaussians of scale 0.5, 4 apart, none lost a mode, against 15 with Adam's own 0.9. Here
        the failure is the subject, so the default is not tuned against it.
        """
        return optax.adam(self.learning_rate)

    def constrain(self, critic_params):
        """What is done to the critic's parameters after each update."""
        return critic_params


class Discriminator(Adversarial):
    """-E[log D(x)] - E[log(1 - D(G(z)))], whose least value is log 4 - 2·JS."""

    def critic_loss(self, critic, real, fake, key):
        return jnp.mean(jax.nn.softplus(-critic(real))) + jnp.mean(jax.nn.softplus(critic(fake)))


@record
class Minimax(Discriminator):
    """The zero-sum game: the generator minimises E[log(1 - D(G(z)))].

    Source: Goodfellow et al. (2014), Generative Adversarial Nets, equation 1.
    """

    def generator_loss(self, critic, fake):
        return -jnp.mean(jax.nn.softplus(critic(fake)))


@record
class NonSaturating(Discriminator):
    """The generator minimises -E[log D(G(z))], which still has a gradient where D is near 0.

    Source: Goodfellow et al. (2014), Generative Adversarial Nets, section 3.
    """

    def generator_loss(self, critic, fake):
        return jnp.mean(jax.nn.softplus(-critic(fake)))


class _MeanDifference(Adversarial):
    """The critic maximises E[f(x)] - E[f(G(z))], which is W₁ at best if f is 1-Lipschitz."""

    def critic_loss(self, critic, real, fake, key):
        return jnp.mean(critic(fake)) - jnp.mean(critic(real))

    def generator_loss(self, critic, fake):
        return -jnp.mean(critic(fake))


@record
class Wasserstein(_MeanDifference):
    """Wasserstein GAN with weight clipping: every parameter of the critic stays in [-clip, clip].

    Attributes:
        clip: the bound. The critic's slope, and with it the scale of its loss, grows with the
            cube of it for two hidden layers; the paper's 0.01 leaves networks this small flat.

    Source: Arjovsky, Chintala & Bottou (2017), Wasserstein GAN, algorithm 1 (RMSProp).
    """

    learning_rate: float = 1e-3
    critic_steps: int = setting(5)
    clip: float = 0.1

    def optimizer(self):
        return optax.rmsprop(self.learning_rate, decay=0.99)

    def constrain(self, critic_params):
        return jax.tree.map(lambda w: jnp.clip(w, -self.clip, self.clip), critic_params)


@record
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
    """

    learning_rate: float = 1e-3
    critic_steps: int = setting(5)
    penalty: float = 1.0
    one_sided: bool = setting(True)

    def critic_loss(self, critic, real, fake, key):
        between = fake + jax.random.uniform(key, real.shape) * (real - fake)
        slopes = jax.grad(lambda x: jnp.sum(critic(x)))(between)
        excess = jnp.abs(slopes) - 1
        if self.one_sided:
            excess = jnp.maximum(excess, 0)
        return super().critic_loss(critic, real, fake, key) + self.penalty * jnp.mean(excess**2)

    def optimizer(self):
        return optax.adam(self.learning_rate, b1=0.0, b2=0.9)


GAN_OBJECTIVES = {
    "minimax": Minimax(),
    "non_saturating": NonSaturating(),
    "wgan": Wasserstein(),
    "wgan_gp": WassersteinGP(),
}
