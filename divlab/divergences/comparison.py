"""Several divergences of two distributions at once, by the same nodes."""

from functools import partial
from typing import Any

import jax

from divlab.divergences import families
from divlab.divergences.inputs import read_exact
from divlab.divergences.integrals import cdf_distances
from divlab.divergences.integrals.arrays import Array, compiled_if_traced
from divlab.divergences.integrals.integral import integral
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.quantities import QUANTITIES
from divlab.divergences.results import clipped, resolved


def compare(p: Any, q: Any, *names: str) -> dict[str, jax.Array]:
    """Several divergences of two distributions by one quadrature.

    Args:
        p: a distribution.
        q: a distribution.
        names: of the functions of `divlab`: kl, reverse_kl, jeffreys, js, tv, hellinger, chi2,
            entropy (of p), cross_entropy, wasserstein, cramer, energy, ks.

    Returns:
        Name to scalar, in the order of `names`.
    """
    found, *masses = _compare(names, read_exact("p", p), read_exact("q", q))
    values = {name: resolved(found[name], *zip("pq", masses, strict=True)) for name in names}
    return {name: QUANTITIES[name].finish(value, {}) for name, value in values.items()}


def _integrands(names: tuple[str, ...], log_p: Array, log_q: Array) -> tuple[Array, ...]:
    found = []
    for quantity in (QUANTITIES[name] for name in names):
        row, logs = quantity.row({}), (log_p, log_q)
        if row is not None:
            logs = logs[::-1] if quantity.is_reversed else logs
            found.append(families.integrand(row, *logs))
        elif quantity.of_logs is not None:
            found.append(quantity.of_logs(*logs))
    return tuple(found)


@compiled_if_traced(0)
def _compare(names: tuple[str, ...], p: Packed, q: Packed) -> tuple[Any, ...]:
    of_gap = {name: QUANTITIES[name].of_gap for name in names}
    of_gap = {name: measure for name, measure in of_gap.items() if measure is not None}
    of_logs = tuple(name for name in names if name not in of_gap)
    integrands = partial(_integrands, of_logs)
    if not of_gap:
        *integrals, p_mass, q_mass = integral(integrands, (p, q))
        found = {}
    else:
        gap, p_mass, q_mass, integrals = cdf_distances.between(p, q, integrands)
        found = {name: measure(gap) for name, measure in of_gap.items()}
    for name, value in zip(of_logs, integrals, strict=True):
        row = QUANTITIES[name].row({})
        found[name] = value if row is None else clipped(value, row.limit)
    return found, p_mass, q_mass


__all__ = ["compare"]
