"""Files of the pages as they travel: text compressed, the page's own scripts and sheets without their comments."""

import asyncio
import gzip
import re
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app.web.media_types import ratings

COMPRESSED = {".js", ".css", ".svg", ".json", ".html"}
# Comments that have lines of their own; none of another kind is in these files, nor anything in a text that looks so.
COMMENT = re.compile(rb"^[ \t]*(?://[^\n]*|/\*(?:[^*]|\*(?!/))*\*/)[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class Travelling:
    """A file's bytes as they are sent, plain and by gzip; `version` tells whether it is still that file."""

    version: str
    plain: bytes
    zipped: bytes


class Static(StaticFiles):
    """A folder of files. Those of `uncommented`, a folder in it, are sent without the comments that a third of them is:
    line numbers stay, and the sources are in the repository. Vendored files keep theirs, licences among them.
    """

    def __init__(self, directory: Path, uncommented: tuple[Path, ...] = ()) -> None:
        super().__init__(directory=directory)
        self._uncommented = uncommented
        self._kept: dict[Path, Travelling] = {}

    async def get_response(self, path: str, scope: Scope) -> Response:
        """See StaticFiles."""
        found = await super().get_response(path, scope)
        if found.status_code == 304:
            found.headers["Vary"] = "Accept-Encoding"
        if not isinstance(found, FileResponse) or Path(found.path).suffix not in COMPRESSED:
            return found
        file = await asyncio.to_thread(self._travelling, Path(found.path), found.headers["etag"])
        zipped = ratings(Headers(scope=scope).get("accept-encoding", "")).get("gzip", 0.0) > 0
        # One name for both forms is right for a weak one (RFC 9110, section 8.8.1).
        headers = {
            "ETag": f"W/{file.version}",
            "Vary": "Accept-Encoding",
            "Last-Modified": found.headers["last-modified"],
        }
        if zipped:
            headers["Content-Encoding"] = "gzip"
        return Response(file.zipped if zipped else file.plain, media_type=found.media_type, headers=headers)

    def _travelling(self, path: Path, version: str) -> Travelling:
        kept = self._kept.get(path)
        if kept is None or kept.version != version:
            plain = path.read_bytes()
            if any(path.is_relative_to(folder) for folder in self._uncommented):
                plain = without_comments(plain)
            kept = self._kept[path] = Travelling(version, plain, gzip.compress(plain, 9, mtime=0))
        return kept


def without_comments(source: bytes) -> bytes:
    """JavaScript or CSS without the comments that have lines of their own; every line stays where it was."""
    return COMMENT.sub(lambda found: b"\n" * found[0].count(b"\n"), source)
