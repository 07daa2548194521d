"""How far estimates from n samples are from the exact value."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Key
from numpyro.distributions import Distribution, Normal
from scipy.special import digamma
from scipy.stats import norm

from divlab.checks import Count, KeyLike, check_count, read_key
from divlab.divergences import entropy, families, kl
from divlab.divergences.diagnosis import quietly
from divlab.divergences.inputs import read_number
from divlab.divergences.methods import METHODS, MonteCarlo, NearestNeighbours
from divlab.divergences.quantities import QUANTITIES

SORTING = "sorting"
_METHODS = ("nearest_neighbours", "histogram", "kde", "variational", "monte_carlo", SORTING)


def estimator_errors(
    pairs: Mapping[str, tuple[Distribution, Distribution]],
    divergences: Iterable[str] = ("kl", "js", "wasserstein"),
    *,
    methods: Iterable[str] = _METHODS,
    sizes: Iterable[int] = (30, 100, 300, 1000, 3000),
    draws: Count = 20,
    key: KeyLike = 0,
) -> xr.Dataset:
    """Mean and spread of the estimates of a divergence, against how many samples they had.

    Each pair of distributions is drawn from `draws` times, as often as the largest of `sizes` says.
    An estimate from n samples sees the first n of each. Nobody tells it the densities, but for
    "monte_carlo", which gets n draws of each distribution and both densities.

    Args:
        pairs: label -> (P, Q), univariate numpyro distributions.
        divergences: names of functions of divlab that compare P and Q.
        methods: names of methods for samples, "monte_carlo", and "sorting" for the distances
            between distribution functions, which have no other method.
        sizes: numbers of samples of each distribution, 4 or more.
        draws: how often samples are drawn, 2 or more.
        key: an int or a JAX key, on which the draws depend.

    Returns:
        A Dataset over pair, divergence, estimator (the names of methods) and n: `mean`,
        `standard_deviation` and `error`, the root mean square error, of the estimates; over pair
        and divergence: `truth`. They are in nats, for `wasserstein` in units of x. NaN where a
        method does not exist for a divergence.

    Raises:
        TypeError: a count is no integer.
        ValueError: a divergence or a method is not known; a count is too small; otherwise as the
            divergence itself.

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> table = divlab.evidence.estimator_errors(
        ...     {"near": (Normal(0, 1), Normal(1, 1))}, ["wasserstein"],
        ...     methods=["sorting"], sizes=[100], draws=400,
        ... )
        >>> bool(abs(table["mean"].item() - table["truth"].item()) < 0.1)
        True
    """
    names, chosen = list(divergences), list(methods)
    for name in names:
        if name not in QUANTITIES or QUANTITIES[name].takes_one:
            raise ValueError(f"divergences must be names of functions of divlab, got {name!r}.")
    for name in chosen:
        if name not in _METHODS:
            raise ValueError(f"methods must be among {', '.join(_METHODS)}, got {name!r}.")
    counts = [check_count("sizes", size, 4) for size in sizes]
    repeats = check_count("draws", draws, 2)
    shape = len(pairs), len(names), len(chosen), len(counts)
    found = {name: np.full(shape, np.nan) for name in ("mean", "standard_deviation", "error")}
    truth = np.empty(shape[:2])
    for i, (p, q) in enumerate(pairs.values()):
        draw = _draws(p, q, max(counts), repeats, jax.random.fold_in(read_key("key", key), i))
        for j, name in enumerate(names):
            truth[i, j] = float(QUANTITIES[name].function(p, q))
            for k, method in enumerate(chosen):
                if (method != SORTING) != QUANTITIES[name].takes_method:
                    continue
                estimate = _estimator(name, method, p, q)
                for at, n in enumerate(counts):
                    with quietly():
                        values = np.array([estimate(x[:n], y[:n], key) for x, y, key in draw])
                    found["mean"][i, j, k, at] = values.mean()
                    found["standard_deviation"][i, j, k, at] = values.std(ddof=1)
                    found["error"][i, j, k, at] = np.sqrt(np.mean((values - truth[i, j]) ** 2))
    dims = ("pair", "divergence", "estimator", "n")
    table = {name: (dims, values) for name, values in found.items()}
    return xr.Dataset(
        table | {"truth": (dims[:2], truth)},
        coords={"pair": list(pairs), "divergence": names, "estimator": chosen, "n": counts},
        attrs={"draws": repeats},
    )


def saturation(
    sizes: Iterable[int] = (100, 1000, 10_000, 100_000, 1_000_000),
    *,
    separation: float = 5.0,
    k: Count = 5,
    key: Count = 0,
) -> xr.Dataset:
    """KL by nearest neighbours for N(0, 1) and a distant N(separation, 1), against log n.

    Args:
        sizes: numbers of samples of each, above k.
        separation: δ, the distance of the means, in units of x, above 0.
        k: which neighbour.
        key: the seed of NumPy's generator, from which the samples come.

    Returns:
        A Dataset over n, in nats: `found`, the estimate from one draw; `predicted`,
        log n + log 2ε - ψ(k) - H(P) with the gap ε = δ + Φ⁻¹(k/n); `log_n`; and `truth`, δ²/2.

    Raises:
        TypeError, ValueError: a number is out of its range.

    Source: Wang, Kulkarni & Verdú (2009); Kozachenko & Leonenko (1987).

    Example:
        >>> import divlab
        >>> table = divlab.evidence.saturation([1000])
        >>> bool(table["found"].item() < table["log_n"].item() < table["truth"])
        True
    """
    read_number("separation", separation, low=0.0, high=np.inf, closed=False, need="above 0")
    near = check_count("k", k)
    counts = np.array([check_count("sizes", size, near + 1) for size in sizes])
    rng, method = np.random.default_rng(check_count("key", key, 0)), NearestNeighbours(k=near)
    found = []
    for n in counts:
        x, y = np.sort(rng.standard_normal((2, n)))
        found.append(float(method.f_divergence(families.kl, x, y + separation)))
    gap = separation + norm.ppf(near / counts)
    with np.errstate(invalid="ignore"):  # without a gap there is nothing to predict
        predicted = np.log(2 * counts * gap) - digamma(near) - float(entropy(Normal(0.0, 1.0)))
    columns = {"found": found, "predicted": predicted, "log_n": np.log(counts)}
    return xr.Dataset(
        {name: ("n", np.asarray(values)) for name, values in columns.items()},
        coords={"n": counts},
    ).assign(truth=separation**2 / 2)


def cut_at_zero(n: Count = 1000, *, draws: Count = 200, key: Count = 0) -> xr.Dataset:
    """KL by nearest neighbours where P = Q, before and after negative values are cut.

    Args:
        n: how many samples of each of two N(0, 1), 6 or more.
        draws: how often they are drawn.
        key: the seed of NumPy's generator, from which the samples come.

    Returns:
        A Dataset over draw, in nats: `plain`, the estimator of Wang, Kulkarni & Verdú, and
        `reported`, what `divlab.kl` returns.

    Raises:
        TypeError, ValueError: a count is out of its range.

    Example:
        >>> import divlab
        >>> table = divlab.evidence.cut_at_zero(100, draws=50)
        >>> bool(table["plain"].min() < 0) and bool(table["reported"].min() == 0)
        True
    """
    size, repeats = check_count("n", n, 6), check_count("draws", draws)
    rng = np.random.default_rng(check_count("key", key, 0))
    pairs, method = rng.standard_normal((repeats, 2, size)), NearestNeighbours()
    plain = [float(method.f_divergence(families.kl, *np.sort(pair))) for pair in pairs]
    with quietly():
        reported = [float(kl(*pair)) for pair in pairs]
    return xr.Dataset({"plain": ("draw", plain), "reported": ("draw", reported)})


_Drawn = tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"], Key[Array, ""]]


def _draws(
    p: Distribution, q: Distribution, size: int, repeats: int, key: Key[Array, ""]
) -> list[_Drawn]:
    """Samples of P and of Q, and a key for what else is random, for each repeat."""
    keys = jax.random.split(key, 3)
    x, y = (
        np.asarray(d.sample(k, (repeats, size)), float) for d, k in zip((p, q), keys, strict=False)
    )
    return list(zip(x, y, jax.random.split(keys[2], repeats), strict=True))


def _estimator(
    name: str, method: str, p: Distribution, q: Distribution
) -> Callable[[Any, Any, Any], float]:
    """The function (samples of P, samples of Q, key) -> the estimate."""
    function = QUANTITIES[name].function
    if method == SORTING:
        return lambda x, y, key: float(function(x, y))
    if method == "monte_carlo":  # half of its draws come from each distribution
        return lambda x, y, key: float(
            function(p, q, method=MonteCarlo(samples=2 * len(x), key=key))
        )
    return lambda x, y, key: float(function(x, y, method=METHODS[method]()))
