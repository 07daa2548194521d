"""The game of a GAN, against closed forms and sums over a grid by NumPy."""

import math
from typing import Any

import numpy as np
import pytest
from numpyro.distributions import Normal
from scipy.stats import norm

import divlab
from divlab import evidence
from divlab.compiling import QUICKLY, jit_with
from divlab.models import Runs
from tests.annotations import unchecked

P, Q = Normal(0.0, 1.0), Normal(1.0, 1.0)
X = np.linspace(-15.0, 16.0, 40_001)
DX = X[1] - X[0]


def test_optimal_critic_is_the_logistic_of_the_log_ratio() -> None:
    """For N(0, 1) and N(2, 1) the log ratio is 2 - 2x."""
    table = evidence.optimal_critic(P, Normal(2.0, 1.0), [-1.0, 0.0, 1.0, 40.0])
    x = table["x"].values
    np.testing.assert_allclose(table["logit"], 2 - 2 * x, atol=1e-9)
    np.testing.assert_allclose(table["best"], 1 / (1 + np.exp(2 * x - 2)), rtol=1e-9)
    np.testing.assert_allclose(table["p"][:3], norm.pdf(x[:3]), rtol=1e-9)
    np.testing.assert_allclose(table["q"][:3], norm.pdf(x[:3], 2), rtol=1e-9)


def test_optimal_critic_needs_densities() -> None:
    """Samples have no D*."""
    with unchecked(), pytest.raises(TypeError, match="q must be a distribution"):
        evidence.optimal_critic(P, [0.0, 1.0])


def test_losses_at_the_best_critic_are_divergences() -> None:
    """A loss with a wrong sign or factor would train another divergence."""
    whole = evidence.losses_at_best_critic(P, {"same": P, "moved": Q})
    table = whole.sel(generator="moved")
    # Of equal distributions D* is ½ everywhere, and every divergence is 0.
    same = whole["critic_loss"].sel(generator="same", objective=["minimax", "hinge", "f_gan_kl"])
    np.testing.assert_allclose(same, [math.log(4), 2.0, 0.0], atol=1e-6)
    np.testing.assert_allclose([table["kl"], table["reverse_kl"]], 0.5, rtol=1e-6)
    p, q = norm.pdf(X), norm.pdf(X, 1)
    m = (p + q) / 2
    js = (p @ np.log(p / m) + q @ np.log(q / m)) * DX / 2
    tv = 2 * norm.cdf(0.5) - 1
    expected = {
        "minimax": math.log(4) - 2 * js,
        "non_saturating": math.log(4) - 2 * js,
        "hinge": 2 - 2 * tv,
        "f_gan_kl": -0.5,
        "f_gan_reverse_kl": -0.5,
        "f_gan_js": -js,
        "f_gan_pearson": 1 - math.e,
        "f_gan_hellinger": math.exp(-1 / 8) - 1,
    }
    assert set(table["objective"].values) == set(expected)
    for name, value in expected.items():
        row = table.sel(objective=name)
        assert float(row["critic_loss"]) == pytest.approx(value, rel=1e-5), name
        assert float(row["expected"]) == pytest.approx(value, rel=1e-5), name
    best = p / (p + q)
    generator = table["generator_loss"]
    saturating = float(generator.sel(objective="minimax"))
    assert saturating == pytest.approx(q @ np.log(1 - best) * DX, rel=1e-8)
    usual = float(generator.sel(objective="non_saturating"))
    assert usual == pytest.approx(-q @ np.log(best) * DX, rel=1e-8)
    assert float(generator.sel(objective="hinge")) == pytest.approx(tv, rel=1e-5)


def test_losses_of_unknown_objectives_are_refused() -> None:
    """The best critic of WGAN is no function of the density ratio."""
    with pytest.raises(ValueError, match="objectives must be among"):
        evidence.losses_at_best_critic(P, {"moved": Q}, ["wgan"])


def test_generator_gradient_is_theorem_2_5() -> None:
    """Arjovsky & Bottou (2017): the slope of L_G is that of KL - 2 JS, here by differences."""
    row = evidence.generator_gradient([1.0]).squeeze("separation")
    assert float(row["non_saturating"]) == pytest.approx(0.60202713, abs=1e-8)
    assert float(row["kl"]) == pytest.approx(1.0, rel=1e-9)
    assert float(row["non_saturating"]) == pytest.approx(float(row["kl"] - 2 * row["js"]), abs=1e-8)
    assert float(row["saturating"]) == pytest.approx(2 * float(row["js"]), abs=1e-8)
    assert float(row["wasserstein"]) == pytest.approx(1.0, rel=1e-9)

    def loss(theta: float, held: float) -> float:
        best = norm.pdf(X) / (norm.pdf(X) + norm.pdf(X, held))
        return float(-norm.pdf(X, theta) @ np.log(np.maximum(best, 1e-300)) * DX)

    step = 1e-4
    held = (loss(1 + step, 1.0) - loss(1 - step, 1.0)) / (2 * step)
    moving = (loss(1 + step, 1 + step) - loss(1 - step, 1 - step)) / (2 * step)
    assert float(row["loss"]) == pytest.approx(loss(1.0, 1.0), rel=1e-8)
    assert float(row["non_saturating"]) == pytest.approx(held, abs=1e-6)
    assert float(row["moving"]) == pytest.approx(moving, abs=1e-6)


def test_generator_gradient_scales_with_the_unit_of_x() -> None:
    """Losses have no unit, so their slopes are per unit of x."""
    narrow = evidence.generator_gradient([0.5], scale=0.5).squeeze()
    one = evidence.generator_gradient([1.0]).squeeze()
    for name in ("saturating", "non_saturating", "kl", "js"):
        assert float(narrow[name]) == pytest.approx(2 * float(one[name]), rel=1e-7), name
    assert float(narrow["wasserstein"]) == pytest.approx(1.0, rel=1e-7)


def test_game_along_training_is_a_sum_over_a_grid(gan_runs: Runs) -> None:
    """The value could be taken under the wrong distribution, or at the wrong record."""
    table = evidence.game_along_training(gan_runs)
    assert table["value"].dims == table["distance"].dims == ("seed", "step")
    assert bool((table["value"] <= table["best_value"] + 1e-3).all())
    run, step = gan_runs[1], 20
    z = np.linspace(-7.0, 7.0, 20_001)
    weights = norm.pdf(z) * (z[1] - z[0])
    params = run.params_at(step)

    # One program: operation by operation it would be twenty.
    @jit_with(QUICKLY)
    def networks(x: Any, z: Any) -> Any:
        fake = run.model.generate(params, z[:, None])
        return run.model.critic(params, x), run.model.critic(params, fake)

    logits = networks(X.astype(np.float32), z.astype(np.float32))
    at_real, at_fake = (1 / (1 + np.exp(-np.asarray(logit, float))) for logit in logits)
    data = (norm.pdf(X, -2, 0.5) + norm.pdf(X, 2, 0.5)) / 2 * DX
    value = data @ np.log(at_real) + weights @ np.log(1 - at_fake)
    assert float(table["value"][1].sel(step=step)) == pytest.approx(value, rel=1e-3)
    best = 2 * float(divlab.js(run.target, run.distribution(step))) - math.log(4)
    assert float(table["best_value"][1].sel(step=step)) == pytest.approx(best, abs=1e-3)


def test_game_along_training_needs_a_gan(vae_runs: Runs) -> None:
    """A VAE has no critic."""
    with pytest.raises(TypeError, match=r"divlab\.GAN"):
        evidence.game_along_training(vae_runs)
