"""Every row of the table against SciPy's integrals, its own 64 bits, finite differences, and ours.

One batch per pair of types holds all the draws.
"""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats as ss
from numpyro import distributions as nd

from divlab.compiling import QUICKLY, jit_with
from divlab.divergences import closed_form, families
from divlab.divergences.integrals.integral import integral
from divlab.divergences.integrals.packed import Packed

from . import reference

SCIPY = {
    nd.Normal: ss.norm,
    nd.Laplace: ss.laplace,
    nd.Cauchy: ss.cauchy,
    nd.Logistic: ss.logistic,
    nd.Gumbel: ss.gumbel_r,
    nd.LogNormal: lambda loc, scale: ss.lognorm(scale, scale=np.exp(loc)),
    nd.HalfNormal: lambda scale: ss.halfnorm(scale=scale),
    nd.Exponential: lambda rate: ss.expon(scale=1 / rate),
    nd.Gamma: lambda concentration, rate: ss.gamma(concentration, scale=1 / rate),
    nd.Beta: lambda concentration1, concentration0: ss.beta(concentration1, concentration0),
    nd.Uniform: lambda low, high: ss.uniform(low, high - low),
}
NUMBERS = {
    "renyi": [{"alpha": alpha} for alpha in (0.3, 0.5, 2.0, 5.0, 1.0, 1.0001)],
    "js": [{"weight": weight} for weight in (0.5, 0.2)],
    "wasserstein": [{"order": order} for order in (1.0, 1.5, 3.0)],
}
# Finite only where both have this parameter in common.
SHARED = {nd.Cauchy: "scale", nd.Normal: "scale", nd.Laplace: "scale", nd.Exponential: "rate"}
TABLE = {
    (name, *kinds): formula
    for name, table in closed_form.TABLES.items()
    for kinds, formula in table.items()
}
ROWS = list(TABLE)
# The others are sums and exponentials of these.
DERIVED = {"cross_entropy", "jeffreys", "hellinger", "chi2"}
OWN = {("hellinger", nd.Cauchy, nd.Cauchy), ("chi2", nd.Cauchy, nd.Cauchy)}  # by formulas
FAR, NEAR, ANY = 4, 2, 40  # draws: unlike, 3 % apart, and as close as 1e-6
STRIDE = 2  # of those that SciPy integrates


def is_view(row: tuple[Any, ...]) -> bool:
    """Whether it is the formula of other types, which these are seen as."""
    return bool({nd.HalfNormal, nd.LogNormal} & set(row)) or {nd.Exponential, nd.Gamma} <= set(row)


DIFFERENTIATED = [row for row in ROWS if (row[0] not in DERIVED or row in OWN) and not is_view(row)]


def label(value: tuple[Any, ...]) -> str:
    return "-".join(getattr(part, "__name__", part) for part in value)


def draw(kind: type[Any], rng: np.random.Generator, size: int) -> np.ndarray:
    """The parameters of so many distributions, (size, number of parameters)."""
    draws = {
        "loc": rng.uniform(-2, 2, size),
        "low": rng.uniform(-1, 1, size),
        "concentration": 10 ** rng.uniform(-0.3, 1.5, size),
    }
    for name in ("scale", "rate"):
        draws[name] = 10 ** rng.uniform(-0.5, 0.5, size)
    draws["high"] = draws["low"] + 3 * draws["scale"]
    draws["concentration1"] = draws["concentration"]
    draws["concentration0"] = 10 ** rng.uniform(-0.3, 1.5, size)
    return np.stack([draws[name] for name in kind.arg_constraints], axis=-1)


