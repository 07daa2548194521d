"""Checks the annotations of the package while tests run: shapes and dtypes of arrays too.

It must be imported before the package, whose functions it wraps.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import jaxtyping
from beartype import BeartypeConf, beartype
from jaxtyping import install_import_hook

# An int is taken for a float, as it is everywhere in Python.
checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
install_import_hook("divlab", f"{__name__}.checked")


@contextmanager
def unchecked() -> Iterator[None]:
    """For arguments that the package itself refuses: its own message is what users see."""
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)
