"""Digit or clothing: decided on the picture as it was sent, before anything is done to it.

A network of 60,000 parameters looks at a 64x64 grey thumbnail whose contrast is stretched, so that a thin line on a
wide canvas is seen as well as a photograph. It is made by ``python -m models.training.train_auto`` and ships as
weights/auto.lineup.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from models import checkpoints
from models.checkpoints import file_format
from models.intake import small_cnn
from models.intake.picture import UInt8, border, fit

SIDE = 64
SMALLEST = 16  # pixels: of less no closer look is of use
LOOKED = 320  # pixels: on a picture shrunk to this it is seen whether it is mostly plain ground
ANSWERS = ("mnist", "fashion-mnist")


def build() -> nn.Sequential:
    """The network: float32 [N, 1, 64, 64] in [0, 1] -> logits [N, 2], in the order of ANSWERS."""
    layers = small_cnn.stages(1, 16, 32, 64, 64)
    return nn.Sequential(*layers, nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(64, len(ANSWERS)))


def thumbnail(pixels: UInt8) -> UInt8:
    """uint8 [H, W] or [H, W, 3] -> uint8 [64, 64]: grey, squeezed into a square, stretched to the full range."""
    grey = _near(pixels if pixels.ndim == 2 else np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8))
    shrinks = max(grey.shape) > SIDE
    small = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    low, high = int(small.min()), int(small.max())
    stretched = (small.astype(np.float32) - low) * (255 / max(high - low, 1))
    return np.asarray(stretched, np.uint8)


def _near(grey: UInt8) -> UInt8:
    """The square round what is seen, twice as wide, if it fills less than half of a plain ground; else all of it: what
    is small looks like a digit, whatever it is. uint8 [H, W] -> uint8 [h, w].
    """
    small, _ = fit(grey, LOOKED)
    away = np.abs(small.astype(np.int16) - int(np.median(border(small))))
    rows, columns = (np.flatnonzero((away > max(8, away.max() / 4)).any(axis)) for axis in (1, 0))
    if not len(rows):
        return grey
    longest = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    if not SMALLEST <= longest <= min(small.shape) / 2:
        return grey
    corner = [(int(place[0]) + int(place[-1]) + 1) // 2 - int(longest) for place in (rows, columns)]
    top, left = (int(np.clip(at, 0, side - 2 * longest)) for at, side in zip(corner, small.shape, strict=True))
    return small[top : top + 2 * longest, left : left + 2 * longest]


@lru_cache(maxsize=2)
def load(path: Path) -> nn.Sequential:
    """The network of a checkpoint, for inference; read once. CheckpointError if it is not one of
    ``training.train_auto``.
    """
    with torch.device("meta"):
        network = build()
    shapes = {name: tensor.shape for name, tensor in network.state_dict().items()}
    header, tensors = file_format.read(path, shapes)
    if header.get("kind") != "auto" or header.get("answers") != list(ANSWERS):
        told = f"kind {header.get('kind')!r}, answers {header.get('answers')}"
        raise checkpoints.CheckpointError(f"{path} has {told}; wanted kind 'auto', answers {list(ANSWERS)}")
    network.load_state_dict(tensors, assign=True)
    small_cnn.for_inference(network)
    return network


def path() -> Path:
    """Where the checkpoint lies: FileNotFoundError if there is no folder of checkpoints."""
    return checkpoints.weights_root() / f"auto{checkpoints.SUFFIX}"


def decide(image: Image.Image) -> tuple[str, float]:
    """The dataset that ``image`` (mode L or RGB, any size) belongs to, and how sure that is, 0.5 to 1.

    Safe to call from several threads. Raises CheckpointError or FileNotFoundError if weights/auto.lineup cannot be
    had.
    """
    batch = torch.from_numpy(thumbnail(np.asarray(image)))[None]
    chances = probabilities(load(path()), batch)[0]
    best = int(chances.argmax())
    return ANSWERS[best], float(chances[best])


@torch.inference_mode()
def probabilities(network: nn.Module, thumbnails: Tensor) -> Tensor:
    """uint8 [N, 64, 64] -> float32 [N, 2]."""
    logits: Tensor = network(thumbnails.unsqueeze(1).float() / 255)
    return logits.softmax(dim=1)
