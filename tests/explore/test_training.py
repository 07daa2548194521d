"""Train, pause, rewind, scrub: what the explorers that train do.

The docstring of each test says what could go wrong without it.
"""

import json
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest

import divlab
from divlab.explore import session

from . import expected
from .setting import STEPS, TRAINERS, VAE, agree, build, caption, picture, same


@pytest.mark.parametrize("name", TRAINERS)
def test_training_and_scrubbing(
    explorers: Callable[[str], Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slider could show another step than it says, or train again."""
    explorer = explorers(name)
    explorer.controls["seed"].value = 3
    untrained = picture(explorer)
    explorer.controls["train"].click()
    assert explorer._error.value == ""
    step = explorer.controls["step"]
    assert list(step.options) == [0, 20, 40]
    assert step.value == 40
    assert explorer.state()["trained"] == 40
    assert picture(explorer) != untrained
    agree(explorer.result, getattr(expected, name)(explorer.values()), 5e-3)

    def fail(*_: Any, **__: Any) -> None:
        raise AssertionError("trained again")

    seen: dict[int, Any] = {}
    with monkeypatch.context() as patch:
        patch.setattr(session, "Training", fail)
        for at in (40, 20, 0, 20, 40):
            step.value = at
            assert explorer._error.value == ""
            now = explorer.result, picture(explorer)
            if at in seen:
                same(now[0], seen[at][0])
                assert now[1] == seen[at][1]
            seen[at] = now
        explorer._play.value = 1
        assert step.value == 20
    assert len({shown for _, shown in seen.values()}) == 3

    # A trained state round-trips: seed, step and all.
    state, result = explorer.state(), explorer.result
    explorer.controls["seed"].value = 4
    assert explorer.state()["trained"] == 0
    explorer.load(json.loads(json.dumps(state)))
    assert explorer.state() == state
    same(explorer.result, result)
    explorer.controls["seed"].value = 0


def test_one_record_rewind_and_the_end(collapse: Any) -> None:
    """Rewinding could lead to other models than those that the user started from."""
    fresh = collapse.result
    for reached in (20, 40):
        collapse.controls["one_step"].click()
        assert collapse.state()["trained"] == reached
    collapse.controls["rewind"].click()
    assert collapse.state()["trained"] == 0
    same(collapse.result, fresh)


def test_interrupting_keeps_what_was_recorded(
    collapse: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupt could lose the training, or leave one that cannot go on."""
    advance, turns = session.Session.advance, []

    def stop(of: session.Session) -> bool:
        turns.append(1)
        if len(turns) == 2:
            raise KeyboardInterrupt
        return advance(of)

    with monkeypatch.context() as patch:
        patch.setattr(session.Session, "advance", stop)
        collapse.train()
    assert collapse.state()["trained"] == 20
    assert collapse._error.value == ""
    collapse.controls["train"].click()  # and goes on from there
    assert collapse.state()["trained"] == 40


def test_an_interrupted_load_leaves_what_was_trained(
    collapse: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who stops waiting for a pasted state could lose the training that is on display."""
    collapse.controls["train"].click()
    state, runs = collapse.state(), collapse.runs

    def stop(_: session.Session) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(session.Session, "advance", stop)
        with pytest.raises(KeyboardInterrupt):
            collapse.load({**state, "seed": 5})
    assert collapse.state() == state
    assert collapse.runs is runs


def test_a_model_that_diverges_does_not_hold_the_other_up(short: None) -> None:
    """One model that diverges could stop the other one, or the caption could hide it."""
    wild = divlab.GAN(learning_rate=1e20)
    explorer = divlab.explore.mode_collapse(vae=VAE, gan=wild)
    explorer.controls["train"].click()
    assert explorer.runs["vae"].steps[-1] == STEPS
    assert explorer.runs["gan"].status == "diverged"
    assert "gan diverged at step" in caption(explorer) or explorer._error.value != ""


def test_a_training_that_fails_says_so(collapse: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error while training would vanish, with the button left as "Pause"."""

    def fail(*_: Any, **__: Any) -> None:
        raise ValueError("no such target")

    with monkeypatch.context() as patch:
        patch.setattr(session.Session, "advance", fail)
        collapse.controls["train"].click()
    assert "no such target" in collapse._error.value
    assert not collapse.controls["train"].disabled


BAD_STATES: list[tuple[dict[str, Any], str]] = [
    ({"step": 7}, "recorded at 0, 20 … 40 only"),
    ({"trained": "all"}, "recorded at 0, 20 … 40 only"),
    ({"trained": 30}, "recorded at 0, 20 … 40 only"),
    ({"trained": 0, "step": 20}, "reached step 0 only"),
    ({"seed": -1}, "seed"),
    ({"data": [1, 2]}, "not measurements"),
    ({"data": {"name": "x", "values": ["a"]}}, "not measurements"),
    ({"data": {"name": "x", "values": [1.0, 1.0]}}, "not measurements"),
]


def test_a_bad_state_leaves_what_was_trained(collapse: Any) -> None:
    """A bad state could cost the user the training that is on display."""
    collapse.controls["train"].click()
    state, runs = collapse.state(), collapse.runs
    for change, says in BAD_STATES:
        with pytest.raises(ValueError, match=says):
            collapse.load({**state, **change})
        assert collapse.state() == state, change
        assert collapse.runs is runs, change


@pytest.mark.parametrize("name", TRAINERS)
def test_an_untrained_model_is_the_one_that_a_training_starts_from(
    explorers: Callable[[str], Any], name: str
) -> None:
    """The first picture could show other networks than those that are then trained."""
    explorer = explorers(name)
    values = explorer.values()
    target = explorer.target(values)
    for key, model in explorer.models(values).items():
        begun = divlab.models.Training(model, target, steps=STEPS, key=values["seed"])
        first = begun.untrained()
        begun.advance()
        pairs = zip(*map(jax.tree.leaves, (first.params, begun.run.params)), strict=True)
        for ours, theirs in pairs:
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6, err_msg=key)


def test_nothing_that_trains_is_compiled_before_train_is_pressed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The page would stay empty for seconds until what only a press on Train needs is compiled."""

    def fail(*_: Any) -> None:
        raise AssertionError("trained")

    with monkeypatch.context() as patch:
        patch.setattr(divlab.models.Training, "advance", fail)
        explorer = build("mode_collapse")
        assert explorer.result["gan"]["kl"] > 0
        assert explorer._error.value == ""
        assert "not trained yet" in caption(explorer)


def test_the_first_training_says_that_it_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds would pass after a press on Train with nothing on the page that says why."""
    explorer = build("mode_collapse")
    explorer.start()
    said = []
    advance = session.Session.advance

    def note(of: session.Session) -> bool:
        said.append(explorer._error.value)
        return advance(of)

    with monkeypatch.context() as patch:
        patch.setattr(session.Session, "advance", note)
        explorer.controls["train"].click()
    assert "Compiling the training" in said[0]
    assert explorer._error.value == ""
