"""The f-divergences a user calls: each reads its arguments, picks a method and calls it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Array, Float

from divlab.divergences import families
from divlab.divergences.families import Family
from divlab.divergences.inputs import (
    DISTRIBUTIONS,
    MIXED,
    SAMPLES,
    Argument,
    Samples,
    read_both,
    read_number,
)
from divlab.divergences.integrals.arrays import is_known, on_device
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.methods import (
    METHODS,
    NearestNeighbours,
    OfDistributions,
    OfSamples,
    choose,
)
from divlab.divergences.results import root
from divlab.pytrees import as_arrays


def kl(p: Argument, q: Argument, *, method: Any = None) -> Float[Array, ""]:
    """Kullback-Leibler divergence KL(P‖Q) = ∫ p log(p/q) dx.

    Args:
        p: a univariate continuous numpyro distribution, or a 1-D array of samples of it.
        q: a distribution or samples. It may be a distribution where `p` is samples, but not
            samples where `p` is a distribution.
        method: None, or a name or an object of `divlab.methods`: "closed_form", "quadrature" or
            "monte_carlo" for distributions, "nearest_neighbours", "histogram", "kde" or
            "variational" for samples. None takes the closed form where one is known, else
            quadrature. For samples it takes nearest neighbours.

    Returns:
        A scalar array in nats, in [0, inf]; `inf` where P has mass outside the support of Q. The
        estimate from samples is cut to that range, which never adds to its error. It cannot exceed
        about the logarithm of the sample size, however far apart P and Q are.

    Raises:
        TypeError: `p` or `q` is neither a distribution nor numbers.
        ValueError: samples are NaN, infinite, 2-D or too few; a distribution is batched,
            multivariate or discrete; the method does not exist for these arguments.

    An array is always taken for samples. If it is a histogram or a probability mass function,
    divlab cannot detect this.

    Source: Kullback & Leibler (1951); for samples Wang, Kulkarni & Verdú (2009).

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> round(float(divlab.kl(Normal(0, 1), Normal(1, 2))), 6)
        0.443147
    """
    return divergence_of_row(families.kl, p, q, method)


def reverse_kl(p: Argument, q: Argument, *, method: Any = None) -> Float[Array, ""]:
    """Reverse Kullback-Leibler divergence KL(Q‖P) = ∫ q log(q/p) dx.

    It is `kl(q, p)`. It has its own name because models are fitted by either: `kl` makes the model
    Q cover P, and `reverse_kl` makes it seek a mode.

    Args:
        p: a distribution or samples, as in `kl`.
        q: a distribution or samples. It may be samples where `p` is a distribution, but not a
            distribution where `p` is samples.
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
    return divergence_of_row(families.kl, q, p, method, names=("q", "p"), label="reverse_kl")


def jeffreys(p: Argument, q: Argument, *, method: Any = None) -> Float[Array, ""]:
    """Jeffreys divergence KL(P‖Q) + KL(Q‖P) = ∫ (p - q) log(p/q) dx.

    Args:
        p: a distribution or samples, as in `kl`.
        q: a distribution or samples, whichever `p` is.
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
    return divergence_of_row(families.jeffreys, p, q, method)


def js(p: Argument, q: Argument, *, weight: Any = 0.5, method: Any = None) -> Float[Array, ""]:
    """Jensen-Shannon divergence w·KL(P‖M) + (1-w)·KL(Q‖M), M = w·P + (1-w)·Q.

    At weight 0.5 it is symmetric and lies in [0, log 2], where log 2 means that P and Q share no
    mass. SciPy's `jensenshannon` is the square root of this, and TFP's `jensen_shannon` is twice
    this.

    Args:
        p: a distribution or samples, as in `kl`.
        q: a distribution or samples, whichever `p` is.
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
    return divergence_of_row(as_arrays(families.JS(weight)), p, q, method)


def tv(p: Argument, q: Argument, *, method: Any = None) -> Float[Array, ""]:
    """Total variation distance ½ ∫ |p - q| dx.

    Args:
        p: a distribution or samples, as in `kl`.
        q: a distribution or samples, whichever `p` is.
        method: as in `kl`.

    Returns:
        A scalar array in [0, 1], without units. The estimate from samples is biased upwards when
        P and Q are close, by about 0.4·sqrt(2/k) with k neighbours.

    Raises:
        TypeError, ValueError: as in `kl`.
        NotImplementedError: a second derivative of an integral is asked for.

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Exponential
        >>> round(float(divlab.tv(Exponential(1.0), Exponential(2.0))), 6)
        0.25
    """
    return divergence_of_row(families.tv, p, q, method)


