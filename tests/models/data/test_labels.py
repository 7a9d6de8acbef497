"""What folders' names say."""

import pytest

from models.data.labels import classes_of


@pytest.mark.parametrize(
    ("folder", "classes"),
    [("3-dress", (3,)), ("7or9-shoe", (7, 9)), ("none", ()), ("7", (7,)), ("0-t-shirt-top", (0,))],
)
def test_a_folder_names_the_classes(folder, classes):
    assert classes_of(folder) == classes
