"""The same quantities by another route: SciPy's densities and adaptive quadrature, in 64 bits."""

from itertools import pairwise

import numpy as np
from scipy import integrate, optimize

LEVELS = [1e-100, 1e-30, *np.logspace(-14, -2, 7), 0.05, 0.2, 0.5]


class Mixture:
    """A mixture of frozen SciPy distributions."""

    def __init__(self, weights, parts):
        self.weights, self.parts = np.asarray(weights), parts

    def pdf(self, x):
        return sum(w * part.pdf(x) for w, part in zip(self.weights, self.parts, strict=True))

    def logpdf(self, x):
        logs = [np.log(w) + d.logpdf(x) for w, d in zip(self.weights, self.parts, strict=True)]
        return np.logaddexp.reduce(logs)

    def cdf(self, x):
        return sum(w * part.cdf(x) for w, part in zip(self.weights, self.parts, strict=True))

    def sf(self, x):
        return sum(w * part.sf(x) for w, part in zip(self.weights, self.parts, strict=True))


def breaks(*distributions):
    """Points that cut the line finely wherever there is mass, ends of supports included."""
    parts = [part for d in distributions for part in getattr(d, "parts", [d])]
    points = [f(level) for part in parts for f in (part.ppf, part.isf) for level in LEVELS]
    points += [end for part in parts for end in part.support()]
    return np.unique([point for point in points if np.isfinite(point)])


def line_integral(function, cuts, low=-np.inf, high=np.inf):
    """∫ function from `low` to `high`, piece by piece."""
    cuts = np.unique(np.clip(cuts, low, high))
    pieces = zip([low, *cuts], [*cuts, high], strict=True)
    # With full_output SciPy does not warn on reaching rounding error, where it is meant to stop.
    options = {"epsabs": 0.0, "epsrel": 1e-12, "limit": 400, "full_output": True}
    with np.errstate(over="ignore"):  # far out, where SciPy's densities rightly vanish
        values = [integrate.quad(function, a, b, **options)[0] for a, b in pieces if b > a]
    return float(np.sum(values))


def crossings(function, cuts):
    """Where a function changes sign, looked for on a fine grid."""
    grid = np.unique(np.concatenate([np.linspace(a, b, 41) for a, b in pairwise(cuts)]))
    signs = np.sign([function(x) for x in grid])
    changes = np.flatnonzero(signs[:-1] * signs[1:] < 0)
    return [optimize.brentq(function, grid[i], grid[i + 1], xtol=1e-14) for i in changes]


def kl(p, q):
    def integrand(x):
        log_p = p.logpdf(x)
        return np.exp(log_p) * (log_p - q.logpdf(x)) if log_p > -700 else 0.0

    return line_integral(integrand, breaks(p, q))


def js(p, q, weight=0.5):
    def integrand(x):
        a, b = p.logpdf(x), q.logpdf(x)
        m = np.logaddexp(np.log(weight) + a, np.log1p(-weight) + b)
        from_p = weight * np.exp(a) * (a - m) if a > -700 else 0.0
        return from_p + ((1 - weight) * np.exp(b) * (b - m) if b > -700 else 0.0)

    return line_integral(integrand, breaks(p, q))


def tv(p, q):
    def difference(x):
        return p.pdf(x) - q.pdf(x)

    cuts = breaks(p, q)
    cuts = np.concatenate([cuts, crossings(difference, cuts)])
    return line_integral(lambda x: abs(difference(x)) / 2, cuts)


def cross_entropy(p, q):
    def integrand(x):
        log_p = p.logpdf(x)
        return -np.exp(log_p) * q.logpdf(x) if log_p > -700 else 0.0

    return line_integral(integrand, breaks(p, q))


def entropy(p):
    return cross_entropy(p, p)


def wasserstein(p, q, order=1):
    if order == 1:

        def gap(x):  # from the smaller tail, so that neither cancels
            return p.cdf(x) - q.cdf(x) if p.cdf(x) < 0.5 else q.sf(x) - p.sf(x)

        cuts = breaks(p, q)
        cuts = np.concatenate([cuts, crossings(gap, cuts)])
        return line_integral(lambda x: abs(gap(x)), cuts)
    levels = np.array(LEVELS)
    halves = [
        line_integral(lambda u, f=f, g=g: abs(f(u) - g(u)) ** order, levels, 0.0, 0.5)
        for f, g in ((p.ppf, q.ppf), (p.isf, q.isf))
    ]
    return sum(halves) ** (1 / order)
