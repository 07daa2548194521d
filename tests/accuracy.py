"""`python -m tests.accuracy`: how far divergences are from the truth, on inputs drawn at random.

Pairs of distributions, with shapes from 0.05 to 50, scales from 1e-6 to 1e6 and locations up to
1e6, are compared with sums over a fine grid of a coordinate in which their densities are smooth:
the log distance to the ends of the support, or the inverse hyperbolic sine. The formulas of the
densities there are NumPy's and SciPy's, not numpyro's. Columns of samples, rounded, repeated, with
outliers and offsets, are compared with the distributions that they come from.
"""

import argparse
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
import numpyro.distributions as dist
from scipy.special import betaln, gammaln

import divlab

QUANTITIES = ("kl", "tv", "js", "hellinger", "wasserstein", "entropy")
TOLERANCE = {32: 1e-3, 64: 1e-7}
POINTS = 4_000_000
_ROOT = 0.5 * np.log(2 * np.pi)
Log = Callable[..., Any]


class Grid(NamedTuple):
    """Points x with their weights dx; `at` is what log densities are functions of."""

    at: tuple[Any, ...]
    x: Any
    width: Any


def real_grid(loc: float, scale: float) -> Grid:
    s = np.linspace(-160, 160, POINTS)
    z = np.sinh(s)
    return Grid((loc, scale * z), loc + scale * z, scale * np.cosh(s) * (s[1] - s[0]))


def positive_grid(loc: float, scale: float) -> Grid:
    s = np.log(scale) + np.linspace(-690, 690, POINTS)
    return Grid((s,), np.exp(s), np.exp(s) * (s[1] - s[0]))


def unit_grid(loc: float, scale: float) -> Grid:
    s = np.linspace(-700, 700, POINTS)
    log_x = np.where(s < -30, s, -np.log1p(np.exp(-np.maximum(s, -700))))
    log_rest = np.where(s > 30, -s, -np.log1p(np.exp(np.minimum(s, 700))))
    return Grid((log_x, log_rest), np.exp(log_x), np.exp(log_x + log_rest) * (s[1] - s[0]))


class Draw:
    """Random parameters, as they are once they have been rounded to float32."""

    def __init__(self, rng: Any, loc: float, scale: float) -> None:
        self.rng, self.loc, self.scale = rng, loc, scale

    def shape(self, low: float = 0.05, high: float = 50.0) -> float:
        return float(np.float32(np.exp(self.rng.uniform(np.log(low), np.log(high)))))


def _bell(z: Any) -> Any:
    return -0.5 * z * z - _ROOT


def _of_real(
    make: Callable[..., Any], log: Callable[..., Any], *ranges: tuple[float, float]
) -> Callable[[Draw], tuple[Any, Log]]:
    """A family with loc and scale: `log` is the log density of z = (x - loc) / scale."""

    def draw(d: Draw) -> tuple[Any, Log]:
        shapes = [d.shape(*bounds) for bounds in ranges]

        def log_density(loc: float, offset: Any) -> Any:
            z = (offset + (loc - d.loc)) / d.scale
            return log(z, *shapes) - np.log(d.scale)

        return make(*shapes, d.loc, d.scale), log_density

    return draw


def _student(z: Any, df: float) -> Any:
    constant = gammaln((df + 1) / 2) - gammaln(df / 2) - 0.5 * np.log(df * np.pi)
    # log(1 + z²/df) without squaring z.
    return constant - (df + 1) / 2 * np.logaddexp(0.0, 2 * np.log(np.abs(z)) - np.log(df))


def _mixture(*kinds: str) -> Callable[[Draw], tuple[Any, Log]]:
    """Two parts at either side of loc, with half the scale and all of it."""
    logs: dict[str, Log] = {"Normal": _bell, "Laplace": lambda z: -np.abs(z) - np.log(2)}

    def draw(d: Draw) -> tuple[Any, Log]:
        locs = [float(np.float32(d.loc + d.scale * step)) for step in (-2.0, 1.0)]
        scales = [float(np.float32(d.scale * factor)) for factor in (1.0, 0.5)]
        made = [getattr(dist, k)(a, s) for k, a, s in zip(kinds, locs, scales, strict=True)]
        weights = dist.Categorical(probs=np.array([0.25, 0.75]))
        same = kinds[0] == kinds[1]
        whole = (
            dist.MixtureSameFamily(weights, dist.Normal(np.array(locs), np.array(scales)))
            if same
            else dist.MixtureGeneral(weights, made)
        )

        def log_density(loc: float, offset: Any) -> Any:
            parts = [
                np.log(w) + logs[k]((offset + (loc - a)) / s) - np.log(s)
                for w, k, a, s in zip((0.25, 0.75), kinds, locs, scales, strict=True)
            ]
            return np.logaddexp(*parts)

        return whole, log_density

    return draw


