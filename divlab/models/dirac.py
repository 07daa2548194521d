"""The simplest GAN: data at 0, one generated point θ, and the critic ψ·x."""

from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float
from numpy.typing import NDArray

from divlab.models.objectives import Adversarial, Batch
from divlab.models.objectives.adversarial import Networks

Scalar: TypeAlias = Float[Array, ""]


def phase_plane(
    objective: Adversarial,
    axis: NDArray[Any],
    start: tuple[float, float],
    rate: float,
    steps: int,
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """The velocities of (θ, ψ) on the grid of `axis`, and the path of (θ, ψ) from `start`."""

    def batch(theta: Scalar) -> Batch:
        zero = jnp.zeros(1)
        return Batch(zero, theta[None], zero[None], jax.random.key(0))

    def critic(psi: Scalar) -> Networks:
        return {"critic": lambda x: psi * x[:, None]}

    def velocity(theta: Scalar, psi: Scalar) -> tuple[Scalar, Scalar]:
        down = jax.grad(lambda theta: objective.generator_loss(critic(psi), batch(theta)))(theta)
        up = jax.grad(lambda psi: objective.critic_loss(critic(psi), batch(theta)))(psi)
        return -down, -up

    def step(
        position: tuple[Scalar, Scalar], _: None
    ) -> tuple[tuple[Scalar, Scalar], tuple[Scalar, Scalar]]:
        theta, psi = (a + rate * v for a, v in zip(position, velocity(*position), strict=True))
        moved = theta, objective.constrain({"critic": psi})["critic"]
        return moved, moved

    first = jnp.asarray(start[0], float), jnp.asarray(start[1], float)
    _, path = lax.scan(step, first, length=steps)
    path = jax.tree.map(lambda start, rest: jnp.concatenate([start[None], rest]), first, path)
    grid = jnp.meshgrid(jnp.asarray(axis, float), jnp.asarray(axis, float), indexing="ij")
    return jax.vmap(jax.vmap(velocity))(*grid), path
