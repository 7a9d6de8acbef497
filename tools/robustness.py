"""What is left of accuracy on spoiled pictures (`NAME.robustness.json`), as a table of docs/measured.md."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models import catalog, checkpoints
from models.checkpoints import reports
from models.datasets import DATASETS
from models.evaluation.corruptions import CORRUPTIONS
from tools.unchanged import digest_of


def rows(weights: Path) -> tuple[list[str], list[list[str]]]:
    """Headings, and a row for each checkpoint: its accuracy on the pictures as they are; of each corruption the mean
    over the strengths, and that of the strength that hurts it most; and the form in which it ran, with the newest
    instructions of the processor: a network's figures depend on both, if little.
    """
    told = []
    for network, record in _records(weights):
        clean = "-" if record is None else f"{record['clean']:.1%} of {record['n']:,}"
        cells = [_cell(record and record["corruptions"].get(one)) for one in CORRUPTIONS]
        ran = "-" if record is None else f"{record['form']}, {record['instructions'].split()[-1]}"
        told.append([network, clean, *cells, ran])
    return ["network", "as they are", *(f"{name}: mean, worst" for name in CORRUPTIONS), "ran in"], told


def _records(weights: Path) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Every network of each dataset, and what was measured of the checkpoint that is there."""
    for dataset in DATASETS:
        for name in catalog.ARCHITECTURES:
            yield f"{dataset}/{name}", _record(checkpoints.path_for(dataset, name, weights))


def _record(path: Path) -> dict[str, Any] | None:
    return reports.of(path, digest_of(path) if path.is_file() else None, reports.ROBUSTNESS)


def _cell(told: dict[str, Any] | None) -> str:
    if not told:
        return "-"
    shares = told["accuracy"]
    return f"{sum(shares) / len(shares):.1%}, {min(shares):.1%}"
