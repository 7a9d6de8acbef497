"""What a client may ask of the service, and how an answer is read: one description, whoever sends it."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Generic, TypeVar

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from app.answers import BatchAnswer, Comparison, ComparisonHead, ComparisonTail, NetworkError, Prediction
from app.cards import Models, Readiness
from app.client.attempts import Unreachable, refusal
from app.flips import Flip
from app.readings import PreparedPicture, Reading

T = TypeVar("T")
A = TypeVar("A", bound=BaseModel)
Picture = str | os.PathLike[str] | bytes | BinaryIO  # a path, the bytes of a file, or a file opened with "rb"
Line = ComparisonHead | Prediction | NetworkError | ComparisonTail

JSON, NDJSON, BYTES = "application/json", "application/x-ndjson", "application/octet-stream"
_LINE: TypeAdapter[Line] = TypeAdapter(Line)


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request that may be sent twice without harm, and how the body of its answer is read.

    `options` are those of httpx's `build_request`. Statuses of 2xx have that body, and those of `also`.
    """

    method: str
    path: str
    read: Callable[[bytes], T]
    options: Mapping[str, Any] = field(default_factory=dict)
    accept: str = JSON
    also: tuple[int, ...] = ()

    def answer(self, response: httpx.Response, content: bytes) -> T:
        """What the answer says. Raises ServiceError or DeadlineExceeded where that is a refusal."""
        if response.is_success or response.status_code in self.also:
            try:
                return self.read(content)
            except ValidationError:
                pass  # not of Lineup, or another 503 than one of `/readyz`
        raise refusal(response, content)


class Lines:
    """The lines of a comparison as they come; the last one says that it is whole."""

    def __init__(self) -> None:
        self._last: Line | None = None

    def take(self, text: str) -> Line:
        """The next line. Raises Unreachable where it is cut off or of something else."""
        try:
            self._last = _LINE.validate_json(text)
        except ValidationError as error:
            raise Unreachable(f"the answer has a line that is none of a comparison: {text[:64]!r}") from error
        return self._last

    def end(self) -> None:
        """There are no more. Raises Unreachable where the last is not the one that ends a comparison."""
        if not isinstance(self._last, ComparisonTail):
            raise Unreachable("the answer broke off before its last line")


def predict(
    picture: Picture,
    *,
    model: str | None = None,
    dataset: str | None = None,
    prepare: str | None = None,
    top_k: int | None = None,
) -> Call[Prediction]:
    """One network's answer for a picture."""
    return _about(picture, "/predict", Prediction, model=model, dataset=dataset, prepare=prepare, top_k=top_k)


def compare(
    picture: Picture, *, dataset: str | None = None, prepare: str | None = None, models: Iterable[str] | None = None
) -> Call[Comparison]:
    """The same picture through all networks, or through those named."""
    return _about(picture, "/compare", Comparison, dataset=dataset, prepare=prepare, models=_joined(models))


def compare_lines(
    picture: Picture, *, dataset: str | None = None, prepare: str | None = None, models: Iterable[str] | None = None
) -> Call[Line]:
    """The same line by line: a ComparisonHead, a Prediction or NetworkError for each network as soon as it is there,
    and a ComparisonTail.
    """
    options = _sent(picture, dataset=dataset, prepare=prepare, models=_joined(models))
    return Call("POST", "/compare", _LINE.validate_json, options, accept=NDJSON)


def prepare(picture: Picture, *, dataset: str | None = None, scale: int | None = None) -> Call[PreparedPicture]:
    """What the networks see of a picture, and the steps that made it."""
    return _about(picture, "/prepare", PreparedPicture, dataset=dataset, scale=scale)


def flip(
    picture: Picture, *, to: str | int, model: str | None = None, dataset: str | None = None, prepare: str | None = None
) -> Call[Flip]:
    """The fewest dabs of ink until a network says `to`, an index or label; or the best found within the time."""
    return _about(picture, "/flip", Flip, to=to, model=model, dataset=dataset, prepare=prepare)


def read(picture: Picture, *, model: str | None = None) -> Call[Reading]:
    """The number on a picture."""
    return _about(picture, "/read", Reading, model=model)


def batch(
    pictures: Sequence[Picture],
    *,
    model: str | None = None,
    dataset: str | None = None,
    prepare: str | None = None,
    top_k: int | None = None,
) -> Call[BatchAnswer]:
    """One network's answers for many pictures; a picture that cannot be answered has its error in its place."""
    if not len(pictures):  # sent, a form without a field would be taken for a picture of an unknown kind
        raise ValueError(f"pictures is {pictures!r}, in which there is no picture; wanted one at least")
    query = _given(model=model, dataset=dataset, prepare=prepare, top_k=top_k)
    files = [("files", (f"{place}", _bytes(picture), BYTES)) for place, picture in enumerate(pictures)]
    read = BatchAnswer.model_validate_json
    return Call("POST", "/predict/batch", read, {"params": query, "files": files})


def models() -> Call[Models]:
    """The networks, and which checkpoints are loaded."""
    return Call("GET", "/models", Models.model_validate_json)


def ready() -> Call[Readiness]:
    """Where each network stands, whether the service is ready or not."""
    return Call("GET", "/readyz", Readiness.model_validate_json, also=(503,))


def _about(picture: Picture, path: str, answer: type[A], **query: str | int | None) -> Call[A]:
    return Call("POST", path, answer.model_validate_json, _sent(picture, **query))


def _sent(picture: Picture, **query: str | int | None) -> dict[str, Any]:
    return {"params": _given(**query), "content": _bytes(picture), "headers": {"Content-Type": BYTES}}


def _given(**query: str | int | None) -> dict[str, str | int]:
    """Without what is left to the service."""
    return {name: value for name, value in query.items() if value is not None}


def _joined(models: Iterable[str] | None) -> str | None:
    if isinstance(models, str):
        raise TypeError(f"models is {models!r}; wanted a list, like ['lenet', 'vgg11']")
    return None if models is None else ",".join(models)


def _bytes(picture: Picture) -> bytes:
    """Read once, so that it can be sent again."""
    if isinstance(picture, bytes | bytearray | memoryview):
        return bytes(picture)
    if isinstance(picture, str | os.PathLike):
        return Path(picture).read_bytes()
    if not hasattr(picture, "read"):
        raise TypeError(f"a picture is given as path, bytes or open file, not as {type(picture).__name__}")
    content = picture.read()
    if not isinstance(content, bytes):
        raise TypeError('the file of a picture was opened as text; open it with "rb"')
    return content
