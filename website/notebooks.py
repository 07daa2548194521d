"""Notebooks as the site shows them: as stored, with explorers in place of dead widgets."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from divlab import languages
from divlab.exercises import of_notebook
from divlab.exercises.answers import Choice

_WIDGET = "application/vnd.jupyter.widget-view+json"
_EXERCISE = re.compile(r"<exercise (\d\d)\.(\d+)>")
# One with an argument shows data of its own, which no page on the site has.
_MADE = re.compile(r"divlab\.explore\.(\w+)\(\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def for_site(
    text: str,
    change_links: Callable[[str], str],
    frame: Callable[[str], str],
    buttons: str,
    language: str,
) -> str:
    """A notebook to be shown.

    Args:
        text: the notebook as it is stored.
        change_links: gives the Markdown of a cell its links in the site.
        frame: gives HTML that shows the explorer of a name.
        buttons: HTML to stand below the title.
        language: that the notebook is in, "en" or "pt".

    Returns:
        The notebook. A widget's output has become the explorer; an exercise, its question, with
        the options where there are any. Those who do not see a figure are told the headings above
        it, by which a reader finds it in the text.
    """
    notebook = json.loads(text)
    above = whole = title(text)
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            above = [above, *_HEADING.findall(source)][-1]
            source = change_links(source)
            if buttons and source.startswith("# "):
                first, _, rest = source.partition("\n")
                source, buttons = f"{first}\n\n{buttons}\n\n{rest}", ""
            cell["source"] = source
            continue
        made = iter(_MADE.findall(source))
        cell["outputs"] = [
            _shown(output, made, frame, language)
            for output in cell.get("outputs", ())
            if _says(output)
        ]
        words = re.sub(r"[$`]", "", f"{whole} – {above}")
        cell["metadata"]["mystnb"] = {"image": {"alt": words}}
    return json.dumps(notebook)


def title(text: str) -> str:
    """The heading of a notebook."""
    cells = json.loads(text)["cells"]
    lines = "".join("".join(c["source"]) + "\n" for c in cells if c["cell_type"] == "markdown")
    return next(line[2:] for line in lines.splitlines() if line.startswith("# "))


def _says(output: Any) -> bool:
    """Whether an output has anything to show."""
    return output["output_type"] != "stream" or bool("".join(output["text"]).strip())


def options(notebook: str, number: int, language: str = "en") -> list[str]:
    """What an exercise of a notebook lets a reader choose from; empty where it asks for a value."""
    answer = of_notebook(notebook)[number - 1].answer
    tell = languages.language(language).tell
    return [tell(one) for one in answer.options] if isinstance(answer, Choice) else []


def _shown(output: Any, made: Iterator[str], frame: Callable[[str], str], language: str) -> Any:
    """An output of a cell; its widgets are the explorers that it makes, in their order."""
    data = output.get("data", {})
    if _WIDGET not in data:
        return output
    exercise = _EXERCISE.fullmatch("".join(data.get("text/plain", "")))
    if exercise is not None:
        choices = options(exercise[1], int(exercise[2]), language)
        lines = ["".join(data["text/markdown"]), "", *(f"- {one}" for one in choices)]
        data = {"text/markdown": "\n".join(lines).strip()}
    elif (explorer := next(made, None)) is not None:
        data = {"text/html": frame(explorer)}
    else:
        data = {kind: content for kind, content in data.items() if kind != _WIDGET}
    return {**output, "data": data}
