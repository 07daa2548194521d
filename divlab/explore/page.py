"""All explorers on one page, one at a time: what `make dashboard` serves."""

import base64
import html
from importlib import resources
from typing import Any

import anywidget
import ipywidgets as widgets
import traitlets

from divlab.explore import EXPLORERS
from divlab.explore.address import read_address
from divlab.explore.controls import descendants
from divlab.explore.stage import STYLE
from divlab.languages import Language, present


class Address(anywidget.AnyWidget):
    """What stands behind “#” in the address of the page.

    Attributes:
        asked: the text, and how often it was asked for; set by the page.
    """

    _esm = """
    export default { render({ model }) {
        const tell = () => {
            const hash = location.hash.slice(1);
            model.set("asked", { count: Date.now(), hash });
            model.save_changes();
        };
        addEventListener("hashchange", tell);
        tell();
        return () => removeEventListener("hashchange", tell);
    } };
    """
    _css = STYLE  # no picture has brought it yet
    asked = traitlets.Dict().tag(sync=True)


class Gallery(widgets.VBox):
    """A front page with every explorer, and the one that was chosen.

    An explorer is made when it is first opened. The address of the page says which one is shown
    and its state, as in `#explorer=nll_is_kl&separation=2.5`; a link with such an address opens
    what its sender saw.

    Attributes:
        name: the name of the explorer that is shown; empty on the front page.
        explorers: the explorers that were opened so far, by name.

    Example:
        >>> import divlab
        >>> gallery = divlab.explore.gallery()
        >>> gallery.go_to("explorer=nll_is_kl&separation=2.5")
        >>> gallery.explorers["nll_is_kl"].controls["separation"].value
        2.5
    """

    def __init__(self) -> None:
        self.name = ""
        self.explorers: dict[str, Any] = {}
        self._language = present()
        self._address = Address()
        self._address.observe(lambda change: self.go_to(change["new"]["hash"]), "asked")
        self._links, self._cards = widgets.HTML(), widgets.HTML(_cards(self._language))
        self._opening = widgets.HTML(f"<i>{self._language.tell('Opening …')}</i>")
        self._page = widgets.VBox([self._cards])
        super().__init__([self._address, self._links, self._page])
        for name in ("divlab", "divlab-gallery"):
            self.add_class(name)

    def go_to(self, address: str) -> None:
        """Shows what an address asks for; the front page where it names no explorer.

        Args:
            address: the part behind “#”: `explorer`, and the values of controls.
        """
        name, state = read_address(address)
        if self.name in self.explorers and self.name != name:
            self.explorers[self.name].leave()
        if name not in EXPLORERS:
            self.name, self._links.value, self._page.children = "", "", [self._cards]
            return
        self.name, self._links.value = name, _links(name, self._language)
        if name not in self.explorers:
            self._page.children = [self._opening]
            self.explorers[name] = EXPLORERS[name].load()()
            self.explorers[name].name = name
        explorer = self.explorers[name]
        self._page.children = [explorer]
        if state:
            try:
                explorer.load(state)
            except Exception as error:  # the visitor sees the page, and not a traceback in a log
                explorer.show_error(error)
        else:
            explorer.refresh()  # so that the address holds its state

    def close(self) -> None:
        """Closes the gallery and every explorer that was opened."""
        if self.comm is None:  # ipywidgets calls this once more from `__del__`
            return
        for explorer in self.explorers.values():
            explorer.close()
        own = [self._cards, self._opening]
        for part in [*descendants(self), *(p for one in own for p in (*descendants(one), one))]:
            part.close()
        super().close()


def _cards(language: Language) -> str:
    """The front page: a picture, the title and the question of each explorer, as links."""
    cards = []
    for name, entry in EXPLORERS.items():
        picture = resources.files("divlab").joinpath("data", "pictures", f"{name}.png")
        shown = base64.b64encode(picture.read_bytes()).decode() if picture.is_file() else ""
        image = f'<img alt="" src="data:image/png;base64,{shown}">' if shown else ""
        title, question = (html.escape(language.tell(text)) for text in entry[:2])
        cards.append(
            f'<a href="#explorer={name}">{image}<strong>{title}</strong><span>{question}</span></a>'
        )
    intro = language.tell(
        "How the choice of a divergence shapes what a model learns, in one dimension, where every "
        "number can be exact. Choose a question."
    )
    label = language.tell("Explorers")
    return (
        f"<h1>divlab</h1><p>{intro}</p>"
        f'<nav class="divlab-cards" aria-label="{label}">{"".join(cards)}</nav>'
    )


def _links(shown: str, language: Language) -> str:
    """A row of links above an explorer: the front page, and the other explorers."""
    links = [
        f'<a href="#explorer={name}"{_CURRENT if name == shown else ""}>'
        f"{html.escape(language.tell(entry.title))}</a>"
        for name, entry in EXPLORERS.items()
    ]
    front, label = (language.tell(text) for text in ("All explorers", "Explorers"))
    links.insert(0, f'<a href="#">{front}</a>')
    return f'<nav class="divlab-links" aria-label="{label}">{"".join(links)}</nav>'


_CURRENT = ' aria-current="page"'
