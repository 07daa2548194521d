"""The log density of a distribution, and where it is defined.

numpyro's distributions are used as they are, with two repairs: `log_prob` is -inf outside the
support (several of numpyro's are not), and a mixture is taken apart into its components.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Float
from numpyro.distributions import (
    CategoricalProbs,
    Distribution,
    MixtureGeneral,
    MixtureSameFamily,
    TransformedDistribution,
    constraints,
)

from divlab.divergences.integrals.packed import Packed


def log_density(
    distribution: Distribution, x: Float[jax.Array, "*points"]
) -> Float[jax.Array, "..."]:
    """The value of log p(x), and -inf exactly where x is outside the support; x has any shape.

    Inside the support a log density too negative for its dtype is the most negative finite
    number, so that underflow is never taken for an absence of mass.
    """
    if isinstance(distribution, MixtureSameFamily):
        logs = _component_log_densities(distribution.component_distribution, x)
        return _log_mixture(_weights(distribution), logs)
    if isinstance(distribution, MixtureGeneral):
        parts = [log_density(c, x) for c in distribution.component_distributions]
        return _log_mixture(_weights(distribution), jnp.stack(parts))
    low, high = support_bounds(distribution)
    if is_infinite(low) and is_infinite(high):
        return _inside(Packed(distribution), x)
    is_inside = (x > low) & (x < high)
    # The density is never evaluated outside the support, where it, or its gradient, may be NaN.
    moved = jnp.where(is_inside, x, _amid(distribution))
    return jnp.where(is_inside, _inside(Packed(distribution), moved), -jnp.inf)


def _amid(distribution: Distribution) -> Any:
    """A point inside the support, without a gradient."""
    low, high = support_bounds(distribution)
    if is_infinite(low) and is_infinite(high):
        return lax.stop_gradient(middle_and_spreads(distribution)[0])
    from_low = jnp.where(jnp.isfinite(high), 0.5 * (low + high), low + 1.0)
    return lax.stop_gradient(jnp.where(jnp.isfinite(low), from_low, high - 1.0))


@jax.custom_jvp
def _inside(packed: Packed, x: jax.Array) -> jax.Array:
    """The log density at points inside the support."""
    log_prob, lowest = packed.distribution.log_prob(x), float(np.finfo(x.dtype).min)
    return jnp.where(log_prob > lowest, log_prob, lowest)


@_inside.defjvp
def _inside_jvp(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
    """Where log_prob overflows so may its derivative, and 0 times infinity is NaN.

    Such a point is moved to where there is mass, and its derivative is 0.
    """
    packed, x = primals
    log_density = _inside(packed, x)
    has_mass = log_density > float(np.finfo(x.dtype).min)
    elsewhere = _amid(packed.distribution)
    moved = jnp.where(has_mass, x, elsewhere), jnp.where(has_mass, tangents[1], 0.0)
    _, slope = jax.jvp(
        lambda packed, x: packed.distribution.log_prob(x),
        (packed, moved[0]),
        (tangents[0], moved[1]),
    )
    return log_density, jnp.where(has_mass, slope, 0.0)


def _weights(mixture: Distribution) -> Float[jax.Array, " parts"]:
    """The weights of the components; as they were given, since those of 0 have a gradient too."""
    mixing = mixture.mixing_distribution
    if isinstance(mixing, CategoricalProbs):
        probs: jax.Array = mixing.probs / jnp.sum(mixing.probs)
        return probs
    softmax: jax.Array = jax.nn.softmax(mixing.logits)
    return softmax


_OVER = 80.0  # nats that a component of no weight may lie above the others


def _log_mixture(
    weights: Float[jax.Array, " parts"], logs: Float[jax.Array, " parts *points"]
) -> Float[jax.Array, "*points"]:
    """The log of the sum of the weights times the exponentials over the first axis."""
    weights = weights.reshape(-1, *(1 for _ in logs.shape[1:]))
    counts = weights > 0
    largest = lax.stop_gradient(jnp.max(jnp.where(counts, logs, -jnp.inf), axis=0))
    reference = jnp.where(largest > -jnp.inf, largest, 0.0)
    # The largest difference is 0; but a compiler may compute `logs` twice, and far out, at -1e13,
    # the copies round apart by more than an exponential bears. What is put right is a constant: the
    # gradient is that of the sum, at the largest term too.
    below = logs - reference
    limit = jnp.where(counts, 0.0, _OVER)
    terms = jnp.exp(below - lax.stop_gradient(jnp.maximum(below - limit, 0.0)))
    total = jnp.sum(weights * terms, axis=0)
    least = lax.stop_gradient(jnp.min(jnp.where(counts, weights, 1.0)))
    total += lax.stop_gradient(jnp.maximum(least - total, 0.0))
    return jnp.where(largest > -jnp.inf, jnp.log(total) + reference, -jnp.inf)


def _component_log_densities(batched: Distribution, x: jax.Array) -> jax.Array:
    """The log density of each component of a batched distribution, along a leading axis.

    With the points along the last axis the loop over them vectorises, which halves the time.
    """
    count = batched.batch_shape[-1]
    if any(jnp.shape(leaf) not in ((), (1,), (count,)) for leaf in jax.tree.leaves(batched)):
        return jnp.moveaxis(log_density(batched, x[..., None]), -1, 0)

    def of_one(component: Distribution) -> jax.Array:
        Distribution.__init__(component, batch_shape=(), validate_args=False)
        return log_density(component, x)

    one_each = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (count,)), batched)
    densities: jax.Array = jax.vmap(of_one)(one_each)
    return densities


def support_bounds(distribution: Distribution) -> tuple[Any, ...]:
    """The ends of the support; the Python floats -inf and inf where there is no end."""
    support = distribution.support
    while hasattr(support, "base_constraint"):
        support = support.base_constraint
    if not isinstance(support, type(constraints.real)):
        return getattr(support, "lower_bound", -np.inf), getattr(support, "upper_bound", np.inf)
    if type(distribution) is TransformedDistribution:
        return _transformed_bounds(distribution)
    return -np.inf, np.inf


def _transformed_bounds(distribution: TransformedDistribution) -> tuple[Any, ...]:
    """What the transforms make of the ends of the base's support.

    numpyro takes the range of the transforms, which is often the whole line. A base with one end
    keeps that of the line unless it is known which way the transforms go.
    """
    low, high = support_bounds(distribution.base_dist)
    if is_infinite(low) and is_infinite(high):
        return low, high

    def moved(x: Any) -> Any:
        for transform in distribution.transforms:
            x = transform(x)
        return x

    if not (is_infinite(low) or is_infinite(high)):
        ends = moved(low), moved(high)
        return jnp.minimum(*ends), jnp.maximum(*ends)
    end, inwards = (low, 1.0) if is_infinite(high) else (high, -1.0)
    at, further = moved(end), moved(end + inwards)
    if isinstance(at, jax.core.Tracer) or isinstance(further, jax.core.Tracer):
        return -np.inf, np.inf
    return (at, np.inf) if further > at else (-np.inf, at)


def is_infinite(bound: Any) -> bool:
    """Whether a bound says, whatever the parameters, that the support has no end there."""
    return isinstance(bound, float) and math.isinf(bound)


def components(distribution: Distribution) -> list[Distribution]:
    """The parts of a mixture (a batched distribution counts as one part), else the one itself."""
    if isinstance(distribution, MixtureSameFamily):
        return components(distribution.component_distribution)
    if isinstance(distribution, MixtureGeneral):
        return [part for c in distribution.component_distributions for part in components(c)]
    return [distribution]


def has_loc_and_scale(part: Distribution) -> bool:
    """Whether a family is a bell on the whole line that says where it is and how wide."""
    on_the_line = isinstance(part.support, type(constraints.real))
    return on_the_line and hasattr(part, "loc") and hasattr(part, "scale")


def middle_and_spreads(part: Distribution) -> tuple[Any, Any, Any]:
    """A point amid the mass, and one standard deviation of a Gaussian to its left and right."""
    if has_loc_and_scale(part):
        return part.loc, part.scale, part.scale
    try:
        return spreads_of_quantiles(part)
    except (NotImplementedError, ImportError):  # some of numpyro's need TensorFlow Probability
        return spreads_of_draws(part)


_LEVELS = (0.15865525, 0.5, 0.84134475)  # of a Gaussian at -1, 0 and 1


def spreads_of_quantiles(part: Distribution) -> tuple[Any, Any, Any]:
    """The median, and how far it is to the quantiles at one standard deviation of a Gaussian."""
    low, middle, high = (part.icdf(jnp.full(part.batch_shape, level)) for level in _LEVELS)
    return middle, middle - low, high - middle


def spreads_of_moments(part: Distribution) -> tuple[Any, Any, Any]:
    """The mean, and the standard deviation to either side."""
    deviation = jnp.sqrt(part.variance)
    return part.mean, deviation, deviation


def spreads_of_draws(part: Distribution) -> tuple[Any, Any, Any]:
    """As `spreads_of_quantiles`, by those of a fixed draw."""
    draw = part.sample(jax.random.key(0), (1024,))
    low, middle, high = jnp.quantile(draw, jnp.array(_LEVELS), axis=0)
    return middle, middle - low, high - middle
