"""The ways to compute a divergence, to be passed as `method=` by name or with their options.

Example:
    >>> import divlab
    >>> from divlab.methods import NearestNeighbours
    >>> float(divlab.kl([0.0, 1.0, 2.0, 4.0], [0.5, 1.5, 3.0], method=NearestNeighbours(k=1)))
    0.0
"""

from numbers import Real
from typing import Any

from divlab.checks import check_count, read_key
from divlab.records import record, setting

BOUNDS = ("donsker_varadhan", "nwj", "f_gan")


def _need_positive(name: str, value) -> None:
    if isinstance(value, Real) and not 0 < value < float("inf"):
        raise ValueError(f"{name} must be a positive number, got {value!r}.")
    if isinstance(value, str | bytes):
        raise TypeError(f"{name} must be a positive number, got {value!r}.")


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
    """Estimates from two samples by distances to the k-th nearest neighbour.

    Attributes:
        k: which neighbour; larger is smoother. None takes 5 for entropies and KL, which are
            unbiased to first order at any k, and the square root of the sample size, at least 5,
            for divergences whose ratios are counted, which need many neighbours.
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

    Attributes:
        bins: how many; None takes 2 n^(1/3) for the smaller of two samples of size n.
    """

    bins: int | None = setting(None)
    name = "histogram"

    def __post_init__(self):
        """Refuses fewer than two bins."""
        if self.bins is not None:
            check_count("bins", self.bins, 2)


@record
class KDE:
    """Gaussian kernel density estimates of two samples, integrated on an even grid.

    Attributes:
        bandwidth: standard deviation of the kernel, in units of x; None takes Silverman's rule
            for each sample.
    """

    bandwidth: float | None = None
    name = "kde"

    def __post_init__(self):
        """Refuses a bandwidth that is not positive."""
        _need_positive("bandwidth", self.bandwidth)


@record
class Variational:
    """A lower bound by a trained critic, reported on samples it was not trained on.

    Attributes:
        bound: "f_gan" for the bound of the family's own conjugate (for KL that is the one of
            Nguyen, Wainwright & Jordan, "nwj"), "donsker_varadhan" for the tighter one that KL
            has. None takes Donsker-Varadhan for KL, f-GAN for the others.
        hidden: widths of the critic's hidden layers.
        steps: training steps of Adam.
        learning_rate: of Adam, decaying to 0 along a cosine.
        held_out: the share of each sample that the critic is not trained on.
        key: an int or a JAX key, for the split, the initial weights and the batches.
    """

    bound: str | None = setting(None)
    hidden: tuple[int, ...] = setting((32, 32))
    steps: int = setting(2000)
    batch_size: int = setting(256)
    learning_rate: float = 1e-3
    held_out: float = setting(0.5)
    key: Any = 0
    name = "variational"

    def __post_init__(self):
        """Refuses unknown bounds, empty networks and impossible splits."""
        if self.bound is not None and self.bound not in BOUNDS:
            raise ValueError(
                f"bound must be None or one of {', '.join(BOUNDS)}, got {self.bound!r}."
            )
        for width in self.hidden:
            check_count("hidden", width)
        check_count("steps", self.steps)
        check_count("batch_size", self.batch_size)
        _need_positive("learning_rate", self.learning_rate)
        if not 0 < self.held_out < 1:
            raise ValueError(f"held_out must be strictly between 0 and 1, got {self.held_out!r}.")
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
