"""Every control changes the numbers to what the library's own functions give, and the picture."""

import base64
import json
import sys

import ipywidgets as widgets
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.figure import Figure
from numpyro.distributions import Normal

import divlab
from divlab.targets import two_gaussians

NAMES = ["nll_is_kl", "disjoint_supports", "mode_collapse"]
STEPS = 40


@pytest.fixture(scope="module")
def explorers():
    """One of each, made when first asked for; the trainings of mode_collapse are short."""
    made = {}
    with pytest.MonkeyPatch.context() as patch:
        module = sys.modules[divlab.explore.mode_collapse.__module__]
        patch.setattr(module, "_STEPS", STEPS)
        patch.setattr(module, "_RECORD_EVERY", 20)

        def make(name):
            if name not in made:
                made[name] = build(name)
            return made[name]

        yield make


def build(name, **options):
    if name == "mode_collapse":
        models = {"vae": divlab.VAE(hidden=(8,)), "gan": divlab.GAN(hidden=(8,))}
        return divlab.explore.mode_collapse(**models, **options)
    return getattr(divlab.explore, name)(**options)


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture
def explorer(name, explorers):
    """An explorer as it was made."""
    found = explorers(name)
    before = found.state()
    yield found
    found.load(before)


@pytest.fixture
def collapse(explorers):
    found = explorers("mode_collapse")
    before = found.state()
    yield found
    found.load(before)


def picture(explorer):
    data, _ = explorer._repr_mimebundle_()
    return base64.b64decode(data["image/png"])


def values(explorer):
    return {n: c.value for n, c in explorer.controls.items() if hasattr(c, "value")}


def numbers_of(result):
    """A flat dict of arrays from nested ones."""
    flat = {}
    for name, value in result.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{k}": v for k, v in numbers_of(value).items()}
        else:
            flat[name] = np.asarray(value, float)
    return flat


def agree(found, expected, tolerance=1e-4):
    found, expected = numbers_of(found), numbers_of(expected)
    assert set(found) == set(expected)
    for name in expected:
        np.testing.assert_allclose(
            found[name], expected[name], rtol=tolerance, atol=tolerance, err_msg=name
        )


# What each shows, said again with the library's pure functions.


def expected_nll_is_kl(v):
    data = two_gaussians(v["separation"], v["scale"])
    at = jnp.array(v["mean"]), jnp.array(v["model_scale"])
    nll, nll_grad = jax.value_and_grad(
        lambda m, s: divlab.cross_entropy(data, Normal(m, s)), argnums=(0, 1)
    )(*at)
    kl, kl_grad = jax.value_and_grad(lambda m, s: divlab.kl(data, Normal(m, s)), argnums=(0, 1))(
        *at
    )
    entropy = divlab.entropy(data)
    return {"nll": nll, "kl": kl, "entropy": entropy, "nll_grad": nll_grad, "kl_grad": kl_grad}


def expected_disjoint_supports(v):
    """The numbers of two Uniforms in closed form, of two Gaussians by the library."""
    d, s = v["separation"], v["scale"]
    if v["family"] == "two Uniforms":
        apart = min(d / s, 1.0)
        return {
            "kl": np.inf if d > 0 else 0.0,
            "kl_grad": np.nan if d > 0 else 0.0,
            "js": apart * np.log(2),
            "js_grad": np.log(2) / s if d < s else 0.0,
            "wasserstein": d,
            "wasserstein_grad": 1.0,
        }
    p = Normal(0.0, s)
    js, js_grad = jax.value_and_grad(lambda d: divlab.js(p, Normal(d, s)))(d)
    return {
        "kl": d**2 / (2 * s**2),
        "kl_grad": d / s**2,
        "js": js,
        "js_grad": js_grad,
        "wasserstein": d,
        "wasserstein_grad": 1.0,
    }


