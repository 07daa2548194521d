"""Every example in a docstring does what it says."""

import doctest
import importlib
import pkgutil

import pytest

import divlab

MODULES = [
    "divlab",
    *(m.name for m in pkgutil.walk_packages(divlab.__path__, "divlab.")),
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0


@pytest.mark.parametrize("name", sorted(set(divlab.__all__) - {"explore", "figures"}))
def test_what_a_user_calls_has_an_example(name: str) -> None:
    value = getattr(divlab, name)
    if not callable(value) or name in ("Run", "Runs", "Coverage", "Cost"):
        pytest.skip("not called by a user")
    (test,) = doctest.DocTestFinder(recurse=False).find(value, name)
    assert test.examples
