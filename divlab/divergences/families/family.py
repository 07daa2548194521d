"""What a row is: one f-divergence D_f(P‖Q) = ∫ q f(p/q) dx with all that is particular to it.

A row holds the integrand q f(p/q) as a function of the two log densities, so that f itself, in the
log ratio r, is `perspective(r, 0)`. It also holds what f becomes where one density vanishes, and
for variational bounds the conjugate f*, an activation onto the domain of f*, and the best critic
T*(r) = f'(e^r).

Every f has f(1) = f'(1) = 0. Its integrand is therefore never negative and loses no digits where p
and q are nearly equal. For KL the integrand is p log(p/q) - p + q, not p log(p/q), whose positive
and negative parts cancel. Nothing is added to a density to keep a logarithm finite.
"""

from functools import partial
from typing import Any, ClassVar, Protocol, runtime_checkable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from divlab.compiling import AT_POINTS, jit_with
from divlab.divergences.closed_form import Formulas
from divlab.divergences.inputs import AnyArray
from divlab.divergences.integrals import arrays
from divlab.divergences.integrals.arrays import at_points, namespace, on_host
from divlab.pytrees import pytree


@runtime_checkable
class RatioMeans(Protocol):
    """What a row can ask of an estimate of the density ratio p/q from samples.

    It is implemented by `divlab.divergences.methods.nearest_neighbours.Ratios`.
    """

    def reversed(self) -> "RatioMeans":
        """The ratio q/p at the samples of Q."""

    def mean_log(self) -> arrays.Array:
        """E_P[log(p/q)]."""

    def mean_power(self, power: Any) -> arrays.Array:
        """(E_P[(p/q)^power] - 1) / power."""

    def by_counts(self, family: "Family") -> arrays.Array:
        """D_f(P‖Q) from counts of neighbours."""


