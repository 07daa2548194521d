"""Settings of the machine are opt-in; each case runs in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import divlab


def run(code: str, folder: Path, *, flags: Any = ("-W", "error::UserWarning")) -> Any:
    """What a fresh Python prints, whose cache folder is `folder`."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder)}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    done = subprocess.run(
        [sys.executable, *flags, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_importing_divlab_changes_nothing(tmp_path: Path) -> None:
    code = """
import sys
import jax
before = dict(jax.config.values)
import divlab
assert jax.config.values == before, "a setting of JAX changed"
jax.config.update("jax_num_cpu_devices", 3)  # an error once a backend has started
assert jax.local_device_count() == 3
loaded = {"divlab.explore", "divlab.figures", "ipywidgets", "matplotlib"} & set(sys.modules)
assert not loaded, loaded
divlab.explore.nll_is_kl
assert "ipywidgets" in sys.modules
print("done")
"""
    assert run(code, tmp_path) == ["done"]


def test_devices_and_cache(tmp_path: Path) -> None:
    """Two devices; a second call is silent; programs are kept; odd numbers of seeds are spread."""
    code = """
import jax
import numpy as np
import divlab
divlab.configure(cpu_devices=2)
divlab.configure(cpu_devices=2)
print(jax.local_device_count())
model = divlab.VAE(hidden=(4,))
target = divlab.targets.two_gaussians()
options = dict(steps=6, record_every=3, batch_size=16)
runs = divlab.fit_many(model, target, seeds=3, **options)
print(len(runs), *runs.history["loss"].shape, *runs.steps.shape)
for i, one in enumerate(runs):
    alone = divlab.fit(model, target, key=i, **options)
    np.testing.assert_allclose(one.history["loss"], alone.history["loss"], rtol=1e-4)
divlab.configure(cpu_devices=2)
"""
    assert run(code, tmp_path) == ["2", "3", "3", "3", "3", "3"]
    assert any((tmp_path / "divlab").iterdir())


def test_too_late_is_said(tmp_path: Path) -> None:
    code = """
import warnings
import jax
import divlab
devices = jax.local_device_count()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    divlab.configure(cpu_devices=devices, cache=False)
    assert not caught
    divlab.configure(cpu_devices=devices + 1, cache=False)
(warning,) = caught
assert "cpu_devices" in str(warning.message)
assert warning.filename == "<string>", warning.filename
assert jax.local_device_count() == devices
assert not jax.config.jax_compilation_cache_dir
print("done")
"""
    assert run(code, tmp_path) == ["done"]
    assert not (tmp_path / "divlab").exists()


def test_a_folder_the_user_chose_is_kept(tmp_path: Path) -> None:
    code = f"""
import jax
jax.config.update("jax_compilation_cache_dir", {str(tmp_path / "mine")!r})
import divlab
divlab.configure(cpu_devices=1)
print(jax.config.jax_compilation_cache_dir)
"""
    assert run(code, tmp_path) == [str(tmp_path / "mine")]


@pytest.mark.parametrize("count", [0, -1, 1.5, "2", True])
def test_bad_counts(count: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="cpu_devices"):
        divlab.configure(cpu_devices=count, cache=False)
