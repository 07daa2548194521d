"""Notebooks as the site shows them: as stored, with explorers in place of dead widgets."""

import json
import re
from collections.abc import Callable
from typing import Any

_WIDGET = "application/vnd.jupyter.widget-view+json"
_MADE = re.compile(r"divlab\.explore\.(\w+)\(")


def for_site(
    text: str, change_links: Callable[[str], str], frame: Callable[[str], str], buttons: str
) -> str:
    """A notebook to be shown.

    Args:
        text: the notebook as it is stored.
        change_links: gives the Markdown of a cell its links in the site.
        frame: gives HTML that shows the explorer of a name.
        buttons: HTML to stand below the title.

    Returns:
        The notebook. A widget's output has become the explorer; an exercise, its question.
    """
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            source = change_links(source)
            if buttons and source.startswith("# "):
                title, _, rest = source.partition("\n")
                source, buttons = f"{title}\n\n{buttons}\n\n{rest}", ""
            cell["source"] = source
            continue
        made = _MADE.findall(source)
        cell["outputs"] = [
            shown
            for output in cell.get("outputs", ())
            if (shown := _shown(output, made[-1] if made else None, frame))
        ]
    return json.dumps(notebook)


def explorer_of(cell: Any) -> str | None:
    """The name of the explorer that a cell shows, None if it shows none."""
    made = _MADE.findall("".join(cell["source"]))
    shows = any(_WIDGET in output.get("data", {}) for output in cell.get("outputs", ()))
    return made[-1] if made and shows else None


def _shown(output: Any, explorer: str | None, frame: Callable[[str], str]) -> Any:
    data = output.get("data", {})
    if output["output_type"] == "stream" and not "".join(output["text"]).strip():
        return None
    if _WIDGET not in data:
        return output
    if explorer is not None:
        data = {"text/html": frame(explorer)}
    else:
        data = {kind: content for kind, content in data.items() if kind != _WIDGET}
    return {**output, "data": data}
