"""Training: one jitted loop for every model, one seed at a time or many at once."""

import sys
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple, TypeAlias, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import Array, Int, Key
from numpyro.distributions import Distribution
from tqdm.auto import tqdm

from divlab.checks import Count, KeyLike, Numbers, Seeds, check_count, read_key, read_seeds
from divlab.compiling import LONG_RUNNING, QUICKLY
from divlab.divergences.integrals.arrays import compiled
from divlab.divergences.integrals.packed import Packed
from divlab.models.data import Measurements, draws_from, read_target, standardised
from divlab.models.protocol import Losses, Model, ModelLike, State, read_model
from divlab.models.run import Run, Runs, Status
from divlab.models.units import AS_IT_IS
from divlab.pytrees import as_arrays

Function: TypeAlias = Callable[..., Any]
Report: TypeAlias = bool | Callable[[int, int], Any]


class _Progress(NamedTuple):
    """What the loop carries from one record to the next."""

    state: State
    step: Int[Array, ""]
    diverged_at: Int[Array, ""]  # the first step whose loss was not finite, or -1


def fit(
    model: ModelLike,
    target: Distribution | Numbers,
    *,
    steps: Count = 2000,
    batch_size: Count = 256,
    key: KeyLike = 0,
    record_every: Count = 20,
    progress: Report = False,
) -> Run:
    """Trains a model on a target, keeping its parameters along the way.

    Models see measurements standardised, in units of their mean and standard deviation. They see
    the x of a distribution as it is, because how far apart its modes lie, compared with the spread
    of an untrained network, is part of the experiment.

    Args:
        model: a `divlab.GAN`, a `divlab.VAE` or another kind of model.
        target: a univariate continuous numpyro distribution, or a 1-D array of measurements, from
            which batches are drawn with replacement (so a batch may be larger than the data).
        steps: training steps; each updates the generator, or the VAE, once.
        batch_size: points of the target in an update.
        key: an int or a JAX key; the same key gives the same run.
        record_every: steps between two records; step 0 and the last one are recorded too.
        progress: True shows a bar if the training takes over two seconds; a function is called
            with (step, steps) after each record.

    Returns:
        A `Run`. Interrupting (Ctrl-C) ends the training early and keeps what was recorded; a loss
        that is not finite ends it as well. `run.status` says which, and at which step.

    Raises:
        TypeError, ValueError: `model` is not a model; `target` is neither a distribution nor
            measurements, as in `divlab.kl`, or an array whose values are all equal, or so near to
            each other that their floats cannot tell them apart; a count is below 1.

    Example:
        >>> import divlab
        >>> target = divlab.targets.two_gaussians()
        >>> run = divlab.fit(divlab.VAE(hidden=(8,)), target, steps=40, record_every=20, key=1)
        >>> run.steps.tolist(), run.status
        ([0, 20, 40], 'completed')
    """
    training = Training(
        model, target, steps=steps, batch_size=batch_size, key=key, record_every=record_every
    )
    return _to_the_end(training, progress)


def fit_many(
    model: ModelLike,
    target: Distribution | Numbers,
    *,
    seeds: Seeds = 64,
    steps: Count = 2000,
    batch_size: Count = 256,
    record_every: Count = 20,
    progress: Report = False,
) -> Runs:
    """Trains a model from many seeds at once, each as `fit` does with that key.

    Seeds are vectorised, and spread over all devices JAX has (see `divlab.configure`).

    Args:
        model, target, steps, batch_size, record_every, progress: as in `fit`.
        seeds: a number n, for the keys 0 … n-1, or an array of ints or of JAX keys.

    Returns:
        `Runs`, whose arrays have a leading axis of seeds; `runs[i]` is one `Run`.

    Raises:
        TypeError, ValueError: as in `fit`; `seeds` holds no seed.

    Example:
        >>> import divlab
        >>> target = divlab.targets.two_gaussians()
        >>> gan = divlab.GAN(hidden=(8,))
        >>> runs = divlab.fit_many(gan, target, seeds=3, steps=20, batch_size=32)
        >>> len(runs), runs.history["critic_loss"].shape
        (3, (3, 2))
    """
    keys = read_seeds(seeds)
    training = Training(
        model, target, steps=steps, batch_size=batch_size, seeds=keys, record_every=record_every
    )
    return cast(Runs, _to_the_end(training, progress))