Maker = Callable[[Draw], tuple[Any, Log]]
REAL: dict[str, Maker] = {
    "Normal": _of_real(dist.Normal, _bell),
    "Laplace": _of_real(dist.Laplace, lambda z: -np.abs(z) - np.log(2)),
    "Cauchy": _of_real(
        dist.Cauchy, lambda z: -np.log(np.pi) - np.logaddexp(0.0, 2 * np.log(np.abs(z)))
    ),
    "Logistic": _of_real(dist.Logistic, lambda z: -np.abs(z) - 2 * np.log1p(np.exp(-np.abs(z)))),
    "Gumbel": _of_real(dist.Gumbel, lambda z: -z - np.exp(-z)),
    "StudentT": _of_real(dist.StudentT, _student, (0.3, 50.0)),
    "SoftLaplace": _of_real(dist.SoftLaplace, lambda z: np.log(2 / np.pi) - np.logaddexp(z, -z)),
    "AsymmetricLaplace": _of_real(
        lambda a, loc, scale: dist.AsymmetricLaplace(loc, scale, a),
        lambda z, a: -np.abs(z) * np.where(z < 0, 1 / a, a) - np.log(a + 1 / a),
        (0.1, 10.0),
    ),
    "mixture of Normals": _mixture("Normal", "Normal"),
    "Laplace and Normal": _mixture("Laplace", "Normal"),
}


def _gamma(log_x: Any, a: float, log_rate: float) -> Any:
    return a * log_rate - gammaln(a) + (a - 1) * log_x - np.exp(log_x + log_rate)


def _log_normal(log_x: Any, mean: float, width: float) -> Any:
    return _bell((log_x - mean) / width) - np.log(width) - log_x


def _positive(name: str) -> Callable[[Draw], tuple[Any, Log]]:
    def draw(d: Draw) -> tuple[Any, Log]:
        scale, log_scale = d.scale, np.log(d.scale)
        rate = float(np.float32(1 / scale))
        log_rate = np.log(rate)
        a = d.shape()
        width = d.shape(0.1, 8.0)
        mean = float(np.float32(log_scale))
        made: dict[str, Callable[[], tuple[Any, Log]]] = {
            "Gamma": lambda: (dist.Gamma(a, rate), lambda s: _gamma(s, a, log_rate)),
            "Chi2": lambda: (dist.Chi2(a), lambda s: _gamma(s, a / 2, np.log(0.5))),
            "InverseGamma": lambda: (
                dist.InverseGamma(a, scale),
                lambda s: a * log_scale - gammaln(a) - (a + 1) * s - np.exp(log_scale - s),
            ),
            "Exponential": lambda: (dist.Exponential(rate), lambda s: _gamma(s, 1.0, log_rate)),
            "LogNormal": lambda: (
                dist.LogNormal(mean, width), lambda s: _log_normal(s, mean, width)
            ),
            "Weibull": lambda: (
                dist.Weibull(scale, a),
                lambda s: np.log(a) - log_scale + (a - 1) * (s - log_scale)
                - np.exp(a * (s - log_scale)),
            ),
            "HalfNormal": lambda: (
                dist.HalfNormal(scale),
                lambda s: np.log(2) - _ROOT - log_scale - 0.5 * np.exp(2 * (s - log_scale)),
            ),
            "HalfCauchy": lambda: (
                dist.HalfCauchy(scale),
                lambda s: np.log(2 / np.pi) - log_scale - np.logaddexp(0.0, 2 * (s - log_scale)),
            ),
            "Levy": lambda: (
                dist.Levy(0.0, scale),
                lambda s: 0.5 * log_scale - _ROOT - 0.5 * np.exp(log_scale - s) - 1.5 * s,
            ),
            "Gompertz": lambda: (
                dist.Gompertz(a, rate),
                lambda s: np.log(a) + log_rate + np.exp(s + log_rate)
                - a * np.expm1(np.exp(s + log_rate)),
            ),
            "two Gammas": lambda: (
                dist.MixtureSameFamily(
                    dist.Categorical(probs=np.array([0.5, 0.5])),
                    dist.Gamma(np.array([a, 2.0]), np.array([rate, rate])),
                ),
                lambda s: np.logaddexp(_gamma(s, a, log_rate), _gamma(s, 2.0, log_rate))
                - np.log(2),
            ),
        }  # fmt: skip
        return made[name]()

    return draw


