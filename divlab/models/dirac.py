"""The simplest GAN: data at 0, one generated point θ, and the critic ψ·x."""

from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float
from numpy.typing import NDArray

from divlab.compiling import WITHOUT_FUSION, jit_with
from divlab.models.objectives import Adversarial, Batch
from divlab.models.objectives.adversarial import Networks
from divlab.pytrees import Number

Scalar: TypeAlias = Float[Array, ""]
Position: TypeAlias = tuple[Scalar, Scalar]


class PhasePlane(NamedTuple):
    """What the game does to its two parameters.

    Attributes:
        field: the velocities of θ and of ψ on the grid, each (points, points), θ along axis 0.
        path: the θ and the ψ of each step from the start on, each (steps + 1,).
    """

    field: tuple[Float[NDArray[Any], "points points"], Float[NDArray[Any], "points points"]]
    path: tuple[Float[NDArray[Any], " steps"], Float[NDArray[Any], " steps"]]


def why_no_plane(objective: Adversarial) -> str:
    """Why an objective cannot play this game, as the end of a sentence; empty where it can."""
    alone = objective.critic_networks(1, 1, ()) == {"critic": (1, 1)}
    if not alone or objective.generator_networks(1, 1, ()):
        return "compares more than scores of single points, and the Dirac-GAN has only those"
    if objective.unrolled_steps:
        return (
            "lets the generator look ahead, and the velocity of the Dirac-GAN is that of a game "
            "in which it does not"
        )
    return ""


def phase_plane(
    objective: Adversarial,
    axis: Float[NDArray[Any], " points"],
    start: tuple[Number, Number],
    rate: Number,
    steps: int,
    *,
    alternating: bool,
) -> PhasePlane:
    """The velocities of (θ, ψ) on a grid, and the path of (θ, ψ) from a start.

    Args:
        objective: the two losses; its numbers are arrays, so that another number compiles nothing.
        axis: the values of θ and of ψ in the grid.
        start: θ and ψ at first.
        rate: step size of the path.
        steps: how many steps the path has.
        alternating: whether ψ moves first and θ then answers the new ψ; otherwise both move at
            once.

    Returns:
        The field and the path, as NumPy arrays.
    """
    found = _phase_plane(objective, axis, start, rate, steps, alternating)
    return PhasePlane(*jax.tree.map(np.asarray, found))


@jit_with(WITHOUT_FUSION, static_argnames="steps")
def _phase_plane(
    objective: Adversarial, axis: Any, start: Any, rate: Any, steps: int, alternating: Any
) -> Any:
    def batch(theta: Scalar) -> Batch:
        zero = jnp.zeros(1)
        return Batch(zero, theta[None], zero[None], jax.random.key(0))

    def critic(psi: Scalar) -> Networks:
        return {"critic": lambda x: psi * x[:, None]}

    def generator_velocity(theta: Scalar, psi: Scalar) -> Scalar:
        slope: Scalar = jax.grad(lambda t: objective.generator_loss(critic(psi), batch(t)))(theta)
        return -slope

    def critic_velocity(theta: Scalar, psi: Scalar) -> Scalar:
        slope: Scalar = jax.grad(lambda p: objective.critic_loss(critic(p), batch(theta)))(psi)
        return -slope

    def step(position: Position, _: None) -> tuple[Position, Position]:
        theta, psi = position
        moved = psi + rate * critic_velocity(theta, psi)
        moved = objective.constrain({"critic": moved})["critic"]
        met = jnp.where(alternating, moved, psi)
        after = theta + rate * generator_velocity(theta, met), moved
        return after, after

    first = jnp.asarray(start[0], float), jnp.asarray(start[1], float)
    _, path = lax.scan(step, first, length=steps)
    path = jax.tree.map(lambda start, rest: jnp.concatenate([start[None], rest]), first, path)
    grid = jnp.meshgrid(jnp.asarray(axis, float), jnp.asarray(axis, float), indexing="ij")
    on_grid = [jax.vmap(jax.vmap(of))(*grid) for of in (generator_velocity, critic_velocity)]
    return tuple(on_grid), path
