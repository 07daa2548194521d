"""Each loss against its paper's formula, and what every objective owes to the training loop."""

import contextlib
import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.distributions import Distribution, Normal
from scipy import stats

import divlab
from divlab import objectives
from divlab.compiling import QUICKLY, jit_with
from divlab.models import Runs
from divlab.models.data import draws_from, read_target, standardised
from divlab.pytrees import as_arrays
from divlab.targets import two_gaussians
from tests.models.evaluating import at
from tests.models.stepping import steps_of

# A linear critic on points chosen by hand, each generated from the latent of the same index.
SLOPE, OFFSET = 1.5, -0.25
REAL, FAKE = np.array([-2.0, 0.5, 1.0]), np.array([0.25, -1.0, 3.0])
LATENT = np.array([[0.1], [-0.4], [1.2]])
KEY = jax.random.key(0)
LINEAR = {"critic": lambda x: SLOPE * x[:, None] + OFFSET}
REAL_SCORES, FAKE_SCORES = SLOPE * REAL + OFFSET, SLOPE * FAKE + OFFSET


def batch(real: Any = REAL, fake: Any = FAKE, latent: Any = LATENT) -> Any:
    real, fake, latent = (jnp.asarray(a, float) for a in (real, fake, latent))
    return objectives.Batch(real, fake, latent, KEY)


def sigmoid(score: Any) -> Any:
    return 1 / (1 + np.exp(-score))


def losses(objective: Any, networks: Any = LINEAR) -> Any:
    """The critic's loss and the generator's, by one program, as in training."""

    @jit_with(QUICKLY)
    def both(objective: Any, batch: Any) -> Any:
        return objective.critic_loss(networks, batch), objective.generator_loss(networks, batch)

    return [float(loss) for loss in both(objective, batch())]


def test_minimax_is_goodfellows_equation_1() -> None:
    at_fake = np.mean(np.log(1 - sigmoid(FAKE_SCORES)))
    value = np.mean(np.log(sigmoid(REAL_SCORES))) + at_fake
    assert losses(objectives.Minimax()) == pytest.approx([-value, at_fake], rel=1e-5)


def test_non_saturating_maximises_log_d_of_fakes() -> None:
    value = np.mean(np.log(sigmoid(REAL_SCORES))) + np.mean(np.log(1 - sigmoid(FAKE_SCORES)))
    generator = -np.mean(np.log(sigmoid(FAKE_SCORES)))
    for objective in (objectives.NonSaturating(), objectives.Unrolled()):
        assert losses(objective) == pytest.approx([-value, generator], rel=1e-5)


def test_r1_penalises_the_slope_at_real_points() -> None:
    value = np.mean(np.log(sigmoid(REAL_SCORES))) + np.mean(np.log(1 - sigmoid(FAKE_SCORES)))
    critic, generator = losses(objectives.R1(penalty=3.0))
    assert critic == pytest.approx(-value + 1.5 * SLOPE**2, rel=1e-5)
    assert generator == pytest.approx(-np.mean(np.log(sigmoid(FAKE_SCORES))), rel=1e-5)
    squares = {"critic": lambda x: x[:, None] ** 2}  # slope 2x: the fakes play no part
    more, less = (losses(objectives.R1(penalty=p), squares)[0] for p in (1.0, 0.0))
    assert more - less == pytest.approx(0.5 * np.mean((2 * REAL) ** 2), rel=1e-5)


def test_least_squares_wants_1_of_real_points_and_0_of_fakes() -> None:
    critic = 0.5 * np.mean((REAL_SCORES - 1) ** 2) + 0.5 * np.mean(FAKE_SCORES**2)
    generator = 0.5 * np.mean((FAKE_SCORES - 1) ** 2)
    assert losses(objectives.LeastSquares()) == pytest.approx([critic, generator], rel=1e-5)


def test_hinge_stops_at_1() -> None:
    critic = np.mean(np.maximum(0, 1 - REAL_SCORES)) + np.mean(np.maximum(0, 1 + FAKE_SCORES))
    assert losses(objectives.Hinge()) == pytest.approx([critic, -np.mean(FAKE_SCORES)], rel=1e-5)


