"""How far a number that came from samples can be trusted: standard errors, intervals, warnings."""

import dataclasses
import math
from functools import partial
from statistics import NormalDist

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from divlab import methods
from divlab.checks import check_count, read_key
from divlab.divergences import (
    closed_form,
    diagnosis,
    distances,
    entropies,
    f_divergences,
    families,
    renyi_order,
)
from divlab.divergences.arguments import Samples, is_concrete, read_exact, read_number
from divlab.pytrees import as_arrays

DIVERGENCES = {
    function.__name__: function
    for function in (
        f_divergences.kl, f_divergences.reverse_kl, f_divergences.jeffreys, f_divergences.js,
        f_divergences.tv, f_divergences.hellinger, f_divergences.chi2, f_divergences.renyi,
        f_divergences.f_divergence, distances.wasserstein, distances.cramer, distances.energy,
        distances.ks, distances.mmd, entropies.entropy, entropies.cross_entropy,
    )
}  # fmt: skip
# What a quantity that takes no method does with samples.
_OWN_METHOD = dict.fromkeys(["wasserstein", "cramer", "energy", "ks"], "sorting") | {"mmd": "pairs"}
_FEWEST_RESAMPLES = 20  # the standard error itself is then known to about a sixth
_LARGEST_PART, _LARGEST_COSTLY_PART = 10_000, 1_000  # samples in a part, of P and Q together
_BATCH = 1 << 18  # samples resampled at a time, which bounds the memory


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
    name, function = _find(divergence)
    if not is_concrete(p, q, options, method, confidence, key):
        raise TypeError("estimate looks at its numbers: it cannot run under jit, vmap or grad.")
    need = "strictly between 0 and 1"
    confidence = read_number("confidence", confidence, low=0, high=1, closed=False, need=need)
    check_count("resamples", resamples, _FEWEST_RESAMPLES)
    key = read_key("key", key)
    if name == "entropy" and q is not None:
        raise ValueError("entropy takes one argument: leave q out.")
    if method is not None:
        if name in _OWN_METHOD:
            raise ValueError(f"method {method!r} does not exist for {name}: it takes none.")
        is_known = isinstance(method, str) and method in methods.METHODS
        options["method"] = methods.METHODS[method]() if is_known else method
    given = (p,) if name == "entropy" else (p, q)
    value = float(function(*given, **options))

    weights = options.pop("p_weights", None), options.pop("q_weights", None)
    arguments = tuple(
        read_exact(label, argument, weight)
        for label, argument, weight in zip("pq", given, weights, strict=False)
    )
    if not any(isinstance(a, Samples) for a in arguments):
        used = _method_of_distributions(name, function, given, options)
        error = 0.0
        if used == "monte_carlo":
            error = _monte_carlo_error(name, arguments, value, options)
        half = NormalDist().inv_cdf(0.5 + confidence / 2) * error
        low, high = _range(name, options)
        # An infinite value has no room to either side.
        ends = (max(value - half, low), min(value + half, high)) if half else (value, value)
        return Estimate(value, error, ends, used)

    used = _method_of_samples(name, options)
    bounds = _range(name, options)
    warnings = diagnosis.of_samples(arguments, used, options.get("order"))
    if not math.isfinite(value):
        warnings.append(f"The value is {value}: resampling says nothing about it.")
        return Estimate(value, math.nan, bounds, used, tuple(warnings))
    parts, ratio = _parts(name, arguments, options)
    values = _resample(name, function, arguments, options, key, resamples, parts)
    return _judge(name, arguments, options, value, values, ratio, confidence, used, warnings)


