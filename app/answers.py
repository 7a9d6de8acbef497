"""The answers about pictures, each with an example, and the one shape of errors."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

INTAKE_MS = {"decode": 0.3, "auto": 0.4, "prepare": 0.2, "gate": 0.9, "total": 31.0}
TIMING_MS = {"decode": 0.3, "auto": 0.4, "prepare": 0.2, "gate": 0.9, "queue": 0.1, "inference": 2.1, "total": 4.2}
JUDGED = {
    "dataset": "mnist",
    "dataset_confidence": 0.9999,
    "in_distribution": True,
    "in_distribution_score": 0.9934,
    "reason": "it looks like a digit",
}
PREDICTION = {
    "model": "resnet18",
    **JUDGED,
    "label": "7",
    "index": 7,
    "confidence": 0.9987,
    "predictions": [
        {"label": "7", "index": 7, "probability": 0.9987},
        {"label": "1", "index": 1, "probability": 0.0004},
    ],
    "timing_ms": TIMING_MS,
    "batch_size": 4,
}
COMPARISON_HEAD = {**JUDGED, "models": ["lenet", "vgg11", "resnet18"]}
COMPARISON_TAIL = {
    "unavailable": ["vgg11"],
    "errors": {"vgg11": {"code": "model_unavailable", "message": "no checkpoint of vgg11 for mnist"}},
    "agreement": {"label": "7", "index": 7, "votes": 1, "of": 2, "dissent": ["lenet"]},
    "timing_ms": INTAKE_MS,
}
ERROR = {"error": {"code": "unknown_model", "message": "no network 'resnet19'; there are: lenet, alexnet, nin"}}


def example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"example": value})


Probability = Annotated[float, Field(ge=0, le=1, description="Calibrated, rounded to four digits.")]
Sureness = Annotated[
    float | None,
    Field(description="How sure `auto` is of the dataset, 0.5 to 1; null where the request named the dataset."),
]

InDistribution = Annotated[
    bool | None,
    Field(description="Whether the picture is of the dataset's kind at all; null where the gate's file is missing."),
]
Score = Annotated[
    float | None, Field(ge=0, le=1, description="How likely that is, calibrated; `in_distribution` is a half or more.")
]
Reason = Annotated[str | None, Field(description="What the picture is taken for.")]


class ErrorDetail(BaseModel):
    """A code for programs and a sentence for people."""

    model_config = example(ERROR["error"])

    code: str
    message: str


class ErrorBody(BaseModel):
    """Every error looks like this."""

    model_config = example(ERROR)

    error: ErrorDetail


class Scored(BaseModel):
    """One class and its probability."""

    model_config = example({"label": "7", "index": 7, "probability": 0.9987})

    label: str
    index: Annotated[int, Field(ge=0, le=9)]
    probability: Probability


class IntakeTiming(BaseModel):
    """Milliseconds of the steps that all networks share, and from the upload's end to the answer."""

    model_config = example(INTAKE_MS)

    decode: float
    auto: Annotated[float, Field(description="Deciding the dataset; 0 where the request named it.")]
    prepare: float
    gate: Annotated[float, Field(description="Judging whether it is of that kind at all.")]
    total: float


class Timing(BaseModel):
    """Milliseconds of every step, and from the upload's end to the answer."""

    model_config = example(TIMING_MS)

    decode: float
    auto: Annotated[float, Field(description="Deciding the dataset; 0 where the request named it.")]
    prepare: float
    gate: Annotated[float, Field(description="Judging whether it is of that kind at all.")]
    queue: float
    inference: Annotated[float, Field(description="The forward pass of the whole batch.")]
    total: float


class Prediction(BaseModel):
    """One network's answer for one picture."""

    model_config = example(PREDICTION)

    model: str
    dataset: str
    dataset_confidence: Sureness
    in_distribution: InDistribution
    in_distribution_score: Score
    reason: Reason
    label: str
    index: Annotated[int, Field(ge=0, le=9)]
    confidence: Probability
    predictions: Annotated[list[Scored], Field(description="The `top_k` likeliest classes, likeliest first.")]
    timing_ms: Timing
    batch_size: Annotated[int, Field(ge=1, description="How many pictures shared the forward pass.")]


class Agreement(BaseModel):
    """What the networks say together: of the classes that one of them at least says, the likeliest by the mean of their
    probabilities' logarithms, each weighed by one over its error on training pictures held out from learning.
    """

    model_config = example({"label": "7", "index": 7, "votes": 6, "of": 7, "dissent": ["lenet"]})

    label: str
    index: Annotated[int, Field(ge=0, le=9)]
    votes: Annotated[int, Field(description="How many networks say so, one at least; it need not be most of them.")]
    of: Annotated[int, Field(description="How many networks answered.")]
    dissent: Annotated[list[str], Field(description="The networks that say something else.")]


class ComparisonTail(BaseModel):
    """What can be said once every network has answered; the last line of the NDJSON form."""

    model_config = example(COMPARISON_TAIL)

    unavailable: Annotated[list[str], Field(description="The networks that gave no answer.")]
    errors: Annotated[dict[str, ErrorDetail], Field(description="Why each of them gave none.")]
    agreement: Agreement | None
    timing_ms: IntakeTiming


class Comparison(BaseModel):
    """The same picture through several networks."""

    model_config = example({**JUDGED, "results": [PREDICTION], **COMPARISON_TAIL})

    dataset: str
    dataset_confidence: Sureness
    in_distribution: InDistribution
    in_distribution_score: Score
    reason: Reason
    results: Annotated[list[Prediction], Field(description="In the order of the networks' years.")]
    unavailable: Annotated[list[str], Field(description="The networks that gave no answer.")]
    errors: Annotated[dict[str, ErrorDetail], Field(description="Why each of them gave none.")]
    agreement: Agreement | None
    timing_ms: IntakeTiming


class ComparisonHead(BaseModel):
    """The first line of the NDJSON form."""

    model_config = example(COMPARISON_HEAD)

    dataset: str
    dataset_confidence: Sureness
    in_distribution: InDistribution
    in_distribution_score: Score
    reason: Reason
    models: Annotated[list[str], Field(description="The networks that were asked.")]


class NetworkError(BaseModel):
    """The line of a network that gave no answer."""

    model_config = example({"model": "vgg11", **ERROR})

    model: str
    error: ErrorDetail


class BatchTotal(BaseModel):
    """Milliseconds from the upload's end to the answer."""

    model_config = example({"total": 12.5})

    total: float


class BatchAnswer(BaseModel):
    """One answer or one error for each picture, in the order sent."""

    model_config = example({"model": "resnet18", "results": [PREDICTION, ERROR], "timing_ms": {"total": 12.5}})

    model: str
    results: list[Prediction | ErrorBody]
    timing_ms: BatchTotal
