"""Checkpoints and pictures for the commands that answer by themselves."""

import pytest
import torch

from models import catalog, checkpoints
from models.checkpoints import file_format
from models.checkpoints.networks import tensors_of
from models.classifier import Classifier
from models.datasets import DATASETS
from models.intake import auto, small_cnn
from tests.models.intake.test_picture import draw_seven, draw_shirt


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A folder with untrained checkpoints of two networks and of auto; those of the others are missing."""
    root = tmp_path / "weights"
    torch.manual_seed(0)
    for dataset in DATASETS:
        for name in ("lenet", "densenet"):
            classifier = Classifier(catalog.find(name).build(), architecture=name, dataset=dataset)
            measured = {"metrics": {"accuracy": 0.1, "n": 10}}
            checkpoints.save(checkpoints.path_for(dataset, name, root), classifier, measured)
    file_format.write(
        root / "auto.lineup", {"kind": "auto", "answers": list(auto.ANSWERS)}, tensors_of(small_cnn.AutoNetwork())
    )
    monkeypatch.setenv("LINEUP_WEIGHTS", str(root))
    monkeypatch.setenv("LINEUP_DEVICE", "cpu")
    monkeypatch.setenv("COLUMNS", "140")
    return root


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "pictures"
    (folder / "more").mkdir(parents=True)
    draw_seven().save(folder / "seven.png")
    draw_shirt().save(folder / "more" / "shirt.jpg")
    (folder / "notes.txt").write_text("no picture")
    return folder
