"""What can be dragged in a picture moves with its control, and as far as the pointer.

The docstring of each test says what could go wrong without it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from divlab.figures.scene import Handle

# An explorer, and how many handles its panels have.
HANDLES = {
    "nll_is_kl": (4, 1),
    "disjoint_supports": (2, 1, 0),
    "divergences": (2, 0, 0),
    "estimators": (1, 1),
    "dirac_gan": (1, 0),
    "training_cost": (0, 0, 0),
    "two_sample_test": (2, 0, 0, 1),
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


@pytest.mark.parametrize("name", HANDLES)
def test_a_handle_moves_with_its_control(explorers: Callable[[str], Any], name: str) -> None:
    """A handle could stay behind the pointer, run ahead of it, or move another control."""
    explorer = explorers(name)
    before = explorer.state()
    assert tuple(len(panel.handles) for panel in explorer.current_scene.panels) == HANDLES[name]
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
                control.value = start
    finally:
        explorer.load(before)


@pytest.mark.parametrize("name", HANDLES)
def test_a_handle_lies_in_its_panel(explorers: Callable[[str], Any], name: str) -> None:
    """A handle could lie where nobody sees it, or hold a line that the panel lacks."""
    for panel in explorers(name).current_scene.panels:
        for handle in panel.handles:
            assert 0 <= panel.x.place(handle.x) <= 1
            assert 0 <= panel.y.place(handle.y) <= 1
            assert not handle.on or handle.on in {getattr(m, "label", "") for m in panel.marks}
