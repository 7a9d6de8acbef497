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
    classes or another input than these have here, or its temperatures are none.
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
    temperatures = (_temperature(path, header, name) for name in ("temperature", "temperature_sent"))
    return Described(content, architecture, dataset, *temperatures)


def _temperature(path: Path, header: Mapping[str, Any], name: str) -> float:
    """Of a header; a checkpoint measured without pictures as people send them has one temperature for all."""
    value = header.get(name, header.get("temperature"))
    if not is_temperature(value):
        raise CheckpointError(f"{path} has the temperature {shortened(value)}; {WANTED}")
    return float(value)
