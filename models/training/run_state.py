"""The state of a training run on disk: tensors in safetensors, everything else as JSON in its metadata; no pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn


def save(
    path: Path, modules: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer, progress: Mapping[str, Any]
) -> None:
    """Write the state whole or not at all; ``progress`` is JSON-able."""
    tensors = {f"{name}/{key}": value for name, module in modules.items() for key, value in module.state_dict().items()}
    for number, values in optimizer.state_dict()["state"].items():
        tensors |= {
            f"optimizer/{number}/{key}": torch.as_tensor(value) for key, value in values.items() if value is not None
        }
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".writing")
    flat = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    safetensors.torch.save_file(flat, temporary, metadata={"progress": json.dumps(progress)})
    temporary.replace(path)


def load_progress(path: Path) -> dict[str, Any]:
    """What ``save`` was given as ``progress``."""
    with safetensors.safe_open(path, framework="pt") as file:
        progress: dict[str, Any] = json.loads(file.metadata()["progress"])
    return progress


def load(path: Path, modules: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer) -> None:
    """Put the tensors of ``save`` back into modules and an optimizer that are built the same way."""
    tensors = safetensors.torch.load_file(path)

    def under(prefix: str) -> dict[str, Tensor]:
        return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}

    for name, module in modules.items():
        module.load_state_dict(under(f"{name}/"))
    states: dict[int, dict[str, Tensor]] = {}
    for name, tensor in under("optimizer/").items():
        number, key = name.split("/")
        states.setdefault(int(number), {})[key] = tensor
    optimizer.load_state_dict({"state": states, "param_groups": optimizer.state_dict()["param_groups"]})
