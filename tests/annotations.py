"""Checks the annotations of the package while tests run: shapes and dtypes of arrays too.

It must be imported before the package, whose functions it wraps.
"""

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, get_args

import jaxtyping
from beartype import BeartypeConf, beartype
from jaxtyping import install_import_hook

# An int is taken for a float, as it is everywhere in Python.
checked = beartype(conf=BeartypeConf(is_pep484_tower=True, violation_type=jaxtyping.TypeCheckError))
_jaxtyped = jaxtyping.jaxtyped


def _has_shape(annotation: Any) -> bool:
    """Whether an annotation may be one of an array; a text may be of anything."""
    if isinstance(annotation, str):
        return True
    if isinstance(annotation, type) and issubclass(annotation, jaxtyping.AbstractArray):
        return True
    return any(_has_shape(part) for part in get_args(annotation))


def _quickly_jaxtyped(function: Any, *, typechecker: Callable[[Any], Any]) -> Any:
    """A function whose annotations are checked, with the work that jaxtyping need not do left out.

    Its own wrapper checks arguments twice, once more with the result, and keeps a record of shapes
    for functions without arrays too. Where small functions run often, that was a third of the time.
    """
    if not inspect.isfunction(function) or inspect.isgeneratorfunction(function):
        return _jaxtyped(function, typechecker=typechecker)
    with_checks = typechecker(function)
    has_shapes = any(_has_shape(annotation) for annotation in function.__annotations__.values())

    @functools.wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        if jaxtyping.config.jaxtyping_disable:
            return function(*arguments, **options)
        if not has_shapes:
            return with_checks(*arguments, **options)
        with _jaxtyped("context"):  # in which a name stands for one length
            return with_checks(*arguments, **options)

    return call if function.__annotations__ else function


def _decorator(**options: Any) -> Callable[[Any], Any]:
    return functools.partial(_quickly_jaxtyped, **options)


# What the hook decorates each function by.
jaxtyping.jaxtyped = _decorator  # type: ignore[assignment]
install_import_hook("divlab", f"{__name__}.checked")


@contextmanager
def unchecked() -> Iterator[None]:
    """For arguments that the package itself refuses: its own message is what users see."""
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)
