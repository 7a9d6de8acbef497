"""The index of a report: all its drawings and figures on one page of Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from models.counts import short
from models.datasets import DATASETS
from models.report.material import Speed, Taken

NAME = "README.md"
HEAD = """# What was measured of the checkpoints

Made by `make report` from the JSON beside the checkpoints; the service gives out the same figures at
`/models/{name}/report`. Ranges are those in which the true share lies 19 times in 20 (Wilson). Pictures of the surest
mistakes are made where the datasets are, under `runs/report/`.
"""
HEADINGS = ("network", "parameters", "multiply-adds", "ms, alone", "test accuracy", "95 % range", "n", "ECE")


def of_checkpoint(one: Taken) -> str:
    """The name of a checkpoint's drawing."""
    return f"{one.dataset.name}-{one.architecture.name}.svg"


def of_costs(dataset: str) -> str:
    """The name of the drawing of what accuracy costs."""
    return f"{dataset}-pareto.svg"


def of_robustness(dataset: str) -> str:
    """The name of the drawing of spoiled pictures."""
    return f"{dataset}-robustness.svg"


def text(taken: Sequence[Taken], speed: Speed | None) -> str:
    """The page."""
    parts = [HEAD]
    if speed:
        parts.append(f"Milliseconds are the median of a request over HTTP that comes alone: {speed.circumstances}.\n")
    for dataset in DATASETS.values():
        own = [one for one in taken if one.dataset.name == dataset.name]
        parts += [f"## {dataset.title}\n", _table(own, speed)]
        parts += [_picture(f"{dataset.title}: accuracy against what it costs", of_costs(dataset.name))]
        parts += ["Accuracy on spoiled test pictures; at 0 they are as they were:\n"]
        parts += [_picture(f"{dataset.title}: accuracy on spoiled pictures", of_robustness(dataset.name))]
        for one in own:
            told = f"{one.architecture.title} on {dataset.title}"
            alt = f"{told}: learning curve, confusion matrix, reliability diagram"
            parts += [f"### {told}\n", _picture(alt, of_checkpoint(one))]
    return "\n".join(parts)


def _picture(alt: str, name: str) -> str:
    return f"![{alt}]({name})\n"


def _table(own: Sequence[Taken], speed: Speed | None) -> str:
    rows = [HEADINGS, ["---"] * len(HEADINGS), *(tuple(_row(one, speed)) for one in own)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def _row(one: Taken, speed: Speed | None) -> Iterator[str]:
    known, told = one.architecture, one.accuracy
    ms = speed and speed.milliseconds.get(known.name)
    yield from (known.title, short(known.parameters), short(known.macs), f"{ms:.1f}" if ms else "-")
    if told is None:
        yield from "----"
        return
    share, low, high = told
    yield from (f"{share:.2f} %", f"{low:.2f} to {high:.2f}", f"{one.report['n']:,}", f"{one.report['ece']:.2%}")
