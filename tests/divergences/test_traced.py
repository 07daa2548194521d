"""Of samples, calls with known and with traced values agree, though they run different code.

Known samples are sorted and added up by NumPy with 64 bits, traced ones by JAX with those of their
dtype. Both get the same numbers, already rounded to it. What may then differ follows from
arithmetic that rounds to `eps`, and nothing else is allowed:

- A traced call measures samples from an origin, and rounds each distance from it. It must be what
  the known call gives for samples that are moved by up to `eps` of that distance, equal ones alike.
  How much that changes the result is found by doing it, a few times; the largest change, times 8,
  stands for all such moves. A kernel estimate takes widths by their logarithms, which go up to 70
  at the scales tried here: that makes the rounding of z², and so the move, 140 times as large.
- It adds up n + m terms, each rounded, and a density may be such a sum itself: 2 (n + m) eps of the
  largest they can be.
- Points of an integral over a distribution are rounded by `eps` of themselves, which moves mass
  from one sample to the next: as much as a normal has within that, times the largest distance.

A distance that is a root, or a logarithm, is compared by what it is taken of, which is the sum.
Equal samples are spread over the cell of the values next to them: there must be room for that in
the dtype. Off a grid a known call counts equal samples once, which a traced one cannot, because the
number of its samples is fixed: such samples are left out here.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from divlab.methods import Variational
from hypothesis import Phase, assume, example, given, settings
from hypothesis import strategies as st
from numpyro import distributions as nd

import divlab
from divlab.divergences.methods.samples import ordered

UNEQUAL, EQUAL = (40, 27), (30, 30)
few = settings(
    max_examples=15, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate]
)
Function = Callable[..., Any]
FAMILIES: dict[str, Function] = {
    "kl": divlab.kl,
    "reverse_kl": divlab.reverse_kl,
    "jeffreys": divlab.jeffreys,
    "js": divlab.js,
    "skewed_js": lambda x, y, **o: divlab.js(x, y, weight=0.2, **o),
    "tv": divlab.tv,
    "hellinger": lambda x, y, **o: divlab.hellinger(x, y, squared=True, **o),
    "chi2": divlab.chi2,
    "alpha": lambda x, y, **o: divlab.f_divergence(x, y, divlab.families.Alpha(0.6), **o),
    "neyman": lambda x, y, **o: divlab.f_divergence(x, y, "neyman", **o),
}
# A logarithm, a mixture, a kink and a power, which are all that an integrand has.
SOME = ["kl", "skewed_js", "tv", "chi2"]
# The power of x in the value, and the function: what its root is taken of.
BY_SORTING: dict[str, tuple[int, Function]] = {
    "wasserstein": (1, divlab.wasserstein),
    "wasserstein 2": (2, lambda *a: divlab.wasserstein(*a, order=2) ** 2),
    "wasserstein inf": (1, lambda *a: divlab.wasserstein(*a, order=np.inf)),
    "cramer": (1, lambda *a: divlab.cramer(*a, squared=True)),
    "energy": (1, lambda *a: divlab.energy(*a, squared=True)),
    "ks": (0, divlab.ks),
}

KINDS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "smooth": lambda rng, n: rng.normal(size=n),
    "heavy": lambda rng, n: rng.standard_cauchy(n),
    "integers": lambda rng, n: rng.integers(-6, 7, n).astype(float),
    "rounded": lambda rng, n: rng.normal(size=n).round(1),
    "two values": lambda rng, n: np.arange(n) % 2 * 1.0,
    "far apart": lambda rng, n: np.sign(rng.normal(size=n)) * 10 ** rng.uniform(-6, 6, n),
}


@st.composite
def samples(
    draw: st.DrawFn,
    sizes: tuple[int, int],
    without: tuple[str, ...] = (),
    powers: tuple[int, ...] = (0, -30, -8, 9, 30),
    offsets: tuple[float, ...] = (0.0, 30.0, -1e4),
) -> tuple[np.ndarray, np.ndarray]:
    """Two samples with 64 bits: ties, tails, far from 0, tiny, huge."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kinds = st.sampled_from([kind for kind in KINDS if kind not in without])
    x, y = (KINDS[draw(kinds)](rng, n) for n in sizes)
    y = draw(st.sampled_from([0.0, 0.0, 1.0, 100.0])) + draw(st.sampled_from([1.0, 3.0])) * y
    offset = draw(st.just(0.0) | st.sampled_from(offsets))
    scale = 10.0 ** draw(st.sampled_from(powers))
    return (offset + x) * scale, (offset + y) * scale


