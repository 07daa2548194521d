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

TOY = '''
    from divlab import figures
    from divlab.explore.base import Explorer
    from divlab.explore.controls import slider


    class Toy(Explorer):
        """A bar as long as its slider says."""

        def __init__(self):
            figure, (axes, _) = figures.new_figure()
            (self._bar,) = axes.barh([0], [0.0])
            super().__init__({"length": slider("Length", 1.0, 0.0, 2.0, 0.1)}, figure)

        def compute(self, length):
            return {"length": length}, {}

        def draw(self, values, result, arrays):
            self._bar.set_width(result["length"])

        def caption(self, values, result):
            return f"The bar is {result['length']:.1f} long."
'''


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An explorer that someone added as CONTRIBUTING.md says: one file and one row."""
    (tmp_path / "divlab_toy.py").write_text(textwrap.dedent(TOY))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(EXPLORERS, "toy", Entry("A toy", "divlab_toy.Toy"))
    yield "toy"
    sys.modules.pop("divlab_toy", None)


def test_a_new_explorer_is_in_the_package_and_in_the_gallery(toy: str) -> None:
    """A new explorer could need entries in several places."""
    explorer = divlab.explore.toy()
    explorer.controls["length"].value = 1.5
    assert explorer.result == {"length": 1.5}
    assert toy in dir(divlab.explore)
    gallery = divlab.explore.gallery()
    assert ("A toy", toy) in gallery.tabs.options
    gallery.tabs.value = toy
    assert gallery.explorers[toy].result == {"length": 1.0}


def test_the_gallery_opens_one_at_a_time() -> None:
    """The dashboard could compile all explorers before it shows the first one."""
    gallery = divlab.explore.gallery()
    assert list(gallery.explorers) == ["nll_is_kl"]
    gallery.tabs.value = "disjoint_supports"
    assert list(gallery.explorers) == ["nll_is_kl", "disjoint_supports"]
    assert [name for _, name in gallery.tabs.options] == list(EXPLORERS)


@pytest.mark.parametrize("name", divlab.explore.__all__)
def test_no_module_has_the_name_of_an_explorer(name: str) -> None:
    """Without it, `divlab.explore.gan_game` could be a module or a class, as imports happen."""
    assert callable(getattr(divlab.explore, name))
    assert importlib.util.find_spec(f"divlab.explore.{name}") is None


def test_a_name_that_is_not_there_is_answered_with_those_that_are() -> None:
    """A misspelt explorer gets a message that does not help."""
    with pytest.raises(AttributeError, match=r"no 'gan_games'; it has .*gan_game"):
        _ = divlab.explore.gan_games
