"""Rows whose f is made of powers: total variation, Hellinger, χ² in both directions, alpha."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from divlab.divergences import closed_form
from divlab.divergences.families.family import Family, RatioMeans
from divlab.divergences.inputs import Real, read_number
from divlab.divergences.integrals import arrays
from divlab.divergences.integrals.arrays import namespace
from divlab.pytrees import pytree


@pytree
class TotalVariation(Family):
    """½ ∫ |p - q|: f(u) = ½ |u - 1|.

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> row = divlab.families.TotalVariation()
        >>> round(float(divlab.f_divergence(Normal(0, 1), Normal(1, 2), row)), 4)
        0.3901
    """

    name = "tv"
    is_symmetric = True
    at_zero = at_infinity = 0.5
    formulas = closed_form.TV
    bias_rate = 0.25  # the noise of counts enters by its size
    has_kink = True

    def perspective(
        self, log_p: Float[Array, "*n"], log_q: Float[Array, "*n"]
    ) -> Float[Array, "*n"]:
        """The integrand ½ |p - q|."""
        gap = jnp.abs(log_p - log_q)
        return -0.5 * jnp.exp(jnp.maximum(log_p, log_q)) * jnp.expm1(-gap)

    def conjugate(self, t: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """f*(t) = t on [-½, ½], and -½ below."""
        return jnp.maximum(t, -0.5)

    def activation(self, v: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """Gives ½ tanh(v/2), between -½ and ½."""
        return 0.5 * jnp.tanh(0.5 * v)

    def optimal_critic(self, r: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """T*(r) = ½ where p is the larger, else -½."""
        return 0.5 * jnp.sign(r)


@pytree
class SquaredHellinger(Family):
    """H² = 1 - ∫ √(pq): f(u) = ½ (√u - 1)².

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> row = divlab.families.SquaredHellinger()
        >>> round(float(divlab.f_divergence(Normal(0, 1), Normal(1, 2), row)), 4)
        0.1492
    """

    name = "hellinger"
    is_symmetric = True
    at_zero = at_infinity = 0.5
    formulas = closed_form.SQUARED_HELLINGER

    def perspective(
        self, log_p: Float[Array, "*n"], log_q: Float[Array, "*n"]
    ) -> Float[Array, "*n"]:
        """The integrand ½ (√p - √q)²."""
        gap = jnp.abs(log_p - log_q)
        return 0.5 * jnp.exp(jnp.maximum(log_p, log_q)) * jnp.expm1(-0.5 * gap) ** 2

    def conjugate(self, t: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """f*(t) = t / (1 - 2t) for t < ½."""
        return t / (1 - 2 * t)

    def activation(self, v: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """Gives ½ (1 - e^-v), which is below ½."""
        return -0.5 * jnp.expm1(-v)

    def activated_conjugate(self, v: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """f*(activation(v)) = ½ (e^v - 1)."""
        return 0.5 * jnp.expm1(v)

    def optimal_critic(self, r: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """T*(r) = ½ (1 - √(q/p))."""
        return -0.5 * jnp.expm1(-0.5 * r)


@pytree
class Pearson(Family):
    """χ²(P‖Q) = ∫ (p - q)² / q: f(u) = (u - 1)².

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> row = divlab.families.Pearson()
        >>> round(float(divlab.f_divergence(Normal(0, 1), Normal(1, 2), row)), 4)
        0.744
    """

    name = "chi2"
    at_zero = 1.0
    formulas = closed_form.CHI2
    ratio_power = 1.0

    def perspective(
        self, log_p: Float[Array, "*n"], log_q: Float[Array, "*n"]
    ) -> Float[Array, "*n"]:
        """The integrand (p - q)² / q."""
        r = log_p - log_q
        larger = jnp.exp(log_q + 2 * jnp.maximum(r, 0.0))
        return larger * jnp.expm1(-jnp.abs(r)) ** 2

    def conjugate(self, t: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """f*(t) = t + t²/4 for t ≥ -2, and -1 below."""
        t = jnp.maximum(t, -2.0)
        return t + t * t / 4

    def activation(self, v: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """Gives v itself, because f* is finite everywhere."""
        return v

    def optimal_critic(self, r: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """T*(r) = 2 (p/q - 1)."""
        return 2 * jnp.expm1(r)

    def from_ratios(self, ratios: RatioMeans) -> tuple[arrays.Array, ...]:
        """E_P[p/q] - 1."""
        return (ratios.mean_power(1.0),)


@pytree
class Neyman(Family):
    """χ²(Q‖P) = ∫ (p - q)² / p: f(u) = (u - 1)² / u.

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> row = divlab.families.Neyman()
        >>> round(float(divlab.f_divergence(Normal(1, 2), Normal(0, 1), row)), 4)
        0.744
    """

    name = "neyman"
    at_infinity = 1.0
    ratio_power = 1.0

    def perspective(
        self, log_p: Float[Array, "*n"], log_q: Float[Array, "*n"]
    ) -> Float[Array, "*n"]:
        """The integrand (p - q)² / p."""
        return Pearson().perspective(log_q, log_p)

    def conjugate(self, t: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """f*(t) = 2 - 2 √(1 - t) for t ≤ 1."""
        return 2 - 2 * jnp.sqrt(1 - t)

    def activation(self, v: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """Gives 1 - e^-v, which is below 1."""
        return -jnp.expm1(-v)

    def activated_conjugate(self, v: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """f*(activation(v)) = 2 - 2 e^(-v/2)."""
        return -2 * jnp.expm1(-0.5 * v)

    def optimal_critic(self, r: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """T*(r) = 1 - (q/p)²."""
        return -jnp.expm1(-2 * r)

    def from_ratios(self, ratios: RatioMeans) -> tuple[arrays.Array, ...]:
        """E_Q[q/p] - 1."""
        return (ratios.reversed().mean_power(1.0),)


_POWERS = 20  # terms of the series below, for |r| max(1, alpha) under 1/2


@pytree
class Alpha(Family):
    """The alpha-divergence: f(u) = (u^α - α u - (1 - α)) / (α (α - 1)), for α > 0.

    At α = 1 it is KL, at α = ½ it is 4 H², at α = 2 half of χ². Rényi's divergence is
    log(1 + α (α - 1) D) / (α - 1).

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> row = divlab.families.Alpha(0.5)
        >>> round(float(divlab.f_divergence(Normal(0, 1), Normal(1, 2), row)), 4)
        0.5968
    """

    alpha: Real = 0.5

    name = "alpha"

    def __post_init__(self) -> None:
        need = "above 0, and finite"
        read_number("alpha", self.alpha, low=0.0, high=np.inf, closed=False, need=need)

    @property
    def at_zero(self) -> arrays.Array:
        """f(0) = 1/α."""
        return 1 / self.alpha

    @property
    def at_infinity(self) -> arrays.Array:
        """The limit of f(u)/u: 1/(1 - α) for α < 1, else inf."""
        xp, below = namespace(self.alpha), self.alpha < 1
        return xp.where(below, 1 / xp.where(below, 1.0 - self.alpha, 1.0), np.inf)

    @property
    def ratio_power(self) -> Any:
        """D is a function of E_P[(p/q)^(α-1)]."""
        return self.alpha - 1

    def perspective(
        self, log_p: Float[Array, "*n"], log_q: Float[Array, "*n"]
    ) -> Float[Array, "*n"]:
        """The integrand (p^α q^(1-α) - α p - (1 - α) q) / (α (α - 1))."""
        r, alpha = log_p - log_q, jnp.asarray(self.alpha, log_p.dtype)
        near = jnp.abs(r) * jnp.maximum(1.0, alpha) < 0.5
        # Σ_n≥2 r^n/n! (1 + α + … + α^(n-2)): no terms cancel, whatever α.
        term = small = jnp.where(near, r, 0.0)
        geometric, power, series = jnp.zeros(()), jnp.ones(()), jnp.zeros(())
        for n in range(2, _POWERS):
            geometric, power, term = geometric + power, power * alpha, term * small / n
            series = series + term * geometric
        # (e^r r φ((α - 1) r) - e^r + 1) / α with φ(z) = (e^z - 1)/z; powers in one exponent.
        far = jnp.where(near, 1.0, r)
        flat = jnp.abs((alpha - 1) * far) < 1e-3
        # Elsewhere z² overflows, and the slope of what is not taken is NaN.
        level = jnp.where(flat, far, 0.0)
        z = (alpha - 1) * level
        smooth = jnp.exp(log_p) * level * (1 + z / 2 + z * z / 6)
        safe = jnp.where(flat, 1.0, alpha - 1)
        steep = (jnp.exp(log_q + alpha * far) - jnp.exp(log_p)) / safe
        apart = (jnp.where(flat, smooth, steep) - jnp.exp(log_p) + jnp.exp(log_q)) / alpha
        return jnp.where(near, jnp.exp(log_q) * series, jnp.maximum(apart, 0.0))

    def conjugate(self, t: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """f*(t) = ((1 + (α - 1) t)^(α/(α-1)) - 1) / α."""
        log_base = jnp.log1p((self.alpha - 1) * t) / (self.alpha - 1)
        return jnp.expm1(self.alpha * log_base) / self.alpha

    def activation(self, v: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """Gives (e^((α-1) v) - 1) / (α - 1)."""
        return jnp.expm1((self.alpha - 1) * v) / (self.alpha - 1)

    def optimal_critic(self, r: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """T*(r) = ((p/q)^(α-1) - 1) / (α - 1)."""
        return self.activation(r)

    def from_ratios(self, ratios: RatioMeans) -> tuple[arrays.Array, ...]:
        """By distances for α ≥ 1, by counts for α ≤ ½, and by a mean of the two in between.

        As α rises to 1, mass that only P has counts for more and more, and the noise of counts
        grows with it. Distances are blind to such mass, and therefore serve where counts do not.
        """
        xp = namespace(self.alpha)
        counted = xp.clip(2 - 2 * self.alpha, 0.0, 1.0)
        by_counts = ratios.by_counts(Alpha(xp.minimum(self.alpha, 1 - 1e-6)))
        by_distances = ratios.mean_power(self.alpha - 1) / self.alpha
        return (counted * by_counts + (1 - counted) * by_distances,)