POSITIVE: dict[str, Maker] = {
    name: _positive(name)
    for name in (
        "Gamma", "Chi2", "InverseGamma", "Exponential", "LogNormal", "Weibull", "HalfNormal",
        "HalfCauchy", "Levy", "Gompertz", "two Gammas",
    )
}  # fmt: skip


def _beta(a: float, b: float) -> Log:
    return lambda s, t: (a - 1) * s + (b - 1) * t - betaln(a, b)


def _draw_beta(d: Draw) -> tuple[Any, Log]:
    a, b = d.shape(), d.shape()
    return dist.Beta(a, b), _beta(a, b)


def _draw_kumaraswamy(d: Draw) -> tuple[Any, Log]:
    a, b = d.shape(), d.shape()

    # log(1 - x^a), also where x is so near 1 that only log(1 - x) tells.
    def log_density(s: Any, t: Any) -> Any:
        with np.errstate(all="ignore"):
            rest = np.where(t < -30, np.log(a) + t, np.log(-np.expm1(a * s)))
        return np.log(a * b) + (a - 1) * s + (b - 1) * rest

    return dist.Kumaraswamy(a, b), log_density


def _draw_proportion(d: Draw) -> tuple[Any, Log]:
    mean, size = 0.25, 4 * d.shape()
    return dist.BetaProportion(mean, size), _beta(0.25 * size, 0.75 * size)


UNIT: dict[str, Maker] = {
    "Beta": _draw_beta,
    "Kumaraswamy": _draw_kumaraswamy,
    "BetaProportion": _draw_proportion,
    "Uniform": lambda d: (dist.Uniform(0.0, 1.0), _beta(1.0, 1.0)),
}
KINDS: list[tuple[dict[str, Maker], Callable[[float, float], Grid]]] = [
    (REAL, real_grid),
    (POSITIVE, positive_grid),
    (UNIT, unit_grid),
]
FAMILIES = len(REAL) + len(POSITIVE) + len(UNIT)


EDGE = POINTS // 100


def total(values: Any) -> float:
    """The sum; inf if it does not converge at an edge of the grid, NaN if that cannot be told."""
    values = np.where(np.isnan(values), 0.0, values)
    whole = float(np.sum(values))
    sizes = np.abs(values)
    for outer, inner in (
        (sizes[:EDGE], sizes[EDGE : 2 * EDGE]),
        (sizes[-EDGE:], sizes[-2 * EDGE : -EDGE]),
    ):
        if outer.sum() > 1e-10 * sizes.sum():
            return np.inf if outer.sum() > 0.999 * inner.sum() else np.nan
    return whole


def absolute(values: Any) -> Any:
    """|values|, with what their sum lacks of the integral where they change their sign.

    At a kink the share θ of a step after a point the sum lacks the jump of the slope times B₂(θ)/2.
    """
    sizes = np.abs(values)
    before, after = sizes[:-1], sizes[1:]
    slope = np.where(values[:-1] * values[1:] < 0, before + after, 0.0)
    share = before / np.where(slope > 0, slope, 1.0)
    sizes[1:] += slope * (share**2 - share + 1 / 6)
    return sizes


