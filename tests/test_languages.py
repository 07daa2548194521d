"""The languages of explorers and exercises: what is to be translated, and what translations keep.

What explorers show while they are operated is in tests/explore/test_languages.py.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import divlab
from divlab import languages
from divlab.explore import EXPLORERS
from divlab.explore.stage import _WORDS
from divlab.languages import Phrase, listed, phrase

ROOT = Path(divlab.__file__).parent
OTHERS = languages.names()[1:]
CATALOGUES = sorted(ROOT.glob("data/*/*.po"))
# Functions whose first argument is a text for users; and by which name others take one.
SPEAKERS = {
    "phrase", "tell", "_tell", "in_full", "slider", "menu", "button", "Panel", "Axis", "note",
    "learned_panel", "training_panel", "Mistake", "Verdict",
}  # fmt: skip
KEYWORDS = {"label", "hint", "question", "unit"}
# What is spoken but is no word: keywords of other functions.
WORDLESS = re.compile(r"[^\W\d_]{2}")


def has_words(text: str) -> bool:
    """Whether a template has words, besides its values and what is lowered or raised."""
    return bool(WORDLESS.search(re.sub(r"[_^]?\{[^{}]*\}", "", text)))


def constants(node: ast.AST) -> Iterator[str]:
    """The texts that an expression may be: one, or one of two."""
    if isinstance(node, ast.IfExp):
        yield from constants(node.body)
        yield from constants(node.orelse)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def spoken(path: Path) -> Iterator[str]:
    """The texts for users that stand in a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else None
            name = node.func.id if isinstance(node.func, ast.Name) else name
            if name in SPEAKERS:
                for argument in node.args[:3] if name == "button" else node.args[:1]:
                    yield from constants(argument)
            for keyword in node.keywords:
                if keyword.arg in KEYWORDS:
                    yield from constants(keyword.value)
