"""Pictures as people send them, brought to 28x28 by the service's own intake: what networks learn from beside the
datasets.

    sh tools/fetch-fonts.sh data/fonts
    python -m models.training.scenes.sent --data-dir ../shared/data

A network that knows the dataset alone knows neither print nor a line drawn with a mouse, neither a shirt with a
piece of the bed left beside it nor a coat on somebody. Scenes with such things are made from the datasets' training
pictures, from fonts, from drawn strokes and from photographs (``photos/clothing/train``, CC0, where they are), and
each goes through ``intake.picture.prepare``, so that a network learns what the intake makes of them, with its
mistakes. Written to data/sent/<dataset>.safetensors, some 15 minutes of a core each. A tenth is made of other
training pictures, families of fonts and photographs than the rest, and kept for the temperature.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from models import datasets
from models.intake import decode, picture
from models.intake.pixels import UInt8
from models.intake.steps import NothingFound
from models.training.scenes import lettering, scenes, strokes

Rng = np.random.Generator
Scene = tuple[UInt8, tuple[int, ...]]  # a picture as sent, [H, W] or [H, W, 3], and the classes that are right for it
COMMAND = "python -m models.training.scenes.sent"
CHUNK = 500  # scenes made with one generator: the same set, however many processes make it
HELD = 10  # one source in so many is held out
SCENE_MODULES = ("sent", "scenes", "strokes", "lettering")
INTAKE_MODULES = ("picture", "ink", "surround", "rulings", "components", "digit", "garment")
LONGEST = 320  # pixels: photographs are kept at this size


@dataclass(frozen=True)
class Sources:
    """What scenes are made of: pictures of one dataset uint8 [N, 28, 28] by class, fonts, and photographs by class."""

    dataset: str
    by_class: list[UInt8]
    fonts: list[Path]
    photographs: list[tuple[UInt8, tuple[int, ...]]]


@dataclass(frozen=True)
class SentSet:
    """Prepared pictures uint8 [N, 28, 28], and bool [N, 10]: the classes that are right for each (a shoe may be 7 or
    9).
    """

    pictures: Tensor
    allowed: Tensor


def digit_scene(rng: Rng, sources: Sources) -> Scene:
    """A digit written, drawn or printed on paper or screen, or scanned small."""
    digit, longest = int(rng.integers(10)), int(rng.integers(24, 200))
    kind = rng.random()
    if kind < 0.4:
        ink = scenes.written(rng, one_of(rng, sources.by_class[digit]), longest)
    elif kind < 0.75:
        ink = scenes.sheared(rng, lettering.written(rng, str(digit), longest, sources.fonts))
    elif kind < 0.88:
        ink = strokes.drawn(rng, digit, longest)
    else:
        return scenes.scanned(rng, one_of(rng, sources.by_class[digit])), (digit,)
    return scenes.on_canvas(rng, ink), (digit,)


def garment_scene(rng: Rng, sources: Sources) -> Scene:
    """A garment photographed at home, or in a catalogue: on plain ground, or on somebody."""
    if sources.photographs and rng.random() < 0.6:
        photograph, classes = _balanced(rng, sources.photographs)
        return scenes.view(rng, photograph), classes
    index = int(rng.integers(10))
    garment = one_of(rng, sources.by_class[index])
    if rng.random() < 0.4:
        return scenes.worn(rng, garment, index, sources.by_class), (index,)
    return scenes.garment(rng, garment), (index,)


MAKERS: dict[str, Callable[[Rng, Sources], Scene]] = {"mnist": digit_scene, "fashion-mnist": garment_scene}


def find_sources(dataset: str, data_dir: Path, fonts: Path, *, held: bool) -> Sources:
    """What there is to make scenes of ``dataset``; ``held`` are sources that the others never see."""
    pictures, labels = datasets.load_split(dataset, "train", data_dir)
    learn_index, held_index = datasets.held_out_split(len(pictures))
    index = held_index if held else learn_index
    kept, classes = pictures[index].numpy(), labels[index].numpy()
    return Sources(
        dataset,
        [kept[classes == number] for number in range(10)],
        lettering.of_families(lettering.find(fonts), HELD, held) if dataset == "mnist" else [],
        photographs(data_dir / "photos" / "clothing" / "train", held) if dataset == "fashion-mnist" else [],
    )


def photographs(folder: Path, held: bool) -> list[tuple[UInt8, tuple[int, ...]]]:
    """Photographs uint8 [h, w, 3] below ``folder``, with the classes of their folder's name: "7or9-shoe" is (7, 9);
    none of the ten: ().
    """
    files = [path for path in sorted(folder.glob("*/*")) if path.is_file()]
    return [(_opened(path), classes_of(path.parent.name)) for path in _part(files, held)]


def classes_of(folder: str) -> tuple[int, ...]:
    """The classes that a folder's name begins with: "3-dress" (3,), "7or9-shoe" (7, 9), "none" ()."""
    return tuple(int(part) for part in folder.split("-")[0].split("or") if part.isdigit())


