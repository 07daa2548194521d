"""What is particular to each function of divlab that compares distributions, by its name.

Each function has one `Quantity`. `estimate`, `compare`, `sweep`, the explorers and the tables of
the docs ask it, and none of them compares names.
"""

import dataclasses
import inspect
import math
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import jax
import numpy as np

from divlab.divergences import (
    closed_form,
    discrepancy,
    distances,
    entropies,
    f_divergences,
    families,
    relabelling,
)
from divlab.divergences.closed_form import Formulas
from divlab.divergences.families import Family
from divlab.divergences.integrals import cdf_distances, on_nodes
from divlab.divergences.integrals.arrays import Array, is_known
from divlab.divergences.integrals.cdf_distances import Gap
from divlab.divergences.integrals.on_nodes import Model, Seen, Target
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.integrals.renyi import from_alpha_divergence
from divlab.divergences.methods.closed_form import find
from divlab.divergences.relabelling import OfLabels
from divlab.divergences.results import root

Options = Mapping[str, Any]


def _no_row(options: Options) -> Family | None:
    return None


def _is(row: Family) -> Callable[[Options], Family | None]:
    return lambda options: row


def _unchanged(value: Array, options: Options) -> Array:
    return value


def _root_unless_squared(value: Array, options: Options) -> Array:
    return value if options.get("squared") else root(value)


def _half_unless_squared(options: Options) -> float:
    return 1.0 if options.get("squared") else 0.5


@dataclasses.dataclass(frozen=True)
class Quantity:
    """What is particular to one function of divlab.

    Attributes:
        function: the function itself.
        label: how a figure or a table calls it.
        row: (options) -> the row of `divlab.families`, or None for what is no f-divergence.
        is_reversed: whether that row is taken of (Q, P).
        of_logs: (log p, log q) -> the integrand whose integral it is, where there is no row.
        of_gap: (F - G) -> the value, for what compares distribution functions.
        on_nodes: (target, model, options) -> the sum over fixed nodes by which models are trained,
            of what has a gradient for each single point of a model.
        of_labels: (options) -> the same of samples whose points swap places, many times over;
            None where each pair of samples is compared by itself.
        finish: (value, options) -> the value of the function, given that of the row, of `of_gap`,
            of `on_nodes` or of `of_labels`.
        formulas: (options) -> the tables of closed forms; None where they are those of the row.
        of_samples: what is done with samples by default.
        takes_method: whether it has the argument `method`.
        takes_one: whether it has no argument `q`.
        needs_moment: (options) -> the order of the moment that must be finite for the value to be.
        is_symmetric: whether D(P‖Q) = D(Q‖P) with the default options.
        limits: (options) -> the least and the largest value, where there is no row.
        bias_rate: (options) -> the rate of the bias as in `Family`; None where it is the row's.
        tv_bounds: (value) -> the least and the largest total variation that there can be.
        unit: "nats", "units of x" or "" for a number without a unit.
        degree: (options) -> k, where the value for c·X and c·Y is c^k times that for X and Y.
        lengths: the names of options that are lengths in units of x.
    """

    function: Callable[..., jax.Array]
    label: str
    row: Callable[[Options], Family | None] = _no_row
    is_reversed: bool = False
    of_logs: Callable[[Array, Array], Array] | None = None
    of_gap: Callable[[Gap], Array] | None = None
    on_nodes: Callable[[Target, Model, Options], Seen] | None = None
    of_labels: Callable[[Options], OfLabels | None] = lambda options: None
    finish: Callable[[Array, Options], Array] = _unchanged
    formulas: Callable[[Options], tuple[Formulas, ...]] | None = None
    of_samples: str = "nearest_neighbours"
    takes_method: bool = True
    takes_one: bool = False
    needs_moment: Callable[[Options], float] | None = None
    is_symmetric: bool = False
    limits: Callable[[Options], tuple[float, float]] = lambda options: (0.0, math.inf)
    bias_rate: Callable[[Options], float] | None = None
    tv_bounds: Callable[[float], tuple[float, float]] | None = None
    unit: str = "nats"
    degree: Callable[[Options], float] = lambda options: 0.0
    lengths: tuple[str, ...] = ()

    def seen(self, target: Target, model: Model, options: Options) -> Seen:
        """The divergence of a model from a target as a sum over fixed nodes, before `finish`."""
        row = self.row(options)
        if row is None:
            assert self.on_nodes is not None
            return self.on_nodes(target, model, options)
        return on_nodes.f_divergence(target, model, row, self.is_reversed)

    def options_in(self, unit: Array, options: Options) -> dict[str, Any]:
        """The options where x is given in another unit; lengths that are left out are 1."""
        return {**options, **{name: options.get(name, 1.0) / unit for name in self.lengths}}

    @property
    def is_minimisable(self) -> bool:
        """Whether a model can be trained by it: whether `seen` has a value."""
        return self.row is not _no_row or self.on_nodes is not None

    @property
    def moves_points(self) -> bool:
        """Whether it tells each single point of a model where to go."""
        return self.on_nodes is not None

    @cached_property
    def options(self) -> dict[str, bool]:
        """The names of its options, and whether one must be given."""
        others = ("p", "q", "p_weights", "q_weights", "method")
        parameters = inspect.signature(self.function).parameters.items()
        return {name: p.default is p.empty for name, p in parameters if name not in others}

    @property
    def name(self) -> str:
        """The name of the function."""
        return self.function.__name__

    @cached_property
    def is_integral(self) -> bool:
        """Whether, with the default options, it comes from one integral over the line."""
        if any(self.options.values()):
            return False  # there is an option without a default
        has_integrand = self.of_logs is not None or self.row({}) is not None
        return has_integrand or self.of_gap is not None

    def range(self, options: Options) -> tuple[float, float]:
        """The least and the largest value there is."""
        row = self.row(options)
        if row is None:
            return self.limits(options)
        with np.errstate(all="ignore"):
            return 0.0, float(self.finish(np.asarray(row.limit, float), options))

    def has_formula(self, options: Options, *distributions: Packed) -> bool:
        """Whether there is a closed form for these distributions."""
        row = self.row(options)
        if self.formulas is not None:
            tables = self.formulas(options)
        else:
            tables = (row.formulas,) if row is not None else ()
        arguments = distributions[::-1] if self.is_reversed else distributions
        return any(find(table, *arguments) is not None for table in tables)

    def rate_of_bias(self, options: Options) -> float:
        """The bias of an estimate from n samples falls like n to the minus this."""
        if self.bias_rate is not None:
            return self.bias_rate(options)
        row = self.row(options)
        return 0.5 if row is None else row.bias_rate


