"""Uses an installed divlab as its users do, without a look at the checkout's package.

    python -P tests/installed.py VERSION PART...

The parts are the functions of this file. `tests/test_package.py` and `tests/package.py` run them;
what is not as it should be ends the script with an error.
"""

import contextlib
import io
import json
import math
import re
import sys
import tempfile
from importlib import metadata, resources
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parent.parent


def core() -> None:
    """Divergences, a training and the stored tables, with what divlab needs and no more."""
    from numpyro.distributions import Normal

    import divlab

    file = Path(divlab.__file__)
    assert not file.is_relative_to(CHECKOUT / "divlab"), f"{file} is the checkout, not the package"
    version = sys.argv[1]
    assert divlab.__version__ == metadata.version("divlab") == version, divlab.__version__
    kl = float(divlab.kl(Normal(0, 1), Normal(1, 2)))
    assert abs(kl - (math.log(2) + (1 + 1) / 8 - 1 / 2)) < 1e-6, kl
    assert divlab.targets.old_faithful().shape == (272,)
    for name in divlab.evidence.RECIPES:
        assert divlab.evidence.stored(name).sizes, name
    target = divlab.targets.two_gaussians(4.0, 0.5)
    run = divlab.fit(divlab.VAE(hidden=(4,)), target, steps=5, record_every=5, batch_size=16)
    assert float(divlab.js(target, run.distribution())) <= math.log(2)


def explorer() -> None:
    """An explorer, what it computes, the page it writes, and the pictures of all of them."""
    import divlab

    shown = divlab.explore.nll_is_kl()
    numbers = {name: value for name, value in shown.result.items() if isinstance(value, float)}
    assert numbers, "the explorer computed nothing"
    assert all(map(math.isfinite, numbers.values())), numbers
    package = resources.files("divlab")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        shown.export(page, over={"mean": 3})
        text = page.read_text(encoding="utf-8")
    assert f"Made with divlab {sys.argv[1]}." in text, "the footer does not say this version"
    for name in ("painter.js", "exported.js", "painter.css"):
        lines = (package / "explore" / name).read_text(encoding="utf-8").splitlines()
        longest = max(lines, key=len).strip()
        assert longest in text, f"the page lacks {name}"
    for name in divlab.explore.EXPLORERS:
        picture = (package / "data" / "pictures" / f"{name}.png").read_bytes()
        assert picture.startswith(b"\x89PNG"), name


def readme() -> None:
    """The lines of Python that the README begins with."""
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"```python\n(import divlab\n.*?)```", text, re.DOTALL)
    assert block, "the README has no lines of Python"
    names: dict[str, Any] = {}
    kl, js, lost = map(float, _printed(block.group(1), names).split())
    assert abs(kl - (math.log(2) + (1 + 1) / 8 - 1 / 2)) < 1e-6, kl
    assert 0 <= js <= math.log(2), js
    assert 0 <= lost <= 1, lost


def first_cells() -> None:
    """The first cell of code of each notebook prints what is stored."""
    for file in sorted((CHECKOUT / "notebooks").glob("*.ipynb")):
        cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
        cell = next(cell for cell in cells if cell["cell_type"] == "code")
        stored = "".join("".join(output["text"]) for output in cell["outputs"])
        printed = _printed("".join(cell["source"]), {})
        assert printed == stored, f"{file.name} printed {printed!r}, where {stored!r} is stored"


def _printed(code: str, names: dict[str, Any]) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(code, "<lines>", "exec"), names)
    return printed.getvalue()


if __name__ == "__main__":
    for part in sys.argv[2:]:
        globals()[part]()
        print(f"{part}: as it should be")
