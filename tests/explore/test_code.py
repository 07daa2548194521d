"""The code that an explorer gives away prints the numbers that the explorer shows.

The docstring of each test says what could go wrong without it.
"""

import contextlib
import io
import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import numpyro.distributions as dist
import pytest

import divlab
from divlab.divergences.diagnosis import SamplesWarning
from divlab.explore.chosen_target import ChosenTarget
from divlab.explore.sharing import as_csv
from divlab.explore.target_code import code_of_target
from divlab.explore.training_code import code_of_model

from .setting import caption, picture

# An explorer and what differs from its first state.
_COLUMNS = {"names": ["a", "b"], "samples": [[0.3, 1.0, 2.5, 3.1, 4.2], [1.4, 2.0, 3.6, 5.7, 9.5]]}
_TRAINED = {"trained": 20, "step": 20}
_MANY = np.random.default_rng(0).normal(size=31).tolist()  # as in `test_own_data`: compiled once
CASES: list[tuple[str, dict[str, Any]]] = [
    ("nll_is_kl", {"separation": 2.0, "scale": 0.7, "mean": -1.0, "model_scale": 2.5}),
    ("disjoint_supports", {}),
    ("disjoint_supports", {"family": "two Gaussians", "separation": 0.75, "scale": 0.5}),
    ("divergences", {"p": "two Gaussians", "q": "Student's t, 3 degrees", "separation": 3.0,
                     "scale": 0.5}),
    ("divergences", {"drawn": {"x": [-4.0, 4.0], "heights": [0.0, 2.0, 0.5, 1.0, 0.0]}}),
    ("divergences", {"data": _COLUMNS}),
    ("estimators", {}),
    ("estimators", {"quantity": "W₁", "separation": 2.0, "scale": 0.7, "seed": 3.0}),
    ("dirac_gan", {}),
    ("dirac_gan", {"objective": "wgan", "theta": -1.0, "psi": 0.25, "rate": 0.05}),
    ("two_sample_test", {}),
    ("two_sample_test", {"p": "Uniform", "q": "two Gaussians", "n": 20, "shown": "JS"}),
    ("two_sample_test", {"data": {"names": ["a", "b"], "samples": [_MANY, _MANY[::2]]}}),
    ("training_cost", {"vary": "data dimension D"}),
    ("training_cost", {"vary": "data dimension D", "model": "GAN", "layers": 2}),
    ("mode_collapse", {}),
    ("mode_collapse", {"separation": 2.5, "scale": 0.7, "seed": 3, **_TRAINED}),
    ("elbo_gap", {"data": {"name": "x", "values": _MANY}, "x": -1.0, **_TRAINED}),
    ("gan_game", {"who": "only D", "seed": 3, **_TRAINED}),
    ("gan_game", {"data": {"name": "x", "values": _MANY}}),
    ("minimum_divergence", {"a": "reverse_kl", "b": "kl", "seed": 3, **_TRAINED}),
    ("wasserstein_gan", {"seed": 3, **_TRAINED}),
    ("wasserstein_gan", {"objective": "cramer"}),
]  # fmt: skip


def printed(code: str) -> dict[str, float]:
    """The numbers that a snippet prints, by name."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output), warnings.catch_warnings():
        warnings.simplefilter("ignore", SamplesWarning)  # a user may read them, this test need not
        exec(compile(code, "snippet", "exec"), {})
    lines = (line.rsplit(" ", 1) for line in output.getvalue().splitlines())
    return {name: float(value) for name, value in lines}


def shown(result: dict[str, Any]) -> dict[str, float]:
    """The numbers of a result, by the names of its CSV file."""
    lines = (line.rsplit(",", 1) for line in as_csv(result).splitlines()[1:])
    return {name: float(value) for name, value in lines}


def agree(found: dict[str, float], expected: dict[str, float]) -> None:
    """Fails unless both hold the same numbers, by the same names."""
    assert set(found) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=2e-3, atol=1e-6, err_msg=name)


@pytest.fixture
def in_state(explorers: Callable[[str], Any]) -> Iterator[Callable[..., Any]]:
    """A function that gives the explorer of a name in a state; undone after the test."""
    before: list[tuple[Any, dict[str, Any]]] = []

    def go(name: str, changes: dict[str, Any]) -> Any:
        explorer = explorers(name)
        before.append((explorer, explorer.state()))
        explorer.load(explorer.state() | changes)
        return explorer

    yield go
    for explorer, state in before:
        explorer.load(state)


@pytest.mark.parametrize(("name", "changes"), CASES)
def test_the_code_prints_the_numbers(
    in_state: Callable[..., Any], name: str, changes: dict[str, Any]
) -> None:
    """A snippet could stop with an error, ignore a control, or compute something else."""
    explorer = in_state(name, changes)
    code = explorer.code()
    assert not any(word in code for word in ("explore", "._", "import _"))
    agree(printed(code), shown(explorer.result))


def test_the_code_reads_many_measurements_from_the_state(
    in_state: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A snippet could hold a hundred thousand numbers, or read a file that nobody has."""
    samples = np.random.default_rng(0).normal(size=(2, 501)).tolist()
    explorer = in_state("divergences", {"data": {"names": ["a", "b"], "samples": samples}})
    (tmp_path / "Divergences.json").write_text(json.dumps(explorer.state()))
    monkeypatch.chdir(tmp_path)
    assert len(explorer.code()) < 3000
    agree(printed(explorer.code()), shown(explorer.result))


