"""Files that are there whole or not at all, whatever happens while they are written."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

NUMBERS = re.compile(r"\[\n[-+.eE\d\s,]+\]")  # a list of nothing else: a string in JSON has no line break


@contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of ``path`` at the end; after an error ``path`` is as it was. The
    folders above it are made.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            if hasattr(os, "fchmod"):  # Windows has none before Python 3.13, nor hides files that way
                os.fchmod(file.fileno(), 0o644)  # mkstemp's 0600 would hide the file from the container's user
            os.fsync(file.fileno())  # or the new name may outlive a power cut and the content not
        Path(temporary).replace(path)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None and error.filename is None:
            error.filename = str(path)  # where a disk is full, the system does not say which file it was
        raise


def copy(source: str | Path, path: str | Path) -> None:
    """Put a copy of ``source`` in the place of ``path``. Raises OSError if ``source`` cannot be read."""
    with Path(source).open("rb") as read, replacing(path) as written:
        shutil.copyfileobj(read, written)


def write(path: str | Path, content: bytes) -> None:
    """Put ``content`` in the place of ``path``."""
    with replacing(path) as file:
        file.write(content)


def write_json(path: str | Path, value: object) -> None:
    """Put ``value`` (JSON-able) in the place of ``path``, as reports and records are kept: indented, for people, but
    with a list of numbers on one line.
    """
    text = NUMBERS.sub(lambda found: f"[{' '.join(found[0][1:-1].split())}]", json.dumps(value, indent=1))
    write(path, f"{text}\n".encode())
