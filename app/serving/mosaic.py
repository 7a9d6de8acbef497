"""Feature maps as one grey picture: arrays in, arrays out."""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Normalise = Literal["each", "all"]

GAP = 1  # pixels between two maps, black
ROW = 16  # single values, as of a fully connected layer, that stand in one row
MOST_PIXELS = 1 << 24  # of a picture: 16 MiB of grey; the largest at scale 1, VGG-11's first layer, has a fifth of it


def maps_of(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Channels, height and width of what has this shape, (C, H, W) or (K,): a single value is a map of 1x1."""
    channels, height, width = (*shape, 1, 1)[:3]
    return channels, height, width


def grid(shape: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns in which the channels stand: about as many of one as of the other."""
    channels, height, width = maps_of(shape)
    one_row = height == width == 1 and channels <= ROW
    columns = channels if one_row else math.ceil(math.sqrt(channels))
    return math.ceil(channels / columns), columns


def size(shape: tuple[int, ...], scale: int) -> tuple[int, int]:
    """Height and width of the picture in pixels, each value a square of `scale` pixels."""
    _, height, width = maps_of(shape)
    rows, columns = grid(shape)
    return rows * (height * scale + GAP) - GAP, columns * (width * scale + GAP) - GAP


def ranges(shape: tuple[int, ...], normalise: Normalise) -> Normalise:
    """Whose least and largest value count: single values have no range of their own, and share one."""
    _, height, width = maps_of(shape)
    return "all" if height * width == 1 else normalise


def grey(maps: NDArray[np.float32], normalise: Normalise) -> NDArray[np.uint8]:
    """Values float32 [C, H, W] as uint8 [C, H, W]: 0 for the least, 255 for the largest of each map, or of all.

    A map whose values are all the same is black.
    """
    axes = (1, 2) if normalise == "each" else (0, 1, 2)
    least, most = maps.min(axis=axes, keepdims=True), maps.max(axis=axes, keepdims=True)
    span = np.where(most > least, most - least, 1)
    told: NDArray[np.uint8] = np.rint((maps - least) / span * 255).astype(np.uint8)
    return told


def mosaic(tiles: NDArray[np.uint8], scale: int) -> NDArray[np.uint8]:
    """Maps uint8 [C, H, W] beside each other, in order, row by row: uint8 of `size`."""
    channels, height, width = tiles.shape
    rows, columns = grid(tiles.shape)
    padded = np.zeros((rows * columns, height * scale + GAP, width * scale + GAP), np.uint8)
    padded[:channels, :-GAP, :-GAP] = tiles.repeat(scale, axis=1).repeat(scale, axis=2)
    whole = padded.reshape(rows, columns, *padded.shape[1:]).swapaxes(1, 2)
    return np.ascontiguousarray(whole.reshape(rows * padded.shape[1], -1)[:-GAP, :-GAP])
