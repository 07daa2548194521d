"""The tables that take minutes: how each is made, and the copy of it that ships with divlab.

`make evidence` makes all of them again. Each function below is one table; the notebooks read the
copy by `divlab.evidence.stored`.
"""

import io
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import xarray as xr
from numpyro.distributions import Normal

from divlab.checks import Count, check_count
from divlab.evidence import decoder, detection
from divlab.evidence.bounds import beta_bounds
from divlab.evidence.controls import other_momentum
from divlab.evidence.costs import cost_exponents
from divlab.evidence.critics import critics_along
from divlab.evidence.games import game_along_training
from divlab.evidence.rates import coverage_rates, divergence_or_game
from divlab.evidence.samples import estimator_errors
from divlab.evidence.signals import critic_signals
from divlab.evidence.training import steps_to_reach
from divlab.models import GAN, GAN_OBJECTIVES, VAE, VAE_OBJECTIVES, MinimumDivergence, fit_many
from divlab.models.objectives import NonSaturating, Wasserstein, WassersteinGP
from divlab.models.protocol import ModelLike
from divlab.sweeps import sweep
from divlab.targets import old_faithful, two_gaussians

_PAIR: dict[str, ModelLike] = {"VAE": VAE("elbo"), "GAN": GAN("non_saturating")}
_SEPARATIONS = (2.0, 4.0, 6.0, 8.0)
_MEANS = {"equal": 0.0, "near": 1.0, "far": 5.0}  # of Q = N(mean, 1), against N(0, 1)


def collapse_rates(seeds: int = 64) -> xr.Dataset:
    """How often a VAE and a GAN cover both of two Gaussians, against their separation."""
    return coverage_rates(_PAIR, _SEPARATIONS, seeds=seeds)


def collapse_settings(seeds: int = 32) -> xr.Dataset:
    """The same of GANs that differ in one setting from the first."""
    models: dict[str, ModelLike] = {
        "as it is": GAN("non_saturating"),
        "SiLU": GAN("non_saturating", activation="silu"),
        "learning rate 3e-4": GAN("non_saturating", learning_rate=3e-4),
        "hinge": GAN("hinge"),
        "WGAN-GP": GAN("wgan_gp"),
    }
    return coverage_rates(models, _SEPARATIONS, seeds=seeds)


def vae_and_gan(seeds: int = 64) -> xr.Dataset:
    """Coverage and divergences of a VAE and a GAN, on two Gaussians and on Old Faithful."""
    targets = {"two Gaussians": two_gaussians(4.0, 0.5), "Old Faithful": old_faithful()}
    return sweep(_PAIR, targets, seeds=seeds)


def decoder_noise(seeds: int = 64) -> xr.Dataset:
    """How much of a VAE's blur is the noise of its decoder, against the separation."""
    return decoder.decoder_noise(_SEPARATIONS, seeds=seeds)


def divergences_and_games(seeds: int = 64) -> xr.Dataset:
    """How often each divergence loses a mode by itself, and how often its GAN does."""
    return divergence_or_game(seeds=seeds, steps=1000, hidden=(16, 16), batch_size=64)


def blur(seeds: int = 64) -> xr.Dataset:
    """Models that differ in what is minimised: KL alone, with decoder noise, with the gap."""
    models: dict[str, ModelLike] = {
        "flow, exact KL": MinimumDivergence("kl", density="flow"),
        "decoder, exact KL": MinimumDivergence("kl", density="decoder"),
        "decoder, IWAE": VAE("iwae"),
        "decoder, ELBO": VAE("elbo"),
    }
    return sweep(models, {"two Gaussians": two_gaussians(4.0, 0.5)}, seeds=seeds)


def wasserstein_rates(seeds: int = 32) -> xr.Dataset:
    """How often GANs of distances and of classifiers cover both modes, against the separation."""
    names = ("minimax", "non_saturating", "wgan", "wgan_gp", "cramer")
    return coverage_rates({name: GAN(name) for name in names}, _SEPARATIONS, seeds=seeds)


def critics(seeds: int = 8) -> xr.Dataset:
    """Critics of GANs along their trainings, beside the exact divergences."""
    names = ("minimax", "non_saturating", "wgan", "wgan_gp", "cramer")
    models = {name: GAN(name) for name in names}
    models["wgan_gp, penalty 10"] = GAN(WassersteinGP(penalty=10.0))
    # As in their papers, for images.
    models["wgan_gp, 10, two-sided"] = GAN(WassersteinGP(penalty=10.0, one_sided=False))
    models["wgan, clip 0.01"] = GAN(Wasserstein(clip=0.01))
    return critics_along(models, two_gaussians(4.0, 0.5), seeds=seeds)


def signals(seeds: int = 8) -> xr.Dataset:
    """How strongly trained critics push generated points that are far from the data."""
    return critic_signals(seeds=seeds)


def momentum(seeds: int = 32) -> xr.Dataset:
    """Objectives with the optimiser of their papers, and with another one."""
    return other_momentum(two_gaussians(4.0, 0.5), seeds=seeds)


