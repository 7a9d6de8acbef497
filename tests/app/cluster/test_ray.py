"""What Ray's own classes make of ours, without a cluster."""

import asyncio
import warnings
from concurrent.futures import Future
from typing import Any

import pytest

from app.cluster.calls import Full, Lost, Unavailable, within
from app.settings import Settings

pytest.importorskip("ray")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Ray's own
    from ray import exceptions
    from ray.serve import exceptions as serve
    from ray.serve._private.common import DeploymentID, RequestMetadata
    from ray.serve.handle import DeploymentResponse

    from app.cluster import application
    from app.cluster.handles import RayResponse

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def response(future: "Future[Any]") -> RayResponse:
    return RayResponse(DeploymentResponse(future, RequestMetadata(request_id="1", internal_request_id="1")))


@pytest.mark.parametrize(
    ("raised", "meant"),
    [
        (serve.BackPressureError(num_queued_requests=256, max_queued_requests=256), Full),
        (exceptions.ObjectStoreFullError("full"), Full),
        (serve.DeploymentUnavailableError(DeploymentID("lenet")), Unavailable),
        (exceptions.ActorDiedError(), Lost),
        (exceptions.ActorUnavailableError("away", b"0" * 16), Lost),
    ],
)
async def test_what_ray_raises_before_a_replica_is_chosen(raised: Exception, meant: type[Exception]) -> None:
    future: Future[Any] = Future()
    future.set_exception(raised)
    with pytest.raises(meant):
        await within(response(future), 10)


async def test_who_stops_waiting_takes_the_call_back() -> None:
    future: Future[Any] = Future()
    with pytest.raises(TimeoutError):
        await within(response(future), 0.01)
    await asyncio.sleep(0)
    assert future.cancelled()


def bound(name: str, monkeypatch: pytest.MonkeyPatch, **settings: str) -> Any:
    """A deployment of the application as it is built with these settings."""
    for setting in Settings.model_fields:
        monkeypatch.delenv(f"LINEUP_{setting.upper()}", raising=False)
    for setting, value in settings.items():
        monkeypatch.setenv(f"LINEUP_{setting.upper()}", value)
    ingress = application.build({})._bound_deployment
    intake, networks, _ = ingress.init_args
    named = {"ingress": ingress, "intake": intake._bound_deployment}
    return (named | {model: one._bound_deployment for model, one in networks.items()})[name]


@pytest.mark.parametrize("name", ["ingress", "intake", "lenet"])
def test_settings_go_with_every_replica_and_keys_do_not(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    deployment = bound(name, monkeypatch, networks="lenet", deadline_s="3", api_key="secret", port="9000")
    told = deployment.ray_actor_options["runtime_env"]["env_vars"]
    assert told == {"LINEUP_NETWORKS": "lenet", "LINEUP_DEADLINE_S": "3.0"}
    assert "secret" not in repr((deployment.ray_actor_options, deployment.init_args))


def test_a_node_without_the_keys_that_were_set_opens_no_routes(monkeypatch: pytest.MonkeyPatch) -> None:
    deployment = bound("ingress", monkeypatch, networks="lenet", api_key="secret")
    monkeypatch.delenv("LINEUP_API_KEY")
    with pytest.raises(ValueError, match="LINEUP_API_KEY is not set on this node; set it where `ray start` runs"):
        application.Ingress(*deployment.init_args)
