"""f-divergences D_f(P‖Q) = ∫ q f(p/q) dx, one row each.

A row holds all that its methods need: the integrand q f(p/q) as a function of the two log
densities (so f itself, in the log ratio r, is `perspective(r, 0)`), what f becomes where one
density vanishes, and for variational bounds the conjugate f*, an activation onto its domain and
the best critic T*(r) = f'(e^r). Every f has f(1) = f'(1) = 0, so its integrand is non-negative at
every point and loses no digits where p and q are nearly equal: for KL it is p log(p/q) - p + q,
not p log(p/q), whose positive and negative parts cancel. Nothing is added to a density to keep a
logarithm finite.

A row of your own is a subclass of `Family` under `record`; see the example there.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from divlab.divergences.arguments import read_number
from divlab.pytrees import record

# Of e^-r - 1 + r: for |r| < 1 these terms reach rounding, in 32 bits and in 64.
_SERIES = [(-1.0) ** n / math.factorial(n) for n in range(2, 20)]
_TERMS_OF_32_BITS = 11


def _series(r: jax.Array) -> jax.Array:
    terms = _SERIES if jnp.finfo(r.dtype).eps < 1e-10 else _SERIES[:_TERMS_OF_32_BITS]
    total = jnp.zeros_like(r)
    for coefficient in terms[::-1]:
        total = total * r + coefficient
    return r * r * total


def expm1_plus(r: jax.Array) -> jax.Array:
    """e^-r - 1 + r, to full relative precision near r = 0."""
    small = jnp.abs(r) < 1
    return jnp.where(small, _series(jnp.where(small, r, 0.0)), jnp.exp(-r) - 1 + r)


@record
class Family:
    """A row: one f-divergence.

    Subclasses define `perspective`; for variational bounds also `conjugate`, `activation` and
    `optimal_critic`. Their numbers (an order, a weight) are fields, so that a new value compiles
    nothing again.

    Example:
        >>> import jax.numpy as jnp
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> from divlab.families import Family
        >>> from divlab.pytrees import record
        >>> @record
        ... class LeCam(Family):  # f(u) = (u - 1)² / (2u + 2)
        ...     name = "le_cam"
        ...     at_zero = at_infinity = 0.5
        ...     def perspective(self, log_p, log_q):
        ...         smaller = jnp.exp(-jnp.abs(log_p - log_q))
        ...         larger = jnp.exp(jnp.maximum(log_p, log_q))
        ...         return larger * (1 - smaller) ** 2 / (2 + 2 * smaller)
        >>> 0 < float(divlab.f_divergence(Normal(0, 1), Normal(1, 2), LeCam())) < 1
        True
    """

    name = "f_divergence"

    @property
    def at_zero(self):
        """The value f(0): what a unit of Q's mass counts where P has none; may be inf."""
        return jnp.inf

    @property
    def at_infinity(self):
        """Lim f(u)/u: what a unit of P's mass counts where Q has none; may be inf."""
        return jnp.inf

    @property
    def limit(self):
        """The largest value of the divergence, f(0) + lim f(u)/u."""
        return self.at_zero + self.at_infinity

    def perspective(self, log_p: jax.Array, log_q: jax.Array) -> jax.Array:
        """The integrand q f(p/q) for finite log densities, without over- or underflow."""
        raise NotImplementedError(f"{type(self).__name__} defines no perspective(log_p, log_q).")

    def conjugate(self, t: jax.Array) -> jax.Array:
        """f*(t) = sup_u {u t - f(u)} over u ≥ 0."""
        raise NotImplementedError(f"{type(self).__name__} defines no conjugate(t).")

    def activation(self, v: jax.Array) -> jax.Array:
        """Maps any real v, increasing, to where f* is finite."""
        raise NotImplementedError(f"{type(self).__name__} defines no activation(v).")

    def activated_conjugate(self, v: jax.Array) -> jax.Array:
        """The conjugate at activation(v), where the two can be had without loss of digits."""
        return self.conjugate(self.activation(v))

    def optimal_critic(self, r: jax.Array) -> jax.Array:
        """The value T* = f'(e^r) at which the variational bound is tight; r = log(p/q)."""
        raise NotImplementedError(f"{type(self).__name__} defines no optimal_critic(r).")


def _finite(log_p: jax.Array, log_q: jax.Array) -> tuple[jax.Array, ...]:
    """Whether p and q have mass here, and stand-ins of log p and log q that are never infinite."""
    has_p, has_q = log_p > -jnp.inf, log_q > -jnp.inf
    log_p = jnp.where(has_p, log_p, jnp.where(has_q, log_q, 0.0))
    log_q = jnp.where(has_q, log_q, log_p)
    return has_p, has_q, log_p, log_q


def _lacks(log_p: jax.Array, log_q: jax.Array) -> jax.Array:
    """Where P has mass that Q does not have.

    Outside Q's support any mass of P counts, however small. Inside it a log density at the
    dtype's limit is an underflow, and counts only where p itself has not underflowed.
    """
    lowest = jnp.finfo(log_q.dtype).min
    outside = (log_q == -jnp.inf) & (log_p > -jnp.inf)
    return outside | ((log_q <= lowest / 2) & (jnp.exp(log_p) > 0))