def make(sources: Sources, seed: int, count: int) -> SentSet:
    """``count`` scenes from one generator, prepared; those in which the intake finds nothing are left out."""
    rng, pictures, allowed = np.random.default_rng(seed), [], np.zeros((count, 10), bool)
    for _ in range(count):
        scene, classes = MAKERS[sources.dataset](rng, sources)
        try:
            pictures.append(picture.prepare(Image.fromarray(scene), sources.dataset).picture)
        except NothingFound:
            continue
        allowed[len(pictures) - 1, list(classes)] = True
    return SentSet(torch.from_numpy(np.stack(pictures)), torch.from_numpy(allowed[: len(pictures)]))


def made_by(*further: str) -> str:
    """A digest of the code that decides what a scene looks like and what the intake makes of it, and of ``further``
    modules: eight hex digits.
    """
    names = SCENE_MODULES + INTAKE_MODULES + further
    models = Path(__file__).resolve().parents[2]
    sources = (next(models.rglob(f"{name}.py")).read_bytes() for name in names)
    return hashlib.sha256(b"".join(sources)).hexdigest()[:8]


def path_for(folder: Path, dataset: str) -> Path:
    """Where the set of a dataset lies."""
    return folder / f"{dataset}.safetensors"


def load(folder: Path, dataset: str, part: str) -> SentSet:
    """The part "learn" or "held" of a set. DataError, which says how to make one, if it is not there."""
    path = path_for(folder, dataset)
    if not path.is_file():
        raise datasets.DataError(
            f"there is no {path}; make it: python -m models.training.scenes.sent --dataset {dataset}"
        )
    with safe_open(path, framework="pt") as file:
        if json.loads((file.metadata() or {}).get("about", "{}")).get("made_by") != made_by():
            print(f"{path} was made by other code than this; {COMMAND} --dataset {dataset} makes it anew")
        return SentSet(file.get_tensor(f"{part}.pictures"), file.get_tensor(f"{part}.allowed"))


def one_of(rng: Rng, pictures: Sequence[UInt8] | UInt8) -> UInt8:
    """One of several pictures."""
    return np.asarray(pictures[int(rng.integers(len(pictures)))])


def _balanced(rng: Rng, choices: list[tuple[UInt8, tuple[int, ...]]]) -> tuple[UInt8, tuple[int, ...]]:
    """One photograph, the classes about equally often: the square root of their numbers decides."""
    kinds = sorted({classes for _, classes in choices if classes})
    numbers = np.array([sum(classes == kind for _, classes in choices) for kind in kinds]) ** 0.5
    kind = kinds[int(rng.choice(len(kinds), p=numbers / numbers.sum()))]
    matching = [pair for pair in choices if pair[1] == kind]
    return matching[int(rng.integers(len(matching)))]


def _part(paths: list[Path], held: bool) -> list[Path]:
    return [path for number, path in enumerate(paths) if (number % HELD == 0) == held]


def _opened(path: Path) -> UInt8:
    image = decode.open_file(path).convert("RGB")
    image.thumbnail((LONGEST, LONGEST))
    return np.asarray(image)


_sources: dict[bool, Sources] = {}  # of a worker process


def _start(dataset: str, data_dir: Path, fonts: Path) -> None:
    torch.set_num_threads(1)
    _sources.update({held: find_sources(dataset, data_dir, fonts, held=held) for held in (False, True)})


def _make_chunk(task: tuple[bool, int]) -> tuple[bool, SentSet]:
    held, seed = task
    return held, make(_sources[held], seed, CHUNK)


def main(argv: Sequence[str] | None = None) -> int:
    """Make and save the sets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", action="append", choices=list(datasets.DATASETS), help="default: both")
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--fonts", type=Path, default=Path("data/fonts"))
    parser.add_argument("--out", type=Path, default=Path("data/sent"))
    parser.add_argument("--scenes", type=int, default=40_000, help="to learn from; a tenth as many are held out")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    for dataset in options.dataset or datasets.DATASETS:
        _make_set(dataset, options)
    return 0


def _make_set(dataset: str, options: argparse.Namespace) -> None:
    learn, held = -(-options.scenes // CHUNK), -(-options.scenes // CHUNK // HELD)
    tasks = [(number >= learn, options.seed * 10_000 + number) for number in range(learn + held)]
    start = (dataset, options.data_dir, options.fonts)
    with multiprocessing.get_context("spawn").Pool(options.processes, _start, start) as pool:
        made = pool.map(_make_chunk, tasks, chunksize=1)
    tensors: dict[str, Tensor] = {}
    for name, wanted in (("learn", False), ("held", True)):
        sets = [chunk for is_held, chunk in made if is_held == wanted]
        tensors[f"{name}.pictures"] = torch.cat([chunk.pictures for chunk in sets])
        tensors[f"{name}.allowed"] = torch.cat([chunk.allowed for chunk in sets])
    about = {"scenes": options.scenes, "seed": options.seed, "fonts": len(lettering.find(options.fonts))}
    about["made_by"] = made_by()
    save_file(tensors, path_for(options.out, dataset), {"about": json.dumps(about)})
    print(f"{path_for(options.out, dataset)}: {len(tensors['learn.pictures'])} and {len(tensors['held.pictures'])}")


if __name__ == "__main__":
    raise SystemExit(main())
