"""The state of an explorer as the part of an address behind “#”."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

_LONGEST = 2000  # characters; measurements and drawings of more are left out


def as_address(name: str, state: Mapping[str, Any]) -> str:
    """Writes a state as an address.

    Args:
        name: of the explorer.
        state: what `Explorer.state` returned.

    Returns:
        The part behind “#”, as in "explorer=nll_is_kl&separation=2.5". What is too long for an
        address, such as measurements, is left out.
    """
    pairs = {"explorer": name}
    for key, value in state.items():
        text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
        if len(text) <= _LONGEST:
            pairs[key] = text
    return urlencode(pairs, quote_via=quote, safe=",[]{}:")


def read_address(address: str) -> tuple[str, dict[str, Any]]:
    """Reads what `as_address` wrote, or what a user has typed.

    Args:
        address: the part behind “#”.

    Returns:
        The name of the explorer, empty where there is none, and the state.
    """
    pairs = dict(parse_qsl(address, keep_blank_values=True))
    name = pairs.pop("explorer", "")
    return name, {key: _value(text) for key, text in pairs.items()}


def _value(text: str) -> Any:
    """A number or a list where the text is one; else the text."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