def truths(grid: Grid, p: Log, q: Log) -> dict[str, float] | None:
    """The quantities; None where the grid does not hold all mass."""
    with np.errstate(all="ignore"):
        log_p, log_q = p(*grid.at), q(*grid.at)
        log_width = np.log(grid.width)
        of_p, of_q = np.exp(log_p + log_width), np.exp(log_q + log_width)
        if abs(of_p.sum() - 1) > 1e-8 or abs(of_q.sum() - 1) > 1e-8:
            return None
        m = np.logaddexp(log_p, log_q) - np.log(2)
        excess = of_p - of_q
        slope = np.gradient(excess)
        below = np.cumsum(excess) - excess / 2 - slope / 12
        above = np.cumsum(excess[::-1])[::-1] - excess / 2 + slope / 12
        gap = np.where(np.cumsum(of_p + of_q) < 1, below, -above)
        surprise = np.where(of_p > 0, of_p * (log_p - log_q), 0.0)
        # Where q underflows to 0 in the coordinate of the grid, it cannot tell.
        lost = np.any((of_p > 0) & (log_q == -np.inf))
        to_m = [np.where(w > 0, w * (log - m), 0.0) for w, log in ((of_p, log_p), (of_q, log_q))]
        return {
            "kl": np.nan if lost else total(surprise),
            "tv": 0.5 * total(absolute(excess)),
            "js": (total(to_m[0]) + total(to_m[1])) / 2,
            "hellinger": float(np.sqrt(0.5 * np.sum((np.sqrt(of_p) - np.sqrt(of_q)) ** 2))),
            "wasserstein": total(absolute(gap) * grid.width),
            "entropy": -total(np.where(of_p > 0, of_p * log_p, 0.0)),
        }


class Outcome(NamedTuple):
    """One quantity of one pair: its relative error, NaN where it was refused."""

    quantity: str
    pair: str
    error: float
    text: str


def _numbers(distribution: Any) -> str:
    """The parameters of a distribution, to try it again."""
    given = vars(distribution).items()
    shown = {
        k: float(v) for k, v in given if k[0] != "_" and np.shape(v) == () and k != "base_dist"
    }
    return f"{type(distribution).__name__} {shown}"


def error_of(found: float, truth: float, unit: float = 1.0) -> float:
    """Relative to the truth, but to no less than 0.01 of its unit."""
    largest = np.finfo(jax.dtypes.canonicalize_dtype(float)).max
    if not (np.isfinite(found) and np.isfinite(truth)):
        return 0.0 if found == truth or (np.isinf(found) and abs(truth) > largest) else np.inf
    return abs(found - truth) / max(abs(truth), 1e-2 * unit)


def pairs(count: int, seed: int) -> list[Outcome]:
    """Every quantity of so many random pairs."""
    rng = np.random.default_rng(seed)
    outcomes: list[Outcome] = []
    drawn = 0
    while drawn < count:
        kind, make_grid = KINDS[rng.choice(3, p=[0.4, 0.45, 0.15])]
        scale = float(np.float32(np.exp(rng.uniform(np.log(1e-6), np.log(1e6)))))
        loc = float(np.float32(rng.uniform(-1e6, 1e6) * (rng.random() < 0.5)))
        other = float(np.float32(scale * np.exp(rng.normal())))
        beside = float(np.float32(loc + scale * rng.normal()))
        names = [str(rng.choice(list(kind))) for _ in range(2)]
        p, log_p = kind[names[0]](Draw(rng, loc, scale))
        q, log_q = kind[names[1]](Draw(rng, beside, other))
        expected = truths(make_grid(loc, scale), log_p, log_q)
        if expected is None:
            continue
        drawn += 1
        for name in QUANTITIES:
            if np.isnan(expected[name]):
                continue
            takes_method = name != "wasserstein"
            function = getattr(divlab, name)
            options = {"method": "quadrature"} if takes_method else {}
            arguments = (p,) if name == "entropy" else (p, q)
            label = f"{names[0]}, {names[1]}"
            try:
                found = float(function(*arguments, **options))
            except ValueError as reason:
                outcomes.append(Outcome(name, label, np.nan, str(reason)))
                continue
            text = f"{found!r} for {expected[name]!r}: {_numbers(p)}, {_numbers(q)}"
            unit = 1.0 if takes_method else scale
            outcomes.append(Outcome(name, label, error_of(found, expected[name], unit), text))
    return outcomes


