"""The pictures of a folder and of all folders in it, in the order of a listing that is kept on disk."""

import hashlib
import heapq
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app.batch.pictures import Picture, broken, is_meant, read_file
from models.checkpoints import atomic

RUN = 100_000  # names that are sorted in memory at once

Entry = tuple[str, int, int, str | None]  # name, bytes, time of the last change in ns, what is wrong with it


class Folder:
    """Every file with the name of a picture, and every folder that could not be looked into, as what is broken; without
    `walk` those of a `listing` that is there.
    """

    def __init__(self, path: Path, most_bytes: int, listing: Path, *, walk: bool = True) -> None:
        self._path, self._most_bytes, self._listing = path, most_bytes, listing
        if walk:
            _write(_walk(path), listing)
        self._count, digest = _counted(listing)
        self._at = 0
        self.identity: Mapping[str, Any] = {"folder": str(path.resolve()), "pictures": self._count, "listing": digest}

    def pictures(self, start: int = 0) -> Iterator[Picture]:
        """See Source."""
        with self._listing.open(encoding="ascii") as lines:
            for number, line in enumerate(islice(lines, start, None), start):
                self._at = number + 1
                yield self._picture(*json.loads(line))

    def share(self) -> float:
        """See Source."""
        return self._at / max(1, self._count)

    def _picture(self, name: str, size: int, changed: int, wrong: str | None) -> Picture:
        if wrong is not None:
            return broken(name, "not_found", wrong)
        return Picture(name, lambda: read_file(self._path / name, self._most_bytes))


def _walk(root: Path) -> Iterator[Entry]:
    """What is in a folder, in no order. Folders that are links are not entered: they may lead round in a circle."""
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        try:
            with os.scandir(root / inside) as entries:
                for entry in entries:
                    name = f"{inside}/{entry.name}" if inside else entry.name
                    if entry.is_dir(follow_symlinks=False):
                        waiting += [] if entry.name.startswith(".") else [name]
                    elif is_meant(name) and not entry.is_dir():
                        yield _entry(name, entry)
        except OSError as error:
            yield (inside or ".", 0, 0, f"cannot look into the folder: {error.strerror}")


def _entry(name: str, entry: "os.DirEntry[str]") -> Entry:
    try:
        found = entry.stat()
    except OSError:  # a link to nothing, say; reading it will tell
        return (name, 0, 0, None)
    return (name, found.st_size, found.st_mtime_ns, None)


def _write(entries: Iterable[Entry], listing: Path) -> None:
    """Write entries as sorted lines of JSON, with no more than RUN of them in memory."""
    left = iter(entries)
    with TemporaryDirectory(dir=listing.parent, prefix="listing-") as scratch, ExitStack() as opened:
        runs: list[Path] = []
        while lines := sorted(json.dumps(entry) + "\n" for entry in islice(left, RUN)):
            path = Path(scratch) / str(len(runs))
            path.write_text("".join(lines), encoding="ascii")
            runs.append(path)
        files = [opened.enter_context(path.open(encoding="ascii")) for path in runs]
        with atomic.replacing(listing) as file:
            for line in heapq.merge(*files):
                file.write(line.encode("ascii"))


def _counted(listing: Path) -> tuple[int, str]:
    """How many lines a listing has, and their SHA-256 in hex."""
    count, digest = 0, hashlib.sha256()
    with listing.open("rb") as lines:
        for line in lines:
            digest.update(line)
            count += 1
    return count, digest.hexdigest()
