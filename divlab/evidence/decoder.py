"""What the noise of a VAE's decoder does to what the VAE has learned."""

from collections.abc import Iterable
from typing import Any

import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from divlab.checks import Count, Seeds
from divlab.compiling import WITHOUT_FUSION, jit_with
from divlab.metrics import coverage
from divlab.models import VAE, fit_many
from divlab.models.learned import Pushforward, of_latents
from divlab.targets import two_gaussians

PARTS = ("means alone", "with noise")


@jit_with(WITHOUT_FUSION)
def _mean(model: VAE, params: Any, z: Float[Array, " n"]) -> Float[Array, " n"]:
    return model.decode(params, z[:, None])[0]


def decoder_noise(
    separations: Iterable[float] = (2.0, 4.0, 6.0, 8.0),
    *,
    scale: float = 0.5,
    seeds: Seeds = 32,
    steps: Count = 2000,
    hidden: tuple[int, ...] = (32, 32),
    batch_size: Count = 256,
) -> xr.Dataset:
    """How much of a VAE's blur is the noise that its decoder adds.

    A VAE's x is μ(z) + σ·ε. Here VAEs learn two Gaussians; what they have learned is measured as
    it is, and once more without the noise, as the law of μ(z) alone, z ~ N(0, 1).

    Args:
        separations: distances between the two modes, in units of x.
        scale: of each mode.
        seeds, steps, batch_size: as in `divlab.fit_many`.
        hidden: widths of the hidden layers of encoder and decoder.

    Returns:
        A Dataset over separation, seed and part ("means alone" or "with noise"): `bridge` and
        `sharpness`, as in `divlab.coverage`. Over separation and seed: `noise`, the decoder's σ
        over the scale of a mode.

    Raises:
        TypeError, ValueError: as in `divlab.fit_many` and `divlab.targets.two_gaussians`.

    Example:
        >>> import divlab
        >>> found = divlab.evidence.decoder_noise(
        ...     [2.0], seeds=3, steps=2, hidden=(8,), batch_size=32
        ... )
        >>> found["bridge"].dims
        ('separation', 'seed', 'part')
    """
    apart = [float(separation) for separation in separations]
    model = VAE("elbo", hidden=hidden)
    found: dict[str, list[Any]] = {"bridge": [], "sharpness": [], "noise": []}
    for separation in apart:
        target = two_gaussians(separation, scale)
        runs = fit_many(
            model, target, seeds=seeds, steps=steps, batch_size=batch_size, record_every=steps
        )
        params = [run.params for run in runs]
        means = (Pushforward.of(of_latents(_mean, model, one)) for one in params)
        alone, whole = [coverage(one, target) for one in means], coverage(runs, target)
        for name in ("bridge", "sharpness"):
            without = [float(getattr(one, name)) for one in alone]
            found[name].append(np.stack([without, getattr(whole, name)], axis=-1))
        log_scales = [float(model.decode(one, jnp.zeros((1, 1)))[1][0]) for one in params]
        found["noise"].append(np.exp(log_scales) / scale)
    dims = ("separation", "seed", "part")
    variables = {name: (dims[: np.ndim(rows)], np.stack(rows)) for name, rows in found.items()}
    coords = {"separation": apart, "part": list(PARTS)}
    return xr.Dataset(variables, coords, {"steps": int(steps), "scale": scale})
