"""Some pictures of a source at a time, read: what one thread or one worker of a cluster takes at once."""

from collections.abc import Iterator
from dataclasses import dataclass

from app.batch.pictures import Picture
from app.batch.sources import Source
from app.errors import ApiError

MOST = 64  # pictures: a second of a slow core, and a batch of a GPU

Content = bytes | ApiError


@dataclass(frozen=True)
class Chunk:
    """Pictures from the `start`-th of a source on: their names, and their bytes or why those cannot be had; `share`:
    how much of the source has been read with them, 0 to 1.
    """

    start: int
    names: list[str]
    contents: list[Content]
    share: float


def chunks(source: Source, start: int, most_bytes: int) -> Iterator[Chunk]:
    """The pictures from the `start`-th on, at most MOST of them at a time, and only one beyond `most_bytes`."""
    names: list[str] = []
    contents: list[Content] = []
    held = 0
    for picture in source.pictures(start):
        names.append(picture.name)
        contents.append(content := _read(picture))
        held += len(content) if isinstance(content, bytes) else 0
        if len(names) == MOST or held >= most_bytes:
            yield Chunk(start, names, contents, source.share())
            start, names, contents, held = start + len(names), [], [], 0
    if names:
        yield Chunk(start, names, contents, 1.0)


def _read(picture: Picture) -> Content:
    try:
        return picture.read()
    except ApiError as error:
        return error.again()
