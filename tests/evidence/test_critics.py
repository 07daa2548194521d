"""Critics along a training, and against points that stay, compared with NumPy and SciPy."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr
from numpyro.distributions import Normal
from scipy import integrate, stats

import divlab
from divlab import evidence
from divlab.compiling import QUICKLY, jit_with
from divlab.models import Run

TARGET = divlab.targets.two_gaussians(3.0, 0.5)
VAE: Any = divlab.VAE()
OPTIONS: dict[str, Any] = {"seeds": 3, "steps": 20, "record_every": 20}
# One program of each objective.
TRAINED: dict[str, Any] = {"seeds": 2, "steps": 500, "hidden": (8,)}


@jit_with(QUICKLY)
def _critic(model: Any, params: Any, x: Any) -> Any:
    return model.critic(params, x)


def criticised(run: Run, x: Any) -> Any:
    """The scores of points, by one program instead of one for each operation."""
    return np.asarray(_critic(run.model, run.params, np.asarray(x, np.float32)))


@pytest.mark.parametrize("name", ["non_saturating", "cramer"])
def test_differences_are_those_of_samples(name: str) -> None:
    """The sign, the units of x, or the mass beyond the grid could be wrong."""
    model = divlab.GAN(name, hidden=(8,))
    table = evidence.critics_along({name: model}, TARGET, **OPTIONS).sel(
        model=name, seed=1, step=20
    )
    run = divlab.fit_many(model, TARGET, **OPTIONS)[1]
    real = np.random.default_rng(5).normal([[-1.5], [1.5]], 0.5, (2, 10_000)).ravel()
    fake = run.sample(6, 20_000)
    scores = [criticised(run, x).reshape(20_000, -1) for x in (real, fake)]
    if name == "cramer":
        others = scores[1][:200]
        scores = [
            np.linalg.norm(h[:, None] - others, axis=2).mean(1) - np.linalg.norm(h, axis=1)
            for h in scores
        ]
    expected = scores[0].mean() - scores[1].mean()
    spread = np.sqrt((scores[0].var() + scores[1].var()) / 20_000)
    if name == "cramer":
        spread += 0.02  # of the 200 others
    assert float(table["difference"]) == pytest.approx(float(expected), abs=5 * float(spread))


def test_slopes_and_signals_are_those_of_the_critic() -> None:
    """The slope could be per standardised unit, or the generator's loss another one."""
    model = divlab.GAN("non_saturating", hidden=(8,))
    table = evidence.critics_along({"gan": model}, TARGET, **OPTIONS).sel(model="gan", seed=0)
    run = divlab.fit_many(model, TARGET, **OPTIONS)[0]
    x = np.linspace(-3.0, 3.0, 2001)
    slope = np.gradient(criticised(run, x), x)
    assert float(table["steepest"][-1]) == pytest.approx(np.abs(slope).max(), rel=0.02)
    z = stats.norm.ppf((np.arange(2000) + 0.5) / 2000)[:, None]
    fakes = np.asarray(jit_with(QUICKLY)(model.generate)(run.params, z.astype(np.float32)))
    step = 1e-2
    scores = [criticised(run, fakes + s) for s in (-step, 0.0, step)]
    pushes = np.abs(scores[2] - scores[0]) / (2 * step) / (1 + np.exp(scores[1]))
    assert float(table["signal"][-1]) == pytest.approx(pushes.mean(), rel=0.02)
    bound = table["steepest"] * table["wasserstein"]
    assert bool((table["difference"] <= 1.001 * bound).all())


def test_best_signals_by_quadrature() -> None:
    """The notebook compares trained critics with these; they could be those of another loss."""
    found = evidence.critic_signals(["minimax", "non_saturating", "wgan_gp"], [2.0], **TRAINED)

    def mean(weight: Callable[[float], float]) -> float:
        """Of 2·D*(x) or 2·(1 - D*(x)) over N(2, 1); the logit of D* is 2 - 2x."""
        return float(integrate.quad(lambda x: 2 * weight(x) * stats.norm.pdf(x, 2), -8, 12)[0])

    expected = (
        mean(lambda x: 1 / (1 + np.exp(2 * x - 2))),
        mean(lambda x: 1 / (1 + np.exp(2 - 2 * x))),
    )
    assert found["best"].values[:2, 0] == pytest.approx(expected, rel=2e-3)
    far = evidence.critic_signals(["minimax"], [8.0], **TRAINED)["best"].item()
    slopes = evidence.generator_gradient([8.0])  # twice the slope of JS, from another integral
    assert far == pytest.approx(2 * slopes["js"].item(), rel=2e-3)
    assert found["best"].values[2, 0] == pytest.approx(1.0)


