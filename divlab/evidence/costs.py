"""What a step of training costs: counted by hand, by XLA, and by the clock."""

import itertools
import time
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import jax
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Key
from numpyro.distributions import Normal

from divlab.checks import Count, check_count
from divlab.divergences.integrals.packed import Packed
from divlab.metrics import wilson
from divlab.models import GAN, VAE, training_cost
from divlab.models.data import repeated
from divlab.models.protocol import Losses, Model, State
from divlab.pytrees import as_arrays

# N points in a batch, D numbers in a point, H units in a hidden layer; where one of them grows,
# the other two stay at these.
BASE = {"N": 256, "D": 64, "H": 32}
SIZES = {"N": (256, 1024, 4096), "D": (512, 2048, 8192), "H": (128, 512, 2048)}
KINDS = {"VAE": VAE, "GAN": GAN}
_COUNTS = ("flops", "bytes", "parameters")
_HAND_COUNTED = ("ELBO", "Minimax", "NonSaturating", "LeastSquares", "Hinge")

# For arguments that are checked where they are read.
Sizes: TypeAlias = Mapping[str, Sequence[int]]


def operations_by_hand(model: VAE | GAN, batch_size: Count = 256) -> int:
    """What the matrix products of one training step cost, counted from the widths of the layers.

    A layer from a to b numbers, for a batch of N points, is a product of 2·N·a·b operations. Its
    gradient in the weights is another, and its gradient in the layer's inputs a third. A first
    layer needs no third one where nothing that is learned lies before it.

    Args:
        model: a `divlab.VAE` of the ELBO, or a `divlab.GAN` of one critic that is updated once.
        batch_size: N.

    Returns:
        The number of multiplications and additions of all products.

    Raises:
        TypeError, ValueError: the step of that model is another; `batch_size` is below 1.

    Source: of the three products of a layer, Rumelhart, Hinton & Williams (1986), Learning
        representations by back-propagating errors, Nature 323.

    Example:
        >>> import divlab
        >>> divlab.evidence.operations_by_hand(divlab.VAE(hidden=(32,), data_dim=64), 256)
        5390336
    """
    if not isinstance(model, (VAE, GAN)):
        raise TypeError(f"model must be a divlab.VAE or a divlab.GAN, got {model!r}.")
    if type(model.objective).__name__ not in _HAND_COUNTED:
        raise ValueError(
            f"model must have an objective among {', '.join(_HAND_COUNTED)}, whose step is counted "
            f"here; got {type(model.objective).__name__}."
        )
    points = check_count("batch_size", batch_size)
    inner = (model.latent_dim, *model.hidden, model.data_dim)
    if isinstance(model, VAE):
        encoder, decoder = (model.data_dim, *model.hidden, 2 * model.latent_dim), inner
        return 2 * points * (3 * _weights(encoder) - _first(encoder) + 3 * _weights(decoder))
    critic = (model.data_dim, *model.hidden, 1)
    critic_update = _weights(inner) + 2 * (3 * _weights(critic) - _first(critic))
    generator_update = 3 * _weights(inner) - _first(inner) + 2 * _weights(critic)
    return 2 * points * (critic_update + generator_update)


def _weights(widths: Sequence[int]) -> int:
    return sum(a * b for a, b in itertools.pairwise(widths))


def _first(widths: Sequence[int]) -> int:
    return widths[0] * widths[1]


