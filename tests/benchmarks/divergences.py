"""Divergences beside SciPy and POT, in one run.

Every figure is the median of several rounds in which the contenders take turns, on float32
samples, from the call to a Python float.
"""

import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import ot
from numpyro.distributions import Categorical, MixtureSameFamily, Normal
from scipy import integrate, spatial, stats

import divlab
from divlab.divergences.methods import METHODS, OfSamples

SIZES = (1_000, 10_000, 100_000, 1_000_000)
Calls = dict[str, Callable[[], Any]]


def medians(contenders: Calls, rounds: int) -> dict[str, float]:
    """Name -> median seconds of a call, after one that does not count.

    The order changes from round to round: what ran before decides what is in the caches.
    """
    times: dict[str, list[float]] = {name: [] for name in contenders}
    order, rng = list(contenders), random.Random(0)
    for number in range(rounds + 1):
        rng.shuffle(order)
        for name in order:
            call = contenders[name]
            start = time.perf_counter()
            call()
            if number:
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(t) for name, t in times.items()}


def report(title: str, times: dict[str, float]) -> None:
    """One line: our milliseconds, and how many times ours each peer takes."""
    ours = times.pop("divlab")
    ratios = "  ".join(f"{name} {t / ours:8.2f}x" for name, t in times.items())
    print(f"{title:38s} {1e3 * ours:10.3f} ms   {ratios}", flush=True)


