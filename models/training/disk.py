"""What is told of a disk that does not take what a run writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Within, an OSError that names no file names this one: where a disk is full, the system does not say which."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise


def told(error: OSError) -> str:
    """The file, where there is one, and what is the matter with it."""
    return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)
