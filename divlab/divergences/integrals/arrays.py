"""One formula for known and for traced numbers.

Where all numbers are known, arrays are NumPy's: nothing is compiled, and sums have 64 bits. Where
they are traced, as under `jax.jit`, `jax.vmap` and `jax.grad`, arrays are JAX's. What both spell
alike needs nothing; this file holds the rest.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from functools import lru_cache, wraps
from typing import Any, TypeVar, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Float

from divlab.compiling import LONG_RUNNING, jit_with
from divlab.divergences.integrals.packed import Packed
from divlab.pytrees import Number

Method = TypeVar("Method", bound=Callable[..., Any])
Array = Any  # of NumPy or of JAX, or a number of NumPy
BLOCK = 1024  # points that a program takes at least; one program serves all smaller numbers
_LARGEST = BLOCK << 10  # points that a program takes at most
_OF_HOST = np.ndarray, np.generic, float, int


def is_known(*trees: Any) -> bool:
    """Whether no number is traced, so that all of them can be looked at."""
    return all(map(_is_known, trees))


def _is_known(tree: Any) -> bool:
    if type(tree) is tuple:
        return all(map(_is_known, tree))
    known: bool | None = getattr(tree, "is_known", None)  # a `Packed` finds it out once
    if known is not None:
        return known
    return not any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(tree))


def on_host(array: Array) -> bool:
    """Whether an array is NumPy's, or a plain number."""
    return isinstance(array, _OF_HOST)


def namespace(*arrays: Array) -> Any:
    """The module `numpy` if it is that of all arrays, else `jax.numpy`."""
    return np if all(on_host(array) for array in arrays) else jnp


def precision() -> np.dtype:
    """The floating dtype in which densities are evaluated: JAX's default, of 32 or of 64 bits."""
    return np.dtype(jax.dtypes.canonicalize_dtype(float))


def has_32_bits() -> bool:
    """Whether densities are evaluated with 32 bits."""
    return precision().itemsize == 4


def on_device(value: Array) -> Float[jax.Array, ""]:
    """A number found on the host as an array of JAX, inf if it is too large for one.

    An array of JAX stays as it is.
    """
    if not on_host(value):
        found: jax.Array = value
        return found
    with np.errstate(over="ignore"):
        rounded = np.asarray(value, precision())
    found = identity(rounded)
    return found


@jax.jit
def identity(value: Any) -> Float[jax.Array, ""]:
    """The value itself, on the device: in half the time that `jnp.asarray` takes."""
    return jnp.asarray(value)


def fixed(tree: Any) -> Any:
    """The same numbers without a gradient."""
    if on_host(tree):
        return tree
    return jax.tree.map(lambda a: a if on_host(a) else lax.stop_gradient(a), tree)


def standard_deviation(x: Array) -> Array:
    """The standard deviation, also where the squares of what is measured are too small to hold."""
    xp, centred = namespace(x), x - x.mean()
    largest = fixed(xp.abs(centred).max())
    unit = xp.where(largest > 0, largest, 1.0)
    return unit * (centred / unit).std()


def set_rows(array: Array, rows: Array, values: Array) -> Array:
    """A copy of `array` with the `rows` of its first axis replaced."""
    if not on_host(array):
        return array.at[rows].set(values)
    array = array.copy()
    array[rows] = values
    return array


@contextlib.contextmanager
def computing_on_host() -> Iterator[None]:
    """Programs run at once, even where known numbers are used inside a function that is traced.

    `jax.ensure_compile_time_eval` would do that too. But while a program is traced for the first
    time, it also compiles and runs, one by one, all operations of it on constants.
    """
    with np.errstate(all="ignore"), jax.core.eval_context():
        yield


@contextlib.contextmanager
def integrating_on_host() -> Iterator[None]:
    """As `computing_on_host`, with 64 bits whatever JAX's default is.

    Near a singular end and far out in a tail, 32 bits end before the mass does.
    """
    before = _asked.set(asked_precision())
    try:
        with computing_on_host(), jax.enable_x64(True):
            yield
    finally:
        _asked.reset(before)


_asked: ContextVar[np.dtype | None] = ContextVar("asked", default=None)


def asked_precision() -> np.dtype:
    """The dtype of the results: JAX's default, also while there is integrating with 64 bits."""
    return _asked.get() or precision()


