"""The way of a picture: what networks see is what the datasets' authors would have made of it."""

import io
import json
import time

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from models.data.splits import load_split
from models.datasets import DATASETS, UnknownName
from models.intake import picture
from models.intake.picture import prepare
from models.intake.steps import NothingFound


def draw_seven(size=(300, 240), at=(120, 60), longest=90, width=4, ink=0, ground=255):
    """A 7 of straight strokes: grey, ``at`` its upper left corner, ``longest`` its height."""
    image = Image.new("L", size, ground)
    x, y = at
    corners = [(x, y), (x + 0.6 * longest, y), (x + 0.2 * longest, y + longest)]
    ImageDraw.Draw(image).line(corners, fill=ink, width=width, joint="curve")
    return image


def draw_shirt(size=(300, 360), colour=(30, 60, 120), ground=(245, 245, 245)):
    """A T-shirt: a body and two sleeves of one colour on a plain ground."""
    image = Image.new("RGB", size, ground)
    w, h = size
    outline = [(0.3, 0.1), (0.7, 0.1), (0.95, 0.3), (0.85, 0.42), (0.72, 0.33), (0.72, 0.9)]
    outline += [(0.28, 0.9), (0.28, 0.33), (0.15, 0.42), (0.05, 0.3)]
    ImageDraw.Draw(image).polygon([(x * w, y * h) for x, y in outline], fill=colour)
    return image


def box(pixels):
    """(left, top, right, bottom) of what is brighter than 25."""
    rows, columns = np.nonzero((pixels > 25).any(1))[0], np.nonzero((pixels > 25).any(0))[0]
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def centre_of_mass(pixels):
    ink = pixels.astype(float)
    axis = np.arange(28) + 0.5
    return (ink.sum(1) * axis).sum() / ink.sum(), (ink.sum(0) * axis).sum() / ink.sum()


SEVEN = prepare(draw_seven(), "mnist").picture


def likeness(a, b):
    """Correlation of two pictures, 1 for the same."""
    return np.corrcoef(a.ravel().astype(float), b.ravel().astype(float))[0, 1]


@pytest.mark.parametrize("name", list(DATASETS))
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_picture_of_the_datasets_kind_comes_back_byte_for_byte(name, mode):
    rng = np.random.default_rng(0)
    pixels = np.zeros((28, 28), np.uint8)
    pixels[5:22, 8:19] = rng.integers(1, 255, (17, 11))
    prepared = prepare(Image.fromarray(pixels).convert(mode), name)
    assert prepared.picture.dtype == np.uint8
    assert np.array_equal(prepared.picture, pixels)
    assert [step.name for step in prepared.steps] == ["as it is"]


@pytest.mark.parametrize("name", list(DATASETS))
def test_every_real_test_picture_comes_back_byte_for_byte(name, shared):
    pictures, _ = load_split(name, "test", shared)
    for pixels in pictures.numpy():
        assert np.array_equal(prepare(Image.fromarray(pixels), name).picture, pixels)


def test_a_digit_is_placed_as_mnist_places_it():
    left, top, right, bottom = box(SEVEN)
    assert max(right - left, bottom - top) in (19, 20)
    row, column = centre_of_mass(SEVEN)
    assert abs(row - 14) <= 0.6
    assert abs(column - 14) <= 0.6
    assert SEVEN.max() == 255
    assert (SEVEN == 0).mean() > 0.5


@pytest.mark.parametrize(
    ("what", "image"),
    [
        ("bright on dark", draw_seven(ink=255, ground=0)),
        ("faint", draw_seven(ink=205, ground=235)),
        ("faint and dark", draw_seven(ink=40, ground=15)),
        ("at a corner", draw_seven(at=(8, 8))),
        ("small on a large canvas", draw_seven(size=(1000, 800), at=(700, 500), longest=90)),
        ("large", draw_seven(size=(1000, 800), at=(200, 100), longest=600, width=26)),
        ("large and thin", draw_seven(size=(1000, 800), at=(200, 100), longest=600, width=3)),
        ("bold", draw_seven(width=16)),
        ("tiny, filling its frame", draw_seven(size=(15, 24), at=(1, 1), longest=21, width=3)),
        ("in colour", Image.merge("RGB", [draw_seven(ink=40), draw_seven(ink=60), draw_seven(ink=220)])),
    ],
)
def test_the_same_digit_looks_the_same_however_it_was_made(what, image):
    assert likeness(prepare(image, "mnist").picture, SEVEN) > 0.8, what