def two_samples(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """N(0, 1) and N(0.3, 1.2²), n of each."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=n), 0.3 + 1.2 * rng.normal(size=n)
    return x.astype(np.float32), y.astype(np.float32)


def _number(function: Callable[..., Any], *arguments: Any) -> float:
    return float(function(*arguments))


def _sort(*arrays: np.ndarray) -> None:
    for array in arrays:
        np.sort(array)


def cdf_distances() -> None:
    for n in SIZES:
        x, y = two_samples(n)
        on_device = [jnp.asarray(a) for a in (x, y)]
        rounds = max(5, min(200, 2_000_000 // n))
        peers_of: dict[str, Calls] = {
            "wasserstein": {
                "scipy": partial(stats.wasserstein_distance, x, y),
                "POT": partial(ot.emd2_1d, x, y, metric="euclidean"),
            },
            "energy": {"scipy": partial(stats.energy_distance, x, y)},
            "ks": {"scipy": partial(stats.ks_2samp, x, y)},
        }
        for name, peers in peers_of.items():
            function = getattr(divlab, name)
            contenders: Calls = {
                "divlab": partial(_number, function, x, y),
                "of jax arrays": partial(_number, function, *on_device),
                "two np.sort": partial(_sort, x, y),
                **peers,
            }
            report(f"{name}, n = {n}", medians(contenders, rounds))


def permutations() -> None:
    x, y = two_samples(1000)
    peers: dict[str, Any] = {
        "wasserstein": stats.wasserstein_distance,
        "energy": stats.energy_distance,
    }
    for name, peer in peers.items():
        theirs = partial(
            stats.permutation_test, (x, y), peer, n_resamples=999, alternative="greater"
        )
        calls: Calls = {"divlab": partial(divlab.permutation_test, name, x, y), "scipy": theirs}
        report(f"999 permutations of {name}, n = 1000", medians(calls, 7))


def kl_by_ckdtree(x: np.ndarray, y: np.ndarray, k: int = 5) -> float:
    """The estimator of Wang, Kulkarni & Verdú (2009) as one would write it with SciPy."""
    of_x, of_y = (spatial.cKDTree(a[:, None]) for a in (x, y))
    own, _ = of_x.query(x[:, None], k + 1)
    other, _ = of_y.query(x[:, None], k)
    ratio = np.log(other[:, -1] / own[:, -1])
    return float(ratio.mean() + np.log(len(y) / (len(x) - 1)))


def nearest_neighbours() -> None:
    for n in (10_000, 100_000):
        # Without repeated values, which float32 samples have and the tree would not bear.
        x, y = (np.unique(a) for a in two_samples(n))
        contenders: Calls = {
            "divlab": partial(_number, divlab.kl, x, y),
            "cKDTree": partial(kl_by_ckdtree, x, y),
        }
        ours, theirs = (call() for call in contenders.values())
        report(f"kl of samples, n = {n}", medians(contenders, 7))
        print(f"{'':38s} {ours:.6f} and {theirs:.6f}")


def mixture(parameters: Any) -> MixtureSameFamily:
    parts = Normal(parameters[:2], jnp.exp(parameters[2:]))
    return MixtureSameFamily(Categorical(probs=jnp.array([0.4, 0.6])), parts)


def kl_by_quad(a: np.ndarray, b: np.ndarray) -> float:
    def log_density(parameters: np.ndarray, x: float) -> Any:
        z = (x - parameters[:2]) / np.exp(parameters[2:])
        log_parts = np.log([0.4, 0.6]) - 0.5 * z**2 - parameters[2:]
        return np.logaddexp(*log_parts) - 0.5 * np.log(2 * np.pi)

    def integrand(x: float) -> float:
        log_p = log_density(a, x)
        return float(np.exp(log_p) * (log_p - log_density(b, x)))

    return float(integrate.quad(integrand, -20, 20, points=[*a[:2], *b[:2]], limit=200)[0])


def mixtures() -> None:
    rng = np.random.default_rng(0)
    parameters = rng.normal(size=(2, 1000, 4)) * [2, 2, 0.3, 0.3]
    device = jnp.asarray(parameters, jnp.float32)
    batched = jax.jit(jax.vmap(lambda a, b: divlab.kl(mixture(a), mixture(b))))
    few = 20
    times = medians({"divlab": lambda: np.asarray(batched(*device))}, 5)
    pairs = parameters[:, :few].swapaxes(0, 1)
    loop = medians({"quad": lambda: [kl_by_quad(*pair) for pair in pairs]}, 3)
    report("kl of 1000 pairs of mixtures", {**times, "quad": loop["quad"] * 1000 / few})
    p, q = (mixture(a) for a in device[:, 0])
    once = medians({"divlab": lambda: divlab.kl(p, q).block_until_ready()}, 200)
    report("kl of two mixtures, one eager call", once)
    closed = Normal(0.0, 1.0), Normal(1.0, 2.0)
    once = medians({"divlab": lambda: divlab.kl(*closed).block_until_ready()}, 200)
    report("kl of two Normals, one eager call", once)


MEMORY = """
import resource, numpy as np, divlab
rng = np.random.default_rng(0)
divlab.{name}(*rng.normal(size=(2, 9)).astype("f"))
x, y = (rng.standard_normal({n}, dtype="f") for _ in range(2))
weights = {weights}
with open("/proc/self/statm") as file:
    before = int(file.read().split()[1]) * resource.getpagesize()
divlab.{name}(x, y, *weights)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print((after - before) / (x.nbytes + y.nbytes))
"""


def memory(n: int = 10_000_000) -> None:
    """How much a call takes at its peak beyond its arguments; on Linux only."""
    for name in ("wasserstein", "energy", "ks"):
        for weights in ("[]", "[rng.random(len(a), dtype='f') for a in (x, y)]"):
            code = MEMORY.format(name=name, n=n, weights=weights)
            start = time.perf_counter()
            out = subprocess.run(
                [sys.executable, "-c", code], check=True, capture_output=True, text=True
            )
            kind = "weighted " if weights != "[]" else ""
            print(
                f"{kind}{name}, n = {n}: {float(out.stdout):.1f} times the size of the samples, "
                f"{time.perf_counter() - start:.1f} s with the start of Python",
                flush=True,
            )


# What a first call computes: numpyro's distribution, as a user types it, and SciPy's.
TYPES: dict[str, tuple[str, Any]] = {
    "Normal": ("Normal(0.0, 1.0)", stats.norm(0, 1)),
    "other Normal": ("Normal(1.0, 2.0)", stats.norm(1, 2)),
    "Laplace": ("Laplace(0.5, 1.0)", stats.laplace(0.5, 1)),
    "Logistic": ("Logistic(1.0, 0.5)", stats.logistic(1, 0.5)),
    "Gumbel": ("Gumbel(0.0, 1.0)", stats.gumbel_r(0, 1)),
    "StudentT": ("StudentT(3.0, 1.0, 2.0)", stats.t(3, 1, 2)),
    "Gamma": ("Gamma(2.0, 1.0)", stats.gamma(2)),
    "LogNormal": ("LogNormal(0.0, 1.0)", stats.lognorm(1)),
    "HalfNormal": ("HalfNormal(2.0)", stats.halfnorm(scale=2)),
    "Exponential": ("Exponential(0.5)", stats.expon(scale=2)),
    "Weibull": ("Weibull(1.5, 2.0)", stats.weibull_min(2, scale=1.5)),
    "InverseGamma": ("InverseGamma(3.0, 2.0)", stats.invgamma(3, scale=2)),
    "Beta": ("Beta(2.0, 3.0)", stats.beta(2, 3)),
    "Uniform": ("Uniform(0.0, 1.0)", stats.uniform()),
    "Kumaraswamy": ("Kumaraswamy(2.0, 3.0)", None),
    "mixture": ("divlab.targets.two_gaussians(4.0, 0.5)", None),
}
PAIRS = [
    ("Normal", "other Normal"),
    ("Gamma", "LogNormal"),
    ("mixture", "Normal"),
    ("mixture", "mixture"),
    ("Normal", "Laplace"),
    ("Gumbel", "Logistic"),
    ("StudentT", "Normal"),
    ("Exponential", "HalfNormal"),
    ("Weibull", "Gamma"),
    ("InverseGamma", "LogNormal"),
    ("Beta", "Uniform"),
    ("Kumaraswamy", "Beta"),
]
COMPARED = ("kl", "js", "tv", "hellinger", "wasserstein", "mmd")
# Seconds of the version before known parameters were integrated on the host.
EARLIER = {
    "js, Normal and other Normal": 3.1,
    "kl, Gamma and LogNormal": 6.3,
    "kl, mixture and Normal": 3.4,
    "wasserstein, mixture and Normal": 4.0,
    "mmd, Normal and other Normal": 4.3,
    "gradient of kl, mixture and Normal": 8.7,
    "estimate of kl, n = 1000": 3.7,
    "import divlab": 2.4,
}
FIRST_CALL = """
import statistics, time
import jax, jax.numpy as jnp, numpy as np
from numpyro.distributions import *
import divlab
jnp.zeros(3).block_until_ready()
{setup}
times = []
for _ in range({repeats}):
    start = time.perf_counter()
    jax.block_until_ready({call})
    times.append(time.perf_counter() - start)
print(times[0], statistics.median(times[1:]))
"""
OF_PAIR = "p, q = {p}, {q}"
OF_SAMPLES = "x, y = np.random.default_rng(0).normal(size=(2, 1000)); y = 1 + 2 * y"
OF_MIXTURE = """
def function(t):
    parts = Normal(jnp.array([-2.0, 2.0]), 0.5)
    mixture = MixtureSameFamily(Categorical(probs=jnp.array([0.5, 0.5])), parts)
    return divlab.kl(mixture, Normal(t, 1.0))
"""


def first_call(setup: str, call: str, rounds: int = 3) -> tuple[float, ...]:
    """Medians of the first call and of a repeated one; each round is a fresh process."""
    environment = {k: v for k, v in os.environ.items() if k != "JAX_COMPILATION_CACHE_DIR"}
    code = FIRST_CALL.format(setup=setup, call=call, repeats=6)
    rows = []
    for _ in range(rounds):
        command = [sys.executable, "-c", code]
        out = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        rows.append([float(number) for number in out.stdout.split()])
    return tuple(statistics.median(column) for column in zip(*rows, strict=True))


def _kl(a: Any, b: Any) -> Any:
    return np.where(a > -700, np.exp(a) * (a - b), 0.0)


def _js(a: Any, b: Any) -> Any:
    m = np.logaddexp(a, b) - np.log(2)
    return (_kl(a, m) + _kl(b, m)) / 2


OF_LOGS: dict[str, Callable[[Any, Any], Any]] = {
    "kl": _kl,
    "js": _js,
    "tv": lambda a, b: abs(np.exp(a) - np.exp(b)) / 2,
    "hellinger": lambda a, b: (np.exp(a / 2) - np.exp(b / 2)) ** 2 / 2,
}


def by_quad(quantity: str, p: Any, q: Any) -> Callable[[], float] | None:
    """`scipy.integrate.quad` of the same integrand, over the union of the supports."""
    if p is None or q is None or quantity not in (*OF_LOGS, "wasserstein"):
        return None
    ends = [*p.support(), *q.support()]
    low, high = min(ends), max(ends)

    def integrand(x: float) -> float:
        with np.errstate(all="ignore"):
            if quantity == "wasserstein":
                return float(abs(p.cdf(x) - q.cdf(x)))
            return float(OF_LOGS[quantity](p.logpdf(x), q.logpdf(x)))

    return lambda: float(integrate.quad(integrand, low, high, limit=200)[0])


def first_calls() -> None:
    """What a user waits for in a fresh process without a cache on disk, after JAX has started."""
    headings = ("first, s", "before, s", "again, ms", "quad, ms")
    print(f"{'first call':44s}", *(f"{heading:>9s}" for heading in headings))

    def line(title: str, times: Sequence[float], quad: Callable[[], float] | None = None) -> None:
        before = f"{EARLIER[title]:9.1f}" if title in EARLIER else f"{'':9s}"
        peer = f"{1e3 * medians({'quad': quad}, 5)['quad']:9.1f}" if quad else ""
        first, again = times
        print(f"{title:44s} {first:9.2f} {before} {1e3 * again:9.1f} {peer}", flush=True)

    for p, q in PAIRS:
        (here_p, there_p), (here_q, there_q) = TYPES[p], TYPES[q]
        for name in COMPARED:
            times = first_call(OF_PAIR.format(p=here_p, q=here_q), f"divlab.{name}(p, q)")
            line(f"{name}, {p} and {q}", times, by_quad(name, there_p, there_q))
    normals = OF_PAIR.format(p=TYPES["Normal"][0], q=TYPES["other Normal"][0])
    for method in METHODS:
        is_of_samples = issubclass(METHODS[method], OfSamples)
        setup = OF_SAMPLES if is_of_samples else normals
        pair = "x, y" if is_of_samples else "p, q"
        call = f"divlab.kl({pair}, method={method!r})"
        what = "two samples, n = 1000" if is_of_samples else "two Normals"
        line(f"kl by {method}, {what}", first_call(setup, call))
    line("gradient of kl, mixture and Normal", first_call(OF_MIXTURE, "jax.grad(function)(0.3)"))
    call = "divlab.estimate('kl', x, y).value"
    line("estimate of kl, n = 1000", first_call(OF_SAMPLES, call))
    code = "import time; t = time.perf_counter(); import divlab; print(time.perf_counter() - t)"
    command = [sys.executable, "-c", code]
    runs = [subprocess.run(command, check=True, capture_output=True, text=True) for _ in range(5)]
    title = "import divlab"
    imported = statistics.median(float(run.stdout) for run in runs)
    print(f"{title:44s} {imported:9.2f} {EARLIER[title]:9.1f}")


def run() -> None:
    cdf_distances()
    permutations()
    nearest_neighbours()
    mixtures()
    memory()
    first_calls()
