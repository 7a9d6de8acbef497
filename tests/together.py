"""What each of several processes runs in a test: ``torchrun -m tests.together FOLDER`` trains small networks and writes
the weights that came out.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from models.catalog import ARCHITECTURES
from models.classifier import Classifier
from models.training.recipes import Phase, Recipe
from models.training.stopping import Interrupted
from models.training.trainer import Trainer
from models.training.world import World, joined

PHASES = Phase(0.5, lr=1e-3), Phase(0.5, lr=1e-4)
SHORT = Recipe(PHASES, "adamw", epochs=2, batch_size=30, autocast=False, clip=1.0, ema=0.9)


class Small(nn.Module):
    """A convolution, batch norm and two linear layers, with dropout between them or without."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.input_size = 28
        self.conv = nn.Sequential(nn.Conv2d(1, 4, 5, stride=3, bias=False), nn.BatchNorm2d(4), nn.ReLU())
        self.fc = nn.Sequential(nn.Linear(256, 32), nn.ReLU(), nn.Dropout(dropout), nn.Linear(32, 10))

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.conv(x).flatten(1))
        return logits


NETWORKS = {"lenet": ARCHITECTURES["lenet"].build, "norm": lambda: Small(0.0), "dropout": lambda: Small(0.5)}


def trainer(name: str, folder: Path, world: World, stop: Callable[[], bool] = lambda: False) -> Trainer:
    """Of 131 pictures, in batches of 30: the last has 11, of which one of two processes gets 6 and the other 5."""
    torch.manual_seed(0)
    pictures = torch.randint(0, 256, (150, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(3))
    labels = torch.arange(150) % 10
    classifier = Classifier(NETWORKS[name](), architecture="lenet", dataset="mnist")
    sets = (pictures[:131], labels[:131]), (pictures[131:], labels[131:])
    device = torch.device("cpu")
    return Trainer(classifier, SHORT, *sets, device=device, folder=folder / name, world=world, should_stop=stop)


def resumed(name: str, folder: Path, world: World) -> Trainer:
    """One whose run the last of the processes alone was asked to end at the seventh step."""
    steps = count(1)
    with suppress(Interrupted):
        trainer(name, folder, world, lambda: next(steps) == 7 and world.rank == world.size - 1).run()
    again = trainer(name, folder, world)
    again.resume()
    assert again.at.step == 7
    return again


def main(folder: Path) -> None:
    """Train and write."""
    torch.set_num_threads(1)
    with joined(torch.device("cpu")) as world:
        for name in NETWORKS:
            write(name, folder, world)


def write(name: str, folder: Path, world: World) -> None:
    """Train one, and write its weights."""
    made = resumed(name, folder, world) if name == "norm" else trainer(name, folder, world)
    flat = {key: tensor.contiguous() for key, tensor in made.run().network.state_dict().items()}
    save_file(flat, folder / f"{name}.{world.rank}.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
