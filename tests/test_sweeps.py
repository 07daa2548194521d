"""Sweeps: what they measure, and that nothing finished is lost or mixed up."""

import errno
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest
import xarray as xr
from numpyro.distributions import Categorical, Laplace, MixtureSameFamily, Normal

import divlab
from divlab import sweeps
from divlab.targets import two_gaussians
from tests.annotations import unchecked

# By the programs of the fixture `vae_runs`: blocks are of as many seeds.
MODELS = {"vae": divlab.VAE(hidden=(8,))}
TARGETS = {"near": two_gaussians(2.0, 0.5)}
# Measurements around three points.
DATA = np.concatenate([np.random.default_rng(0).normal(at, 0.5, 100) for at in (-3, 0, 3)])
OPTIONS = {"seeds": 9, "steps": 20, "batch_size": 32, "progress": False}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "BLOCK", 3)


@pytest.fixture(scope="module")
def whole() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweeps, "BLOCK", 3)
        return divlab.sweep(MODELS, TARGETS, **OPTIONS)


def test_it_measures_what_fit_many_learns(whole: xr.Dataset) -> None:
    assert dict(whole.sizes) == {"model": 1, "target": 1, "seed": 9, "mode": 2}
    target = TARGETS["near"]
    for seeds in np.arange(9).reshape(3, 3).tolist():  # as the sweep does, by the same program
        runs = divlab.fit_many(
            MODELS["vae"], target, seeds=seeds, steps=20, batch_size=32, record_every=20
        )
        found = whole.sel(model="vae", target="near", seed=seeds)
        for field, values in divlab.coverage(runs, target)._asdict().items():
            np.testing.assert_allclose(found[field], values, rtol=2e-3, atol=1e-4)
        for name in ("kl", "reverse_kl", "js", "wasserstein"):
            by_hand = [getattr(divlab, name)(target, run.distribution()) for run in runs]
            np.testing.assert_allclose(found[name], by_hand, rtol=5e-3)
    found = whole.sel(model="vae", target="near")
    assert found["status"].values.tolist() == ["completed"] * 9
    assert found["seed"].values.tolist() == list(range(9))


def test_a_gap_is_filled_and_nothing_else_done_again(whole: xr.Dataset, tmp_path: Path) -> None:
    xr.testing.assert_identical(divlab.sweep(MODELS, TARGETS, store=tmp_path, **OPTIONS), whole)
    first, second, third = sorted(tmp_path.iterdir())
    kept = third.stat().st_mtime_ns
    first.unlink()
    second.write_bytes(second.read_bytes()[:-40])  # as after a disk error
    calls = []
    again = divlab.sweep(
        MODELS, TARGETS, store=tmp_path, **OPTIONS | {"progress": lambda *at: calls.append(at)}
    )
    xr.testing.assert_identical(again, whole)
    assert calls == [(1, 2), (2, 2)]
    assert third.stat().st_mtime_ns == kept
    content = bytearray(second.read_bytes())
    content[-8] ^= 1  # one bit of one number
    second.write_bytes(content)
    xr.testing.assert_identical(divlab.sweep(MODELS, TARGETS, store=tmp_path, **OPTIONS), whole)


def test_seeds_may_be_added(whole: xr.Dataset, tmp_path: Path) -> None:
    calls = []
    fewer = OPTIONS | {"store": tmp_path, "seeds": 6}
    divlab.sweep(MODELS, TARGETS, **fewer)
    more = fewer | {"seeds": 9, "progress": lambda *at: calls.append(at)}
    xr.testing.assert_identical(divlab.sweep(MODELS, TARGETS, **more), whole)
    assert calls == [(1, 1)]


@pytest.mark.parametrize(
    ("seeds", "labels"),
    [
        (jax.random.split(jax.random.key(0), 3), [0, 1, 2]),
        ([jax.random.key(3), jax.random.key(4), jax.random.key(1)], [0, 1, 2]),
        (jax.random.split(jax.random.PRNGKey(0), 3), [0, 1, 2]),
        (range(5, 8), [5, 6, 7]),
        (np.array([7, 3, 5]), [7, 3, 5]),
    ],
    ids=["keys", "list-of-keys", "old-keys", "range", "ints"],
)
def test_forms_of_seeds(seeds: Any, labels: Any) -> None:
    found = divlab.sweep(MODELS, TARGETS, **OPTIONS | {"seeds": seeds})
    assert found["seed"].values.tolist() == labels


