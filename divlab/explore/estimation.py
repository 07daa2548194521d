"""What estimators of a divergence find in samples of two Gaussians, many times over."""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from numpyro.distributions import Normal

import divlab
from divlab.compiling import WITHOUT_FUSION, jit_with
from divlab.divergences.diagnosis import quietly
from divlab.explore.parallel import in_parallel

DRAWS = 16
# By the label of a menu.
QUANTITIES: dict[str, Callable[..., Any]] = {
    "KL(P‖Q)": divlab.kl,
    "JS": divlab.js,
    "TV": divlab.tv,
    "W₁": divlab.wasserstein,
}


def estimators_of(quantity: str) -> dict[str, dict[str, str]]:
    """The options with which a divergence of samples is computed, by the name of the estimator."""
    if quantity == "W₁":
        return {"sorting": {}}
    return {
        "nearest neighbours": {"method": "nearest_neighbours"},
        "histogram": {"method": "histogram"},
        "kernel density": {"method": "kde"},
    }


class Found(NamedTuple):
    """What the estimators of one quantity find.

    Attributes:
        truth: the exact value.
        estimates: by the name of the estimator and by n, the estimates from n samples, (draws,).
    """

    truth: float
    estimates: dict[str, dict[int, Float[np.ndarray, " draws"]]]


@lru_cache(maxsize=1)  # another n to speak of needs no estimate anew
def estimates(
    quantity: str, separation: float, scale: float, seed: int, sizes: tuple[int, ...]
) -> Found:
    """Estimates a divergence of N(0, 1) from N(separation, scale²) in `DRAWS` pairs of samples.

    Args:
        quantity: a name in `QUANTITIES`.
        separation: the mean of Q.
        scale: the standard deviation of Q.
        seed: of the samples.
        sizes: the numbers n; each estimator sees the first n samples of each pair.

    Returns:
        What is found.
    """
    pairs = np.random.default_rng(seed).standard_normal((DRAWS, 2, sizes[-1]))
    pairs[:, 1] = separation + scale * pairs[:, 1]
    pieces = {
        name: partial(_of_each_size, partial(QUANTITIES[quantity], **options), pairs, sizes)
        for name, options in estimators_of(quantity).items()
    }
    return Found(float(_truth(quantity, separation, scale)), in_parallel(pieces))


@jit_with(WITHOUT_FUSION, static_argnames="quantity")
def _truth(quantity: str, separation: Any, scale: Any) -> Any:
    """The exact value for N(0, 1) and N(separation, scale²)."""
    return QUANTITIES[quantity](Normal(0.0, 1.0), Normal(separation, scale))


def _of_each_size(
    estimate: Callable[..., Any], pairs: Float[np.ndarray, "draws 2 n"], sizes: tuple[int, ...]
) -> dict[int, Float[np.ndarray, " draws"]]:
    """The estimates from the first n samples of each pair, by n."""
    with quietly():  # how far the estimates are off is what is shown
        return {n: np.array([float(estimate(x[:n], y[:n])) for x, y in pairs]) for n in sizes}
