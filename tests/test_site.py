"""The site says everything, and what makes it sees every fault.

`make docs` builds the site and looks at all its links; here are the parts.
"""

import inspect
import json
import pkgutil
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import divlab
from divlab.explore import EXPLORERS
from website import check, explorers, notebooks, pages

KNOWN = pages.places()
REFERENCE = "\n".join(
    file.read_text(encoding="utf-8")
    for file in sorted((pages.ROOT / "docs" / "reference").glob("*.md"))
)
MODULES = ["densities", "evidence", "explore", "families", "figures", "methods", "objectives"]
NOTEBOOKS = [path for path in KNOWN if re.match(r"notebooks/\d", path)]


def documented() -> set[str]:
    """The names that the pages of the reference ask for."""
    found = set(re.findall(r"(?:autofunction|autoclass):: (\S+)", REFERENCE))
    found |= set(re.findall(r"^```\{(?:py:data|documented)\} (\S+)", REFERENCE, re.MULTILINE))
    for module in re.findall(r"automodule:: divlab\.(\S+)", REFERENCE):
        names = vars(getattr(divlab, module)).items()
        found |= {
            f"divlab.{module}.{name}"
            for name, thing in names
            if inspect.isroutine(thing) or inspect.isclass(thing)
        }
    return found


@pytest.mark.parametrize("module", ["divlab", "targets", *MODULES])
def test_every_public_name_is_in_the_reference(module: str) -> None:
    """A name that is added and not listed would be found by nobody."""
    here = divlab if module == "divlab" else getattr(divlab, module)
    prefix = "divlab" if module == "divlab" else f"divlab.{module}"
    public = {n for n in here.__all__ if not isinstance(getattr(here, n), ModuleType)}
    assert {f"{prefix}.{name}" for name in public} - documented() == set()


def test_reference_asks_for_no_name_that_is_gone() -> None:
    for name in documented():
        pkgutil.resolve_name(name)


def test_every_explorer_has_a_frame() -> None:
    assert list(explorers.SHOWN) == list(EXPLORERS)


def test_explorers_are_computed_once_for_all_languages() -> None:
    """The build would take nearly twice as long."""
    asked: list[int] = []
    known: dict[Any, Any] = {}

    def compute(at: int) -> int:
        asked.append(at)
        return -at

    english, portuguese = explorers._once(compute, known), explorers._once(compute, known)
    assert [english(at=1), english(at=2), portuguese(at=1), portuguese(at=3)] == [-1, -2, -1, -3]
    assert asked == [1, 2, 3]


def test_every_divergence_has_its_formula() -> None:
    """Without it a page would show a signature where a reader looks for the definition."""
    page = (pages.ROOT / "docs/reference/divergences.md").read_text(encoding="utf-8")
    sections = re.split(r"^### (\w+)$", page, flags=re.MULTILINE)
    formulas = dict(zip(sections[1::2], sections[2::2], strict=True))
    for name in set(divlab.__all__) & set(formulas) - {"estimate", "permutation_test"}:
        assert formulas[name].lstrip().startswith("$$"), name


@pytest.mark.parametrize("path", NOTEBOOKS)
def test_notebooks_show_explorers_in_place_of_dead_widgets(path: str) -> None:
    stored = (pages.ROOT / path).read_text(encoding="utf-8")
    shown = notebooks.for_site(stored, str, lambda name: f"<iframe {name}>", "<buttons>", "en")
    outputs = [o for c in json.loads(shown)["cells"] for o in c.get("outputs", ())]
    frames = [o["data"]["text/html"] for o in outputs if "<iframe" in str(o.get("data"))]
    asked = re.findall(r"divlab\.explore\.(\w+)\(\)", stored)
    assert frames == [f"<iframe {name}>" for name in asked] != []
    assert "widget-view" not in shown
    assert shown.count("<buttons>") == 1
    assert notebooks.title(stored)
    # An exercise keeps its question.
    assert sum("text/markdown" in o.get("data", ()) for o in outputs) >= 3


@pytest.mark.parametrize(
    ("path", "last"),
    [
        ("notebooks/00_start_here.ipynb", "- the reverse KL"),
        ("notebooks/pt/00_start_here.ipynb", "- a KL reversa"),
    ],
)
def test_exercises_show_what_can_be_chosen(path: str, last: str) -> None:
    """“Which of these?” would be followed by nothing."""
    stored = (pages.ROOT / path).read_text(encoding="utf-8")
    shown = notebooks.for_site(stored, str, str, "", KNOWN[path].language)
    outputs = [o for c in json.loads(shown)["cells"] for o in c.get("outputs", ())]
    asked = [o["data"]["text/markdown"] for o in outputs if "text/markdown" in o.get("data", {})]
    first, _, third = (text.splitlines() for text in asked)
    assert len(first) == 1  # it asks for a number
    assert third[2:] == ["- KL", "- χ²", "- Jensen–Shannon", last]


