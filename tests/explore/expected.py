"""What each explorer must show, said again with the library's own functions."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import Normal
from scipy import stats

import divlab
from divlab.compiling import QUICKLY, jit_with
from divlab.explore import estimation, trainer, two_samples
from divlab.targets import two_gaussians

from .setting import GAN, MODULES, STEPS, VAE

Values = dict[str, Any]


def nll_is_kl(v: Values) -> Values:
    data = two_gaussians(v["separation"], v["scale"])
    at = jnp.array(v["mean"]), jnp.array(v["model_scale"])

    def with_grad(quantity: Any) -> Any:
        of_model = lambda mean, scale: quantity(data, Normal(mean, scale))  # noqa: E731
        return jax.value_and_grad(of_model, argnums=(0, 1))(*at)

    nll, nll_grad = with_grad(divlab.cross_entropy)
    kl, kl_grad = with_grad(divlab.kl)
    entropy = divlab.entropy(data)
    return {"nll": nll, "kl": kl, "entropy": entropy, "nll_grad": nll_grad, "kl_grad": kl_grad}


def dirac_gan(v: Values) -> Values:
    """Mescheder et al. (2018) with f(t) = log σ(t), and WGAN-GP's penalty, in plain numbers."""
    rate, penalty = v["rate"], v["penalty"]

    def psi_velocity(theta: Any, psi: Any) -> Any:
        if v["objective"] == "r1":
            return -theta / (1 + np.exp(-psi * theta)) - penalty * psi
        return -theta - 2 * penalty * (abs(psi) - 1) * np.sign(psi) * (abs(psi) > 1)

    def theta_velocity(theta: Any, psi: Any) -> Any:
        return psi / (1 + np.exp(psi * theta)) if v["objective"] == "r1" else psi

    found: Values = {"start": np.hypot(v["theta"], v["psi"])}
    for way in ("simultaneous", "alternating"):
        theta, psi = v["theta"], v["psi"]
        for _ in range(500):
            moved = psi + rate * psi_velocity(theta, psi)
            met = moved if way == "alternating" else psi
            theta, psi = theta + rate * theta_velocity(theta, met), moved
        found[way] = {"theta": theta, "psi": psi, "distance": np.hypot(theta, psi)}
    return found


def disjoint_supports(v: Values) -> Values:
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


def divergences(v: Values) -> Values:
    families = {"Normal": Normal, "Laplace": dist.Laplace, "Gumbel": dist.Gumbel}
    p, q = families[v["p"]](0.0, 1.0), families[v["q"]](v["separation"], v["scale"])
    names = (
        "kl", "reverse_kl", "jeffreys", "js", "tv", "hellinger", "chi2", "wasserstein", "cramer",
        "energy", "ks",
    )  # fmt: skip
    return {name: getattr(divlab, name)(p, q) for name in names}


def estimators(v: Values) -> Values:
    quantities: dict[str, Any] = {"KL(P‖Q)": divlab.kl, "W₁": divlab.wasserstein}
    quantity = quantities[v["quantity"]]
    shape = (estimation.DRAWS, 2, 100)
    pairs = np.random.default_rng(int(v["seed"])).standard_normal(shape)[..., :30]
    method = {} if v["quantity"] == "W₁" else {"method": "nearest_neighbours"}
    found = [float(quantity(x, v["separation"] + v["scale"] * z, **method)) for x, z in pairs]
    name = "sorting" if v["quantity"] == "W₁" else "nearest neighbours"
    one = {"mean": np.mean(found), "deviation": np.std(found, ddof=1)}
    truth = quantity(Normal(0.0, 1.0), Normal(v["separation"], v["scale"]))
    return {"truth": truth, "estimates": {name: {"30": one}}}


def training_cost(v: Values) -> Values:
    sizes = MODULES["training_cost"]._SIZES[v["vary"]]
    costs = []
    for size in sizes:
        batch, dim, width = {
            "batch size N": (size, 64, 32),
            "data dimension D": (256, size, 32),
            "hidden width H": (256, 64, size),
        }[v["vary"]]
        models: dict[str, Any] = {"VAE": divlab.VAE, "GAN": divlab.GAN}
        model = models[v["model"]]
        built = model(hidden=(width,) * v["layers"], data_dim=dim)
        costs.append(divlab.training_cost(built, batch))
    found = {name: [getattr(c, name) for c in costs] for name in ("flops", "bytes", "parameters")}
    last = np.log2(sizes[-1] / sizes[-2])
    exponents = {name: np.log2(n[-1] / n[-2]) / last for name, n in found.items()}
    return {**found, "sizes": sizes, "exponents": exponents}


