"""What the site needs beyond Sphinx: live explorers, exercises, links, readable signatures."""

import hashlib
import html
import pkgutil
import posixpath
import shutil
from functools import cache
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, SphinxRole

from divlab import languages
from divlab.exercises import NOTEBOOKS, of_notebook
from divlab.explore import EXPLORERS
from website import docstrings, explorers, notebooks
from website.pages import (
    LANGUAGES,
    PARTS,
    REPOSITORY,
    ROOT,
    SITE,
    Place,
    origin,
    places,
    with_links,
)

# What the site itself says, in its languages.
_WORDS = {
    "en": {
        "alone": "Open {title} on a page of its own",
        "trained": "On this page only this moves: {controls}. For the rest, open the notebook.",
        "title": "Explorer: {title}",
        "colab": "Open in Colab",
        "binder": "Open in Binder",
        "download": "Download the notebook",
        "picture": "What the explorer {title} shows at first.",
        "state": "link",
    },
    "pt": {
        "alone": "Abrir {title} em uma página própria",
        "trained": "Nesta página só se move: {controls}. Para o resto, abra o notebook.",
        "title": "Explorador: {title}",
        "colab": "Abrir no Colab",
        "binder": "Abrir no Binder",
        "download": "Baixar o notebook",
        "picture": "O que o explorador {title} mostra no início.",
        "state": "link",
    },
}

# What moves in the page of an explorer that trains, as the explorer calls it in English.
_MOVES = {"step": "Step", "x": "Point x"}


@cache
def _known() -> dict[str, Place]:
    return places()


def _language(app: Sphinx) -> str:
    return "pt" if app.tags.has("pt") else "en"


def made(language: str) -> Path:
    """The folder of the explorers and pictures that an edition shows."""
    return explorers.MADE / language


def _from(page: str, target: str) -> str:
    """The address of a file of the edition, seen from a page."""
    return posixpath.relpath(target, posixpath.dirname(page) or ".")


def frame(name: str, page: str, language: str, state: str = "") -> str:
    """HTML that shows an explorer in a page."""
    if name not in EXPLORERS:
        raise ValueError(f"there is no explorer {name!r}; there are {', '.join(EXPLORERS)}.")
    title = html.escape(_title(name, language))
    words = _WORDS[language]
    address = html.escape(_from(page, f"explorers/{name}.html") + (f"#{state}" if state else ""))
    shown = explorers.SHOWN[name]
    note = ""
    if "step" in shown.over:  # the text around it may ask for a training
        tell = languages.language(language).tell
        labels = ", ".join(f"<strong>{tell(_MOVES[control])}</strong>" for control in shown.over)
        note = f"<p>{words['trained'].format(controls=labels)}</p>"
    heights = f"--height: {shown.height}px; --tall: {shown.tall}px"
    return (
        f'<div class="divlab-frame" style="{heights}">{note}<iframe src="{address}" loading="lazy" '
        f'title="{words["title"].format(title=title)}"></iframe>'
        f'<p><a href="{address}">{words["alone"].format(title=title)}</a></p></div>'
    )


def _title(name: str, language: str) -> str:
    """The name of an explorer, as its page has it."""
    page = (made(language) / "explorers" / f"{name}.html").read_text(encoding="utf-8")
    return html.unescape(page.split("<title>", 1)[1].split("</title>", 1)[0])


class ExplorerDirective(SphinxDirective):
    """A live explorer: its name, and a state as its page's address has it."""

    required_arguments = 1
    option_spec = {"state": directives.unchanged}  # noqa: RUF012

    def run(self) -> list[nodes.Node]:
        shown = frame(
            self.arguments[0],
            self.env.docname,
            _language(self.env.app),
            self.options.get("state", ""),
        )
        return [nodes.raw("", shown, format="html")]


class StateRole(SphinxRole):
    """A link to a state of an explorer's page: {state}`nll_is_kl#separation=6`."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        name, _, state = self.text.partition("#")
        title = _title(name, _language(self.env.app))
        target = _from(self.env.docname, f"explorers/{name}.html") + (f"#{state}" if state else "")
        return [nodes.reference(self.rawtext, title, refuri=target, internal=False)], []


class FiguresDirective(SphinxDirective):
    """Every explorer's picture, small, with links to its files."""

    def run(self) -> list[nodes.Node]:
        page, language = self.env.docname, _language(self.env.app)
        parts = ['<ul class="divlab-figures">']
        for name in EXPLORERS:
            title = html.escape(_title(name, language))
            files = {kind: _from(page, f"figures/{name}.{kind}") for kind in ("svg", "png")}
            parts.append(
                f'<li><img src="{files["svg"]}" loading="lazy" '
                f'alt="{_WORDS[language]["picture"].format(title=title)}">'
                f"<span>{title}</span> "
                f'<a href="{files["svg"]}" download>SVG</a> '
                f'<a href="{files["png"]}" download>PNG</a></li>'
            )
        return [nodes.raw("", "".join([*parts, "</ul>"]), format="html")]


class ExercisesDirective(SphinxDirective):
    """The questions of all exercises, without answers."""

    def run(self) -> list[nodes.Node]:
        lines = []
        for notebook in NOTEBOOKS:
            lines += [f"**{notebook}**", ""]
            for number, exercise in enumerate(of_notebook(notebook), 1):
                lines.append(
                    f"- **{notebook}.{number}** {' '.join(str(exercise.question).split())}"
                )
                lines += [f"  - {option}" for option in notebooks.options(notebook, number)]
            lines.append("")
        return self.parse_text_to_nodes("\n".join(lines))


