"""The way as a whole: what is made once, what each step is told to have taken, and what is missing."""

import gc
import io
import re
import subprocess
import sys
from contextlib import suppress

import cv2
import numpy as np
import pytest
from PIL import Image

from models.intake import decode, pipeline
from models.intake.auto import Auto
from models.intake.gate import Gate
from models.intake.pipeline import CannotDecide, Intake, WrongForm
from models.intake.steps import IntakeError, NothingFound
from models.intake.thumbnail import thumbnail
from tests.models.intake.test_picture import draw_seven, draw_shirt
from tests.shipped import shipped_auto, shipped_gate

MOST = 10**8


def encoded(image, kind="PNG"):
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


class Counted:
    """The shipped networks, and the thumbnails that they saw."""

    def __init__(self):
        self.seen = []

    def auto(self):
        return Auto(lambda thumbnails: self.seen.append(thumbnails[0]) or np.float32([[0.9, 0.1]]))

    def gate(self):
        def judge(thumbnails, pictures):
            self.seen.append(thumbnails[0])
            return np.float32([[0.8, 0.2, 0, 0, 0]])

        return Gate({"mnist": judge, "fashion-mnist": judge})


@pytest.mark.parametrize("dataset", ["auto", "mnist"])
@pytest.mark.parametrize("gate", [True, False])
def test_a_thumbnail_is_made_once_and_only_if_somebody_looks_at_it(monkeypatch, dataset, gate):
    made = []
    monkeypatch.setattr(pipeline, "thumbnail", lambda pixels: made.append(1) or thumbnail(pixels))
    counted = Counted()
    seen = Intake(counted.auto(), counted.gate() if gate else None).see(encoded(draw_seven()), dataset, max_pixels=MOST)
    assert len(made) == (dataset == "auto" or gate)
    assert len(counted.seen) == (dataset == "auto") + gate
    assert all((one == counted.seen[0]).all() for one in counted.seen)
    assert (seen.verdict is not None) == gate


@pytest.mark.parametrize(("image", "dataset"), [(draw_seven(), "mnist"), (draw_shirt(), "fashion-mnist")])
def test_it_sees_what_its_parts_see(image, dataset):
    seen = Intake(shipped_auto(), shipped_gate()).see(encoded(image), "auto", max_pixels=MOST)
    assert (seen.dataset, seen.dataset_confidence) == shipped_auto().decide(image)
    small = thumbnail(np.asarray(image))
    assert seen.verdict == shipped_gate().judge(small, seen.picture, dataset)
    assert min(seen.decode_s, seen.auto_s, seen.prepare_s, seen.gate_s) > 0


def test_where_the_dataset_is_named_auto_takes_no_time_worth_telling():
    large = encoded(draw_seven().resize((1000, 800)))
    seen = Intake(shipped_auto(), shipped_gate()).see(large, "mnist", max_pixels=MOST)
    assert seen.dataset_confidence is None
    assert seen.auto_s < seen.gate_s / 10, "the gate's is the thumbnail, too"


def test_without_auto_the_dataset_must_be_named():
    intake = Intake(None, None)
    with pytest.raises(CannotDecide, match="name the dataset") as told:
        intake.see(encoded(draw_seven()), "auto", max_pixels=MOST)
    assert told.value.code == "model_unavailable"
    assert intake.see(encoded(draw_seven()), "mnist", max_pixels=MOST).verdict is None
    intake.warm()


def test_what_is_sent_raw_must_be_of_that_form():
    with pytest.raises(WrongForm, match="the picture has 300x240 pixels"):
        Intake(None, None).see(encoded(Image.new("L", (300, 240))), "mnist", max_pixels=MOST, raw=True)
    with pytest.raises(NothingFound, match="all of its pixels are 9"):
        Intake(None, None).see(encoded(Image.new("L", (28, 28), 9)), "mnist", max_pixels=MOST, raw=True)


def test_opencv_leaves_the_threads_to_the_service():
    cv2.setNumThreads(2)
    Intake(None, None).warm()
    assert cv2.getNumThreads() == 1


def test_several_are_seen_as_each_alone_and_errors_stay_where_they_are():
    intake = Intake(shipped_auto(), shipped_gate())
    files = [(encoded(draw_seven()), "auto"), (b"junk", "auto"), (encoded(draw_shirt()), "auto")]
    files += [(encoded(Image.new("L", (28, 28), 9)), "mnist"), (encoded(draw_seven()), "mnist")]
    together = intake.see_all([pipeline.Asked(*file) for file in files], max_pixels=MOST)
    assert [isinstance(seen, Exception) for seen in together] == [False, True, False, True, False]
    for (data, dataset), seen in zip(files, together, strict=True):
        if isinstance(seen, Exception):
            with pytest.raises(type(seen), match=re.escape(str(seen))):
                intake.see(data, dataset, max_pixels=MOST)
            continue
        alone = intake.see(data, dataset, max_pixels=MOST)
        assert (seen.picture == alone.picture).all()
        assert (seen.dataset, seen.steps, seen.as_it_was) == (alone.dataset, alone.steps, alone.as_it_was)
        assert seen.verdict.reason == alone.verdict.reason
        assert seen.verdict.score == pytest.approx(alone.verdict.score, abs=1e-5)


def test_auto_and_the_gate_see_several_pictures_at_once():
    sizes = []

    def judge(thumbnails, *pictures):
        sizes.append(len(thumbnails))
        return np.float32([[0.9, 0.1, 0, 0, 0][: 5 if pictures else 2]] * len(thumbnails))

    intake = Intake(Auto(judge), Gate({"mnist": judge, "fashion-mnist": judge}))
    seen = intake.see_all([pipeline.Asked(encoded(draw_seven()), "auto")] * 3, max_pixels=MOST)
    assert [one.dataset for one in seen] == ["mnist"] * 3
    assert sizes == [3, 3]


def test_no_request_waits_for_the_decoder_of_heic_to_be_imported():
    decode.register_heif.cache_clear()
    Intake(None, None).warm()
    assert decode.register_heif.cache_info().currsize == 1


def test_no_request_waits_for_the_decoders_of_png_and_jpeg_to_be_imported():
    code = """
import sys
from models.intake.pipeline import Intake
Intake(None, None).warm()
before = set(sys.modules)
for line in sys.stdin:
    Intake(None, None).see(bytes.fromhex(line), "mnist", max_pixels=10**6)
print(sorted(set(sys.modules) - before))
"""
    pictures = "\n".join(encoded(draw_seven(), kind).hex() for kind in ("PNG", "JPEG"))
    done = subprocess.run([sys.executable, "-c", code], input=pictures, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("picture", [Image.new("L", (40, 40), 9), None], ids=["blank", "damaged"])
def test_a_file_that_cannot_be_seen_is_let_go_with_its_error(picture):
    data = bytes(1000) if picture is None else encoded(picture)
    alone = sys.getrefcount(data)
    gc.collect()
    gc.disable()
    try:
        for dataset in ("mnist", "auto"):
            with suppress(IntakeError):
                Intake(None, None).see(data, dataset, max_pixels=10**6)
        assert sys.getrefcount(data) == alone
    finally:
        gc.enable()
