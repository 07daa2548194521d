"""All explorers on one page, one at a time: what `make dashboard` serves."""

import ipywidgets as widgets

from divlab.explore import EXPLORERS
from divlab.explore.controls import descendants


class Gallery(widgets.VBox):
    """A row of tabs with every explorer. An explorer is made when its tab is first opened.

    Attributes:
        tabs: the toggle buttons; `.value` is the name of the explorer that is shown.
        explorers: the explorers that were opened so far, by name.

    Example:
        >>> import divlab
        >>> gallery = divlab.explore.gallery()
        >>> list(gallery.explorers)
        ['nll_is_kl']
    """

    def __init__(self) -> None:
        self.explorers: dict[str, widgets.Widget] = {}
        self.tabs = widgets.ToggleButtons(
            options=[(entry.title, name) for name, entry in EXPLORERS.items()],
            style={"button_width": "auto"},
        )
        self._page, self._opening = widgets.VBox(), widgets.HTML("<i>Opening …</i>")
        super().__init__([self.tabs, self._page])
        self.tabs.observe(lambda _: self._show(), "value")
        self._show()

    def _show(self) -> None:
        name = self.tabs.value
        if name not in self.explorers:
            self._page.children = [self._opening]
            self.explorers[name] = EXPLORERS[name].load()()
        self._page.children = [self.explorers[name]]

    def close(self) -> None:
        """Closes the gallery and every explorer that was opened."""
        if self.comm is None:  # ipywidgets calls this once more from `__del__`
            return
        for explorer in self.explorers.values():
            explorer.close()
        for part in [*descendants(self), *descendants(self._opening), self._opening]:
            part.close()
        super().close()
