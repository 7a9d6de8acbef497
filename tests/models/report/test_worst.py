"""Without the pictures there is no sheet of mistakes, and it says why."""

import pytest

from models.report import material, worst
from tests.idx import write_dataset


@pytest.mark.parametrize("content", [b"garbage", b"", b"\x00\x00\x08\x03"])
def test_a_damaged_file_of_pictures_is_told_in_place_of_the_sheet(weights, tmp_path, content):
    of_digits = (one for one in material.gather(weights) if one.dataset.name == "mnist")
    one = next(one for one in of_digits if one.architecture.name == "lenet")
    raw = write_dataset(tmp_path, "mnist", train=1, test=50)
    (raw / "t10k-images-idx3-ubyte").write_bytes(content)
    said = worst.sheet(one, tmp_path, tmp_path / "out")
    assert said.startswith("lenet, mnist: no sheet of mistakes, cannot load MNIST")
    assert "damaged or cannot be read: delete the folder" in said
    assert not (tmp_path / "out").exists()
