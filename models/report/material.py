"""What a report draws: what is recorded of each checkpoint, and how soon a request to it is answered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models import catalog, checkpoints
from models.catalog import Architecture
from models.checkpoints import reports
from models.datasets import DATASETS, Dataset
from models.evaluation.intervals import wilson

SPEED = Path(__file__).resolve().parents[2] / "app" / "static" / "page" / "figures.json"
WANTED = "wanted the figures of the page, as `python -m tools.figures` writes them"


class SpeedError(ValueError):
    """A file does not hold the figures of the page; the message says what would be right."""


@dataclass(frozen=True)
class Taken:
    """A network on a dataset. ``digest``: of its checkpoint, None where there is none to be read; ``report`` and
    ``robustness``: what is recorded of that very checkpoint.
    """

    path: Path
    architecture: Architecture
    dataset: Dataset
    digest: str | None
    report: Mapping[str, Any]
    robustness: Mapping[str, Any]

    def command(self, *options: str) -> str:
        """What measures it."""
        return reports.command(self.dataset.name, self.architecture.name, *options)

    @property
    def training(self) -> str:
        """What trains it."""
        return f"lineup train --model {self.architecture.name} --dataset {self.dataset.name}"

    @property
    def accuracy(self) -> tuple[float, float, float] | None:
        """On the test pictures, in percent, with the ends of its 95 % range; None where nobody measured it."""
        return None if "accuracy" not in self.report else percent(self.report["accuracy"], self.report["n"])


def percent(share: float, n: int) -> tuple[float, float, float]:
    """A share of ``n`` pictures in percent, and the ends of its 95 % range."""
    low, high = wilson(share, n)
    return 100 * share, 100 * low, 100 * high


@dataclass(frozen=True)
class Speed:
    """Median milliseconds of a request that comes alone, by network, and on what they were measured."""

    milliseconds: Mapping[str, float]
    circumstances: str


def gather(root: Path) -> list[Taken]:
    """Every network of the catalog on every dataset, the first dataset's first."""
    return [_taken(root, dataset, known) for dataset in DATASETS.values() for known in catalog.ARCHITECTURES.values()]


def _taken(root: Path, dataset: Dataset, known: Architecture) -> Taken:
    path = checkpoints.path_for(dataset.name, known.name, root)
    try:
        digest = checkpoints.read_header(path)["digest"]
    except (checkpoints.CheckpointError, KeyError):
        digest = None
    told = (reports.of(path, digest, kind) or {} for kind in (reports.REPORT, reports.ROBUSTNESS))
    return Taken(path, known, dataset, digest, *told)


def speed(path: Path) -> Speed | None:
    """What is recorded of speed in the figures of the page; None where nobody measured it. SpeedError for a file that
    is not there, or holds no such figures.
    """
    try:
        told = json.loads(path.read_text(encoding="utf-8"))["speed"]
        return None if told is None else _speed(told)
    except OSError as error:
        raise SpeedError(f"cannot read {path}: {error.strerror}; {WANTED}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SpeedError(f"{path} does not tell what is recorded of speed; {WANTED}") from error


def _speed(told: Mapping[str, Any]) -> Speed:
    on = f"{told['hardware']['cores']} cores of an {told['hardware']['processor']}, {told['picture']}, {told['date']}"
    on = f"asked of MNIST, {on}"  # by bench/servers.py; networks of the other dataset are sparse in other places
    return Speed({name: one["lone_ms"] for name, one in told["networks"].items()}, on)