def expected_mode_collapse(explorer, v, target=None):
    """Both models trained again, with `fit` itself."""
    given = target is not None
    target = target if given else two_gaussians(v["separation"], v["scale"])
    trained = explorer.state()["trained"]
    options = {"steps": STEPS, "record_every": 20} if trained else {"steps": 1, "record_every": 1}
    result = {}
    for name, model in (("vae", divlab.VAE(hidden=(8,))), ("gan", divlab.GAN(hidden=(8,)))):
        run = divlab.fit(model, target, key=v["seed"], **options)
        learned = run.distribution(v["step"])
        result[name] = divlab.coverage(learned, target)._asdict()
        result[name]["kl"] = divlab.kl(target, learned)
        result[name]["wasserstein"] = divlab.wasserstein(target, learned)
        if given:
            drawn = run.sample(v["seed"], len(target), v["step"])
            result[name]["js"] = divlab.js(target, drawn)
        else:
            result[name]["js"] = divlab.js(target, learned)
    return result


CHANGES = [
    ("nll_is_kl", "separation", 6.0),
    ("nll_is_kl", "scale", 1.0),
    ("nll_is_kl", "mean", -1.0),
    ("nll_is_kl", "model_scale", 2.5),
    ("disjoint_supports", "separation", 0.5),
    ("disjoint_supports", "separation", 3.0),
    ("disjoint_supports", "scale", 2.0),
    ("disjoint_supports", "family", "two Gaussians"),
    ("mode_collapse", "separation", 2.0),
    ("mode_collapse", "scale", 1.0),
    ("mode_collapse", "seed", 5),
]


@pytest.mark.parametrize(("name", "control", "value"), CHANGES)
def test_a_control_changes_the_numbers_and_the_picture(explorers, name, control, value):
    explorer = explorers(name)
    before, figure, shown = explorer.state(), explorer.figure, picture(explorer)
    try:
        explorer.controls[control].value = value
        assert explorer._error.value == ""
        now = values(explorer)
        if name == "nll_is_kl":
            expected = expected_nll_is_kl(now)
        elif name == "disjoint_supports":
            expected = expected_disjoint_supports(now)
        else:
            expected = expected_mode_collapse(explorer, now)
        agree(explorer.result, expected, 2e-3)
        assert picture(explorer) != shown
        assert explorer.figure is figure
    finally:
        explorer.load(before)
    assert picture(explorer) == shown  # and back


def test_every_control_is_tested():
    tested = {(name, control) for name, control, _ in CHANGES}
    tested |= {("mode_collapse", "train"), ("mode_collapse", "step")}
    required = {"separation", "scale"}
    for name in NAMES:
        assert required <= {control for of, control in tested if of == name}


def test_what_every_explorer_has(name, explorer):
    assert isinstance(explorer, widgets.Widget)
    assert isinstance(explorer.figure, Figure)
    assert {"separation", "scale"} <= set(explorer.controls)
    assert {c for n, c, _ in CHANGES if n == name} | {"train", "step"} >= set(explorer.controls)
    required = {
        "nll_is_kl": {"nll", "kl", "entropy"},
        "disjoint_supports": {
            "kl", "js", "wasserstein", "kl_grad", "js_grad", "wasserstein_grad"
        },
        "mode_collapse": {"vae", "gan"},
    }  # fmt: skip
    assert required[name] <= set(explorer.result)
    data, metadata = explorer._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG\r\n")
    assert metadata["image/png"]["width"] > 0
    assert explorer._error.value == ""


def test_the_nll_is_kl_plus_the_entropy(explorers):
    found = explorers("nll_is_kl").result
    assert found["nll"] == pytest.approx(found["kl"] + found["entropy"], abs=1e-4)
    assert found["nll_grad"] == pytest.approx(found["kl_grad"], abs=1e-4)


def test_state_round_trips(explorer):
    before = explorer.state()
    assert json.loads(json.dumps(before)) == before
    result = numbers_of(explorer.result)
    explorer.controls["separation"].value = 2.5
    explorer.controls["scale"].value = 0.75
    moved = explorer.state()
    assert moved != before
    explorer.load(json.loads(json.dumps(before)))
    assert explorer.state() == before
    for name, value in numbers_of(explorer.result).items():
        np.testing.assert_array_equal(value, result[name], err_msg=name)
    explorer.load(moved)
    assert explorer.state() == moved


def test_an_unknown_name_in_a_state(explorer):
    before = explorer.state()
    with pytest.raises(ValueError, match="colour"):
        explorer.load({**before, "colour": 3})
    assert explorer.state() == before


