"""Explorers as pages and as pictures, for the site; what is there already is kept."""

import hashlib
import inspect
import multiprocessing
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import divlab
from divlab import figures
from divlab.explore import EXPLORERS
from website.pages import LANGUAGES, PARTS, ROOT

MADE = PARTS / "explorers"  # a folder for each language, as in the site
# The controls that move in the page of an explorer: how many positions, or which. Where a training
# is shown, the recorded steps of one.
OVER: dict[str, dict[str, Any] | None] = {
    "nll_is_kl": {"separation": 21, "mean": 33},
    "elbo_gap": None,
    "divergences": {"separation": 25, "scale": 9},
    "disjoint_supports": {"separation": 61},
    "estimators": {"separation": [0.0, 1.0, 3.0, 5.0], "quantity": 4},
    "gan_game": None,
    "mode_collapse": None,
    "minimum_divergence": None,
    "wasserstein_gan": None,
    "dirac_gan": {"objective": 6, "penalty": 5},
    "objective_zoo": None,
    "training_cost": {"model": 2, "layers": 3, "vary": 3},
    "two_sample_test": {"separation": 9, "n": 4},
}
_KINDS = (".py", ".js", ".css", ".html", ".po", ".csv", ".nc")


def make(names: Iterable[str] = tuple(OVER)) -> Path:
    """Makes the pages and pictures that are missing or old; returns their folder.

    Two processes share the work, since most of it compiles and trains on one core.
    """
    for language in languages():
        (MADE / language / "explorers").mkdir(parents=True, exist_ok=True)
        (MADE / language / "figures").mkdir(exist_ok=True)
    now = digest()
    due = [
        name for name in names if _mark(name).exists() is False or _mark(name).read_text() != now
    ]
    if due:
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(2, mp_context=spawn) as pool:
            for name in pool.map(_make, due):
                _mark(name).write_text(now)
                print(f"explorer {name}", flush=True)
    return MADE


def languages() -> list[str]:
    """The languages that explorers speak."""
    knows = "language" in inspect.signature(divlab.configure).parameters
    return list(LANGUAGES) if knows else ["en"]


def digest() -> str:
    """Changes with the sources of the package and with what is asked for here."""
    found = hashlib.sha256()
    files = [file for file in (ROOT / "divlab").rglob("*") if file.suffix in _KINDS]
    for file in sorted([*files, Path(__file__)]):
        found.update(file.read_bytes())
    return found.hexdigest()


def _mark(name: str) -> Path:
    """The file that says from which sources an explorer was made."""
    return MADE / f"{name}.digest"


def _make(name: str) -> str:
    for language in languages():
        options: dict[str, Any] = {} if language == "en" else {"language": language}
        divlab.configure(cpu_devices=1, **options)
        explorer = EXPLORERS[name].load()()
        if "train" in explorer.controls:
            explorer.controls["train"].click()
        folder = MADE / language
        explorer.export(folder / "explorers" / f"{name}.html", over=OVER[name])
        for kind in ("svg", "png"):
            content = figures.save(explorer.figure, kind)
            (folder / "figures" / f"{name}.{kind}").write_bytes(content)
        explorer.close()
    return name
