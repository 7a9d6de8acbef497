"""The state of a training run on disk: tensors in safetensors, everything else as JSON in its metadata; no pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from models.classifier import Classifier
from models.training.recipes import Recipe


class ResumeError(RuntimeError):
    """A saved state cannot be gone on from; the message says why, and what to do."""


@dataclass
class Position:
    """How far a run is. ``seen``, ``seconds`` and ``epoch`` count within the phase, the totals over the run;
    ``computing`` are those of the phase's seconds that went into its features.
    """

    phase: int = 0
    epoch: int = 0
    batch: int = 0
    seen: int = 0
    seconds: float = 0.0
    step: int = 0
    total_seen: int = 0
    total_seconds: float = 0.0
    computing: float = 0.0

    def spend(self, seconds: float) -> None:
        """Count time."""
        self.seconds, self.total_seconds = self.seconds + seconds, self.total_seconds + seconds

    def take_step(self, seconds: float, pictures: int) -> None:
        """Count a step, its time and its pictures."""
        self.spend(seconds)
        self.seen, self.total_seen = self.seen + pictures, self.total_seen + pictures
        self.batch, self.step = self.batch + 1, self.step + 1

    def next_phase(self) -> Position:
        """The beginning of the phase after this."""
        return replace(self, phase=self.phase + 1, epoch=0, batch=0, seen=0, seconds=0.0, computing=0.0)


def digest(module: nn.Module, *more: object) -> str:
    """Of a module's tensors, by name, and of what else counts."""
    found = sha256(repr(more).encode())
    for name, value in sorted(module.state_dict().items()):
        found.update(name.encode() + value.cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:16]


def identity(classifier: Classifier, recipe: Recipe, teaching: Sequence[str], seed: int) -> dict[str, Any]:
    """What must be the same for a run to be resumed, JSON-able: what learns, from which weights where they are a
    checkpoint's, by which recipe, and who teaches (digests).
    """
    names = {"architecture": classifier.architecture, "dataset": classifier.dataset}
    start = {"start": digest(classifier)} if classifier.metadata else {}
    teachers = {"teachers": list(teaching)} if recipe.teachers else {}
    return json.loads(json.dumps({**names, **start, **teachers, "recipe": asdict(recipe), "seed": seed}))  # type: ignore[no-any-return]


def save(
    path: Path,
    modules: Mapping[str, nn.Module],
    optimizer: torch.optim.Optimizer,
    identity: Mapping[str, Any],
    at: Position,
) -> None:
    """Write the state whole or not at all; ``identity``, which is JSON-able, is what must be the same to go on."""
    tensors = {f"{name}/{key}": value for name, module in modules.items() for key, value in module.state_dict().items()}
    for number, values in optimizer.state_dict()["state"].items():
        tensors |= {
            f"optimizer/{number}/{key}": torch.as_tensor(value) for key, value in values.items() if value is not None
        }
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".writing")
    flat = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    progress = json.dumps({"identity": identity, "position": asdict(at)})
    safetensors.torch.save_file(flat, temporary, metadata={"progress": progress})
    temporary.replace(path)


def position(path: Path, identity: Mapping[str, Any]) -> Position:
    """How far the run of that ``identity`` is. ResumeError, with both sides, if the state is of another, and if it is
    damaged.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            progress = json.loads((file.metadata() or {})["progress"])
    except (safetensors.SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise ResumeError(f"cannot resume: {path} is damaged ({error}); begin anew, without --resume") from error
    if progress["identity"] != identity:
        both = f"it was begun as {progress['identity']}, now it would be {identity}"
        raise ResumeError(f"cannot resume {path.parent}: {both}")
    return Position(**progress["position"])


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
