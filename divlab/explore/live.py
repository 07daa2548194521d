"""The widget behind an explorer: its layout, the events it hears, and how it is displayed."""

import asyncio
import base64
import contextlib
import html
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import ipywidgets as widgets
from IPython.display import display

from divlab import figures, languages
from divlab.explore import EXPLORERS
from divlab.explore.controls import body, descendants, group, head, settings
from divlab.explore.events import ALONE, PATIENCE, QUIET, REST, from_browser
from divlab.explore.memory import give_back, not_collecting
from divlab.explore.sharing import Share
from divlab.explore.stage import Stage
from divlab.figures.scene import Scene
from divlab.languages import Phrase, phrase


class LivePage(widgets.VBox):
    """Controls in groups beside a picture that follows them.

    A subclass defines `look_at`. Setting a control from Python computes and draws before the next
    line runs. A browser may send events faster than they are drawn; the latest one is then drawn
    and those before it are skipped. What the controls need is compiled when the page opens, that
    is when it is first displayed or when its `result` is first asked for.

    Args:
        groups: the controls by name, in groups by the title of each.
        more: further widgets, by the title of the group that they stand in.

    Attributes:
        controls: the controls by name; setting `.value` from Python is the same as a drag.
        groups: the names of the controls in each group, by its title.
        stage: what the browser draws.
        title: the name of the explorer.
        question: the question that it answers, in one sentence.
        name: by which the address of the page calls it; empty where that holds no state.
        language: the language of its texts.
    """

    name = ""

    def __init__(
        self,
        groups: Mapping[str, Mapping[str, widgets.Widget]],
        more: Mapping[str, Iterable[widgets.Widget]],
    ) -> None:
        self.language = languages.present()
        tell = self.language.tell
        self.controls = {name: one for named in groups.values() for name, one in named.items()}
        self.groups = {title: tuple(named) for title, named in groups.items()}
        self._is_paused = False
        self._result: dict[str, Any] = {}
        self._scene: Scene | None = None
        self.stage = Stage(self._on_message, self._on_move, self.language)
        self._error = widgets.HTML()
        self.show_compiling()
        self._share = Share(self)
        entry = next((one for one in EXPLORERS.values() if one.is_of(type(self))), None)
        self.title = tell(entry.title) if entry else type(self).__name__
        self.question = tell(entry.question) if entry else ""
        boxes = [
            group(tell(title), [*named.values(), *more.get(title, ())])
            for title, named in groups.items()
        ]
        shown = [self._error, self.stage, self._share]
        super().__init__([head(self.title, self.question), body(boxes, shown)])
        for name in ("divlab", "divlab-explorer"):
            self.add_class(name)
        self._is_started = False
        self._compiled: set[tuple[str, ...]] = set()
        self._due: asyncio.TimerHandle | None = None
        self._waiting_since = self._drawn_at = 0.0
        for control in settings(self.controls).values():
            control.observe(self._on_change, "value")
        with contextlib.suppress(RuntimeError):  # a plain script has no event loop
            asyncio.get_running_loop().call_soon(self.start)

    def look_at(self, values: dict[str, Any]) -> tuple[dict[str, Any], Scene, dict[str, Any]]:
        """Computes and describes what is to be shown with these values of the controls.

        Args:
            values: the values of the controls.

        Returns:
            The numbers for `result`, the scene, and what the page shows with it.
        """
        raise TypeError(f"{type(self).__name__} does not define look_at.")

    def load(self, state: dict[str, Any] | str) -> None:
        """Goes to a state."""
        raise TypeError(f"{type(self).__name__} does not define load.")

    def draw_target(self, x: Any, heights: Any) -> None:
        """Takes a density that was drawn by hand."""
        raise TypeError(f"{type(self).__name__} does not define draw_target.")

    # Drawing.

    def start(self) -> None:
        """Shows the first picture, which compiles what the controls run; once only."""
        with ALONE:
            if not self._is_started:
                self.refresh()

    def catch_up(self) -> None:
        """Draws at once what waits to be drawn: the first picture, or that of late events."""
        with ALONE:
            self.start()
            if self._due is not None:
                self.refresh()

    def values(self) -> dict[str, Any]:
        """The values of the controls, by name."""
        return {name: control.value for name, control in settings(self.controls).items()}

    def _on_change(self, _: Any) -> None:
        with ALONE:
            if self._is_paused:
                return
        now = time.monotonic()
        is_first = self._due is None and now - self._drawn_at > REST
        if is_first or not from_browser():
            self.refresh()
            return
        loop = asyncio.get_running_loop()
        if self._due is None:
            self._waiting_since = now
        elif now - self._waiting_since < PATIENCE:
            self._due.cancel()
        else:
            return
        self._due = loop.call_later(QUIET, self.refresh)

    def _on_move(self, values: dict[str, Any]) -> None:
        """Sets controls as the page says: a handle was dragged."""
        with self.paused():
            for name, value in values.items():
                self.controls[name].value = value
        self._on_change(None)

    def _on_message(self, content: dict[str, Any]) -> None:
        """Does what the page asks for; shows an error in words."""
        try:
            if content["kind"] == "state":
                self.load(content["text"])
            elif content["kind"] == "draw":
                self.draw_target(content["x"], content["heights"])
        except Exception as error:  # the user sees the page, and not a traceback in a log
            self.show_error(error)

    def leave(self) -> None:
        """Pauses what goes on: another explorer is shown in its place."""

    def refresh(self) -> None:
        """Computes and draws from the present values; shows an error in words.

        It does nothing while refreshing is paused.
        """
        with ALONE:
            if not self._is_paused:
                self._refresh()

    def _refresh(self) -> None:
        if self._due is not None:
            self._due.cancel()
        self._is_started, self._due = True, None
        values = self.values()
        # A new number never compiles anything. A new choice from a menu may.
        choices = tuple(v for v in values.values() if isinstance(v, str))
        compiles = choices not in self._compiled
        if compiles:
            self.show_compiling()
        try:
            with not_collecting() if compiles else contextlib.nullcontext():
                self._result, self._scene, more = self.look_at(values)
            self.stage.show(self._scene, more)
            self._compiled.add(choices)
            self._error.value = ""
        except Exception as error:  # the user would not see the traceback of a callback
            self.show_error(error)
        self._share.update()
        self._drawn_at = time.monotonic()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """A context in which setting a control does not refresh the picture."""
        was, self._is_paused = self._is_paused, True
        try:
            yield
        finally:
            self._is_paused = was

    def show_error(self, error: Exception) -> None:
        """Shows an error above the picture, in words.

        Args:
            error: the error; its message is shown.
        """
        tell, message = self.language.tell, error.args[0] if error.args else ""
        said = tell(message) if isinstance(message, Phrase) else error
        text = html.escape(f"{type(error).__name__}: {said}")
        failed = tell("This did not work.")
        self._error.value = f'<b class="divlab-error" role="alert">{failed} {text}</b>'

    def show_compiling(self, what: str = "") -> None:
        """Shows that something is being compiled, until the next picture.

        Args:
            what: the name of it, with its article.
        """
        said = phrase("Compiling {what} …", what=what) if what else "Compiling …"
        self._error.value = f"<i>{self.language.tell(said)}</i>"

    def close(self) -> None:
        """Takes the explorer off every page, and frees what it holds.

        All widgets that it consists of are closed. Its last `result` and its `figure` stay; what
        was trained does not. A control that is set from Python still computes, but nothing shows
        the picture.
        """
        # ipywidgets calls this from `__del__` too: once more, and when Python ends.
        if self.comm is None or sys.is_finalizing():
            return
        with ALONE:
            self._free()
            for part in list(descendants(self)):
                part.close()
            super().close()
            give_back()

    def _free(self) -> None:
        """Gives up what is large, and what is to be drawn later."""
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} explorer>"

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        # The picture is shown where there is no kernel, as in a notebook on a code host.
        self.start()
        data, metadata = self._view(**options)
        if self._scene is not None:
            picture = figures.png(figures.paint(self._scene))
            data["image/png"] = base64.b64encode(picture).decode()
            metadata["image/png"] = {"width": 960}
        return data, metadata

    def _view(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """What displays the widget in a notebook, without a picture."""
        bundle = super()._repr_mimebundle_(**options)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**data, "text/plain": repr(self)}, metadata

    def _ipython_display_(self) -> None:
        if self.comm is None:
            print(f"{self!r} is closed; a new one can be displayed.")
            return
        if self._is_started:
            data, metadata = self._repr_mimebundle_()
            display(data, metadata=metadata, raw=True)
            return
        # The controls appear at once, with the words that the rest is being compiled.
        data, metadata = self._view()
        shown = display(data, metadata=metadata, raw=True, display_id=True)
        data, metadata = self._repr_mimebundle_()
        if shown is not None:
            shown.update(data, metadata=metadata, raw=True)
