"""What explorers that train share: train, pause, one step, rewind, and a scrubber over the run."""

import asyncio
import time
from collections.abc import Callable, Generator
from typing import Any

import ipywidgets as widgets
import numpy as np

import divlab
from divlab.divergences.arguments import read
from divlab.explore.base import (
    _LABEL,
    ALONE,
    WIDTH,
    Explorer,
    button,
    from_browser,
    read_state,
    row,
    slider,
)
from divlab.explore.own_data import OwnData, read_data
from divlab.explore.panels import density_and_samples, measure, reference
from divlab.models import Training
from divlab.targets import modes

STEPS, RECORD_EVERY = 2000, 20
# Seconds of training between two pictures, and between two looks at what the browser asks for: a
# press on "Pause" is heard in time, and drawing takes little of the training.
_SLICE = 0.15


class Trainer(Explorer):
    """An explorer that trains models on one target and moves through what was recorded.

    A subclass gives `models`, from the values of the controls to a dict of models, and `look`,
    from runs, target and values to the numbers and arrays of one recorded step. Pressed in a
    browser, `train` runs in slices, so that it can be paused; clicked from Python, it returns
    when the training is over. Interrupting it keeps what was recorded.

    Args:
        target: None for two Gaussians with sliders, else samples or a distribution.
        menus: further controls, by name; another value of one is another training.
        figure: the figure.
    """

    looks: tuple[str, ...] = ("step",)  # controls that train nothing
    along_every = 1  # records from one call of `along` to the next

    def __init__(self, target, menus: dict[str, widgets.Widget], figure):
        self._given = target
        self.runs: dict[str, Any] = {}  # as far as they are recorded
        self._trainings: dict[str, Training] = {}
        self._of: Any = None
        self.prepared: dict[str, Any] = {}
        self._seen: dict[tuple, Any] = {}
        self._along: dict[int, dict[str, float]] = {}
        self._task: asyncio.Task | None = None
        self._is_stopped = False
        self.own_data = OwnData(self._on_data, self.show_error)
        controls = {} if target is not None else {
            "separation": slider("Separation", 4.0, 0.0, 8.0, 0.1),
            "scale": slider("Scale", 0.5, 0.1, 1.5, 0.05),
        }  # fmt: skip
        controls |= menus | {
            "seed": widgets.BoundedIntText(
                0,
                min=0,
                max=2**31 - 1,
                description="Seed",
                tooltip="The same seed gives the same training",
                style=_LABEL,
                layout=widgets.Layout(width="16em"),
            ),
            "train": button("Train", "play", "Train on from here, or pause", style="primary"),
            "one_step": button("One record", "step-forward", f"Train {RECORD_EVERY} steps on"),
            "rewind": button("Rewind", "undo", "Back to the same untrained models"),
            "step": widgets.SelectionSlider(
                options=[0],
                description="Step",
                tooltip="Move through the recorded training, both ways",
                continuous_update=True,
                style=_LABEL,
                layout=WIDTH,
            ),
        }
        controls |= self.make_controls()
        controls["train"].on_click(lambda pressed: self.work(self._records(), pressed))
        controls["one_step"].on_click(lambda _: self.train(records=1))
        controls["rewind"].on_click(lambda _: self.rewind())
        self._play = widgets.Play(
            interval=100, tooltip="Play the recorded training", layout=widgets.Layout(width="auto")
        )
        self._play.observe(self._on_play, "value")
        self._bar = widgets.IntProgress(
            0, 0, 1, description="Training", style=_LABEL, layout=WIDTH, bar_style="info"
        )
        below = [row([self._play, self._bar, self.own_data])]
        super().__init__(controls, figure, below=below)

    def make_controls(self) -> dict[str, widgets.Widget]:
        """Further buttons, by name."""
        return {}

    def models(self, values: dict) -> dict[str, Any]:
        """The models to train, by name."""
        raise TypeError(f"{type(self).__name__} does not define models.")

    def look(self, runs: dict, learned: dict, step: int, values: dict) -> tuple[dict, dict]:
        """The numbers of one recorded step, and arrays that are drawn besides what all draw.

        Those are `prepared` and, by the name of each model, what it has `learned`: its density at
        x, and samples.
        """
        raise TypeError(f"{type(self).__name__} does not define look.")

    def prepare(self, target) -> dict[str, Any]:
        """What depends on the target alone."""
        argument, found = read("target", target), modes(target)
        x, density = reference(argument, found)
        return {"x": x, "density": density, "target": argument, "modes": found}

    def measure(self, run, step: int, seed: int = 0) -> dict[str, Any]:
        """The fields of `divlab.coverage`, KL(target‖model), JS and W₁ of one record."""
        return measure(run, step, self.prepared["target"], self.prepared["modes"], seed)

    def along(self, run, step: int) -> dict[str, float]:
        """Numbers of a record of the first model, for curves along training."""
        return {}

    def curves(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Steps and values of what `along` gives, by name."""
        steps = np.array(list(self._along))
        names = next(iter(self._along.values()))
        return {n: (steps, np.array([found[n] for found in self._along.values()])) for n in names}

    # What is trained, and how far.

    def target(self, values: dict):
        """What is to be learned: a file, what the explorer was made with, or two Gaussians."""
        if self.own_data.values is not None:
            return self.own_data.values
        if self._given is not None:
            return self._given
        return divlab.targets.two_gaussians(values["separation"], values["scale"])

    def _what_runs_depend_on(self, values: dict) -> Any:
        settings = {name: value for name, value in values.items() if name not in self.looks}
        return settings, self.own_data.name, self.own_data.values is None

    def _restart(self) -> None:
        """Untrained models, for the present values."""
        values = self.values()
        options = {"steps": STEPS, "record_every": RECORD_EVERY, "key": values["seed"]}
        target = self.target(values)
        trainings = {
            name: Training(model, target, **options) for name, model in self.models(values).items()
        }
        for training in trainings.values():
            training.advance()
        self.prepared, self._along = self.prepare(target), {}
        self._trainings, self._of = trainings, self._what_runs_depend_on(values)
        self._after_training()

    def _after_training(self) -> None:
        self._seen = {}
        self.runs = {name: training.run for name, training in self._trainings.items()}
        steps = [run.steps for run in self.runs.values()]
        shared = sorted(set(steps[0].tolist()).intersection(*(s.tolist() for s in steps[1:])))
        first = next(iter(self.runs.values()))
        for step in shared[:: self.along_every]:
            if step not in self._along:
                self._along[step] = self.along(first, step)
        with self.paused():
            self.controls["step"].options = shared
            self.controls["step"].value = shared[-1]
        self._play.max = len(shared) - 1
        self._bar.max, self._bar.value = STEPS, shared[-1]
        self._bar.description = f"{shared[-1]} of {STEPS}"

    def _goes_on(self) -> bool:
        return any(not training.is_over for training in self._trainings.values())

    def _advance(self) -> bool:
        """One record further, for each model that is behind the others; whether there is more."""
        going = [training for training in self._trainings.values() if not training.is_over]
        behind = min((training.step for training in going), default=0)
        for training in going:
            if training.step == behind:
                training.advance()
        return self._goes_on()

    # The buttons.

    def train(self, records: int | None = None) -> None:
        """Trains on, to the end or for so many records; returns when that is done."""
        self._to_the_end(self._records(records))

    def rewind(self) -> None:
        """Back to the untrained models of the same seed."""
        with ALONE:
            self._of = None
            self.refresh()

    def _records(self, count: int | None = None) -> Generator[Callable]:
        """Trains a record further at every turn, from the start if there is nothing left to do.

        Like all long work it gives, at every turn, the function that shows how far it is.
        """
        if self._of != self._what_runs_depend_on(self.values()) or not self._goes_on():
            self._restart()
        for _ in range(STEPS + 1 if count is None else count):
            more = self._advance()
            yield self._show_records
            if not more:
                break

    def _show_records(self) -> None:
        self._after_training()
        self.refresh()

    def work(self, turns: Generator[Callable], pressed: widgets.Button) -> None:
        """Takes all turns of a long work; in a browser in slices, which a second press ends."""
        if self._task is not None:
            self._is_stopped = True
        elif from_browser():
            slices = self._in_slices(turns, pressed)
            self._task = asyncio.get_running_loop().create_task(slices)
        else:
            self._to_the_end(turns)

    def _to_the_end(self, turns: Generator[Callable]) -> None:
        with ALONE:
            try:
                for _ in turns:
                    pass
            except KeyboardInterrupt:
                pass  # what was recorded is kept
            except Exception as error:
                self.show_error(error)
                return
            self._show_records()

    async def _in_slices(self, turns: Generator[Callable], pressed: widgets.Button) -> None:
        label, icon = pressed.description, pressed.icon
        pressed.description, pressed.icon = "Pause", "pause"
        self._is_stopped = False
        show: Callable | None = self._show_records
        try:
            while show is not None and not self._is_stopped:
                with ALONE:
                    end = time.monotonic() + _SLICE
                    while show is not None and time.monotonic() < end:
                        show = next(turns, None)
                    if show is not None:
                        show()
                await asyncio.sleep(0.01)  # the browser has its say
            with ALONE:
                turns.close()
                self._show_records()
        except Exception as error:
            self.show_error(error)
        finally:
            self._task = None
            pressed.description, pressed.icon = label, icon

    def _on_play(self, change) -> None:
        step = self.controls["step"]
        step.index = min(change["new"], len(step.options) - 1)

    def _on_data(self) -> None:
        own = self.own_data.values is not None
        for name in ("separation", "scale"):
            if name in self.controls:
                self.controls[name].disabled = own
        self._compiled.clear()  # another kind of target runs other programs
        self.refresh()

    # What every explorer does.

    def compute(self, **values):
        if self._of != self._what_runs_depend_on(values):
            self._is_stopped = True  # what is being trained is for other values
            self._restart()
            values = self.values()
        at = tuple(values[name] for name in self.looks)
        if at not in self._seen:  # what was looked at before comes back at once
            step, x = values["step"], self.prepared["x"]
            learned = {
                name: density_and_samples(run, step, x, values["seed"])
                for name, run in self.runs.items()
            }
            result, arrays = self.look(self.runs, learned, step, values)
            self._seen[at] = result, self.prepared | learned | arrays
        result, arrays = self._seen[at]
        return copy_of(result), arrays

    def trained(self) -> str:
        """For a caption: that nothing is trained yet, or what went wrong."""
        lost = [
            f"{name} diverged at step {run.status.step}"
            for name, run in self.runs.items()
            if run.status == "diverged"
        ]
        reached = self.controls["step"].options[-1]
        said = lost if reached else [*lost, "not trained yet: press “Train”"]
        return f" ({', '.join(said)})" if said else ""

    def state(self):
        state = {**super().state(), "trained": int(self.controls["step"].options[-1])}
        if self.own_data.values is not None:
            state["data"] = {"name": self.own_data.name, "values": self.own_data.values.tolist()}
        return state

    def load(self, state):
        """Sets the controls, and trains again from the seed as far as the state was.

        Raises:
            ValueError: as in `Explorer.load`; steps that no training records, data that are no
                measurements. Nothing has changed then, and what was trained is still there.
        """
        with ALONE:
            self._load(read_state(state))

    def _load(self, state):
        trained, step, data = (state.get(name) for name in ("trained", "step", "data"))
        recorded = [*range(0, STEPS, RECORD_EVERY), STEPS]
        for name, value in (("trained", trained), ("step", step)):
            if value is not None and value not in recorded:
                raise ValueError(
                    f"state has {name} = {value!r}, which is no recorded step; those are 0, "
                    f"{RECORD_EVERY} … {STEPS}."
                )
        if (step or 0) > (trained or 0):
            raise ValueError(f"state has step = {step}, but trained = {trained or 0} is less.")
        measurements = read_data(data) if data is not None else (None, "")
        with self.paused():
            own = ("trained", "step", "data")
            super().load({name: value for name, value in state.items() if name not in own})
            self.own_data.set(*measurements)
        self._of = None  # what is trained now does not count: the state says what is
        self._restart()
        while trained and self._trainings and self._reached() < trained and self._advance():
            pass
        self._after_training()
        if step is not None and step in self.controls["step"].options:
            with self.paused():
                self.controls["step"].value = step
        self.refresh()

    def _reached(self) -> int:
        return min(t.step for t in self._trainings.values())

    def refresh(self):
        if not self._is_paused:
            super().refresh()


def copy_of(result):
    """Nested dicts of numbers, which a user may change without changing what is kept."""
    if isinstance(result, dict):
        return {name: copy_of(value) for name, value in result.items()}
    return list(result) if isinstance(result, list) else result


__all__ = ["Trainer"]