# Activations and conjugates as the paper's tables 2 and 6 have them, with the constants that make
# f(1) = f'(1) = 0 here: f + c (u - 1) has f* (t - c) + c.
F_GANS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "f_gan_kl": (lambda v: v, lambda t: np.exp(t) - 1),
    "f_gan_reverse_kl": (lambda v: 1 - np.exp(-v), lambda t: -np.log(1 - t)),
    "f_gan_js": (
        lambda v: 0.5 * np.log(2 / (1 + np.exp(-v))),
        lambda t: -0.5 * np.log(2 - np.exp(2 * t)),
    ),
    "f_gan_pearson": (lambda v: v, lambda t: np.where(t > -2, t + t**2 / 4, -1)),
    "f_gan_hellinger": (lambda v: 0.5 * (1 - np.exp(-v)), lambda t: t / (1 - 2 * t)),
}


@pytest.mark.parametrize("name", F_GANS)
def test_f_gan_is_nowozins_bound(name: str) -> None:
    activation, conjugate = F_GANS[name]
    at_fake = np.mean(conjugate(activation(FAKE_SCORES)))
    expected = [at_fake - np.mean(activation(REAL_SCORES)), -at_fake]
    assert losses(divlab.GAN_OBJECTIVES[name]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("family", divlab.families.FAMILIES.values(), ids=lambda f: f.name)
def test_the_conjugate_of_an_activation_is_that_of_its_value(family: Any) -> None:

    @jit_with(QUICKLY)
    def both(v: Any) -> Any:
        return family.activated_conjugate(v), family.conjugate(family.activation(v))

    found, expected = both(np.append(np.linspace(-3.0, 3.0, 25), [-30.0, 30.0]))
    np.testing.assert_allclose(found[:25], expected[:25], rtol=2e-4, atol=2e-6)
    assert np.all(np.isfinite(found))


def test_minibatch_lets_the_critic_see_how_close_points_are() -> None:
    """One row of two numbers, M = (x, 2x): Σ_j exp(-3 |x_i - x_j|) / n beside x itself."""
    objective = objectives.Minibatch(rows=1, row_size=2, real_label=0.9)
    networks = {
        "features": lambda x: x[:, None],
        "similarity": lambda h: jnp.concatenate([h, 2 * h], axis=1),
        "critic": lambda h: h @ jnp.array([[1.0], [4.0]]) - 0.5,
    }

    def score(x: Any) -> Any:
        closeness = np.exp(-3 * np.abs(x[:, None] - x)).mean(axis=1)
        return x + 4 * closeness - 0.5

    d_real, d_fake = sigmoid(score(REAL)), sigmoid(score(FAKE))
    at_real = 0.9 * np.log(d_real) + 0.1 * np.log(1 - d_real)
    critic = -np.mean(at_real) - np.mean(np.log(1 - d_fake))
    expected = [critic, -np.mean(np.log(d_fake))]
    assert losses(objective, networks) == pytest.approx(expected, rel=1e-5)


def test_veegan_is_srivastavas_algorithm_1() -> None:
    networks = {
        "critic": lambda pair: pair @ jnp.array([[1.5], [-0.5]]) + 0.2,
        "reconstructor": lambda x: 0.5 * x[:, None] + 0.1,
    }
    at_fake = 1.5 * FAKE - 0.5 * LATENT[:, 0] + 0.2
    at_real = 1.5 * REAL - 0.5 * (0.5 * REAL + 0.1) + 0.2
    critic = -np.mean(np.log(sigmoid(at_fake))) - np.mean(np.log(1 - sigmoid(at_real)))
    generator = np.mean(at_fake) + np.mean((LATENT[:, 0] - (0.5 * FAKE + 0.1)) ** 2)
    found = losses(objectives.VEEGAN(penalty=0.0), networks)
    assert found == pytest.approx([critic, generator], rel=1e-5)
    found = losses(objectives.VEEGAN(penalty=2.0), networks)
    assert found == pytest.approx([critic + 1.5**2 + 0.5**2, generator], rel=1e-5)


FEATURES = {
    "critic": lambda x: jnp.stack([x, x**2 / 4], axis=1),
    "decoder": lambda h: 0.8 * h[:, :1],
}


def features(x: Any) -> Any:
    return np.stack([x, x**2 / 4], axis=1)


def test_mmd_gan_sums_gaussian_kernels_of_five_bandwidths() -> None:
    def mean_kernel(a: Any, b: Any) -> Any:
        squares = np.sum((features(a)[:, None] - features(b)) ** 2, axis=-1)
        return sum(np.exp(-squares / (2 * s**2)).mean() for s in (1, 2, 4, 8, 16))

    mmd = mean_kernel(REAL, REAL) + mean_kernel(FAKE, FAKE) - 2 * mean_kernel(REAL, FAKE)
    error = (np.mean((0.2 * REAL) ** 2) + np.mean((0.2 * FAKE) ** 2)) / 2
    expected = [3 * error - mmd, mmd]
    assert losses(objectives.MMD(reconstruction=3.0), FEATURES) == pytest.approx(expected, rel=1e-5)


def test_cramer_gan_is_an_energy_distance_of_features() -> None:
    def distance(a: Any, b: Any) -> Any:
        return np.linalg.norm(features(a) - features(b), axis=1)

    other = np.roll(FAKE, 1)
    generator = distance(REAL, FAKE) + distance(REAL, other) - distance(FAKE, other)

    def score(x: Any) -> Any:
        return distance(x, other) - np.linalg.norm(features(x), axis=1)

    critic = -np.mean(score(REAL)) + np.mean(score(FAKE))
    expected = [critic, np.mean(generator)]
    objective = objectives.Cramer(penalty=0.0)
    assert losses(objective, FEATURES) == pytest.approx(expected, rel=1e-5)
    # Where h(x) = 3x its penalty is on the slope of 3|x - x'| - 3|x|, which is 0 or 6 in size.
    tripled = {"critic": lambda x: 3 * x[:, None]}
    penalty = losses(objectives.Cramer(penalty=1.0), tripled)[0] - losses(objective, tripled)[0]
    share = np.asarray(jax.random.uniform(KEY, (3,)))
    x = FAKE + share * (REAL - FAKE)
    slope = 3 * np.sign(x - other) - 3 * np.sign(x)
    assert penalty == pytest.approx(np.mean((np.abs(slope) - 1) ** 2), rel=1e-4)


# Latents at the quantiles of N(0, 1): means over them are integrals to 1e-4.
QUANTILES = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)


