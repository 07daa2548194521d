"""Each loss against its paper's formula, and what every objective owes to the training loop."""

import contextlib

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import divlab
from divlab import objectives
from divlab.targets import two_gaussians

# A linear critic on points chosen by hand.
SLOPE, OFFSET = 1.5, -0.25
REAL, FAKE = np.array([-2.0, 0.5, 1.0]), np.array([0.25, -1.0, 3.0])
KEY = jax.random.key(0)


def critic(x):
    return SLOPE * x + OFFSET


def discriminator(x):
    return 1 / (1 + np.exp(-critic(x)))


def gan_losses(objective):
    real, fake = jnp.asarray(REAL), jnp.asarray(FAKE)
    found = objective.critic_loss(critic, real, fake, KEY), objective.generator_loss(critic, fake)
    return [float(loss) for loss in found]


def test_minimax_is_goodfellows_equation_1():
    value = np.mean(np.log(discriminator(REAL))) + np.mean(np.log(1 - discriminator(FAKE)))
    generator = np.mean(np.log(1 - discriminator(FAKE)))
    assert gan_losses(objectives.Minimax()) == pytest.approx([-value, generator], rel=1e-5)


def test_non_saturating_maximises_log_d_of_fakes():
    value = np.mean(np.log(discriminator(REAL))) + np.mean(np.log(1 - discriminator(FAKE)))
    generator = -np.mean(np.log(discriminator(FAKE)))
    assert gan_losses(objectives.NonSaturating()) == pytest.approx([-value, generator], rel=1e-5)


def test_the_least_loss_of_a_discriminator_is_log_4_less_two_js(target):
    """At the optimal D = p / (p + q), whose logit is log p - log q."""
    other = two_gaussians(2.0, 1.0)
    real = target.sample(jax.random.key(1), (200_000,))
    fake = other.sample(jax.random.key(2), (200_000,))

    def best(x):
        return target.log_prob(x) - other.log_prob(x)

    loss = objectives.Minimax().critic_loss(best, real, fake, KEY)
    assert float(loss) == pytest.approx(np.log(4) - 2 * float(divlab.js(target, other)), abs=0.01)


def test_wasserstein_is_a_difference_of_means():
    difference = np.mean(critic(REAL)) - np.mean(critic(FAKE))
    expected = [-difference, -np.mean(critic(FAKE))]
    assert gan_losses(objectives.Wasserstein()) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("slope", [0.0, 0.4, -0.4, 1.0, 2.5, -2.5])
@pytest.mark.parametrize("one_sided", [True, False])
def test_the_gradient_penalty_of_a_linear_critic(slope, one_sided):
    objective = objectives.WassersteinGP(penalty=3.0, one_sided=one_sided)
    loss = objective.critic_loss(lambda x: slope * x, jnp.asarray(REAL), jnp.asarray(FAKE), KEY)
    excess = abs(slope) - 1
    penalty = max(excess, 0) ** 2 if one_sided else excess**2
    difference = slope * (REAL.mean() - FAKE.mean())
    assert float(loss) == pytest.approx(3.0 * penalty - difference, rel=1e-5, abs=1e-6)


def test_the_gradient_penalty_is_taken_between_real_and_fake_points():
    """x²'s slope is 2x: with every real point at 1 and every fake at 3, |2x̂| is in [2, 6]."""
    objective = objectives.WassersteinGP(penalty=1.0, one_sided=False)
    real, fake = jnp.ones(20_000), 3 * jnp.ones(20_000)
    penalty = float(objective.critic_loss(lambda x: x**2, real, fake, KEY)) - (9 - 1)
    # The mean of (2x - 1)² over x uniform on [1, 3]: [(2x - 1)³ / 6] from 1 to 3, over 2.
    assert penalty == pytest.approx((5**3 - 1) / 12, rel=0.02)


@pytest.mark.parametrize("clip", [0.1, 0.02])
def test_clipping_bounds_every_parameter_of_the_critic(target, clip):
    model = divlab.GAN(objectives.Wasserstein(clip=clip), hidden=(8,), learning_rate=0.05)
    run = divlab.fit(model, target, steps=4, record_every=1, batch_size=32)
    leaves = jax.tree.leaves(run.snapshots["critic"])
    largest = max(np.max(np.abs(leaf)) for leaf in leaves)
    assert largest == pytest.approx(clip, rel=1e-6)  # reached, and never passed
    generator = jax.tree.leaves(run.snapshots["generator"])
    assert max(np.max(np.abs(leaf)) for leaf in generator) > clip


