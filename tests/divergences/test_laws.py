"""What holds for every pair of distributions, whatever their parameters."""

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import ot
import pytest
import scipy.stats as ss
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from numpyro import distributions as nd

import divlab

# A failure is shown as it was found: to shrink it takes minutes.
few = settings(
    max_examples=15, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate]
)
locs = st.floats(-5, 5, width=32)
scales = st.floats(0.125, 8, width=32)
weights = st.floats(0.0625, 0.9375, width=32)
arrays = st.lists(st.floats(-100, 100, width=32), min_size=4, max_size=4)


def mixture(weight: float, locs: Sequence[float], scale: float) -> Any:
    """Two Gaussians: the same program, whatever the parameters."""
    parts = nd.Normal(jnp.array(locs, jnp.float32), jnp.array([scale, 1.0], jnp.float32))
    probs = jnp.array([weight, 1 - weight], jnp.float32)
    return nd.MixtureSameFamily(nd.Categorical(probs=probs), parts)


mixtures = st.builds(mixture, weights, st.tuples(locs, locs), scales)
normals = st.builds(nd.Normal, locs, scales)


def measure(p: Any, q: Any, weight: float) -> Iterator[dict[str, float]]:
    """Every f-divergence, both ways."""

    def one_way(p: Any, q: Any, weight: float) -> dict[str, jax.Array]:
        return {
            "kl": divlab.kl(p, q),
            "reverse_kl": divlab.reverse_kl(p, q),
            "jeffreys": divlab.jeffreys(p, q),
            "js": divlab.js(p, q),
            "skewed_js": divlab.js(p, q, weight=weight),
            "tv": divlab.tv(p, q),
            "hellinger": divlab.hellinger(p, q),
            "chi2": divlab.chi2(p, q),
            "renyi_half": divlab.renyi(p, q, alpha=0.5),
            "renyi_2": divlab.renyi(p, q, alpha=2.0),
        }

    both = one_way(p, q, weight), one_way(q, p, 1 - weight)
    return ({name: float(value) for name, value in way.items()} for way in both)


@given(mixtures, mixtures, weights)
@few
def test_ranges_symmetries_and_bounds(p: Any, q: Any, weight: float) -> None:
    there, back = measure(p, q, weight)
    kl, tv, h, chi2 = (there[name] for name in ("kl", "tv", "hellinger", "chi2"))
    assert all(value >= 0 for value in there.values())
    assert there["js"] <= np.float32(np.log(2))
    assert max(tv, h) <= 1

    def agree(a: float, b: float) -> None:
        assert a == pytest.approx(b, rel=1e-4, abs=1e-6)

    for name in ("jeffreys", "js", "skewed_js", "tv", "hellinger", "renyi_half"):
        agree(there[name], back[name])
    agree(there["reverse_kl"], back["kl"])
    agree(there["jeffreys"], kl + back["kl"])
    agree(there["renyi_half"], -2 * np.log1p(-(h**2)) if h < 1 else np.inf)
    if np.isfinite(chi2):
        agree(there["renyi_2"], np.log1p(chi2))

    slack = 1e-5 * (1 + kl)
    assert tv**2 <= kl / 2 + slack  # Pinsker
    assert h**2 <= tv + slack  # Le Cam
    assert tv <= h * np.sqrt(2 - h**2) + slack
    assert there["js"] <= tv * np.log(2) + slack  # Lin
    assert there["renyi_half"] <= kl + slack  # Rényi's grow with their order
    assert kl <= there["renyi_2"] * (1 + 1e-4) + slack


@given(mixtures)
@few
def test_zero_at_equality(p: Any) -> None:
    there, _ = measure(p, p, 0.3)
    for name, value in there.items():
        # Two evaluations of a log density may differ by rounding: where the divergence is a
        # square of their difference, so is this.
        limit = 1e-6 if name in ("tv", "hellinger") else 1e-12
        assert 0 <= value <= limit
    assert 0 <= float(divlab.wasserstein(p, p)) <= 1e-6


