"""What `fit` and `fit_many` record, how they end, and what they refuse."""

import pickle
from typing import Any

import conftest
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.distributions import Distribution, Normal, Poisson

import divlab
from divlab.models import Training
from divlab.models.objectives import ELBO
from divlab.models.run import Run, Runs

FAST: dict[str, Any] = dict(conftest.FAST)
MODEL = divlab.VAE(hidden=(8,))
FEW = [1.0, 2.0, 2.5, 4.0, 5.0]  # measurements, as many as elsewhere: that is one program


def fit(target: Distribution, **options: Any) -> Any:
    return divlab.fit(MODEL, target, **{**FAST, **options})


def same(one: Any, other: Any) -> Any:
    leaves = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return all(np.array_equal(a, b) for a, b in leaves)


@pytest.fixture(scope="module")
def run(target: Distribution) -> Any:
    return fit(target)


@pytest.mark.parametrize(
    ("steps", "record_every", "expected"),
    [
        (60, 20, [0, 20, 40, 60]),
        (50, 20, [0, 20, 40, 50]),
        (5, 20, [0, 5]),
        (1, 1, [0, 1]),
        (3, 1, [0, 1, 2, 3]),
    ],
)
def test_records(target: Distribution, steps: int, record_every: int, expected: Any) -> None:
    run = fit(target, steps=steps, record_every=record_every)
    assert run.steps.tolist() == expected
    assert (run.status, run.status.step) == ("completed", steps)
    records = len(expected)
    assert all(loss.shape == (records,) for loss in run.history.values())
    for snapshot, last in zip(
        jax.tree.leaves(run.snapshots), jax.tree.leaves(run.params), strict=True
    ):
        assert snapshot.shape == (records, *last.shape)
        np.testing.assert_array_equal(snapshot[-1], last)


