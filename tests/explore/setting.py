"""The explorers that the tests operate: which there are, and how to make and to read them."""

import hashlib
import importlib
import json
from collections.abc import Iterator
from typing import Any

import numpy as np

import divlab
from divlab.explore import EXPLORERS
from divlab.figures.packing import packed

SIMPLE = [
    "nll_is_kl", "disjoint_supports", "divergences", "estimators", "dirac_gan", "training_cost",
    "two_sample_test",
]  # fmt: skip
TRAINERS = [
    "mode_collapse", "elbo_gap", "gan_game", "minimum_divergence", "wasserstein_gan",
    "objective_zoo",
]  # fmt: skip
NAMES = SIMPLE + TRAINERS
STEPS = 40  # of a training in these tests
MODULES = {name: importlib.import_module(EXPLORERS[name].load().__module__) for name in NAMES}
# Unlike the models that an explorer makes itself, but trained by the same programs.
VAE, GAN = divlab.VAE(learning_rate=2e-3), divlab.GAN(learning_rate=2e-3)

# What else an explorer of a training is asked for: buttons, and the step that is shown.
BUTTONS = {"train", "one_step", "rewind", "seeds"}


def build(name: str, **options: Any) -> Any:
    """An explorer, with models that are given where it takes any.

    Seconds go into compiling what trains a model. So all train the same few kinds: Gaussians in
    place of a decoder by a divergence, and a VAE in place of one more GAN.
    """
    if name == "mode_collapse":
        options = {"vae": VAE, "gan": GAN, **options}
    if name == "elbo_gap":
        options = {"vae": VAE, **options}
    explorer = getattr(divlab.explore, name)(**options)
    if name == "minimum_divergence":
        with explorer.paused():
            explorer.controls["density"].value = "mixture"
    if name == "objective_zoo":
        with explorer.paused():
            explorer.controls["b"].value = "elbo"
    return explorer


def lent(explorer: Any) -> Iterator[Any]:
    """An explorer that is brought back to its state, if it has left it: that trains it again."""
    before = explorer.state()
    yield explorer
    if explorer.state() != before:
        explorer.load(before)


def picture(explorer: Any) -> str:
    """What the page is told to show, but for the sentence and the state: the picture alone."""
    explorer.catch_up()
    described, arrays = packed(explorer.current_scene)
    content = b"".join(array.tobytes() for array in arrays)
    return json.dumps(described) + hashlib.sha256(content).hexdigest()


def caption(explorer: Any) -> str:
    """The sentence below the picture."""
    explorer.catch_up()
    return str(explorer.stage.frame["caption"])


def numbers_of(result: dict[str, Any]) -> dict[str, Any]:
    """A flat dict of arrays from nested ones."""
    flat: dict[str, Any] = {}
    for name, value in result.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{k}": v for k, v in numbers_of(value).items()}
        else:
            flat[name] = np.asarray(value, float)
    return flat


def same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Fails unless both hold exactly the same numbers."""
    found, expected = numbers_of(found), numbers_of(expected)
    assert set(found) == set(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def agree(found: dict[str, Any], expected: dict[str, Any], tolerance: float = 2e-3) -> None:
    """Fails unless `found` holds every expected number."""
    found, expected = numbers_of(found), numbers_of(expected)
    assert set(expected) <= set(found)
    for name in expected:
        np.testing.assert_allclose(
            found[name], expected[name], rtol=tolerance, atol=tolerance, err_msg=name
        )


def upload(explorer: Any, name: str, content: bytes) -> None:
    """Gives the explorer a file, as the button on the page does."""
    explorer.own_data.upload.take(name, content)