BASES: dict[str, tuple[Callable[[Any, int], Any], Any]] = {
    "Normal": (lambda rng, n: rng.normal(size=n), dist.Normal(0.0, 1.0)),
    "Laplace": (lambda rng, n: rng.laplace(size=n), dist.Laplace(0.0, 1.0)),
    "Gamma": (lambda rng, n: rng.gamma(2.0, size=n), dist.Gamma(2.0, 1.0)),
    "LogNormal": (lambda rng, n: rng.lognormal(size=n), dist.LogNormal(0.0, 1.0)),
    "StudentT": (lambda rng, n: rng.standard_t(3.0, size=n), dist.StudentT(3.0, 0.0, 1.0)),
    "Cauchy": (lambda rng, n: rng.standard_cauchy(size=n), dist.Cauchy(0.0, 1.0)),
}
SPOILS = ("as it is", "rounded", "repeated", "outliers", "offset", "whole numbers")


def spoil(rng: Any, kind: str, x: Any) -> Any:
    """What happens to columns on their way."""
    if kind == "rounded":
        return np.round(x, int(rng.integers(0, 4)))
    if kind == "repeated":
        return rng.choice(x, x.size)
    if kind == "outliers":
        return np.append(x, rng.uniform(-1, 1, int(rng.integers(1, 4))) * 1e9)
    if kind == "offset":
        return x + rng.uniform(-1e9, 1e9)
    if kind == "whole numbers":
        return np.round(x * 10.0 ** rng.integers(1, 6)).astype(np.int64)
    return x


def columns(count: int, seed: int) -> list[Outcome]:
    """Entropies of random columns; errors in standard errors, NaN where there is a warning."""
    rng = np.random.default_rng(seed)
    outcomes = []
    for _ in range(count):
        name, kind = str(rng.choice(list(BASES))), str(rng.choice(SPOILS))
        draw, law = BASES[name]
        n = int(np.exp(rng.uniform(np.log(100), np.log(5000))))
        if kind == "whole numbers":
            state = rng.bit_generator.state
            x = spoil(rng, kind, draw(rng, n))
            rng.bit_generator.state = state
            scale = float(np.std(x) / np.std(draw(rng, n)))
        else:
            x, scale = spoil(rng, kind, draw(rng, n)), 1.0
        truth = float(divlab.entropy(law)) + np.log(scale)
        label = f"{name} {kind}, n = {n}"
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                plain = float(divlab.entropy(x))
            found = divlab.estimate(divlab.entropy, x)
        except ValueError as reason:
            outcomes.append(Outcome("entropy", label, np.nan, str(reason)))
            continue
        if caught and not found.warnings:
            outcomes.append(Outcome("entropy", label, np.inf, "estimate does not warn"))
            continue
        error = np.nan if caught else abs(plain - truth) / found.standard_error
        text = f"{plain} for {truth} ± {found.standard_error}; {found.warnings}"
        outcomes.append(Outcome("entropy", label, error, text))
    return outcomes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=400)
    parser.add_argument("--columns", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bits", type=int, choices=(32, 64), default=32)
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", options.bits == 64)
    found = pairs(options.pairs, options.seed)
    tolerance = TOLERANCE[options.bits]
    print(f"{options.pairs} pairs out of {FAMILIES} families, {options.bits} bits")
    print("| quantity | worst error | above tolerance | refused |\n|---|---|---|---|")
    for name in QUANTITIES:
        errors = np.array([o.error for o in found if o.quantity == name])
        given = errors[~np.isnan(errors)]
        refused = np.isnan(errors).mean()
        print(f"| {name} | {given.max():.1e} | {(given > tolerance).sum()} | {refused:.1%} |")
    for outcome in found:
        if not outcome.error <= tolerance:
            print("refused" if np.isnan(outcome.error) else "OFF", *outcome[:2], outcome.text)
    if not options.columns:
        return
    found = columns(options.columns, options.seed)
    errors = np.array([o.error for o in found])
    print(
        f"{options.columns} columns: {np.isnan(errors).mean():.0%} with a warning or refused, "
        f"{(errors > 4).sum()} of the others more than 4 standard errors off"
    )
    for outcome in found:
        if outcome.error > 4:
            print("OFF", *outcome[:3], outcome.text)


if __name__ == "__main__":
    main()
