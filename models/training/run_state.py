"""The state of a training run on disk: tensors in safetensors, everything else as JSON in its metadata; no pickle."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from models.checkpoints import atomic
from models.classifier import Classifier
from models.training.pool import Pool
from models.training.recipes import Recipe


class ResumeError(RuntimeError):
    """A saved state cannot be gone on from; the message says why, and what to do."""


@dataclass
class Position:
    """How far a run is. ``seen``, ``seconds`` and ``epoch`` count within the phase, the totals over the run;
    ``computing`` are those of the phase's seconds that went into its features. In ``bfloat16`` autocast or not, it goes
    on as it began: what is faster was measured then, and another time or machine may find otherwise.
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
    bfloat16: bool = False

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
    return _digest(module.state_dict(), *more)


def _digest(tensors: Mapping[str, Tensor], *more: object) -> str:
    found = sha256(repr(more).encode())
    for name, value in sorted(tensors.items()):
        found.update(name.encode() + value.cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:16]


def identity(classifier: Classifier, recipe: Recipe, pool: Pool, teaching: Sequence[str], seed: int) -> dict[str, Any]:
    """What must be the same for a run to be resumed, JSON-able: what learns, from which weights where they are a
    checkpoint's, by which recipe, from which scenes, and who teaches (digests).
    """
    told: dict[str, Any] = {"architecture": classifier.architecture, "dataset": classifier.dataset}
    if classifier.metadata:
        told["start"] = digest(classifier)
    if len(pool.pictures) > pool.own:
        told["scenes"] = _digest({"pictures": pool.pictures[pool.own :], "allowed": pool.allowed[pool.own :]})
    if recipe.teachers:
        told["teachers"] = list(teaching)
    return json.loads(json.dumps({**told, "recipe": asdict(recipe), "seed": seed}))  # type: ignore[no-any-return]


def draws(identity: Mapping[str, Any]) -> int:
    """The number that a run's draws begin with: its seed; for one that goes on from a checkpoint another for each, or
    every refinement would repeat the order and the movements of the last.
    """
    return int(identity["seed"]) + int(identity.get("start", "0")[:8], 16)


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
    flat = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    progress = json.dumps({"identity": identity, "position": asdict(at)})
    atomic.write(path, safetensors.torch.save(flat, metadata={"progress": progress}))


def position(path: Path, identity: Mapping[str, Any]) -> Position:
    """How far the run of that ``identity`` is. ResumeError if the state is of another, with both sides of what differs,
    and if it is damaged.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            progress = json.loads((file.metadata() or {})["progress"])
    except (safetensors.SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise ResumeError(f"cannot resume: {path} is damaged ({error}); begin anew, without --resume") from error
    if differing := list(_differing(progress["identity"], identity)):
        raise ResumeError(f"cannot resume {path.parent}: {'; '.join(differing)}; begin anew, without --resume")
    return Position(**progress["position"])


def _differing(was: Mapping[str, Any], now: Mapping[str, Any], of: str = "") -> Iterator[str]:
    """What two identities differ in, a line each."""
    for key in {**was, **now}:
        before, after = was.get(key), now.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _differing(before, after, f"{of}{key}'s ")
        elif before != after:
            yield f"it was begun with {of}{key} {json.dumps(before)}, now it would be {json.dumps(after)}"


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
