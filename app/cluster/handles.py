"""Ray's handles as ours: its errors by what they mean to who asks."""

from collections.abc import Generator
from contextlib import suppress
from typing import Any

from ray import exceptions
from ray.serve import exceptions as serve
from ray.serve.handle import DeploymentHandle, DeploymentResponse

from app.cluster.calls import Full, Lost, Unavailable


class RayHandle:
    """A deployment by its DeploymentHandle; see Handle."""

    def __init__(self, handle: DeploymentHandle[Any]) -> None:
        self._handle = handle

    def ask(self, method: str, *arguments: object) -> "RayResponse":
        """See Handle."""
        return RayResponse(getattr(self._handle, method).remote(*arguments))

    async def everywhere(self, method: str, seconds: float) -> list[Any]:
        """See Handle."""
        try:
            replies = self._handle.broadcast(method)
            told: list[Any] = await replies.results_async(timeout_s=seconds, return_exceptions=True)
            return told
        except Exception as error:  # a deployment that is gone has nothing to say
            return [error]


class RayResponse:
    """A reply of Ray; see Response."""

    def __init__(self, response: DeploymentResponse[Any]) -> None:
        self._response = response

    def __await__(self) -> Generator[Any, None, Any]:
        return self._reply().__await__()

    def cancel(self) -> None:
        """See Response. Ray raises what the call came to, where that was an error already; whoever waited knows it."""
        with suppress(Exception):
            self._response.cancel()

    async def _reply(self) -> Any:
        try:
            return await self._response
        except exceptions.ObjectStoreFullError:
            raise Full("all the memory for pictures on their way is taken") from None
        except serve.BackPressureError as error:
            raise Full(f"{error.args[0]} pictures are waiting already") from None
        except serve.DeploymentUnavailableError as error:
            raise Unavailable("it could not be started; Ray's log says more") from error
        except (serve.RequestCancelledError, exceptions.TaskCancelledError) as error:
            raise Lost("it was ended") from error  # not by us: then nobody would be waiting here
        except LOST as error:
            raise Lost(f"{type(error).__name__} of a replica") from error


LOST = (
    serve.ReplicaUnavailableError,
    exceptions.RayActorError,
    exceptions.WorkerCrashedError,
    exceptions.NodeDiedError,
    exceptions.ObjectLostError,
    exceptions.RpcError,
)