def test_trained_critics_come_near_the_best() -> None:
    """The critic could be trained on the wrong side, or not at all."""
    found = evidence.critic_signals(["minimax", "wgan_gp"], [1.0], **TRAINED)
    assert found["signal"].sizes == {"objective": 2, "distance": 1, "seed": 2}
    minimax = found.sel(objective="minimax", distance=1.0)
    np.testing.assert_allclose(minimax["signal"], float(minimax["best"]), rtol=0.3)
    assert bool((found["signal"].sel(objective="wgan_gp") > 0.8).all())


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: evidence.critic_signals(["hinge"]), "objectives"),
        (lambda: evidence.critic_signals(distances=[0.0]), "distances"),
        (lambda: evidence.critics_along({"vae": VAE}, TARGET), "models"),
        (lambda: evidence.critics_along({"v": divlab.GAN("veegan")}, TARGET), "models"),
    ],
)
def test_bad_input(call: Callable[[], Any], name: str) -> None:
    """A critic of pairs could be asked for scores of points, deep inside a program."""
    with pytest.raises((TypeError, ValueError), match=name):
        call()


def test_area_and_best_critic_are_the_distance() -> None:
    """The best critic could have the wrong sign, or lose mass beyond the grid."""
    p, q = divlab.targets.two_gaussians(4.0, 0.5), Normal(1.0, 1.0)
    table = evidence.kantorovich(p, q)
    x = np.linspace(-10.0, 10.0, 200_001)
    of_p = (stats.norm.cdf(x, -2, 0.5) + stats.norm.cdf(x, 2, 0.5)) / 2
    exact = np.trapezoid(np.abs(of_p - stats.norm.cdf(x, 1, 1)), x)
    assert float(table["area"]) == pytest.approx(exact, rel=1e-5)
    assert float(table["found"]) == pytest.approx(exact, rel=1e-5)
    assert float(np.abs(np.diff(table["critic"]) / np.diff(table["x"])).max()) <= 1 + 1e-9


def made_up() -> xr.Dataset:
    """One model, two seeds, four records; the last three are late."""
    values: dict[str, Any] = {
        "wasserstein": [[4.0, 2.0, 1.0, 3.0], [4.0, 3.0, 2.0, 1.0]],
        "critic_loss": [[-4.0, -2.0, -1.0, -3.0], [-4.0, -1.0, -2.0, -3.0]],
        "difference": [[1.0, 2.0, 1.0, 3.0], [1.0, 3.0, 2.0, 1.0]],
        "steepest": [[1.0, 2.0, 2.0, 2.0], [1.0, 2.0, 2.0, 2.0]],
        "signal": [[9.0, 0.1, 0.2, 0.3], [9.0, 0.4, 0.5, 0.6]],
        "js": [[0.4, 0.2, 0.1, 0.3], [0.4, 0.3, 0.2, 0.1]],
        "kl": [[np.inf, np.inf, 1.0, 2.0], [np.inf, 3.0, 2.0, 1.0]],
    }
    table = {name: (("model", "seed", "step"), [rows]) for name, rows in values.items()}
    return xr.Dataset(table, coords={"model": ["gan"], "step": [0, 400, 500, 600]})


def test_summary_of_a_table_worked_by_hand() -> None:
    """A sign could be lost, early records be counted, or a step from infinity count as a rise."""
    found = evidence.critic_summary(made_up()).sel(model="gan")
    assert float(found["correlation_late"]) == pytest.approx((1.0 - 1.0) / 2)
    assert float(found["correlation_found"]) == pytest.approx(1.0)
    assert float(found["proved"]) == pytest.approx(0.5)
    assert float(found["signal"]) == pytest.approx(0.35)
    assert float(found["steepest"]) == 2.0
    assert float(found["wasserstein"]) == 2.0
    assert float(found["wasserstein_worst"]) == pytest.approx(2.8)
    assert float(found["js_rose"]) == pytest.approx(1 / 6)
    assert float(found["kl_rose"]) == pytest.approx(1 / 6)
    assert float(found["kl_infinite"]) == pytest.approx(3 / 8)
    with pytest.raises(ValueError, match="after"):
        evidence.critic_summary(made_up(), after=600)