def _is_1(alpha: Any) -> bool:
    return is_known(alpha) and float(alpha) == 1


def _renyi_row(options: Options) -> Family:
    return families.kl if _is_1(options["alpha"]) else families.Alpha(options["alpha"])


def _renyi(value: Array, options: Options) -> Array:
    return value if _is_1(options["alpha"]) else from_alpha_divergence(value, options["alpha"])


def _wasserstein_formulas(options: Options) -> tuple[Formulas, ...]:
    order = float(options.get("order", 1))
    return closed_form.WASSERSTEIN_OF_ORDER.get(order, {}), closed_form.WASSERSTEIN


def _root_of_order(value: Array, options: Options) -> Array:
    return value if "order" not in options else value ** (1 / options["order"])


def _by_kl(kl: float) -> tuple[float, float]:
    """TV ≤ √(KL/2) (Pinsker), TV ≤ √(1 - e^-KL) (Bretagnolle & Huber 1979)."""
    return 0.0, min(math.sqrt(kl / 2), math.sqrt(-math.expm1(-kl)))


def _by_hellinger(h: float) -> tuple[float, float]:
    """H² ≤ TV ≤ H √(2 - H²) (Le Cam 1986)."""
    return h * h, h * math.sqrt(2 - h * h)


def _by_js(js: float) -> tuple[float, float]:
    """JS / log 2 ≤ TV ≤ √(2 JS) (Lin 1991)."""
    return js / math.log(2), min(1.0, math.sqrt(2 * js))


def _by_chi2(chi2: float) -> tuple[float, float]:
    """TV ≤ ½ √χ², by Cauchy and Schwarz."""
    return 0.0, min(1.0, math.sqrt(chi2) / 2)


_BY_SORTING: dict[str, Any] = {
    "of_samples": "sorting",
    "takes_method": False,
    "is_symmetric": True,
    "unit": "units of x",
}