def test_how_a_run_is_cut_into_records_does_not_change_it(target: Distribution, run: Run) -> None:
    finer = fit(target, record_every=7)
    for one, other in zip(jax.tree.leaves(run.params), jax.tree.leaves(finer.params), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    longer = fit(target, steps=80)
    assert same(run.params, longer.params_at(60))


def test_history_is_the_mean_since_the_record_before(target: Distribution) -> None:
    each = fit(target, steps=6, record_every=1).history["loss"]
    thirds = fit(target, steps=6, record_every=3).history["loss"]
    np.testing.assert_allclose(thirds[1:], each[1:].reshape(2, 3).mean(axis=1), rtol=1e-4)


def test_one_key_one_run(target: Distribution, run: Run) -> None:
    again = fit(target, key=0)
    assert same((run.history, run.snapshots), (again.history, again.snapshots))
    assert not same(run.params, fit(target, key=1).params)


@pytest.mark.parametrize(
    "key",
    [jax.random.key(0), jax.random.PRNGKey(0), np.int64(0), np.asarray(jax.random.PRNGKey(0))],
    ids=["typed", "old", "numpy", "old-numpy"],
)
def test_forms_of_a_key(target: Distribution, run: Run, key: Any) -> None:
    assert same(run.params, fit(target, key=key).params)


@pytest.mark.parametrize(
    "seeds",
    [3, [0, 1, 2], range(3), np.arange(3), jax.random.split(jax.random.key(5), 3)],
    ids=["number", "list", "range", "array", "keys"],
)
def test_forms_of_seeds(target: Distribution, vae_runs: Runs, seeds: Any) -> None:
    runs = divlab.fit_many(MODEL, target, seeds=seeds, **FAST)
    assert isinstance(runs, Runs)
    assert len(runs) == 3
    if jnp.issubdtype(getattr(seeds, "dtype", int), jax.dtypes.prng_key):
        alone = fit(target, key=seeds[1])
        np.testing.assert_allclose(runs[1].history["loss"], alone.history["loss"], rtol=1e-4)
    else:
        assert same(runs.snapshots, vae_runs.snapshots)


def test_runs_are_a_sequence_of_runs(vae_runs: Runs) -> None:
    assert (len(vae_runs), len(list(vae_runs))) == (3, 3)
    assert vae_runs.steps.shape == (3, 4)
    assert vae_runs.history["loss"].shape == (3, 4)
    assert vae_runs.status.shape == (3,)
    for leaf in jax.tree.leaves(vae_runs.snapshots):
        assert leaf.shape[:2] == (3, 4)
    for i in (0, 2, -1, np.int64(1)):
        one = vae_runs[i]
        assert type(one) is Run
        assert one.steps.tolist() == [0, 20, 40, 60]
        assert one.status == "completed"
        assert same(one.params, jax.tree.map(lambda a, i=i: a[i], vae_runs.params))
    assert isinstance(vae_runs[1:], Runs)
    assert len(vae_runs[1:]) == 2
    assert same(vae_runs[1:].snapshots, jax.tree.map(lambda a: a[1:], vae_runs.snapshots))
    with pytest.raises(IndexError):
        vae_runs[3]


def test_representations(run: Run, vae_runs: Runs) -> None:
    assert repr(run) == "Run(VAE, ELBO, completed, 60 steps)"
    assert repr(vae_runs) == "Runs(3 × VAE, ELBO, 60 steps)"


def test_target_is_kept(target: Distribution, run: Run) -> None:
    assert run.target is target
    np.testing.assert_array_equal(fit(FEW, steps=1).target, FEW)


def test_progress_is_reported_after_each_record(target: Distribution) -> None:
    seen = []
    fit(target, steps=50, progress=lambda *where: seen.append(where))
    assert seen == [(0, 50), (20, 50), (40, 50), (50, 50)]


def interrupt_at(when: int) -> Any:
    def report(step: int | None, steps: int) -> None:
        if step == when:
            raise KeyboardInterrupt

    return report


@pytest.mark.parametrize("when", [0, 40])
def test_interrupting_keeps_what_was_recorded(
    target: Distribution, run: Run, capsys: pytest.CaptureFixture[str], when: int
) -> None:
    stopped = fit(target, progress=interrupt_at(when))
    assert (stopped.status, stopped.status.step) == ("interrupted", when)
    assert stopped.steps.tolist() == [s for s in (0, 20, 40) if s <= when]
    assert same(stopped.params, run.params_at(when))
    assert f"step {when}" in capsys.readouterr().err
    assert np.all(np.isfinite(stopped.sample(0, 5)))


def test_interrupting_many(
    target: Distribution, vae_runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped = divlab.fit_many(MODEL, target, seeds=3, progress=interrupt_at(20), **FAST)
    assert list(stopped.status) == ["interrupted"] * 3
    assert [status.step for status in stopped.status] == [20] * 3
    assert same(stopped.snapshots, jax.tree.map(lambda a: a[:, :2], vae_runs.snapshots))


def test_other_errors_of_a_progress_function_are_the_users(target: Distribution) -> None:
    def report(step: int | None, steps: int) -> None:
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        fit(target, progress=report)


def test_a_run_that_diverges_says_so(target: Distribution) -> None:
    wild = divlab.VAE(ELBO(learning_rate=1e20), hidden=(8,))
    run = divlab.fit(wild, target, **{**FAST, "steps": 2000})
    assert run.status == "diverged"
    # The first loss is that of the untrained networks; the next ones are beyond 32 bits.
    assert 2 <= run.status.step <= 5
    assert run.steps.tolist() == [0, 20]
    assert not np.isfinite(run.history["loss"][-1])
    each = divlab.fit(wild, target, steps=run.status.step, record_every=1, batch_size=32)
    assert np.flatnonzero(~np.isfinite(each.history["loss"]))[0] == run.status.step
    assert each.status == "diverged"
    runs = divlab.fit_many(wild, target, seeds=3, **FAST)
    assert list(runs.status) == ["diverged"] * 3


def test_huge_values_diverge_or_train_but_are_never_silently_wrong() -> None:
    run = fit(divlab.targets.two_gaussians(1e25, 1e25))
    assert run.status == "diverged"
    assert run.status.step == 1


def test_a_batch_may_be_larger_than_the_data() -> None:
    run = fit(FEW)
    assert run.status == "completed"
    assert np.all(np.isfinite(run.history["loss"]))


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"steps": 0}, "steps"),
        ({"steps": -5}, "steps"),
        ({"steps": 10.0}, "steps"),
        ({"steps": True}, "steps"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": "32"}, "batch_size"),
        ({"record_every": 0}, "record_every"),
        ({"record_every": 2.5}, "record_every"),
        ({"key": 1.5}, "key"),
        ({"key": True}, "key"),
        ({"key": None}, "key"),
        ({"key": jax.random.split(jax.random.key(0), 2)}, "key"),
        ({"target": []}, "target"),
        ({"target": None}, "target"),
        ({"target": [1.0]}, "target"),
        ({"target": [2.0, 2.0, 2.0]}, "target"),
        ({"target": [1.0, np.nan]}, "target"),
        ({"target": [1.0, np.inf]}, "target"),
        ({"target": [[1.0, 2.0]]}, "target"),
        ({"target": [1j, 2j]}, "target"),
        ({"target": Poisson(3.0)}, "target"),
        ({"target": Normal(np.zeros(2), 1.0)}, "target"),
        ({"target": Normal}, "target"),
    ],
)
def test_bad_input(target: Distribution, options: Any, name: str) -> None:
    arguments = {"model": MODEL, "target": target, **FAST, **options}
    with pytest.raises((TypeError, ValueError), match=name):
        divlab.fit(**arguments)