@pytree
class Family:
    """A row: one f-divergence.

    A subclass under `pytree` defines `perspective`. For variational bounds it also defines
    `conjugate`, `activation` and `optimal_critic`. Its numbers (an order, a weight) are fields, so
    that a new value compiles nothing again. All the rest has a default that is right for every row.

    Attributes:
        name: how messages speak of it. Nothing else depends on it.
        is_symmetric: whether D(P‖Q) = D(Q‖P).
        formulas: (type of P, type of Q) -> formula(p, q, **numbers of the row): the closed forms.
        bias_rate: the bias of an estimate from n samples falls like n^-bias_rate.
        has_kink: whether f has a kink at 1, so that the line is cut where p = q.

    What a row says of itself holds for its own f. A subclass of a row that defines another
    `perspective` inherits none of it: what it does not define has the default.

    Example:
        >>> import jax.numpy as jnp
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> from divlab.families import Family
        >>> from divlab.pytrees import pytree
        >>> @pytree
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

    name: ClassVar[str] = "f_divergence"
    is_symmetric: ClassVar[bool] = False
    formulas: ClassVar[Formulas] = {}
    bias_rate: ClassVar[float] = 0.5
    has_kink: ClassVar[bool] = False

    def __init_subclass__(cls, **options: Any) -> None:
        """Drops what was inherited from classes that are behind the one that defines f."""
        super().__init_subclass__(**options)
        owners = [owner for owner in cls.__mro__ if "perspective" in owner.__dict__]
        current = cls.__mro__[: cls.__mro__.index(owners[0]) + 1]
        for trait in _TRAITS:
            if not any(trait in owner.__dict__ for owner in current):
                setattr(cls, trait, Family.__dict__[trait])

    @property
    def at_zero(self) -> arrays.Array:
        """f(0): what a unit of Q's mass counts where P has none; may be inf."""
        return jnp.inf

    @property
    def at_infinity(self) -> arrays.Array:
        """The limit of f(u)/u: what a unit of P's mass counts where Q has none; may be inf."""
        return jnp.inf

    @property
    def limit(self) -> arrays.Array:
        """The largest value of the divergence, f(0) + lim f(u)/u."""
        return self.at_zero + self.at_infinity

    def perspective(self, log_p: Float[Array, "*n"], log_q: Float[Array, "*n"]) -> arrays.Array:
        """The integrand q f(p/q) for finite log densities, without over- or underflow."""
        raise NotImplementedError(f"{type(self).__name__} defines no perspective(log_p, log_q).")

    def conjugate(self, t: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """f*(t) = sup_u {u t - f(u)} over u ≥ 0."""
        raise NotImplementedError(f"{type(self).__name__} defines no conjugate(t).")

    def activation(self, v: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """An increasing map of any real v to where f* is finite."""
        raise NotImplementedError(f"{type(self).__name__} defines no activation(v).")

    def activated_conjugate(self, v: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """f*(activation(v)), by a formula of its own where the two in turn would lose digits."""
        return self.conjugate(self.activation(v))

    def optimal_critic(self, r: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """The value T* = f'(e^r) at which the variational bound is tight; r = log(p/q)."""
        raise NotImplementedError(f"{type(self).__name__} defines no optimal_critic(r).")

    @property
    def ratio_power(self) -> Any:
        """The power s for which D is a function of E_P[(p/q)^s]; None if there is none."""
        return None

    def from_ratios(self, ratios: RatioMeans) -> tuple[arrays.Array, ...]:
        """Terms whose sum is the divergence, from means of the ratio that neighbours estimate.

        Each is 0 or more in truth, although the estimate of it may be less. By default neighbours
        are counted, as suits a divergence that has a bound.
        """
        return (ratios.by_counts(self),)

    def from_entropies(self, cross_entropy: Any, entropy: Any) -> Any:
        """The divergence of P from Q from the cross-entropy and the entropy of P; None if unknown.

        These two are what samples of P and a distribution Q can tell.
        """
        return None

    def tighter_bound(self, at_p: Float[Array, " n"], at_q: Float[Array, " m"]) -> Any:
        """A lower bound above that of the conjugate, from log ratios at samples of P and of Q."""
        return None


# What holds for one f alone.
_TRAITS = (
    "is_symmetric",
    "formulas",
    "bias_rate",
    "has_kink",
    "at_zero",
    "at_infinity",
    "conjugate",
    "activation",
    "activated_conjugate",
    "optimal_critic",
    "ratio_power",
    "from_ratios",
    "from_entropies",
    "tighter_bound",
)


def integrand(
    family: Family, log_p: Float[AnyArray, "*n"], log_q: Float[AnyArray, "*n"]
) -> Float[AnyArray, "*n"]:
    """The integrand q f(p/q) where the densities have these logarithms, which may be -inf.

    Example:
        >>> import jax.numpy as jnp
        >>> import divlab
        >>> log_p, log_q = jnp.log(jnp.array([0.5, 0.5])), jnp.log(jnp.array([0.25, 0.75]))
        >>> divlab.families.integrand(divlab.families.tv, log_p, log_q).round(3).tolist()
        [0.125, 0.125]
    """
    if on_host(log_p) and on_host(log_q):
        return at_points(partial(_integrand_program, family), log_p, log_q)
    return _integrand(family, log_p, log_q)


def _integrand(
    family: Family, log_p: Float[AnyArray, "*n"], log_q: Float[AnyArray, "*n"]
) -> Float[Array, "*n"]:
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


_integrand_program = jit_with(AT_POINTS)(_integrand)


def _finite(
    log_p: Float[AnyArray, "*n"], log_q: Float[AnyArray, "*n"]
) -> tuple[Bool[Array, "*n"], Bool[Array, "*n"], Float[Array, "*n"], Float[Array, "*n"]]:
    """Whether p and q have mass here, and stand-ins of log p and log q that are never infinite."""
    has_p, has_q = log_p > -jnp.inf, log_q > -jnp.inf
    log_p = jnp.where(has_p, log_p, jnp.where(has_q, log_q, 0.0))
    log_q = jnp.where(has_q, log_q, log_p)
    return jnp.asarray(has_p), jnp.asarray(has_q), log_p, log_q


def _lacks(log_p: Float[AnyArray, "*n"], log_q: Float[AnyArray, "*n"]) -> Bool[AnyArray, "*n"]:
    """Where P has mass that Q does not have.

    Outside Q's support any mass of P counts, however small. Inside it a log density at the limit of
    its dtype is an underflow, and counts only where p itself has not underflowed.
    """
    lowest = np.finfo(log_q.dtype).min
    outside = (log_q == -np.inf) & (log_p > -np.inf)
    return outside | ((log_q <= lowest / 2) & (namespace(log_p).exp(log_p) > 0))


def _alone(
    lacks: Bool[AnyArray, "*n"], mass: Float[Array, "*n"], factor: Any
) -> Float[Array, "*n"]:
    """What mass counts where the other distribution has none, by a factor that may be infinite."""
    infinite = jnp.isinf(factor)
    return jnp.where(
        infinite, jnp.where(lacks, jnp.inf, 0.0), jnp.where(infinite, 0.0, factor) * mass
    )


def surprise(log_p: Float[AnyArray, "*n"], log_q: Float[AnyArray, "*n"]) -> Float[AnyArray, "*n"]:
    """-p log q, the integrand of the cross-entropy.

    Example:
        >>> import jax.numpy as jnp
        >>> import divlab
        >>> log_p, log_q = jnp.log(jnp.array([0.5, 0.5])), jnp.log(jnp.array([0.25, 0.75]))
        >>> [round(float(value), 4) for value in divlab.families.surprise(log_p, log_q)]
        [0.6931, 0.1438]
    """
    xp = namespace(log_p, log_q)
    has_p = log_p > -np.inf
    p = xp.where(has_p, xp.exp(xp.where(has_p, log_p, 0.0)), 0.0)
    value = -p * xp.where(log_q > -np.inf, log_q, 0.0)
    return xp.where(_lacks(log_p, log_q), np.inf, xp.where(p > 0, value, 0.0))
