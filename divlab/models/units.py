"""The units in which models see x, and the laws learned in them, told in x again."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Key
from numpyro.distributions import Distribution, MixtureSameFamily, Normal, constraints

from divlab.divergences.inputs import AnyArray
from divlab.divergences.integrals.arrays import is_known, precision
from divlab.divergences.integrals.densities import is_infinite, support_bounds
from divlab.divergences.integrals.outlines import outline
from divlab.divergences.integrals.packed import Packed

# How far apart floats may be where the measurements lie, in shares of their spread: floats of 32
# bits, in which instruments and files give what they have, and of 64 bits; and to hold draws.
_COARSEST = {4: 1 / 200, 8: 1e-4}
_FINE = 2.0**-16
_REACH = 8.0  # standard deviations to either side, within which draws are looked for


class Units(NamedTuple):
    """A location and a scale: x = loc + scale · y, where y is what models see.

    Both have 64 bits and stay on the host, because 32 bits lose a spread that is small beside the
    location. A program in which they are traced has JAX's precision.
    """

    loc: Float[AnyArray, ""]
    scale: Float[AnyArray, ""]

    def standardise(self, x: Any) -> Float[AnyArray, "*shape"]:
        """From x to what models see, in JAX's precision."""
        if not is_known(x, self):
            return (jnp.asarray(x, float) - self.loc) / self.scale
        with np.errstate(over="ignore"):
            y = (np.asarray(x, np.float64) - self.loc) / self.scale
            return np.asarray(y, precision())

    def restore(self, y: Float[AnyArray, "*shape"]) -> Float[AnyArray, "*shape"]:
        """From what models see to x.

        An array of NumPy with 64 bits where JAX's precision would round known values together.
        """
        if not is_known(y, self):
            return self.loc + self.scale * y
        x = self.loc + self.scale * np.asarray(y, np.float64)
        return jnp.asarray(x, float) if self.are_near_0() else x

    def are_near_0(self) -> bool:
        """Whether JAX's precision tells apart what lies within these units."""
        kind = np.finfo(precision())
        farthest = abs(self.loc) + _REACH * self.scale
        return bool(farthest < kind.max and kind.eps * farthest <= _FINE * self.scale)


AS_IT_IS = Units(np.zeros(()), np.ones(()))


def units_of(values: Float[np.ndarray, " n"]) -> Units:
    """The mean and the standard deviation of measurements that are not all equal.

    Raises:
        ValueError: the floats in which they came, or JAX's, cannot tell such values apart.
    """
    x = np.asarray(values, np.float64)
    away = x - x[0]  # first, because it loses no digits where the spread is small
    reach = np.max(np.abs(away))  # whose square may overflow
    loc, scale = x[0] + reach * np.mean(away / reach), reach * np.std(away / reach)
    kind = np.finfo(precision())
    if not kind.tiny < scale < kind.max / _REACH:
        raise ValueError(
            f"target's values have a spread of {scale:g}, beyond {precision().name}; rescale "
            "them, or enable 64 bits with jax.config.update('jax_enable_x64', True)."
        )
    step = float(np.spacing(np.max(np.abs(values))))
    if step > _COARSEST[values.dtype.itemsize] * scale:
        raise ValueError(
            f"target's values have a spread of {scale:.3g} about {loc:.6g}, where numbers of "
            f"{values.dtype.name} are {step:.3g} apart: too far to tell such values apart. "
            "Subtract an origin near them before they are made floats"
            + (", or pass floats of 64 bits." if values.dtype.itemsize < 8 else ".")
        )
    return Units(np.asarray(loc), np.asarray(scale))


class LocationScale(Distribution):  # type: ignore[misc]  # numpyro has no types
    """The law of loc + scale · Y, where Y has the law `base`.

    Unlike numpyro's transformed distribution it keeps `loc` and `scale` with 64 bits, moves known
    points to the units of Y on the host, and knows where the mass of Y is.

    Args:
        base: the law of Y, univariate.
        loc: the location.
        scale: the scale, above 0.
    """

    pytree_data_fields = ("base", "loc", "scale")

    def __init__(
        self, base: Distribution, loc: Any, scale: Any, *, validate_args: bool | None = None
    ) -> None:
        self.base, self.loc, self.scale = base, loc, scale
        super().__init__(batch_shape=(), event_shape=(), validate_args=validate_args)

    @property
    def _units(self) -> Units:
        return Units(self.loc, self.scale)

    def own_units(self) -> tuple[Distribution, Float[AnyArray, ""], Float[AnyArray, ""]]:
        """The law of Y, the location and the scale, for distances that are computed in them."""
        return self.base, self.loc, self.scale

    @property
    def support(self) -> Any:
        """That of Y, moved."""
        low, high = (
            bound if is_infinite(bound) else self.loc + self.scale * bound
            for bound in support_bounds(self.base)
        )
        if is_infinite(low):
            return constraints.real if is_infinite(high) else constraints.less_than(high)
        return (
            constraints.greater_than(low) if is_infinite(high) else constraints.interval(low, high)
        )

    def log_prob(self, value: ArrayLike) -> Float[Array, "..."]:
        log_density: Array = self.base.log_prob(self._units.standardise(value))
        return log_density - jnp.log(self.scale)

    def cdf(self, value: ArrayLike) -> Float[Array, "..."]:
        masses: Array = self.base.cdf(self._units.standardise(value))
        return masses

    def icdf(self, q: ArrayLike) -> Float[AnyArray, "..."]:
        return self._units.restore(self.base.icdf(q))

    def landmarks(self) -> Float[Array, " n"]:
        """Where to cut the line in integrals."""
        points: Array = self.loc + self.scale * outline(Packed(self.base)).landmarks
        return points

    def sample(
        self, key: Key[Array, ""], sample_shape: tuple[int, ...] = ()
    ) -> Float[AnyArray, "..."]:
        return self._units.restore(self.base.sample(key, sample_shape))


def told_in_x(law: Distribution, units: Units) -> Distribution:
    """The law of x, where that of y is known; Gaussians and mixtures of them remain such near 0."""
    if units.loc == 0 and units.scale == 1:
        return law
    if units.are_near_0() and type(law) is Normal:
        return _moved(law, units)
    parts = getattr(law, "component_distribution", None)
    if units.are_near_0() and type(law) is MixtureSameFamily and type(parts) is Normal:
        return MixtureSameFamily(law.mixing_distribution, _moved(parts, units), validate_args=False)
    return LocationScale(law, units.loc, units.scale)


def _moved(law: Normal, units: Units) -> Normal:
    loc, scale = (np.asarray(a, np.float64) for a in (law.loc, law.scale))
    return Normal(units.loc + units.scale * loc, units.scale * scale, validate_args=False)
