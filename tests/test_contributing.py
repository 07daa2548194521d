"""What CONTRIBUTING.md says is enough to add something is enough.

The skeletons are taken out of the page. Each is added as the page says: its code, and its row of a
table. Afterwards the tables are as they were.
"""

import importlib
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import numpy as np
import pytest
from numpyro.distributions import Normal

import divlab
from divlab.divergences import comparison
from divlab.divergences.methods import METHODS, Variational
from divlab.divergences.quantities import QUANTITIES
from divlab.explore import EXPLORERS
from divlab.models import Model
from tests import test_docs

PAGE = Path(__file__).parents[1] / "CONTRIBUTING.md"
ROW = re.compile(r"# a row of (\w+), in (\S+)\n(.*)", re.DOTALL)
TARGET = divlab.targets.two_gaussians()
SMALL: dict[str, Any] = {"steps": 4, "batch_size": 32}
# A training so short needs larger steps.
OWN_OPTIONS = {"variational": Variational(hidden=(16,), steps=200, learning_rate=3e-2)}
P, Q = Normal(0.0, 1.0), Normal(1.0, 2.0)


def blocks(heading: str) -> list[str]:
    """The blocks of Python in a section of the page."""
    (section,) = re.findall(
        rf"^### {heading}\n(.*?)^##", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    return re.findall(r"```python\n(.*?)```", section, re.DOTALL)


def add(heading: str, patch: pytest.MonkeyPatch, module: str = "divlab_skeleton") -> dict[str, Any]:
    """Runs the code of a section and adds its rows; returns the names that the code defines."""
    file = ModuleType(module)
    patch.setitem(sys.modules, module, file)
    names = vars(file)
    for block in blocks(heading):
        row = ROW.match(block)
        if row is None:
            exec(compile(block, str(PAGE), "exec"), names)
            continue
        table_name, path, text = row.groups()
        module = path.removesuffix("/__init__.py").removesuffix(".py").replace("/", ".")
        place = importlib.import_module(module)
        table = getattr(place, table_name)
        known = {**vars(place), **names}
        if text.startswith('"'):
            ((key, value),) = eval(f"{{{text}}}", known).items()
        else:  # the table is made from rows that know their names
            (value,) = eval(f"({text})", known)
            key = value.name
        assert key not in table
        patch.setitem(table, key, value)
    return names


def test_a_divergence(monkeypatch: pytest.MonkeyPatch) -> None:
    add("A divergence", monkeypatch)
    le_cam = QUANTITIES["le_cam"].function
    x = np.linspace(-10.0, 12.0, 4001)
    p, q = (np.exp(np.asarray(d.log_prob(x), float)) for d in (P, Q))
    truth = float(np.sum((p - q) ** 2 / (p + q)) * (x[1] - x[0]) / 2)
    # By its name, as a function, and under transformations.
    assert float(divlab.f_divergence(P, Q, "le_cam")) == pytest.approx(truth, rel=1e-4)
    assert float(le_cam(P, Q)) == pytest.approx(truth, rel=1e-4)
    shifted = jax.grad(lambda t: le_cam(P, Normal(t, 2.0)))(1.0)
    assert 0 < float(shifted) < 1
    # By every method, by name.
    samples = np.random.default_rng(0).normal([[0.0], [1.0]], [[1.0], [2.0]], (2, 400))
    for name, method in METHODS.items():
        if name == "closed_form":
            continue
        of_samples = hasattr(method, "of_samples")
        arguments = samples if of_samples else (P, Q)
        value = float(le_cam(*arguments, method=OWN_OPTIONS.get(name, method())))
        assert value == pytest.approx(truth, abs=0.1), name
    # With an interval within its range, beside others, and in the table of the docs.
    found = divlab.estimate("le_cam", *samples)
    assert found.interval[0] < truth < found.interval[1] <= 1
    assert divlab.estimate(le_cam, P, Q).method == "quadrature"
    assert QUANTITIES["le_cam"].range({}) == (0.0, 1.0)
    # The names are listed once, when the package is imported; the toy came later.
    listed = (*getattr(comparison, "COMPARABLE", ()), "le_cam")
    monkeypatch.setattr(comparison, "COMPARABLE", listed, raising=False)
    beside = comparison.compare(P, Q, "kl", "le_cam")
    assert float(beside["le_cam"]) == pytest.approx(truth, rel=1e-4)
    _, row = test_docs.methods("le_cam")
    assert row == ["`le_cam`", "", "distributions", "distributions", *["samples"] * 4]
    with pytest.raises(TypeError, match="le_cam"):
        divlab.estimate("none", P, Q)


def test_a_method(monkeypatch: pytest.MonkeyPatch) -> None:
    skeleton = add("A method", monkeypatch)
    x, y = np.random.default_rng(0).normal([[0.0], [1.0]], [[1.0], [2.0]], (2, 400))
    verbs = [
        name
        for name, q in QUANTITIES.items()
        if q.takes_method and q.row({"alpha": 0.5, "f": "kl"})
    ]
    for verb in verbs:
        needed = test_docs.NEEDED.get(verb, {})
        function = getattr(divlab, verb)
        by_name = float(function(x, y, method="equal_bins", **needed))
        assert by_name == float(function(x, y, method=skeleton["EqualBins"](16), **needed)) > 0
    assert float(divlab.kl(x, y, method="equal_bins")) == pytest.approx(
        float(divlab.kl(P, Q)), rel=0.4
    )
    traced = jax.jit(lambda x, y: divlab.js(x, y, method="equal_bins"))(x, y)
    assert float(traced) == pytest.approx(float(divlab.js(x, y, method="equal_bins")), rel=1e-5)
    found = divlab.estimate("js", x, y, method="equal_bins")
    assert (found.method, found.interval[0] < found.value) == ("equal_bins", True)
    with pytest.raises(ValueError, match=r"those that do: .*equal_bins"):
        divlab.kl(x, y, method="fft")
    with pytest.raises(ValueError, match="p has 1 samples"):
        divlab.kl(x[:1], y, method="equal_bins")
    heading, row = test_docs.methods("kl")
    assert heading[-1] == "equal_bins"
    assert row[-1] == "samples"


def is_trained(model: Model, label: str) -> None:
    """By everything that trains."""
    run = divlab.fit(model, TARGET, **SMALL)
    assert run.status == "completed"
    assert label in repr(run)
    assert len(divlab.fit_many(model, TARGET, seeds=3, **SMALL)) == 3
    assert divlab.training_cost(model, 16).flops > 0
    found = divlab.sweep({label: model}, {"target": TARGET}, seeds=3, progress=False, **SMALL)
    assert found["status"].values.ravel().tolist() == ["completed"] * 3
    assert np.all(found["js"].values >= 0)


def test_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    skeleton = add("A model", monkeypatch)
    is_trained(skeleton["Gaussian"](), "Gaussian, NLL")


def test_an_objective(monkeypatch: pytest.MonkeyPatch) -> None:
    add("An objective", monkeypatch)
    is_trained(divlab.GAN("softened", hidden=(8,)), "Softened")
    with pytest.raises(ValueError, match="softened"):
        divlab.GAN("softend")
    explorer = divlab.explore.objective_zoo()
    assert "softened" in explorer.controls["a"].options
    assert "softened" in test_docs.objectives()


def test_an_explorer(monkeypatch: pytest.MonkeyPatch) -> None:
    add("An explorer", monkeypatch, "divlab.explore.explorers.bar")
    explorer = divlab.explore.bar()
    explorer.controls["length"].value = 1.5
    assert explorer.result == {"length": 1.5}
    assert "bar" in dir(divlab.explore)
    gallery = divlab.explore.gallery()
    assert "A bar" in gallery._cards.value
    gallery.go_to("explorer=bar")
    assert gallery.explorers["bar"].result == {"length": 1.0}


def test_the_tables_are_as_they_were() -> None:
    """Runs last in this file: a toy that stays would be in the tests of others."""
    for table in (QUANTITIES, METHODS, EXPLORERS, divlab.GAN_OBJECTIVES, divlab.families.FAMILIES):
        assert not {"le_cam", "equal_bins", "softened", "bar"} & set(table)