def in_precision(pair: tuple[np.ndarray, np.ndarray], precision: str) -> list[np.ndarray]:
    with np.errstate(over="ignore"):
        arrays = [a.astype(precision) for a in pair]
    assume(all(np.all(np.isfinite(a)) and a.min() < a.max() for a in arrays))
    return arrays


def has_room(arrays: list[np.ndarray]) -> bool:
    """Whether equal samples can be told apart, in the cell around them, by a thousand values."""
    values, counts = np.unique(np.concatenate(arrays).astype(float), return_counts=True)
    far = np.abs(values - np.clip(0.0, values[0], values[-1]))
    gaps = np.minimum(np.diff(values, prepend=-np.inf), np.diff(values, append=np.inf))
    return bool(np.all((counts == 1) | (gaps > 1e3 * np.finfo(arrays[0].dtype).eps * far)))


def counts_all(arrays: list[np.ndarray]) -> bool:
    """Whether a known call keeps every row: off a grid it counts once those that come again."""
    return [len(a) for a in ordered(*arrays)] == [len(a) for a in arrays]


def moved(arrays: list[np.ndarray], eps: float, seed: int) -> list[np.ndarray]:
    """The samples with 64 bits, each value moved by up to `eps` of its distance from the origin."""
    pool = np.unique(np.concatenate(arrays).astype(float))
    origin = np.clip(0.0, pool[0], pool[-1])
    factors = 1 + eps * np.random.default_rng(seed).uniform(-1, 1, pool.size)
    changed = origin + (pool - origin) * factors
    return [changed[np.searchsorted(pool, a.astype(float))] for a in arrays]


def check(
    names: list[str],
    known: Callable[[list[np.ndarray]], list[float]],
    traced: Any,
    arrays: list[np.ndarray],
    *,
    largest: Any = 1.0,
    share: Any = 0.0,
    relative: float = 0.0,
    times: float = 1.0,
) -> None:
    """The two ways agree as the docstring of the module says.

    Args:
        names: of the values.
        known: from samples to the values.
        traced: the values by the other way.
        arrays: the samples.
        largest: what the terms of each value can be at most.
        share: how much of it is allowed besides, such as mass that is moved so far.
        relative: a share of the values that is allowed besides.
        times: how many `eps` samples are moved by.
    """
    eps, most = (float(a) for a in (np.finfo(arrays[0].dtype).eps, np.finfo(arrays[0].dtype).max))
    expected, found = np.array(known(arrays), float), np.asarray(traced, float)
    total = sum(a.size for a in arrays)
    with np.errstate(invalid="ignore", over="ignore"):
        # Before they are divided by their number, terms add up to more than a mean.
        equal = (expected == found) | (np.isinf(found) & (total * expected >= most))
        off = np.abs(expected - found)
        rounding = 2 * total * eps * (np.abs(expected) + largest) + share * largest
        limit = rounding + relative * np.abs(expected)
        if not np.all(equal | (off <= limit)):  # what moves allow is only then worth its time
            nearby = [known(moved(arrays, times * eps, seed)) for seed in range(3)]
            change = np.nan_to_num(np.abs(np.array(nearby, float) - expected)).max(axis=0)
            limit = limit + 8 * change
        agree = equal | (off <= limit)
    wrong = [
        f"{name}: known {a}, traced {b}, allowed {bound}"
        for name, a, b, bound, fine in zip(names, expected, found, limit, agree, strict=True)
        if not fine
    ]
    assert not wrong, f"{wrong} of {arrays}"


# By method: how many eps samples are moved by, and what `samples` leaves out. See the end.
OF_METHOD: dict[str, tuple[float, dict[str, Any]]] = {
    "nearest_neighbours": (1.0, {"without": ("heavy", "far apart"), "powers": (0, 9, 30)}),
    "histogram": (1.0, {}),
    "kde": (140.0, {"powers": (0, -8, 9)}),
}


# Few steps: a training makes much of a difference in rounding.
CRITIC = Variational(hidden=(4,), steps=3)


