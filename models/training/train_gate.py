"""Train the gate, which tells what is neither digit nor garment:
``python -m models.training.train_gate --data-dir ../shared/data``.

Learns from the scenes that the networks learn from (``scenes.sent``) and from strangers to both datasets
(``scenes.strangers``), with the fonts of tools/fetch-fonts.sh and the photographs of clothing where they are there.
Takes about a quarter of an hour on one core, most of it for making the scenes, which are kept in data/gate. A tenth
of the scenes, made of other fonts, pictures and photographs, gives the temperatures and the figures.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

from models import checkpoints
from models.checkpoints import file_format
from models.checkpoints.networks import tensors_of
from models.evaluation import metrics
from models.intake import gate, picture, small_cnn
from models.intake.pixels import UInt8
from models.intake.steps import NothingFound
from models.intake.thumbnail import thumbnail
from models.training import learning
from models.training.scenes import lettering, scenes, sent, strangers

Rng = np.random.Generator
OWN = 0.4  # share of the scenes that are of the dataset's kind


@dataclass(frozen=True)
class World:
    """What scenes are made of: the sources of both datasets, fonts, and photographs of what is none of the ten."""

    digits: sent.Sources
    garments: sent.Sources
    fonts: list[Path]
    others: list[UInt8]


@dataclass(frozen=True)
class Examples:
    """uint8 thumbnails [N, 64, 64] and pictures [N, 28, 28], and the number of each one's kind, int64 [N]."""

    thumbnails: Tensor
    pictures: Tensor
    kinds: Tensor


def find_world(data_dir: Path, fonts: Path, *, held: bool) -> World:
    """What there is to make scenes of; ``held`` are sources that the others never see."""
    digits, garments = (sent.find_sources(name, data_dir, fonts, held=held) for name in gate.KINDS)
    folder = data_dir / "photos" / "clothing" / "train"
    others = [photograph for photograph, classes in sent.photographs(folder, held) if not classes]
    return World(digits, garments, digits.fonts or lettering.find(fonts), others)


def _own_or_raw(rng: Rng, sources: sent.Sources) -> UInt8:
    """A scene, or in a third of the cases the dataset's picture as it is."""
    if rng.random() < 0.35:
        return sent.one_of(rng, sources.by_class[int(rng.integers(10))])
    return sent.MAKERS[sources.dataset](rng, sources)[0]


def _sign(rng: Rng, world: World) -> UInt8:
    if rng.random() < 0.3:
        one, other = (
            sent.one_of(rng, world.digits.by_class[int(rng.integers(*bounds))]) for bounds in ((2, 8), (0, 10))
        )
        return strangers.twisted(rng, one, other)
    return _maybe_small(rng, strangers.sign(rng, world.fonts))


def _page(rng: Rng, world: World) -> UInt8:
    if rng.random() < 0.6:
        return strangers.page(rng, world.fonts)
    digits = [sent.one_of(rng, world.digits.by_class[int(rng.integers(10))]) for _ in range(int(rng.choice([2, 2, 3])))]
    return strangers.number(rng, digits)


def _maybe_small(rng: Rng, scene: UInt8) -> UInt8:
    """As it is, or as a 28x28 picture of the dataset's kind: people send letters in MNIST's form, too."""
    if rng.random() < 0.5:
        return scene
    try:
        return picture.prepare(Image.fromarray(scene), "mnist").picture
    except NothingFound:
        return scene


def _photograph(rng: Rng, world: World) -> UInt8:
    if world.others and rng.random() < 0.3:
        return scenes.view(rng, sent.one_of(rng, world.others))
    return _own_or_raw(rng, world.garments)


def _other(rng: Rng, world: World) -> UInt8:
    if not world.others or rng.random() < 0.1:
        return strangers.sign(rng, world.fonts)
    if rng.random() < 0.1:
        return strangers.texture(rng, sent.one_of(rng, world.others))
    return scenes.view(rng, sent.one_of(rng, world.others))


def _writing(rng: Rng, world: World) -> UInt8:
    kind = rng.random()
    if kind < 0.6:
        return _own_or_raw(rng, world.digits)
    return strangers.page(rng, world.fonts) if kind < 0.8 else _sign(rng, world)


MAKERS: Mapping[str, Mapping[str, Callable[[Rng, World], UInt8]]] = {
    "mnist": {
        "digit": lambda rng, world: _own_or_raw(rng, world.digits),
        "sign": _sign,
        "photograph": _photograph,
        "noise": lambda rng, world: strangers.noise(rng),
        "page": _page,
    },
    "fashion-mnist": {
        "garment": lambda rng, world: _own_or_raw(rng, world.garments),
        "other": _other,
        "writing": _writing,
        "noise": lambda rng, world: strangers.noise(rng),
    },
}


