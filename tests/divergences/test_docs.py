"""The examples in docstrings do what they say."""

import doctest
import importlib
import pkgutil

import pytest

import divlab.divergences

MODULES = [m.name for m in pkgutil.iter_modules(divlab.divergences.__path__, "divlab.divergences.")]


@pytest.mark.parametrize("name", ["divlab.methods", *MODULES])
def test_examples(name):
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0


def test_every_divergence_has_an_example():
    finder = doctest.DocTestFinder(recurse=False)
    for name in divlab.divergences.__all__:
        (test,) = finder.find(getattr(divlab, name), name)
        assert test.examples, name
