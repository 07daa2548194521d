"""What a sweep found, in one row for each model and target."""

import numpy as np
import xarray as xr

from divlab.metrics import wilson

_MEDIANS = ("high_quality", "bridge", "sharpness", "kl", "reverse_kl", "js", "wasserstein")


def summary(table: xr.Dataset, *, confidence: float = 0.95) -> xr.Dataset:
    """Sums up a sweep over its seeds: how often every mode is covered, and medians.

    A seed counts as covering if it covers every mode of its target. One that diverged does not,
    and is left out of the medians.

    Args:
        table: as `divlab.sweep` returns it, over model, target and seed.
        confidence: of the intervals, strictly between 0 and 1.

    Returns:
        A Dataset over model and target. `covered`, the number of seeds that cover every mode;
        `rate`, their share, and `low` and `high`, the ends of Wilson's interval for it;
        `diverged`, a number of seeds. The medians over seeds of `high_quality`, `bridge` and
        `sharpness`, of `kl`, `reverse_kl` and `js` in nats, and of `wasserstein` in units of x;
        and `wasserstein_worst`, the 90th percentile of `wasserstein`. Attribute `seeds` says of
        how many.

    Raises:
        TypeError: `table` is not a Dataset with the variables of a sweep.
        ValueError: `confidence` is out of its range.

    Example:
        >>> import divlab
        >>> found = divlab.evidence.summary(divlab.evidence.stored("vae_and_gan"))
        >>> int(found["covered"].sel(model="VAE", target="two Gaussians"))
        64
    """
    needed = {"status", "mode_fractions", "modes_covered", *_MEDIANS}
    if not isinstance(table, xr.Dataset) or not needed <= set(table):
        raise TypeError(f"table must be a Dataset as divlab.sweep returns it, got {table!r}.")
    modes = table["mode_fractions"].notnull().sum("mode").max(["model", "seed"])
    done = table["status"] == "completed"
    covered = (done & (table["modes_covered"] == modes)).sum("seed").transpose("model", "target")
    count = table.sizes["seed"]
    ends = np.array([wilson(int(n), count, confidence) for n in covered.values.ravel()])
    low, high = (covered.copy(data=end.reshape(covered.shape)) for end in ends.T)
    found = {"covered": covered, "rate": covered / count, "low": low, "high": high}
    found["diverged"] = (~done).sum("seed")
    kept = table[list(_MEDIANS)].where(done)
    found |= {name: kept[name].median("seed") for name in _MEDIANS}
    found["wasserstein_worst"] = kept["wasserstein"].quantile(0.9, "seed").drop_vars("quantile")
    return xr.Dataset(found).assign_attrs(table.attrs, seeds=count, confidence=confidence)
