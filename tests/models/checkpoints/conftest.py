"""Tensors of each coding, and a file of them."""

from pathlib import Path

import numpy as np
import pytest

from models.checkpoints import file_format
from models.checkpoints.codings import Array

WANTED = {
    "dense": ((64, 32, 5, 5), "float32"),
    "sparse": ((256, 512), "float32"),
    "bias": ((64,), "float32"),
    "count": ((), "int64"),
}


@pytest.fixture
def tensors() -> dict[str, Array]:
    draw = np.random.default_rng(1)
    kept = draw.random((256, 512)) < 0.02
    kept[3] = False  # a row with nothing in it
    kept[7, :] = False
    kept[7, 511] = True  # and gaps longer than a byte
    return {
        "dense": draw.standard_normal((64, 32, 5, 5), np.float32),
        "sparse": draw.standard_normal((256, 512), np.float32) * kept,
        "bias": draw.standard_normal(64, np.float32),
        "count": np.array(12345),
    }


@pytest.fixture
def path(tmp_path: Path, tensors: dict[str, Array]) -> Path:
    path = tmp_path / "some.lineup"
    file_format.write(path, {"name": "Ätzend"}, tensors)
    return path
