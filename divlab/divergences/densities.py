"""What every divergence asks of a distribution: its density, its support and where its mass lies.

numpyro's distributions are used as they are, with three repairs: `log_prob` is -inf outside the
support (several of numpyro's are not), a mixture is taken apart into its components, and the
leaves of a distribution come in an order that does not change from process to process.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from numpyro.distributions import Distribution, MixtureGeneral, MixtureSameFamily, constraints

Mixture = MixtureSameFamily | MixtureGeneral


@jax.tree_util.register_pytree_node_class
class Packed:
    """A numpyro distribution as a pytree with a fixed order of leaves and float leaves only.

    numpyro lists the parameters of a distribution in the order of a Python set, so the order, and
    with it the compiled program, differs between processes: a program kept on disk would be found
    again only by luck. `Packed` sorts the parameters by name, and turns Python numbers into
    arrays so that `Normal(0, 1)` and `Normal(0.5, 2.0)` run the same program.
    """

    def __init__(self, distribution: Distribution):
        """Wraps `distribution`, without a copy."""
        self.distribution = distribution

    def tree_flatten(self):
        """The parameters sorted by name, and what rebuilds the distribution from them."""
        distribution = self.distribution
        names = sorted(type(distribution).gather_pytree_data_fields())
        values = [distribution.__dict__.get(name) for name in names]
        return [jax.tree.map(_pack_leaf, value, is_leaf=_is_distribution) for value in values], (
            type(distribution),
            tuple(names),
            tuple(
                (name, distribution.__dict__.get(name))
                for name in sorted(set(type(distribution).gather_pytree_aux_fields()))
            ),
        )

    @classmethod
    def tree_unflatten(cls, structure, leaves):
        """The inverse of `tree_flatten`."""
        kind, names, aux = structure
        # A leaf may be a placeholder of JAX's own while it inspects a tree, hence the type test.
        by_name = {
            name: jax.tree.map(
                lambda leaf: leaf.distribution if isinstance(leaf, Packed) else leaf,
                value,
                is_leaf=lambda leaf: isinstance(leaf, Packed),
            )
            for name, value in zip(names, leaves, strict=True)
        }
        aux = dict(aux)
        return cls(
            kind.tree_unflatten(
                tuple(aux.get(name) for name in kind.gather_pytree_aux_fields()),
                tuple(by_name[name] for name in kind.gather_pytree_data_fields()),
            )
        )


def _is_distribution(value) -> bool:
    return isinstance(value, Distribution)


def _pack_leaf(value):
    if isinstance(value, Distribution):
        return Packed(value)
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jnp.floating):
        if not value.weak_type:
            return value
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        return np.asarray(value, jax.dtypes.canonicalize_dtype(float))
    if isinstance(value, (bool, int, float, np.ndarray, np.generic, jax.Array)):
        array = jnp.asarray(value)
        if jnp.issubdtype(array.dtype, jnp.number) and not jnp.issubdtype(
            array.dtype, jnp.floating
        ):
            return array.astype(float)
        return lax.convert_element_type(array, array.dtype)  # drops the weak type
    return value


def log_density(distribution: Distribution, x: jax.Array) -> jax.Array:
    """The value of log p(x), and -inf exactly where x is outside the support; x has any shape.

    Inside the support a log density too negative for its dtype is the most negative finite
    number, so that underflow is never taken for an absence of mass.
    """
    if isinstance(distribution, MixtureSameFamily):
        log_weights = jax.nn.log_softmax(distribution.mixing_distribution.logits)
        components = _component_log_densities(distribution.component_distribution, x)
        log_weights = log_weights.reshape(-1, *(1 for _ in x.shape))
        return _log_sum(log_weights + components)
    if isinstance(distribution, MixtureGeneral):
        log_weights = jax.nn.log_softmax(distribution.mixing_distribution.logits)
        parts = [log_density(c, x) for c in distribution.component_distributions]
        log_weights = log_weights.reshape(-1, *(1 for _ in x.shape))
        return _log_sum(log_weights + jnp.stack(parts))
    low, high = support_bounds(distribution)
    if _is_infinite(low) and _is_infinite(high):
        return _anywhere(Packed(distribution), x)
    inside = (x > low) & (x < high)
    # The density is never evaluated outside the support, where it, or its gradient, may be NaN.
    if _is_infinite(high):
        somewhere_inside = low + 1.0
    elif _is_infinite(low):
        somewhere_inside = high - 1.0
    else:
        somewhere_inside = 0.5 * (low + high)
    log_prob = distribution.log_prob(jnp.where(inside, x, somewhere_inside))
    return jnp.where(inside, jnp.maximum(log_prob, jnp.finfo(x.dtype).min), -jnp.inf)


@jax.custom_jvp
def _anywhere(packed: Packed, x: jax.Array) -> jax.Array:
    """The log density where the support is the whole line."""
    log_prob, lowest = packed.distribution.log_prob(x), jnp.finfo(x.dtype).min
    return jnp.where(log_prob > lowest, log_prob, lowest)


@_anywhere.defjvp
def _anywhere_jvp(primals, tangents):
    """Where log_prob overflows so may its derivative, and 0 times infinity is NaN.

    Such a point is moved to the middle, and its derivative is 0.
    """
    packed, x = primals
    log_density = _anywhere(packed, x)
    has_mass = log_density > jnp.finfo(x.dtype).min
    middle = lax.stop_gradient(_center_and_spreads(packed.distribution)[0])
    moved = jnp.where(has_mass, x, middle), jnp.where(has_mass, tangents[1], 0.0)
    _, slope = jax.jvp(
        lambda packed, x: packed.distribution.log_prob(x),
        (packed, moved[0]),
        (tangents[0], moved[1]),
    )
    return log_density, jnp.where(has_mass, slope, 0.0)


def _log_sum(logs: jax.Array) -> jax.Array:
    """The log of the sum of exponentials over the first axis."""
    largest = lax.stop_gradient(jnp.max(logs, axis=0))
    reference = jnp.where(largest > -jnp.inf, largest, 0.0)
    # The largest difference is 0 and the sum at least 1; but a compiler may compute `logs` twice,
    # and far out, at -1e13, the copies round apart by more than an exponential bears. What is put
    # right is a constant: the gradient is that of the sum, at the largest term too.
    below = logs - reference
    total = jnp.sum(jnp.exp(below - lax.stop_gradient(jnp.maximum(below, 0.0))), axis=0)
    total += lax.stop_gradient(jnp.maximum(1 - total, 0.0))
    return jnp.where(largest > -jnp.inf, jnp.log(total) + reference, -jnp.inf)


def _component_log_densities(batched: Distribution, x: jax.Array) -> jax.Array:
    """The log density of each component of a batched distribution, along a leading axis.

    With the points along the last axis the loop over them vectorises, which halves the time.
    """
    count = batched.batch_shape[-1]
    if any(jnp.shape(leaf) not in ((), (1,), (count,)) for leaf in jax.tree.leaves(batched)):
        return jnp.moveaxis(log_density(batched, x[..., None]), -1, 0)

    def of_one(component):
        component._batch_shape = ()
        return log_density(component, x)

    one_each = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (count,)), batched)
    return jax.vmap(of_one)(one_each)


def support_bounds(distribution: Distribution) -> tuple:
    """The ends of the support; the Python floats -inf and inf where there is no end."""
    support = distribution.support
    while hasattr(support, "base_constraint"):
        support = support.base_constraint
    if isinstance(support, constraints._Real):
        return -np.inf, np.inf
    return getattr(support, "lower_bound", -np.inf), getattr(support, "upper_bound", np.inf)


def _is_infinite(bound) -> bool:
    return isinstance(bound, float) and np.isinf(bound)


def components(distribution: Distribution) -> list[Distribution]:
    """The parts of a mixture (a batched distribution counts as one part), else the one itself."""
    if isinstance(distribution, MixtureSameFamily):
        return components(distribution.component_distribution)
    if isinstance(distribution, MixtureGeneral):
        return [part for c in distribution.component_distributions for part in components(c)]
    return [distribution]


def is_possible(distribution: Distribution) -> jax.Array:
    """Whether each parameter of each part is where its family allows, and the support not empty."""
    possible = jnp.array(True)
    for part in components(distribution):
        for name, constraint in (getattr(part, "arg_constraints", None) or {}).items():
            value = part.__dict__.get(name)
            if value is None or isinstance(value, Distribution) or constraint.is_discrete:
                continue
            try:
                allowed = constraint(value)
            except (NotImplementedError, TypeError, ValueError):  # it depends on other parameters
                continue
            possible &= jnp.all(allowed)
        low, high = support_bounds(part)
        possible &= jnp.all(jnp.asarray(low) < jnp.asarray(high))
    return possible


def support_ends(distributions: list[Distribution]) -> tuple[jax.Array, bool, bool]:
    """All finite ends of all components' supports, and whether mass can reach -inf and inf."""
    ends, reaches_left, reaches_right = [], False, False
    for part in [part for d in distributions for part in components(d)]:
        low, high = support_bounds(part)
        reaches_left |= _is_infinite(low)
        reaches_right |= _is_infinite(high)
        ends += [jnp.ravel(jnp.asarray(b, float)) for b in (low, high) if not _is_infinite(b)]
    return jnp.concatenate(ends) if ends else jnp.zeros(0), reaches_left, reaches_right