def cost_exponents(
    kinds: Sequence[str] = ("VAE", "GAN"),
    layers: Sequence[int] = (1, 2),
    *,
    base: Mapping[str, int] = BASE,
    sizes: Sizes = SIZES,
    rounds: int = 0,
) -> xr.Dataset:
    """How the cost of a training step grows with the batch, the data and the networks.

    One of N (points in a batch), D (numbers in a point) and H (units in each hidden layer) grows,
    and the other two stay at `base`. The exponent of a quantity is the slope of a straight line
    fitted to its logarithm against the logarithm of the size.

    Args:
        kinds: "VAE", "GAN" or both, with their default objectives.
        layers: how many hidden layers each network has.
        base: "N", "D" and "H" to their values while another one grows.
        sizes: any of "N", "D" and "H" to the values it takes, as many for each, at least two.
        rounds: how often each step is run too, to measure it; 0 for not at all. Running takes a
            minute or two.

    Returns:
        A Dataset over model, layers, vary (which of N, D, H grows) and point: `flops`, `bytes` and
        `parameters` as in `divlab.training_cost`, and `by_hand`, the operations of the matrix
        products by `operations_by_hand`. With `rounds`, also `seconds`, the least time that the
        processor's cores spent together on a step, and `memory`, the bytes that the compiled step
        needs beside its arguments and results. `size` is over vary and point,
        `exponent` over quantity, model, layers and vary.

    Raises:
        ValueError: a kind or a size is not known, `base` lacks one, or the sizes are not as many
            for each.

    Example:
        >>> import divlab
        >>> table = divlab.evidence.cost_exponents(["VAE"], [1], sizes={"H": (256, 1024)})
        >>> round(float(table["exponent"].sel(quantity="parameters").squeeze()), 2)
        1.0
    """
    _check(kinds, base, sizes)
    shape = len(kinds), len(layers), len(sizes), len(next(iter(sizes.values())))
    steps = [
        _step_of(kind, depth, {**base, vary: size})
        for kind, depth, vary in itertools.product(kinds, layers, sizes)
        for size in sizes[vary]
    ]
    counts = [training_cost(model, points)._asdict() for model, points in steps]
    table = {name: [count[name] for count in counts] for name in _COUNTS}
    table["by_hand"] = [operations_by_hand(model, points) for model, points in steps]
    if rounds:
        table["memory"], table["seconds"] = _measure(steps, rounds)
    dims = ("model", "layers", "vary", "point")
    found = xr.Dataset(
        {name: (dims, np.reshape(values, shape).astype(float)) for name, values in table.items()},
        coords={"model": list(kinds), "layers": list(layers), "vary": list(sizes)},
    )
    found["size"] = (("vary", "point"), np.array(list(sizes.values())))
    slopes = [_exponents(found[name], found["size"]) for name in table]
    exponents = xr.concat(slopes, "quantity").assign_coords(quantity=list(table))
    return found.assign(exponent=exponents)


def arrivals(table: xr.Dataset, *, confidence: float = 0.95) -> xr.Dataset:
    """How many trainings arrived below the bar, and what it took, for each model.

    A training that did not arrive counts as one that takes for ever, so that a median is infinite
    where fewer than half arrived.

    Args:
        table: of `divlab.evidence.steps_to_reach`.
        confidence: of the intervals.

    Returns:
        A Dataset over model: `arrived`, the number of seeds below the bar at some record, `rate`,
        their share, `low` and `high`, the ends of Wilson's interval for it; `steps` and `flops`,
        the medians over all seeds, and `steps_late` and `flops_late`, what nine in ten do not
        exceed; `flops_per_step`. Attribute `seeds` says of how many.

    Raises:
        ValueError: `confidence` is not strictly between 0 and 1.

    Example:
        >>> import divlab
        >>> models = {"vae": divlab.VAE(hidden=(8,))}
        >>> target = divlab.targets.two_gaussians(1.0)
        >>> options = {"seeds": 3, "steps": 5, "batch_size": 32}
        >>> table = divlab.evidence.steps_to_reach(models, target, 9.0, **options)
        >>> divlab.evidence.arrivals(table)["arrived"].values.tolist()
        [3]
    """
    count = table.sizes["seed"]
    arrived = table["steps"].notnull().sum("seed")
    ends = np.array([wilson(int(n), count, confidence) for n in arrived.values])
    found = {"arrived": arrived, "rate": arrived / count}
    found |= {name: arrived.copy(data=ends[:, i]) for i, name in enumerate(("low", "high"))}
    for name in ("steps", "flops"):
        for label, share in ((name, 0.5), (f"{name}_late", 0.9)):
            # A quantile that is one of the values: between two of them it would be NaN if infinite.
            at = table[name].fillna(np.inf).quantile(share, "seed", method="inverted_cdf")
            found[label] = at.drop_vars("quantile")
    each = table["flops"] / table["steps"].where(table["steps"] > 0)
    found["flops_per_step"] = each.max("seed")
    return xr.Dataset(found, attrs={**table.attrs, "seeds": count, "confidence": confidence})


