"""Python that trains what an explorer trains, and prints the numbers that it shows."""

import dataclasses
import textwrap
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpyro.distributions as dist

import divlab
from divlab.divergences.inputs import Samples, read_exact
from divlab.explore.chosen_target import ChosenTarget
from divlab.explore.learned import DRAWN, GROUPS

_MOST = 1000  # measurements that are written out
_UNKNOWN = "...  # put in here what the explorer was made with"


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
        return f"found = {{\n{lines}}}\nfor name, value in found.items():\n    print(name, float(value))\n"

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
        return TargetCode(f"{_imports(*imports, *others)}target = {made}\n")
    samples = np.asarray(read.values)
    if samples.size <= _MOST:
        imports, made = _written(samples)
    elif chosen.data.values is None:
        imports, made = [], f"target = {_UNKNOWN}"
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
    numbers = ", ".join(str(value) for value in values)
    return f"{name} = [\n{textwrap.fill(numbers, 92, initial_indent='    ', subsequent_indent='    ')},\n]"


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
    name = type(given).__name__
    numbers_of = {n: getattr(given, n, None) for n in type(given).arg_constraints}
    if getattr(dist, name, None) is type(given) and all(
        np.shape(n) == () for n in numbers_of.values()
    ):
        options = ", ".join(f"{name}={float(number)}" for name, number in numbers_of.items())
        return ["numpyro.distributions as dist"], f"dist.{name}({options})"
    return [], _UNKNOWN


def code_of_model(model: Any) -> str:
    """A GAN or a VAE as Python."""
    if type(model) not in (divlab.GAN, divlab.VAE):
        return _UNKNOWN
    kind, objective = type(model).__name__, model.objective
    table = divlab.GAN_OBJECTIVES if kind == "GAN" else divlab.VAE_OBJECTIVES
    named = (f'"{name}"' for name, one in table.items() if repr(one) == repr(objective))
    is_public = getattr(divlab.objectives, type(objective).__name__, None) is type(objective)
    said = next(named, f"divlab.objectives.{objective!r}" if is_public else _UNKNOWN)
    usual = type(model)()
    more = [
        f", {field.name}={getattr(model, field.name)!r}"
        for field in dataclasses.fields(model)
        if field.name != "objective" and getattr(model, field.name) != getattr(usual, field.name)
    ]
    return f"divlab.{kind}({said}{''.join(more)})"


def code_of_training(model: str, seed: int, step: int) -> str:
    """The lines that make `run` and `learned`, from the code of a model and of its target.

    A training of 400 steps is at its step 400 where one of 2000 steps is too, so it goes no further
    than is shown. It must have one step, of which step 0 is the start.
    """
    return (
        f"run = divlab.fit({model}, target, steps={max(step, 1)}, key={seed})\n"
        f"learned = run.distribution({step})\n"
    )


def code_of_comparison(
    target: TargetCode, models: Mapping[str, str], seed: int, step: int, more: str = ""
) -> str:
    """Code that trains models and compares each with the target, as `learned.measure` does.

    Args:
        target: the code of the target.
        models: the code of each model, by its name.
        seed: of the trainings.
        step: that is shown.
        more: further lines for each model, which is called `name` there.

    Returns:
        The code.
    """
    distances = "".join(
        f'found["{name}"] = {code}\n' for name, code in target.distances(seed, step).items()
    )
    made = "".join(f'    "{name}": {_with_comma(code)}\n' for name, code in models.items())
    each = f"""\
{code_of_training("model", seed, step)}\
found = divlab.coverage(learned, {target.compared})._asdict()
{distances}\
for i, fraction in enumerate(found.pop("mode_fractions")):
    print(f"{{name}}.mode_fractions.{{i}}", float(fraction))
for quantity, value in found.items():
    print(f"{{name}}.{{quantity}}", float(value))
{more}"""
    return f"""\
{target.text}
models = {{
{made}}}
for name, model in models.items():
{textwrap.indent(each, "    ")}"""


def _with_comma(code: str) -> str:
    """The code with a comma before its comment, if it has one."""
    made, gap, said = code.partition("  # ")
    return f"{made},{gap}{said}"