def gradient_at_best_critic(objective: Any, best: Any, theta: float) -> Any:
    """Of the generator's loss in θ, x = θ + z, where the critic is `best(log ratio)` for this θ."""

    def loss(moved: Any, theta: Any) -> Any:
        # N(0, 1) over N(θ, 1)
        networks = {"critic": lambda x: best(theta**2 / 2 - theta * x)[:, None]}
        x = moved + jnp.asarray(QUANTILES, jnp.float32)
        return objective.generator_loss(networks, batch(x, x, x[:, None]))

    return float(jit_with(QUICKLY)(jax.grad(loss))(theta, theta))


def slope_of(divergence: Any, theta: float) -> Any:
    """d/dθ of divergence(N(0, 1), N(θ, 1)), a central difference of quadratures in 64 bits."""
    with jax.enable_x64(True):
        ends = (Normal(np.float64(t), np.float64(1.0)) for t in (theta - 1e-4, theta + 1e-4))
        low, high = (float(divergence(Normal(0.0, 1.0), end)) for end in ends)
    return (high - low) / 2e-4


@pytest.mark.parametrize("theta", [0.3, 1.0, 2.0])
def test_the_generators_gradient_at_the_optimal_discriminator(theta: float) -> None:
    """Arjovsky & Bottou (2017), theorem 2.5: ∇[KL(P_G‖P) - 2 JS]; 0.60202713 at θ = 1."""
    found = gradient_at_best_critic(objectives.NonSaturating(), lambda r: r, theta)
    expected = slope_of(divlab.reverse_kl, theta) - 2 * slope_of(divlab.js, theta)
    assert found == pytest.approx(expected, abs=1e-3)
    if theta == 1.0:
        assert found == pytest.approx(0.60202713, abs=1e-3)
    minimax = gradient_at_best_critic(objectives.Minimax(), lambda r: r, theta)
    assert minimax == pytest.approx(2 * slope_of(divlab.js, theta), abs=1e-3)


