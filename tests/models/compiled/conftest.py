"""One checkpoint of every network, made once: untrained, but for the two whose files would have 45 and 125 MB."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from models import checkpoints
from tests import untrained
from tests.fakes import WEIGHTS

SPARSE = ("alexnet", "vgg11")  # as they are shipped


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    root = tmp_path_factory.mktemp("untrained")

    @cache
    def of(name: str) -> Path:
        return checkpoints.path_for("mnist", name, WEIGHTS) if name in SPARSE else untrained.write(root, name)

    return of


@pytest.fixture
def pictures() -> npt.NDArray[np.uint8]:
    """Seven, uint8 [7, 28, 28]: noise, and bars of which there is something to see."""
    made = np.random.default_rng(0).integers(0, 256, (7, 28, 28), np.uint8)
    for place in range(3):
        made[place] = 0
        made[place, 4 + 6 * place : 7 + 6 * place, 5:22] = 230
    return made
