"""`python -m tests.benchmarks [training] [divergences] [explorers]`; without a name two."""

import sys

import divlab

from . import divergences, explorers, training

if __name__ == "__main__":
    divlab.configure(cache=False)
    benchmarks = {
        "training": training.run,
        "divergences": divergences.run,
        "explorers": explorers.run,
    }
    for name in sys.argv[1:] or ("training", "divergences"):
        benchmarks[name]()
