"""`lineup compile`: make the graph of every checkpoint, so that the service starts in seconds."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.progress import track

from app.cli.output import complain
from models import catalog, checkpoints
from models.checkpoints import file_format
from models.checkpoints.described import described
from models.compiled import cache, compiler, features, small, stages
from models.compiled.cache import Compiled
from models.datasets import DATASETS
from models.intake.auto import ANSWERS
from models.intake.gate import KINDS


def compile_all(weights: Path, with_features: bool = False) -> int:
    """Compile what is in a folder of checkpoints and not in the cache yet; 1 if a file cannot be trusted, or what was
    made cannot be kept. `with_features`: the graphs of `/features`, too, which are three times as large and which the
    service makes when they are asked for.
    """
    done: dict[str, Compiled | None] = {}
    failed = False
    work = list(_work(weights, with_features))
    for name, make in track(work, "compiling", transient=True, disable=not sys.stdout.isatty()):
        try:
            done[name] = make()
        except checkpoints.CheckpointError as error:
            complain(str(error))
            failed = True
    made = [each for each in done.values() if each]
    forms = Counter(str(each.header["form"]) for each in made)
    parts = [f"{count} in {form}" for form, count in sorted(forms.items())]
    parts += [name for name, each in done.items() if not each]
    parts += ["feature maps"] if with_features and made else []
    kept = all(each.kept for each in made)
    print(f"compiled: {', '.join(parts) or 'nothing'}; {'kept' if kept else 'cannot be kept'} in {cache.folder()}")
    return int(failed or not kept)


def _work(weights: Path, with_features: bool) -> Iterator[tuple[str, Callable[[], Compiled | None]]]:
    """What there is to compile, by name: networks of the catalog give what was made of them."""
    if checkpoints.is_there(weights / f"auto{checkpoints.SUFFIX}"):
        yield "auto", lambda: _small(small.load_auto(weights, ANSWERS))
    if checkpoints.is_there(weights / f"gate{checkpoints.SUFFIX}"):
        yield "gate", lambda: _small(small.load_gate(weights, KINDS))
    for dataset in DATASETS:
        for name in (*catalog.ARCHITECTURES, *catalog.EXTRAS):
            path = checkpoints.path_for(dataset, name, weights)
            if checkpoints.is_there(path):
                yield f"{name}, {dataset}", partial(_classifier, path, with_features)


def _small(_: object) -> None:
    """Loading auto or the gate compiles them."""


def _classifier(path: Path, with_features: bool) -> Compiled:
    source = described(file_format.open_file(path))
    made = compiler.load(source)[1]
    if with_features:
        name, table = source.architecture.name, stages.load(source.architecture.name)
        if not features.find(source.dataset.name, name, source.content.header["digest"], table):
            made = replace(made, kept=features.make(source, table).kept and made.kept)
    return made
