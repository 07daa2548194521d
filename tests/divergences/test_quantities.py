"""What the record of each function says of it is so."""

import inspect
import math
from typing import Any

import numpy as np
import pytest
from numpyro.distributions import Laplace, Logistic, Normal, Uniform

import divlab
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.quantities import QUANTITIES

P, Q = Normal(0.0, 1.0), Laplace(0.5, 2.0)
NEEDED: dict[str, dict[str, Any]] = {"renyi": {"alpha": 0.5}, "f_divergence": {"f": "js"}}
inf = math.inf


def value(name: str, *arguments: Any, **options: Any) -> float:
    return float(getattr(divlab, name)(*arguments, **{**NEEDED.get(name, {}), **options}))


@pytest.mark.parametrize("name", QUANTITIES)
def test_the_name_is_that_of_the_function(name: str) -> None:
    assert QUANTITIES[name].function is getattr(divlab, name)


@pytest.mark.parametrize("name", [name for name, q in QUANTITIES.items() if not q.takes_one])
def test_whether_it_is_symmetric(name: str) -> None:
    there, back = value(name, P, Q), value(name, Q, P)
    if QUANTITIES[name].is_symmetric:
        assert there == pytest.approx(back, rel=1e-5)
    elif name not in NEEDED:  # whose options decide
        assert abs(there - back) > 0.01


# The least and the largest value there is; what is so far apart as can be reaches the largest.
RANGES: list[tuple[str, dict[str, Any], float, float]] = [
    ("kl", {}, 0.0, inf),
    ("js", {}, 0.0, math.log(2)),
    ("js", {"weight": 0.2}, 0.0, -0.2 * math.log(0.2) - 0.8 * math.log(0.8)),
    ("tv", {}, 0.0, 1.0),
    ("hellinger", {}, 0.0, 1.0),
    ("hellinger", {"squared": True}, 0.0, 1.0),
    ("chi2", {}, 0.0, inf),
    ("renyi", {"alpha": 0.5}, 0.0, inf),
    ("f_divergence", {"f": "hellinger"}, 0.0, 1.0),
    ("ks", {}, 0.0, 1.0),
    ("mmd", {}, 0.0, math.sqrt(2)),
    ("mmd", {"squared": True}, 0.0, 2.0),
    ("wasserstein", {}, 0.0, inf),
    ("entropy", {}, -inf, inf),
    ("cross_entropy", {}, -inf, inf),
]


@pytest.mark.parametrize(("name", "options", "low", "high"), RANGES)
def test_range(name: str, options: dict[str, Any], low: float, high: float) -> None:
    assert QUANTITIES[name].range(options) == pytest.approx((low, high), rel=1e-6)
    bounded = math.isfinite(high) and name != "mmd"  # which no two densities bring to its bound
    if bounded:
        apart = value(name, Uniform(0.0, 1.0), Uniform(50.0, 51.0), **options)
        assert apart == pytest.approx(high, rel=1e-5)


# A value, and what it says about TV: the formulas of the papers that the record names.
BOUNDS: list[tuple[str, float, tuple[float, float]]] = [
    ("kl", 0.08, (0.0, 0.2)),
    ("kl", 9.0, (0.0, math.sqrt(1 - math.exp(-9)))),
    ("reverse_kl", 0.08, (0.0, 0.2)),
    ("js", 0.02, (0.02 / math.log(2), 0.2)),
    ("tv", 0.3, (0.3, 0.3)),
    ("hellinger", 0.5, (0.25, 0.5 * math.sqrt(1.75))),
    ("chi2", 0.36, (0.0, 0.3)),
    ("chi2", 16.0, (0.0, 1.0)),
    ("ks", 0.3, (0.3, 1.0)),
]


@pytest.mark.parametrize(("name", "number", "bounds"), BOUNDS)
def test_bounds_on_tv(name: str, number: float, bounds: tuple[float, float]) -> None:
    bounds_of = QUANTITIES[name].tv_bounds
    assert bounds_of is not None
    assert bounds_of(number) == pytest.approx(bounds, rel=1e-6)
    low, high = bounds_of(value(name, P, Q))
    assert low - 1e-6 <= value("tv", P, Q) <= high + 1e-6


def test_which_have_a_closed_form() -> None:
    normals = Packed(P), Packed(Normal(1.0, 2.0))
    mixed = Packed(P), Packed(Logistic(0.0, 1.0))
    for name in ("kl", "reverse_kl", "hellinger", "tv", "chi2", "cross_entropy"):
        assert QUANTITIES[name].has_formula({}, *normals)
        assert not QUANTITIES[name].has_formula({}, *mixed)
    assert not QUANTITIES["js"].has_formula({}, *normals)
    assert QUANTITIES["renyi"].has_formula({"alpha": 0.5}, *normals)
    assert QUANTITIES["entropy"].has_formula({}, normals[0])


def test_the_bias_falls_as_the_record_says() -> None:
    assert QUANTITIES["hellinger"].rate_of_bias({}) == 0.25
    assert QUANTITIES["hellinger"].rate_of_bias({"squared": True}) == 0.5
    assert np.all([QUANTITIES[name].rate_of_bias({}) == 0.5 for name in ("ks", "wasserstein")])


TWICE = Normal(0.0, 2.0), Laplace(1.0, 4.0)  # P and Q in units of half the size
# To entropies the logarithm of the unit is added.
GROWING: list[tuple[str, dict[str, Any]]] = [
    (name, options)
    for name, quantity in QUANTITIES.items()
    for options in ({}, {"squared": True})
    if options.keys() <= inspect.signature(quantity.function).parameters.keys()
    and name not in ("entropy", "cross_entropy")
]


@pytest.mark.parametrize(("name", "options"), GROWING)
def test_by_which_power_of_the_unit_it_grows(name: str, options: dict[str, Any]) -> None:
    """Distances of learned models would be told in wrong units."""
    width = "bandwidth" in inspect.signature(QUANTITIES[name].function).parameters
    before, after = ({**options, "bandwidth": h} if width else options for h in (1.0, 2.0))
    growth = 2 ** QUANTITIES[name].degree(options)
    grown = growth * value(name, P, Q, **before)
    assert value(name, *TWICE, **after) == pytest.approx(grown, rel=1e-5)
