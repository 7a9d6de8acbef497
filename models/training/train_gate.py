"""Train the gate, which tells what is neither digit nor garment:
``python -m models.training.train_gate --data-dir ../shared/data``.

Learns from the scenes that the networks learn from and from strangers to both datasets (``scenes.gate_examples``), with
the fonts of tools/fetch-fonts.sh and the photographs of clothing where they are there. Takes about a quarter of an hour
on one core, most of it for making the scenes, which are kept in data/gate. A tenth of the scenes, made of other fonts,
pictures and photographs, gives the temperatures and the figures.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from models import checkpoints
from models.arguments import MOST_SEED, whole
from models.checkpoints import atomic, file_format
from models.checkpoints.networks import tensors_of
from models.data.code_digest import code_digest
from models.data.place import add_data_dir
from models.evaluation import metrics
from models.intake import gate, small_cnn
from models.training import small_nets
from models.training.scenes import gate_examples, lettering
from models.training.scenes.gate_examples import Examples
from models.training.scenes.sources import PHOTOGRAPHS, provenance

DECIDING = "models.training.scenes.gate_examples"  # with all that it reaches, the intake too, it decides the examples


def _kept(dataset: str, options: argparse.Namespace, *, held: bool) -> Examples:
    """Examples from data/gate, made there if they are not there yet."""
    count = options.count // 10 if held else options.count
    part = "held" if held else "learn"
    of = sha256(json.dumps([code_digest(DECIDING), *_sources(options)]).encode()).hexdigest()[:16]
    file = options.examples / f"{dataset}-{part}-{count}-{options.seed}-{of}.safetensors"
    if not file.is_file():
        world = gate_examples.find_world(options.data_dir, options.fonts, held=held)
        examples = vars(gate_examples.make(dataset, world, count, options.seed + held))
        atomic.write(file, save(examples))
    return Examples(**load_file(file))


def _sources(options: argparse.Namespace) -> list[str]:
    """What examples are made of, but for the code: other fonts or photographs make others."""
    files = [*lettering.fonts_in(options.fonts), *sorted((options.data_dir / PHOTOGRAPHS).glob("*/*"))]
    told = [f"{path.parent.name}/{path.name}, {path.stat().st_size} bytes" for path in files]
    return [str(options.data_dir.resolve()), *told]


def train(dataset: str, options: argparse.Namespace) -> tuple[small_cnn.GateNetwork, float, dict[str, Any]]:
    """A network, its temperature, and the figures on held-out scenes."""
    learn, held = (_kept(dataset, options, held=held) for held in (False, True))
    torch.manual_seed(options.seed)
    network = small_cnn.GateNetwork(len(gate.KINDS[dataset]))
    inputs = [part.unsqueeze(1) for part in (learn.thumbnails, learn.pictures)]
    small_nets.fit(network.train(), inputs, learn.kinds, options.epochs, lr=3e-3, note=f"gate, {dataset}")
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
    add_data_dir(parser)
    parser.add_argument("--fonts", type=Path, default=Path("data/fonts"))
    parser.add_argument("--examples", type=Path, default=Path("data/gate"))
    parser.add_argument("--out", type=Path, default=checkpoints.place() / f"gate{checkpoints.SUFFIX}")
    parser.add_argument(
        "--count", type=whole(1), default=40_000, help="scenes to learn from; a tenth as many are held out"
    )
    parser.add_argument("--epochs", type=whole(1), default=10)
    parser.add_argument("--seed", type=whole(0, MOST_SEED), default=0)
    options = parser.parse_args(argv)
    networks, temperatures, figures = small_cnn.gate_networks(gate.KINDS), {}, {}
    for dataset in gate.KINDS:
        networks[dataset], temperatures[dataset], figures[dataset] = train(dataset, options)
        print(dataset, json.dumps(figures[dataset]), flush=True)
    recipe = {"scenes": options.count, "epochs": options.epochs, "seed": options.seed}
    recipe |= {"fonts": len(lettering.fonts_in(options.fonts)), **provenance(options.data_dir)}
    kinds = {name: list(kinds) for name, kinds in gate.KINDS.items()}
    about = {"kind": "gate", "kinds": kinds, "temperatures": temperatures, "recipe": recipe, "metrics": figures}
    file_format.write(options.out, about, tensors_of(networks))
    atomic.write_json(options.out.with_suffix(".json"), {"kind": "gate", "recipe": recipe, **figures})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
