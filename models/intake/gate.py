"""Is this of the kind that the networks learned from? Softmax cannot tell: noise makes it surer than digits do.

For each dataset a small network sees what there is to see: the 64x64 thumbnail of the picture as it was sent (that of
``intake.auto``) and the 28x28 picture that the networks get. It has learned what else people send (outlier exposure:
Hendrycks et al., 2019): letters and signs, noise and patterns, pages, photographs, hats, shorts and skirts; so it can
say not only "neither", but what it takes the picture for. Made by ``python -m models.training.train_gate``; ships as
weights/gate.lineup.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from models import checkpoints, datasets
from models.checkpoints import file_format
from models.intake import auto, small_cnn
from models.intake.picture import UInt8

BATCH = 64  # pictures judged in one pass

# What a picture may be taken for, the dataset's own kind first, and how that is said.
KINDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "mnist": {
            "digit": "a digit",
            "sign": "a letter or another sign",
            "photograph": "clothing or another photograph",
            "noise": "noise or a pattern",
            "page": "several signs at once: a word, a number, a page or a screen",
        },
        "fashion-mnist": {
            "garment": "one of the ten kinds of clothing",
            "other": "a hat, shorts, a skirt or another thing",
            "writing": "a digit, a letter or a page",
            "noise": "noise or a pattern",
        },
    }
)


@dataclass(frozen=True)
class Verdict:
    """``score``: how likely the picture is of its dataset's kind, 0 to 1, calibrated; ``in_distribution``: whether
    that is at least a half; ``reason``: what it is taken for, a sentence.
    """

    in_distribution: bool
    score: float
    reason: str


class Gate(nn.Module):
    """float32 thumbnails [N, 1, 64, 64] and pictures [N, 1, 28, 28], both in [0, 1] -> logits [N, kinds]."""

    def __init__(self, kinds: int) -> None:
        super().__init__()
        self.as_sent = small_cnn.stages(1, 12, 24, 40, 56)
        self.prepared = small_cnn.stages(1, 24, 40, 56)
        self.kind = nn.Sequential(nn.Linear(4 * 56, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, kinds))

    def forward(self, thumbnails: Tensor, pictures: Tensor) -> Tensor:
        maps = self.as_sent(thumbnails), self.prepared(pictures)
        logits: Tensor = self.kind(torch.cat([small_cnn.max_and_mean(each) for each in maps], dim=1))
        return logits


def build() -> nn.ModuleDict:
    """A network for each dataset, by name."""
    return nn.ModuleDict({name: Gate(len(kinds)) for name, kinds in KINDS.items()})


def path() -> Path:
    """Where the checkpoint lies: FileNotFoundError if there is no folder of checkpoints."""
    return checkpoints.weights_root() / f"gate{checkpoints.SUFFIX}"


@lru_cache(maxsize=2)
def load(path: Path) -> tuple[nn.ModuleDict, Mapping[str, float]]:
    """The networks of a checkpoint, for inference, and their temperatures; read once. CheckpointError if it is not one
    of ``training.train_gate``.
    """
    with torch.device("meta"):
        networks = build()
    header, tensors = file_format.read(path, {name: tensor.shape for name, tensor in networks.state_dict().items()})
    kinds = {name: list(kinds) for name, kinds in KINDS.items()}
    if header.get("kind") != "gate" or header.get("kinds") != kinds:
        told = f"kind {header.get('kind')!r}, kinds {header.get('kinds')}"
        raise checkpoints.CheckpointError(f"{path} has {told}; wanted kind 'gate', kinds {kinds}")
    networks.load_state_dict(tensors, assign=True)
    small_cnn.for_inference(networks)
    return networks, header["temperatures"]


def judge(image: Image.Image, picture: UInt8, dataset: str) -> Verdict:
    """Whether ``image`` (mode L or RGB, as it was sent), of which ``intake.picture`` made ``picture`` uint8 [28, 28]
    for ``dataset``, is of that dataset's kind.

    Safe to call from several threads. Raises CheckpointError or FileNotFoundError if weights/gate.lineup cannot be
    had, UnknownName for an unknown dataset.
    """
    return judge_all([auto.thumbnail(np.asarray(image))], [picture], dataset)[0]


def judge_all(thumbnails: Sequence[UInt8], pictures: Sequence[UInt8], dataset: str) -> list[Verdict]:
    """The same of several at once: thumbnails uint8 [64, 64] as of ``auto.thumbnail``, and pictures uint8 [28, 28]."""
    name = datasets.find(dataset).name
    networks, temperatures = load(path())
    shown, seen = (torch.from_numpy(np.stack(each)) for each in (thumbnails, pictures))
    parts = zip(shown.split(BATCH), seen.split(BATCH), strict=True)
    chances = [probabilities(networks[name], *part, temperatures[name]) for part in parts]
    return [_verdict(row, KINDS[name]) for row in torch.cat(chances)]


def _verdict(chances: Tensor, kinds: Mapping[str, str]) -> Verdict:
    """What float32 [kinds] says."""
    score, own = float(chances[0]), next(iter(kinds))
    if score >= 0.5:
        return Verdict(True, score, f"it looks like {kinds[own]}")
    other = list(kinds)[1 + int(chances[1:].argmax())]
    return Verdict(False, score, f"it looks like {kinds[other]}, not like {kinds[own]}")


@torch.inference_mode()
def probabilities(network: nn.Module, thumbnails: Tensor, pictures: Tensor, temperature: float = 1.0) -> Tensor:
    """uint8 thumbnails [N, 64, 64] and pictures [N, 28, 28] -> float32 [N, kinds]."""
    logits: Tensor = network(thumbnails.unsqueeze(1).float() / 255, pictures.unsqueeze(1).float() / 255)
    return (logits / temperature).softmax(dim=1)