def make(dataset: str, world: World, count: int, seed: int) -> Examples:
    """About ``count`` examples; scenes in which the intake finds nothing never reach the gate and are left out."""
    rng, makers = np.random.default_rng(seed), list(MAKERS[dataset].values())
    thumbnails, pictures, kinds = [], [], []
    for _ in range(count):
        kind = 0 if rng.random() < OWN else int(rng.integers(1, len(makers)))
        scene = makers[kind](rng, world)
        try:
            prepared = picture.prepare(Image.fromarray(scene), dataset).picture
        except NothingFound:
            continue
        thumbnails.append(thumbnail(scene))
        pictures.append(prepared)
        kinds.append(kind)
    return Examples(torch.from_numpy(np.stack(thumbnails)), torch.from_numpy(np.stack(pictures)), torch.tensor(kinds))


def _kept(dataset: str, options: argparse.Namespace, *, held: bool) -> Examples:
    """Examples from data/gate, made there if they are not there yet."""
    count = options.scenes // 10 if held else options.scenes
    part = "held" if held else "learn"
    made_by = sent.made_by("strangers", "auto", "train_gate")
    file = options.examples / f"{dataset}-{part}-{count}-{options.seed}-{made_by}.safetensors"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        world = find_world(options.data_dir, options.fonts, held=held)
        save_file(vars(make(dataset, world, count, options.seed + held)), file)
    return Examples(**load_file(file))


def train(dataset: str, options: argparse.Namespace) -> tuple[small_cnn.GateNetwork, float, dict[str, Any]]:
    """A network, its temperature, and the figures on held-out scenes."""
    learn, held = (_kept(dataset, options, held=held) for held in (False, True))
    torch.manual_seed(options.seed)
    network = small_cnn.GateNetwork(len(gate.KINDS[dataset]))
    inputs = [part.unsqueeze(1) for part in (learn.thumbnails, learn.pictures)]
    learning.fit_small(network.train(), inputs, learn.kinds, options.epochs, lr=3e-3, note=f"gate, {dataset}")
    network.eval()
    chances = _probabilities(network, held)
    temperature = metrics.fit_temperature(chances.log(), held.kinds)
    calibrated = (chances.log() / temperature).softmax(1)
    own = held.kinds == 0
    names = list(gate.KINDS[dataset])
    against = {
        names[k]: metrics.auroc(calibrated[own, 0], calibrated[held.kinds == k, 0]) for k in range(1, len(names))
    }
    figures = {
        "n": len(held.kinds),
        "auroc": round(metrics.auroc(calibrated[own, 0], calibrated[~own, 0]), 4),
        "auroc_against": {name: round(value, 4) for name, value in against.items()},
        "own_let_in": round(float((calibrated[own, 0] >= 0.5).double().mean()), 4),
        "others_let_in": round(float((calibrated[~own, 0] >= 0.5).double().mean()), 4),
        "ece": round(metrics.expected_calibration_error(calibrated, held.kinds), 4),
    }
    return network, temperature, figures


def _probabilities(network: small_cnn.GateNetwork, examples: Examples) -> Tensor:
    parts = zip(examples.thumbnails.split(500), examples.pictures.split(500), strict=True)
    return torch.cat([small_cnn.probabilities(network, *part) for part in parts])


def main(argv: Sequence[str] | None = None) -> int:
    """Train both networks, and save them with what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--fonts", type=Path, default=Path("data/fonts"))
    parser.add_argument("--examples", type=Path, default=Path("data/gate"))
    parser.add_argument("--out", type=Path, default=Path("weights") / f"gate{checkpoints.SUFFIX}")
    parser.add_argument("--scenes", type=int, default=40_000)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    networks, temperatures, figures = small_cnn.gate_networks(gate.KINDS), {}, {}
    for dataset in gate.KINDS:
        networks[dataset], temperatures[dataset], figures[dataset] = train(dataset, options)
        print(dataset, json.dumps(figures[dataset]), flush=True)
    recipe = {key: getattr(options, key) for key in ("scenes", "epochs", "seed")}
    recipe |= {"fonts": len(lettering.find(options.fonts)), "photographs": "clothing/train, CC0"}
    kinds = {name: list(kinds) for name, kinds in gate.KINDS.items()}
    about = {"kind": "gate", "kinds": kinds, "temperatures": temperatures, "recipe": recipe, "metrics": figures}
    file_format.write(options.out, about, tensors_of(networks))
    report = {"kind": "gate", "recipe": recipe, **figures}
    options.out.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
