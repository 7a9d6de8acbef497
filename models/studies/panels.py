"""What the charts of studies are put together from: one function a panel, from figures to axes."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from models.charts.style import COLOURS, DASHES, GREY, MARKERS
from models.studies import words
from models.studies.study import Figures, Panel

Variants = Mapping[str, Figures]

AXES = {
    "loss": "training loss, nats",
    "held_out_accuracy": "held-out accuracy, %",
    "test_accuracy": "test accuracy, %",
    "train_accuracy": "training accuracy, %",
    "gap": "training less test accuracy, points",
}
MARKS = {"train_accuracy": "^", "test_accuracy": "o"}


def _scaled(figure: str, value: float | None) -> float:
    if value is None:
        return float("nan")
    return 100 * value if "accuracy" in figure or figure == "gap" else value


def curves(figure: str, line: float | None = None) -> Panel:
    """A figure of the curve over the steps: the mean of the seeds, and from the least to the most of them. ``line``
    marks a value of it.
    """

    def draw(ax: Axes, variants: Variants) -> None:
        for (title, every), colour, dash in zip(_curves(variants, figure), COLOURS, DASHES, strict=False):
            steps = [step for step, _ in every]
            low, high = ([pick(values) for _, values in every] for pick in (min, max))
            ax.fill_between(steps, low, high, color=colour, alpha=0.2, linewidth=0)
            means = [statistics.fmean(values) for _, values in every]
            ax.plot(steps, means, color=colour, linestyle=dash, marker="", label=title)
        if line is not None:
            ax.axhline(_scaled(figure, line), color=GREY, linewidth=1, marker="")
        ax.set_xlabel("steps")
        ax.set_ylabel(AXES[figure])
        ax.legend()

    return draw


def _curves(variants: Variants, figure: str) -> list[tuple[str, list[tuple[int, list[float]]]]]:
    """Of each variant its title, and of each step that all seeds reached their values."""
    told = []
    for variant in variants.values():
        points = zip(*(run["curve"] for run in variant["runs"]), strict=False)
        every = [(seeds[0]["step"], [_scaled(figure, point[figure]) for point in seeds]) for seeds in points]
        told.append((variant["title"], every))
    return told


def dots(*figures: str) -> Panel:
    """A row a variant: a figure of every seed as a dot, their mean as a bar across."""

    def draw(ax: Axes, variants: Variants) -> None:
        for row, (variant, colour) in enumerate(zip(variants.values(), COLOURS, strict=False)):
            for figure in figures:
                values = [_scaled(figure, run[figure]) for run in variant["runs"]]
                mark = MARKS.get(figure, "o")
                ax.plot(values, [row] * len(values), color=colour, linestyle="", marker=mark, alpha=0.7)
                ax.plot([statistics.fmean(values)], [row], color=colour, linestyle="", marker="|", markersize=18)
        ax.set_yticks(range(len(variants)), [variant["title"] for variant in variants.values()])
        ax.set_ylim(len(variants) - 0.5, -0.5)
        ax.set_xlabel(_label(figures))

    return draw


def _label(figures: Sequence[str]) -> str:
    if figures == ("test_accuracy", "train_accuracy"):
        return "accuracy, %: ○ test, △ training"
    return AXES[figures[0]]


def gradients(ax: Axes, variants: Variants) -> None:
    """The gradient's size at the start by layer, mean of the seeds: from the first to the last."""
    for variant, colour, mark, dash in zip(variants.values(), COLOURS, MARKERS, DASHES, strict=False):
        layers = zip(*(run["gradients"] for run in variant["runs"]), strict=True)
        means = [statistics.fmean(layer) for layer in layers]
        at = range(1, len(means) + 1)
        ax.plot(at, means, color=colour, marker=mark, linestyle=dash, label=variant["title"])
    ax.set_yscale("log")
    ax.set_xlabel("layer, from the picture to the logits")
    ax.set_ylabel("gradient at the start, RMS")
    ax.legend()


def ladder(ax: Axes, variants: Variants) -> None:
    """Held-out accuracy by peak rate after a ladder's few steps: every seed, and the mean."""
    for variant, colour, mark, dash in zip(variants.values(), COLOURS, MARKERS, DASHES, strict=False):
        rungs = list(zip(*(run["ladder"] for run in variant["runs"]), strict=True))
        rates = [seeds[0]["rate"] for seeds in rungs]
        values = [[_scaled("accuracy", seed["held_out_accuracy"]) for seed in seeds] for seeds in rungs]
        means = [statistics.fmean(seeds) for seeds in values]
        ax.plot(rates, means, color=colour, linestyle=dash, marker="", label=variant["title"])
        for rate, seeds in zip(rates, values, strict=True):
            ax.plot([rate] * len(seeds), seeds, color=colour, linestyle="", marker=mark, alpha=0.7)
    ax.set_xscale("log")
    ax.set_xlabel("peak learning rate")
    ax.set_ylabel(AXES["held_out_accuracy"])
    ax.legend()


def costs(figure: str) -> Panel:
    """Test accuracy over what a variant costs: ``figure`` is "parameters" or "macs"; the bars are the deviation."""

    def draw(ax: Axes, variants: Variants) -> None:
        for variant, colour, mark in zip(variants.values(), COLOURS, MARKERS, strict=False):
            told = words.of(variant, "test_accuracy")
            mean, spread = _scaled("accuracy", told.mean), _scaled("accuracy", told.spread)
            ax.errorbar([variant[figure]], [mean], [spread], color=colour, marker=mark, label=variant["title"])
        ax.set_xscale("log")
        ax.set_xlabel({"parameters": "parameters", "macs": "multiply-adds a picture"}[figure])
        ax.set_ylabel(AXES["test_accuracy"])
        ax.legend()

    return draw
