"""Several divergences by the same nodes are what each of them is by other means."""

from typing import Any

import jax
import numpy as np
import pytest
import scipy.stats as ss
from numpyro.distributions import Cauchy, Gumbel, Laplace, Normal, Uniform

import divlab
from divlab.divergences.comparison import compare
from divlab.divergences.integrals import integral
from tests.divergences import reference

OF_LOGS = (
    "kl", "reverse_kl", "jeffreys", "js", "tv", "hellinger", "chi2", "entropy", "cross_entropy",
)  # fmt: skip
OF_CDFS = "wasserstein", "cramer", "energy", "ks"
# P and Q, the same for SciPy, and what is infinite. Each number is one in 32 bits too.
PAIRS = {
    "skewed": (Gumbel(0.0, 1.0), Laplace(0.5, 0.75), ss.gumbel_r(), ss.laplace(0.5, 0.75), set()),
    "a heavy tail": (
        Normal(0.0, 1.0), Cauchy(0.0, 1.0), ss.norm(), ss.cauchy(),
        {"reverse_kl", "jeffreys", "wasserstein"},
    ),
    "apart": (
        Uniform(0.0, 1.0), Uniform(2.0, 2.5), ss.uniform(0, 1), ss.uniform(2, 0.5),
        {"kl", "reverse_kl", "jeffreys", "chi2", "cross_entropy"},
    ),
    "mixtures": (
        divlab.targets.two_gaussians(4.0, 0.125),
        divlab.targets.gaussian_mixture([-2.5, 0.0, 2.0], [0.25, 1.0, 0.25], [1.0, 1.0, 2.0]),
        reference.Mixture([0.5, 0.5], [ss.norm(-2, 0.125), ss.norm(2, 0.125)]),
        reference.Mixture([0.25, 0.25, 0.5], [ss.norm(-2.5, 0.25), ss.norm(), ss.norm(2, 0.25)]),
        set(),
    ),
}  # fmt: skip


def by_scipy(name: str, p: Any, q: Any) -> float:
    if name == "entropy":
        return reference.entropy(p)
    if name == "energy":
        return float(np.sqrt(2) * reference.cramer(p, q))
    if name == "ks":
        x = np.linspace(-20, 20, 400_001)
        return float(np.abs(p.cdf(x) - q.cdf(x)).max())
    return float(getattr(reference, name)(p, q))


@pytest.mark.parametrize("names", [OF_LOGS, (*OF_CDFS, *OF_LOGS)], ids=["of logs", "all"])
@pytest.mark.parametrize("pair", PAIRS)
def test_values(pair: str, names: tuple[str, ...], precision: str) -> None:
    p, q, scipy_p, scipy_q, infinite = PAIRS[pair]
    found = compare(p, q, *names)
    assert tuple(found) == names
    relative = 1e-5 if precision == "float32" else 1e-7
    for name in names:
        expected = np.inf if name in infinite else by_scipy(name, scipy_p, scipy_q)
        np.testing.assert_allclose(
            float(found[name]), expected, rtol=relative, atol=relative, err_msg=name
        )


def test_gradients() -> None:
    """By differences of the library's own functions, one by one."""
    names = "kl", "wasserstein", "cramer", "ks"
    p, at, step = divlab.targets.two_gaussians(3.0, 0.5), np.array([0.3, 1.2]), 1e-5
    with jax.enable_x64(True):

        @jax.jit  # one program for all directions
        def along(direction: Any) -> Any:
            return jax.jvp(lambda t: compare(p, Normal(*t), *names), (at,), (direction,))

        for direction in np.eye(2):
            _, slopes = along(direction)
            for name in names:
                ahead, behind = (
                    float(getattr(divlab, name)(p, Normal(*at + sign * step * direction)))
                    for sign in (1, -1)
                )
                slope = (ahead - behind) / (2 * step)
                np.testing.assert_allclose(float(slopes[name]), slope, rtol=1e-5, atol=1e-6)


def test_gradients_of_known_numbers_are_found_on_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else `jax.grad` without `jit` compiles a program for each pair of types, in 5 to 10 s."""

    def fail(*_: Any) -> None:
        raise AssertionError("a program for traced numbers was asked for")

    monkeypatch.setattr(integral, "_program", fail)
    monkeypatch.setattr(integral, "_jvp_program", fail)
    p = Gumbel(0.0, 1.0)
    found = jax.jacrev(lambda scale: compare(p, Laplace(0.5, scale), "kl", "cross_entropy"))(0.75)
    np.testing.assert_allclose(found["kl"], found["cross_entropy"], rtol=1e-6)  # P stays
    slope = jax.grad(lambda scale: divlab.renyi(p, Laplace(0.5, scale), alpha=1 + 1e-3))(0.75)
    np.testing.assert_allclose(slope, found["kl"], rtol=1e-2)
