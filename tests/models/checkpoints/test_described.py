"""A classifier's checkpoint is known before its network; what is refused stands in ``test_classifiers``."""

import re
import subprocess
import sys

import numpy as np
import pytest

from models import catalog, datasets
from models.checkpoints import CheckpointError, file_format
from models.checkpoints.described import COUNTS, SHARES, described
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


@pytest.mark.parametrize("metrics", [None, [], "0.9", 1, True])
def test_metrics_that_are_no_figures_by_name_are_refused(tmp_path, metrics):
    with pytest.raises(CheckpointError, match=rf"has the metrics {re.escape(repr(metrics))}; wanted figures by name"):
        described_as(tmp_path, metrics=metrics)


@pytest.mark.parametrize("value", [None, "0.9", True, -0.1, 1.01, 10**400, float("nan"), float("inf"), [0.5]])
def test_a_share_that_is_none_is_refused(tmp_path, value):
    for name in SHARES:
        told = rf"some\.lineup has the {name} .*; wanted a number from 0 to 1$"
        with pytest.raises(CheckpointError, match=told):
            described_as(tmp_path, metrics={"split": "test", name: value})


@pytest.mark.parametrize("value", [None, "10", True, 0, -1, 10.0, 10**9 + 1, 10**400, float("nan")])
def test_a_count_that_is_none_is_refused(tmp_path, value):
    for name in COUNTS:
        told = rf"some\.lineup has the {name} .*; wanted a whole number from 1 to 1000000000$"
        with pytest.raises(CheckpointError, match=told):
            described_as(tmp_path, metrics={"split": "test", name: value})


@pytest.mark.parametrize("metrics", [{}, dict.fromkeys(SHARES, 0), dict.fromkeys(SHARES, 1.0), {"nll": None, "x": []}])
def test_what_was_measured_and_what_nobody_reads_may_stand_there(tmp_path, metrics):
    told = {**metrics, **dict.fromkeys(COUNTS, 10**9)}
    assert described_as(tmp_path, metrics=told).content.header["metrics"] == told


def test_what_ships_says_what_was_measured_of_it():
    for path in WEIGHTS.glob("*/*.lineup"):
        assert described(file_format.open_file(path)).content.header["metrics"].keys() >= {*SHARES, *COUNTS}


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
