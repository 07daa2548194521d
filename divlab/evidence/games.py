"""The game of a GAN: what the best critic says, what is learned against it, and what is not."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float
from numpyro.distributions import Distribution, Normal

from divlab.checks import Numbers
from divlab.compiling import QUICKLY, WITHOUT_FUSION, jit_with
from divlab.divergences import chi2, hellinger, js, kl, reverse_kl, tv, wasserstein
from divlab.divergences.inputs import read_exact, read_number
from divlab.divergences.integrals.arrays import matmul
from divlab.divergences.integrals.known import Known
from divlab.divergences.integrals.packed import Packed
from divlab.evidence.training import along_training
from divlab.models import GAN, GAN_OBJECTIVES, Run, Runs
from divlab.models.objectives import Batch

_POINTS = 8001  # of the grid of integrals over x, and over the latent
_REACH = 12.0  # standard deviations to which it goes


def optimal_critic(p: Distribution, q: Distribution, x: Numbers | None = None) -> xr.Dataset:
    """The best discriminator between data from P and points from Q, D* = p / (p + q).

    Args:
        p: of the data.
        q: of the generator.
        x: where to evaluate it, (n,); None for 401 points where either has mass.

    Returns:
        A Dataset over x: the densities `p` and `q`; `best`, D*; `logit` = log D* / (1 - D*).

    Raises:
        TypeError: `p` or `q` is no distribution.
        ValueError: it is one without a density or of more than one number.

    Source: Goodfellow et al. (2014), Generative Adversarial Nets, proposition 1.

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> table = divlab.evidence.optimal_critic(Normal(0, 1), Normal(2, 1), [0.0, 1.0])
        >>> table["best"].values.round(4).tolist()
        [0.8808, 0.5]
    """
    _read(p, q)
    at = _grid(p, q, 401, 5.0) if x is None else np.asarray(x, float)
    log_p, log_q = (Known(Packed(d))(at) for d in (p, q))
    logit = log_p - log_q
    columns = {"p": np.exp(log_p), "q": np.exp(log_q), "best": _sigmoid(logit), "logit": logit}
    return xr.Dataset({name: ("x", values) for name, values in columns.items()}, coords={"x": at})


# Objective -> the best score where r = log(p/q), and the loss of a critic that has it.
_BEST: dict[str, tuple[Callable[[Any], Any], str, Callable[[Any, Any], Any]]] = {
    "minimax": (lambda r: r, "log 4 - 2 JS", lambda p, q: np.log(4) - 2 * float(js(p, q))),
    "non_saturating": (lambda r: r, "log 4 - 2 JS", lambda p, q: np.log(4) - 2 * float(js(p, q))),
    "hinge": (jnp.sign, "2 - 2 TV", lambda p, q: 2 - 2 * float(tv(p, q))),
    "f_gan_kl": (lambda r: r, "-KL", lambda p, q: -float(kl(p, q))),
    "f_gan_reverse_kl": (lambda r: r, "-reverse KL", lambda p, q: -float(reverse_kl(p, q))),
    "f_gan_js": (lambda r: r, "-JS", lambda p, q: -float(js(p, q))),
    "f_gan_pearson": (lambda r: 2 * jnp.expm1(r), "-χ²", lambda p, q: -float(chi2(p, q))),
    "f_gan_hellinger": (
        lambda r: r / 2, "-H²", lambda p, q: -float(hellinger(p, q, squared=True))
    ),
}  # fmt: skip


def losses_at_best_critic(
    p: Distribution,
    generators: Mapping[str, Distribution],
    objectives: Iterable[str] = tuple(_BEST),
) -> xr.Dataset:
    """The losses of GAN objectives where the critic is the best there is for the generator.

    The losses are those that training minimises, `critic_loss` and `generator_loss` of
    `divlab.GAN_OBJECTIVES`. Their means over a batch become integrals over P and over P_G.

    Args:
        p: of the data: a Gaussian or a mixture of some.
        generators: label -> P_G, of the same kind.
        objectives: names, of those whose best critic is a function of the density ratio.

    Returns:
        A Dataset over generator and objective: `critic_loss` and `generator_loss`, and `expected`,
        what the critic's loss should be by divlab's divergences. Over objective: `divergence`, the
        same in words. Over generator: `kl`, KL(P‖P_G), `reverse_kl`, KL(P_G‖P), and `js`, in nats.

    Raises:
        TypeError: a distribution is none.
        ValueError: an objective is not among those known.

    Source: Goodfellow et al. (2014), theorem 1; Nowozin, Cseke & Tomioka (2016), f-GAN, equation 4;
    Lim & Ye (2017), Geometric GAN, for the hinge.

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> table = divlab.evidence.losses_at_best_critic(
        ...     Normal(0, 1), {"moved": Normal(1, 1)}, ["f_gan_kl"]
        ... )
        >>> round(table["critic_loss"].item(), 5)
        -0.5
    """
    names = list(objectives)
    for name in names:
        if name not in _BEST:
            raise ValueError(f"objectives must be among {', '.join(_BEST)}, got {name!r}.")
    losses, expected = [], []
    for q in generators.values():
        _read(p, q)
        x = _grid(p, q, _POINTS, _REACH)
        with jax.enable_x64(True):
            pair = Packed(p), Packed(q)
            losses.append([[float(loss) for loss in _losses(name, *pair, x)] for name in names])
        expected.append([_BEST[name][2](p, q) for name in names])
    axes = ("generator", "objective")
    critic, generator = np.array(losses).transpose(2, 0, 1)
    beside = {
        of.__name__: ("generator", [float(of(p, q)) for q in generators.values()])
        for of in (kl, reverse_kl, js)
    }
    return xr.Dataset(
        {
            "critic_loss": (axes, critic),
            "generator_loss": (axes, generator),
            "expected": (axes, np.array(expected)),
            "divergence": ("objective", [_BEST[name][1] for name in names]),
            **beside,
        },
        coords={"generator": list(generators), "objective": names},
    )


@jit_with(QUICKLY, static_argnums=0)
def _losses(name: str, of_p: Packed, of_q: Packed, x: Any) -> list[Float[Array, ""]]:
    """Both losses, as integrals over the grid x.

    A loss that is a mean over the batch, of a term for real points and one for fakes, is known from
    batches of one point each: E = Σ p L(x, x₀) + Σ q L(x₀, x) - L(x₀, x₀) with any x₀.
    """
    objective, best = GAN_OBJECTIVES[name], _BEST[name][0]
    p, q = of_p.distribution, of_q.distribution

    def score(points: Float[Array, " b"]) -> Float[Array, "b 1"]:
        scores: Float[Array, "b 1"] = best(p.log_prob(points) - q.log_prob(points))[:, None]
        return scores

    def batch(real: Float[Array, ""], fake: Float[Array, ""]) -> Batch:
        latent = jnp.zeros((1, 1))
        return Batch(real[None], fake[None], latent, jax.random.key(0))

    def of_pair(
        loss: Callable[..., Float[Array, ""]], real: Float[Array, ""], fake: Float[Array, ""]
    ) -> Float[Array, ""]:
        return loss({"critic": score}, batch(real, fake))

    weights = [jnp.exp(d.log_prob(x)) * (x[1] - x[0]) for d in (p, q)]
    middle = x[len(x) // 2]
    found = []
    for loss in (objective.critic_loss, objective.generator_loss):
        at_real = jax.vmap(lambda real, loss=loss: of_pair(loss, real, middle))(x)
        at_fake = jax.vmap(lambda fake, loss=loss: of_pair(loss, middle, fake))(x)
        means = (matmul(*both) for both in zip((at_real, at_fake), weights, strict=True))
        found.append(sum(means) - of_pair(loss, middle, middle))
    return found


def generator_gradient(separations: Iterable[float], *, scale: float = 1.0) -> xr.Dataset:
    """How the best critic moves a generator of one parameter, N(θ, scale²), towards N(0, scale²).

    The discriminator is D* = p / (p + p_G) for the present θ, and is held while the generator's
    loss is differentiated, as in training.

    Args:
        separations: values of θ, in units of x.
        scale: the standard deviation of both.

    Returns:
        A Dataset over separation of slopes in θ, per unit of x: `saturating`, that of
        E[log(1 - D*)]; `non_saturating`, that of -E[log D*]; `moving`, that of -E[log D*] if D*
        followed θ; and, of divergences between p_G = N(θ, scale²) and p = N(0, scale²),
        `kl` (KL(p_G‖p)), `js` and `wasserstein`. And `loss`, -E[log D*] in nats.

    Raises:
        ValueError: `scale` is not above 0.

    Source: Goodfellow et al. (2014), section 3; Arjovsky & Bottou (2017), Towards Principled
    Methods for Training Generative Adversarial Networks, theorem 2.5.

    Example:
        >>> import divlab
        >>> slopes = divlab.evidence.generator_gradient([1.0])
        >>> round(slopes["non_saturating"].item(), 8)
        0.60202713
        >>> round((slopes["kl"] - 2 * slopes["js"]).item(), 8)
        0.60202713
    """
    read_number("scale", scale, low=0.0, high=np.inf, closed=False, need="above 0")
    apart = np.asarray(list(separations), float)
    with jax.enable_x64(True):
        rows = [_slopes(jnp.asarray(theta), jnp.asarray(float(scale))) for theta in apart]
        for row, theta in zip(rows, apart, strict=True):
            for divergence in (kl, js, wasserstein):  # not compiled: their numbers are known
                row[divergence.__name__] = _slope_of(divergence, float(theta), float(scale))
    table = {name: ("separation", [float(row[name]) for row in rows]) for name in _SLOPES}
    return xr.Dataset(table, coords={"separation": apart}, attrs={"scale": float(scale)})


_SLOPES = ("saturating", "non_saturating", "moving", "loss", "kl", "js", "wasserstein")


@jit_with(QUICKLY)
def _slopes(theta: Float[Array, ""], scale: Float[Array, ""]) -> dict[str, Float[Array, ""]]:
    """Losses of the generator at one θ, and their slopes."""
    z, step = np.linspace(-_REACH, _REACH, _POINTS, retstep=True)
    weights = jnp.asarray(np.exp(-(z**2) / 2) * step / np.sqrt(2 * np.pi))
    data = Normal(jnp.zeros_like(scale), scale)

    def loss(moved: Array, held: Array, saturating: bool) -> Array:
        """The generator's loss at θ = moved, against the best D for θ = held."""
        x = moved + scale * z
        logit = data.log_prob(x) - Normal(held, scale).log_prob(x)
        terms = -jax.nn.softplus(logit) if saturating else jax.nn.softplus(-logit)
        mean: Array = matmul(terms, weights)
        return mean

    return {
        "saturating": jax.grad(loss)(theta, theta, True),
        "non_saturating": jax.grad(loss)(theta, theta, False),
        "moving": jax.grad(lambda t: loss(t, t, False))(theta),
        "loss": loss(theta, theta, False),
    }


