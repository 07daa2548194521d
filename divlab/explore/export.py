"""A page that works without a kernel: one HTML file with recorded states of an explorer."""

import base64
import html
import itertools
import math
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from tqdm.auto import tqdm

from divlab.explore import EXPLORERS
from divlab.explore.controls import settings
from divlab.explore.recording import Recording
from divlab.explore.stage import Stage
from divlab.explore.states import States
from divlab.figures.packing import packed
from divlab.languages import Phrase, listed, phrase

LARGEST = 30e6  # bytes of a page
_ANCHORS = 4  # states from which the size is estimated, besides their neighbours
_HERE = Path(__file__).parent


def write_page(
    explorer: Any, path: str | Path, over: Mapping[str, Any] | None, title: str | None
) -> None:
    """Writes a page; says beforehand how large it will be and how long that takes.

    Args:
        explorer: the explorer, which is as it was afterwards.
        path: where to write the page.
        over: name of a control -> how many positions, or these positions; None for the first
            slider, or for the recorded steps of a training.
        title: of the page; None for the explorer's own.

    Raises:
        ValueError: there is no such control or position, or the page would be too large.
        FileNotFoundError: the folder does not exist.
    """
    path = Path(path)
    if path.suffix.lower() not in (".html", ".htm") or path.is_dir():
        raise ValueError(f"path must be that of a file such as page.html; got {str(path)!r}.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"path is in a folder that does not exist: {path.parent}.")
    page = Page(explorer, over, title)
    with page.states.visit():
        print(f"{_name(explorer)}: {explorer.language.tell(page.estimate().phrase())}")
        states = page.record()
        for _ in tqdm(states, total=len(page.states), unit="state", delay=2.0, leave=False):
            pass
    content = page.html()
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        unfinished.write_bytes(content)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


class Estimate(NamedTuple):
    """What a page is likely to take.

    Attributes:
        states: how many states it has.
        size: in bytes.
        seconds: how long recording takes.
        trainings: how many trainings that needs.
    """

    states: int
    size: float
    seconds: float
    trainings: int

    def phrase(self) -> Phrase:
        """The estimate in words, to be translated."""
        states: Phrase = _states(self.states)
        if self.trainings:
            one = "{states} with {count} training"
            template = one if self.trainings == 1 else "{states} with {count} trainings"
            states = phrase(template, states=states, count=self.trainings)
        size = phrase("about {size}", size=_megabytes(self.size))
        return listed([states, size, _duration(self.seconds)])

    def __str__(self) -> str:
        return str(self.phrase())


class Page:
    """A page in the making.

    Args:
        explorer, over, title: as in `write_page`.

    Attributes:
        states: what the page shows.
    """

    def __init__(self, explorer: Any, over: Mapping[str, Any] | None, title: str | None) -> None:
        if not (title is None or isinstance(title, str)):
            raise TypeError(f"title must be a text or None; got {title!r}.")
        explorer.catch_up()
        self._explorer = explorer
        self.states = States(explorer, over)
        self._title = explorer.title if title is None else title
        self._fixed = _fixed(explorer, self.states)
        page = {"controls": _controls(explorer, self.states), "words": explorer.stage.words}
        self._recording = Recording(page)

    def estimate(self) -> Estimate:
        """Records a few states, and says what all of them will take.

        An array that stays the same when a control moves is stored once for all positions of that
        control. Neighbours of a few states show how often each array changes.

        Returns:
            The estimate.

        Raises:
            ValueError: the page would be too large; the message says what would fit.
        """
        states, sample = self.states, Recording({})
        first = states.first()
        started = time.monotonic()
        self._look(first)  # it trains, and compiles
        once, started = time.monotonic() - started, time.monotonic()
        # Within one training: there is no time for more.
        places = {n: len(p) for n, p in states.positions.items() if n not in states.retrain}
        changes: dict[str, list[list[bool]]] = {name: [] for name in places}
        for i in range(_ANCHORS):
            at = {
                name: round((i + j) % _ANCHORS / max(_ANCHORS - 1, 1) * (count - 1))
                for j, (name, count) in enumerate(places.items())
            }
            frame, arrays = self._look(first | states.at(at))
            used = sample.add(frame, arrays)
            for name, count in places.items():
                if count > 1:
                    beside = at | {name: at[name] + (1 if at[name] + 1 < count else -1)}
                    moved = sample.add(*self._look(first | states.at(beside)))
                    pairs = itertools.zip_longest(used, moved)
                    changes[name].append([a != b for a, b in pairs][: len(used)])
        seconds = (time.monotonic() - started) / sample.count
        per_frame, per_number = sample.costs()
        size = per_frame * len(states)
        for slot, array in enumerate(arrays):
            distinct = float(max(states.trainings, 1))
            for name, found in changes.items():
                seen = [change[slot] for change in found if slot < len(change)]
                if seen:
                    distinct *= 1 + (places[name] - 1) * sum(seen) / len(seen)
            size += per_number * array.size * distinct
        size = len(self._around(b"")) + 4 / 3 * size
        self._refuse(size)
        trained = once * states.trainings
        return Estimate(len(states), size, trained + seconds * len(states), states.trainings)

    @property
    def recorded(self) -> int:
        """How many states are recorded so far."""
        return self._recording.count

    @property
    def is_complete(self) -> bool:
        """Whether all states are recorded."""
        return self.recorded == len(self.states)

    def record(self) -> Iterator[None]:
        """Records the states that are left, one at each turn."""
        for state in itertools.islice(self.states, self.recorded, None):
            self._recording.add(*self._look(state))
            yield

    def html(self) -> bytes:
        """The page.

        Raises:
            ValueError: it is too large; the message says what would fit.
        """
        content = self._around(base64.b64encode(self._recording.packed()))
        self._refuse(len(content))
        return content

    def _look(self, state: Mapping[str, Any]) -> tuple[dict[str, Any], list[Any]]:
        """A state as a frame and its arrays; what the page knows anyway is left out."""
        self.states.go_to(state)
        _, scene, more = self._explorer.look_at(self._explorer.values())
        described, arrays = packed(scene)
        for panel in described["panels"]:
            panel["can_draw"] = False  # that needs a kernel
            if not set(panel["click"] or ()) & set(self.states.positions):
                panel["click"] = None
        shown = {name: more[name] for name in ("numbers", "caption")}
        return {"scene": described, **shown}, arrays

    def _refuse(self, size: float) -> None:
        """Raises an error if a page of this size is too large."""
        if size <= LARGEST:
            return
        counts = {name: len(positions) for name, positions in self.states.positions.items()}
        most = max(counts, key=lambda name: counts[name])
        around = len(self._around(b""))
        fit = math.floor(0.9 * counts[most] * (LARGEST - around) / (size - around))
        advice = (
            f"{fit} positions of {most} in place of {counts[most]} would fit"
            if fit > 1
            else f"fewer positions of {' and '.join(counts)}, which have "
            f"{' and '.join(map(str, counts.values()))}, would fit"
        )
        raise ValueError(
            f"the page would have about {_megabytes(size)}, and it may have "
            f"{_megabytes(LARGEST)}: {advice}."
        )

    def _around(self, recorded: bytes) -> bytes:
        """The page with what was recorded."""
        scripts = ((_HERE / name).read_text(encoding="utf-8") for name in _SCRIPTS)
        tell = self._explorer.language.tell
        parts = {
            "language": self._explorer.language.name,
            "needed": html.escape(tell(_NEEDED)),
            "too_old": html.escape(tell(_TOO_OLD)),
            "title": html.escape(self._title),
            "question": html.escape(self._explorer.question),
            "footer": html.escape(self._fixed),
            "style": _inside(str(Stage._css), "style"),
            "script": _inside("\n".join(scripts), "script"),
        }
        frame = (_HERE / "exported.html").read_text(encoding="utf-8")
        filled = re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], frame)
        before, after = filled.encode().split(b"RECORDED", 1)
        return before + recorded + after