@pytest.mark.parametrize("seeds", [0, -1, 2.0, True, [], None, "3", np.zeros((0,), int), [0.5]])
def test_bad_seeds(target: Distribution, seeds: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="seeds"):
        divlab.fit_many(MODEL, target, seeds=seeds, **FAST)


@pytest.mark.parametrize(("step", "nearest"), [(21, 20), (59, 60), (1000, 60), (-1, 0)])
def test_a_step_that_is_not_recorded_names_the_nearest(
    run: Run, vae_runs: Runs, step: int | None, nearest: int
) -> None:
    for of in (run, vae_runs):
        with pytest.raises(ValueError, match=f"nearest is {nearest}"):
            of.log_prob(0.0, step)


def test_two_latents_have_samples_but_no_density(target: Distribution) -> None:
    for kind in (divlab.VAE, divlab.GAN):
        run = Training(kind(latent_dim=2, hidden=(8,)), target).untrained()
        assert run.sample(0, 11).shape == (11,)
        for call in (lambda: run.log_prob(0.0), lambda: run.cdf(0.0), run.distribution):  # noqa: B023
            with pytest.raises(ValueError, match="latent_dim"):
                call()


def test_samples_are_of_the_key(run: Run) -> None:
    one = run.sample(3, 5)
    assert one.shape == (5,)
    for key in (jax.random.key(3), np.int64(3)):
        np.testing.assert_array_equal(run.sample(key, 5), one)
    assert not np.array_equal(run.sample(4, 5), one)


def test_a_run_survives_pickling(run: Run, vae_runs: Runs) -> None:
    for original in (run, vae_runs):
        copy = pickle.loads(pickle.dumps(original))
        assert type(copy) is type(original)
        assert same((copy.history, copy.snapshots), (original.history, original.snapshots))
        assert np.array_equal(copy.status, original.status)
        one, other = (runs[1] if isinstance(runs, Runs) else runs for runs in (copy, original))
        np.testing.assert_array_equal(one.sample(0, 5), other.sample(0, 5))
    assert pickle.loads(pickle.dumps(run)).status.step == 60
