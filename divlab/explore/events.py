"""Where a change of a control comes from, and the lock that drawing holds."""

import threading

from IPython.core.getipython import get_ipython

# A kernel may handle a browser's messages in another thread than the one that runs cells.
# Figures, and matplotlib's settings, must be used by one thread at a time.
ALONE = threading.RLock()

# The first event after a pause of `REST` seconds is drawn at once. Events that follow are drawn
# when none has come for `QUIET` seconds, and after `PATIENCE` seconds in any case.
REST, QUIET, PATIENCE = 0.1, 0.003, 0.25


def from_browser() -> bool:
    """Whether the present change was made in a browser.

    The kernel knows: it is then handling a message about a widget, and not running a cell.
    """
    kernel = getattr(get_ipython(), "kernel", None)
    if kernel is None:
        return False
    message = kernel.get_parent() or {}
    return bool(message.get("header", {}).get("msg_type") == "comm_msg")
