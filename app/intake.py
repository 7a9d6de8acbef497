"""From the bytes of an upload to the picture that the networks see: decode, decide the dataset, prepare."""

import time
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app import upload
from app.errors import ApiError
from models import auto, picture
from models.checkpoint import CheckpointError


@dataclass(frozen=True)
class Seen:
    """A prepared picture, uint8 [28, 28], and how it came about; `dataset_confidence` is None unless `auto` decided."""

    picture: NDArray[np.uint8]
    dataset: str
    dataset_confidence: float | None
    decode_s: float
    auto_s: float
    prepare_s: float


def look(data: bytes, content_type: str | None, dataset: str, max_pixels: int) -> Seen:
    """Turn an upload into a picture for `dataset`, or for what `auto` decides.

    Works for milliseconds, or tenths of a second on a big photograph: call it off the event loop. Raises ApiError.
    """
    start = time.perf_counter()
    try:
        image = upload.decode(data, max_pixels=max_pixels, content_type=content_type)
    except upload.UploadError as error:
        raise ApiError(error.code, error.message) from error
    decoded = time.perf_counter()
    try:
        chosen, confidence = _decide(image) if dataset == "auto" else (dataset, None)
        decided = time.perf_counter()
        prepared = picture.prepare(image, chosen)
    except picture.NothingFound as error:
        raise ApiError("nothing_found", str(error)) from error
    done = time.perf_counter()
    return Seen(prepared.picture, chosen, confidence, decoded - start, decided - decoded, done - decided)


def warm() -> None:
    """Load what `auto` needs, so that no request waits for it. Raises FileNotFoundError, or CheckpointError."""
    cv2.setNumThreads(1)  # each picture has a thread of the pool already; OpenCV's own would only get in their way
    if not auto.path().exists():
        raise FileNotFoundError(auto.path())
    auto.decide(Image.linear_gradient("L"))


def _decide(image: Image.Image) -> tuple[str, float | None]:
    try:
        return auto.decide(image)
    except (CheckpointError, OSError) as error:
        message = "digit or clothing cannot be decided here; name the dataset: mnist or fashion-mnist"
        raise ApiError("model_unavailable", message) from error
