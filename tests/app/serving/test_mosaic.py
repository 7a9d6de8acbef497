"""Feature maps as one picture: where each stands, and how values become grey."""

import numpy as np
import pytest

from app.serving import mosaic


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((96, 54, 54), (10, 10)), ((6, 24, 24), (2, 3)), ((10,), (1, 10)), ((120,), (11, 11)), ((512, 1, 1), (23, 23)),
     ((1, 5, 5), (1, 1))],
)  # fmt: skip
def test_the_grid_has_room_for_all_and_no_empty_row(shape: tuple[int, ...], expected: tuple[int, int]) -> None:
    rows, columns = mosaic.grid(shape)
    assert (rows, columns) == expected
    assert (rows - 1) * columns < shape[0] <= rows * columns


@pytest.mark.parametrize("scale", [1, 3])
def test_maps_stand_in_order_with_a_black_pixel_between(scale: int) -> None:
    tiles = np.arange(1, 1 + 5 * 2 * 4, dtype=np.uint8).reshape(5, 2, 4)
    whole = mosaic.mosaic(tiles, scale)
    assert whole.shape == mosaic.size((5, 2, 4), scale) == (2 * (2 * scale + 1) - 1, 3 * (4 * scale + 1) - 1)
    left = whole.copy()
    for index, tile in enumerate(tiles):
        row, column = divmod(index, 3)
        y, x = row * (2 * scale + 1), column * (4 * scale + 1)
        seen = np.s_[y : y + 2 * scale, x : x + 4 * scale]
        assert (whole[seen] == tile.repeat(scale, 0).repeat(scale, 1)).all()
        left[seen] = 0
    assert not left.any()


def test_each_map_is_grey_by_its_own_range_or_all_by_one() -> None:
    maps = np.array([[[-1, 0, 1]], [[0, 5, 9]], [[3, 3, 3]]], np.float32)
    assert mosaic.grey(maps, "each").tolist() == [[[0, 128, 255]], [[0, 142, 255]], [[0, 0, 0]]]
    assert mosaic.grey(maps, "all").tolist() == [[[0, 26, 51]], [[26, 153, 255]], [[102, 102, 102]]]


def test_single_values_share_a_range() -> None:
    assert mosaic.ranges((10,), "each") == mosaic.ranges((512, 1, 1), "each") == "all"
    assert mosaic.ranges((6, 24, 24), "each") == "each"
    assert mosaic.ranges((6, 24, 24), "all") == "all"
