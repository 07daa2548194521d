"""All explorers on one page, one at a time: what `make dashboard` serves."""

import ipywidgets as widgets

_TITLES = {
    "nll_is_kl": "NLL is KL",
    "elbo_gap": "ELBO gap",
    "divergences": "Divergences",
    "disjoint_supports": "Disjoint supports",
    "estimators": "Estimators",
    "gan_game": "GAN game",
    "mode_collapse": "Mode collapse",
    "wasserstein_gan": "Wasserstein GAN",
    "objective_zoo": "Objective zoo",
    "training_cost": "Training cost",
}


class Gallery(widgets.VBox):
    """A row of tabs with every explorer; each is made when its tab is first opened.

    Attributes:
        tabs: the toggle buttons; `.value` is the name of the open explorer.
        explorers: name to explorer, of those opened so far.

    Example:
        >>> import divlab
        >>> gallery = divlab.explore.gallery()
        >>> list(gallery.explorers)
        ['nll_is_kl']
    """

    def __init__(self):
        self.explorers: dict[str, widgets.Widget] = {}
        self.tabs = widgets.ToggleButtons(
            options={title: name for name, title in _TITLES.items()}.items(),
            style={"button_width": "auto"},
        )
        self._page = widgets.VBox()
        super().__init__([self.tabs, self._page])
        self.tabs.observe(lambda _: self._show(), "value")
        self._show()

    def _show(self) -> None:
        from divlab import explore  # which lists this class too

        name = self.tabs.value
        if name not in self.explorers:
            self._page.children = [widgets.HTML("<i>Opening …</i>")]
            self.explorers[name] = getattr(explore, name)()
        self._page.children = [self.explorers[name]]
