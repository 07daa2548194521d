"""The languages of explorers and exercises: English in the code, others in catalogues.

A catalogue is a file `divlab/data/<language>/<name>.po`, as translators know it from gettext. What
it lacks stays English.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent / "data"
_PLACE = re.compile(r"\{([a-z]\w+)(?::([^{}]*))?\}")  # {name} or {name:.2f}
_ENTRY = re.compile(r'^msgid ((?:".*"\n)+)msgstr ((?:".*"(?:\n|\Z))+)', re.MULTILINE)


class Phrase(str):
    """An English text that knows what it was made of, so that it can be told in other languages.

    Attributes:
        template: the text, with `{name}` or `{name:.2f}` where a value stands.
        values: the values, by name. Those that are phrases are translated as well.
    """

    template: str
    values: dict[str, Any]


def phrase(template: str, /, **values: Any) -> Phrase:
    """An English text, with values in it, that can be translated later.

    Args:
        template: the text, with `{name}` or `{name:.2f}` where a value stands. A name has two
            letters or more. Braces around anything else are part of the text: `p_{θ}`.
        **values: the values.

    Returns:
        The text.

    Example:
        >>> from divlab.languages import phrase
        >>> phrase("grows as N^{{power:.2f}}", power=2)
        'grows as N^{2.00}'
    """
    made = Phrase(_fill(template, values))
    made.template, made.values = template, values
    return made


def listed(parts: Iterable[str], separator: str = ", ") -> Phrase:
    """Texts one after the other, each of them to be translated on its own.

    Args:
        parts: the texts.
        separator: what stands between them; it has no words.

    Returns:
        The text.
    """
    values = {f"part{i}": part for i, part in enumerate(parts)}
    return phrase(separator.join(f"{{{name}}}" for name in values), **values)


def _fill(template: str, values: Mapping[str, Any]) -> str:
    return _PLACE.sub(
        lambda place: format(values[place[1]], place[2] or "") if place[1] in values else place[0],
        template,
    )


@dataclass(frozen=True)
class Language:
    """A language.

    Attributes:
        name: as in `divlab.configure(language="pt")`.
        texts: English text or template -> its translation.
    """

    name: str
    texts: Mapping[str, str] = field(repr=False)

    def tell(self, text: str) -> str:
        """Translates a text.

        Args:
            text: the English text, a phrase or not.

        Returns:
            Its translation; the English text where there is none.
        """
        if not isinstance(text, Phrase):
            return self.texts.get(text, text)
        values = {
            name: self.tell(value) if isinstance(value, Phrase) else value
            for name, value in text.values.items()
        }
        return _fill(self.texts.get(text.template, text.template), values)


@cache
def language(name: str) -> Language:
    """A language and its catalogues.

    Args:
        name: of the language.

    Returns:
        The language.

    Raises:
        ValueError: there is no such language.
    """
    known = names()
    if name not in known:
        raise ValueError(f"language must be one of {', '.join(known)}; got {name!r}.")
    texts: dict[str, str] = {}
    for path in sorted(_FOLDER.joinpath(name).glob("*.po")):
        texts |= read_catalogue(path.read_text(encoding="utf-8"))
    return Language(name, texts)


def names() -> list[str]:
    """The languages that exist, English first."""
    return ["en", *sorted({path.parent.name for path in _FOLDER.glob("*/*.po")})]


def read_catalogue(content: str) -> dict[str, str]:
    """Reads a PO file.

    Args:
        content: of the file.

    Returns:
        English text -> its translation, of all entries that have one.
    """
    pairs = ((_joined(text), _joined(told)) for text, told in _ENTRY.findall(content))
    return {text: told for text, told in pairs if text and told}


def _joined(lines: str) -> str:
    """The text of quoted lines, whose escapes are those of JSON."""
    return "".join(map(json.loads, lines.splitlines()))


_present = "en"


def use(name: str) -> None:
    """Sets the language of explorers and exercises that are made from now on.

    Args:
        name: of the language.

    Raises:
        ValueError: there is no such language.
    """
    global _present
    _present = language(name).name


def present() -> Language:
    """The language of what is made now; whoever speaks later keeps it."""
    return language(_present)


def tell(text: str, /, **values: Any) -> str:
    """Translates a text into the present language.

    Args:
        text: the English text or template; see `phrase`.
        **values: the values in it.

    Returns:
        Its translation; the English text where there is none.
    """
    return present().tell(phrase(text, **values) if values else text)
