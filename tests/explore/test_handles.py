"""What can be dragged in a picture moves with its control, and as far as the pointer.

The docstring of each test says what could go wrong without it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from divlab.figures.scene import Handle

from .setting import SIMPLE

# An explorer, and how many handles its panels have.
HANDLES = {
    "nll_is_kl": (4, 1),
    "disjoint_supports": (2, 1, 0),
    "divergences": (2, 0, 0),
    "estimators": (1, 1),
    "dirac_gan": (1, 0),
    "training_cost": (0, 0, 0),
    "two_sample_test": (2, 0, 0, 1),
    "mode_collapse": (2, 2, 1, 1),
    "elbo_gap": (3, 0, 1),
    "gan_game": (2, 0, 1),
    "minimum_divergence": (2, 2, 1, 1),
    "wasserstein_gan": (2, 0, 1),
    "objective_zoo": (2, 2, 0, 0),
}


def handles_of(explorer: Any) -> list[Handle]:
    """The handles of all panels."""
    return [handle for panel in explorer.current_scene.panels for handle in panel.handles]


def neighbour(control: Any) -> Any:
    """Another position of a control, beside the present one."""
    if hasattr(control, "options"):
        at = control.index
        return control.options[at - 1 if at else at + 1]
    return control.value + (control.step if control.value < control.max else -control.step)


@pytest.mark.parametrize("name", [*SIMPLE, "elbo_gap"])  # the others that train share its handles
def test_a_handle_moves_with_its_control(explorers: Callable[[str], Any], name: str) -> None:
    """A handle could stay behind the pointer, run ahead of it, or move another control."""
    explorer = explorers(name)
    before = start_of_all = explorer.state()
    if "trained" in before:
        before = before | {"trained": 20, "step": 20}  # else there is no other step
        explorer.load(before)
    try:
        for i, handle in enumerate(handles_of(explorer)):
            for axis, drag in (("x", handle.across), ("y", handle.up)):
                if drag is None:
                    continue
                control = explorer.controls[drag.control]
                start, at = control.value, getattr(handle, axis)
                control.value = neighbour(control)
                moved = getattr(handles_of(explorer)[i], axis) - at
                np.testing.assert_allclose(moved * drag.slope, control.value - start, atol=1e-6)
                explorer.load(before)  # to train again where the target was another one
    finally:
        explorer.load(start_of_all)


@pytest.mark.parametrize("name", HANDLES)
def test_a_handle_lies_in_its_panel(explorers: Callable[[str], Any], name: str) -> None:
    """A handle could lie where nobody sees it, or hold a line that the panel lacks."""
    panels = explorers(name).current_scene.panels
    assert tuple(len(panel.handles) for panel in panels) == HANDLES[name]
    for panel in panels:
        for handle in panel.handles:
            assert 0 <= panel.x.place(handle.x) <= 1
            assert 0 <= panel.y.place(handle.y) <= 1
            assert not handle.on or handle.on in {getattr(m, "label", "") for m in panel.marks}


def test_a_target_of_a_users_own_has_no_handles(explorers: Callable[[str], Any]) -> None:
    """A drag could move a slider that nothing follows, or an old drawing hide new data."""
    explorer = explorers("elbo_gap")
    before, density = explorer.state(), explorer.prepared["density"]

    def offered() -> set[str]:
        return {handle.across.control for handle in handles_of(explorer) if handle.across}

    assert offered() == {"separation", "scale", "step", "x"}
    explorer.draw_target([-2.0, 2.0], [0.0, 1.0, 0.0, 2.0, 0.0])
    assert explorer._error.value == ""
    assert offered() == {"step", "x"}
    assert explorer.controls["separation"].disabled
    drawn = explorer.state()["drawn"]
    values = np.append(np.arange(30.0), 8.5)  # as many as elsewhere: compiled once
    explorer.own_data.set_samples((values,), ("x",))  # the later one
    assert "drawn" not in explorer.state()
    assert offered() == {"step", "x"}
    explorer.draw_target(**drawn)
    assert "data" not in explorer.state()
    assert explorer.state()["drawn"] == drawn
    explorer._target.drawing.clear.click()
    assert explorer.state() == before
    np.testing.assert_array_equal(explorer.prepared["density"], density)
