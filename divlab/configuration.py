"""Opt-in settings of the machine and of the language, for a notebook's first cell."""

import os
import warnings
from pathlib import Path

import jax

from divlab import languages
from divlab.checks import check_count


def configure(*, cpu_devices: int | None = None, cache: bool = True, language: str = "en") -> None:
    """Spreads seeds over the cores of the CPU, keeps compiled programs, and sets a language.

    Call it before anything is computed, because JAX settles the number of devices when it starts
    its backend. Calling it again with the same settings does nothing.

    Args:
        cpu_devices: how many devices JAX makes of the CPU, each with one thread; None for one per
            core. `divlab.fit_many` gives each an equal share of the seeds.
        cache: whether compiled programs are kept on disk, in the folder named by
            `JAX_COMPILATION_CACHE_DIR`, or else `divlab` in the user's cache folder.
        language: in which explorers and exercises speak that are made afterwards: "en" or "pt".
            Names of controls and the keys of `result` are the same in each, and errors are raised
            in English.

    Raises:
        TypeError, ValueError: `cpu_devices` is not a count of at least 1, or there is no such
            language.

    Example:
        >>> import divlab
        >>> divlab.configure(cpu_devices=1, cache=False)
    """
    languages.use(language)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    devices = cores if cpu_devices is None else check_count("cpu_devices", cpu_devices)
    if cache:
        home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
        if not jax.config.values["jax_compilation_cache_dir"]:
            jax.config.update("jax_compilation_cache_dir", str(home / "divlab"))
        # Small programs too: a session runs many of them, and each takes longer to compile.
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    if jax.config.values["jax_num_cpu_devices"] == devices:
        return
    try:
        jax.config.update("jax_num_cpu_devices", devices)
    except RuntimeError:
        if jax.local_device_count("cpu") != devices:
            warnings.warn(
                f"JAX has already started with {jax.local_device_count('cpu')} CPU device(s), so "
                f"cpu_devices={devices} has no effect; call divlab.configure first thing.",
                stacklevel=2,
            )


__all__ = ["configure"]
