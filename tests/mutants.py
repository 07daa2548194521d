"""Would the tests notice a wrong number? `python -m tests.mutants` asks; it takes an hour.

One function of `divlab/divergences/` at a time is made to return 1 % more than it should, and the
tests of `tests/divergences` run until one fails. A function for which none does is a survivor. No
file is changed: this module is also a plugin of pytest, which replaces the function named in an
environment variable in the memory of each process that runs tests.

The functions are drawn by a fixed seed, from every file alike, out of those whose annotation says
that they return arrays or numbers, or a tuple of them. Functions of the same name that other files
have imported are replaced there too.
"""

import argparse
import ast
import dataclasses
import functools
import importlib
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "divlab" / "divergences"
VARIABLE = "DIVLAB_MUTANT"
NUMBERS = re.compile(r"\b(Array|ndarray|Float|float)\b")
OTHERS = re.compile(r"Callable|Iterator|dict|str|Samples|Packed|Panels|Pieces|[bB]ool|Int|None")


def candidates() -> Iterator[tuple[str, str]]:
    """Every (module, function) whose annotation says that it returns numbers."""
    for path in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.returns is not None:
                returns = ast.unparse(node.returns)
                if NUMBERS.search(returns) and not OTHERS.search(returns):
                    yield module, node.name


def drawn(count: int, seed: int) -> list[tuple[str, str]]:
    """So many functions, one of each file before a second one of any."""
    rng = random.Random(seed)
    by_file: dict[str, list[str]] = {}
    for module, name in candidates():
        by_file.setdefault(module, []).append(name)
    for names in by_file.values():
        rng.shuffle(names)
    rounds = max(len(names) for names in by_file.values())
    chosen = []
    for number in range(rounds):
        files = [module for module in by_file if number < len(by_file[module])]
        rng.shuffle(files)
        chosen += [(module, by_file[module][number]) for module in files]
    return chosen[:count]


def _larger(value: Any) -> Any:
    """The same value, every floating number in it 1 % larger."""
    import numpy as np

    if isinstance(value, tuple):
        parts = [_larger(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, list):
        return [_larger(part) for part in value]
    if isinstance(value, float):
        return 1.01 * value
    dtype = getattr(value, "dtype", None)
    return value * np.asarray(1.01, dtype) if dtype is not None and dtype.kind == "f" else value


def enlarged(original: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, with results 1 % larger."""

    @functools.wraps(original)
    def wrong(*arguments: Any, **options: Any) -> Any:
        return _larger(original(*arguments, **options))

    return wrong


def mutate(module: str, name: str) -> None:
    """Replaces the function wherever the package holds it."""
    importlib.import_module("divlab")
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        importlib.import_module(".".join(parts).removesuffix(".__init__"))
    original: Callable[..., Any] = getattr(sys.modules[module], name)
    wrong = enlarged(original)
    for holder in [m for n, m in sys.modules.items() if n.startswith("divlab")]:
        for key, value in list(vars(holder).items()):
            if value is original:
                setattr(holder, key, wrong)
            elif isinstance(value, dict):  # a table of functions
                value.update({k: wrong for k, v in value.items() if v is original})
                for record in filter(dataclasses.is_dataclass, value.values()):  # or of records
                    for field, held in vars(record).items():
                        if held is original:
                            object.__setattr__(record, field, wrong)


def pytest_configure() -> None:
    """As a plugin of pytest: before any test is imported."""
    if VARIABLE in os.environ:
        mutate(*os.environ[VARIABLE].split(":"))


def survives(module: str, name: str, tests: list[str]) -> bool:
    """Whether no test fails; raises where the tests could not run."""
    command = [sys.executable, "-m", "pytest", "-p", "tests.mutants", "-p", "no:cacheprovider"]
    command += ["-x", "-q", "-n", "2", "--no-header", *tests]
    environment = os.environ | {VARIABLE: f"{module}:{name}"}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    failed = [line for line in run.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    print(f"{module}.{name}:", failed[0][:120] if failed else "SURVIVES", flush=True)
    if run.returncode not in (0, 1) and not failed:
        raise RuntimeError(run.stdout[-2000:] + run.stderr[-2000:])
    return run.returncode == 0


def main() -> None:
    """Draws functions, and reports those that no test notices."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=30, help="how many functions")
    parser.add_argument("--seed", type=int, default=0, help="which ones")
    parser.add_argument("tests", nargs="*", default=["tests/divergences"], help="what may notice")
    options = parser.parse_args()
    chosen = drawn(options.count, options.seed)
    survivors = [pair for pair in chosen if survives(*pair, options.tests)]
    print(f"{len(survivors)} of {len(chosen)} survive:", *(".".join(pair) for pair in survivors))


if __name__ == "__main__":
    main()
