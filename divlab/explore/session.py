"""Several models that learn the same target from the same seed, record by record."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import numpy as np

from divlab.checks import read_key
from divlab.explore.parallel import in_parallel
from divlab.models import Run, Training
from divlab.models.compiling import QUICKLY
from divlab.models.data import draws_from
from divlab.models.run import Status

BATCH_SIZE = 256


class Session:
    """The trainings of several models, which advance together.

    At first the models are untrained. No program that trains is compiled before `advance` is
    called, so that an explorer can show the untrained models soon.

    Args:
        models: the models, by name.
        target: what they learn: a distribution or samples.
        seed: the seed of each training.
        steps: how many steps a training has.
        record_every: how many steps lie between two records.

    Attributes:
        steps: how many steps a training has.
    """

    def __init__(
        self, models: Mapping[str, Any], target: Any, seed: int, steps: int, record_every: int
    ) -> None:
        options: dict[str, Any] = {"steps": steps, "record_every": record_every}
        options["batch_size"] = BATCH_SIZE
        self.steps = steps
        self._trainings = {
            name: Training(model, target, key=seed, **options) for name, model in models.items()
        }
        self._untrained = in_parallel(
            {name: partial(untrained, one, seed) for name, one in self._trainings.items()}
        )

    @property
    def runs(self) -> dict[str, Run]:
        """What is recorded so far, by the name of the model."""
        return {
            name: training.run if training.step >= 0 else self._untrained[name]
            for name, training in self._trainings.items()
        }

    @property
    def step(self) -> int:
        """The step that every model has reached."""
        return max(min(training.step for training in self._trainings.values()), 0)

    @property
    def is_untrained(self) -> bool:
        """Whether nothing has been trained yet."""
        return all(training.step < 0 for training in self._trainings.values())

    @property
    def is_over(self) -> bool:
        """Whether every training has reached its end or has diverged."""
        return all(training.is_over for training in self._trainings.values())

    def advance(self) -> bool:
        """Trains each model that is behind the others up to its next record.

        Returns:
            Whether there is more to train.
        """
        going = [training for training in self._trainings.values() if not training.is_over]
        behind = min((training.step for training in going), default=0)
        for training in going:
            if training.step == behind:
                if training.step < 0:
                    training.advance()  # records step 0, where nothing is trained
                training.advance()
        return not self.is_over


def untrained(training: Training, seed: int) -> Run:
    """The record of step 0 of a training, without its losses.

    A `Training` records the losses of step 0 too. For these it compiles the program that trains,
    which takes seconds.

    Args:
        training: the training, which need not have begun.
        seed: its seed.

    Returns:
        A run that holds step 0 only, with the parameters that `divlab.fit` starts from.
    """
    model, target = training.model, training.target
    params = jax.device_get(_initial(model, target, read_key("seed", seed)))
    snapshots = jax.tree.map(partial(np.expand_dims, axis=0), params)
    return Run(model, target, np.array([0]), {}, snapshots, Status("interrupted", 0))


@partial(jax.jit, compiler_options=QUICKLY)  # it runs once for each seed
def _initial(model: Any, target: Any, key: Any) -> Any:
    data = draws_from(target, BATCH_SIZE)
    return model.init(jax.random.fold_in(key, 0), data).params


def check_steps(trained: Any, step: Any, steps: int, record_every: int) -> None:
    """Checks what a state says of its training.

    Args:
        trained: the last step that was trained, or None.
        step: the step that is shown, or None.
        steps: how many steps a training has.
        record_every: how many steps lie between two records.

    Raises:
        ValueError: one of them is not a step that a training records, or `step` is the later.
    """
    recorded = [*range(0, steps, record_every), steps]
    for name, value in (("trained", trained), ("step", step)):
        if value is not None and value not in recorded:
            raise ValueError(
                f"state has {name} = {value!r}, but steps are recorded at 0, {record_every} … "
                f"{steps} only."
            )
    if (step or 0) > (trained or 0):
        raise ValueError(
            f"state has step = {step}, but its training has reached step {trained or 0} only."
        )
