"""What a divergence says on the way from a lost mode to the target."""

from collections.abc import Iterable

import numpy as np
import xarray as xr

from divlab.checks import Count, check_count
from divlab.divergences.comparison import compare
from divlab.divergences.quantities import QUANTITIES
from divlab.targets import gaussian_mixture, two_gaussians

_WITH_A_GAME = ("kl", "chi2", "wasserstein", "cramer", "reverse_kl", "js", "hellinger")


def moving_half(
    divergences: Iterable[str] = _WITH_A_GAME,
    separations: Iterable[float] = (2.0, 4.0, 6.0, 8.0),
    *,
    scale: float = 0.5,
    places: Count = 17,
) -> xr.Dataset:
    """What divergences say while half of a model's mass moves from one mode to the other.

    The target is two Gaussians of equal weight. Half of the model's mass is the left one of them.
    The other half has the same shape, and moves from the left mode, where the right one is lost,
    to the right mode, where model and target are equal. A divergence that rises on the way holds
    this half back: to descend it is to stay.

    Args:
        divergences: names of functions of `divlab`, as in `divlab.MinimumDivergence`.
        separations: distances between the two modes, in units of x.
        scale: of each mode.
        places: how many places on the way are looked at, at equal distances, at least 2.

    Returns:
        A Dataset over divergence, separation and `way`, the share of the way that is behind: 0 to
        1. `value` is D(target‖model), in nats or as in the divergence's docstring. Over divergence
        and separation, `barrier` is the largest value on the way minus the first, 0 where the
        first is the largest.

    Raises:
        TypeError, ValueError: as in `divlab.targets.two_gaussians`; a divergence is not known;
            `places` is not a count of at least 2.

    Example:
        >>> import divlab
        >>> found = divlab.evidence.moving_half(["js", "wasserstein"], [8.0], places=3)
        >>> found["barrier"].values.ravel().round(4).tolist()
        [0.1307, 0.0]
    """
    names, apart = list(divergences), [float(separation) for separation in separations]
    for name in names:
        if name not in QUANTITIES or not QUANTITIES[name].is_minimisable:
            known = ", ".join(k for k, quantity in QUANTITIES.items() if quantity.is_minimisable)
            raise ValueError(f"divergences must be among {known}; got {name!r}.")
    count = int(check_count("places", places))
    if count < 2:
        raise ValueError(f"places must be at least 2, got {count}.")
    together = [name for name in names if QUANTITIES[name].is_integral]
    way = np.linspace(0.0, 1.0, count)
    value = np.empty((len(names), len(apart), count))
    for j, separation in enumerate(apart):
        target = two_gaussians(separation, scale)
        for k, share in enumerate(way):
            model = gaussian_mixture([-separation / 2, (share - 0.5) * separation], scale)
            found = compare(target, model, *together) if together else {}
            for i, name in enumerate(names):
                one = found[name] if name in found else QUANTITIES[name].function(target, model)
                value[i, j, k] = float(one)
    first = np.where(np.isinf(value[..., 0]), 0.0, value[..., 0])
    largest = np.where(np.isinf(value[..., 0]), 0.0, value.max(axis=-1))
    dims = ("divergence", "separation")
    return xr.Dataset(
        {"value": ((*dims, "way"), value), "barrier": (dims, largest - first)},
        coords={"divergence": names, "separation": apart, "way": way},
        attrs={"scale": scale},
    )
