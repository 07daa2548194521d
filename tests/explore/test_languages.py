"""Explorers in other languages: every text has a translation, and nothing else differs.

The docstring of each test says what could go wrong without it.
"""

from collections.abc import Callable, Iterator
from typing import Any

import ipywidgets as widgets
import pytest
from speech import has_words, lacking

import divlab
from divlab import languages
from divlab.explore.address import as_address, read_address
from divlab.explore.controls import descendants, options_of
from divlab.explore.export import Page
from divlab.explore.wording import told
from divlab.languages import Phrase

from .setting import build, caption, same

pytestmark = pytest.mark.usefixtures("closes_fast")
PORTUGUESE = languages.language("pt")


@pytest.fixture
def portuguese() -> Iterator[None]:
    languages.use("pt")
    yield
    languages.use("en")


def said(explorer: Any) -> list[str]:
    """Every text that is made anew for a picture, before it is translated."""
    values = explorer.values()
    result, arrays = explorer.compute(**values)
    numbers = explorer.numbers(values, result)
    texts = [explorer.caption(values, result), *numbers, *numbers.values()]

    def heard(text: str) -> str:
        texts.append(text)
        return text

    told(explorer.scene(values, result, arrays), heard)
    return [*texts, *explorer.groups]


def test_every_text_of_a_picture_has_a_translation(explorer: Any) -> None:
    """A label that is changed in English would be shown in English."""
    missing = {one for text in said(explorer) for one in lacking(text, PORTUGUESE)}
    assert not missing


def words_of(text: Phrase) -> Iterator[Any]:
    """The texts in a sentence that are not translated."""
    for value in text.values.values():
        if isinstance(value, Phrase):
            yield from words_of(value)
        elif isinstance(value, str) and has_words(value):
            yield value


def test_a_sentence_is_translated_as_a_whole(explorer: Any) -> None:
    """English words could be put into a sentence where no translation reaches them."""
    values = explorer.values()
    found = explorer.caption(values, explorer.compute(**values)[0])
    assert isinstance(found, Phrase)
    names = {*map(str, values.values()), "VAE", "GAN", "KL", "JS", "TV", "W₁", "KL(P‖Q)", "KL(Q‖P)"}
    assert set(words_of(found)) <= names


def test_an_explorer_in_portuguese(name: str, explorer: Any, portuguese: None) -> None:
    """A number could differ, a link from a Portuguese page not open, or a control stay English."""
    before = explorer  # which was made in English, before `portuguese`
    if name != "training_cost":
        before.controls["scale" if "scale" in before.controls else "rate"].value = 0.4
    found = build(name)
    found.load(before.state())
    same(found.result, before.result)
    assert found.state() == before.state()
    assert read_address(as_address(name, found.state())) == (name, before.state())
    assert caption(found) != caption(before)
    known = set(PORTUGUESE.texts.values())
    for control, widget in found.controls.items():
        assert widget.description in known | {"A", "B", "P", "Q"} or name == "objective_zoo"
        assert widget.tooltip != before.controls[control].tooltip or not widget.tooltip
        if hasattr(widget, "options"):
            assert options_of(widget) == options_of(before.controls[control])
    texts = {one.value for one in descendants(found) if isinstance(one, widgets.HTML)}
    assert PORTUGUESE.tell("Compiling …") not in texts
    assert found.title in known
    assert found.question in known
    found.close()


@pytest.mark.usefixtures("portuguese")
def test_words_of_menus_are_shown_and_their_values_kept() -> None:
    """A state would not load in another language if a menu's value were translated."""
    family = divlab.explore.disjoint_supports().controls["family"]
    assert family.options == (
        ("duas uniformes", "two Uniforms"),
        ("duas gaussianas", "two Gaussians"),
    )
    assert family.value == "two Uniforms"


@pytest.mark.usefixtures("portuguese")
def test_an_explorer_keeps_its_language() -> None:
    """Buttons of one language could stand above a sentence of another one."""
    found = build("nll_is_kl")
    languages.use("en")
    assert "entropia" in caption(found)
    assert found.stage.words["Draw"] == "Desenhar"
    found._share.page.click()
    assert "pressione “Salvar página”" in found._share.links.value
    assert "entropy" in caption(build("nll_is_kl"))


@pytest.mark.usefixtures("portuguese")
def test_what_a_user_does_wrong_is_told_in_portuguese() -> None:
    """A wrong file, state or drawing could be answered in English."""
    found = divlab.explore.divergences()
    take = found.two_columns.upload.take
    zero = {"kind": "draw", "x": [0.0, 1.0], "heights": [0.0, 0.0]}
    wrong: tuple[tuple[Callable[[], Any], str], ...] = (
        (lambda: take("a.csv", b""), "a.csv está vazio; serve um arquivo CSV"),
        (lambda: take("a.csv", b"x,y\n1,2\n1,3\n"), "fica de fora: seu único valor é 1"),
        (lambda: take("a.csv", b"x,y\n1,2\n3\n4,5\n"), "a.csv, linha 3, tem 1 célula, e a"),
        (lambda: take("a.csv", b"x\n1\nzz\n"), "coluna “x”: a linha 3 tem “zz”, que não é um"),
        (
            lambda: found._on_message({"kind": "state", "text": '{"separation": 99}'}),
            "esse controle aceita um número de 0 a 8",
        ),
        (lambda: found._on_message(zero), "algo que não é uma densidade"),
    )
    for act, says in wrong:
        found._error.value = ""
        act()
        assert says in found._error.value
    with pytest.raises(ValueError, match="this control takes a number from 0 to 8"):
        found.load({"separation": 99})  # from Python
    take("a.csv", b"x;y\n1.234;2.345\n3.456;4.567\n")
    shown, value = found.two_columns.upload.choice.options[1]
    assert (shown, value) == ("1.234 e 2.345", "1.234 and 2.345")
    found.close()


@pytest.mark.usefixtures("portuguese")
def test_a_page_in_portuguese() -> None:
    """A page that is given away could be half English."""
    found = build("disjoint_supports")
    page = Page(found, {"family": 2, "separation": 2}, None)
    for _ in page.record():
        pass
    html = page.html().decode()
    assert '<html lang="pt">' in html
    assert "Esta página precisa de JavaScript" in html
    assert "Fixos: P e Q: Escala 1." in html
    control = page._recording._page["controls"][0]
    assert control["label"] == "P e Q são"
    assert control["shown"] == {
        "two Uniforms": "duas uniformes",
        "two Gaussians": "duas gaussianas",
    }


@pytest.mark.usefixtures("portuguese")
def test_a_training_is_shown_in_another_language(
    explorers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The two pages of the site could show different runs; each would be trained for itself."""
    languages.use("en")
    english = explorers("mode_collapse")
    english.train()
    languages.use("pt")
    other = build("mode_collapse")
    for name, value in english.values().items():
        if name != "step":
            other.controls[name].value = value
    monkeypatch.setattr(divlab.models.Training, "advance", None)
    other.take_training(english)
    assert other.controls["step"].options == english.controls["step"].options
    same(other.result, english.result)
    assert caption(english).startswith("Step 40. ")
    assert caption(other).startswith("Passo 40. ")
    other.close()


@pytest.mark.usefixtures("portuguese")
def test_the_front_page_in_portuguese() -> None:
    """The front page could stay English."""
    gallery = divlab.explore.gallery()
    cards = gallery._cards.value
    for entry in divlab.explore.EXPLORERS.values():
        assert PORTUGUESE.tell(entry.title) in cards
    assert "Escolha uma pergunta" in cards
    gallery.close()
