"""The server beside its connections: delays, proxies, reloads."""

import asyncio
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from app.errors import ApiError
from app.main import create_app
from app.web import server
from tests.fakes import FakeEngine, fake_service
from tests.serving import running, until


def test_answers_are_sent_without_delay() -> None:
    found: list[int] = []
    app = create_app(service=fake_service())
    protocol: Any = server.protocol()

    class Noted(protocol):  # type: ignore[misc]
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            found.append(transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    with running(app, http=Noted) as port:
        httpx.get(f"http://127.0.0.1:{port}/healthz")
    assert found
    assert all(found)


@pytest.mark.parametrize(
    ("trusted", "client"), [("", "127.0.0.1"), ("10.0.0.0/8", "127.0.0.1"), ("127.0.0.1", "5.6.7.8")]
)
def test_only_named_proxies_are_believed(trusted: str, client: str) -> None:
    app = create_app(service=fake_service(trusted_proxies=trusted))

    @app.get("/whoami")
    async def whoami(request: Request) -> str:
        assert request.client is not None
        return request.client.host

    with running(app) as port:
        told = httpx.get(f"http://127.0.0.1:{port}/whoami", headers={"X-Forwarded-For": "5.6.7.8"})
    assert told.json() == client


@pytest.mark.parametrize("works", [True, False])
def test_a_reload_is_asked_of_the_service_and_once_more_for_all_that_ask_meanwhile(
    works: bool, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "RELOAD_S", 0.01)
    service: Any = fake_service()
    asked: list[bool] = []

    async def reload() -> None:
        await asyncio.sleep(0)
        asked.append(works)
        if len(asked) == 1:
            raise ApiError("not_ready", "the first checkpoints are still loading")
        if not works:
            raise ApiError("model_unavailable", "there is no such folder")

    async def main() -> None:
        made = server.Server(create_app(service=service), service, [])
        service.reload = reload
        for _ in range(5):
            made.reload()
        while len(asked) < 3:
            await asyncio.sleep(0.01)
        made.reload()
        await asyncio.sleep(0.01)

    asyncio.run(main())
    assert asked == [works] * 4
    assert caplog.text.count("SIGHUP: there is no such folder") == (0 if works else 3)


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_even_a_containers_first_process(
    sig: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which its own signals do nothing to, once they are left to the system."""
    service = fake_service()
    made = server.Server(create_app(service=service), service, [])
    ended: list[int] = []
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(signal, "raise_signal", lambda _: None)
    monkeypatch.setattr("os._exit", ended.append)
    made.handle_exit(sig, None)
    assert ended == []
    made.handle_exit(sig, None)
    assert ended == [128 + sig]


def test_what_the_end_cuts_off_is_answered_in_the_one_shape_of_errors() -> None:
    engine = FakeEngine()
    with ThreadPoolExecutor(1) as pool:
        with running(create_app(service=fake_service(engine)), timeout_graceful_shutdown=0) as port:
            url = f"http://127.0.0.1:{port}"
            until(lambda: httpx.get(f"{url}/readyz").status_code == 200)
            engine.gate.clear()
            asked = pool.submit(
                httpx.post, f"{url}/predict?model=lenet", content=b"\x07", headers={"X-Request-Id": "a"}
            )
            asked.add_done_callback(lambda _: engine.gate.set())
            assert engine.busy.wait(30)
        answer = asked.result()
    assert (answer.status_code, answer.json()["error"]["code"], answer.headers["Retry-After"]) == (
        503,
        "not_ready",
        "5",
    )
    assert answer.headers["X-Request-Id"] == "a"
