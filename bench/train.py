"""How fast training is beside the loop of a textbook: ``python -m bench.train --data-dir ../shared/data``.

For each network pictures a second of the trainer (whole dataset on the device as uint8, augmentation of whole batches,
bfloat16 where the device is faster in it, channels last), and of what tutorials have: a DataLoader with workers that
open, move and resize one picture after another, float32, eager. Same network, batch and optimizer, each for so many
seconds after a warm-up. On a CPU it runs with small batches, to see that it does; such figures say little.

It has never run on a GPU.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from bench import machine
from models import catalog, datasets
from models.arguments import above_zero, whole
from models.checkpoints import atomic
from models.classifier import Classifier
from models.data.place import add_data_dir
from models.data.splits import DataError, load_split
from models.devices import choose_device, plain_float32
from models.evaluation.circumstances import circumstances
from models.training import recipes
from models.training.augment import AUGMENTATIONS
from models.training.optimisation import make_optimizer
from models.training.recipes import Recipe
from models.training.trainer import Trainer

BATCH_ON_CPU = 8


class Pictures(Dataset[tuple[Tensor, int]]):
    """What torchvision.datasets.MNIST gives: pictures one by one, through a transform of PIL's."""

    def __init__(self, pictures: Tensor, labels: Tensor, dataset: str, side: int) -> None:
        known, how = datasets.find(dataset), AUGMENTATIONS[dataset]
        move = how.shift / datasets.SIDE
        steps = [
            transforms.RandomAffine(how.degrees, (move, move), (1 - how.scale, 1 + how.scale)),
            *([transforms.RandomHorizontalFlip()] if how.mirror else []),
            transforms.Resize(side),
            transforms.ToTensor(),
            transforms.Normalize((known.mean,), (known.std,)),
        ]
        self._pictures, self._labels, self._transform = pictures.numpy(), labels.tolist(), transforms.Compose(steps)

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self._transform(Image.fromarray(self._pictures[index])), self._labels[index]


def textbook(
    name: str, dataset: str, learn: tuple[Tensor, Tensor], recipe: Recipe, options: argparse.Namespace
) -> float:
    """Pictures a second of the loop that tutorials have; the first batch, for which workers start, is not counted."""
    network = catalog.find(name).build().to(options.device).train()
    optimizer, loss_of = make_optimizer(recipe, network, recipe.phases[0].lr), nn.CrossEntropyLoss()
    pictures = Pictures(*learn, dataset, catalog.find(name).input_size)
    loader = DataLoader(pictures, recipe.batch_size, shuffle=True, num_workers=options.workers, pin_memory=options.gpu)
    seen, begun = 0, None
    while begun is None or time.perf_counter() - begun < options.seconds:
        for inputs, labels in loader:
            optimizer.zero_grad()
            loss = loss_of(network(inputs.to(options.device)), labels.to(options.device))
            loss.backward()
            optimizer.step()
            loss.item()
            if begun is None:
                begun = time.perf_counter()
                continue
            seen += len(labels)
            if time.perf_counter() - begun >= options.seconds:
                break
    return seen / (time.perf_counter() - begun)


def ours(name: str, dataset: str, learn: tuple[Tensor, Tensor], recipe: Recipe, options: argparse.Namespace) -> float:
    """Pictures a second of the trainer, by its own count of time; a run of two steps before is not counted."""
    with tempfile.TemporaryDirectory() as folder:

        def trainer() -> Trainer:
            classifier = Classifier(catalog.find(name).build(), architecture=name, dataset=dataset)
            watch = learn[0][:100], learn[1][:100]
            timed = replace(recipe, epochs=None, minutes=options.seconds / 60)
            return Trainer(classifier, timed, learn, watch, device=options.device, folder=Path(folder))

        list(trainer().try_phases())
        measured = trainer()
        measured.run()
        return measured.at.total_seen / measured.at.total_seconds


def compare(name: str, dataset: str, options: argparse.Namespace) -> dict[str, float]:
    """Both rates of a network and how many times the trainer's is the other."""
    learn = load_split(dataset, "train", options.data_dir)
    recipe = recipes.choose(name, "full")
    recipe = recipe if options.gpu else replace(recipe, batch_size=BATCH_ON_CPU)
    rates = {kind.__name__: round(kind(name, dataset, learn, recipe, options), 1) for kind in (textbook, ours)}
    return {**rates, "times": round(rates["ours"] / rates["textbook"], 2)}


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print, once no other measurement runs; --record keeps it. SystemExit where an option is wrong, or
    there is no such device or no data.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", choices=list(catalog.ARCHITECTURES), help="default: all seven")
    parser.add_argument("--dataset", choices=list(datasets.DATASETS), default="mnist")
    add_data_dir(parser)
    parser.add_argument("--device", default="auto", help="auto (default), cpu, cuda or cuda:1")
    parser.add_argument("--seconds", type=above_zero, default=10, help="for each measurement (default: 10)")
    parser.add_argument(
        "--workers", type=whole(0), default=machine.cores(), help="of the DataLoader (default: the cores)"
    )
    parser.add_argument("--record", type=Path, metavar="FILE", help="write what was measured as JSON")
    options = parser.parse_args(argv)
    try:
        options.device = torch.device(choose_device(options.device))
    except RuntimeError as error:
        parser.error(str(error))
    options.gpu = options.device.type == "cuda"
    plain_float32()
    if not options.gpu:
        print(
            f"on a CPU, in batches of {BATCH_ON_CPU}: that it runs, and no more; what training gains it gains on a GPU"
        )
    with machine.alone():
        try:
            figures = {name: compare(name, options.dataset, options) for name in options.model or catalog.ARCHITECTURES}
        except DataError as error:
            parser.error(str(error))
    for name, told in figures.items():
        print(
            f"{name:10} {told['ours']:10,.1f} pictures/s, textbook {told['textbook']:10,.1f}: {told['times']:.2f} times"
        )
    kept = {**circumstances(options.device), "dataset": options.dataset, "seconds": options.seconds}
    kept |= {
        "workers": options.workers,
        "batch_size": None if options.gpu else BATCH_ON_CPU,
        "pictures_per_second": figures,
    }
    if options.record:
        atomic.write_json(options.record, kept)


if __name__ == "__main__":
    main()
