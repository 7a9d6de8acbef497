"""What a request may ask for: its parameters, and the check that the names exist."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Depends, Path, Query, Request
from pydantic.json_schema import SkipJsonSchema

from app.errors import ApiError, one_of, show
from app.serving.intake import Preparation
from app.serving.mosaic import Normalise
from app.serving.service import Service

_PREFERRED = "resnet18"  # asked where a request names no network, if it is served


def service_of(request: Request) -> Service:
    """The service of the application that got this request."""
    service: Service = request.app.state.service
    return service


async def _depend(request: Request) -> Service:  # were it not async, FastAPI would ask on a thread: 75 us
    return service_of(request)


TheService = Annotated[Service, Depends(_depend)]
TopK = Annotated[int, Query(ge=1, le=10, description="How many of the ten classes to list.", examples=[3])]
# None where a request names none: `asked` decides. All applications share the routes, and each has networks of its own,
# so no signature can hold the default; the document of each application tells it, and a type without null.
ModelName = Annotated[str | SkipJsonSchema[None], Query(description="The network to ask.", examples=[_PREFERRED])]
ModelPath = Annotated[str, Path(description="The network.", examples=[_PREFERRED])]
DatasetName = Annotated[
    str,
    Query(
        description="What the picture shows: `mnist` a digit, `fashion-mnist` clothing; `auto`: the service decides.",
        examples=["auto"],
    ),
]
PreparationName = Annotated[
    Preparation,
    Query(
        description="`raw` skips the preparation, for pictures of 28x28 pixels that are bright on black already.",
        examples=["auto"],
    ),
]
Scale = Annotated[
    int, Query(ge=1, le=40, description="How many pixels of the PNG each of the 28x28 gets, a side.", examples=[10])
]
StageName = Annotated[
    str,
    Query(
        description="The stage or layer whose output to show, by its name in `/models/{name}/stages`.",
        examples=["conv3"],
    ),
]
MapScale = Annotated[
    int, Query(ge=1, le=40, description="How many pixels of the PNG each value gets, a side.", examples=[4])
]
RangeName = Annotated[
    Normalise,
    Query(
        description="What is black and white: the least and the largest value of `each` map, or of `all` of them. "
        "Single values, as of a fully connected layer, share one range.",
        examples=["all"],
    ),
]
Networks = Annotated[
    str | None,
    Query(description="The networks to ask, separated by commas; all if not given.", examples=["lenet,vgg11"]),
]


def default_model(names: Sequence[str]) -> str:
    """The network that answers where none is named, of those served: resnet18, or the first where it is not there."""
    return _PREFERRED if _PREFERRED in names else names[0]


def asked(service: Service, model: str | None) -> str:
    """The network named, or the default; an unknown name stays, to be refused."""
    return default_model(service.engine.names) if model is None else model


def check_names(service: Service, dataset: str, models: list[str]) -> None:
    """Refuse names that do not exist, before an upload is read. Raises ApiError."""
    known = ["auto", *service.engine.datasets]
    if dataset not in known:
        raise ApiError("unknown_dataset", one_of("dataset", dataset, known))
    for model in models:
        if model not in service.engine.names:
            raise ApiError("unknown_model", one_of("network", model, service.engine.names))


def chosen(service: Service, models: str | None) -> list[str]:
    """The networks named, once each, in the order of the catalog; unknown names stay, to be refused."""
    if models is None:
        return list(service.engine.names)
    named = list(dict.fromkeys(name.strip() for name in models.split(",") if name.strip()))
    if not named:
        raise ApiError("invalid_parameter", f"'models' is {show(models)}; it should name networks, like lenet,vgg11")
    order = {name: place for place, name in enumerate(service.engine.names)}
    return sorted(named, key=lambda name: order.get(name, len(order)))
