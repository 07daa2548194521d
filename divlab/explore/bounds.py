"""Divergences side by side: their panels, and the bounds that they give for the total variation."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from divlab.explore.panels import rows_axis
from divlab.figures.scene import Axis, Bars, Panel, Rule, Texts

NAMES = {
    "kl": "KL(P‖Q)",
    "reverse_kl": "KL(Q‖P)",
    "jeffreys": "Jeffreys",
    "js": "JS",
    "tv": "TV",
    "hellinger": "Hellinger H",
    "chi2": "χ²(P‖Q)",
    "wasserstein": "W₁",
    "cramer": "Cramér ℓ₂",
    "energy": "energy",
    "ks": "KS",
}
_OF_CDFS = ("wasserstein", "cramer", "energy", "ks")  # the others compare densities
# The divergences that bound the total variation, from the top of their panel to its bottom.
_TIED = ("kl", "reverse_kl", "hellinger", "js", "chi2", "ks")
_WIDEST = 1e3  # a bar ends here; the number beside it says how long it would be


def tv_bounds(found: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """The lower and upper bound that each divergence gives for the total variation.

    Args:
        found: the divergences by name.

    Returns:
        The two bounds, by the name of the divergence.
    """
    h, js, log2 = found["hellinger"], found["js"], np.log(2)

    def by_kl(kl: float) -> tuple[float, float]:
        return 0.0, float(min(np.sqrt(kl / 2), np.sqrt(1 - np.exp(-kl))))

    bounds = {
        "kl": by_kl(found["kl"]),
        "reverse_kl": by_kl(found["reverse_kl"]),
        "hellinger": (h**2, h * np.sqrt(2 - h**2)),
        "js": (js / log2, np.sqrt(2 * js)),
        "chi2": (0.0, np.sqrt(found["chi2"]) / 2),
        "ks": (found["ks"], 1.0),
    }
    return {n: (float(low), float(min(high, 1.0))) for n, (low, high) in bounds.items()}


# The same as code, for `p` and `q`.
CODE = """\
names = (
    "kl", "reverse_kl", "jeffreys", "js", "tv", "hellinger", "chi2", "wasserstein", "cramer",
    "energy", "ks",
)
found = {name: float(getattr(divlab, name)(p, q)) for name in names}
for name, value in found.items():
    print(name, value)


def by_kl(kl):
    return 0.0, min(np.sqrt(kl / 2), np.sqrt(1 - np.exp(-kl)))


h, js = found["hellinger"], found["js"]
bounds = {
    "kl": by_kl(found["kl"]),
    "reverse_kl": by_kl(found["reverse_kl"]),
    "hellinger": (h**2, h * np.sqrt(2 - h**2)),
    "js": (js / np.log(2), np.sqrt(2 * js)),
    "chi2": (0.0, np.sqrt(found["chi2"]) / 2),
    "ks": (found["ks"], 1.0),
}
for name, (low, high) in bounds.items():
    print(f"tv_bounds.{name}.0", float(low))
    print(f"tv_bounds.{name}.1", float(min(high, 1.0)))
"""


def bars_panel(found: Mapping[str, float]) -> Panel:
    """Every divergence as a bar.

    Args:
        found: the divergences by name.

    Returns:
        The panel. Its axis is linear up to 1 and logarithmic beyond.
    """
    values = np.array([found[name] for name in NAMES])
    rows, ends = np.arange(len(NAMES)), _place(np.minimum(values, _WIDEST))
    of_cdfs = np.array([name in _OF_CDFS for name in NAMES])
    numbers = tuple("∞" if np.isinf(value) else f"{value:.3g}" for value in values)
    kinds = (~of_cdfs, "model", "densities"), (of_cdfs, "third", "CDFs")
    at = [0, 1, 10, 100, 1000]
    return Panel(
        "Divergences",
        Axis("nats, or units of x", 0, 5.5, ticks=dict(zip(_place(at), map(str, at), strict=True))),
        rows_axis(NAMES.values()),
        (
            *(
                Bars(rows[some], 0 * ends[some], ends[some], 0.6, role=role, label=label)
                for some, role, label in kinds
            ),
            Texts(ends + 0.08, rows, numbers),
        ),
    )


def bounds_panel(found: Mapping[str, Any]) -> Panel:
    """The total variation, and between which bounds each divergence says that it must lie.

    Args:
        found: the divergences by name, and `tv_bounds`.

    Returns:
        The panel.
    """
    low, high = np.array([found["tv_bounds"][name] for name in _TIED]).T
    return Panel(
        "What they say of TV",
        Axis("TV(P, Q)", 0, 1),
        rows_axis(NAMES[name] for name in _TIED),
        (
            Bars(np.arange(len(_TIED)), low, high, 0.45, role="other", label="bounds"),
            Rule(found["tv"], label="TV itself"),
        ),
    )


def _place(values: Any) -> Float[np.ndarray, " n"]:
    """Where values of at least 0 stand on an axis that is linear up to 1, logarithmic beyond."""
    values = np.asarray(values, float)
    beyond = 1 + np.log10(np.maximum(values, 1))
    return np.asarray(np.where(values <= 1, values, beyond))