class Training:
    """A training that its owner drives: `fit`, or `fit_many`, one record at a time.

    Args:
        model, target, steps, batch_size, key, record_every: as in `fit`.
        seeds: as in `fit_many`, in place of a key; None for one training, from `key`.

    Attributes:
        steps: the number of steps of the whole training.
        step: the step reached; -1 before the first `advance`, which records step 0.

    Raises:
        TypeError, ValueError: as in `fit`.

    Example:
        >>> import divlab
        >>> target = divlab.targets.two_gaussians()
        >>> training = divlab.models.Training(divlab.VAE(hidden=(8,)), target, steps=9)
        >>> while training.advance():
        ...     pass
        >>> training.run.steps.tolist(), training.run.status
        ([0, 9], 'completed')
    """

    def __init__(
        self,
        model: ModelLike,
        target: Distribution | Numbers,
        *,
        steps: Count = 2000,
        batch_size: Count = 256,
        key: KeyLike = 0,
        seeds: Seeds | None = None,
        record_every: Count = 20,
    ) -> None:
        self.model = _read_model(model)
        self.target = read_target(target)
        self._seen = standardised(self.target)
        self._units = AS_IT_IS if isinstance(self._seen, Packed) else self._seen.units
        self._marks = _read_marks(steps, record_every)
        size = check_count("batch_size", batch_size)
        self.steps, self.step = int(self._marks[-1]), -1
        self._records: list[tuple[Losses, Any, Any]] = []
        self._seeds: int | None = None
        if seeds is None:
            self._key = read_key("key", key)
            self._start: Function = partial(_start, size)
            self._advance: Function = partial(_advance, size)
            return
        keys = read_seeds(seeds)
        devices = tuple(jax.local_devices())
        whole = -(-len(keys) // len(devices)) * len(devices)
        self._key = keys[np.arange(whole) % len(keys)]  # every device gets as many
        self._seeds = len(keys)
        self._start, self._advance = _many(size, devices)

    def advance(self) -> bool:
        """Trains up to the next record.

        Returns:
            Whether there is more to do after it.
        """
        fixed = self.model, self._seen, self._key
        if not self._records:
            self._progress = self._start(*fixed)
            # The losses at step 0 are those of the step after it, by the program that trains.
            _, losses = self._advance(*fixed, self._progress, 1)
            progress, mark = self._progress, 0
        elif not self.is_over:
            mark = int(self._marks[len(self._records)])
            progress, losses = self._advance(*fixed, self._progress, mark - self.step)
        else:
            return False
        # On the host, where a thousand records do not become a thousand device buffers.
        record = jax.device_get((losses, progress.state.params, progress.diverged_at))
        self._progress, self.step = progress, mark
        self._records.append(record)
        return not self.is_over

    def untrained(self) -> Run:
        """The record of step 0 of a training of one seed, without its losses.

        `advance` records the losses of step 0 too. For these it compiles the program that trains,
        which takes seconds.
        """
        progress = self._start(self.model, self._seen, self._key)
        snapshots = jax.tree.map(lambda a: np.asarray(a)[None], progress.state.params)
        return self._run(np.array([0]), {}, snapshots, Status("interrupted", 0))

    @property
    def is_over(self) -> bool:
        """Whether `advance` has nothing left to do.

        So it is once the last step is reached, or once every seed has diverged.
        """
        if not self._records:
            return False
        diverged = np.all(self._records[-1][2] >= 0)
        return bool(diverged) or len(self._records) == len(self._marks)

    @property
    def run(self) -> Run:
        """What was recorded until now, as a `Run`, or `Runs` of `seeds`."""
        if not self._records:
            self.advance()
        steps, diverged_at = self._marks[: len(self._records)], self._records[-1][2]
        axis = np.ndim(diverged_at)  # records follow the axis of seeds, where there is one
        stack = partial(jax.tree.map, lambda *leaves: np.stack(leaves, axis=axis))
        history, snapshots, _ = stack(*self._records)
        ended = "completed" if self.step == self.steps else "interrupted"
        statuses = [
            Status("diverged", int(at)) if at >= 0 else Status(ended, self.step)
            for at in np.atleast_1d(diverged_at)
        ]
        if self._seeds is None:
            return self._run(steps, history, snapshots, statuses[0])
        steps, status = np.tile(steps, (len(diverged_at), 1)), np.array(statuses, object)
        parts = jax.tree.map(lambda a: a[: self._seeds], (steps, history, snapshots, status))
        return self._run(*parts)

    def _run(self, steps: Any, history: Any, snapshots: Any, status: Any) -> Run:
        kind = Run if self._seeds is None else Runs
        return kind(self.model, self.target, steps, history, snapshots, status, self._units)


def _to_the_end(training: Training, report: Report) -> Run:
    """Advances to the end, or until it is interrupted; what was recorded is kept."""
    show = report is True
    bar = tqdm(total=training.steps, unit="step", delay=2.0, leave=False, disable=not show)
    try:
        goes_on = True
        while goes_on:
            before = max(training.step, 0)
            goes_on = training.advance()
            bar.update(training.step - before)
            if callable(report):
                report(training.step, training.steps)
    except KeyboardInterrupt:
        if training.step < 0:
            raise
        print(f"Interrupted; the run up to step {training.step} is kept.", file=sys.stderr)
    finally:
        bar.close()
    return training.run


def _read_model(model: ModelLike) -> Model:
    """A model that learns numbers, with its own numbers as arrays."""
    model = read_model("model", model)
    if model.data_dim != 1:
        raise ValueError(
            f"fit learns numbers, of data_dim=1; this model has data_dim={model.data_dim}, which "
            "is for divlab.training_cost."
        )
    return as_arrays(model)


def _read_marks(steps: Count, record_every: Count) -> Int[np.ndarray, " R"]:
    """The steps to record."""
    last, every = check_count("steps", steps), check_count("record_every", record_every)
    return np.array([*range(0, last, every), last])


def _begin(
    batch_size: int, model: Model, target: Packed | Measurements, key: Key[Array, ""]
) -> _Progress:
    """The untrained model."""
    state = model.init(jax.random.fold_in(key, 0), draws_from(target, batch_size))
    return _Progress(state, jnp.zeros((), int), jnp.full((), -1, int))


def check_start(model: ModelLike, target: Distribution | Numbers) -> None:
    """Raises what `fit` would raise before its first step, and computes nothing."""
    arguments = _read_model(model), standardised(read_target(target)), jax.random.key(0)
    jax.eval_shape(partial(_begin, 1), *arguments)


def _go_on(
    batch_size: int,
    model: Model,
    target: Packed | Measurements,
    key: Key[Array, ""],
    progress: _Progress,
    steps: Int[Array, ""],
) -> tuple[_Progress, Losses]:
    """Trains `steps` steps on; returns the mean of each loss over them as well."""
    data = draws_from(target, batch_size)

    @jax.jit  # so that it is traced once, though its losses' shapes are needed before the loop
    def step_of(state: State, key: Key[Array, ""]) -> tuple[State, Losses]:
        return model.step(state, data, key)

    def one_step(_: Any, carry: tuple[_Progress, Losses]) -> tuple[_Progress, Losses]:
        (state, step, diverged_at), sums = carry
        # Keys count from the first step, so a run does not depend on how it is cut into records.
        state, losses = step_of(state, jax.random.fold_in(key, step + 1))
        finite = jnp.all(jnp.stack([jnp.isfinite(loss) for loss in losses.values()]))
        diverged_at = jnp.where((diverged_at < 0) & ~finite, step + 1, diverged_at)
        sums = jax.tree.map(jnp.add, sums, losses)
        return _Progress(state, step + 1, diverged_at), sums

    _, shapes = jax.eval_shape(step_of, progress.state, key)
    zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
    progress, sums = lax.fori_loop(0, steps, one_step, (progress, zeros))
    return progress, jax.tree.map(lambda total: total / steps, sums)


_start = compiled(0, options=QUICKLY)(_begin)
_advance = compiled(0, options=LONG_RUNNING)(_go_on)


@lru_cache
def _many(batch_size: int, devices: tuple[jax.Device, ...]) -> tuple[Function, Function]:
    """`_start` and `_advance` over an axis of seeds, an equal share of them on each device."""
    mesh = Mesh(np.array(devices), ("seeds",))
    one, shared = PartitionSpec("seeds"), PartitionSpec()

    def sharded(function: Function, in_axes: tuple[int | None, ...]) -> Function:
        specs = tuple(shared if axis is None else one for axis in in_axes)
        mapped = jax.vmap(partial(function, batch_size), in_axes=in_axes)
        return jax.shard_map(mapped, mesh=mesh, in_specs=specs, out_specs=one, check_vma=False)

    start, advance = sharded(_begin, (None, None, 0)), sharded(_go_on, (None, None, 0, 0, None))
    return compiled(options=QUICKLY)(start), compiled(options=LONG_RUNNING)(advance)
