"""Several divergences of two distributions at once, by the same nodes."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from divlab.compiling import AT_POINTS, jit_with
from divlab.divergences import families, gaps
from divlab.divergences.inputs import AnyArray, Argument, read_exact
from divlab.divergences.integrals import arrays, cdf_distances
from divlab.divergences.integrals.arrays import integrating_on_host, is_known
from divlab.divergences.integrals.integral import integral
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.quantities import QUANTITIES
from divlab.divergences.results import clipped, resolved


def compare(p: Argument, q: Argument, *names: str) -> dict[str, Float[Array, ""]]:
    """Several divergences of two distributions by one quadrature.

    Args:
        p: a distribution.
        q: a distribution.
        names: the names of functions of `divlab`, with their default options: "kl", "reverse_kl",
            "jeffreys", "js", "tv", "hellinger", "chi2", "entropy" (of `p`), "cross_entropy",
            "wasserstein", "cramer", "energy" and "ks".

    Returns:
        The scalar value of each, by name, in the order of `names`.

    Raises:
        TypeError, ValueError: `p` or `q` is not a distribution; a name is none of the above.
        NotImplementedError: a second derivative of a distance or of total variation is asked for.

    Example:
        >>> from divlab.divergences.comparison import compare
        >>> from numpyro.distributions import Normal
        >>> found = compare(Normal(0, 1), Normal(1, 2), "kl", "tv")
        >>> {name: round(float(value), 3) for name, value in found.items()}
        {'kl': 0.443, 'tv': 0.39}
    """
    packed = [_read_distribution("p", p), _read_distribution("q", q)]
    for name in names:
        if name not in QUANTITIES or not QUANTITIES[name].is_integral:
            known = (name for name, quantity in QUANTITIES.items() if quantity.is_integral)
            raise ValueError(f"names must be of {', '.join(known)}; got {name!r}.")
    found, *masses = _compare(names, *packed)
    values = {name: resolved(found[name], *zip("pq", masses, strict=True)) for name in names}
    return {name: QUANTITIES[name].finish(value, {}) for name, value in values.items()}


def _read_distribution(name: str, argument: Argument) -> Packed:
    packed = read_exact(name, argument)
    if not isinstance(packed, Packed):
        raise ValueError(f"{name} must be a distribution, got samples.")
    return packed


def _integrands(
    names: tuple[str, ...], log_p: Float[AnyArray, "*n"], log_q: Float[AnyArray, "*n"]
) -> tuple[Float[AnyArray, "*n"], ...]:
    found = []
    for quantity in (QUANTITIES[name] for name in names):
        row, logs = quantity.row({}), (log_p, log_q)
        if row is not None:
            logs = logs[::-1] if quantity.is_reversed else logs
            found.append(families.integrand(row, *logs))
        elif quantity.of_logs is not None:
            found.append(quantity.of_logs(*logs))
    return tuple(found)


@lru_cache
def _integrands_of(names: tuple[str, ...]) -> Callable[..., tuple[Any, ...]]:
    """The integrands of these names, on the host all by one program."""
    program = jit_with(AT_POINTS)(lambda log_p, log_q: jnp.stack(_integrands(names, log_p, log_q)))

    def integrands(log_p: arrays.Array, log_q: arrays.Array) -> tuple[Any, ...]:
        if names and arrays.on_host(log_p):
            return tuple(arrays.at_points(program, log_p, log_q))
        return _integrands(names, log_p, log_q)

    return integrands


def _compare(
    names: tuple[str, ...], p: Packed, q: Packed
) -> tuple[dict[str, Any], arrays.Array, arrays.Array]:
    of_gap = {name: measure for name in names if (measure := QUANTITIES[name].of_gap) is not None}
    of_logs, measures = tuple(name for name in names if name not in of_gap), tuple(of_gap.values())
    if of_gap and is_known(p, q):
        with integrating_on_host():
            gap, *masses, integrals = cdf_distances.between(p, q, _integrands_of(of_logs))
            measured = [measure(gap) for measure in measures]
    else:  # where something is traced, the two kinds are differentiated by rules of their own
        measured, integrals, masses = [], [], []
        if of_gap:
            *measured, p_mass, q_mass = gaps.of_distributions(measures, p, q)
            masses = [p_mass, q_mass]
        if of_logs or not of_gap:
            *integrals, p_mass, q_mass = integral(_integrands_of(of_logs), (p, q))
            masses = [p_mass, q_mass]
    found = dict(zip(of_gap, measured, strict=True))
    for name, value in zip(of_logs, integrals, strict=True):
        row = QUANTITIES[name].row({})
        found[name] = value if row is None else clipped(value, row.limit)
    return found, *masses


__all__ = ["compare"]
