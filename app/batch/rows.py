"""One row a picture: which columns there are, and what stands in them. The values are those of the service."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from app.batch.asked import TOGETHER, Asked
from app.errors import ApiError
from app.serving import assemble
from models.datasets import DATASETS
from models.intake.pipeline import Seen
from models.vote import pooled, vote

Kind = Literal["text", "whole", "number", "yes or no", "numbers"]
Row = dict[str, Any]
Chances = NDArray[np.float32]

CLASSES = 10
ABOUT: Mapping[str, Kind] = {
    "picture": "text",
    "dataset": "text",
    "dataset_confidence": "number",
    "in_distribution": "yes or no",
    "in_distribution_score": "number",
    "reason": "text",
}
ANSWER: Mapping[str, Kind] = {"label": "text", "index": "whole", "confidence": "number", "probabilities": "numbers"}
VOTES: Mapping[str, Kind] = {"votes": "whole", "of": "whole"}
NO_WEIGHTS: Mapping[str, float | None] = MappingProxyType({})
ERROR: Mapping[str, Kind] = {"error_code": "text", "error_message": "text"}


def columns(asked: Asked) -> dict[str, Kind]:
    """The columns of a run's rows, in order, with what they hold; all but `picture` may be null."""
    found: dict[str, Kind] = {**ABOUT, **ANSWER, **(VOTES if asked.model in TOGETHER else {})}
    if asked.model == "all":
        found |= {f"{name}_{column}": kind for name in asked.networks for column, kind in ANSWER.items()}
    return {**found, **ERROR}


def failed(name: str, error: ApiError) -> Row:
    """The row of a picture that has no answer."""
    return {"picture": name, "error_code": error.code, "error_message": error.message}


def answered(
    name: str, asked: Asked, seen: Seen, given: Mapping[str, Chances], weights: Mapping[str, float | None] = NO_WEIGHTS
) -> Row:
    """The row of a picture of which each network in `given` said probabilities float32 [10]; `weights`: how much each
    weighs in their vote, None or nothing where that is not known (`models.vote`).
    """
    row = {"picture": name, **assemble.judged(seen)}
    classes = DATASETS[seen.dataset].classes
    if asked.model not in TOGETHER:
        return row | dict(_answer(given[asked.model], classes))
    stacked = np.stack(list(given.values()))
    weighed = [weights.get(network) for network in given]
    index = int(vote(stacked[:, None], weighed)[0][0])
    row |= dict(_answer(pooled(stacked[:, None], weighed)[0], classes, index))
    row |= {"votes": int((stacked.argmax(1) == index).sum()), "of": len(given)}
    if asked.model == "all":
        for network, chances in given.items():
            row |= {f"{network}_{column}": value for column, value in _answer(chances, classes)}
    return row


def _answer(chances: Chances, classes: tuple[str, ...], index: int | None = None) -> Iterator[tuple[str, Any]]:
    """The columns of ANSWER: of the likeliest class, or of that with `index`."""
    index = int(chances.argmax()) if index is None else index
    told = [round(value, assemble.DIGITS) for value in chances.tolist()]
    yield from zip(ANSWER, (classes[index], index, told[index], told), strict=True)
