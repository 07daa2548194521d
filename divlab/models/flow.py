"""The law of a flow: x = G(z) with z ~ N(0, 1) and G strictly increasing."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import ndtr, ndtri
from jax.scipy.stats import norm
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Key
from numpyro.distributions import Distribution, constraints

from divlab.divergences.integrals.arrays import compiled_method
from divlab.networks import increasing

# Where the mass is looked for, in units of the data, and where its line is cut: as values of z.
_FAR = 1e12
_LEVELS = np.array([-9.0, -6.0, -4.5, -3.4, -2.6, -2.0, -1.5, -1.0, -0.6, -0.3])
LEVELS = np.concatenate([_LEVELS, [0.0], -_LEVELS[::-1]])
_TABLE = np.linspace(-9.0, 9.0, 721)
_MOST_STEPS = 40


class Flow(Distribution):  # type: ignore[misc]  # numpyro has no types
    """The law of x = G(z), z ~ N(0, 1), given the inverse of G: an increasing network.

    The network is z = T(y), with y = (x - loc) / scale. So the density φ(T) T' and the distribution
    function Φ(T), for which a divergence asks at every step of a training, cost one look at the
    network. G itself is asked for by `sample` and `icdf` only, and found by cutting the line.

    Args:
        params: the parameters of `divlab.networks.increasing`.
        loc: the origin of y.
        scale: the unit of y.
    """

    support = constraints.real
    pytree_data_fields = ("params", "loc", "scale")

    def __init__(
        self,
        params: Any,
        loc: Float[Array, "*seeds"],
        scale: Float[Array, "*seeds"],
        *,
        validate_args: bool | None = None,
    ) -> None:
        self.params, self.loc, self.scale = params, loc, scale
        super().__init__(batch_shape=(), event_shape=(), validate_args=validate_args)

    def _to_latent(self, y: Float[Array, "*n"]) -> Float[Array, "*n"]:
        apply = increasing(()).apply
        z: Array = apply(self.params, jnp.ravel(y)[:, None])[:, 0].reshape(jnp.shape(y))
        return z

    def _units(self, value: ArrayLike) -> Float[Array, "..."]:
        return (jnp.asarray(value, jnp.result_type(self.scale)) - self.loc) / self.scale

    @compiled_method()
    def log_prob(self, value: ArrayLike) -> Float[Array, "..."]:
        y = self._units(value)
        z, slope = jax.jvp(self._to_latent, (y,), (jnp.ones_like(y),))
        return norm.logpdf(z) + jnp.log(slope) - jnp.log(self.scale)

    @compiled_method()
    def cdf(self, value: ArrayLike) -> Float[Array, "..."]:
        masses: Array = ndtr(self._to_latent(self._units(value)))
        return masses

    @compiled_method()
    def icdf(self, q: ArrayLike) -> Float[Array, "..."]:
        levels = jnp.asarray(q, jnp.result_type(self.scale))
        return self._from_latent(ndtri(levels))

    @compiled_method("sample_shape")
    def sample(self, key: Key[Array, ""], sample_shape: tuple[int, ...] = ()) -> Any:
        return self._from_latent(jax.random.normal(key, sample_shape))

    @compiled_method()
    def landmarks(self) -> Float[Array, " n"]:
        """Where to cut the line in integrals: at quantiles."""
        return self.loc + self.scale * self._cut_line(jnp.asarray(LEVELS, float), 6)[0]

    def _cut_line(self, z: Float[Array, " n"], rounds: int) -> tuple[Array, Array]:
        """Ends of an interval for each G(z), cut into nine in each of so many rounds.

        It begins with even steps of the logarithm of y on either side.
        """
        half = np.logspace(-3, np.log10(_FAR), 46)
        grid = jnp.asarray(np.concatenate([-half[::-1], half]), z.dtype)
        i = jnp.clip(jnp.searchsorted(self._to_latent(grid), z), 1, grid.shape[0] - 1)

        def closer(_: Any, ends: tuple[Array, Array]) -> tuple[Array, Array]:
            low, high = ends
            cuts = low[:, None] + (high - low)[:, None] * np.linspace(0.0, 1.0, 10)
            j = jnp.sum(self._to_latent(cuts[:, 1:-1]) < z[:, None], axis=1)[:, None]
            low, high = (jnp.take_along_axis(cuts, k, axis=1)[:, 0] for k in (j, j + 1))
            return low, high

        ends: tuple[Array, Array] = lax.fori_loop(0, rounds, closer, (grid[i - 1], grid[i]))
        return ends

    def _from_latent(self, z: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """G(z): from a table, and then by Newton's method between two of its rows."""
        shape, z = jnp.shape(z), jnp.ravel(z)
        levels = jnp.asarray(_TABLE, z.dtype)
        low, high = self._cut_line(levels, 8 if z.dtype.itemsize == 4 else 17)
        table = (low + high) / 2
        i = jnp.clip(jnp.searchsorted(levels, z), 1, levels.shape[0] - 1)
        low, high = table[i - 1], table[i]
        y = low + (high - low) * jnp.clip((z - levels[i - 1]) / (levels[i] - levels[i - 1]), 0, 1)

        def unfinished(carry: tuple[Any, ...]) -> Array:
            number, _, _, _, off = carry
            goes_on: Array = (number < _MOST_STEPS) & jnp.any(off > 8 * np.finfo(z.dtype).eps)
            return goes_on

        def closer(carry: tuple[Any, ...]) -> tuple[Any, ...]:
            number, y, low, high, _ = carry
            found, slope = jax.jvp(self._to_latent, (y,), (jnp.ones_like(y),))
            off = z - found
            low, high = jnp.where(off > 0, y, low), jnp.where(off > 0, high, y)
            moved = y + off / slope
            y = jnp.where((moved >= low) & (moved <= high), moved, (low + high) / 2)
            return number + 1, y, low, high, jnp.abs(off) / (1 + jnp.abs(z))

        start = 0, y, low, high, jnp.full_like(y, jnp.inf)
        _, y, *_ = lax.while_loop(unfinished, closer, start)
        found: Array = self.loc + self.scale * y.reshape(shape)
        return found
