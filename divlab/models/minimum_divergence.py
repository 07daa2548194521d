"""Models that minimise a divergence itself: no bound, no critic, no batch of samples."""

import dataclasses
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Key
from numpyro.distributions import Distribution

from divlab.divergences import diagnosis, f_divergence
from divlab.divergences.families import Family
from divlab.divergences.inputs import read_number
from divlab.divergences.integrals.on_nodes import Law, read_target
from divlab.divergences.quantities import QUANTITIES, Quantity
from divlab.models.architecture import check_hidden
from divlab.models.data import Data
from divlab.models.densities import Density, read_density
from divlab.models.objectives.optimizers import Optimizer, adam, flat
from divlab.models.protocol import Losses, State
from divlab.models.units import Units
from divlab.pytrees import pytree, setting

_LEAST_MASS = 0.99  # of either distribution, that the nodes must see
_B2 = 0.99  # of Adam; gradients are exact, and need little averaging


@pytree
class Chosen:
    """A function of divlab with options, as a `MinimumDivergence` keeps it.

    Attributes:
        name: the name of the function.
        squared: whether its square is meant, of one that is a root.
        options: its other options; the numbers are leaves.
    """

    name: str = setting("kl")
    squared: bool = setting(False)
    options: Any = dataclasses.field(default_factory=dict)

    @property
    def quantity(self) -> Quantity:
        """All else that is particular to it."""
        return QUANTITIES[self.name]

    @property
    def is_likelihood(self) -> bool:
        """Whether measurements can stand for P: then minimising it is maximum likelihood."""
        row = self.quantity.row(self.options)
        if row is None or self.quantity.is_reversed:
            return False
        return row.from_entropies(0.0, 0.0) is not None


@pytree
class MinimumDivergence:
    """A density on the line that minimises the exact divergence from the target.

    It tells the divergence from the game. A GAN approximates a divergence by a critic and a VAE
    bounds one; here the same network descends the divergence D(target‖model) itself, a sum over
    some hundred nodes that cover both densities (see `docs/design/training.md`). There are no
    batches, so two runs differ in their initial parameters only.

    What is a root (`hellinger`, `cramer`, `energy`, `mmd`, and `wasserstein` of an order above 1)
    is descended as its square, or its power, which has a gradient at 0 too.

    Args:
        divergence: the name of a function of divlab ("kl", "reverse_kl", "jeffreys", "js", "tv",
            "hellinger", "chi2", "wasserstein", "cramer", "energy" or "mmd"), the function itself,
            a row of `divlab.families`, or a function with options:
            `functools.partial(divlab.wasserstein, order=2)`.
        density: what is fitted. "flow": x = G(z), z ~ N(0, 1), with G strictly increasing.
            "decoder": the decoder of `divlab.VAE`. "generator": the generator of `divlab.GAN`,
            which only "wasserstein", "cramer", "energy" and "mmd" can move. "normal": one Gaussian.
            "mixture", or `divlab.densities.Mixture(components=3)`: several.
        hidden: widths of the hidden layers of the network, if there is one.
        learning_rate: of Adam; None for that of the density, 3e-3 for a flow, 1e-3 for a decoder
            and a generator, 1e-2 for Gaussians.

    `history` of its runs has the `divergence` at each record, and `mass`, the smaller of the two
    masses that the nodes have seen. A run whose nodes see less than 0.99 has diverged. From
    measurements KL is maximum likelihood, on batches, and `history` has `log_likelihood`, the mean
    of log q in nats. "wasserstein", "cramer", "energy" and "mmd" compare the model with the
    empirical distribution; `mmd` with 1024 of its quantiles at most.

    Raises:
        TypeError, ValueError: an unknown divergence or density, an option out of its range, a
            generator that is to be trained by densities, a width below 1, a learning rate that is
            not positive. `fit` raises ValueError for measurements and a divergence of densities.

    Source: Wolfowitz (1957), The minimum distance method; Basu, Shioya & Park (2011), Statistical
    Inference: The Minimum Distance Approach.

    Example:
        >>> import divlab
        >>> model = divlab.MinimumDivergence("js", density="normal")
        >>> run = divlab.fit(model, divlab.targets.two_gaussians(), steps=200, record_every=100)
        >>> bool(run.history["divergence"][-1] < run.history["divergence"][0])
        True
    """

    divergence: Any = "kl"
    _: dataclasses.KW_ONLY
    density: Any = "flow"
    hidden: tuple[int, ...] = setting((32, 32))
    learning_rate: Any = None  # a number once it is made

    latent_dim, data_dim = 1, 1

    def __post_init__(self) -> None:
        hidden = check_hidden(self.hidden)
        density, chosen = read_density(self.density, hidden), _read_divergence(self.divergence)
        if not (density.has_density or chosen.quantity.moves_points):
            raise ValueError(
                f"density {density.name!r} is moved point by point, and {chosen.name} compares "
                f"densities; use density='flow' or 'decoder', or one of {_names_that_move()}."
            )
        rate = density.learning_rate if self.learning_rate is None else self.learning_rate
        need = "positive and finite"
        read_number("learning_rate", rate, low=0.0, high=np.inf, closed=False, need=need)
        checked = {"density": density, "divergence": chosen, "hidden": hidden}
        for name, value in (checked | {"learning_rate": rate}).items():
            object.__setattr__(self, name, value)

    @property
    def summary(self) -> str:
        """The divergence and the density."""
        return f"{self.divergence.quantity.label} of a {self.density.name}"

    def init(self, key: Key[Array, ""], data: Data) -> State:
        """An untrained density.

        Raises:
            ValueError: the target is measurements, and the divergence compares densities.
        """
        chosen = self.divergence
        is_known = isinstance(data.target, Distribution)
        if not (is_known or chosen.is_likelihood or chosen.quantity.moves_points):
            raise ValueError(
                f"target is measurements, which have no density, and {chosen.name} compares "
                f"densities; use kl (maximum likelihood), {_names_that_move()}, or a target that "
                "is a distribution."
            )
        cuts = read_target(data.target).landmarks
        learned = self.density.init(key, Units(jnp.mean(cuts), jnp.std(cuts)))
        return State(learned, self._optimizer().init(learned))

    def step(
        self, state: State, data: Data, key: Key[Array, ""], *, unroll: bool = False
    ) -> tuple[State, Losses]:
        """One step of Adam down the divergence; there is no loop to unroll."""

        def loss_of(params: Any) -> tuple[Float[Array, ""], Losses]:
            return self._loss(self.density.side(params), data, key)

        (_, losses), grads = jax.value_and_grad(loss_of, has_aux=True)(state.params)
        moves, opt = self._optimizer().update(grads, state.optimizer, state.params)
        return State(jax.tree.map(lax.add, state.params, moves), opt), losses

    def _optimizer(self) -> Optimizer:
        optimizer: Optimizer = flat(adam(self.learning_rate, b2=_B2, eps=self.density.epsilon))
        return optimizer

    def _loss(self, model: Any, data: Data, key: Key[Array, ""]) -> tuple[Float[Array, ""], Losses]:
        """What is descended, in units of the data, and what is recorded, in units of x."""
        chosen, unit = self.divergence, jnp.asarray(data.units.scale)
        if not isinstance(data.target, Distribution) and chosen.is_likelihood:
            assert isinstance(model, Law)
            likelihood = jnp.mean(model.log_density(data.draw(key)))
            return -likelihood, {"log_likelihood": likelihood - jnp.log(unit)}
        quantity = chosen.quantity
        options = quantity.options_in(unit, chosen.options)
        seen = quantity.seen(read_target(data.target), model, options)
        value = jnp.where(seen.mass >= _LEAST_MASS, seen.value, jnp.nan)
        options = {**options, "squared": chosen.squared}
        shown = quantity.finish(value, options) * unit ** quantity.degree(options)
        return value, {"divergence": lax.stop_gradient(shown), "mass": seen.mass}

    def sample(self, params: Any, key: Key[Array, ""], n: int) -> Float[Array, " n"]:
        """Draws of x."""
        draws: Array = self.density.sample(params, key, n)
        return draws

    def learned(self, params: Any) -> Distribution:
        """The law of x."""
        density: Density = self.density
        return density.learned(params)


