"""The ways to compute a divergence, to be passed as `method=` by name or with their options.

Example:
    >>> import divlab
    >>> from divlab.methods import NearestNeighbours
    >>> float(divlab.kl([0.0, 1.0, 2.0, 4.0], [0.5, 1.5, 3.0], method=NearestNeighbours(k=1)))
    0.0
"""

from numbers import Real
from typing import Any

import jax
import numpy as np

from divlab.checks import check_count, read_key
from divlab.pytrees import record, setting

BOUNDS = ("donsker_varadhan", "nwj", "f_gan")


def _need_positive(name: str, value) -> None:
    if isinstance(value, jax.core.Tracer):
        return
    if isinstance(value, str | bytes | bool) or np.ndim(value) != 0 or np.iscomplexobj(value):
        raise TypeError(f"{name} must be a positive number, got {value!r}.")
    try:
        positive = 0 < float(value) < float("inf")
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a positive number, got {value!r}.") from None
    if not positive:
        raise ValueError(f"{name} must be a positive number, got {value!r}.")


@record
class ClosedForm:
    """A formula for these types of distributions, exact to rounding."""

    name = "closed_form"


@record
class Quadrature:
    """Integration over the line for any two distributions, near rounding error."""

    name = "quadrature"


@record
class MonteCarlo:
    """The mean over draws from the even mixture of both distributions, by their exact densities.

    Attributes:
        samples: how many draws; half come from each distribution.
        key: an int or a JAX key.
    """

    samples: int = setting(100_000)
    key: Any = 0
    name = "monte_carlo"

    def __post_init__(self):
        """Refuses too few samples to have a standard error."""
        check_count("samples", self.samples, 4)
        object.__setattr__(self, "key", read_key("key", self.key))


@record
class NearestNeighbours:
    """Estimates from two samples by distances to, or counts of, the nearest neighbours.

    Attributes:
        k: which neighbour; larger is smoother. None takes 5 where distances are compared, for
            entropies, KL, χ² and what else has no bound, and 1.5 √n, at least 5, where neighbours
            are counted, for JS, total variation and Hellinger, n being the size of the smaller
            sample. The noise of a gradient in the samples falls as √n / k: where one differentiates
            KL, k of about n^(2/3) is better.
    """

    k: int | None = setting(None)
    name = "nearest_neighbours"

    def __post_init__(self):
        """Refuses a k that is not a positive integer."""
        if self.k is not None:
            check_count("k", self.k)


@record
class Histogram:
    """Shares of two samples in common bins that hold equally many of the pooled samples.

    It has no gradient: to differentiate it is an error.

    Attributes:
        bins: how many; None takes 2 n^(1/3) for the smaller of two samples of size n. Where a
            divergence has no bound, half a sample is added to every bin, so that an empty one does
            not make it infinite.
    """

    bins: int | None = setting(None)
    name = "histogram"

    def __post_init__(self):
        """Refuses fewer than two bins."""
        if self.bins is not None:
            check_count("bins", self.bins, 2)


@record
class KDE:
    """Gaussian kernel density estimates of two samples, the kernels wider where samples are rare.

    Beyond the outermost samples an estimate falls as a Gaussian does, whatever P and Q: for
    heavier tails, KL and χ² come out far too large.

    Attributes:
        bandwidth: the geometric mean of the kernels' standard deviations, in units of x; None
            takes Silverman's rule for each sample.
    """

    bandwidth: float | None = None
    name = "kde"

    def __post_init__(self):
        """Refuses a bandwidth that is not positive."""
        if self.bandwidth is not None:
            _need_positive("bandwidth", self.bandwidth)


@record
class Variational:
    """A lower bound by a critic trained to tell the samples apart, reported on held-out samples.

    The bound holds on average: an estimate from few held-out samples may lie above the truth. It
    cannot see ratios of densities beyond the number of training samples, and falls short where
    those matter.

    Attributes:
        bound: "f_gan" for the bound of the family's own conjugate, "nwj" for that of KL (Nguyen,
            Wainwright & Jordan), "donsker_varadhan" for the tighter one that KL has. None takes
            Donsker-Varadhan for KL, f-GAN for the others.
        hidden: widths of the critic's hidden layers.
        steps: training steps of Adam.
        batch_size: how many samples of each kind a step sees, or all there are.
        learning_rate: of Adam, decaying to 0 along a cosine.
        held_out: the share of each sample that a critic is not trained on, at most a half; 1 /
            held_out critics are trained, so that every sample is held out once.
        key: an int or a JAX key, for the split and the initial weights.
    """

    bound: str | None = setting(None)
    hidden: tuple[int, ...] = setting((32, 32))
    steps: int = setting(1000)
    batch_size: int = setting(256)
    learning_rate: float = 3e-3
    held_out: float = setting(0.5)
    key: Any = 0
    name = "variational"

    def __post_init__(self):
        """Refuses unknown bounds, empty networks and impossible splits."""
        if self.bound is not None and self.bound not in BOUNDS:
            raise ValueError(
                f"bound must be None or one of {', '.join(BOUNDS)}, got {self.bound!r}."
            )
        if not isinstance(self.hidden, tuple | list):
            raise TypeError(f"hidden must be a tuple of widths, got {self.hidden!r}.")
        object.__setattr__(self, "hidden", tuple(check_count("hidden", w) for w in self.hidden))
        check_count("steps", self.steps)
        check_count("batch_size", self.batch_size)
        _need_positive("learning_rate", self.learning_rate)
        if not isinstance(self.held_out, Real) or isinstance(self.held_out, bool):
            raise TypeError(f"held_out must be a number, got {self.held_out!r}.")
        if not 0 < self.held_out <= 0.5:
            raise ValueError(f"held_out must be above 0 and at most 0.5, got {self.held_out!r}.")
        object.__setattr__(self, "key", read_key("key", self.key))


METHODS = {
    method.name: method
    for method in (
        ClosedForm, Quadrature, MonteCarlo, NearestNeighbours, Histogram, KDE, Variational
    )
}  # fmt: skip

__all__ = [
    "KDE",
    "METHODS",
    "ClosedForm",
    "Histogram",
    "MonteCarlo",
    "NearestNeighbours",
    "Quadrature",
    "Variational",
]
