"""Memory that is no longer needed, given back to the system."""

import ctypes
import gc
import sys


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
