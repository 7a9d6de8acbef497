"""What the commands of evaluation do to one network after another: what goes wrong with one is told in a line, and the
others are measured all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from models import checkpoints
from models.data.splits import DataError


def each(pairs: Sequence[tuple[str, str]], weights: Path, work: Callable[[Path], str], *also: type[Exception]) -> int:
    """Do ``work`` with the checkpoint of each pair (network, dataset) in the folder ``weights``, and print what it
    returns; or why it could not be done: another network's file lies there, CheckpointError, DataError, what ``also``
    names, or files that cannot be read or written. 1 if one could not be done.
    """
    expected: tuple[type[Exception], ...] = (checkpoints.CheckpointError, DataError, *also)
    failed = False
    for name, dataset in pairs:
        path = checkpoints.path_for(dataset, name, weights)
        try:
            checkpoints.expect_network(path, checkpoints.read_header(path), name, dataset)
            told = work(path)
        except expected as error:
            told, failed = str(error), True
        except OSError as error:
            told, failed = of_system(error), True
        print(f"{name}, {dataset}: {told}", flush=True)
    return int(failed)


def of_system(error: OSError) -> str:
    """What the system says, of which file, and what to do. An error that is a library's, not the system's, is a fault
    of this code: it is raised again.
    """
    if error.strerror is None:
        raise error
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror}; once that is mended, evaluate it again"
