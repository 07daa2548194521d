"""`python -m tests.estimators`: bias and spread of each estimator from samples.

The pairs, and their truths by SciPy's quadrature, are those of `tests.intervals`. A cell of the
table is the mean of what was estimated from so many draws, less the truth, ± their standard
deviation.
"""

import argparse
import warnings

import numpy as np
from divlab.methods import METHODS, OfSamples

import divlab
from tests.intervals import draw, truth

PAIRS = ("equal", "shifted", "wider", "two modes")
SIZES = {100: 40, 1000: 40, 10_000: 16}  # samples of each, and how many draws
BY_METHOD = ("kl", "js")
BY_SORTING = ("wasserstein", "energy", "ks")


def errors(name: str, pair: str, size: int, draws: int, **options: str) -> str:
    """The bias and the spread of an estimator."""
    function = getattr(divlab, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of too little overlap
        found = [float(function(*draw(pair, size, seed), **options)) for seed in range(draws)]
    return f"{np.mean(found) - truth(name, pair):+.3f} ± {np.std(found, ddof=1):.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--names", nargs="+", default=[*BY_METHOD, *BY_SORTING])
    options = parser.parse_args()
    of_samples = [name for name, method in METHODS.items() if issubclass(method, OfSamples)]
    for name in options.names:
        print("| pair | truth | method | " + " | ".join(f"n = {n}" for n in SIZES) + " |")
        print("|---|---|---|" + "---|" * len(SIZES))
        for pair in PAIRS:
            for method in of_samples if name in BY_METHOD else ("sorting",):
                given = {"method": method} if name in BY_METHOD else {}
                cells = [errors(name, pair, n, draws, **given) for n, draws in SIZES.items()]
                start = f"| {pair} | {truth(name, pair):.3f} | `{method}` | "
                print(start + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
