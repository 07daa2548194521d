"""Looks at a built site: every link leads somewhere, and nothing comes from a network."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

# The attribute by which each element loads something by itself.
_LOADS = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src"}
_FILE = re.compile(r"\.(png|svg|jpe?g|gif|html)$")  # what a picture is called says nothing
_STYLES = ("stylesheet", "preload", "icon", "modulepreload")


class Page(NamedTuple):
    """What a page holds.

    Attributes:
        anchors: names that links can lead to.
        links: addresses that a reader can follow.
        loads: addresses that the browser follows by itself.
        without_text: pictures and frames that say nothing to those who do not see them.
        empty: headings with nothing below them.
    """

    anchors: set[str]
    links: list[str]
    loads: list[str]
    without_text: list[str]
    empty: list[str]


class _Reader(HTMLParser):
    """Collects a `Page`."""

    def __init__(self) -> None:
        super().__init__()
        self.page = Page(set(), [], [], [], [])
        self._level = 0  # of a heading with nothing below it yet, 0 after other content
        self._heading = ""
        self._in_heading = False
        self._article = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if given.get("id"):
            self.page.anchors.add(given["id"])
        if tag == "a":
            if given.get("name"):
                self.page.anchors.add(given["name"])
            if "href" in given:
                self.page.links.append(given["href"])
        if tag == "link" and given.get("rel") in _STYLES:
            self.page.loads.append(given["href"])
        if tag in _LOADS and given.get(_LOADS[tag]):
            self.page.loads.append(given[_LOADS[tag]])
        said = given.get({"img": "alt", "iframe": "title"}.get(tag, ""), "")
        if tag in ("img", "iframe") and (not said.strip() or _FILE.search(said)):
            self.page.without_text.append(given.get("src", tag))
        if tag == "article":
            self._article += 1
        if self._article:
            self._see(tag)

    def _see(self, tag: str) -> None:
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            if self._level and int(tag[1]) <= self._level:
                self.page.empty.append(self._heading.strip("# \n"))
            self._level, self._heading, self._in_heading = int(tag[1]), "", True
        elif tag in ("img", "iframe", "table", "dl", "math", "svg"):
            self._level = 0

    def handle_endtag(self, tag: str) -> None:
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            self._in_heading = False
        if tag == "article" and self._article:
            self._article -= 1
            if self._level:
                self.page.empty.append(self._heading.strip("# \n"))
                self._level = 0

    def handle_data(self, text: str) -> None:
        if self._in_heading:
            self._heading += text
        elif self._level and text.strip():
            self._level = 0


def read(file: Path) -> Page:
    """Reads a page."""
    reader = _Reader()
    reader.feed(file.read_text(encoding="utf-8"))
    return reader.page


def faults(site: Path) -> list[str]:
    """What is wrong with the pages of a site, one sentence each."""
    files = [file for file in sorted(site.rglob("*.html")) if "_static" not in file.parts]
    pages = {file.resolve(): read(file) for file in files}
    return [
        f"{file.relative_to(site.resolve())}: {fault}"
        for file, page in pages.items()
        for fault in _faults(file, page, pages)
    ]


def _faults(file: Path, page: Page, pages: dict[Path, Page]) -> Iterator[str]:
    for address in page.loads:
        if urlsplit(address).scheme in ("http", "https") or address.startswith("//"):
            yield f"loads {address} from a network."
    for source in page.without_text:
        yield f"{source} has no text for those who do not see it."
    for heading in page.empty:
        yield f"there is nothing below the heading {heading!r}."
    for address in {*page.links, *page.loads}:
        parts = urlsplit(address)
        if parts.scheme or address.startswith("//"):
            continue
        there = (file.parent / unquote(parts.path)).resolve() if parts.path else file
        if there.is_dir():
            yield f"the link {address} leads to a folder, which shows nothing without a server."
        elif not there.exists():
            yield f"the link {address} leads nowhere."
        elif parts.fragment and there in pages and there.parent.name != "explorers":
            # Behind the “#” of an explorer's page stands its state.
            anchor = unquote(parts.fragment)
            if anchor not in pages[there].anchors:
                yield f"the link {address} leads to a place that is not on that page."
