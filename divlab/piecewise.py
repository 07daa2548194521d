"""Densities that a user gives by numbers: those of a histogram, or drawn through points."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Key
from numpyro.distributions import Distribution, constraints

from divlab.checks import Numbers
from divlab.divergences.inputs import AnyArray, Samples, read_exact, shares_of
from divlab.divergences.integrals.arrays import (
    compiled_method,
    is_known,
    namespace,
    precision,
)


class PiecewiseLinear(Distribution):  # type: ignore[misc]  # numpyro has no types
    """A density that is linear between neighbouring knots and may jump at them.

    Args:
        knots: (K + 1,) increasing; there is no mass outside of them.
        starts: (K,) the density where each of the K cells begins.
        stops: (K,) the density where it ends.
    """

    pytree_data_fields = ("knots", "starts", "stops")

    def __init__(
        self,
        knots: Float[AnyArray, " edges"],
        starts: Float[AnyArray, " cells"],
        stops: Float[AnyArray, " cells"],
        *,
        validate_args: bool | None = None,
    ) -> None:
        self.knots, self.starts, self.stops = knots, starts, stops
        super().__init__(batch_shape=(), event_shape=(), validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)  # type: ignore[untyped-decorator]
    def support(self) -> Any:
        return constraints.interval(self.knots[0], self.knots[-1])

    def _cells(self) -> tuple[Float[Array, " edges"], ...]:
        """The knots, and of each cell the width, the densities at its ends and the mass before."""
        knots, starts, stops = (
            jnp.asarray(a, float) for a in (self.knots, self.starts, self.stops)
        )
        widths = jnp.diff(knots)
        before = jnp.cumsum(widths * (starts + stops) / 2)
        return knots, widths, starts, stops, jnp.concatenate([jnp.zeros(1), before])

    @compiled_method()
    def log_prob(self, value: ArrayLike) -> Float[Array, "..."]:
        knots, widths, starts, stops, _ = self._cells()
        value = jnp.asarray(value, knots.dtype)
        cell = jnp.clip(jnp.searchsorted(knots, value, side="right") - 1, 0, widths.shape[0] - 1)
        share = (value - knots[cell]) / widths[cell]
        density = starts[cell] * (1 - share) + stops[cell] * share
        inside = (value >= knots[0]) & (value <= knots[-1]) & (density > 0)
        return jnp.where(inside, jnp.log(jnp.where(inside, density, 1.0)), -jnp.inf)

    @compiled_method()
    def cdf(self, value: ArrayLike) -> Float[Array, "..."]:
        knots, widths, starts, stops, before = self._cells()
        value = jnp.clip(jnp.asarray(value, knots.dtype), knots[0], knots[-1])
        cell = jnp.clip(jnp.searchsorted(knots, value, side="right") - 1, 0, widths.shape[0] - 1)
        far = value - knots[cell]
        rise = (stops[cell] - starts[cell]) / widths[cell]
        return jnp.clip(before[cell] + far * (starts[cell] + rise * far / 2), 0.0, 1.0)

    @compiled_method()
    def icdf(self, q: ArrayLike) -> Float[Array, "..."]:
        knots, widths, starts, stops, before = self._cells()
        q = jnp.asarray(q, knots.dtype)
        cell = jnp.clip(jnp.searchsorted(before, q, side="right") - 1, 0, widths.shape[0] - 1)
        mass = jnp.clip(q - before[cell], 0.0, before[cell + 1] - before[cell])
        rise = (stops[cell] - starts[cell]) / widths[cell]
        # The root of starts·far + rise·far²/2 = mass, in the form that does not cancel.
        slope = jnp.sqrt(jnp.maximum(starts[cell] ** 2 + 2 * rise * mass, 0.0))
        far = 2 * mass / jnp.maximum(starts[cell] + slope, np.finfo(knots.dtype).tiny)
        return knots[cell] + jnp.clip(far, 0.0, widths[cell])

    @compiled_method("sample_shape")
    def sample(
        self, key: Key[Array, ""], sample_shape: tuple[int, ...] = ()
    ) -> Float[Array, "..."]:
        draws: Array = self.icdf(jax.random.uniform(key, sample_shape))
        return draws

    def landmarks(self) -> Float[Array, " edges"]:
        """Where to cut the line in integrals: at each knot, between which the density is linear."""
        return jnp.asarray(self.knots, float)

    @property
    def mean(self) -> Float[Array, ""]:
        return self._moments()[0]

    @property
    def variance(self) -> Float[Array, ""]:
        first, second = self._moments()
        return second - first**2

    def _moments(self) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """E[x] and E[x²]; of each cell by the masses of its two triangles."""
        knots, widths, starts, stops, _ = self._cells()
        low, high = knots[:-1], knots[1:]
        left, right = widths * starts / 2, widths * stops / 2
        first = left * (2 * low + high) + right * (low + 2 * high)
        square, product, far = low**2, low * high, high**2
        second = left * (3 * square + 2 * product + far) + right * (square + 2 * product + 3 * far)
        return jnp.sum(first) / 3, jnp.sum(second) / 6


def histogram(counts: Numbers, edges: Numbers) -> PiecewiseLinear:
    """The distribution of a histogram: a constant density in each bin.

    A binned probability mass function is one too, with its masses as `counts`. Between two
    histograms an f-divergence is a sum over the cells that the edges of both make together, such
    as Σ p log(p/q) for masses p and q in the same bins; divlab's integrals give it to rounding.
    Numbers of a pmf are not samples: `divlab.kl(counts, other_counts)` would compare how often
    such counts occur, and not the histograms.

    Args:
        counts: (K,) how much is in each bin, not negative; they need not sum to 1.
        edges: (K + 1,) the edges of the bins, increasing, as `numpy.histogram` returns them. They
            cannot be traced, and carry no gradient.

    Returns:
        A numpyro distribution with `log_prob`, `cdf`, `icdf`, `sample`, `mean` and `variance`. A
        bin without counts has no mass, so that a divergence is infinite where it must be.

    Raises:
        TypeError: an argument is not numbers, or the edges are traced.
        ValueError: there is not one edge more than there are counts; counts are negative, infinite
            or all zero; the edges do not increase in the present precision.

    Example:
        >>> import divlab
        >>> p = divlab.targets.histogram([1, 3], [0.0, 1.0, 2.0])
        >>> q = divlab.targets.histogram([2, 2], [0.0, 1.0, 2.0])
        >>> round(float(divlab.kl(p, q)), 6)  # ¼ log ½ + ¾ log 1½
        0.130812
    """
    mass, knots = _read_shares("counts", counts), _read_knots("edges", edges)
    if knots.shape[0] != mass.shape[0] + 1:
        raise ValueError(
            f"edges must be one more than counts, got {knots.shape[0]} for {mass.shape[0]}; a bin "
            "has two edges, as numpy.histogram returns them."
        )
    heights = mass / np.diff(knots)
    return _normalised(knots, heights, heights)


def drawn(x: Numbers, heights: Numbers) -> PiecewiseLinear:
    """The distribution whose density is drawn through points, with straight lines between them.

    Args:
        x: (K,) where the points are, increasing, two or more. They cannot be traced, and carry no
            gradient.
        heights: (K,) the density there, not negative; it need not integrate to 1.

    Returns:
        A numpyro distribution, as `histogram` returns it. There is no mass outside of `x`, nor
        where the density is 0.

    Raises:
        TypeError: an argument is not numbers, or `x` is traced.
        ValueError: the lengths differ; there are fewer than two points; heights are negative,
            infinite or all zero; `x` does not increase in the present precision.

    Example:
        >>> import divlab
        >>> triangle = divlab.targets.drawn([-1.0, 0.0, 1.0], [0.0, 5.0, 0.0])
        >>> round(float(triangle.variance), 6), round(float(divlab.entropy(triangle)), 6)
        (0.166667, 0.5)
    """
    y, knots = _read_shares("heights", heights), _read_knots("x", x)
    if y.shape != knots.shape:
        raise ValueError(
            f"heights must be as many as x, got {y.shape[0]} for {knots.shape[0]} points."
        )
    return _normalised(knots, y[:-1], y[1:])


def _read(name: str, numbers: Numbers) -> Float[AnyArray, " n"]:
    argument = read_exact(name, numbers)
    if not isinstance(argument, Samples):
        raise TypeError(f"{name} must be a 1-D array of numbers, got {numbers!r}.")
    return argument.values


def _read_shares(name: str, numbers: Numbers) -> Float[AnyArray, " n"]:
    """Numbers of at least 0, with a sum above 0; traced ones are taken on trust."""
    values = _read(name, numbers)
    return shares_of(name, np.asarray(values)) if is_known(values) else values


def _read_knots(name: str, numbers: Numbers) -> Float[np.ndarray, " edges"]:
    values = _read(name, numbers)
    if not is_known(values):
        raise TypeError(f"{name} must be known numbers: it cannot be traced by jit, vmap or grad.")
    knots = np.asarray(values, np.float64)
    if knots.size < 2:
        raise ValueError(f"{name} must hold two numbers or more, got {knots.size}.")
    if not np.all(np.isfinite(knots)):
        raise ValueError(f"{name} must be finite, got {knots[~np.isfinite(knots)][0]}.")
    steps = np.diff(knots.astype(precision()))
    if not np.all(steps > 0):
        at = int(np.argmin(steps > 0))
        bits = 8 * precision().itemsize
        raise ValueError(
            f"{name} must increase with {bits} bits, got {knots[at]:.17g} and then "
            f"{knots[at + 1]:.17g} at index {at + 1}."
        )
    return knots


def _normalised(
    knots: Float[np.ndarray, " edges"],
    starts: Float[AnyArray, " cells"],
    stops: Float[AnyArray, " cells"],
) -> PiecewiseLinear:
    area = namespace(starts).sum(np.diff(knots) * (starts + stops) / 2)
    return PiecewiseLinear(knots, starts / area, stops / area, validate_args=False)


__all__ = ["drawn", "histogram"]
