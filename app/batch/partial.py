"""The folder beside the output in which a run's rows wait until all are there.

It holds `begun.json`, which says what the run was asked, and the rows in numbered parts, each whole or not there.
After whatever ended a run, the next goes on from the last part's end: nothing is lost but work, and nothing is doubled.
In the end the parts become the output, which is there at once and whole.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NamedTuple, Self

from app.batch import formats
from app.batch.rows import Row
from models.checkpoints import atomic, lock

BEGUN, LOCK = "begun.json", "lock"
Writing = Callable[[IO[bytes], Iterator[Row]], Any]  # gives what is told of a run that is whole; JSON-able


class PartialError(Exception):
    """This run cannot go on from what is there; says why, and what would be right."""


class Finished(NamedTuple):
    """A run whose output is in its place: what it was asked, and what its `write` told."""

    asked: Mapping[str, Any]
    told: Any


def is_begun(out: Path) -> bool:
    """Whether there is a run of `out` that could be gone on from."""
    with suppress(OSError):  # of a folder that cannot be looked into
        return (_beside(out) / BEGUN).exists()
    return False


class Partial:
    """The folder of `out`, made, and held until it is gone: two runs cannot have it at once. PartialError; OSError."""

    def __init__(self, out: Path, *, fresh: bool = False) -> None:
        self.out, self.folder = out, _beside(out)
        self._lock = self._held()
        if fresh or not self._begun.exists():  # not: of a run that was ended in the midst of removing it
            self._empty()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._lock.closed:  # the folder is removed, and may be another run's by now
            return
        with self._lock, suppress(OSError):
            if not self._begun.exists():
                self._remove()

    @property
    def listing(self) -> Path:
        """Where a folder's listing is kept."""
        return self.folder / "listing"

    def begin(self, asked: Mapping[str, Any]) -> int:
        """How many rows there are already of a run that was `asked` this. PartialError where it was asked otherwise."""
        told = json.loads(json.dumps(asked))
        if not self._begun.exists() or next(self._parts(), None) is None:
            atomic.write_json(self._begun, told)
            _sync(self.folder)
        begun = json.loads(self._begun.read_text(encoding="utf-8"))
        if different := [name for name in {**begun, **told} if begun.get(name) != told.get(name)]:
            name = different[0]
            was = (
                f"{self.folder} was begun with another {name}: {_shown(begun.get(name))}, now {_shown(told.get(name))}"
            )
            raise PartialError(f"{was}; go on with the same, or begin anew with --fresh")
        parts = list(self._parts())
        for stray in {*self.folder.glob("*-*.jsonl")} - {path for path, _, _ in parts}:
            stray.unlink()  # somebody took one before it away
        return sum(count for _, _, count in parts)

    def add(self, rows: list[Row], start: int) -> None:
        """Keep rows for good, of the pictures from the `start`-th on: after what is there."""
        with atomic.replacing(self.folder / f"{start:012}-{len(rows)}.jsonl") as file:
            file.writelines(map(formats.line, rows))
        _sync(self.folder)

    def rows(self) -> Iterator[Row]:
        """All rows, in order."""
        for path, _, _ in self._parts():
            with path.open("rb") as lines:
                yield from map(json.loads, lines)

    def finish(self, write: Writing) -> None:
        """Put what `write` makes of the rows in the place of the output, and remove the folder."""
        whole = self.folder / "whole"
        with whole.open("wb") as file:
            told = write(file, self.rows())
            file.flush()
            os.fsync(file.fileno())
        asked = json.loads(self._begun.read_text(encoding="utf-8"))
        atomic.write_json(self.folder / "finished.json", {"file": _same(whole), "asked": asked, "told": told})
        _sync(self.folder)
        whole.replace(self.out)
        _sync(self.out.parent)
        self._remove()

    def finished(self) -> Finished | None:
        """The run whose output is there and which was ended before it could remove what it left; that is done now."""
        with suppress(OSError, ValueError):
            left = json.loads((self.folder / "finished.json").read_bytes())
            if left.get("file") == _same(self.out):
                self._empty()
                return Finished(left["asked"], left["told"])
        return None

    @property
    def _begun(self) -> Path:
        return self.folder / BEGUN

    def _parts(self) -> Iterator[tuple[Path, int, int]]:
        """The parts that follow one another from the first row on, with their first row and how many they are."""
        at = 0
        for path in sorted(self.folder.glob("*-*.jsonl")):
            start, count = map(int, path.stem.split("-"))
            if start != at:
                return
            yield path, start, count
            at += count

    def _held(self) -> IO[bytes]:
        """The lock, taken and in its place: a run that ends here may remove file and folder between any two steps."""
        path = self.folder / LOCK
        while True:
            try:
                self.folder.mkdir()
            except FileExistsError:
                if os.path.lexists(self.folder) and not self.folder.is_dir():
                    raise
            with suppress(FileNotFoundError):
                file = path.open("wb")
                if not lock.take(file):
                    file.close()
                    raise PartialError(f"another run is writing {self.out}; wait for it, or name another --out")
                if _lies_at(path, file):
                    return file
                file.close()

    def _empty(self) -> None:
        """Remove all but the lock; `begun.json` first, without which the rest counts for nothing if this is ended."""
        self._begun.unlink(missing_ok=True)
        for path in [path for path in self.folder.iterdir() if path.name != LOCK]:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def _remove(self) -> None:
        """Remove the folder. It is let go of when nothing but itself is left, which may be another run's by then."""
        self._empty()
        try:
            if os.name == "nt":  # which knows no such locks, and removes no file that is open
                self._lock.close()
            (self.folder / LOCK).unlink(missing_ok=True)
        finally:
            self._lock.close()  # before the folder goes: on NFS an open file leaves another in its place
        with suppress(OSError):  # another run has made a lock of its own there, or has the folder no more
            self.folder.rmdir()


def _beside(out: Path) -> Path:
    return out.with_name(f"{out.name}.partial")


def _lies_at(path: Path, file: IO[bytes]) -> bool:
    """Whether an open file is the one that has this path now."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    return False


def _same(path: Path) -> dict[str, int]:
    """What stays the same of a file when it is renamed, and is not of another file."""
    found = path.stat()
    return {"inode": found.st_ino, "bytes": found.st_size, "changed": found.st_mtime_ns}


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(one)}" for name, one in value.items())
    text = str(value)
    return text if len(text) <= 64 or "/" in text else f"{text[:12]}..."


def _sync(folder: Path) -> None:
    """Let a new name in a folder outlive a power cut."""
    with suppress(OSError):  # where folders cannot be opened, as on Windows
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
