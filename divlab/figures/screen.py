"""Pictures that change many times a second: only what moves is drawn again."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, cast

import numpy as np
from jaxtyping import Float, Num
from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D

from divlab.figures.drawing import DATA, STYLE, encode


class Screen:
    """Draws what moves in a figure over a stored picture of what stands still.

    Ticks, labels, legends and texts take most of the time of drawing, but change rarely. They are
    drawn again only when one of them changes, or the limits of an axis. Lines, bars, areas and
    `Numbers` are drawn every time.

    Args:
        figure: the figure.
    """

    def __init__(self, figure: Figure) -> None:
        self._figure = figure
        self._frame: list[tuple[Any, ...]] | None = None
        self._background: Any = None

    def png(self) -> bytes:
        """Draws the figure as it is now.

        Returns:
            The bytes of a PNG file.
        """
        canvas: Any = self._figure.canvas  # an Agg canvas, whose methods have no types
        frame = [_frame(axes) for axes in self._figure.axes]
        if frame != self._frame:
            for artist in self._moving():
                artist.set_animated(True)
            with rc_context(STYLE):
                canvas.draw()
            # To lay panels out takes longer than to draw them, and once is enough.
            self._figure.set_layout_engine("none")
            self._frame, self._background = frame, canvas.copy_from_bbox(self._figure.bbox)
        else:
            canvas.restore_region(self._background)
        for artist in sorted(self._moving(), key=lambda artist: artist.get_zorder()):
            cast(Axes, artist.axes).draw_artist(artist)
        return encode(self._figure)

    def forget(self) -> None:
        """Frees the pixels: those on the canvas and the stored ones. The artists stay."""
        FigureCanvasAgg(self._figure)  # takes the place of the canvas that holds them
        self._frame = self._background = None

    def _moving(self) -> Iterator[Artist]:
        for axes in self._figure.axes:
            yield from (*axes.collections, *axes.patches, *axes.lines)


def _frame(axes: Axes) -> tuple[Any, ...]:
    """What the part of a panel that stands still depends on; ticks follow from the limits."""
    legend = axes.get_legend()
    texts = [*axes.texts, *(legend.get_texts() if legend else ())]
    labels = axes.get_title(loc="left"), axes.get_xlabel(), axes.get_ylabel()
    shown = tuple(text.get_text() for text in texts if text.get_visible())
    return (*axes.get_xlim(), *axes.get_ylim(), *labels, *shown)


class Numbers(PathCollection):
    """Short texts to the right of points in a panel, for numbers that change at every event.

    A text of matplotlib's takes a millisecond to draw. Here the outline of each character is made
    once and used again.

    Args:
        axes: the panel.
        size: the size of the font in points.
    """

    def __init__(self, axes: Axes, size: float = 9.0) -> None:
        points = Affine2D().scale(1 / 72) + cast(Figure, axes.figure).dpi_scale_trans
        super().__init__([], facecolors=DATA, linewidths=0, offset_transform=axes.transData)
        self.set_transform(points)
        axes.add_collection(self, autolim=False)
        self._size = size

    def show(
        self, x: Float[np.ndarray, " n"], y: Num[np.ndarray, " n"], texts: Sequence[str]
    ) -> None:
        """Shows other texts, at other points.

        Args:
            x: where each text begins, (n,).
            y: where its middle is, (n,).
            texts: the n texts.
        """
        self.set_paths([self._outline(text) for text in texts])
        self.set_offsets(np.stack([x, y], axis=1))

    def _outline(self, text: str) -> Path:
        at, parts = 0.0, []
        for character in text:
            outline, width = _glyph(character, self._size)
            parts.append(Path(np.add(outline.vertices, (at, 0.0)), outline.codes))
            at += width
        return Path.make_compound_path(*parts)


@lru_cache
def _glyph(character: str, size: float) -> tuple[Path, float]:
    """The outline of a character, centred on 0 as a digit is, and the way to the next character."""
    end, after, digit = (
        TextPath((0, 0), text, size=size).get_extents() for text in ("|", f"{character}|", "0")
    )
    outline = TextPath((0, -digit.height / 2), character, size=size)
    return Path(outline.vertices, outline.codes), after.x1 - end.x1
