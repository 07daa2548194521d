"""What explorers that train share: train, pause, one record, rewind, and a slider over the run."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import ipywidgets as widgets
import numpy as np
from jaxtyping import Float, Int

from divlab.explore import controls
from divlab.explore.base import Explorer
from divlab.explore.chosen_target import ChosenTarget
from divlab.explore.events import ALONE
from divlab.explore.learned import View, reference, remarks, view
from divlab.explore.panels import target_handles
from divlab.explore.parallel import in_parallel
from divlab.explore.session import Session, check_steps
from divlab.explore.sharing import copy_of, read_state
from divlab.explore.slices import Turns, Work
from divlab.explore.target_code import TargetCode, code_of_target
from divlab.figures.scene import Handle
from divlab.languages import listed, phrase
from divlab.models import Run

STEPS, RECORD_EVERY = 2000, 20
# What a training leaves behind: attributes that a new one replaces.
_TRAINED = ("runs", "prepared", "_session", "_trained_for", "_seen", "_along")


class Trainer(Explorer):
    """An explorer that trains models on one target and moves through what was recorded.

    A subclass defines `models`, which turns the values of the controls into models, and `look`,
    which turns one recorded step into numbers and arrays. The button `train` trains in slices
    when a browser presses it, so that it can be paused. Clicked from Python it returns when the
    training is over. An interrupt keeps what was recorded.

    The first picture needs the untrained models only. The programs that train are compiled when
    `train` or `one_step` is first pressed.

    Args:
        target: None for two Gaussians with sliders, or samples or a distribution to learn.
        menus: what models there are, by name; they are trained anew when one of these changes.
        views: what is shown of them, by name; nothing is trained anew for these.

    Attributes:
        runs: what is recorded so far, by the name of the model.
        prepared: what depends on the target alone, by name; see `prepare`.
        looks: the names of the controls for which nothing is trained anew.
        own_data: the place where a user gives measurements of their own.
        along_every: how many records lie between two calls of `along`.
    """

    along_every: int = 1

    def __init__(
        self,
        target: Any,
        menus: Mapping[str, widgets.Widget],
        views: Mapping[str, widgets.Widget] | None = None,
    ) -> None:
        self.looks = ("step", *(views or {}))
        self.runs: dict[str, Run] = {}
        self.prepared: dict[str, Any] = {}
        self._session: Session | None = None
        self._trained_for: Any = None
        self._seen: dict[tuple[Any, ...], Any] = {}
        self._along: dict[int, dict[str, float]] = {}
        self._work = Work(self._show_records, self.show_error)
        self._target = ChosenTarget(target, self._on_target, self.show_error)
        self.own_data = self._target.data
        self._play, self._bar = controls.of_progress()
        self._play.observe(self._on_play, "value")
        groups = self._make_groups(menus, views or {})
        drawing = self._target.drawing
        more = {"Target": [self.own_data, drawing], "Training": [self._play, self._bar]}
        super().__init__(groups, more=more, data=self.own_data, drawing=drawing)

    def _make_groups(
        self, menus: Mapping[str, widgets.Widget], views: Mapping[str, widgets.Widget]
    ) -> dict[str, Mapping[str, widgets.Widget]]:
        of_training = controls.of_training(RECORD_EVERY)
        of_training["train"].on_click(lambda pressed: self._work.press(self._records(), pressed))
        of_training["one_step"].on_click(lambda _: self.train(records=1))
        of_training["rewind"].on_click(lambda _: self.rewind())
        groups = {
            "Target": controls.of_target() if self._target.given is None else {},
            "Model": menus,
            "Training": {**of_training, **self.more_buttons()},
            "View": views,
        }
        return {title: named for title, named in groups.items() if named or title == "Target"}

    # What a subclass defines.

    def more_buttons(self) -> dict[str, widgets.Widget]:
        """Further buttons that train, by name."""
        return {}

    def models(self, values: dict[str, Any]) -> dict[str, Any]:
        """The models to train with these values of the controls, by name."""
        raise TypeError(f"{type(self).__name__} does not define models.")

    def look(
        self, runs: dict[str, Run], learned: dict[str, View], step: int, values: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Computes what is shown of one recorded step.

        Args:
            runs: what is recorded, by the name of the model.
            learned: by the name of the model, its density at the points `prepared["x"]`,
                samples from it, and its distribution function at these points.
            step: the recorded step.
            values: the values of the controls.

        Returns:
            The numbers for `result`, and arrays. `scene` gets these arrays together with
            `prepared` and `learned`.
        """
        raise TypeError(f"{type(self).__name__} does not define look.")

    def prepare(self, target: Any) -> dict[str, Any]:
        """Computes what depends on the target alone, which is a distribution or samples.

        Returns:
            `target` and its `modes`, as divlab's functions read them, points `x` at which to
            draw, and the target's `density` there.
        """
        return reference(target)

    def along(self, run: Run, step: int) -> dict[str, float]:
        """Numbers of one record of the first model, for curves along training.

        Args:
            run: the run of the first model.
            step: the recorded step.

        Returns:
            The numbers, by name.
        """
        return {}

    def curves(self) -> dict[str, tuple[Int[np.ndarray, " n"], Float[np.ndarray, " n"]]]:
        """What `along` returned so far: steps and values, by name."""
        steps = np.array(list(self._along))
        names = next(iter(self._along.values()))
        return {
            name: (steps, np.array([found[name] for found in self._along.values()]))
            for name in names
        }

    # What is trained, and how far.

    def target(self, values: dict[str, Any]) -> Any:
        """What is to be learned with these values of the controls.

        Returns:
            A user's own data or drawing, or the target that the explorer was made with, or two
            Gaussians.
        """
        return self._target.of(values)

    def target_handles(self, values: dict[str, Any]) -> tuple[Handle, ...]:
        """Handles on the two Gaussians; none where the target is another one."""
        if self._target.is_of_user:
            return ()
        return target_handles(values, self.prepared["density"])

    def code_of_target(self, values: dict[str, Any], *imports: str) -> TargetCode:
        """The target as Python, after these imports and that of divlab."""
        return code_of_target(self._target, values, type(self).__name__, *imports)

    @property
    def is_trained(self) -> bool:
        """Whether a training for the present values has reached its end."""
        is_current = self._trained_for == self._what_runs_depend_on(self.values())
        return is_current and self._session is not None and self._session.is_over

    def _what_runs_depend_on(self, values: dict[str, Any]) -> Any:
        settings = {name: value for name, value in values.items() if name not in self.looks}
        return settings, self._target.key

    def restart(self) -> Session:
        """Makes untrained models for the present values."""
        values = self.values()
        target = self.target(values)
        session = Session(self.models(values), target, values["seed"], STEPS, RECORD_EVERY)
        self.prepared, self._along = self.prepare(target), {}
        self._session, self._trained_for = session, self._what_runs_depend_on(values)
        self.take_records()
        return session

    def take_records(self) -> None:
        """Takes what is recorded, and shows the last step that all models have reached."""
        assert self._session is not None
        self._seen, self.runs = {}, self._session.runs
        first = next(iter(self.runs.values()))
        for step in self._offer_steps()[:: self.along_every]:
            if step not in self._along:
                self._along[step] = self.along(first, step)

    def _offer_steps(self) -> list[int]:
        """Offers the steps that are recorded for all models."""
        steps = [run.steps.tolist() for run in self.runs.values()]
        shared = sorted(set(steps[0]).intersection(*steps[1:])) if steps else [0]
        with self.paused():
            controls.offer(self.controls["step"], shared)
        self._play.max, self._bar.max, self._bar.value = len(shared) - 1, STEPS, shared[-1]
        said = phrase("{step} of {steps}", step=shared[-1], steps=STEPS)
        self._bar.description = self.language.tell(said)
        return shared

    # The buttons.

    def train(self, records: int | None = None) -> None:
        """Trains on, and returns when that is done.

        Args:
            records: how many records to train; None to train to the end.
        """
        self._work.finish(self._records(records))

    def leave(self) -> None:
        self._work.stop()

    def rewind(self) -> None:
        """Goes back to the untrained models of the same seed."""
        with ALONE:
            self._trained_for = None
            self.refresh()

    def _records(self, count: int | None = None) -> Turns:
        """Trains one record further at every turn; starts anew if the training is over."""
        session = self._session
        is_current = self._trained_for == self._what_runs_depend_on(self.values())
        if session is None or session.is_over or not is_current:
            session = self.restart()
        if session.is_untrained:
            self.show_compiling(phrase("the training"))
        for _ in range(STEPS + 1 if count is None else count):
            more = session.advance()
            yield self._show_records
            if not more:
                break

    def _show_records(self) -> None:
        if self._session is not None:  # or else the explorer was closed meanwhile
            self.take_records()
            self.refresh()

    def _on_play(self, change: dict[str, Any]) -> None:
        step = self.controls["step"]
        step.index = min(change["new"], len(step.options) - 1)

    def _on_target(self) -> None:
        for name in ("separation", "scale"):
            if name in self.controls:
                self.controls[name].disabled = self._target.is_of_user
        self._compiled.clear()  # another kind of target runs other programs
        self.refresh()

    # What every explorer does.

    def compute(self, *_: Any, **values: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        if self._trained_for != self._what_runs_depend_on(values):
            self._work.stop()  # it trains for values that are no longer set
            self.restart()
            values = self.values()
        at = tuple(values[name] for name in self.looks)
        if at not in self._seen:  # what was looked at before comes back at once
            step, x = values["step"], self.prepared["x"]
            seed = values["seed"]
            views = {name: partial(view, run, step, x, seed) for name, run in self.runs.items()}
            learned = in_parallel(views)
            result, arrays = self.look(self.runs, learned, step, values)
            self._seen[at] = result, self.prepared | learned | arrays
        result, arrays = self._seen[at]
        return copy_of(result), arrays

    def trained(self) -> str:
        """For a caption: what is not trained yet, has diverged, or is measured in part."""
        return remarks(self.runs, self.controls["step"].options[-1], self.prepared["target"])

    def at_step(self, values: dict[str, Any], parts: Iterable[str]) -> str:
        """A caption: the step that is shown, and a sentence of each of the models."""
        said = phrase("Step {step}{trained}", step=values["step"], trained=self.trained())
        return phrase("{parts}.", parts=listed([said, *parts], ". "))

    def state(self) -> dict[str, Any]:
        """The values of the controls, how far the training has gone, and a user's own data."""
        return {**super().state(), "trained": int(self.controls["step"].options[-1])}

    def load(self, state: dict[str, Any] | str) -> None:
        """Sets the controls, and trains again from the seed as far as the state was.

        Args:
            state: what `state` returned, or the JSON of it.

        Raises:
            ValueError: as in `Explorer.load`, and where a step is not one that a training
                records or no model can learn the data. Nothing has changed then, and what was
                trained is still there.
        """
        with ALONE:
            state = read_state(state)
            check_steps(state.get("trained"), state.get("step"), STEPS, RECORD_EVERY)
            bring_back = self.keep()
            try:
                self._load(state)
            except BaseException:
                bring_back()
                raise
            self.refresh()

    def _load(self, state: dict[str, Any]) -> None:
        trained, step = state.get("trained", 0), state.get("step")
        with self.paused():
            super().load({n: v for n, v in state.items() if n not in ("trained", "step")})
        session = self.restart()  # whatever is trained now was not asked for by the state
        while session.step < (trained or 0) and session.advance():
            pass
        self.take_records()
        if step is not None and step in self.controls["step"].options:
            with self.paused():
                self.controls["step"].value = step
        self.compute(**self.values())  # what cannot be shown is refused as well

    def keep(self) -> Callable[[], None]:
        bring_back, trained = super().keep(), {name: vars(self)[name] for name in _TRAINED}

        def back() -> None:
            self.__dict__.update(trained)
            self._offer_steps()
            bring_back()

        return back

    def take_training(self, other: "Trainer") -> None:
        """Takes what another explorer of this kind, set to equal values, has trained."""
        self.__dict__.update({name: vars(other)[name] for name in _TRAINED})
        self._offer_steps()

    def _free(self) -> None:
        super()._free()
        self._work.stop()
        self._session = self._trained_for = None
        self.runs, self.prepared, self._seen, self._along = {}, {}, {}, {}
