"""The divergences a user calls: each reads its arguments, picks a method and calls it."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from divlab import methods
from divlab.divergences import closed_form, families, quadrature, samples, transport
from divlab.divergences.arguments import (
    Samples,
    is_concrete,
    read,
    read_number,
)
from divlab.divergences.densities import Packed, log_density

_DISTRIBUTIONS, _SAMPLES, _MIXED = "two distributions", "two samples", "samples and a distribution"


class _Quantity(NamedTuple):
    """How one quantity is computed; None where a method does not apply to it."""

    integral: Any = None  # (p, q, **options), by quadrature
    neighbours: Any = None  # (x, y, k, **options)
    neighbours_mixed: Any = None  # (x, q, k)
    many_neighbours: bool = False  # whether it counts neighbours, and so needs many


def _integrate(integrand, limits, p, q, **options):
    value, *masses = quadrature.expectation(partial(integrand, **options), p, q)
    low, high = limits(**options)
    return jnp.clip(value, low, high), *masses


def _js_limit(weight):
    return 0.0, -weight * jnp.log(weight) - (1 - weight) * jnp.log1p(-weight)


_QUANTITIES = {
    "kl": _Quantity(
        partial(_integrate, families.kl, lambda: (0.0, jnp.inf)),
        samples.kl,
        samples.kl_to_distribution,
    ),
    "js": _Quantity(partial(_integrate, families.js, _js_limit), samples.js, many_neighbours=True),
    "tv": _Quantity(
        partial(_integrate, families.tv, lambda: (0.0, 1.0)), samples.tv, many_neighbours=True
    ),
}


def kl(p, q, *, method=None) -> jax.Array:
    """Kullback-Leibler divergence KL(P‖Q) = ∫ p log(p/q) dx.

    Args:
        p: a univariate continuous numpyro distribution, or a 1-D array of samples.
        q: likewise. One array and one distribution may be mixed if `p` is the array.
        method: None, or a name or an object of `divlab.methods`: "closed_form" or "quadrature"
            for distributions, "nearest_neighbours" for samples. None takes the closed form where
            one is known, else quadrature; nearest neighbours for samples.

    Returns:
        A scalar array in nats, in [0, inf]; `inf` where P has mass outside the support of Q. The
        estimate from samples is projected onto that range, which never adds to its error; it
        cannot exceed about the logarithm of the sample size, however far apart P and Q are.

    Raises:
        TypeError: `p` or `q` is neither a distribution nor numbers.
        ValueError: NaN, empty, 2-D or infinite samples; a batched, multivariate or discrete
            distribution; too few samples; a method that does not exist for these arguments.

    A histogram or a probability mass function passed as an array is taken for samples: nothing in
    it tells. Source: Kullback & Leibler (1951); for samples Wang, Kulkarni & Verdú (2009).

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> round(float(divlab.kl(Normal(0, 1), Normal(1, 2))), 6)
        0.443147
    """
    return _compute("kl", p, q, method)


def reverse_kl(p, q, *, method=None) -> jax.Array:
    """Reverse Kullback-Leibler divergence KL(Q‖P) = ∫ q log(q/p) dx.

    It is `kl(q, p)`, under its own name because models are fitted by either: `kl` makes the model
    Q cover P, `reverse_kl` makes it seek a mode.

    Args:
        p: a distribution or samples, as in `kl`.
        q: likewise. Of one array and one distribution, `q` must be the array.
        method: as in `kl`.

    Returns:
        A scalar array in nats, in [0, inf].

    Raises:
        TypeError, ValueError: as in `kl`.

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Uniform
        >>> float(divlab.reverse_kl(Uniform(0, 1), Uniform(0, 2)))
        inf
    """
    return _compute("kl", q, p, method, names=("q", "p"))


def js(p, q, *, weight=0.5, method=None) -> jax.Array:
    """Jensen-Shannon divergence w·KL(P‖M) + (1-w)·KL(Q‖M), M = w·P + (1-w)·Q.

    At weight 0.5 it is symmetric and lies in [0, log 2]; log 2 means that P and Q share no mass.
    SciPy's `jensenshannon` is the square root of this, TFP's `jensen_shannon` twice this.

    Args:
        p: a distribution or samples, as in `kl`.
        q: likewise, of the same kind as `p`.
        weight: w, strictly between 0 and 1.
        method: as in `kl`.

    Returns:
        A scalar array in nats, between 0 and -w·log w - (1-w)·log(1-w).

    Raises:
        TypeError, ValueError: as in `kl`, and for a weight outside (0, 1).

    Source: Lin (1991), Divergence measures based on the Shannon entropy.

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> round(float(divlab.js(Normal(0, 1), Normal(1, 2))), 6)
        0.128175
    """
    need = "strictly between 0 and 1"
    read_number("weight", weight, low=0.0, high=1.0, closed=False, need=need)
    return _compute("js", p, q, method, weight=jnp.asarray(weight, float))


def tv(p, q, *, method=None) -> jax.Array:
    """Total variation distance ½ ∫ |p - q| dx.

    Args:
        p: a distribution or samples, as in `kl`.
        q: likewise, of the same kind as `p`.
        method: as in `kl`.

    Returns:
        A scalar array in [0, 1], without units. The estimate from samples is biased upwards when
        P and Q are close, by about 0.4·sqrt(2/k) with k neighbours.

    Raises:
        TypeError, ValueError: as in `kl`.

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Exponential
        >>> round(float(divlab.tv(Exponential(1.0), Exponential(2.0))), 6)
        0.25
    """
    return _compute("tv", p, q, method)


def entropy(p, *, method=None) -> jax.Array:
    """Differential entropy H(P) = -∫ p log p dx.

    Args:
        p: a distribution or samples, as in `kl`.
        method: as in `kl`.

    Returns:
        A scalar array in nats; any real number: it is negative for a density above 1.

    Raises:
        TypeError, ValueError: as in `kl`.

    Source: for samples Kozachenko & Leonenko (1987).

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> round(float(divlab.entropy(Normal(0, 1))), 6)
        1.418939
    """
    p = read("p", p)
    if isinstance(p, Samples):
        method = _choose("entropy", method, ["nearest_neighbours"], "samples")
        return _entropy_of_samples(p.values, _neighbour_count(method, False, p=p))
    exact = closed_form.find("entropy", p.distribution)
    names = ["closed_form", "quadrature"] if exact else ["quadrature"]
    method = _choose("entropy", method, names, "a distribution")
    if method.name == "closed_form":
        return _closed_form("entropy", p)
    value, mass = _entropy_by_quadrature(p)
    return _trusted(value, ("p", mass))


def cross_entropy(p, q, *, method=None) -> jax.Array:
    """Cross-entropy E_P[-log q] = -∫ p log q dx, the expected negative log-likelihood of Q.

    It is `entropy(p) + kl(p, q)`: in Q it differs from KL(P‖Q) by a constant alone.

    Args:
        p: a distribution, or samples: then the mean of -log q over them.
        q: a distribution.
        method: None, "closed_form" or "quadrature".

    Returns:
        A scalar array in nats, in (-inf, inf]; `inf` where P has mass outside Q's support.

    Raises:
        TypeError, ValueError: as in `kl`.

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> round(float(divlab.cross_entropy(Normal(0, 1), Normal(1, 2))), 6)
        1.862086
    """
    p, q = read("p", p), read("q", q)
    if isinstance(q, Samples):
        raise ValueError("cross_entropy needs a density of q, so q must be a distribution.")
    if isinstance(p, Samples):
        if method is not None:
            raise ValueError("cross_entropy of samples is a mean; it takes no method.")
        return _mean_surprise(p.values, q)
    exact = closed_form.find("cross_entropy", p.distribution, q.distribution)
    names = ["closed_form", "quadrature"] if exact else ["quadrature"]
    method = _choose("cross_entropy", method, names, _DISTRIBUTIONS)
    if method.name == "closed_form":
        return _closed_form("cross_entropy", p, q)
    value, p_mass, q_mass = _cross_entropy_by_quadrature(p, q)
    return _trusted(value, ("p", p_mass), ("q", q_mass))


def wasserstein(p, q, p_weights=None, q_weights=None, *, order=1) -> jax.Array:
    """Wasserstein distance W_k(P, Q) = (∫_0^1 |F⁻¹(u) - G⁻¹(u)|^k du)^(1/k).

    The least mean distance, at order 1, over which P's mass must be moved to become Q. It is the
    distance itself: POT's `wasserstein_1d` returns its k-th power.

    Args:
        p: a distribution or samples, of any lengths. One of each may be mixed.
        q: likewise.
        p_weights: a weight for each sample of `p`, not negative; need not sum to 1.
        q_weights: likewise for `q`.
        order: k, a number of at least 1; `inf` for the farthest distance any mass moves.

    Returns:
        A scalar array in the units of x, in [0, inf].

    Raises:
        TypeError, ValueError: as in `kl`; for an order below 1, for weights that are negative,
            all zero or of another length than the samples.

    Source: Villani (2003), Topics in Optimal Transportation, section 2.2.

    Example:
        >>> import divlab
        >>> round(float(divlab.wasserstein([0.0, 1.0], [0.0, 0.5, 1.0])), 6)
        0.166667
    """
    order = read_number("order", order, low=1.0, high=np.inf, closed=True, need="at least 1")
    p, q = read("p", p, p_weights), read("q", q, q_weights)
    if isinstance(p, Samples) and isinstance(q, Samples):
        return _wasserstein_of_samples(_sorted(p), _sorted(q), order)
    if isinstance(p, Samples) or isinstance(q, Samples):
        x, d = (p, q) if isinstance(p, Samples) else (q, p)
        if is_concrete(x) and not np.all(np.isfinite(x.values)):
            return jnp.asarray(jnp.inf, x.values.dtype)
        if np.isinf(order):
            raise ValueError("order=inf of samples and a distribution is not available.")
        value, mass = _wasserstein_mixed(_sorted(x), d, order)
        return _trusted(value, ("q" if isinstance(p, Samples) else "p", mass))
    name = f"wasserstein_{order:g}" if is_concrete(order) else ""
    if closed_form.find(name, p.distribution, q.distribution):
        return _closed_form(name, p, q)
    if closed_form.find("wasserstein", p.distribution, q.distribution) and is_concrete(order):
        return _closed_form("wasserstein", p, q, order=float(order))
    if is_concrete(order) and np.isinf(order):
        return _farthest(p, q)
    if is_concrete(order) and order == 1:
        value, p_mass, q_mass = _wasserstein_1(p, q)
    else:
        value, p_mass, q_mass = _wasserstein_p(p, q, order)
        if is_concrete(value) and np.isnan(value) and abs(p_mass - 1) < 1e-3:
            raise ValueError(
                f"order {order} cannot be resolved for these distributions: their tails are so "
                "heavy that mass below rounding error decides. Use a lower order."
            )
    return _trusted(value, ("p", p_mass), ("q", q_mass))


def _compute(quantity, p, q, method, *, names=("p", "q"), **options) -> jax.Array:
    """What all f-divergences share: read, choose, call."""
    p, q = read(names[0], p), read(names[1], q)
    row = _QUANTITIES[quantity]
    if isinstance(p, Packed) and isinstance(q, Packed):
        exact = closed_form.find(quantity, p.distribution, q.distribution)
        known = ["closed_form", "quadrature"] if exact else ["quadrature"]
        method = _choose(quantity, method, known, _DISTRIBUTIONS)
        if method.name == "closed_form":
            return _closed_form(quantity, p, q, **options)
        value, p_mass, q_mass = _by_quadrature(quantity, p, q, options)
        return _trusted(value, (names[0], p_mass), (names[1], q_mass))
    if isinstance(p, Samples) and isinstance(q, Samples):
        method = _choose(quantity, method, ["nearest_neighbours"], _SAMPLES)
        k = _neighbour_count(method, row.many_neighbours, **{names[0]: p, names[1]: q})
        return _by_neighbours(quantity, p.values, q.values, k, options)
    if not (row.neighbours_mixed and isinstance(p, Samples)):
        raise ValueError(
            f"{quantity} of {_MIXED} needs a density ratio that these do not give: pass two "
            f"distributions or two samples"
            + (f", or the samples as {names[0]}." if row.neighbours_mixed else ".")
        )
    method = _choose(quantity, method, ["nearest_neighbours"], _MIXED)
    return _mixed_by_neighbours(quantity, p.values, q, _neighbour_count(method, False, p=p))


def _choose(quantity, method, known, of):
    """The method object; by default the first of those known."""
    if method is None:
        return methods.METHODS[known[0]]()
    if isinstance(method, str) and method in methods.METHODS:
        method = methods.METHODS[method]()
    name = getattr(method, "name", method)
    if isinstance(method, str) or name not in known:
        raise ValueError(
            f"method {name!r} does not exist for {quantity} of {of}; those that do: "
            f"{', '.join(known)}."
        )
    return method


def _neighbour_count(method, many: bool, **arguments: Samples) -> int:
    """k, once it is known that there are samples enough for it."""
    sizes = {name: argument.values.shape[0] for name, argument in arguments.items()}
    k = method.k or max(5, int(min(sizes.values()) ** 0.5) if many else 0)
    if method.k is None:  # few samples have few neighbours
        k = min(k, max(1, min(sizes.values()) - 1))
    for name, argument in arguments.items():
        if sizes[name] < k + 1:
            raise ValueError(
                f"{name} has {sizes[name]} samples, too few for its {k} nearest neighbours; "
                f"{k + 1} or more are needed."
            )
        if is_concrete(argument.values):
            values = np.asarray(argument.values)
            if not np.all(np.isfinite(values)):
                raise ValueError(f"{name} holds infinite samples, which have no neighbours.")
            if np.all(values == values[0]):
                raise ValueError(
                    f"{name} holds {len(values)} samples that are all {values[0]:g}: they have no "
                    "density to estimate."
                )
    return k


def _sorted(argument: Samples) -> Samples:
    """Sorted by NumPy where the values are on the host: several times faster than XLA's sort."""
    values, weights = argument
    if is_concrete(values, weights):
        host = np.asarray(values)
        if weights is None:
            return Samples(np.sort(host))
        host_order = np.argsort(host, kind="stable")
        return Samples(host[host_order], np.asarray(weights)[host_order])
    if weights is None:
        return Samples(jnp.sort(values))
    order = jnp.argsort(values)
    return Samples(values[order], weights[order])