@cache
def traced(name: str, precision: str) -> tuple[Any, dict[str, Function], Function]:
    """A method, functions, and one program of them all for the tests that give it UNEQUAL samples.

    Neighbours have a correction of their own for each power; the other methods have none.
    """
    method = CRITIC if name == "critic" else name
    every = name == "nearest_neighbours" and precision == "float32"
    names = [*FAMILIES] if every else ["kl"] if name == "critic" else SOME
    functions = {name: FAMILIES[name] for name in names}
    program = jax.jit(lambda *a: jnp.stack([f(*a, method=method) for f in functions.values()]))
    return method, functions, program


@pytest.mark.parametrize("method", OF_METHOD)
def test_f_divergences(method: str, precision: str) -> None:
    times, options = OF_METHOD[method]
    _, functions, program = traced(method, precision)

    @given(samples(UNEQUAL, **options))
    @few
    def agree(pair: tuple[np.ndarray, np.ndarray]) -> None:
        arrays = in_precision(pair, precision)

        def known(arrays: list[np.ndarray]) -> list[float]:
            return [float(f(*arrays, method=method)) for f in functions.values()]

        assume(has_room(arrays) and counts_all(arrays))
        check(list(functions), known, program(*arrays), arrays, times=times)

    agree()


# Without weights, samples of one size are matched in order: an algorithm of its own.
MATCHED = {name: row for name, row in BY_SORTING.items() if name.startswith("wasserstein")}


@pytest.mark.parametrize(
    ("sizes", "table", "most"), [(UNEQUAL, BY_SORTING, 2), (EQUAL, MATCHED, 0)]
)
def test_distances(
    sizes: tuple[int, int], table: dict[str, tuple[int, Function]], most: int, precision: str
) -> None:
    """Of samples without weights, with those of the second, and with those of both."""
    functions = [f for _, f in table.values()]
    programs = [
        jax.jit(lambda *a: jnp.stack([f(*a) for f in functions])),
        jax.jit(lambda x, y, v: jnp.stack([f(x, y, None, v) for f in functions])),
        jax.jit(lambda x, y, u, v: jnp.stack([f(x, y, u, v) for f in functions])),
    ]
    weights = st.integers(0, 2**32 - 1).map(
        lambda seed: [np.random.default_rng(seed).integers(0, 4, n) + 0.0 for n in sizes]
    )

    @given(samples(sizes), weights, st.integers(0, most))
    @few
    def agree(pair: tuple[np.ndarray, np.ndarray], weights: list[np.ndarray], given: int) -> None:
        arrays = in_precision(pair, precision)
        masses = [w.astype(precision) for w in weights][2 - given :]

        def known(arrays: list[np.ndarray]) -> list[float]:
            both = [None] * (2 - given) + masses
            return [float(f(*arrays, *both)) for f in functions]

        assume(all(mass.any() for mass in masses))
        span = float(np.ptp(np.concatenate(arrays).astype(float)))
        largest = np.array([span**power for power, _ in table.values()])
        check(list(table), known, programs[given](*arrays, *masses), arrays, largest=largest)

    agree()


def test_mmd(precision: str) -> None:
    program = jax.jit(lambda x, y, h: divlab.mmd(x, y, bandwidth=h, squared=True))

    @given(samples(UNEQUAL, offsets=(0.0,)), st.sampled_from([0.1, 1.0, 30.0]))
    @few
    def agree(pair: tuple[np.ndarray, np.ndarray], bandwidth: float) -> None:
        arrays = in_precision(pair, precision)
        unit = max(float(np.ptp(arrays[0].astype(float))), float(np.finfo(precision).tiny))
        width = np.asarray(bandwidth * unit, precision)
        assume(0 < width < np.inf)

        def known(arrays: list[np.ndarray]) -> list[float]:
            return [float(divlab.mmd(*arrays, bandwidth=float(width), squared=True))]

        # Known samples count by a polynomial through the kernel, which is as near to it as that.
        check(["mmd"], known, program(*arrays, width)[None], arrays, share=5e-14)

    agree()


OF_BOTH: dict[str, tuple[int, Function]] = {
    "kl": (0, divlab.kl),
    "cross_entropy": (0, divlab.cross_entropy),
    # The energy distance is Cramér's times a number.
    **{name: BY_SORTING[name] for name in ("wasserstein", "wasserstein 2", "cramer", "ks")},
}
OWN_QUADRATURE = {"float32": 1e-4, "float64": 1e-8}  # what quadrature promises
# With 64 bits one distance stands for all: the program of each takes seconds to compile.
WITH_64_BITS = ["kl", "cross_entropy", "cramer"]


