"""Faults that were found once: rows taken for KL, masked arrays, gradients at P = Q."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.distributions import Gumbel, Laplace, Normal

import divlab
from divlab import families, methods
from divlab.divergences.comparison import compare
from divlab.divergences.quantities import QUANTITIES
from divlab.pytrees import pytree

P, Q = Normal(0.0, 1.0), Normal(1.0, 2.0)
SIZE = 1000
X, Y = np.random.default_rng(0).normal(size=(2, SIZE))
Y = 3 + 2 * Y


class _HalfSquares:
    """f(u) = ½ (u - 1)²: half of Pearson's χ², of which no formula is known to the row."""

    def perspective(self, log_p: jax.Array, log_q: jax.Array) -> jax.Array:
        return 0.5 * families.pearson.perspective(log_p, log_q)


@pytree
class Named(_HalfSquares, families.Family):
    name = "kl"
    at_zero = 0.5


@pytree
class Derived(families.KL):
    at_zero = 0.5

    def perspective(self, log_p: jax.Array, log_q: jax.Array) -> jax.Array:
        return 0.5 * families.pearson.perspective(log_p, log_q)


@pytree
class Mixed(_HalfSquares, families.KL):
    at_zero = 0.5


@pytree
class Plain(families.Family):
    name = "half squares"
    at_zero = 0.5

    def perspective(self, log_p: jax.Array, log_q: jax.Array) -> jax.Array:
        return 0.5 * families.pearson.perspective(log_p, log_q)


every_row = pytest.mark.parametrize("row", [Named(), Derived(), Mixed()], ids=repr)
# P and Q, and the methods that a row without formulas has for them; None is the default.
ARGUMENTS: dict[str, tuple[Any, Any, set[str | None]]] = {
    "two distributions": (P, Q, {None, "quadrature", "monte_carlo"}),
    "two samples": (X, Y, {None, "nearest_neighbours", "histogram", "kde", "variational"}),
    "samples and a distribution": (X, Q, set()),
    "a distribution and samples": (P, Y, set()),
}
# As in `test_samples`, which trains it for KL on as many samples: so that is compiled once.
CRITIC = methods.Variational(hidden=(16,), steps=200, learning_rate=3e-2)


@every_row
@pytest.mark.parametrize("kind", ARGUMENTS)
@pytest.mark.parametrize("method", [None, *methods.METHODS])
def test_no_row_is_taken_for_kl(row: Any, kind: str, method: str | None) -> None:
    """The result is the row's own, or there is none."""
    p, q, known = ARGUMENTS[kind]
    how: Any = CRITIC if method == "variational" else method
    if method not in known:
        with pytest.raises(ValueError, match=r"does not exist|density ratio"):
            divlab.f_divergence(p, q, row, method=how)
        return
    found = float(divlab.f_divergence(p, q, row, method=how))
    if kind == "two distributions":
        expected = float(divlab.chi2(P, Q)) / 2
        tolerance = 0.02 if method == "monte_carlo" else 1e-5
    else:
        expected, tolerance = float(divlab.f_divergence(p, q, Plain(), method=how)), 1e-6
    assert found == pytest.approx(expected, rel=tolerance)
    assert found != pytest.approx(float(divlab.kl(p, q, method=how)), rel=1e-3)


@every_row
def test_estimates_are_of_the_row_itself(row: Any) -> None:
    for pair in ((P, Q), (X, Y)):
        found = divlab.estimate("f_divergence", *pair, f=row, resamples=20)
        plain = divlab.estimate("f_divergence", *pair, f=Plain(), resamples=20)
        assert found == plain
        assert found.method != "closed_form"
    with pytest.raises(ValueError, match="density ratio"):
        divlab.estimate("f_divergence", X, Q, f=row)


@every_row
def test_a_row_with_another_f_has_nothing_of_the_old_one(row: Any) -> None:
    t = jnp.zeros(())
    for method in (row.conjugate, row.activation, row.activated_conjugate, row.optimal_critic):
        with pytest.raises(NotImplementedError):
            method(t)
    assert row.from_entropies(1.0, 0.0) is None
    assert not row.formulas


def test_a_row_that_keeps_f_keeps_what_holds_for_it() -> None:
    @pytree
    class Renamed(families.KL):
        name = "relative entropy"

    assert float(divlab.f_divergence(P, Q, Renamed())) == float(divlab.kl(P, Q))
    assert float(divlab.f_divergence(X, Q, Renamed())) == float(divlab.kl(X, Q))


MASK = np.arange(SIZE) % 3 == 0
HIDDEN = np.ma.masked_array(np.where(MASK, np.nan, X), MASK)
WEIGHTS = np.random.default_rng(1).uniform(size=SIZE)


@pytest.mark.parametrize("name", [n for n, q in QUANTITIES.items() if not q.takes_one])
def test_masked_samples_are_left_out(name: str) -> None:
    needed: dict[str, dict[str, Any]] = {"renyi": {"alpha": 0.5}, "f_divergence": {"f": "js"}}
    function, options = getattr(divlab, name), needed.get(name, {})
    q = Q if name == "cross_entropy" else Y
    assert float(function(HIDDEN, q, **options)) == float(function(X[~MASK], q, **options))


