"""Families with a location and a scale that explorers offer as P and Q."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpyro.distributions as dist
from jaxtyping import Float

from divlab.targets import two_gaussians


class Family(NamedTuple):
    """A family of distributions with a location and a scale.

    Attributes:
        build: (location, scale) -> the distribution.
        draw: (generator, shape) -> samples with location 0 and scale 1. NumPy draws them, because
            a program of JAX would be compiled for each shape.
        built: `build` as code, of {loc} and {scale}.
        drawn: `draw` as code, of {rng} and {shape}.
    """

    build: Callable[[Any, Any], dist.Distribution]
    draw: Callable[[np.random.Generator, tuple[int, ...]], Float[np.ndarray, "..."]]
    built: str
    drawn: str


def _of_two_gaussians(loc: Any, scale: Any) -> dist.Distribution:
    """The mixture of scale · x + loc, where x is from two Gaussians 4 apart."""
    mixture = two_gaussians(4.0, 1.0)
    parts: Any = mixture.component_distribution
    return dist.MixtureSameFamily(
        mixture.mixing_distribution, dist.Normal(loc + scale * parts.loc, scale * parts.scale)
    )


FAMILIES: dict[str, Family] = {
    "Normal": Family(
        dist.Normal,
        lambda rng, shape: rng.standard_normal(shape),
        "dist.Normal({loc}, {scale})",
        "{rng}.standard_normal({shape})",
    ),
    "Laplace": Family(
        dist.Laplace,
        lambda rng, shape: rng.laplace(size=shape),
        "dist.Laplace({loc}, {scale})",
        "{rng}.laplace(size={shape})",
    ),
    "Logistic": Family(
        dist.Logistic,
        lambda rng, shape: rng.logistic(size=shape),
        "dist.Logistic({loc}, {scale})",
        "{rng}.logistic(size={shape})",
    ),
    "Cauchy": Family(
        dist.Cauchy,
        lambda rng, shape: rng.standard_cauchy(shape),
        "dist.Cauchy({loc}, {scale})",
        "{rng}.standard_cauchy({shape})",
    ),
    "Student's t, 3 degrees": Family(
        lambda loc, scale: dist.StudentT(3.0, loc, scale),
        lambda rng, shape: rng.standard_t(3.0, shape),
        "dist.StudentT(3.0, {loc}, {scale})",
        "{rng}.standard_t(3.0, {shape})",
    ),
    "Gumbel": Family(
        dist.Gumbel,
        lambda rng, shape: rng.gumbel(size=shape),
        "dist.Gumbel({loc}, {scale})",
        "{rng}.gumbel(size={shape})",
    ),
    "Uniform": Family(
        lambda loc, scale: dist.Uniform(loc - scale, loc + scale),
        lambda rng, shape: rng.uniform(-1.0, 1.0, shape),
        "dist.Uniform({loc} - {scale}, {loc} + {scale})",
        "{rng}.uniform(-1.0, 1.0, {shape})",
    ),
    "two Gaussians": Family(
        _of_two_gaussians,
        lambda rng, shape: rng.choice([-2.0, 2.0], shape) + rng.standard_normal(shape),
        "divlab.targets.gaussian_mixture([{loc} - 2 * {scale}, {loc} + 2 * {scale}], {scale})",
        "({rng}.choice([-2.0, 2.0], {shape}) + {rng}.standard_normal({shape}))",
    ),
}