def _trusted(value: jax.Array, *masses) -> jax.Array:
    """`value`, if the nodes have seen all the mass of each argument; else an error, or NaN."""
    tolerance = 5e-3
    for name, mass in masses:
        if not is_concrete(mass):
            value = jnp.where(jnp.abs(mass - 1) <= tolerance, value, jnp.nan)
        elif not abs(float(mass) - 1) <= tolerance:
            raise ValueError(
                f"{name} could not be resolved: its density integrates to {float(mass):.6g} "
                "instead of 1. Is its log_prob normalised?"
            )
    return value


def _unless_nan(value: jax.Array, *arguments) -> jax.Array:
    """NaN where any number of the arguments is: sorting and counting would pass over it."""
    bad = [jnp.any(jnp.isnan(leaf)) for leaf in jax.tree.leaves(arguments)]
    return jnp.where(jnp.any(jnp.stack(bad)), jnp.nan, value)


@partial(jax.jit, static_argnames=("quantity", "options"))
def _closed_form_jit(quantity, arguments, options):
    distributions = [a.distribution for a in arguments]
    formula = closed_form.find(quantity, *distributions)
    return jnp.asarray(formula(*distributions, **dict(options)), float)


def _closed_form(quantity, *arguments, **options):
    return _closed_form_jit(quantity, arguments, tuple(sorted(options.items())))


