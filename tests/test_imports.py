"""Which module may import which: downwards only, and each heavy library in one place."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest
from numpyro.distributions import Normal

import divlab

ROOT = Path(divlab.__file__).parent
# A module may import from its own room and from rooms with a lower number; `figures` from none.
LEVELS = {
    "checks": 0,
    "compiling": 0,
    "languages": 0,
    "pytrees": 0,
    "networks": 0,
    "divergences": 1,
    "peaks": 2,
    "piecewise": 2,
    "targets": 3,
    "models": 3,
    "configuration": 4,
    "metrics": 4,
    "figures": 4,
    "store": 4,
    "sweeps": 5,
    "evidence": 6,
    "explore": 7,
    "exercises": 8,
}
# Root of an import -> where it may stand. The others are free.
HOMES = {
    "flax": ("networks.py",),
    "optax": ("models/objectives/optimizers.py", "divergences/methods/variational.py"),
    "ipywidgets": ("explore/", "exercises/widget.py"),
    "matplotlib": ("figures/", "explore/"),
    "xarray": ("store.py", "sweeps.py", "evidence/"),
    "pandas": ("evidence/verdicts.py",),
}
FILES = {path.relative_to(ROOT).as_posix(): path for path in sorted(ROOT.rglob("*.py"))}


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in the file; submodules named in full."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            assert node.module is not None
            for alias in node.names:
                below = ROOT.parent.joinpath(*node.module.split("."), alias.name)
                is_module = below.is_dir() or below.with_suffix(".py").exists()
                yield f"{node.module}.{alias.name}" if is_module else node.module


def room(module: str) -> str | None:
    """The room of a module `divlab.…`, or None for `divlab` itself."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else None


def test_every_room_has_a_level() -> None:
    rooms = {name.split("/")[0].removesuffix(".py") for name in FILES}
    assert rooms - {"__init__"} == set(LEVELS)


@pytest.mark.parametrize("name", sorted(set(FILES) - {"__init__.py"}))
def test_imports_run_downwards(name: str) -> None:
    here = name.split("/")[0].removesuffix(".py")
    for module in imports(FILES[name]):
        if module.split(".")[0] != "divlab":
            continue
        there = room(module)
        if there is None:
            assert here in ("exercises", "explore"), f"{name} imports the whole of divlab"
        else:
            is_lower = LEVELS[there] < LEVELS[here]
            assert there == here or is_lower, f"{name} imports {module}"
            assert here != "figures" or there == "figures", (
                f"figures compute nothing, but import {module}"
            )


@pytest.mark.parametrize("name", sorted(FILES))
def test_heavy_libraries_stay_where_they_belong(name: str) -> None:
    for module in imports(FILES[name]):
        for place in [HOMES.get(module.split(".")[0])]:
            assert place is None or name.startswith(place), f"{name} imports {module}"


@pytest.mark.parametrize("name", [name for name in FILES if "/objectives/" in name])
def test_objectives_know_no_networks(name: str) -> None:
    allowed = ("divlab.models.objectives", "divlab.pytrees", "divlab.divergences")
    ours = [module for module in imports(FILES[name]) if module.startswith("divlab")]
    assert all(module.startswith(allowed) for module in ours), ours


# What a first divergence or a first table needs, but `import divlab` must not wait for.
LATE = ["flax", "ipywidgets", "matplotlib", "optax", "pandas", "scipy.stats", "xarray"]


def test_importing_divlab_loads_no_heavy_library() -> None:
    """Else `import divlab` takes twice as long as it need, though each library has its place."""
    code = f"import sys, divlab; print(*(set({LATE}) & set(sys.modules)))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT.parent
    )
    assert loaded.stdout.split() == []


def test_six_files_tell_how_a_known_divergence_is_computed() -> None:
    """Else who reads `kl` from the call to the formula gets lost on the way."""
    p, q = Normal(0.0, 1.0), Normal(1.0, 2.0)
    entered: set[str] = set()

    def note(frame: FrameType, event: str, argument: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(ROOT):
            entered.add(path.relative_to(ROOT).as_posix())

    sys.setprofile(note)
    try:
        divlab.kl(p, q)
    finally:
        sys.setprofile(None)
    # A program that another test has compiled does not enter the file of the formula again.
    entered.add("divergences/closed_form/exponential_families.py")
    assert len(entered) <= 6, sorted(entered)