def samples_of(v: Values) -> tuple[np.ndarray, np.ndarray]:
    """The samples of P and Q that `two_sample_test` compares."""
    of_p, of_q = np.random.default_rng(int(v["seed"])).spawn(2)

    def draw(rng: np.random.Generator, family: str) -> Any:
        ways = {"Normal": rng.normal, "Laplace": rng.laplace, "Gumbel": rng.gumbel}
        return ways[family](0.0, 1.0, (two_samples.DRAWS, two_samples.SIZES[-1]))[0, : v["n"]]

    return draw(of_p, v["p"]), v["separation"] + v["scale"] * draw(of_q, v["q"])


def two_sample_test(v: Values) -> Values:
    x, y = samples_of(v)
    tests = {
        name: divlab.permutation_test(name, x, y, key=int(v["seed"]), permutations=count)
        for name, count in (("wasserstein", 999), ("ks", 999), ("js", two_samples.DEALT))
    }
    distance = divlab.kl(x, y) if v["shown"] == "KL(P‖Q)" else stats.wasserstein_distance(x, y)
    return {"statistic": distance, "pvalue": {n: test.pvalue for n, test in tests.items()}}


def fitted(v: Values, model: Any, target: Any) -> divlab.Run:
    """The training that is shown.

    The program that trains takes seconds to compile, and step 0 can do without. That a training
    starts from the untrained model is tested in `test_training`.
    """
    every = trainer.RECORD_EVERY
    if v["step"] == 0:
        return divlab.models.Training(model, target, key=v["seed"]).untrained()
    return divlab.fit(model, target, key=v["seed"], steps=STEPS, record_every=every)


def summary(run: divlab.Run, target: Any, v: Values) -> Values:
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


def target_of(v: Values) -> dist.Distribution:
    return two_gaussians(v["separation"], v["scale"])


def mode_collapse(v: Values, target: Any = None) -> Values:
    target = target_of(v) if target is None else target
    models = {"vae": VAE, "gan": GAN}
    return {n: summary(fitted(v, m, target), target, v) for n, m in models.items()}


def objective_zoo(v: Values) -> Values:
    target = target_of(v)
    result: Values = {}
    for name in "ab":
        kind = divlab.GAN if v[name] in divlab.GAN_OBJECTIVES else divlab.VAE
        result[name] = summary(fitted(v, kind(v[name]), target), target, v)
    return result


def minimum_divergence(v: Values) -> Values:
    target = target_of(v)
    models = {n: divlab.MinimumDivergence(v[n], density=v["density"]) for n in "ab"}
    return {n: summary(fitted(v, m, target), target, v) for n, m in models.items()}


@jit_with(QUICKLY)
def _encode(model: Any, params: Any, x: Any) -> Any:
    return model.encode(params, x)


@jit_with(QUICKLY)
def _decode(model: Any, params: Any, z: Any) -> Any:
    return model.decode(params, z)


def elbo_gap(v: Values) -> Values:
    target = target_of(v)
    run = fitted(v, VAE, target)
    learned = run.distribution(v["step"])
    found = {"kl": divlab.kl(target, learned), "entropy": divlab.entropy(target)}
    found["nll"] = divlab.cross_entropy(target, learned)
    # The bound and its gap at x, with z integrated over a fine grid.
    params, x = run.params_at(v["step"]), np.array([v["x"]], np.float32)
    mean, log_scale = (float(np.asarray(a)[0, 0]) for a in _encode(run.model, params, x))
    z = np.linspace(-40, 40, 80_001)
    latents = z[:, None].astype(np.float32)
    loc, log_noise = (np.asarray(a, float) for a in _decode(run.model, params, latents))
    log_q = stats.norm.logpdf(z, mean, np.exp(log_scale))
    log_joint = stats.norm.logpdf(v["x"], loc, np.exp(log_noise)) + stats.norm.logpdf(z)
    bound = np.trapezoid(np.exp(log_q) * (log_q - log_joint), z)
    return {**found, "gap_at_x": bound + float(run.log_prob(v["x"], v["step"]))}


def gan_game(v: Values) -> Values:
    target = target_of(v)
    assert v["who"] == "both"
    run = fitted(v, divlab.GAN(v["objective"]), target)
    found = summary(run, target, v)
    return {
        **{name: found[name] for name in ("js", "kl", "wasserstein")},
        "best_value": 2 * found["js"] - np.log(4),
    }


def wasserstein_gan(v: Values) -> Values:
    target = target_of(v)
    run = fitted(v, divlab.GAN(v["objective"]), target)
    found = summary(run, target, v)
    return {name: found[name] for name in ("js", "kl", "wasserstein")}
