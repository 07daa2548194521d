"""One pair under every divergence: what ties the divergences, and the Gaussian each likes best."""

from collections.abc import Iterable
from typing import Any

import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Key
from numpyro.distributions import Distribution, Normal

from divlab.checks import Count
from divlab.divergences.comparison import compare
from divlab.divergences.inputs import read
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.quantities import QUANTITIES
from divlab.models import MinimumDivergence, Units, fit
from divlab.models.densities import Gaussian
from divlab.pytrees import Number, pytree
from divlab.targets import gaussian_mixture, modes

_COMPARED = ("kl", "js", "tv", "hellinger", "chi2", "wasserstein", "cramer", "ks")


def inequalities(p: Distribution, q: Distribution) -> xr.Dataset:
    """Inequalities that hold between the divergences of any pair, with both sides as numbers.

    Args:
        p: a distribution.
        q: a distribution.

    Returns:
        A Dataset over inequality, whose labels say it in symbols: `smaller` and `larger`, its two
        sides. H is the Hellinger distance, H² its square; KL and χ² are of P from Q.

    Raises:
        TypeError, ValueError: `p` or `q` is not a distribution.

    Source: Pinsker's and Bretagnolle and Huber's are in Tsybakov (2009), Introduction to
    Nonparametric Estimation, section 2.4; those of JS in Lin (1991), Divergence Measures Based on
    the Shannon Entropy.

    Example:
        >>> import divlab
        >>> from numpyro.distributions import Normal
        >>> table = divlab.evidence.inequalities(Normal(0, 1), Normal(1, 2))
        >>> bool((table["smaller"] <= table["larger"]).all())
        True
    """
    found = {name: float(value) for name, value in compare(p, q, *_COMPARED).items()}
    kl, js, tv, h, chi2, w1, cramer, ks = (found[name] for name in _COMPARED)
    sides = {
        "TV ≤ √(KL/2)": (tv, np.sqrt(kl / 2)),
        "TV ≤ √(1 - exp(-KL))": (tv, np.sqrt(-np.expm1(-kl))),
        "H² ≤ TV": (h**2, tv),
        "TV ≤ H·√(2 - H²)": (tv, h * np.sqrt(2 - h**2)),
        "H·√(2 - H²) ≤ √2·H": (h * np.sqrt(2 - h**2), np.sqrt(2) * h),
        "JS ≤ TV·log 2": (js, tv * np.log(2)),
        "TV ≤ √(2·JS)": (tv, np.sqrt(2 * js)),
        "2·H² ≤ KL": (2 * h**2, kl),
        "KL ≤ log(1 + χ²)": (kl, np.log1p(chi2)),
        "KS ≤ TV": (ks, tv),
        "Cramér² ≤ KS·W₁": (cramer**2, ks * w1),
    }
    smaller, larger = np.array(list(sides.values()), float).T
    return xr.Dataset(
        {"smaller": ("inequality", smaller), "larger": ("inequality", larger)},
        coords={"inequality": list(sides)},
    )


@pytree
class _Started(Gaussian):
    """One Gaussian that starts at a place of its own."""

    loc: Number = 0.0
    scale: Number = 1.0

    def init(self, key: Key[Array, ""], spread: Units) -> Any:
        """The place, in the units of a target that is a distribution."""
        return {"loc": jnp.asarray(self.loc), "log_scale": jnp.log(self.scale)}