def elbo_by_hand(x, means, scales, decoder):
    """-ELBO's parts with the latent integrated by Gauss and Hermite's rule."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    z = means[:, None] + scales[:, None] * nodes
    at, noise = decoder(z)
    terms = stats.norm.logpdf(x[:, None], at, noise)
    return -np.mean(terms @ weights / np.sqrt(2 * np.pi))


def test_elbo_of_linear_networks():
    """KL(N(m, s²)‖N(0, 1)) = (m² + s² - 1)/2 - log s, and a reconstruction integrated by hand."""
    x = np.array([-1.0, 0.0, 2.5])
    means, scales = 0.3 * x + 0.1, np.array([0.5, 1.0, 2.0])

    def encode(x):
        return jnp.asarray(means)[:, None], jnp.log(jnp.asarray(scales))[:, None]

    def decode(z):
        return 2.0 * z[:, 0] - 0.5, jnp.full(z.shape[:1], np.log(0.7))

    def loss(key):
        return objectives.ELBO().loss(encode, decode, jnp.asarray(x), key)

    total, parts = jax.vmap(loss)(jax.random.split(jax.random.key(3), 20_000))
    kl = np.mean((means**2 + scales**2 - 1) / 2 - np.log(scales))
    np.testing.assert_allclose(parts["kl_to_prior"], kl, rtol=1e-5)
    reconstruction = elbo_by_hand(x, means, scales, lambda z: (2.0 * z - 0.5, 0.7))
    error = float(np.std(parts["reconstruction"])) / np.sqrt(20_000)
    assert float(np.mean(parts["reconstruction"])) == pytest.approx(reconstruction, abs=4 * error)
    np.testing.assert_allclose(total, parts["reconstruction"] + parts["kl_to_prior"], rtol=1e-5)


def test_kl_to_prior_sums_over_the_latents_dimensions():
    def encode(x):
        return jnp.array([[1.0, 2.0]]), jnp.log(jnp.array([[0.5, 1.0]]))

    def decode(z):
        return z[:, 0], jnp.zeros(1)

    _, parts = objectives.ELBO().loss(encode, decode, jnp.zeros(1), KEY)
    expected = (1 + 0.25 - 1) / 2 - np.log(0.5) + (4 + 1 - 1) / 2
    assert float(parts["kl_to_prior"]) == pytest.approx(expected, rel=1e-5)


def test_the_exact_nll_is_the_bound_less_its_gap(vae_runs):
    """NLL = -ELBO - mean KL(q(z|x)‖p(z|x)), both integrated over z here."""
    run = vae_runs[1]
    x = np.linspace(-4, 4, 33)
    mean, log_scale = (
        np.asarray(a, float)[:, 0] for a in run.model.encode(run.params, jnp.asarray(x))
    )
    z = np.linspace(-12, 12, 48_001)
    at, log_noise = (
        np.asarray(a, float) for a in run.model.decode(run.params, jnp.asarray(z)[:, None])
    )
    step = z[1] - z[0]
    bound, gap = [], []
    for i in range(len(x)):
        log_joint = stats.norm.logpdf(x[i], at, np.exp(log_noise)) + stats.norm.logpdf(z)
        posterior = np.exp(log_joint)
        posterior /= posterior.sum() * step
        q = stats.norm.pdf(z, mean[i], np.exp(log_scale[i]))
        log_q = stats.norm.logpdf(z, mean[i], np.exp(log_scale[i]))
        bound.append(np.sum(q * (log_q - log_joint)) * step)
        with np.errstate(divide="ignore"):
            log_posterior = np.maximum(np.log(posterior), -1e4)
        gap.append(np.sum(q * (log_q - log_posterior)) * step)
    nll = -np.asarray(run.log_prob(x), float)
    assert np.all(nll <= np.array(bound) + 1e-3)
    assert np.all(np.array(gap) > 0)
    np.testing.assert_allclose(nll, np.array(bound) - np.array(gap), atol=1e-3)


@pytest.mark.parametrize(
    ("model", "table"), [(divlab.GAN, divlab.GAN_OBJECTIVES), (divlab.VAE, divlab.VAE_OBJECTIVES)]
)
def test_an_unknown_name_lists_the_known_ones(model, table):
    with pytest.raises(ValueError, match="wgan-gp") as error:
        model("wgan-gp")
    assert all(name in str(error.value) for name in table)


@pytest.mark.parametrize(
    ("build", "name"),
    [
        (lambda: divlab.GAN(divlab.VAE_OBJECTIVES["elbo"]), "objective"),
        (lambda: divlab.VAE("non_saturating"), "objective"),
        (lambda: divlab.VAE(None), "objective"),
        (lambda: divlab.GAN(learning_rate=0.0), "learning_rate"),
        (lambda: divlab.GAN(learning_rate="fast"), "learning_rate"),
        (lambda: divlab.GAN(objectives.WassersteinGP(penalty=-1.0)), "penalty"),
        (lambda: divlab.GAN(objectives.Wasserstein(clip=np.nan)), "clip"),
        (lambda: divlab.GAN(objectives.Wasserstein(critic_steps=0)), "critic_steps"),
        (lambda: divlab.GAN(objectives.Wasserstein(critic_steps=1.5)), "critic_steps"),
        (lambda: divlab.GAN(hidden=(0,)), "hidden"),
        (lambda: divlab.GAN(hidden=32), "hidden"),
        (lambda: divlab.GAN(hidden=(8.0,)), "hidden"),
        (lambda: divlab.VAE(latent_dim=0), "latent_dim"),
        (lambda: divlab.VAE(latent_dim=True), "latent_dim"),
        (lambda: divlab.VAE(activation="gelu!"), "activation"),
    ],
)
def test_bad_settings(build, name):
    with pytest.raises((TypeError, ValueError), match=name):
        build()


def test_a_learning_rate_replaces_the_objectives_own():
    model = divlab.GAN("wgan_gp", learning_rate=0.02)
    assert model.objective == objectives.WassersteinGP(learning_rate=0.02)
    assert divlab.GAN("wgan_gp").objective == divlab.GAN_OBJECTIVES["wgan_gp"]


# Every registered objective, one test for each property.


@contextlib.contextmanager
def compilations():
    """A list that grows by one with each program compiled."""
    found = []

    def listen(event, duration, **_):
        if event == "/jax/core/compile/backend_compile_duration":
            found.append(duration)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield found
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


def build(kind, name, **numbers):
    """A small model; `numbers` maps fields of the objective to factors on their defaults."""
    model = {"gan": divlab.GAN, "vae": divlab.VAE}[kind]
    if not numbers:
        return model(name, hidden=(8,))
    default = model(name).objective
    changed = {field: factor * getattr(default, field) for field, factor in numbers.items()}
    return model(type(default)(**{**vars(default), **changed}), hidden=(8,))


def numeric_fields(objective):
    leaves, _ = jax.tree_util.tree_flatten_with_path(vars(objective))
    static = {f for f, v in vars(objective).items() if isinstance(v, (bool, int))}
    return [path[0].key for path, _ in leaves if path[0].key not in static]


REGISTERED = [("gan", name) for name in divlab.GAN_OBJECTIVES]
REGISTERED += [("vae", name) for name in divlab.VAE_OBJECTIVES]
OPTIONS = {"steps": 5, "record_every": 2, "batch_size": 32}


@pytest.mark.parametrize(("kind", "name"), REGISTERED)
def test_every_objective(kind, name, target):
    model = build(kind, name)
    runs = divlab.fit_many(model, target, seeds=4, **OPTIONS)
    assert len(runs) == 4
    assert list(runs.status) == ["completed"] * 4
    for loss in runs.history.values():
        assert loss.shape == (4, 4)
        assert np.all(np.isfinite(loss))
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(runs.snapshots))
    # The seeds differ, and each is what `fit` makes of that key.
    assert len(set(runs.history[min(runs.history)][:, -1].tolist())) == 4
    alone = divlab.fit(model, target, key=2, **OPTIONS)
    for one, many in zip(
        jax.tree.leaves((alone.history, alone.snapshots)),
        jax.tree.leaves((runs[2].history, runs[2].snapshots)),
        strict=True,
    ):
        np.testing.assert_allclose(one, many, rtol=2e-3, atol=2e-4)
    # No number is a new program: neither the target's, nor the objective's, nor the seed.
    numbers = numeric_fields(model.objective)
    assert "learning_rate" in numbers
    with compilations() as compiled:
        for other in (two_gaussians(2.0, 0.5), two_gaussians(4.0, 1.0), two_gaussians(3, 2)):
            divlab.fit(model, other, key=7, **OPTIONS)
        for field in numbers:
            changed = build(kind, name, **{field: 0.5})
            divlab.fit(changed, target, key=2, **OPTIONS)
            divlab.fit_many(changed, target, seeds=4, **OPTIONS)
    assert compiled == []
    faster = divlab.fit(build(kind, name, learning_rate=2.0), target, key=2, **OPTIONS)
    assert not np.array_equal(
        *(jax.flatten_util.ravel_pytree(r.params)[0] for r in (alone, faster))
    )
