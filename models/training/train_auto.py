"""Train the small network that tells digits from clothing:
``python -m models.training.train_auto --data-dir ../shared/data``.

Learns from scenes made of both training sets, of the fonts of tools/fetch-fonts.sh and, where
``data_dir``/photos/clothing/train is there, of those photographs (CC0). Takes about twelve minutes on one core.
Measured on both test sets as they are and, where they are there, on the photographs held aside.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models import checkpoints
from models.arguments import MOST_SEED, whole
from models.checkpoints import atomic, file_format
from models.checkpoints.networks import tensors_of
from models.data.place import add_data_dir
from models.data.splits import load_split
from models.intake import auto, small_cnn
from models.intake.pixels import Float, UInt8, luminance
from models.intake.thumbnail import thumbnail
from models.training import small_nets
from models.training.scenes import canvas, digits, garments, lettering, mixture
from models.training.scenes.sources import Sources, find_sources, one_of, opened, provenance


def _photographs(folder: Path) -> list[UInt8]:
    return [opened(path, "L") for path in sorted(folder.rglob("*")) if path.is_file()] if folder.is_dir() else []


def make_scenes(data_dir: Path, fonts: Path, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """``count`` thumbnails uint8 [N, 64, 64], half of them digits, and their answers int64 [N]."""
    rng = np.random.default_rng(seed)
    sources = [find_sources(name, data_dir, fonts, held=False) for name in auto.ANSWERS]
    made = []
    for number in range(count):
        scene = (_digit, _garment)[number % 2](rng, sources[number % 2])
        made.append(thumbnail(canvas.farther(rng, scene) if rng.random() < 0.12 else scene))
    return torch.from_numpy(np.stack(made)), torch.arange(count) % 2


def _digit(rng: np.random.Generator, sources: Sources) -> UInt8:
    kind = rng.random()
    if kind < 0.45:
        return mixture.digit_scene(rng, sources)[0]
    if kind < 0.6:
        return digits.scanned(rng, one_of(rng, sources.by_class[int(rng.integers(10))]))
    return digits.digit(rng, one_of(rng, sources.by_class[int(rng.integers(10))]))


def _garment(rng: np.random.Generator, sources: Sources) -> UInt8:
    kind = rng.random()
    if kind < 0.3 and sources.photographs:
        photograph, _ = sources.photographs[int(rng.integers(len(sources.photographs)))]
        return garments.photograph(rng, luminance(photograph))
    if kind < 0.5:
        return luminance(mixture.garment_scene(rng, sources)[0])
    return garments.garment(rng, one_of(rng, sources.by_class[int(rng.integers(10))]))


def measure(run: Callable[[UInt8], Float], data_dir: Path) -> dict[str, dict[str, Any]]:
    """Share and number of ``run``'s right answers on each set that is there: test sets, and photographs held aside."""
    sets: dict[str, tuple[int, Sequence[UInt8]]] = {
        f"{name} test": (answer, list(load_split(name, "test", data_dir)[0].numpy()))
        for answer, name in enumerate(auto.ANSWERS)
    }
    photos = data_dir / "photos"
    for answer, folder in ((0, "digits-drawn"), (0, "digits-printed"), (1, "clothing/validation")):
        if held := _photographs(photos / folder):
            sets[f"photos/{folder}"] = (answer, held)
    figures = {}
    for name, (answer, pictures) in sets.items():
        seen = np.stack([thumbnail(picture) for picture in pictures])
        right = [run(seen[start : start + 500]).argmax(1) == answer for start in range(0, len(seen), 500)]
        figures[name] = {"accuracy": round(float(np.concatenate(right).mean()), 5), "n": len(pictures)}
    return figures


def main(argv: Sequence[str] | None = None) -> int:
    """Train, save, and measure the file as it was saved."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_data_dir(parser)
    parser.add_argument("--fonts", type=Path, default=Path("data/fonts"))
    parser.add_argument("--out", type=Path, default=checkpoints.place() / f"auto{checkpoints.SUFFIX}")
    parser.add_argument("--count", type=whole(1), default=60_000, help="scenes to learn from")
    parser.add_argument("--epochs", type=whole(1), default=10)
    parser.add_argument("--seed", type=whole(0, MOST_SEED), default=0)
    options = parser.parse_args(argv)
    torch.manual_seed(options.seed)
    network = small_cnn.AutoNetwork()
    thumbnails, answers = make_scenes(options.data_dir, options.fonts, options.count, options.seed)
    small_nets.fit(network.train(), [thumbnails.unsqueeze(1)], answers, options.epochs, lr=3e-3)
    recipe = {
        "scenes": options.count,
        "epochs": options.epochs,
        "seed": options.seed,
        "fonts": len(lettering.fonts_in(options.fonts)),
        **provenance(options.data_dir),
    }
    file_format.write(
        options.out, {"kind": "auto", "answers": list(auto.ANSWERS), "recipe": recipe}, tensors_of(network)
    )
    figures = measure(small_cnn.load_auto(options.out, auto.ANSWERS), options.data_dir)
    file_format.amend(options.out, {"metrics": figures})
    atomic.write_json(options.out.with_suffix(".json"), {"kind": "auto", "recipe": recipe, **figures})
    print(json.dumps(figures, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
