"""A file that one process has at a time."""

from __future__ import annotations

from contextlib import suppress
from typing import IO


def take(file: IO[bytes]) -> bool:
    """Whether an open file is this one's alone until it is closed, by whoever else asks here too; True on Windows,
    which has no such locks. OSError where the file system has none.
    """
    with suppress(ImportError):
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
