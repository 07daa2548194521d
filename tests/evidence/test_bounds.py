"""The parts of the bound of a VAE, against sums over fine grids and against draws."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import numpy as np
import pytest
from scipy.stats import norm

import divlab
from divlab import evidence
from divlab.compiling import QUICKLY, jit_with
from divlab.models import Run, Runs

DATA = np.array([-1.5, -1.4, 0.3, 1.2, 2.1])


@pytest.fixture(scope="module")
def few() -> Run:
    """A VAE of five measurements, over which every mean is a sum of five numbers."""
    return divlab.fit(divlab.VAE(hidden=(8,)), DATA, steps=20, batch_size=32, record_every=10)


# One program each, instead of one for each operation of a network.
@jit_with(QUICKLY)
def _encode(model: Any, params: Any, y: Any) -> Any:
    return model.encode(params, y)


@jit_with(QUICKLY)
def _decode(model: Any, params: Any, z: Any) -> Any:
    return model.decode(params, z)


def posterior(run: Run, x: float) -> tuple[float, float]:
    """The mean and the scale of q(z|x). A model sees measurements standardised."""
    y = np.array([(x - DATA.mean()) / DATA.std()], np.float32)
    encoded = jax.device_get(_encode(run.model, run.params, y))
    mean, log_scale = (float(a[0, 0]) for a in encoded)
    return mean, float(np.exp(log_scale))


def log_ratios(run: Run, x: float, z: Any) -> tuple[Any, Any]:
    """Log p(x, z) and log q(z|x), by SciPy."""
    decoded = _decode(run.model, run.params, np.asarray(z[:, None], np.float32))
    loc, log_noise = (np.asarray(a, float) for a in decoded)
    likelihood = norm(DATA.mean() + DATA.std() * loc, DATA.std() * np.exp(log_noise))
    return likelihood.logpdf(x) + norm.logpdf(z), norm.logpdf(z, *posterior(run, x))


def test_each_part_is_its_own_integral(few: Run) -> None:
    """A part could be wrong by what another one is wrong by, and the sum would not show it."""
    z = np.linspace(-45, 45, 12_001)  # an untrained q(z|x) may be wide
    rows = []
    for x in DATA:
        log_joint, log_q = log_ratios(few, x, z)
        evidence_at_x = np.trapezoid(np.exp(log_joint), z)
        log_posterior = log_joint - np.log(evidence_at_x)
        means = [
            log_q - log_joint, log_q - log_posterior, norm.logpdf(z) - log_joint,
            log_q - norm.logpdf(z),
        ]  # fmt: skip
        means = [np.trapezoid(np.exp(log_q) * value, z) for value in means]
        rows.append([*means, -np.log(evidence_at_x)])
    found = evidence.elbo_parts(few).isel(step=-1)
    expected = dict(
        zip(
            ("negative_elbo", "gap", "reconstruction", "kl_to_prior", "nll"),
            np.mean(rows, axis=0),
            strict=True,
        )
    )
    for name, value in expected.items():
        assert float(found[name]) == pytest.approx(value, rel=1e-4, abs=1e-5), name
    assert float(found["kl"] + found["entropy"]) == pytest.approx(expected["nll"], rel=1e-4)


def test_the_parts_add_up_at_every_record(vae_runs: Runs) -> None:
    """KL, gap and entropy are computed apart; one could be of another step or seed."""
    table = evidence.elbo_parts(vae_runs)
    assert dict(table.sizes) == {"seed": 3, "step": 4}
    sums = table["kl"] + table["gap"] + table["entropy"]
    np.testing.assert_allclose(sums, table["negative_elbo"], rtol=1e-4)
    assert np.all(table["gap"] > 0)
    one = evidence.elbo_parts(vae_runs[1])
    np.testing.assert_allclose(one["gap"], table["gap"][1], rtol=1e-4)
    learned = vae_runs[1].distribution(20)
    exact = float(divlab.cross_entropy(vae_runs.target, learned))
    assert float(one["nll"].sel(step=20)) == pytest.approx(exact, rel=1e-4)


def test_two_latents_by_a_double_integral(few: Run) -> None:
    """The identity for E log could be wrong, though one latent gives the ELBO all the same."""
    grid = np.linspace(-7, 7, 701)
    masses = norm.pdf(grid) / norm.pdf(grid).sum()
    rows = []
    for x in DATA:
        mean, scale = posterior(few, x)
        log_joint, log_q = log_ratios(few, x, mean + scale * grid)
        log_w = log_joint - log_q
        means = np.logaddexp(log_w[:, None], log_w) - np.log(2)
        rows.append(-masses @ means @ masses)
    found = evidence.importance_bounds(few, (1, 2))
    assert float(found["bound"].sel(latents=2)) == pytest.approx(np.mean(rows), rel=1e-4)
    elbo = float(evidence.elbo_parts(few)["negative_elbo"][-1])
    assert float(found["bound"].sel(latents=1)) == pytest.approx(elbo, rel=1e-4)


def test_the_bound_closes(vae_runs: Runs) -> None:
    """More latents could end at another number than the NLL."""
    found = evidence.importance_bounds(vae_runs[0], (1, 10, 100, 100_000))
    assert np.all(np.diff(found["gap"]) < 0)
    assert 0 < float(found["gap"][-1]) < 1e-2 * float(found["gap"][0])


@pytest.mark.parametrize("name", ["elbo", "beta", "iwae"])
def test_the_loss_on_draws_is_the_exact_one(vae_runs: Runs, name: str) -> None:
    """The objective that training minimises could be another number than the tables say."""
    run = replace(vae_runs[0], model=replace(vae_runs.model, objective=name))
    objective = run.model.objective
    parts = evidence.elbo_parts(run).isel(step=-1)
    exact: dict[str, Callable[[], Any]] = {
        "elbo": lambda: parts["negative_elbo"],
        "beta": lambda: parts["reconstruction"] + objective.beta * parts["kl_to_prior"],
        "iwae": lambda: evidence.importance_bounds(run, [objective.latents])["bound"][0],
    }
    drawn = evidence.sampled_loss(run, draws=100_000, key=1)["loss"]
    error = float(drawn.std(ddof=1)) / drawn.size**0.5
    assert float(drawn.mean()) == pytest.approx(float(exact[name]()), abs=4 * error)
    assert error < 0.01


def test_beta_weighs_the_kl_to_the_prior() -> None:
    """Rows could be of another beta than their label."""
    target = divlab.targets.two_gaussians(4.0, 0.5)
    table = evidence.beta_bounds((0.5, 4.0), target, seeds=2, steps=20, record_every=20)
    expected = table["reconstruction"] + table["beta"] * table["kl_to_prior"]
    np.testing.assert_allclose(table["loss"], expected, rtol=1e-6)
    model = divlab.VAE(divlab.objectives.BetaELBO(beta=4.0))
    run = divlab.fit_many(model, target, seeds=2, steps=20, record_every=20)[1]
    alone = evidence.elbo_parts(run)
    row = table.sel(beta=4.0).isel(seed=1)
    np.testing.assert_allclose(row["nll"], alone["nll"], rtol=1e-3)
    distance = float(divlab.wasserstein(target, run.distribution()))
    assert float(row["wasserstein"]) == pytest.approx(distance, rel=1e-3)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda runs, gans: evidence.elbo_parts([1.0]), "run"),  # type: ignore[arg-type]
        (lambda runs, gans: evidence.elbo_parts(gans), "VAE"),
        (lambda runs, gans: evidence.importance_bounds(runs), "run"),
        (lambda runs, gans: evidence.importance_bounds(runs[0], ()), "latents"),
        (lambda runs, gans: evidence.importance_bounds(runs[0], (0,)), "latents"),
        (lambda runs, gans: evidence.sampled_loss(runs[0], draws=10), "draws"),
    ],
)
def test_bad_input(
    vae_runs: Runs, gan_runs: Runs, call: Callable[[Runs, Runs], Any], name: str
) -> None:
    """A GAN has no bound; Runs would be read as one run with arrays of another shape."""
    with pytest.raises((TypeError, ValueError), match=name):
        call(vae_runs, gan_runs)
