"""Checkpoints of networks that nobody trained, whose batch norm has something to do all the same."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from models import catalog, checkpoints
from models.checkpoints import file_format
from models.checkpoints.described import Described, described
from models.classifier import Classifier


def classifier(name: str, dataset: str = "mnist") -> Classifier:
    """The same at every call."""
    torch.manual_seed(1998)
    network = catalog.find(name).build()
    stir(network)
    made = Classifier(network, architecture=name, dataset=dataset, temperature=0.5, temperature_sent=2.0)
    return made.eval()


def stir(network: nn.Module) -> None:
    """Let every batch norm move its channels apart, as if it had seen pictures."""
    for module in network.modules():
        if isinstance(module, _BatchNorm):
            for tensor in (module.weight, module.running_var):
                assert tensor is not None
                nn.init.uniform_(tensor, 0.5, 1.5)
            for tensor in (module.bias, module.running_mean):
                assert tensor is not None
                nn.init.normal_(tensor, std=0.2)


def write(root: Path, name: str, dataset: str = "mnist", *, at: tuple[str, str] | None = None) -> Path:
    """A checkpoint in the folder ``root``, where its (dataset, network) belongs or in the place of another."""
    path = checkpoints.path_for(*(at or (dataset, name)), root)
    checkpoints.save(path, classifier(name, dataset), {"metrics": {"accuracy": 0.5, "n": 10, "split": "test"}})
    return path


def read(path: Path) -> Described:
    """What a checkpoint says of itself."""
    return described(file_format.open_file(path))
