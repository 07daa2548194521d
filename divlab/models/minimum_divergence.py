"""Models that minimise a divergence itself: no bound, no critic, no batch of samples."""

import dataclasses
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Key
from numpyro.distributions import Distribution

from divlab.divergences import f_divergence
from divlab.divergences.families import Family
from divlab.divergences.integrals.on_nodes import read_target
from divlab.divergences.quantities import QUANTITIES, Quantity
from divlab.models.data import Data
from divlab.models.densities import DENSITIES
from divlab.models.objectives.optimizers import adam, flat
from divlab.models.protocol import Losses, State
from divlab.pytrees import Number, pytree, setting


@pytree
class Exact:
    quantity: str = setting("kl")
    squared: bool = setting(False)
    options: Any = dataclasses.field(default_factory=dict)

    @property
    def record(self) -> Quantity:
        return QUANTITIES[self.quantity]


def read_divergence(divergence: Any) -> Exact:
    if isinstance(divergence, Exact):
        return divergence
    options: dict[str, Any] = {}
    if isinstance(divergence, Family):
        divergence, options = f_divergence, {"f": divergence}
    if isinstance(divergence, partial):
        divergence, options = divergence.func, dict(divergence.keywords)
    name = divergence if isinstance(divergence, str) else getattr(divergence, "__name__", None)
    squared = options.pop("squared", False)
    return Exact(name, squared, options)


@pytree
class MinimumDivergence:
    divergence: Any = "kl"
    _: dataclasses.KW_ONLY
    density: Any = "flow"
    hidden: tuple[int, ...] = setting((32, 32))
    learning_rate: Number | None = None

    latent_dim, data_dim = 1, 1

    def __post_init__(self) -> None:
        density = DENSITIES[self.density] if isinstance(self.density, str) else self.density
        if hasattr(density, "hidden"):
            density = dataclasses.replace(density, hidden=self.hidden)
        object.__setattr__(self, "density", density)
        object.__setattr__(self, "divergence", read_divergence(self.divergence))
        if self.learning_rate is None:
            object.__setattr__(self, "learning_rate", density.learning_rate)

    @property
    def summary(self) -> str:
        return f"MinimumDivergence, {self.divergence.quantity}, {self.density.name}"

    def init(self, key: Key[Array, ""], data: Data) -> State:
        learned = self.density.init(key)
        optimizer = flat(adam(self.learning_rate))
        return State({"density": learned, "units": data.units}, optimizer.init(learned))

    def step(
        self, state: State, data: Data, key: Key[Array, ""], *, unroll: bool = False
    ) -> tuple[State, Losses]:
        units, learned = state.params["units"], state.params["density"]
        target = read_target(data.target)
        record, options = self.divergence.record, self.divergence.options

        def loss_of(learned: Any) -> tuple[Float[Array, ""], Losses]:
            side = self.density.side(learned, units)
            if not isinstance(data.target, Distribution) and record.name == "kl":
                x = data.draw(key)
                likelihood = jnp.mean(side.log_density(x))
                return -likelihood, {"log_likelihood": likelihood}
            seen = record.seen(target, side, options)
            value = record.finish(seen.value, {**options, "squared": self.divergence.squared})
            return seen.value, {"divergence": lax.stop_gradient(value), "mass": seen.mass}

        (_, losses), grads = jax.value_and_grad(loss_of, has_aux=True)(learned)
        optimizer = flat(adam(self.learning_rate))
        moves, opt = optimizer.update(grads, state.optimizer, learned)
        learned = jax.tree.map(lax.add, learned, moves)
        return State({"density": learned, "units": units}, opt), losses

    def sample(self, params: Any, key: Key[Array, ""], n: int) -> Array:
        return self.density.sample(params["density"], params["units"], key, n)

    def learned(self, params: Any) -> Distribution:
        return self.density.learned(params["density"], params["units"])
