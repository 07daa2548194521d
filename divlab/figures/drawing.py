"""One style, figures without pyplot, and their bytes as a file."""

import io
from typing import Any, cast

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from divlab.figures.scene import ROLES

DATA, MODEL, OTHER, THIRD, FOURTH, FIFTH, LOST = (
    ROLES[name].color for name in ("data", "model", "other", "third", "fourth", "fifth", "lost")
)
COLORS = (MODEL, OTHER, THIRD, FOURTH, FIFTH)
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
MARKERS = "osD^vP"
WIDTH, DPI = 9.2, 150  # of every figure: inches, and pixels of each
STYLE: dict[Any, Any] = {
    "font.size": 10.5,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E6E6E6",
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "lines.linewidth": 2.0,
    "mathtext.fontset": "cm",
}


class Picture(Figure):
    """A figure that a notebook shows as it is, without pyplot's global state."""

    def _repr_png_(self) -> bytes:
        return png(self)

    def __repr__(self) -> str:
        return f"<figure with {len(self.axes)} panel(s)>"


def new_figure(
    columns: int = 2, *, rows: int = 1, height: float = 3.7, **options: Any
) -> tuple[Figure, Any]:
    """A figure of panels, with twice as many pixels as it is shown with on a plain screen.

    Args:
        columns: how many panels stand side by side.
        rows: how many rows of them there are.
        height: the height of the figure in inches; it is 9.2 inches wide.
        **options: further arguments of `Figure.subplots`.

    Returns:
        The figure, and an array of its axes, row after row.

    Example:
        >>> from divlab import figures
        >>> figure, axes = figures.new_figure(2)
        >>> axes.shape
        (2,)
    """
    with rc_context(STYLE):
        figure = Picture(figsize=(WIDTH, height), dpi=DPI, layout="constrained")
        FigureCanvasAgg(figure)
        # With this padding, panels stay where they are while numbers beside an axis grow longer.
        cast(Any, figure.get_layout_engine()).set(w_pad=0.1)
        axes = figure.subplots(rows, columns, squeeze=False, **options).ravel()
    return figure, axes


def png(figure: Figure) -> bytes:
    """Draws a figure.

    Args:
        figure: the figure.

    Returns:
        The bytes of a PNG file.

    Example:
        >>> from divlab import figures
        >>> figure, axes = figures.new_figure(1)
        >>> figures.png(figure)[1:4]
        b'PNG'
    """
    return save(figure, "png")


def save(figure: Figure, kind: str, *, dpi: float = DPI) -> bytes:
    """Draws a figure for a file.

    Args:
        figure: the figure.
        kind: the format of the file, "png" or "svg".
        dpi: how many pixels of a PNG make an inch.

    Returns:
        The content of the file.

    Example:
        >>> from divlab import figures
        >>> figure, axes = figures.new_figure(1)
        >>> figures.save(figure, "svg")[:5]
        b'<?xml'
    """
    buffer = io.BytesIO()
    with rc_context(STYLE):
        figure.savefig(buffer, format=kind, dpi=dpi)
    return buffer.getvalue()


def label(axes: Axes, *, title: str, x: str, y: str) -> None:
    """Gives a panel its title and the labels of its axes.

    Args:
        axes: the panel.
        title: the title.
        x: the label of the horizontal axis.
        y: the label of the vertical axis.

    Example:
        >>> from divlab import figures
        >>> figure, (axes,) = figures.new_figure(1)
        >>> figures.label(axes, title="P", x="x", y="density")
        >>> axes.get_xlabel()
        'x'
    """
    axes.set_title(title, loc="left")
    axes.set_xlabel(x)
    axes.set_ylabel(y)


def legend(axes: Axes, handles: Any = None, **options: Any) -> None:
    """Adds a legend to a panel.

    Args:
        axes: the panel.
        handles: the artists that it names; None for all that have a label.
        **options: further arguments of `Axes.legend`. Without `loc` it stands where it hides least.

    Example:
        >>> from divlab import figures
        >>> figure, (axes,) = figures.new_figure(1)
        >>> lines = axes.plot([0, 1], [0, 1], label="a line")
        >>> figures.legend(axes)
        >>> axes.get_legend().get_texts()[0].get_text()
        'a line'
    """
    with rc_context(STYLE):
        axes.legend(handles=handles, **{"loc": "best", **options})
