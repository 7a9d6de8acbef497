"""What accuracy costs: the seven of a dataset by their parameters, multiply-adds and milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from models.charts import style
from models.counts import short
from models.report import panels
from models.report.material import Speed, Taken

MEASURED = "make bench"  # what records milliseconds


def draw(own: Sequence[Taken], speed: Speed | None, path: Path) -> None:
    """Three panels of one dataset, as SVG. The line joins those that no other beats at both."""
    known = [one for one in own if one.accuracy]
    with style.figure(13.5, 4.2) as (fig, first):
        first.remove()
        axes = fig.subplots(1, 3, sharey=True)
        fig.set_layout_engine("constrained", wspace=0.05)
        if not known:
            for place in axes:
                panels.not_recorded(
                    place, own[0].dataset.title, f"lineup evaluate --all --dataset {own[0].dataset.name}"
                )
        else:
            _panel(axes[0], known, lambda one: one.architecture.parameters, "parameters")
            _panel(axes[1], known, lambda one: one.architecture.macs, "multiply-adds a picture")
            _third(axes[2], known, speed)
            axes[0].set_ylabel(f"{own[0].dataset.title},\ntest accuracy with its 95 % range, %")
            named = panels.handles([one.architecture.name for one in known])
            fig.legend(handles=named, loc="outside right center", fontsize=9)
    style.save(fig, path)


def _third(axes: Axes, known: Sequence[Taken], speed: Speed | None) -> None:
    timed = [one for one in known if speed and one.architecture.name in speed.milliseconds]
    if not speed or not timed:
        panels.not_recorded(axes, "milliseconds", MEASURED)
        return
    _panel(
        axes,
        timed,
        lambda one: speed.milliseconds[one.architecture.name],
        "a request that comes alone, asked of MNIST, ms",
    )


def _panel(axes: Axes, known: Sequence[Taken], cost: Callable[[Taken], float], title: str) -> None:
    axes.set_xscale("log")
    axes.set_xlabel(title)
    costs = [cost(one) for one in known]
    narrow = max(costs) < 50 * min(costs)  # powers of ten alone would leave the axis almost without numbers
    beside = max((max(costs) / min(costs)) ** 0.1, 1.5)  # a single one has no width of its own
    axes.set_xlim(min(costs) / beside, max(costs) * beside)
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if narrow else (1.0,)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    axes.xaxis.set_minor_locator(NullLocator())
    joined = front([(cost(one), one.report["accuracy"] * 100) for one in known])
    axes.plot(*zip(*joined, strict=True), linestyle="--", zorder=1, **panels.QUIET)
    for one in known:
        assert one.accuracy is not None
        panels.with_range(axes, cost(one), one.accuracy, one.architecture.name)


def front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Of points (cost, accuracy) those of which no other is as cheap and as right, the cheapest first (Pareto)."""
    told: list[tuple[float, float]] = []
    for cost, share in sorted(points, key=lambda point: (point[0], -point[1])):
        if not told or share > told[-1][1]:
            told.append((cost, share))
    return told
