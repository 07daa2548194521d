"""Divergences beside SciPy and POT, in one run.

Every figure is the median of several rounds in which the contenders take turns, on float32
samples, from the call to a Python float.
"""

import random
import statistics
import subprocess
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import ot
from numpyro.distributions import Categorical, MixtureSameFamily, Normal
from scipy import integrate, spatial, stats

import divlab

SIZES = (1_000, 10_000, 100_000, 1_000_000)


def medians(contenders: dict, rounds: int) -> dict:
    """Name -> median seconds of a call, after one that does not count.

    The order changes from round to round: what ran before decides what is in the caches.
    """
    times = {name: [] for name in contenders}
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


def report(title: str, times: dict) -> None:
    """One line: our milliseconds, and how many times ours each peer takes."""
    ours = times.pop("divlab")
    ratios = "  ".join(f"{name} {t / ours:8.2f}x" for name, t in times.items())
    print(f"{title:38s} {1e3 * ours:10.3f} ms   {ratios}", flush=True)


def two_samples(n: int, seed: int = 0):
    """N(0, 1) and N(0.3, 1.2²), n of each."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=n), 0.3 + 1.2 * rng.normal(size=n)
    return x.astype(np.float32), y.astype(np.float32)


def cdf_distances() -> None:
    for n in SIZES:
        x, y = two_samples(n)
        on_device = [jnp.asarray(a) for a in (x, y)]
        rounds = max(5, min(200, 2_000_000 // n))
        for name, peers in {
            "wasserstein": {
                "scipy": lambda x=x, y=y: stats.wasserstein_distance(x, y),
                "POT": lambda x=x, y=y: ot.emd2_1d(x, y, metric="euclidean"),
            },
            "energy": {"scipy": lambda x=x, y=y: stats.energy_distance(x, y)},
            "ks": {"scipy": lambda x=x, y=y: stats.ks_2samp(x, y).statistic},
        }.items():
            function = getattr(divlab, name)
            contenders = {
                "divlab": lambda f=function, x=x, y=y: float(f(x, y)),
                "of jax arrays": lambda f=function, a=on_device: float(f(*a)),
                "two np.sort": lambda x=x, y=y: (np.sort(x), np.sort(y)),
                **peers,
            }
            report(f"{name}, n = {n}", medians(contenders, rounds))


def kl_by_ckdtree(x, y, k=5) -> float:
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
        contenders = {
            "divlab": lambda x=x, y=y: float(divlab.kl(x, y)),
            "cKDTree": lambda x=x, y=y: kl_by_ckdtree(x, y),
        }
        ours, theirs = (call() for call in contenders.values())
        report(f"kl of samples, n = {n}", medians(contenders, 7))
        print(f"{'':38s} {ours:.6f} and {theirs:.6f}")


def mixture(parameters) -> MixtureSameFamily:
    parts = Normal(parameters[:2], jnp.exp(parameters[2:]))
    return MixtureSameFamily(Categorical(probs=jnp.array([0.4, 0.6])), parts)


def kl_by_quad(a, b) -> float:
    def log_density(parameters, x):
        z = (x - parameters[:2]) / np.exp(parameters[2:])
        log_parts = np.log([0.4, 0.6]) - 0.5 * z**2 - parameters[2:]
        return np.logaddexp(*log_parts) - 0.5 * np.log(2 * np.pi)

    def integrand(x):
        log_p = log_density(a, x)
        return np.exp(log_p) * (log_p - log_density(b, x))

    return integrate.quad(integrand, -20, 20, points=[*a[:2], *b[:2]], limit=200)[0]


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


def run() -> None:
    cdf_distances()
    nearest_neighbours()
    mixtures()
    memory()