def test_every_cell_has_its_own_file(tmp_path: Path) -> None:
    models = {"a": MODELS["vae"], "a--b": MODELS["vae"], "a/b@c": MODELS["vae"]}
    targets = {"c": TARGETS["near"], "b--c": TARGETS["near"], "ü": TARGETS["near"]}
    divlab.sweep(models, targets, **OPTIONS | {"seeds": 3, "store": tmp_path})
    assert len(list(tmp_path.iterdir())) == 9


def test_targets_may_be_added_and_modes_may_differ_in_number(
    whole: xr.Dataset, tmp_path: Path
) -> None:
    divlab.sweep(MODELS, TARGETS, store=tmp_path, **OPTIONS)
    more = TARGETS | {"three": DATA}
    both = divlab.sweep(MODELS, more, store=tmp_path, **OPTIONS)
    assert both.sizes["mode"] == 3
    near = both.sel(target=["near"])
    assert np.all(np.isnan(near["mode_fractions"][..., 2]))
    xr.testing.assert_identical(near.isel(mode=slice(2)), whole)
    np.testing.assert_allclose(both["mode_fractions"].sum("mode"), 1.0, rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"steps": 21}, "steps was 20, is 21"),
        ({"batch_size": 33}, "batch_size was 32, is 33"),
        ({"seeds": [0, 1, 2, 3, 4, 5, 6, 7, 10]}, "seeds"),
        ({"models": {"vae": divlab.VAE(hidden=(8,), learning_rate=0.01)}}, "model"),
        ({"targets": {"near": two_gaussians(2.5, 0.5)}}, "target"),
    ],
)
def test_a_store_of_other_settings_is_refused(
    whole: xr.Dataset, tmp_path: Path, change: dict[str, Any], name: str
) -> None:
    divlab.sweep(MODELS, TARGETS, store=tmp_path, **OPTIONS)
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    arguments = {"models": MODELS, "targets": TARGETS, "store": tmp_path, **OPTIONS} | change
    with pytest.raises(ValueError, match=name):
        divlab.sweep(arguments.pop("models"), arguments.pop("targets"), **arguments)
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_targets_of_the_same_numbers_but_another_kind_are_refused(tmp_path: Path) -> None:
    shares = Categorical(probs=np.array([0.5, 0.5]))
    numbers = np.array([-1.0, 1.0]), np.array([0.5, 0.5])
    options = OPTIONS | {"seeds": 3, "store": tmp_path}
    divlab.sweep(MODELS, {"t": MixtureSameFamily(shares, Normal(*numbers))}, **options)
    with pytest.raises(ValueError, match="target was"):
        divlab.sweep(MODELS, {"t": MixtureSameFamily(shares, Laplace(*numbers))}, **options)


def test_a_bad_last_cell_is_found_before_the_first_is_trained(tmp_path: Path) -> None:
    options = OPTIONS | {"store": tmp_path}
    with pytest.raises(ValueError, match=r"targets\['one'\]"):
        divlab.sweep(MODELS, TARGETS | {"one": [1.0]}, **options)
    with pytest.raises(ValueError, match=r"models\['wide'\]"):
        divlab.sweep(MODELS | {"wide": divlab.VAE(data_dim=2)}, TARGETS, **options)
    assert list(tmp_path.iterdir()) == []


def test_interrupting_keeps_what_is_finished(whole: xr.Dataset, tmp_path: Path) -> None:
    def stop(done: Any, _: Any) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        divlab.sweep(MODELS, TARGETS, store=tmp_path, **OPTIONS | {"progress": stop})
    assert len(list(tmp_path.iterdir())) == 1
    xr.testing.assert_identical(divlab.sweep(MODELS, TARGETS, store=tmp_path, **OPTIONS), whole)


