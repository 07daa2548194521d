"""The target of an explorer as Python."""

import inspect
import textwrap
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpyro.distributions as dist

from divlab.divergences.inputs import Samples, read_exact
from divlab.explore.chosen_target import ChosenTarget
from divlab.explore.learned import DRAWN, GROUPS

_MOST = 1000  # measurements that are written out
UNKNOWN = "..."  # what cannot be written; a comment tells what to put in its place
_ADVICE = "  # put in the target that was given"


class TargetCode(NamedTuple):
    """A target as Python.

    Attributes:
        text: the lines that import divlab and make `target`.
        size: how many samples it has; 0 for a distribution.
        compared: the name of what KL, JS and the modes are computed with.
        grouped: the name of what W₁ is computed with.
    """

    text: str
    size: int = 0
    compared: str = "target"
    grouped: str = "target"

    def distances(self, seed: int, step: int) -> dict[str, str]:
        """The code of KL, JS and W₁ between the target and `learned`, by name."""
        js = f"run.sample({seed}, {min(self.size, DRAWN)}, {step})" if self.size else "learned"
        return {
            "kl": f"divlab.kl({self.compared}, learned)",
            "js": f"divlab.js({self.compared}, {js})",
            "wasserstein": f"divlab.wasserstein({self.grouped}, learned)",
        }

    def print_distances(self, seed: int, step: int) -> str:
        """The lines that keep these three as `found`, and print them."""
        lines = "".join(f'    "{n}": {code},\n' for n, code in self.distances(seed, step).items())
        printed = "for name, value in found.items():\n    print(name, float(value))\n"
        return f"found = {{\n{lines}}}\n{printed}"

    @property
    def density(self) -> str:
        """The lines that make points `x` and the target's `density` there; they need NumPy."""
        return _HISTOGRAM if self.size else _DENSITY


_DENSITY = """\
locs, scales, _ = divlab.targets.modes(target)
x = np.linspace((locs - 6 * scales).min(), (locs + 6 * scales).max(), 401)
density = np.where(target.support(x), np.exp(np.asarray(target.log_prob(x), float)), 0.0)
"""
_HISTOGRAM = """\
# The density of the measurements is a histogram, whose bins are those of Freedman and Diaconis.
data = np.asarray(target)
span, quartiles = np.ptp(data), np.quantile(data, [0.25, 0.75])
x = np.linspace(data.min() - 0.35 * span, data.max() + 0.35 * span, 401)
width, fewest = 2 * np.ptp(quartiles) * data.size ** (-1 / 3), np.log2(data.size) + 1
bins = min(max(span / width, fewest) if width > 0 else fewest, 400)
heights, edges = np.histogram(data, int(np.ceil(bins)), density=True)
bin_of = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, heights.size - 1)
density = np.where((x >= edges[0]) & (x <= edges[-1]), heights[bin_of], 0.0)
"""


def code_of_target(
    chosen: ChosenTarget, values: Mapping[str, Any], explorer: str, *others: str
) -> TargetCode:
    """A target as Python.

    Args:
        chosen: the target.
        values: the values of the controls.
        explorer: the name of the explorer's class, after which its file of the state is named.
        *others: what the rest of the code imports besides divlab.

    Returns:
        The code.
    """
    drawn = chosen.drawing.state()
    if drawn is not None:
        ends, heights = drawn["x"], drawn["heights"]
        x = f"np.linspace({ends[0]}, {ends[1]}, {len(heights)})"
        made = f"target = divlab.targets.drawn({x}, heights)"
        return TargetCode(
            f"{_imports('numpy as np', *others)}{_list('heights', heights)}\n{made}\n"
        )
    if chosen.data.values is None and chosen.given is None:
        made = f"target = divlab.targets.two_gaussians({values['separation']}, {values['scale']})"
        return TargetCode(f"{_imports(*others)}{made}\n")
    read = read_exact("target", chosen.of(dict(values)))
    if not isinstance(read, Samples):
        imports, made = _distribution(read.distribution)
        advice = _ADVICE if made == UNKNOWN else ""
        return TargetCode(f"{_imports(*imports, *others)}target = {made}{advice}\n")
    samples = np.asarray(read.values)
    if samples.size <= _MOST:
        imports, made = _written(samples)
    elif chosen.data.values is None:
        imports, made = [], f"target = {UNKNOWN}{_ADVICE}"
    else:
        path = f'"{explorer}.json"'
        imports = ["json"]
        made = (
            f"# The file of the state that “Save figure” offers.\n"
            f'target = json.load(open({path}, encoding="utf-8"))["data"]["values"]'
        )
    if samples.size <= DRAWN:
        return TargetCode(f"{_imports(*imports, *others)}{made}\n", samples.size)
    fewer = (
        "# A part of the measurements, and the means of groups of neighbours.\n"
        f"part = np.random.default_rng(0).choice(target, {DRAWN}, replace=False)\n"
        f"means = [group.mean() for group in np.array_split(np.sort(target), {GROUPS})]\n"
    )
    text = f"{_imports(*imports, *others, 'numpy as np')}{made}\n{fewer}"
    return TargetCode(text, samples.size, "part", "means")


def _imports(*others: str) -> str:
    names = sorted({"divlab", *others}, key=lambda name: (name != "json", name))
    return "".join(f"import {name}\n" for name in names) + "\n"


def _written(samples: np.ndarray) -> tuple[list[str], str]:
    """Samples as Python, with the precision that they have; and what that needs to import."""
    if samples.dtype == np.float32:
        made = f"{_list('values', list(samples))}\ntarget = np.array(values, np.float32)"
        return ["numpy as np"], made
    return [], _list("target", samples.tolist())


def _list(name: str, values: list[Any]) -> str:
    numbers = textwrap.fill(", ".join(map(str, values)), 92)
    return f"{name} = [\n{textwrap.indent(numbers, '    ')},\n]"


def _distribution(given: dist.Distribution) -> tuple[list[str], str]:
    """A distribution as Python, and what that needs to import."""
    if isinstance(given, dist.MixtureSameFamily):
        parts = given.component_distribution
        if type(parts) is dist.Normal:
            weights = given.mixing_distribution.probs
            shape = np.shape(weights)
            numbers = (
                np.broadcast_to(a, shape).tolist() for a in (parts.loc, parts.scale, weights)
            )
            return [], f"divlab.targets.gaussian_mixture({', '.join(map(str, numbers))})"
    kind = type(given)
    arguments = set(inspect.signature(kind).parameters) - {"validate_args"}
    numbers_of: dict[str, Any] = {n: getattr(given, n, None) for n in kind.arg_constraints}
    # Others are made from more than a few numbers.
    is_plain = arguments == set(numbers_of) and all(np.shape(n) == () for n in numbers_of.values())
    if getattr(dist, kind.__name__, None) is kind and is_plain:
        options = ", ".join(f"{name}={float(number)}" for name, number in numbers_of.items())
        return ["numpyro.distributions as dist"], f"dist.{kind.__name__}({options})"
    return [], UNKNOWN
