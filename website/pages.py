"""Where each file of the repository stands in the site, and what its links become there."""

import posixpath
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "build" / "site"
PARTS = ROOT / "build" / "site-parts"  # what the site is made from, kept for the next build
REPOSITORY = "https://github.com/divlab/divlab"
LANGUAGES = {"en": "English", "pt": "Português"}

_TOP = ("CONTRIBUTING.md", "CHANGELOG.md", "CODE_OF_CONDUCT.md", "SECURITY.md")
_SUFFIXES = (".md", ".ipynb", ".png", ".svg")
# [text](target#anchor "title"), and the same of a picture.
_LINK = re.compile(r"\]\((?P<target>[^)\s#]+)(?P<anchor>#[^)\s]*)?(?P<title>\s+\"[^\"]*\")?\)")


class Place(NamedTuple):
    """Where a file stands.

    Attributes:
        language: of the edition, "en" or "pt"; each is a site of its own, one inside the other.
        path: within that edition, as "notebooks/00_start_here.ipynb".
    """

    language: str
    path: str

    @property
    def page(self) -> str:
        """The path without its suffix, as Sphinx names a page."""
        return self.path.rsplit(".", 1)[0]

    @property
    def address(self) -> str:
        """Where a browser finds it, from the root of the site."""
        inside = "" if self.language == "en" else f"{self.language}/"
        return inside + re.sub(r"\.(md|ipynb)$", ".html", self.path)


def places() -> dict[str, Place]:
    """Path in the repository -> place in the site, of all that the site shows."""
    found = {name: Place("en", name.lower()) for name in _TOP if (ROOT / name).exists()}
    for folder in ("docs", "notebooks"):
        for file in sorted((ROOT / folder).rglob("*")):
            path = file.relative_to(ROOT)
            if file.suffix not in _SUFFIXES or ".ipynb_checkpoints" in path.parts:
                continue
            language, inside = "en", list(path.parts[1:])
            if inside[0] in LANGUAGES:
                language = inside.pop(0)
            if folder == "notebooks":
                inside.insert(0, folder)
            found[path.as_posix()] = Place(language, "/".join(inside))
    return found


def stage(language: str, known: Mapping[str, Place]) -> Path:
    """Lays the files of one edition out as they stand in it; returns the folder."""
    folder = PARTS / "sources" / language
    wanted = {folder / place.path: path for path, place in known.items() if place[0] == language}
    for file in [*folder.rglob("*")]:
        if file.is_file() and file not in wanted:
            file.unlink()
    for file, path in wanted.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, file)  # with its time, by which Sphinx sees what has changed
    return folder


def origin(language: str, page: str, known: Mapping[str, Place]) -> str:
    """The path in the repository of a page of an edition."""
    for path, place in known.items():
        if (place.language, place.page) == (language, page) and path.endswith((".md", ".ipynb")):
            return path
    raise KeyError(f"{page} of {language} comes from no file.")


def with_links(text: str, path: str, known: Mapping[str, Place]) -> str:
    """Markdown with its links as they must be in the site.

    In the repository a link is the path of a file from the file where it stands. What the site does
    not show is linked to on GitHub. What is no file there stays as it is.

    Args:
        text: Markdown.
        path: of its file in the repository.
        known: what `places` returned.

    Returns:
        The text. Links to the other edition begin with "other:" or "other-part:".
    """
    here = known[path]

    def become(found: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), found["target"]))
        anchor, title = found["anchor"] or "", found["title"] or ""
        if target == "README.md":
            target = "docs/index.md"
        elif f"{target}/index.md" in known:
            target = f"{target}/index.md"
        there = known.get(target)
        if there is None:
            if "://" in found["target"] or not (ROOT / target).exists():
                return found[0]
            kind = "tree" if (ROOT / target).is_dir() else "blob"
            link = f"{REPOSITORY}/{kind}/main/{target}"
        elif there.language == here.language:
            link = posixpath.relpath(there.path, posixpath.dirname(here.path) or ".")
        else:
            scheme = "other-part" if anchor else "other"
            folder = posixpath.dirname(here.address) or "."
            link = f"{scheme}:{posixpath.relpath(there.address, folder)}"
        return f"]({link}{anchor}{title})"

    return _LINK.sub(become, text)
