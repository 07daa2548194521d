"""Pieces of the code that explorers give away."""

from jaxtyping import Float
from numpy import ndarray

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
