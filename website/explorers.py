"""Explorers as pages and as pictures, for the site; what is there already is kept."""

import hashlib
import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import divlab
from divlab import figures
from divlab.explore import EXPLORERS
from divlab.explore.trainer import Trainer
from website.pages import LANGUAGES, PARTS, ROOT

MADE = PARTS / "explorers"  # a folder for each language, as in the site
FIGURES = MADE / "en" / "figures"  # English pages alone show these


class Shown(NamedTuple):
    """How an explorer is shown.

    Attributes:
        over: the controls that move in its page: how many positions, or which. What its notebook
            asks a reader to move is among them, unless that trains.
        height: of its frame, in pixels, beside text.
        tall: its height on a phone, where panels stand one below the other.
        seconds: of a processor that it took once, by which the order of work is chosen.
        start: values of its controls, where its notebook has others than it begins with.
    """

    over: dict[str, Any]
    height: int
    tall: int
    seconds: float
    start: Mapping[str, float] = {}


# At first a training changes much; then it is enough to see every hundredth step.
STEPS = [*range(0, 200, 20), *range(200, 2001, 100)]
SHOWN = {
    "nll_is_kl": Shown({"separation": 17, "scale": [0.1, 0.5], "mean": 33}, 780, 1250, 17),
    "elbo_gap": Shown({"step": STEPS, "x": [0.0, 2.0]}, 1000, 1540, 6),
    "divergences": Shown({"separation": 33, "scale": [0.5, 1.0, 1.5, 2.0, 3.0]}, 1060, 1480, 5),
    "disjoint_supports": Shown(
        {"family": 2, "separation": 61, "scale": [0.5, 1.0]}, 1130, 1600, 17
    ),
    "estimators": Shown({"separation": [0.0, 1.0, 5.0], "quantity": 4}, 750, 1340, 16),
    "gan_game": Shown({"step": STEPS}, 1030, 1460, 18),
    "mode_collapse": Shown({"step": STEPS}, 950, 1640, 16, {"separation": 6.0}),
    "minimum_divergence": Shown({"step": STEPS}, 950, 1610, 19),
    "wasserstein_gan": Shown({"step": STEPS}, 1030, 1460, 11),
    "dirac_gan": Shown({"objective": 6, "penalty": 5, "rate": [0.1, 0.3]}, 850, 1430, 4),
    "objective_zoo": Shown({"step": STEPS}, 880, 1510, 17),
    "training_cost": Shown({"model": 2, "vary": 3, "layers": [1, 2]}, 1070, 1610, 32),
    "two_sample_test": Shown({"separation": [0.0, 0.5, 1.0, 1.5, 2.0, 3.0], "n": 4}, 1010, 1950, 9),
}
_KINDS = (".py", ".js", ".css", ".html", ".po", ".csv", ".nc")


def make(names: Iterable[str] = tuple(SHOWN)) -> Path:
    """Makes the pages and pictures that are missing or old; returns their folder.

    Two processes share the work, since most of it compiles and trains on one core. Those that take
    longest come first, so that neither process works alone at the end.
    """
    for language in LANGUAGES:
        (MADE / language / "explorers").mkdir(parents=True, exist_ok=True)
    FIGURES.mkdir(parents=True, exist_ok=True)
    now = digest()
    # Each process has a core; more threads than that would wait for each other.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    os.environ["TQDM_DISABLE"] = "1"  # two processes would write their bars over each other
    due = [name for name in names if not _mark(name).exists() or _mark(name).read_text() != now]
    if due:
        due.sort(key=lambda name: SHOWN[name].seconds, reverse=True)
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(2, mp_context=spawn) as pool:
            for name, seconds in zip(due, pool.map(_make, due), strict=True):
                _mark(name).write_text(now)
                print(f"explorer {name}: {seconds:.0f} s of a processor", flush=True)
    return MADE


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


def _make(name: str) -> float:
    """Makes the pages and the pictures of an explorer; returns the processor time that it took."""
    started = time.process_time()
    open_ones: list[Any] = []
    known: dict[Any, Any] = {}
    for language in LANGUAGES:
        divlab.configure(cpu_devices=1, language=language)
        explorer = EXPLORERS[name].load()()
        for control, value in SHOWN[name].start.items():
            explorer.controls[control].value = value
        if not isinstance(explorer, Trainer):
            explorer.compute = _once(explorer.compute, known)
        elif open_ones:
            explorer.take_training(open_ones[0])
        else:
            explorer.train()
        explorer.export(MADE / language / "explorers" / f"{name}.html", over=SHOWN[name].over)
        open_ones.append(explorer)
    figure = open_ones[0].figure
    for kind in ("svg", "png"):
        (FIGURES / f"{name}.{kind}").write_bytes(figures.save(figure, kind))
    for explorer in open_ones:
        explorer.close()
    return time.process_time() - started


def _once(compute: Callable[..., Any], known: dict[Any, Any]) -> Callable[..., Any]:
    """Such a function that keeps what it has computed: numbers are the same in each language."""

    def of(**values: Any) -> Any:
        asked = tuple(values.items())
        if asked not in known:
            known[asked] = compute(**values)
        return known[asked]

    return of
