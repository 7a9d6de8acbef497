"""The answers about what is seen of a picture: prepared, and as a number; each with an example."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from app.answers import (
    INTAKE_MS,
    JUDGED,
    InDistribution,
    IntakeTiming,
    Probability,
    Reason,
    Score,
    Sureness,
    example,
)

PREPARED = {
    **JUDGED,
    "pixels": [[0, 0, 12, 255], [0, 0, 130, 201]],
    "png": "iVBORw0KGgoAAAANSUhEUgAAABwAAAAcCAAAAABXZoBIAAAAQElEQVR42mNgGGSAEUr/xybKhE8nEzHGIoP/MGFSjf1ProMQGk"
    "nUiaSRNJ3IGknSiaKRFJ2oGknQiaYRv86BAAASPQklpXIHdAAAAABJRU5ErkJggg==",
    "steps": [{"name": "place", "parameters": {"size": [12, 20], "left": 8, "top": 4}}],
    "timing_ms": INTAKE_MS,
}
BOX = {"x": 214, "y": 80, "width": 61, "height": 102}
DIGIT = {
    "label": "7",
    "index": 7,
    "confidence": 0.9987,
    "box": BOX,
    "in_distribution": True,
    "in_distribution_score": 0.9934,
}
READING_MS = {"decode": 2.4, "find": 5.1, "inference": 6.3, "total": 14.2}


class Step(BaseModel):
    """One thing done to a picture on its way to 28x28."""

    model_config = example({"name": "place", "parameters": {"size": [12, 20], "left": 8, "top": 4}})

    name: str
    parameters: Annotated[
        dict[str, Any], Field(description="With what; lengths in pixels of the picture at that step.")
    ]


class PreparedPicture(BaseModel):
    """What the networks see of a picture, and how it came about."""

    model_config = example(PREPARED)

    dataset: str
    dataset_confidence: Sureness
    in_distribution: InDistribution
    in_distribution_score: Score
    reason: Reason
    pixels: Annotated[list[list[int]], Field(description="28 rows of 28 grey values, 0 to 255, bright on black.")]
    png: Annotated[str, Field(description="The same as PNG, enlarged by `scale`, in base64.")]
    steps: list[Step]
    timing_ms: IntakeTiming


class Box(BaseModel):
    """Where a digit is, in pixels of the picture as it was sent (upright, as its EXIF says)."""

    model_config = example(BOX)

    x: Annotated[int, Field(ge=0, description="Left edge.")]
    y: Annotated[int, Field(ge=0, description="Upper edge.")]
    width: Annotated[int, Field(ge=1)]
    height: Annotated[int, Field(ge=1)]


class Digit(BaseModel):
    """One digit of a number."""

    model_config = example(DIGIT)

    label: str
    index: Annotated[int, Field(ge=0, le=9)]
    confidence: Probability
    box: Box
    in_distribution: InDistribution
    in_distribution_score: Score


class Line(BaseModel):
    """The digits of a line, from left to right."""

    model_config = example({"text": "7", "digits": [DIGIT]})

    text: str
    digits: list[Digit]


class ReadingTiming(BaseModel):
    """Milliseconds of every step, and from the upload's end to the answer."""

    model_config = example(READING_MS)

    decode: float
    find: Annotated[float, Field(description="Finding the digits and bringing each to 28x28.")]
    inference: Annotated[float, Field(description="The longest wait for a forward pass and the pass itself.")]
    total: float


class Reading(BaseModel):
    """The number on a picture."""

    model_config = example(
        {"model": "resnet18", "number": "7", "lines": [{"text": "7", "digits": [DIGIT]}], "timing_ms": READING_MS}
    )

    model: str
    number: Annotated[str, Field(description="The lines as text, with a line feed between them.")]
    lines: Annotated[list[Line], Field(description="From top to bottom.")]
    timing_ms: ReadingTiming
