"""When memory that is no longer needed is looked for, and given back to the system."""

import contextlib
import ctypes
import gc
import sys
from collections.abc import Iterator


def give_back() -> None:
    """Frees what nothing refers to any more, and gives free memory back to the system.

    The C library of Linux keeps free memory that lies between pieces in use, and takes more for the
    next explorer, so that a process would grow although nothing is kept.
    """
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # there is none in musl
        if trim is not None:
            trim(0)


@contextlib.contextmanager
def not_collecting() -> Iterator[None]:
    """A context in which Python does not look for unused objects that refer to each other.

    To look goes through a million objects of imported libraries and takes 0.1 s. Tracing a program
    makes so many objects, all of them in use, that it is done two or three times in one opening.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