def test_a_full_disk_leaves_no_half_block(
    whole: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync, calls = os.fsync, iter(range(9))

    def full(file: Any) -> None:
        if next(calls) >= 2:  # after the probe and the first block
            raise OSError(28, "No space left on device")
        sync(file)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device; the blocks that were finished"):
        divlab.sweep(MODELS, TARGETS, store=tmp_path, **OPTIONS)
    assert [file.suffix for file in tmp_path.iterdir()] == [".nc"]
    monkeypatch.undo()
    monkeypatch.setattr(sweeps, "BLOCK", 3)
    xr.testing.assert_identical(divlab.sweep(MODELS, TARGETS, store=tmp_path, **OPTIONS), whole)


# What other processes run: the sweep above, as process `rank` of `count`.
SCRIPT = """
import sys
import jax
store, rank, count, port, out = sys.argv[1:]
if int(count) > 1:
    jax.distributed.initialize(f"127.0.0.1:{port}", int(count), int(rank))
import divlab
from divlab import sweeps
from divlab.targets import two_gaussians
sweeps.BLOCK = 3
found = divlab.sweep({"vae": divlab.VAE(hidden=(8,))}, {"near": two_gaussians(2.0, 0.5)},
                     seeds=9, steps=20, batch_size=32, store=store or None, progress=False)
found.to_netcdf(out, engine="scipy")
"""


def test_a_model_that_diverges_has_no_divergences() -> None:
    """Else one bad seed would end a sweep of hours with an error about NaN."""
    models = {"wild": divlab.VAE(hidden=(8,), learning_rate=1e20)}
    found = divlab.sweep(models, TARGETS, **OPTIONS | {"seeds": 3})
    assert found["status"].values.tolist() == [[["diverged"] * 3]]
    assert np.all(np.isnan(found["kl"]))


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Starts the script in a process that finds compiled programs where the last one left them."""
    environment = {
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path_factory.mktemp("cache")),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        **os.environ,  # `make test` has a cache of its own, with what this process has compiled
    }

    def process(
        store: Any, rank: Any = 0, count: Any = 1, port: Any = 0, out: Any = os.devnull
    ) -> Any:
        arguments = [str(a) for a in (store, rank, count, port, out)]
        return subprocess.Popen([sys.executable, "-c", SCRIPT, *arguments], env=environment)

    return process


def test_killed_at_any_moment_it_goes_on(whole: xr.Dataset, start: Any, tmp_path: Path) -> None:
    store, delays = tmp_path / "store", np.random.default_rng(0).uniform(0, 0.2, 2)
    for number, delay in enumerate(delays):
        process = start(store)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None:
            if store.is_dir() and len(list(store.glob("*.nc"))) > number:
                break
            time.sleep(0.002)
        time.sleep(delay)
        process.kill()
        process.wait()
        assert list(store.glob("*.nc"))
    xr.testing.assert_identical(divlab.sweep(MODELS, TARGETS, store=store, **OPTIONS), whole)


def test_two_sweeps_share_a_store(whole: xr.Dataset, start: Any, tmp_path: Path) -> None:
    both = [start(tmp_path) for _ in range(2)]
    assert [process.wait(120) for process in both] == [0, 0]
    assert len(list(tmp_path.iterdir())) == 3
    xr.testing.assert_identical(divlab.sweep(MODELS, TARGETS, store=tmp_path, **OPTIONS), whole)


def test_two_processes_give_what_one_does(whole: xr.Dataset, start: Any, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    out = [tmp_path / f"{rank}.nc" for rank in range(2)]
    both = [start("", rank, 2, port, out[rank]) for rank in range(2)]
    assert [process.wait(180) for process in both] == [0, 0]
    for file in out:
        found = xr.load_dataset(file, engine="scipy")
        found["status"] = found["status"].astype(str)
        xr.testing.assert_equal(found, whole)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"models": {}}, "models"),
        ({"models": divlab.VAE()}, "models"),
        ({"models": {1: divlab.VAE()}}, "models"),
        ({"models": {"wide": divlab.VAE(latent_dim=2)}}, "latent_dim"),
        ({"targets": {}}, "targets"),
        ({"targets": {"": two_gaussians()}}, "targets"),
        ({"targets": {"one": [1.0]}}, "target"),
        ({"steps": 0}, "steps"),
        ({"batch_size": 0}, "batch_size"),
        ({"seeds": 0}, "seeds"),
        ({"record_every": 5}, "record_every"),
    ],
)
def test_bad_input(change: dict[str, Any], name: str) -> None:
    arguments = {"models": MODELS, "targets": TARGETS, **OPTIONS} | change
    with pytest.raises((TypeError, ValueError), match=name):
        divlab.sweep(arguments.pop("models"), arguments.pop("targets"), **arguments)


def test_a_store_is_a_folder(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(ValueError, match="store"):
        divlab.sweep(MODELS, TARGETS, store=file, **OPTIONS)


@pytest.mark.parametrize(
    ("where", "error", "words"),
    [
        ("s3://bucket/runs", ValueError, "the address s3://bucket/runs"),
        ("gs://bucket", ValueError, "the address gs://bucket"),
        ("https://host/runs", ValueError, "a folder of this machine"),
        ("file:///runs", ValueError, "a folder of this machine"),
        (Path("s3://bucket"), ValueError, "the address s3:.bucket"),
        ("~nobody_of_this_name/runs", ValueError, "store ~nobody_of_this_name/runs cannot be made"),
        (f"{os.devnull}/runs", ValueError, "cannot be made"),
        ("", ValueError, "store must be the path of a folder, got ''"),
        (b"runs", TypeError, "store must be the path"),
        (7, TypeError, "store must be the path of a folder, got 7"),
    ],
)
def test_what_is_no_folder_of_this_machine_is_refused(
    where: Any, error: Any, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder named "s3:" or "~" would be found by nobody, least of all by the next sweep."""
    monkeypatch.chdir(tmp_path)
    with unchecked(), pytest.raises(error, match=words):
        divlab.sweep(MODELS, TARGETS, store=where, **OPTIONS)
    assert not list(tmp_path.iterdir())


def test_a_tilde_is_the_home(
    whole: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    divlab.sweep(MODELS, TARGETS, store="~/runs", **OPTIONS)
    assert len(list((tmp_path / "runs").glob("*.nc"))) == 3
    assert not (tmp_path / "~").exists()


@pytest.mark.parametrize("label", ["分" * 33, "é" * 50, "x" * 260, "a/" * 80, "🙂" * 25])
def test_labels_too_long_for_a_file_are_named(label: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"models\['{label}'\].*file name of \d+ bytes"):
        divlab.sweep({label: MODELS["vae"]}, TARGETS, store=tmp_path, **OPTIONS)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC, errno.EDQUOT])
