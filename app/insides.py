"""The answers about what is inside a network: its stages, and what they make of a picture; each with an example."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from app.answers import INTAKE_MS, example

LAYERS = [
    {"name": "conv.0", "kind": "conv 5x5, 6 channels", "shape": [6, 24, 24], "parameters": 156, "macs": 86400},
    {"name": "conv.1", "kind": "sigmoid", "shape": [6, 24, 24], "parameters": 0, "macs": 0},
]
STAGE = {"name": "conv", "shape": [16, 4, 4], "parameters": 2572, "macs": 240000, "layers": LAYERS}
CHANNEL = {"index": 0, "minimum": -0.52, "maximum": 1.38, "mean": 0.07}
FEATURES_MS = {
    **{step: took for step, took in INTAKE_MS.items() if step != "total"},
    **{"queue": 0.1, "load": 0.0, "inference": 0.5, "draw": 0.4, "total": 3.1},
}
FEATURES = {
    "model": "lenet",
    "dataset": "mnist",
    "stage": "conv",
    "shape": [16, 4, 4],
    "columns": 4,
    "rows": 4,
    "normalise": "each",
    "minimum": -0.52,
    "maximum": 1.38,
    "channels": [CHANNEL],
    "png": "iVBORw0KGgoAAAANSUhEUgAAABwAAAAcCAAAAABXZoBIAAAAQElEQVR42mNgGGSAEUr/xybKhE8nEzHGIoP/MGFSjf1ProMQGk"
    "nUiaSRNJ3IGknSiaKRFJ2oGknQiaYRv86BAAASPQklpXIHdAAAAABJRU5ErkJggg==",
    "timing_ms": FEATURES_MS,
}

Shape = Annotated[
    list[int], Field(description="Of its output for one picture: channels, height, width; or how many values.")
]
Parameters = Annotated[int, Field(description="Learned numbers.")]
Macs = Annotated[int, Field(description="Multiply-adds for one picture.")]


class Layer(BaseModel):
    """A layer; of a block with several paths a path with all its layers, or what joins the paths."""

    model_config = example(LAYERS[0])

    name: Annotated[str, Field(description="In the network's code; `/features` knows it as `stage`.")]
    kind: Annotated[str, Field(description="`max pool 3x3/2` has a kernel of 3x3 and a stride of 2.")]
    shape: Shape
    parameters: Parameters
    macs: Macs


class Stage(BaseModel):
    """A part of a network, with its layers in the order in which they compute."""

    model_config = example(STAGE)

    name: str
    shape: Shape
    parameters: Parameters
    macs: Macs
    layers: list[Layer]


class Stages(BaseModel):
    """A network from its input to its answer, as its code builds it."""

    model_config = example({"model": "lenet", "input_size": 28, "stages": [STAGE], "parameters": 44426, "macs": 281640})

    model: str
    input_size: Annotated[int, Field(description="Side of the square that it sees, in pixels.")]
    stages: list[Stage]
    parameters: Parameters
    macs: Macs


class Channel(BaseModel):
    """One feature map, or one value of a fully connected layer."""

    model_config = example(CHANNEL)

    index: int
    minimum: float
    maximum: float
    mean: float


class FeatureTiming(BaseModel):
    """Milliseconds of every step, and from the upload's end to the answer."""

    model_config = example(FEATURES_MS)

    decode: float
    auto: Annotated[float, Field(description="Deciding the dataset; 0 where the request named it.")]
    prepare: float
    gate: Annotated[float, Field(description="Judging whether it is of that kind at all.")]
    queue: Annotated[float, Field(description="The wait for the thread that makes feature maps.")]
    load: Annotated[float, Field(description="Loading the network's second graph, or making it; 0 once it is there.")]
    inference: float
    draw: Annotated[float, Field(description="Making the PNG.")]
    total: float


class Features(BaseModel):
    """What a stage or a layer of a network makes of a picture."""

    model_config = example(FEATURES)

    model: str
    dataset: str
    stage: str
    shape: Shape
    columns: Annotated[int, Field(description="Maps beside each other in the PNG.")]
    rows: int
    normalise: Annotated[
        Literal["each", "all"],
        Field(description="By whose least and largest value the PNG is black and white; single values share one."),
    ]
    minimum: float
    maximum: float
    channels: list[Channel]
    png: Annotated[str, Field(description="All maps in order as grey PNG, a black pixel between two, in base64.")]
    timing_ms: FeatureTiming
