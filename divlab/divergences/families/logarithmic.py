"""Rows whose f has a logarithm: KL, its reverse, Jeffreys and Jensen-Shannon."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp

from divlab.divergences import closed_form
from divlab.divergences.families.family import Family
from divlab.divergences.inputs import read_number
from divlab.divergences.integrals.arrays import namespace
from divlab.divergences.series import decay_excess_series
from divlab.pytrees import pytree


def _relative_entropy(log_p: jax.Array, log_q: jax.Array, r: jax.Array) -> jax.Array:
    """The integrand p log(p/q) - p + q for finite log densities, given r = log(p/q)."""
    p, close = jnp.exp(log_p), jnp.abs(r) < 1
    return jnp.where(
        close, p * decay_excess_series(jnp.where(close, r, 0.0)), jnp.exp(log_q) + (r - 1) * p
    )


@pytree
class KL(Family):
    """KL(P‖Q): f(u) = u log u - u + 1."""

    name = "kl"
    at_zero = 1.0
    formulas = closed_form.KL

    def perspective(self, log_p, log_q):
        """The integrand p log(p/q) - p + q."""
        return _relative_entropy(log_p, log_q, log_p - log_q)

    def conjugate(self, t):
        """The conjugate e^t - 1."""
        return jnp.expm1(t)

    def activation(self, v):
        """Any real number will do."""
        return v

    def optimal_critic(self, r):
        """The log ratio itself."""
        return r

    def from_ratios(self, ratios):
        """E_P[log(p/q)]."""
        return ratios.mean_log()

    def from_entropies(self, cross_entropy, entropy):
        """The cross-entropy less the entropy."""
        return namespace(entropy).maximum(cross_entropy - entropy, 0.0)

    def tighter_bound(self, at_p, at_q):
        """E_P[r] - log E_Q[e^r] (Donsker & Varadhan 1983)."""
        return jnp.mean(at_p) - logsumexp(at_q) + jnp.log(float(len(at_q)))


@pytree
class ReverseKL(Family):
    """KL(Q‖P): f(u) = u - 1 - log u."""

    name = "reverse_kl"
    at_infinity = 1.0
    formulas = closed_form.REVERSE_KL

    def perspective(self, log_p, log_q):
        """The integrand q log(q/p) - q + p."""
        return _relative_entropy(log_q, log_p, log_q - log_p)

    def conjugate(self, t):
        """The conjugate -log(1 - t) for t < 1."""
        return -jnp.log1p(-t)

    def activation(self, v):
        """The number 1 - e^-v, below 1."""
        return -jnp.expm1(-v)

    def activated_conjugate(self, v):
        """The number v."""
        return v

    def optimal_critic(self, r):
        """The value 1 - q/p."""
        return -jnp.expm1(-r)

    def from_ratios(self, ratios):
        """E_Q[log(q/p)]."""
        return ratios.reversed().mean_log()


@pytree
class Jeffreys(Family):
    """KL(P‖Q) + KL(Q‖P): f(u) = (u - 1) log u."""

    name = "jeffreys"
    is_symmetric = True
    formulas = closed_form.JEFFREYS

    def perspective(self, log_p, log_q):
        """The integrand (p - q) log(p/q)."""
        gap = jnp.abs(log_p - log_q)
        return -jnp.exp(jnp.maximum(log_p, log_q)) * gap * jnp.expm1(-gap)

    def conjugate(self, t):
        """Log u + u - 1, where u solves log u + 1 - 1/u = t."""
        # In r = log u Newton's method on the concave r + 1 - e^-r converges from the left.
        r = jnp.where(t > 0, t / 2, -jnp.log1p(-jnp.minimum(t, 0.0)))
        for _ in range(8):
            small = jnp.exp(-r)
            r = r + (t - r - 1 + small) / (1 + small)
        return r + jnp.expm1(r)

    def activation(self, v):
        """Any real number will do."""
        return v

    def optimal_critic(self, r):
        """The value log(p/q) + 1 - q/p."""
        return r - jnp.expm1(-r)

    def from_ratios(self, ratios):
        """The sum of KL in both directions, neither of them below 0."""
        forward, backward = ratios.mean_log(), ratios.reversed().mean_log()
        xp = namespace(forward)
        return xp.maximum(forward, 0.0) + xp.maximum(backward, 0.0)


@pytree
class JS(Family):
    """w KL(P‖M) + (1 - w) KL(Q‖M) with M = w P + (1 - w) Q: f(u) = w u log(u/m) - (1 - w) log m."""

    weight: float | jax.Array = 0.5

    name = "js"
    is_symmetric = True  # at the weight ½
    formulas = closed_form.JS

    def __post_init__(self):
        need = "strictly between 0 and 1"
        read_number("weight", self.weight, low=0.0, high=1.0, closed=False, need=need)

    @property
    def at_zero(self):
        """The value -(1 - w) log(1 - w)."""
        return -(1 - self.weight) * namespace(self.weight).log1p(-self.weight)

    @property
    def at_infinity(self):
        """The value -w log w."""
        return -self.weight * namespace(self.weight).log(self.weight)

    def perspective(self, log_p, log_q):
        """The integrand w p log(p/m) + (1 - w) q log(q/m)."""
        weight = self.weight
        limit = np.log(np.finfo(log_p.dtype).max) / 2
        r = jnp.clip(log_p - log_q, -limit, limit)
        from_p, from_q = -jnp.log1p((1 - weight) * jnp.expm1(-r)), -jnp.log1p(weight * jnp.expm1(r))
        # r is clipped, so the mixture is known only from the larger of the two.
        log_m = jnp.where(r > 0, log_p - from_p, log_q - from_q)
        p_part = _relative_entropy(log_p, log_m, from_p)
        return weight * p_part + (1 - weight) * _relative_entropy(log_q, log_m, from_q)

    def conjugate(self, t):
        """The conjugate (1 - w) (log(1 - w) - log(1 - w e^(t/w))) for t < -w log w."""
        rest = 1 - self.weight * jnp.exp(t / self.weight)
        return (1 - self.weight) * (jnp.log1p(-self.weight) - jnp.log(rest))

    def activation(self, v):
        """The number w times the log of a probability, less its least value."""
        return self.weight * (jax.nn.log_sigmoid(v) - jnp.log(self.weight))

    def activated_conjugate(self, v):
        """(1 - w) log of 1 - w over what the probability leaves."""
        return (1 - self.weight) * (jnp.log1p(-self.weight) - jax.nn.log_sigmoid(-v))

    def optimal_critic(self, r):
        """The value w log(p/m)."""
        return self.activation(r + jnp.log(self.weight) - jnp.log1p(-self.weight))
