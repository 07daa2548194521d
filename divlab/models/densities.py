"""What a `MinimumDivergence` fits: a flow, a decoder, a generator, one Gaussian or several.

A new one is a class in this file and a row of `DENSITIES`.
"""

import dataclasses
from typing import Any, Protocol, TypeAlias, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from numpyro.distributions import (
    CategoricalLogits,
    Distribution,
    MixtureSameFamily,
    Normal,
)

from divlab.checks import check_count
from divlab.compiling import WITHOUT_FUSION, jit_with
from divlab.divergences.integrals.on_nodes import Atoms, Law, law_of
from divlab.models.flow import Flow as FlowLaw
from divlab.models.learned import Decoded, Pushforward, of_latents
from divlab.models.units import Units
from divlab.networks import Network, increasing, mlp
from divlab.pytrees import pytree, setting

Widths: TypeAlias = tuple[int, ...]
# Latents of a decoder while it is trained, and of a generator: even steps of z, and of probability.
_LATENTS = np.linspace(-5.5, 5.5, 128)
_LOG_MASSES = -(_LATENTS**2) / 2 - np.log(np.sum(np.exp(-(_LATENTS**2) / 2)))
_GENERATED = 256


@runtime_checkable
class Density(Protocol):
    """What a `MinimumDivergence` asks of a density; its class is made by `pytree`.

    Attributes:
        name: what it is called.
        has_density: whether log q(x) can be asked for; otherwise its points are moved.
        learning_rate: of Adam.
        epsilon: Adam's ε. A gradient well below it makes steps of learning_rate·gradient/ε, as
            plain descent does. Exact gradients vanish at the optimum, and with the usual 1e-8
            Adam would go on walking there by their rounding. Few parameters bear a large ε, by
            which they come to rest.
    """

    name: str
    has_density: bool
    learning_rate: float
    epsilon: float

    def init(self, key: Key[Array, ""], spread: Units) -> Any:
        """Untrained parameters.

        `spread` is where the target has its mass. One that starts as
        Gaussians covers all of it, so that no divergence is infinite at the start.
        """

    def side(self, params: Any) -> Law | Atoms:
        """What a divergence sees of it."""

    def learned(self, params: Any) -> Distribution:
        """The law of x."""

    def sample(self, params: Any, key: Key[Array, ""], n: int) -> Array:
        """Draws of x, (n,)."""


@pytree
class Flow:
    """x = G(z), z ~ N(0, 1), with G strictly increasing; see `divlab.models.flow.Flow`.

    Args:
        hidden: widths of the hidden layers of the increasing network.

    Example:
        >>> import divlab
        >>> model = divlab.MinimumDivergence("kl", density=divlab.densities.Flow())
        >>> model.density.name
        'flow'
    """

    hidden: Widths = setting((32, 32))

    name, has_density, learning_rate = "flow", True, 3e-3
    epsilon = 3e-5

    def init(self, key: Key[Array, ""], spread: Units) -> Any:
        """Untrained parameters."""
        return increasing((1, *self.hidden, 1)).init(key)

    def side(self, params: Any) -> Law:
        """What a divergence sees of it."""
        law = self.learned(params)
        return Law(law, law.landmarks())

    def learned(self, params: Any) -> FlowLaw:
        """The law of x."""
        return FlowLaw(params, jnp.zeros(()), jnp.ones(()))

    def sample(self, params: Any, key: Key[Array, ""], n: int) -> Array:
        """Draws of x."""
        draws: Array = self.learned(params).sample(key, (n,))
        return draws


