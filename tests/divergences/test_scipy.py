"""SciPy's distributions stand for themselves, wherever a distribution is taken."""

from typing import Any, cast

import jax
import numpy as np
import pytest
from numpyro.distributions import Normal
from scipy import stats

import divlab
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.scipy_distributions import _frozen, from_scipy

# Each row of the table with a location and a scale of its own, so that a parameter that is taken
# for another, or dropped, changes the density.
FROZEN: list[Any] = [
    stats.beta(2.0, 3.0, loc=-1.0, scale=2.5),
    stats.beta(2.0, 3.0),
    stats.cauchy(1.0, 2.0),
    stats.chi2(3.0, loc=1.0, scale=2.0),
    stats.expon(scale=3.0),
    stats.expon(-1.0, 3.0),
    stats.gamma(2.0, loc=1.0),
    stats.gamma(a=2.0, scale=0.5),
    stats.gompertz(2.0, 1.0, 2.0),
    stats.gumbel_r(1.0, 2.0),
    stats.halfcauchy(1.0, 2.0),
    stats.halfnorm(1.0, 2.0),
    stats.invgamma(3.0, 1.0, 2.0),
    stats.laplace(1.0, 2.0),
    stats.laplace_asymmetric(2.0, 1.0, 3.0),
    stats.logistic(1.0, 2.0),
    stats.lognorm(0.5, 1.0, 2.0),
    stats.loguniform(1.0, 3.0, 1.0, 2.0),
    stats.norm(1, 2),
    stats.pareto(2.0, 1.0, 3.0),
    stats.rayleigh(1.0, 2.0),
    stats.t(3.0, 1.0, 2.0),
    stats.truncnorm(-1.0, 2.0, 1.0, 2.0),
    stats.uniform(1.0, 2.0),
    stats.weibull_min(1.5, 1.0, 2.0),
]


@pytest.mark.parametrize("frozen", FROZEN, ids=lambda one: one.dist.name)
def test_a_frozen_distribution_has_scipys_density(frozen: Any) -> None:
    found = from_scipy("p", frozen)
    assert found is not None
    x = frozen.ppf([0.02, 0.3, 0.5, 0.9, 0.99])
    log_density = jax.jit(found.log_prob)(x)  # one program; else each operation is one
    np.testing.assert_allclose(log_density, frozen.logpdf(x), rtol=2e-4, atol=2e-5)


def test_every_row_of_the_table_is_tried() -> None:
    assert set(_frozen()) == {type(one.dist) for one in FROZEN}


@pytest.mark.skipif(not hasattr(stats, "Normal"), reason="this SciPy has no such objects")
def test_objects_have_scipys_density() -> None:
    normals = [stats.Normal(), stats.Normal(mu=3.0, sigma=2.0)]
    objects: list[Any] = [*normals, stats.Uniform(a=1.0, b=3.0), stats.Logistic()]
    objects.append(stats.Mixture(normals, weights=[0.3, 0.7]))
    for one in objects:
        found = from_scipy("p", one)
        assert found is not None
        x = np.asarray(one.icdf(np.array([0.02, 0.5, 0.9])))
        log_density = jax.jit(found.log_prob)(x)
        np.testing.assert_allclose(log_density, one.logpdf(x), rtol=1e-4, err_msg=repr(one))


def test_they_are_taken_wherever_a_distribution_is() -> None:
    p, q = stats.norm(0.0, 1.0), stats.norm(1.0, 2.0)
    truth = np.log(2) + 2 / 8 - 0.5
    assert float(divlab.kl(p, q)) == pytest.approx(truth, abs=1e-6)
    assert float(divlab.kl(p, Normal(1.0, 2.0))) == pytest.approx(truth, abs=1e-6)
    assert float(divlab.wasserstein(p, stats.norm(3.0, 1.0))) == pytest.approx(3.0, abs=1e-5)
    assert divlab.estimate("kl", p, q).value == pytest.approx(truth, abs=1e-6)
    assert float(divlab.cross_entropy([0.0], p)) == pytest.approx(np.log(2 * np.pi) / 2, abs=1e-6)
    assert float(jax.grad(lambda m: divlab.kl(Normal(m, 1.0), p))(0.5)) == pytest.approx(0.5)
    assert divlab.targets.modes(p)[0].tolist() == pytest.approx([0.0], abs=1e-3)
    assert float(divlab.coverage([0.0, 0.1], p).modes_covered) == 1
    assert float(divlab.coverage(q, p).bridge) > 0.05
    training = divlab.models.Training(divlab.VAE(hidden=(4,)), p, steps=2)
    assert isinstance(training.target, Packed)


class _Bent(stats.rv_continuous):  # type: ignore[misc]  # SciPy has no types
    def _pdf(self, x: Any) -> Any:
        return np.where(np.abs(x) < 0.5, 1.0, 0.0)


BENT = cast(Any, _Bent)(name="norm")()


@pytest.mark.parametrize(
    ("bad", "error", "words"),
    [
        (stats.norm, TypeError, r"give it parameters, as in scipy.stats.norm\(0, 1\)"),
        (stats.poisson(3), TypeError, "continuous"),
        (stats.norm([0, 1], 1), ValueError, r"loc of shape \(2,\)"),
        (stats.norm(0, -1), ValueError, "loc=0, scale=-1"),
        (stats.gamma(-1.0), ValueError, "no such distribution"),
        (stats.skewnorm(2.0), TypeError, "skewnorm.*no continuous counterpart"),
        (stats.gaussian_kde([1.0, 2.0, 4.0]), TypeError, "pass samples of it"),
        (stats.rv_histogram(np.histogram([1.0, 2.0])), TypeError, "divlab.targets.histogram"),
        (stats.multivariate_normal([0, 0]), TypeError, "no continuous counterpart"),
        (BENT, TypeError, "no continuous counterpart"),
    ],
)
def test_what_has_no_counterpart_is_refused(bad: Any, error: Any, words: str) -> None:
    """A user's own family that is called "norm" must not pass for a Normal."""
    with pytest.raises(error, match=words):
        divlab.kl(Normal(0.0, 1.0), bad)
    with pytest.raises(error, match=words):
        divlab.wasserstein(bad, [1.0, 2.0])


def test_what_is_not_scipys_is_left_to_other_readers() -> None:
    assert from_scipy("p", 1.0) is None
    assert from_scipy("p", np.zeros(3)) is None
