"""Every control changes the numbers to what the library's own functions give, and the picture.

The docstring of each test says what could go wrong without it.
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest
from numpyro.distributions import Normal
from scipy import stats

import divlab
from divlab.compiling import QUICKLY, jit_with

from . import expected
from .setting import MODULES, agree, picture

# An explorer, a control and another value of it, in the order in which they are made. For what each
# must show then, see `expected`.
CHANGES: list[tuple[str, str, Any]] = [
    ("nll_is_kl", "separation", 6.0),
    ("nll_is_kl", "scale", 1.0),
    ("nll_is_kl", "mean", -1.0),
    ("nll_is_kl", "model_scale", 2.5),
    ("disjoint_supports", "separation", 0.5),
    ("disjoint_supports", "separation", 3.0),
    ("disjoint_supports", "scale", 2.0),
    ("disjoint_supports", "family", "two Gaussians"),
    ("divergences", "p", "Laplace"),
    ("divergences", "q", "Gumbel"),
    ("divergences", "separation", 4.0),
    ("divergences", "scale", 0.5),
    ("estimators", "quantity", "W₁"),
    ("estimators", "separation", 2.0),
    ("estimators", "scale", 0.7),
    ("estimators", "seed", 3),
    ("estimators", "n", 30),
    ("dirac_gan", "penalty", 0.0),
    ("dirac_gan", "rate", 0.3),
    ("dirac_gan", "theta", -1.0),
    ("dirac_gan", "psi", 2.0),
    ("dirac_gan", "penalty", 0.5),
    ("dirac_gan", "objective", "wgan_gp"),
    ("training_cost", "model", "GAN"),
    ("training_cost", "vary", "data dimension D"),
    ("training_cost", "layers", 2),
    ("two_sample_test", "p", "Laplace"),
    ("two_sample_test", "q", "Gumbel"),
    ("two_sample_test", "separation", 2.0),
    ("two_sample_test", "scale", 0.5),
    ("two_sample_test", "n", 20),
    ("two_sample_test", "seed", 3),
    ("two_sample_test", "shown", "KL(P‖Q)"),
    ("mode_collapse", "separation", 2.0),
    ("mode_collapse", "scale", 1.0),
    ("mode_collapse", "seed", 5),
    ("elbo_gap", "separation", 2.0),
    ("elbo_gap", "scale", 1.0),
    ("elbo_gap", "seed", 5),
    ("elbo_gap", "x", -1.0),
    ("gan_game", "separation", 2.0),
    ("gan_game", "scale", 1.0),
    ("gan_game", "seed", 5),
    ("gan_game", "objective", "minimax"),
    ("minimum_divergence", "separation", 2.0),
    ("minimum_divergence", "scale", 1.0),
    ("minimum_divergence", "seed", 5),
    ("minimum_divergence", "a", "js"),
    ("minimum_divergence", "b", "wasserstein"),
    ("minimum_divergence", "density", "decoder"),
    ("wasserstein_gan", "separation", 2.0),
    ("wasserstein_gan", "scale", 1.0),
    ("wasserstein_gan", "seed", 5),
    ("wasserstein_gan", "objective", "wgan"),
    ("objective_zoo", "separation", 2.0),
    ("objective_zoo", "scale", 1.0),
    ("objective_zoo", "seed", 5),
    ("objective_zoo", "a", "wgan_gp"),
    ("objective_zoo", "b", "non_saturating"),
]


def test_each_control_changes_the_numbers_and_the_picture(name: str, explorer: Any) -> None:
    """A control could be left out of what is computed, or out of what is drawn."""
    before, first = explorer.state(), picture(explorer)
    shown = first
    for control, value in (change[1:] for change in CHANGES if change[0] == name):
        explorer.controls[control].value = value
        assert explorer._error.value == "", control
        agree(explorer.result, getattr(expected, name)(explorer.values()))
        last, shown = shown, picture(explorer)
        assert shown != last, control
    explorer.load(before)
    assert picture(explorer) == first


def test_the_nll_is_kl_plus_the_entropy(explorers: Callable[[str], Any]) -> None:
    """The sentence that this explorer teaches could be shown with numbers that deny it."""
    found = explorers("nll_is_kl").result
    assert found["nll"] == pytest.approx(found["kl"] + found["entropy"], abs=1e-4)
    assert found["nll_grad"] == pytest.approx(found["kl_grad"], abs=1e-4)


@pytest.mark.parametrize(("who", "rests"), [("only D", "generator"), ("only G", "critic")])
def test_one_player_rests(explorers: Callable[[str], Any], who: str, rests: str) -> None:
    """Both could go on learning while one is said to rest."""
    explorer = explorers("gan_game")
    before = explorer.state()
    try:
        explorer.controls["who"].value = who
        explorer.train()
        moved = {
            name: any(
                not np.array_equal(leaf[0], leaf[-1])
                for leaf in jax.tree.leaves(explorer.runs["gan"].snapshots[name])
            )
            for name in ("generator", "critic")
        }
        assert moved == {"generator": rests != "generator", "critic": rests != "critic"}
    finally:
        explorer.load(before)


def test_a_click_on_the_plane_starts_there(explorers: Callable[[str], Any]) -> None:
    """The page could be told to move other controls than those of the two axes."""
    explorer = explorers("dirac_gan")
    before, shown = explorer.state(), picture(explorer)
    assert explorer.current_scene.panels[0].click == ("theta", "psi")
    try:
        explorer.stage.moved = {"count": 1, "values": {"theta": -1.0, "psi": 1.25}}
        assert explorer.state() == before | {"theta": -1.0, "psi": 1.25}
        assert picture(explorer) != shown
    finally:
        explorer.load(before)


def test_the_bound_is_the_sum_of_its_parts(explorers: Callable[[str], Any]) -> None:
    """The stacked parts of the loss could miss some of it."""
    found = explorers("elbo_gap").result
    parts = found["kl"] + found["gap"] + found["entropy"]
    assert found["negative_elbo"] == pytest.approx(parts, abs=1e-3)
    assert found["gap"] > 0


def test_every_bound_holds_the_total_variation(explorers: Callable[[str], Any]) -> None:
    """A bound could be drawn that the true value breaks."""
    explorer = explorers("divergences")
    before = explorer.state()
    for separation, scale in ((0.0, 1.5), (0.5, 1.0), (3.0, 0.5), (8.0, 2.0)):
        explorer.load({**before, "separation": separation, "scale": scale})
        found = explorer.result
        for name, (low, high) in found["tv_bounds"].items():
            assert low - 1e-4 <= found["tv"] <= high + 1e-4, name
    explorer.load(before)


def test_the_caption_of_estimators_speaks_of_n(explorers: Callable[[str], Any]) -> None:
    """The numbers above the picture could be those of another n than the one that is marked."""
    explorer = explorers("estimators")
    before, result = explorer.state(), explorer.result
    explorer.controls["n"].value = 30
    assert explorer.result == result
    frame, found = explorer.stage.frame, explorer.result["estimates"]["histogram"]["30"]
    text = f"{found['mean']:.3f} ± {found['deviation']:.3f}"
    assert f"histogram {text}" in frame["caption"]
    assert ["histogram", text] in frame["numbers"]
    explorer.load(before)


@jit_with(QUICKLY)
def scores_of(model: Any, params: Any, x: Any) -> Any:
    """What a critic says of points."""
    return model.critic(params, x)


def scores(explorer: Any) -> tuple[np.ndarray, np.ndarray]:
    """What the critic that is shown says of many points of the target, and of many samples."""
    run, step, values = explorer.runs["gan"], explorer.controls["step"].value, explorer.values()
    rng = np.random.default_rng(1)
    means = rng.choice([-0.5, 0.5], 100_000) * values["separation"]
    real = rng.normal(means, values["scale"]).astype(np.float32)
    params = run.params_at(step)
    of_real, of_fake = (
        np.asarray(scores_of(run.model, params, x), float)
        for x in (real, run.sample(2, 100_000, step))
    )
    return of_real, of_fake


def test_the_value_of_the_game_is_below_its_maximum(explorers: Callable[[str], Any]) -> None:
    """The value could be computed by nodes that miss where the data or the samples are."""
    explorer = explorers("gan_game")
    found = explorer.result
    assert found["value"] <= found["best_value"] + 1e-3
    of_real, of_fake = scores(explorer)
    drawn = -np.logaddexp(0, -of_real).mean() - np.logaddexp(0, of_fake).mean()
    assert found["value"] == pytest.approx(drawn, abs=0.02)


def test_the_critic_finds_no_more_than_its_slope_allows(explorers: Callable[[str], Any]) -> None:
    """The estimate of W₁ could be larger than any critic of that slope reaches."""
    explorer = explorers("wasserstein_gan")
    found = explorer.result
    assert found["critic_estimate"] <= 1.01 * found["steepest"] * found["wasserstein"]
    of_real, of_fake = scores(explorer)
    drawn = of_real.mean() - of_fake.mean()
    assert found["critic_estimate"] == pytest.approx(drawn, abs=0.02 * found["steepest"])


def test_the_potential_that_is_drawn_reaches_w1(explorers: Callable[[str], Any]) -> None:
    """The picture could show that of the way back, which is the same upside down."""
    explorer = explorers("wasserstein_gan")
    values, scene = explorer.values(), explorer.current_scene
    (exact,) = [mark for mark in scene.panels[1].marks if mark.label == "exact potential"]
    means = np.array([[-0.5], [0.5]]) * values["separation"]
    target = stats.norm.cdf(exact.x, means, values["scale"]).mean(axis=0)
    learned = np.asarray(explorer.runs["gan"].cdf(exact.x, values["step"]), float)
    between = (exact.y[1:] + exact.y[:-1]) / 2
    reached = between @ np.diff(target - learned)
    assert reached == pytest.approx(explorer.result["wasserstein"], rel=0.02)


def test_the_exact_potential_reaches_w1() -> None:
    """E_p f - E_q f is W₁ for the potential f, here of Normal(0, 1) and Normal(1, 2)."""
    x = np.linspace(-20, 20, 40_001)
    p, q = Normal(0.0, 1.0), Normal(1.0, 2.0)
    cdfs = [stats.norm.cdf(x), stats.norm.cdf(x, 1.0, 2.0)]
    f = MODULES["wasserstein_gan"].potential(x, *cdfs)
    assert np.abs(np.diff(f) / np.diff(x)).max() <= 1 + 1e-9
    found = sum(sign * f @ np.diff(cdf, prepend=0) for sign, cdf in zip((1, -1), cdfs, strict=True))
    assert found == pytest.approx(float(divlab.wasserstein(p, q)), abs=2e-3)
