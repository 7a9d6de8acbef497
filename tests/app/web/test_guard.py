"""Who may ask, and how often; and which pages of other origins."""

import asyncio
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import Depends, FastAPI
from pydantic import SecretStr

from app.main import create_app
from app.web.keys import Keys, admin
from app.web.rate import MOST_CLIENTS, RateLimit, network
from tests.app.conftest import serving
from tests.documented import operations
from tests.fakes import BOOM, FakeEngine, FakeIntake, fake_service

pytestmark = pytest.mark.anyio
KEYS = SecretStr("first-key, second-key")
OPEN = ["/healthz", "/readyz", "/metrics", "/docs", "/openapi.json", "/static/docs/docs.js"]
GUARDED = [(m, p.replace("{name}", "lenet")) for m, p in operations() if p not in OPEN]


@pytest.mark.parametrize(("method", "path"), [*GUARDED, ("GET", "/nope"), ("GET", "/staticky"), ("OPTIONS", "/models")])
async def test_without_a_key_nothing_is_answered_or_read(method: str, path: str) -> None:
    intake = FakeIntake()
    async with serving(fake_service(intake=intake, api_key=KEYS)) as client:
        for headers in (
            {},
            {"X-API-Key": "first-key,"},
            {"Authorization": "Bearer first"},
            {"Authorization": "Basic x"},
        ):
            refused = await client.request(method, path, headers=headers, content=b"\x07")
            assert (refused.status_code, refused.json()["error"]["code"]) == (401, "unauthorized")
            assert refused.headers["WWW-Authenticate"].startswith("Bearer")
            assert "first-key" not in refused.text
            assert refused.headers["X-Content-Type-Options"] == "nosniff"
    assert intake.seen == []


@pytest.mark.parametrize("path", OPEN)
async def test_health_metrics_and_documentation_need_no_key(path: str) -> None:
    async with serving(fake_service(api_key=KEYS)) as client:
        assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer first-key"},
        {"authorization": "bearer   second-key "},
        {"X-API-Key": "second-key"},
        {"Authorization": "Basic of-a-proxy", "X-API-Key": "first-key"},
        {"X-API-Key": "of-the-administrator"},
    ],
)
async def test_any_of_the_keys_opens_as_either_header(headers: dict[str, str]) -> None:
    admins = SecretStr("of-the-administrator")
    async with serving(fake_service(api_key=KEYS, admin_key=admins)) as client:
        assert (await client.post("/predict", content=b"\x07", headers=headers)).json()["label"] == "7"
        assert (await client.get("/limits", headers=headers)).status_code == 200


def test_every_key_is_compared_and_none_by_its_length(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths: list[int] = []
    compare = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: lengths.append(len(b)) or compare(a, b))
    keys = Keys(SecretStr("one,two,three"))
    assert [keys.find([(b"x-api-key", sent)]) for sent in (b"one", b"three", b"t", b"x" * 99)] == [0, 2, None, None]
    assert lengths == [32] * 12


