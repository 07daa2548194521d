"""Frames of an explorer, packed as small as a page needs them."""

import gzip
import json
import math
import struct
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from divlab.figures.scene import Numbers

# Positions are whole numbers of these parts of a panel: a panel of 700 pixels has 1400 at a
# pixel ratio of 2, so that a curve is off by an eighth of a pixel. From 5 panels to the left
# up to 5 to the right they fit into 16 bits, and `Axis.place` cuts off what is further outside.
PARTS = 6000
_MOST, _NAN = 2**15 - 1, -(2**15)


class Recording:
    """Frames of one explorer, packed as `exported.js` reads them.

    Equal arrays are stored once. Of each frame only what differs from the first one is stored.

    Args:
        page: what the page reads besides the frames.
    """

    def __init__(self, page: Mapping[str, Any]) -> None:
        self._page = page
        self._first: Any = None
        self._frames: list[tuple[list[int], Any]] = []
        self._known: dict[bytes, int] = {}

    @property
    def count(self) -> int:
        """How many frames there are."""
        return len(self._frames)

    def add(self, frame: dict[str, Any], arrays: list[Numbers]) -> list[int]:
        """Adds the next frame.

        Args:
            frame: what is shown, as plain data.
            arrays: the arrays that it refers to by their numbers.

        Returns:
            The number of each array among all that are stored.
        """
        frame = _plain(frame)
        if self._first is None:
            self._first = frame
        used = [self._known.setdefault(_whole(a).tobytes(), len(self._known)) for a in arrays]
        self._frames.append((used, change(self._first, frame)))
        return used

    def packed(self) -> bytes:
        """All frames as gzip: the length of a JSON text, this text, and the arrays."""
        recorded = {
            **self._page,
            "parts": PARTS,
            "first": self._first,
            "frames": self._frames,
            "lengths": [len(content) // 2 for content in self._known],
        }
        text = json.dumps(recorded, separators=(",", ":"), allow_nan=False).encode()
        return small(struct.pack("<I", len(text)) + text + _steps(self._known))

    def costs(self) -> tuple[float, float]:
        """How many bytes a frame takes without its arrays, and a number of an array."""
        frames = small(json.dumps(self._frames, separators=(",", ":")).encode())
        numbers = sum(len(content) // 2 for content in self._known)
        return len(frames) / self.count, len(small(_steps(self._known))) / max(numbers, 1)


def _whole(array: Numbers) -> Numbers:
    """Shares of a panel as whole numbers of its parts; NaN has a number of its own."""
    parts = np.clip(np.rint(np.asarray(array, float) * PARTS), -_MOST, _MOST)
    return np.where(np.isnan(parts), _NAN, parts).astype("<i2")


def small(content: bytes) -> bytes:
    """Content as gzip; the same one whenever it is made."""
    return gzip.compress(content, 9, mtime=0)


def _plain(value: Any) -> Any:
    """Dicts, lists, texts and numbers that `JSON.parse` reads, with as many digits as are seen."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, float):
        return float(f"{value:.9g}") if math.isfinite(value) else None
    return value


def _steps(contents: Iterable[bytes]) -> bytes:
    """The steps from each number of an array to the next: all low bytes, then all high ones.

    Neighbours on a curve are close, so that steps compress far better than positions.
    """
    steps = [np.diff(np.frombuffer(c, "<i2"), prepend=np.int16(0)) for c in contents]
    joined = np.concatenate(steps) if steps else np.zeros(0, "<i2")
    return joined.astype("<i2").view(np.uint8).reshape(-1, 2).T.tobytes()


def change(before: Any, after: Any) -> Any:
    """What differs between two pieces of plain data.

    Args:
        before: dicts, lists, texts and numbers.
        after: the same kind of thing.

    Returns:
        For dicts of equal names and lists of equal lengths, a dict with the change of each part
        that differs; else a list that holds `after`.
    """
    if isinstance(before, dict) and isinstance(after, dict) and before.keys() == after.keys():
        pairs = [(name, before[name], after[name]) for name in after]
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = [(str(i), *both) for i, both in enumerate(zip(before, after, strict=True))]
    else:
        return [after]
    return {name: change(a, b) for name, a, b in pairs if a != b}
