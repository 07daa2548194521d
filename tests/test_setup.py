"""Everything that says what divlab needs must say the same."""

import re
import tomllib
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

import divlab
from tests.browser import pages

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
EXTRAS = PROJECT["optional-dependencies"]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))

PYTHONS = ["3.11", "3.12", "3.13"]
PLATFORMS = {
    "linux": {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    "macos": {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
    "windows": {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
}

# Where conda-forge names a package otherwise. matplotlib there adds a Qt window toolkit.
CONDA_NAMES = {
    "matplotlib": "matplotlib-base",
    "playwright": "playwright-python",
}


def parse(lines: Iterable[str]) -> Any:
    """Requirements by their canonical name."""
    requirements = [Requirement(line) for line in lines]
    return {canonicalize_name(r.name): r for r in requirements}


DIRECT = parse([*PROJECT["dependencies"], *EXTRAS["notebooks"], *EXTRAS["test"]])
LOCKED = DIRECT | parse(EXTRAS["docs"])  # conda and Binder build no site


def lock_entries() -> Any:
    """Each entry of the lock as (requirement, its hashes)."""
    body = "\n".join(line for line in LOCK.splitlines() if not line.lstrip().startswith("#"))
    entries = []
    for entry in body.replace("\\\n", " ").splitlines():
        if entry.strip() and not entry.startswith("-"):
            requirement, *hashes = re.split(r"\s--hash=", entry)
            entries.append((Requirement(requirement.strip()), [h.strip() for h in hashes]))
    return entries


ENTRIES = lock_entries()


def locked_for(python: str, platform: str) -> Any:
    """What pip would install from the lock, as {name: version}."""
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.5",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        **PLATFORMS[platform],
    }
    chosen = {}
    for requirement, _ in ENTRIES:
        marker = requirement.marker or Marker("python_version >= '3'")
        if marker.evaluate(environment):
            name = canonicalize_name(requirement.name)
            assert name not in chosen, f"{name} is locked twice for Python {python} on {platform}"
            (pin,) = requirement.specifier
            chosen[name] = Version(pin.version)
    return chosen


def recipe(target: str) -> str:
    """The recipe lines of a target of the Makefile."""
    match = re.search(rf"^{target}:[^\n]*\n((?:\t[^\n]*\n)+)", MAKEFILE, re.MULTILINE)
    assert match, f"the Makefile has no recipe for {target}"
    return match.group(1)


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_lock_has_every_dependency_within_its_bounds(python: str, platform: str) -> None:
    locked = locked_for(python, platform)
    for name, requirement in LOCKED.items():
        assert name in locked, f"{name} is not locked; run make lock"
        assert locked[name] in requirement.specifier, f"{name} {locked[name]}; run make lock"


def test_lock_pins_exactly_with_hashes() -> None:
    assert len(ENTRIES) >= len(LOCKED)
    for requirement, hashes in ENTRIES:
        assert [s.operator for s in requirement.specifier] == ["=="], str(requirement)
        assert not requirement.url, str(requirement)
        assert hashes, f"{requirement} has no hash"
        for value in hashes:
            assert re.fullmatch(r"sha256:[0-9a-f]{64}", value), f"{requirement}: {value}"


def test_lock_has_no_address_option_or_path() -> None:
    assert "://" not in LOCK
    options = {
        line.split()[0].split("=")[0]
        for line in LOCK.splitlines()
        if line.lstrip().startswith("-") and not line.lstrip().startswith("--hash=sha256:")
    }
    assert options == set()
    # A path of the machine that made the lock would show in the comments that say `via`.
    assert not re.search(r"(?:^|\s)(?:/|~|[A-Za-z]:\\)", LOCK, re.MULTILINE)


def test_lock_names_the_command_that_makes_it() -> None:
    head = [line for line in LOCK.splitlines()[:4] if line.startswith("#")]
    assert any(line.strip("# ") == "make lock" for line in head)


def test_lock_is_made_for_the_oldest_python_that_the_project_supports() -> None:
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"
    command = recipe("lock")
    assert "--universal" in command
    assert "--generate-hashes" in command
    assert re.findall(r"--python-version (\S+)", command) == [PYTHONS[0]]
    assert re.findall(r"--extra (\S+)", command) == ["notebooks", "test", "docs"]


def test_no_dependency_has_an_upper_cap() -> None:
    for name, requirement in LOCKED.items():
        assert [s.operator for s in requirement.specifier] == [">="], f"{name} needs a lower bound"


def test_benchmark_dependencies() -> None:
    bench = parse(EXTRAS["bench"])
    assert [s.operator for s in bench["torch"].specifier] == ["=="]
    assert "torch" not in {canonicalize_name(r.name) for r, _ in ENTRIES}
    for name in bench.keys() & DIRECT.keys():
        assert bench[name].specifier == DIRECT[name].specifier, name


def test_conda_environment_names_the_same_packages_and_bounds() -> None:
    conda = parse(d for d in CONDA["dependencies"] if isinstance(d, str))
    assert conda.pop("python").specifier == SpecifierSet(PROJECT["requires-python"])
    conda.pop("pip")  # conda needs it to install divlab itself
    expected = {CONDA_NAMES.get(name, name): r.specifier for name, r in DIRECT.items()}
    assert {name: r.specifier for name, r in conda.items()} == expected


def test_conda_environment_installs_divlab_from_conda_forge_alone() -> None:
    assert CONDA["channels"] == ["conda-forge", "nodefaults"]
    assert [d for d in CONDA["dependencies"] if not isinstance(d, str)] == [{"pip": ["-e ."]}]


def test_readme_opens_the_notebook_on_binder_and_colab() -> None:
    """The links name a repository, a branch and a file, and nobody sees here that one is gone."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    home = PROJECT["urls"]["Repository"]
    assert PROJECT["urls"]["Documentation"] in readme
    notebook = re.findall(r"^NOTEBOOK := (\S+)$", MAKEFILE, re.MULTILINE)[0]
    assert (ROOT / notebook).exists()
    owner_and_name = home.removeprefix("https://github.com/")
    binder, colab = "https://mybinder.org/v2/gh", "https://colab.research.google.com/github"
    assert f"({binder}/{owner_and_name}/main?urlpath=lab/tree/{notebook})" in readme
    assert f"({colab}/{owner_and_name}/blob/main/{notebook})" in readme
    (install,) = re.findall(r"`!pip install \"(.*?)\"`", readme)
    requirement = Requirement(install)
    assert requirement.name == PROJECT["name"]
    assert requirement.extras == {"notebooks"}
    assert requirement.url == f"git+{home}"


def test_binder_reads_environment_yml() -> None:
    """A folder `binder`, or a Dockerfile, would take its place."""
    for name in ("binder", ".binder", "Dockerfile"):
        assert not (ROOT / name).exists(), name


def without_make() -> list[str]:
    """The commands that CONTRIBUTING.md gives to those who have no `make`."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```powershell\n(.*?)```", page, re.DOTALL)
    return str(block).splitlines()


def test_commands_without_make_are_those_of_make() -> None:
    """On POSIX `make` runs them, so they work; on Windows the workflow below does."""
    stamp = recipe(r"\$\(STAMP\)").replace("--disable-pip-version-check ", "")
    lab = recipe("lab").replace("$(if $(filter 0,$(shell id -u)),--allow-root) ", "")
    made = f"{stamp}{lab}{recipe('test')}".replace("$(PY)", r".venv\Scripts\python")
    made = made.replace("$(NOTEBOOK)", re.findall(r"^NOTEBOOK := (.*)$", MAKEFILE, re.M)[0])
    commands = re.findall(r"^\t(\.venv.*?)(?: \$\(ARGS\))?$", made, re.M)
    assert '"$$python" -m venv $(VENV)' in stamp
    assert re.search(r"^VENV := \.venv$", MAKEFILE, re.MULTILINE)
    assert without_make() == ["python -m venv .venv", *commands]


def test_windows_runs_the_commands_without_make() -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    job = yaml.safe_load(workflow)["jobs"]["windows"]
    assert job["runs-on"] == "windows-latest"
    runs = [step["run"] for step in job["steps"] if "run" in step]
    # JupyterLab would wait for a reader.
    assert runs == [command for command in without_make() if "jupyterlab" not in command]


def test_build_backend_is_installed_without_isolation() -> None:
    for line in PYPROJECT["build-system"]["requires"]:
        requirement = Requirement(line)
        assert DIRECT[canonicalize_name(requirement.name)].specifier == requirement.specifier
    assert "--no-build-isolation" in MAKEFILE
    assert "--require-hashes" in MAKEFILE


def test_each_dependency_is_justified() -> None:
    page = (ROOT / "docs" / "design" / "dependencies.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+) \| [^|]*\w[^|]* \|$", page, re.MULTILINE)
    named = {canonicalize_name(name) for row in rows for name in row.split(", ")}
    assert named >= LOCKED.keys() | parse(EXTRAS["bench"]).keys()


def test_lab_stays_on_this_machine_with_its_token() -> None:
    command = recipe("lab")
    assert "-m jupyterlab" in command
    # Root is let in only where one is root already; the address and the token do not change.
    only_root = "$(if $(filter 0,$(shell id -u)),--allow-root)"
    assert only_root in command
    command = command.replace(only_root, "")
    weakened = r"--ip|--allow-root|token|password|allow_origin|allow_remote|disable_check_xsrf"
    assert not re.findall(weakened, command, re.IGNORECASE)
    # Options could come in through the variables that the recipe uses, too.
    assert re.findall(r"\$\((\w+)\)", command) == ["PY", "NOTEBOOK", "ARGS"]
    assert re.search(r"^ARGS \?=$", MAKEFILE, re.MULTILINE)
    assert re.search(r"^NOTEBOOK := notebooks/\w+\.ipynb$", MAKEFILE, re.MULTILINE)
    assert "JUPYTER" not in MAKEFILE


def test_version_is_written_nowhere() -> None:
    """It comes from the tags; tests/test_package.py builds some, tests/test_release.py compares."""
    assert "version" in PROJECT["dynamic"]
    assert "version" not in PROJECT
    assert divlab.__version__ == version("divlab")


def test_one_licence() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["license"] == PROJECT["license"] == "Apache-2.0"
    assert "Version 2.0, January 2004" in (ROOT / "LICENSE").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)]
)
def test_a_job_without_a_browser_is_not_green(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]
) -> None:
    """All tests of `make test-browser` could be skipped on GitHub, and nobody would see it."""
    monkeypatch.setattr(pages, "CHROMIUM", None)
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="no chromium"):
        pages.need_chromium()
