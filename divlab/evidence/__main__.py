"""`python -m divlab.evidence [names]` makes the stored tables again, all of them or those named."""

import sys
from pathlib import Path

from divlab.configuration import configure
from divlab.evidence.recipes import RECIPES, keep

if __name__ == "__main__":
    configure()
    for name in sys.argv[1:] or RECIPES:
        print(name, flush=True)
        keep(name, Path(__file__).parents[1] / "data" / "evidence")