def compiled(
    *static: int, options: Mapping[str, Any] | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A function run as one program for each structure and shape of its arguments.

    It is `jax.jit`, but that no more than so many programs are kept, of all functions together.
    Such a program depends on a pair of types, or on a model, and takes hundreds of the memory maps
    that a process may have; one that is not used for long is forgotten, and compiled anew if it is
    needed again.

    Args:
        static: the positions of arguments that shape the program, such as functions.
        options: of the compiler, where no argument is traced.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        chosen = tuple((options or {}).items())

        @wraps(function)
        def call(*arguments: Any) -> Any:
            fixed_ones = tuple(arguments[i] for i in static)
            others = [a for i, a in enumerate(arguments) if i not in static]
            leaves, structure = jax.tree.flatten(others)
            shapes = tuple(jax.typeof(leaf) for leaf in leaves)
            return _program(function, static, fixed_ones, structure, shapes, chosen)(*others)

        return call

    return decorate


_KEPT = 24  # of some 500 memory maps each


@lru_cache(maxsize=_KEPT)
def _program(
    function: Callable[..., Any],
    places: tuple[Any, ...],
    static: tuple[Any, ...],
    structure: Any,
    shapes: tuple[Any, ...],
    options: tuple[tuple[str, Any], ...],
) -> Callable[..., Any]:
    @wraps(function)
    def run(*others: Any) -> Any:
        arguments = list(others)
        for place, value in zip(places, static, strict=True):
            arguments.insert(place, value)
        return function(*arguments)

    return jit_with(dict(options))(run)


def compiled_method(*static: str) -> Callable[[Method], Method]:
    """A method of a distribution run as one program for each shape of its arguments.

    Called outside of any program it would be compiled operation by operation, twenty or more. The
    distribution is packed, so that its parameters come in the same order in every process, and a
    program that is kept on disk is found again.

    Args:
        static: the names of arguments that shape the program.
    """

    def decorate(method: Method) -> Method:
        @wraps(method)
        def of_packed(packed: Any, *arguments: Any, **named: Any) -> Any:
            return method(packed.distribution, *arguments, **named)

        program = jit_with(LONG_RUNNING, static_argnames=static)(of_packed)

        @wraps(method)
        def call(self: Any, *arguments: Any, **named: Any) -> Any:
            return program(Packed(self), *arguments, **named)

        return cast(Method, call)

    return decorate


_ROWS = 256  # of `jax.vmap` that are integrated at a time


def in_blocks(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function returns; under `jax.vmap` it takes no more than so many rows at a time.

    An integral takes some 50 kB of temporary memory for each row. A thousand rows at once are more
    than a processor keeps near, and then half of the time goes into memory. The function cannot be
    differentiated.
    """
    leaves, structure = jax.tree.flatten(arguments)

    def of_leaves(*leaves: jax.Array) -> Any:
        return function(*jax.tree.unflatten(structure, leaves))

    of_any = jax.custom_batching.custom_vmap(of_leaves)

    @of_any.def_vmap
    def of_rows(size: int, is_batched: Sequence[bool], *leaves: jax.Array) -> tuple[Any, Any]:
        blocks = -(-size // _ROWS)
        length = -(-size // blocks)
        # With rows of which some come twice all blocks have one length, and are one program.
        rows = np.minimum(np.arange(blocks * length), size - 1)
        batched = [
            leaf[rows] for leaf, has_rows in zip(leaves, is_batched, strict=True) if has_rows
        ]

        def of_row(row: list[jax.Array]) -> Any:
            varying = iter(row)
            both = zip(leaves, is_batched, strict=True)
            return of_leaves(*(next(varying) if has_rows else leaf for leaf, has_rows in both))

        found = jax.tree.map(lambda a: a[:size], lax.map(of_row, batched, batch_size=length))
        return found, jax.tree.map(lambda _: True, found)

    return of_any(*leaves)


def compiled_if_traced(*static: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A function that runs on the host where its arguments are known, and else as `compiled`."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        program = compiled(*static)(function)

        @wraps(function)
        def call(*arguments: Any) -> Any:
            if is_known([a for i, a in enumerate(arguments) if i not in static]):
                with integrating_on_host():
                    return function(*arguments)
            return program(*arguments)

        return call

    return decorate


def matmul(values: Array, matrix: Array) -> Array:
    """`values @ matrix` in the precision of `values`: by default a GPU rounds both to 11 bits."""
    xp = namespace(values)
    matrix = xp.asarray(matrix, dtype=values.dtype)
    return values @ matrix if xp is np else xp.matmul(values, matrix, precision="highest")


def power(base: Array, exponent: Any) -> Array:
    """base^exponent for base >= 0, with gradient 0 at base = 0; NaN stays NaN."""
    xp = namespace(base)
    none = base <= 0
    return xp.where(none, 0.0, xp.where(none, 1.0, base) ** exponent)


def unless_nan(value: Array, *arguments: Any) -> Array:
    """NaN where any number of the arguments is: sorting and counting would pass over it."""
    leaves = [leaf for leaf in jax.tree.leaves(arguments)]
    xp = namespace(value)
    bad = [xp.any(xp.isnan(leaf)) for leaf in leaves]
    return xp.where(xp.any(xp.stack(bad)), np.nan, value)


def scatter(values: Array, places: Array, like: Array) -> Array:
    """Zeros of the shape of `like` along the last axis, with `values` in the given places of it."""
    shape = (*values.shape[:-1], *like.shape)
    if not on_host(values):
        return jnp.zeros(shape, values.dtype).at[..., places].set(values)
    array = np.zeros(shape, values.dtype)
    array[..., places] = values
    return array


def filled_size(count: int, least: int = BLOCK) -> int:
    """The next of the few lengths that programs are compiled for."""
    size = least
    while size < count:
        size *= 4
    return size


def fill(
    row: Float[np.ndarray, " n"], value: Number, least: int = BLOCK
) -> Float[np.ndarray, " size"]:
    """A row in the precision of JAX, made as long as `filled_size` says by copies of `value`."""
    filled = np.empty(filled_size(row.size, least), precision())
    filled[: row.size] = row
    filled[row.size :] = value
    return filled


def at_points(
    program: Callable[..., Any], *arrays: Float[np.ndarray, "*points"], least: int = BLOCK
) -> Float[np.ndarray, "..."]:
    """The values of a compiled function of points, given as NumPy arrays of one shape.

    A program is compiled for each length of its arguments. Points are therefore filled up to one
    of a few lengths, and what is found for the rest is dropped. A program that returns several
    values for each point has the points along its last axis.
    """
    shape = arrays[0].shape
    rows = [np.ravel(array) for array in arrays]
    count = rows[0].size
    if count > _LARGEST:
        parts = range(0, count, _LARGEST)
        found = [at_points(program, *(r[i : i + _LARGEST] for r in rows)) for i in parts]
        values = np.concatenate(found, axis=-1)
    else:
        filled = (fill(row, row[-1] if count else 0.0, least) for row in rows)
        with jax.core.eval_context():
            values = np.asarray(program(*filled))[..., :count]
    return values.reshape(*values.shape[:-1], *shape)
