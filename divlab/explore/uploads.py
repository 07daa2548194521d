"""A file on its way from a user's disk to numbers: the button, the place to drop it, a question."""

import html
from collections.abc import Callable
from typing import Any

import anywidget
import ipywidgets as widgets
import traitlets

from divlab import languages
from divlab.explore.controls import row
from divlab.explore.tables import AmbiguousError, Table, read_table
from divlab.languages import phrase, tell

_CHUNK = 2**20  # bytes of a message; Jupyter's and Voila's servers take 10 MB at most
_LARGEST = 20 * 10**6  # bytes of a file
_WIDEST = 100  # characters of a line that is shown with a question


# What the page says itself, each by `word("…")`.
_WORDS = (
    "or drop a file here",
    "{file} cannot be read: {why}",
    "{file} has {size}; up to {limit} can be sent. Fewer rows or columns would do.",
    "{file}: {done} of {size} sent",
)


class FileDrop(anywidget.AnyWidget):
    """A button that opens a dialogue for files, and a place to drop a file on.

    The page looks at the size of a file before it sends anything. It sends the content in parts,
    because servers close the connection when one message is larger than 10 MB. ipywidgets' own
    button does neither, and has no place to drop a file on.

    Args:
        on_file: is called with the name and the content of a file that has arrived.
        description: the label of the button, in English.
    """

    _esm = """
    function render({ model, el }) {
        const button = document.createElement("button");
        button.className = "jupyter-widgets jupyter-button widget-button";
        button.style.width = "auto";
        button.textContent = model.get("description");
        button.title = model.get("tooltip");
        const words = model.get("words");
        // A text of this page, with what stands in it.
        const word = (text, values = {}) =>
            (words[text] ?? text).replace(/[{]([a-z]+)[}]/g, (_, name) => values[name]);
        const input = document.createElement("input");
        input.type = "file";
        input.accept = ".csv,.txt,.tsv,.dat";
        input.hidden = true;
        const zone = document.createElement("span");
        zone.className = "divlab-drop";
        zone.textContent = word("or drop a file here");
        const said = document.createElement("span");
        said.className = "divlab-said";
        said.setAttribute("role", "status");
        el.classList.add("divlab-upload");
        el.append(button, input, zone, said);

        const megabytes = bytes => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0) + " MB";
        async function send(file) {
            const limit = model.get("largest"), chunk = model.get("chunk");
            if (file.size > limit) {
                said.textContent = word(
                    "{file} has {size}; up to {limit} can be sent. Fewer rows or columns would do.",
                    { file: file.name, size: megabytes(file.size), limit: megabytes(limit) });
                return;
            }
            let at = 0;
            try {
                do {
                    const part = await file.slice(at, at + chunk).arrayBuffer();
                    model.send({ name: file.name, size: file.size, at }, undefined, [part]);
                    at += chunk;
                    if (file.size > chunk)
                        said.textContent = word("{file}: {done} of {size} sent", {
                            file: file.name, done: megabytes(Math.min(at, file.size)),
                            size: megabytes(file.size) });
                } while (at < file.size);
                if (file.size > chunk) setTimeout(() => { said.textContent = ""; }, 5000);
            } catch (error) {
                said.textContent = word(
                    "{file} cannot be read: {why}", { file: file.name, why: error.message });
            }
        }
        button.addEventListener("click", () => input.click());
        input.addEventListener("change", () => {
            for (const file of input.files) send(file);
            input.value = "";  // so that the same file can be chosen again
        });
        const over = event => { event.preventDefault(); zone.classList.add("divlab-over"); };
        const away = () => zone.classList.remove("divlab-over");
        zone.addEventListener("dragenter", over);
        zone.addEventListener("dragover", over);
        zone.addEventListener("dragleave", away);
        zone.addEventListener("drop", event => {
            event.preventDefault();
            event.stopPropagation();
            away();
            for (const file of [...event.dataTransfer.files].slice(0, 1)) send(file);
        });
    }
    export default { render };
    """
    _css = """
    .divlab-upload { display: flex; flex-wrap: wrap; align-items: center; }
    .divlab-drop {
        border: 1px dashed gray; line-height: 26px; padding: 0 10px; margin: 2px;
        font-size: 13px; white-space: nowrap;
    }
    .divlab-over { border-color: #0072B2; color: #0072B2; }
    .divlab-said { font-size: 13px; padding: 0 6px; }
    """
    description = traitlets.Unicode().tag(sync=True)
    tooltip = traitlets.Unicode().tag(sync=True)
    words = traitlets.Dict().tag(sync=True)
    largest = traitlets.Int(_LARGEST).tag(sync=True)
    chunk = traitlets.Int(_CHUNK).tag(sync=True)

    def __init__(self, on_file: Callable[[str, bytes], None], description: str) -> None:
        self._on_file = on_file
        self._parts = bytearray()
        super().__init__(
            description=tell(description),
            tooltip=tell("A CSV or text file with columns of numbers"),
            words={text: tell(text) for text in _WORDS},
        )
        self.on_msg(self.receive)

    def receive(self, _: Any, content: dict[str, Any], buffers: list[memoryview]) -> None:
        """Takes a part of a file from the page.

        Args:
            content: the message: the `name` and the `size` of the file, and where in it the part
                begins, `at`.
            buffers: the part.
        """
        if content["at"] == 0:
            self._parts = bytearray()
        if content["at"] != len(self._parts):
            return  # of a file that another one has overtaken
        self._parts += b"".join(buffers)
        if len(self._parts) >= content["size"]:
            whole, self._parts = bytes(self._parts), bytearray()
            self._on_file(content["name"], whole)