def hellinger(
    p: Argument, q: Argument, *, squared: bool = False, method: Any = None
) -> Float[Array, ""]:
    """Hellinger distance H, with H² = 1 - ∫ √(pq) dx = ½ ∫ (√p - √q)² dx.

    Some authors leave out the ½, so that their H² goes up to 2.

    Args:
        p: a distribution or samples, as in `kl`.
        q: a distribution or samples, whichever `p` is.
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
    square = divergence_of_row(families.hellinger, p, q, method)
    return square if squared else root(square)


def chi2(p: Argument, q: Argument, *, method: Any = None) -> Float[Array, ""]:
    """Pearson's χ²(P‖Q) = ∫ (p - q)² / q dx = ∫ p²/q dx - 1.

    Args:
        p: a distribution or samples, as in `kl`.
        q: a distribution or samples, whichever `p` is.
        method: as in `kl`.

    Returns:
        A scalar array in [0, inf], without units; `inf` where the tails of Q are too light for P.

    Raises:
        TypeError, ValueError: as in `kl`.

    The estimate from samples has a finite variance only where E_P[(p/q)²] is finite.

    Source: Pearson (1900); for samples Póczos, Xiong & Schneider (2011).

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> round(float(divlab.chi2(Normal(0, 1), Normal(1, 2))), 6)
        0.744026
    """
    return divergence_of_row(families.pearson, p, q, method)


def f_divergence(p: Argument, q: Argument, f: Any, *, method: Any = None) -> Float[Array, ""]:
    """Any f-divergence D_f(P‖Q) = ∫ q f(p/q) dx.

    Args:
        p: a distribution or samples, as in `kl`.
        q: a distribution or samples, whichever `p` is.
        f: a row of `divlab.families`, its name, or a row of your own (see `families.Family`).
        method: as in `kl`.

    Returns:
        A scalar array in [0, f(0) + lim f(u)/u], in the units of f.

    Raises:
        TypeError: `f` is not a row; otherwise as in `kl`.
        ValueError: no row has that name; otherwise as in `kl`.

    Source: Csiszár (1963); Ali & Silvey (1966).

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> p, q = Normal(0, 1), Normal(1, 2)
        >>> round(float(divlab.f_divergence(p, q, divlab.families.kl)), 6)
        0.443147
    """
    return divergence_of_row(as_arrays(read_row(f)), p, q, method)


def read_row(f: Any) -> Family:
    """A row from a row, its name or its class.

    Raises:
        TypeError: `f` is none of these.
        ValueError: no row has that name.
    """
    if isinstance(f, str):
        if f not in families.FAMILIES:
            raise ValueError(f"f must be one of {', '.join(families.FAMILIES)}, got {f!r}.")
        f = families.FAMILIES[f]
    if isinstance(f, type) and issubclass(f, Family):
        f = f()
    if not isinstance(f, Family):
        raise TypeError(f"f must be a row of divlab.families, got {type(f).__name__} {f!r}.")
    return f


def divergence_of_row(
    row: Family,
    p: Argument,
    q: Argument,
    method: Any,
    *,
    names: tuple[str, str] = ("p", "q"),
    label: str | None = None,
) -> Float[Array, ""]:
    """What all f-divergences share: read the arguments, choose a method and call it.

    Args:
        row: the row of the divergence, its numbers as arrays (`as_arrays`).
        p: as in `kl`.
        q: as in `kl`.
        method: as in `kl`.
        names: how the user calls the two arguments, for messages.
        label: how the user calls the divergence, for messages; None takes the name of the row.
    """
    p, q = read_both(p, q, names)
    label = label or row.name
    value: Array
    if isinstance(p, Packed) and isinstance(q, Packed):
        known = methods_of_distributions(row, p, q)
        if method is None:
            method = next(known)()
        else:
            method = choose(label, method, [kind.name for kind in known], DISTRIBUTIONS)
        value = method.f_divergence(row, p, q, names)
        return value
    if isinstance(p, Samples) and isinstance(q, Samples):
        method = choose(label, method, methods_of_samples(), SAMPLES)
        if _are_one_number(p, q):
            return on_device(np.zeros(()))
        method.check(label, row, **{names[0]: p, names[1]: q})
        value = method.of_samples(row, p, q, names)
        return value
    can_mix = row.from_entropies(0.0, 0.0) is not None
    if not (can_mix and isinstance(p, Samples) and isinstance(q, Packed)):
        raise ValueError(
            f"{label} of {MIXED} needs a density ratio that these do not give: pass two "
            "distributions or two samples"
            + (f", or the samples as {names[0]}." if can_mix else ".")
        )
    method = choose(label, method, [NearestNeighbours.name], MIXED)
    method.check(label, None, **{names[0]: p})
    value = method.of_samples_and_distribution(row, p, q)
    return value


def _are_one_number(p: Samples, q: Samples) -> bool:
    """Whether P and Q are known to be the same number again and again."""
    if not is_known(p.values, q.values):
        return False
    first = p.values[0]
    return bool(np.all(p.values == first) and np.all(q.values == first) and np.isfinite(first))


def methods_of_distributions(row: Family, p: Packed, q: Packed) -> Iterator[type[OfDistributions]]:
    """The methods that exist for two distributions, the default first."""
    for kind in METHODS.values():
        if issubclass(kind, OfDistributions) and kind.exists(row, p, q):
            yield kind


def methods_of_samples() -> list[str]:
    """The names of the methods that exist for two samples, the default first."""
    return [kind.name for kind in METHODS.values() if issubclass(kind, OfSamples)]
