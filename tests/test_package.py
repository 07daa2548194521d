"""The wheel and the sdist: what is in them, which version they have, and that the wheel works.

`make package` does the same in an environment that is empty; here the wheel is installed into a
folder that comes before everything else, and what divlab needs is taken from where the tests run.
"""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest
from packaging.metadata import Metadata
from packaging.version import Version

from tests import package

ROOT = Path(__file__).resolve().parent.parent

# Folder of the package -> the kinds of files that it may have, beside Python.
KINDS = {
    "divlab": {"py.typed"},
    "divlab/data": {".csv"},
    "divlab/data/evidence": {".nc"},
    "divlab/data/pt": {".po"},
    "divlab/data/pictures": {".png"},
    "divlab/explore": {".html", ".js", ".css"},
}
# One of each, so that an empty list of files would not pass.
NAMED = {
    "divlab/__init__.py",
    "divlab/py.typed",
    "divlab/data/old_faithful.csv",
    "divlab/data/evidence/collapse_rates.nc",
    "divlab/data/pictures/nll_is_kl.png",
    "divlab/explore/exported.html",
    "divlab/explore/exported.js",
    "divlab/explore/painter.css",
    "divlab/explore/painter.js",
}
PAGES = "https://github.com/divlab/divlab"
FILES = "https://raw.githubusercontent.com/divlab/divlab"
ABOUT = {"METADATA", "RECORD", "WHEEL", "licenses/LICENSE"}

needs_git = pytest.mark.skipif(
    shutil.which("git") is None or not (ROOT / ".git").exists(), reason="this is no checkout of git"
)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("dist")
    package.build(ROOT, folder)
    return folder


def wheel_in(folder: Path) -> Path:
    (file,) = folder.glob("*.whl")
    return file


def version_of(wheel: Path) -> str:
    return wheel.name.split("-")[1]


def git(*arguments: str, cwd: Path = ROOT) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *arguments]
    done = subprocess.run(command, cwd=cwd, check=True, capture_output=True, encoding="utf-8")
    return done.stdout


def in_checkout() -> set[str]:
    """The files that git knows, or would add, and that are there."""
    names = git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    return {name for name in names if name and (ROOT / name).exists()}


@needs_git
def test_wheel_has_the_package_and_nothing_else(built: Path) -> None:
    """A forgotten kind of file breaks every install; a stray one goes to all who install divlab."""
    wheel = wheel_in(built)
    names = set(zipfile.ZipFile(wheel).namelist())
    about = f"divlab-{version_of(wheel)}.dist-info/"
    expected = {name for name in in_checkout() if name.startswith("divlab/")}
    assert names == expected | {about + name for name in ABOUT}
    assert expected >= NAMED


def test_wheel_has_no_kind_of_file_that_nobody_thought_of(built: Path) -> None:
    """A note, a notebook or a cache under divlab/ would be shipped: git alone does not object."""
    for name in zipfile.ZipFile(wheel_in(built)).namelist():
        file = PurePosixPath(name)
        if file.parts[0] == "divlab" and file.suffix != ".py":
            kinds = KINDS.get(str(file.parent), set())
            assert kinds & {file.suffix, file.name}, f"{name}: add its kind to KINDS if it belongs"


@needs_git
def test_sdist_is_the_checkout(built: Path) -> None:
    """Whoever gets the sdist can run the tests and build the docs: nothing is left out."""
    (file,) = built.glob("*.tar.gz")
    with tarfile.open(file) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers()}
    assert names == in_checkout() | {"PKG-INFO"}


def test_wheel_from_the_sdist_is_the_same(built: Path, tmp_path: Path) -> None:
    """An sdist has no tags: its version must be the one it was made with."""
    (file,) = built.glob("*.tar.gz")
    with tarfile.open(file) as archive:
        archive.extractall(tmp_path, filter="data")
    (folder,) = tmp_path.iterdir()
    package.build(folder, tmp_path / "dist")
    again, wheel = wheel_in(tmp_path / "dist"), wheel_in(built)
    assert again.name == wheel.name
    contents = [{i.filename: i.CRC for i in zipfile.ZipFile(w).infolist()} for w in (again, wheel)]
    assert contents[0] == contents[1]


