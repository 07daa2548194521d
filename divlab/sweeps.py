"""Many models on many targets from many seeds, kept on disk as they are finished."""

import itertools
import os
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax.experimental import multihost_utils
from jax.typing import ArrayLike
from numpy.typing import NDArray
from numpyro.distributions import Distribution
from tqdm.auto import tqdm

from divlab import store as store_files
from divlab.checks import Count, Numbers, Seeds, check_count, read_seeds
from divlab.divergences import js, kl, reverse_kl, wasserstein
from divlab.divergences.comparison import compare
from divlab.divergences.diagnosis import quietly
from divlab.divergences.inputs import Samples, read_exact, read_number
from divlab.divergences.integrals.packed import Packed
from divlab.metrics import coverage, wasserstein_along
from divlab.models import Runs, fit_many
from divlab.models.protocol import Model, ModelLike, check_exact, read_model
from divlab.models.training import check_start
from divlab.pytrees import as_arrays
from divlab.targets import modes

BLOCK = 64  # seeds trained, and kept on disk, together
DRAWS = 10_000  # of a model, where its target is an array and has no density
NAMES = ("kl", "reverse_kl", "js", "wasserstein")
STATUSES = ("completed", "diverged")
_RECORDS = 20  # of a training that is watched along the way


def sweep(
    models: Mapping[str, ModelLike],
    targets: Mapping[str, Distribution | Numbers],
    *,
    seeds: Seeds,
    steps: Count = 2000,
    store: str | os.PathLike[str] | None = None,
    progress: bool | Callable[[int, int], Any] = True,
    bar: float | None = None,
    **fit_options: Any,
) -> xr.Dataset:
    """Trains every model on every target from every seed, and measures what each has learned.

    Each seed trains as `fit` does with that key, on all devices of this process. Under
    `jax.distributed` the work is shared between the processes, and each returns all of it.

    Args:
        models: dict of label to model, as in `fit`, with latent_dim=1.
        targets: dict of label to a target, as in `fit`.
        seeds: a number or an array of keys, as in `fit_many`.
        steps: as in `fit`.
        store: None, or a folder in which every finished block of 64 seeds is kept as a netCDF
            file; `~` is your home. A sweep that was killed goes on from there and gives the same
            Dataset; models, targets and blocks of seeds may be added later, and sweeps may share
            the folder.
        progress: True shows a bar; a function is called with (done, all) after each block.
        bar: None, or a distance W₁ to the target. The Dataset then has `steps_to_bar` too, the
            first of 20 recorded steps at which W₁ is below it, NaN if it never is.
        fit_options: `batch_size`, as in `fit`.

    Returns:
        A Dataset over model, target and seed of the fields of `Coverage` (`mode_fractions` with an
        axis `mode` as well, NaN beyond a target's own modes), `kl` = KL(target‖model),
        `reverse_kl` and `js` in nats, `wasserstein` in units of x, and `status`. They are exact
        where the target is a distribution; where it is an array, the first three are estimates by
        nearest neighbours from 10 000 draws of the model.

    Raises:
        TypeError, ValueError: as in `fit`; a dict is empty, or has a label that is not a string;
            the store is not a folder of this machine, cannot be written to, has too little room, or
            was made with other settings.
        OSError: the disk became full, say; the finished blocks are in the store.
        KeyboardInterrupt: finished blocks are in the store.

    Example:
        >>> import divlab
        >>> found = divlab.sweep(
        ...     {"small": divlab.VAE(hidden=(8,))},
        ...     {"near": divlab.targets.two_gaussians(2.0)},
        ...     seeds=3, steps=5, batch_size=32, progress=False,
        ... )
        >>> dict(found.sizes)
        {'model': 1, 'target': 1, 'seed': 3, 'mode': 2}
    """
    _check(models, targets, steps, fit_options)
    keys = read_seeds(seeds)
    folder = None if store is None else store_files.open_folder(store)
    blocks = [keys[i : i + BLOCK] for i in range(0, len(keys), BLOCK)]
    shared = {
        "divlab": version("divlab"),
        "steps": steps,
        "batch_size": fit_options.get("batch_size", 256),
        "bits": np.finfo(jax.dtypes.canonicalize_dtype(float)).bits,
    }
    if bar is not None:
        shared["bar"] = read_number("bar", bar, low=0.0, high=np.inf, closed=False, need="above 0")
    every = steps if bar is None else -(-int(steps) // _RECORDS)
    known_models = {label: _describe_model(model) for label, model in models.items()}
    known_targets = {label: _describe_target(target) for label, target in targets.items()}
    jobs = list(itertools.product(models, targets, range(len(blocks))))
    if folder is not None:
        store_files.check_names(folder, jobs)
    files = [None if folder is None else folder / store_files.file_name(*job) for job in jobs]
    of_block = [_digest(jax.random.key_data(block)) for block in blocks]
    attributes = [
        {"model": known_models[m], "target": known_targets[t], "seeds": of_block[b], **shared}
        for m, t, b in jobs
    ]
    found = [store_files.load(*pair) for pair in zip(files, attributes, strict=True)]

    turn, turns = jax.process_index(), jax.process_count()
    mine = range(turn, len(jobs), turns)
    missing = [i for i in mine if found[i] is None]
    if folder is not None and missing:
        store_files.check_room(folder, len(missing))
    for done in tqdm(range(len(missing)), unit="block", disable=progress is not True, leave=False):
        index = missing[done]
        model, target, block = jobs[index]
        options = {"steps": steps, "record_every": every, **fit_options}
        runs = fit_many(models[model], targets[target], seeds=blocks[block], **options)
        if "interrupted" in runs.status:
            raise KeyboardInterrupt
        content = store_files.pack(_measure(runs, targets[target], bar), attributes[index])
        found[index] = content
        if folder is not None:
            store_files.write(folder / store_files.file_name(*jobs[index]), content)
        if callable(progress):
            progress(done + 1, len(missing))
    if turns > 1:
        found = _gather([found[i] if i in mine else None for i in range(len(jobs))])
    contents = [content for content in found if content is not None]
    shared["seeds"] = _digest(jax.random.key_data(keys))
    labels = _labels(seeds, len(keys))
    return _assemble(jobs, contents, list(models), list(targets), labels, shared)


def _check(
    models: Mapping[str, ModelLike],
    targets: Mapping[str, Distribution | Numbers],
    steps: Count,
    fit_options: dict[str, Any],
) -> None:
    """Refuses now what would otherwise be found only after hours of training."""
    for name, value in (("models", models), ("targets", targets)):
        if not isinstance(value, dict) or not value:
            raise TypeError(f"{name} must be a dict with a label for each, got {value!r}.")
        for label in value:
            if not isinstance(label, str) or not label:
                raise TypeError(f"{name} must have strings as labels, got {label!r}.")
    for label, model in models.items():
        check_exact(f"models[{label!r}]", read_model(f"models[{label!r}]", model))
    for label, target in targets.items():
        try:
            modes(target)
        except (TypeError, ValueError) as error:
            raise type(error)(f"targets[{label!r}]: {error}") from error
    for (model_label, model), (label, target) in itertools.product(models.items(), targets.items()):
        try:
            check_start(model, target)
        except (TypeError, ValueError) as error:
            where = f"models[{model_label!r}], targets[{label!r}]"
            raise type(error)(f"{where}: {error}") from error
    check_count("steps", steps)
    unknown = set(fit_options) - {"batch_size"}
    if unknown:
        raise TypeError(f"sweep has no option {', '.join(sorted(unknown))}; it takes batch_size.")


def _labels(seeds: Seeds, count: int) -> NDArray[Any]:
    """The seeds themselves where they are ints, else their positions."""
    kinds = [getattr(leaf, "dtype", int) for leaf in jax.tree.leaves(seeds)]
    keys = any(jnp.issubdtype(kind, jax.dtypes.prng_key) for kind in kinds)
    given: Any = seeds
    return np.arange(count) if keys or np.ndim(given) != 1 else np.asarray(given)


def _digest(values: ArrayLike) -> str:
    array = np.asarray(values)
    return f"{array.shape} {zlib.crc32(array.tobytes()):08x}"


def _describe_model(model: Model) -> str:
    return repr(jax.tree.map(lambda leaf: np.asarray(leaf).tolist(), as_arrays(model)))


def _describe_target(target: Distribution | Numbers) -> str:
    argument = read_exact("target", target)
    if isinstance(argument, Samples):
        return f"samples {_digest(argument.values)}"
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(argument)]
    shown = [leaf.tolist() if leaf.size < 20 else _digest(leaf) for leaf in leaves]
    # The structure tells a mixture of Normals from one of Laplaces with the same numbers.
    structure = zlib.crc32(str(jax.tree.structure(argument)).encode())
    return f"{type(target).__name__} {structure:08x} {shown}"


