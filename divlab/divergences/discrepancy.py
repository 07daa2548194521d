"""Maximum mean discrepancy, the distance that a kernel gives."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from divlab.divergences.inputs import (
    Argument,
    Samples,
    read_both,
    read_number,
)
from divlab.divergences.integrals import mmd as mmd_integrals
from divlab.divergences.integrals.arrays import compiled, is_known, unless_nan
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.results import at_precision_of, resolved, root
from divlab.divergences.sorting import is_exact
from divlab.pytrees import as_arrays


def mmd(
    p: Argument, q: Argument, *, bandwidth: Any = 1.0, squared: bool = False
) -> Float[Array, ""]:
    """Maximum mean discrepancy under the kernel k(x, y) = exp(-(x - y)² / (2 bandwidth²)).

    MMD² = E k(X, X') + E k(Y, Y') - 2 E k(X, Y), where X and X' are drawn from P, Y and Y' from Q.
    From two samples it is the distance between their empirical distributions (the V-statistic),
    which is never negative but biased: for n and m samples of one distribution, MMD² is about
    (1/n + 1/m)(1 - E k(X, X')).

    Args:
        p: a distribution or samples.
        q: a distribution or samples. It need not be the same kind as `p`.
        bandwidth: the standard deviation of the kernel in units of x, above 0.
        squared: whether to return MMD² instead of MMD.

    Returns:
        A scalar array in [0, √2], or [0, 2] if squared; without units. Under `jit` every pair of
        samples is looked at, and the absolute error of MMD² is about the rounding error.

    Raises:
        TypeError, ValueError: as in `kl`; the bandwidth is not above 0 and finite; two samples lie
            at the same infinity, so that their distance is not defined.
        NotImplementedError: a second derivative of an integral is asked for.

    Source: Gretton, Borgwardt, Rasch, Schölkopf & Smola (2012), A kernel two-sample test.

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> round(float(divlab.mmd(Normal(0, 1), Normal(1, 2), squared=True)), 6)
        0.15947
    """
    need = "above 0 and finite"
    read_number("bandwidth", bandwidth, low=0.0, high=np.inf, closed=False, need=need)
    p, q = read_both(p, q)
    if isinstance(p, Packed) and isinstance(q, Packed):
        value, *masses = mmd_integrals.squared(p, q, as_arrays(bandwidth))
        square = resolved(value, *zip("pq", masses, strict=True))
    elif isinstance(p, Packed) or isinstance(q, Packed):
        square = _of_samples_and_distribution(p, q, as_arrays(bandwidth))
    elif is_exact(p) and is_exact(q) and is_known(bandwidth):
        x, y = _bring_near(p.values, q.values, float(bandwidth))
        square = at_precision_of(mmd_integrals.known_squared(x, y, bandwidth), p, q)
    else:
        square = _traced_squared_mmd(p, q, as_arrays(bandwidth))
    return square if squared else root(square)


def _of_samples_and_distribution(
    p: Packed | Samples, q: Packed | Samples, bandwidth: Any
) -> Float[Array, ""]:
    """MMD² of two arguments, of which one is samples and the other a distribution."""
    name, samples, distribution = ("q", p, q) if isinstance(q, Packed) else ("p", q, p)
    assert isinstance(samples, Samples)
    assert isinstance(distribution, Packed)
    if is_exact(samples) and not np.all(np.isfinite(samples.values)):
        raise ValueError(
            f"{'p' if name == 'q' else 'q'} holds infinite samples, which no distribution comes "
            "near; leave them out."
        )
    value, mass = mmd_integrals.of_samples_and_distribution(samples.values, distribution, bandwidth)
    return resolved(value, (name, mass))


def _bring_near(
    x: Float[np.ndarray, " n"], y: Float[np.ndarray, " m"], bandwidth: float
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " m"]]:
    """The samples, an infinite one moved to where the kernel to all others is 0 already."""
    both = np.concatenate([x, y])
    if np.all(np.isfinite(both)):
        return x, y
    if max(np.sum(both == np.inf), np.sum(both == -np.inf)) > 1:
        raise ValueError(
            "p and q hold more than one sample at the same infinity: their distance is not "
            "defined. Leave them out."
        )
    finite = both[np.isfinite(both)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    far = 10.0 * bandwidth
    high, low = high + far, low - far
    return np.nan_to_num(x, posinf=high, neginf=low), np.nan_to_num(y, posinf=high, neginf=low)


@compiled()
def _traced_squared_mmd(x: Samples, y: Samples, bandwidth: Float[Array, ""]) -> Float[Array, ""]:
    value = mmd_integrals.traced_squared(x.values, y.values, bandwidth)
    result: Array = unless_nan(jnp.where(bandwidth > 0, value, jnp.nan), x, y)
    return result
