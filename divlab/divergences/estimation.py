"""How far a number that came from samples can be trusted: standard errors, intervals, warnings."""

import dataclasses
import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from divlab.checks import check_count, read_key
from divlab.divergences import diagnosis
from divlab.divergences.inputs import Samples, read_exact, read_number
from divlab.divergences.integrals.arrays import is_known
from divlab.divergences.methods import METHODS
from divlab.divergences.methods.monte_carlo import mean_and_error
from divlab.divergences.quantities import QUANTITIES, Quantity
from divlab.divergences.resampling import resample, sizes_of_parts
from divlab.pytrees import as_arrays

_FEWEST_RESAMPLES = 20  # the standard error itself is then known to about a sixth


@dataclasses.dataclass(frozen=True, repr=False)
class Estimate:
    """A divergence and how well it is known.

    Attributes:
        value: the divergence, as the function itself returns it.
        standard_error: the standard deviation of `value` over new samples; 0 where it is exact,
            nan where the value of samples is infinite, inf where that of some resamples is.
        interval: (low, high) that holds the truth with the confidence asked for.
        method: the name of the method that computed `value`.
        warnings: sentences that say why the numbers above cannot be trusted; empty if nothing
            was found.

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> divlab.estimate("tv", Normal(0, 1), Normal(0, 1)).interval
        (0.0, 0.0)
    """

    value: float
    standard_error: float
    interval: tuple[float, float]
    method: str
    warnings: tuple[str, ...] = ()

    def __repr__(self):
        """One line of numbers, and a line for each warning."""
        low, high = self.interval
        text = (
            f"Estimate({self.value:.5g} ± {self.standard_error:.2g}, "
            f"interval [{low:.5g}, {high:.5g}], {self.method})"
        )
        return "\n  warning: ".join([text, *self.warnings])


def estimate(
    divergence, p, q=None, *, method=None, confidence=0.95, resamples=200, key=0, **options
) -> Estimate:
    """A divergence with its standard error, a confidence interval and warnings.

    Samples are resampled without replacement: each of `resamples` parts holds a quarter of the
    samples (fewer of many), and √(m / (n - m)) times the standard deviation over parts of m is the
    standard error of n. The bootstrap repeats samples, and a sample whose nearest neighbour is its
    own copy says nothing about a density; parts hold each sample once. The interval is
    value ± z √(standard error² + bias²), cut to the range of the divergence, where the bias is
    told by how far the mean over parts is from the value. It is this that lets the interval hold
    the truth where P = Q and the value, which is never negative, is mostly bias.

    Of two distributions, "monte_carlo" has the standard error of its draws; any other method is
    exact, up to the error of quadrature: standard error 0 and the interval (value, value).

    Args:
        divergence: a function of divlab, as `divlab.kl`, or its name.
        p: a distribution or samples, as `divergence` takes it.
        q: likewise; left out for `entropy`.
        method: as `divergence` takes it.
        confidence: of the interval, strictly between 0 and 1.
        resamples: how many parts are drawn, 20 or more.
        key: an int or a JAX key, for the parts.
        **options: passed on to `divergence`: `weight`, `alpha`, `order`, `squared`, `f`,
            `bandwidth`. `p_weights` and `q_weights` are taken for importance weights: each stays
            with its sample. They cannot stand for counts.

    Returns:
        An `Estimate` of Python floats. If P has samples where Q has none nearby, and the
        divergence depends on how small q is there, the interval has no upper end: samples cannot
        tell. Of 1000 samples each from N(0, 1) and N(1, 2), intervals of 95 % held the truth in
        94 to 98.5 % of 200 draws (W₁, energy, KL, JS, TV, Hellinger, χ², KS, MMD, entropies), and
        in 93.5 to 100 % where P = Q. For KL from N(0, 1.5) to N(0, 1) it was 71 % of 100: where P
        has the heavier tails, neighbours are too far away and the value is too low. χ² depends on
        tails more yet: from N(0, 1) to N(1, 1) it was 68 % of 60.

    Raises:
        TypeError: `divergence` is none of divlab's; anything is traced, as under `jax.jit`.
        ValueError: bad numbers; fewer than 4 samples; else as `divergence`.

    Source: Politis & Romano (1994), Large sample confidence regions based on subsamples; Shao & Wu
    (1989) for the factor; Abadie & Imbens (2008) for the bootstrap of nearest neighbours, Andrews
    (2000) for it at the end of a range.

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> divlab.estimate(divlab.kl, Normal(0, 1), Normal(1, 2))
        Estimate(0.44315 ± 0, interval [0.44315, 0.44315], closed_form)
    """
    quantity = find(divergence)
    if not is_known(p, q, options, method, confidence, key):
        raise TypeError("estimate looks at its numbers: it cannot run under jit, vmap or grad.")
    need = "strictly between 0 and 1"
    confidence = read_number("confidence", confidence, low=0, high=1, closed=False, need=need)
    check_count("resamples", resamples, _FEWEST_RESAMPLES)
    key = read_key("key", key)
    if quantity.takes_one and q is not None:
        raise ValueError(f"{quantity.name} takes one argument: leave q out.")
    if method is not None:
        if not quantity.takes_method:
            raise ValueError(
                f"method {method!r} does not exist for {quantity.name}: it takes none."
            )
        is_name = isinstance(method, str) and method in METHODS
        options["method"] = METHODS[method]() if is_name else method
    given = (p,) if quantity.takes_one else (p, q)
    value = float(quantity.function(*given, **options))

    weights = options.pop("p_weights", None), options.pop("q_weights", None)
    arguments = tuple(
        read_exact(label, argument, weight)
        for label, argument, weight in zip("pq", given, weights, strict=False)
    )
    if not any(isinstance(a, Samples) for a in arguments):
        return _of_distributions(quantity, arguments, value, confidence, options)

    method = options.get("method")
    used = quantity.of_samples if method is None else method.name
    bounds = quantity.range(options)
    warnings = diagnosis.of_samples(arguments, used, options.get("order"))
    if not math.isfinite(value):
        warnings.append(f"The value is {value}: resampling says nothing about it.")
        return Estimate(value, math.nan, bounds, used, tuple(warnings))
    is_costly = quantity.of_samples == "pairs" or getattr(method, "is_costly", False)
    parts, ratio = sizes_of_parts(arguments, method, is_costly=is_costly)
    values = resample(quantity.function, arguments, options, key, resamples, parts)
    return _judge(quantity, arguments, options, value, values, ratio, confidence, used, warnings)