def test_masked_weights_are_left_out_with_their_samples() -> None:
    weights = np.ma.masked_array(WEIGHTS, MASK)
    expected = float(divlab.wasserstein(X[~MASK], Y, WEIGHTS[~MASK]))
    assert float(divlab.wasserstein(X, Y, weights)) == expected
    assert float(divlab.wasserstein(HIDDEN, Y, WEIGHTS)) == expected
    assert float(divlab.wasserstein(HIDDEN, Y, weights)) == expected
    assert float(divlab.wasserstein(Y, X, q_weights=weights)) == expected
    of_integers = np.ma.masked_array([1, 2, 3, 99], [False, False, False, True])
    assert float(divlab.wasserstein(of_integers, [1, 2, 3])) == 0
    whole = np.ma.masked_array(X)
    assert float(divlab.kl(whole, Y)) == float(divlab.kl(X, Y))
    found = divlab.estimate("wasserstein", HIDDEN, Y, p_weights=weights, resamples=20)
    assert found.value == expected


def all_masked(*shape: int) -> Any:
    return np.ma.masked_array(np.zeros(shape), np.ones(shape, bool))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: divlab.kl(all_masked(3), Y), "p has no samples left: all 3 are masked by p"),
        (
            lambda: divlab.ks(X[:2], Y, q_weights=all_masked(SIZE)),
            "q has no samples left: all 1000 are masked by q_weights",
        ),
        (lambda: divlab.ks(HIDDEN, Y, WEIGHTS[:5]), "p_weights must have one entry.*5 for 1000"),
        (lambda: divlab.kl(all_masked(3, 2), Y), r"p must be 1-D, got shape \(3, 2\)"),
        (lambda: divlab.kl(np.ma.masked_array([np.nan, 1.0]), Y), "NaN at index 0"),
        (lambda: divlab.fit(divlab.GAN(), all_masked(5), steps=1), "no samples left"),
    ],
)
def test_what_is_wrong_with_masked_arrays_is_said(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


TWO_GAUSSIANS = divlab.targets.two_gaussians(3.0, 0.5)
SMOOTH = "kl", "reverse_kl", "jeffreys", "js", "hellinger", "chi2"
AT_EQUALITY: dict[
    str, tuple[dict[str, Any], bool]
] = {  # name: the options, and whether the divergence has a gradient there, which is 0
    **{name: ({}, True) for name in SMOOTH},
    "tv": ({}, False),
    "f_divergence": ({"f": families.neyman}, True),
    "wasserstein": ({}, False),
    "cramer": ({}, False),
    "energy": ({}, False),
    "ks": ({}, False),
    "mmd": ({}, False),
}


def gradient_at_equality(distance: Callable[[Any], jax.Array], d: Any) -> list[float]:
    """In every parameter of the second distribution."""
    leaves, structure = jax.tree.flatten(d)
    floats = [np.asarray(leaf, np.float32) for leaf in leaves]
    gradient = jax.grad(lambda numbers: distance(jax.tree.unflatten(structure, numbers)))
    return [float(number) for leaf in gradient(floats) for number in np.ravel(leaf)]


# A gradient that is a program of its own for each type takes seconds to compile, for no new case.
SLOW = {"ks", "mmd"}  # of one type
EQUAL = [
    pytest.param(name, d, id=f"{name}-{kind}")
    for kind, d in {"mixture": TWO_GAUSSIANS, "Gumbel": Gumbel(0.0, 1.0)}.items()
    for name in AT_EQUALITY
    if kind == "Gumbel" or name not in SLOW
]


@pytest.mark.parametrize(("name", "d"), EQUAL)
def test_gradients_at_equality_are_finite(name: str, d: Any) -> None:
    # Rényi's is in `test_renyi`, where its program is.
    assert set(AT_EQUALITY) == set(QUANTITIES) - {"entropy", "cross_entropy", "renyi"}
    options, is_smooth = AT_EQUALITY[name]
    function = getattr(divlab, name)
    variants: list[dict[str, Any]] = [{}]
    if name in ("hellinger", "cramer", "energy", "mmd"):
        variants.append({"squared": True})
    for squared in variants:
        found = gradient_at_equality(partial(function, d, **options, **squared), d)
        assert np.all(np.isfinite(found))
        if is_smooth or squared:
            np.testing.assert_allclose(found, 0, atol=2e-4)


@pytest.mark.parametrize("row", [*families.FAMILIES.values(), families.Alpha(3.0)], ids=repr)
def test_gradients_of_rows_at_equality_are_finite(row: Any) -> None:
    found = gradient_at_equality(
        lambda q: divlab.f_divergence(Laplace(0.0, 1.0), q, row, method="quadrature"),
        Laplace(0.0, 1.0),
    )
    assert np.all(np.isfinite(found))


def test_compare_has_the_gradients_of_the_verbs_at_equality() -> None:
    names = ["hellinger", "entropy", "cramer"]  # of two densities, of one, of two CDFs
    d = Gumbel(0.25, 1.0)
    leaves, structure = jax.tree.flatten(d)
    at = [np.asarray(leaf, np.float32) for leaf in leaves]

    def all_of_them(numbers: list[jax.Array]) -> dict[str, jax.Array]:
        return compare(d, jax.tree.unflatten(structure, numbers), *names)

    @jax.jit  # one program for all directions
    def along(*direction: jax.Array) -> Any:
        return jax.jvp(all_of_them, (at,), ([*direction],))[1]

    found = [along(*direction) for direction in np.eye(len(at), dtype=np.float32)]
    for name in names:
        if name == "entropy":  # does not depend on Q
            expected = [0.0, 0.0]
        else:
            expected = gradient_at_equality(partial(getattr(divlab, name), d), d)
        got = [float(of_one[name]) for of_one in found]
        assert np.all(np.isfinite(got)), name
        np.testing.assert_allclose(got, expected, atol=2e-3, err_msg=name)