# In units of a component's spread to either side: where a panel ends. A bell of that scale is
# smooth over each step, and beyond the last one a Gaussian holds 3e-12 of its mass.
_STEPS = np.array([-12.0, -4.7, -2.9, -1.4, 0.0, 1.4, 2.9, 4.7, 12.0])


def landmarks(distribution: Distribution) -> jax.Array:
    """Points that cut the line finely where `distribution` has mass, in no order.

    A distribution that knows better says so by a method `landmarks() -> (n,)`. Else they are taken
    from `loc` and `scale` where the family has them, else from quantiles, else from the quantiles
    of a fixed draw, so that any distribution with `log_prob` and `sample` will do.
    """
    points = []
    for part in components(distribution):
        if hasattr(part, "landmarks"):
            points.append(part.landmarks())
            continue
        center, left, right = (jnp.asarray(a)[..., None] for a in _center_and_spreads(part))
        low, high = (jnp.asarray(bound)[..., None] for bound in support_bounds(part))
        cuts = center + jnp.where(_STEPS < 0, left, right) * _STEPS.astype(center.dtype)
        points.append(jnp.ravel(jnp.clip(cuts, low, high)))
    return lax.stop_gradient(jnp.concatenate(points))


def _center_and_spreads(part: Distribution):
    loc, scale = getattr(part, "loc", None), getattr(part, "scale", None)
    if isinstance(part.support, constraints._Real) and loc is not None and scale is not None:
        return loc, scale, scale
    levels = (0.15865525, 0.5, 0.84134475)  # one standard deviation of a Gaussian to either side
    try:
        low, middle, high = (part.icdf(jnp.full(part.batch_shape, level)) for level in levels)
    except (NotImplementedError, ImportError):  # some of numpyro's need TensorFlow Probability
        draw = part.sample(jax.random.key(0), (1024,))
        low, middle, high = jnp.quantile(draw, jnp.array(levels), axis=0)
    return middle, middle - low, high - middle
