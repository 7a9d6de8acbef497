"""Checkpoints of which everything was measured, and of which nothing was."""

import json
from pathlib import Path

import numpy as np
import pytest

from models import checkpoints
from models.checkpoints import reports
from models.evaluation import evaluate, evaluate_robustness
from tests import untrained
from tests.idx import write_dataset

CURVE = {
    "from_scratch": True,
    "run": [0, 0, 0],
    "phase": [0, 0, 1],
    "epoch": [1, 2, 1],
    "pictures": [50, 100, 150],
    "seconds": [1.0, 2.0, 3.0],
    "learning_rate": [0.1, 0.1, None],
    "loss": [2.3, 1.9, None],
    "held_out_accuracy": [0.3, None, 0.6],
    "held_out_n": [10, 10, 5],
}


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_dataset(folder, "mnist", train=60, test=60)
    return folder


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Path:
    """MNIST's LeNet with all parts, MNIST's NiN with a checkpoint alone, and nothing else."""
    root = tmp_path_factory.mktemp("weights")
    path = untrained.write(root, "lenet")
    nowhere = root / "no scenes"
    evaluate.evaluate(path, data_dir, history=CURVE, scenes=nowhere)
    evaluate_robustness.measure(path, data_dir, 20, 1)
    untrained.write(root, "nin")
    return root


@pytest.fixture(scope="session")
def speed_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("speed") / "figures.json"
    told = {
        "date": "2026-01-02",
        "hardware": {"processor": "Abacus", "cores": 3, "flags": []},
        "picture": "28x28 PNG",
        "networks": {"lenet": {"lone_ms": 1.5}, "nin": {"lone_ms": 4.0}},
    }
    path.write_text(json.dumps({"speed": told, "pictures": None}))
    return path


@pytest.fixture
def surest(weights: Path, data_dir: Path) -> list[tuple[int, int]]:
    """Places and answers of LeNet's mistakes, the surest first, one picture at a time by the checkpoint itself."""
    from models.data.splits import load_split

    path = checkpoints.path_for("mnist", "lenet", weights)
    report = json.loads(reports.path_for(path).read_text())
    classifier, (pictures, _) = checkpoints.load(path), load_split("mnist", "test", data_dir)
    chances = [
        float(classifier.probabilities(pictures[place : place + 1])[0, said]) for place, said in report["mistakes"]
    ]
    order = np.argsort(-np.array(chances), kind="stable")
    return [(report["mistakes"][k][0], report["mistakes"][k][1]) for k in order]