def _alone(lacks: jax.Array, mass: jax.Array, factor) -> jax.Array:
    """What mass of the one counts where the other has none, by a factor that may be infinite."""
    infinite = jnp.isinf(factor)
    return jnp.where(
        infinite, jnp.where(lacks, jnp.inf, 0.0), jnp.where(infinite, 0.0, factor) * mass
    )


def integrand(family: Family, log_p: jax.Array, log_q: jax.Array) -> jax.Array:
    """Q f(p/q) at points with these log densities, -inf outside a support included."""
    has_p, has_q, finite_p, finite_q = _finite(log_p, log_q)
    p_lacks, q_lacks = _lacks(log_q, log_p), _lacks(log_p, log_q)
    only_p = _alone(q_lacks, jnp.exp(finite_p), family.at_infinity)
    only_q = _alone(p_lacks, jnp.exp(finite_q), family.at_zero)
    both = family.perspective(finite_p, finite_q)
    both = jnp.where(q_lacks & jnp.isinf(family.at_infinity), jnp.inf, both)
    both = jnp.where(p_lacks & jnp.isinf(family.at_zero), jnp.inf, both)
    alone = jnp.where(has_p, only_p, only_q)
    value = jnp.where(has_p & has_q, both, alone)
    return jnp.where(has_p | has_q, value, 0.0)


def _relative_entropy(log_p: jax.Array, log_q: jax.Array, r: jax.Array) -> jax.Array:
    """The integrand p log(p/q) - p + q for finite log densities, given r = log(p/q)."""
    p, close = jnp.exp(log_p), jnp.abs(r) < 1
    return jnp.where(close, p * _series(jnp.where(close, r, 0.0)), jnp.exp(log_q) + (r - 1) * p)


@record
class KL(Family):
    """KL(P‖Q): f(u) = u log u - u + 1."""

    name = "kl"
    at_zero = 1.0

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


@record
class ReverseKL(Family):
    """KL(Q‖P): f(u) = u - 1 - log u."""

    name = "reverse_kl"
    at_infinity = 1.0

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


@record
class Jeffreys(Family):
    """KL(P‖Q) + KL(Q‖P): f(u) = (u - 1) log u."""

    name = "jeffreys"

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


@record
class JS(Family):
    """w KL(P‖M) + (1 - w) KL(Q‖M) with M = w P + (1 - w) Q: f(u) = w u log(u/m) - (1 - w) log m."""

    weight: float | jax.Array = 0.5

    name = "js"

    def __post_init__(self):
        need = "strictly between 0 and 1"
        read_number("weight", self.weight, low=0.0, high=1.0, closed=False, need=need)

    @property
    def at_zero(self):
        """The value -(1 - w) log(1 - w)."""
        return -(1 - self.weight) * jnp.log1p(-self.weight)

    @property
    def at_infinity(self):
        """The value -w log w."""
        return -self.weight * jnp.log(self.weight)

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


@record
class TotalVariation(Family):
    """½ ∫ |p - q|: f(u) = ½ |u - 1|."""

    name = "tv"
    at_zero = at_infinity = 0.5

    def perspective(self, log_p, log_q):
        """The integrand ½ |p - q|."""
        gap = jnp.abs(log_p - log_q)
        return -0.5 * jnp.exp(jnp.maximum(log_p, log_q)) * jnp.expm1(-gap)

    def conjugate(self, t):
        """The value t itself, on [-½, ½]."""
        return jnp.maximum(t, -0.5)

    def activation(self, v):
        """The number ½ tanh(v/2)."""
        return 0.5 * jnp.tanh(0.5 * v)

    def optimal_critic(self, r):
        """½ where p is the larger, else -½."""
        return 0.5 * jnp.sign(r)


@record
class SquaredHellinger(Family):
    """H² = 1 - ∫ √(pq): f(u) = ½ (√u - 1)²."""

    name = "hellinger"
    at_zero = at_infinity = 0.5

    def perspective(self, log_p, log_q):
        """The integrand ½ (√p - √q)²."""
        gap = jnp.abs(log_p - log_q)
        return 0.5 * jnp.exp(jnp.maximum(log_p, log_q)) * jnp.expm1(-0.5 * gap) ** 2

    def conjugate(self, t):
        """The conjugate t / (1 - 2t) for t < ½."""
        return t / (1 - 2 * t)

    def activation(self, v):
        """The number ½ (1 - e^-v), below ½."""
        return -0.5 * jnp.expm1(-v)

    def activated_conjugate(self, v):
        """The number ½ (e^v - 1)."""
        return 0.5 * jnp.expm1(v)

    def optimal_critic(self, r):
        """The value ½ (1 - √(q/p))."""
        return -0.5 * jnp.expm1(-0.5 * r)


