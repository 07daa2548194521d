"""A third kind of model is taken wherever a GAN or a VAE is, and needs no change there."""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float, Key
from numpyro.distributions import Distribution, Normal

import divlab
from divlab import evidence
from divlab.models import Data, Losses, Model, State
from divlab.pytrees import Number, pytree


@pytree
class Gaussian:
    """One Gaussian, whose mean and scale are learned by maximum likelihood."""

    learning_rate: Number = 0.05

    latent_dim, data_dim, summary = 1, 1, "Gaussian, NLL"

    def init(self, key: Key[Array, ""], data: Data) -> State:
        return State({"loc": jnp.zeros(()), "log_scale": jnp.zeros(())})

    def step(
        self, state: State, data: Data, key: Key[Array, ""], *, unroll: bool = False
    ) -> tuple[State, Losses]:
        x = data.draw(key)

        def loss_of(params: Any) -> Float[Array, ""]:
            loss: Array = -jnp.mean(self.learned(params).log_prob(x))
            return loss

        loss, slopes = jax.value_and_grad(loss_of)(state.params)
        params = jax.tree.map(lambda p, s: p - self.learning_rate * s, state.params, slopes)
        return State(params), {"nll": loss}

    def sample(self, params: Any, key: Key[Array, ""], n: int) -> Float[Array, " n"]:
        draws: Array = self.learned(params).sample(key, (n,))
        return draws

    def learned(self, params: Any) -> Distribution:
        return Normal(params["loc"], jnp.exp(params["log_scale"]))


@pytree
class MomentMatcher(Gaussian):
    """The same, fitted to the mean and the variance of the target itself; it draws no batch."""

    summary = "Gaussian, moments"

    def step(
        self, state: State, data: Data, key: Key[Array, ""], *, unroll: bool = False
    ) -> tuple[State, Losses]:
        target = data.target
        mean, variance = (
            (target.mean, target.variance)
            if isinstance(target, Distribution)
            else (jnp.mean(target), jnp.var(target))
        )
        params = {"loc": mean, "log_scale": jnp.log(variance) / 2}
        return State(params), {"gap": jnp.abs(mean - state.params["loc"])}


@pytree
class Exact(Gaussian):
    """A model that learns distributions only."""

    summary = "Gaussian, exact"

    def init(self, key: Key[Array, ""], data: Data) -> State:
        if not isinstance(data.target, Distribution):
            raise ValueError("target must be a distribution for this model.")
        return super().init(key, data)


TARGET = Normal(1.0, 2.0)
MODELS: dict[str, Model] = {"nll": Gaussian(), "moments": MomentMatcher()}
OPTIONS: dict[str, Any] = {"steps": 300, "record_every": 100, "batch_size": 64}


@pytest.mark.parametrize("name", MODELS)
def test_it_learns_a_distribution_and_measurements(name: str) -> None:
    """Else something in training is for GANs and VAEs alone."""
    run = divlab.fit(MODELS[name], TARGET, **OPTIONS)
    assert (run.steps.tolist(), run.status) == ([0, 100, 200, 300], "completed")
    assert repr(run) == f"Run({MODELS[name].summary}, completed, 300 steps)"
    assert float(divlab.kl(TARGET, run.distribution())) < 0.02
    assert run.sample(0, 5).shape == (5,)
    np.testing.assert_allclose(run.cdf(1.0), 0.5, atol=0.1)
    times = divlab.targets.old_faithful()
    learned = divlab.fit(MODELS[name], times, **OPTIONS).distribution()
    assert float(learned.loc) == pytest.approx(float(times.mean()), abs=0.1)


def test_it_is_trained_from_many_seeds_swept_and_measured() -> None:
    """Else something that compares models is for GANs and VAEs alone."""
    runs = divlab.fit_many(MODELS["nll"], TARGET, seeds=3, **OPTIONS)
    assert repr(runs) == "Runs(3 × Gaussian, NLL, 300 steps)"
    assert divlab.coverage(runs, TARGET).modes_covered.tolist() == [1, 1, 1]
    found = divlab.sweep(
        {"nll": MODELS["nll"]}, {"one": TARGET}, seeds=3, steps=300, batch_size=64, progress=False
    )
    np.testing.assert_allclose(
        found["kl"].values[0, 0], [divlab.kl(TARGET, run.distribution()) for run in runs], atol=1e-4
    )
    assert evidence.along_training(runs)["kl"].shape == (3, 4)


def test_its_step_has_a_cost() -> None:
    """Else costs are counted for GANs and VAEs alone."""
    for model in MODELS.values():
        cost = divlab.training_cost(model, 64)
        assert cost.parameters == 2
        assert cost.flops > 0


def test_a_model_may_refuse_a_target(tmp_path: Path) -> None:
    """Else a sweep finds so only after it has trained the models before."""
    with pytest.raises(ValueError, match="target must be a distribution for this model"):
        divlab.fit(Exact(), [1.0, 2.0, 3.0])
    models, targets = MODELS | {"exact": Exact()}, {"one": TARGET, "data": [1.0, 2.0, 3.0]}
    with pytest.raises(ValueError, match=r"models\['exact'\], targets\['data'\]: target must be"):
        divlab.sweep(models, targets, seeds=1, store=tmp_path)
    assert list(tmp_path.iterdir()) == []


class Nothing(NamedTuple):
    """Something that is a pytree, but not a model."""


class Unregistered(Gaussian):
    """A class that inherits all that a model has, but is not made by `pytree`."""


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (3, r"`model` must be a model, such as divlab.GAN\(\) or divlab.VAE\(\), got 3."),
        ("elbo", "`model` must be a model, such as"),
        (Nothing(), "`model` must be a model, such as"),
        (divlab.VAE, "`model` must be a model, got the class VAE; call it to make one."),
        (Unregistered(), "`model` must be a pytree; decorate its class, Unregistered"),
    ],
)
def test_what_is_not_a_model_is_refused_in_words(wrong: Any, words: str) -> None:
    """Else a user sees an AttributeError from inside the training loop."""
    for call in (
        lambda: divlab.fit(wrong, TARGET),
        lambda: divlab.fit_many(wrong, TARGET),
        lambda: divlab.training_cost(wrong),
    ):
        with pytest.raises(TypeError, match=words):
            call()
    with pytest.raises(TypeError, match=r"`models\['it'\]` must be a"):
        divlab.sweep({"it": wrong}, {"one": TARGET}, seeds=1)
