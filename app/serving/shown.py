"""Feature maps as the service tells them: no waiting, no HTTP."""

import base64
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.insides import Channel, Features, FeatureTiming
from app.serving import assemble, mosaic
from app.serving.clock import ms
from app.serving.mosaic import Normalise
from models.intake.pipeline import Seen


@dataclass(frozen=True)
class Shown:
    """Feature maps of a part of a network: the shape of its output, (C, H, W) or (K,), each channel's values in short,
    and all as grey PNG; the digest of its checkpoint, and what the steps took.
    """

    shape: tuple[int, ...]
    channels: list[Channel]
    png: bytes
    normalise: Normalise
    digest: str
    queued_s: float
    load_s: float
    ran_s: float
    drew_s: float


def in_short(maps: NDArray[np.float32]) -> list[Channel]:
    """What is told of each map of [C, H, W], in six digits."""
    told = (maps.min(axis=(1, 2)), maps.max(axis=(1, 2)), maps.mean(axis=(1, 2)))
    rows = (tuple(float(f"{value:.6g}") for value in row) for row in zip(*told, strict=True))
    return [
        Channel.model_construct(index=index, minimum=minimum, maximum=maximum, mean=mean)
        for index, (minimum, maximum, mean) in enumerate(rows)
    ]


def as_json(model: str, stage: str, seen: Seen, shown: Shown, total_ms: float) -> Features:
    """Feature maps as JSON."""
    rows, columns = mosaic.grid(shown.shape)
    return Features.model_construct(
        model=model,
        dataset=seen.dataset,
        stage=stage,
        shape=list(shown.shape),
        columns=columns,
        rows=rows,
        normalise=shown.normalise,
        minimum=min(channel.minimum for channel in shown.channels),
        maximum=max(channel.maximum for channel in shown.channels),
        channels=shown.channels,
        png=base64.b64encode(shown.png).decode(),
        timing_ms=feature_timing(seen, shown, total_ms),
    )


def feature_timing(seen: Seen, shown: Shown, total_ms: float) -> FeatureTiming:
    """What every step of making feature maps took."""
    own = {"queue": shown.queued_s, "load": shown.load_s, "inference": shown.ran_s, "draw": shown.drew_s}
    return FeatureTiming(**assemble.steps_ms(seen), **{name: ms(took) for name, took in own.items()}, total=total_ms)
