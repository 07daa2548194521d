"""Where densities, or distribution functions, cross: what has a kink there, and its slopes."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro import distributions as nd
from scipy import stats

import divlab
from divlab.divergences.comparison import compare
from tests.divergences import reference

NORMAL, GUMBEL = stats.norm(0.3, 1.2), stats.gumbel_r(-0.2, 1.1)


def pair(loc: Any, scale: Any) -> tuple[nd.Normal, nd.Gumbel]:
    return nd.Normal(loc, scale), nd.Gumbel(-0.2, 1.1)


def signs(function: Callable[[Any], Any]) -> tuple[np.ndarray, np.ndarray]:
    """The ends of the stretches on which a function of x has one sign, and these signs."""
    inner = np.array(reference.crossings(function, [-12.0, -1.0, 0.0, 1.0, 25.0]))
    assert inner.size >= 2
    between = np.concatenate([[inner[0] - 0.1], (inner[:-1] + inner[1:]) / 2, [inner[-1] + 0.1]])
    return np.concatenate([[-40.0], inner, [40.0]]), np.sign(function(between))


def slopes_of_tv() -> list[float]:
    """½ ∫ sign(p - q) ∂p dx: by parts, as ∂p is -p' for the loc, -((x - loc) p)' / scale."""
    edges, sign = signs(lambda x: NORMAL.pdf(x) - GUMBEL.pdf(x))
    moved = -NORMAL.pdf(edges), -NORMAL.pdf(edges) * (edges - 0.3) / 1.2
    return [float(sign @ np.diff(of_one) / 2) for of_one in moved]


def slopes_of_wasserstein(order: float) -> list[float]:
    """Of W^p = ∫ |F^-1 - G^-1|^p du, with ∂F^-1 = 1 for the loc and (F^-1 - loc) / scale."""
    grid = np.linspace(-9, 9, 41)

    def way(z: Any) -> Any:  # u is the mass below z of a standard Normal
        other = np.where(z < 0, GUMBEL.ppf(stats.norm.cdf(z)), GUMBEL.isf(stats.norm.sf(z)))
        return 0.3 + 1.2 * z - other

    cuts = np.concatenate([grid, reference.crossings(way, grid)])

    def mean(function: Callable[[Any], Any]) -> float:
        return reference.line_integral(lambda z: function(z) * stats.norm.pdf(z), cuts, -9.0, 9.0)

    def by(moved: Callable[[Any], Any]) -> float:
        return mean(lambda z: np.sign(way(z)) * abs(way(z)) ** (order - 1) * moved(z))

    outer = mean(lambda z: abs(way(z)) ** order) ** (1 / order - 1)
    return [outer * by(np.ones_like), outer * by(lambda z: z)]


ORACLES: dict[str, tuple[Callable[..., Any], Callable[[], list[float]]]] = {
    "tv": (divlab.tv, slopes_of_tv),
    "wasserstein": (divlab.wasserstein, lambda: slopes_of_wasserstein(1)),
    "wasserstein 1.5": (
        lambda p, q: divlab.wasserstein(p, q, order=1.5),
        lambda: slopes_of_wasserstein(1.5),
    ),
}


@pytest.mark.parametrize("name", ORACLES)
def test_slopes_where_a_kink_lies_within_a_piece(name: str) -> None:
    """A sum over nodes that does not know of the kink has lost two to four digits of its slope."""
    divergence, slopes = ORACLES[name]
    with jax.enable_x64(True):
        found = jax.grad(lambda t: divergence(*pair(*t)))(jnp.array([0.3, 1.2]))
    np.testing.assert_allclose(found, slopes(), rtol=2e-6)


def test_slopes_of_tv_when_traced() -> None:
    """A kink so near to the edge of a piece that its error is not seen had cost four digits."""
    with jax.enable_x64(True):
        found = jax.jit(jax.grad(lambda t: divlab.tv(*pair(*t))))(jnp.array([0.3, 1.2]))
    np.testing.assert_allclose(found, slopes_of_tv(), rtol=2e-6)


def test_slopes_of_tv_where_a_chord_is_far_from_the_crossing() -> None:
    """Next to an end the densities of these two are far from lines: 2e-4 of the slope were lost."""

    def tv(scale: Any) -> jax.Array:
        return divlab.tv(nd.Weibull(scale, 1.483), nd.InverseGamma(6.026, 5.52))

    with jax.enable_x64(True):
        difference = (float(tv(1.264 + 1e-6)) - float(tv(1.264 - 1e-6))) / 2e-6
        assert float(jax.grad(tv)(1.264)) == pytest.approx(difference, rel=1e-6)


def test_costs_of_every_order_where_nothing_is_moved() -> None:
    """|x - T(x)|^order has a kink, or nearly one, where x = T(x).

    That of traced numbers, too, is followed in `test_transport`.
    """
    with jax.enable_x64(True):
        for order in (1.01, 1.5, 3.0):
            expected = reference.wasserstein(NORMAL, GUMBEL, order)
            found = divlab.wasserstein(*pair(0.3, 1.2), order=order)
            assert float(found) == pytest.approx(expected, rel=1e-8)


def test_tv_of_more_crossings_than_are_looked_for_when_traced() -> None:
    """Further kinks must be found by halving."""
    comb = nd.MixtureSameFamily(
        nd.Categorical(probs=jnp.full(7, 1 / 7)), nd.Normal(jnp.arange(7.0), 0.2)
    )
    smooth = nd.Normal(3.0, 2.0)
    parts = [stats.norm(i, 0.2) for i in range(7)]
    expected = reference.tv(reference.Mixture(np.full(7, 1 / 7), parts), stats.norm(3.0, 2.0))
    with jax.enable_x64(True):
        found = [float(of(comb, smooth)) for of in (divlab.tv, jax.jit(divlab.tv))]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_slopes_where_ends_of_two_supports_meet() -> None:
    """The wrong end was followed: in b W₁ had the slope 1.10 for 0.50, and JS 0.64 for 0.32.

    Of Uniform(a, b) and a density on (0, 1) that begins with a jump and ends without one. JS has no
    slope in a, where both jump.
    """
    oracles = {"wasserstein": reference.wasserstein, "cramer": reference.cramer, "js": reference.js}

    def of_ends(a: Any, b: Any) -> dict[str, jax.Array]:
        return compare(nd.Uniform(a, b), nd.Kumaraswamy(1.0, 2.0), *oracles)

    found = jax.jacrev(of_ends, argnums=(0, 1))(0.0, 1.0)
    # One program for both ends, of which the direction is an argument.
    along = jax.jit(lambda at, direction: jax.jvp(of_ends, tuple(at), tuple(direction))[1])
    at, step = np.array([0.0, 1.0], np.float32), 1e-4
    traced = [along(at, direction) for direction in np.eye(2, dtype=np.float32)]
    of_both = [(name, end) for name in ("wasserstein", "cramer") for end in (0, 1)]
    for name, end in [*of_both, ("js", 1)]:
        move = step * np.eye(2)[end]
        ahead, behind = (
            oracles[name](stats.uniform(a, b - a), stats.beta(1, 2))
            for a, b in (at + move, at - move)
        )
        got = found[name][end], traced[end][name]
        np.testing.assert_allclose(got, (ahead - behind) / (2 * step), rtol=2e-3, err_msg=name)


@pytest.mark.parametrize("name", ["tv", "wasserstein", "wasserstein 2", "cramer", "ks", "mmd"])
def test_a_second_derivative_that_would_be_wrong_is_refused(name: str) -> None:
    """That of W₂ in the mean came out as 0, that of W₁ as -0.14 where it is 4.2."""
    verb, *order = name.split()
    options = {"order": float(order[0])} if order else {}

    def distance(loc: Any) -> jax.Array:
        value: jax.Array = getattr(divlab, verb)(*pair(loc, 1.2), **options)
        return value

    for second in (jax.grad(jax.grad(distance)), jax.jit(jax.hessian(distance))):
        with pytest.raises(NotImplementedError, match="first derivative only"):
            second(0.3)