def test_a_strip_of_seeds_and_its_code(explorers: Callable[[str], Any]) -> None:
    """The rate could count other runs than those that `fit_many` trains, or another target's.

    A snippet could train other seeds than those of the strip, or stop where one has none.
    """
    explorer = explorers("objective_zoo")
    assert explorer.result["a"]["seeds_covered"] == -1
    before = picture(explorer)
    explorer.controls["seeds"].click()
    assert explorer._error.value == ""
    assert picture(explorer) != before
    assert "of 3 seeds" in caption(explorer)
    assert "divlab.fit_many(model, target, seeds=3, steps=40)" in explorer.code()
    agree(printed(explorer.code()), shown(explorer.result))
    del explorer._strips["b"]  # as where a user stopped before they were trained
    explorer._seen = {}
    explorer.refresh()
    assert explorer.result["b"]["seeds_covered"] == -1
    agree(printed(explorer.code()), shown(explorer.result))
    explorer.controls["separation"].value = 3.0  # another target has another strip
    assert explorer.result["a"]["seeds_covered"] == -1
    explorer.controls["separation"].value = 4.0
    explorer._strips, explorer._seen = {}, {}  # other tests look at the same explorer
    explorer.refresh()


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (dist.Gamma(3.0, 1.5), "dist.Gamma(concentration=3.0, rate=1.5)"),
        (
            divlab.targets.gaussian_mixture([-1.0, 2.0], 0.5, [0.25, 0.75]),
            "divlab.targets.gaussian_mixture([-1.0, 2.0], [0.5, 0.5], [0.25, 0.75])",
        ),
        (np.array([1.5, 2.0, 2.1]), "1.5, 2.0, 2.1"),
        (divlab.targets.old_faithful(), "3.6, 1.8, 3.333,"),
        (dist.TruncatedNormal(0.0, 1.0, low=0.0), "target = ..."),
        (np.arange(2000.0), "target = ..."),
    ],
)
def test_the_code_makes_the_target_that_was_given(target: Any, text: str) -> None:
    """A snippet could learn another target, or one with other digits."""
    chosen = ChosenTarget(target, lambda: None, print)
    code = code_of_target(chosen, {}, "Explorer").text
    assert text in code
    made: dict[str, Any] = {}
    exec(code, made)
    if isinstance(target, dist.Distribution) and made["target"] is not ...:
        x = np.linspace(0.5, 3.0, 5)
        found, truth = (jax.jit(one.log_prob)(x) for one in (made["target"], target))
        np.testing.assert_array_equal(found, truth)
    elif made["target"] is not ...:
        np.testing.assert_array_equal(made["target"], target)


def test_the_code_draws_the_target_that_was_drawn() -> None:
    """A snippet could learn another density than the one that was drawn."""
    chosen = ChosenTarget(None, lambda: None, print)
    chosen.drawing.load({"x": [-4.0, 4.0], "heights": [0.0, 2.0, 0.5, 1.0, 0.0]})
    made: dict[str, Any] = {}
    exec(code_of_target(chosen, {}, "Explorer").text, made)
    x = np.linspace(-3.9, 3.9, 9)
    found, truth = (jax.jit(one.log_prob)(x) for one in (made["target"], chosen.of({})))
    np.testing.assert_array_equal(found, truth)


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (divlab.VAE("elbo"), 'divlab.VAE("elbo")'),
        (divlab.GAN("f_gan_js", hidden=(8,)), 'divlab.GAN("f_gan_js", hidden=(8,))'),
        (
            divlab.GAN(divlab.objectives.WassersteinGP(penalty=2.0)),
            "divlab.GAN(divlab.objectives.WassersteinGP(",
        ),
        (divlab.GAN(divlab.objectives.FGAN(family=divlab.families.jeffreys)), "..."),
        (divlab.MinimumDivergence("kl"), "..."),
    ],
)
def test_the_code_makes_the_model_that_was_given(model: Any, text: str) -> None:
    """A snippet could train a model with other settings."""
    code = code_of_model(model)
    assert code.startswith(text)
    made = eval(code, {"divlab": divlab})
    assert made is ... or repr(made) == repr(model)