def test_figures_are_described_by_the_headings_above_them() -> None:
    """Those who do not see a figure would be read the name of its file."""
    stored = (pages.ROOT / "notebooks/05_divergences_from_samples.ipynb").read_text("utf-8")
    shown = json.loads(notebooks.for_site(stored, str, str, "", "en"))
    (cell,) = [
        c
        for c in shown["cells"]
        if any("image/png" in o.get("data", ()) for o in c.get("outputs", ()))
    ]
    alt = cell["metadata"]["mystnb"]["image"]["alt"]
    assert alt == "Divergences from samples – Every estimator, against n"


@pytest.mark.parametrize(
    ("path", "link", "becomes"),
    [
        ("docs/files.md", "sweeps.md#a", "sweeps.md#a"),
        ("docs/files.md", "../notebooks/12_claims.ipynb", "notebooks/12_claims.ipynb"),
        ("docs/design/course.md", "../files.md", "../files.md"),
        ("docs/design/course.md", "../../CONTRIBUTING.md#a", "../contributing.md#a"),
        ("docs/files.md", "../README.md", "index.md"),
        ("docs/files.md", "../LICENSE", f"{pages.REPOSITORY}/blob/main/LICENSE"),
        ("docs/files.md", "../divlab/explore", f"{pages.REPOSITORY}/tree/main/divlab/explore"),
        ("docs/pt/index.md", "../files.md#a", "other-part:../files.html#a"),
        ("docs/files.md", "pt/index.md", "other:pt/index.html"),
        ("docs/files.md", "https://example.org/x.md", "https://example.org/x.md"),
        ("docs/files.md", "nowhere.md", "nowhere.md"),
    ],
)
def test_links_of_the_repository_become_links_of_the_site(
    path: str, link: str, becomes: str
) -> None:
    assert pages.with_links(f"[a]({link}) b", path, KNOWN) == f"[a]({becomes}) b"


def test_places() -> None:
    assert KNOWN["docs/pt/index.md"] == ("pt", "index.md")
    assert KNOWN["notebooks/12_claims.ipynb"].address == "notebooks/12_claims.html"
    assert KNOWN["docs/pt/index.md"].address == "pt/index.html"
    assert pages.origin("en", "contributing", KNOWN) == "CONTRIBUTING.md"
    # No two files at one place.
    assert len(set(KNOWN.values())) == len(KNOWN)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<a href="gone.html">x</a>', "the link gone.html leads nowhere"),
        ('<a href="b.html#gone">x</a>', "the link b.html#gone leads to a place"),
        ('<a href="#gone">x</a>', "the link #gone leads to a place"),
        ('<a href="folder">x</a>', "leads to a folder"),
        ('<img src="gone.png" alt="A curve">', "the link gone.png leads nowhere"),
        ('<img src="b.html">', "has no text"),
        ('<img src="b.html" alt=" ">', "has no text"),
        ('<img src="b.html" alt="../_images/0c3e.png">', "has no text"),
        ('<iframe src="b.html"></iframe>', "has no text"),
        ('<script src="https://example.org/a.js"></script>', "from a network"),
        ('<link rel="stylesheet" href="//example.org/a.css">', "from a network"),
        ("<article><h2>A</h2><h2>B</h2><p>x</p></article>", "below the heading 'A'"),
        ("<article><h2>A</h2></article>", "below the heading 'A'"),
    ],
)
def test_check_sees(tmp_path: Path, body: str, fault: str) -> None:
    """The check is what makes sure of the whole site; one that sees nothing would pass it."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "b.html").write_text('<p id="there">x</p>')
    (tmp_path / "a.html").write_text(body)
    (found,) = check.faults(tmp_path)
    assert found.startswith("a.html: ")
    assert fault in found


def test_check_passes_what_is_right(tmp_path: Path) -> None:
    (tmp_path / "explorers").mkdir()
    (tmp_path / "explorers" / "e.html").write_text("<p>x</p>")
    (tmp_path / "b.html").write_text('<p id="there">x</p>')
    (tmp_path / "a.html").write_text(
        '<article><h1>A</h1><h2>B</h2><p id="p">x</p></article><a href="b.html#there">x</a>'
        '<a href="#p">x</a><a href="https://example.org">x</a><img src="b.html" alt="KL">'
        '<iframe src="explorers/e.html#separation=2" title="e"></iframe>'
    )
    assert check.faults(tmp_path) == []


@pytest.mark.parametrize("module", ["divlab", "targets", *MODULES])
def test_every_public_name_has_an_example(module: str) -> None:
    """`tests/test_doctests.py` runs them."""
    here = divlab if module == "divlab" else getattr(divlab, module)
    for name in here.__all__:
        thing = getattr(here, name)
        if inspect.isroutine(thing) or inspect.isclass(thing):
            assert ">>> " in (inspect.getdoc(thing) or ""), name
