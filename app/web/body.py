"""Reading pictures out of a request while every limit holds on the incoming stream.

Nothing is written to disk, and no more is kept in memory than the limits allow: Content-Length is looked at before the
first byte, then the bytes are counted as they arrive.
"""

import asyncio
from collections.abc import AsyncIterator

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect, Request

from app.errors import ApiError, show
from app.settings import FORM_BYTES, Settings
from app.uploads import MemoryFull, Share, Upload
from app.web.form import File, Form
from app.web.media_types import essence, may_be_picture

_DIGITS = 15  # a longer length is more than any server's memory; of thousands Python makes no number


async def read_one(request: Request, settings: Settings, share: Share) -> Upload:
    """The one picture of a request: multipart field `file`, or the raw body. Raises ApiError."""
    limit = settings.max_upload_bytes
    kind = essence(request.headers.get("content-type", ""))
    if kind == "multipart/form-data":
        (upload,) = await _read_form(request, settings, share, field="file", most=1, total=limit)
        if isinstance(upload, ApiError):
            raise upload.again()
        return upload
    if not may_be_picture(kind):
        wanted = "image/*, application/octet-stream or multipart/form-data"
        raise ApiError("unsupported_type", f"the content type is {show(kind)}; send {wanted}")
    chunks = [chunk async for chunk in _chunks(request, settings, share, limit) if chunk]
    if not chunks:
        how = "send it as multipart field 'file', or as the raw body with its image/* content type"
        raise ApiError("invalid_parameter", f"there is no picture in the request; {how}")
    return Upload(_joined(chunks, share), share)


async def read_many(request: Request, settings: Settings, share: Share) -> list[Upload | ApiError]:
    """The pictures of multipart field `files`, in order; an ApiError in place of each that is too large.

    Raises ApiError where the request as a whole is refused.
    """
    kind = essence(request.headers.get("content-type", ""))
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
        async for chunk in _chunks(request, settings, share, total + FORM_BYTES):
            form.feed(chunk)
        files = form.files()
    except FormParserError as error:
        raise ApiError("invalid_parameter", f"the multipart body is malformed: {show(error)}") from error
    return [file if isinstance(file, ApiError) else _upload(file, share) for file in files]


def _upload(file: File, share: Share) -> Upload | ApiError:
    if not may_be_picture(file.media_type):
        told = f"the declared type is {show(file.media_type)}"
        return ApiError("unsupported_type", f"{told}; wanted image/* or application/octet-stream")
    return Upload(_joined(file.pieces, share), share)


def _joined(pieces: list[bytes], share: Share) -> bytes:
    """The pieces, one at least, as one; while it is copied both count."""
    if len(pieces) == 1:
        return pieces[0]
    size = sum(map(len, pieces))
    _take(share, size)
    data = b"".join(pieces)
    pieces.clear()
    share.give(size)
    return data


def _take(share: Share, count: int) -> None:
    try:
        share.take(count)
    except MemoryFull:
        raise ApiError("queue_full", "too many uploads at once; try again shortly", retry_after=1) from None


async def _chunks(request: Request, settings: Settings, share: Share, limit: int) -> AsyncIterator[bytes]:
    """The body as it arrives. Raises ApiError where it is too large or slow, ClientDisconnect where it ends early."""
    declared = request.headers.get("content-length", "")
    told = declared.lstrip("0") or "0"
    if declared.isascii() and declared.isdigit() and (len(told) > _DIGITS or int(told) > limit):
        raise ApiError("too_large", f"the upload has {told[:20]} bytes; at most {limit} are taken")
    end = asyncio.get_running_loop().time() + settings.upload_s
    size, more = 0, True
    while more:
        chunk, more = await _receive(request, min(end, asyncio.get_running_loop().time() + settings.deadline_s))
        size += len(chunk)
        if size > limit:
            raise ApiError("too_large", f"the upload has more than {limit} bytes; at most {limit} are taken")
        _take(share, len(chunk))
        yield chunk


async def _receive(request: Request, until: float) -> tuple[bytes, bool]:
    timeout = asyncio.timeout_at(until)
    try:
        async with timeout:
            message = await request.receive()
    except TimeoutError:
        if timeout.expired():
            raise ApiError("deadline_exceeded", "the upload did not arrive in time") from None
        raise
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message.get("body", b""), message.get("more_body", False)