def _of_distributions(
    quantity: Quantity, arguments: tuple, value: float, confidence: float, options: dict
) -> Estimate:
    method = options.get("method")
    if method is not None:
        used = method.name
    else:
        exact = quantity.has_formula(options, *arguments)
        used = "closed_form" if exact else "quadrature"
    error = 0.0
    if used == "monte_carlo":
        error = _monte_carlo_error(quantity, arguments, options)
    half = NormalDist().inv_cdf(0.5 + confidence / 2) * error
    low, high = quantity.range(options)
    # An infinite value has no room to either side.
    ends = (max(value - half, low), min(value + half, high)) if half else (value, value)
    return Estimate(value, error, ends, used)


def _judge(
    quantity: Quantity,
    arguments: tuple,
    options: dict,
    value: float,
    values: np.ndarray,
    ratio: float,
    confidence: float,
    used: str,
    warnings: list[str],
) -> Estimate:
    """From the values of the parts to an `Estimate`; `ratio` is that of n to their size."""
    bounds = quantity.range(options)
    finite = np.isfinite(values)
    if not np.all(finite):
        share = 1 - np.mean(finite)
        warnings.append(
            f"{share:.0%} of the resampled values are not finite, so no finite interval exists."
        )
        return Estimate(value, math.inf, bounds, used, tuple(warnings))
    error = float(np.std(values, ddof=1)) / math.sqrt(ratio - 1)
    # A bias that falls like n^-rate is told by how far the parts, which are smaller, are off.
    bias = (float(np.mean(values)) - value) / (ratio ** quantity.rate_of_bias(options) - 1)
    half = NormalDist().inv_cdf(0.5 + confidence / 2) * math.hypot(error, bias)
    low, high = max(value - half, bounds[0]), min(value + half, bounds[1])
    row = quantity.row(options)
    is_open, sentence = False, None
    if quantity.needs_moment is not None:
        sentence = diagnosis.heavy_tails(arguments, quantity.needs_moment(options))
        is_open = sentence is not None
    elif row and math.isinf(bounds[1]) and all(isinstance(a, Samples) for a in arguments):
        turn = -1 if quantity.is_reversed else 1
        p, q = arguments[::turn]
        sentence, is_open = diagnosis.lack_of_overlap(p, q, row, ("p", "q")[::turn])
    if sentence:
        warnings.append(sentence)
    high = bounds[1] if is_open else high
    warnings += diagnosis.of_resamples(error, bias, values, (low, high), bounds)
    return Estimate(value, error, (low, high), used, tuple(warnings))


def find(divergence: Any) -> Quantity:
    """The record of a function of divlab, given as such or by its name."""
    name = divergence if isinstance(divergence, str) else getattr(divergence, "__name__", "")
    quantity = QUANTITIES.get(name)
    if quantity is None or not (isinstance(divergence, str) or divergence is quantity.function):
        raise TypeError(
            f"divergence must be a function of divlab or its name, one of "
            f"{', '.join(QUANTITIES)}; got {divergence!r}. Options such as alpha= are passed to "
            "estimate itself."
        )
    return quantity


def _monte_carlo_error(quantity: Quantity, arguments: tuple, options: Mapping) -> float:
    """The standard error of the mean, carried through the root or logarithm taken of it."""
    p, q = arguments[::-1] if quantity.is_reversed else arguments
    row = as_arrays(quantity.row(options))
    mean, error = (jnp.asarray(number) for number in mean_and_error(row, p, q, options["method"]))

    def finish(mean: jax.Array) -> jax.Array:
        return jnp.asarray(quantity.finish(mean, options))

    if mean == 0:  # where a root has no slope; there the root of the error is what it can be off by
        return float(finish(error))
    return abs(float(jax.grad(finish)(mean))) * float(error)
