"""The look that all drawings share: SVG that reads on white and on black, the same bytes from the same figures.

The ground is transparent. Text and axes are one grey, whose contrast is the same on white as on #111: 4.3 to 1, which
is as much as any colour can have on both. Text stays text, so that it can be searched, read aloud and scaled.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from models.checkpoints.atomic import replacing

FONT = "DejaVu Sans"  # comes with matplotlib, so that sizes are the same on every machine
GREY = "#797979"  # text, axes and whatever is no data
# At least 3 to 1 on white and on #111 (WCAG 2.2, 1.4.11). For eyes that see few hues,
# lines have markers and dashes beside that.
COLOURS = ("#2b73d9", "#e0701b", "#15906b", "#b04fd8", "#d33f49", "#8f8312", "#1c95b5", "#a5683f")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (8, 2, 1, 2)))

_RC: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": GREY,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": GREY,
    "axes.prop_cycle": cycler(color=COLOURS) + cycler(marker=MARKERS) + cycler(linestyle=DASHES),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": GREY,
    "axes.titlesize": "medium",
    "figure.facecolor": "none",
    "font.family": FONT,
    "font.size": 10.0,
    "grid.alpha": 0.3,
    "grid.color": GREY,
    "legend.edgecolor": "none",
    "legend.facecolor": "none",
    "legend.labelcolor": GREY,
    "lines.markersize": 5.0,
    "savefig.facecolor": "none",
    "savefig.transparent": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "lineup",  # or the ids in the file would be drawn by lot
    "text.color": GREY,
    "xtick.color": GREY,
    "ytick.color": GREY,
}


@contextmanager
def figure(width: float = 7.0, height: float = 4.0) -> Iterator[tuple[Figure, Axes]]:
    """A figure of so many inches (96 pixels each on a page) and its axes, to draw on inside the `with`, where
    everything has the shared look. More axes: `fig.clear()`, then `fig.subplots(...)`.
    """
    with mpl.rc_context(_RC):
        fig = Figure(figsize=(width, height), layout="constrained")
        yield fig, fig.add_subplot()


def save(fig: Figure, path: str | Path) -> None:
    """Write a figure as SVG, whole or not at all; the folders above it are made. The same figure gives the same bytes:
    no date, no version, no random ids.
    """
    written = io.StringIO()
    with mpl.rc_context(_RC):
        fig.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    drawn = written.getvalue().replace(f"'{FONT}'", f"'{FONT}', Verdana, sans-serif")  # where that is not installed
    lines = (line.rstrip() for line in drawn.splitlines())  # matplotlib leaves blanks at their ends
    with replacing(path) as file:
        file.write("\n".join((*lines, "")).encode())
