"""Elementary functions that are well behaved at 0, in value and in gradient."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from divlab.divergences.closed_form.exponential_families import expm1_plus


def mean_decay(z: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """(1 - e^-z) / z, the mean of e^-x over [0, z]; 1 at 0."""
    safe = jnp.where(z == 0, 1.0, z)
    return jnp.where(z == 0, 1.0, -jnp.expm1(-safe) / safe)


def mean_loss(z: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """1 - (1 - e^-z) / z; about z/2 near 0."""
    safe = jnp.where(z == 0, 1.0, z)
    return jnp.where(z == 0, z / 2, expm1_plus(safe) / safe)


def safe_root(square: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """√square, with gradient 0 at 0."""
    return jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1.0)), 0.0)
