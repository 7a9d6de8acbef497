"""What is asked of a header; what the parts of the intake ask stands in their own tests."""

import re

import pytest

from models import checkpoints
from models.datasets import DATASETS
from tests.fakes import WEIGHTS


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_checkpoint_is_in_its_own_place_and_in_no_other(dataset):
    path = checkpoints.path_for(dataset, "lenet", WEIGHTS)
    header = checkpoints.read_header(path)
    checkpoints.expect_network(path, header, "lenet", dataset)
    (other,) = {*DATASETS} - {dataset}
    for wanted in (("lenet", other), ("nin", dataset)):
        told = f"{path} holds lenet for {dataset}, not {' for '.join(wanted)}"
        with pytest.raises(checkpoints.CheckpointError, match=f"^{re.escape(told)}$"):
            checkpoints.expect_network(path, header, *wanted)


def test_what_is_no_classifier_is_in_no_place_of_one():
    path = WEIGHTS / "auto.lineup"
    with pytest.raises(checkpoints.CheckpointError, match="holds None for None, not lenet for mnist"):
        checkpoints.expect_network(path, checkpoints.read_header(path), "lenet", "mnist")