# The score v whose activation is the optimal T*, from the log ratio.
BEST_SCORES: dict[str, Callable[[Any], Any]] = {
    "f_gan_kl": lambda r: r,
    "f_gan_reverse_kl": lambda r: r,
    "f_gan_js": lambda r: r,
    "f_gan_pearson": lambda r: 2 * jnp.expm1(r),
    "f_gan_hellinger": lambda r: r / 2,
}


@pytest.mark.parametrize("name", BEST_SCORES)
def test_an_f_gan_follows_the_gradient_of_its_divergence(name: str) -> None:
    objective, best = divlab.GAN_OBJECTIVES[name], BEST_SCORES[name]
    assert isinstance(objective, objectives.FGAN)
    family = objective.family
    both = jit_with(QUICKLY)(lambda r: (family.activation(best(r)), family.optimal_critic(r)))
    found, expected = both(np.linspace(-2.0, 2.0, 9))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    found = gradient_at_best_critic(objective, best, 0.5)
    expected = slope_of(lambda p, q: divlab.f_divergence(p, q, family), 0.5)
    assert found == pytest.approx(expected, abs=1e-3)


def test_the_least_loss_of_a_discriminator_is_log_4_less_two_js(target: Distribution) -> None:
    """At the optimal D = p / (p + q), whose logit is log p - log q."""
    other = two_gaussians(2.0, 1.0)
    best = {"critic": lambda x: (target.log_prob(x) - other.log_prob(x))[:, None]}

    @jit_with(QUICKLY)
    def loss(keys: Any) -> Any:
        real, fake = target.sample(keys[0], (200_000,)), other.sample(keys[1], (200_000,))
        return objectives.Minimax().critic_loss(best, batch(real, fake, fake[:, None]))

    assert float(loss(jax.random.split(KEY))) == pytest.approx(
        np.log(4) - 2 * float(divlab.js(target, other)), abs=0.01
    )


def test_wasserstein_is_a_difference_of_means() -> None:
    expected = [np.mean(FAKE_SCORES) - np.mean(REAL_SCORES), -np.mean(FAKE_SCORES)]
    assert losses(objectives.Wasserstein()) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("slope", [0.0, 0.4, -0.4, 1.0, 2.5, -2.5])
@pytest.mark.parametrize("one_sided", [True, False])
def test_the_gradient_penalty_of_a_linear_critic(slope: float, one_sided: bool) -> None:
    objective = objectives.WassersteinGP(penalty=3.0, one_sided=one_sided)
    loss = objective.critic_loss({"critic": lambda x: slope * x[:, None]}, batch())
    excess = abs(slope) - 1
    penalty = max(excess, 0) ** 2 if one_sided else excess**2
    difference = slope * (REAL.mean() - FAKE.mean())
    assert float(loss) == pytest.approx(3.0 * penalty - difference, rel=1e-5, abs=1e-6)


def test_the_gradient_penalty_is_taken_between_real_and_fake_points() -> None:
    """x²'s slope is 2x: with every real point at 1 and every fake at 3, |2x̂| is in [2, 6]."""
    objective = objectives.WassersteinGP(penalty=1.0, one_sided=False)
    real, fake = np.ones(20_000), 3 * np.ones(20_000)
    square = {"critic": lambda x: x[:, None] ** 2}
    loss = jit_with(QUICKLY)(lambda batch: objective.critic_loss(square, batch))(batch(real, fake))
    # The mean of (2x - 1)² over x uniform on [1, 3]: [(2x - 1)³ / 6] from 1 to 3, over 2.
    assert float(loss) - (9 - 1) == pytest.approx((5**3 - 1) / 12, rel=0.02)


def test_a_slope_in_two_dimensions_is_a_length() -> None:
    """The score 3x + 4y has slope 5 everywhere."""
    points = np.array([[0.0, 1.0], [2.0, -1.0]])
    networks = {"critic": lambda x: x @ jnp.array([[3.0], [4.0]])}

    @jit_with(QUICKLY)
    def loss(penalty: Any) -> Any:
        objective = objectives.WassersteinGP(penalty=penalty)
        return objective.critic_loss(networks, batch(points, points))

    assert float(loss(1.0)) - float(loss(0.0)) == pytest.approx((5 - 1) ** 2, rel=1e-5)