def test_uneven_light_is_evened_out():
    pixels = np.asarray(draw_seven()).astype(float)
    light = np.linspace(0.35, 1, 300)[None, :] * np.linspace(0.6, 1, 240)[:, None]
    noise = np.random.default_rng(0).normal(0, 2, pixels.shape)
    image = Image.fromarray(np.clip(pixels * light + noise, 0, 255).astype(np.uint8))
    assert likeness(prepare(image, "mnist").picture, SEVEN) > 0.85


@pytest.mark.parametrize(
    "lines",
    [[(0, 2, 300, 2)], [(3, 0, 3, 240)], [(0, 0, 300, 0), (0, 0, 0, 240), (299, 0, 299, 240), (0, 239, 300, 239)]],
)
def test_lines_of_a_table_at_the_edge_are_left_out(lines):
    image = draw_seven(longest=150, at=(90, 45), width=9)
    for line in lines:
        ImageDraw.Draw(image).line(line, fill=0, width=4)
    alone = prepare(draw_seven(longest=150, at=(90, 45), width=9), "mnist").picture
    assert likeness(prepare(image, "mnist").picture, alone) > 0.95


def test_specks_are_left_out_and_pieces_of_the_digit_stay():
    image = draw_seven(width=8)
    draw = ImageDraw.Draw(image)
    for x, y in ((10, 10), (280, 20), (250, 220)):
        draw.rectangle((x, y, x + 2, y + 2), fill=0)
    assert likeness(prepare(image, "mnist").picture, SEVEN) > 0.9
    broken = draw_seven(width=8)
    ImageDraw.Draw(broken).rectangle((100, 100, 200, 106), fill=255)  # a gap through the stroke
    _, top, _, bottom = box(prepare(broken, "mnist").picture)
    assert bottom - top >= 19