def test_wheel_says_what_it_is(built: Path) -> None:
    wheel = zipfile.ZipFile(wheel_in(built))
    about = f"divlab-{version_of(wheel_in(built))}.dist-info/METADATA"
    metadata = Metadata.from_email(wheel.read(about))  # raises where a field is not valid
    assert metadata.name == "divlab"
    assert metadata.license_expression == "Apache-2.0"
    assert metadata.description_content_type == "text/markdown"
    assert set(metadata.provides_extra or ()) >= {"notebooks", "test"}


def test_readme_of_the_wheel_leads_out_of_a_package_index(built: Path) -> None:
    """An index has no `docs/`: relative links would lead nowhere, the picture would be missing."""
    wheel = wheel_in(built)
    about = f"divlab-{version_of(wheel)}.dist-info/METADATA"
    shown = Metadata.from_email(zipfile.ZipFile(wheel).read(about)).description or ""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.findall(r"(!?)\[[^\]\[]*\]\(([^)]*)\)", shown)
    assert len(found) == len(re.findall(r"(!?)\[[^\]\[]*\]\(([^)]*)\)", readme)) > 20
    assert [target for _, target in found if not target.startswith(("https://", "#"))] == []
    ours = {
        target.partition("/main/")[2].partition("#")[0]
        for _, target in found
        if target.startswith((f"{PAGES}/blob/main/", f"{FILES}/main/"))
    }
    assert "docs/mode_collapse.png" in ours
    assert [name for name in ours if not (ROOT / name).exists()] == []
    pictures = [target for bang, target in found if bang and target.endswith("mode_collapse.png")]
    assert pictures == [f"{FILES}/main/docs/mode_collapse.png"]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A checkout of a package that is versioned as divlab is, without any history."""
    folder = tmp_path / "small"
    (folder / "divlab").mkdir(parents=True)
    (folder / "divlab" / "__init__.py").touch()
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitattributes", ".git_archival.txt"):
        shutil.copy(ROOT / name, folder)
    return folder


def version_in(folder: Path, dist: Path) -> Version:
    shutil.rmtree(dist, ignore_errors=True)
    package.build(folder, dist)
    return Version(version_of(wheel_in(dist)))


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
def test_version_is_the_tag(small: Path, tmp_path: Path) -> None:
    dist = tmp_path / "dist"
    git("init", "--quiet", cwd=small)
    git("add", ".", cwd=small)
    git("commit", "--quiet", "-m", "first", cwd=small)
    assert version_in(small, dist) < Version("0.1.0"), "a checkout without tags builds"
    git("tag", "v0.7.0", cwd=small)
    git("tag", "data-2026", cwd=small)
    assert version_in(small, dist) == Version("0.7.0")
    git("archive", "--prefix=archive/", "--output=../archive.tar", "HEAD", cwd=small)
    git("commit", "--quiet", "--allow-empty", "-m", "second", cwd=small)
    after = version_in(small, dist)
    assert Version("0.7.0") < after < Version("0.7.1")
    assert after.local, "a commit after the tag is named by its hash"
    assert git("rev-parse", "HEAD", cwd=small).startswith(after.local.removeprefix("g"))
    with tarfile.open(tmp_path / "archive.tar") as archive:
        archive.extractall(tmp_path, filter="data")
    assert version_in(tmp_path / "archive", dist) == Version("0.7.0"), (
        "as GitHub and Zenodo pack it"
    )


def test_folder_without_git_builds(small: Path, tmp_path: Path) -> None:
    """A copy of a checkout in a container, say: it has a version that no release has."""
    assert version_in(small, tmp_path / "dist") == Version("0.0.0")


def test_installed_wheel_works(built: Path, tmp_path: Path) -> None:
    """What only the checkout has (data beside the package, an import from tests) is missed."""
    site = tmp_path / "site"
    wheel = wheel_in(built)
    options = ("--quiet", "--disable-pip-version-check", "--no-deps", "--no-index")
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(site), str(wheel)]
    subprocess.run(command, check=True)
    environment = {**os.environ, "PYTHONPATH": str(site)}
    script = [sys.executable, "-P", str(ROOT / "tests" / "installed.py"), version_of(wheel)]
    parts = ("core", "explorer")
    done = subprocess.run(
        [*script, *parts], cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^(\w+): as it should be$", done.stdout, re.M) == list(parts)
