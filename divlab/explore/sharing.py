"""What a user takes away from an explorer: its state as a line of text, and files."""

import base64
import json
from typing import Any

import ipywidgets as widgets

from divlab import figures
from divlab.explore.controls import LABEL, button, row

_MOST = 10_000  # measurements of a state that is shown as a line


class Share(widgets.VBox):
    """A line below the picture, from which a user copies the state or saves files.

    The text field shows the state as JSON. A state that is pasted there is loaded. The button
    makes files of the figure (PNG, SVG), of the numbers (CSV) and of the state (JSON), and links
    to them. A state that holds many measurements is in the file only: such a line would be sent to
    the page, two megabytes for 100 000 of them, with every picture.

    Args:
        explorer: the `Explorer` whose state and files these are.

    Attributes:
        text: the field with the state.
        save: the button that makes the files.
        links: the links to the files; empty until `save` is pressed.
    """

    def __init__(self, explorer: Any) -> None:
        self._explorer = explorer
        self.text = widgets.Text(
            description="State",
            continuous_update=False,
            tooltip="Copy this line to share what you see; paste one and press Enter to go there",
            style=LABEL,
            layout=widgets.Layout(width="min(100%, 40em)"),
        )
        self.save = button("Save figure", "download", "Make files of the picture and its numbers")
        self.links = widgets.HTML()
        self._is_updating = False
        self.text.observe(self._on_text, "value")
        self.save.on_click(lambda _: self.offer_files())
        super().__init__([row([self.text, self.save, self.links])])

    def update(self) -> None:
        """Shows the present state, and removes links to files of a former one."""
        self._is_updating = True
        is_long = self._explorer.count_of_measurements() > _MOST
        self.text.value = "" if is_long else json.dumps(self._explorer.state(), ensure_ascii=False)
        self.text.placeholder = "Too long for a line: “Save figure” makes a file" if is_long else ""
        self.links.value = ""
        self._is_updating = False

    def _on_text(self, change: dict[str, Any]) -> None:
        if self._is_updating:
            return
        try:
            self._explorer.load(change["new"])
        except Exception as error:  # the user sees the page, and not a traceback in a log
            self._explorer.show_error(error)

    def offer_files(self) -> None:
        """Makes the files and shows links to them."""
        explorer = self._explorer
        explorer.catch_up()
        name = type(explorer).__name__
        files = {
            "PNG": ("image/png", "png", figures.save(explorer.figure, "png")),
            "SVG": ("image/svg+xml", "svg", figures.save(explorer.figure, "svg")),
            "CSV": ("text/csv", "csv", as_csv(explorer.result).encode()),
            "state": ("application/json", "json", json.dumps(explorer.state()).encode()),
        }
        self.links.value = " ".join(
            f'<a download="{name}.{ending}" style="padding:0 .4em; text-decoration:underline" '
            f'href="data:{kind};base64,{base64.b64encode(content).decode()}">{label}</a>'
            for label, (kind, ending, content) in files.items()
        )


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
            raise ValueError(f"state is not valid JSON: {error}.") from None
    if not isinstance(state, dict):
        raise ValueError(f"state must be a dict, as `state()` returns it; got {state!r}.")
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