def test_an_error_is_shown_and_the_next_event_recovers(explorer, monkeypatch):
    def fail(**_):
        raise ValueError("scale <was> odd")

    result = explorer.result
    with monkeypatch.context() as patch:
        patch.setattr(explorer, "compute", fail)
        explorer.controls["scale"].value = 0.9
        assert "scale &lt;was&gt; odd" in explorer._error.value
        assert explorer.result == result
    explorer.controls["scale"].value = 0.8
    assert explorer._error.value == ""
    assert explorer.result != result


def test_a_burst_of_events_leaves_the_last_ones_numbers(explorers, monkeypatch):
    explorer = explorers("nll_is_kl")
    before = explorer.state()
    with monkeypatch.context() as patch:  # encoding 200 pictures would only take time
        patch.setattr("divlab.figures.png", lambda figure: b"")
        for value in np.linspace(-4, 4, 199):
            explorer.controls["mean"].value = float(value)
    explorer.controls["mean"].value = 0.5
    agree(explorer.result, expected_nll_is_kl({**before, "mean": 0.5}), 1e-3)
    assert explorer._error.value == ""
    assert picture(explorer).startswith(b"\x89PNG")
    explorer.load(before)


# Training.


def test_training_and_scrubbing(collapse, monkeypatch):
    """The button trains; the slider then moves through the run both ways, training nothing."""
    collapse.controls["seed"].value = 3
    untrained = picture(collapse)
    collapse.controls["train"].click()
    step = collapse.controls["step"]
    assert list(step.options) == [0, 20, 40]
    assert step.value == 40
    assert collapse.state()["trained"] is True
    assert not collapse.controls["train"].disabled
    assert picture(collapse) != untrained
    agree(collapse.result, expected_mode_collapse(collapse, values(collapse)), 2e-3)

    def fail(*_, **__):
        raise AssertionError("trained again")

    seen = {}
    with monkeypatch.context() as patch:
        patch.setattr(divlab, "fit", fail)
        for at in (40, 20, 0, 20, 40):
            step.value = at
            assert collapse._error.value == ""
            now = numbers_of(collapse.result), picture(collapse)
            if at in seen:
                for name, value in now[0].items():
                    np.testing.assert_array_equal(value, seen[at][0][name])
                assert now[1] == seen[at][1]
            seen[at] = now
    assert len({shown for _, shown in seen.values()}) == 3

    # A trained state round-trips: seed, step and all.
    step.value = 20
    state, result = collapse.state(), numbers_of(collapse.result)
    collapse.controls["seed"].value = 4
    assert collapse.state()["trained"] is False
    collapse.load(json.loads(json.dumps(state)))
    assert collapse.state() == state
    for name, value in numbers_of(collapse.result).items():
        np.testing.assert_array_equal(value, result[name], err_msg=name)


def test_an_untrained_state_is_loaded_untrained(collapse):
    state = collapse.state()
    assert state["trained"] is False
    result = numbers_of(collapse.result)
    collapse.controls["train"].click()
    assert collapse.state()["trained"] is True
    collapse.load(state)
    assert collapse.state() == state
    for name, value in numbers_of(collapse.result).items():
        np.testing.assert_array_equal(value, result[name], err_msg=name)


def test_interrupting_keeps_what_was_recorded(collapse, monkeypatch):
    def stop(step):
        if step == 20:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(collapse, "_report", stop)
        collapse.train()
    assert not collapse.controls["train"].disabled
    assert max(collapse.controls["step"].options) <= 20
    assert collapse._error.value == ""


def test_a_training_that_fails_says_so(collapse, monkeypatch):
    def fail(*_, **__):
        raise ValueError("no such target")

    with monkeypatch.context() as patch:
        patch.setattr(divlab, "fit", fail)
        collapse.controls["train"].click()
    assert "no such target" in collapse._error.value
    assert not collapse.controls["train"].disabled


def test_measurements_as_a_target(explorers):
    explorers("mode_collapse")  # for its short trainings
    times = divlab.targets.old_faithful()
    explorer = build("mode_collapse", target=times)
    assert set(explorer.controls) == {"seed", "train", "step"}
    explorer.controls["train"].click()
    assert explorer._error.value == ""
    assert explorer.state() == {"seed": 0, "step": STEPS, "trained": True}
    agree(explorer.result, expected_mode_collapse(explorer, values(explorer), times), 5e-3)
    assert picture(explorer).startswith(b"\x89PNG")
