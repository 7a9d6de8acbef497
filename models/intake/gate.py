"""Is this of the kind that the networks learned from? Softmax cannot tell: noise makes it surer than digits do.

For each dataset a small network sees what there is to see: the thumbnail of the picture as it was sent, and the 28x28
picture that the networks get. It has learned what else people send (outlier exposure: Hendrycks et al., 2019): letters
and signs, noise and patterns, pages, photographs, hats, shorts and skirts; so it can say not only "neither", but what
it takes the picture for. Made by ``python -m models.training.train_gate``; ships as weights/gate.lineup.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from models import datasets
from models.checkpoints import SUFFIX
from models.intake.pixels import Float, UInt8

BATCH = 64  # pictures judged in one pass

# What a picture may be taken for, the dataset's own kind first, and how that is said.
KINDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "mnist": {
            "digit": "a digit",
            "sign": "a letter or another sign",
            "photograph": "clothing or another photograph",
            "noise": "noise or a pattern",
            "page": "several signs at once: a word, a number, a page or a screen",
        },
        "fashion-mnist": {
            "garment": "one of the ten kinds of clothing",
            "other": "a hat, shorts, a skirt or another thing",
            "writing": "a digit, a letter or a page",
            "noise": "noise or a pattern",
        },
    }
)
Run = Callable[[UInt8, UInt8], Float]


@dataclass(frozen=True)
class Verdict:
    """``score``: how likely the picture is of its dataset's kind, 0 to 1, calibrated; ``in_distribution``: whether
    that is at least a half; ``reason``: what it is taken for, a sentence.
    """

    in_distribution: bool
    score: float
    reason: str


class Gate:
    """Judges by what ``runs`` make, for each dataset, of thumbnails uint8 [N, 64, 64] and pictures uint8 [N, 28, 28]:
    calibrated probabilities float32 [N, kinds], in the order of KINDS. Safe to use from several threads.
    """

    def __init__(self, runs: Mapping[str, Run]) -> None:
        self._runs = runs

    def judge(self, thumbnail: UInt8, picture: UInt8, dataset: str) -> Verdict:
        """Whether a picture, of which ``intake.picture`` made ``picture`` uint8 [28, 28] for ``dataset``, is of that
        dataset's kind; ``thumbnail``: uint8 [64, 64], of the picture as it was sent. UnknownName for another dataset.
        """
        return self.judge_all([thumbnail], [picture], dataset)[0]

    def judge_all(self, thumbnails: Sequence[UInt8], pictures: Sequence[UInt8], dataset: str) -> list[Verdict]:
        """The same of several at once."""
        name = datasets.find(dataset).name
        shown, seen = np.stack(thumbnails), np.stack(pictures)
        starts = range(0, len(seen), BATCH)
        chances = [self._runs[name](shown[start : start + BATCH], seen[start : start + BATCH]) for start in starts]
        return [_verdict(row, KINDS[name]) for row in np.concatenate(chances)]


def load(folder: Path) -> Gate:
    """The networks of a folder of checkpoints. CheckpointError if there is no file of them, or it is not one of
    ``training.train_gate``.
    """
    from models.intake import small_cnn  # torch, which only loading needs

    return Gate(small_cnn.load_gate(folder / f"gate{SUFFIX}", KINDS))


def _verdict(chances: Float, kinds: Mapping[str, str]) -> Verdict:
    """What float32 [kinds] says."""
    score, own = float(chances[0]), next(iter(kinds))
    if score >= 0.5:
        return Verdict(True, score, f"it looks like {kinds[own]}")
    other = list(kinds)[1 + int(chances[1:].argmax())]
    return Verdict(False, score, f"it looks like {kinds[other]}, not like {kinds[own]}")
