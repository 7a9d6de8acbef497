"""The brush, and pictures with dabs of it."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from models.datasets import SIDE

UInt8 = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.int64]

PLACES = SIDE * SIDE  # where a dab may be centred
DABS = 2 * PLACES  # every dab as a number: adding at y * SIDE + x, and PLACES more where it erases
FULL, NONE = 1.0, 2.2  # pixels from the centre: so far it is full ink, and from there on none
REACH = 2  # pixels that it goes beyond its centre
LEAST = 128  # grey values that a dab has to change in all, to be one


class Dab(NamedTuple):
    """One touch of the brush: the pixel ``x``, ``y`` (0 to 27, from the left, from the top) of its centre, and whether
    it leaves ink or takes it away.
    """

    x: int
    y: int
    ink: Literal["add", "erase"]


def brush() -> UInt8:
    """The brush, uint8 [5, 5]: full ink (255) to one pixel from its centre, none from 2.2 on, linear between.

    Half its ink is 1.6 pixels out, so that a line drawn with it is 3.2 pixels thick; MNIST's strokes are about 3. Added
    ink is the maximum of picture and brush; erased, the minimum of the picture and 255 less the brush.
    """
    y, x = np.mgrid[-REACH : REACH + 1, -REACH : REACH + 1]
    share = np.clip((NONE - np.hypot(x, y)) / (NONE - FULL), 0, 1)
    made: UInt8 = np.rint(255 * share).astype(np.uint8)
    return made


def dab(number: int) -> Dab:
    """The dab of a number below DABS."""
    y, x = divmod(number % PLACES, SIDE)
    return Dab(x, y, "add" if number < PLACES else "erase")


def places(numbers: Indices) -> npt.NDArray[np.float64]:
    """Where dabs int64 [N] are, [N, 3]: x, y, and 0 for ink that is added, 1 for ink that is erased."""
    rest = numbers % PLACES
    return np.stack([rest % SIDE, rest // SIDE, numbers // PLACES], axis=1).astype(np.float64)


class Palette:
    """Every dab's ink, made once: 784 pictures of a stamp each."""

    def __init__(self) -> None:
        wide, one = SIDE + 2 * REACH, brush()
        stamps = np.zeros((SIDE, SIDE, wide, wide), np.uint8)
        for y, x in np.ndindex(SIDE, SIDE):
            stamps[y, x, y : y + 2 * REACH + 1, x : x + 2 * REACH + 1] = one
        self._stamps = np.ascontiguousarray(stamps[..., REACH:-REACH, REACH:-REACH]).reshape(PLACES, SIDE, SIDE)

    def each(self, picture: UInt8, numbers: Indices) -> UInt8:
        """A picture uint8 [28, 28] with one dab more, for each of the dabs int64 [N]: uint8 [N, 28, 28]."""
        stamps = self._stamps[numbers % PLACES]
        erases = (numbers >= PLACES)[:, None, None]
        made: UInt8 = np.where(erases, np.minimum(picture, 255 - stamps), np.maximum(picture, stamps))
        return made

    def all(self, picture: UInt8, numbers: tuple[int, ...]) -> UInt8:
        """A picture uint8 [28, 28] with all of the dabs, one after the other."""
        for number in numbers:
            stamp = self._stamps[number % PLACES]
            picture = np.maximum(picture, stamp) if number < PLACES else np.minimum(picture, 255 - stamp)
        return picture

    def useful(self, picture: UInt8) -> Indices:
        """The dabs, int64 [N], that change a picture by LEAST grey values or more."""
        bright = picture.reshape(-1).astype(np.int64)
        stamps = self._stamps.reshape(PLACES, -1)
        added = np.maximum(stamps, picture.reshape(-1)).sum(1, dtype=np.int64) - bright.sum()
        erased = bright.sum() - np.minimum(255 - stamps, picture.reshape(-1)).sum(1, dtype=np.int64)
        return np.flatnonzero(np.concatenate([added, erased]) >= LEAST)
