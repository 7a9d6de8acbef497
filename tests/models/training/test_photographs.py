"""Photographs to learn from are opened by the service's own decoder: upright, on a ground, or named as damaged."""

import numpy as np
import pytest
from PIL import Image

from models.data.splits import DataError
from models.intake.decode import DecodeError
from models.training import train_auto
from models.training.scenes import sources


def greys(folder):
    """What trains ``auto``."""
    return train_auto._photographs(folder)


def colours(folder):
    """What scenes are made of; the first of ten is held out."""
    return [photograph for photograph, _ in sources.photographs(folder, held=True)]


@pytest.mark.parametrize(("opened", "shape"), [(greys, (320, 240)), (colours, (320, 240, 3))])
def test_photographs_are_turned_by_exif_and_kept_small(opened, shape, tmp_path):
    (tmp_path / "3-dress").mkdir()
    image = Image.new("RGB", (4000, 3000), "black")
    image.paste("white", (0, 0, 2000, 3000))  # the left half, which turned is the upper one
    image.getexif()[0x0112] = 6
    image.save(tmp_path / "3-dress" / "turned.jpg", exif=image.getexif())
    (pixels,) = opened(tmp_path)
    assert (pixels.shape, pixels.dtype) == (shape, np.uint8)
    assert pixels[:100].min() > 200 > 50 > pixels[-100:].max()


@pytest.mark.parametrize("opened", [greys, colours])
def test_a_white_drawing_on_nothing_is_there(opened, tmp_path):
    (tmp_path / "3-dress").mkdir()
    image = Image.new("LA", (40, 40), (255, 0))
    image.paste((255, 255), (18, 5, 22, 35))
    image.save(tmp_path / "3-dress" / "drawing.png")
    (pixels,) = opened(tmp_path)
    assert np.ptp(pixels) == 255


@pytest.mark.parametrize("opened", [greys, colours])
def test_a_photograph_that_cannot_be_opened_is_named(opened, tmp_path):
    (tmp_path / "3-dress").mkdir()
    (tmp_path / "3-dress" / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(DecodeError, match=r"cannot open .*cut\.jpg as a picture"):
        opened(tmp_path)


@pytest.mark.parametrize("name", ["dress", "12-dress", "3", "nothing"])
def test_a_folder_that_is_named_by_no_class_is_told(name, tmp_path):
    """Scenes ended in a traceback, or took dresses for strangers to clothing."""
    (tmp_path / name).mkdir()
    Image.new("RGB", (40, 40)).save(tmp_path / name / "a.png")
    with pytest.raises(DataError, match=rf"/{name} is named by no class; wanted as 3-dress, 7or9-shoe or none"):
        colours(tmp_path)


def test_a_checkpoint_tells_of_photographs_where_there_were_some(tmp_path):
    assert sources.provenance(tmp_path) == {}
    folder = tmp_path / "photos" / "clothing" / "train" / "4-coat"
    folder.mkdir(parents=True)
    assert sources.provenance(tmp_path) == {}
    (folder / "a.jpg").touch()
    assert "CC0" in sources.provenance(tmp_path)["photographs"]
