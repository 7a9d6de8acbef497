"""The answer about the least change that flips a network's answer, and its lines; each with an example."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from app.answers import INTAKE_MS, IntakeTiming, Probability, Scored, example

DAB = {"x": 17, "y": 9, "ink": "add"}
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAABwAAAAcCAAAAABXZoBIAAAAQElEQVR42mNgGGSAEUr/xybKhE8nEzHGIoP/MGFSjf1ProMQGknUiaSRNJ3IGknSia"
    "KRFJ2oGknQiaYRv86BAAASPQklpXIHdAAAAABJRU5ErkJggg=="
)
BRUSH = [[0, 0, 43, 0, 0], [0, 167, 255, 167, 0], [43, 255, 255, 255, 43], [0, 167, 255, 167, 0], [0, 0, 43, 0, 0]]
SAID: dict[str, Any] = {"label": "9", "index": 9, "confidence": 0.6012}
FLIP_HEAD: dict[str, Any] = {
    "model": "lenet",
    "dataset": "mnist",
    "label": "4",
    "index": 4,
    "confidence": 0.9911,
    "to": {"label": "9", "index": 9, "probability": 0.0051},
    "picture": PNG,
    "brush": BRUSH,
}
FLIP_STEP: dict[str, Any] = {"dabs": [DAB], **SAID, "probability_to": 0.6012, "passes": 1402}
FLIP_END: dict[str, Any] = {
    "flipped": True,
    "dabs": [DAB],
    "count": 1,
    **SAID,
    "probability_to": 0.6012,
    "picture": PNG,
    "passes": 1402,
    "reason": None,
    "timing_ms": INTAKE_MS,
}

Index = Annotated[int, Field(ge=0, le=9)]
Passes = Annotated[int, Field(ge=0, description="Pictures that this network has looked at so far.")]
Picture = Annotated[str, Field(description="28x28 grey pixels, bright on black, as PNG in base64.")]


class DabOfInk(BaseModel):
    """One touch of the brush: its centre, and whether it leaves ink or takes it away."""

    model_config = example(DAB)

    x: Annotated[int, Field(ge=0, le=27, description="Pixels from the left.")]
    y: Annotated[int, Field(ge=0, le=27, description="Pixels from the top.")]
    ink: Literal["add", "erase"]


class FlipHead(BaseModel):
    """The first line: what the network says of the picture as it is, and of the class that is wanted."""

    model_config = example(FLIP_HEAD)

    model: str
    dataset: str
    label: str
    index: Index
    confidence: Probability
    to: Scored
    picture: Picture
    brush: Annotated[
        list[list[int]],
        Field(
            description="The brush, 0 to 255, its centre in the middle. Added ink is the maximum of picture and brush; "
            "erased, the minimum of the picture and 255 less the brush; dab after dab, in their order."
        ),
    ]


class FlipStep(BaseModel):
    """The line of a step: all dabs of the best picture so far, and what the network says of it."""

    model_config = example(FLIP_STEP)

    dabs: list[DabOfInk]
    label: str
    index: Index
    confidence: Probability
    probability_to: Probability
    passes: Passes


class Flip(BaseModel):
    """The fewest dabs found, and the picture with them; the last line."""

    model_config = example(FLIP_END)

    flipped: Annotated[bool, Field(description="Whether the network now says the class that was wanted.")]
    dabs: list[DabOfInk]
    count: Annotated[int, Field(ge=0, description="How many dabs.")]
    label: str
    index: Index
    confidence: Probability
    probability_to: Probability
    picture: Picture
    passes: Passes
    reason: Annotated[str | None, Field(description="Where it did not flip, why the search ended.")]
    timing_ms: IntakeTiming