def _judge(name, arguments, options, value, values, ratio, confidence, used, warnings):
    """From the values of the parts to an `Estimate`; `ratio` is that of n to their size."""
    bounds = _range(name, options)
    finite = np.isfinite(values)
    if not np.all(finite):
        share = 1 - np.mean(finite)
        warnings.append(f"{share:.0%} of the resampled values are not finite: no interval is.")
        return Estimate(value, math.inf, bounds, used, tuple(warnings))
    error = float(np.std(values, ddof=1)) / math.sqrt(ratio - 1)
    # A bias that falls off like n^-rate: the slowest are roots of the noise of counts.
    is_slow = name == "tv" or (name == "hellinger" and not options.get("squared"))
    rate = 0.25 if is_slow or _is_tv(options) else 0.5
    bias = (float(np.mean(values)) - value) / (ratio**rate - 1)
    half = NormalDist().inv_cdf(0.5 + confidence / 2) * math.hypot(error, bias)
    low, high = max(value - half, bounds[0]), min(value + half, bounds[1])
    family = _family(name, options)
    is_open, sentence = False, None
    if name == "wasserstein":
        sentence = diagnosis.heavy_tails(arguments, options.get("order", 1))
        is_open = sentence is not None
    elif family and math.isinf(bounds[1]) and all(isinstance(a, Samples) for a in arguments):
        turn = -1 if family[1] else 1
        p, q = arguments[::turn]
        sentence, is_open = diagnosis.lack_of_overlap(p, q, family[0], ("p", "q")[::turn])
    if sentence:
        warnings.append(sentence)
    high = bounds[1] if is_open else high
    warnings += diagnosis.of_resamples(error, bias, values, (low, high), bounds)
    return Estimate(value, error, (low, high), used, tuple(warnings))


def _find(divergence):
    name = divergence if isinstance(divergence, str) else getattr(divergence, "__name__", "")
    function = DIVERGENCES.get(name)
    if function is None or not (isinstance(divergence, str) or divergence is function):
        raise TypeError(
            f"divergence must be a function of divlab or its name, one of "
            f"{', '.join(DIVERGENCES)}; got {divergence!r}. Options such as alpha= are passed to "
            "estimate itself."
        )
    return name, function


def _family(name, options):
    """The row of an f-divergence and whether P and Q change places; None for other quantities."""
    if name == "renyi":
        alpha = options["alpha"]
        return (families.kl if alpha == 1 else families.Alpha(alpha)), False
    if name == "js":
        return families.JS(options.get("weight", 0.5)), False
    if name == "f_divergence":
        f = options["f"]
        f = families.FAMILIES[f] if isinstance(f, str) else f
        return (f() if isinstance(f, type) else f), False
    row = {
        "kl": families.kl, "reverse_kl": families.kl, "jeffreys": families.jeffreys,
        "tv": families.tv, "hellinger": families.hellinger, "chi2": families.pearson,
    }.get(name)  # fmt: skip
    return None if row is None else (row, name == "reverse_kl")


def _is_tv(options) -> bool:
    f = options.get("f")
    return f == "tv" or f is families.TotalVariation or isinstance(f, families.TotalVariation)


def _range(name, options) -> tuple[float, float]:
    """The least and the largest value there is."""
    if name in ("entropy", "cross_entropy"):
        return -math.inf, math.inf
    if name == "ks":
        return 0.0, 1.0
    if name == "mmd":
        return 0.0, 2.0 if options.get("squared") else math.sqrt(2)
    family = _family(name, options)
    if family is None or name == "renyi":
        return 0.0, math.inf
    return 0.0, float(family[0].limit)


def _method_of_samples(name, options) -> str:
    if name == "cross_entropy":
        return "mean"
    if name in _OWN_METHOD:
        return _OWN_METHOD[name]
    method = options.get("method")
    return "nearest_neighbours" if method is None else method.name


def _method_of_distributions(name, function, given, options) -> str:
    if name in _OWN_METHOD:
        order = options.get("order", 1)
        names = [f"wasserstein_{order:g}", "wasserstein"] if name == "wasserstein" else [name]
        found = any(closed_form.find(each, *given) for each in names)
        return "closed_form" if found else "quadrature"
    if options.get("method") is not None:
        return options["method"].name
    try:
        function(*given, **options | {"method": "closed_form"})
    except ValueError:  # the arguments have been accepted before, so it does not exist
        return "quadrature"
    return "closed_form"