@pytest.mark.parametrize("size", [(39, 157), (300, 181), (28, 400)])
@pytest.mark.parametrize("bright", [False, True])
def test_a_hairline_gives_finite_values_and_across_the_whole_picture_nothing(size, bright):
    pixels = np.full((size[1], size[0]), 0 if bright else 255, np.uint8)
    pixels[size[1] // 2, size[0] // 5 : -(size[0] // 5)] = 255 - pixels[0, 0]
    with np.errstate(all="raise"):
        assert prepare(Image.fromarray(pixels), "mnist").picture.max() == 255
        pixels[size[1] // 2] = 255 - pixels[0, 0]
        with pytest.raises(NothingFound, match="nothing but a border or lines"):
            prepare(Image.fromarray(pixels), "mnist")


@pytest.mark.parametrize("period", [2, 3, 5])
def test_a_garment_that_cannot_be_told_from_a_pattern_is_the_whole_picture(period):
    pattern = (np.indices((120, 100)).sum(0) % period < 1).astype(np.uint8) * 200
    pixels = prepare(Image.fromarray(pattern), "fashion-mnist").picture
    assert pixels.shape == (28, 28)
    assert box(pixels)[3] - box(pixels)[1] >= 26


@pytest.mark.parametrize("name", list(DATASETS))
@pytest.mark.parametrize("size", [(28, 28), (1, 1), (300, 200)])
@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_blank_picture_is_said_to_be_blank(name, size, value):
    with pytest.raises(NothingFound, match="blank"):
        prepare(Image.new("L", size, value), name)


@pytest.mark.parametrize("name", list(DATASETS))
@pytest.mark.parametrize("size", [(1, 1000), (2000, 1), (2, 2), (3, 5), (7, 400)])
def test_odd_sizes_give_a_picture_or_say_that_nothing_is_there(name, size):
    pixels = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    try:
        assert prepare(Image.fromarray(pixels), name).picture.shape == (28, 28)
    except NothingFound:
        assert name == "mnist" or max(size) < 3, "noise has colours, so something is there"


def strip(height: int, margin: int) -> np.ndarray:
    """White in the middle of black, wider than high, with a small hole."""
    pixels = np.zeros((height, 200), np.uint8)
    pixels[:, margin:-margin] = 255
    pixels[height // 2 - 1 : height // 2 + 1, 99:101] = 0
    return pixels


@pytest.mark.parametrize("name", list(DATASETS))
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("margin", [18, 60])
@pytest.mark.parametrize("height", [1, 2, 3, 4, 5, 8, 40])
def test_a_strip_is_a_picture_too(name, turned, height, margin):
    """Within its rim nothing may be left of it."""
    pixels = strip(height, margin).T if turned else strip(height, margin)
    try:
        assert prepare(Image.fromarray(pixels), name).picture.shape == (28, 28)
    except NothingFound:
        assert name == "mnist"


@pytest.mark.parametrize("colour", [(30, 60, 120), (190, 40, 40), (225, 225, 220)])
def test_a_garment_on_plain_ground_fills_the_frame_bright_on_black(colour):
    pixels = prepare(draw_shirt(colour=colour), "fashion-mnist").picture
    left, top, right, bottom = box(pixels)
    assert max(right - left, bottom - top) >= 27
    assert abs((left + right) / 2 - 14) <= 1
    assert (pixels[[0, 0, -1, -1], [0, -1, 0, -1]] == 0).all(), "the ground is black"
    grey = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]
    assert abs(float(pixels[12:20, 12:16].mean()) - (255 - grey)) < 12, "negated"


def shaded_shirt():
    """A T-shirt of Fashion-MNIST's kind, enlarged: grey, brighter to the right, on black."""
    shirt = np.asarray(draw_shirt(colour=(255, 255, 255), ground=(0, 0, 0)).convert("L")).astype(float) / 255
    return (shirt * np.linspace(90, 250, shirt.shape[1])[None, :]).astype(np.uint8)


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("invert", [False, True])
def test_an_enlarged_picture_of_the_datasets_kind_is_not_negated_twice(mode, invert):
    pixels = shaded_shirt()
    image = Image.fromarray(255 - pixels if invert else pixels).convert(mode)
    prepared = prepare(image, "fashion-mnist")
    assert prepared.picture[14, 19] - 20 > prepared.picture[14, 9] > 60, "as bright as it was, from left to right"
    assert [step.name for step in prepared.steps][-1] == ("extend and negate" if invert else "extend")


def test_a_garment_in_colour_on_black_is_a_photograph_and_negated():
    pixels = prepare(draw_shirt(colour=(250, 220, 60), ground=(0, 0, 0)), "fashion-mnist").picture
    assert 0 < pixels[14, 14] < 80, "a bright garment is dark in Fashion-MNIST"


def test_enlarged_real_clothing_gives_what_was_enlarged(shared):
    pictures, _ = load_split("fashion-mnist", "test", shared)
    alike = []
    for pixels in pictures[:200].numpy():
        image = Image.fromarray(pixels).resize((112, 112), Image.Resampling.BICUBIC)
        alike.append(likeness(prepare(image, "fashion-mnist").picture, pixels))
    assert np.median(alike) > 0.9


@pytest.mark.parametrize("frame", [0, 90, 255])
@pytest.mark.parametrize("thick", [0.03, 0.05, 0.12])
def test_a_garment_in_a_picture_with_a_frame_is_that_without_it(frame, thick):
    picture = np.full((300, 240), 225, np.uint8)
    cv2.ellipse(picture, (120, 150), (70, 110), 0, 0, 360, 60, -1)
    wide = round(thick * 300)
    framed = np.pad(picture, wide, constant_values=frame)
    alone, within = (prepare(Image.fromarray(pixels), "fashion-mnist") for pixels in (picture, framed))
    assert "inside" in [step.name for step in within.steps]
    assert "inside" not in [step.name for step in alone.steps]
    assert likeness(within.picture, alone.picture) > 0.98


@pytest.mark.parametrize("ground", [0, 255])
def test_a_bag_with_round_corners_that_fills_the_picture_is_no_picture_in_a_frame(ground):
    pixels = np.full((240, 240), ground, np.uint8)
    cv2.rectangle(pixels, (26, 16), (214, 224), 110, -1)
    cv2.rectangle(pixels, (16, 26), (224, 214), 110, -1)
    for x, y in ((26, 26), (214, 26), (26, 214), (214, 214)):
        cv2.circle(pixels, (x, y), 10, 110, -1)
    steps = prepare(Image.fromarray(pixels), "fashion-mnist").steps
    assert "inside" not in [step.name for step in steps]


def test_a_garment_is_found_on_a_busy_ground():
    rng = np.random.default_rng(0)
    ground = rng.integers(120, 230, (36, 30, 3), dtype=np.uint8).repeat(10, 0).repeat(10, 1)
    shirt = np.asarray(draw_shirt(colour=(20, 40, 90), ground=(0, 255, 0)))
    mixed = np.where((shirt == (0, 255, 0)).all(2, keepdims=True), ground, shirt)
    alone = prepare(draw_shirt(colour=(20, 40, 90)), "fashion-mnist").picture
    assert likeness(prepare(Image.fromarray(mixed), "fashion-mnist").picture, alone) > 0.75


@pytest.mark.parametrize(("name", "image"), [("mnist", draw_seven()), ("fashion-mnist", draw_shirt())])
def test_the_steps_are_told_and_the_same_picture_gives_the_same_answer(name, image):
    first, second = prepare(image, name), prepare(image, name)
    assert np.array_equal(first.picture, second.picture)
    assert first.steps == second.steps
    told = json.loads(json.dumps([[step.name, step.parameters] for step in first.steps]))
    assert len(told) >= 4


def test_what_cannot_be_asked_is_refused():
    with pytest.raises(UnknownName, match="no dataset 'emnist'"):
        prepare(draw_seven(), "emnist")
    with pytest.raises(ValueError, match="mode L or RGB, got RGBA"):
        prepare(draw_seven().convert("RGBA"), "mnist")


@pytest.mark.parametrize("folder", ["digits-drawn", "digits-printed", "clothing/validation"])
def test_real_photographs_all_give_a_picture(folder, shared):
    paths = sorted(path for path in (shared / "photos" / folder).rglob("*") if path.is_file())[::7]
    name = "fashion-mnist" if "clothing" in folder else "mnist"
    for path in paths:
        pixels = prepare(Image.open(path).convert("RGB"), name).picture
        assert pixels.shape == (28, 28)
        assert pixels.max() > 60, path.name


def test_border_is_the_frame_and_nothing_else():
    pixels = np.zeros((40, 60), np.uint8)
    pixels[1:-1, 1:-1] = 9
    assert picture.border(pixels).tolist() == [0] * (2 * 60 + 2 * 38)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    size=st.tuples(st.integers(1, 200), st.integers(1, 200)),
    mode=st.sampled_from(["L", "RGB"]),
    levels=st.lists(st.integers(0, 255), min_size=1, max_size=4),
    grain=st.integers(1, 40),
    seed=st.integers(0, 2**31),
)
def test_whatever_is_sent_is_prepared_or_nothing_is_found(size, mode, levels, grain, seed):
    """Patches of any size, of a few levels of grey or colour: 28x28, or the declared error."""
    cells = np.random.default_rng(seed).choice(levels, (-(-size[1] // grain), -(-size[0] // grain), 3))
    pixels = np.asarray(cells, np.uint8).repeat(grain, 0).repeat(grain, 1)[: size[1], : size[0]]
    for dataset in DATASETS:
        try:
            found = prepare(Image.fromarray(pixels).convert(mode), dataset)
        except NothingFound:
            continue
        assert (found.picture.shape, found.picture.dtype) == ((28, 28), np.uint8)


def test_a_negated_picture_of_mnists_kind_is_negated_and_nothing_else():
    own = prepare(draw_seven(longest=160, width=20), "mnist").picture
    found = prepare(Image.fromarray(255 - own), "mnist")
    assert np.array_equal(found.picture, own)
    assert [step.name for step in found.steps] == ["negate"]
    assert not found.as_it_was
    small = np.pad(cv2.resize(own[4:24, 4:24], (14, 14), interpolation=cv2.INTER_AREA), 7)
    for other in (np.roll(own, 4, axis=1), small):  # not where MNIST's are, and not as large
        assert [step.name for step in prepare(Image.fromarray(255 - other), "mnist").steps] != ["negate"]


def test_mnists_test_pictures_come_back_from_their_negatives(shared):
    pictures, _ = load_split("mnist", "test", shared)
    some = pictures[::50].numpy()
    same = [np.array_equal(prepare(Image.fromarray(255 - one), "mnist").picture, one) for one in some]
    assert np.mean(same) > 0.8


@pytest.mark.parametrize(("ink", "ground"), [(20, 120), (0, 127), (200, 90), (255, 60), (255, 30)])
def test_28x28_on_another_ground_than_black_is_prepared_as_any_picture(ink, ground):
    seven = np.asarray(draw_seven(size=(28, 28), at=(8, 4), longest=20, width=3).convert("L")) < 128
    pixels = np.where(seven, ink, ground).astype(np.uint8)
    small, larger = (prepare(Image.fromarray(each), "mnist") for each in (pixels, np.pad(pixels, 1, mode="edge")))
    assert not small.as_it_was
    assert likeness(small.picture, larger.picture) > 0.9
    assert small.picture[0].max() == 0, "on black"


@pytest.mark.parametrize("name", list(DATASETS))
@pytest.mark.parametrize("brightest", [1, 15])
def test_next_to_nothing_on_28x28_is_blank(name, brightest):
    pixels = np.zeros((28, 28), np.uint8)
    pixels[3, 4] = brightest
    with pytest.raises(NothingFound, match=f"its pixels differ by {brightest} of 255, at least 16"):
        prepare(Image.fromarray(pixels), name)


@pytest.mark.parametrize("name", list(DATASETS))
@pytest.mark.parametrize("kind", ["WEBP", "JPEG", "AVIF"])
def test_lossy_formats_of_grey_pictures_are_grey_all_the_same(name, kind):
    own = prepare(draw_seven(), "mnist").picture if name == "mnist" else cv2.resize(shaded_shirt(), (28, 28))
    file = io.BytesIO()
    Image.fromarray(own).convert("RGB").save(file, kind, quality=90)
    prepared = prepare(Image.open(file).convert("RGB"), name)
    assert prepared.as_it_was
    assert np.abs(prepared.picture.astype(int) - own).mean() < 6


@pytest.mark.parametrize("name", list(DATASETS))
@pytest.mark.parametrize(("deviation", "size"), [(1, (600, 800)), (3, (600, 800)), (4, (1200, 1600)), (2, (300, 200))])
def test_a_blank_page_with_a_cameras_noise_is_blank(name, deviation, size):
    noise = np.random.default_rng(0).normal(225, deviation, (*size, 3))
    file = io.BytesIO()
    Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=80)
    with pytest.raises(NothingFound, match="the picture is blank"):
        prepare(Image.open(file), name)


@pytest.mark.parametrize("bold", [30, 50])
def test_bold_strokes_on_an_even_ground_have_no_holes(bold):
    pixels = np.full((120, 100), 240, np.uint8)
    cv2.line(pixels, (50, 12), (50, 108), 20, bold)
    picture = prepare(Image.fromarray(pixels), "mnist").picture
    rows = picture[6:22] > 0
    assert all(np.ptp(np.flatnonzero(row)) + 1 == row.sum() for row in rows), "each row is one run"


def test_pieces_of_a_digit_that_fills_the_picture_stay_where_they_touch_its_edge():
    pixels = np.full((104, 80), 240, np.uint8)
    cv2.line(pixels, (6, 5), (72, 5), 20, 7)  # the bar of a 5, apart from the rest
    cv2.polylines(pixels, [np.array([(8, 16), (8, 48), (60, 52), (70, 80), (40, 98), (6, 94)])], False, 20, 7)
    kept = next(step for step in prepare(Image.fromarray(pixels), "mnist").steps if step.name == "components")
    assert kept.parameters["kept"] == 2


@pytest.mark.parametrize("shape", ["chequerboard", "halves", "frame"])
def test_drawings_in_two_colours_take_the_time_of_others(shape):
    """GrabCut took five times as long on these as on photographs; ten times is beyond the machine's noise."""
    y, x = np.mgrid[0:300, 0:300]
    inked = {"chequerboard": (x // 32 + y // 32) % 2, "halves": x < 150, "frame": np.minimum(x, y) < 3}[shape]
    drawing = Image.fromarray(np.where(inked, 0, 255).astype(np.uint8)).convert("RGB")
    photograph = Image.effect_noise((300, 300), 60).convert("RGB")
    spent = []
    for image in (photograph, drawing, photograph, drawing):
        start = time.process_time()
        prepare(image, "fashion-mnist")
        spent.append(time.process_time() - start)
    assert spent[3] < 10 * spent[2]


@pytest.mark.parametrize("left", [0, 1, 92])
def test_a_1_at_the_edge_is_read_where_it_does_not_reach_from_edge_to_edge(left):
    pixels = np.full((100, 100), 240, np.uint8)
    pixels[20:80, left : left + 8] = 20
    picture = prepare(Image.fromarray(pixels), "mnist").picture
    assert (picture > 128).any(1).sum() >= 18
