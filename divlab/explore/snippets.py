"""Pieces of the code that explorers give away."""

from collections.abc import Mapping
from typing import Any

from jaxtyping import Float
from numpy import ndarray

from divlab.explore import two_samples
from divlab.explore.families import FAMILIES
from divlab.explore.two_samples import DEALT, LARGEST, LEVEL, OFFERED, QUICK

_MOST = 1000  # numbers that are written into the code


def imports_of(code: str) -> str:
    """The imports that a piece of code needs.

    Args:
        code: it may use `json`, `dist`, and what every snippet has: `divlab` and `np`.

    Returns:
        The lines, in their usual order.
    """
    needs_json, needs_dist = "json." in code, "dist." in code
    return (
        ("import json\n\n" if needs_json else "")
        + "import divlab\nimport numpy as np\n"
        + ("import numpyro.distributions as dist\n" if needs_dist else "")
    )


def two_columns(
    explorer: str, p: Float[ndarray, " n"], q: Float[ndarray, " m"], names: tuple[str, str]
) -> str:
    """Code that makes arrays of a user's two columns.

    Args:
        explorer: the name of the explorer's class, which its files have.
        p: the first column, (n,).
        q: the second column, (m,).
        names: what the arrays are called.

    Returns:
        The code, which needs `np`. Where there are many numbers it reads the file of the state.
    """
    if p.size + q.size <= _MOST:
        return "\n".join(
            f"{name} = np.array({column.tolist()})"
            for name, column in zip(names, (p, q), strict=True)
        )
    return f"""\
# The file of the state: “Save figure” offers it, beside the picture.
with open("{explorer}.json") as file:
    columns = json.load(file)["data"]["samples"]
{names[0]}, {names[1]} = map(np.array, columns)"""


def two_families(values: Mapping[str, Any], seed: int) -> str:
    """Code that draws samples of two families, as `two_samples.of_families` does.

    Args:
        values: the values of the controls.
        seed: of the samples.

    Returns:
        The code, which makes `x` and `y`, the draws of both, and `n`.
    """
    shape = f"({two_samples.DRAWS}, {two_samples.SIZES[-1]})"
    x, y = (FAMILIES[values[of]].drawn.format(rng=f"of_{of}", shape=shape) for of in ("p", "q"))
    return f"""\
of_p, of_q = np.random.default_rng({seed}).spawn(2)
x_draws = {x}
y_draws = {values["separation"]} + {values["scale"]} * {y}
n = {values["n"]}
x, y = x_draws[0, :n], y_draws[0, :n]
"""


def drawn_columns(columns: str, n: int, seed: int) -> str:
    """Code that draws samples of a user's columns, as `two_samples.of_columns` does.

    Args:
        columns: code that makes the columns `p` and `q`.
        n: how many values of each column a test sees for the power.
        seed: of the samples.

    Returns:
        The code, which makes what that of `two_families` makes.
    """
    return f"""\
{columns}
of_p, of_q = np.random.default_rng({seed}).spawn(2)
x, y = of_p.permutation(p)[:{LARGEST}], of_q.permutation(q)[:{LARGEST}]
n = {n}
x_draws = [of_p.permutation(x)[:n] for _ in range({two_samples.DRAWS})]
y_draws = [of_q.permutation(y)[:n] for _ in range({two_samples.DRAWS})]
"""


def tests(shown: str, seed: int, *, with_power: bool) -> str:
    """Code that tests `x` and `y`, and the draws of both.

    Args:
        shown: the name of the divergence that is shown.
        seed: of the permutations.
        with_power: whether there are draws enough.

    Returns:
        The code.
    """
    counts = _as_dict({one.name: one.permutations for one in OFFERED.values()})
    of_tests = f"""\


def statistic(name, x, y):
    return divlab.permutation_test(name, x, y, permutations=1).statistic


print("statistic", statistic("{shown}", x, y))
permutations = {counts}
for name, count in permutations.items():
    try:
        test = divlab.permutation_test(name, x, y, permutations=count, key={seed})
        print(f"pvalue.{{name}}", test.pvalue)
    except ValueError:  # this divergence does not compare such samples
        print(f"pvalue.{{name}}", float("nan"))
print("power_n", n)
"""
    if not with_power:
        return of_tests
    tested = (one for one in OFFERED.values() if one.name in (*QUICK, shown))
    draws = _as_dict({one.name: one.draws for one in tested})
    return f"""\
{of_tests}
# At level {LEVEL:g} a difference is found if none of {DEALT} permutations is as far apart.
labels = np.tile(np.arange(2 * n) < n, ({two_samples.DRAWS}, {DEALT}, 1))
labels = np.random.default_rng([{seed}, n]).permuted(labels, axis=2)
tested = {draws}
for name, count in tested.items():
    found = 0
    for x, y, rows in zip(x_draws[:count], y_draws[:count], labels):
        value, points = statistic(name, x[:n], y[:n]), np.sort(np.concatenate([x[:n], y[:n]]))
        least = value - 1e-6 * abs(value)  # as large, but for rounding
        found += all(statistic(name, points[row], points[~row]) < least for row in rows)
    print(f"power.{{name}}", found / count)
"""


def _as_dict(counts: Mapping[str, int]) -> str:
    return f"dict({', '.join(f'{name}={count}' for name, count in counts.items())})"
