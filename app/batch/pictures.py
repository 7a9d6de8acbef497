"""One picture of a source: its name there, and how its bytes are read."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from app.errors import ApiError

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".heif"}


class SourceError(Exception):
    """A source that cannot be read at all; says in one line what it is and what would be right."""


@dataclass(frozen=True)
class Picture:
    """A picture of a source. `read` gives its bytes or raises ApiError; call it before asking for the next picture."""

    name: str
    read: Callable[[], bytes]


def is_meant(name: str) -> bool:
    """Whether a name in a folder or archive is that of a picture: by its ending, and not hidden, nor in what is."""
    parts = PurePosixPath(name).parts
    hidden = any(part == "__MACOSX" or (part.startswith(".") and part != "..") for part in parts)
    return not hidden and PurePosixPath(name).suffix.lower() in SUFFIXES


def broken(name: str, code: str, message: str) -> Picture:
    """What stands for a picture, or for all that would have come, where it cannot be read."""

    def read() -> bytes:
        raise ApiError(code, message)

    return Picture(name, read)


def read_file(path: Path, most: int) -> bytes:
    """The bytes of a file. Raises ApiError where they cannot be had, or are more than `most`."""
    try:
        if path.exists() and not path.is_file():  # to open a pipe would wait for who writes to it
            raise ApiError("not_found", f"cannot read {path}: it is no file")
        with path.open("rb") as file:
            return read_at_most(file, most)
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        why = getattr(error, "strerror", None) or error
        raise ApiError("not_found", f"cannot read {path}: {why}") from error


def read_at_most(file: IO[bytes], most: int) -> bytes:
    """All bytes of an open file, whatever size it claims. Raises ApiError where they are more than `most`."""
    data = file.read(most + 1)
    if len(data) > most:
        told = f"the file has more than {most} bytes; at most {most} are taken"
        raise ApiError("too_large", f"{told} (LINEUP_MAX_UPLOAD_BYTES)")
    return data
