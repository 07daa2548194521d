"""The part of an explorer that the browser draws: one picture, its numbers and its sentence."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets

from divlab.figures.packing import packed
from divlab.figures.scene import ROLES, Scene
from divlab.languages import Language

_HERE = Path(__file__).parent
_MOST = 64  # arrays of a scene
# One trait for each array: ipywidgets sends those that have changed, all in one message.
_Arrays: Any = type(
    "_Arrays",
    (anywidget.AnyWidget,),
    {f"array_{i}": traitlets.Bytes().tag(sync=True) for i in range(_MOST)},
)


def colors() -> str:
    """The roles as CSS variables: `--divlab-model`, its color, and `--divlab-dash-model`."""
    light = "".join(f"--divlab-{name}: {role.color};" for name, role in ROLES.items())
    dark = "".join(f"--divlab-{name}: {role.on_dark};" for name, role in ROLES.items())
    dashes = "".join(
        f"--divlab-dash-{name}: {' '.join(map(str, role.dashes)) or 'none'};"
        for name, role in ROLES.items()
    )
    return (
        f".divlab {{ {light} {dashes} }}\n"
        '[data-jp-theme-light="false"] .divlab, '
        f'[data-theme="dark"] .divlab-page .divlab {{ {dark} }}\n'
        "@media (prefers-color-scheme: dark) "
        f'{{ :root:not([data-theme="light"]) .divlab-page .divlab {{ {dark} }} }}\n'
    )


# What painter.js says itself, each by `word("…")`.
_WORDS = (
    "Cancel",
    "Close",
    "Copied",
    "Copy",
    "Copy the code",
    "Copy the state",
    "Done",
    "Draw",
    "Draw a density by hand",
    "Draw with the pointer, or with the arrow keys",
    "Height of the density: left and right go along x, up and down change it",
    "Hide the code",
    "Leave without a change",
    "Pause",
    "Play the recorded steps",
    "Repeat",
    "Selected",
    "State",
    "Stop, back to the first step",
    "Take this density",
    "Too long for a line: “Save figure” makes a file",
    "height",
    "picture",
)


def words(language: Language) -> dict[str, str]:
    """What the page itself says, by the English text; empty where that is English."""
    told = {text: language.tell(text) for text in _WORDS}
    return {text: said for text, said in told.items() if said != text}


STYLE = colors() + (_HERE / "painter.css").read_text(encoding="utf-8")


class Stage(_Arrays):
    """Shows scenes, and says what a user does to them.

    Args:
        on_message: is called with what the page says: a dict whose "kind" is "state" (with the
            `text` to go to) or "draw" (with the `x` and the `heights` of a drawn density).
        on_move: is called with control -> value when a handle is dragged.
        language: of what the page itself says.

    Attributes:
        frame: what is shown, but for the arrays.
        moved: control -> value, and a count, from the page.
        words: what the page itself says, by the English text.
    """

    # The text and not the path: anywidget would watch a file, and keep the widget alive for it.
    _esm = (_HERE / "painter.js").read_text(encoding="utf-8")
    _css = STYLE
    frame = traitlets.Dict().tag(sync=True)
    moved = traitlets.Dict().tag(sync=True)
    words = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        on_message: Callable[[dict[str, Any]], None],
        on_move: Callable[[dict[str, Any]], None],
        language: Language,
    ) -> None:
        super().__init__(words=words(language))
        self.on_msg(lambda _, content, __: on_message(content))
        self.observe(lambda change: on_move(change["new"]["values"]), "moved")

    def show(self, scene: Scene, more: Mapping[str, Any]) -> None:
        """Shows a scene; only what differs from the one before is sent.

        Args:
            scene: the scene.
            more: what is shown with it: see `Explorer.frame`.
        """
        described, arrays = packed(scene)
        with self.hold_sync():
            for i, array in enumerate(arrays):
                setattr(self, f"array_{i}", array.astype(np.float32).tobytes())
            # The count tells the page of arrays that change while all else stays.
            count = self.frame.get("count", 0) + 1
            self.frame = {**more, "scene": described, "count": count}