def best_gaussians(
    target: Distribution, divergences: Iterable[str] = ("kl", "reverse_kl"), *, steps: Count = 2000
) -> xr.Dataset:
    """The Gaussian that is nearest to a target, by each of several divergences.

    A divergence may have several local minima. Each is descended from the whole target (its mean
    and standard deviation) and from each of its modes, and the least of what is found is kept; of
    several that are equal, the first, from left to right.

    Args:
        target: a distribution with a mean and a variance, p.
        divergences: names of functions of divlab, as in `divlab.MinimumDivergence`.
        steps: of Adam, from each start.

    Returns:
        A Dataset over divergence: `loc` and `scale`, the mean and the standard deviation of the
        best Gaussian q, in units of x; `value`, the divergence D(p‖q) there by the function of
        that name, computed apart from the training, in its unit; and `minima`, how many different
        local minima the starts have led to.

    Raises:
        TypeError, ValueError: as in `divlab.MinimumDivergence` and `divlab.fit`; `target` is not a
            distribution; a divergence is infinite at every start.

    Source: Minka (2005), Divergence Measures and Message Passing; Nowozin, Cseke & Tomioka (2016),
    f-GAN, section 2.5.

    Example:
        >>> import divlab
        >>> target = divlab.targets.two_gaussians(4.0, 0.5)
        >>> best = divlab.evidence.best_gaussians(target, ["kl"], steps=600)
        >>> [round(float(best[name][0]), 3) + 0 for name in ("loc", "scale")]
        [0.0, 2.062]
    """
    argument = read("target", target)
    if not isinstance(argument, Packed):
        raise TypeError(f"target must be a distribution, got {target!r}.")
    target = argument.distribution
    names = list(divergences)
    locs, scales, _ = (np.asarray(a, float) for a in modes(target))
    starts = [(float(target.mean), float(np.sqrt(target.variance)))]
    starts += zip(locs.tolist(), scales.tolist(), strict=True)
    rows = []
    for name in names:
        descended = [_descend(name, target, *start, steps=steps) for start in starts]
        found = [one for one in descended if one is not None]
        if not found:
            raise ValueError(f"{name} of target from a Gaussian is infinite at every start.")
        least = min(value for *_, value in found)
        ties = [one for one in found if one[2] - least <= 3e-6 * max(abs(least), 1e-3)]
        apart = {tuple(np.round(one, 2) + 0.0) for one in found}
        rows.append((*min(ties), len(apart)))
    columns = zip(*rows, strict=True)
    table = {
        name: ("divergence", np.array(values))
        for name, values in zip(("loc", "scale", "value", "minima"), columns, strict=True)
    }
    return xr.Dataset(table, coords={"divergence": names})


def _descend(
    name: str, target: Distribution, loc: float, scale: float, *, steps: Count
) -> tuple[float, float, float] | None:
    """The mean and standard deviation that a descent ends at, and the divergence there.

    None if it has diverged: χ² is infinite where it starts from a Gaussian that is too narrow.
    """
    model = MinimumDivergence(name, density=_Started(loc=loc, scale=scale))
    run = fit(model, target, steps=steps, record_every=steps)
    if run.status == "diverged":
        return None
    best: Any = run.distribution()
    value = float(QUANTITIES[name].function(target, best))
    return float(best.loc), float(best.scale), value


# Mean, standard deviation and least divergence, as the paper prints them.
_PRINTED = {
    "kl": (1.0100, 1.8308, 0.2831),
    "reverse_kl": (1.5782, 1.6319, 0.2480),
    "js": (1.3070, 1.7542, 0.1280),
    "jeffreys": (1.3218, 1.7034, 0.5705),
    "chi2": (0.5737, 1.9274, 0.6457),
}


def fgan_table(divergences: Iterable[str] = tuple(_PRINTED)) -> xr.Dataset:
    """The best Gaussians for the mixture of the f-GAN paper, beside what the paper prints.

    The target is 0.33·N(-1, 0.25²) + 0.67·N(2, 2). The paper's JS is the sum of two halves, so
    `js` here is twice `divlab.js`. Its means and standard deviations of KL, reverse KL and JS were
    taken from notes on the paper, the rest from memory.

    Args:
        divergences: of "kl", "reverse_kl", "js", "jeffreys" and "chi2".

    Returns:
        A Dataset over divergence: `loc`, `scale` and `value` of `best_gaussians`; `printed_loc`,
        `printed_scale` and `printed_value`; and `value_there`, the divergence at the printed mean
        and standard deviation.

    Raises:
        ValueError: the paper has no such column.

    Source: Nowozin, Cseke & Tomioka (2016), f-GAN: Training Generative Neural Samplers using
    Variational Divergence Minimization, the univariate mixture.

    Example:
        >>> import divlab
        >>> table = divlab.evidence.fgan_table(["kl"])
        >>> bool((table["printed_value"] < table["value"]).all())
        True
    """
    names = list(divergences)
    for name in names:
        if name not in _PRINTED:
            raise ValueError(f"divergences must be among {', '.join(_PRINTED)}; got {name!r}.")
    target = gaussian_mixture([-1.0, 2.0], [0.25, 2.0**0.5], [0.33, 0.67])
    table = best_gaussians(target, names)[["loc", "scale", "value"]]
    halves = np.array([2.0 if name == "js" else 1.0 for name in names])
    printed = np.array([_PRINTED[name] for name in names])
    there = [
        float(QUANTITIES[name].function(target, Normal(loc, scale)))
        for name, (loc, scale, _) in zip(names, printed.tolist(), strict=True)
    ]
    more = {f"printed_{part}": ("divergence", printed[:, i]) for i, part in enumerate(table)}
    more["value_there"] = ("divergence", halves * there)
    return table.assign({"value": table["value"] * halves} | more)
