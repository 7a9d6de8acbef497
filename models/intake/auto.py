"""Digit or clothing: decided on the picture as it was sent, before anything is done to it.

A network of 60,000 parameters looks at the picture's thumbnail. It is made by ``python -m models.training.train_auto``
and ships as weights/auto.lineup.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from models.checkpoints import SUFFIX
from models.intake.pixels import Float, UInt8
from models.intake.thumbnail import thumbnail

ANSWERS = ("mnist", "fashion-mnist")


class Auto:
    """Decides by what ``run`` makes of thumbnails uint8 [N, 64, 64]: probabilities float32 [N, 2], in the order of
    ANSWERS. Safe to use from several threads.
    """

    def __init__(self, run: Callable[[UInt8], Float]) -> None:
        self._run = run

    def decide(self, image: Image.Image) -> tuple[str, float]:
        """The dataset that ``image`` (mode L or RGB, any size) belongs to, and how sure that is, 0.5 to 1."""
        return self.decide_by(thumbnail(np.asarray(image)))

    def decide_by(self, seen: UInt8) -> tuple[str, float]:
        """The same of a picture's thumbnail uint8 [64, 64]."""
        return self.decide_all(seen[None])[0]

    def decide_all(self, seen: UInt8) -> list[tuple[str, float]]:
        """The same of several: uint8 [N, 64, 64]."""
        chances = self._run(seen)
        return [(ANSWERS[best], float(row[best])) for row, best in zip(chances, chances.argmax(1), strict=True)]


def load(folder: Path) -> Auto:
    """The network of a folder of checkpoints. CheckpointError if there is none, or it is not one of
    ``training.train_auto``.
    """
    from models.intake import small_cnn  # torch, which only loading needs

    return Auto(small_cnn.load_auto(folder / f"auto{SUFFIX}", ANSWERS))
