"""What a request may ask for: its parameters, and the check that the names exist."""

from typing import Annotated

from fastapi import Depends, Path, Query, Request

from app.errors import ApiError, one_of, show
from app.serving.intake import Preparation
from app.serving.mosaic import Normalise
from app.serving.service import Service

DEFAULT_MODEL = "resnet18"


def service_of(request: Request) -> Service:
    """The service of the application that got this request."""
    service: Service = request.app.state.service
    return service


async def _depend(request: Request) -> Service:  # were it not async, FastAPI would ask on a thread: 75 us
    return service_of(request)


TheService = Annotated[Service, Depends(_depend)]
TopK = Annotated[int, Query(ge=1, le=10, description="How many of the ten classes to list.", examples=[3])]
ModelName = Annotated[str, Query(description="The network to ask.", examples=["resnet18"])]
ModelPath = Annotated[str, Path(description="The network.", examples=["resnet18"])]
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
