"""`lineup compile`: make the graph of every checkpoint, so that the service starts in seconds."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.progress import track

from models import catalog, checkpoints
from models.checkpoints import file_format
from models.checkpoints.described import described
from models.compiled import cache, compiler, small
from models.datasets import DATASETS
from models.intake.auto import ANSWERS
from models.intake.gate import KINDS


def compile_all(weights: Path) -> int:
    """Compile what is in a folder of checkpoints and not in the cache yet; 1 if a file cannot be trusted."""
    work = list(_work(weights))
    forms: dict[str, str] = {}
    failed = False
    for name, make in track(work, "compiling", transient=True, disable=not sys.stdout.isatty()):
        try:
            forms[name] = make()
        except checkpoints.CheckpointError as error:
            print(f"lineup: {error}", file=sys.stderr)
            failed = True
    kinds = sorted(set(forms.values()))
    told = ", ".join(f"{list(forms.values()).count(kind)} in {kind}" for kind in kinds) or "nothing"
    print(f"compiled: {told}; kept in {cache.folder()}")
    return int(failed)


def _work(weights: Path) -> Iterator[tuple[str, Callable[[], str]]]:
    """What there is to compile, by name; each gives the form that was taken."""
    if (weights / f"auto{checkpoints.SUFFIX}").is_file():
        yield "auto", lambda: _done(small.load_auto(weights, ANSWERS))
    if (weights / f"gate{checkpoints.SUFFIX}").is_file():
        yield "gate", lambda: _done(small.load_gate(weights, KINDS))
    for dataset in DATASETS:
        for name in (*catalog.ARCHITECTURES, *catalog.EXTRAS):
            path = checkpoints.path_for(dataset, name, weights)
            if path.is_file():
                yield f"{name}, {dataset}", lambda path=path: _compiled(path)  # type: ignore[misc]


def _compiled(path: Path) -> str:
    made = compiler.compiled(described(file_format.open_file(path)))
    return str(made.header["form"])


def _done(_: object) -> str:
    return "float32"
