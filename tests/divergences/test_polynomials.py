"""Polynomials through 15 nodes against those of NumPy."""

import numpy as np
import pytest
from numpy.polynomial import Chebyshev

from divlab.divergences.integrals import polynomials
from divlab.divergences.integrals.refinement import NODES

EXACT = Chebyshev(np.random.default_rng(0).normal(size=15), domain=[0, 1])
VALUES = EXACT(NODES)
# Ends, nodes themselves, next to a node, and between.
PLACES = np.concatenate([[0.0, 1.0], NODES, NODES[3:5] + 1e-12, np.linspace(0.05, 0.95, 7)])


def test_a_value() -> None:
    """At a node the formula divides by 0, and a root beside one would be NaN."""
    got = polynomials.value_at(VALUES, PLACES)
    np.testing.assert_allclose(got, EXACT(PLACES), rtol=0, atol=1e-12)


def test_an_integral_from_the_start() -> None:
    """Distances would be summed up to the wrong crossing."""
    series = polynomials.integral_series(VALUES)
    expected = EXACT.integ(lbnd=0)(PLACES)
    np.testing.assert_allclose(polynomials.sum_series(series, PLACES), expected, atol=1e-13)


def test_integrals_to_and_from_nodes() -> None:
    """Masses to either side of a node would not add up."""
    whole = EXACT.integ(lbnd=0)(1.0)
    assert polynomials.total(VALUES) == pytest.approx(whole, abs=1e-13)
    rise, fall = polynomials.rise(VALUES), polynomials.fall(VALUES)
    np.testing.assert_allclose(rise, EXACT.integ(lbnd=0)(NODES), atol=1e-13)
    np.testing.assert_allclose(rise + fall, whole, atol=1e-13)
