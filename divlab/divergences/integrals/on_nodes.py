"""Divergences as sums over a fixed number of nodes, for training.

A training asks for one divergence thousands of times, so here nothing is refined: the line is cut
where both distributions have their mass, at points that follow the model, and each panel has so
many nodes. What the nodes see of either mass is returned as well. It is 1 where they resolve both.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float
from numpyro.distributions import Distribution

from divlab.divergences.families import Family, integrand
from divlab.divergences.integrals.densities import log_density, support_bounds
from divlab.divergences.integrals.outlines import outline
from divlab.divergences.integrals.packed import Packed

Points = Float[Array, " _"]  # of any number each: edges, nodes, atoms

# Of the rule of Gauss and Legendre on [0, 1], on each panel of the line and of the levels.
_NODES, _WEIGHTS = (a / 2 for a in np.polynomial.legendre.leggauss(8))
_NODES = _NODES + 0.5
_LEVEL_NODES, _LEVEL_WEIGHTS = (a / 2 for a in np.polynomial.legendre.leggauss(4))
_LEVEL_NODES = _LEVEL_NODES + 0.5
# Next to the end of a support, in shares of the spread of the mass: where a panel ends.
_LADDER = 4.0 ** -np.arange(1, 9)
_STEPS_TO_QUANTILE = 12
ATOMS = 1024  # of a sample, at most, where pairs of points are compared
_CUTS = 64  # at quantiles of a sample
_CROSSINGS, _TRIES = 16, 4  # where a function has kinks, and how often each is looked for


class Law(NamedTuple):
    """A distribution with a density and a distribution function.

    Attributes:
        distribution: the distribution.
        landmarks: (m,) where to cut the line, in no order.
    """

    distribution: Distribution
    landmarks: Points

    def log_density(self, x: Points) -> Points:
        """The log density at points."""
        return log_density(self.distribution, x)

    def cdf(self, x: Points) -> Points:
        """The distribution function at points, which may lie outside the support."""
        low, high = support_bounds(self.distribution)
        values: Array = self.distribution.cdf(jnp.clip(x, low, high))
        return values

    def quantile(self, levels: Points, edges: Points) -> Points:
        """The points at which the distribution function has these values.

        They are looked for between `edges`, which are sorted, by Newton's method in a bracket.
        """
        held = Law(*lax.stop_gradient((Packed(self.distribution), self.landmarks)))
        held = held._replace(distribution=held.distribution.distribution)
        at_edges = held.cdf(edges)
        i = jnp.clip(jnp.searchsorted(at_edges, levels) - 1, 0, edges.shape[0] - 2)
        low, high = edges[i], edges[i + 1]
        rise = at_edges[i + 1] - at_edges[i]
        share = (levels - at_edges[i]) / jnp.where(rise > 0, rise, 1.0)
        x = low + jnp.clip(share, 0.0, 1.0) * (high - low)

        def slope(x: Points) -> Points:
            return jnp.maximum(jnp.exp(held.log_density(x)), np.finfo(x.dtype).tiny)

        def closer(_: Any, carry: tuple[Points, Points, Points]) -> tuple[Points, Points, Points]:
            x, low, high = carry
            excess = held.cdf(x) - levels
            low, high = jnp.where(excess > 0, low, x), jnp.where(excess > 0, x, high)
            moved = x - excess / slope(x)
            return jnp.where((moved >= low) & (moved <= high), moved, (low + high) / 2), low, high

        x, _, _ = lax.fori_loop(0, _STEPS_TO_QUANTILE, closer, (x, low, high))
        value = self.cdf(x)  # its gradient is that of the quantile, times -density
        found: Array = x - (value - lax.stop_gradient(value)) / slope(x)
        return found


class Sample(NamedTuple):
    """The empirical distribution of measurements.

    Attributes:
        values: (n,) the measurements, sorted.
    """

    values: Points

    @property
    def landmarks(self) -> Points:
        """Some of the quantiles: all measurements, if they are few."""
        return self.thinned(_CUTS)

    def cdf(self, x: Points) -> Points:
        """The share of the measurements up to and with x."""
        return jnp.searchsorted(self.values, x, side="right") / self.values.shape[0]

    def quantile(self, levels: Points, edges: Points) -> Points:
        """The measurements at these levels."""
        count = self.values.shape[0]
        return self.values[jnp.clip(jnp.floor(levels * count).astype(int), 0, count - 1)]

    def thinned(self, most: int) -> Points:
        """At most so many measurements, at equal steps of probability."""
        count = self.values.shape[0]
        if count <= most:
            return self.values
        return self.values[((np.arange(most) + 0.5) / most * count).astype(int)]


class Atoms(NamedTuple):
    """Points of equal mass, which may be moved.

    Attributes:
        points: (n,) in any order.
    """

    points: Points


Target = Law | Sample
Model = Law | Atoms


class Seen(NamedTuple):
    """A divergence, or the power of it that has a gradient everywhere.

    Attributes:
        value: the sum over the nodes.
        mass: the smaller of the two masses that the nodes have seen.
    """

    value: Float[Array, ""]
    mass: Float[Array, ""]


def law_of(distribution: Distribution) -> Law:
    """A distribution, cut as it is for integrals, and ever more finely towards ends of supports."""
    found = outline(Packed(distribution))
    points = jnp.asarray(found.landmarks)
    if found.ends.shape[0]:
        spread = jnp.max(points) - jnp.min(points)
        ladder = jnp.asarray(_LADDER, points.dtype)
        steps = spread * jnp.concatenate([-ladder, jnp.zeros(1), ladder])
        points = jnp.concatenate([points, jnp.ravel(found.ends[:, None] + steps)])
    return Law(distribution, lax.stop_gradient(points))


def edges_of(*sides: Law | Sample) -> Points:
    """Where panels begin and end, sorted, without gradients."""
    return jnp.sort(lax.stop_gradient(jnp.concatenate([side.landmarks for side in sides])))


def nodes_between(edges: Points) -> tuple[Points, Points]:
    """The nodes of all panels, from left to right, and their weights.

    Beyond the outermost edges there are two more panels.
    """
    nodes, weights = (jnp.asarray(a, edges.dtype) for a in (_NODES, _WEIGHTS))
    width = jnp.diff(edges)[:, None]
    x, weight = edges[:-1, None] + width * nodes, width * weights
    reach = (edges[-1] - edges[0]) / 2
    beyond, slope = reach * nodes / (1 - nodes), reach * weights / (1 - nodes) ** 2
    x = jnp.concatenate([edges[0] - beyond[::-1], x.ravel(), edges[-1] + beyond])
    return x, jnp.concatenate([slope[::-1], weight.ravel(), slope])


def _with_crossings(edges: Points, difference: Callable[[Points], Points]) -> Points:
    """The edges, and where a difference changes its sign: its absolute value has kinks there."""
    x, _ = nodes_between(edges)
    found = lax.stop_gradient(difference(x))
    at = jnp.argsort(found[:-1] * found[1:] >= 0)[:_CROSSINGS]
    low, high, before, after = x[at], x[at + 1], found[at], found[at + 1]
    crosses = before * after < 0
    cuts = low
    for _ in range(_TRIES):
        share = before / jnp.where(crosses, before - after, 1.0)
        cuts = low + share * (high - low)
        there = lax.stop_gradient(difference(cuts))
        is_before = there * before > 0
        low, before = jnp.where(is_before, cuts, low), jnp.where(is_before, there, before)
        high, after = jnp.where(is_before, high, cuts), jnp.where(is_before, after, there)
    return jnp.sort(jnp.concatenate([edges, jnp.where(crosses, cuts, edges[0])]))


def f_divergence(target: Target, model: Model, row: Family, is_reversed: bool) -> Seen:
    """∫ q f(p/q) dx, or ∫ p f(q/p) dx if reversed."""
    assert isinstance(target, Law)
    assert isinstance(model, Law)
    edges = edges_of(target, model)
    if row.has_kink:
        edges = _with_crossings(edges, lambda x: target.log_density(x) - model.log_density(x))
    x, weight = nodes_between(edges)
    logs = [side.log_density(x) for side in (target, model)]
    values = jnp.where(weight > 0, integrand(row, *logs[:: -1 if is_reversed else 1]), 0.0)
    masses = [jnp.sum(weight * jnp.exp(log)) for log in logs]
    return Seen(jnp.sum(weight * values), jnp.minimum(*masses))


def _difference(target: Target, model: Law) -> Callable[[Points], Points]:
    """F - G as a function of points, 0 where it is rounding."""

    def at(x: Points) -> Points:
        found = target.cdf(x) - model.cdf(x)
        return jnp.where(jnp.abs(found) > 4 * np.finfo(x.dtype).eps, found, 0.0)

    return at


def transport(target: Target, model: Model, order: Any) -> Seen:
    """W_p^p: ∫ |F - G| dx for p = 1 (`order` None), else ∫ |F⁻¹ - G⁻¹|^p du."""
    if isinstance(model, Atoms):
        x, (levels, weight) = jnp.sort(model.points), _middles(model.points.shape[0])
        distance = jnp.abs(target.quantile(levels, edges_of(target)) - x)
    elif order is None:
        difference = _difference(target, model)
        x, weight = nodes_between(_with_crossings(edges_of(target, model), difference))
        distance = _unless_endless(jnp.abs(difference(x)), x)
    else:
        edges = edges_of(target, model)
        levels, weight = _levels(target, model, edges)
        distance = jnp.abs(target.quantile(levels, edges) - model.quantile(levels, edges))
    return _all_seen(jnp.sum(weight * (distance if order is None else _power(distance, order))))


def _unless_endless(gap: Points, x: Points) -> Points:
    """The same, but infinite at an outermost node where it falls about as slowly as 1/x.

    There a mean is infinite.
    """
    middle = lax.stop_gradient(x[x.shape[0] // 2])
    outer, inner = np.array([0, -1]), np.array([1, -2])
    nats = jnp.log(jnp.abs((x[outer] - middle) / (x[inner] - middle)))
    falls = jnp.log(jnp.maximum(gap[inner], 1e-30)) - jnp.log(jnp.maximum(gap[outer], 1e-30))
    is_endless = (gap[outer] > 1e-5) & (falls < 1.02 * nats)
    return gap.at[outer].add(jnp.where(is_endless, jnp.inf, 0.0))


def _power(distance: Points, order: Any) -> Points:
    some = distance > 0
    return jnp.where(some, jnp.where(some, distance, 1.0) ** order, 0.0)


def _middles(count: int) -> tuple[Points, Points]:
    """The middles of so many equal steps of probability, and their weights."""
    return (jnp.arange(count) + 0.5) / count, jnp.full(count, 1 / count)


def _levels(target: Target, model: Law, edges: Points) -> tuple[Points, Points]:
    """Nodes of probability, between which both quantile functions are smooth, and weights."""
    if isinstance(target, Sample):
        return _middles(min(ATOMS, target.values.shape[0]))
    found = jnp.concatenate([target.cdf(edges), model.cdf(edges)])
    cuts = jnp.sort(lax.stop_gradient(jnp.clip(found, 0.0, 1.0)))
    nodes, weights = (jnp.asarray(a, cuts.dtype) for a in (_LEVEL_NODES, _LEVEL_WEIGHTS))
    step = jnp.diff(cuts)[:, None]
    return (cuts[:-1, None] + step * nodes).ravel(), (step * weights).ravel()


def square(target: Target, model: Model, factor: float = 1.0) -> Seen:
    """∫ (F - G)² dx, times a factor."""
    if isinstance(model, Law):
        x, weight = nodes_between(edges_of(target, model))
        return _all_seen(factor * jnp.sum(weight * _difference(target, model)(x) ** 2))
    p, of_p, q, of_q = _atoms(target, model)
    points, excess = jnp.concatenate([p, q]), jnp.concatenate([of_p, -of_q])
    order = jnp.argsort(points)
    gap = jnp.cumsum(excess[order])[:-1]  # F - G, which is constant between two points
    return _all_seen(factor * jnp.sum(gap**2 * jnp.diff(points[order])))


def discrepancy(target: Target, model: Model, bandwidth: Any) -> Seen:
    """MMD² of a Gaussian kernel, ∫∫ (p - q)(x) k(x - y) (p - q)(y) dx dy, by pairs of points."""

    def pairs(x: Points, of_x: Points, y: Points, of_y: Points) -> Float[Array, ""]:
        dot = partial(jnp.dot, precision="highest")  # else a GPU keeps 11 bits of each number
        total: Array = dot(dot(of_x, jnp.expm1(-0.5 * ((x[:, None] - y) / bandwidth) ** 2)), of_y)
        return total

    if isinstance(model, Law) and isinstance(target, Law):
        x, weight = nodes_between(edges_of(target, model))
        of_p, of_q = (weight * jnp.exp(side.log_density(x)) for side in (target, model))
        excess = of_p - of_q
        return Seen(pairs(x, excess, x, excess), jnp.minimum(of_p.sum(), of_q.sum()))
    p, of_p, q, of_q = _atoms(target, model)
    # Apart, because pairs of the target alone have no gradient to compute.
    value = pairs(p, of_p, p, of_p) - 2 * pairs(p, of_p, q, of_q) + pairs(q, of_q, q, of_q)
    return Seen(value, of_q.sum())


def _atoms(target: Target, model: Model) -> tuple[Points, Points, Points, Points]:
    """Points of the target and their masses, and points of the model and theirs."""
    if isinstance(model, Law):
        q, weight = nodes_between(edges_of(target, model))
        of_q = weight * jnp.exp(model.log_density(q))
    else:
        q, of_q = model.points, jnp.full(model.points.shape, 1 / model.points.shape[0])
    if isinstance(target, Sample):
        p = target.thinned(ATOMS)
    else:  # as many atoms as the model has, of equal mass too
        p = target.quantile(_middles(q.shape[0])[0], edges_of(target))
    return p, jnp.full(p.shape, 1 / p.shape[0]), q, of_q


def _all_seen(value: Float[Array, ""]) -> Seen:
    return Seen(value, jnp.ones(()))


def read_target(target: Distribution | Points) -> Target:
    """The target of a training, as it is compared with a model."""
    return law_of(target) if isinstance(target, Distribution) else Sample(jnp.sort(target))
