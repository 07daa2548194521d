"""Explorers as pages and as pictures, for the site; what is there already is kept."""

import hashlib
import inspect
import multiprocessing
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import divlab
from divlab import figures
from divlab.explore import EXPLORERS
from website.pages import LANGUAGES, PARTS, ROOT

MADE = PARTS / "explorers"  # a folder for each language, as in the site


class Shown(NamedTuple):
    """How an explorer is shown.

    Attributes:
        over: the controls that move in its page: how many positions, or which.
        height: of its frame, in pixels, beside text.
        tall: its height on a phone, where panels stand one below the other.
        start: values of its controls, where its notebook has others than it begins with.
    """

    over: dict[str, Any]
    height: int
    tall: int
    start: Mapping[str, float] = {}


SHOWN = {
    "nll_is_kl": Shown({"separation": 21, "mean": 33}, 720, 1170),
    "elbo_gap": Shown({"step": 51}, 990, 1430),
    "divergences": Shown({"separation": 33, "scale": [0.5, 1.0, 1.5, 2.0, 3.0]}, 1050, 1470),
    "disjoint_supports": Shown({"separation": 61}, 1010, 1430),
    "estimators": Shown({"separation": [0.0, 1.0, 5.0], "quantity": 4}, 700, 1330),
    "gan_game": Shown({"step": 51}, 1030, 1450),
    "mode_collapse": Shown({"step": 51}, 950, 1630, {"separation": 6.0}),
    "minimum_divergence": Shown({"step": 51}, 950, 1610),
    "wasserstein_gan": Shown({"step": 51}, 1030, 1450),
    "dirac_gan": Shown({"objective": 6, "penalty": 5}, 800, 1240),
    "objective_zoo": Shown({"step": 51}, 880, 1490),
    "training_cost": Shown({"model": 2, "vary": 3}, 1070, 1580),
    "two_sample_test": Shown({"separation": 9, "n": 4}, 970, 1890),
}
_KINDS = (".py", ".js", ".css", ".html", ".po", ".csv", ".nc")


def make(names: Iterable[str] = tuple(SHOWN)) -> Path:
    """Makes the pages and pictures that are missing or old; returns their folder.

    Two processes share the work, since most of it compiles and trains on one core.
    """
    for language in languages():
        (MADE / language / "explorers").mkdir(parents=True, exist_ok=True)
        (MADE / language / "figures").mkdir(exist_ok=True)
    now = digest()
    os.environ["TQDM_DISABLE"] = "1"  # two processes would write their bars over each other
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
        for control, value in SHOWN[name].start.items():
            explorer.controls[control].value = value
        if "train" in explorer.controls:
            explorer.controls["train"].click()
        folder = MADE / language
        explorer.export(folder / "explorers" / f"{name}.html", over=SHOWN[name].over)
        for kind in ("svg", "png"):
            content = figures.save(explorer.figure, kind)
            (folder / "figures" / f"{name}.{kind}").write_bytes(content)
        explorer.close()
    return name