async def test_keys_are_told_nowhere(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    caplog.set_level(0)
    service = fake_service(api_key=KEYS, admin_key=SecretStr("third-key"), log_requests=True)
    key = {"X-API-Key": "first-key"}
    async with serving(service) as client:
        told = [await client.post("/predict", content=BOOM, headers=key), await client.get("/limits", headers=key)]
        told += [await client.get("/metrics"), await client.get("/models", headers={"X-API-Key": "wrong-key"})]
    everything = caplog.text + "".join(capsys.readouterr()) + repr(service.settings) + str(service.settings)
    everything += "".join(answer.text + str(answer.headers) for answer in told)
    assert "failed: POST '/predict'" in everything
    assert "-key" not in everything.replace("x-api-key", "").replace("X-API-Key", "")


@asynccontextmanager
async def administered(**settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    app: FastAPI = create_app(service=fake_service(**settings))

    @app.post("/admin/test", dependencies=[Depends(admin)])
    async def administer() -> str:
        return "done"

    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        yield client


@pytest.mark.parametrize(
    ("settings", "sent", "status"),
    [
        ({}, "any", 404),
        ({"admin_key": SecretStr("right")}, "right", 200),
        ({"admin_key": SecretStr("right")}, "wrong", 401),
        ({"admin_key": SecretStr("right"), "api_key": KEYS}, "right", 200),
        ({"admin_key": SecretStr("right"), "api_key": KEYS}, "first-key", 401),
        ({"api_key": KEYS}, "first-key", 404),
    ],
)
async def test_routes_of_the_administrator(settings: dict[str, Any], sent: str, status: int) -> None:
    async with administered(**settings) as client:
        answer = await client.post("/admin/test", headers={"Authorization": f"Bearer {sent}"})
    assert answer.status_code == status
    if status == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_who_asks_too_often_is_told_when_to_ask_again_and_others_are_answered() -> None:
    service = fake_service(api_key=KEYS, rate_limit=0.5, rate_burst=3)
    async with serving(service) as client:

        async def ask(key: str) -> httpx.Response:
            return await client.get("/models", headers={"X-API-Key": key})

        assert [(await ask("first-key")).status_code for _ in range(3)] == [200] * 3
        refused = await ask("first-key")
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limited")
        assert refused.headers["Retry-After"] in ("1", "2")
        assert (await ask("second-key")).status_code == 200
        assert [(await ask("wrong")).status_code for _ in range(4)] == [401, 401, 401, 429], "keys cannot be tried on"
        assert [(await client.get("/healthz")).status_code for _ in range(5)] == [200] * 5
        told = (await client.get("/metrics")).text
    assert 'lineup_rejections_total{reason="rate_limited"} 2.0' in told
    assert 'lineup_rejections_total{reason="unauthorized"} 3.0' in told


async def test_by_default_nobody_asks_too_often(client: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(client.get("/models") for _ in range(200)))
    assert {answer.status_code for answer in answers} == {200}


def test_a_bucket_fills_again() -> None:
    limit = RateLimit(rate=10, burst=2)
    assert [limit.wait("a", now) for now in (0.0, 0.0)] == [0, 0]
    assert limit.wait("a", 0.05) == pytest.approx(0.05)
    assert [limit.wait("a", now) for now in (0.1, 100.0, 100.0)] == [0, 0, 0]
    assert limit.wait("a", 100.0) == pytest.approx(0.1), "it holds no more than a burst, however long it was left alone"
    assert RateLimit(rate=0.5).wait("a", 0.0) == 0


def test_a_rate_is_kept_over_a_long_time() -> None:
    limit = RateLimit(rate=7, burst=5)
    passed = sum(not limit.wait("a", step / 100) for step in range(100 * 60))
    assert passed == pytest.approx(5 + 7 * 60, abs=1)


def test_no_more_clients_are_remembered_than_there_is_room_for() -> None:
    limit = RateLimit(rate=1, burst=1)
    limit.wait("early", 0.0)
    for client in range(MOST_CLIENTS + 10):
        limit.wait(client, 0.0)
    assert len(limit) == MOST_CLIENTS
    assert limit.wait("early", 0.0) == 0, "forgotten"
    assert limit.wait(MOST_CLIENTS + 5, 0.0) > 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("not:an:address", "not:an:other", False),
    ],
)
def test_whom_an_address_stands_for(one: str, other: str, same: bool) -> None:
    assert (network(one) == network(other)) == same


ORIGIN = {"Origin": "https://example.org"}
PREFLIGHT = {**ORIGIN, "Access-Control-Request-Method": "POST"}


async def test_pages_of_other_origins_may_ask_nothing_by_default(client: httpx.AsyncClient) -> None:
    answer = await client.post("/predict", content=b"\x07", headers=ORIGIN)
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert (await client.options("/predict", headers=PREFLIGHT)).status_code == 405


@pytest.mark.parametrize("origins", ["https://example.org", "http://a.test:81 , https://example.org", "*"])
@pytest.mark.parametrize(("path", "content", "status"), [("", b"\x07", 200), ("?x=1", b"\x07", 422), ("", BOOM, 500)])
async def test_pages_of_named_origins_may_read_answers_and_errors(
    origins: str, path: str, content: bytes, status: int
) -> None:
    async with serving(fake_service(cors_origins=origins)) as client:
        answer = await client.post(f"/predict{path}", content=content, headers=ORIGIN)
    assert answer.status_code == status
    assert answer.headers["Access-Control-Allow-Origin"] == ("*" if origins == "*" else "https://example.org")
    shown = set(answer.headers["Access-Control-Expose-Headers"].split(", "))
    assert {"X-Request-Id", "Lineup-Checkpoint", "Lineup-Columns"} < shown
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


async def test_a_browser_may_ask_whether_it_may_ask_without_a_key_and_is_refused_in_the_one_shape() -> None:
    async with serving(fake_service(cors_origins="https://example.org", api_key=KEYS)) as client:
        asked = {**PREFLIGHT, "Access-Control-Request-Headers": "x-api-key, x-deadline-ms, content-type"}
        allowed = await client.options("/predict", headers=asked)
        assert (allowed.status_code, allowed.headers["Access-Control-Allow-Origin"]) == (200, "https://example.org")
        refused = await client.options("/predict", headers={**PREFLIGHT, "Origin": "https://evil.test"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "invalid_parameter")
        assert "'https://evil.test'" in refused.json()["error"]["message"]
        assert "Access-Control-Allow-Origin" not in refused.headers
        unkeyed = await client.get("/models", headers=ORIGIN)
        assert (unkeyed.status_code, unkeyed.headers["Access-Control-Allow-Origin"]) == (401, "https://example.org")


async def test_other_origins_are_answered_without_leave_to_read(engine: FakeEngine) -> None:
    async with serving(fake_service(engine, cors_origins="https://example.org")) as client:
        answer = await client.get("/models", headers={"Origin": "https://evil.test"})
    assert "Access-Control-Allow-Origin" not in answer.headers