@record
class Pearson(Family):
    """χ²(P‖Q) = ∫ (p - q)² / q: f(u) = (u - 1)²."""

    name = "chi2"
    at_zero = 1.0

    def perspective(self, log_p, log_q):
        """The integrand (p - q)² / q."""
        r = log_p - log_q
        larger = jnp.exp(log_q + 2 * jnp.maximum(r, 0.0))
        return larger * jnp.expm1(-jnp.abs(r)) ** 2

    def conjugate(self, t):
        """The conjugate t + t²/4 for t ≥ -2, and -1 below."""
        t = jnp.maximum(t, -2.0)
        return t + t * t / 4

    def activation(self, v):
        """Any real number will do."""
        return v

    def optimal_critic(self, r):
        """The value 2 (p/q - 1)."""
        return 2 * jnp.expm1(r)


@record
class Neyman(Family):
    """χ²(Q‖P) = ∫ (p - q)² / p: f(u) = (u - 1)² / u."""

    name = "neyman"
    at_infinity = 1.0

    def perspective(self, log_p, log_q):
        """The integrand (p - q)² / p."""
        return Pearson().perspective(log_q, log_p)

    def conjugate(self, t):
        """The conjugate 2 - 2 √(1 - t) for t ≤ 1."""
        return 2 - 2 * jnp.sqrt(1 - t)

    def activation(self, v):
        """The number 1 - e^-v, below 1."""
        return -jnp.expm1(-v)

    def activated_conjugate(self, v):
        """The number 2 - 2 e^(-v/2)."""
        return -2 * jnp.expm1(-0.5 * v)

    def optimal_critic(self, r):
        """The value 1 - (q/p)²."""
        return -jnp.expm1(-2 * r)


_POWERS = 20  # terms of the series below, for |r| max(1, alpha) under 1/2


@record
class Alpha(Family):
    """The alpha-divergence: f(u) = (u^α - α u - (1 - α)) / (α (α - 1)), for α > 0.

    At α = 1 it is KL, at α = ½ it is 4 H², at α = 2 half of χ². Rényi's divergence is
    log(1 + α (α - 1) D) / (α - 1).
    """

    alpha: float | jax.Array = 0.5

    name = "alpha"

    def __post_init__(self):
        need = "above 0, and finite"
        read_number("alpha", self.alpha, low=0.0, high=np.inf, closed=False, need=need)

    @property
    def at_zero(self):
        """The value 1/α."""
        return 1 / jnp.asarray(self.alpha, float)

    @property
    def at_infinity(self):
        """The value 1/(1 - α) for α < 1, else inf."""
        below = jnp.asarray(self.alpha, float) < 1
        return jnp.where(below, 1 / jnp.where(below, 1.0 - self.alpha, 1.0), jnp.inf)

    def perspective(self, log_p, log_q):
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
        z = (alpha - 1) * far
        flat = jnp.abs(z) < 1e-3
        smooth = jnp.exp(log_p) * far * (1 + z / 2 + z * z / 6)
        safe = jnp.where(flat, 1.0, alpha - 1)
        steep = (jnp.exp(log_q + alpha * far) - jnp.exp(log_p)) / safe
        apart = (jnp.where(flat, smooth, steep) - jnp.exp(log_p) + jnp.exp(log_q)) / alpha
        return jnp.where(near, jnp.exp(log_q) * series, jnp.maximum(apart, 0.0))

    def conjugate(self, t):
        """The conjugate ((1 + (α - 1) t)^(α/(α-1)) - 1) / α."""
        log_base = jnp.log1p((self.alpha - 1) * t) / (self.alpha - 1)
        return jnp.expm1(self.alpha * log_base) / self.alpha

    def activation(self, v):
        """The number (e^((α-1) v) - 1) / (α - 1)."""
        return jnp.expm1((self.alpha - 1) * v) / (self.alpha - 1)

    def optimal_critic(self, r):
        """The value ((p/q)^(α-1) - 1) / (α - 1)."""
        return self.activation(r)


kl, reverse_kl, jeffreys, js = KL(), ReverseKL(), Jeffreys(), JS()
tv, hellinger, pearson, neyman = TotalVariation(), SquaredHellinger(), Pearson(), Neyman()

FAMILIES = {
    "kl": kl,
    "reverse_kl": reverse_kl,
    "jeffreys": jeffreys,
    "js": js,
    "tv": tv,
    "hellinger": hellinger,
    "pearson": pearson,
    "neyman": neyman,
}


def surprise(log_p: jax.Array, log_q: jax.Array) -> jax.Array:
    """-p log q, the integrand of the cross-entropy."""
    has_p = log_p > -jnp.inf
    p = jnp.where(has_p, jnp.exp(jnp.where(has_p, log_p, 0.0)), 0.0)
    value = -p * jnp.where(log_q > -jnp.inf, log_q, 0.0)
    return jnp.where(_lacks(log_p, log_q), jnp.inf, jnp.where(p > 0, value, 0.0))