class Upload(widgets.VBox):
    """Takes a file, asks how it is to be read where that is open, and hands over its columns.

    Args:
        on_table: is called with the name of the file and its columns.
        on_error: is called with an error that says what is wrong with a file.
        description: the label of the button, in English.
        beside: widgets that stand beside the button.

    Attributes:
        drop: the button and the place to drop a file on.
        choice: the menu of readings; hidden unless there are several.
        preview: the first lines of the file that goes with it.
    """

    def __init__(
        self,
        on_table: Callable[[str, Table], None],
        on_error: Callable[[Exception], None],
        description: str,
        beside: list[widgets.Widget],
    ) -> None:
        self._on_table, self._on_error = on_table, on_error
        self._file, self._readings = "", dict[str, Table]()
        self._tell = languages.present().tell
        self.drop = FileDrop(self.take, description)
        self.choice = widgets.Dropdown(
            description=tell("Read it as"), layout=widgets.Layout(width="max-content")
        )
        self.preview = widgets.HTML()
        self._question = widgets.VBox(
            [self.preview, self.choice], layout=widgets.Layout(display="none")
        )
        self.choice.observe(self._on_choice, "value")
        super().__init__([row([self.drop, *beside]), self._question])

    def take(self, name: str, content: bytes) -> None:
        """Reads a file; what is on display stays where that fails or a question is open.

        Args:
            name: the name of the file.
            content: its content.
        """
        self._close()
        try:
            table = read_table(name, content)
        except AmbiguousError as open_question:
            self._ask(name, open_question)
        except ValueError as error:
            self._on_error(error)
        else:
            self._on_table(name, table)

    def _ask(self, name: str, question: AmbiguousError) -> None:
        # A file's name and its lines are any text; they are shown as text.
        shown = html.escape("\n".join(line[:_WIDEST] for line in question.preview))
        ways = phrase(
            "{file} can be read in {count} ways:",
            file=html.escape(name),
            count=len(question.readings),
        )
        asked = phrase("How is line {line} meant, the last one here?", line=question.line)
        self.preview.value = (
            f"{self._tell(ways)}"
            f'<pre style="margin:0; line-height:1.3">{shown}</pre>'
            f"{self._tell(asked)}"
        )
        self._file, self._readings = name, question.readings
        # A label of a menu is text to the browser, not HTML.
        first = self._tell("choose …")
        self.choice.options = [
            (first, ""),
            *((self._tell(text), text) for text in question.readings),
        ]
        self._question.layout.display = ""

    def _close(self) -> None:
        self._readings = {}
        self.choice.options = [("", "")]
        self._question.layout.display = "none"

    def _on_choice(self, change: dict[str, Any]) -> None:
        if change["new"] in self._readings:
            table = self._readings[change["new"]]
            self._close()
            self._on_table(self._file, table)
