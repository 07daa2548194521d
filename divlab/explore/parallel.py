"""Independent pieces of work, done at the same time."""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def in_parallel(pieces: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """Calls several functions, as many at a time as there are cores.

    XLA compiles a program on one core, and Python does not wait for it. So two programs that do
    not need each other are compiled in the time of one where there are two cores.

    Args:
        pieces: functions without arguments, by name.

    Returns:
        What they returned, by name. If one of them raises an error, so does this function, when
        all of them have ended.
    """
    if len(pieces) == 1:
        return {name: piece() for name, piece in pieces.items()}
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        futures = {name: threads.submit(piece) for name, piece in pieces.items()}
        return {name: future.result() for name, future in futures.items()}