def _monte_carlo_error(name, arguments, value, options) -> float:
    """The standard error of the mean, carried through the root or logarithm taken of it."""
    family, swapped = _family(name, options)
    p, q = arguments[::-1] if swapped else arguments
    mean, error = f_divergences._by_monte_carlo(as_arrays(family), p, q, options["method"])
    slope = 1.0
    if name == "hellinger" and not options.get("squared"):
        # At 0 a root has no slope; there the root of the error is what it can be off by.
        return math.sqrt(error) if value == 0 else float(error) / (2 * value)
    if name == "renyi" and options["alpha"] != 1:
        alpha = jnp.asarray(options["alpha"], float)
        slope = float(jax.grad(renyi_order.from_alpha_divergence)(mean, alpha))
    return abs(slope) * float(error)


def _parts(name, arguments, options) -> tuple[tuple[int, ...], float]:
    """How many samples of each argument a part holds, and the ratio of all to these."""
    sizes = [a.values.shape[0] for a in arguments if isinstance(a, Samples)]
    smallest, method = min(sizes), options.get("method")
    least = max(2, (getattr(method, "k", None) or 0) + 1)
    least = max(least, 4) if getattr(method, "name", "") == "variational" else least
    if smallest < 2 * least:
        label = "pq"[[isinstance(a, Samples) for a in arguments].index(True)]
        if len(sizes) == 2:
            label = "pq"[int(np.argmin(sizes))]
        raise ValueError(
            f"{label} has {smallest} samples, too few to resample; {2 * least} or more are needed."
        )
    costly = len(sizes) < len(arguments) or name == "mmd"
    costly = costly or getattr(method, "name", "") in ("kde", "variational")
    limit = _LARGEST_COSTLY_PART if costly else _LARGEST_PART
    ratio = max(4.0, min(sum(sizes) / limit, smallest / 250))
    # Of few samples a part takes more than a quarter, but at most half.
    part = max(least, int(smallest / ratio), min(10, smallest // 2))
    ratio = smallest / part
    sizes = [a.values.shape[0] if isinstance(a, Samples) else 0 for a in arguments]
    return tuple(int(size / ratio) for size in sizes), ratio


def _resample(name, function, arguments, options, key, resamples, parts) -> np.ndarray:
    """The divergence of each part."""
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    samples = [a for a in arguments if isinstance(a, Samples)]
    origin = 0.0
    if len(samples) == len(arguments):
        # No divergence depends on where 0 is; near it, differences keep their digits in 32 bits.
        pooled = np.concatenate([s.values for s in samples])
        pooled = pooled[np.isfinite(pooled)]
        origin = np.median(pooled) if pooled.size else 0.0
    shuffled = []
    for a in arguments:
        if isinstance(a, Samples):
            order = rng.permutation(a.values.shape[0])
            weights = None if a.weights is None else a.weights[order]
            a = Samples((a.values - origin)[order], weights)
        shuffled.append(a)
    static = {k: v for k, v in options.items() if v is None or isinstance(v, bool | str | type)}
    numbers = as_arrays({k: v for k, v in options.items() if k not in {*static, "method"}})
    if "method" in options and "method" not in static:
        numbers["method"] = options["method"]
    settings = tuple(sorted(static.items()))
    values = _resample_jit(function, tuple(shuffled), numbers, settings, key, resamples, parts)
    return np.asarray(values, float)


@partial(jax.jit, static_argnames=("function", "settings", "resamples", "parts"))
def _resample_jit(function, arguments, numbers, settings, key, resamples, parts):
    def of_part(key):
        drawn = []
        for a, size, k in zip(arguments, parts, jax.random.split(key, len(parts)), strict=True):
            if isinstance(a, Samples):
                # One of each stretch of the shuffled samples: none twice, without a shuffle.
                edges = np.arange(size + 1) * a.values.shape[0] // size
                at = edges[:-1] + jax.random.randint(k, (size,), 0, np.diff(edges))
                weights = None if a.weights is None else a.weights[at] / jnp.sum(a.weights[at])
                a = Samples(a.values[at], weights)
            drawn.append(a)
        return function(*drawn, **dict(settings), **numbers)

    batch = max(1, min(resamples, _BATCH // sum(parts)))
    return lax.map(of_part, jax.random.split(key, resamples), batch_size=batch)
