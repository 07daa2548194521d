"""The f-divergences a user calls: each reads its arguments, picks a method and calls it."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from divlab.divergences import closed_form, families
from divlab.divergences.families import Family
from divlab.divergences.inputs import Samples, read_exact, read_number
from divlab.divergences.integrals import renyi as renyi_integrals
from divlab.divergences.integrals.arrays import (
    Array,
    compiled_if_traced,
    is_known,
    namespace,
    unless_nan,
)
from divlab.divergences.integrals.known import log_densities
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.methods import METHODS, OfDistributions, OfSamples, choose
from divlab.divergences.methods.nearest_neighbours import NearestNeighbours, entropy
from divlab.divergences.methods.quadrature import on_device, resolved, root
from divlab.divergences.methods.samples import ordered
from divlab.pytrees import as_arrays

DISTRIBUTIONS, SAMPLES, MIXED = "two distributions", "two samples", "samples and a distribution"


def kl(p, q, *, method=None) -> jax.Array:
    """Kullback-Leibler divergence KL(P‖Q) = ∫ p log(p/q) dx.

    Args:
        p: a univariate continuous numpyro distribution, or a 1-D array of samples.
        q: likewise. One array and one distribution may be mixed if `p` is the array.
        method: None, or a name or an object of `divlab.methods`: "closed_form", "quadrature" or
            "monte_carlo" for distributions, "nearest_neighbours", "histogram", "kde" or
            "variational" for samples. None takes the closed form where one is known, else
            quadrature; nearest neighbours for samples.

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
    return _divergence(families.kl, p, q, method)


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
    return _divergence(families.kl, q, p, method, names=("q", "p"), label="reverse_kl")


def jeffreys(p, q, *, method=None) -> jax.Array:
    """Jeffreys divergence KL(P‖Q) + KL(Q‖P) = ∫ (p - q) log(p/q) dx.

    Args:
        p: a distribution or samples, as in `kl`.
        q: likewise, of the same kind as `p`.
        method: as in `kl`.

    Returns:
        A scalar array in nats, in [0, inf]; `inf` unless P and Q have the same support.

    Raises:
        TypeError, ValueError: as in `kl`.

    Source: Jeffreys (1946), An invariant form for the prior probability in estimation problems.

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> round(float(divlab.jeffreys(Normal(0, 1), Normal(1, 2))), 6)
        1.75
    """
    return _divergence(families.jeffreys, p, q, method)


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
    return _divergence(families.JS(weight), p, q, method)


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
    return _divergence(families.tv, p, q, method)


def hellinger(p, q, *, squared=False, method=None) -> jax.Array:
    """Hellinger distance H, with H² = 1 - ∫ √(pq) dx = ½ ∫ (√p - √q)² dx.

    Some authors leave out the ½, so that their H² goes up to 2.

    Args:
        p: a distribution or samples, as in `kl`.
        q: likewise, of the same kind as `p`.
        squared: whether to return H², an f-divergence, instead of H, a metric.
        method: as in `kl`.

    Returns:
        A scalar array in [0, 1], without units.

    Raises:
        TypeError, ValueError: as in `kl`.

    Source: Hellinger (1909); for samples Póczos, Xiong & Schneider (2011).

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> round(float(divlab.hellinger(Normal(0, 1), Normal(1, 2), squared=True)), 6)
        0.149195
    """
    square = _divergence(families.hellinger, p, q, method)
    return square if squared else root(square)


def chi2(p, q, *, method=None) -> jax.Array:
    """Pearson's χ²(P‖Q) = ∫ (p - q)² / q dx = ∫ p²/q dx - 1.

    Args:
        p: a distribution or samples, as in `kl`.
        q: likewise, of the same kind as `p`.
        method: as in `kl`.

    Returns:
        A scalar array in [0, inf], without units; `inf` where the tails of Q are too light for P.

    Raises:
        TypeError, ValueError: as in `kl`.

    Source: Pearson (1900); for samples Póczos, Xiong & Schneider (2011). From samples it has a
    finite variance only where E_P[(p/q)²] is finite.

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> round(float(divlab.chi2(Normal(0, 1), Normal(1, 2))), 6)
        0.744026
    """
    return _divergence(families.pearson, p, q, method)


def renyi(p, q, *, alpha, method=None) -> jax.Array:
    """Rényi divergence log(∫ p^α q^(1-α) dx) / (α - 1).

    It grows with alpha: at 1 it is KL, at `inf` the log of the largest density ratio.

    Args:
        p: a distribution or samples, as in `kl`.
        q: likewise, of the same kind as `p`.
        alpha: the order, above 0; may be `inf` for distributions, by quadrature alone and not
            under `jit`, where it gives NaN.
        method: as in `kl`.

    Returns:
        A scalar array in nats, in [0, inf].

    Raises:
        TypeError, ValueError: as in `kl`, and for an alpha of 0 or less.

    Source: Rényi (1961); van Erven & Harremoës (2014); for samples Póczos & Schneider (2011).

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> round(float(divlab.renyi(Normal(0, 1), Normal(1, 2), alpha=0.5)), 6)
        0.323144
    """
    need = "above 0 (inf is allowed)"
    read_number("alpha", alpha, low=0.0, high=np.inf, closed=True, need=need)
    if is_known(alpha) and alpha == 0:
        raise ValueError(f"alpha must be {need}, got {alpha}.")
    if is_known(alpha) and alpha == 1:
        return _divergence(families.kl, p, q, method)
    if is_known(alpha) and np.isinf(alpha):
        return _renyi_of_order_inf(p, q, method)
    if is_known(alpha):
        alpha = as_arrays(alpha)
    else:
        alpha = jnp.where((alpha > 0) & (alpha < jnp.inf), alpha, jnp.nan)
    p, q = read_exact("p", p), read_exact("q", q)
    if isinstance(p, Packed) and isinstance(q, Packed):
        formula = closed_form.find(closed_form.RENYI, p.distribution, q.distribution)
        known = ["closed_form"] * bool(formula) + ["quadrature", "monte_carlo"]
        method = choose("renyi", method, known, DISTRIBUTIONS)
        if method.name == "closed_form":
            return closed_form.run(formula, p, q, alpha=alpha)
        if method.name == "quadrature":
            value, *masses = renyi_integrals.finite_order(p, q, alpha)
            return resolved(value, *zip("pq", masses, strict=True))
    divergence = _divergence(families.Alpha(alpha), p, q, method, label="renyi")
    return _to_renyi(divergence, alpha)