def arrived_within(table: xr.Dataset, of: str = "steps", *, points: Count = 81) -> xr.DataArray:
    """The share of trainings that arrived below the bar within a budget, for each model.

    Args:
        table: of `divlab.evidence.steps_to_reach`.
        of: what the budget is of, "steps" or "flops".
        points: how many budgets, from 0 to what the last arrival took.

    Returns:
        A DataArray over model and budget: shares between 0 and 1.

    Raises:
        ValueError: `of` is neither.

    Example:
        >>> import divlab
        >>> models = {"vae": divlab.VAE(hidden=(8,))}
        >>> target = divlab.targets.two_gaussians(1.0)
        >>> options = {"seeds": 3, "steps": 5, "batch_size": 32}
        >>> table = divlab.evidence.steps_to_reach(models, target, 9.0, **options)
        >>> divlab.evidence.arrived_within(table, points=2).values.tolist()
        [[1.0, 1.0]]
    """
    if of not in ("steps", "flops"):
        raise ValueError(f"of must be 'steps' or 'flops', got {of!r}.")
    budgets = np.linspace(0, float(table[of].max()), check_count("points", points, 2))
    within = table[of] <= xr.DataArray(budgets, coords={"budget": budgets})
    return within.mean("seed").transpose("model", "budget")


def _check(kinds: Sequence[str], base: Mapping[str, int], sizes: Sizes) -> None:
    for name, given, known in (
        ("kinds", kinds, KINDS),
        ("base", base, BASE),
        ("sizes", sizes, BASE),
    ):
        for one in given:
            if one not in known:
                raise ValueError(f"{name} must be among {', '.join(known)}; got {one!r}.")
    if set(base) != set(BASE):
        raise ValueError(f"base must give {', '.join(BASE)}; got {', '.join(base)}.")
    lengths = {len(values) for values in sizes.values()}
    if len(lengths) != 1 or min(lengths) < 2:
        raise ValueError("sizes must be two or more for each, and as many for each.")


def _step_of(kind: str, depth: int, sizes: Mapping[str, int]) -> tuple[Any, int]:
    model = KINDS[kind](hidden=(sizes["H"],) * depth, data_dim=sizes["D"])
    return model, sizes["N"]


def _exponents(values: xr.DataArray, sizes: xr.DataArray) -> xr.DataArray:
    exponents = values.isel(point=0, drop=True).copy()
    for vary in values["vary"].values:
        logs = np.log(values.sel(vary=vary).values)
        slope = np.polyfit(
            np.log(sizes.sel(vary=vary).values), logs.reshape(-1, logs.shape[-1]).T, 1
        )
        exponents.loc[{"vary": vary}] = slope[0].reshape(logs.shape[:-1])
    return exponents


def _measure(steps: Sequence[tuple[Any, int]], rounds: int) -> tuple[list[int], list[float]]:
    """The bytes and the least processor time of each step; rounds go over all of them in turn."""
    calls = []
    for model, points in steps:
        shape = (points,) if model.data_dim == 1 else (points, model.data_dim)
        batch, key = jax.random.normal(jax.random.key(1), shape), jax.random.key(0)
        arrays = as_arrays(model)
        state = _begin(arrays, batch, key)
        calls.append(
            (_step.lower(arrays, state, batch, key).compile(), (arrays, state, batch, key))
        )
    memory: list[Any] = [program.memory_analysis() for program, _ in calls]
    least = np.full(len(calls), np.inf)
    for _ in range(rounds):
        for index, (program, arguments) in enumerate(calls):
            start = time.process_time()
            jax.block_until_ready(program(*arguments))
            least[index] = min(least[index], time.process_time() - start)
    return [one.temp_size_in_bytes for one in memory], least.tolist()


@jax.jit
def _begin(model: Model, batch: Float[Array, " n *dim"], key: Key[Array, ""]) -> State:
    return model.init(key, repeated(Packed(Normal(0.0, 1.0)), batch))


@jax.jit
def _step(
    model: Model, state: State, batch: Float[Array, " n *dim"], key: Key[Array, ""]
) -> tuple[State, Losses]:
    return model.step(state, repeated(Packed(Normal(0.0, 1.0)), batch), key, unroll=True)
