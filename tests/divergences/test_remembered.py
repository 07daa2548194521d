"""What is kept of distributions that were looked at before: found by numbers, never wrongly."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro import distributions as nd

import divlab
from divlab.divergences.integrals import remembered as remembering
from divlab.divergences.integrals.packed import Packed
from divlab.divergences.integrals.remembered import remembered


class Counted:
    """A function that counts how often it is run."""

    def __init__(self) -> None:
        self.runs = 0
        self.function = remembered(self.run)

    def run(self, cuts: np.ndarray, *distributions: Packed) -> np.ndarray:
        self.runs += 1
        return np.concatenate([cuts, np.zeros(len(distributions))])

    def __call__(self, *distributions: Any, cuts: Any = ()) -> Any:
        return self.function(np.array(cuts, float), *map(Packed, distributions))


def test_equal_numbers_are_found_again() -> None:
    counted = Counted()
    for loc in (0.3, np.float64(0.3), jnp.array(0.3, jnp.float32)):
        counted(nd.Normal(loc, 1.0), nd.Laplace(0.0, 2.0))
    # 0.3 with 32 bits is another number.
    assert counted.runs == 2


@pytest.mark.parametrize(
    "other",
    [
        (nd.Normal(0.3, 1.1), nd.Laplace(0.0, 2.0)),
        (nd.Laplace(0.0, 2.0), nd.Normal(0.3, 1.0)),
        (nd.Cauchy(0.3, 1.0), nd.Laplace(0.0, 2.0)),
        (nd.Normal(0.3, 1.0),),
    ],
    ids=["other scale", "other order", "other type", "one alone"],
)
def test_anything_else_is_computed(other: tuple[Any, ...]) -> None:
    counted = Counted()
    counted(nd.Normal(0.3, 1.0), nd.Laplace(0.0, 2.0))
    counted(*other)
    assert counted.runs == 2


def test_shapes_cuts_and_the_precision_that_is_asked_for_count() -> None:
    """The same bytes can be other numbers, and a line is refined less where 32 bits are asked."""

    def mixture(count: int) -> Any:
        parts = nd.Normal(jnp.zeros(count), jnp.ones(count))
        return nd.MixtureSameFamily(nd.Categorical(probs=jnp.full(count, 1 / count)), parts)

    counted = Counted()
    counted(mixture(2))
    counted(mixture(3))
    counted(mixture(2), cuts=[1.0])
    with jax.enable_x64(True):
        counted(mixture(2))
    assert counted.runs == 4


def test_what_is_shared_cannot_be_written_to() -> None:
    found = Counted()(nd.Normal(0.0, 1.0))
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 1.0


def test_many_numbers_are_not_kept() -> None:
    """A session that looks at large distributions must not fill up with them."""
    counted = Counted()
    large = nd.MixtureSameFamily(
        nd.Categorical(logits=jnp.zeros(600)), nd.Normal(jnp.zeros(600), 1.0)
    )
    for _ in range(2):
        counted(large)
    assert counted.runs == 2


def test_every_divergence_of_a_pair_is_what_it_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one quantity leaves behind could change the next one."""
    p, q = nd.Gumbel(0.3, 1.2), nd.Logistic(-0.2, 0.8)
    verbs: list[Any] = [
        divlab.kl,
        divlab.tv,
        divlab.wasserstein,
        divlab.js,
        divlab.cramer,
        divlab.ks,
    ]
    together = [float(of(p, q)) for of in verbs]
    monkeypatch.setattr(remembering, "_MOST", -1)
    assert [float(of(p, q)) for of in verbs] == together