def _measure(
    runs: Runs, target: Distribution | Numbers, bar: float | None
) -> dict[str, NDArray[Any]]:
    """Name of a variable -> its values, seeds first."""
    found = coverage(runs, target)._asdict()
    found |= divergences_to(target, (run.law_at() for run in runs))
    if bar is not None:
        below = wasserstein_along(runs, target) < bar
        first = runs.steps[0][below.argmax(axis=1)]
        found["steps_to_bar"] = np.where(below.any(axis=1), first, np.nan)
    found["status"] = np.array([STATUSES.index(status) for status in runs.status])
    return {name: np.asarray(values) for name, values in found.items()}


def divergences_to(
    target: Distribution | Numbers, learned: Iterable[Distribution]
) -> dict[str, NDArray[Any]]:
    """From a target to each of several learned distributions, `NAMES` of divergence -> (n,) values.

    They are NaN where a distribution is that of a model whose parameters are no longer finite.
    """
    argument = read_exact("target", target)
    rows = [_divergences(argument, one) for one in learned]
    dtype = jax.dtypes.canonicalize_dtype(float)
    return {name: np.array([row[name] for row in rows], dtype) for name in NAMES}


def _divergences(target: Packed | Samples, learned: Distribution) -> dict[str, Any]:
    if not all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(learned)):
        return dict.fromkeys(NAMES, np.nan)
    if isinstance(target, Packed):
        return compare(target.distribution, learned, *NAMES)
    x, draws = target.values, learned.sample(jax.random.key(0), (DRAWS,))
    with quietly():
        values = [kl(x, draws), reverse_kl(x, draws), js(x, draws), wasserstein(x, learned)]
    return dict(zip(NAMES, values, strict=True))


