"""SciPy's distributions, as the distributions of numpyro that they are.

SciPy has families with location and scale (`scipy.stats.gamma(2.0, loc=1.0)`) and objects
(`scipy.stats.Normal(mu=0.0)`). One row of `_frozen` and of `_objects` says what a family is in
numpyro.
"""

import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import numpyro.distributions as numpyro
from numpyro.distributions import Distribution
from numpyro.distributions.transforms import AffineTransform

_HAVE_NONE = (
    "It has no continuous counterpart in numpyro; pass samples of it, or a numpyro distribution."
)


def from_scipy(name: str, value: Any) -> Distribution | None:
    """The counterpart in numpyro of a distribution of SciPy; None where `value` is none of SciPy's.

    Args:
        name: of the argument, for messages.
        value: what a user passed.

    Raises:
        TypeError: `value` is SciPy's and there is no counterpart.
        ValueError: it is a batch, or its parameters make no distribution.
    """
    stats: Any = sys.modules.get("scipy.stats")  # nothing is SciPy's before that is imported
    if stats is None or not type(value).__module__.startswith("scipy."):
        return None
    if isinstance(value, stats.rv_histogram) or isinstance(
        getattr(value, "dist", None), stats.rv_histogram
    ):
        raise TypeError(
            f"{name} is a histogram of SciPy; divlab.targets.histogram(counts, edges) would do."
        )
    if isinstance(value, stats.rv_continuous | stats.rv_discrete):
        raise TypeError(
            f"{name} is a family, {_called(value)}; give it parameters, as in "
            "scipy.stats.norm(0, 1)."
        )
    family = getattr(value, "dist", None)
    if isinstance(family, stats.rv_continuous):
        return _of_frozen(name, value, family)
    if isinstance(family, stats.rv_discrete):
        raise TypeError(f"{name} must be continuous (have a density), got {_called(family)}.")
    build = _objects().get(type(value))
    if build is not None:
        return build(name, value)
    if type(value).__module__.startswith("scipy.stats"):
        raise TypeError(f"{name} is {value!r} of SciPy. {_HAVE_NONE}")
    return None  # an array of scipy.sparse, say, which other readers refuse


def _called(family: Any) -> str:
    return f"scipy.stats.{family.name or type(family).__name__}"


def _of_frozen(name: str, value: Any, family: Any) -> Distribution:
    build = _frozen().get(type(family))
    if build is None:
        raise TypeError(f"{name} is {_called(family)} of SciPy. {_HAVE_NONE}")
    shapes = family.shapes.split(", ") if family.shapes else []
    given = {"loc": 0.0, "scale": 1.0}
    given |= dict(zip([*shapes, "loc", "scale"], value.args, strict=False)) | value.kwds
    numbers = [_one(name, family, label, given[label]) for label in (*shapes, "loc", "scale")]
    if np.any(np.isnan(value.support())):
        said = ", ".join(f"{label}={given[label]}" for label in (*shapes, "loc", "scale"))
        raise ValueError(f"{name} is {_called(family)} with {said}: there is no such distribution.")
    return build(*numbers)


def _one(name: str, family: Any, label: str, number: Any) -> float:
    if np.size(number) != 1:
        raise ValueError(
            f"{name} must be one distribution, got {_called(family)} with {label} of shape "
            f"{np.shape(number)}."
        )
    return float(np.reshape(number, ()))


def _moved(base: Distribution, loc: float, scale: float = 1.0) -> Distribution:
    """The law of loc + scale x."""
    if loc == 0 and scale == 1:
        return base
    return numpyro.TransformedDistribution(base, AffineTransform(loc, scale, domain=base.support))


