"""A tag, the changelog and the citation name the same release."""

import datetime
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def sections(changelog: str) -> list[tuple[str, str]]:
    """The version and the day, or "unreleased", of each section, newest first."""
    return re.findall(r"^## \[(\S+)\] - (\S+)$", changelog, re.MULTILINE)


def disagreements(tags: list[str], changelog: str, citation: Any) -> list[str]:
    """What keeps a commit with these tags from being released, or from agreeing with itself."""
    (version, day), *_ = sections(changelog)
    found = []
    if citation["version"] != version:
        found.append(f"CITATION.cff has version {citation['version']}, CHANGELOG.md {version}")
    cited = citation.get("date-released")
    if str(cited or "unreleased") != day:
        found.append(f"CITATION.cff has date-released {cited}, CHANGELOG.md {day}")
    for tag in tags:
        if tag != f"v{version}":
            found.append(f"the tag is {tag}, CHANGELOG.md has {version}")
        if day == "unreleased":
            found.append(f"the tag is {tag}, but CHANGELOG.md has no day for it")
    return found


def test_this_commit_agrees_with_itself() -> None:
    """The publishing workflow runs this on a tag, which then has the right name and a day."""
    tags: list[str] = []
    if shutil.which("git") and (ROOT / ".git").exists():
        command = ["git", "tag", "--points-at", "HEAD", "--list", "v[0-9]*"]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, encoding="utf-8")
        tags = done.stdout.split()
    assert disagreements(tags, CHANGELOG, CITATION) == []


@pytest.mark.parametrize(
    ("tags", "day", "citation", "problems"),
    [
        ([], "unreleased", {"version": "0.2.0"}, 0),
        (["v0.2.0"], "2026-12-24", {"version": "0.2.0", "date-released": "2026-12-24"}, 0),
        (["v0.2.0"], "unreleased", {"version": "0.2.0"}, 1),
        (["v0.3.0"], "2026-12-24", {"version": "0.2.0", "date-released": "2026-12-24"}, 1),
        ([], "2026-12-24", {"version": "0.2.0"}, 1),
        ([], "unreleased", {"version": "0.1.0"}, 1),
    ],
)
def test_disagreements_are_found(
    tags: list[str], day: str, citation: dict[str, str], problems: int
) -> None:
    changelog = f"# Changelog\n\n## [0.2.0] - {day}\n\n- new\n\n## [0.1.0] - 2026-11-30\n"
    assert len(disagreements(tags, changelog, citation)) == problems


def test_changelog_has_each_release_once_newest_first() -> None:
    found = sections(CHANGELOG)
    versions = [Version(version) for version, _ in found]
    assert versions == sorted(set(versions), reverse=True)
    assert len(found) == len(re.findall(r"^## ", CHANGELOG, re.MULTILINE))
    days = [day for _, day in found]
    assert "unreleased" not in days[1:], "only the newest section may lack its day"
    dated = [datetime.date.fromisoformat(day) for day in days if day != "unreleased"]
    assert dated == sorted(dated, reverse=True)
    for version, _ in found:
        assert (
            f"\n[{version}]: https://github.com/divlab/divlab/releases/tag/v{version}" in CHANGELOG
        )


def test_citation_has_what_zenodo_and_github_need() -> None:
    """Without one of these GitHub shows no button, or Zenodo's record has no title or author."""
    assert CITATION["cff-version"] == "1.2.0"
    assert CITATION.keys() >= {"message", "title", "authors", "license", "repository-code"}
    assert CITATION["type"] == "software"
    assert all(author.get("name") or author.get("family-names") for author in CITATION["authors"])
    # It would take the place of CITATION.cff, and would have to be kept in step with it.
    assert not (ROOT / ".zenodo.json").exists()