def _names_that_move() -> str:
    return ", ".join(name for name, quantity in QUANTITIES.items() if quantity.moves_points)


def _read_divergence(divergence: Any) -> Chosen:
    """A divergence in one of the forms that a user may give it.

    Raises:
        TypeError: it has none of these forms.
        ValueError: no function has that name, or it is nothing to minimise.
    """
    if isinstance(divergence, Chosen):
        return divergence
    given: Any = divergence
    options: dict[str, Any] = {}
    if isinstance(given, Family):
        given, options = f_divergence, {"f": given}
    if isinstance(given, partial) and not given.args:
        given, options = given.func, dict(given.keywords)
    name = given if isinstance(given, str) else getattr(given, "__name__", "")
    quantity = QUANTITIES.get(name)
    is_function = quantity is not None and quantity.function is given
    if not (isinstance(given, str) or is_function):
        raise TypeError(
            "divergence must be the name of a function of divlab, the function, one with options "
            f"as functools.partial(divlab.js, weight=0.3), or a row of divlab.families; got "
            f"{divergence!r}."
        )
    if quantity is None or not quantity.is_minimisable:
        known = ", ".join(name for name, one in QUANTITIES.items() if one.is_minimisable)
        raise ValueError(f"divergence {name!r} is nothing to minimise; known are {known}.")
    _check_options(quantity, options)
    if options.get("order") == 1:
        options.pop("order", None)
    return Chosen(name, bool(options.pop("squared", False)), options)


def _check_options(quantity: Quantity, options: dict[str, Any]) -> None:
    """Refuses options that the function itself refuses."""
    needed = {name for name, is_needed in quantity.options.items() if is_needed} - set(options)
    if needed:
        option = min(needed)
        raise ValueError(
            f"{quantity.name} needs {option}: pass functools.partial(divlab.{quantity.name}, "
            f"{option}=...)."
        )
    others = set(options) - set(quantity.options)
    if others:
        raise TypeError(
            f"{quantity.name} has no option {min(others)!r} to train by; it has "
            f"{', '.join(quantity.options) or 'none'}."
        )
    if options:
        with diagnosis.quietly():
            quantity.function(np.arange(20.0), np.arange(20.0) + 0.5, **options)
    if np.isinf(options.get("order", 1.0)):
        raise ValueError("order must be finite: order=inf has a gradient at one point only.")


__all__ = ["MinimumDivergence"]
