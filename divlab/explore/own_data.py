"""Measurements of a user's own: one column of a file as a target, or two columns to compare."""

import contextlib
import hashlib
import html
from collections.abc import Callable, Iterator
from typing import Any

import ipywidgets as widgets
import numpy as np
from jaxtyping import Float

from divlab import languages
from divlab.explore.tables import Table
from divlab.explore.uploads import Upload
from divlab.languages import listed, phrase
from divlab.models.data import read_target

_TOLD = 3  # columns of which the page says why they are left out


class _Columns(widgets.VBox):
    """A button that takes a file, a menu for each column that is wanted, and the way back.

    Args:
        menus: the label of each menu, in English.
        description: the label of the button, in English.
        back: the label of the button that gives the measurements up, in English.
        on_change: is called when the measurements have changed.
        on_error: is called with an error that says what is wrong with a file.

    Attributes:
        samples: the measurements of each menu's column, (n,); empty where there are none.
        names: the file and the column that they are from.
        upload: what takes the file, and asks how to read it.
        columns: the menus of the file's columns.
        clear: the button that gives the measurements up.
    """

    def __init__(
        self,
        menus: tuple[str, ...],
        description: str,
        back: str,
        on_change: Callable[[], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        self._on_change, self._on_error = on_change, on_error
        self._tell = tell = languages.present().tell
        self.samples: tuple[Float[np.ndarray, " n"], ...] = ()
        self.names: tuple[str, ...] = ()
        self._file, self._table = "", Table()
        self._chosen: tuple[str, ...] = ()
        hidden = {"display": "none"}
        self.columns = [
            widgets.Dropdown(description=tell(label), layout=widgets.Layout(width="16em", **hidden))
            for label in menus
        ]
        self.clear = widgets.Button(
            description=tell(back),
            tooltip=tell("Gives the measurements up"),
            layout=widgets.Layout(width="auto", **hidden),
        )
        self._note = widgets.HTML()
        self.upload = Upload(self._on_table, on_error, description, [*self.columns, self.clear])
        for column in self.columns:
            column.observe(self._on_column, "value")
        self.clear.on_click(lambda _: self.set_samples((), ()))
        super().__init__([self.upload, self._note])

    def set_samples(
        self, samples: tuple[Float[np.ndarray, " _"], ...], names: tuple[str, ...]
    ) -> None:
        """Takes measurements that are from no file, or gives up those there are.

        Args:
            samples: the measurements for each menu, (n,) each; empty to have none.
            names: what they are called.

        Raises:
            ValueError: a model could not learn from them. Nothing has changed then.
        """
        for name, sample in zip(names, samples, strict=True):
            try:
                read_target(sample)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        self._file, self._table, self._chosen = "", Table(), ()
        self._offer(())
        self._show(samples, names)

    def keep(self) -> Callable[[], None]:
        """Keeps the measurements, to come back to them.

        Returns:
            A function that brings them back.
        """
        kept = self._file, self._table, self._chosen, self.samples, self.names, self._note.value

        def bring_back() -> None:
            self._file, self._table, self._chosen, samples, names, note = kept
            self._offer(self._chosen)
            self._show(samples, names)
            self._note.value = note

        return bring_back

    @property
    def digest(self) -> str:
        """A short text that differs where the measurements do; empty where there are none."""
        content = b"|".join(sample.tobytes() for sample in self.samples)
        return hashlib.sha256(content).hexdigest() if self.samples else ""

    def _show(
        self, samples: tuple[Float[np.ndarray, " _"], ...], names: tuple[str, ...], *notes: str
    ) -> None:
        """Takes measurements, and says on the page what they are."""
        self.samples, self.names = samples, names
        counts = (
            phrase("{name}: {count} values", name=name, count=len(one))
            for name, one in zip(names, samples, strict=True)
        )
        said = map(self._tell, [*counts, *notes])
        self._note.value = html.escape("; ".join(said))  # a file's names are any text
        self.clear.layout.display = "" if samples else "none"
        self._on_change()

    def _offer(self, chosen: tuple[str, ...]) -> None:
        """Shows the columns of the file in the menus; no menu where nothing is chosen."""
        is_open = len(self._table.columns) > 1 and chosen
        with contextlib.ExitStack() as quiet:
            for column in self.columns:
                quiet.enter_context(_unobserved(column, self._on_column))
            for column, name in zip(
                self.columns, chosen or [None] * len(self.columns), strict=True
            ):
                column.options = list(self._table.columns) if chosen else []
                column.value = name
                column.layout.display = "" if is_open else "none"

    def _on_table(self, file: str, table: Table) -> None:
        columns, left_out = {}, dict(table.left_out)
        for name, sample in table.columns.items():
            try:
                read_target(sample)
            except ValueError as error:
                left_out[name] = error.args[0]
            else:
                columns[name] = sample
        names, wanted = tuple(columns), len(self.columns)
        if len(names) < wanted:
            found = phrase("no column of numbers")
            if names:
                found = phrase("one column of numbers, “{name}”", name=names[0])
            needed = phrase("two would do") if wanted == 2 else phrase("one would do")
            said = [phrase("{file} has {found}; {needed}.", file=file, found=found, needed=needed)]
            said += [
                phrase("“{name}” is left out: {why}.", name=name, why=why)
                for name, why in left_out.items()
            ]
            self._on_error(ValueError(listed(said, " ")))
            return
        self._file, self._table = file, Table(columns, table.missing, left_out)
        self._take(names[:wanted])

    def _on_column(self, _: Any) -> None:
        self._take(tuple(column.value for column in self.columns))

    def _take(self, chosen: tuple[str, ...]) -> None:
        """Takes columns of the file."""
        table, self._chosen = self._table, chosen
        self._offer(chosen)
        missing = {name: table.missing[name] for name in chosen if table.missing[name]}
        notes = [
            phrase("{count} missing in {name}", count=count, name=name)
            for name, count in missing.items()
        ]
        left_out = [
            phrase("“{name}” is left out: {why}", name=name, why=why)
            for name, why in table.left_out.items()
        ]
        notes += left_out[:_TOLD]
        if len(left_out) > _TOLD:
            notes.append(phrase("and {count} columns more", count=len(left_out) - _TOLD))
        samples = tuple(table.columns[name] for name in chosen)
        self._show(samples, tuple(f"{self._file}, {name}" for name in chosen), *notes)


class OwnData(_Columns):
    """One column of a file as the target of a model.

    Args:
        on_change: is called when `values` has changed.
        on_error: is called with an error that says what is wrong with a file.
    """

    def __init__(
        self, on_change: Callable[[], None], on_error: Callable[[Exception], None]
    ) -> None:
        super().__init__(("Column",), "Own data", "Without it", on_change, on_error)

    @property
    def values(self) -> Float[np.ndarray, " n"] | None:
        """The measurements, (n,); None where there are none."""
        return self.samples[0] if self.samples else None

    @property
    def name(self) -> str:
        """The file and the column that they are from."""
        return self.names[0] if self.names else ""

    def state(self) -> dict[str, Any] | None:
        """The measurements as a dict that `json.dumps` accepts; None where there are none."""
        if self.values is None:
            return None
        return {"name": self.name, "values": self.values.tolist()}

    def load(self, state: Any) -> None:
        """Takes the measurements of a state, or gives up those there are.

        Args:
            state: what `state` returned.

        Raises:
            ValueError: it holds no measurements that a model can learn from. Nothing has changed
                then.
        """
        if state is None:
            self.set_samples((), ())
            return
        needed = phrase('{"name": a name, "values": a list of at least two different numbers}')
        values, name = _of_state(state, "values", "name", needed)
        self.set_samples((_sample(values, needed),), (str(name),))


class TwoColumns(_Columns):
    """Two columns of a file, to compare P, the first, with Q, the second.

    An explorer puts it among its widgets, reads `pair` whenever it computes, and keeps it in its
    state as `{"data": two_columns.state()}`, which `load` takes back.

    Args:
        on_change: is called when `pair` has changed.
        on_error: is called with an error that says what is wrong with a file.
    """

    def __init__(
        self, on_change: Callable[[], None], on_error: Callable[[Exception], None]
    ) -> None:
        super().__init__(
            ("P, column", "Q, column"), "Two columns", "Without them", on_change, on_error
        )

    @property
    def pair(self) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " m"]] | None:
        """The two samples, (n,) and (m,), which are not paired; None where there are none."""
        return (self.samples[0], self.samples[1]) if self.samples else None

    def state(self) -> dict[str, Any] | None:
        """The samples as a dict that `json.dumps` accepts; None where there are none."""
        if not self.samples:
            return None
        return {"names": list(self.names), "samples": [s.tolist() for s in self.samples]}

    def load(self, state: Any) -> None:
        """Takes the samples of a state, or gives up those there are.

        Args:
            state: what `state` returned.

        Raises:
            ValueError: it holds no two samples that can be compared. Nothing has changed then.
        """
        if state is None:
            self.set_samples((), ())
            return
        needed = phrase(
            '{"names": two names, "samples": two lists of at least two different numbers each}'
        )
        samples, names = _of_state(state, "samples", "names", needed)
        both = samples, names
        if not all(isinstance(one, list | tuple) and len(one) == 2 for one in both):
            raise _no_measurements(needed)
        read = tuple(_sample(values, needed) for values in samples)
        self.set_samples(read, tuple(map(str, names)))


@contextlib.contextmanager
def _unobserved(control: widgets.Widget, handler: Callable[[Any], None]) -> Iterator[None]:
    """A context in which a control may be set without a call of `handler`."""
    control.unobserve(handler, "value")
    try:
        yield
    finally:
        control.observe(handler, "value")


def _of_state(state: Any, values: str, names: str, needed: str) -> tuple[Any, Any]:
    if not isinstance(state, dict) or set(state) != {values, names}:
        raise _no_measurements(needed)
    return state[values], state[names]


def _sample(values: Any, needed: str) -> Float[np.ndarray, " n"]:
    """One list of a state as an array, (n,)."""
    try:
        sample = np.asarray(values)
    except ValueError:  # a list of lists of several lengths
        raise _no_measurements(needed) from None
    if sample.ndim != 1 or sample.dtype.kind not in "iuf" or not np.all(np.isfinite(sample)):
        raise _no_measurements(needed)
    if len(np.unique(sample)) < 2:
        raise _no_measurements(needed)
    return sample.astype(float)


def _no_measurements(needed: str) -> ValueError:
    return ValueError(
        phrase(
            'state has "data" that are not measurements; {needed} would do.',
            needed=needed,
        )
    )
