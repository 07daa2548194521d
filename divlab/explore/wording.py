"""The texts of a picture in the language of its explorer."""

import dataclasses
from collections.abc import Callable
from typing import Any

_ONE, _PARTS = ("title", "label", "on"), ("panels", "marks", "handles")


def told(part: Any, tell: Callable[[str], str]) -> Any:
    """A scene, or a part of one, with all its texts translated.

    Args:
        part: the scene.
        tell: translates a text, as `Language.tell`.

    Returns:
        A scene that differs in its texts alone.
    """
    changed: dict[str, Any] = {}
    for name in (one.name for one in dataclasses.fields(part)):
        value = getattr(part, name)
        if name in _ONE:
            changed[name] = tell(value)
        elif name in _PARTS:
            changed[name] = tuple(told(one, tell) for one in value)
        elif name == "texts":
            changed[name] = tuple(map(tell, value))
        elif name == "ticks" and value is not None:
            changed[name] = {at: tell(text) for at, text in value.items()}
        elif dataclasses.is_dataclass(value):
            changed[name] = told(value, tell)
    return dataclasses.replace(part, **changed)
