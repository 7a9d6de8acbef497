"""Features of a network's convolutions, computed once and kept on disk, for training the layers above them alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import chain
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from models.checkpoints import atomic
from models.classifier import Classifier
from models.training import int8_features
from models.training.augment import Augmentation, augment
from models.training.material import Material
from models.training.pool import Pool

CHUNK = 256  # pictures; each chunk is a file of its own, so that an interrupt costs one
TIME = 0.7  # of a phase on computed features, at most, goes into computing them
BATCH = 32  # pictures at once: VGG-11's activations have 60 MB a picture


def material_of(
    classifier: Classifier,
    pool: Pool,
    watch: tuple[Tensor, Tensor],
    share: float,
    folder: Path,
    *,
    seed: int,
    augmentation: Augmentation,
    may_compute: Callable[[], bool],
    after_each: Callable[[], None],
) -> Material:
    """Features of CHUNK of the pictures ``watch`` and, chunk by chunk, of the pool's, a ``share`` of them scenes: one
    chunk at least, and more for as long as ``may_compute`` allows. Which, and how they are moved, comes from ``seed``.
    """
    order = pool.order(seed, share)
    parts: list[tuple[Tensor, Tensor]] = []
    learned = (
        (_moved(pool.pictures[index], augmentation, seed + number), pool.allowed[index])
        for number, index in enumerate(order.split(CHUNK))
    )
    chunks = chain([(watch[0][:CHUNK], watch[1][:CHUNK])], learned)
    # Only once a chunk is not there: a run that is resumed after the last has nothing to compile.
    convolutions = cache(lambda: _convolutions(classifier.eval(), pool.pictures[order[:CHUNK]], folder))
    folder.mkdir(parents=True, exist_ok=True)
    for part in compute(convolutions, chunks, folder, lambda: len(parts) < 2 or may_compute()):
        parts.append(part)
        after_each()
    (watched, labels), *rest = parts
    inputs, allowed = (torch.cat(column) for column in zip(*rest, strict=True))

    def mixed(seed: int) -> Tensor:
        return torch.randperm(len(inputs), generator=torch.Generator().manual_seed(seed))

    return Material(inputs, allowed, (watched.float(), labels), mixed)


def compute(
    convolutions: Callable[[], Callable[[Tensor], Tensor]],
    chunks: Iterable[tuple[Tensor, Tensor]],
    folder: Path,
    may_compute: Callable[[], bool],
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield bfloat16 features [n, D] and what is right, of each chunk (pictures uint8 [n, 28, 28], what is right), in
    order.

    A chunk that lies in ``folder`` already is read; the first other one for which ``may_compute`` says False ends it.
    """
    for number, (pictures, right) in enumerate(chunks):
        path = folder / f"{number:04}.safetensors"
        if not path.is_file():
            if not may_compute():
                return
            features = torch.cat([convolutions()(part).bfloat16() for part in pictures.split(BATCH)])
            atomic.write(path, safetensors.torch.save({"features": features.cpu()}))
        yield safetensors.torch.load_file(path)["features"].to(pictures.device), right


def _moved(pictures: Tensor, augmentation: Augmentation, seed: int) -> Tensor:
    """A chunk's pictures, by the same draws whenever it is computed."""
    torch.manual_seed(seed)
    return augment(pictures, augmentation)


def _convolutions(classifier: Classifier, pictures: Tensor, folder: Path) -> Callable[[Tensor], Tensor]:
    """What computes features float32 or bfloat16 [N, D] of pictures uint8 [N, 28, 28], the quickest that there is;
    ``pictures`` are such as it will get.
    """
    if pictures.device.type == "cpu" and (found := int8_features.convolutions(classifier, pictures, folder)):
        return found

    @torch.no_grad()
    def by_torch(pictures: Tensor) -> Tensor:
        features: Tensor = classifier.network.conv(classifier.network_input(pictures)).flatten(1)  # type: ignore[operator]
        return features

    return by_torch
