"""The table of explorers: one file and one row make an explorer appear everywhere.

The docstring of each test says what could go wrong without it.
"""

import importlib.util
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import divlab
from divlab.explore import EXPLORERS, Entry
from divlab.explore.address import as_address, read_address

TOY = '''
    import numpy as np

    from divlab.explore.base import Explorer
    from divlab.explore.controls import slider
    from divlab.figures.scene import Axis, Bars, Panel, Scene


    class Toy(Explorer):
        """A bar as long as its slider says."""

        def __init__(self):
            super().__init__({"View": {"length": slider("Length", 1.0, 0.0, 2.0, 0.1)}})

        def compute(self, length):
            return {"length": length}, {}

        def scene(self, values, result, arrays):
            end = np.array([result["length"]])
            bar = Bars(0 * end, 0 * end, end, 0.6)
            panel = Panel("A bar", Axis("length", 0, 2), Axis("", -1, 1), (bar,))
            return Scene((panel,), columns=1)

        def caption(self, values, result):
            return f"The bar is {result['length']:.1f} long."

        def python(self, values):
            return f"print('length', {values['length']})"
'''


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An explorer that someone added as CONTRIBUTING.md says: one file and one row."""
    (tmp_path / "divlab_toy.py").write_text(textwrap.dedent(TOY))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(EXPLORERS, "toy", Entry("A toy", "How long?", "divlab_toy.Toy"))
    yield "toy"
    sys.modules.pop("divlab_toy", None)


def test_a_new_explorer_is_in_the_package_and_in_the_gallery(toy: str) -> None:
    """A new explorer could need entries in several places."""
    explorer = divlab.explore.toy()
    explorer.controls["length"].value = 1.5
    assert explorer.result == {"length": 1.5}
    assert toy in dir(divlab.explore)
    gallery = divlab.explore.gallery()
    assert "A toy" in gallery._cards.value
    gallery.go_to("explorer=toy&length=0.5")
    assert gallery.explorers[toy].result == {"length": 0.5}
    assert gallery.explorers[toy].question == "How long?"


def test_the_gallery_opens_one_at_a_time() -> None:
    """The dashboard could compile all explorers before it shows anything."""
    gallery = divlab.explore.gallery()
    assert list(gallery.explorers) == []
    gallery.go_to("explorer=disjoint_supports")
    assert list(gallery.explorers) == ["disjoint_supports"]
    assert all(f"#explorer={name}" in gallery._cards.value for name in EXPLORERS)
    gallery.go_to("")
    assert gallery.name == ""


def test_an_address_holds_what_is_shown() -> None:
    """A link could open other values, or one that is no state could break the page."""
    gallery = divlab.explore.gallery()
    gallery.go_to("explorer=nll_is_kl&separation=2.5&mean=-1.0")
    explorer = gallery.explorers["nll_is_kl"]
    address = explorer.stage.frame["address"]
    assert explorer.controls["mean"].value == -1.0
    explorer.controls["mean"].value = 3.0
    assert explorer.stage.frame["address"] != address
    gallery.go_to(address)
    assert explorer.controls["mean"].value == -1.0
    assert read_address(address) == ("nll_is_kl", explorer.state())
    for wrong, says in (("mean=99", "from -4 to 4"), ("colour=3", "colour"), ("mean=", "mean")):
        gallery.go_to(f"explorer=nll_is_kl&{wrong}")
        assert says in explorer._error.value
        assert explorer.controls["mean"].value == -1.0
    gallery.go_to("explorer=<b>nothing</b>")
    assert gallery.name == ""
    long = {"separation": 2.5, "data": list(range(1000))}
    assert as_address("a", long) == "explorer=a&separation=2.5"


@pytest.mark.parametrize("name", divlab.explore.__all__)
def test_no_module_has_the_name_of_an_explorer(name: str) -> None:
    """Without it, `divlab.explore.gan_game` could be a module or a class, as imports happen."""
    assert callable(getattr(divlab.explore, name))
    assert importlib.util.find_spec(f"divlab.explore.{name}") is None


def test_a_name_that_is_not_there_is_answered_with_those_that_are() -> None:
    """A misspelt explorer gets a message that does not help."""
    with pytest.raises(AttributeError, match=r"no 'gan_games'; it has .*gan_game"):
        _ = divlab.explore.gan_games
