"""What a classifier's checkpoint says of itself, checked: to load its network, or to compile it without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

from models import catalog, datasets
from models.catalog import Architecture
from models.checkpoints.file_format import CheckpointError, Content
from models.checkpoints.headers import WANTED, is_temperature
from models.datasets import Dataset

# What is read of a header's `metrics`; whatever else a file tells there is its own affair.
SHARES = ("accuracy", "ece", "ece_at_temperature_1", "held_out_accuracy", "sent_accuracy", "sent_ece")
COUNTS = ("n", "held_out_n", "sent_n")
MOST_COUNTED = 10**9  # pictures: so that a number can be computed with and shown, whatever its reader does with it


@dataclass(frozen=True)
class Described:
    """A classifier's checkpoint whose header fits catalog and datasets as they are here; of its tensors nothing is
    believed yet. ``content`` is the file: ``file_format.unpack`` gives the tensors, ``content.header`` the rest.
    """

    content: Content
    architecture: Architecture
    dataset: Dataset
    temperature: float
    temperature_sent: float  # of pictures that were not of the dataset's own kind before the intake made them so


def described(content: Content) -> Described:
    """What a file of ``file_format.open_file`` says of itself.

    Raises CheckpointError, naming both sides, if it is of an unknown network or dataset, or was made for other
    classes or another input than these have here, or its temperatures or figures are none.
    """
    path, header = content.path, content.header
    try:
        architecture, dataset = catalog.find(str(header.get("architecture"))), datasets.find(str(header.get("dataset")))
    except datasets.UnknownName as error:
        raise CheckpointError(f"{path}: {error}") from error
    wanted = {
        "classes": list(dataset.classes),
        "input": {"size": architecture.input_size, "mean": dataset.mean, "std": dataset.std},
    }
    for key, value in wanted.items():
        if header.get(key) != value:
            told = shortened(header.get(key))
            raise CheckpointError(f"{path} was made for {key} {told}; {architecture.name} here has {value}")
    _check_metrics(path, header)
    temperatures = (_temperature(path, header, name) for name in ("temperature", "temperature_sent"))
    return Described(content, architecture, dataset, *temperatures)


def _temperature(path: Path, header: Mapping[str, Any], name: str) -> float:
    """Of a header; a checkpoint measured without pictures as people send them has one temperature for all."""
    value = header.get(name, header.get("temperature"))
    if not is_temperature(value):
        raise CheckpointError(f"{path} has the temperature {shortened(value)}; {WANTED}")
    return float(value)


def _check_metrics(path: Path, header: Mapping[str, Any]) -> None:
    """What was measured, if anything was: readers far from here take it for numbers, and would fail in an answer."""
    metrics = header.get("metrics", {})
    if not isinstance(metrics, dict):
        raise CheckpointError(f"{path} has the metrics {shortened(metrics)}; wanted figures by name, or none at all")
    for names, is_one, wanted in (
        (SHARES, _is_share, "a number from 0 to 1"),
        (COUNTS, _is_count, f"a whole number from 1 to {MOST_COUNTED}"),
    ):
        for name in names:
            if name in metrics and not is_one(metrics[name]):
                raise CheckpointError(f"{path} has the {name} {shortened(metrics[name])}; wanted {wanted}")


def _is_share(value: object) -> bool:
    return type(value) in (int, float) and 0 <= value <= 1  # type: ignore[operator]  # bool is an int to isinstance


def _is_count(value: object) -> bool:
    return type(value) is int and 1 <= value <= MOST_COUNTED
