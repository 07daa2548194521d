"""The tables of evidence, against what the parts say and what is known in closed form."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import divlab
from divlab import evidence, objectives
from divlab.metrics import wilson
from divlab.models import Runs

MODELS = {"vae": divlab.VAE(hidden=(8,))}  # by the program of `vae_runs`


def test_coverage_rates_are_those_of_the_seeds() -> None:
    options = {"seeds": 3, "steps": 20, "batch_size": 32, "progress": False}
    rates = evidence.coverage_rates(MODELS, [1.0, 6.0], scale=0.3, confidence=0.9, **options)
    assert rates["separation"].values.tolist() == [1.0, 6.0]
    for separation in (1.0, 6.0):
        target = divlab.targets.two_gaussians(separation, 0.3)
        runs = divlab.fit_many(MODELS["vae"], target, seeds=3, steps=20, batch_size=32)
        covered = int(np.sum(np.asarray(divlab.coverage(runs, target).modes_covered) == 2))
        row = rates.sel(model="vae", separation=separation)
        assert int(row["covered"]) == covered
        assert float(row["rate"]) == pytest.approx(covered / 3)
        found = float(row["low"]), float(row["high"])
        assert found == pytest.approx(wilson(covered, 3, 0.9))


@pytest.mark.parametrize("kind", ["vae_runs", "gan_runs"])
def test_along_training_is_each_records_divergence(
    request: pytest.FixtureRequest, kind: str
) -> None:
    runs = request.getfixturevalue(kind)
    table = evidence.along_training(runs)
    assert dict(table.sizes) == {"seed": 3, "step": 4}
    for name in ("kl", "reverse_kl", "js", "wasserstein"):
        learned = runs[1].distribution(20)
        alone = float(getattr(divlab, name)(runs.target, learned))
        assert float(table[name][1].sel(step=20)) == pytest.approx(alone, rel=1e-3), name
    one = evidence.along_training(runs[1])
    assert one["js"].dims == ("step",)
    np.testing.assert_allclose(one["js"], table["js"][1], rtol=1e-3)
    for name, losses in runs.history.items():
        np.testing.assert_array_equal(table[name], losses)


def test_steps_to_reach_a_bar(vae_runs: Runs) -> None:
    """The bar lies between what was learned and the best on the way, so some seed passes it."""
    distances = evidence.along_training(vae_runs)["wasserstein"].values
    bar = float(np.median(distances[:, -1]))
    found = evidence.steps_to_reach(
        {"vae": vae_runs.model}, vae_runs.target, bar, seeds=3, steps=60, record_every=20,
        batch_size=32,
    )  # fmt: skip
    for seed in range(3):
        below = np.flatnonzero(distances[seed] < bar)
        expected = vae_runs.steps[seed][below[0]] if below.size else np.nan
        assert found["steps"].values[0, seed] == pytest.approx(expected, nan_ok=True)
    cost = divlab.training_cost(vae_runs.model, 32).flops
    np.testing.assert_allclose(found["flops"], found["steps"] * cost)
    np.testing.assert_allclose(found["wasserstein"][0], distances[:, -1], rtol=1e-3)


def test_wgans_dirac_field_is_a_rotation() -> None:
    """L_D = ψθ and L_G = -ψθ: the velocity is (ψ, -θ), and every step goes outwards."""
    plane = evidence.dirac_gan(objectives.Wasserstein(clip=100.0), rate=0.1, steps=50)
    theta, psi = np.meshgrid(plane["theta"], plane["psi"], indexing="ij")
    np.testing.assert_allclose(plane["theta_velocity"], psi, atol=1e-6)
    np.testing.assert_allclose(plane["psi_velocity"], -theta, atol=1e-6)
    radius = np.hypot(plane["theta_path"], plane["psi_path"])
    np.testing.assert_allclose(radius, np.sqrt(2) * 1.01 ** (np.arange(51) / 2), rtol=1e-4)


def test_only_a_penalty_brings_the_dirac_gan_to_rest() -> None:
    """Mescheder et al. (2018): the plain games do not converge linearly, with R1 they do."""

    def last_radius(objective: Any) -> Any:
        plane = evidence.dirac_gan(objective, rate=0.02, steps=5000)
        return float(np.hypot(plane["theta_path"][-1], plane["psi_path"][-1]))

    assert last_radius("minimax") > 1.0
    assert last_radius("non_saturating") > 0.1  # it shrinks, and ever more slowly
    assert last_radius(objectives.R1(penalty=1.0)) < 0.001


def test_alternating_steps_keep_wgans_circle() -> None:
    """θ' = θ + rψ' and ψ' = ψ - rθ have determinant 1, so θ² + ψ² - rθψ never changes."""
    game = objectives.Wasserstein(clip=100.0)
    plane = evidence.dirac_gan(game, start=(1.0, 0.5), rate=0.1, steps=200, alternating=True)
    theta, psi = plane["theta_path"].values, plane["psi_path"].values
    assert psi[1] == pytest.approx(0.5 - 0.1 * 1.0, rel=1e-5)  # against the old θ
    assert theta[1] == pytest.approx(1.0 + 0.1 * psi[1], rel=1e-5)  # against the new ψ
    kept = theta**2 + psi**2 - 0.1 * theta * psi
    np.testing.assert_allclose(kept, kept[0], rtol=1e-4)


@pytest.mark.parametrize("name", sorted(divlab.GAN_OBJECTIVES))
def test_every_objective_has_a_plane_or_says_why_not(name: str) -> None:
    compares = dict.fromkeys(("mmd", "cramer", "minibatch", "veegan"), "scores of single points")
    refused = compares | {"unrolled": "looks? ahead"}
    if name in refused:
        with pytest.raises(ValueError, match=refused[name]):
            evidence.dirac_gan(name)
        return
    plane = evidence.dirac_gan(name, steps=20)
    assert all(np.all(np.isfinite(plane[variable])) for variable in plane)
    # At rest at the origin, where only the f-GANs of other families may have another bias.
    middle = plane.sel(theta=0.0, psi=0.0)
    assert float(middle["theta_velocity"]) == pytest.approx(0.0, abs=1e-6)
    assert float(middle["psi_velocity"]) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: evidence.dirac_gan("gan"), "objective"),
        (lambda: evidence.dirac_gan("r1", rate=0.0), "rate"),
        (lambda: evidence.dirac_gan("r1", steps=0), "steps"),
        (lambda: evidence.dirac_gan("r1", points=1), "points"),
        (lambda: evidence.along_training([1.0, 2.0]), "run"),  # type: ignore[arg-type]
        (lambda: evidence.steps_to_reach(MODELS, [1.0, 2.0], 0.0), "bar"),
        (lambda: evidence.coverage_rates({}, [1.0]), "models"),
    ],
)
def test_bad_input(call: Callable[[], Any], name: str) -> None:
    with pytest.raises((TypeError, ValueError), match=name):
        call()
