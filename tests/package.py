"""Builds the wheel and the sdist, installs the wheel into an empty environment and uses it there.

    python -m tests.package

First with what divlab needs itself, then with what the notebooks need as well. The versions are
those of the environment that runs this, which are the locked ones.
"""

import argparse
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
EMPTY = ROOT / "build" / "empty"
STAGES = {"": ["core"], "[notebooks]": ["readme", "first_cells", "explorer"]}


def build(source: Path, dist: Path) -> None:
    """Builds the wheel and the sdist of a folder, with the backend that is installed here."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-t", "wheel"]
    subprocess.run([*command, "-d", str(dist)], cwd=source, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.package", description=__doc__)
    parser.add_argument("--newest", action="store_true", help="take the newest versions instead")
    newest = parser.parse_args().newest

    shutil.rmtree(DIST, ignore_errors=True)
    build(ROOT, DIST)
    (wheel,) = DIST.glob("*.whl")
    venv.create(EMPTY, clear=True)
    python = EMPTY / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    pip = [sys.executable, "-I", "-m", "pip", "--disable-pip-version-check"]
    bounds = EMPTY / "constraints.txt"
    freeze = [*pip, "freeze", "--exclude-editable"]
    bounds.write_bytes(b"" if newest else subprocess.check_output(freeze))
    # The environment has no pip of its own; what is not imported need not be compiled.
    install = [*pip, "--python", str(EMPTY), "install", "--quiet", "--no-compile"]
    for extra, parts in STAGES.items():
        start = time.monotonic()
        subprocess.run([*install, "--constraint", str(bounds), f"{wheel}{extra}"], check=True)
        print(f"installed divlab{extra} in {time.monotonic() - start:.0f} s", flush=True)
        start = time.monotonic()
        script = ["-I", str(ROOT / "tests" / "installed.py"), wheel.name.split("-")[1], *parts]
        subprocess.run([python, *script], cwd=EMPTY, check=True)
        print(f"used it in {time.monotonic() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
