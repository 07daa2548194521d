"""The same objectives with another optimiser: is it the objective that keeps the modes?"""

from typing import Any

import xarray as xr
from numpyro.distributions import Distribution

from divlab.checks import Count, Numbers, Seeds
from divlab.models import GAN
from divlab.models.objectives import R1, VEEGAN, Minibatch, NonSaturating
from divlab.models.objectives.optimizers import Optimizer, adam
from divlab.models.protocol import ModelLike
from divlab.pytrees import Number, pytree
from divlab.sweeps import sweep


class _Momentum:
    """Adam with β₁ and β₂ of one's own."""

    learning_rate: Number
    b1: Any
    b2: Any

    def optimizer(self) -> Optimizer:
        return adam(self.learning_rate, b1=self.b1, b2=self.b2)


@pytree
class _NonSaturating(_Momentum, NonSaturating):
    b1: Number = 0.9
    b2: Number = 0.999


@pytree
class _R1(_Momentum, R1):
    b1: Number = 0.9
    b2: Number = 0.999


@pytree
class _Minibatch(_Momentum, Minibatch):
    b1: Number = 0.9
    b2: Number = 0.999


@pytree
class _VEEGAN(_Momentum, VEEGAN):
    b1: Number = 0.9
    b2: Number = 0.999


MODELS: dict[str, ModelLike] = {
    "non_saturating": GAN("non_saturating"),
    "non_saturating, β₁ 0.5": GAN(_NonSaturating(b1=0.5)),
    "non_saturating, β₁ 0, β₂ 0.99": GAN(_NonSaturating(b1=0.0, b2=0.99)),
    "r1": GAN("r1"),
    "r1, β₁ 0.9": GAN(_R1()),
    "minibatch": GAN("minibatch"),
    "minibatch, β₁ 0.9": GAN(_Minibatch()),
    "veegan": GAN("veegan"),
    "veegan, β₁ 0.9": GAN(_VEEGAN()),
}


def other_momentum(
    target: Distribution | Numbers, *, seeds: Seeds = 32, steps: Count = 2000, **options: Any
) -> xr.Dataset:
    """Objectives with the optimiser of their papers, and with another one.

    R1, minibatch discrimination and VEEGAN come with a smaller β₁ of Adam, its momentum, than the
    non-saturating GAN. What they gain could come from that alone. Here the non-saturating GAN gets
    their β₁, and they get its own, 0.9.

    Args:
        target: as in `divlab.fit`.
        seeds, steps: as in `divlab.sweep`.
        options: `batch_size`, `store` and `progress`, as in `divlab.sweep`.

    Returns:
        A Dataset as `divlab.sweep` returns it. A label without a β₁ is the objective as it is.

    Raises:
        TypeError, ValueError: as in `divlab.sweep`.

    Example:
        >>> import divlab
        >>> found = divlab.evidence.other_momentum(  # doctest: +SKIP
        ...     divlab.targets.two_gaussians(4.0, 0.5), seeds=2
        ... )
    """
    return sweep(MODELS, {"target": target}, seeds=seeds, steps=steps, **options)
