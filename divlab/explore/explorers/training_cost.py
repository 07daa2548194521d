"""What a step of training costs as the batch, the data or the networks grow."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np

import divlab
from divlab import figures
from divlab.explore.base import Explorer
from divlab.explore.controls import menu
from divlab.explore.parallel import in_parallel

_MODELS: dict[str, Callable[..., Any]] = {"VAE": divlab.VAE, "GAN": divlab.GAN}
_SIZES = {
    "batch size N": (64, 128, 256, 512, 1024),
    "data dimension D": (1, 8, 64, 512, 4096),
    "hidden width H": (8, 32, 128, 512, 2048),
}
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
    sizes = {"batch size N": 256, "data dimension D": 64, "hidden width H": 32} | {vary: size}
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
        figure, panels = figures.new_figure(3, height=3.7)
        self._axes, self._lines, self._fits, self._texts = panels, [], [], []
        for axes, texts, color in zip(panels, _QUANTITIES.values(), figures.COLORS, strict=False):
            figures.label(axes, title=texts[0], x="size", y=texts[1])
            axes.set_xscale("log", base=2)
            axes.set_yscale("log")
            self._lines += axes.plot([1, 2], [1, 2], "o-", color=color, markersize=5)
            self._fits += axes.plot([1, 2], [1, 2], ":", color=figures.DATA, linewidth=1.5)
            self._texts.append(
                axes.text(0.04, 0.95, "", transform=axes.transAxes, va="top", fontsize=10)
            )
        controls = {
            "model": menu("Model", _MODELS),
            "vary": menu("What grows", _SIZES),
            "layers": menu("Hidden layers", [1, 2, 3]),
        }
        super().__init__(controls, figure)

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

    def draw(self, values: dict[str, Any], result: dict[str, Any], arrays: dict[str, Any]) -> None:
        sizes = np.array(result["sizes"], float)
        for axes, name, line, fit, text in zip(
            self._axes, _QUANTITIES, self._lines, self._fits, self._texts, strict=True
        ):
            counts, exponent = np.array(result[name], float), result["exponents"][name]
            line.set_data(sizes, counts)
            fit.set_data(sizes, counts[-1] * (sizes / sizes[-1]) ** exponent)
            axes.set_xlim(sizes[0] / 1.5, sizes[-1] * 1.5)
            axes.set_ylim(10 ** np.floor(np.log10(counts.min())) / 2, 20 * counts.max())
            axes.set_xlabel(values["vary"])
            text.set_text(f"grows as {values['vary'][-1]}$^{{{exponent:.2f}}}$")

    def caption(self, values: dict[str, Any], result: dict[str, Any]) -> str:
        letter, found = values["vary"][-1], result["exponents"]
        return (
            f"A step of a {values['model']} with {values['layers']} hidden layer(s) grows with the "
            f"{values['vary'][:-2]} as {letter}^{found['flops']:.2f} in operations, "
            f"{letter}^{found['bytes']:.2f} in bytes and {letter}^{found['parameters']:.2f} in "
            f"parameters; at {result['sizes'][-1]} it takes {result['flops'][-1]:.3g} FLOPs."
        )
