"""Make the sets of prepared scenes that networks learn from beside the datasets (``scenes.mixture``).

    sh tools/fetch-fonts.sh data/fonts
    python -m models.training.scenes.make --data-dir ../shared/data

Photographs are taken from ``photos/clothing/train`` below the data, where they are. Written to
data/scenes/<dataset>.safetensors, some 15 minutes of a core each. A tenth is made of other sources than the rest, and
kept for the temperature.
"""

from __future__ import annotations

import argparse
import multiprocessing
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from models import datasets
from models.arguments import whole
from models.data import scene_sets, splits
from models.data.place import add_data_dir
from models.data.scene_sets import SceneSet
from models.intake.decode import DecodeError
from models.intake.pixels import UInt8
from models.training.scenes import lettering, mixture
from models.training.scenes.sources import HELD, Sources, find_sources

CHUNK = 500  # scenes made with one generator: the same set, however many processes make it
Chunk = tuple[UInt8, npt.NDArray[np.bool_]]
Place = tuple[str, Path, Path]  # dataset, data and fonts

_sources: dict[bool, Sources] = {}  # of a worker process


def _make_chunk(task: tuple[Place, bool, int, int]) -> Chunk:
    place, held, seed, count = task
    try:
        if not _sources:  # not in the pool's initializer: a worker that fails in it is started again for ever
            _sources.update({part: find_sources(*place, held=part) for part in (False, True)})
    except DecodeError as error:
        raise splits.DataError(f"{error}; take it away, or put a whole one there") from error
    return mixture.prepared(_sources[held], seed, count)


def _joined(chunks: Sequence[Chunk]) -> SceneSet:
    pictures, allowed = (torch.from_numpy(np.concatenate(part)) for part in zip(*chunks, strict=True))
    return SceneSet(pictures, allowed)


def _make_set(dataset: str, options: argparse.Namespace) -> None:
    scene_sets.need_safetensors("making sets of scenes")
    splits.load_split(dataset, "train", options.data_dir)  # fetched once if need be, not by every worker
    learn, held = -(-options.count // CHUNK), -(-options.count // CHUNK // HELD)
    place = (dataset, options.data_dir, options.fonts)
    tasks = [(place, number >= learn, options.seed * 10_000 + number, CHUNK) for number in range(learn + held)]
    with multiprocessing.get_context("spawn").Pool(options.processes, torch.set_num_threads, (1,)) as pool:
        made = pool.map(_make_chunk, tasks, chunksize=1)
    sets = {"learn": _joined(made[:learn]), "held": _joined(made[learn:])}
    about = {"scenes": options.count, "seed": options.seed, "fonts": len(lettering.fonts_in(options.fonts))}
    path = scene_sets.save(options.out, dataset, sets, about)
    print(f"{path}: {len(sets['learn'].pictures)} and {len(sets['held'].pictures)}")


def main(argv: Sequence[str] | None = None) -> int:
    """Make and save the sets; 1, with the reason, if the datasets cannot be had."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", action="append", choices=list(datasets.DATASETS), help="default: both")
    add_data_dir(parser)
    parser.add_argument("--fonts", type=Path, default=Path("data/fonts"))
    parser.add_argument("--out", type=Path, default=scene_sets.FOLDER)
    parser.add_argument(
        "--count", type=whole(1), default=40_000, help="scenes to learn from; a tenth as many are held out"
    )
    parser.add_argument("--processes", type=whole(1), default=1)
    parser.add_argument("--seed", type=whole(0), default=0)
    options = parser.parse_args(argv)
    try:
        for dataset in options.dataset or datasets.DATASETS:
            _make_set(dataset, options)
    except splits.DataError as error:
        print(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
