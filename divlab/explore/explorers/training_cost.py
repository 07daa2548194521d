"""What a step of training costs as the batch, the data or the networks grow."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np

import divlab
from divlab.explore.base import Explorer
from divlab.explore.controls import menu
from divlab.explore.panels import ROLES, note
from divlab.explore.parallel import in_parallel
from divlab.figures.scene import Axis, Line, Panel, Scene
from divlab.languages import phrase

_MODELS: dict[str, Callable[..., Any]] = {"VAE": divlab.VAE, "GAN": divlab.GAN}
_SIZES = {
    "batch size N": (64, 128, 256, 512, 1024),
    "data dimension D": (1, 8, 64, 512, 4096),
    "hidden width H": (8, 32, 128, 512, 2048),
}
_OTHERWISE = {"batch size N": 256, "data dimension D": 64, "hidden width H": 32}
_QUANTITIES = {
    "flops": ("FLOPs per step", "FLOPs"),
    "bytes": ("Bytes moved per step", "bytes"),
    "parameters": ("Parameters", "numbers learned"),
}


@cache
def cost(kind: str, layers: int, vary: str, size: int) -> divlab.models.Cost:
    """The cost of a step of training with one size changed.

    Args:
        kind: "VAE" or "GAN".
        layers: how many hidden layers each network has.
        vary: which size is changed. The others are N = 256, D = 64 and H = 32.
        size: what it is changed to.

    Returns:
        The cost.
    """
    sizes = _OTHERWISE | {vary: size}
    hidden = (sizes["hidden width H"],) * layers
    model = _MODELS[kind](hidden=hidden, data_dim=sizes["data dimension D"])
    return divlab.training_cost(model, sizes["batch size N"])


class TrainingCost(Explorer):
    """XLA's own count of a step's operations, bytes and parameters, against one size.

    The exponent is the slope between the last two points, where the other sizes no longer matter.
    With one hidden layer the work grows in proportion to N, to D and to H. With two or more it
    grows as H², because of the weights between hidden layers.

    `controls`: `model`, `vary`, `layers`. `result`: `sizes`; `flops`, `bytes` and `parameters` at
    each size; `exponents`, the exponent of each of these three.

    Example:
        >>> import divlab
        >>> explorer = divlab.explore.training_cost()
        >>> 0.9 < explorer.result["exponents"]["flops"] < 1.1
        True
    """

    def __init__(self) -> None:
        of_model = {
            "model": menu("Model", _MODELS),
            "layers": menu("Hidden layers", [1, 2, 3]),
        }
        super().__init__(
            {"Model": of_model, "View": {"vary": menu("What grows", _SIZES, words=True)}}
        )

    def compute(self, model: str, vary: str, layers: int) -> tuple[dict[str, Any], dict[str, Any]]:
        sizes = _SIZES[vary]
        pieces = {str(size): partial(cost, model, layers, vary, size) for size in sizes}
        costs = list(in_parallel(pieces).values())  # to count, XLA compiles a step of each size
        result: dict[str, Any] = {"sizes": list(sizes), "exponents": {}}
        for name in _QUANTITIES:
            values = [getattr(one, name) for one in costs]
            result[name] = values
            growth = np.log(values[-1] / values[-2]) / np.log(sizes[-1] / sizes[-2])
            result["exponents"][name] = float(growth)
        return result, {}

    def scene(
        self, values: dict[str, Any], result: dict[str, Any], arrays: dict[str, Any]
    ) -> Scene:
        sizes, letter = np.array(result["sizes"], float), values["vary"][-1]
        ticks = {size: f"{size:g}" for size in sizes}
        across = Axis(values["vary"], sizes[0] / 1.5, sizes[-1] * 1.5, "log", ticks)
        panels = []
        for (name, (title, label)), role in zip(_QUANTITIES.items(), ROLES, strict=False):
            counts, exponent = np.array(result[name], float), result["exponents"][name]
            fit = counts[-1] * (sizes / sizes[-1]) ** exponent
            lowest = 10 ** np.floor(np.log10(counts.min()))
            marks = (
                Line(sizes, fit, width=1.5, role="muted", label="last slope"),
                Line(sizes, counts, dots=True, role=role, label="counted"),
                note(
                    phrase("grows as {letter}^{{power:.2f}}", letter=letter, power=exponent),
                    0.04,
                    0.94,
                ),
            )
            panels.append(
                Panel(title, across, Axis(label, lowest / 2, 20 * counts.max(), "log"), marks)
            )
        return Scene(tuple(panels), columns=3, height=0.4)

    def numbers(self, values: dict[str, Any], result: dict[str, Any]) -> dict[str, str]:
        letter = values["vary"][-1]
        return {
            phrase(
                "{quantity}, power of {letter}",
                quantity=phrase("FLOPs" if name == "flops" else name),
                letter=letter,
            ): f"{found:.2f}"
            for name, found in result["exponents"].items()
        }

    def python(self, values: dict[str, Any]) -> str:
        sizes = {"batch size N": "batch", "data dimension D": "dim", "hidden width H": "width"}
        fixed = {name: _OTHERWISE[vary] for vary, name in sizes.items() if vary != values["vary"]}
        return f"""\
import divlab
import numpy as np

{", ".join(fixed)} = {", ".join(map(str, fixed.values()))}
sizes = {_SIZES[values["vary"]]}
costs = []
for {sizes[values["vary"]]} in sizes:
    model = divlab.{values["model"]}(hidden=(width,) * {values["layers"]}, data_dim=dim)
    costs.append(divlab.training_cost(model, batch))
for i, size in enumerate(sizes):
    print(f"sizes.{{i}}", size)
for name in ("flops", "bytes", "parameters"):
    values = [getattr(cost, name) for cost in costs]
    for i, value in enumerate(values):
        print(f"{{name}}.{{i}}", value)
    exponent = np.log(values[-1] / values[-2]) / np.log(sizes[-1] / sizes[-2])
    print(f"exponents.{{name}}", exponent)
"""

    def caption(self, values: dict[str, Any], result: dict[str, Any]) -> str:
        letter, found = values["vary"][-1], result["exponents"]
        return phrase(
            "A step of a {model} with {layers} hidden layer(s) grows with the {size} as "
            "{letter}^{flops:.2f} in operations, {letter}^{bytes:.2f} in bytes and "
            "{letter}^{parameters:.2f} in parameters; at {largest} it takes {most:.3g} FLOPs.",
            model=values["model"],
            layers=values["layers"],
            size=phrase(values["vary"][:-2]),
            letter=letter,
            largest=result["sizes"][-1],
            most=result["flops"][-1],
            **found,
        )
