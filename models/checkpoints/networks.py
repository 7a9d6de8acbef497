"""Tensors of a network to arrays of a file, and back: the one loader of classifiers, auto and gate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.checkpoints import file_format
from models.checkpoints.codings import Array
from models.checkpoints.file_format import Content, Wanted


def tensors_of(network: nn.Module) -> dict[str, Array]:
    """The state of a network, for ``file_format.write``: int64 as it is, everything else as float32."""
    return {
        name: np.asarray(tensor.detach().cpu().to(_dtype(tensor)).numpy())
        for name, tensor in network.state_dict().items()
    }


def load_into(path: str | Path, network: nn.Module) -> dict[str, Any]:
    """Give ``network``, built on the meta device, the tensors of a file, on the CPU; return the file's header.

    Raises CheckpointError, naming both sides, if the file is damaged or does not fit.
    """
    content = file_format.open_file(path)
    fill(network, content)
    return content.header


def fill(network: nn.Module, content: Content) -> None:
    """``load_into`` of a file that has been read, for whoever needs its header to know which network it is."""
    arrays = file_format.unpack(content, _wanted(network))
    network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()}, assign=True)


def _wanted(network: nn.Module) -> Wanted:
    return {
        name: (tuple(tensor.shape), str(_dtype(tensor)).removeprefix("torch."))
        for name, tensor in network.state_dict().items()
    }


def _dtype(tensor: Tensor) -> torch.dtype:
    """What a tensor is in a file."""
    return torch.int64 if tensor.dtype == torch.int64 else torch.float32
