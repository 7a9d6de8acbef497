"""Contact sheets: what was sent beside what was seen."""

import numpy as np
import pytest
from PIL import Image

from models.evaluation import contact_sheet
from models.evaluation.contact_sheet import GAP, SHOWN

SAW = np.full((28, 28), 200, np.uint8)


@pytest.mark.parametrize("size", [(900, 600), (20, 30), (10_000, 3)])
def test_what_is_kept_of_a_picture_is_what_is_shown(size):
    kept = contact_sheet.entry(Image.new("L", size, 7), SAW, ["is: 7"])
    assert kept.original.mode == "RGB"
    assert max(kept.original.size) == SHOWN


def test_sent_and_seen_stand_beside_each_other_with_words_below():
    sheet = contact_sheet.draw([contact_sheet.entry(Image.new("RGB", (50, 50), "red"), SAW, ["is: 7", "vote: 1"])])
    half = GAP + SHOWN // 2
    assert sheet.getpixel((half, half)) == (255, 0, 0)
    assert sheet.getpixel((half + SHOWN + GAP, half)) == (200, 200, 200)
    words = np.asarray(sheet.convert("L"))[GAP + SHOWN + 2 :]
    assert (words < 100).any()


def test_a_picture_in_which_nothing_was_found_stands_alone():
    sheet = contact_sheet.draw([contact_sheet.entry(Image.new("L", (50, 50), 9), None, [])])
    assert np.asarray(sheet)[:, 2 * GAP + SHOWN :].min() == 255


@pytest.mark.parametrize(("count", "rows", "columns"), [(1, 1, 1), (3, 1, 3), (5, 1, 5), (6, 2, 5)])
def test_entries_fill_rows(count, rows, columns):
    one = contact_sheet.draw([contact_sheet.entry(Image.new("L", (9, 9)), SAW, ["a line"])])
    entries = [contact_sheet.entry(Image.new("L", (9, 9)), SAW, ["a line"])] * count
    assert contact_sheet.draw(entries).size == (columns * one.width, rows * one.height)


def test_what_networks_saw_may_stand_alone():
    sheet = contact_sheet.draw([contact_sheet.Entry(None, SAW, ["is 7"])] * 2)
    assert sheet.width == 2 * (SHOWN + 2 * GAP)
    enlarged = Image.fromarray(SAW).resize((SHOWN, SHOWN), Image.Resampling.NEAREST).convert("RGB")
    for left in (GAP, SHOWN + 3 * GAP):
        assert sheet.crop((left, GAP, left + SHOWN, GAP + SHOWN)).tobytes() == enlarged.tobytes()