def _slope_of(divergence: Any, theta: float, scale: float) -> Float[Array, ""]:
    """The slope of a divergence between N(θ, scale²) and N(0, scale²) in θ."""

    def at(theta: Float[Array, ""]) -> Float[Array, ""]:
        found: Float[Array, ""] = divergence(Normal(theta, scale), Normal(0.0, scale))
        return found

    slope: Float[Array, ""] = jax.grad(at)(theta)
    return slope


def game_along_training(run: Run) -> xr.Dataset:
    """The value of the game and the best value there is, at every record of a GAN's training.

    Args:
        run: a `Run` or `Runs` of a GAN whose score is the logit of a discriminator ("minimax",
            "non_saturating", "r1", "unrolled"), with latent_dim=1, trained on a distribution.

    Returns:
        A Dataset over step, of `Runs` over seed and step: what `along_training` returns; `value`,
        V(D, G) = E_p[log D] + E_{p_G}[log(1 - D)] in nats; `best_value`, V(D*, G) = 2·JS - log 4;
        and `distance`, the mean of |D - D*| over (p + p_G) / 2.

    Raises:
        TypeError: `run` is neither a `Run` nor `Runs`, or not of a GAN, or was trained on samples.

    Source: Goodfellow et al. (2014), Generative Adversarial Nets, equation 1 and theorem 1.

    Example:
        >>> import divlab
        >>> target = divlab.targets.two_gaussians()
        >>> run = divlab.fit(divlab.GAN(hidden=(8,)), target, steps=4, record_every=2)
        >>> table = divlab.evidence.game_along_training(run)
        >>> bool((table["value"] <= table["best_value"] + 1e-3).all())
        True
    """
    if isinstance(run, Run) and not isinstance(run.model, GAN):
        raise TypeError(f"run must be of a divlab.GAN, got {run!r}.")
    if isinstance(run, Run) and not isinstance(run.target, Distribution):
        raise TypeError("run must be of a training on a distribution, whose density is known.")
    table = along_training(run)
    alone = run if isinstance(run, Runs) else [run]
    x = _grid(run.target, run.target, _POINTS, 6.0)
    of_data = Known(Packed(run.target))
    looked = [_look(one, int(step), x, of_data) for one in alone for step in one.steps]
    value, distance = np.array(looked).T.reshape(2, *run.steps.shape)
    axes = table["js"].dims
    return table.assign(
        value=(axes, value), best_value=2 * table["js"] - np.log(4), distance=(axes, distance)
    )


