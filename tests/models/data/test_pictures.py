"""Sets of labelled pictures: which folders are one, of what, and what is in them."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from models.data import pictures, splits
from models.data.pictures import Labelled, SetError
from models.intake import decode
from tests.idx import write_dataset


def fill(root, *folders, count=2):
    """Folders of tiny pictures by label."""
    for folder in folders:
        (root / folder).mkdir(parents=True)
        for number in range(count):
            Image.new("L", (9, 7), 10 * number).save(root / folder / f"{number}.png")
    return root


def test_digits_are_known_by_their_folders(tmp_path):
    (found,) = pictures.find_sets(fill(tmp_path / "drawn", "0", "7", "none"))
    assert (found.name, found.dataset, found.own) == ("drawn", "mnist", False)
    assert [one.classes for one in found.of_classes()] == [(0,), (0,), (7,), (7,)]
    assert [one.file.parent.name for one in found.of_none()] == ["none", "none"]


def test_clothing_is_known_by_an_index_with_a_name_and_a_shoe_may_be_either(tmp_path):
    (found,) = pictures.find_sets(fill(tmp_path, "3-dress", "7or9-shoe"))
    assert found.dataset == "fashion-mnist"
    assert {one.classes for one in found.pictures} == {(3,), (7, 9)}


def test_all_sets_below_a_folder_are_found_but_those_to_learn_from(tmp_path):
    fill(tmp_path, "digits/1", "digits/2", "clothing/validation/1-trouser", "clothing/train/1-trouser")
    names = {one.name: one.dataset for one in pictures.find_sets(tmp_path)}
    assert names == {"clothing/validation": "fashion-mnist", "digits": "mnist"}
    (named,) = pictures.find_sets(tmp_path / "clothing" / "train")
    assert named.name == "train"


def test_the_dataset_may_be_said(tmp_path):
    (found,) = pictures.find_sets(fill(tmp_path, "0", "1"), "fashion-mnist")
    assert found.dataset == "fashion-mnist"


def test_of_a_folder_of_both_kinds_the_sets_of_one_are_those_that_its_names_tell(tmp_path):
    fill(tmp_path, "drawn/1", "drawn/none", "printed/2", "clothing/1-trouser", "clothing/none")
    for dataset, names in (("mnist", ["drawn", "printed"]), ("fashion-mnist", ["clothing"])):
        found = pictures.find_sets(tmp_path, dataset)
        assert [(one.name, one.dataset) for one in found] == [(name, dataset) for name in names]
        (named,) = pictures.find_sets(tmp_path / "clothing", dataset)
        assert named.dataset == dataset, "where a folder is itself the one set, the option overrules its names"


def test_where_names_do_not_tell_the_option_does(tmp_path):
    fill(tmp_path, "strange/none", "mixed/3", "mixed/3-dress", "drawn/1", "clothing/1-trouser")
    for dataset, own in (("mnist", "drawn"), ("fashion-mnist", "clothing")):
        assert {one.name for one in pictures.find_sets(tmp_path, dataset)} == {"strange", "mixed", own}
    with pytest.raises(SetError, match=r"mixed has folders 3, 3-dress; wanted .*, or --dataset to say which"):
        pictures.find_sets(tmp_path)


def test_a_folder_without_a_set_of_the_one_kind_says_what_it_has(tmp_path):
    fill(tmp_path, "drawn/1", "printed/2")
    told = r"holds no set of fashion-mnist; by the names of their folders there are: drawn \(mnist\), printed \(mnist\)"
    with pytest.raises(SetError, match=told):
        pictures.find_sets(tmp_path, "fashion-mnist")


@pytest.mark.parametrize("count", [None, 7])
def test_held_out_pictures_are_those_that_nothing_was_learned_from(tmp_path, count):
    write_dataset(tmp_path, "mnist", train=100, test=10)
    every, labels = splits.load_split("mnist", "train", tmp_path)
    places = splits.held_out_split(100)[1][pictures.spread(20, count)]
    shown, right = pictures.held_out("mnist", tmp_path, count)
    assert len(shown) == (count or 20)
    assert torch.equal(shown, every[places])
    assert torch.equal(right, labels[places])


@pytest.mark.parametrize(
    ("folders", "told"),
    [
        ((), "holds no set of pictures; wanted folders by label"),
        (("shoes",), "holds no set"),
        (("7", "shoe"), "shoe is no label; wanted such as 7"),
        (("7", "3-dress"), "has folders 3-dress, 7; wanted 0 to 9 for digits"),
        (("none",), "or --dataset to say which"),
    ],
)
def test_what_is_no_set_is_told(tmp_path, folders, told):
    fill(tmp_path, *folders)
    with pytest.raises(SetError, match=told):
        list(pictures.find_sets(tmp_path, None if "shoe" not in folders else "mnist"))


def test_hidden_files_are_no_pictures_and_what_cannot_be_opened_is_named(tmp_path):
    fill(tmp_path, "4", count=1)
    (tmp_path / "4" / ".hidden").write_text("no picture")
    (tmp_path / "4" / "notes.txt").write_text("no picture")
    (found,) = pictures.find_sets(tmp_path)
    first, second = found.pictures
    assert first.open().size == (9, 7)
    with pytest.raises(SetError, match=r"cannot open .*notes\.txt as a picture"):
        second.open()


@pytest.mark.parametrize(
    ("mode", "wanted"), [("1", "L"), ("L", "L"), ("LA", "L"), ("P", "RGB"), ("RGB", "RGB"), ("RGBA", "RGB")]
)
def test_pictures_open_as_grey_or_rgb(mode, wanted):
    file = io.BytesIO()
    Image.new(mode, (5, 4)).save(file, "PNG")
    assert Labelled(file.getvalue(), ()).open().mode == wanted


def test_what_is_transparent_is_white():
    file = io.BytesIO()
    Image.new("RGBA", (3, 3), (0, 0, 0, 0)).save(file, "PNG")
    assert Labelled(file.getvalue(), ()).open().getextrema() == ((255, 255),) * 3


def test_pictures_open_upright(tmp_path):
    image = Image.new("L", (8, 4), 255)
    exif = image.getexif()
    exif[0x0112] = 6  # to be turned by a quarter
    image.save(tmp_path / "turned.jpg", exif=exif)
    assert Labelled(tmp_path / "turned.jpg", ()).open().size == (4, 8)


@pytest.mark.parametrize("count", [None, 5])
def test_test_pictures_come_back_from_png_byte_for_byte(tmp_path, count):
    pytest.importorskip("torchvision", reason="belongs to the extra `torch`")
    write_dataset(tmp_path, "mnist", train=10, test=20)
    found = pictures.from_test("mnist", tmp_path, count)
    wanted, labels = splits.load_split("mnist", "test", tmp_path)
    index = pictures.spread(20, count)
    assert (found.own, found.name, len(found.pictures)) == (True, "mnist test", count or 20)
    for one, k in zip(found.pictures, index, strict=True):
        assert np.array_equal(np.asarray(one.open()), wanted[k].numpy())
        assert one.classes == (labels[k],)


def test_the_spread_is_even_and_never_more_than_there_are():
    assert pictures.spread(100, 4).tolist() == [0, 25, 50, 75]
    assert len(pictures.spread(100, None)) == len(pictures.spread(100, 500)) == 100


def test_the_shared_photographs_are_three_sets(shared):
    found = {one.name: one for one in pictures.find_sets(shared / "photos")}
    assert {name: len(one.of_classes()) for name, one in found.items()} == {
        "clothing/validation": 290,
        "digits-drawn": 60,
        "digits-printed": 270,
    }
    assert len(found["clothing/validation"].of_none()) == 51


def white_on_nothing():
    image = Image.new("LA", (40, 40), (255, 0))
    image.paste((255, 255), (18, 5, 22, 35))
    return image


def turned():
    image = Image.new("L", (80, 40), 200)
    image.getexif()[0x0112] = 6
    return image


AWKWARD = {
    "larger than four megapixels": (Image.linear_gradient("L").resize((3000, 2000)), "JPEG", (1500, 1000)),
    "white on nothing": (white_on_nothing(), "PNG", (40, 40)),
    "sixteen bits": (Image.fromarray(np.arange(0, 65536, 64, np.uint16).reshape(32, 32)), "PNG", (32, 32)),
    "turned by EXIF": (turned(), "JPEG", (40, 80)),
}


@pytest.mark.parametrize("as_bytes", [True, False])
@pytest.mark.parametrize("name", list(AWKWARD))
def test_evaluation_opens_a_picture_as_the_service_does(name, as_bytes, tmp_path):
    image, kind, size = AWKWARD[name]
    path = tmp_path / f"picture.{kind.lower()}"
    image.save(path, kind, exif=image.getexif())
    opened = Labelled(path.read_bytes() if as_bytes else path, ()).open()
    wanted = decode.decode(path.read_bytes(), max_pixels=50_000_000)
    assert (opened.mode, opened.size, opened.tobytes()) == (wanted.mode, size, wanted.tobytes())


def test_a_damaged_picture_of_a_set_is_named(tmp_path):
    fill(tmp_path, "4", count=1)
    path = tmp_path / "4" / "0.png"
    path.write_bytes(path.read_bytes()[:30])
    (found,) = pictures.find_sets(tmp_path)
    with pytest.raises(SetError, match=r"cannot open .*0\.png as a picture: .*damaged or cut off"):
        found.pictures[0].open()
    path.unlink()
    with pytest.raises(SetError, match=r"No such file.*0\.png"):
        found.pictures[0].open()
