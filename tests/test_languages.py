"""The languages of explorers and exercises: what must be translated, and what translations keep.

The docstring of each test says what could go wrong without it. What explorers show while they are
operated is in tests/explore/test_languages.py.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from speech import ROOT, constants, lacking, spoken

import divlab
from divlab import languages
from divlab.exercises import NOTEBOOKS, of_notebook
from divlab.exercises.answers import Choice
from divlab.explore import stage, uploads
from divlab.languages import Language, listed, phrase, read_catalogue

OTHERS = [languages.language(name) for name in languages.names()[1:]]
CATALOGUES = sorted(ROOT.glob("data/*/*.po"))
EXERCISES = [one for notebook in NOTEBOOKS for one in of_notebook(notebook)]
OPTIONS = {o for e in EXERCISES if isinstance(e.answer, Choice) for o in e.answer.options}


@pytest.fixture
def portuguese() -> Iterator[None]:
    languages.use("pt")
    yield
    languages.use("en")


def test_values_stand_where_they_belong() -> None:
    """A brace of a formula could be taken for a value, or a value be told in English."""
    text = phrase("$\\frac{a}{b} = {half:.1f}$ in {unit}", half=0.5, unit=phrase("nats"))
    assert text == "$\\frac{a}{b} = 0.5$ in nats"
    told = Language("xx", {text.template: "{unit}: {half:.2f}", "nats": "nits", "a": "b"})
    assert told.tell(text) == "nits: 0.50"
    assert told.tell(listed(["a", phrase("a"), phrase("new")], "; ")) == "a; b; new"


def test_catalogues_are_read_as_they_are_written() -> None:
    """A quote, a line break or a text on several lines could be lost."""
    content = 'msgid ""\nmsgstr "Language: pt\\n"\n\n#. note\nmsgid "a \\"b\\"\\n"\nmsgstr ""\n'
    content += '"c\\\\d "\n"e"\n\nmsgid "empty"\nmsgstr ""\n'
    assert read_catalogue(content) == {'a "b"\n': "c\\d e"}


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_catalogues_are_complete(path: Path) -> None:
    """An entry could be empty, doubtful or of two minds, and nobody would see it."""
    content = path.read_text(encoding="utf-8")
    texts = read_catalogue(content)
    assert len(texts) == len(re.findall("^msgid", content, re.MULTILINE)) - 1
    assert "fuzzy" not in content
    others = [p for p in path.parent.glob("*.po") if p != path]
    for other in others:
        for text, told in read_catalogue(other.read_text(encoding="utf-8")).items():
            assert texts.get(text, told) == told, f"{text!r} is told in two ways"


@pytest.mark.parametrize("language", OTHERS, ids=lambda one: one.name)
def test_translations_keep_values_formulas_and_tags(language: Language) -> None:
    """A value could vanish from a sentence, or a formula be broken."""
    for text, told in language.texts.items():
        text, told = (re.sub(r"\\text\{[^}]*\}", "", one) for one in (text, told))
        for kept in (r"\{([a-z]\w+)[:}]", r"</?\w+>"):
            assert Counter(re.findall(kept, told)) == Counter(re.findall(kept, text)), text
        assert told.count("$") == text.count("$"), text
        assert (told[0] == " ") == (text[0] == " "), text


@pytest.mark.parametrize("language", OTHERS, ids=lambda one: one.name)
def test_every_text_in_the_code_is_translated(language: Language) -> None:
    """A text that is changed in English would be shown in English."""
    rooms = [*ROOT.glob("explore/**/*.py"), *ROOT.glob("exercises/*.py")]
    texts = set().union(*map(spoken, rooms), stage._WORDS, uploads._WORDS, OPTIONS)
    for one in EXERCISES:
        texts |= {one.question, one.hint, *(mistake.message for mistake in one.answer.mistakes)}
    names = set(divlab.GAN_OBJECTIVES)  # options that are names of divlab's own
    missing = {m for text in texts for m in lacking(text, language)} - names
    assert not missing, f"{language.name} lacks {sorted(missing)}"


@pytest.mark.parametrize("language", OTHERS, ids=lambda one: one.name)
def test_no_translation_is_left_over(language: Language) -> None:
    """A catalogue could fill with sentences that nobody says any more."""
    said = set().union(*map(constants, ROOT.rglob("*.py"))) | OPTIONS
    templates = {
        getattr(text, "template", text) for text in OPTIONS | {e.question for e in EXERCISES}
    }
    together = "\n".join([*said, *templates])
    left = [text for text in language.texts if text not in together]
    assert not left


def test_the_page_says_what_can_be_translated() -> None:
    """A text in JavaScript could be missing from the list that is translated."""
    painter = ROOT.joinpath("explore", "painter.js").read_text(encoding="utf-8")
    for script, words in ((painter, stage._WORDS), (uploads.FileDrop._esm, uploads._WORDS)):
        found = re.findall(r"\bword\(\s*\"([^\"]+)\"", str(script))
        assert set(found) == set(words)


def test_an_unknown_language_is_refused() -> None:
    """A slip in the name could leave everything English without a word."""
    with pytest.raises(ValueError, match=r"language must be one of en, pt; got 'pt_BR'"):
        divlab.configure(language="pt_BR", cache=False)
    assert languages.present().name == "en"


def exercise_of(name: str) -> Any:
    notebook, number = name.split(".")
    return of_notebook(notebook)[int(number) - 1]


@pytest.mark.usefixtures("portuguese")
def test_an_exercise_speaks_its_language_and_keeps_it() -> None:
    """Half of an exercise could be English, or it could change its language half-way."""
    found, choice = divlab.exercise("00.1"), divlab.exercise("00.3")
    languages.use("en")
    assert found.question.startswith("Quanto vale")
    assert found.check("0,5") == (True, "Certo.")
    assert found.check("0,7").message == (
        "0,7 não está certo (a resposta é em nats). A dica pode ajudar."
    )
    assert "gaussianas" in found.solution
    entry, check, hint, _ = found.children[1].children
    assert (check.description, hint.description) == ("Verificar", "Dica")
    assert "número" in entry.placeholder
    entry.value = "nada"
    check.click()
    assert "Não foi possível calcular" in found.children[2].value
    hint.click()
    assert "Escreva" in found.children[2].value
    choice.children[1].children[1].click()
    assert "não pode ficar vazia" in choice.children[2].value  # nothing was chosen
    # An option may be named as it is shown, or in English.
    assert choice.check("a KL reversa") == choice.check("the reverse KL")
    assert divlab.exercise("00.1").question == exercise_of("00.1").question
