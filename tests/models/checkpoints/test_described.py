"""A classifier's checkpoint is known before its network; what is refused stands in ``test_classifiers``."""

import subprocess
import sys

import numpy as np
import pytest

from models import catalog, datasets
from models.checkpoints import CheckpointError, file_format
from models.checkpoints.described import described
from models.checkpoints.headers import is_temperature
from tests.fakes import WEIGHTS

HEADER = {
    "architecture": "nin",
    "dataset": "fashion-mnist",
    "classes": list(datasets.find("fashion-mnist").classes),
    "input": {"size": 224, "mean": 0.286, "std": 0.353},
    "temperature": 1.5,
}


def described_as(tmp_path, **changes):
    path = tmp_path / "some.lineup"
    file_format.write(path, {**HEADER, **changes}, {"bias": np.zeros(3, np.float32)})
    return described(file_format.open_file(path))


def test_a_checkpoint_says_what_it_is(tmp_path):
    known = described_as(tmp_path, temperature_sent=2, metrics={"n": 10})
    assert known.architecture is catalog.find("nin")
    assert known.dataset is datasets.find("fashion-mnist")
    assert (known.temperature, known.temperature_sent) == (1.5, 2.0)
    assert known.content.header["metrics"] == {"n": 10}
    assert list(file_format.unpack(known.content, {"bias": ((3,), "float32")})) == ["bias"]


def test_one_temperature_is_for_all_pictures(tmp_path):
    assert described_as(tmp_path).temperature_sent == 1.5


@pytest.mark.parametrize("value", [True, None, "1", [1.0], 0, -1, 101, float("nan"), float("inf")])
def test_what_cannot_divide_logits_is_refused(tmp_path, value):
    assert not is_temperature(value)
    for name in ("temperature", "temperature_sent"):
        with pytest.raises(CheckpointError, match=r"has the temperature .*; wanted a number from 0\.01 to 100"):
            described_as(tmp_path, **{name: value})


def test_auto_is_no_classifier():
    with pytest.raises(CheckpointError, match=r"auto\.lineup: no network 'None'; there are: lenet"):
        described(file_format.open_file(WEIGHTS / "auto.lineup"))


def test_a_shipped_checkpoint_is_described_without_torch():
    program = f"""
import sys
from models.checkpoints.described import described
from models.checkpoints.file_format import open_file
known = described(open_file({str(WEIGHTS / "mnist" / "densenet.lineup")!r}))
print(known.architecture.name, known.dataset.name, "torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "densenet mnist False\n"
