"""The best Gaussians and the inequalities, against closed forms and sums over a grid."""

import numpy as np
import pytest
from numpyro.distributions import Distribution, Laplace, Normal, Uniform
from scipy.stats import norm

import divlab
from divlab import evidence
from tests.annotations import unchecked


@pytest.mark.parametrize(
    ("p", "q"),
    [
        (Normal(0.0, 1.0), Normal(1.0, 2.0)),
        (Normal(1.0, 2.0), Normal(0.0, 1.0)),  # χ² is infinite
        (Laplace(0.0, 1.0), Normal(3.0, 0.5)),
        (Uniform(0.0, 1.0), Uniform(0.25, 1.25)),  # KL is infinite
    ],
)
def test_the_smaller_side_is_the_smaller_one(p: Distribution, q: Distribution) -> None:
    """A bound with a wrong factor, or the wrong way round, would be taught."""
    table = evidence.inequalities(p, q)
    assert (table["smaller"] <= table["larger"] * (1 + 1e-5)).all()


def test_inequalities_hold_the_divergences_that_they_name() -> None:
    """The two sides could be of other quantities than the label says."""
    table = evidence.inequalities(Normal(0.0, 1.0), Normal(1.0, 1.0))
    tv, kl = 2 * norm.cdf(0.5) - 1, 0.5
    h2 = 1 - np.exp(-1 / 8)
    expected = {
        "TV ≤ √(KL/2)": (tv, np.sqrt(kl / 2)),
        "TV ≤ √(1 - exp(-KL))": (tv, np.sqrt(1 - np.exp(-kl))),
        "H² ≤ TV": (h2, tv),
        "TV ≤ H·√(2 - H²)": (tv, np.sqrt(h2 * (2 - h2))),
        "2·H² ≤ KL": (2 * h2, kl),
        "KL ≤ log(1 + χ²)": (kl, 1.0),
        "KS ≤ TV": (tv, tv),
    }
    for label, (smaller, larger) in expected.items():
        row = table.sel(inequality=label)
        assert float(row["smaller"]) == pytest.approx(smaller, rel=1e-5), label
        assert float(row["larger"]) == pytest.approx(larger, rel=1e-5), label


def test_shifted_uniforms_reach_the_bound_of_js() -> None:
    """JS = θ·log 2 and TV = θ: a bound that is not tight would show here."""
    row = evidence.inequalities(Uniform(0.0, 1.0), Uniform(0.3, 1.3)).sel(
        inequality="JS ≤ TV·log 2"
    )
    assert float(row["smaller"]) == pytest.approx(0.3 * np.log(2), rel=1e-5)
    assert float(row["larger"]) == pytest.approx(0.3 * np.log(2), rel=1e-5)


def test_best_gaussians_cover_or_take_a_mode() -> None:
    """A search from one start would miss that JS prefers one mode from some separation on.

    KL has the moments of the target. One mode alone costs reverse KL log 2 and JS ¾ log 4/3.
    """
    target = divlab.targets.two_gaussians(6.0, 0.5)
    best = evidence.best_gaussians(target, ["kl", "reverse_kl", "js"])
    kl, reverse, js = (best.sel(divergence=name) for name in ("kl", "reverse_kl", "js"))
    assert float(kl["loc"]) == pytest.approx(0.0, abs=1e-3)
    assert float(kl["scale"]) == pytest.approx(np.sqrt(9.25), rel=1e-4)
    for row, value in ((reverse, np.log(2)), (js, 0.75 * np.log(4 / 3))):
        assert float(row["loc"]) == pytest.approx(-3.0, abs=1e-3)  # of two modes the left one
        assert float(row["scale"]) == pytest.approx(0.5, rel=1e-3)
        assert float(row["value"]) == pytest.approx(value, rel=1e-4)
    assert int(reverse["minima"]) == 3
    near = divlab.targets.two_gaussians(4.0, 0.5)
    assert float(evidence.best_gaussians(near, ["js"])["loc"][0]) == pytest.approx(0.0, abs=1e-3)


def test_a_start_at_which_a_divergence_is_infinite_is_left_out() -> None:
    """χ² from a narrow mode is infinite, and NaN would be taken for the least value."""
    best = evidence.best_gaussians(divlab.targets.two_gaussians(5.0, 0.5), ["chi2"])
    assert np.isfinite(best["value"].values).all()
    assert float(best["loc"][0]) == pytest.approx(0.0, abs=1e-3)


def test_best_gaussians_refuse_samples() -> None:
    """They have no modes to start from in closed form, and would fail far from the cause."""
    with unchecked(), pytest.raises(TypeError, match="target must be a distribution"):
        evidence.best_gaussians(np.arange(5.0), ["kl"])


def test_the_table_of_the_paper() -> None:
    """The optimum is compared with moments and with a sum over a grid."""
    table = evidence.fgan_table(["kl", "js"])
    kl = table.sel(divergence="kl")
    assert float(kl["loc"]) == pytest.approx(1.01, rel=1e-4)
    assert float(kl["scale"]) == pytest.approx(np.sqrt(3.350525), rel=1e-4)
    x = np.linspace(-20.0, 25.0, 200_001)
    p = 0.33 * norm.pdf(x, -1, 0.25) + 0.67 * norm.pdf(x, 2, np.sqrt(2))

    def both_halves(loc: float, scale: float) -> float:
        q = norm.pdf(x, loc, scale)
        m = (p + q) / 2
        logs = [np.where(d > 0, np.log(np.maximum(d, 1e-300) / m), 0.0) for d in (p, q)]
        return float(np.sum(p * logs[0] + q * logs[1]) * (x[1] - x[0]))

    js = table.sel(divergence="js")
    found = both_halves(float(js["loc"]), float(js["scale"]))
    assert float(js["value"]) == pytest.approx(found, rel=1e-4)
    assert float(js["value_there"]) == pytest.approx(both_halves(1.3070, 1.7542), rel=1e-4)
    assert found < both_halves(1.3070, 1.7542)
    with pytest.raises(ValueError, match="must be among"):
        evidence.fgan_table(["tv"])