QUANTITIES: dict[str, Quantity] = {
    quantity.name: quantity
    for quantity in (
        Quantity(f_divergences.kl, "KL(P‖Q)", row=_is(families.kl), tv_bounds=_by_kl),
        Quantity(
            f_divergences.reverse_kl,
            "KL(Q‖P)",
            row=_is(families.kl),
            is_reversed=True,
            tv_bounds=_by_kl,
        ),
        Quantity(f_divergences.jeffreys, "Jeffreys", row=_is(families.jeffreys), is_symmetric=True),
        Quantity(
            f_divergences.js,
            "JS",
            row=lambda options: families.JS(options.get("weight", 0.5)),
            is_symmetric=True,
            tv_bounds=_by_js,
        ),
        Quantity(
            f_divergences.tv,
            "TV",
            row=_is(families.tv),
            is_symmetric=True,
            tv_bounds=lambda tv: (tv, tv),
            unit="",
        ),
        Quantity(
            f_divergences.hellinger,
            "Hellinger",
            row=_is(families.hellinger),
            finish=_root_unless_squared,
            is_symmetric=True,
            bias_rate=lambda options: 0.5 if options.get("squared") else 0.25,
            tv_bounds=_by_hellinger,
            unit="",
        ),
        Quantity(f_divergences.chi2, "χ²", row=_is(families.pearson), tv_bounds=_by_chi2, unit=""),
        Quantity(
            entropies.renyi,
            "Rényi",
            row=_renyi_row,
            finish=_renyi,
            formulas=lambda options: (closed_form.RENYI,),
        ),
        Quantity(
            f_divergences.f_divergence,
            "f-divergence",
            row=lambda options: f_divergences.read_row(options["f"]),
        ),
        Quantity(
            distances.wasserstein,
            "W₁",
            of_gap=cdf_distances.area,
            on_nodes=lambda p, q, options: on_nodes.transport(p, q, options.get("order")),
            of_labels=lambda options: relabelling.AREA if options.get("order", 1) == 1 else None,
            finish=_root_of_order,
            formulas=_wasserstein_formulas,
            needs_moment=lambda options: options.get("order", 1),
            degree=lambda options: 1.0,
            **_BY_SORTING,
        ),
        Quantity(
            distances.cramer,
            "Cramér",
            of_gap=cdf_distances.square,
            on_nodes=lambda p, q, options: on_nodes.square(p, q),
            of_labels=lambda options: relabelling.SQUARE,
            finish=_root_unless_squared,
            degree=_half_unless_squared,
            **_BY_SORTING,
        ),
        Quantity(
            distances.energy,
            "Energy",
            of_gap=lambda gap: 2 * cdf_distances.square(gap),
            on_nodes=lambda p, q, options: on_nodes.square(p, q, 2.0),
            of_labels=lambda options: relabelling.TWICE_THE_SQUARE,
            finish=_root_unless_squared,
            degree=_half_unless_squared,
            **_BY_SORTING,
        ),
        Quantity(
            distances.ks,
            "KS",
            of_gap=cdf_distances.largest,
            of_labels=lambda options: relabelling.LARGEST,
            limits=lambda options: (0.0, 1.0),
            tv_bounds=lambda ks: (ks, 1.0),
            **{**_BY_SORTING, "unit": ""},
        ),
        Quantity(
            discrepancy.mmd,
            "MMD",
            on_nodes=lambda p, q, options: on_nodes.discrepancy(
                p, q, options.get("bandwidth", 1.0)
            ),
            of_labels=lambda options: relabelling.DISCREPANCY,
            finish=_root_unless_squared,
            lengths=("bandwidth",),
            limits=lambda options: (0.0, 2.0 if options.get("squared") else math.sqrt(2)),
            **{**_BY_SORTING, "of_samples": "pairs", "unit": ""},
        ),
        Quantity(
            entropies.entropy,
            "H(P)",
            takes_one=True,
            of_logs=lambda log_p, log_q: families.surprise(log_p, log_p),
            formulas=lambda options: (closed_form.ENTROPY,),
            limits=lambda options: (-math.inf, math.inf),
        ),
        Quantity(
            entropies.cross_entropy,
            "cross-entropy",
            of_logs=families.surprise,
            formulas=lambda options: (closed_form.CROSS_ENTROPY,),
            of_samples="mean",
            limits=lambda options: (-math.inf, math.inf),
        ),
    )
}
