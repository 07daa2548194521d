"""Rows whose f has a logarithm: KL, its reverse, Jeffreys and Jensen-Shannon."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp
from jaxtyping import Array, Float

from divlab.divergences import closed_form
from divlab.divergences.closed_form.exponential_families import decay_excess_series
from divlab.divergences.families.family import Family, RatioMeans
from divlab.divergences.inputs import Real, read_number
from divlab.divergences.integrals import arrays
from divlab.divergences.integrals.arrays import namespace
from divlab.pytrees import pytree


def _relative_entropy(log_p: jax.Array, log_q: jax.Array, r: jax.Array) -> jax.Array:
    """The integrand p log(p/q) - p + q for finite log densities, given r = log(p/q)."""
    p, close = jnp.exp(log_p), jnp.abs(r) < 1
    return jnp.where(
        close, p * decay_excess_series(jnp.where(close, r, 0.0)), jnp.exp(log_q) + (r - 1) * p
    )


@pytree
class KL(Family):
    """KL(P‖Q): f(u) = u log u - u + 1.

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> row = divlab.families.KL()
        >>> round(float(divlab.f_divergence(Normal(0, 1), Normal(1, 2), row)), 4)
        0.4431
    """

    name = "kl"
    at_zero = 1.0
    formulas = closed_form.KL

    def perspective(
        self, log_p: Float[Array, "*n"], log_q: Float[Array, "*n"]
    ) -> Float[Array, "*n"]:
        """The integrand p log(p/q) - p + q."""
        return _relative_entropy(log_p, log_q, log_p - log_q)

    def conjugate(self, t: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """f*(t) = e^t - 1."""
        return jnp.expm1(t)

    def activation(self, v: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """Gives v itself, because f* is finite everywhere."""
        return v

    def optimal_critic(self, r: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """T*(r) = r."""
        return r

    def from_ratios(self, ratios: RatioMeans) -> tuple[arrays.Array, ...]:
        """E_P[log(p/q)]."""
        return (ratios.mean_log(),)

    def from_entropies(self, cross_entropy: arrays.Array, entropy: arrays.Array) -> arrays.Array:
        """The cross-entropy less the entropy, which is never below 0."""
        return namespace(entropy).maximum(cross_entropy - entropy, 0.0)

    def tighter_bound(self, at_p: Float[Array, " n"], at_q: Float[Array, " m"]) -> Float[Array, ""]:
        """E_P[r] - log E_Q[e^r] (Donsker & Varadhan 1983)."""
        return jnp.mean(at_p) - logsumexp(at_q) + jnp.log(float(len(at_q)))


@pytree
class ReverseKL(Family):
    """KL(Q‖P): f(u) = u - 1 - log u.

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> row = divlab.families.ReverseKL()
        >>> round(float(divlab.f_divergence(Normal(0, 1), Normal(1, 2), row)), 4)
        1.3069
    """

    name = "reverse_kl"
    at_infinity = 1.0
    formulas = closed_form.REVERSE_KL

    def perspective(
        self, log_p: Float[Array, "*n"], log_q: Float[Array, "*n"]
    ) -> Float[Array, "*n"]:
        """The integrand q log(q/p) - q + p."""
        return _relative_entropy(log_q, log_p, log_q - log_p)

    def conjugate(self, t: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """f*(t) = -log(1 - t) for t < 1."""
        return -jnp.log1p(-t)

    def activation(self, v: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """Gives 1 - e^-v, which is below 1."""
        return -jnp.expm1(-v)

    def activated_conjugate(self, v: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """f*(activation(v)) = v."""
        return v

    def optimal_critic(self, r: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """T*(r) = 1 - q/p."""
        return -jnp.expm1(-r)

    def from_ratios(self, ratios: RatioMeans) -> tuple[arrays.Array, ...]:
        """E_Q[log(q/p)]."""
        return (ratios.reversed().mean_log(),)


@pytree
class Jeffreys(Family):
    """KL(P‖Q) + KL(Q‖P): f(u) = (u - 1) log u.

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> row = divlab.families.Jeffreys()
        >>> round(float(divlab.f_divergence(Normal(0, 1), Normal(1, 2), row)), 4)
        1.75
    """

    name = "jeffreys"
    is_symmetric = True
    formulas = closed_form.JEFFREYS

    def perspective(
        self, log_p: Float[Array, "*n"], log_q: Float[Array, "*n"]
    ) -> Float[Array, "*n"]:
        """The integrand (p - q) log(p/q)."""
        gap = jnp.abs(log_p - log_q)
        return -jnp.exp(jnp.maximum(log_p, log_q)) * gap * jnp.expm1(-gap)

    def conjugate(self, t: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """f*(t) = log u + u - 1, where u solves log u + 1 - 1/u = t."""
        # In r = log u Newton's method on the concave r + 1 - e^-r converges from the left.
        r = jnp.where(t > 0, t / 2, -jnp.log1p(-jnp.minimum(t, 0.0)))
        for _ in range(8):
            small = jnp.exp(-r)
            r = r + (t - r - 1 + small) / (1 + small)
        return r + jnp.expm1(r)

    def activation(self, v: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """Gives v itself, because f* is finite everywhere."""
        return v

    def optimal_critic(self, r: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """T*(r) = log(p/q) + 1 - q/p."""
        return r - jnp.expm1(-r)

    def from_ratios(self, ratios: RatioMeans) -> tuple[arrays.Array, ...]:
        """KL(P‖Q) and KL(Q‖P)."""
        return ratios.mean_log(), ratios.reversed().mean_log()


@pytree
class JS(Family):
    """w KL(P‖M) + (1 - w) KL(Q‖M) with M = w P + (1 - w) Q: f(u) = w u log(u/m) - (1 - w) log m.

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> row = divlab.families.JS(weight=0.25)
        >>> round(float(divlab.f_divergence(Normal(0, 1), Normal(1, 2), row)), 4)
        0.0878
    """

    weight: Real = 0.5

    name = "js"
    is_symmetric = True  # at the weight ½
    formulas = closed_form.JS

    def __post_init__(self) -> None:
        need = "strictly between 0 and 1"
        read_number("weight", self.weight, low=0.0, high=1.0, closed=False, need=need)

    @property
    def at_zero(self) -> arrays.Array:
        """f(0) = -(1 - w) log(1 - w)."""
        return -(1 - self.weight) * namespace(self.weight).log1p(-self.weight)

    @property
    def at_infinity(self) -> arrays.Array:
        """The limit of f(u)/u, -w log w."""
        return -self.weight * namespace(self.weight).log(self.weight)

    def perspective(
        self, log_p: Float[Array, "*n"], log_q: Float[Array, "*n"]
    ) -> Float[Array, "*n"]:
        """The integrand w p log(p/m) + (1 - w) q log(q/m)."""
        weight = jnp.asarray(self.weight)
        limit = np.log(np.finfo(log_p.dtype).max) / 2
        r = jnp.clip(log_p - log_q, -limit, limit)
        from_p, from_q = -jnp.log1p((1 - weight) * jnp.expm1(-r)), -jnp.log1p(weight * jnp.expm1(r))
        # r is clipped, so the mixture is known only from the larger of the two.
        log_m = jnp.where(r > 0, log_p - from_p, log_q - from_q)
        p_part = _relative_entropy(log_p, log_m, from_p)
        return weight * p_part + (1 - weight) * _relative_entropy(log_q, log_m, from_q)

    def conjugate(self, t: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """f*(t) = (1 - w) (log(1 - w) - log(1 - w e^(t/w))) for t < -w log w."""
        weight = jnp.asarray(self.weight)
        rest = 1 - weight * jnp.exp(t / weight)
        return (1 - weight) * (jnp.log1p(-weight) - jnp.log(rest))

    def activation(self, v: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """Gives w (log σ(v) - log w), which is below -w log w; σ is the logistic function."""
        weight = jnp.asarray(self.weight)
        return weight * (jax.nn.log_sigmoid(v) - jnp.log(weight))

    def activated_conjugate(self, v: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """f*(activation(v)) = (1 - w) (log(1 - w) - log σ(-v))."""
        weight = jnp.asarray(self.weight)
        return (1 - weight) * (jnp.log1p(-weight) - jax.nn.log_sigmoid(-v))

    def optimal_critic(self, r: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """T*(r) = w log(p/m)."""
        return self.activation(r + jnp.log(self.weight) - jnp.log1p(-self.weight))