@given(locs, scales, st.floats(0.25, 4, width=32))
@few
def test_zero_only_at_equality(loc: float, scale: float, factor: float) -> None:
    p = nd.Normal(loc, scale)
    for q in (nd.Normal(loc + 0.01 * scale, scale), nd.Normal(loc, scale * (1.01 + factor))):
        there, back = measure(p, q, 0.3)
        assert all(value > 0 for value in [*there.values(), *back.values()])


@given(mixtures, mixtures)
@few
def test_nll_is_kl_plus_entropy(p: Any, q: Any) -> None:
    sum_of_both = float(divlab.kl(p, q)) + float(divlab.entropy(p))
    assert float(divlab.cross_entropy(p, q)) == pytest.approx(sum_of_both, rel=1e-4, abs=1e-4)


@given(normals, normals)
@few
def test_closed_form_is_the_integral(p: Any, q: Any) -> None:
    for f in (divlab.kl, divlab.cross_entropy):
        exact = float(f(p, q, method="closed_form"))
        assert float(f(p, q, method="quadrature")) == pytest.approx(exact, rel=1e-4, abs=1e-6)


@given(mixtures, mixtures, mixtures)
@few
def test_triangle_inequality(p: Any, q: Any, r: Any) -> None:
    for f in (divlab.tv, divlab.wasserstein):
        assert float(f(p, r)) <= (float(f(p, q)) + float(f(q, r))) * (1 + 1e-4) + 1e-6


@given(weights, st.tuples(locs, locs), scales, locs)
@few
def test_a_shift_moves_all_mass_as_far(
    weight: float, centres: tuple[float, float], scale: float, shift: float
) -> None:
    p = mixture(weight, centres, scale)
    q = mixture(weight, [c + shift for c in centres], scale)
    moved = np.abs(np.float32(centres[0] + shift) - np.float32(centres[0]))
    assert float(divlab.wasserstein(p, q)) == pytest.approx(moved, rel=1e-4, abs=3e-6)


@given(mixtures, mixtures, st.floats(-3, 3))
@few
def test_wasserstein_scales_with_the_axis(p: Any, q: Any, power: float) -> None:
    factor = jnp.float32(10**power)

    def scaled(d: Any) -> Any:
        parts = d.component_distribution
        parts = nd.Normal(parts.loc * factor, parts.scale * factor)
        return nd.MixtureSameFamily(d.mixing_distribution, parts)

    expected = float(divlab.wasserstein(p, q) * factor)
    got = float(divlab.wasserstein(scaled(p), scaled(q)))
    assert got == pytest.approx(expected, rel=1e-4, abs=3e-6 * float(factor))


@given(arrays, arrays, st.lists(st.floats(0.125, 8, width=32), min_size=4, max_size=4))
@few
def test_wasserstein_of_samples(x: list[float], y: list[float], mass: list[float]) -> None:
    y = y[:3]
    truth = ss.wasserstein_distance(x, y, u_weights=mass)
    assert float(divlab.wasserstein(x, y, mass)) == pytest.approx(truth, rel=1e-5, abs=1e-4)
    total = np.array(mass) / np.sum(mass)
    truth = ot.emd2_1d(np.array(x), np.array(y), total, np.full(3, 1 / 3), metric="sqeuclidean")
    got = float(divlab.wasserstein(x, y, mass, order=2))
    assert got**2 == pytest.approx(truth, rel=1e-4, abs=1e-3)


@given(arrays, arrays, st.sampled_from([1, 1.5, 2, np.inf]))
@few
def test_samples_of_one_size_are_matched_in_order(
    x: list[float], y: list[float], order: float
) -> None:
    truth = np.linalg.norm(np.sort(x) - np.sort(y), order)
    truth *= 1 if np.isinf(order) else 4 ** (-1 / order)
    assert float(divlab.wasserstein(x, y, order=order)) == pytest.approx(truth, rel=1e-5)