def _look(run: Run, step: int, x: Float[np.ndarray, " n"], of_data: Known) -> tuple[float, float]:
    """V(D, G), and the mean of |D - D*| over (p + p_G) / 2, at one record.

    Expectations over p are sums over the grid x; those over p_G are sums over the latent, because
    p_G may be narrow.
    """
    z = np.linspace(-8.0, 8.0, _POINTS)
    params = run.params_at(step)
    fake = np.asarray(_generate(run.model, params, jnp.asarray(z, float)[:, None]), float)
    at_x, at_fake = of_data(x), of_data(fake)
    parts = []
    for points, log_data, mass in (
        (x, at_x, np.exp(at_x)),
        (fake, at_fake, np.exp(-z * z / 2)),
    ):
        logit = np.asarray(_critic(run.model, params, jnp.asarray(points, float)), float)
        best = _sigmoid(log_data - np.asarray(run.log_prob(points, step), float))
        parts.append((logit, np.abs(_sigmoid(logit) - best), mass / mass.sum()))
    (of_real, off_real, p), (of_fake, off_fake, q) = parts
    value = -p @ np.logaddexp(0, -of_real) - q @ np.logaddexp(0, of_fake)
    return float(value), float(p @ off_real + q @ off_fake) / 2


@jit_with(WITHOUT_FUSION)
def _generate(model: GAN, params: Any, z: Float[Array, "n latent"]) -> Float[Array, " n"]:
    return model.generate(params, z)


@jit_with(WITHOUT_FUSION)
def _critic(model: GAN, params: Any, x: Float[Array, " n"]) -> Float[Array, " n"]:
    return model.critic(params, x)


def _read(*distributions: Any) -> None:
    for name, given in zip("pq", distributions, strict=True):
        if not isinstance(read_exact(name, given), Packed):
            raise TypeError(
                f"{name} must be a distribution, whose density is known, got {given!r}."
            )


def _grid(
    p: Distribution, q: Distribution, points: int, reach: float
) -> Float[np.ndarray, " points"]:
    """Points from so many standard deviations below the lower of the two to as many above."""
    ends = [
        float(d.mean) + side * reach * float(np.sqrt(d.variance))
        for d in (p, q)
        for side in (-1, 1)
    ]
    return np.linspace(min(ends), max(ends), points)


def _sigmoid(logit: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    return np.asarray(np.exp(-np.logaddexp(0, -logit)))
