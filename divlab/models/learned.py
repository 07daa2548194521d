"""The densities that models with a latent of one dimension learn, as numpyro distributions.

The latent z ~ N(0, 1) is cut into cells, which are fine where the network's output moves and where
z has mass. A generator is replaced by the function that agrees with it at the edges of cells and is
linear in between; the law of that function is exact. A network of leaky ReLUs is itself such a
function, except in cells with a kink. A decoder is integrated over each cell by the rule of Gauss
and Legendre.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp, ndtr
from jax.scipy.stats import norm
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Key
from numpyro.distributions import Distribution, constraints

from divlab.divergences.inputs import AnyArray
from divlab.divergences.integrals.arrays import (
    at_points,
    compiled_method,
    is_known,
    namespace,
    on_host,
    precision,
)
from divlab.pytrees import Number

# Of NumPy arrays to NumPy arrays, or of JAX arrays to JAX arrays.
Curve: TypeAlias = Callable[[Any], Any]
Curves: TypeAlias = Callable[[Any], tuple[Any, Any]]
Shape: TypeAlias = tuple[int, ...]
Nodes: TypeAlias = tuple[
    Float[AnyArray, " nodes"], Float[AnyArray, " nodes"], Float[AnyArray, " nodes"]
]

CELLS, REACH = 256, 8.0
_BEYOND = 1e4  # a latent beyond which a piecewise linear network has no more kinks
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(3)  # in each cell of a decoder's latent
# The even grid on which the network's output is looked at first.
_GRID = np.linspace(-REACH, REACH, 4096)


def of_latents(program: Callable[..., Any], model: Any, params: Any) -> Any:
    """The function z -> program(model, params, z): of NumPy arrays if the parameters are known.

    All that is compiled for a model is then that program, for one length of z.
    """
    if is_known(params):
        return lambda z: at_points(partial(program, model, params), z, least=_GRID.size)
    return partial(program, model, params)


def latent_edges(output: Curve, cells: int) -> Float[AnyArray, " edges"]:
    """The edges of so many cells of z.

    Half of the cells lie where `output` bends. The others are spread evenly over z and over the
    length of the path that `output` takes. Linear interpolation errs by the second derivative times
    the square of a cell's width, so cells are as dense as the square root of that derivative; a
    kink gets cells of its own.
    """
    found = output(_GRID)
    xp = namespace(found)
    slope = xp.diff(found)
    bend = xp.sqrt(xp.abs(xp.diff(slope)))
    bend = bend * np.exp(-(_GRID[1:-1] ** 2) / 6)  # where there is mass, whose cube root this is
    bend = xp.concatenate([np.zeros(1), bend]) + xp.concatenate([bend, np.zeros(1)])

    def share_of(density: Float[AnyArray, " n"]) -> Float[AnyArray, " m"]:
        path = xp.concatenate([np.zeros(1), xp.cumsum(density)])
        return path / xp.maximum(path[-1], np.finfo(path.dtype).tiny)

    # A kink has one or two cells; more would be narrower than floating point resolves.
    bends = xp.minimum(2 * xp.diff(share_of(bend)), 4 / cells)
    bends = xp.concatenate([np.zeros(1), xp.cumsum(bends)])
    share = (_GRID + REACH) / (2 * REACH) + share_of(xp.abs(slope)) + bends
    grid = xp.asarray(_GRID, dtype=share.dtype)
    inner = xp.interp(xp.linspace(0.0, share[-1], cells + 1)[1:-1], share, grid)
    return xp.concatenate([np.array([-REACH]), inner, np.array([REACH])])


def _apart(values: Float[AnyArray, " n"]) -> Float[AnyArray, " n"]:
    """The values, with neighbours at least 64 times the floating-point precision apart.

    Where a generator is flat, its law has a spike narrower than floating point resolves, and a
    cell would have no inside.
    """
    xp = namespace(values)
    size = xp.maximum(xp.abs(values), 1e-3 * xp.max(xp.abs(values)))
    least = 64 * np.finfo(precision()).eps * xp.maximum(size[1:], size[:-1])
    step = xp.diff(values)
    short = xp.where(step < 0, -least, least) - step
    moved = xp.cumsum(xp.where(xp.abs(step) < least, short, 0.0))
    moved = xp.concatenate([xp.zeros_like(values[:1]), moved])
    return values + moved - moved[values.shape[0] // 2]


class Pushforward(Distribution):  # type: ignore[misc]  # numpyro has no types
    """The law of G(z), z ~ N(0, 1), where G is linear between `latents` and beyond either end.

    Args:
        latents: (K + 1,) increasing values of z.
        values: (K + 1,) G there.
        end_slopes: (2,) the slopes of G before the first latent and after the last.
    """

    support = constraints.real
    pytree_data_fields = ("latents", "values", "end_slopes")

    def __init__(
        self,
        latents: Float[Array, "*seeds n"],
        values: Float[Array, "*seeds n"],
        end_slopes: Float[Array, "*seeds 2"],
        *,
        validate_args: bool | None = None,
    ) -> None:
        self.latents, self.values, self.end_slopes = latents, values, end_slopes
        super().__init__(batch_shape=(), event_shape=(), validate_args=validate_args)

    @classmethod
    def of(cls, generate: Curve) -> "Pushforward":
        """From a function of (n,) latents: on the host if it returns arrays of NumPy."""
        latents = latent_edges(generate, CELLS)
        xp, outwards = namespace(latents), np.array([-_BEYOND, _BEYOND])
        found = generate(xp.concatenate([latents, outwards, 2 * outwards]))
        values, far, farther = found[:-4], found[-4:-2], found[-2:]
        ends = np.array([0, -1])
        slopes = (far - values[ends]) / (outwards - latents[ends])
        # What has come to rest so far out has bounded values, and must have a bounded support.
        slopes = xp.where(farther == far, 0.0, slopes)
        return cls(*(jnp.asarray(part, float) for part in (latents, _apart(values), slopes)))

    def _lines(self) -> tuple[Float[Array, " lines"], ...]:
        """The slope of each line, the z where it begins and ends, and z and x of a point on it."""
        slopes = jnp.diff(self.values) / jnp.diff(self.latents)
        slopes = jnp.concatenate([self.end_slopes[:1], slopes, self.end_slopes[1:]])
        endless = jnp.array([jnp.inf])
        low = jnp.concatenate([-endless, self.latents])
        high = jnp.concatenate([self.latents, endless])
        z0 = jnp.concatenate([self.latents[:1], self.latents])
        x0 = jnp.concatenate([self.values[:1], self.values])
        return slopes, low, high, z0, x0

    @compiled_method()
    def log_prob(self, value: ArrayLike) -> Float[Array, "..."]:
        slopes, low, high, z0, x0 = self._lines()
        value = jnp.asarray(value, x0.dtype)[..., None]
        moves = slopes != 0
        z = z0 + (value - x0) / jnp.where(moves, slopes, 1.0)
        on_line = moves & (z >= low) & (z < high)
        log_density = norm.logpdf(z) - jnp.log(jnp.where(moves, jnp.abs(slopes), 1.0))
        # Far below any mass rather than -inf, whose gradient would be NaN.
        terms = jnp.where(on_line, jnp.where(on_line, log_density, 0.0), -jnp.inf)
        nowhere = ~jnp.any(on_line, axis=-1)
        terms = jnp.where(nowhere[..., None], 0.0, terms)
        return jnp.where(nowhere, -jnp.inf, logsumexp(terms, axis=-1))

    @compiled_method()
    def cdf(self, value: ArrayLike) -> Float[Array, "..."]:
        slopes, low, high, z0, x0 = self._lines()
        value = jnp.asarray(value, x0.dtype)[..., None]
        moves = slopes != 0
        z = jnp.clip(z0 + (value - x0) / jnp.where(moves, slopes, 1.0), low, high)
        # The latents of each line that do not exceed the value: none or all of one that is flat.
        start = jnp.where(slopes < 0, z, low)
        flat_end = jnp.where(value >= x0, high, low)
        end = jnp.where(slopes < 0, high, jnp.where(moves, z, flat_end))
        return jnp.sum(_mass_between(start, end), axis=-1)

    def landmarks(self) -> Float[Array, " n"]:
        """Where to cut the line in integrals: the density jumps wherever a line ends."""
        return self.values

    @compiled_method("sample_shape")
    def sample(self, key: Key[Array, ""], sample_shape: Shape = ()) -> Float[Array, "..."]:
        z = jax.random.normal(key, sample_shape)
        first, last = self.latents[0], self.latents[-1]
        inside = jnp.interp(z, self.latents, self.values)
        before = self.end_slopes[0] * jnp.minimum(z - first, 0)
        return inside + before + self.end_slopes[1] * jnp.maximum(z - last, 0)


def _mass_between(low: Float[Array, "*#n"], high: Float[Array, "*#n"]) -> Float[Array, "..."]:
    """The mass of N(0, 1) between two points, from the tail that loses no digits."""
    left = low + high < 0
    return ndtr(jnp.where(left, high, -low)) - ndtr(jnp.where(left, low, -high))


class Decoded(Distribution):  # type: ignore[misc]  # numpyro has no types
    """The mixture ∫ N(x; μ(z), σ(z)²) dN(z), one Gaussian for each node of a rule in z.

    Args:
        log_weights: (K,) logarithms of the masses of the nodes.
        means: (K,) μ at each of them.
        scales: (K,) σ at each of them.
    """

    support = constraints.real
    pytree_data_fields = ("log_weights", "means", "scales")

    def __init__(
        self,
        log_weights: Float[Array, "*seeds K"],
        means: Float[Array, "*seeds K"],
        scales: Float[Array, "*seeds K"],
        *,
        validate_args: bool | None = None,
    ) -> None:
        self.log_weights, self.means, self.scales = log_weights, means, scales
        super().__init__(batch_shape=(), event_shape=(), validate_args=validate_args)

    @classmethod
    def of(cls, decode: Curves) -> "Decoded":
        """From a function of (n,) latents to means and log scales."""
        return cls(*(jnp.asarray(part, float) for part in _decoded(decode)))

    @classmethod
    def of_mixture(
        cls,
        decode: Curves,
        log_weights: Float[AnyArray, " K"],
        means: Float[AnyArray, " K"],
        scales: Float[AnyArray, " K"],
    ) -> "Decoded":
        """The same under a prior that is a mixture of K Gaussians."""

        def of_one(mean: Number, scale: Number) -> Nodes:
            return _decoded(lambda u: decode(mean + scale * u))

        parts = _over_rows(of_one, means, scales)
        found = (log_weights[:, None] + parts[0], *parts[1:])
        return cls(*(jnp.asarray(part.ravel(), float) for part in found))

    @compiled_method()
    def log_prob(self, value: ArrayLike) -> Float[Array, "..."]:
        value = jnp.asarray(value, self.means.dtype)[..., None]
        return logsumexp(self.log_weights + norm.logpdf(value, self.means, self.scales), axis=-1)

    @compiled_method()
    def cdf(self, value: ArrayLike) -> Float[Array, "..."]:
        value = jnp.asarray(value, self.means.dtype)[..., None]
        masses = jnp.exp(self.log_weights) * ndtr((value - self.means) / self.scales)
        return jnp.sum(masses, axis=-1)

    @compiled_method()
    def landmarks(self) -> Float[Array, " n"]:
        """Where to cut the line in integrals: along the means, and beyond them as a Gaussian."""
        steps = jnp.array([-8.2, -5.2, -3.6, -2.4, -1.4, -0.6, 0.6, 1.4, 2.4, 3.6, 5.2, 8.2])
        ends = jnp.stack([jnp.min(self.means), jnp.max(self.means)])[:, None]
        spread = jnp.max(self.scales)
        return jnp.concatenate(
            [self.means[:: self.means.shape[-1] // 32], jnp.ravel(ends + steps * spread)]
        )

    @compiled_method("sample_shape")
    def sample(self, key: Key[Array, ""], sample_shape: Shape = ()) -> Float[Array, "..."]:
        node_key, noise_key = jax.random.split(key)
        node = jax.random.categorical(node_key, self.log_weights, shape=sample_shape)
        return self.means[node] + self.scales[node] * jax.random.normal(noise_key, sample_shape)


def _over_rows(function: Callable[..., Nodes], *arrays: Float[AnyArray, " K"]) -> Any:
    """What `function` returns for each row of the arrays, stacked along a new first axis."""
    if not all(on_host(array) for array in arrays):
        return jax.vmap(function)(*arrays)
    rows = [function(*row) for row in zip(*arrays, strict=True)]
    return jax.tree.map(lambda *parts: np.stack(parts), *rows)


def _decoded(decode: Curves) -> Nodes:
    """Log weights, means and scales at the nodes of every cell."""
    edges = latent_edges(lambda z: decode(z)[0], CELLS)
    xp, widths = namespace(edges), edges[1:, None] - edges[:-1, None]
    z = (edges[:-1, None] + widths * (1 + _NODES) / 2).ravel()
    means, log_scales = decode(z)
    tiny = np.finfo(precision()).tiny
    log_weights = xp.log(xp.maximum((widths * (_WEIGHTS / 2)).ravel(), tiny)) - z**2 / 2
    weights = xp.exp(log_weights - xp.max(log_weights))
    return log_weights - xp.max(log_weights) - xp.log(weights.sum()), means, xp.exp(log_scales)
