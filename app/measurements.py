"""What was measured of a checkpoint, and where it was wrong: the answers, each with an example."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.answers import example

DIGEST = "1f0c6d3e5a7b9c8d1f0c6d3e5a7b9c8d1f0c6d3e5a7b9c8d1f0c6d3e5a7b9c8d"
CONFUSION = [[979 if true == said else int(said == (true + 5) % 10) for said in range(10)] for true in range(10)]
PER_CLASS = {str(digit): 0.999 for digit in range(10)}
HISTORY = {
    "from_scratch": True,
    "run": [0, 0],
    "phase": [0, 0],
    "epoch": [1, 2],
    "pictures": [55000, 110000],
    "seconds": [61.2, 122.1],
    "learning_rate": [0.002, 0.0001],
    "loss": [0.7421, 0.5213],
    "held_out_accuracy": [0.981, 0.992],
    "held_out_n": [1000, 1000],
}
ACCURACIES = {
    "rotated": ("degrees", [10, 20, 30, 45, 60], [0.998, 0.99, 0.962, 0.8, 0.51]),
    "shifted": ("pixels", [1, 2, 3, 4, 6], [0.998, 0.995, 0.98, 0.93, 0.6]),
    "noised": ("sigma in parts of 255", [16, 32, 48, 64, 96], [0.999, 0.998, 0.997, 0.99, 0.94]),
    "blurred": ("sigma in pixels", [0.5, 1, 1.5, 2, 3], [0.999, 0.998, 0.99, 0.94, 0.7]),
    "inverted": ("share of the way to the negative", [0.1, 0.2, 0.4, 0.8, 1], [0.999, 0.998, 0.97, 0.3, 0.2]),
}
ROBUSTNESS = {
    "n": 2000,
    "form": "int8",
    "clean": 0.999,
    "corruptions": {
        name: {"unit": unit, "strengths": strengths, "accuracy": shares}
        for name, (unit, strengths, shares) in ACCURACIES.items()
    },
}
RELIABILITY = {
    "n": [0] * 12 + [31, 84, 9685],
    "confidence": [None] * 12 + [0.8312, 0.9011, 0.9996],
    "accuracy": [None] * 12 + [0.8387, 0.9167, 0.9998],
}
REPORT = {
    "model": "resnet18",
    "dataset": "mnist",
    "digest": DIGEST,
    "classes": ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
    "accuracy": 0.999,
    "n": 9800,
    "per_class": PER_CLASS,
    "confusion": CONFUSION,
    "temperature": 0.91,
    "ece": 0.0012,
    "ece_at_temperature_1": 0.0496,
    "nll": 0.0161,
    "reliability": RELIABILITY,
    "held_out": {"accuracy": 0.9932, "n": 5000},
    "sent": {"accuracy": 0.918, "n": 4000, "per_class": PER_CLASS, "temperature": 0.86, "ece": 0.0299, "nll": 0.294},
    "history": HISTORY,
    "robustness": ROBUSTNESS,
    "mistakes": None,
    "pictures": False,
    "missing": {
        "mistakes": "lineup evaluate --mistakes --model resnet18 --dataset mnist",
        "pictures": "lineup evaluate --mistakes --model resnet18 --dataset mnist",
    },
}
MISTAKES = {
    "model": "resnet18",
    "dataset": "mnist",
    "digest": DIGEST,
    "is": 5,
    "said": 3,
    "of": 8,
    "offset": 0,
    "pictures": [
        {
            "place": 340,
            "png": "iVBORw0KGgoAAAANSUhEUgAAABwAAAAcCAAAAABXZoBIAAAAQElEQVR42mNgGGSAEUr/xybKhE8nEzHGIoP/MGFSjf1ProMQGk"
            "n3ClQnI8R/aEFBglPQ5SjyJ+HwoMy1A2UsXQAAp2oJISv8DtoAAAAASUVORK5CYII=",
        }
    ],
}

Share = Annotated[float, Field(ge=0, le=1)]
PerClass = Annotated[
    dict[str, Share | None], Field(description="Accuracy of each class; null where none of the pictures is of it.")
]
Column = Annotated[list[float | None], Field(description="One value an epoch; null where it was not recorded.")]


class HeldOut(BaseModel):
    """On training pictures that were held out from learning."""

    model_config = example({"accuracy": 0.9932, "n": 5000})

    accuracy: Share
    n: int


class Sent(HeldOut):
    """On pictures as people send them, made for the purpose and held out from learning."""

    model_config = example(REPORT["sent"])  # type: ignore[arg-type]

    per_class: PerClass
    temperature: float
    ece: float
    nll: float


class Reliability(BaseModel):
    """What a reliability diagram shows: one entry for each of equally wide bins of confidence, from 0 on."""

    model_config = example(RELIABILITY)

    n: Annotated[list[int], Field(description="How many answers had such confidence.")]
    confidence: Annotated[list[Share | None], Field(description="Their mean confidence; null where there are none.")]
    accuracy: Annotated[list[Share | None], Field(description="The share of them that was right.")]


class Corrupted(BaseModel):
    """Accuracy on test pictures that were spoiled in one way."""

    model_config = example(ROBUSTNESS["corruptions"]["blurred"])  # type: ignore[index]

    unit: Annotated[str, Field(description="Of the strengths.")]
    strengths: Annotated[list[float], Field(description="From the weakest on.")]
    accuracy: Annotated[list[Share], Field(description="At each strength.")]


class Robustness(BaseModel):
    """Accuracy on spoiled test pictures, shown to the network as they are: no step of the intake comes before it."""

    model_config = example(ROBUSTNESS)

    n: Annotated[int, Field(description="How many test pictures were spoiled.")]
    form: Annotated[str, Field(description="In which the network ran: `float32`, or whole numbers.")]
    clean: Annotated[Share, Field(description="Accuracy on the same pictures as they were.")]
    corruptions: Annotated[dict[str, Corrupted], Field(description="By what was done to the pictures.")]


class History(BaseModel):
    """The learning curve: one entry an epoch in each list."""

    model_config = example(HISTORY)

    from_scratch: Annotated[
        bool, Field(description="Whether it begins with an untrained network: else with one that had learned already.")
    ]
    run: Annotated[list[int], Field(description="Later runs refined what an earlier one left.")]
    phase: Annotated[list[int], Field(description="Of the run's recipe.")]
    epoch: Annotated[list[int], Field(description="Of the phase.")]
    pictures: Annotated[list[int], Field(description="Seen since the beginning.")]
    seconds: Annotated[list[float], Field(description="At work since the beginning.")]
    learning_rate: Column
    loss: Annotated[Column, Field(description="Mean of the epoch's training pictures, label smoothing included.")]
    held_out_accuracy: Column
    held_out_n: Annotated[list[int], Field(description="Of how many pictures: fewer where a look is dear.")]


class Report(BaseModel):
    """What was measured of the checkpoint that is loaded; a part that was not is null, and stands in `missing`."""

    model_config = example(REPORT)

    model: str
    dataset: str
    digest: Annotated[str, Field(description="SHA-256 of the checkpoint.")]
    classes: Annotated[list[str], Field(description="What the ten classes are called, in order.")]
    accuracy: Annotated[Share | None, Field(description="On the dataset's test pictures.")]
    n: Annotated[int | None, Field(description="How many test pictures were looked at.")]
    per_class: PerClass | None
    confusion: Annotated[
        list[list[int]] | None, Field(description="Rows: what the picture is; columns: what the network said.")
    ]
    temperature: float | None
    ece: Annotated[float | None, Field(description="Expected calibration error in 15 bins, at the temperature.")]
    ece_at_temperature_1: float | None
    nll: Annotated[float | None, Field(description="Mean negative log-likelihood, in nats.")]
    reliability: Reliability | None
    held_out: HeldOut | None
    sent: Sent | None
    history: History | None
    robustness: Robustness | None
    mistakes: Annotated[int | None, Field(description="How many wrong answers are recorded with their pictures.")]
    pictures: Annotated[bool, Field(description="Whether the dataset's test pictures are at hand.")]
    missing: Annotated[dict[str, str], Field(description="For each part that is not there, the command that makes it.")]


class Mistake(BaseModel):
    """A test picture."""

    model_config = example(MISTAKES["pictures"][0])  # type: ignore[index]

    place: Annotated[int, Field(description="In the dataset's test set, from 0.")]
    png: Annotated[str, Field(description="28x28 grey pixels as PNG, in base64.")]


class Mistakes(BaseModel):
    """Test pictures of one class that were taken for another."""

    model_config = ConfigDict(**example(MISTAKES), populate_by_name=True)

    model: str
    dataset: str
    digest: Annotated[str, Field(description="SHA-256 of the checkpoint.")]
    true: Annotated[int, Field(alias="is", description="What the pictures are: a class by its place, 0 to 9.")]
    said: Annotated[int, Field(description="What the network said.")]
    of: Annotated[int, Field(description="How many such pictures there are.")]
    offset: Annotated[int, Field(description="How many of them come before those listed.")]
    pictures: list[Mistake]
