"""What a user takes away from an explorer: its state as a line of text, and files."""

import base64
import json
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from divlab import figures
from divlab.explore.controls import button, row
from divlab.explore.slices import Turns, Work
from divlab.languages import phrase

_MOST = 10_000  # measurements of a state that is shown as a line
_LINKED = 7e6  # bytes of a page that a link can hold: a message of 10 MB, by base64


class Share(widgets.VBox):
    """Buttons below the picture, by which a user takes away what it shows.

    “Save figure” makes files of the figure (PNG, SVG), of the numbers (CSV) and of the state
    (JSON), and links to them. “Save page” makes a page that works without a kernel. “Copy as
    Python” shows code that computes the numbers.

    Args:
        explorer: the `Explorer` whose files these are.

    Attributes:
        save: the button that makes the files.
        page: the button that makes a page.
        copy: the button that shows the code.
        links: the links to the files; empty until a button is pressed.
    """

    def __init__(self, explorer: Any) -> None:
        self._explorer, self._tell = explorer, explorer.language.tell
        self._page: Any = None  # it is told of, and made when the button is pressed again
        self._work = Work(self._show_page, explorer.show_error)
        self.save = button("Save figure", "download", "Make files of the picture and its numbers")
        self.page = button("Save page", "file-o", "Make one HTML file with sliders, for anyone")
        self.copy = button("Copy as Python", "code", "Show code that computes these numbers")
        self.links = widgets.HTML()
        self.save.on_click(lambda _: self._try(self.offer_files))
        self.page.on_click(lambda _: self._try(self.offer_page))
        self.copy.on_click(lambda _: self._try(self.offer_code))
        super().__init__([row([self.save, self.page, self.copy]), self.links])
        self.add_class("divlab-share")

    def update(self) -> None:
        """Removes links to files of a former state, and gives up making a page of it."""
        self._work.stop()
        self._page = None
        self.links.value = ""

    def close(self) -> None:
        self._work.stop()
        super().close()

    def _try(self, offer: Callable[[], None]) -> None:
        try:
            self._explorer.catch_up()
            offer()
        except Exception as error:  # the user sees the page, and not a traceback in a log
            self._explorer.show_error(error)

    def offer_files(self) -> None:
        """Makes the files and shows links to them."""
        explorer = self._explorer
        name, figure = type(explorer).__name__, explorer.figure
        files = {
            "PNG": ("image/png", "png", figures.save(figure, "png")),
            "SVG": ("image/svg+xml", "svg", figures.save(figure, "svg")),
            "CSV": ("text/csv", "csv", as_csv(explorer.result).encode()),
            self._tell("state"): (
                "application/json",
                "json",
                json.dumps(explorer.state()).encode(),
            ),
        }
        self.links.value = " ".join(
            _link(f"{name}.{ending}", label, kind, content)
            for label, (kind, ending, content) in files.items()
        )

    def offer_page(self) -> None:
        """Says how large a page would be; makes it when pressed again, and shows a link to it."""
        if self._page is not None:
            self._work.press(self._record(), self.page)
            return
        from divlab.explore.export import Page  # it imports explorers, which have these buttons

        self.links.value = f"<i>{self._tell('Recording a few states …')}</i>"
        try:
            page = Page(self._explorer, None, None)
            with page.states.visit():
                estimate = page.estimate()
        except Exception:
            self.links.value = ""
            raise
        said = {"estimate": estimate.phrase()}
        if estimate.size > _LINKED:
            self.links.value = self._tell(phrase("{estimate}: {why}", why=_TOO_LARGE, **said))
        else:
            self._page = page
            controls = self._explorer.controls
            moves = [controls[name].description for name in page.states.positions]
            first = phrase("{control}", control=moves[0])
            for one in moves[1:]:
                first = phrase("{first} and {second}", first=first, second=one)
            asked = phrase(
                "{estimate}: press “Save page” again to make it. {moves} can be moved in it; for "
                "others there is explorer.export in Python.",
                moves=first,
                **said,
            )
            self.links.value = self._tell(asked)

    def _record(self) -> Turns:
        """Records one state at every turn; between them a user may do anything."""
        page = self._page
        states = page.record()
        while not page.is_complete:
            with page.states.visit():
                next(states)
            yield self._show_page

    def _show_page(self) -> None:
        """Shows how far the page is, or a link to it."""
        page = self._page
        if page is None:
            return
        if not page.is_complete:
            done = phrase(
                "Recorded {done} of {count} states: press “Save page” to go on.",
                done=page.recorded,
                count=len(page.states),
            )
            self.links.value = self._tell(done)
            return
        content = page.html()
        name = f"{type(self._explorer).__name__}.html"
        is_small = len(content) <= _LINKED
        link = _link(name, self._tell("Page"), "text/html", content)
        self.links.value = link if is_small else self._tell(_TOO_LARGE)
        self._page = None

    def offer_code(self) -> None:
        """Shows the code on the page, which copies it."""
        self._explorer.stage.send({"kind": "code", "text": self._explorer.code()})


_TOO_LARGE = phrase(
    'a link cannot hold that much. explorer.export("page.html") makes it from Python.'
)


def _link(file: str, label: str, kind: str, content: bytes) -> str:
    """A link that holds a file."""
    return (
        f'<a download="{file}" style="padding:0 .4em; text-decoration:underline" '
        f'href="data:{kind};base64,{base64.b64encode(content).decode()}">{label}</a>'
    )


def as_line(explorer: Any) -> str:
    """The state as one line of JSON; empty where it holds too many measurements for a line.

    Such a line would be sent to the page with every picture, two megabytes for 100 000 of them.
    """
    is_long = explorer.count_of_measurements() > _MOST
    return "" if is_long else json.dumps(explorer.state(), ensure_ascii=False)


def read_state(state: Any) -> dict[str, Any]:
    """Reads a state from a dict or from its JSON.

    Args:
        state: what `Explorer.state` returned, or the JSON of it.

    Returns:
        The state as a dict.

    Raises:
        ValueError: the text is not JSON, or `state` is not a dict.
    """
    if isinstance(state, str):
        try:
            state = json.loads(state)
        except json.JSONDecodeError as error:
            why = phrase("state is not valid JSON: {why}.", why=str(error))
            raise ValueError(why) from None
    if not isinstance(state, dict):
        raise ValueError(
            phrase(
                "state must be a dict, as `state()` returns it; got {state}.",
                state=repr(state),
            )
        )
    return state


def copy_of(result: Any) -> Any:
    """Copies nested dicts and lists, so that a user's changes do not reach what is kept.

    Args:
        result: numbers, in dicts and lists.

    Returns:
        The copy.
    """
    if isinstance(result, dict):
        return {name: copy_of(value) for name, value in result.items()}
    return list(result) if isinstance(result, list) else result


def as_csv(result: dict[str, Any], prefix: str = "") -> str:
    """Writes numbers as lines of "name,value".

    Args:
        result: numbers by name. Dicts and sequences inside it become one line for each number,
            whose name is the path to it, such as `gan.kl`.
        prefix: what every name starts with.

    Returns:
        The lines; the first one names the two columns.
    """
    lines = [] if prefix else ["name,value"]
    for name, value in result.items():
        if isinstance(value, dict):
            lines.append(as_csv(value, f"{prefix}{name}."))
        elif isinstance(value, (list, tuple)):
            numbered = {str(i): one for i, one in enumerate(value)}
            lines.append(as_csv(numbered, f"{prefix}{name}."))
        else:
            lines.append(f"{prefix}{name},{value!r}")
    return "\n".join(lines)
