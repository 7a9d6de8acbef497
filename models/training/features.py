"""Features of a network's convolutions, computed once and kept on disk, for training the layers above them alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from models.classifier import Classifier
from models.training.material import Material
from models.training.pool import Pool

CHUNK = 256  # pictures; each chunk is a file of its own, so that an interrupt costs one


def material_of(
    classifier: Classifier,
    pool: Pool,
    watch: tuple[Tensor, Tensor],
    order: Tensor,
    folder: Path,
    *,
    may_compute: Callable[[], bool],
    after_each: Callable[[], None],
) -> Material:
    """Features of CHUNK of the pictures ``watch`` and, chunk by chunk, of the pool's in ``order``: one chunk at least,
    and more for as long as ``may_compute`` allows.
    """
    parts: list[tuple[Tensor, Tensor]] = []
    learned = ((pool.pictures[index], pool.allowed[index]) for index in order.split(CHUNK))
    chunks = [(watch[0][:CHUNK], watch[1][:CHUNK]), *learned]
    for part in compute(classifier, chunks, folder, lambda: len(parts) < 2 or may_compute()):
        parts.append(part)
        after_each()
    (watched, labels), *rest = parts
    inputs, allowed = (torch.cat(column) for column in zip(*rest, strict=True))

    def mixed(seed: int) -> Tensor:
        return torch.randperm(len(inputs), generator=torch.Generator().manual_seed(seed))

    return Material(inputs, allowed, (watched.float(), labels), mixed)


def compute(
    classifier: Classifier,
    chunks: Iterable[tuple[Tensor, Tensor]],
    folder: Path,
    may_compute: Callable[[], bool],
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield bfloat16 features [n, D] and labels int64 [n] of each chunk (pictures uint8 [n, 28, 28], labels), in order.

    A chunk that lies in ``folder`` already is read; the first other one for which ``may_compute`` says False ends it.
    """
    classifier.eval()
    folder.mkdir(parents=True, exist_ok=True)
    for number, (pictures, labels) in enumerate(chunks):
        path = folder / f"{number:04}.safetensors"
        if not path.is_file():
            if not may_compute():
                return
            writing = path.with_suffix(".writing")
            safetensors.torch.save_file({"features": _features(classifier, pictures).cpu()}, writing)
            writing.replace(path)
        yield safetensors.torch.load_file(path)["features"].to(pictures.device), labels


@torch.no_grad()
def _features(classifier: Classifier, pictures: Tensor) -> Tensor:
    x = classifier.network_input(pictures)
    conv = classifier.network.conv
    return torch.cat([conv(part).flatten(1).bfloat16() for part in x.split(32)])  # type: ignore[operator]
