"""What scenes are made of, small."""

import pytest

from models import datasets
from tests.idx import write_dataset
from tests.models.intake.test_picture import draw_shirt


@pytest.fixture
def data_dir(tmp_path):
    """Both datasets, and photographs of two kinds and of none."""
    for name in datasets.DATASETS:
        write_dataset(tmp_path, name, train=200, test=20)
    for folder in ("3-dress", "7or9-shoe", "none"):
        place = tmp_path / "photos" / "clothing" / "train" / folder
        place.mkdir(parents=True)
        for number in range(11):
            draw_shirt(colour=(10 * number, 90, 60)).resize((400, 300)).save(place / f"{number:02}.png")
    return tmp_path
