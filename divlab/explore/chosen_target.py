"""What the models of an explorer learn: what a user gives or draws, or what the controls say."""

from collections.abc import Callable
from typing import Any

import divlab
from divlab.explore.drawn import Drawing
from divlab.explore.own_data import OwnData


class ChosenTarget:
    """A target, of which a user's own data or a drawing take the place; the later of the two.

    Args:
        given: samples or a distribution; None for two Gaussians with sliders.
        on_change: is called when data or a drawing were given, or given up.
        on_error: is called with an error that says what is wrong with a file.

    Attributes:
        given: the target that the explorer was made with, or None.
        data: the place where a user gives measurements.
        drawing: the place where a drawing is kept.
    """

    def __init__(
        self, given: Any, on_change: Callable[[], None], on_error: Callable[[Exception], None]
    ) -> None:
        self.given, self._on_change = given, on_change
        self.data = OwnData(self._on_data, on_error)
        self.drawing = Drawing(self._on_drawing)

    def _on_data(self) -> None:
        if self.data.values is not None and self.drawing.distribution is not None:
            self.drawing.load(None)  # which calls `on_change`
        else:
            self._on_change()

    def _on_drawing(self) -> None:
        if self.data.values is not None and self.drawing.distribution is not None:
            self.data.load(None)
        else:
            self._on_change()

    @property
    def is_of_user(self) -> bool:
        """Whether a user has given data or a drawing, so that sliders of the target rest."""
        return self.data.values is not None or self.drawing.distribution is not None

    @property
    def key(self) -> Any:
        """What differs where data or drawings do."""
        return self.data.digest, self.drawing.state()

    def of(self, values: dict[str, Any]) -> Any:
        """The target for these values of the controls, a distribution or samples."""
        if self.data.values is not None:
            return self.data.values
        if self.drawing.distribution is not None:
            return self.drawing.distribution
        if self.given is not None:
            return self.given
        return divlab.targets.two_gaussians(values["separation"], values["scale"])
