"""Which texts for users stand in the code, and which of them a language lacks."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import divlab
from divlab.languages import Language, Phrase

ROOT = Path(divlab.__file__).parent
# Functions whose first argument is a text for users; and by which names others take one.
_SPEAKERS = {
    "phrase", "tell", "_tell", "in_full", "slider", "menu", "button", "Panel", "Axis", "note",
    "learned_panel", "training_panel", "Mistake", "Verdict", "Entry",
}  # fmt: skip
_KEYWORDS = {"label", "hint", "question", "unit"}
_HOW_MANY = {"button": (0, 2), "Entry": (0, 1), "Mistake": (1,), "Verdict": (1,)}


def has_words(text: str) -> bool:
    """Whether a text has words, besides its values and what is lowered or raised."""
    return bool(re.search(r"[^\W\d_]{2}", re.sub(r"[_^]?\{[^{}]*\}", "", text)))


def spoken(path: Path) -> set[str]:
    """The texts for users that stand in a file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            places = _HOW_MANY.get(name, (0,)) if name in _SPEAKERS else ()
            for place in places:
                found |= set(_either(node.args[place])) if place < len(node.args) else set()
            for keyword in node.keywords:
                found |= set(_either(keyword.value)) if keyword.arg in _KEYWORDS else set()
    return {text for text in found if has_words(text)}


def _either(node: ast.AST) -> Iterator[str]:
    """The texts that an expression may be: one, or one of two."""
    if isinstance(node, ast.IfExp):
        yield from _either(node.body)
        yield from _either(node.orelse)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def constants(path: Path) -> set[str]:
    """Every text in a file."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}


def lacking(text: str, language: Language) -> Iterator[str]:
    """The texts and templates, of a text and of its parts, that a language lacks."""
    template = text.template if isinstance(text, Phrase) else text
    if has_words(template) and template not in language.texts and not _is_number(template):
        yield str(template)
    if isinstance(text, Phrase):
        for value in text.values.values():
            if isinstance(value, Phrase):
                yield from lacking(value, language)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
