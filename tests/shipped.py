"""The networks of the intake that ship with the project, loaded once for all tests."""

from functools import cache

import numpy as np
from PIL import Image

from app.serving.intake import Intake
from models.intake import auto, gate, picture
from models.intake.auto import Auto
from models.intake.gate import Gate, Verdict
from models.intake.thumbnail import thumbnail
from tests.fakes import WEIGHTS


@cache
def shipped_auto() -> Auto:
    return auto.load(WEIGHTS)


@cache
def shipped_gate() -> Gate:
    return gate.load(WEIGHTS)


@cache
def shipped_intake() -> Intake:
    """As the service has it."""
    intake = Intake()
    intake.load(WEIGHTS)
    return intake


def judged(image: Image.Image, dataset: str, gate: Gate | None = None) -> Verdict:
    """What a gate, the shipped one if not given, says of a picture as people send it."""
    pixels = np.asarray(image)
    prepared = picture.prepare_pixels(pixels, dataset).picture
    return (gate or shipped_gate()).judge(thumbnail(pixels), prepared, dataset)
