"""What is left of accuracy on spoiled pictures: the seven of a dataset, a panel for each way of spoiling."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from models.charts import style
from models.evaluation.corruptions import CORRUPTIONS
from models.report import panels
from models.report.material import Taken, percent


def draw(own: Sequence[Taken], path: Path) -> None:
    """Five panels of one dataset, as SVG; at strength 0 the pictures are as they were."""
    known = [one for one in own if one.robustness]
    with style.figure(15, 3.8) as (fig, first):
        first.remove()
        axes = fig.subplots(1, len(CORRUPTIONS), sharey=True)
        for place, name in zip(axes, CORRUPTIONS, strict=True):
            _panel(place, name, known, own[0].dataset.name)
        if known:
            axes[0].set_ylabel(f"{own[0].dataset.title},\naccuracy with its 95 % range, %")
            named = panels.handles([one.architecture.name for one in known])
            fig.legend(handles=named, loc="outside right center", fontsize=9)
    style.save(fig, path)


def _panel(axes: Axes, name: str, known: Sequence[Taken], dataset: str) -> None:
    measured = [one for one in known if name in one.robustness["corruptions"]]
    if not measured:
        panels.not_recorded(axes, name, f"lineup evaluate\n  --robustness --all\n  --dataset {dataset}")
        return
    axes.set_title(name)
    axes.set_xlabel(measured[0].robustness["corruptions"][name]["unit"], fontsize=9)
    for one in measured:
        told = one.robustness["corruptions"][name]
        shares = [one.robustness["clean"], *told["accuracy"]]
        right, low, high = np.array([percent(share, one.robustness["n"]) for share in shares]).T
        look = panels.look(one.architecture.name)
        axes.errorbar(
            [0, *told["strengths"]], right, [right - low, high - right], linestyle="-", linewidth=1, elinewidth=0.7,
            markersize=4, **look,
        )  # fmt: skip
    axes.set_ylim(0, 102)
    axes.xaxis.set_major_formatter("{x:g}")
