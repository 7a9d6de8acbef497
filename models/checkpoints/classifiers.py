"""Save and load a Classifier: tensors with everything needed to rebuild the network and to trust it.

What training writes and what ships is one format, ``checkpoints.file_format``.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from models import datasets
from models.checkpoints import file_format, networks
from models.checkpoints.described import described
from models.classifier import Classifier


def save(path: str | Path, classifier: Classifier, metadata: Mapping[str, Any]) -> str:
    """Write ``classifier`` with ``metadata`` (JSON-able: recipe, training, metrics, …) and return the file's digest.

    The large weights are rounded to int8 on the way: measure what ``load`` gives back, not what was saved.
    """
    known = datasets.find(classifier.dataset)
    header = {
        "architecture": classifier.architecture,
        "dataset": classifier.dataset,
        "classes": list(classifier.classes),
        "input": {"size": classifier.input_size, "mean": known.mean, "std": known.std},
        "temperature": classifier.temperature,
        "temperature_sent": classifier.temperature_sent,
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        **{key: value for key, value in metadata.items() if key != "digest"},
    }
    return file_format.write(path, header, networks.tensors_of(classifier.network))


def load(path: str | Path, device: str | torch.device = "cpu") -> Classifier:
    """Read a checkpoint into a Classifier in eval mode on ``device``; its header, "digest" among it, becomes
    ``metadata``.

    Raises CheckpointError, naming both sides, if the file is damaged, or of an unknown network or dataset, or does
    not fit the network that it names.
    """
    content = file_format.open_file(path)  # once: digest, header and tensors are of one file, whatever replaces it
    known = described(content)
    with torch.device("meta"):  # shapes without memory: nothing is allocated before the file is found to fit
        network = known.architecture.build()
    networks.fill(network, content)
    network.requires_grad_(False)
    classifier = Classifier(
        network,
        architecture=known.architecture.name,
        dataset=known.dataset.name,
        temperature=known.temperature,
        temperature_sent=known.temperature_sent,
        metadata=content.header,
    )
    return classifier.to(device=device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload, no-any-return]
