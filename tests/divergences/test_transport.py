"""W_p and W_inf, and how they change, against quantiles of SciPy.

The docstring of each test says what could go wrong without it.
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import numpyro.distributions as nd
import pytest
from scipy import stats

import divlab

from . import reference

INF = float("inf")


def truncated(loc: float, scale: float, low: float, high: float) -> Any:
    """SciPy counts the ends of a truncated normal in units of its scale."""
    return stats.truncnorm((low - loc) / scale, (high - loc) / scale, loc, scale)


# A pair of a number t, the same of SciPy's, a value of t, and orders.
PAIRS: dict[str, tuple[Callable[[Any], Any], Callable[[float], Any], float, tuple[float, ...]]] = {
    "an end that moves from where both end": (
        lambda t: (nd.TruncatedNormal(0.2, 0.8, low=0.0, high=1.0), nd.Uniform(0.0, t)),
        lambda t: (truncated(0.2, 0.8, 0, 1), stats.uniform(0, t)),
        1.0,
        (3.0, INF),
    ),
    "the same, where the density is not constant": (
        lambda t: (nd.TruncatedNormal(0.2, 0.8, low=0.0, high=t), nd.Beta(2.0, 3.0)),
        lambda t: (truncated(0.2, 0.8, 0, t), stats.beta(2, 3)),
        1.0,
        (INF,),
    ),
    "densities that are infinite at the ends": (
        lambda t: (nd.Beta(t, 0.5), nd.Uniform(0.0, 1.0)),
        lambda t: (stats.beta(t, 0.5), stats.uniform(0, 1)),
        0.4,
        (4.0, INF),
    ),
    "a shape": (
        lambda t: (nd.Beta(t, 3.0), nd.Beta(3.0, 3.0)),
        lambda t: (stats.beta(t, 3), stats.beta(3, 3)),
        2.0,
        (INF,),
    ),
    "a scale, far from 0": (
        lambda t: (nd.TruncatedNormal(100.2, t, low=100.0, high=101.0), nd.Uniform(100.0, 101.0)),
        lambda t: (truncated(100.2, t, 100, 101), stats.uniform(100, 1)),
        0.8,
        (3.0, INF),
    ),
    "a tail that falls like a power": (
        lambda t: (nd.Normal(0.0, t), nd.StudentT(5.0, 0.0, 1.0)),
        lambda t: (stats.norm(0, t), stats.t(5)),
        1.0,
        (1.5, 4.0),
    ),
    "a slope with a root where x = T(x)": (
        lambda t: (nd.Uniform(-2.5, 5.5 * t - 2.5), nd.Laplace(-0.75, 5.0)),
        lambda t: (stats.uniform(-2.5, 5.5 * t), stats.laplace(-0.75, 5)),
        1.0,
        (1.1,),
    ),
    "hardly a moment": (
        lambda t: (nd.Pareto(1.0, t), nd.Gumbel(0.0, 1.0)),
        lambda t: (stats.pareto(t), stats.gumbel_r()),
        3.5,
        (3.0,),
    ),
    "a skewed tail": (
        lambda t: (nd.LogNormal(0.0, t), nd.Gamma(2.0, 1.0)),
        lambda t: (stats.lognorm(t), stats.gamma(2)),
        1.0,
        (2.0, 4.0),
    ),
}
CASES = [(name, order) for name, (*_, orders) in PAIRS.items() for order in orders]


@pytest.mark.parametrize(("name", "order"), CASES)
def test_values_and_slopes(name: str, order: float) -> None:
    """Mass next to an end could count as if it came from 0, a heavy tail be moved to."""
    pair, of_scipy, t, _ = PAIRS[name]
    step = 1e-3 * t
    pairs = [of_scipy(t + n * step) for n in (0, -2, -1, 1, 2)]
    expected, *beside = (reference.wasserstein(p, q, order) for p, q in pairs)
    slope = np.dot([1, -8, 8, -1], beside) / (12 * step)

    for turn in (1, -1):

        def distance(t: Any, turn: int = turn) -> jax.Array:
            first, second = pair(t)[::turn]
            return divlab.wasserstein(first, second, order=order)

        with jax.enable_x64(True):
            value, found = jax.value_and_grad(distance)(t)
            assert float(distance(t)) == float(value) == pytest.approx(expected, rel=1e-9)
            assert float(found) == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "orders"),
    [
        ("an end that moves from where both end", (INF,)),
        ("a tail that falls like a power", (1.01, 1.5, 3.0)),
    ],
)
def test_traced_distances_and_their_slopes(name: str, orders: tuple[float, ...]) -> None:
    """Potentials summed from far out have no digits left; a place could move with a wrong end.

    Where x = T(x), |x - T(x)|^order has a kink, or nearly one. A finite order is traced as well.
    """
    pair, _, t, _ = PAIRS[name]
    both = jax.value_and_grad(lambda t, order: divlab.wasserstein(*pair(t), order=order))
    program = jax.jit(both, static_argnums=1 if INF in orders else ())
    with jax.enable_x64(True):
        for order in orders:
            np.testing.assert_allclose(program(t, order), both(t, order), rtol=1e-8)


def test_where_only_one_has_the_moment() -> None:
    """The one without it could be the target, whose far mass no node of the source sees."""
    p, q = nd.StudentT(5.0, 0.0, 1.0), nd.Normal(0.0, 1.0)
    for pair in ((p, q), (q, p)):
        for order in (5.0, 10.0):
            assert float(divlab.wasserstein(*pair, order=order)) == INF


@pytest.mark.parametrize(
    ("p", "q", "order"),
    [
        (nd.Cauchy(0.0, 1.0), nd.Cauchy(1.0, 1.0), 10.0),
        (nd.StudentT(5.0, 0.0, 1.0), nd.StudentT(5.0, 1.0, 1.0), 10.0),
        (nd.StudentT(2.0, 0.0, 1.0), nd.Cauchy(0.0, 1.0), 3.0),
    ],
)
def test_refused_where_both_lack_the_moment(p: Any, q: Any, order: float) -> None:
    """Rounding of places far out, to a high power, would pass for a distance."""
    with pytest.raises(ValueError, match=r"order .* cannot be resolved"):
        divlab.wasserstein(p, q, order=order)


def test_the_distance_of_a_distribution_from_itself() -> None:
    """Less than nothing known far out could be refused, or pass for a distance."""
    for p in (nd.Normal(100.0, 3.0), nd.Beta(0.4, 0.6), nd.Gamma(0.3, 1.0)):
        mixture = nd.MixtureGeneral(nd.Categorical(probs=np.array([0.5, 0.5])), [p, p])
        for order in (1.5, 2.0, 4.0):
            assert float(divlab.wasserstein(p, mixture, order=order)) == pytest.approx(0, abs=1e-6)


def test_mass_that_no_node_sees() -> None:
    """Between 1 and the last float below it such a density has much mass; it could stay."""
    p = nd.Beta(0.1, 0.1)
    moved = nd.TransformedDistribution(p, [nd.transforms.AffineTransform(10.0, 1.0)])
    with jax.enable_x64(True):
        for order, pair in ((1.5, (p, moved)), (4.0, (moved, p))):
            found = divlab.wasserstein(*pair, order=order)
            assert float(found) == pytest.approx(10, rel=1e-7)
