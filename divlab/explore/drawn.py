"""A target that a user has drawn by hand."""

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
import numpy as np
from jaxtyping import Float
from numpyro.distributions import Distribution

from divlab.explore.controls import button
from divlab.languages import phrase
from divlab.targets import drawn

_NEEDED = phrase(
    '{"x": the ends of the axis, "heights": two numbers or more, none negative, not all 0}'
)


class Drawing(widgets.Box):
    """Keeps a density that was drawn in a panel, and a button that gives it up.

    Args:
        on_change: is called when the drawing has changed.

    Attributes:
        distribution: what was drawn, as `divlab.targets.drawn` makes it; None where nothing was.
        clear: the button that gives the drawing up.
    """

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._state: dict[str, list[float]] | None = None
        self.distribution: Distribution | None = None
        self.clear = button("Without the drawing", "eraser", "Back to the target of the controls")
        self.clear.layout.display = "none"
        self.clear.on_click(lambda _: self.load(None))
        super().__init__([self.clear])

    def state(self) -> dict[str, Any] | None:
        """The drawing as a dict that `json.dumps` accepts; None where there is none."""
        return self._state

    def load(self, state: dict[str, Any] | None) -> None:
        """Takes the drawing of a state, or gives up the one there is.

        Args:
            state: what `state` returned: the two ends of the axis, `x`, and the `heights` of the
                density at even steps between them.

        Raises:
            ValueError: it is no density. Nothing has changed then.
        """
        if state is None:
            self._state = self.distribution = None
        else:
            if not isinstance(state, dict) or set(state) != {"x", "heights"}:
                raise ValueError(
                    phrase(
                        'state has "drawn" = {state}; {needed} would do.',
                        state=repr(state),
                        needed=_NEEDED,
                    )
                )
            ends, heights = (_numbers(state[name]) for name in ("x", "heights"))
            is_density = heights.size > 1 and heights.min() >= 0 and heights.max() > 0
            if ends.size != 2 or not is_density or not ends[0] < ends[1]:
                raise ValueError(
                    phrase(
                        'state has "drawn" that is no density; {needed} would do.',
                        needed=_NEEDED,
                    )
                )
            x = np.linspace(ends[0], ends[1], heights.size)
            self.distribution = drawn(x, heights)
            plain = [int(h) if h == int(h) else h for h in heights.tolist()]
            self._state = {"x": ends.tolist(), "heights": plain}
        self.clear.layout.display = "none" if state is None else ""
        self._on_change()

    def python(self) -> str:
        """The drawing as code; empty where there is none."""
        if self._state is None:
            return ""
        (low, high), heights = self._state["x"], self._state["heights"]
        return f"divlab.targets.drawn(np.linspace({low}, {high}, {len(heights)}), {heights})"

    def keep(self) -> Callable[[], None]:
        """Keeps the drawing, to come back to it.

        Returns:
            A function that brings it back.
        """
        kept = self._state
        return lambda: self.load(kept)


def _numbers(values: Any) -> Float[np.ndarray, " n"]:
    try:
        found = np.asarray(values, float)
    except (TypeError, ValueError):
        found = np.zeros(0)
    is_fine = found.ndim == 1 and found.size and np.all(np.isfinite(found))
    return found if is_fine else np.zeros(0)
