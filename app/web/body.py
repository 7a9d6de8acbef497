"""Reading pictures out of a request while every limit holds on the incoming stream.

Nothing is written to disk, and no more is kept in memory than the limits allow: Content-Length is looked at before the
first byte, then the bytes are counted as they arrive.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Self

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect, Request

from app.errors import ApiError, show
from app.settings import Settings
from app.web.form import Form

OVERHEAD = 64 * 1024  # what a form may add to its files: boundaries, headers, other fields


@dataclass(frozen=True)
class Upload:
    """One picture as it was sent."""

    data: bytes
    content_type: str | None


class Memory:
    """How many bytes of uploads are held in memory at once, over all requests."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0


class Share:
    """One request's part of Memory, given back when the `with` block ends."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._taken = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._memory.used -= self._taken

    def take(self, count: int) -> None:
        """Add `count` bytes. Raises ApiError `queue_full` where all requests together would hold too many."""
        if self._memory.used + count > self._memory.limit:
            raise ApiError("queue_full", "too many uploads at once; try again shortly", retry_after=1)
        self._memory.used += count
        self._taken += count


async def read_one(request: Request, settings: Settings, share: Share) -> Upload:
    """The one picture of a request: multipart field `file`, or the raw body. Raises ApiError."""
    limit = settings.max_upload_bytes
    kind = _media_type(request)
    if kind == "multipart/form-data":
        uploads = await _read_form(request, settings, share, field="file", most=1, total=limit)
        if isinstance(uploads[0], ApiError):
            raise uploads[0]
        return uploads[0]
    _check_raw_type(kind)
    chunks = [chunk async for chunk in _chunks(request, settings, share, limit)]
    if not any(chunks):
        how = "send it as multipart field 'file', or as the raw body with its image/* content type"
        raise ApiError("invalid_parameter", f"there is no picture in the request; {how}")
    return Upload(b"".join(chunks), kind or None)


async def read_many(request: Request, settings: Settings, share: Share) -> list[Upload | ApiError]:
    """The pictures of multipart field `files`, in order; an ApiError in place of each that is too large.

    Raises ApiError where the request as a whole is refused.
    """
    kind = _media_type(request)
    if kind != "multipart/form-data":
        message = f"the content type is {show(kind)}; send the pictures as multipart/form-data, field 'files'"
        raise ApiError("unsupported_type", message)
    most, total = settings.max_batch_files, settings.max_batch_bytes
    return await _read_form(request, settings, share, field="files", most=most, total=total)


async def _read_form(
    request: Request, settings: Settings, share: Share, *, field: str, most: int, total: int
) -> list[Upload | ApiError]:
    boundary = parse_options_header(request.headers["content-type"])[1].get(b"boundary")
    if not boundary:
        raise ApiError("invalid_parameter", "the multipart content type names no boundary")
    try:
        form = Form(boundary, field, most_files=most, most_bytes=total, most_bytes_each=settings.max_upload_bytes)
        async for chunk in _chunks(request, settings, share, total + OVERHEAD):
            form.feed(chunk)
        files = form.files()
    except FormParserError as error:
        raise ApiError("invalid_parameter", f"the multipart body is malformed: {show(error)}") from error
    return [file if isinstance(file, ApiError) else Upload(*file) for file in files]


async def _chunks(request: Request, settings: Settings, share: Share, limit: int) -> AsyncIterator[bytes]:
    """The body as it arrives. Raises ApiError where it is too large or slow, ClientDisconnect where it ends early."""
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared) > limit:
        raise ApiError("too_large", f"the upload has {declared[:20]} bytes; at most {limit} are taken")
    end = asyncio.get_running_loop().time() + settings.upload_s
    size, more = 0, True
    while more:
        chunk, more = await _receive(request, min(end, asyncio.get_running_loop().time() + settings.deadline_s))
        size += len(chunk)
        if size > limit:
            raise ApiError("too_large", f"the upload has more than {limit} bytes; at most {limit} are taken")
        share.take(len(chunk))
        yield chunk


async def _receive(request: Request, until: float) -> tuple[bytes, bool]:
    try:
        async with asyncio.timeout_at(until):
            message = await request.receive()
    except TimeoutError:
        raise ApiError("deadline_exceeded", "the upload did not arrive in time") from None
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message.get("body", b""), message.get("more_body", False)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _check_raw_type(kind: str) -> None:
    if kind and not kind.startswith("image/") and kind != "application/octet-stream":
        wanted = "image/*, application/octet-stream or multipart/form-data"
        raise ApiError("unsupported_type", f"the content type is {show(kind)}; send {wanted}")
