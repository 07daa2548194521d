"""Every control changes the numbers to what the library's own functions give, and the picture."""

import asyncio
import base64
import datetime
import io
import json
import sys

import ipywidgets as widgets
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from matplotlib.figure import Figure
from numpyro.distributions import Normal
from PIL import Image

import divlab
from divlab.explore import base, trainer
from divlab.targets import two_gaussians

SIMPLE = ["nll_is_kl", "disjoint_supports", "divergences", "estimators", "training_cost"]
TRAINERS = ["mode_collapse", "elbo_gap", "gan_game", "wasserstein_gan", "objective_zoo"]
NAMES = SIMPLE + TRAINERS
STEPS = 40
MODULES = {name: sys.modules[getattr(divlab.explore, name).__module__] for name in NAMES}
VAE, GAN = divlab.VAE(hidden=(8,)), divlab.GAN(hidden=(8,))


@pytest.fixture(scope="module", autouse=True)
def short():
    """Trainings of 40 steps, and three networks of eight units."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "STEPS", STEPS)
        patch.setattr(MODULES["objective_zoo"], "SEEDS", 3)
        patch.setattr(MODULES["estimators"], "SIZES", (30, 100))
        patch.setitem(MODULES["training_cost"]._SIZES, "data dimension D", (1, 8))
        yield


@pytest.fixture(scope="module")
def explorers(short):
    """One of each, made when first asked for."""
    made = {}

    def make(name):
        if name not in made:
            made[name] = build(name)
        return made[name]

    return make


def build(name, **options):
    if name == "mode_collapse":
        return divlab.explore.mode_collapse(vae=VAE, gan=GAN, **options)
    if name == "elbo_gap":
        return divlab.explore.elbo_gap(vae=VAE, **options)
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


def numbers_of(result):
    """A flat dict of arrays from nested ones."""
    flat = {}
    for name, value in result.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{k}": v for k, v in numbers_of(value).items()}
        else:
            flat[name] = np.asarray(value, float)
    return flat


def agree(found, expected, tolerance=2e-3):
    """Every expected number is there, and nothing besides what `expected` leaves out by name."""
    found, expected = numbers_of(found), numbers_of(expected)
    assert set(expected) <= set(found)
    for name in expected:
        np.testing.assert_allclose(
            found[name], expected[name], rtol=tolerance, atol=tolerance, err_msg=name
        )


# What each shows, said again with the library's pure functions.


def expected_nll_is_kl(explorer, v):
    data = two_gaussians(v["separation"], v["scale"])
    at = jnp.array(v["mean"]), jnp.array(v["model_scale"])

    def with_grad(quantity):
        of_model = lambda mean, scale: quantity(data, Normal(mean, scale))  # noqa: E731
        return jax.value_and_grad(of_model, argnums=(0, 1))(*at)

    nll, nll_grad = with_grad(divlab.cross_entropy)
    kl, kl_grad = with_grad(divlab.kl)
    entropy = divlab.entropy(data)
    return {"nll": nll, "kl": kl, "entropy": entropy, "nll_grad": nll_grad, "kl_grad": kl_grad}


def expected_disjoint_supports(explorer, v):
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


def expected_divergences(explorer, v):
    families = {"Normal": Normal, "Laplace": dist.Laplace, "Gumbel": dist.Gumbel}
    p, q = families[v["p"]](0.0, 1.0), families[v["q"]](v["separation"], v["scale"])
    names = (
        "kl", "reverse_kl", "jeffreys", "js", "tv", "hellinger", "chi2", "wasserstein", "cramer",
        "energy", "ks",
    )  # fmt: skip
    return {name: getattr(divlab, name)(p, q) for name in names}


def expected_estimators(explorer, v):
    quantity = {"KL(P‖Q)": divlab.kl, "W₁": divlab.wasserstein}[v["quantity"]]
    pairs = np.random.default_rng(int(v["seed"])).standard_normal((16, 2, 100))[..., :30]
    method = {} if v["quantity"] == "W₁" else {"method": "nearest_neighbours"}
    found = [float(quantity(x, v["separation"] + v["scale"] * z, **method)) for x, z in pairs]
    name = "sorting" if v["quantity"] == "W₁" else "nearest neighbours"
    one = {"mean": np.mean(found), "deviation": np.std(found, ddof=1)}
    truth = quantity(Normal(0.0, 1.0), Normal(v["separation"], v["scale"]))
    return {"truth": truth, "estimates": {name: {"30": one}}}


def expected_training_cost(explorer, v):
    sizes = MODULES["training_cost"]._SIZES[v["vary"]]
    costs = []
    for size in sizes:
        batch, dim, width = {
            "batch size N": (size, 64, 32),
            "data dimension D": (256, size, 32),
            "hidden width H": (256, 64, size),
        }[v["vary"]]
        model = {"VAE": divlab.VAE, "GAN": divlab.GAN}[v["model"]]
        built = model(hidden=(width,) * v["layers"], data_dim=dim)
        costs.append(divlab.training_cost(built, batch))
    found = {name: [getattr(c, name) for c in costs] for name in ("flops", "bytes", "parameters")}
    last = np.log2(sizes[-1] / sizes[-2])
    exponents = {name: np.log2(n[-1] / n[-2]) / last for name, n in found.items()}
    return {**found, "sizes": sizes, "exponents": exponents}


def fitted(explorer, v, model, target):
    return divlab.fit(model, target, key=v["seed"], steps=STEPS, record_every=trainer.RECORD_EVERY)


def summary(run, target, v):
    learned = run.distribution(v["step"])
    js = (
        divlab.js(target, learned)
        if isinstance(target, dist.Distribution)
        else divlab.js(target, run.sample(v["seed"], len(target), v["step"]))
    )
    return divlab.coverage(learned, target)._asdict() | {
        "kl": divlab.kl(target, learned),
        "js": js,
        "wasserstein": divlab.wasserstein(target, learned),
    }


def target_of(v):
    return two_gaussians(v["separation"], v["scale"])


def expected_mode_collapse(explorer, v, target=None):
    target = target_of(v) if target is None else target
    models = {"vae": VAE, "gan": GAN}
    return {n: summary(fitted(explorer, v, m, target), target, v) for n, m in models.items()}


def expected_objective_zoo(explorer, v):
    target, result = target_of(v), {}
    for name in "ab":
        kind = divlab.GAN if v[name] in divlab.GAN_OBJECTIVES else divlab.VAE
        result[name] = summary(fitted(explorer, v, kind(v[name]), target), target, v)
    return result


def expected_elbo_gap(explorer, v):
    target = target_of(v)
    run = fitted(explorer, v, VAE, target)
    learned = run.distribution(v["step"])
    found = {"kl": divlab.kl(target, learned), "entropy": divlab.entropy(target)}
    found["nll"] = divlab.cross_entropy(target, learned)
    # The bound and its gap at x, with z integrated over a fine grid.
    params, x = run.params_at(v["step"]), jnp.array([v["x"]])
    mean, log_scale = (float(a[0, 0]) for a in run.model.encode(params, x))
    z = np.linspace(-40, 40, 80_001)
    loc, log_noise = (np.asarray(a, float) for a in run.model.decode(params, z[:, None]))
    log_q = dist.Normal(mean, np.exp(log_scale)).log_prob(z)
    log_joint = Normal(loc, np.exp(log_noise)).log_prob(v["x"]) + Normal(0, 1).log_prob(z)
    bound = np.trapezoid(np.exp(log_q) * (log_q - log_joint), z)
    return {**found, "gap_at_x": bound + float(run.log_prob(v["x"], v["step"]))}


def expected_gan_game(explorer, v):
    target = target_of(v)
    run = fitted(explorer, v, divlab.GAN(v["objective"]), target)
    found = summary(run, target, v)
    return {
        **{name: found[name] for name in ("js", "kl", "wasserstein")},
        "best_value": 2 * found["js"] - np.log(4),
    }


def expected_wasserstein_gan(explorer, v):
    target = target_of(v)
    run = fitted(explorer, v, divlab.GAN(v["objective"]), target)
    found = summary(run, target, v)
    return {name: found[name] for name in ("js", "kl", "wasserstein")}


CHANGES = [
    ("nll_is_kl", "separation", 6.0),
    ("nll_is_kl", "scale", 1.0),
    ("nll_is_kl", "mean", -1.0),
    ("nll_is_kl", "model_scale", 2.5),
    ("disjoint_supports", "separation", 0.5),
    ("disjoint_supports", "separation", 3.0),
    ("disjoint_supports", "scale", 2.0),
    ("disjoint_supports", "family", "two Gaussians"),
    ("divergences", "p", "Laplace"),
    ("divergences", "q", "Gumbel"),
    ("divergences", "separation", 4.0),
    ("divergences", "scale", 0.5),
    ("estimators", "quantity", "W₁"),
    ("estimators", "separation", 2.0),
    ("estimators", "scale", 0.7),
    ("estimators", "seed", 3),
    ("training_cost", "model", "GAN"),
    ("training_cost", "vary", "data dimension D"),
    ("training_cost", "layers", 2),
    ("mode_collapse", "separation", 2.0),
    ("mode_collapse", "scale", 1.0),
    ("mode_collapse", "seed", 5),
    ("elbo_gap", "separation", 2.0),
    ("elbo_gap", "scale", 1.0),
    ("elbo_gap", "seed", 5),
    ("elbo_gap", "x", -1.0),
    ("gan_game", "separation", 2.0),
    ("gan_game", "scale", 1.0),
    ("gan_game", "seed", 5),
    ("gan_game", "objective", "minimax"),
    ("wasserstein_gan", "separation", 2.0),
    ("wasserstein_gan", "scale", 1.0),
    ("wasserstein_gan", "seed", 5),
    ("wasserstein_gan", "objective", "wgan"),
    ("objective_zoo", "separation", 2.0),
    ("objective_zoo", "scale", 1.0),
    ("objective_zoo", "seed", 5),
    ("objective_zoo", "a", "wgan_gp"),
    ("objective_zoo", "b", "non_saturating"),
]
BUTTONS = {"train", "one_step", "rewind", "seeds"}


@pytest.mark.parametrize(("name", "control", "value"), CHANGES)
def test_a_control_changes_the_numbers_and_the_picture(explorers, name, control, value):
    explorer = explorers(name)
    before, figure, shown = explorer.state(), explorer.figure, picture(explorer)
    try:
        explorer.controls[control].value = value
        assert explorer._error.value == ""
        agree(explorer.result, globals()[f"expected_{name}"](explorer, explorer.values()))
        assert picture(explorer) != shown
        assert explorer.figure is figure
    finally:
        explorer.load(before)
    assert picture(explorer) == shown  # and back


def test_what_every_explorer_has(name, explorer):
    assert isinstance(explorer, widgets.Widget)
    assert isinstance(explorer.figure, Figure)
    tested = {control for of, control, _ in CHANGES if of == name} | BUTTONS | {"step"}
    assert tested >= set(explorer.controls)
    required = {
        "nll_is_kl": {"nll", "kl", "entropy"},
        "disjoint_supports": {
            "kl", "js", "wasserstein", "kl_grad", "js_grad", "wasserstein_grad"
        },
        "mode_collapse": {"vae", "gan"},
    }  # fmt: skip
    assert required.get(name, set()) <= set(explorer.result)
    data, metadata = explorer._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    image = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert image.size == tuple(int(n) for n in explorer.figure.canvas.get_width_height())
    assert metadata["image/png"]["width"] > 0
    assert explorer._error.value == ""
    assert explorer._caption.value.endswith(".")
    for control in explorer.controls.values():
        assert control.description
        assert control.tooltip or isinstance(control, widgets.ToggleButtons)


def test_a_partly_redrawn_picture_is_the_one_drawn_from_nothing(explorer):
    """What moved over a stored frame looks as if all of it had been drawn anew."""
    explorer.controls.get("separation", explorer.controls.get("layers")).value = 2
    partly = np.asarray(Image.open(io.BytesIO(picture(explorer))), int)
    explorer._screen._frame = None
    explorer.refresh()
    anew = np.asarray(Image.open(io.BytesIO(picture(explorer))), int)
    assert np.array_equal(partly, anew)


def test_the_nll_is_kl_plus_the_entropy(explorers):
    found = explorers("nll_is_kl").result
    assert found["nll"] == pytest.approx(found["kl"] + found["entropy"], abs=1e-4)
    assert found["nll_grad"] == pytest.approx(found["kl_grad"], abs=1e-4)


def test_the_bound_is_the_sum_of_its_parts(explorers):
    found = explorers("elbo_gap").result
    parts = found["kl"] + found["gap"] + found["entropy"]
    assert found["negative_elbo"] == pytest.approx(parts, abs=1e-3)
    assert found["gap"] > 0


def test_every_bound_holds_the_total_variation(explorers):
    explorer = explorers("divergences")
    before = explorer.state()
    for separation, scale in ((0.0, 1.5), (0.5, 1.0), (3.0, 0.5), (8.0, 2.0)):
        explorer.load({**before, "separation": separation, "scale": scale})
        found = explorer.result
        for name, (low, high) in found["tv_bounds"].items():
            assert low - 1e-4 <= found["tv"] <= high + 1e-4, name
    explorer.load(before)


def test_the_value_of_the_game_is_below_its_maximum(explorers):
    explorer = explorers("gan_game")
    found, step = explorer.result, explorer.controls["step"].value
    run = explorer.runs["gan"]
    assert found["value"] <= found["best_value"] + 1e-3
    params = run.params_at(step)
    real = explorer.target(explorer.values()).sample(jax.random.key(1), (100_000,))
    fake = run.sample(2, 100_000, step)
    drawn = jnp.mean(jax.nn.log_sigmoid(run.model.critic(params, real)))
    drawn += jnp.mean(jax.nn.log_sigmoid(-run.model.critic(params, fake)))
    assert found["value"] == pytest.approx(float(drawn), abs=0.02)


def test_the_critic_finds_no_more_than_its_slope_allows(explorers):
    explorer = explorers("wasserstein_gan")
    found, run, step = explorer.result, explorer.runs["gan"], explorer.controls["step"].value
    assert found["critic_estimate"] <= 1.01 * found["steepest"] * found["wasserstein"]
    real = explorer.target(explorer.values()).sample(jax.random.key(1), (100_000,))
    scores = [
        run.model.critic(run.params_at(step), x) for x in (real, run.sample(2, 100_000, step))
    ]
    drawn = float(np.mean(scores[0]) - np.mean(scores[1]))
    assert found["critic_estimate"] == pytest.approx(drawn, abs=0.02 * found["steepest"])


def test_the_exact_potential_reaches_w1():
    """E_p f - E_q f is W₁ for the potential f, here of Normal(0, 1) and Normal(1, 2)."""
    x = np.linspace(-20, 20, 40_001)
    p, q = Normal(0.0, 1.0), Normal(1.0, 2.0)
    cdfs = [np.asarray(of.cdf(x), float) for of in (p, q)]
    f = MODULES["wasserstein_gan"].potential(x, *cdfs)
    assert np.abs(np.diff(f) / np.diff(x)).max() <= 1 + 1e-9
    found = sum(sign * f @ np.diff(cdf, prepend=0) for sign, cdf in zip((1, -1), cdfs, strict=True))
    assert found == pytest.approx(float(divlab.wasserstein(p, q)), abs=2e-3)


# States, errors, floods.


def test_state_round_trips(explorer):
    before = explorer.state()
    assert json.loads(json.dumps(before)) == before
    result = numbers_of({n: v for n, v in explorer.result.items() if n != "tv_bounds"})
    movable = widgets.FloatSlider, widgets.Dropdown
    control = next(n for n, c in explorer.controls.items() if isinstance(c, movable))
    widget = explorer.controls[control]
    widget.value = 2.5 if isinstance(widget, widgets.FloatSlider) else widget.options[-1]
    moved = explorer.state()
    assert moved != before
    explorer.load(json.dumps(before))
    assert explorer.state() == before
    for name, value in numbers_of(explorer.result).items():
        if name in result:
            np.testing.assert_array_equal(value, result[name], err_msg=name)
    # As a user does it: the line of text that is always there, pasted.
    explorer._share.text.value = json.dumps(moved)
    assert explorer.state() == moved
    assert explorer._error.value == ""


@pytest.mark.parametrize("text", ["{", "[1]", '{"colour": 3}'])
def test_a_state_that_is_none(explorers, text):
    explorer = explorers("nll_is_kl")
    before = explorer.state()
    with pytest.raises(ValueError, match=r"colour|JSON|state"):
        explorer.load(text)
    explorer._share.text.value = text
    assert "state" in explorer._error.value
    assert explorer.state() == before
    explorer.refresh()
    assert explorer._error.value == ""


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"mean": "left"}, "from -4 to 4"),
        ({"mean": 1e9}, "from -4 to 4"),
        ({"mean": float("nan")}, "from -4 to 4"),
        ({"mean": None}, "from -4 to 4"),
    ],
)
def test_a_state_that_a_control_cannot_take_changes_nothing(explorers, change, says):
    explorer = explorers("nll_is_kl")
    before, result = explorer.state(), explorer.result
    with pytest.raises(ValueError, match=says):
        explorer.load({**before, "scale": 1.0, **change})
    assert explorer.state() == before
    assert explorer.result is result


def test_a_number_that_is_none_is_said(explorers):
    explorer = explorers("nll_is_kl")
    before, result = explorer.state(), explorer.result
    explorer.controls["scale"].value = float("nan")
    assert "scale must be a finite number" in explorer._error.value
    assert explorer.result is result
    explorer.load(before)
    assert explorer._error.value == ""


def test_an_error_is_shown_and_the_next_event_recovers(explorer, monkeypatch):
    def fail(**_):
        raise ValueError("scale <was> odd")

    control = next(c for c in explorer.controls.values() if hasattr(c, "value")
                   and not isinstance(c, widgets.ToggleButtons))  # fmt: skip
    is_number = isinstance(control, widgets.FloatSlider)
    result = explorer.result
    with monkeypatch.context() as patch:
        patch.setattr(explorer, "compute", fail)
        control.value = 0.9 if is_number else control.options[-1]
        assert "scale &lt;was&gt; odd" in explorer._error.value
        assert explorer.result is result
        assert not control.disabled
    control.value = 0.8 if is_number else control.options[0]
    assert explorer._error.value == ""


def test_a_burst_of_events_leaves_the_last_ones_numbers(explorers):
    explorer = explorers("nll_is_kl")
    before = explorer.state()
    for value in np.linspace(-4, 4, 199):
        explorer.controls["mean"].value = float(value)
    explorer.controls["mean"].value = 0.5
    agree(explorer.result, expected_nll_is_kl(explorer, {**before, "mean": 0.5}))
    assert explorer._error.value == ""
    explorer.load(before)


def test_results_and_files_follow_events_that_are_still_to_be_drawn(explorers, monkeypatch):
    explorer = explorers("nll_is_kl")
    before = explorer.state()
    monkeypatch.setattr(base, "from_browser", lambda: True)
    mean = explorer.controls["mean"]

    async def drag(read):
        mean.value = mean.value - 0.1
        mean.value = mean.value - 0.1
        assert explorer._due is not None
        read()
        assert explorer._due is None
        agree(explorer.result, expected_nll_is_kl(explorer, {**before, "mean": mean.value}))
        await asyncio.sleep(0.05)

    asyncio.run(drag(lambda: explorer.result))
    asyncio.run(drag(explorer._share.save.click))
    assert "data:image/png" in explorer._share._links.value
    explorer.load(before)


def test_files_of_the_figure_and_its_numbers(explorer):
    explorer._share.save.click()
    links = explorer._share._links.value
    contents = {
        kind: base64.b64decode(links.split(f"data:{kind};base64,")[1].split('"')[0])
        for kind in ("image/png", "image/svg+xml", "text/csv")
    }
    assert contents["image/png"].startswith(b"\x89PNG\r\n")
    assert b"<svg" in contents["image/svg+xml"]
    lines = contents["text/csv"].decode().splitlines()
    assert lines[0] == "name,value"
    assert len(lines) > len(explorer.result)
    first = next(n for n, v in explorer.result.items() if isinstance(v, float | dict | list))
    assert any(line.startswith(first) for line in lines)


# Training.


@pytest.mark.parametrize("name", TRAINERS)
def test_training_and_scrubbing(explorers, name, monkeypatch):
    """The button trains; the slider then moves through the run both ways, training nothing."""
    explorer = explorers(name)
    explorer.controls["seed"].value = 3
    untrained = picture(explorer)
    explorer.controls["train"].click()
    assert explorer._error.value == ""
    step = explorer.controls["step"]
    assert list(step.options) == [0, 20, 40]
    assert step.value == 40
    assert explorer.state()["trained"] == 40
    assert picture(explorer) != untrained
    expected = globals()[f"expected_{name}"](explorer, explorer.values())
    agree(explorer.result, expected, 5e-3)

    def fail(*_, **__):
        raise AssertionError("trained again")

    seen = {}
    with monkeypatch.context() as patch:
        patch.setattr(trainer, "Training", fail)
        for at in (40, 20, 0, 20, 40):
            step.value = at
            assert explorer._error.value == ""
            now = numbers_of(explorer.result), picture(explorer)
            if at in seen:
                for number, value in now[0].items():
                    np.testing.assert_array_equal(value, seen[at][0][number])
                assert now[1] == seen[at][1]
            seen[at] = now
        explorer._play.value = 1
        assert step.value == 20
    assert len({shown for _, shown in seen.values()}) == 3

    # A trained state round-trips: seed, step and all.
    state, result = explorer.state(), numbers_of(explorer.result)
    explorer.controls["seed"].value = 4
    assert explorer.state()["trained"] == 0
    explorer.load(json.loads(json.dumps(state)))
    assert explorer.state() == state
    for number, value in numbers_of(explorer.result).items():
        np.testing.assert_array_equal(value, result[number], err_msg=number)
    explorer.controls["seed"].value = 0


def test_one_record_rewind_and_the_end(collapse):
    fresh = numbers_of(collapse.result)
    for expected in (20, 40):
        collapse.controls["one_step"].click()
        assert collapse.state()["trained"] == expected
    collapse.controls["rewind"].click()
    assert collapse.state()["trained"] == 0
    for name, value in numbers_of(collapse.result).items():
        np.testing.assert_array_equal(value, fresh[name], err_msg=name)


def test_interrupting_keeps_what_was_recorded(collapse, monkeypatch):
    advance, turns = collapse._advance, []

    def stop():
        turns.append(1)
        if len(turns) == 2:
            raise KeyboardInterrupt
        return advance()

    with monkeypatch.context() as patch:
        patch.setattr(collapse, "_advance", stop)
        collapse.train()
    assert collapse.state()["trained"] == 20
    assert collapse._error.value == ""
    collapse.controls["train"].click()  # and goes on from there
    assert collapse.state()["trained"] == 40


def test_a_model_that_diverges_does_not_hold_the_other_up(short):
    wild = divlab.GAN(divlab.objectives.LeastSquares(learning_rate=1e20), hidden=(8,))
    explorer = divlab.explore.mode_collapse(vae=VAE, gan=wild)
    explorer.controls["train"].click()
    assert explorer._trainings["vae"].step == STEPS
    assert explorer._trainings["gan"].run.status == "diverged"
    assert "gan diverged at step" in explorer._caption.value or explorer._error.value != ""


def test_a_training_that_fails_says_so(collapse, monkeypatch):
    def fail(*_, **__):
        raise ValueError("no such target")

    with monkeypatch.context() as patch:
        patch.setattr(collapse, "_advance", fail)
        collapse.controls["train"].click()
    assert "no such target" in collapse._error.value
    assert not collapse.controls["train"].disabled


def test_a_strip_of_seeds(explorers):
    explorer = explorers("objective_zoo")
    assert explorer.result["a"]["seeds_covered"] == -1
    before = picture(explorer)
    explorer.controls["seeds"].click()
    assert explorer._error.value == ""
    assert picture(explorer) != before
    target = target_of(explorer.values())
    runs = divlab.fit_many(
        divlab.GAN("non_saturating"), target, seeds=3, steps=STEPS, record_every=1
    )
    covered = np.sum(np.asarray(divlab.coverage(runs, target).modes_covered) == 2)
    assert explorer.result["a"]["seeds_covered"] == covered
    assert "of 3 seeds" in explorer._caption.value
    explorer.controls["separation"].value = 3.0  # another target has another strip
    assert explorer.result["a"]["seeds_covered"] == -1
    explorer.controls["separation"].value = 4.0


# Own data.


def upload(explorer, name, content):
    now = datetime.datetime.now(datetime.UTC)
    file = {"name": name, "type": "", "size": len(content), "content": content}
    explorer.own_data.upload.value = ({**file, "last_modified": now},)


def test_a_file_of_measurements(collapse):
    times = np.asarray(divlab.targets.old_faithful())
    text = "waiting,eruption\n" + "\n".join(f"{60 + i % 7},{t:.3f}" for i, t in enumerate(times))
    upload(collapse, "words.csv", b"a,b\nfoo,bar\n")
    assert "words.csv" in collapse._error.value
    drop = collapse.own_data.drop  # the next one is good, and dropped
    drop._handle_custom_msg({"name": "geyser.csv"}, [memoryview(text.encode())])
    assert collapse.own_data.column.options == ("waiting", "eruption")
    collapse.own_data.column.value = "eruption"
    assert collapse._error.value == ""
    assert collapse.controls["separation"].disabled
    np.testing.assert_allclose(collapse.own_data.values, times, atol=1e-3)
    collapse.controls["train"].click()
    assert collapse._error.value == ""
    state, result = collapse.state(), numbers_of(collapse.result)
    assert state["trained"] == 40
    collapse.own_data.clear.click()
    assert not collapse.controls["separation"].disabled
    assert collapse.own_data.values is None
    collapse.load(json.dumps(state))
    assert collapse.state() == state
    for name, value in numbers_of(collapse.result).items():
        np.testing.assert_array_equal(value, result[name], err_msg=name)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.csv", b"", "is empty"),
        ("photo.csv", b"\x89PNG\xff\xfe\x00", "no text"),
        ("words.csv", b"a,b\nfoo,bar\n", "no column of numbers"),
        ("same.txt", b"5\n5\n5\n", "two different"),
    ],
)
def test_a_bad_file_gets_a_sentence(collapse, name, content, says):
    result = collapse.result
    upload(collapse, name, content)
    assert says in collapse._error.value
    assert name in collapse._error.value
    assert collapse.own_data.values is None
    assert collapse.result is result


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"step": 7}, "no recorded step"),
        ({"trained": "all"}, "no recorded step"),
        ({"trained": 30}, "no recorded step"),
        ({"trained": 0, "step": 20}, "is less"),
        ({"seed": -1}, "seed"),
        ({"data": [1, 2]}, "no measurements"),
        ({"data": {"name": "x", "values": ["a"]}}, "no measurements"),
        ({"data": {"name": "x", "values": [1.0, 1.0]}}, "no measurements"),
    ],
)
def test_a_bad_state_leaves_what_was_trained(collapse, change, says):
    collapse.controls["train"].click()
    state, runs = collapse.state(), collapse.runs
    with pytest.raises(ValueError, match=says):
        collapse.load({**state, **change})
    assert collapse.state() == state
    assert collapse.runs is runs


@pytest.mark.parametrize("name", ["mode_collapse", "elbo_gap", "gan_game"])
def test_measurements_as_a_target(name):
    times = divlab.targets.old_faithful()
    explorer = build(name, target=times)
    assert not {"separation", "scale"} & set(explorer.controls)
    explorer.controls["train"].click()
    assert explorer._error.value == ""
    assert explorer.state()["trained"] == STEPS
    if name == "mode_collapse":
        expected = expected_mode_collapse(explorer, explorer.values(), times)
        agree(explorer.result, expected, 5e-3)
