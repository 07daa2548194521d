"""`python -m tests.intervals`: how often the intervals of `divlab.estimate` hold the truth.

Samples are drawn again and again from six pairs of distributions, and five divergences estimated
from each draw. The truth is that of quadrature by SciPy, with densities by SciPy. A cell of the
table has the share of draws whose interval held it, and the share of draws with a warning of doubt.
With `--kept` cells are added to a file as they are done, and those that it has are not done again.
"""

import argparse
import itertools
import json
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import integrate, stats

import divlab

QUANTITIES = ("kl", "js", "hellinger", "chi2", "wasserstein")
SIZES = {100: 60, 1000: 50, 10_000: 24}  # samples of each, and how many draws


class Law(NamedTuple):
    """A distribution on the line: its density, distribution function and sampler."""

    log_density: Callable[[float], float]
    cdf: Callable[[float], float]
    draw: Callable[[np.random.Generator, int], np.ndarray]


def _law(frozen: Any) -> Law:
    return Law(frozen.logpdf, frozen.cdf, lambda rng, n: frozen.rvs(size=n, random_state=rng))


def _two_modes() -> Law:
    left, right = stats.norm(-2, 0.5), stats.norm(2, 0.5)
    return Law(
        lambda x: np.logaddexp(left.logpdf(x), right.logpdf(x)) - np.log(2),
        lambda x: (left.cdf(x) + right.cdf(x)) / 2,
        lambda rng, n: np.where(rng.random(n) < 0.5, -2.0, 2.0) + rng.normal(0, 0.5, n),
    )


NORMAL = _law(stats.norm(0, 1))
PAIRS: dict[str, tuple[Law, Law]] = {
    "equal": (NORMAL, NORMAL),
    "shifted": (NORMAL, _law(stats.norm(1, 1))),
    "wider": (_law(stats.norm(0, 1.5)), NORMAL),
    "narrower": (NORMAL, _law(stats.norm(0, 1.5))),
    "heavier tails": (_law(stats.t(3)), NORMAL),
    "two modes": (_two_modes(), _law(stats.norm(0, 2))),
}


@cache
def truth(name: str, pair: str) -> float:
    """The divergence of a pair by SciPy's quadrature."""
    p, q = PAIRS[pair]
    if name == "chi2" and pair in ("wider", "heavier tails"):
        return float("inf")  # p²/q grows without bound
    if pair == "equal":
        return 0.0

    def logs(x: float) -> tuple[float, float]:
        return float(p.log_density(x)), float(q.log_density(x))

    def kl(x: float) -> float:
        a, b = logs(x)
        return float(np.exp(a) * (a - b))

    def js(x: float) -> float:
        a, b = logs(x)
        middle = np.logaddexp(a, b) - np.log(2)
        return float(np.exp(a) * (a - middle) + np.exp(b) * (b - middle)) / 2

    def hellinger(x: float) -> float:
        a, b = logs(x)
        return float(np.exp(a / 2) - np.exp(b / 2)) ** 2 / 2

    def chi2(x: float) -> float:
        a, b = logs(x)
        return float(np.exp(2 * a - b) - 2 * np.exp(a) + np.exp(b))

    def wasserstein(x: float) -> float:
        return abs(float(p.cdf(x) - q.cdf(x)))

    def energy(x: float) -> float:
        return 2 * wasserstein(x) ** 2

    if name == "ks":
        return max(wasserstein(x) for x in np.linspace(-10, 10, 20_001))
    integrand = {f.__name__: f for f in (kl, js, hellinger, chi2, wasserstein, energy)}[name]
    far = 1e5 if pair == "heavier tails" else 30.0
    edges = [-far, -300.0, -30.0, -5.0, -1.0, 0.5, 1.0, 5.0, 30.0, 300.0, far]
    edges = [x for x in edges if -far <= x <= far]
    pieces = itertools.pairwise(edges)
    total = sum(integrate.quad(integrand, a, b, limit=400)[0] for a, b in pieces)
    return float(np.sqrt(total) if name in ("hellinger", "energy") else total)


def draw(pair: str, size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Samples of both laws of a pair."""
    rng = np.random.default_rng([seed, size, list(PAIRS).index(pair)])
    p, q = PAIRS[pair]
    return p.draw(rng, size), q.draw(rng, size)


def doubts(found: divlab.Estimate) -> list[str]:
    """The warnings that the truth may lie outside the interval.

    That it ends where the range does, or that it allows for a bias, is no such doubt.
    """
    return [w for w in found.warnings if "one-sided" not in w and not w.startswith("A bias")]


def cell(name: str, pair: str, size: int, draws: int) -> dict[str, Any]:
    """What the intervals of so many draws do."""
    exact = truth(name, pair)
    held, doubted, silent, widths = 0, 0, 0, []
    started = time.perf_counter()
    for seed in range(draws):
        found = divlab.estimate(name, *draw(pair, size, seed), key=seed)
        low, high = found.interval
        holds, is_doubted = low <= exact <= high, bool(doubts(found))
        held, doubted = held + holds, doubted + is_doubted
        silent += not holds and not is_doubted
        widths.append((high - low) / (2 * 1.96 * found.standard_error))
    return {
        "name": name,
        "pair": pair,
        "size": size,
        "draws": draws,
        "held": held / draws,
        "doubted": doubted / draws,
        "missed without a word": silent / draws,
        "width": float(np.median(widths)),
        "seconds": time.perf_counter() - started,
    }


def table(cells: list[dict[str, Any]]) -> str:
    """The cells as a table: what held, and in brackets what was warned of."""
    sizes = sorted({c["size"] for c in cells})
    lines = ["| divergence | pair | " + " | ".join(f"n = {n}" for n in sizes) + " |"]
    lines.append("|---|---|" + "---|" * len(sizes))
    shown = {(c["name"], c["pair"], c["size"]): c for c in cells}
    for name in QUANTITIES:
        for pair in PAIRS:
            found = [shown.get((name, pair, n)) for n in sizes]
            texts = [f"{c['held']:.0%} ({c['doubted']:.0%})" if c else "" for c in found]
            lines.append(f"| `{name}` | {pair} | " + " | ".join(texts) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--names", nargs="+", default=list(QUANTITIES))
    parser.add_argument("--pairs", nargs="+", default=list(PAIRS))
    parser.add_argument("--draws", type=int, help="of each cell, instead of those by its size")
    parser.add_argument("--kept", type=Path, help="a file of cells, a line of JSON each")
    options = parser.parse_args()
    kept = options.kept
    cells = []
    if kept is not None and kept.exists():
        cells = [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()]
    done = {(c["name"], c["pair"], c["size"]) for c in cells}
    for size in options.sizes:
        measure = partial(cell, size=size, draws=options.draws or SIZES[size])
        for name in options.names:
            for pair in options.pairs:
                if (name, pair, size) in done:
                    continue
                cells.append(measure(name, pair))
                if kept is not None:
                    with kept.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(cells[-1]) + "\n")
    print(table(cells))
    print(f"{sum(c['seconds'] for c in cells):.0f} s")


if __name__ == "__main__":
    main()
