"""Lineup on Ray Serve: `serve run app.cluster.application:build`, or `serve deploy deploy/serve.yaml`.

Nine deployments: the ingress has the routes, the intake opens pictures, and each network is one, so that each has as
many replicas as its work needs. Settings come from the environment here and go with every replica, but for keys: those
come from the environment of its node.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from ray import serve
from ray.serve.handle import DeploymentHandle

from app.cluster import ray_version, sizes
from app.cluster.handles import RayHandle
from app.cluster.intake import IntakeReplica
from app.cluster.network import NetworkReplica
from app.cluster.parts import Remote
from app.cluster.serve_config import SECRETS, environment
from app.cluster.told import Told
from app.main import create_app
from app.serving.service import Service
from app.settings import PREFIX, Settings

NAME = "lineup"


class Network(NetworkReplica):
    """As Ray ends it."""

    async def __del__(self) -> None:
        """Ray calls and awaits this once the replica has drained."""
        await self.close()


class Intake(IntakeReplica):
    """As Ray ends it."""

    async def __del__(self) -> None:
        """See Network."""
        await self.close()


class Ingress:
    """A replica with all routes, which asks the other deployments. Ray asks it for the application once it is made."""

    def __init__(
        self, intake: DeploymentHandle[Any], networks: Mapping[str, DeploymentHandle[Any]], keys: Sequence[str]
    ) -> None:
        """`keys`: settings that hold keys where the application was built. ValueError where one is not set here, as
        the routes would be open that somebody wanted closed.
        """
        settings = _settings()
        if missing := [f"{PREFIX}{name.upper()}" for name in keys if getattr(settings, name) is None]:
            raise ValueError(f"{', '.join(missing)} is not set on this node; set it where `ray start` runs, on each")
        context = serve.get_replica_context()
        own = RayHandle(serve.get_deployment_handle(context.deployment, context.app_name))
        others = {name: RayHandle(handle) for name, handle in networks.items()}
        self._parts = Remote(settings, RayHandle(intake), others, own)
        self._service = Service(settings, self._parts)

    def __serve_build_asgi_app__(self) -> FastAPI:
        return create_app(service=self._service)

    async def metrics(self) -> Told:
        """What this replica counted."""
        return await self._parts.own()


def build(arguments: Mapping[str, str]) -> serve.Application:
    """The application. ValueError, in one line, for arguments, as it takes none, and for settings that cannot be;
    RuntimeError for another Ray than was tried.
    """
    ray_version.check()
    if arguments:
        told = ", ".join(f"{name}={value}" for name, value in arguments.items())
        raise ValueError(f"{told}: no arguments are taken; settings come from the environment, as LINEUP_NETWORKS")
    settings = Settings()
    intake = _deployment(sizes.INTAKE, Intake, settings).bind()
    networks = {}
    for name in sizes.deployments(settings)[2:]:
        networks[name] = _deployment(name, Network, settings).bind(name, sizes.size(name, settings).threads)
    keys = [name for name in SECRETS if getattr(settings, name) is not None]
    return _deployment(sizes.INGRESS, serve.ingress()(Ingress), settings).bind(intake, networks, keys)


def _deployment(name: str, kind: Callable[..., Any], settings: Settings) -> serve.Deployment:
    options = sizes.options(name, settings)
    if variables := environment(settings):  # as in the Serve configuration: nodes know them not
        options["ray_actor_options"]["runtime_env"] = {"env_vars": variables}
    return serve.deployment(**options)(kind)


def _settings() -> Settings:
    """Of the environment; connections are the proxies', and `/limits` tells how many requests an ingress takes."""
    settings = Settings()
    most = sizes.size(sizes.INGRESS, settings).max_ongoing_requests
    return settings.model_copy(update={"max_connections": most})
