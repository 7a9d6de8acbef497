"""The answers about the service itself, each with an example: networks, datasets, limits, readiness."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from app.answers import ErrorBody, example

LIMITS = {
    "max_connections": 8192,
    "header_s": 10.0,
    "max_upload_bytes": 20971520,
    "max_pixels": 50000000,
    "max_batch_files": 64,
    "max_batch_bytes": 104857600,
    "max_held_bytes": 536870912,
    "max_decoding_bytes": 1073741824,
    "deadline_s": 10.0,
    "upload_s": 60.0,
    "queue_size": 256,
    "max_batch_size": 64,
    "max_batch_gmacs": 5.0,
    "rate_limit": 0.0,
    "rate_burst": 0,
}
CHECKPOINT = {
    "state": "ready",
    "reason": None,
    "accuracy": 0.9942,
    "n": 10000,
    "temperature": 0.91,
    "temperature_sent": 1.2,
    "digest": "1f0c6d3e5a7b9c8d1f0c6d3e5a7b9c8d1f0c6d3e5a7b9c8d1f0c6d3e5a7b9c8d",
    "form": "onnxruntime int8",
    "graph": "9c8d1f0c6d3e5a7b9c8d1f0c6d3e5a7b9c8d1f0c6d3e5a7b9c8d1f0c6d3e5a7b",
}
MODEL = {
    "name": "resnet18",
    "title": "ResNet-18",
    "year": 2015,
    "paper": "He, Zhang, Ren, Sun: Deep residual learning for image recognition, arXiv 1512.03385",
    "idea": "The shortcut: a block learns what to add to its input, so that depth can do no harm.",
    "input_size": 96,
    "parameters": 11178378,
    "macs": 318657536,
    "checkpoints": {"mnist": CHECKPOINT, "fashion-mnist": {**CHECKPOINT, "accuracy": 0.9231}},
}
DATASET = {
    "name": "mnist",
    "title": "MNIST handwritten digits",
    "classes": ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
    "source": "LeCun, Cortes, Burges: The MNIST database of handwritten digits, 1998 (CC BY-SA 3.0)",
}
READINESS = {
    "ready": True,
    "device": "cpu",
    "auto": {"state": "ready", "reason": None},
    "gate": {"state": "ready", "reason": None},
    "networks": [
        {"model": "lenet", "dataset": "mnist", "state": "ready", "reason": None},
        {"model": "vgg11", "dataset": "mnist", "state": "missing", "reason": "there is no mnist/vgg11.lineup"},
    ],
}

Stage = Literal["loading", "ready", "missing", "failed"]


class Checkpoint(BaseModel):
    """What is loaded for one network and dataset; null where it is not known."""

    model_config = example(CHECKPOINT)

    state: Stage
    reason: str | None
    accuracy: Annotated[float | None, Field(description="On the dataset's test pictures, 0 to 1.")]
    n: Annotated[int | None, Field(description="How many test pictures that was measured on.")]
    temperature: Annotated[float | None, Field(description="What the logits are divided by before softmax.")]
    temperature_sent: Annotated[
        float | None, Field(description="The same for pictures sent in another form than the dataset's.")
    ]
    digest: Annotated[str | None, Field(description="SHA-256 of the checkpoint.")]
    form: Annotated[str | None, Field(description="What runs it, and on which numbers.")]
    graph: Annotated[str | None, Field(description="SHA-256 of the graph compiled from it; null where torch runs it.")]


class Model(BaseModel):
    """One network."""

    model_config = example(MODEL)

    name: str
    title: str
    year: int
    paper: str
    idea: Annotated[str, Field(description="The one new idea of its paper.")]
    input_size: Annotated[int, Field(description="Side of the square that it sees, in pixels.")]
    parameters: int
    macs: Annotated[int, Field(description="Multiply-adds for one picture.")]
    checkpoints: Annotated[dict[str, Checkpoint], Field(description="By dataset.")]


class Models(BaseModel):
    """The networks, oldest first."""

    model_config = example({"default": "resnet18", "models": [MODEL]})

    default: str
    models: list[Model]


class DatasetInfo(BaseModel):
    """One dataset and what its ten classes are called."""

    model_config = example(DATASET)

    name: str
    title: str
    classes: list[str]
    source: str


class Datasets(BaseModel):
    """The datasets that the networks were trained on."""

    model_config = example({"datasets": [DATASET]})

    datasets: list[DatasetInfo]


class Limits(BaseModel):
    """The limits in force; `LINEUP_MAX_PIXELS` sets `max_pixels`, and so on."""

    model_config = example(LIMITS)

    max_connections: int
    header_s: float
    max_upload_bytes: int
    max_pixels: int
    max_batch_files: int
    max_batch_bytes: int
    max_held_bytes: int
    max_decoding_bytes: int
    deadline_s: float
    upload_s: float
    queue_size: int
    max_batch_size: int
    max_batch_gmacs: float
    rate_limit: float
    rate_burst: int


class Health(BaseModel):
    """The process is alive."""

    model_config = example({"status": "ok"})

    status: Literal["ok"]


class Small(BaseModel):
    """Where a small network of the intake stands."""

    model_config = example({"state": "ready", "reason": None})

    state: Stage
    reason: str | None


class Network(BaseModel):
    """Where one network stands for one dataset."""

    model_config = example({"model": "lenet", "dataset": "mnist", "state": "ready", "reason": None})

    model: str
    dataset: str
    state: Stage
    reason: str | None


class Readiness(BaseModel):
    """Whether every checkpoint that is there is warm, and where each stands."""

    model_config = example(READINESS)

    ready: bool
    device: str
    auto: Annotated[Small, Field(description="It tells digits from clothing.")]
    gate: Annotated[Small, Field(description="It tells what is neither.")]
    networks: list[Network]


class NotReady(ErrorBody, Readiness):
    """The same while the service is not ready, with the error that every 503 carries."""

    model_config = example(
        {**READINESS, "ready": False, "error": {"code": "not_ready", "message": "1 of 14 networks is still loading"}}
    )
