"""Several models that learn the same target from the same seed, record by record."""

from collections.abc import Mapping
from typing import Any

from divlab.explore.parallel import in_parallel
from divlab.languages import phrase
from divlab.models import Run, Training

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
            {name: one.untrained for name, one in self._trainings.items()}
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
            why = phrase(
                "state has {name} = {value}, but steps are recorded at 0, {first} … {last} only.",
                name=name,
                value=repr(value),
                first=record_every,
                last=steps,
            )
            raise ValueError(why)
    if (step or 0) > (trained or 0):
        raise ValueError(
            phrase(
                "state has step = {step}, but its training has reached step {reached} only.",
                step=step,
                reached=trained or 0,
            )
        )
