"""What the critic of a Wasserstein GAN says, and the exact potential that it stands for."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.stats import norm

from divlab.compiling import WITHOUT_FUSION, jit_with

# Latents at equal steps of probability, for the features of what is generated.
_LATENTS = norm.ppf((np.arange(512) + 0.5) / 512)[:, None]


@jit_with(WITHOUT_FUSION)
def critic_of(model: Any, params: Any, x: Float[Array, " n"]) -> Float[Array, " n"]:
    """The critic f at points; that of a Cramér GAN is E|h(x) - h(G)| - |h(x)| of its features h.

    Args:
        model: the GAN.
        params: its parameters.
        x: the points, (n,), as the model sees them.

    Returns:
        f at the points, (n,).
    """
    scores: Array = model.critic(params, x)
    if scores.ndim == 1:
        return scores
    generated = model.critic(params, model.generate(params, jnp.asarray(_LATENTS, float)))
    to_generated = jnp.linalg.norm(scores[:, None] - generated, axis=-1).mean(axis=1)
    found: Array = to_generated - jnp.linalg.norm(scores, axis=-1)
    return found


def potential(
    x: Float[np.ndarray, " n"],
    target_cdf: Float[np.ndarray, " n"],
    learned_cdf: Float[np.ndarray, " n"],
) -> Float[np.ndarray, " n"]:
    """The exact potential of W₁: the 1-Lipschitz f that maximises E_p f - E_{p_G} f.

    Its slope is 1 where the learned distribution function lies above the target's, and -1 where
    it lies below.

    Args:
        x: increasing points, (n,).
        target_cdf: the target's distribution function there, (n,).
        learned_cdf: that of what was learned, (n,).

    Returns:
        f at these points, (n,); it is 0 at the first of them.
    """
    difference = learned_cdf - target_cdf
    slope = np.where(np.abs(difference) > 1e-6, np.sign(difference), 0.0)
    steps = (slope[1:] + slope[:-1]) / 2 * np.diff(x)
    return np.concatenate([[0.0], np.cumsum(steps)])


_SCORES = """\
critic = np.asarray(run.model.critic(params, run.units.standardise(x)), float)
"""
_FEATURES = """\
# The critic of a Cramér GAN is E|h(x) - h(G)| - |h(x)| of its features h.
z = scipy.stats.norm.ppf((np.arange(512) + 0.5) / 512)[:, None]
h, generated = (
    np.asarray(run.model.critic(params, points), float)
    for points in (run.units.standardise(x), run.model.generate(params, z))
)
critic = np.linalg.norm(h[:, None] - generated, axis=-1).mean(axis=1) - np.linalg.norm(h, axis=-1)
"""


def code_of_critic(objective: str, step: int) -> str:
    """The lines that compare a critic with W₁, after those of the target's density.

    Args:
        objective: the name of the GAN's objective.
        step: that is shown.

    Returns:
        The lines.
    """
    return f"""\
# What the critic finds between the target and the generator, and its slope where either is.
params = run.params_at({step})
masses = density / density.sum()
learned_masses = np.diff(np.asarray(run.cdf(x, {step}), float), prepend=0.0)
{_FEATURES if objective == "cramer" else _SCORES}\
difference = critic @ masses - critic @ learned_masses / learned_masses.sum()
steepest = np.abs(np.gradient(critic, x))[masses + learned_masses > 1e-6].max()
print("critic_estimate", difference)
print("steepest", steepest)
print("agreement", difference / steepest / float(found["wasserstein"]))
"""
