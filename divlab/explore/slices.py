"""Long work that leaves the page responsive: it is done in slices and can be paused."""

import asyncio
import time
from collections.abc import Callable, Iterator

import ipywidgets as widgets

from divlab import languages
from divlab.explore.events import ALONE, from_browser

# How many seconds to work between two pictures. A press on "Pause" is heard in that time, and
# drawing takes a small part of it.
_SLICE = 0.15

# Work is an iterator. Each turn does a little and gives a function that shows how far it is.
Turns = Iterator[Callable[[], None]]


class Work:
    """Does long work: at once when Python asks for it, in slices when a browser does.

    Args:
        show_end: shows what the work has led to; called at its end and when it is stopped.
        show_error: shows an error in words.
    """

    def __init__(
        self, show_end: Callable[[], None], show_error: Callable[[Exception], None]
    ) -> None:
        self._show_end, self._show_error = show_end, show_error
        self._pause = languages.tell("Pause")
        self._task: asyncio.Task[None] | None = None
        self._is_stopped = False

    def stop(self) -> None:
        """Ends the work after its present slice; does nothing if there is none."""
        self._is_stopped = True

    def press(self, turns: Turns, pressed: widgets.Button) -> None:
        """Starts work, or stops the work that is going on.

        Args:
            turns: the work to start.
            pressed: the button that was pressed; it says “Pause” while the work goes on.
        """
        if self._task is not None:
            self.stop()
        elif from_browser():
            slices = self._in_slices(turns, pressed)
            self._task = asyncio.get_running_loop().create_task(slices)
        else:
            self.finish(turns)

    def finish(self, turns: Turns) -> None:
        """Does work to its end; an interrupt keeps what is done until then.

        Args:
            turns: the work.
        """
        with ALONE:
            try:
                for _ in turns:
                    pass
            except KeyboardInterrupt:
                pass  # the user stops waiting, and keeps what was recorded
            except Exception as error:
                self._show_error(error)
                return
            self._show_end()

    async def _in_slices(self, turns: Turns, pressed: widgets.Button) -> None:
        label, icon = pressed.description, pressed.icon
        pressed.description, pressed.icon = self._pause, "pause"
        self._is_stopped = False
        show: Callable[[], None] | None = self._show_end
        try:
            while show is not None and not self._is_stopped:
                with ALONE:
                    end = time.monotonic() + _SLICE
                    while show is not None and time.monotonic() < end:
                        show = next(turns, None)
                    if show is not None:
                        show()
                await asyncio.sleep(0.01)  # the kernel handles messages from the browser
            with ALONE:
                close = getattr(turns, "close", None)
                if close is not None:
                    close()  # a generator keeps what it has done so far
                self._show_end()
        except Exception as error:
            self._show_error(error)
        finally:
            self._task = None
            pressed.description, pressed.icon = label, icon