def f_divergence(p, q, f, *, method=None) -> jax.Array:
    """Any f-divergence D_f(P‖Q) = ∫ q f(p/q) dx.

    Args:
        p: a distribution or samples, as in `kl`.
        q: likewise, of the same kind as `p`.
        f: a row of `divlab.families`, its name, or a row of your own.
        method: as in `kl`.

    Returns:
        A scalar array in [0, f(0) + lim f(u)/u], in the units of f.

    Raises:
        TypeError: `f` is not a row.
        ValueError: no row has that name; else as in `kl`.

    Source: Csiszár (1963); Ali & Silvey (1966).

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> p, q = Normal(0, 1), Normal(1, 2)
        >>> round(float(divlab.f_divergence(p, q, divlab.families.kl)), 6)
        0.443147
    """
    return _divergence(read_row(f), p, q, method)


def read_row(f: Any) -> Family:
    """A row from a row, its name or its class."""
    if isinstance(f, str):
        if f not in families.FAMILIES:
            raise ValueError(f"f must be one of {', '.join(families.FAMILIES)}, got {f!r}.")
        f = families.FAMILIES[f]
    if isinstance(f, type) and issubclass(f, Family):
        f = f()
    if not isinstance(f, Family):
        raise TypeError(f"f must be a row of divlab.families, got {type(f).__name__} {f!r}.")
    return f


def _divergence(
    family: Family,
    p: Any,
    q: Any,
    method: Any,
    *,
    names: tuple[str, str] = ("p", "q"),
    label: str | None = None,
) -> jax.Array:
    """What all f-divergences share: read, choose, call."""
    p, q = read_exact(names[0], p), read_exact(names[1], q)
    label, family = label or family.name, as_arrays(family)
    if isinstance(p, Packed) and isinstance(q, Packed):
        method = choose(label, method, methods_of_distributions(family, p, q), DISTRIBUTIONS)
        return method.f_divergence(family, p, q, names)
    if isinstance(p, Samples) and isinstance(q, Samples):
        method = choose(label, method, methods_of_samples(), SAMPLES)
        method.check(label, family, **{names[0]: p, names[1]: q})
        return on_device(_of_samples(family, *ordered(p.values, q.values), method))
    if not (isinstance(p, Samples) and family.from_entropies(0.0, 0.0) is not None):
        has_way = family.from_entropies(0.0, 0.0) is not None
        raise ValueError(
            f"{label} of {MIXED} needs a density ratio that these do not give: pass two "
            "distributions or two samples"
            + (f", or the samples as {names[0]}." if has_way else ".")
        )
    method = choose(label, method, ["nearest_neighbours"], MIXED)
    method.check(label, None, **{names[0]: p})
    return on_device(_of_samples_and_distribution(family, p.values, *ordered(p.values), q, method))


def methods_of_distributions(family: Family, p: Packed, q: Packed) -> list[str]:
    """The methods that exist for two distributions, the default first."""
    kinds = (kind for kind in METHODS.values() if issubclass(kind, OfDistributions))
    return [kind.name for kind in kinds if kind.exists(family, p, q)]


def methods_of_samples() -> list[str]:
    """The methods that exist for two samples, the default first."""
    return [kind.name for kind in METHODS.values() if issubclass(kind, OfSamples)]


@compiled_if_traced()
def _of_samples(family: Family, x: Array, y: Array, method: OfSamples) -> Array:
    value = method.f_divergence(family, x, y)
    return unless_nan(namespace(value).clip(value, 0.0, family.limit), x, y)


@compiled_if_traced()
def _of_samples_and_distribution(
    family: Family, values: Array, x: Array, q: Packed, method: NearestNeighbours
) -> Array:
    """From the samples' entropy, the samples `x` being ordered, and their surprise under Q."""
    (log_q,) = log_densities(q)
    return unless_nan(family.from_entropies(-log_q(values).mean(), entropy(x, method)), x)


_to_renyi = jax.jit(renyi_integrals.from_alpha_divergence)


def _renyi_of_order_inf(p: Any, q: Any, method: Any) -> jax.Array:
    p, q = read_exact("p", p), read_exact("q", q)
    if not (isinstance(p, Packed) and isinstance(q, Packed)):
        raise ValueError("alpha=inf needs the largest density ratio: pass two distributions.")
    choose("renyi of order inf", method, ["quadrature"], DISTRIBUTIONS)
    value, *masses = renyi_integrals.infinite_order(p, q)
    return resolved(value, *zip("pq", masses, strict=True))