def test_a_folder_that_takes_nothing_is_refused_before_training(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(sweeps, "fit_many", lambda *_, **__: pytest.fail("it was trained"))
    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(ValueError, match=f"store.*cannot be written to: {os.strerror(number)}"):
        divlab.sweep(MODELS, TARGETS, store=tmp_path, **OPTIONS)
    assert not list(tmp_path.iterdir())


def test_a_disk_that_is_too_full_is_refused_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeps, "fit_many", lambda *_, **__: pytest.fail("it was trained"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100_000))
    with pytest.raises(ValueError, match="has 100000 bytes left, but 3 blocks"):
        divlab.sweep(MODELS, TARGETS, store=tmp_path, **OPTIONS)


def test_a_finished_sweep_is_read_from_a_folder_that_takes_nothing(
    whole: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    divlab.sweep(MODELS, TARGETS, store=tmp_path, **OPTIONS)
    monkeypatch.setattr(os, "replace", lambda *_: pytest.fail("it was written to"))
    xr.testing.assert_identical(divlab.sweep(MODELS, TARGETS, store=tmp_path, **OPTIONS), whole)


def test_measurements_have_estimates() -> None:
    found = divlab.sweep(MODELS, {"data": DATA}, **OPTIONS | {"seeds": 3})
    for name in ("kl", "reverse_kl", "js", "wasserstein"):
        assert np.all(np.isfinite(found[name])), name
    assert np.all(found["js"] <= np.log(2))
