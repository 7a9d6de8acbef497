"""Files of the pages as they travel: text compressed, the page's own scripts and sheets without their comments."""

import asyncio
import gzip
import re
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Receive, Scope, Send

from app.web.media_types import ratings

COMPRESSED = {".js", ".css", ".svg", ".json", ".html"}
# Comments that have lines of their own; none of another kind is in these files, nor anything in a text that looks so.
COMMENT = re.compile(rb"^[ \t]*(?://[^\n]*|/\*(?:[^*]|\*(?!/))*\*/)[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class Travelling:
    """A file as it is sent, plain and by gzip, with the headers of both; `stat` tells whether it is still that file."""

    path: Path
    stat: tuple[int, int]
    headers: dict[str, str]
    plain: bytes
    zipped: bytes

    def is_current(self) -> bool:
        """Whether the file is what was read."""
        try:
            return self.stat == _stat(self.path)
        except OSError:
            return False


class Static(StaticFiles):
    """A folder of files. Text is read once and kept: a page has some twenty, and a thread for each would cost more than
    all the rest. That of `uncommented`, folders in it, is sent without the comments that a third of it is: line numbers
    stay, and the sources are in the repository. Vendored files keep theirs, licences among them.
    """

    def __init__(self, directory: Path, uncommented: tuple[Path, ...] = ()) -> None:
        super().__init__(directory=directory)
        self._uncommented = uncommented
        self._kept: dict[str, Travelling] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the whole file, whatever range is asked for (RFC 9110, section 14.2, allows it): they are small,
        and Starlette would refuse a wrong range in a form of its own.
        """
        headers = [header for header in scope["headers"] if header[0] != b"range"]
        await super().__call__({**scope, "headers": headers}, receive, send)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """See StaticFiles."""
        file = self._kept.get(path)
        if scope["method"] not in ("GET", "HEAD") or file is None or not file.is_current():
            found = await super().get_response(path, scope)
            if found.status_code == 304:
                found.headers["vary"] = "Accept-Encoding"
            if not isinstance(found, FileResponse):
                return found
            if Path(found.path).suffix not in COMPRESSED:
                del found.headers["accept-ranges"]
                return found
            file = self._kept[path] = await asyncio.to_thread(self._read, found)
        return self._answer(file, Headers(scope=scope))

    def _answer(self, file: Travelling, asked: Headers) -> Response:
        zipped = ratings(asked.get("accept-encoding", "")).get("gzip", 0.0) > 0
        headers = {**file.headers, "Content-Encoding": "gzip"} if zipped else file.headers
        strong = Headers({**headers, "etag": headers["etag"].removeprefix("W/")})  # as Starlette compares them
        if self.is_not_modified(strong, asked):
            return NotModifiedResponse(Headers(headers))
        return Response(file.zipped if zipped else file.plain, headers=headers)

    def _read(self, found: FileResponse) -> Travelling:
        path = Path(found.path)
        stat, plain = _stat(path), path.read_bytes()
        if any(path.is_relative_to(folder) for folder in self._uncommented):
            plain = without_comments(plain)
        # One name for both forms is right for a weak one (RFC 9110, section 8.8.1).
        headers = {name: found.headers[name] for name in ("content-type", "last-modified")}
        headers |= {"etag": f"W/{found.headers['etag']}", "vary": "Accept-Encoding"}
        return Travelling(path, stat, headers, plain, gzip.compress(plain, 9, mtime=0))


def _stat(path: Path) -> tuple[int, int]:
    told = path.stat()
    return told.st_mtime_ns, told.st_size


def without_comments(source: bytes) -> bytes:
    """JavaScript or CSS without the comments that have lines of their own; every line stays where it was."""
    return COMMENT.sub(lambda found: b"\n" * found[0].count(b"\n"), source)
