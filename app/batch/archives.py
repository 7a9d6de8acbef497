"""The pictures of zip and tar files, read where they lie: nothing is unpacked to disk."""

import bz2
import gzip
import lzma
import re
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
MOST_HEADERS = 1 << 20  # bytes of one member's headers: names, and a map where it is sparse
MOST_DIGITS = 255  # in a row in a pax header, as in the longest name of a file; tarfile looks at n of them n² times
RECORD = re.compile(rb"(\d+) [^=]+=")  # its length, and a keyword before the value: as tarfile reads it
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
            stream = _Stream(_unpacked(raw))
            try:
                with tarfile.open(fileobj=stream, mode="r:", tarinfo=_Member) as tar:  # type: ignore[call-overload]
                    while (member := stream.at_most(tar.next)) is not None:
                        if member.size < 0 or tar.offset <= member.offset:  # tarfile would step back, for ever
                            wrong = f"has {member.size} bytes" if member.size < 0 else "ends before it begins"
                            raise tarfile.ReadError(f"the member {show(member.name)} {wrong}")
                        self._read_so_far = raw.tell()
                        yield tar, member
                        tar.members.clear()  # it would keep them all
                    if not stream.last or stream.last.strip(b"\0"):  # a block of zeros ends it
                        yield "what follows is no member" if stream.last else "it has no end"
            except DAMAGED as error:
                yield str(error) or type(error).__name__
            except IndexError:  # of tarfile, which reads on in the map of a sparse member
                yield "a member's headers are cut off"
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
    """What `tarfile` reads from: at most MOST_HEADERS bytes for one member, all of which it holds in memory."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell
        self._left: float = MOST_HEADERS
        self._ahead: bytes | None = None
        self.last = b""  # of what was read: at the end, what was taken for it

    def at_most(self, next_member: Callable[[], tarfile.TarInfo | None]) -> tarfile.TarInfo | None:
        self._left = MOST_HEADERS
        member = next_member()
        self._left = inf  # a picture, of which `read_at_most` reads no more than one may have
        return member

    def ahead(self, size: int) -> bytes:
        """What `read` will give of this size; to seek back would unpack all that came before once more."""
        self._ahead = self.read(size)
        return self._ahead

    def read(self, size: int) -> bytes:
        if self._ahead is not None:
            ahead, self._ahead = self._ahead, None
            return ahead
        self._left -= size
        if self._left < 0:
            raise tarfile.ReadError(f"headers of more than {MOST_HEADERS} bytes")
        self.last = self._file.read(size)
        return self.last


class _Member(tarfile.TarInfo):
    """A member whose pax headers are looked at before `tarfile` believes what they say of their own lengths."""

    def _proc_pax(self, tar: tarfile.TarFile) -> tarfile.TarInfo:
        stream: Any = tar.fileobj
        _check_pax(stream.ahead(self._block(self.size)))  # type: ignore[attr-defined]
        tar.pax_headers = {}  # those for all members: of no use here, and they would pile up
        member: tarfile.TarInfo = super()._proc_pax(tar)  # type: ignore[misc]
        return member


def _check_pax(header: bytes) -> None:
    """Raises ReadError for what would cost `tarfile` the square of its length: a record that says that it is shorter
    than its keyword, all of which is kept and then read again from its middle; digits without end.
    """
    if any(len(digits[0]) > MOST_DIGITS for digits in re.finditer(rb"\d+", header)):
        raise tarfile.ReadError(f"a pax header has more than {MOST_DIGITS} digits in a row")
    at = 0
    while record := RECORD.match(header, at):
        length, least, most = int(record[1]), len(record[0]) + len(b"\n"), len(header) - at
        if not least <= length <= most:
            told = f"a record of a pax header says that it has {show(length)} bytes"
            raise tarfile.ReadError(f"{told}; it has {least} at least, and {most} are left")
        at += length
