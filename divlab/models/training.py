"""Training: one jitted loop for every model, one seed at a time or many at once."""

import sys
from functools import lru_cache, partial
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh, PartitionSpec
from tqdm.auto import tqdm

from divlab.checks import check_count, read_key
from divlab.divergences.arguments import Samples, read
from divlab.divergences.densities import Packed
from divlab.models.gan import GAN
from divlab.models.run import Run, Runs, Status
from divlab.models.vae import VAE
from divlab.pytrees import as_arrays


class _Progress(NamedTuple):
    """What the loop carries from one record to the next."""

    state: Any
    step: jax.Array
    diverged_at: jax.Array  # the first step whose loss was not finite, or -1


def fit(
    model, target, *, steps=2000, batch_size=256, key=0, record_every=20, progress=False
) -> Run:
    """Trains a model on a target, keeping its parameters along the way.

    The networks see measurements in units of their own mean and standard deviation, whatever
    those are, and the x of a distribution as it is: how far apart its modes lie against the
    spread of an untrained network is a part of the experiment.

    Args:
        model: a `divlab.GAN` or a `divlab.VAE`.
        target: a univariate continuous numpyro distribution, or a 1-D array of measurements, from
            which batches are drawn with replacement (so a batch may be larger than the data).
        steps: updates of the generator, or of the VAE.
        batch_size: points of the target in an update.
        key: an int or a JAX key; the same key gives the same run.
        record_every: steps between two records; step 0 and the last one are recorded too.
        progress: True shows a bar if the training takes over two seconds; a function is called
            with (step, steps) after each record.

    Returns:
        A `Run`. Interrupting (Ctrl-C) ends the training early and keeps what was recorded; a loss
        that is not finite ends it as well. `run.status` says which, and at which step.

    Raises:
        TypeError, ValueError: a model that is none, a target as in `divlab.kl`, an array with one
            value only, counts below 1.

    Example:
        >>> import divlab
        >>> target = divlab.targets.two_gaussians()
        >>> run = divlab.fit(divlab.VAE("elbo"), target, steps=40, record_every=20, key=1)
        >>> run.steps.tolist(), run.status
        ([0, 20, 40], 'completed')
    """
    options = {"steps": steps, "batch_size": batch_size, "record_every": record_every}
    return _to_the_end(Training(model, target, key=key, **options), progress)


def fit_many(
    model, target, *, seeds=64, steps=2000, batch_size=256, record_every=20, progress=False
) -> Runs:
    """Trains a model from many seeds at once, each as `fit` does with that key.

    Seeds are vectorised, and spread over all devices JAX has (see `divlab.configure`).

    Args:
        model, target, steps, batch_size, record_every, progress: as in `fit`.
        seeds: a number n, for the keys 0 … n-1, or an array of ints or of JAX keys.

    Returns:
        `Runs`, whose arrays have a leading axis of seeds; `runs[i]` is one `Run`.

    Raises:
        TypeError, ValueError: as in `fit`; no seeds.

    Example:
        >>> import divlab
        >>> target = divlab.targets.two_gaussians()
        >>> runs = divlab.fit_many(divlab.GAN("wgan"), target, seeds=3, steps=20)
        >>> len(runs), runs.history["critic_loss"].shape
        (3, (3, 2))
    """
    if seeds is None:  # which a Training takes for one key
        read_seeds(seeds)  # says what would do
    options = {"steps": steps, "batch_size": batch_size, "record_every": record_every}
    return cast(Runs, _to_the_end(Training(model, target, seeds=seeds, **options), progress))