class CourseDirective(SphinxDirective):
    """The notebooks in the menu at the side, as many as the edition has, with their numbers."""

    required_arguments = 1  # what stands above them
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        language = _language(self.env.app)
        entries = []
        for path, place in _known().items():
            if place.language == language and path.endswith(".ipynb"):
                number = posixpath.basename(path)[:2]
                heading = notebooks.title((ROOT / path).read_text(encoding="utf-8"))
                entries.append(f"{number} {heading} <{place.page}>")
        if not entries:
            return []
        head = ["```{toctree}", ":hidden:", f":caption: {self.arguments[0]}", ""]
        return self.parse_text_to_nodes("\n".join([*head, *entries, "```"]))


class DocumentedDirective(SphinxDirective):
    """Names whose docstring is not where they are: explorers, which are loaded late."""

    required_arguments = 1
    option_spec = {"of": directives.unchanged_required}  # noqa: RUF012

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        thing = pkgutil.resolve_name(self.options["of"])
        text = docstrings.as_function(self.env.app, name, thing)
        return self.parse_text_to_nodes(f"```{{eval-rst}}\n{text}\n```")


def _read_source(app: Sphinx, page: str, content: list[str]) -> None:
    """A page before it is parsed: its links, and the explorers of notebooks."""
    language = _language(app)
    path = origin(language, page, _known())
    if path.endswith(".md"):
        content[0] = with_links(content[0], path, _known())
        return
    content[0] = notebooks.for_site(
        content[0],
        lambda text: with_links(text, path, _known()),
        lambda name: frame(name, page, language),
        _buttons(path, _WORDS[language]),
        language,
    )


def _buttons(path: str, words: dict[str, str]) -> str:
    """Links to run a notebook elsewhere, and to the notebook itself."""
    owner = REPOSITORY.removeprefix("https://github.com/")
    links = {
        "colab": f"https://colab.research.google.com/github/{owner}/blob/main/{path}",
        "binder": f"https://mybinder.org/v2/gh/{owner}/main?urlpath=lab/tree/{path}",
        "download": posixpath.basename(path),
    }
    parts = (
        f'<a href="{link}"{" download" if key == "download" else ""}>{words[key]}</a>'
        for key, link in links.items()
    )
    return f'<p class="divlab-open">{" ".join(parts)}</p>'


def _add_context(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """The same page in the other language, or its front page."""
    language = _language(app)
    (other,) = set(LANGUAGES) - {language}
    pages = {place.page for place in _known().values() if place.language == other} | {"search"}
    there = page if page in pages else "index"
    here = posixpath.dirname(Place(language, f"{page}.md").address) or "."
    context["other_edition"] = {
        "language": other,
        "name": LANGUAGES[other],
        "address": posixpath.relpath(Place(other, f"{there}.md").address, here),
    }


def _keep_together(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """A formula and the stop behind it stay on one line."""
    for formula in [*doctree.findall(nodes.math)]:
        parent = formula.parent
        after = dict(enumerate(parent.children)).get(parent.index(formula) + 1)
        if not isinstance(after, nodes.Text) or after[:1] not in ".,;:!?)":
            continue
        both = nodes.inline("", "", classes=["divlab-together"])
        parent.replace(after, nodes.Text(after[1:]))
        parent.replace(formula, both)
        both += [formula, nodes.Text(after[:1])]


def _copy_notebooks(app: Sphinx, failure: Exception | None) -> None:
    """The notebooks as they are, for the button that downloads them."""
    if failure is None:
        language = _language(app)
        for path, place in _known().items():
            if place.language == language and path.endswith(".ipynb"):
                shutil.copyfile(
                    PARTS / "sources" / language / place.path, SITE / place_in_site(place)
                )


def place_in_site(place: Place) -> str:
    """Where a file itself, and no page, stands from the root of the site."""
    return place.path if place.language == "en" else f"{place.language}/{place.path}"


def setup(app: Sphinx) -> dict[str, Any]:
    """Registers all this with Sphinx."""
    app.add_directive("explorer", ExplorerDirective)
    app.add_directive("figures", FiguresDirective)
    app.add_directive("exercises", ExercisesDirective)
    app.add_directive("course", CourseDirective)
    app.add_directive("documented", DocumentedDirective)
    app.add_role("state", StateRole())
    app.connect("source-read", _read_source)
    app.connect("html-page-context", _add_context)
    app.connect("doctree-resolved", _keep_together)
    app.connect("build-finished", _copy_notebooks)
    # Before napoleon, which makes sections of the text.
    app.connect("autodoc-process-docstring", docstrings.escape, priority=100)
    app.connect("autodoc-process-docstring", docstrings.types_as_code, priority=900)
    app.connect("autodoc-process-signature", docstrings.signature)
    # A change of this package, or of which pages there are, makes every page anew.
    sources = sorted(Path(__file__).parent.rglob("*.py"))
    parts = [repr(_known()).encode(), *(file.read_bytes() for file in sources)]
    known = hashlib.sha256(b"".join(parts)).hexdigest()
    app.add_config_value("divlab_sources", known, "env", [str])
    return {"parallel_read_safe": True, "parallel_write_safe": True}
