"""Are annotations of the package checked while its tests run? A wrong one would mislead users."""

from collections.abc import Callable
from typing import Any

import jaxtyping
import numpy as np
import pytest

from divlab.divergences.inputs import shares_of
from divlab.divergences.integrals.arrays import fill, standard_deviation
from tests.annotations import checked, unchecked

ROW = np.ones(3)


@jaxtyping.jaxtyped(typechecker=checked)
def added(
    a: jaxtyping.Float[np.ndarray, " n"], b: jaxtyping.Float[np.ndarray, " n"], count: int = 3
) -> jaxtyping.Float[np.ndarray, " n"]:
    """A sum of two rows of one length; of another length, to be wrong, where `count` says so."""
    whole: np.ndarray = a + b
    return whole[:count]


@pytest.mark.parametrize(
    "call",
    [
        lambda: fill(np.ones((2, 2)), 0.0),  # the rank
        lambda: fill(np.ones(2, int), 0.0),  # the dtype
        lambda: fill([1.0, 2.0], 0.0),  # type: ignore[arg-type]  # no array
        lambda: fill(ROW, "0"),  # type: ignore[arg-type]  # no number
        lambda: shares_of(1, ROW),  # type: ignore[arg-type]  # no text
        lambda: added(ROW, np.ones(1)),  # lengths that differ
        lambda: added(ROW, ROW, count=2),  # a result of another length
        lambda: added(ROW, ROW, count=2.0),  # type: ignore[arg-type]  # no whole number
    ],
)
def test_what_does_not_fit_is_refused(call: Callable[[], Any]) -> None:
    with pytest.raises(jaxtyping.TypeCheckError):
        call()


def test_what_fits_is_let_through() -> None:
    """Lengths of one call would be compared with those of another, or of a caller."""
    assert fill(ROW, 0.0).shape == (1024,)
    assert added(ROW, ROW).shape == (3,)
    assert added(ROW[:2], ROW[:2]).shape == (2,)
    assert standard_deviation(ROW) == 0


def test_checks_can_be_left_out() -> None:
    """The package's own messages for wrong arguments could not be tested."""
    with unchecked():
        assert added(ROW, ROW, count=2).shape == (2,)
    with pytest.raises(jaxtyping.TypeCheckError):
        added(ROW, ROW, count=2)