def _gather(found: list[bytes | None]) -> list[bytes | None]:
    """What all processes have; each block comes from one of them."""
    contents = [content or b"" for content in found]
    sizes = multihost_utils.process_allgather(np.array([len(content) for content in contents]))
    padded = np.zeros((len(contents), int(np.max(sizes))), np.uint8)
    for row, content in zip(padded, contents, strict=True):
        row[: len(content)] = np.frombuffer(content, np.uint8)
    rows = np.asarray(multihost_utils.process_allgather(padded))
    owners = np.argmax(sizes, axis=0)
    return [bytes(rows[owner, i, : sizes[owner, i]]) for i, owner in enumerate(owners)]


def _assemble(
    jobs: Sequence[tuple[str, str, int]],
    found: Sequence[bytes],
    models: Sequence[str],
    targets: Sequence[str],
    labels: NDArray[Any],
    shared: dict[str, Any],
) -> xr.Dataset:
    """One Dataset of all blocks."""
    parts = {job: store_files.unpack(content) for job, content in zip(jobs, found, strict=True)}
    modes = max(part.sizes["mode"] for part in parts.values())
    blocks = 1 + max(block for _, _, block in jobs)

    def of_cell(model: str, target: str) -> xr.Dataset:
        cell = xr.concat([parts[model, target, block] for block in range(blocks)], "seed")
        return cell.pad({"mode": (0, modes - cell.sizes["mode"])}).drop_attrs()

    rows = [xr.concat([of_cell(m, t) for t in targets], "target") for m in models]
    data: Any = xr.concat(rows, "model")
    status = data["status"].astype(int)
    data["status"] = status.copy(data=np.array(STATUSES)[status.values])
    names = {"model": models, "target": targets, "seed": labels}
    whole: xr.Dataset = data.assign_coords(names).assign_attrs(shared)
    return whole


__all__ = ["sweep"]