def perturb(kind: type[Any], values: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """`values` moved by a share of a scale, or of themselves where they are positive."""
    names = list(kind.arg_constraints)
    unit = [values[:, -1] if name in ("loc", "low", "high") else values[:, i]
            for i, name in enumerate(names)]  # fmt: skip
    moved: np.ndarray = values + steps * np.abs(np.stack(unit, axis=-1))
    return moved


@cache
def batch(kinds: tuple[Any, ...], shared: bool) -> np.ndarray:
    """(draws, parameters) as numbers of 32 bits; last come draws 0 and FAR moved up and down."""
    rng = np.random.default_rng(0)
    size = FAR + NEAR + ANY
    values = [draw(kind, rng, size) for kind in kinds]
    if len(set(kinds)) == 1 and len(kinds) == 2:
        closeness = np.r_[[0.03] * NEAR, 10 ** rng.uniform(-6, -0.5, ANY)][:, None]
        p = values[0][FAR:]
        values[1][FAR:] = perturb(kinds[1], p, closeness * rng.uniform(-1, 1, p.shape))
    if shared:
        column = list(kinds[0].arg_constraints).index(SHARED[kinds[0]])
        values[1][:, column] = values[0][:, column]
    draws = np.concatenate(values, axis=1).astype(np.float32).astype(float)
    count = draws.shape[1]
    moved = [draws[i] + sign * 1e-6 * np.eye(count) for i in (0, FAR) for sign in (1, -1)]
    same = (
        draws[:1] if len(set(kinds)) > 1 else np.tile(draws[:1, : values[0].shape[1]], len(kinds))
    )
    return np.concatenate([draws, same, *moved])


def arguments(kinds: tuple[Any, ...], values: Iterable[Any]) -> list[dict[str, Any]]:
    """The keyword arguments of each distribution."""
    values = iter(values)
    return [{name: next(values) for name in kind.arg_constraints} for kind in kinds]


def options_of(row: tuple[Any, ...]) -> list[dict[str, Any]]:
    return NUMBERS.get(row[0], [{}])


def function_of(row: tuple[Any, ...]) -> Callable[[Any, Any], jax.Array]:
    """The value of a row as a function of one draw and of its number, if it has one."""
    kinds = row[1:]

    def function(values: Any, number: Any) -> jax.Array:
        built = [k(**a) for k, a in zip(kinds, arguments(kinds, values), strict=True)]
        options = {name: number for name in options_of(row)[0]}
        return jnp.asarray(TABLE[row](*built, **options), float)

    return function


def cases_of(row: tuple[Any, ...]) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """All draws, parameter by parameter, once for each of the row's options, and its number."""
    draws = batch(row[1:], is_shared(row))
    numbers = [number for options in options_of(row) for number in options.values()] or [0.0]
    return tuple(np.tile(draws, (len(numbers), 1)).T), np.repeat(numbers, len(draws))


def of_options(row: tuple[Any, ...], results: Any) -> np.ndarray:
    """Results for `cases_of` a row, by its options and its draws."""
    found = np.asarray(results)
    return found.reshape(len(options_of(row)), -1, *found.shape[1:])


@cache
def with_32_bits(kinds: tuple[Any, ...]) -> dict[Any, np.ndarray]:
    """The values of all rows of these types: by one program, as a user runs each of them."""
    rows: list[Any] = [row for row in OF_32_BITS if row[1:] == kinds]

    @jax.jit
    def program(cases: dict[str, Any]) -> dict[str, jax.Array]:
        return {row[0]: jax.vmap(function_of(row))(*cases[row[0]]) for row in rows}

    found = program({row[0]: cases_of(row) for row in rows})
    assert all(values.dtype == "float32" for values in found.values())
    return {row: of_options(row, found[row[0]]) for row in rows}


@cache
def all_with_64_bits(kinds: tuple[Any, ...]) -> dict[Any, tuple[np.ndarray, np.ndarray | None]]:
    """The values of all rows of these types, and the gradients of those that are tested.

    Users run the formulas by themselves. Here one program has all of them, compiled in the quickest
    way: what it takes to run does not matter.
    """
    rows: list[Any] = [row for row in ROWS if row[1:] == kinds]

    def program(cases: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for row in rows:
            of_one = function_of(row)
            function = jax.value_and_grad(of_one) if row in DIFFERENTIATED else of_one
            found[row[0]] = jax.vmap(function)(*cases[row[0]])
        return found

    with jax.enable_x64(True):
        found = jit_with(QUICKLY)(program)({row[0]: cases_of(row) for row in rows})
    results = {}
    for row in rows:
        values, slopes = found[row[0]] if row in DIFFERENTIATED else (found[row[0]], None)
        assert values.dtype == "float64"
        gradients = None if slopes is None else of_options(row, np.stack(slopes, axis=-1))
        results[row] = of_options(row, values), gradients
    return results


def with_64_bits(row: tuple[Any, ...]) -> tuple[np.ndarray, np.ndarray | None]:
    """The values for each of the row's options at all draws, and the gradients if tested."""
    return all_with_64_bits(row[1:])[row]


def is_shared(row: tuple[Any, ...]) -> bool:
    return (row[0] == "wasserstein_inf" and row[1] is not nd.Uniform) or (
        row[0].startswith("wasserstein") and row[1] is nd.Cauchy
    )


def truth(row: tuple[Any, ...], values: np.ndarray, options: dict[str, Any]) -> float:
    kinds, name = row[1:], row[0]
    pair = [SCIPY[k](**a) for k, a in zip(kinds, arguments(kinds, values), strict=True)]
    if name.startswith("wasserstein_"):
        p, q = pair
        return reference.wasserstein(p, q, order=float(name.removeprefix("wasserstein_")))
    if options.get("alpha") == 1.0:
        return reference.kl(*pair)
    if name == "hellinger":
        p, q = pair
        return reference.hellinger(p, q, squared=True)
    return float(getattr(reference, name)(*pair, **options))


@pytest.mark.parametrize("row", ROWS, ids=label)
def test_row_is_the_integral(row: Any) -> None:
    draws = batch(row[1:], is_shared(row))[: FAR + NEAR]
    for options, values in zip(options_of(row), with_64_bits(row)[0], strict=True):
        if options.get("alpha") == 1.0001:  # SciPy's integral would be divided by 1e-4
            continue
        for value, draw in zip(values[: FAR + NEAR : STRIDE], draws[::STRIDE], strict=True):
            expected = truth(row, draw, options)
            if np.isinf(value):
                assert expected > (100 if row[0] == "renyi" else 1e6)  # what SciPy makes of it
            else:
                assert value == pytest.approx(expected, rel=1e-8, abs=1e-10)


# A sum of two numbers above 0 has the digits that they have. The others that are derived are the
# same few operations for all types, except of Cauchys: of Normals they are looked at.
OF_32_BITS = [
    row
    for row in ROWS
    if not is_view(row)
    and row[0] != "jeffreys"
    and (row[0] not in DERIVED or row[1:] == (nd.Normal,) * 2 or row in OWN)
]


@pytest.mark.parametrize("row", OF_32_BITS, ids=label)
def test_row_keeps_its_digits_in_32_bits(row: Any) -> None:
    for got, exact in zip(with_32_bits(row[1:])[row], with_64_bits(row)[0], strict=True):
        finite = np.abs(exact) < np.finfo(np.float32).max
        np.testing.assert_array_equal(np.isfinite(got), finite)
        got, exact = got[finite], exact[finite]
        assert np.all(np.abs(got - exact) <= np.maximum(1e-4 * np.abs(exact), 1e-6))
        assert exact.size


@pytest.mark.parametrize("row", DIFFERENTIATED, ids=label)
def test_gradient_of_row(row: Any) -> None:
    shared, same = is_shared(row), FAR + NEAR + ANY
    count = batch(row[1:], shared).shape[1]
    found, slopes = with_64_bits(row)
    assert slopes is not None
    for values, slope in zip(found, slopes, strict=True):
        moved = values[same + 1 :].reshape(2, 2, count)
        for draw, (up, down) in zip((0, FAR), moved, strict=True):
            if np.all(np.isfinite([up, down])):
                scale = 1e-6 * max(1.0, abs(values[draw]))
                np.testing.assert_allclose(slope[draw], (up - down) / 2e-6, rtol=1e-5, atol=scale)
        assert np.all(np.isfinite(slope[same]))


INTEGRANDS = {
    "kl": families.kl,
    "jeffreys": families.jeffreys,
    "tv": families.tv,
    "hellinger": families.hellinger,
    "chi2": families.pearson,
}
# Those of two types, and entropies, are what `test_truths` has quadrature find.
INTEGRATED = [
    row
    for row in ROWS
    if row[0] in {*INTEGRANDS, "js", "renyi", "cross_entropy"}
    and row[1] is row[-1]
    and not is_view(row)
]


def split(rows: list[tuple[Any, ...]], results: Any) -> dict[Any, list[np.ndarray]]:
    """{row: [what belongs to each of its options]}"""
    results = iter(np.moveaxis(np.asarray(results), 1, 0))
    return {row: [next(results) for _ in options_of(row)] for row in rows}


@cache
def integrated(kinds: tuple[Any, ...]) -> dict[Any, list[np.ndarray]]:
    """By one quadrature of all integrands together, at draws 0, 1 and FAR."""
    rows = [row for row in INTEGRATED if row[1:] == kinds]

    def of_row(row: Any, log_p: jax.Array, log_q: jax.Array) -> Any:
        if row[0] == "cross_entropy":
            return (families.surprise(log_p, log_q),)
        if row[0] in INTEGRANDS:
            return (families.integrand(INTEGRANDS[row[0]], log_p, log_q),)
        family = {"js": families.JS, "renyi": families.Alpha}[row[0]]
        numbers = [next(iter(options.values())) for options in options_of(row)]
        return tuple(families.integrand(family(number), log_p, log_q) for number in numbers)

    def function(values: Any) -> Any:
        built = [Packed(k(**a)) for k, a in zip(kinds, arguments(kinds, values), strict=True)]

        return np.stack(integral(integrands, tuple(built))[:-2])

    def integrands(log_p: Any, log_q: Any) -> tuple[Any, ...]:
        return tuple(value for row in rows for value in of_row(row, log_p, log_q))

    with jax.enable_x64(True):
        values = [function(draw) for draw in batch(kinds, False)[[0, 1, FAR]]]
    return split(rows, np.stack(values))


@pytest.mark.parametrize("row", INTEGRATED, ids=label)
def test_row_is_what_quadrature_finds(row: Any) -> None:
    for options, exact, got in zip(
        options_of(row), with_64_bits(row)[0], integrated(row[1:])[row], strict=True
    ):
        alpha = options.get("alpha", 1.0)
        if alpha != 1:  # what is integrated is (∫ p^α q^(1-α) - 1) / (α (α - 1))
            got = np.log1p(alpha * (alpha - 1) * got) / (alpha - 1)
        # Next to the end at 1, where a Beta is singular, 64 bits leave 1e-7.
        bound = 1e-7 if nd.Beta in row else 1e-8
        np.testing.assert_allclose(got, exact[[0, 1, FAR]], rtol=bound, atol=1e-10)
