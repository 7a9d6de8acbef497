"""The small networks that see a picture first, ``intake.auto``'s and ``intake.gate``'s: what they are made of, how they
are loaded, and how they run.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from models.checkpoints import file_format, headers
from models.checkpoints.file_format import Content
from models.checkpoints.networks import fill
from models.intake.pixels import Float, UInt8


class AutoNetwork(nn.Sequential):
    """float32 thumbnails [N, 1, 64, 64] in [0, 1] -> logits [N, 2]."""

    def __init__(self) -> None:
        super().__init__(*stages(1, 16, 32, 64, 64), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(64, 2))


class GateNetwork(nn.Module):
    """float32 thumbnails [N, 1, 64, 64] and pictures [N, 1, 28, 28], both in [0, 1] -> logits [N, kinds]."""

    def __init__(self, kinds: int) -> None:
        super().__init__()
        self.as_sent = stages(1, 12, 24, 40, 56)
        self.prepared = stages(1, 24, 40, 56)
        self.kind = nn.Sequential(nn.Linear(4 * 56, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, kinds))

    def forward(self, thumbnails: Tensor, pictures: Tensor) -> Tensor:
        maps = self.as_sent(thumbnails), self.prepared(pictures)
        logits: Tensor = self.kind(torch.cat([max_and_mean(each) for each in maps], dim=1))
        return logits


def stages(*widths: int) -> nn.Sequential:
    """A convolution, batch norm, ReLU and a halving of the sides for each two neighbours of ``widths``: float32
    [N, widths[0], H, W] -> [N, widths[-1], H / 2^k, W / 2^k].
    """
    layers: list[nn.Module] = []
    for before, width in pairwise(widths):
        convolution = nn.Conv2d(before, width, kernel_size=3, padding=1, bias=False)
        layers += [convolution, nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers)


def max_and_mean(maps: Tensor) -> Tensor:
    """What is seen anywhere, and how much of it there is: float32 [N, C, H, W] -> [N, 2 C]."""
    return torch.cat([maps.amax((2, 3)), maps.mean((2, 3))], dim=1)


@torch.inference_mode()
def probabilities(network: nn.Module, *inputs: Tensor, temperature: float = 1.0) -> Tensor:
    """uint8 [N, H, W] of each of a network's inputs -> float32 [N, K]: softmax(logits / temperature)."""
    logits: Tensor = network(*(part.unsqueeze(1).float() / 255 for part in inputs))
    return (logits / temperature).softmax(dim=1)


def for_inference(network: nn.Module) -> None:
    """Make a network of ``stages`` run in less than half the time on a CPU, from now on in eval mode: batch norm goes
    into the convolution before it, and channels lie together in memory.
    """
    network.eval().requires_grad_(False)
    for sequence in [module for module in network.modules() if isinstance(module, nn.Sequential)]:
        for place, (layer, following) in enumerate(pairwise(list(sequence))):
            if isinstance(layer, nn.Conv2d) and isinstance(following, nn.BatchNorm2d):
                sequence[place] = fuse_conv_bn_eval(layer, following)
                sequence[place + 1] = nn.Identity()
    network.to(memory_format=torch.channels_last)


def load_auto(path: Path, answers: Sequence[str]) -> Callable[[UInt8], Float]:
    """What runs the network of a checkpoint on thumbnails uint8 [N, 64, 64], giving float32 [N, 2]. CheckpointError."""
    content = file_format.open_file(path)
    headers.expect(content, kind="auto", answers=list(answers))
    return partial(_run, _filled(AutoNetwork, content), 1.0)


def load_gate(path: Path, kinds: Mapping[str, Collection[str]]) -> dict[str, Callable[[UInt8, UInt8], Float]]:
    """What runs each dataset's network of a checkpoint on thumbnails uint8 [N, 64, 64] and pictures uint8 [N, 28, 28],
    giving float32 [N, kinds]. CheckpointError.
    """
    content = file_format.open_file(path)
    headers.expect(content, kind="gate", kinds={name: list(each) for name, each in kinds.items()})
    temperatures = headers.temperatures(content, kinds)
    networks = _filled(lambda: gate_networks(kinds), content)
    return {name: partial(_run, networks[name], temperatures[name]) for name in kinds}


def gate_networks(kinds: Mapping[str, Collection[str]]) -> nn.ModuleDict:
    """A network for each dataset, by name."""
    return nn.ModuleDict({name: GateNetwork(len(each)) for name, each in kinds.items()})


def _filled(build: Callable[[], Any], content: Content) -> Any:
    """A network with the tensors of a checkpoint, for inference."""
    with torch.device("meta"):
        network = build()
    fill(network, content)
    for_inference(network)
    return network


def _run(network: nn.Module, temperature: float, *inputs: UInt8) -> Float:
    parts = (torch.from_numpy(part) for part in inputs)
    told: Float = probabilities(network, *parts, temperature=temperature).numpy()
    return told
