"""The pictures of zip and tar files, read where they lie: nothing is unpacked to disk."""

import bz2
import gzip
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import islice
from math import inf
from pathlib import Path
from typing import IO, Any

from app.batch.pictures import Picture, SourceError, broken, is_meant, read_at_most
from app.errors import ApiError, show

DAMAGED = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError)
SPARE = 1 << 20  # bytes beyond a picture that are read at once, at most: a header with a long name
OPENED: Mapping[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
}


def identity_of(kind: str, path: Path) -> dict[str, Any]:
    """A file as it is now."""
    found = path.stat()
    return {kind: str(path.resolve()), "bytes": found.st_size, "changed": found.st_mtime_ns}


class Zip:
    """The members of a zip file, in its own order; its list of members is held in memory."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self.identity: Mapping[str, Any] = identity_of("zip", path)
        try:
            self._zip = zipfile.ZipFile(path)
        except (*DAMAGED, NotImplementedError) as error:
            raise SourceError(f"{path} cannot be read as a zip file: {error}") from error
        self._members = [one for one in self._zip.infolist() if not one.is_dir() and is_meant(one.filename)]
        self._at = 0

    def pictures(self, start: int = 0) -> Iterator[Picture]:
        """See Source."""
        for number, member in enumerate(islice(self._members, start, None), start):
            self._at = number + 1
            yield Picture(member.filename, partial(self._read, member))

    def share(self) -> float:
        """See Source."""
        return self._at / max(1, len(self._members))

    def _read(self, member: zipfile.ZipInfo) -> bytes:
        if member.flag_bits & 1:
            raise ApiError("undecodable", "the member is encrypted; pack it without a password")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise ApiError("unsupported_type", "the member is a link, which is not followed; pack the file itself")
        try:
            with self._zip.open(member) as file:
                return read_at_most(file, self._most_bytes)
        except (*DAMAGED, NotImplementedError) as error:
            raise ApiError("undecodable", f"the member cannot be read from the archive: {error}") from error


class Tar:
    """The members of a tar file, compressed or not, as they follow one another."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        self._path, self._most_bytes = path, most_bytes
        self.identity: Mapping[str, Any] = identity_of("tar", path)
        self._size, self._read_so_far = path.stat().st_size, 0
        first = next(self._members(), None)
        if isinstance(first, str):
            raise SourceError(f"{path} cannot be read as a tar file: {first}")

    def pictures(self, start: int = 0) -> Iterator[Picture]:
        """See Source."""
        return islice(self._pictures(), start, None)

    def share(self) -> float:
        """See Source."""
        return self._read_so_far / max(1, self._size)

    def _pictures(self) -> Iterator[Picture]:
        for count, found in enumerate(self._members()):
            if isinstance(found, str):
                told = f"the archive is damaged or cut off after {count} members: {found}"
                yield broken(self._path.name, "undecodable", told)
            else:
                tar, member = found
                if is_meant(member.name) and not member.isdir():
                    yield Picture(member.name, partial(self._read, tar, member))

    def _members(self) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo] | str]:
        """Each member; at the end, if that is not the archive's own, why."""
        with self._path.open("rb") as raw:
            stream = _Stream(_unpacked(raw), self._most_bytes + SPARE)
            try:
                with tarfile.open(fileobj=stream, mode="r:") as tar:  # type: ignore[call-overload]
                    while (member := stream.at_most(tar.next)) is not None:
                        if member.size < 0 or tar.offset <= member.offset:  # tarfile would step back, for ever
                            raise tarfile.ReadError(f"the member {show(member.name)} has {member.size} bytes")
                        self._read_so_far = raw.tell()
                        yield tar, member
                        tar.members.clear()  # it would keep them all
                    if not stream.last or stream.last.strip(b"\0"):  # a block of zeros ends it
                        yield "what follows is no member" if stream.last else "it has no end"
            except DAMAGED as error:
                yield str(error) or type(error).__name__
            except RecursionError:  # of tarfile, which calls itself for each
                yield "a member has more headers, one behind the other, than can be read"
            self._read_so_far = self._size

    def _read(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
        if not member.isfile():
            kind = "a link, which is not followed" if member.issym() or member.islnk() else "no file"
            raise ApiError("unsupported_type", f"the member is {kind}; pack the file itself")
        file = tar.extractfile(member)
        assert file is not None
        try:
            return read_at_most(file, self._most_bytes)
        except DAMAGED as error:
            raise ApiError("undecodable", f"the member cannot be read from the archive: {error}") from error


def _unpacked(raw: IO[bytes]) -> IO[bytes]:
    start = raw.read(6)
    raw.seek(0)
    return next((opened(raw) for magic, opened in OPENED.items() if start.startswith(magic)), raw)


class _Stream:
    """What `tarfile` reads from: at most `most` bytes of one member's headers, all of which it holds in memory."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        self._file, self._most = file, most
        self.seek, self.tell = file.seek, file.tell
        self._left: float = most
        self.last = b""  # of what was read: at the end, what was taken for it

    def at_most(self, next_member: Callable[[], tarfile.TarInfo | None]) -> tarfile.TarInfo | None:
        self._left = self._most
        member = next_member()
        self._left = inf  # a picture, of which `read_at_most` reads no more than one may have
        return member

    def read(self, size: int) -> bytes:
        self._left -= size
        if self._left < 0:
            raise tarfile.ReadError(f"headers of more than {self._most} bytes")
        self.last = self._file.read(size)
        return self.last
