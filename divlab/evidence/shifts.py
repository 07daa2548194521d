"""Divergences and their slopes as one distribution is pulled away from another."""

from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from numpyro.distributions import Distribution

from divlab.divergences.inputs import read_number
from divlab.divergences.quantities import QUANTITIES


def slopes_in_shift(
    moving: Callable[[Any], Distribution],
    shifts: Iterable[float],
    divergences: Iterable[str] = ("kl", "js", "wasserstein"),
) -> xr.Dataset:
    """Divergences from where a distribution is at shift 0 to where it is now, and their slopes.

    Args:
        moving: from a shift to a distribution, Q. P is the one at shift 0.
        shifts: above 0, in units of x.
        divergences: names of functions of divlab.

    Returns:
        A Dataset over shift and divergence: `value`, D(P‖Q), and `slope`, its derivative in the
        shift, per unit of x. Where the value is infinite the slope is NaN.

    Raises:
        TypeError, ValueError: as in `divlab.kl`; a shift is not above 0, where a distance has a
            kink; a name is not known.

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> table = divlab.evidence.slopes_in_shift(lambda t: Normal(t, 1.0), [2.0], ["kl"])
        >>> table["value"].item(), table["slope"].item()
        (2.0, 2.0)
    """
    at, names = [float(shift) for shift in shifts], list(divergences)
    for shift in at:
        read_number("shifts", shift, low=0.0, high=np.inf, closed=False, need="above 0")
    for name in names:
        if name not in QUANTITIES or QUANTITIES[name].takes_one:
            raise ValueError(f"divergences must be names such as kl or wasserstein; got {name!r}.")
    rest = moving(0.0)
    pairs = np.array([[_value_and_slope(name, moving, rest, s) for name in names] for s in at])
    columns = {name: (("shift", "divergence"), pairs[..., i]) for i, name in enumerate(_PARTS)}
    return xr.Dataset(columns, coords={"shift": at, "divergence": names})


_PARTS = ("value", "slope")


def _value_and_slope(
    name: str, moving: Callable[[Any], Distribution], rest: Distribution, shift: float
) -> tuple[float, float]:
    distance = QUANTITIES[name].function
    value, slope = jax.value_and_grad(lambda t: distance(rest, moving(t)))(jnp.asarray(shift))
    return float(value), float(slope) if np.isfinite(value) else float("nan")
