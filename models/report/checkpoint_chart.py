"""One checkpoint: how it learned, what it takes for what, and whether it is right as often as it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, Colormap, ListedColormap, to_rgb
from matplotlib.figure import Figure

from models.charts import style
from models.charts.style import COLOURS
from models.report import panels
from models.report.material import Taken, percent

BLUE, ORANGE = COLOURS[:2]
STEPS = (0.1, 0.3, 1, 3, 10, 30, 100)  # percent of a class: mistakes are small, and would not be seen on a line


def draw(one: Taken, path: Path) -> None:
    """The three panels of a checkpoint, as SVG."""
    with style.figure(13.5, 4.4) as (fig, first):
        first.remove()
        learning, confusion, reliability = fig.subplots(1, 3, width_ratios=(1, 1.25, 1))
        fig.set_layout_engine("constrained", wspace=0.06)
        _learning(learning, one)
        _confusion(fig, confusion, one)
        _reliability(reliability, one)
    style.save(fig, path)


def _learning(axes: Axes, one: Taken) -> None:
    told = one.report.get("history")
    if not told or not told["pictures"]:
        panels.not_recorded(axes, "Learning curve", one.training)
        return
    seen = np.array(told["pictures"]) / 1e6
    axes.set_title("Learning curve" + ("" if told["from_scratch"] else ", of a network that had learned already"))
    axes.set_xlabel("training pictures seen, millions")
    watched = " to ".join(f"{n:,}" for n in sorted({min(told["held_out_n"]), max(told["held_out_n"])}))
    axes.set_ylabel(f"right of {watched} held-out pictures, %", color=BLUE)
    axes.plot(seen, _numbers(told["held_out_accuracy"]) * 100, color=BLUE, marker="o", markersize=3)
    for start in _phases(told):
        axes.axvline(seen[start], linestyle=":", **panels.QUIET)
    loss = axes.twinx()
    loss.spines["right"].set_visible(True)
    loss.grid(False)
    loss.set_ylabel("training loss, nats", color=ORANGE)
    loss.plot(seen, _numbers(told["loss"]), color=ORANGE, linestyle="--", marker="o", markersize=3)


def _numbers(column: list[float | None]) -> Any:
    """float64 [N], not a number where nothing is recorded: the line has a gap there."""
    return np.array(column, dtype=float)


def _phases(told: dict[str, Any]) -> list[int]:
    """Where a phase or run ends and another goes on."""
    at = list(zip(told["run"], told["phase"], strict=True))
    return [place for place in range(len(at) - 1) if at[place] != at[place + 1]]


def _confusion(fig: Figure, axes: Axes, one: Taken) -> None:
    told = one.report.get("confusion")
    if told is None:
        panels.not_recorded(axes, "Confusion matrix", one.command())
        return
    counts = np.array(told, dtype=float)
    shares = 100 * counts / counts.sum(1, keepdims=True).clip(min=1)
    right = [f"{shares[k, k]:.1f} %" if counts[k].any() else "-" for k in range(10)]  # few pictures may have none of it
    norm, colours = BoundaryNorm(STEPS, len(STEPS) - 1), _fading(len(STEPS) - 1)
    mesh = axes.pcolormesh(np.ma.masked_less(shares, STEPS[0] / 2), norm=norm, cmap=colours, edgecolors="none")
    axes.grid(False)
    axes.invert_yaxis()
    axes.set_title(f"Confusion matrix, {one.report['n']:,} test pictures")
    axes.set_xlabel("what the network said")
    axes.set_ylabel("what it is, and how much of it was right")
    names, middles = one.dataset.classes, np.arange(10) + 0.5
    short = len(max(names, key=len)) == 1
    axes.set_xticks(middles, names, rotation=0 if short else 60, ha="center" if short else "right")
    axes.set_yticks(middles, [f"{name}: {share}" for name, share in zip(names, right, strict=True)])
    axes.tick_params(length=0)
    bar = fig.colorbar(mesh, ax=axes, ticks=STEPS, format="{x:g}", label="share of the class, %", shrink=0.9)
    bar.outline.set_visible(False)


def _fading(steps: int) -> Colormap:
    """From almost the ground to the whole colour, whatever the ground is: mixed by opacity."""
    colours = ListedColormap([(*to_rgb(BLUE), alpha) for alpha in np.linspace(0.15, 1, steps)])
    return colours.with_extremes(under=(*to_rgb(BLUE), 0.07), bad="none")


def _reliability(axes: Axes, one: Taken) -> None:
    told = one.report.get("reliability")
    if told is None:
        measured = "accuracy" in one.report
        panels.not_recorded(axes, "Reliability", one.command(*(["--mistakes"] if measured else [])))
        return
    counts, edges = np.array(told["n"]), np.linspace(0, 100, len(told["n"]) + 1)
    answers = 100 * counts / counts.sum()
    axes.set_title(f"Reliability: ECE {one.report['ece']:.2%} at temperature {one.report['temperature']:.2f}")
    axes.set_xlabel("confidence, %")
    axes.set_ylabel("share, %")
    axes.bar(edges[:-1], answers, np.diff(edges), align="edge", color=style.GREY, alpha=0.25, label="of all answers")
    axes.plot([0, 100], [0, 100], linestyle=":", label="as sure as right", **panels.QUIET)
    some = counts > 0
    shares = [percent(share, int(n)) for share, n in zip(told["accuracy"], counts, strict=True) if n]
    right, low, high = (np.array(column) for column in zip(*shares, strict=True))
    confident = 100 * _numbers(told["confidence"])[some]
    axes.errorbar(
        confident, right, [right - low, high - right], color=BLUE, marker="o", linestyle="none", capsize=2,
        elinewidth=1, label="right, with its 95 % range",
    )  # fmt: skip
    axes.set_xlim(0, 101)
    axes.set_ylim(0, 128)  # above 100 is room for the legend
    axes.set_yticks(range(0, 101, 20))
    axes.legend(loc="upper left", fontsize=8)
