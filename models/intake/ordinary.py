"""Which files are so usual that they may be decoded in the midst of others, and which had better be kept apart."""

from __future__ import annotations

from models.intake import envelope

USUAL = 1 << 24  # pixels, of a phone's photograph or a large screen: at most two seconds of a slow core
METADATA = 16 << 20  # bytes that Pillow holds of a PNG's: a profile and some texts, inflated in a tenth of a second


def is_ordinary(data: bytes) -> bool:
    """Whether this is a PNG or JPEG that says it is of usual size.

    Pillow's own code and libjpeg read these, and every browser's users feed them the like; the other formats are
    younger, larger code that few have tried to break, and a picture that is larger may take seconds. So may metadata
    that are inflated, and nobody can know what they hold before they have been.
    """
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        size = envelope.size_of_png(data)
        if size is None or size[0] * size[1] > USUAL:
            return False
        return envelope.metadata_of_png(data)[1] <= METADATA
    if data[:3] == b"\xff\xd8\xff":
        return (envelope.pixels_of_jpeg(data) or 0) <= USUAL
    return False