@partial(jax.jit, static_argnames="quantity")
def _by_quadrature(quantity, p, q, options):
    return _QUANTITIES[quantity].integral(p, q, **options)


@jax.jit
def _cross_entropy_by_quadrature(p, q):
    return quadrature.expectation(families.surprise, p, q)


@jax.jit
def _entropy_by_quadrature(p):
    return quadrature.entropy(p)


@partial(jax.jit, static_argnames=("quantity", "k"))
def _by_neighbours(quantity, x, y, k, options):
    return _unless_nan(_QUANTITIES[quantity].neighbours(x, y, k, **options), x, y)


@partial(jax.jit, static_argnames=("quantity", "k"))
def _mixed_by_neighbours(quantity, x, q, k):
    return _unless_nan(_QUANTITIES[quantity].neighbours_mixed(x, q.distribution, k), x)


@partial(jax.jit, static_argnames="k")
def _entropy_of_samples(x, k):
    return _unless_nan(samples.entropy(x, k), x)


@jax.jit
def _mean_surprise(x, q):
    return -jnp.mean(log_density(q.distribution, x))


@jax.jit
def _wasserstein_of_samples(p, q, order):
    value = transport.samples_wasserstein(p.values, q.values, p.weights, q.weights, order)
    return _unless_nan(value, p, q)


@jax.jit
def _wasserstein_mixed(x, q, order):
    value = transport.samples_to_distribution(x.values, x.weights, q.distribution, order)
    return _unless_nan(value, x), quadrature.total_mass(q)


@jax.jit
def _wasserstein_1(p, q):
    value = transport.wasserstein_1(p.distribution, q.distribution)
    return value, quadrature.total_mass(p), quadrature.total_mass(q)


@jax.jit
def _wasserstein_p(p, q, order):
    value = transport.wasserstein_p(p.distribution, q.distribution, order)
    return value, quadrature.total_mass(p), quadrature.total_mass(q)


@jax.jit
def _farthest_jit(p, q):
    return transport.wasserstein_inf(p.distribution, q.distribution)


def _farthest(p, q):
    """W_inf, where the supports say what it is."""
    bounded = [np.isfinite(transport.hull(d.distribution)).tolist() for d in (p, q)]
    if bounded[0] != bounded[1]:
        return jnp.asarray(jnp.inf)
    if not all(bounded[0]):
        raise ValueError(
            "order=inf of two unbounded distributions is known in closed form only, and not for "
            "these types; use a finite order."
        )
    return _farthest_jit(p, q)
