"""What a command of training or evaluation is about: which networks, which data, how much of it, and where it runs."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import torch

from models import catalog, datasets
from models.arguments import whole
from models.data import scene_sets
from models.data.place import add_data_dir
from models.devices import choose_device, plain_float32

MOST_THREADS = 1024  # whoever asks for more has mistyped; of a million of millions PyTorch ends in an error


def add_choice(parser: argparse.ArgumentParser) -> None:
    """The options that ``train`` and ``evaluate`` share."""
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "--model", action="append", choices=[*catalog.ARCHITECTURES, *catalog.EXTRAS], help="may be repeated"
    )
    which.add_argument("--all", action="store_true", help=f"all but {', '.join(catalog.EXTRAS)}")
    parser.add_argument("--dataset", action="append", choices=list(datasets.DATASETS), help="default: both")
    add_data_dir(parser)
    parser.add_argument(
        "--scenes",
        type=Path,
        default=scene_sets.FOLDER,
        help=f"sets of scenes such as people send (default: {scene_sets.FOLDER}, where it is there)",
    )
    device = os.environ.get("LINEUP_DEVICE") or "auto"
    parser.add_argument(
        "--device", default=device, help="auto, cpu, cuda or cuda:1 (default: LINEUP_DEVICE, else auto)"
    )
    told = "CPU threads (default: torch's own choice; for compiled networks all cores)"
    parser.add_argument("--threads", type=whole(1, MOST_THREADS), help=told)
    told = "look at this many test pictures, evenly spread (default: all)"
    parser.add_argument("--test-images", type=whole(1), help=told)
    parser.add_argument("--held-out-images", type=whole(1), help="the same for the held-out pictures (default: all)")


def parsed(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    """What the arguments say, `device` as a torch.device. Where that cannot be had: a line on stderr, exit code 2."""
    options = parser.parse_args(argv)
    try:
        options.device = torch.device(choose_device(options.device))
    except RuntimeError as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    return options


def chosen(options: argparse.Namespace) -> list[tuple[str, str]]:
    """The pairs (network, dataset) that ``--model``, ``--all`` and ``--dataset`` name.

    Also sets what holds for the whole process: ``--threads``, and float32 that is float32 on a GPU too.
    """
    plain_float32()
    if options.threads:
        torch.set_num_threads(options.threads)
    names = list(catalog.ARCHITECTURES) if options.all else options.model
    return [(name, dataset) for dataset in options.dataset or datasets.DATASETS for name in names]
