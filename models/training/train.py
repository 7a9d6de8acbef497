"""Train networks: ``python -m models.training.train --model resnet18 --dataset mnist``, or ``--all``;
``lineup train`` is the same.

The datasets are read in ``--data-dir``, and downloaded into it if they are not there. A run keeps its state and history
under ``runs/<dataset>/<network>/``; after any interrupt the same command with ``--resume`` goes on, with at most
two minutes repeated. When it ends, the checkpoint is written, measured as it was saved, and put into ``weights/``
if nothing better is there.

    python -m models.training.train --model vgg11 --dataset mnist --dry-run  # two steps of each phase
    python -m models.training.train --all --data-dir ../shared/data --threads 1  # quick recipes: 70 minutes a dataset
    torchrun --nproc-per-node 2 -m models.training.train --all --recipe full  # on two GPUs, or in two processes

Under torchrun each process takes its part of every batch, which their number must divide; --threads is of each.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stdout
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor

from models import catalog, checkpoints
from models.arguments import MOST_SEED, above_zero, whole
from models.checkpoints import reports
from models.classifier import Classifier
from models.data import scene_sets
from models.data.splits import DataError, held_out_split, load_split
from models.evaluation.choice import add_choice, chosen, parsed
from models.evaluation.evaluate import compared, evaluate, summary
from models.training import history, memory, metadata, recipes, run_lock, run_log, shipping
from models.training.optimisation import DivergedError
from models.training.recipes import Recipe
from models.training.run_lock import UnderWayError
from models.training.run_state import ResumeError
from models.training.stopping import Interrupted, StopFlag
from models.training.trainer import Trainer
from models.training.world import World, WorldError, joined

WATCHED = 1_000  # held-out pictures looked at after each epoch

# What a user can bring about, each with a message that says what to do; any other error is a fault of this code.
TOLD = (DataError, ResumeError, UnderWayError, DivergedError, WorldError, checkpoints.CheckpointError)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="lineup train", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_choice(parser)
    parser.add_argument("--recipe", choices=tuple(recipes.KINDS), help="default: quick on a CPU, full on a GPU")
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        "--minutes", type=above_zero, help="train each network this long, in place of the recipe's length"
    )
    length.add_argument(
        "--epochs", type=above_zero, help="train each network this many epochs, in place of the recipe's length"
    )
    parser.add_argument("--seed", type=whole(0, MOST_SEED), default=0)
    parser.add_argument(
        "--refine",
        action="store_true",
        help="start from the checkpoint in --weights, with the recipe's last phase alone",
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on where an interrupted run ended; finished ones are kept"
    )
    parser.add_argument(
        "--pause-after",
        type=above_zero,
        metavar="MINUTES",
        help="stop after so many minutes, as after an interrupt: for a GPU that is lent in short pieces",
    )
    parser.add_argument("--dry-run", action="store_true", help="two steps of each phase, nothing kept")
    told = "where the best checkpoints go (default: LINEUP_WEIGHTS, else weights/)"
    parser.add_argument("--weights", type=Path, default=checkpoints.place(), help=told)
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="states and histories (default: runs)")
    options = parsed(parser, argv)
    options.recipe = options.recipe or ("quick" if options.device.type == "cpu" else "full")
    return options


def _recipe(name: str, dataset: str, options: argparse.Namespace) -> Recipe:
    recipe = recipes.choose(name, options.recipe)
    if not (file := scene_sets.path_for(options.scenes, dataset)).is_file():
        print(f"no {file}: trained on the dataset alone; {scene_sets.COMMAND} makes it")
        recipe = replace(recipe, scenes=0.0, phases=tuple(replace(phase, scenes=None) for phase in recipe.phases))
    if options.refine:
        last = replace(recipe.phases[-1], share=1)
        # Nobody teaches where features are learned from (``Objective``), and the checkpoint shall not say so.
        taught = {"teachers": (), "taught": 0.0} if last.head == "features" else {}
        recipe = replace(recipe, phases=(last,), **taught)  # type: ignore[arg-type]
    if options.minutes is None and options.epochs is None:
        return recipe
    return replace(recipe, minutes=options.minutes, epochs=options.epochs)


def _shipped(name: str, dataset: str, options: argparse.Namespace) -> Classifier:
    """The checkpoint in a network's place. CheckpointError if it cannot be read or is another's."""
    classifier = checkpoints.load(path := checkpoints.path_for(dataset, name, options.weights))
    checkpoints.expect_network(path, classifier.metadata, name, dataset)
    return classifier


def _trainer(
    name: str, dataset: str, options: argparse.Namespace, stop: StopFlag, folder: Path, world: World
) -> Trainer:
    pictures, labels = world.in_turn(lambda: load_split(dataset, "train", options.data_dir))
    learn, held = held_out_split(len(pictures))
    torch.manual_seed(options.seed)
    recipe = _recipe(name, dataset, options)
    if options.refine or recipe.from_shipped:
        classifier = _shipped(name, dataset, options).requires_grad_(True)
    else:
        classifier = Classifier(catalog.find(name).build(), architecture=name, dataset=dataset)

    def of(index: Tensor) -> tuple[Tensor, Tensor]:
        return pictures[index], labels[index]

    return Trainer(
        classifier,
        recipe,
        of(learn),
        of(held[:WATCHED]),
        scenes=scene_sets.load(options.scenes, dataset, "learn") if recipe.scenes else None,
        teachers=[_shipped(one, dataset, options) for one in recipe.teachers],
        device=world.device or options.device,
        folder=folder,
        seed=options.seed,
        should_stop=stop,
        world=world,
    )


def train(name: str, dataset: str, options: argparse.Namespace, stop: StopFlag, world: World) -> None:
    """One run from its start, or its saved state, to a measured checkpoint.

    Raises Interrupted, OSError and what TOLD has: ResumeError where the state is of a run with other options,
    UnderWayError where another process has the run.
    """
    folder = options.runs / dataset / name
    with run_lock.held(folder, world):
        _run(name, dataset, options, stop, folder, world)


def _run(name: str, dataset: str, options: argparse.Namespace, stop: StopFlag, folder: Path, world: World) -> None:
    state, result = folder / "state.safetensors", folder / f"{name}{checkpoints.SUFFIX}"
    if world.told(options.resume and result.with_suffix(".json").is_file() and not state.is_file()):
        print(f"{name}, {dataset}: finished before, {result}")
        return
    if world.first and not options.resume and folder.is_dir():
        folder.rename(folder.with_name(f"{name}.until-{time.strftime('%Y%m%d-%H%M%S')}"))
    if world.told(options.resume and state.is_file() and _measured(result)):
        # It ended, and was cut off while it shipped. What it began from may be replaced already: it cannot be resumed.
        if world.first:
            with stop.nothing_to_save("stopped before what was trained ships; --resume ships it"):
                _ship(result, options, folder)
        return
    trainer = _trainer(name, dataset, options, stop, folder, world)
    if world.told(options.resume and state.is_file()):
        trainer.resume()
    if world.first and options.resume:
        run_log.cut(folder, trainer.at.total_seen)
    print(f"{name}, {dataset}: {_described(trainer)}", flush=True)
    classifier = trainer.run()
    if not world.first:
        return
    with stop.nothing_to_save("stopped before what was trained is measured; --resume does that"):
        checkpoints.save(result, classifier, metadata.of_run(trainer, options.recipe))
        report = evaluate(
            result,
            options.data_dir,
            device=options.device,
            test_images=options.test_images,
            held_out_images=options.held_out_images,
            scenes=options.scenes,
            history=history.of_run(trainer, options.weights),
        )
        print(summary(report), flush=True)
        _ship(result, options, folder)


def _measured(result: Path) -> bool:
    """Whether a run's checkpoint is there with the report of it."""
    return result.is_file() and reports.of(result, checkpoints.read_header(result)["digest"]) is not None


