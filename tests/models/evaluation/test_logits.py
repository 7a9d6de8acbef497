"""What networks say of many pictures: on as many threads as are asked for, and told where it is no number."""

import threading

import numpy as np
import pytest
import torch

from models import checkpoints
from models.checkpoints import CheckpointError
from models.evaluation import evaluate, evaluate_forms
from models.evaluation.logits import BATCH, compute_logits, run_logits
from tests import untrained
from tests.idx import write_dataset

NOT_FINITE = r"lenet, mnist.*: it gives logits that are not finite; wanted numbers: train it again"


class Sums:
    """A runner of which ``together`` batches must be there before one is answered: the sum of each picture, ten times.
    TimeoutError of the barrier otherwise.
    """

    def __init__(self, together: int) -> None:
        self.meeting = threading.Barrier(together, timeout=10)
        self.threads: set[int] = set()

    def logits(self, pictures):
        self.threads.add(threading.get_ident())
        self.meeting.wait()
        return np.repeat(pictures.sum((1, 2), dtype=np.float32)[:, None], 10, axis=1)


@pytest.mark.parametrize("threads", [1, 3])
def test_batches_run_on_so_many_threads_and_come_back_in_order(threads):
    pictures = np.random.default_rng(0).integers(0, 256, (5 * BATCH + BATCH, 28, 28), np.uint8)
    runner = Sums(threads)
    told = run_logits(runner, pictures, "sums", threads)
    assert len(runner.threads) == threads
    assert told.dtype == np.float32
    np.testing.assert_array_equal(told[:, 3], pictures.sum((1, 2), dtype=np.float32))


@pytest.fixture
def path(tmp_path, monkeypatch):
    """Every weight is finite; the logits are not."""
    monkeypatch.chdir(tmp_path)  # away from scenes that may lie in the folder from which the tests are run
    write_dataset(tmp_path / "data", "mnist", train=60, test=20)
    classifier = untrained.classifier("lenet")
    with torch.no_grad():
        [*classifier.parameters()][-2].fill_(3e38)
    path = checkpoints.path_for("mnist", "lenet", tmp_path / "weights")
    checkpoints.save(path, classifier, {})
    return path


def test_logits_that_are_no_numbers_are_told_of_a_network_and_its_dataset(path):
    classifier = checkpoints.load(path)
    with pytest.raises(CheckpointError, match=NOT_FINITE):
        compute_logits(classifier, torch.full((3, 28, 28), 200, dtype=torch.uint8))


@pytest.mark.parametrize("mode", [(), ("--forms",), ("--backend", "float32"), ("--robustness", "--test-images", "5")])
def test_the_command_says_so_and_writes_nothing(path, capsys, mode):
    before = {file: file.read_bytes() for file in path.parent.iterdir()}
    given = ("--model", "lenet", "--dataset", "mnist", "--data-dir", "data", "--weights", "weights")
    assert evaluate.main([*given, *mode]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("lenet, mnist: lenet, mnist")
    assert "it gives logits that are not finite" in line
    assert {file: file.read_bytes() for file in path.parent.iterdir()} == before


def test_a_compiled_network_is_named_with_its_form(path, tmp_path):
    with pytest.raises(CheckpointError, match="lenet, mnist, float32: it gives logits"):
        evaluate_forms.forms(path, tmp_path / "data")
