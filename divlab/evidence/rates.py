"""How often models lose modes, with intervals."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from divlab.checks import Count, Seeds
from divlab.divergences.quantities import QUANTITIES
from divlab.metrics import wilson
from divlab.models import GAN, MinimumDivergence
from divlab.models.protocol import ModelLike
from divlab.sweeps import sweep
from divlab.targets import two_gaussians


def coverage_rates(
    models: Mapping[str, ModelLike],
    separations: Iterable[float] = (1.0, 2.0, 4.0, 8.0),
    *,
    scale: float = 0.5,
    seeds: Seeds = 32,
    confidence: float = 0.95,
    **options: Any,
) -> xr.Dataset:
    """How often a model covers both of two Gaussians, against how far apart they are.

    Args:
        models: dict of label to model, as in `divlab.sweep`.
        separations: distances between the two modes, in units of x.
        scale: of each mode.
        seeds: as in `divlab.sweep`.
        confidence: of the intervals.
        options: `steps`, `batch_size`, `store` and `progress`, as in `divlab.sweep`.

    Returns:
        A Dataset over model and separation: `covered`, the number of seeds that cover both modes,
        `rate`, their share, and `low` and `high`, the ends of Wilson's interval for it. Attribute
        `seeds` says of how many.

    Raises:
        TypeError, ValueError: as in `divlab.sweep` and `divlab.targets.two_gaussians`.

    Example:
        >>> import divlab
        >>> models = {"vae": divlab.VAE(hidden=(8,))}
        >>> rates = divlab.evidence.coverage_rates(
        ...     models, [1.0], seeds=3, steps=5, batch_size=32, progress=False
        ... )
        >>> rates["covered"].dims
        ('model', 'separation')
    """
    targets = {f"{separation:g}": two_gaussians(separation, scale) for separation in separations}
    found = sweep(models, targets, seeds=seeds, **options)
    covered = (found["modes_covered"] == 2).sum("seed").rename(target="separation")
    count = found.sizes["seed"]
    ends = np.array([wilson(int(n), count, confidence) for n in covered.values.ravel()])
    low, high = (covered.copy(data=end.reshape(covered.shape)) for end in ends.T)
    table = xr.Dataset({"covered": covered, "rate": covered / count, "low": low, "high": high})
    table = table.assign_coords(separation=np.asarray(separations, float))
    return table.assign_attrs(found.attrs, seeds=count, scale=scale, confidence=confidence)


# Divergence -> the objective of a GAN that stands for it.
GAMES = {
    "kl": "f_gan_kl",
    "reverse_kl": "f_gan_reverse_kl",
    "js": "f_gan_js",
    "chi2": "f_gan_pearson",
    "hellinger": "f_gan_hellinger",
    "wasserstein": "wgan_gp",
    "mmd": "mmd",
    "cramer": "cramer",
}
PLAYERS = ("exact", "adversarial")


def divergence_or_game(
    divergences: Iterable[str] = tuple(GAMES),
    separations: Iterable[float] = (2.0, 4.0, 6.0, 8.0),
    *,
    scale: float = 0.5,
    seeds: Seeds = 64,
    steps: Count = 1000,
    hidden: tuple[int, ...] = (32, 32),
    bar: float = 0.2,
    confidence: float = 0.95,
    **options: Any,
) -> xr.Dataset:
    """Does a GAN lose modes because of its divergence, or because of the game?

    Two Gaussians are learned by each divergence in two ways: by `divlab.MinimumDivergence`, which
    descends the divergence itself, and by the GAN whose critic approximates it. Where the
    divergence can move a generator (Wasserstein, MMD, Cramér) both have the same generator. An
    f-divergence needs a density, so there the exact way has the VAE's decoder.

    Args:
        divergences: names in `divlab.evidence.GAMES`.
        separations: distances between the two modes, in units of x.
        scale: of each mode.
        seeds: as in `divlab.sweep`.
        steps: training steps of each model.
        hidden: widths of the hidden layers of every network.
        bar: the distance W₁ below which a training counts as having arrived.
        confidence: of the intervals.
        options: `batch_size` of the GANs, `store` and `progress`, as in `divlab.sweep`.

    Returns:
        A Dataset over divergence, player ("exact" or "adversarial") and separation. `lost`, the
        number of seeds that cover fewer than two modes, `rate`, their share, and `low` and `high`,
        the ends of Wilson's interval for it. The medians over seeds of `bridge`, `sharpness`,
        `kl`, `reverse_kl`, `js` (nats) and `wasserstein` (units of x). `arrived`, the share of
        seeds that came below the bar, and `steps_to_bar`, the median number of steps of those.

    Raises:
        TypeError, ValueError: as in `divlab.sweep`; a divergence is not in `GAMES`.

    Example:
        >>> import divlab
        >>> found = divlab.evidence.divergence_or_game(
        ...     ["wasserstein"], [2.0], seeds=3, steps=5, hidden=(8,), batch_size=32, progress=False
        ... )
        >>> found["rate"].dims
        ('divergence', 'player', 'separation')
    """
    names, apart = list(divergences), [float(separation) for separation in separations]
    unknown = [name for name in names if name not in GAMES]
    if unknown:
        raise ValueError(
            f"divergences must be among {', '.join(GAMES)}, which have a game too; got "
            f"{unknown[0]!r}."
        )
    models: dict[str, ModelLike] = {}
    for name in names:
        density = "generator" if QUANTITIES[name].moves_points else "decoder"
        models[f"{name} exact"] = MinimumDivergence(name, density=density, hidden=hidden)
        models[f"{name} adversarial"] = GAN(GAMES[name], hidden=hidden)
    targets = {f"{separation:g}": two_gaussians(separation, scale) for separation in apart}
    found = sweep(models, targets, seeds=seeds, steps=steps, bar=bar, **options)
    count = found.sizes["seed"]
    lost = (found["modes_covered"] < 2).sum("seed")
    ends = np.array([wilson(int(n), count, confidence) for n in lost.values.ravel()])
    low, high = (lost.copy(data=end.reshape(lost.shape)) for end in ends.T)
    table = {"lost": lost, "rate": lost / count, "low": low, "high": high}
    shown = ("bridge", "sharpness", "kl", "reverse_kl", "js", "wasserstein", "steps_to_bar")
    table |= {name: found[name].median("seed") for name in shown}
    table["arrived"] = found["steps_to_bar"].notnull().mean("seed")
    dims = ("divergence", "player", "separation")
    shape = len(names), len(PLAYERS), len(apart)
    whole = xr.Dataset(
        {name: (dims, values.values.reshape(shape)) for name, values in table.items()},
        coords={"divergence": names, "player": list(PLAYERS), "separation": apart},
    )
    return whole.assign_attrs(found.attrs, seeds=count, scale=scale, confidence=confidence, bar=bar)