def objective_zoo(seeds: int = 16) -> xr.Dataset:
    """Every objective on the same targets and seeds."""
    models: dict[str, ModelLike] = {name: GAN(name) for name in GAN_OBJECTIVES}
    models |= {name: VAE(name) for name in VAE_OBJECTIVES}
    targets = {"two Gaussians": two_gaussians(4.0, 0.5), "Old Faithful": old_faithful()}
    return sweep(models, targets, seeds=seeds)


def steps_to_bar(seeds: int = 32) -> xr.Dataset:
    """Steps and operations until W₁ to two Gaussians is below 0.3."""
    models: dict[str, ModelLike] = {name: VAE(name) for name in ("elbo", "iwae")}
    models |= {name: GAN(name) for name in ("non_saturating", "wgan_gp", "cramer")}
    return steps_to_reach(models, two_gaussians(4.0, 0.5), 0.3, seeds=seeds)


def step_costs(seeds: int = 5) -> xr.Dataset:
    """Counts and processor time of training steps of many sizes; a seed is a round of measuring."""
    return cost_exponents(rounds=seeds)


def beta_vaes(seeds: int = 16) -> xr.Dataset:
    """The parts of the bound along trainings of β-VAEs."""
    return beta_bounds((0.25, 0.5, 1.0, 1.5, 4.0), two_gaussians(4.0, 0.5), seeds=seeds)


def estimators(seeds: int = 20) -> xr.Dataset:
    """Estimates of divergences of two Gaussians from n samples, against the exact value."""
    start = Normal(0.0, 1.0)
    pairs = {name: (start, Normal(mean, 1.0)) for name, mean in _MEANS.items()}
    return estimator_errors(pairs, draws=seeds)


def games(seeds: int = 16) -> xr.Dataset:
    """The discriminator against the best one, along trainings of GANs."""
    models = {
        "minimax": GAN("minimax"),
        "non-saturating": GAN("non_saturating"),
        "non-saturating, 5 steps of D": GAN(NonSaturating(critic_steps=5)),
    }
    target = two_gaussians(4.0, 0.5)
    tables = [
        game_along_training(fit_many(model, target, seeds=seeds, record_every=100))
        for model in models.values()
    ]
    return xr.concat(tables, xr.Variable("model", list(models)))


def power(seeds: int = 100) -> xr.Dataset:
    """Which divergence detects which change in n samples; a seed is one draw of them."""
    return detection.power(draws=seeds)


RECIPES: dict[str, Callable[..., xr.Dataset]] = {
    recipe.__name__: recipe
    for recipe in (
        collapse_rates,
        collapse_settings,
        vae_and_gan,
        decoder_noise,
        divergences_and_games,
        blur,
        wasserstein_rates,
        critics,
        signals,
        momentum,
        objective_zoo,
        steps_to_bar,
        step_costs,
        beta_vaes,
        estimators,
        games,
        power,
    )
}


def make(name: str, *, seeds: Count | None = None) -> xr.Dataset:
    """Makes one of the tables that ship with divlab again, which takes minutes.

    Args:
        name: of the table, in `divlab.evidence.RECIPES`.
        seeds: how many; None for as many as the stored table has.

    Returns:
        The Dataset. Its attribute `command` is this call.

    Raises:
        TypeError, ValueError: `name` is not known; `seeds` is not a count.

    Example:
        >>> import divlab
        >>> rates = divlab.evidence.make("collapse_rates", seeds=2)  # doctest: +SKIP
    """
    recipe = _recipe(name)
    table = recipe() if seeds is None else recipe(seeds=int(check_count("seeds", seeds)))
    shown = "" if seeds is None else f", seeds={seeds}"
    command = f'divlab.evidence.make("{name}"{shown})'
    return table.assign_attrs(command=command)


def stored(name: str) -> xr.Dataset:
    """One of the tables that ship with divlab, as `divlab.evidence.make` made it.

    Args:
        name: of the table, in `divlab.evidence.RECIPES`.

    Returns:
        The Dataset. Its attribute `command` is the line that makes it again, and `seconds` is how
        long that took.

    Raises:
        TypeError, ValueError: `name` is not known.

    Example:
        >>> import divlab
        >>> divlab.evidence.stored("collapse_rates").attrs["command"]
        'divlab.evidence.make("collapse_rates")'
    """
    content = files("divlab").joinpath("data", "evidence", f"{_recipe(name).__name__}.nc")
    with xr.open_dataset(io.BytesIO(content.read_bytes()), engine="scipy") as table:
        return table.load()


def keep(name: str, folder: Path) -> None:
    """Makes a table again and writes it where `stored` finds it.

    Args:
        name: of the table.
        folder: where the package keeps its tables.
    """
    table = make(name)
    (folder / f"{name}.nc").write_bytes(bytes(table.to_netcdf(engine="scipy")))


def _recipe(name: str) -> Callable[..., xr.Dataset]:
    if not isinstance(name, str):
        raise TypeError(f"name must be a string, got {name!r}.")
    if name not in RECIPES:
        raise ValueError(f"name {name!r} is not known; known are {', '.join(RECIPES)}.")
    return RECIPES[name]