_NEEDED = "This page needs JavaScript. It loads nothing from a network."
_TOO_OLD = (
    "This browser is too old for this page: it needs Chrome 80, Firefox 113 or Safari 16.4, or a "
    "later one."
)
# The painter, and what moves it.
_SCRIPTS = ("painter.js", "exported.js")


def _inside(text: str, tag: str) -> str:
    """A script or a style that does not end its element early."""
    return re.sub(rf"</({tag})", r"<\\/\1", text, flags=re.IGNORECASE)


def _controls(explorer: Any, states: States) -> list[dict[str, Any]]:
    """What the page offers: each control's name, label, group and positions.

    `shown` holds the texts of positions that the page shows in other words.
    """
    return [
        {
            "name": name,
            "label": explorer.controls[name].description,
            "group": explorer.language.tell(_group(explorer, name)),
            "positions": positions,
            "shown": _labels(explorer.controls[name]),
            "start": explorer.controls[name].value,
        }
        for name, positions in states.positions.items()
    ]


def _labels(control: Any) -> dict[str, str]:
    """Value of a menu -> its text, where that is in other words."""
    pairs = [one for one in getattr(control, "options", ()) if isinstance(one, tuple)]
    return {value: label for label, value in pairs}


def _fixed(explorer: Any, states: States) -> str:
    """One line: what the page holds, and what does not move in it."""
    mine, fixed = settings(explorer.controls), []
    tell: Callable[[str], str] = explorer.language.tell
    for title, names in explorer.groups.items():
        free = [mine[n] for n in names if n in mine and n not in states.positions]
        texts = [f"{one.description} {_text(one)}" for one in free if not one.disabled]
        if texts:
            fixed.append(f"{tell(title)}: {', '.join(texts)}")
    given = explorer.given
    if "data" in given and given["data"].names:
        fixed.append(f"{tell('Data')}: {', '.join(given['data'].names)}")
    if "drawn" in given and given["drawn"].distribution is not None:
        fixed.append(tell("Target: drawn by hand"))
    held = phrase("Fixed: {fixed}. ", fixed="; ".join(fixed)) if fixed else ""
    template = "{count} recorded state" if len(states) == 1 else "{count} recorded states"
    recorded = phrase(template, count=len(states))
    return tell(
        phrase(
            "{held}{recorded}. Made with divlab {version}.",
            held=held,
            recorded=recorded,
            version=version("divlab"),
        )
    )


def _group(explorer: Any, name: str) -> Any:
    """The title of the group of controls that one stands in."""
    return next(title for title, names in explorer.groups.items() if name in names)


def _text(control: Any) -> str:
    value = control.value
    value = _labels(control).get(value, value)
    return f"{value:.6g}".replace("-", "−") if isinstance(value, float) else str(value)


def _name(explorer: Any) -> str:
    """The name of an explorer in `divlab.explore`."""
    kind = type(explorer)
    return next((name for name, one in EXPLORERS.items() if one.is_of(kind)), kind.__name__)


def _states(count: int) -> Phrase:
    return phrase("{count} state" if count == 1 else "{count} states", count=count)


def _duration(seconds: float) -> Phrase:
    if seconds < 1:
        return phrase("less than 1 s")
    if seconds < 120:
        return phrase("about {seconds:.0f} s", seconds=seconds)
    return phrase("about {minutes:.0f} min", minutes=seconds / 60)


def _megabytes(size: float) -> str:
    return f"{size / 1e6:.1f} MB"
