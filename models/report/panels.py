"""What several charts draw alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from models import catalog
from models.charts.style import COLOURS, GREY, MARKERS

NAMES = tuple(catalog.ARCHITECTURES)


def not_recorded(axes: Axes, title: str, *commands: str) -> None:
    """A panel that says which command measures what it would show."""
    axes.set_axis_off()
    axes.set_title(title)
    told = "\n".join(command.replace(" --model", "\n  --model") for command in commands)
    axes.text(0.5, 0.5, f"not recorded:\n{told}", ha="center", va="center", fontsize=9, transform=axes.transAxes)


def look(name: str) -> dict[str, Any]:
    """Colour and marker of a network: the same in every chart."""
    place = NAMES.index(name)
    return {"color": COLOURS[place % len(COLOURS)], "marker": MARKERS[place % len(MARKERS)]}


def handles(names: Sequence[str]) -> list[Line2D]:
    """A legend's entries for networks, by their titles."""
    return [
        Line2D([], [], linestyle="none", label=f"{known.title}, {known.year}", **look(known.name))
        for known in catalog.ARCHITECTURES.values()
        if known.name in names
    ]


def with_range(axes: Axes, x: float, told: tuple[float, float, float], name: str) -> None:
    """A network's point at ``x`` with its 95 % range, in percent."""
    share, low, high = told
    axes.errorbar(x, share, [[share - low], [high - share]], linestyle="none", elinewidth=1, capsize=2, **look(name))


QUIET: dict[str, Any] = {"color": GREY, "linewidth": 0.8, "marker": "none"}  # of lines that are no data