def _ship(result: Path, options: argparse.Namespace, folder: Path) -> None:
    """The end of a run: its checkpoint ships, and what could be gone on from goes."""
    how = {"device": options.device, "held_out_images": options.held_out_images, "scenes": options.scenes}
    told = shipping.ship(result, options.weights, lambda rival: compared(rival, options.data_dir, **how))
    print(told, flush=True)
    (folder / "state.safetensors").unlink()
    shutil.rmtree(folder / "features", ignore_errors=True)


def _described(trainer: Trainer) -> str:
    precision = "bfloat16 autocast" if trainer.at.bfloat16 else "float32"
    return f"{json.dumps(asdict(trainer.recipe))}, {precision}, {trainer.device}, {torch.get_num_threads()} threads"


def dry_run(name: str, dataset: str, options: argparse.Namespace, stop: StopFlag, world: World) -> None:
    """Two steps of each phase, and what a step costs; keeps nothing."""
    trainer = _trainer(name, dataset, options, stop, options.runs / ".dry-run", world)
    try:
        print(f"{name}, {dataset}: {_described(trainer)}")
        for line in trainer.try_phases():
            print(f"  {line}", flush=True)
    finally:
        shutil.rmtree(options.runs / ".dry-run", ignore_errors=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Train what the arguments name; 130 if interrupted (the state is saved), 1, with the reason, for what TOLD has
    and for files that cannot be read or written.
    """
    options = _parse(argv)
    pairs, stop = chosen(options), StopFlag(options.pause_after)
    memory.want_huge_pages()
    with joined(options.device) as world, nullcontext() if world.first else redirect_stdout(io.StringIO()):
        try:
            for name, dataset in pairs:
                (dry_run if options.dry_run else train)(name, dataset, options, stop, world)
        except Interrupted as told:
            print(told)
            return 130
        except TOLD as error:
            print(f"error: {error}")
            return 1
        except OSError as error:
            if error.strerror is None:  # a library's, not the system's: a fault of this code
                raise
            goes_on = "" if options.dry_run else "; once that is mended, --resume goes on"
            what = f"{error.filename or options.runs}: {error.strerror}"
            print(f"error: {what}{goes_on}", file=sys.stderr, flush=True)  # of several processes others may have none
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
