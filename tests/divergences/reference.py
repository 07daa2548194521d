"""The same quantities by another route: SciPy's densities and adaptive quadrature, in 64 bits."""

import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import integrate, optimize

Function = Callable[[np.ndarray], Any]
LEVELS = [1e-100, 1e-30, *np.logspace(-14, -2, 7), 0.05, 0.2, 0.5]


class Mixture:
    """A mixture of frozen SciPy distributions."""

    def __init__(self, weights: Any, parts: list[Any]) -> None:
        self.weights, self.parts = np.asarray(weights), parts

    def pdf(self, x: Any) -> Any:
        return sum(w * part.pdf(x) for w, part in zip(self.weights, self.parts, strict=True))

    def logpdf(self, x: Any) -> Any:
        logs = [np.log(w) + d.logpdf(x) for w, d in zip(self.weights, self.parts, strict=True)]
        return np.logaddexp.reduce(logs)

    def cdf(self, x: Any) -> Any:
        return sum(w * part.cdf(x) for w, part in zip(self.weights, self.parts, strict=True))

    def sf(self, x: Any) -> Any:
        return sum(w * part.sf(x) for w, part in zip(self.weights, self.parts, strict=True))


def breaks(*distributions: Any) -> np.ndarray:
    """Points that cut the line finely wherever there is mass, ends of supports included."""
    parts = [part for d in distributions for part in getattr(d, "parts", [d])]
    with warnings.catch_warnings():  # a quantile that SciPy cannot find is a cut like any other
        warnings.simplefilter("ignore")
        points = [f(level) for part in parts for f in (part.ppf, part.isf) for level in LEVELS]
    points += [end for part in parts for end in part.support()]
    return np.unique([point for point in points if np.isfinite(point)])


def line_integral(
    function: Function, cuts: Any, low: float = -np.inf, high: float = np.inf
) -> float:
    """∫ function from `low` to `high`, piece by piece; the function takes an array of points."""
    cuts = np.unique(np.clip(cuts, low, high))
    apart = np.diff(cuts, prepend=-np.inf) > 1e-14 * np.abs(cuts)  # the rule fails on less
    edges = np.unique([low, *cuts[apart], high])
    with np.errstate(all="ignore"):  # far out, where SciPy's densities rightly vanish
        pieces = integrate.tanhsinh(function, edges[:-1], edges[1:], rtol=1e-12, atol=1e-20)
    return float(np.sum(pieces.integral))


def crossings(function: Function, cuts: Any) -> list[float]:
    """Where a function changes sign, looked for on a fine grid."""
    grid = np.unique(np.concatenate([np.linspace(a, b, 41) for a, b in pairwise(cuts)]))
    signs = np.sign(function(grid))
    changes = np.flatnonzero(signs[:-1] * signs[1:] < 0)
    return [optimize.brentq(function, grid[i], grid[i + 1], xtol=1e-14) for i in changes]


def of_log_densities(integrand: Callable[[Any, Any], Any], p: Any, q: Any) -> float:
    """∫ integrand(log p, log q) dx where P has mass."""

    def function(x: Any) -> Any:
        log_p = p.logpdf(x)
        has_p = np.isfinite(log_p)
        return np.where(has_p, integrand(np.where(has_p, log_p, 0.0), q.logpdf(x)), 0.0)

    value = line_integral(function, breaks(p, q))
    return np.inf if np.isnan(value) else value


def kl(p: Any, q: Any) -> float:
    return of_log_densities(lambda a, b: np.exp(a) * (a - b), p, q)


def reverse_kl(p: Any, q: Any) -> float:
    return kl(q, p)


def jeffreys(p: Any, q: Any) -> float:
    return kl(p, q) + kl(q, p)


def chi2(p: Any, q: Any) -> float:
    return of_log_densities(lambda a, b: np.exp(2 * a - b), p, q) - 1


def neyman(p: Any, q: Any) -> float:
    return chi2(q, p)


def renyi(p: Any, q: Any, alpha: float) -> float:
    moment = of_log_densities(lambda a, b: np.exp(alpha * a + (1 - alpha) * b), p, q)
    return float(np.log(moment) / (alpha - 1))


def hellinger(p: Any, q: Any, squared: bool = False) -> float:
    def integrand(x: Any) -> Any:
        a, b = p.logpdf(x), q.logpdf(x)
        return np.where(np.maximum(a, b) < np.inf, (np.exp(a / 2) - np.exp(b / 2)) ** 2 / 2, 0.0)

    square = line_integral(integrand, breaks(p, q))
    return square if squared else float(np.sqrt(square))


def js(p: Any, q: Any, weight: float = 0.5) -> float:
    def integrand(x: Any) -> Any:
        a, b = p.logpdf(x), q.logpdf(x)
        m = np.logaddexp(np.log(weight) + a, np.log1p(-weight) + b)
        from_p = np.where(a > -700, np.exp(a) * (a - m), 0.0)
        return weight * from_p + (1 - weight) * np.where(b > -700, np.exp(b) * (b - m), 0.0)

    return line_integral(integrand, breaks(p, q))


def tv(p: Any, q: Any) -> float:
    def difference(x: Any) -> Any:
        return p.pdf(x) - q.pdf(x)

    cuts = breaks(p, q)
    cuts = np.concatenate([cuts, crossings(difference, cuts)])
    return line_integral(lambda x: abs(difference(x)) / 2, cuts)


def cross_entropy(p: Any, q: Any) -> float:
    return of_log_densities(lambda a, b: -np.exp(a) * b, p, q)


def entropy(p: Any) -> float:
    return cross_entropy(p, p)


def cramer(p: Any, q: Any) -> float:
    squares = line_integral(lambda x: (p.cdf(x) - q.cdf(x)) ** 2, breaks(p, q))
    return float(np.sqrt(squares))


def farthest(f: Function, g: Function, grid: np.ndarray) -> float:
    """The largest |f - g|, looked for on a fine grid and then between two points of it."""
    apart = abs(f(grid) - g(grid))
    best = int(apart.argmax())
    found = optimize.minimize_scalar(
        lambda u: -abs(f(u) - g(u)),
        bounds=(grid[max(best - 1, 0)], grid[min(best + 1, grid.size - 1)]),
        method="bounded",
        options={"xatol": 1e-13},
    )
    return float(max(apart[best], -found.fun))


def wasserstein(p: Any, q: Any, order: float = 1) -> float:
    if order == 1:

        def gap(x: Any) -> Any:  # from the smaller tail, so that neither cancels
            return np.where(p.cdf(x) < 0.5, p.cdf(x) - q.cdf(x), q.sf(x) - p.sf(x))

        cuts = breaks(p, q)
        cuts = np.concatenate([cuts, crossings(gap, cuts)])
        return line_integral(lambda x: abs(gap(x)), cuts)
    if np.isinf(order):
        is_bounded = bool(np.all(np.isfinite(p.support())))
        grid = [np.logspace(-12 if is_bounded else -3, -2, 101), np.linspace(0.01, 0.5, 500)]
        levels = np.concatenate([[0.0] * is_bounded, *grid])
        return max(farthest(f, g, levels) for f, g in ((p.ppf, q.ppf), (p.isf, q.isf)))

    def cost(f: Function, g: Function) -> float:
        def power(u: Any) -> Any:
            return abs(f(u) - g(u)) ** order

        levels = np.concatenate([LEVELS, crossings(lambda u: f(u) - g(u), LEVELS)])
        return line_integral(power, levels, 0.0, 0.5)

    return float((cost(p.ppf, q.ppf) + cost(p.isf, q.isf)) ** (1 / order))
