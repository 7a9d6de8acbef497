"""The files of a multipart form, taken from a stream and held in memory."""

import re
from dataclasses import dataclass, field

from python_multipart.multipart import MultipartParser, MultipartState, parse_options_header

from app.errors import ApiError, show
from app.web.media_types import essence

# The head of a part as curl, browsers and most libraries write it; what differs is left to the parser.
_PLAIN_HEAD = re.compile(
    rb"\r\nContent-Disposition: form-data"
    rb'; name="([^"\\;=\r\n]{1,64})"(?:; filename="[^"\\;=\r\n]{0,255}")?\r\n'
    rb"(?:Content-Type: ([^\r\n]{0,127})\r\n)?\r\n",
    re.IGNORECASE,
)
_LONGEST_BOUNDARY = 70  # RFC 2046, section 5.1.1

OTHER_PARTS = 32  # parts other than the files wanted: they are skipped, but a form of nothing else has an end

# Delimiters in a picture's bytes that end no part. The parser steps over each in Python, 1.4 us: a body of nothing else
# would keep the event loop busy for 0.25 s a MiB, this many for 6 ms. RFC 2046 forbids them, but a client that never
# looks may meet one by chance: with the shortest boundary, of one letter, once in 1 TiB of random bytes.
FALSE_DELIMITERS = 4096
PADDING = 4096  # blanks from a boundary to the end of its line: the parser steps over each in Python, too


@dataclass
class File:
    """A file of a form: its bytes in the pieces that they came in, and its declared type ("": none)."""

    pieces: list[bytes] = field(default_factory=list)
    media_type: str = ""


@dataclass
class _Part:
    name: str = ""
    filename: str = ""
    file: File = field(default_factory=File)
    size: int = 0


class Form:
    """Feed it a multipart body chunk by chunk; it keeps the parts of one field name and skips all others.

    `feed` raises ApiError for too many files, bytes or boundaries, and python-multipart's FormParserError for what is
    no form.
    """

    def __init__(self, boundary: bytes, name: str, *, most_files: int, most_bytes: int, most_bytes_each: int) -> None:
        self._name = name
        self._most_files = most_files
        self._most_bytes = most_bytes
        self._most_bytes_each = most_bytes_each
        self._kept: list[_Part] = []
        self._others: list[str] = []
        self._bytes = 0
        self._ended = False
        self._part = _Part()
        self._header = bytearray()
        self._value = bytearray()
        self._boundary = boundary
        self._delimiters = self._padding = 0
        self._parser: MultipartParser | None = None

    def feed(self, chunk: bytes) -> None:
        """Take the next piece of the body."""
        if not chunk or self._ended:  # what comes after the last boundary counts for nothing
            return
        if self._parser is None:
            if self._take_whole(chunk):
                return
            self._parser = self._make_parser()
        self._count_delimiters(chunk)
        self._parser.write(chunk)
        if self._parser.state == MultipartState.BOUNDARY_PADDING:
            self._count_padding(chunk)

    def _count_delimiters(self, chunk: bytes) -> None:
        """Refuse too many before the parser sees them. One cut in two is missed: one a chunk at most."""
        self._delimiters += chunk.count(b"\r\n--" + self._boundary)
        most = self._most_files + OTHER_PARTS + FALSE_DELIMITERS
        if self._delimiters > most:
            told = (
                f"the boundary {show(self._boundary.decode('latin-1'))} is in the multipart body more than {most} times"
            )
            raise ApiError("invalid_parameter", f"{told}; choose one that is not in the pictures' bytes")

    def _count_padding(self, chunk: bytes) -> None:
        """Refuse a boundary's line that goes on and on."""
        self._padding += len(chunk) - len(chunk.rstrip(b" \t"))
        if self._padding > PADDING:
            told = f"more than {PADDING} blanks follow the boundary {show(self._boundary.decode('latin-1'))}"
            raise ApiError("invalid_parameter", f"{told}; its line should end at once")

    def files(self) -> list[File | ApiError]:
        """Each file, in order; for one that is too large or empty the error in its place.

        Raises ApiError where the form is not complete or has no such field.
        """
        if not self._ended:
            raise ApiError("invalid_parameter", "the multipart body ends before its last boundary")
        kept = [part for part in self._kept if part.size or part.filename]  # else: a file chooser left empty
        if not kept:
            there = ", ".join(show(name) for name in self._others[:4]) or "nothing"
            raise ApiError("invalid_parameter", f"the form field '{self._name}' is missing; the form has {there}")
        return [self._file(part) for part in kept]

    def _file(self, part: _Part) -> File | ApiError:
        if part.size > self._most_bytes_each:
            return ApiError("too_large", f"the file has {part.size} bytes; at most {self._most_bytes_each} are taken")
        if part.size == 0:
            return ApiError("undecodable", "the file is empty; send a picture")
        return part.file

    def _take_whole(self, body: bytes) -> bool:
        """Take a form that is all here and has nothing but one plain file; the parser would need ten times as long."""
        opening = b"--" + self._boundary
        head = _PLAIN_HEAD.match(body, len(opening)) if body.startswith(opening) else None
        if head is None or head[1] != self._name.encode() or len(self._boundary) > _LONGEST_BOUNDARY:
            return False
        end = body.find(b"\r\n" + opening, head.end())
        size = end - head.end()
        if not 0 < size <= min(self._most_bytes, self._most_bytes_each):
            return False
        if body[end + len(opening) + 2 :] not in (b"--", b"--\r\n"):
            return False
        file = File([body[head.end() : end]], essence((head[2] or b"").decode("latin-1")))
        self._kept.append(_Part(self._name, file=file, size=size))
        self._ended = True
        return True

    def _make_parser(self) -> MultipartParser:
        return MultipartParser(
            self._boundary,
            {
                "on_part_begin": self._on_part_begin,
                "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_part_data": self._on_part_data,
                "on_end": self._on_end,
            },
        )

    def _on_part_begin(self) -> None:
        self._part = _Part()

    def _on_header_end(self) -> None:
        header, value = bytes(self._header).strip().lower(), bytes(self._value)
        self._header.clear()
        self._value.clear()
        if header == b"content-disposition":
            options = parse_options_header(value)[1]
            self._part.name = options.get(b"name", b"").decode("utf-8", "replace")
            self._part.filename = options.get(b"filename", b"").decode("utf-8", "replace")
        elif header == b"content-type":
            self._part.file.media_type = essence(value.decode("latin-1"))

    def _on_headers_finished(self) -> None:
        if self._part.name != self._name:
            self._others.append(self._part.name)
            if len(self._others) > OTHER_PARTS:
                raise ApiError("invalid_parameter", f"the form has too many fields besides '{self._name}'")
            return
        self._kept.append(self._part)
        if len(self._kept) > self._most_files:
            if self._most_files == 1:
                many = f"there is more than one '{self._name}'; send one picture, or many to /predict/batch"
                raise ApiError("invalid_parameter", many)
            raise ApiError("too_large", f"there are more than {self._most_files} files; at most so many are taken")

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        part = self._part
        if part.name != self._name:
            return
        part.size += end - start
        self._bytes += end - start
        if part.size > self._most_bytes_each:
            part.file.pieces.clear()  # refused: only its length still counts
        else:
            part.file.pieces.append(data[start:end])
        if self._bytes > self._most_bytes:
            raise ApiError("too_large", f"the files have more than {self._most_bytes} bytes; at most so many are taken")

    def _on_end(self) -> None:
        self._ended = True