@pytest.mark.parametrize("clip", [0.1, 0.02])
def test_clipping_bounds_every_parameter_of_the_critic(target: Distribution, clip: float) -> None:
    objective = objectives.Wasserstein(clip=clip, critic_steps=1, learning_rate=0.05)
    _, *trained = steps_of(divlab.GAN(objective, hidden=(8,)), target, 4, SEEDS)
    for params, _ in trained:
        leaves = jax.tree.leaves(params["critic"])
        assert max(np.max(np.abs(leaf)) for leaf in leaves) == pytest.approx(clip, rel=1e-6)
    generator = jax.tree.leaves(params["generator"])
    assert max(np.max(np.abs(leaf)) for leaf in generator) > clip


def autoencoder(encode: Any, decode: Any, latent_dim: Any = 1) -> Any:
    prior = objectives.ELBO().prior((), latent_dim)
    return objectives.Autoencoder(encode, decode, prior)


def elbo_by_hand(x: Any, means: Any, scales: Any, decoder: Any) -> Any:
    """-ELBO's parts with the latent integrated by Gauss and Hermite's rule."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    z = means[:, None] + scales[:, None] * nodes
    mean, noise = decoder(z)
    terms = stats.norm.logpdf(x[:, None], mean, noise)
    return -np.mean(terms @ weights / np.sqrt(2 * np.pi))


def test_elbo_of_linear_networks() -> None:
    """KL(N(m, s²)‖N(0, 1)) = (m² + s² - 1)/2 - log s, and a reconstruction integrated by hand."""
    x = np.array([-1.0, 0.0, 2.5])
    means, scales = 0.3 * x + 0.1, np.array([0.5, 1.0, 2.0])

    def encode(x: Any) -> Any:
        return jnp.asarray(means)[:, None], jnp.log(jnp.asarray(scales))[:, None]

    def decode(z: Any) -> Any:
        return 2.0 * z[:, 0] - 0.5, jnp.full(z.shape[:1], np.log(0.7))

    def loss(key: Any) -> Any:
        return objectives.ELBO().loss(autoencoder(encode, decode), jnp.asarray(x), key)

    total, parts = jit_with(QUICKLY)(jax.vmap(loss))(jax.random.split(jax.random.key(3), 20_000))
    kl = np.mean((means**2 + scales**2 - 1) / 2 - np.log(scales))
    np.testing.assert_allclose(parts["kl_to_prior"], kl, rtol=1e-5)
    reconstruction = elbo_by_hand(x, means, scales, lambda z: (2.0 * z - 0.5, 0.7))
    error = float(np.std(parts["reconstruction"])) / np.sqrt(20_000)
    assert float(np.mean(parts["reconstruction"])) == pytest.approx(reconstruction, abs=4 * error)
    np.testing.assert_allclose(total, parts["reconstruction"] + parts["kl_to_prior"], rtol=1e-5)


def test_kl_to_prior_sums_over_the_latents_dimensions() -> None:
    def encode(x: Any) -> Any:
        return jnp.array([[1.0, 2.0]]), jnp.log(jnp.array([[0.5, 1.0]]))

    def decode(z: Any) -> Any:
        return z[:, 0], jnp.zeros(1)

    model = autoencoder(encode, decode, latent_dim=2)
    _, parts = jit_with(QUICKLY)(lambda key: objectives.ELBO().loss(model, jnp.zeros(1), key))(KEY)
    expected = (1 + 0.25 - 1) / 2 - np.log(0.5) + (4 + 1 - 1) / 2
    assert float(parts["kl_to_prior"]) == pytest.approx(expected, rel=1e-5)


def test_the_exact_nll_is_the_bound_less_its_gap(vae_runs: Runs) -> None:
    """NLL = -ELBO - mean KL(q(z|x)‖p(z|x)), both integrated over z here."""
    run = vae_runs[1]
    x = np.linspace(-4, 4, 33)
    encode, decode = jit_with(QUICKLY)(run.model.encode), jit_with(QUICKLY)(run.model.decode)
    mean, log_scale = (np.asarray(a, float)[:, 0] for a in encode(run.params, x))
    z = np.linspace(-12, 12, 48_001)
    locs, log_noise = (np.asarray(a, float) for a in decode(run.params, z[:, None]))
    step = z[1] - z[0]
    bound, gap = [], []
    for i in range(len(x)):
        log_joint = stats.norm.logpdf(x[i], locs, np.exp(log_noise)) + stats.norm.logpdf(z)
        posterior = np.exp(log_joint)
        posterior /= posterior.sum() * step
        q = stats.norm.pdf(z, mean[i], np.exp(log_scale[i]))
        log_q = stats.norm.logpdf(z, mean[i], np.exp(log_scale[i]))
        bound.append(np.sum(q * (log_q - log_joint)) * step)
        with np.errstate(divide="ignore"):
            log_posterior = np.maximum(np.log(posterior), -1e4)
        gap.append(np.sum(q * (log_q - log_posterior)) * step)
    nll = -at(run.log_prob, x)
    assert np.all(nll <= np.array(bound) + 1e-4)
    assert np.all(np.array(gap) > 0)
    np.testing.assert_allclose(nll, np.array(bound) - np.array(gap), atol=1e-4)


@pytest.mark.parametrize(
    ("model", "table"), [(divlab.GAN, divlab.GAN_OBJECTIVES), (divlab.VAE, divlab.VAE_OBJECTIVES)]
)
def test_an_unknown_name_lists_the_known_ones(model: Any, table: Any) -> None:
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
        (lambda: divlab.GAN(learning_rate="fast"), "learning_rate"),  # type: ignore[arg-type]
        (lambda: divlab.GAN(objectives.WassersteinGP(penalty=-1.0)), "penalty"),
        (lambda: divlab.GAN(objectives.Wasserstein(clip=np.nan)), "clip"),
        (lambda: divlab.GAN(objectives.Wasserstein(critic_steps=0)), "critic_steps"),
        (lambda: divlab.GAN(objectives.Wasserstein(critic_steps=1.5)), "critic_steps"),  # type: ignore[arg-type]
        (lambda: divlab.GAN(hidden=(0,)), "hidden"),
        (lambda: divlab.GAN(hidden=32), "hidden"),  # type: ignore[arg-type]
        (lambda: divlab.GAN(hidden=(8.0,)), "hidden"),  # type: ignore[arg-type]
        (lambda: divlab.VAE(latent_dim=0), "latent_dim"),
        (lambda: divlab.VAE(latent_dim=True), "latent_dim"),
        (lambda: divlab.VAE(activation="gelu!"), "activation"),
    ],
)
def test_bad_settings(build: Callable[[], Any], name: str) -> None:
    with pytest.raises((TypeError, ValueError), match=name):
        build()


def test_a_learning_rate_replaces_the_objectives_own() -> None:
    model = divlab.GAN("wgan_gp", learning_rate=0.02)
    assert model.objective == objectives.WassersteinGP(learning_rate=0.02)
    assert divlab.GAN("wgan_gp").objective == divlab.GAN_OBJECTIVES["wgan_gp"]


# Every registered objective, one test for each property.


@contextlib.contextmanager
def compilations() -> Any:
    """A list that grows with each program compiled, by its name."""
    found = []

    def listen(event: str, duration_secs: float, **details: Any) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            found.append(details["fun_name"])

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield found
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


def loops_in(compiled: list[str]) -> int:
    """How many are programs of training: one, if that of any number of steps is the same."""
    return sum("_go_on" in name for name in compiled)


def build(kind: str, name: str, **numbers: Any) -> Any:
    """A small model; `numbers` maps fields of the objective to factors on their defaults."""
    model: Any = {"gan": divlab.GAN, "vae": divlab.VAE}[kind]
    if not numbers:
        return model(name, hidden=(8,))
    default = model(name).objective
    changed = {field: factor * getattr(default, field) for field, factor in numbers.items()}
    return model(type(default)(**{**vars(default), **changed}), hidden=(8,))


def numeric_fields(objective: Any) -> Any:
    return [field for field, value in vars(objective).items() if isinstance(value, float)]


REGISTERED = [("gan", name) for name in divlab.GAN_OBJECTIVES]
REGISTERED += [("vae", name) for name in divlab.VAE_OBJECTIVES]
# Trained as users train: a critic of one step and one of several, and a VAE. Of the others a step
# is tried, which is all that a training calls: with the same loops, or one more, and other losses.
TRAINED = {"non_saturating", "wgan_gp", "elbo"}
OPTIONS: dict[str, Any] = {"steps": 5, "record_every": 2, "batch_size": 32}
SEEDS = 3


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, name in REGISTERED if name not in TRAINED]
)
def test_every_step(kind: str, name: str, target: Distribution) -> None:
    """A loss that draws no number, or has no slope, would not train."""
    model = build(kind, name)
    if kind == "gan":  # of several steps one is like the other
        model = divlab.GAN(dataclasses.replace(model.objective, critic_steps=1), hidden=(8,))
    _, (one, _), (other, losses) = steps_of(model, target, 2, SEEDS)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves((losses, other)))
    assert len(set(losses[min(losses)].tolist())) == SEEDS
    for before, after in zip(one.values(), other.values(), strict=True):
        pairs = zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True)
        assert not jax.tree.leaves(before) or any(np.any(b != a) for b, a in pairs)


# Those with networks of their own, and one of each kind without.
NETWORKS = [("gan", "minibatch"), ("gan", "veegan"), ("gan", "minimax"), ("vae", "elbo")]


@pytest.mark.parametrize(("kind", "name"), NETWORKS)
def test_networks_without_hidden_layers(kind: str, name: str, target: Distribution) -> None:
    """A model takes `hidden=()`; what a linear network cannot do must not fail in training."""
    model: Any = {"gan": divlab.GAN, "vae": divlab.VAE}[kind](name, hidden=())
    data = draws_from(standardised(read_target(target)), 4)

    def trained(key: jax.Array) -> Any:
        return model.step(model.init(key, data), data, key)

    _, losses = jax.eval_shape(trained, KEY)
    assert losses


@pytest.mark.parametrize(("kind", "name"), REGISTERED)
def test_no_number_is_a_new_program(kind: str, name: str) -> None:
    """One structure and types of a model are one program; `test_every_kind_of_training` sees it."""

    def of_program(model: Any) -> Any:
        leaves, structure = jax.tree.flatten(as_arrays(model))
        return structure, [jax.typeof(leaf) for leaf in leaves]

    model = build(kind, name)
    numbers = numeric_fields(model.objective)
    assert "learning_rate" in numbers
    for field in numbers:
        assert of_program(build(kind, name, **{field: 0.5})) == of_program(model)


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, name in REGISTERED if name in TRAINED]
)
def test_every_kind_of_training(kind: str, name: str, target: Distribution) -> None:
    model = build(kind, name)
    with compilations() as compiled:
        runs = divlab.fit_many(model, target, seeds=SEEDS, **OPTIONS)
    assert loops_in(compiled) <= 1  # none where another test has compiled it
    assert len(runs) == SEEDS
    assert list(runs.status) == ["completed"] * SEEDS
    for loss in runs.history.values():
        assert loss.shape == (SEEDS, 4)
        assert np.all(np.isfinite(loss))
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(runs.snapshots))
    assert len(set(runs.history[min(runs.history)][:, -1].tolist())) == SEEDS
    # No number is a new program: neither the target's, nor the objective's.
    # Making a distribution compiles small things of its own, the first time in a process.
    targets = [two_gaussians(2.0, 0.5), two_gaussians(4.0, 1.0), two_gaussians(3, 2)]
    models = [build(kind, name, **{field: 0.5}) for field in numeric_fields(model.objective)]
    models.append(build(kind, name, learning_rate=2.0))
    with compilations() as compiled:
        for other in targets:
            divlab.fit_many(model, other, seeds=SEEDS, **OPTIONS)
        changed = [divlab.fit_many(m, target, seeds=SEEDS, **OPTIONS) for m in models]
    assert compiled == []
    one, other = (jax.flatten_util.ravel_pytree(r.params)[0] for r in (runs, changed[-1]))
    assert not np.array_equal(one, other)


def test_a_seed_of_many_is_a_training_of_its_own(target: Distribution) -> None:
    """A critic of several steps, whose loss draws: each step and each draw has a key."""
    model = build("gan", "wgan_gp")
    many = divlab.fit_many(model, target, seeds=SEEDS, **OPTIONS)[2]
    with compilations() as compiled:
        alone = divlab.fit(model, target, key=2, **OPTIONS)
    assert loops_in(compiled) == 1
    for of_one, of_many in zip(
        jax.tree.leaves((alone.history, alone.snapshots)),
        jax.tree.leaves((many.history, many.snapshots)),
        strict=True,
    ):
        np.testing.assert_allclose(of_one, of_many, rtol=2e-3, atol=2e-4)