class Training:
    """A training that goes on when it is told to: `fit`, or `fit_many`, from record to record.

    Args:
        model, target, steps, batch_size, key, record_every: as in `fit`.
        seeds: as in `fit_many`, in place of a key.

    Attributes:
        steps: of the whole training.
        step: the step reached; -1 before the first `advance`, which records step 0.

    Raises:
        TypeError, ValueError: as in `fit`.

    Example:
        >>> import divlab
        >>> target = divlab.targets.two_gaussians()
        >>> training = divlab.models.Training(divlab.VAE(hidden=(4,)), target, steps=9)
        >>> while training.advance():
        ...     pass
        >>> training.run.steps.tolist(), training.run.status
        ([0, 9], 'completed')
    """

    def __init__(
        self, model, target, *, steps=2000, batch_size=256, key=0, seeds=None, record_every=20
    ):
        self.model, self.target, self._marks = _read(model, target, steps, batch_size, record_every)
        self.steps, self.step = int(self._marks[-1]), -1
        self._records: list = []
        if seeds is None:
            self._key, self._seeds = read_key("key", key), None
            self._start, self._advance = _start, partial(_advance, batch_size=batch_size)
            return
        keys = read_seeds(seeds)
        devices = tuple(jax.local_devices())
        whole = -(-len(keys) // len(devices)) * len(devices)
        self._key = keys[np.arange(whole) % len(keys)]  # every device gets as many
        self._seeds = len(keys)
        self._start, self._advance = _many(devices, batch_size)

    def advance(self) -> bool:
        """Trains up to the next record; whether there is more to do after it."""
        fixed = self.model, self.target, self._key
        if not self._records:
            self._progress = self._start(*fixed)
            # Of step 0, the losses of the step that follows, by the program that is used anyway.
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

    @property
    def is_over(self) -> bool:
        """Whether `advance` has nothing left to do: the end is reached, or no loss is finite."""
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
            return Run(self.model, self.target, steps, history, snapshots, statuses[0])
        steps, status = np.tile(steps, (len(diverged_at), 1)), np.array(statuses, object)
        parts = jax.tree.map(lambda a: a[: self._seeds], (steps, history, snapshots, status))
        return Runs(self.model, self.target, *parts)


def _to_the_end(training: Training, report) -> Run:
    """Runs from record to record; what was recorded is kept, however it ends."""
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


_keys = jax.jit(jax.vmap(jax.random.key))


def read_seeds(seeds) -> jax.Array:
    """An array of keys, from how many, from ints or from keys."""
    if isinstance(seeds, (int, np.integer)) and not isinstance(seeds, bool):
        return _keys(np.arange(check_count("seeds", seeds)))
    if isinstance(seeds, (list, tuple, range)) and len(seeds) > 0:
        return jnp.stack([read_key("seeds", seed) for seed in seeds])
    if isinstance(seeds, (jax.Array, np.ndarray)) and np.shape(seeds)[:1] not in ((), (0,)):
        return jnp.stack([read_key("seeds", seed) for seed in jnp.asarray(seeds)])
    raise TypeError(f"seeds must be a number of at least 1 or an array of keys, got {seeds!r}.")


def _read(model, target, steps, batch_size, record_every):
    if not isinstance(model, (GAN, VAE)):
        raise TypeError(f"model must be a divlab.GAN or a divlab.VAE, got {model!r}.")
    if model.data_dim != 1:
        raise ValueError(
            f"fit learns numbers, of data_dim=1; this model has data_dim={model.data_dim}, which "
            "is for divlab.training_cost."
        )
    argument = read("target", target)
    if isinstance(argument, Samples):
        values = np.asarray(argument.values)
        if not np.all(np.isfinite(values)):
            raise ValueError("target holds infinite values; there is nothing to learn from them.")
        if np.all(values == values[0]):
            raise ValueError(
                f"target holds {len(values)} value(s), all {values[0]:g}; two different ones or "
                "more are needed to learn a distribution."
            )
    for name, count in (
        ("steps", steps),
        ("batch_size", batch_size),
        ("record_every", record_every),
    ):
        check_count(name, count)
    marks = [*range(0, steps, record_every), steps]
    return as_arrays(model), argument, np.array(marks)


def draw(target: Packed | Samples, key: jax.Array, n: int) -> jax.Array:
    """Draws n points of the target."""
    if isinstance(target, Packed):
        return target.distribution.sample(key, (n,))
    return target.values[jax.random.randint(key, (n,), 0, target.values.shape[0])]


def units(target: Packed | Samples) -> tuple[jax.Array, jax.Array]:
    """The location and scale in which networks see the target."""
    if isinstance(target, Samples):
        return jnp.mean(target.values), jnp.std(target.values)
    return jnp.zeros(()), jnp.ones(())


def _begin(model, target, key):
    """The untrained model."""
    state = model.init(jax.random.fold_in(key, 0), *units(target))
    return _Progress(state, jnp.zeros((), int), jnp.full((), -1, int))


def _go_on(model, target, key, progress, steps, batch_size):
    """Trains `steps` steps on; returns the mean of each loss over them as well."""

    def one_step(_, carry):
        (state, step, diverged_at), sums = carry
        # Keys count from the first step, so a run does not depend on how it is cut into records.
        step_key = jax.random.fold_in(key, step + 1)
        state, losses = model.step(state, partial(draw, target, n=batch_size), step_key)
        finite = jnp.all(jnp.stack([jnp.isfinite(loss) for loss in losses.values()]))
        diverged_at = jnp.where((diverged_at < 0) & ~finite, step + 1, diverged_at)
        sums = jax.tree.map(jnp.add, sums, losses)
        return _Progress(state, step + 1, diverged_at), sums

    def losses_of(state):
        return model.step(state, partial(draw, target, n=batch_size), key)[1]

    shapes = jax.eval_shape(losses_of, progress.state)
    zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
    progress, sums = lax.fori_loop(0, steps, one_step, (progress, zeros))
    return progress, jax.tree.map(lambda total: total / steps, sums)


# What runs once need not be fast: half the time to compile.
_ONCE = {"xla_backend_optimization_level": 0}
_start = jax.jit(_begin, compiler_options=_ONCE)
_advance = jax.jit(_go_on, static_argnames="batch_size")


@lru_cache
def _many(devices: tuple, batch_size: int):
    """`_start` and `_advance` over an axis of seeds, an equal share of them on each device."""
    mesh = Mesh(np.array(devices), ("seeds",))
    one, shared = PartitionSpec("seeds"), PartitionSpec()

    def sharded(function, in_axes, compiler_options=None):
        specs = tuple(shared if axis is None else one for axis in in_axes)
        mapped = jax.vmap(function, in_axes=in_axes)
        shards = jax.shard_map(mapped, mesh=mesh, in_specs=specs, out_specs=one, check_vma=False)
        return jax.jit(shards, compiler_options=compiler_options)

    start = sharded(_begin, (None, None, 0), _ONCE)
    advance = partial(_go_on, batch_size=batch_size)
    return start, sharded(advance, (None, None, 0, 0, None))
