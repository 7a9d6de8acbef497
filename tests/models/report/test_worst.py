"""The sheet of the surest mistakes; where there is none it says why."""

from dataclasses import replace

import pytest
from PIL import Image

from models.report import worst
from tests.idx import write_dataset
from tests.models.report.drawings import taken


def test_the_surest_mistakes_are_shown_surest_first_with_what_was_said(weights, data_dir, surest):
    one = taken(weights)
    pictures, labels = worst.idx.read_split(one.dataset, "test", data_dir)
    entries = worst.surest(one, pictures, labels)
    assert len(entries) == min(worst.SHOWN, len(surest)) > 1
    for entry, (place, said) in zip(entries, surest, strict=False):
        assert entry.saw.tobytes() == pictures[place].tobytes()
        assert entry.lines[0] == f"is {labels[place]}"
        assert entry.lines[1].startswith(f"said {said}, ")
        assert entry.lines[2] == f"picture {place}"
    sure = [float(entry.lines[1].split(", ")[1].rstrip("%")) for entry in entries]
    assert sure == sorted(sure, reverse=True)


def test_the_sheet_lies_where_it_was_asked_for(weights, data_dir, tmp_path):
    said = worst.sheet(taken(weights), data_dir, tmp_path / "deep")
    assert said == f"lenet, mnist: {tmp_path / 'deep' / 'mnist-lenet.png'}"
    with Image.open(tmp_path / "deep" / "mnist-lenet.png") as sheet:
        assert min(sheet.size) > 140


def test_without_data_or_a_record_no_sheet_is_made_and_it_says_why(weights, data_dir, tmp_path):
    assert "no sheet of mistakes, there is no t10k" in worst.sheet(taken(weights), tmp_path / "none", tmp_path / "out")
    right = "lineup evaluate --model nin --dataset mnist records it"
    assert right in worst.sheet(taken(weights, "nin"), data_dir, tmp_path / "out"), "there is no report to complete"
    one = replace(taken(weights), report={"accuracy": 0.5, "n": 60})
    assert "lineup evaluate --mistakes --model lenet --dataset mnist" in worst.sheet(one, data_dir, tmp_path / "out")
    right = "there is no checkpoint; lineup train --model vgg11 --dataset mnist makes it"
    assert right in worst.sheet(taken(weights, "vgg11"), data_dir, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"garbage", b"", b"\x00\x00\x08\x03"])
def test_a_damaged_file_of_pictures_is_told_in_place_of_the_sheet(weights, tmp_path, content):
    raw = write_dataset(tmp_path, "mnist", train=1, test=50)
    (raw / "t10k-images-idx3-ubyte").write_bytes(content)
    said = worst.sheet(taken(weights), tmp_path, tmp_path / "out")
    assert said.startswith("lenet, mnist: no sheet of mistakes, cannot load MNIST")
    assert "damaged or cannot be read: delete the folder" in said
    assert not (tmp_path / "out").exists()
