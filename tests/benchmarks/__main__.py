"""`python -m tests.benchmarks [training] [divergences]`; without a name all are run."""

import sys

import divlab

from . import divergences, training

if __name__ == "__main__":
    divlab.configure(cache=False)
    benchmarks = {"training": training.run, "divergences": divergences.run}
    for name in sys.argv[1:] or benchmarks:
        benchmarks[name]()