@lru_cache
def _frozen() -> dict[type, Callable[..., Distribution]]:
    """From the type of a family to a function of its shape parameters, of loc and of scale.

    It is the very type: a user's own subclass has a density of its own.
    """
    stats: Any = sys.modules["scipy.stats"]
    d: Any = numpyro
    builders: dict[str, Callable[..., Distribution]] = {
        "beta": lambda a, b, loc, scale: _moved(d.Beta(a, b), loc, scale),
        "cauchy": lambda loc, scale: d.Cauchy(loc, scale),
        "chi2": lambda df, loc, scale: _moved(d.Gamma(df / 2, 0.5 / scale), loc),
        "expon": lambda loc, scale: _moved(d.Exponential(1 / scale), loc),
        "gamma": lambda a, loc, scale: _moved(d.Gamma(a, 1 / scale), loc),
        "gompertz": lambda c, loc, scale: _moved(d.Gompertz(c, 1 / scale), loc),
        "gumbel_r": lambda loc, scale: d.Gumbel(loc, scale),
        "halfcauchy": lambda loc, scale: _moved(d.HalfCauchy(scale), loc),
        "halfnorm": lambda loc, scale: _moved(d.HalfNormal(scale), loc),
        "invgamma": lambda a, loc, scale: _moved(d.InverseGamma(a, scale), loc),
        "laplace": lambda loc, scale: d.Laplace(loc, scale),
        "laplace_asymmetric": lambda kappa, loc, scale: d.AsymmetricLaplace(loc, scale, kappa),
        "logistic": lambda loc, scale: d.Logistic(loc, scale),
        "lognorm": lambda s, loc, scale: _moved(d.LogNormal(np.log(scale), s), loc),
        "loguniform": lambda a, b, loc, scale: _moved(d.LogUniform(a * scale, b * scale), loc),
        "norm": lambda loc, scale: d.Normal(loc, scale),
        "pareto": lambda b, loc, scale: _moved(d.Pareto(scale, b), loc),
        "rayleigh": lambda loc, scale: _moved(d.Weibull(scale * np.sqrt(2), 2.0), loc),
        "t": lambda df, loc, scale: d.StudentT(df, loc, scale),
        "truncnorm": lambda a, b, loc, scale: d.TruncatedNormal(
            loc, scale, low=loc + a * scale, high=loc + b * scale
        ),
        "uniform": lambda loc, scale: d.Uniform(loc, loc + scale),
        "weibull_min": lambda c, loc, scale: _moved(d.Weibull(scale, c), loc),
    }
    return {type(getattr(stats, name)): build for name, build in builders.items()}


@lru_cache
def _objects() -> dict[type, Callable[[str, Any], Distribution]]:
    """From the type of an object to its counterpart; a release of SciPy may lack some of them."""
    stats: Any = sys.modules["scipy.stats"]

    def number(name: str, value: Any, label: str) -> float:
        found = getattr(value, label)
        if np.size(found) != 1:
            raise ValueError(
                f"{name} must be one distribution, got {type(value).__name__} of SciPy with "
                f"{label} of shape {np.shape(found)}."
            )
        return float(np.reshape(found, ()))

    def normal(name: str, value: Any) -> Distribution:
        return numpyro.Normal(*(number(name, value, label) for label in ("mu", "sigma")))

    def uniform(name: str, value: Any) -> Distribution:
        return numpyro.Uniform(*(number(name, value, label) for label in ("a", "b")))

    def logistic(name: str, value: Any) -> Distribution:
        return numpyro.Logistic(0.0, 1.0)

    def mixture(name: str, value: Any) -> Distribution:
        parts = [from_scipy(name, part) for part in value.components]
        mixing = numpyro.Categorical(probs=np.asarray(value.weights, float))
        return numpyro.MixtureGeneral(mixing, parts)

    builders = {"Normal": normal, "Uniform": uniform, "Logistic": logistic, "Mixture": mixture}
    found: dict[type, Callable[[str, Any], Distribution]] = {
        getattr(stats, name): build for name, build in builders.items() if hasattr(stats, name)
    }
    if hasattr(stats, "Normal"):
        found[type(stats.Normal())] = normal  # a type of its own where it is N(0, 1)
    return found