@pytree
class Decoder:
    """x | z ~ N(μ(z), σ²) with z ~ N(0, 1) and σ learned: the decoder of `divlab.VAE`.

    While it is trained, z is summed over 128 fixed values. The law it has learned is that of all z.

    Args:
        hidden: widths of the hidden layers of μ.

    Example:
        >>> import divlab
        >>> model = divlab.MinimumDivergence("kl", density=divlab.densities.Decoder())
        >>> model.density.name
        'decoder'
    """

    hidden: Widths = setting((32, 32))

    name, has_density, learning_rate = "decoder", True, 1e-3
    epsilon = 3e-5

    def network(self) -> Network:
        """The network of μ."""
        return mlp((1, *self.hidden, 1), "silu")

    def init(self, key: Key[Array, ""], spread: Units) -> Any:
        """Untrained parameters."""
        return {"decoder": self.network().init(key), "log_scale": jnp.zeros(())}

    def decode(self, params: Any, z: Array) -> tuple[Array, Array]:
        """Means and log scales of x at latents (n,)."""
        mean = self.network().apply(params["decoder"], z[:, None])[:, 0]
        return mean, jnp.broadcast_to(params["log_scale"], mean.shape)

    def side(self, params: Any) -> Law:
        """What a divergence sees of it."""
        means, log_scales = self.decode(params, jnp.asarray(_LATENTS, float))
        scales = jnp.exp(log_scales)
        ordered = jnp.sort(means)
        bell = scales[0] * np.array([1.5, 3.0, 5.0, 8.0])
        cuts = [ordered[0] - bell, ordered[:: len(_LATENTS) // 16], ordered[-1] + bell]
        law = Decoded(jnp.asarray(_LOG_MASSES, means.dtype), means, scales)
        return Law(law, jnp.concatenate(cuts))

    def learned(self, params: Any) -> Decoded:
        """The law of x."""
        return Decoded.of(of_latents(_decode, self, params))

    def sample(self, params: Any, key: Key[Array, ""], n: int) -> Array:
        """Draws of x."""
        latent_key, noise_key = jax.random.split(key)
        mean, log_scale = self.decode(params, jax.random.normal(latent_key, (n,)))
        return mean + jnp.exp(log_scale) * jax.random.normal(noise_key, (n,))


@jit_with(WITHOUT_FUSION)
def _decode(density: Decoder, params: Any, z: Float[Array, " n"]) -> Float[Array, "2 n"]:
    return jnp.stack(density.decode(params, z))


@pytree
class Generator:
    """x = G(z) with z ~ N(0, 1): the generator of `divlab.GAN`.

    Its density may be infinite at a point, and where it is not, its gradient says nothing of where
    mass should go. So it is trained by what compares quantiles, distribution functions or pairs of
    points, on 256 values of z of equal mass. The law it has learned is that of all z.

    Args:
        hidden: widths of the hidden layers of G.

    Example:
        >>> import divlab
        >>> model = divlab.MinimumDivergence("wasserstein", density=divlab.densities.Generator())
        >>> model.density.name
        'generator'
    """

    hidden: Widths = setting((32, 32))

    name, has_density, learning_rate = "generator", False, 1e-3
    epsilon = 3e-5

    def network(self) -> Network:
        """The network of G."""
        return mlp((1, *self.hidden, 1), "leaky_relu")

    def init(self, key: Key[Array, ""], spread: Units) -> Any:
        """Untrained parameters."""
        return self.network().init(key)

    def generate(self, params: Any, z: Array) -> Array:
        """G at latents (n,)."""
        points: Array = self.network().apply(params, z[:, None])[:, 0]
        return points

    def side(self, params: Any) -> Atoms:
        """What a divergence sees of it."""
        levels = (jnp.arange(_GENERATED) + 0.5) / _GENERATED
        return Atoms(self.generate(params, jax.scipy.special.ndtri(levels)))

    def learned(self, params: Any) -> Pushforward:
        """The law of x."""
        return Pushforward.of(of_latents(_generate, self, params))

    def sample(self, params: Any, key: Key[Array, ""], n: int) -> Array:
        """Draws of x."""
        return self.generate(params, jax.random.normal(key, (n,)))


@jit_with(WITHOUT_FUSION)
def _generate(density: Generator, params: Any, z: Float[Array, " n"]) -> Float[Array, " n"]:
    return density.generate(params, z)


@pytree
class Gaussian:
    """One Gaussian.

    Example:
        >>> import divlab
        >>> model = divlab.MinimumDivergence("kl", density=divlab.densities.Gaussian())
        >>> model.density.name
        'normal'
    """

    name, has_density, learning_rate = "normal", True, 1e-2
    epsilon = 3e-3

    def init(self, key: Key[Array, ""], spread: Units) -> Any:
        """A Gaussian over all that the target covers."""
        return {"loc": spread.loc, "log_scale": jnp.log(spread.scale)}

    def side(self, params: Any) -> Law:
        """What a divergence sees of it."""
        return law_of(self.learned(params))

    def learned(self, params: Any) -> Normal:
        """The law of x."""
        scale = jnp.exp(params["log_scale"])
        return Normal(jnp.asarray(params["loc"]), scale, validate_args=False)

    def sample(self, params: Any, key: Key[Array, ""], n: int) -> Array:
        """Draws of x."""
        draws: Array = self.learned(params).sample(key, (n,))
        return draws


@pytree
class Mixture:
    """Several Gaussians with weights of their own.

    Args:
        components: how many.

    Raises:
        TypeError, ValueError: `components` is not a whole number of at least 1.

    Example:
        >>> import divlab
        >>> model = divlab.MinimumDivergence("kl", density=divlab.densities.Mixture(components=3))
        >>> model.density.components
        3
    """

    components: int = setting(2)

    def __post_init__(self) -> None:
        object.__setattr__(self, "components", check_count("components", self.components))

    name, has_density, learning_rate = "mixture", True, 1e-2
    epsilon = 3e-3

    def init(self, key: Key[Array, ""], spread: Units) -> Any:
        """Equal weights, and means drawn from a Gaussian over all that the target covers."""
        zeros = jnp.zeros(self.components)
        locs = spread.loc + spread.scale / 2 * jax.random.normal(key, (self.components,))
        return {"locs": locs, "log_scales": zeros + jnp.log(spread.scale), "logits": zeros}

    def side(self, params: Any) -> Law:
        """What a divergence sees of it."""
        return law_of(self.learned(params))

    def learned(self, params: Any) -> Distribution:
        """The law of x."""
        scales = jnp.exp(params["log_scales"])
        parts = Normal(jnp.asarray(params["locs"]), scales, validate_args=False)
        mixing = CategoricalLogits(jnp.asarray(params["logits"]), validate_args=False)
        return MixtureSameFamily(mixing, parts, validate_args=False)

    def sample(self, params: Any, key: Key[Array, ""], n: int) -> Array:
        """Draws of x."""
        draws: Array = self.learned(params).sample(key, (n,))
        return draws


DENSITIES: dict[str, Density] = {
    density.name: density for density in (Flow(), Decoder(), Generator(), Gaussian(), Mixture())
}


def read_density(density: Any, hidden: Widths) -> Density:
    """The density a name stands for, with hidden layers of these widths, or the object itself.

    Raises:
        TypeError: it is neither a name nor a density.
        ValueError: no density has that name.
    """
    if isinstance(density, str):
        if density not in DENSITIES:
            raise ValueError(f"density {density!r} is not known; known are {', '.join(DENSITIES)}.")
        known: Any = DENSITIES[density]
        if hasattr(known, "hidden"):
            known = dataclasses.replace(known, hidden=hidden)
        density = known
    if isinstance(density, type) or not isinstance(density, Density):
        raise TypeError(
            f"density must be one of the names {', '.join(DENSITIES)} or an object of "
            f"divlab.densities, got {density!r}."
        )
    found: Density = density
    return found


__all__ = ["DENSITIES", "Decoder", "Flow", "Gaussian", "Generator", "Mixture"]