def test_samples_and_a_distribution(precision: str) -> None:
    names = [*OF_BOTH] if precision == "float32" else WITH_64_BITS
    table = {name: OF_BOTH[name] for name in names}

    def values(x: Any, loc: Any, scale: Any) -> list[Any]:
        q = nd.Normal(loc, scale)
        return [*(f(x, q) for _, f in table.values()), divlab.entropy(x)]

    program = jax.jit(lambda *a: jnp.stack(values(*a)))
    names = [*table, "entropy"]

    # Here the edges of pieces, as rounded, once left gaps: W₁ was 98.9 where it is 100.
    @example((np.arange(30) % 2 - 1e4, np.arange(30) % 2 - 9900.0))
    @given(samples((30, 30), powers=(0, -30, -8, 9)))
    @few
    def agree(pair: tuple[np.ndarray, np.ndarray]) -> None:
        x, y = in_precision(pair, precision)
        assume(has_room([x]) and counts_all([x]))
        wide = y.astype(float)
        loc, scale = (np.asarray(a, precision) for a in (wide.mean(), wide.std()))
        span = float(np.ptp([*x.astype(float), loc - 5.0 * scale, loc + 5.0 * scale]))
        largest = np.array([span**power for power, _ in table.values()] + [1.0])

        def known(arrays: list[np.ndarray]) -> list[float]:
            return [float(value) for value in values(arrays[0], loc, scale)]

        # A point of the integral is rounded too: it comes to lie beyond so much mass at most.
        mass = 0.4 * float(np.finfo(precision).eps * np.abs(loc / scale))
        share = np.array([mass if name in BY_SORTING else 0.0 for name in names])
        relative = OWN_QUADRATURE[precision]
        got = program(x, loc, scale)
        check(names, known, got, [x], largest=largest, share=share, relative=relative)

    agree()


def test_a_critic() -> None:
    """With 32 bits: known and traced samples train by one loop, which takes long to compile."""
    method, functions, program = traced("critic", "float32")

    @given(samples(UNEQUAL, powers=(0, -8, 9)))
    @few
    def agree(pair: tuple[np.ndarray, np.ndarray]) -> None:
        arrays = in_precision(pair, "float32")

        def known(arrays: list[np.ndarray]) -> list[float]:
            return [float(f(*arrays, method=method)) for f in functions.values()]

        assume(has_room(arrays) and counts_all(arrays))
        # Adam divides a gradient by its size: the rounding of one that nearly vanishes moves a
        # weight by a share of the learning rate, whatever the samples are.
        check(list(functions), known, program(*arrays), arrays, relative=1e-3)

    agree()


RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=40).astype("f4"), (1 + 2 * RNG.normal(size=27)).astype("f4")
# A function and a method of the tests above, by their program, and the scale of the samples.
SMALL = [
    ("js", "nearest_neighbours", 1e-20),
    ("skewed_js", "kde", 1e-30),
    ("kl", "critic", 1e-30),
]


def test_equal_sums_of_weights_are_equal() -> None:
    """Sums that differ by rounding alone would move the farthest mass of all."""

    def farthest(x: Any, y: Any) -> Any:
        return divlab.wasserstein(x, y, [1.0] * 40, [1.0] * 20, order=np.inf)

    known = float(farthest(X, Y[:20]))
    assert float(jax.jit(farthest)(X, Y[:20])) == pytest.approx(known, rel=1e-3)


@pytest.mark.parametrize(("name", "by", "unit"), SMALL)
def test_small_units(name: str, by: str, unit: float) -> None:
    """Gaps that JAX's `interp` takes for none, and variances that are 0 in 32 bits."""
    method, functions, program = traced(by, "float32")
    x, y = np.float32(unit) * X, np.float32(unit) * Y
    in_usual_units = float(functions[name](X, Y, method=method))
    assert float(functions[name](x, y, method=method)) == pytest.approx(in_usual_units, rel=1e-3)
    found = float(program(x, y)[list(functions).index(name)])
    assert found == pytest.approx(in_usual_units, rel=1e-3)
