"""One run at a time in a folder: two would write one state, and the second begins by moving the first's away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO

from models.checkpoints import lock
from models.training.world import World


class UnderWayError(RuntimeError):
    """Another process has the run; the message says what to do."""


@contextmanager
def held(folder: Path, world: World) -> Iterator[None]:
    """Hold a run's folder, whether or not it is there, by a file beside it. Of several processes the first does, and
    what it raises all do: UnderWayError where another run has it, OSError where no file can be there.
    """
    with world.in_turn(lambda: _taken(folder) if world.first else nullcontext()):
        yield


def _taken(folder: Path) -> IO[bytes]:
    path = folder.with_name(f".{folder.name}.lock")  # stays: who took it away could take another's
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("wb")
    try:
        mine = lock.take(file)
    except OSError:
        mine = True  # a file system without locks, as some clusters have: it trains all the same
    if not mine:
        file.close()
        raise UnderWayError(f"another run of it is under way ({folder}); wait for it or use another --runs")
    return file
