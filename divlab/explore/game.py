"""The game of a GAN of which one player may rest: the model, its value, and both as Python."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

import divlab
from divlab.compiling import WITHOUT_FUSION, jit_with
from divlab.divergences.integrals.arrays import matmul
from divlab.explore.target_code import TargetCode
from divlab.explore.training_code import code_of_training
from divlab.models import Data, Losses, State
from divlab.pytrees import pytree, setting

# Nodes and weights of the expectation over the latent, N(0, 1). Evenly spaced nodes are exact to
# rounding for a smooth function that a normal density weighs.
_LATENT = np.linspace(-8.0, 8.0, 512)
_WEIGHTS = np.exp(-(_LATENT**2) / 2)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
# Who plays -> whose parameters stay as they are.
RESTS = {"both": "", "only D": "generator", "only G": "critic"}


@pytree
class OnePlayer(divlab.GAN):
    """A GAN of which one player may keep its first parameters.

    Attributes:
        who: "both", "only D" or "only G".
    """

    who: str = setting("both")

    def step(
        self, state: State, data: Data, key: Key[Array, ""], *, unroll: bool = False
    ) -> tuple[State, Losses]:
        moved, losses = super().step(state, data, key, unroll=unroll)
        rests = RESTS[self.who]
        kept = {rests: state.params[rests]} if rests else {}
        return moved._replace(params=moved.params | kept), losses


@jit_with(WITHOUT_FUSION)
def value_of(
    model: Any, params: Any, x: Float[Array, " n"], weights: Float[Array, " n"]
) -> Float[Array, ""]:
    """The value of the game, V(D, G) = E_p[log D] + E_{p_G}[log(1 - D)].

    Args:
        model: the GAN.
        params: its parameters.
        x: points of the data, (n,), as the model sees them.
        weights: their weights, which sum to 1, (n,).

    Returns:
        The value in nats.
    """
    fake = model.generate(params, jnp.asarray(_LATENT, float)[:, None])
    real_part = -matmul(jax.nn.softplus(-model.critic(params, x)), weights)
    fake_part = -matmul(jax.nn.softplus(model.critic(params, fake)), _WEIGHTS)
    value: Float[Array, ""] = real_part + fake_part
    return value


def code_of_game(target: TargetCode, objective: str, rests: str, seed: int, step: int) -> str:
    """Code that trains a GAN, and compares its discriminator with the best one.

    Args:
        target: the code of the target; it imports SciPy and NumPy.
        objective: the name of the GAN's objective.
        rests: whose parameters stay as they are, "generator" or "critic"; empty for nobody's.
        seed: of the training.
        step: that is shown.

    Returns:
        The code.
    """
    player = f"""
@divlab.pytrees.pytree
class OnePlayer(divlab.GAN):
    # A GAN whose {rests} stays as it is.
    def step(self, state, data, key, *, unroll=False):
        moved, losses = super().step(state, data, key, unroll=unroll)
        kept = {{"{rests}": state.params["{rests}"]}}
        return divlab.models.State(moved.params | kept, moved.optimizer), losses

"""
    model = f'{"OnePlayer" if rests else "divlab.GAN"}("{objective}")'
    points, weights = (
        ("data", "np.full(data.size, 1 / data.size)")
        if target.size
        else ("x", "density / density.sum()")
    )
    return f"""\
{target.text}{player if rests else ""}
{code_of_training(model, seed, step)}
{target.print_distances(seed, step)}
{target.density}
# V(D, G) = E_p[log D] + E_pG[log(1 - D)], by a sum over the data and one over the latent z.
params = run.params_at({step})
z = np.linspace(-8, 8, 4001)
of_z = scipy.stats.norm.pdf(z) / scipy.stats.norm.pdf(z).sum()
fake = run.model.critic(params, run.model.generate(params, z[:, None]))
real = run.model.critic(params, run.units.standardise({points}))
value = -({weights}) @ np.logaddexp(0, -real) - of_z @ np.logaddexp(0, fake)
print("value", float(value))
print("best_value", float(2 * found["js"] - np.log(4)))

# How far D is from the best one, p / (p + p_G).
logits = np.asarray(run.model.critic(params, run.units.standardise(x)), float)
both = density + np.exp(np.asarray(run.log_prob(x, {step}), float))
best = np.divide(density, both, out=np.full(x.shape, 0.5), where=both > 1e-12)
distance = np.abs(scipy.special.expit(logits) - best) @ both / 2 * (x[1] - x[0])
print("distance", distance)
"""
